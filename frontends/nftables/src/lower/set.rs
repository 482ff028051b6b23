//! Lookups in sets and maps.
//!
//! A set that a rule holds, of one value, is a switch. Others are tables ([`table`]): those of a
//! name, whose elements people change, concatenations, and maps to values. What rules add to sets
//! is [`dynamic`]'s.

mod dynamic;
pub(super) mod entries;
pub(super) mod leaves;
mod listed;
mod ranges;
pub(super) mod states;
mod table;

use super::chain::Cx;
use super::registers::{Content, Meaning, number, type_of};
use super::{Lowered, unsupported};
use crate::Order;
use crate::model::{
    Element, ElementData, Expression, Found, ObjectKind, Operation, Register, Set, SetName,
    TypedPart,
};
use bpfc_ir::{Arm, Block, Op, Switch, Terminator, Touch, Type, Value};
pub(super) use dynamic::{Added, added};
use entries::entries;
use leaves::{Leaf, Leaves};
use std::rc::Rc;
pub(super) use table::Asked;
use table::{Group, Statements};

/// Elements of a switch at most: more are a table.
const SWITCHED: usize = 256;

/// What a lookup wants of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// That it is there, or that it is not.
    Presence { is_inverted: bool },
    /// Its verdict.
    Verdict,
    /// Its object, which is evaluated.
    Object(ObjectKind),
    /// Its value, into a register.
    Value(Register),
}

impl<'r> Cx<'_, 'r> {
    pub fn lookup(&mut self, expression: &'r Expression) -> Lowered<()> {
        let Operation::Lookup { register, set, found, is_inverted } = &expression.operation else {
            return Err(unsupported(expression, "this"));
        };
        let wanted = match found {
            Found::Nothing => Wanted::Presence { is_inverted: *is_inverted },
            Found::Verdict => Wanted::Verdict,
            Found::Register(to) => Wanted::Value(*to),
        };
        self.ask(*register, set, wanted, expression)
    }

    /// Evaluates the object that a map yields.
    pub fn object_map(&mut self, expression: &'r Expression) -> Lowered<()> {
        let Operation::ObjectMap { register, set: name } = &expression.operation else {
            return Err(unsupported(expression, "this"));
        };
        let (_, set) = self.named(name, expression)?;
        let kind = set.objects.ok_or_else(|| unsupported(expression, "such a map"))?;
        self.ask(*register, name, Wanted::Object(kind), expression)
    }

    fn ask(
        &mut self,
        register: Register,
        name: &SetName,
        wanted: Wanted,
        expression: &'r Expression,
    ) -> Lowered<()> {
        let (place, set) = self.named(name, expression)?;
        let added = self.added(set, &place, expression)?;
        let key = self.key(register, set, expression)?;
        let is_held = matches!(name, SetName::Anonymous(_));
        let is_entry = |element: &&Element| element.key.is_some() && !element.is_end;
        let is_small = || {
            let keeps = |element: &Element| {
                element.timeout().is_some() || !states::expressions(set, element).is_empty()
            };
            set.elements.iter().filter(is_entry).count() <= SWITCHED
                && !set.elements.iter().any(keeps)
        };
        match (wanted, &key[..]) {
            (Wanted::Presence { .. } | Wanted::Verdict | Wanted::Object(_), [only])
                if is_held && is_small() =>
            {
                self.switch(only.value, set, &key, wanted, expression)
            }
            _ => {
                let table = self.table(place, set, &added, &key, expression)?;
                self.find(&table, set, &key, wanted, expression)
            }
        }
    }

    /// The place and the definition of the set that an expression names.
    fn named(
        &self,
        name: &SetName,
        expression: &Expression,
    ) -> Lowered<((usize, String), &'r Set)> {
        let table = self.place.table;
        let set = self.shared.ruleset.tables[table].set_of(name);
        let set = set.ok_or_else(|| unsupported(expression, "a set that is not there"))?;
        Ok(((table, dynamic::key_of(name)), set))
    }

    /// The values of a key's parts.
    fn key(
        &mut self,
        register: Register,
        set: &Set,
        expression: &Expression,
    ) -> Lowered<Vec<Content>> {
        let mut bytes = 0;
        let mut key = Vec::new();
        for part in &set.key {
            let content = self.registers.behind(register, bytes);
            let content = content
                .ok_or_else(|| unsupported(expression, "a key of which a part is not loaded"))?;
            key.push(self.shortened(content, part.bytes(), expression)?);
            bytes += part.bytes().next_multiple_of(4);
        }
        Ok(key)
    }

    /// What a lookup compares of a value that is longer than the set's keys: the register's first
    /// bytes, which are a number's lowest where it is held in the machine's order.
    fn shortened(
        &mut self,
        content: Content,
        bytes: u32,
        expression: &Expression,
    ) -> Lowered<Content> {
        if content.meaning != Meaning::Plain || content.bytes <= bytes {
            return Ok(content);
        }
        let ty = type_of(bytes).filter(|_| content.is_host);
        let ty =
            ty.ok_or_else(|| unsupported(expression, "a key that is longer than the set's"))?;
        let value = match self.type_of(content.value) == ty {
            true => Some(content.value),
            false => self.builder.push(Op::Truncate(ty, content.value)),
        };
        let value = value.ok_or_else(|| unsupported(expression, "such a key"))?;
        Ok(Content { value, bytes, ..content })
    }

    fn switch(
        &mut self,
        value: Value,
        set: &'r Set,
        key: &[Content],
        wanted: Wanted,
        expression: &'r Expression,
    ) -> Lowered<()> {
        let entries = entries(set, key, self, expression)?;
        let mut entries: Vec<_> = entries.iter().collect();
        // In the order of keys, whatever that of the elements: it is that of the leaves, too.
        entries.sort_by_key(|entry| entry.key.first().copied());
        let go_on = self.builder.block();
        let (hit, miss) = match wanted {
            Wanted::Presence { is_inverted: true } => (self.next, go_on),
            _ => (go_on, self.next),
        };
        let mut leaves = Leaves::new(hit, go_on);
        let mut arms: Vec<Arm> = Vec::new();
        for entry in &entries {
            let Some(&(low, high)) = entry.key.first() else { continue };
            let to = leaves.of(&mut self.builder, Leaf::of(&entry.element.data));
            arms.push(Arm { low, high, to });
        }
        let otherwise = match other(set) {
            Some(other) => leaves.of(&mut self.builder, Leaf::of(&other.data)),
            None => miss,
        };
        let overlap = arms.windows(2).any(|pair| pair[1].low <= pair[0].high);
        if overlap || arms.last().is_some_and(|last| last.high > self.type_of(value).max()) {
            return Err(unsupported(expression, "a set whose elements overlap or do not fit"));
        }
        self.switch_to_arms(value, arms, otherwise);
        self.end_leaves(leaves, wanted, expression)
    }

    /// Ends the open block where a value leads.
    fn switch_to_arms(&mut self, value: Value, arms: Vec<Arm>, otherwise: Block) {
        match arms.is_empty() {
            true => self.builder.jump(otherwise),
            false => {
                let switch = Switch { value, arms, otherwise };
                self.builder.terminate(Terminator::Switch(Box::new(switch)));
            }
        }
    }

    /// Ends the blocks of leaves, and goes on behind them.
    fn end_leaves(
        &mut self,
        leaves: Leaves<'r>,
        wanted: Wanted,
        expression: &'r Expression,
    ) -> Lowered<()> {
        for (leaf, block) in leaves.blocks {
            match (leaf, wanted) {
                (Leaf::Verdict(verdict), _) => {
                    let terminator = self.terminator(verdict, expression)?;
                    self.builder.switch_to(block);
                    self.builder.terminate(terminator);
                }
                (Leaf::Object(name), Wanted::Object(kind)) => {
                    self.builder.switch_to(block);
                    self.object(kind, name, expression)?;
                    self.builder.jump(leaves.go_on);
                }
                (Leaf::Object(_) | Leaf::Hit, _) => {
                    self.builder.switch_to(block);
                    self.builder.jump(leaves.hit);
                }
            }
        }
        self.builder.switch_to(leaves.go_on);
        Ok(())
    }

    fn find(
        &mut self,
        asked: &Rc<Asked<'r>>,
        set: &'r Set,
        key: &[Content],
        wanted: Wanted,
        expression: &'r Expression,
    ) -> Lowered<()> {
        if wanted == (Wanted::Presence { is_inverted: true }) {
            // The element that stands for all others is always found.
            if asked.other.is_some() {
                self.builder.jump(self.next);
                return Ok(());
            }
            let missing = self.builder.block();
            self.found(asked, key, missing, false);
            self.builder.jump(self.next);
            self.builder.switch_to(missing);
            return Ok(());
        }
        let missing = match asked.other {
            Some(_) => self.builder.block(),
            None => self.next,
        };
        let element = self.found(asked, key, missing, true);
        match &asked.statements {
            Statements::None => {}
            Statements::Own(first, expressions) => self.evaluated(element, *first, expressions)?,
            Statements::Numbered(place, groups) => {
                let number = self.builder.field(Type::I32, element, *place);
                self.grouped(number, groups)?;
            }
        }
        let other = asked.other;
        match wanted {
            Wanted::Presence { .. } => {
                if other.is_some() {
                    let go_on = self.builder.block();
                    self.builder.jump(go_on);
                    self.builder.switch_to(missing);
                    self.other_evaluated(asked)?;
                    self.builder.jump(go_on);
                    self.builder.switch_to(go_on);
                }
            }
            Wanted::Value(to) => {
                if let Some(other) = other {
                    let given = Given { asked: Rc::clone(asked), to, set, other, expression };
                    self.fork(missing, given);
                }
                let mut bytes = 0;
                for (part, place) in set.data.iter().zip(0..) {
                    let ty = type_of(part.bytes())
                        .ok_or_else(|| unsupported(expression, "a map to so long a value"))?;
                    let value = self.builder.field(ty, element, place);
                    self.registers.set(to.behind(bytes), content(part, value, ty));
                    bytes += part.bytes().next_multiple_of(4);
                }
            }
            Wanted::Verdict | Wanted::Object(_) => {
                let go_on = self.builder.block();
                let mut leaves = Leaves::new(go_on, go_on);
                let value = self.builder.field(Type::I32, element, 0);
                let mut arms = Vec::new();
                for (number, leaf) in (0u128..).zip(&asked.leaves) {
                    let to = leaves.of(&mut self.builder, *leaf);
                    arms.push(Arm { low: number, high: number, to });
                }
                self.switch_to_arms(value, arms, self.next);
                if let Some(other) = other {
                    self.builder.switch_to(missing);
                    self.other_evaluated(asked)?;
                    let to = leaves.of(&mut self.builder, Leaf::of(&other.data));
                    self.builder.jump(to);
                }
                self.end_leaves(leaves, wanted, expression)?;
            }
        }
        Ok(())
    }

    /// Evaluates the statements of the element of a number, whichever group it is in.
    fn grouped(&mut self, number: Value, groups: &[Group<'r>]) -> Lowered<()> {
        let go_on = self.builder.block();
        let arms = groups.iter().map(|group| {
            let (low, high) = (group.numbers.0.into(), group.numbers.1.into());
            Arm { low, high, to: self.builder.block() }
        });
        let arms: Vec<Arm> = arms.collect();
        let blocks: Vec<Block> = arms.iter().map(|arm| arm.to).collect();
        let switch = Switch { value: number, arms, otherwise: go_on };
        self.builder.terminate(Terminator::Switch(Box::new(switch)));
        for (group, block) in groups.iter().zip(blocks) {
            self.builder.switch_to(block);
            self.numbered(number, group)?;
            self.builder.jump(go_on);
        }
        self.builder.switch_to(go_on);
        Ok(())
    }

    /// Evaluates the statements of the element of a number, which is in a group.
    fn numbered(&mut self, number: Value, group: &Group<'r>) -> Lowered<()> {
        let element = self.builder.touch(group.table, Touch::Existing, vec![number]);
        let there = self.builder.found(element);
        self.builder.require(there, self.next);
        self.evaluated(element, 0, group.expressions)
    }

    /// Evaluates the statements of the element that stands for all others.
    fn other_evaluated(&mut self, asked: &Asked<'r>) -> Lowered<()> {
        if let Some((number, group)) = asked.group_of_other() {
            let number = self.builder.constant(Type::I32, number.into());
            self.numbered(number, group)?;
        }
        Ok(())
    }
}

/// A value that is known where it is read: that of the element which stands for all others.
pub(super) struct Given<'r> {
    asked: Rc<Asked<'r>>,
    to: Register,
    set: &'r Set,
    other: &'r Element,
    expression: &'r Expression,
}

impl<'r> Given<'r> {
    /// Puts it into its register.
    pub fn load(&self, cx: &mut Cx<'_, 'r>) -> Lowered<()> {
        cx.other_evaluated(&self.asked)?;
        let refused = || unsupported(self.expression, "a map to such a value");
        let ElementData::Value(data) = &self.other.data else { return Err(refused()) };
        let mut bytes = 0;
        for (held, part) in data.parts().zip(&self.set.data) {
            let ty = type_of(part.bytes()).ok_or_else(refused)?;
            let value = number(held).filter(|&number| number <= ty.max()).ok_or_else(refused)?;
            let value = cx.builder.constant(ty, value);
            cx.registers.set(self.to.behind(bytes), content(part, value, ty));
            bytes += part.bytes().next_multiple_of(4);
        }
        Ok(())
    }
}

/// A value of a map in a register.
fn content(part: &TypedPart, value: Value, ty: Type) -> Content {
    let is_host = part.order == Order::Host && ty != Type::I128;
    Content { value, bytes: part.bytes(), is_host, meaning: Meaning::Plain }
}

/// The element that stands for all others.
fn other(set: &Set) -> Option<&Element> {
    set.elements.iter().find(|element| element.key.is_none())
}
