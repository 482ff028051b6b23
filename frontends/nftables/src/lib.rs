//! nftables: the language of `nft` and its JSON, read into the kernel's expressions.
//!
//! ```text
//! text --syntax--+
//!                +--> commands with places --evaluate--> model --lower--> IR
//! JSON --json----+
//! dump --netlink--------------------------------------> model
//! ```
//!
//! [`model`] is a ruleset as the kernel's nf_tables holds it.
//!
//! The crate does no I/O. Files that a ruleset includes are found by the caller ([`Includes`]), as
//! is what only a machine knows ([`Machine`]): indexes of interfaces, numbers of accounts.

mod datatype;
mod evaluate;
mod frontend;
mod interfaces;
mod json;
mod lower;
mod machine;
pub mod model;
mod nearest;
mod netlink;
mod outside;
mod protocol;
mod selector;
mod syntax;
mod values;

pub use datatype::{Base, Datatype, Order};
pub use evaluate::{read, read_json};
pub use frontend::NftablesFrontend;
pub use lower::{ReadElement, SetBlock, read_elements};
pub use machine::{Machine, Nothing};
pub use netlink::read_dump;
pub use protocol::{Checksum, Extension, ExtensionKind, Field, IcmpType, Layer, Protocol, Tunnel};
pub use selector::{Key, MetaKey};
pub use syntax::Includes;
pub use values::{Values, bytes, time};
