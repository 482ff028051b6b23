//! Reads iptables-save and ip6tables-save text.

mod assemble;
mod command;
pub(crate) mod foreign;
mod getopt;
mod lines;
mod rule;
pub(crate) mod value;
mod words;

pub use foreign::Foreign;
pub use lines::{Text, read};
pub use value::{address, address_with_prefix, c_number, protocol};
pub use words::{Word, split};
