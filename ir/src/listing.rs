//! How people see rules: texts and columns, beside the program that needs none of them.

use crate::{Rule, TableFamily};
use cranelift_entity::PrimaryMap;
use std::sync::Arc;

/// What listings and annotations show of a rule or policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedRule {
    /// The rule's text without counters, in the front end's own print form.
    pub text: Arc<str>,
    /// Target word for listings: `ACCEPT`, a chain's name, or empty.
    pub verdict: String,
    /// Listing columns of the front end: for iptables prot, opt, in, out, source, destination
    /// and the rest of the rule.
    pub columns: Arc<[String]>,
    /// Its statements whose state people see, in their order in the text.
    pub statements: Vec<ListedStatement>,
}

/// A statement of a rule whose state people see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListedStatement {
    /// Where in the rule's text its state belongs, in bytes.
    pub at: u32,
    /// What it is.
    pub kind: ListedState,
}

/// What a statement's state is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListedState {
    /// A counter, the one of this number of its rule, and the packets and bytes that it begins
    /// with.
    Counter {
        /// [`crate::CounterDef::number`].
        number: u32,
        /// Packets.
        packets: u64,
        /// Bytes.
        bytes: u64,
    },
}

/// A named object of a table, which rules share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// The family of its table.
    pub family: TableFamily,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ListedObjectKind,
    /// What people say of it.
    pub comment: Option<String>,
}

/// What a named object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListedObjectKind {
    /// A counter, and what it begins with.
    Counter {
        /// Packets.
        packets: u64,
        /// Bytes.
        bytes: u64,
    },
}

/// The rules of a program as listings show them, by their numbers. Rules that a pass has added have
/// no text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    rules: PrimaryMap<Rule, ListedRule>,
    objects: Vec<ListedObject>,
}

impl Listing {
    /// Adds what is shown of a program's next rule.
    pub fn push(&mut self, rule: ListedRule) {
        self.rules.push(rule);
    }

    /// Adds the rules of another program that was appended to this listing's, which had `rules`
    /// rules before.
    pub fn append(&mut self, other: Listing, rules: usize) {
        while self.rules.len() < rules {
            self.rules.push(ListedRule::default());
        }
        self.rules.extend(other.rules.into_iter().map(|(_, rule)| rule));
        self.objects.extend(other.objects);
    }

    /// Adds a named object.
    pub fn push_object(&mut self, object: ListedObject) {
        self.objects.push(object);
    }

    /// The named objects of the tables, in ruleset order.
    pub fn objects(&self) -> &[ListedObject] {
        &self.objects
    }

    /// What is shown of a rule; `None` where it has no text.
    pub fn get(&self, rule: Rule) -> Option<&ListedRule> {
        self.rules.get(rule)
    }

    /// A rule's text; empty where it has none.
    pub fn text(&self, rule: Rule) -> &str {
        self.get(rule).map_or("", |listed| &listed.text)
    }
}
