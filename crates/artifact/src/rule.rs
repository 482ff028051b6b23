//! The rules of an artifact and where their counters lie.

use crate::{Hook, TableFamily};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Whether a table row is a rule or a base chain's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleKind {
    /// A rule, numbered from 1 in its chain.
    Rule(u32),
    /// The policy of a base chain.
    Policy,
}

/// Where a counter lies in the counters map: packets are the native u64 at `offset` of the value
/// of key `chunk`, bytes the one behind it; a per-CPU map holds one such pair for each processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CounterSlot {
    /// Key in the counters map.
    pub chunk: u32,
    /// Byte offset in its value, a multiple of 16.
    pub offset: u32,
}

/// One rule or policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleEntry {
    /// The label that every command prints: `filter/INPUT:3`, `ip6/filter/INPUT:policy`,
    /// `inet/filter/input:1`.
    pub label: String,
    /// The family of its table.
    pub family: TableFamily,
    /// Its table.
    pub table: String,
    /// Its chain.
    pub chain: String,
    /// The hook of a base chain, none in a user chain.
    pub hook: Option<Hook>,
    /// Rule or policy.
    pub kind: RuleKind,
    /// The rule as `iptables -S` would print it, or as the user wrote it, counters left out; for
    /// a policy its verdict (`ACCEPT`, `DROP`).
    pub text: Arc<str>,
    /// Target word for counter listings: `ACCEPT`, `DROP`, `RETURN`, a chain's name or empty.
    pub verdict: String,
    /// Columns for counter listings as `iptables -nvL` prints them: `prot`, `opt`, `in`, `out`,
    /// `source`, `destination` and the rest; empty where the front end has none.
    pub columns: Arc<[String]>,
    /// File name and line (from 1) where it stands, for messages; line 0 where there is none.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Its counter; none where optimisation proved that no packet reaches it, and the counter
    /// stays zero.
    pub counter: Option<CounterSlot>,
}

/// A user chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UserChain {
    /// The family of its table.
    pub family: TableFamily,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
}

/// All rules and policies, in ruleset order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleTable {
    /// The rows.
    pub entries: Vec<RuleEntry>,
    /// The user chains, also those that have no rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chains: Vec<UserChain>,
    /// Rules whose rates not every kernel takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<RefusedRate>,
}

/// A rule that kernels with some clocks refuse, as its rate and burst do not fit the units that
/// they count in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRate {
    /// The rule, by its place in [`RuleTable::entries`].
    pub rule: u32,
    /// How many ticks a second those clocks have (`CONFIG_HZ`).
    pub ticks: Vec<u32>,
}

impl RuleTable {
    /// The row of a label.
    pub fn find(&self, label: &str) -> Option<&RuleEntry> {
        self.entries.iter().find(|entry| entry.label == label)
    }
}
