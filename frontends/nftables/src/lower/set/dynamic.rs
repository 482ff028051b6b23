//! What rules add to sets, renew there and remove.

use super::states;
use crate::lower::chain::Cx;
use crate::lower::registers::{Meaning, type_of};
use crate::lower::statement::state_of;
use crate::lower::{Lowered, unsupported};
use crate::model::{Expression, Operation, Register, Ruleset, Set, SetName, SetOperation};
use bpfc_ir::{Onward, Timeout, Touch, Type, Value};
use std::collections::BTreeMap;

/// What rules do to a set.
#[derive(Clone)]
pub(in crate::lower) struct Added<'r> {
    /// Whether they add elements or remove some.
    pub is_dynamic: bool,
    /// Whether they add elements that go.
    pub expires: bool,
    /// The statements of elements that they add.
    pub expressions: &'r [Expression],
    /// Whether one adds elements.
    adds: bool,
    /// Whether they add elements with different statements: a table has one kind.
    differs: bool,
}

/// What rules do to each set that they change.
pub(in crate::lower) fn added(ruleset: &Ruleset) -> BTreeMap<(usize, String), Added<'_>> {
    let mut all: BTreeMap<(usize, String), Added<'_>> = BTreeMap::new();
    for (index, table) in ruleset.tables.iter().enumerate() {
        let rules = table.chains.iter().flat_map(|chain| &chain.rules);
        for of in rules.flat_map(|rule| &rule.expressions) {
            let Operation::DynamicSet { op, set: name, timeout, expressions, .. } = &of.operation
            else {
                continue;
            };
            let Some(set) = table.set_of(name) else { continue };
            let known = all.entry((index, key_of(name)));
            let own = known.or_insert_with(|| Added {
                is_dynamic: true,
                expires: false,
                expressions: &set.expressions,
                adds: false,
                differs: false,
            });
            if *op == SetOperation::Delete {
                continue;
            }
            own.expires |= timeout.or(set.timeout).is_some_and(|timeout| timeout > 0);
            let given = if expressions.is_empty() { &set.expressions } else { expressions };
            own.differs |= own.adds && !states::are_alike(own.expressions, given);
            (own.adds, own.expressions) = (true, given);
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
    /// What rules do to a set.
    pub(super) fn added(
        &self,
        set: &'r Set,
        place: &(usize, String),
        expression: &Expression,
    ) -> Lowered<Added<'r>> {
        match self.shared.added.get(place) {
            Some(added) if added.differs => {
                let what = "a set to whose elements rules give several statements";
                Err(unsupported(expression, what))
            }
            Some(added) => Ok(added.clone()),
            None => Ok(Added {
                is_dynamic: false,
                expires: false,
                expressions: &set.expressions,
                adds: false,
                differs: false,
            }),
        }
    }

    pub fn dynamic_set(&mut self, expression: &Expression) -> Lowered<()> {
        let Operation::DynamicSet { op, set: name, key, data, timeout, .. } = &expression.operation
        else {
            return Err(unsupported(expression, "this"));
        };
        let (place, set) = self.named(name, expression)?;
        let added = self.added(set, &place, expression)?;
        let key = self.key(*key, set, expression)?;
        let asked = self.table(place, set, &added, &key, expression)?;
        let table = asked.only().ok_or_else(|| unsupported(expression, "changing such a set"))?;
        let mut values = asked.values(&key);
        let timeout = timeout.or(set.timeout).unwrap_or_default();
        let timeout = Timeout::new(timeout)
            .ok_or_else(|| unsupported(expression, "a timeout of so many milliseconds"))?;
        let touch = match op {
            SetOperation::Update => Touch::Update(timeout),
            SetOperation::Add => Touch::Add(timeout),
            SetOperation::Delete => {
                self.builder.remove(table, values);
                return Ok(());
            }
        };
        if set.is_verdict_map || set.objects.is_some() {
            return Err(unsupported(expression, "adding an element with a verdict or an object"));
        }
        if let Some(data) = data {
            values.extend(self.data(*data, set, expression)?);
        }
        let element = self.builder.touch(table, touch, values);
        let there = self.builder.found(element);
        // A full set ends the rule.
        self.builder.require(there, self.next);
        self.evaluated(element, set.data.len() as u16, added.expressions)
    }

    /// The values that an element of a map is given.
    fn data(&self, from: Register, set: &Set, expression: &Expression) -> Lowered<Vec<Value>> {
        let mut bytes = 0;
        let mut values = Vec::new();
        for part in &set.data {
            let content = self.registers.behind(from, bytes);
            let content = content
                .ok_or_else(|| unsupported(expression, "a value of which a part is not loaded"))?;
            let is_plain = content.meaning == Meaning::Plain;
            if !is_plain || Some(self.type_of(content.value)) != type_of(part.bytes()) {
                return Err(unsupported(expression, "adding an element with such a value"));
            }
            values.push(content.value);
            bytes += part.bytes().next_multiple_of(4);
        }
        Ok(values)
    }

    /// Goes on as what the states of an element have yielded says, its fields from `first` on.
    pub(super) fn evaluated(
        &mut self,
        element: Value,
        first: u16,
        expressions: &[Expression],
    ) -> Lowered<()> {
        for (place, of) in (first..).zip(expressions) {
            let (_, onward) = state_of(&states::template(&of.operation))
                .ok_or_else(|| unsupported(of, "this statement of elements"))?;
            if onward != Onward::All {
                let yielded = self.builder.field(Type::I32, element, place);
                self.go(yielded, onward);
            }
        }
        Ok(())
    }
}
