//! A ruleset as the kernel's nf_tables holds it: tables, chains, sets, objects, and rules as lists
//! of the kernel's own expressions.
//!
//! This is what the readers of the language have in common, and what is lowered: whatever the
//! language folds into a few words (implied protocols, byte orders, intervals) is spelled out here.

mod data;
mod dump;
mod expression;
mod print;
mod set;

pub use data::{Data, Endian, Part};
pub use expression::*;
pub use print::{elements_text, expression_text};
pub(crate) use set::padded_bits;
pub use set::{
    Element, ElementData, ElementMore, Object, ObjectKind, Set, SetFlags, SetName, TypedPart,
};

use bpfc_diag::Span;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The family of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// Both.
    Inet,
    /// ARP.
    Arp,
    /// Bridges.
    Bridge,
    /// Devices, before anything else sees a packet.
    Netdev,
}

impl Family {
    /// As the language names it.
    pub fn name(self) -> &'static str {
        match self {
            Family::Ip => "ip",
            Family::Ip6 => "ip6",
            Family::Inet => "inet",
            Family::Arp => "arp",
            Family::Bridge => "bridge",
            Family::Netdev => "netdev",
        }
    }

    /// The family of a name.
    pub fn by_name(name: &str) -> Option<Family> {
        use Family::*;
        [Ip, Ip6, Inet, Arp, Bridge, Netdev].into_iter().find(|family| family.name() == name)
    }
}

/// All tables, in the order in which they were made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ruleset {
    /// The tables.
    pub tables: Vec<Table>,
}

impl Ruleset {
    /// The table of a family and name.
    pub fn table(&self, family: Family, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.family == family && table.name == name)
    }

    pub(crate) fn table_mut(&mut self, family: Family, name: &str) -> Option<&mut Table> {
        self.tables.iter_mut().find(|table| table.family == family && table.name == name)
    }
}

/// A table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its family.
    pub family: Family,
    /// Its name.
    pub name: String,
    /// Its flags: `dormant`, `owner`, `persist`.
    pub flags: Vec<String>,
    /// What people say of it.
    pub comment: Option<String>,
    /// Its chains, in the order in which they were made.
    pub chains: Vec<Chain>,
    /// Where each of them is, by name.
    places: BTreeMap<String, usize>,
    /// Its named sets and maps.
    pub sets: Vec<Set>,
    /// The sets and maps that its rules hold, by [`SetName::Anonymous`].
    pub anonymous: Vec<Set>,
    /// Its objects.
    pub objects: Vec<Object>,
    /// What is known of it only while it is read.
    pub(crate) reading: Reading,
}

/// What is known of a table only while it is read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// The names of sets whose definitions are wrong.
    pub broken_sets: Vec<String>,
    /// How many chains without a name there are.
    held: usize,
}

impl Table {
    /// A table that holds nothing.
    pub fn new(family: Family, name: impl Into<String>) -> Self {
        Table {
            family,
            name: name.into(),
            flags: Vec::new(),
            comment: None,
            chains: Vec::new(),
            places: BTreeMap::new(),
            sets: Vec::new(),
            anonymous: Vec::new(),
            objects: Vec::new(),
            reading: Reading::default(),
        }
    }

    /// The chain of a name.
    pub fn chain(&self, name: &str) -> Option<&Chain> {
        self.chains.get(self.chain_at(name)?)
    }

    /// Where the chain of a name is.
    pub(crate) fn chain_at(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    pub(crate) fn push_chain(&mut self, chain: Chain) {
        self.places.insert(chain.name.clone(), self.chains.len());
        self.chains.push(chain);
    }

    /// The name for a chain that a rule holds.
    pub(crate) fn held_name(&mut self) -> String {
        self.reading.held += 1;
        format!("__chain{}", self.reading.held - 1)
    }

    pub(crate) fn rename_chain(&mut self, at: usize, name: String) {
        self.places.remove(&self.chains[at].name);
        self.places.insert(name.clone(), at);
        self.chains[at].name = name;
    }

    pub(crate) fn remove_chain(&mut self, at: usize) {
        self.chains.remove(at);
        let names = self.chains.iter().enumerate();
        self.places = names.map(|(at, chain)| (chain.name.clone(), at)).collect();
    }

    /// The named set or map of a name.
    pub fn set(&self, name: &str) -> Option<&Set> {
        self.sets.iter().find(|set| set.name == name)
    }

    /// The set that an expression means.
    pub fn set_of(&self, name: &SetName) -> Option<&Set> {
        match name {
            SetName::Named(name) => self.set(name),
            SetName::Anonymous(index) => self.anonymous.get(*index),
        }
    }

    /// The object of a kind and name.
    pub fn object(&self, kind: ObjectKind, name: &str) -> Option<&Object> {
        self.objects.iter().find(|object| object.kind == kind && object.name == name)
    }
}

/// A chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// Its name; that of a chain that a rule holds is `__chain%d`.
    pub name: String,
    /// Where it hangs; `None` for chains that are only jumped to.
    pub base: Option<BaseChain>,
    /// What people say of it.
    pub comment: Option<String>,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
}

/// What a base chain has beside its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseChain {
    /// `filter`, `route` or `nat`.
    pub kind: String,
    /// `input` and others.
    pub hook: String,
    /// Chains of smaller numbers run first.
    pub priority: i32,
    /// Whether packets that no rule decides are dropped.
    pub drops: bool,
    /// The devices of a chain of the hooks ingress and egress; `eth*` means all that begin so.
    pub devices: Vec<String>,
    /// Whether hardware is asked to run the chain.
    pub offload: bool,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The number by which commands name it, unique in its table.
    pub handle: u64,
    /// Its expressions, in order.
    pub expressions: Vec<Expression>,
    /// What people say of it.
    pub comment: Option<String>,
    /// Where it is written, if it is.
    pub span: Option<Span>,
    /// The rule in nft's language, where it is not what the span marks.
    pub text: Option<Arc<str>>,
}

impl PartialEq for Rule {
    /// Where rules are written does not matter.
    fn eq(&self, other: &Self) -> bool {
        self.handle == other.handle
            && self.expressions == other.expressions
            && self.comment == other.comment
    }
}
