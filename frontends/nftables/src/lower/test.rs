//! Tests and arithmetic on registers.

use super::chain::Cx;
use super::registers::{Content, Meaning, number, only_number};
use super::{Lowered, unsupported};
use crate::interfaces::Interfaces;
use crate::model::{Combination, Comparison, Data, Expression, Operation, Part, Register};
use bpfc_ir::{BinaryOp, Condition, Device, Meta, Type, Value};

impl Cx<'_, '_> {
    pub fn test(&mut self, expression: &Expression) -> Lowered<()> {
        match &expression.operation {
            Operation::Compare { op, register, data } => {
                self.compare(*op, *register, data, expression)
            }
            Operation::Range { is_not, register, from, to } => {
                let content = self.content(*register, expression)?;
                let (low, high) = match (only_number(from), only_number(to)) {
                    (Some(low), Some(high)) => (low, high),
                    _ => return Err(unsupported(expression, "a range of several values")),
                };
                self.own_index(content, low.max(high), expression)?;
                let content = self.counted(content);
                self.ordered(content, expression)?;
                let inside = match low <= high {
                    true => self.builder.in_range(content.value, low, high),
                    false => self.never(),
                };
                match is_not {
                    true => self.builder.forbid(inside, self.next),
                    false => self.builder.require(inside, self.next),
                }
                Ok(())
            }
            Operation::MaskXor { to, from, bytes, mask, xor } => {
                let (mask, xor) = match (only_number(mask), only_number(xor)) {
                    (Some(mask), Some(xor)) => (mask, xor),
                    _ => return Err(unsupported(expression, "a mask of several values")),
                };
                // The rest of a long load stands behind its beginning.
                let mut done = 0;
                while done < *bytes {
                    let content = self.plain(from.behind(done), expression)?;
                    let content = self.widened(content, bytes - done).unwrap_or(content);
                    let end = match *bytes {
                        9.. => done + content.bytes.max(1),
                        _ => *bytes,
                    };
                    let behind = 8 * bytes.saturating_sub(end);
                    let room = self.type_of(content.value).max();
                    let [mask, xor] = [mask, xor].map(|number| number >> behind & room);
                    let mut value = self.builder.mask(content.value, mask);
                    if xor != 0 {
                        let ty = self.type_of(value);
                        let xor = self.builder.constant(ty, xor);
                        value = self.builder.binary(BinaryOp::Xor, value, xor);
                    }
                    self.registers.set(to.behind(done), Content { value, ..content });
                    done = end;
                }
                Ok(())
            }
            Operation::Shift { to, from, bytes, is_left, by } => {
                let content = self.plain(*from, expression)?;
                let content = self.widened(content, *bytes).unwrap_or(content);
                let ty = self.type_of(content.value);
                if ty == Type::I128 {
                    return Err(unsupported(expression, "a shift of so long a value"));
                }
                let value = match *by < u32::from(ty.bytes()) * 8 {
                    true => {
                        let by = self.builder.constant(ty, (*by).into());
                        let op = if *is_left { BinaryOp::Shl } else { BinaryOp::Shr };
                        self.builder.binary(op, content.value, by)
                    }
                    false => self.builder.constant(ty, 0),
                };
                self.registers.set(*to, Content { value, ..content });
                Ok(())
            }
            Operation::Combine { op, to, from, with, bytes } => {
                let (a, b) = (self.operand(*from, expression)?, self.operand(*with, expression)?);
                let [a, b] = [a, b].map(|side| self.widened(side, *bytes).unwrap_or(side));
                if self.type_of(a.value) != self.type_of(b.value) || a.is_host != b.is_host {
                    return Err(unsupported(expression, "combining values of two kinds"));
                }
                let op = match op {
                    Combination::And => BinaryOp::And,
                    Combination::Or => BinaryOp::Or,
                    Combination::Xor => BinaryOp::Xor,
                };
                let value = self.builder.binary(op, a.value, b.value);
                self.registers.set(*to, Content { value, ..a });
                Ok(())
            }
            Operation::ByteOrder { to, from, to_network, .. } => {
                // Numbers are numbers: only the register's bytes change.
                let content = self.content(*from, expression)?;
                self.registers.set(*to, Content { is_host: !to_network, ..content });
                Ok(())
            }
            _ => Err(unsupported(expression, "this")),
        }
    }

    pub fn type_of(&self, value: Value) -> Type {
        self.builder.ty(value)
    }

    /// What a register holds.
    pub fn content(&self, register: Register, expression: &Expression) -> Lowered<Content> {
        let found = self.registers.get(register);
        found.ok_or_else(|| unsupported(expression, "a register that holds nothing"))
    }

    /// The same where it must be a plain number.
    pub fn plain(&mut self, register: Register, expression: &Expression) -> Lowered<Content> {
        let content = self.content(register, expression)?;
        Ok(self.counted(content))
    }

    /// The same for arithmetic: an interface's index is a number in the machine's order.
    fn operand(&mut self, register: Register, expression: &Expression) -> Lowered<Content> {
        let is_index = self.content(register, expression)?.meaning.is_interface();
        let content = self.plain(register, expression)?;
        Ok(Content { is_host: content.is_host || is_index, ..content })
    }

    /// Refuses the order of an interface that is named: only the machine knows its index.
    fn own_index(&self, content: Content, number: u128, expression: &Expression) -> Lowered<()> {
        match content.meaning.is_interface() && Interfaces::stands_in(number) {
            true => Err(unsupported(expression, "the order of named interfaces")),
            false => Ok(()),
        }
    }

    /// The index of an interface in place of its name.
    fn counted(&mut self, content: Content) -> Content {
        let Meaning::Interface(device) = content.meaning else { return content };
        let value = self.builder.meta(match device {
            Device::In => Meta::InIndex,
            Device::Out => Meta::OutIndex,
        });
        Content { value, meaning: Meaning::Plain, ..content }
    }

    /// The kernel compares bytes, most significant first: numbers of the machine's order are no
    /// numbers then.
    fn ordered(&self, content: Content, expression: &Expression) -> Lowered<()> {
        match content.is_host && content.bytes > 1 {
            true => {
                Err(unsupported(expression, "comparing bytes of a number in the machine's order"))
            }
            false => Ok(()),
        }
    }

    fn never(&mut self) -> Value {
        let zero = self.builder.constant(Type::I8, 0);
        self.builder.compare_const(Condition::Ne, zero, 0)
    }

    fn compare(
        &mut self,
        op: Comparison,
        register: Register,
        data: &Data,
        expression: &Expression,
    ) -> Lowered<()> {
        let condition = match op {
            Comparison::Eq | Comparison::Neq => Condition::Eq,
            Comparison::Lt => Condition::Lt,
            Comparison::Lte => Condition::Le,
            Comparison::Gt => Condition::Gt,
            Comparison::Gte => Condition::Ge,
        };
        if let Some(part) = data.only() {
            let content = self.content(register, expression)?;
            let has = content.bytes as usize;
            if condition == Condition::Eq && !part.is_host && (4..part.bytes.len()).contains(&has) {
                // The rest of a long load stands behind its beginning.
                let mut parts = Data::default();
                let mut rest = part.bytes;
                while !rest.is_empty() {
                    let before = (part.bytes.len() - rest.len()) as u32;
                    let there = self.registers.behind(register, before);
                    let has = there.map_or(0, |there| there.bytes as usize).min(rest.len());
                    if has == 0 {
                        return Err(unsupported(expression, "comparing more bytes than there are"));
                    }
                    let (first, behind) = rest.split_at(has);
                    parts.push(first, false);
                    rest = behind;
                }
                return self.compare(op, register, &parts, expression);
            }
            if condition == Condition::Eq && self.is_settled(op, content, part) {
                // Packets of this family go no further: what the rule says of others is not
                // lowered.
                self.leave();
                return Ok(());
            }
            let content = match condition {
                Condition::Eq => content,
                _ => {
                    let number = number(part).unwrap_or(0);
                    self.own_index(content, number, expression)?;
                    let content = self.counted(content);
                    self.ordered(content, expression)?;
                    content
                }
            };
            let holds = self.holds(condition, content, part, expression)?;
            match op {
                Comparison::Neq => self.builder.forbid(holds, self.next),
                _ => self.builder.require(holds, self.next),
            }
            return Ok(());
        }
        if condition != Condition::Eq {
            return Err(unsupported(expression, "an order of several values"));
        }
        // Equal where each part is; unequal where one part is.
        let differs = match op {
            Comparison::Neq => self.builder.block(),
            _ => self.next,
        };
        let mut bytes = 0;
        for part in data.parts() {
            let content = self.registers.behind(register, bytes);
            let content =
                content.ok_or_else(|| unsupported(expression, "a register that holds nothing"))?;
            let holds = self.holds(Condition::Eq, content, part, expression)?;
            self.builder.require(holds, differs);
            bytes += (part.bytes.len() as u32).next_multiple_of(4);
        }
        if op == Comparison::Neq {
            self.builder.jump(self.next);
            self.builder.switch_to(differs);
        }
        Ok(())
    }

    /// Whether an equality never holds, since the register holds another constant: the family's
    /// protocol is one.
    fn is_settled(&self, op: Comparison, content: Content, part: Part<'_>) -> bool {
        let known = self.builder.constant_of(content.value).zip(number(part));
        let same = known.filter(|_| content.bytes == part.bytes.len() as u32);
        same.is_some_and(|(has, wanted)| (has == wanted) == (op == Comparison::Neq))
    }

    /// Whether a comparison with a constant holds.
    fn holds(
        &mut self,
        condition: Condition,
        content: Content,
        part: Part<'_>,
        expression: &Expression,
    ) -> Lowered<Value> {
        let number = number(part).ok_or_else(|| unsupported(expression, "so long a value"))?;
        match content.meaning {
            Meaning::Plain | Meaning::LinkHeader => {}
            Meaning::Interface(_) => {
                let Some(name) = self.shared.interfaces.name(number as u32) else {
                    let content = self.counted(content);
                    return self.holds(condition, content, part, expression);
                };
                return Ok(self.builder.compare_const(Condition::Eq, content.value, name));
            }
        }
        let (has, wanted) = (content.bytes, part.bytes.len() as u32);
        if wanted > has {
            return Err(unsupported(expression, "comparing more bytes than there are"));
        }
        if wanted == has {
            return Ok(self.builder.compare_const(condition, content.value, number));
        }
        // The first bytes alone, as of a name's beginning.
        if content.is_host {
            return Err(unsupported(
                expression,
                "comparing bytes of a number in the machine's order",
            ));
        }
        let rest = 8 * (has - wanted);
        let mask = u128::MAX << rest;
        let value = self.builder.mask(content.value, mask);
        Ok(self.builder.compare_const(condition, value, number << rest))
    }

    /// The name of the interface of an index, as a number; 0 for none.
    pub fn interface(&self, index: u32, expression: &Expression) -> Lowered<u128> {
        let found = self.shared.interfaces.name(index);
        found.ok_or_else(|| unsupported(expression, "the index of an interface: name it, or"))
    }
}
