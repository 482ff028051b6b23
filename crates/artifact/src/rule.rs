//! The rules of an artifact and where their counters lie.

use crate::{Hook, NamedSet, TableEntry, TableFamily};
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
    /// The counter statements of nft's rules, by rule and number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counters: Vec<CounterEntry>,
    /// The named objects of nft's tables, in ruleset order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<ObjectEntry>,
    /// nft's tables, in ruleset order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<TableEntry>,
    /// The named sets of nft's tables that rules ask, in ruleset order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<NamedSet>,
}

/// A counter statement of a rule of nft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterEntry {
    /// The rule, by its place in [`RuleTable::entries`].
    pub rule: u32,
    /// Which of the rule's counter statements it is, from 1.
    pub number: u32,
    /// The named counter that it adds to; several rows of one number where packets decide to which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where in the rule's text what it counted belongs, in bytes; none for a named counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u32>,
    /// What this statement has counted; none where no packet reaches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<CounterSlot>,
    /// What it begins with.
    #[serde(default, skip_serializing_if = "Start::is_zero")]
    pub start: Start,
}

/// What a counter of nft begins with where its ruleset says that it has counted already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Start {
    fn is_zero(&self) -> bool {
        *self == Start::default()
    }
}

/// A named object of a table of nft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectEntry {
    /// The family of its table.
    pub family: TableFamily,
    /// Its table.
    pub table: String,
    /// Its name, unique among those of a kind in a table.
    pub name: String,
    /// What it is.
    pub kind: ObjectKind,
    /// What people say of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// What a named object of nft is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    /// A counter: what it has counted is what the statements of its name have, and its start.
    Counter(Start),
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
    /// How many rows of counts there are: one for each rule or policy, then one for each counter
    /// statement, then one for each object.
    pub fn rows(&self) -> usize {
        self.entries.len() + self.counters.len() + self.objects.len()
    }

    /// The row of a counter statement.
    pub fn row_of_counter(&self, counter: usize) -> usize {
        self.entries.len() + counter
    }

    /// The row of an object: what it has counted beside what the statements of its name have.
    pub fn row_of_object(&self, object: usize) -> usize {
        self.entries.len() + self.counters.len() + object
    }

    /// The counter statements that a named counter sums up, by their places.
    pub fn counters_of<'a>(&'a self, object: &'a ObjectEntry) -> impl Iterator<Item = usize> + 'a {
        let is_of = |counter: &CounterEntry| {
            counter.name.as_ref() == Some(&object.name)
                && self.entries.get(counter.rule as usize).is_some_and(|rule| {
                    (rule.family, &rule.table) == (object.family, &object.table)
                })
        };
        self.counters.iter().enumerate().filter(move |(_, c)| is_of(c)).map(|(at, _)| at)
    }

    /// The row of a label.
    pub fn find(&self, label: &str) -> Option<&RuleEntry> {
        self.entries.iter().find(|entry| entry.label == label)
    }
}
