//! Address sets as ipset knows them: types, definitions, elements, and the bytes that programs
//! and maps hold for them.
//!
//! A set is a [`SetDef`] (its type, family and options) with [`Elements`]. An element is a key and
//! a value of fixed sizes, laid out by [`Layout`]: the key is what a lookup compares, the value
//! holds what the set keeps beside it (nomatch, timeout, counters, comment). A set in a file, in
//! memory and in a BPF map is the same bytes, so that a million elements are loaded without a
//! conversion.
//!
//! Elements are read and printed as ipset 7.17 does. [`State`] is a set at run time without a
//! kernel: what the reference evaluator and the interpreter of the IR use.

mod definition;
mod element;
mod elements;
mod extensions;
mod icmp;
mod inet;
mod kind;
mod layout;
mod lines;
mod numbers;
mod parts;
mod print;
mod state;
mod words;

pub use bpfc_abi::Family;
pub use definition::{Options, SetDef, check_name};
pub use element::{Command, ElementError, Extensions};
pub use elements::{Elements, Set, Wanted};
pub use kind::{Part, SetKind};
pub use layout::Layout;
pub use lines::{LineCommand, MOST_BYTES, MOST_WORDS, Together, take_options};
pub use print::Shown;
pub use state::{Comparison, Counts, PacketInfo, Probe, State, Test};
pub use words::{expand_member, plain_quotes, split_words};
