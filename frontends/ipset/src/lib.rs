//! Reads what `ipset save` prints and `ipset restore` takes: definitions of sets and their
//! elements.
//!
//! A set is not a ruleset: nothing is compiled of it alone. Rulesets that name sets are lowered
//! with the [`bpfc_ir::SetTable`] that the inputs beside them make.

mod draft;
mod read;
mod recognise;

pub use read::{FORMAT, read};
pub use recognise::recognise;
