//! How people see rules: texts and columns, beside the program that needs none of them.

use crate::{Rule, Table, TableFamily};
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

/// A table of a ruleset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedTable {
    /// Its family.
    pub family: TableFamily,
    /// Its name.
    pub name: String,
    /// What its block says of itself, a line each.
    pub lines: Vec<String>,
    /// Its objects but for counters: what the block of each begins with, and a line for each that
    /// stands in it.
    pub objects: Vec<(String, Vec<String>)>,
    /// What its base chains' blocks begin with, and what people say of chains, by their names.
    pub chains: Vec<ListedChain>,
}

/// A chain of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedChain {
    /// Its name.
    pub name: String,
    /// What its block says but for its rules, a line each.
    pub lines: Vec<String>,
}

/// A named set or map of a table, which rules ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSet {
    /// The family of its table.
    pub family: TableFamily,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Whether its elements yield something.
    pub is_map: bool,
    /// What its block says but for its elements, a line each.
    pub lines: Vec<String>,
    /// How many elements it may have.
    pub size: Option<u32>,
    /// How long elements live where nothing is said of them, in milliseconds.
    pub timeout: Option<u64>,
    /// Whether ranges that meet become one.
    pub merges: bool,
    /// Elements that no table has, as texts.
    pub fixed: Vec<String>,
    /// What people say of elements, by the texts of their keys in ascending order.
    pub comments: Vec<(String, String)>,
    /// Where its elements lie; or why they lie where they cannot be changed.
    pub place: Result<ListedPlace, String>,
}

/// Where the elements of a named set lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPlace {
    /// The table that has them.
    pub table: Table,
    /// The parts of the set's key, each with its place in the table's.
    pub key: Vec<(ListedPart, u16)>,
    /// What the numbers are that elements yield: the table's fields from the first one on.
    pub data: Vec<ListedPart>,
    /// The statements whose states lie in elements, behind what they yield.
    pub states: Vec<String>,
    /// The field that numbers elements, where their states lie in other tables.
    pub number: Option<u16>,
    /// Those tables.
    pub groups: Vec<ListedGroup>,
}

/// Elements with the same statements, whose states lie in a table by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedGroup {
    /// The table.
    pub table: Table,
    /// The least and the greatest number.
    pub numbers: (u32, u32),
    /// The statements.
    pub states: Vec<String>,
}

/// A part of a key or of what an element yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPart {
    /// The front end's word for what it is.
    pub datatype: String,
    /// Width in bits.
    pub bits: u32,
}

/// The rules of a program as listings show them, by their numbers. Rules that a pass has added have
/// no text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    rules: PrimaryMap<Rule, ListedRule>,
    objects: Vec<ListedObject>,
    tables: Vec<ListedTable>,
    sets: Vec<ListedSet>,
}

impl Listing {
    /// Adds what is shown of a program's next rule.
    pub fn push(&mut self, rule: ListedRule) {
        self.rules.push(rule);
    }

    /// Adds the rules of another program that was appended to this listing's, which had `rules`
    /// rules and `tables` tables of elements before.
    pub fn append(&mut self, other: Listing, rules: usize, tables: usize) {
        while self.rules.len() < rules {
            self.rules.push(ListedRule::default());
        }
        self.rules.extend(other.rules.into_iter().map(|(_, rule)| rule));
        self.objects.extend(other.objects);
        self.tables.extend(other.tables);
        let moved = |table: Table| Table::from_u32(tables as u32 + table.as_u32());
        self.sets.extend(other.sets.into_iter().map(|mut set| {
            if let Ok(place) = &mut set.place {
                place.table = moved(place.table);
                place.groups.iter_mut().for_each(|group| group.table = moved(group.table));
            }
            set
        }));
    }

    /// Adds a named object.
    pub fn push_object(&mut self, object: ListedObject) {
        self.objects.push(object);
    }

    /// The named objects of the tables, in ruleset order.
    pub fn objects(&self) -> &[ListedObject] {
        &self.objects
    }

    /// Adds a table of the ruleset.
    pub fn push_table(&mut self, table: ListedTable) {
        self.tables.push(table);
    }

    /// The tables of the rulesets, in their order.
    pub fn tables(&self) -> &[ListedTable] {
        &self.tables
    }

    /// Gives the named sets, in ruleset order.
    pub fn set_sets(&mut self, sets: Vec<ListedSet>) {
        self.sets = sets;
    }

    /// The named sets that rules ask, in ruleset order.
    pub fn sets(&self) -> &[ListedSet] {
        &self.sets
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
