//! What rules add to sets, and let live on there.

use super::table::Asked;
use crate::lower::chain::Cx;
use crate::lower::{Lowered, unsupported};
use crate::model::{Expression, Operation, Ruleset, Set, SetName, SetOperation};
use bpfc_ir::{Touch, Type};
use std::collections::BTreeMap;

/// What elements have that packets add to a set: one for all, since a table has one kind.
#[derive(Clone, Copy, PartialEq)]
pub(in crate::lower) struct Added<'r> {
    pub timeout: Option<u64>,
    pub expressions: &'r [Expression],
}

/// What rules give to the elements that they add, by set; `None` where they differ.
pub(in crate::lower) fn added(ruleset: &Ruleset) -> BTreeMap<(usize, String), Option<Added<'_>>> {
    let mut all: BTreeMap<(usize, String), Option<Added<'_>>> = BTreeMap::new();
    for (index, table) in ruleset.tables.iter().enumerate() {
        let rules = table.chains.iter().flat_map(|chain| &chain.rules);
        for of in rules.flat_map(|rule| &rule.expressions) {
            let Operation::DynamicSet { op, set: name, timeout, expressions, .. } = &of.operation
            else {
                continue;
            };
            let Some(set) = table.set_of(name).filter(|_| *op != SetOperation::Delete) else {
                continue;
            };
            let timeout = timeout.or(set.timeout).filter(|&timeout| timeout > 0);
            let expressions = if expressions.is_empty() { &set.expressions } else { expressions };
            let own = Some(Added { timeout, expressions });
            let known = all.entry((index, key_of(name))).or_insert(own);
            if *known != own {
                *known = None;
            }
        }
    }
    all
}

/// A set's name in its table; none of a name has this form for those that rules hold.
pub(super) fn key_of(name: &SetName) -> String {
    match name {
        SetName::Named(name) => name.clone(),
        SetName::Anonymous(index) => format!("{{{index}}}"),
    }
}

impl<'r> Cx<'_, 'r> {
    /// What elements of a set have that packets add to it.
    pub(super) fn added(
        &self,
        set: &'r Set,
        place: &(usize, String),
        expression: &Expression,
    ) -> Lowered<Added<'r>> {
        match self.shared.added.get(place) {
            Some(Some(added)) => Ok(*added),
            Some(None) => {
                let what = "a set to which rules give several timeouts or statements";
                Err(unsupported(expression, what))
            }
            None => Ok(Added { timeout: set.timeout, expressions: &set.expressions }),
        }
    }

    pub fn dynamic_set(&mut self, expression: &Expression) -> Lowered<()> {
        let Operation::DynamicSet { op, set: name, key, data, .. } = &expression.operation else {
            return Err(unsupported(expression, "this"));
        };
        let (place, set) = self.named(name, expression)?;
        if *op == SetOperation::Delete {
            return Err(unsupported(expression, "removing an element"));
        }
        if data.is_some() {
            return Err(unsupported(expression, "adding an element with a value"));
        }
        let added = self.added(set, &place, expression)?;
        let key = self.key(*key, set, expression)?;
        let table: std::rc::Rc<Asked<'_>> = self.table(place, set, added, &key, expression)?;
        if added.expressions.len() > 1 {
            return Err(unsupported(expression, "elements with several statements"));
        }
        let touch = match op {
            SetOperation::Update => Touch::Update,
            SetOperation::Add | SetOperation::Delete => Touch::Add,
        };
        let element = self.builder.touch(table.table, touch, table.values(&key));
        let there = self.builder.found(element);
        // A full set ends the rule.
        self.builder.require(there, self.next);
        if let [of] = added.expressions {
            let is_over = match of.operation {
                Operation::Limit { is_over, .. } | Operation::Quota { is_over, .. } => is_over,
                _ => return Err(unsupported(of, "this statement of elements")),
            };
            let enough = self.builder.field(Type::I32, element, 0);
            self.limited(enough, is_over);
        }
        Ok(())
    }
}
