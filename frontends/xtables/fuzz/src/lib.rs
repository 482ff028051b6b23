//! What must hold of any input to the readers of iptables rulesets and of sets.
//!
//! Panics, hangs and memory beyond libFuzzer's limits are findings.

pub mod rules;
pub mod sets;
