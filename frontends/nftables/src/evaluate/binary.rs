//! Operators on numbers, and byte orders.

use super::context::{Context, Expect};
use super::typed::{Kind, Typed, ones};
use super::{Evaluated, error};
use crate::datatype::{Base, INTEGER, Order};
use crate::syntax::ast::{BinaryOp, Expr};
use bpfc_diag::{Code, Span};

/// How many operators may stand in a row.
const LONGEST_CHAIN: u32 = 16;

fn sign(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::And => "&",
        BinaryOp::Or => "|",
        BinaryOp::Xor => "^",
        BinaryOp::Left => "<<",
        BinaryOp::Right => ">>",
    }
}

impl Context<'_> {
    pub(super) fn binary(
        &mut self,
        op: BinaryOp,
        left: &Expr,
        right: &Expr,
        span: Span,
    ) -> Evaluated<Typed> {
        let widest = self.expect.part().bits;
        let mut left = self.expression(left)?;
        let is_shift = matches!(op, BinaryOp::Left | BinaryOp::Right);
        if is_shift {
            let bits = widest.max(left.bits);
            let is_key = self.expect.is_key;
            self.expect = Expect::one(&INTEGER, left.order, bits);
            self.expect.is_key = is_key;
        }
        let mut right = self.expression(right)?;
        if left.is_constant() && !right.is_constant() {
            std::mem::swap(&mut left, &mut right);
        }
        for operand in [&left, &right] {
            if matches!(operand.datatype.base, Base::Nothing | Base::Verdict | Base::Text) {
                let message = format!(
                    "`{}` is not defined for values of the type {}",
                    sign(op),
                    operand.type_words()
                );
                return Err(error(Code::NFT_TYPE, operand.span, message));
            }
            if operand.is_constant() && !matches!(operand.kind, Kind::Value(_)) {
                let message = format!("`{}` is not defined for a {}", sign(op), operand.noun());
                return Err(error(Code::NFT_TYPE, operand.span, message));
            }
        }
        if is_shift && !right.is_constant() {
            let message = "the number of bits to shift by is a constant";
            return Err(error(Code::NFT_TYPE, right.span, message));
        }
        let result = match is_shift {
            true => self.shift(op, left, right, span)?,
            false => self.bitwise(op, left, right, span)?,
        };
        if chain_length(&result) >= LONGEST_CHAIN {
            let message = format!("{LONGEST_CHAIN} operators and more cannot stand in a row");
            return Err(error(Code::NFT_TYPE, span, message));
        }
        Ok(result)
    }

    fn shift(
        &mut self,
        op: BinaryOp,
        mut left: Typed,
        mut right: Typed,
        span: Span,
    ) -> Evaluated<Typed> {
        let bits = self.statement_bits.max(left.bits);
        match right.kind {
            Kind::Value(by) if by < bits.into() => {}
            _ => {
                let message = format!("a number of {bits} bits is shifted by {} at most", bits - 1);
                return Err(error(Code::NFT_VALUE, right.span, message));
            }
        }
        self.convert(&mut left, Order::Host)?;
        self.convert(&mut right, Order::Host)?;
        self.combined(op, left, right, Order::Host, bits, span, true)
    }

    fn bitwise(
        &mut self,
        op: BinaryOp,
        mut left: Typed,
        mut right: Typed,
        span: Span,
    ) -> Evaluated<Typed> {
        let is_wider = self.statement_bits > left.bits;
        let (bits, order) = match is_wider {
            true => (self.statement_bits, Order::Host),
            false => (left.bits, left.order),
        };
        if is_wider {
            self.convert(&mut left, Order::Host)?;
        }
        self.convert(&mut right, order)?;
        self.combined(op, left, right, order, bits, span, is_wider)
    }

    /// The operation, or its result where both sides are constant.
    #[allow(clippy::too_many_arguments, reason = "the parts of one operation")]
    fn combined(
        &mut self,
        op: BinaryOp,
        left: Typed,
        right: Typed,
        order: Order,
        bits: u32,
        span: Span,
        is_number: bool,
    ) -> Evaluated<Typed> {
        let datatype = if is_number { &INTEGER } else { left.datatype };
        if let (Kind::Value(a), Kind::Value(b)) = (&left.kind, &right.kind) {
            let by = u32::try_from(*b).unwrap_or(u32::MAX);
            let value = match op {
                BinaryOp::And => a & b,
                BinaryOp::Or => a | b,
                BinaryOp::Xor => a ^ b,
                BinaryOp::Left => a.checked_shl(by).unwrap_or(0),
                BinaryOp::Right => (a & ones(bits)).checked_shr(by).unwrap_or(0),
            };
            let datatype = left.datatype;
            return self.checked(Typed::value(value & ones(bits), datatype, order, bits, span));
        }
        let kind = Kind::Binary(op, Box::new(left), Box::new(right));
        Ok(Typed { kind, datatype, order, bits, span })
    }

    /// Turns an expression into another byte order.
    pub(super) fn convert(&mut self, typed: &mut Typed, order: Order) -> Evaluated<()> {
        if typed.order == order {
            return Ok(());
        }
        if let Kind::Concat(parts) = &mut typed.kind {
            for part in parts.iter_mut().filter(|part| part.order != Order::Network) {
                if part.datatype.base == Base::Text {
                    continue;
                }
                match part.is_constant() {
                    true => part.order = Order::Network,
                    false if part.bytes() >= 2 => swap(part, order),
                    false => {}
                }
            }
            return Ok(());
        }
        match typed.datatype.base {
            Base::Text => return Ok(()),
            Base::Integer | Base::Bitmask => {}
            Base::Nothing | Base::Verdict => {
                let message = format!("a {} has no byte order", typed.noun());
                return Err(error(Code::NFT_TYPE, typed.span, message));
            }
        }
        match typed.is_constant() || typed.bytes() < 2 {
            true => typed.order = order,
            false => swap(typed, order),
        }
        Ok(())
    }
}

fn swap(typed: &mut Typed, order: Order) {
    let Typed { datatype, bits, span, .. } = *typed;
    let kind = Kind::Swap(Box::new(typed.clone()));
    *typed = Typed { kind, datatype, order, bits, span };
}

fn chain_length(typed: &Typed) -> u32 {
    match &typed.kind {
        Kind::Binary(_, left, _) => 1 + chain_length(left),
        _ => 0,
    }
}
