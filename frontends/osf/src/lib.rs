//! Reads `pf.os`: the fingerprints of operating systems that `nfnl_osf -f` loads into the kernel.
//!
//! Fingerprints are not a ruleset: nothing is compiled of them alone. Rulesets whose rules compare
//! packets with them are lowered with what the inputs beside them hold.

mod line;
mod number;
mod read;

pub use read::{FORMAT, read, recognise};
