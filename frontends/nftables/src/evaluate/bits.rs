//! Fields that are not whole bytes: the bytes are loaded, the field's bits are kept and shifted
//! down. Where the field is compared with a constant, the constant is shifted up instead.

use super::context::Context;
use super::typed::{Item, Kind, Load, Typed, ones};
use super::{Evaluated, error};
use crate::datatype::{INTEGER, Order};
use crate::syntax::ast::BinaryOp;
use bpfc_diag::Code;

/// By how much a field must be shifted down, and how many bits more than its own are loaded.
pub(super) fn field_shift(offset: u32, bits: u32) -> (u32, u32) {
    let begins = offset % 8;
    let mut loaded = bits.next_multiple_of(8);
    let mut extra = 0;
    while loaded < begins + bits {
        loaded += 8;
        extra += 8;
    }
    (loaded - begins - bits, extra)
}

impl Context<'_> {
    /// The load of a field, reduced to the field's bits.
    pub(super) fn whole_bytes(&mut self, mut load: Typed, offset: u32) -> Typed {
        let is_whole = offset.is_multiple_of(8) && load.bits.is_multiple_of(8);
        if is_whole || self.is_payload_statement {
            return load;
        }
        let (shift, extra) = field_shift(offset, load.bits);
        let (bits, order, datatype, span) =
            (load.bits + shift, load.order, load.datatype, load.span);
        let mask = Typed::value(ones(load.bits) << shift, &INTEGER, Order::Host, bits, span);
        load.bits += extra;
        let kind = Kind::Binary(BinaryOp::And, Box::new(load), Box::new(mask));
        let mut kept = Typed { kind, datatype, order, bits, span };
        if shift == 0 {
            return kept;
        }
        if (self.expect.is_key || self.statement_bits > 0) && bits.div_ceil(8) > 1 {
            let kind = Kind::Swap(Box::new(kept));
            kept = Typed { kind, datatype, order: Order::Host, bits, span };
        }
        let order = kept.order;
        let by = Typed::value(shift.into(), &INTEGER, Order::Host, 8, span);
        let kind = Kind::Binary(BinaryOp::Right, Box::new(kept), Box::new(by));
        Typed { kind, datatype, order, bits, span }
    }

    /// Moves a shift or an exclusive or from what is loaded to the constants beside it.
    pub(super) fn transfer(&mut self, left: &mut Typed, right: &mut Typed) -> Evaluated<()> {
        let Kind::Binary(op, below, by) = &left.kind else { return Ok(()) };
        let Kind::Value(by) = by.kind else { return Ok(()) };
        if !matches!(op, BinaryOp::Left | BinaryOp::Right | BinaryOp::Xor) {
            return Ok(());
        }
        let (op, bits) = (*op, left.bits.max(below.bits));
        let movable = match &mut right.kind {
            Kind::Value(_) | Kind::Range(..) => true,
            Kind::Set(items) => items.iter().all(is_plain),
            _ => false,
        };
        if !movable {
            return Ok(());
        }
        match &mut right.kind {
            Kind::Set(items) => {
                for key in items.iter_mut().filter_map(|item| item.key.as_mut()) {
                    transfer_one(op, by, bits, key)?;
                }
            }
            _ => transfer_one(op, by, bits, right)?,
        }
        let Kind::Binary(op, below, by) = &mut left.kind else { return Ok(()) };
        match op {
            BinaryOp::Right => {
                let Kind::Value(shift) = by.kind else { return Ok(()) };
                by.kind = Kind::Value(ones(below.bits) & shifted(u128::MAX, shift));
                by.bits = below.bits;
                *op = BinaryOp::And;
            }
            _ => {
                let mut below = (**below).clone();
                below.datatype = left.datatype;
                *left = below;
            }
        }
        Ok(())
    }
}

fn is_plain(item: &Item) -> bool {
    item.key.as_ref().is_some_and(|key| matches!(key.kind, Kind::Value(_)))
}

fn shifted(value: u128, by: u128) -> u128 {
    u32::try_from(by).ok().and_then(|by| value.checked_shl(by)).unwrap_or(0)
}

fn transfer_one(op: BinaryOp, by: u128, bits: u32, right: &mut Typed) -> Evaluated<()> {
    let move_value = |value: u128| match op {
        BinaryOp::Right => Some(shifted(value, by)),
        BinaryOp::Left => {
            let down = u32::try_from(by).ok().and_then(|by| value.checked_shr(by)).unwrap_or(0);
            (shifted(down, by) == value).then_some(down)
        }
        _ => Some(value ^ by),
    };
    let never = || error(Code::NFT_TYPE, right.span, "the comparison is always false");
    right.kind = match &right.kind {
        Kind::Value(value) => Kind::Value(move_value(*value).ok_or_else(never)?),
        Kind::Range(low, high) => {
            let (low, high) = (move_value(*low), move_value(*high));
            Kind::Range(low.ok_or_else(never)?, high.ok_or_else(never)?)
        }
        _ => return Ok(()),
    };
    right.bits = right.bits.max(bits);
    Ok(())
}

/// The payload that an expression of a field begins with.
pub(super) fn payload_below(typed: &Typed) -> Option<&Typed> {
    match &typed.kind {
        Kind::Load(Load::Payload(_)) => Some(typed),
        Kind::Binary(_, left, _) => payload_below(left),
        _ => None,
    }
}
