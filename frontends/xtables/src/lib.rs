//! iptables rulesets: readers of kernel blobs and iptables-save text, one model, one lowering.
//!
//! Both readers build the [`model`]; [`lower`] turns it into IR and [`reference`] evaluates it
//! directly. Each match and target extension is one module with one row in [`registry`].

pub mod blob;
mod extension;
mod frontend;
mod header;
pub mod lower;
pub mod matches;
mod memory;
pub mod model;
use bpfc_names as names;
mod nft;
mod options;
pub mod print;
pub mod reference;
pub mod registry;
mod sets;
mod size;
pub mod targets;
pub mod text;
mod unsupported;

pub use extension::{
    Action, ActionExtension, DecodeCx, Families, Fields, Match, MatchExtension, Revision,
    Unsupported,
};
pub use frontend::{XtablesFrontend, read_text, read_text_with};
pub use header::{AddressTest, FragmentTest, Header, InterfaceTest, ProtocolTest};
pub use memory::Memory;
pub use names::{protocol_name, protocol_number, service_port};
pub use options::{Given, OptionSpec, Options, Problem, show_address};
pub use sets::SetStates;
pub use text::Foreign;
pub use unsupported::Unsupportable;
