//! Tests of the compiler against the kernel: the same ruleset and the same packets go through
//! `iptables-legacy` in a network namespace and through every engine of this project, and each
//! verdict and counter must agree.
//!
//! - [`lab`]: namespaces, veth pairs, frames in, counters out: the kernel as an oracle.
//! - [`generate`]: rulesets and packets that belong together, from a seed.
//! - [`differential`]: two engines, one ruleset, and the smallest input on which they differ.
//! - [`annotated`]: rulesets of nft that say what each rule counts.
//! - [`twin`]: a host behind a firewall, built twice; [`traffic`]: what goes over its links.
//! - [`ir_program`]: programs of the IR in the interpreter and in the kernel's test runs.
//! - [`nft_dumps`]: a ruleset of nft as text and as the kernel tells of it.
//! - [`nft_text`]: rulesets of nft as text; [`nft_listed`]: what nft lists of them.
//! - [`require`]: what a test needs of the machine, and what happens without it.
//!
//! Nothing here reads a clock to decide anything: the same seed gives the same run.

pub mod annotated;
pub mod differential;
pub mod fingerprints;
pub mod generate;
pub mod ir_program;
pub mod lab;
pub mod nft_dumps;
pub mod nft_listed;
pub mod nft_text;
pub mod older;
pub mod rejected;
pub mod require;
pub mod sets;
pub mod traffic;
pub mod twin;
