//! What must hold of any input to the readers of iptables rulesets, of sets and of
//! fingerprints.
//!
//! Panics, hangs and memory beyond libFuzzer's limits are findings.

pub mod fingerprints;
pub mod rules;
pub mod sets;
