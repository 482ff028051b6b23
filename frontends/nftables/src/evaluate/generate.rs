//! Steps to the kernel's expressions: what is loaded into which register.

use super::context::{Step, StepKind};
use super::element::data_of;
use super::typed::{Kind, Load, Payload, Typed, ones};
use super::{Evaluated, error};
use crate::datatype::{Base, Order};
use crate::model::*;
use crate::protocol::{Layer, Protocol};
use crate::syntax::ast::{BinaryOp, RelationOp};
use bpfc_diag::{Code, Span};

/// The expressions of a rule.
pub(super) fn generate(steps: &[Step]) -> Evaluated<Vec<Expression>> {
    let mut generator = Generator { free: 0, out: Vec::new() };
    for step in steps {
        generator.free = 0;
        generator.step(step)?;
    }
    Ok(generator.out)
}

struct Generator {
    /// The first slot that holds nothing of use.
    free: u8,
    out: Vec<Expression>,
}

/// The slots that a value takes.
fn slots(bits: u32) -> u8 {
    u8::try_from(bits.div_ceil(32)).unwrap_or(u8::MAX)
}

impl Generator {
    fn emit(&mut self, operation: Operation, span: Span) {
        self.out.push(Expression { operation, span: Some(span) });
    }

    /// Registers for a value.
    fn take(&mut self, typed: &Typed) -> Evaluated<Register> {
        let size = match &typed.kind {
            Kind::Concat(_) => slots(typed.bits),
            _ => 4,
        };
        let register = Register(self.free);
        self.free = self.free.saturating_add(size);
        match self.free <= 16 {
            true => Ok(register),
            false => {
                let message = "the expression takes more registers than the kernel has";
                Err(error(Code::NFT_TYPE, typed.span, message))
            }
        }
    }

    /// Loads into registers that are used at once.
    fn loaded(&mut self, typed: &Typed) -> Evaluated<Register> {
        let before = self.free;
        let register = self.take(typed)?;
        self.load(typed, register)?;
        self.free = before;
        Ok(register)
    }

    fn step(&mut self, step: &Step) -> Evaluated<()> {
        let span = step.span;
        match &step.kind {
            StepKind::Match { left, op, right } => self.compare(left, *op, right, span),
            StepKind::Decide(typed) => match &typed.kind {
                Kind::Map { key, map } => {
                    let register = self.loaded(key)?;
                    let found = Found::Verdict;
                    let set = map.clone();
                    self.emit(Operation::Lookup { register, set, found, is_inverted: false }, span);
                    Ok(())
                }
                Kind::Verdict(verdict) => {
                    self.emit(Operation::Verdict(verdict.clone()), span);
                    Ok(())
                }
                _ => Ok(()),
            },
            StepKind::Assign { target, value } => self.assign(target, value, span),
            StepKind::ObjectMap { key, map } => {
                let register = self.loaded(key)?;
                self.emit(Operation::ObjectMap { register, set: map.clone() }, span);
                Ok(())
            }
            StepKind::Object { kind, name } => {
                self.emit(Operation::Object { kind: *kind, name: name.clone() }, span);
                Ok(())
            }
            StepKind::UpdateSet { op, set, key, data, timeout, expressions } => {
                let key_register = self.take(key)?;
                self.load(key, key_register)?;
                let data = match data {
                    Some(data) => Some(self.loaded(data)?),
                    None => None,
                };
                let operation = Operation::DynamicSet {
                    op: *op,
                    set: set.clone(),
                    key: key_register,
                    data,
                    timeout: *timeout,
                    expressions: expressions.clone(),
                };
                self.emit(operation, span);
                Ok(())
            }
            StepKind::Plain(operation) => {
                self.emit(operation.clone(), span);
                Ok(())
            }
        }
    }

    fn assign(&mut self, target: &Typed, value: &Typed, span: Span) -> Evaluated<()> {
        let from = self.loaded(value)?;
        let operation = match &target.kind {
            Kind::Load(Load::Meta { key, .. }) => Operation::MetaSet { key, from },
            Kind::Load(Load::Ct { key, direction }) => {
                Operation::CtSet { key, direction: *direction, from }
            }
            Kind::Load(Load::Extension { kind, number, offset, .. }) => Operation::ExtensionStore {
                kind: *kind,
                number: *number,
                offset: offset / 8,
                bytes: target.bytes(),
                from,
            },
            Kind::Load(Load::Payload(payload)) => Operation::PayloadStore {
                from,
                base: base_of(payload.layer),
                offset: payload.offset / 8,
                bytes: target.bits / 8,
                checksum: payload.protocol.and_then(|protocol| protocol.checksum),
                is_covered: is_covered(payload),
            },
            _ => return Err(error(Code::NFT_STATEMENT, span, "this cannot be given a value")),
        };
        self.emit(operation, span);
        Ok(())
    }

    fn compare(
        &mut self,
        left: &Typed,
        op: RelationOp,
        right: &Typed,
        span: Span,
    ) -> Evaluated<()> {
        let is_not = op == RelationOp::Neq;
        match &right.kind {
            Kind::Range(low, high) => {
                let register = self.loaded(left)?;
                let bytes = right.bytes() as usize;
                let from = Data::number(*low, bytes, false);
                let to = Data::number(*high, bytes, false);
                self.emit(Operation::Range { is_not, register, from, to }, span);
            }
            Kind::SetRef { name, .. } => {
                let register = self.loaded(left)?;
                let (set, found) = (name.clone(), Found::Nothing);
                self.emit(Operation::Lookup { register, set, found, is_inverted: is_not }, span);
            }
            Kind::Prefix(value, length) => {
                self.compare_prefix(left, op, right, *value, *length, span)?;
            }
            Kind::Value(_) => {
                let is_flags = right.datatype.base == Base::Bitmask
                    && matches!(op, RelationOp::Implicit | RelationOp::Not);
                if is_flags {
                    return self.compare_flags(left, op, right, span);
                }
                let register = self.loaded(left)?;
                let data = data_of(right);
                self.emit(Operation::Compare { op: comparison(op), register, data }, span);
            }
            _ => return Err(error(Code::NFT_TYPE, right.span, "this cannot be compared with")),
        }
        Ok(())
    }

    fn compare_prefix(
        &mut self,
        left: &Typed,
        op: RelationOp,
        right: &Typed,
        value: u128,
        length: u32,
        span: Span,
    ) -> Evaluated<()> {
        let is_text = left.datatype.base == Base::Text;
        let is_bytes = right.order == Order::Network && length > 0 && length.is_multiple_of(8);
        if is_text || is_bytes {
            // Only as many bytes are loaded as are compared.
            let mut left = left.clone();
            left.bits = length;
            let register = self.loaded(&left)?;
            let first = value >> right.bits.saturating_sub(length).min(127);
            let data = Data::number(first, length.div_ceil(8) as usize, false);
            self.emit(Operation::Compare { op: comparison(op), register, data }, span);
            return Ok(());
        }
        let register = self.loaded(left)?;
        let bytes = right.bytes();
        let is_host = right.order == Order::Host;
        let mask = ones(right.bits) & !ones(right.bits - length);
        let number = |value| Data::number(value, bytes as usize, is_host);
        let operation = Operation::MaskXor {
            to: register,
            from: register,
            bytes,
            mask: number(mask),
            xor: number(0),
        };
        self.emit(operation, span);
        self.emit(Operation::Compare { op: comparison(op), register, data: number(value) }, span);
        Ok(())
    }

    /// Any of the flags, or none of them.
    fn compare_flags(
        &mut self,
        left: &Typed,
        op: RelationOp,
        right: &Typed,
        span: Span,
    ) -> Evaluated<()> {
        let register = self.loaded(left)?;
        if matches!(left.kind, Kind::Binary(..)) {
            let data = data_of(right);
            self.emit(Operation::Compare { op: Comparison::Eq, register, data }, span);
            return Ok(());
        }
        let bytes = left.bytes();
        let zero = Data::number(0, bytes as usize, right.order == Order::Host);
        let operation = Operation::MaskXor {
            to: register,
            from: register,
            bytes,
            mask: data_of(right),
            xor: zero.clone(),
        };
        self.emit(operation, span);
        let op = if op == RelationOp::Not { Comparison::Eq } else { Comparison::Neq };
        self.emit(Operation::Compare { op, register, data: zero }, span);
        Ok(())
    }

    fn load(&mut self, typed: &Typed, to: Register) -> Evaluated<()> {
        let span = typed.span;
        match &typed.kind {
            Kind::Value(_) => self.emit(Operation::Immediate { to, data: data_of(typed) }, span),
            Kind::Load(load) => self.load_kernel(load, typed, to)?,
            Kind::Binary(op, left, right) => self.load_binary(*op, left, right, typed, to)?,
            Kind::Swap(inner) => {
                self.load(inner, to)?;
                let size = match inner.bits {
                    bits if bits % 64 == 0 => 8,
                    bits if bits % 32 == 0 => 4,
                    _ => 2,
                };
                let to_network = typed.order == Order::Network;
                let bytes = typed.bytes();
                self.emit(Operation::ByteOrder { to, from: to, to_network, size, bytes }, span);
            }
            Kind::Concat(parts) => {
                let mut at = to.0;
                for part in parts {
                    self.load(part, Register(at))?;
                    at = at.saturating_add(slots(part.bits));
                }
            }
            Kind::Map { key, map } => {
                let before = self.free;
                if let Kind::Concat(_) = key.kind {
                    self.free = self.free.max(to.0.saturating_add(slots(key.bits)));
                }
                self.load(key, to)?;
                self.free = before;
                let (set, found) = (map.clone(), Found::Register(to));
                let operation = Operation::Lookup { register: to, set, found, is_inverted: false };
                self.emit(operation, span);
            }
            Kind::Verdict(verdict) => self.emit(Operation::Verdict(verdict.clone()), span),
            Kind::Prefix(..) | Kind::Range(..) | Kind::Set(_) | Kind::SetRef { .. } => {
                let message = format!("a {} is not one value", typed.noun());
                return Err(error(Code::NFT_TYPE, span, message));
            }
        }
        Ok(())
    }

    fn load_kernel(&mut self, load: &Load, typed: &Typed, to: Register) -> Evaluated<()> {
        let span = typed.span;
        let bytes = typed.bytes();
        let operation = match load {
            Load::Payload(payload) => {
                let base = match (payload.layer, payload.inner) {
                    (Layer::Inner, Some(_)) => PayloadBase::Tunnel,
                    (layer, _) => base_of(layer),
                };
                let operation = Operation::Payload { base, offset: payload.offset / 8, bytes, to };
                within(payload.inner, operation, span)
            }
            Load::Meta { key, inner } => within(*inner, Operation::Meta { key, to }, span),
            Load::Extension { kind, number, offset, is_presence } => Operation::Extension {
                kind: *kind,
                number: *number,
                offset: offset / 8,
                bytes,
                is_presence: *is_presence,
                to,
            },
            Load::Ct { key, direction } => Operation::Ct { key, direction: *direction, to },
            Load::Rt(key) => Operation::Rt { key, to },
            Load::Socket { key, level } => Operation::Socket { key, level: *level, to },
            Load::Xfrm { key, is_out, index } => {
                Operation::Xfrm { key, is_out: *is_out, index: *index, to }
            }
            Load::Fib { flags, result, is_presence } => {
                Operation::Fib { flags: *flags, result: *result, is_presence: *is_presence, to }
            }
            Load::Osf { ttl, with_version } => {
                Operation::Osf { ttl: *ttl, with_version: *with_version, to }
            }
            Load::Numgen { is_random, modulus, offset } => {
                Operation::Numgen { is_random: *is_random, modulus: *modulus, offset: *offset, to }
            }
            Load::Symhash { modulus, offset } => {
                Operation::Symhash { modulus: *modulus, offset: *offset, to }
            }
            Load::Jhash { of, modulus, seed, offset } => {
                let from = self.loaded(of)?;
                let (modulus, seed, offset) = (*modulus, *seed, *offset);
                Operation::Jhash { from, bytes: of.bytes(), modulus, seed, offset, to }
            }
        };
        self.emit(operation, span);
        Ok(())
    }

    fn load_binary(
        &mut self,
        op: BinaryOp,
        left: &Typed,
        right: &Typed,
        typed: &Typed,
        to: Register,
    ) -> Evaluated<()> {
        let (span, bytes) = (typed.span, typed.bytes());
        let op = match op {
            BinaryOp::Left | BinaryOp::Right => {
                self.load(left, to)?;
                let Kind::Value(by) = right.kind else {
                    return Err(error(Code::NFT_TYPE, span, "the shift is not constant"));
                };
                let (by, is_left) = (by as u32, op == BinaryOp::Left);
                self.emit(Operation::Shift { to, from: to, bytes, is_left, by }, span);
                return Ok(());
            }
            _ if right.is_constant() => return self.load_masked(typed, to),
            BinaryOp::And => Combination::And,
            BinaryOp::Or => Combination::Or,
            BinaryOp::Xor => Combination::Xor,
        };
        self.load(left, to)?;
        let with = self.loaded(right)?;
        self.emit(Operation::Combine { op, to, from: to, with, bytes }, span);
        Ok(())
    }

    /// Operations with constants in a row are one mask and one exclusive or.
    fn load_masked(&mut self, typed: &Typed, to: Register) -> Evaluated<()> {
        let mut chain = Vec::new();
        let mut below = typed;
        while let Kind::Binary(op @ (BinaryOp::And | BinaryOp::Or | BinaryOp::Xor), left, right) =
            &below.kind
        {
            let Kind::Value(value) = right.kind else { break };
            chain.push((*op, value));
            below = left;
        }
        self.load(below, to)?;
        let all = ones(typed.bits);
        let (mut mask, mut xor) = (all, 0);
        for (op, value) in chain.into_iter().rev() {
            let (keep, turn) = match op {
                BinaryOp::And => (value, 0),
                BinaryOp::Or => (!value, value),
                _ => (all, value),
            };
            xor = turn ^ xor & keep;
            mask &= keep;
        }
        let bytes = typed.bytes();
        let is_host = typed.order == Order::Host;
        let number = |value| Data::number(value, bytes as usize, is_host);
        let operation = Operation::MaskXor {
            to,
            from: to,
            bytes,
            mask: number(mask & all),
            xor: number(xor & all),
        };
        self.emit(operation, typed.span);
        Ok(())
    }
}

/// A load in what a tunnel carries, where one is looked into.
fn within(inner: Option<&'static Protocol>, operation: Operation, span: Span) -> Operation {
    match inner.and_then(|inner| inner.tunnel) {
        Some(tunnel) => {
            let load = Box::new(Expression { operation, span: Some(span) });
            Operation::Inner { tunnel, load }
        }
        None => operation,
    }
}

fn base_of(layer: Layer) -> PayloadBase {
    match layer {
        Layer::Link => PayloadBase::Link,
        Layer::Network => PayloadBase::Network,
        Layer::Transport => PayloadBase::Transport,
        Layer::Inner => PayloadBase::Inner,
    }
}

fn comparison(op: RelationOp) -> Comparison {
    match op {
        RelationOp::Implicit | RelationOp::Eq | RelationOp::Not => Comparison::Eq,
        RelationOp::Neq => Comparison::Neq,
        RelationOp::Lt => Comparison::Lt,
        RelationOp::Gt => Comparison::Gt,
        RelationOp::Lte => Comparison::Lte,
        RelationOp::Gte => Comparison::Gte,
    }
}

/// Whether a transport checksum takes account of what is stored.
fn is_covered(payload: &Payload) -> bool {
    let Some(protocol) = payload.protocol else { return payload.layer == Layer::Inner };
    let field = payload.field.map_or("", |field| field.name);
    protocol.name == "udp"
        || protocol.layer == Layer::Network && protocol.pseudo.contains(&field)
        || payload.layer == Layer::Inner
}
