//! The sets that rulesets may name.

use bpfc_diag::Span;
use bpfc_ipset::Set;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Sets by name, with where each is defined and the number that the kernel knows it by.
#[derive(Clone, Debug, Default)]
pub struct SetTable {
    sets: BTreeMap<String, (Arc<Set>, Option<Span>)>,
    /// By the kernel's number: only live sets have one.
    numbers: BTreeMap<u16, String>,
}

impl SetTable {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// The set of a name.
    pub fn get(&self, name: &str) -> Option<&Arc<Set>> {
        self.sets.get(name).map(|(set, _)| set)
    }

    /// Where the set of a name is defined.
    pub fn span(&self, name: &str) -> Option<Span> {
        self.sets.get(name).and_then(|(_, span)| *span)
    }

    /// Every set, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Set>> {
        self.sets.values().map(|(set, _)| set)
    }

    /// Adds a set; false where there is one of its name.
    pub fn insert(&mut self, set: Set, span: Option<Span>) -> bool {
        let name = set.def.name.clone();
        let free = !self.sets.contains_key(&name);
        if free {
            self.sets.insert(name, (Arc::new(set), span));
        }
        free
    }

    /// Says which number the kernel knows a set by.
    pub fn set_number(&mut self, number: u16, name: &str) {
        self.numbers.insert(number, name.to_owned());
    }

    /// The name of the set that the kernel knows by a number.
    pub fn name_of(&self, number: u16) -> Option<&str> {
        self.numbers.get(&number).map(String::as_str)
    }

    /// The number of a set, where the kernel gave it one.
    pub fn number_of(&self, name: &str) -> Option<u16> {
        self.numbers.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
    }
}
