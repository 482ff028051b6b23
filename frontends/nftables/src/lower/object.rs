//! Named counters, limits and quotas: statements that rules share, named outright or by a map.

use super::chain::Cx;
use super::reach::Reached;
use super::statement::state_of;
use super::{Lowered, table_family, unsupported};
use crate::model::{ElementData, Expression, ObjectKind, Operation, Ruleset, Set, Table};
use bpfc_ir::{ListedObject, ListedObjectKind, Listing, Onward, State, StateDef};
use std::collections::BTreeSet;

/// Lists the objects of the tables with chains that are compiled.
pub(super) fn list(ruleset: &Ruleset, reached: &Reached, listing: &mut Listing) {
    let tables: BTreeSet<usize> = reached.chains.keys().map(|place| place.table).collect();
    for table in tables.into_iter().map(|table| &ruleset.tables[table]) {
        let Some(family) = table_family(table) else { continue };
        for object in &table.objects {
            let Operation::Counter { packets, bytes } = object.expression.operation else {
                continue;
            };
            listing.push_object(ListedObject {
                family,
                table: table.name.clone(),
                name: object.name.clone(),
                kind: ListedObjectKind::Counter { packets, bytes },
                comment: object.comment.clone(),
            });
        }
    }
}

/// The objects that a map may yield: people may change the elements of one that has a name.
pub(super) fn names(table: &Table, set: &Set, kind: ObjectKind) -> Vec<String> {
    let mut names = Vec::new();
    let mut add = |name: &String| {
        if !names.contains(name) {
            names.push(name.clone());
        }
    };
    match set.name.as_str() {
        "" => set.elements.iter().for_each(|element| {
            if let ElementData::Object(name) = &element.data {
                add(name);
            }
        }),
        _ => table.objects.iter().filter(|of| of.kind == kind).for_each(|of| add(&of.name)),
    }
    names
}

impl Cx<'_, '_> {
    /// Evaluates an object; the rule ends where it does not go on.
    pub fn object(&mut self, kind: ObjectKind, name: &str, expression: &Expression) -> Lowered<()> {
        if kind == ObjectKind::Counter {
            self.count(Some(name.to_owned()));
            return Ok(());
        }
        let (state, onward) = self.shared_state(kind, name, expression)?;
        self.take(state, onward);
        Ok(())
    }

    /// Counts by the counter of the expression that is lowered.
    pub fn count(&mut self, name: Option<String>) {
        if let Some(&counter) = self.parts.counters.get(&(self.at, name)) {
            self.builder.count(counter);
        }
    }

    /// The state of a named limit or quota, and which packets go on behind it.
    fn shared_state(
        &mut self,
        kind: ObjectKind,
        name: &str,
        expression: &Expression,
    ) -> Lowered<(State, Onward)> {
        let table = &self.shared.ruleset.tables[self.place.table];
        let found = table.object(kind, name);
        let missing = || unsupported(expression, &format!("{} {name}", kind.name()));
        let of = &found.ok_or_else(missing)?.expression.operation;
        let (state, onward) = state_of(of).ok_or_else(missing)?;
        let label = format!("{} {} {} {name}", kind.name(), table.family.name(), table.name);
        let states = &mut self.shared.out.program.states;
        let key = (self.place.table, format!("{} {name}", kind.name()));
        let make = || states.push(StateDef { name: label, kind: state });
        Ok((*self.shared.objects.entry(key).or_insert_with(make), onward))
    }
}
