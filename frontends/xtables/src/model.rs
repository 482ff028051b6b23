//! The ruleset model: what an iptables dump or a kernel blob says, whoever read it.
//!
//! Both readers build it, and printing, listing, lowering and the reference evaluator work on it
//! alone. Jumps are indices into their table's chains, so that a renamed chain keeps its callers.

use crate::{Action, Header, Match};
use bpfc_diag::{Diagnostic, Span};
use bpfc_ir::{Family, Hook, Verdict};
use std::sync::Arc;

/// One input: the tables of one family, in input order.
#[derive(Clone, Debug)]
pub struct Ruleset {
    /// The family of all its rules.
    pub family: Family,
    /// Tables with unique names.
    pub tables: Vec<Table>,
}

impl Ruleset {
    /// The table of a name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }
}

/// One table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Such as `filter`.
    pub name: String,
    /// Chains with unique names, in input order.
    pub chains: Vec<Chain>,
    /// Where it begins.
    pub span: Option<Span>,
    /// How many more rules it has, which were not read because the table is not compiled.
    pub unread: usize,
}

impl Table {
    /// The index of the chain of a name.
    pub fn chain(&self, name: &str) -> Option<usize> {
        self.chains.iter().position(|chain| chain.name == name)
    }

    /// The chain's label prefix: `filter/INPUT`, for IPv6 `ip6/filter/INPUT`.
    pub fn chain_label(&self, family: Family, chain: usize) -> String {
        let prefix = family.label_prefix();
        format!("{prefix}{}/{}", self.name, self.chains[chain].name)
    }
}

/// One chain.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Its name: at most 28 bytes.
    pub name: String,
    /// The hook and policy of a base chain, `None` in a user chain.
    pub base: Option<Base>,
    /// Rules; the first has number 1.
    pub rules: Vec<Rule>,
    /// Where it is declared.
    pub span: Option<Span>,
}

/// What makes a chain a base chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base {
    /// Where packets enter.
    pub hook: Hook,
    /// What happens at its end.
    pub policy: Verdict,
    /// The policy's counters.
    pub counters: Counters,
}

/// Packets and bytes that a rule or policy has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets.
    pub packets: u64,
    /// Bytes by IP total length.
    pub bytes: u64,
}

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The tests of the IP header and interfaces.
    pub header: Header,
    /// Matches in the order the kernel runs them.
    pub matches: Vec<Arc<dyn Match>>,
    /// What happens to a packet that passes.
    pub target: Target,
    /// What it has counted.
    pub counters: Counters,
    /// Where it stands.
    pub span: Option<Span>,
    /// Errors for extensions that iptables knows and bpfc cannot compile: they are reported where
    /// the rule's chain is compiled. Such a rule is not whole and must not be lowered.
    pub refused: Vec<Diagnostic>,
}

impl Rule {
    /// Whether every packet passes it.
    pub fn is_unconditional(&self) -> bool {
        self.matches.is_empty() && self.header == Header::default() && self.refused.is_empty()
    }
}

/// What happens to a packet that passes a rule.
#[derive(Clone, Debug)]
pub enum Target {
    /// It is counted and goes on with the next rule.
    None,
    /// It is accepted.
    Accept,
    /// It is dropped.
    Drop,
    /// It goes back to the calling chain; in a base chain, to the policy.
    Return,
    /// It goes through a chain of the table (its index) and comes back.
    Jump(usize),
    /// It goes on in a chain of the table and does not come back here.
    Goto(usize),
    /// An extension acts on it.
    Action(Arc<dyn Action>),
}

/// Every table.
pub const TABLES: &[&str] = &["filter", "mangle", "nat", "raw", "security"];

/// The base chains that the kernel's table of this name has, with their hooks, in the order that
/// iptables lists them (net/ipv4/netfilter/iptable_*.c).
pub fn base_chains(table: &str) -> &'static [(&'static str, Hook)] {
    use Hook::{Forward, Input, Output, Postrouting, Prerouting};
    match table {
        "filter" | "security" => &[("INPUT", Input), ("FORWARD", Forward), ("OUTPUT", Output)],
        "raw" => &[("PREROUTING", Prerouting), ("OUTPUT", Output)],
        "mangle" => &[
            ("PREROUTING", Prerouting),
            ("INPUT", Input),
            ("FORWARD", Forward),
            ("OUTPUT", Output),
            ("POSTROUTING", Postrouting),
        ],
        "nat" => &[
            ("PREROUTING", Prerouting),
            ("INPUT", Input),
            ("OUTPUT", Output),
            ("POSTROUTING", Postrouting),
        ],
        _ => &[],
    }
}

/// The hook of a table's base chain, `None` where the name is a user chain's there.
pub fn base_hook(table: &str, chain: &str) -> Option<Hook> {
    base_chains(table).iter().find(|(name, _)| *name == chain).map(|&(_, hook)| hook)
}
