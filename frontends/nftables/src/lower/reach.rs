//! Which chains packets reach, of which families.

use super::{Chosen, table_family};
use crate::model::{ElementData, Operation, Ruleset, Verdict};
use bpfc_diag::{Code, Diagnostic, Diagnostics};
use bpfc_ir::PacketFamily;
use std::collections::{BTreeMap, BTreeSet};

/// A chain, by the places of its table and of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub table: usize,
    pub chain: usize,
}

/// The chains that packets reach, with the families of those packets.
#[derive(Debug, Default)]
pub(super) struct Reached {
    pub chains: BTreeMap<Place, BTreeSet<PacketFamily>>,
}

impl Reached {
    /// Follows jumps from the base chains on. `None` where they lead round, which was reported.
    pub fn of(
        ruleset: &Ruleset,
        base: &[Chosen],
        diagnostics: &mut Diagnostics,
    ) -> Option<Reached> {
        let mut reached = Reached::default();
        for chosen in base {
            let table = &ruleset.tables[chosen.place.table];
            let Some(of) = table_family(table) else { continue };
            for family in PacketFamily::ALL.into_iter().filter(|&family| of.sees(family)) {
                reached.follow(ruleset, chosen.place, family, diagnostics)?;
            }
        }
        Some(reached)
    }

    fn follow(
        &mut self,
        ruleset: &Ruleset,
        root: Place,
        family: PacketFamily,
        diagnostics: &mut Diagnostics,
    ) -> Option<()> {
        // An explicit stack: chains may be nested as deep as a hostile ruleset likes.
        let mut open: BTreeSet<Place> = BTreeSet::from([root]);
        if !self.chains.entry(root).or_default().insert(family) {
            return Some(());
        }
        let mut stack = vec![(root, callees(ruleset, root))];
        while let Some((place, left)) = stack.last_mut() {
            let Some(next) = left.pop() else {
                open.remove(place);
                stack.pop();
                continue;
            };
            if open.contains(&next) {
                let table = &ruleset.tables[next.table];
                let name = &table.chains[next.chain].name;
                let message = format!("the jumps of chain '{name}' lead back to it");
                diagnostics.push(Diagnostic::error(Code::CHAIN_LOOP, None, message));
                return None;
            }
            if self.chains.entry(next).or_default().insert(family) {
                open.insert(next);
                stack.push((next, callees(ruleset, next)));
            }
        }
        Some(())
    }
}

/// The chains that a chain's rules lead to, by verdicts and by maps of verdicts.
fn callees(ruleset: &Ruleset, place: Place) -> Vec<Place> {
    let table = &ruleset.tables[place.table];
    let mut names: BTreeSet<&str> = BTreeSet::new();
    let rules = &table.chains[place.chain].rules;
    for expression in rules.iter().flat_map(|rule| &rule.expressions) {
        match &expression.operation {
            Operation::Verdict(Verdict::Jump(name) | Verdict::Goto(name)) => {
                names.insert(name);
            }
            Operation::Lookup { set, .. } => {
                let elements = table.set_of(set).map_or(&[][..], |set| &set.elements);
                names.extend(elements.iter().filter_map(|element| match &element.data {
                    ElementData::Verdict(Verdict::Jump(name) | Verdict::Goto(name)) => {
                        Some(name.as_str())
                    }
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    let found = names.into_iter().filter_map(|name| find(ruleset, place.table, name));
    found.collect()
}

/// The chain of a name in a table.
pub(super) fn find(ruleset: &Ruleset, table: usize, name: &str) -> Option<Place> {
    let chain = ruleset.tables[table].chain_at(name)?;
    Some(Place { table, chain })
}
