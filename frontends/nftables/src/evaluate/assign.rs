//! Statements that give something a new value.

use super::bits::{field_shift, payload_below};
use super::context::{Context, Expect, StepKind};
use super::typed::{Kind, Load, Payload, Typed, fits, ones};
use super::{Evaluated, error};
use crate::datatype::{INTEGER, Order};
use crate::protocol::ExtensionKind;
use crate::protocol::Layer;
use crate::selector::{Key, MetaKey};
use crate::syntax::ast::{BinaryOp, Expr, ExprKind, Selector};
use bpfc_diag::{Code, Span};

impl Context<'_> {
    pub(super) fn assign(&mut self, target: &Expr, value: &Expr, span: Span) -> Evaluated<()> {
        let ExprKind::Select(selector) = &target.kind else {
            return Err(error(Code::NFT_TYPE, target.span, "this cannot be given a value"));
        };
        match &**selector {
            Selector::Meta(key) => self.assign_meta(key, value, target.span, span),
            Selector::Ct { key, .. } => self.assign_ct(key, selector, value, target.span, span),
            Selector::Payload { inner: None, .. } | Selector::Raw { .. } => {
                self.assign_payload(selector, value, target.span, span)
            }
            Selector::Payload { .. } => {
                let message = "what a tunnel carries cannot be changed";
                Err(error(Code::NFT_STATEMENT, target.span, message))
            }
            Selector::Extension { kind, number, field, is_presence: false }
                if *kind == ExtensionKind::Tcp =>
            {
                let typed = self.load_extension(*kind, *number, *field, false, target.span)?;
                let value = self.new_value(&typed, value)?;
                self.step(StepKind::Assign { target: typed, value }, span);
                Ok(())
            }
            _ => {
                let message = "this can only be looked at, it cannot be given a value";
                Err(error(Code::NFT_STATEMENT, target.span, message))
            }
        }
    }

    /// A value of the type of what it is assigned to.
    fn new_value(&mut self, target: &Typed, value: &Expr) -> Evaluated<Typed> {
        self.expect = Expect::one(target.datatype, target.order, target.bits);
        let mut value = self.expression(value)?;
        let is_number = target.datatype.is_number();
        if let Kind::Load(Load::Payload(_)) = &value.kind
            && value.datatype == &INTEGER
            && (!is_number || value.bits != target.bits)
        {
            let message = format!(
                "expected a value of the type {} with {} bits, this has {}",
                target.datatype.words, target.bits, value.bits
            );
            return Err(error(Code::NFT_TYPE, value.span, message));
        }
        if !fits(&target.parts(), &value.parts()) {
            return Err(self.mismatch(&target.parts(), &value));
        }
        match &value.kind {
            Kind::Set(_) | Kind::SetRef { .. } => {
                let message = format!("a {} is not one value", value.noun());
                return Err(error(Code::NFT_TYPE, value.span, message));
            }
            Kind::Range(..) | Kind::Prefix(..) | Kind::Verdict(_) => {
                let message = format!("a {} is not one value", value.noun());
                return Err(error(Code::NFT_TYPE, value.span, message));
            }
            Kind::Value(_) | Kind::Map { .. } => {}
            _ => {
                let is_address = target.datatype.name == "ipv4_addr"
                    && matches!(value.kind, Kind::Load(Load::Numgen { .. }));
                let is_route = matches!(value.kind, Kind::Load(Load::Rt(_)));
                if target.datatype.name == "mark" || is_address || is_route {
                    self.convert(&mut value, target.order)?;
                }
            }
        }
        Ok(value)
    }

    fn assign_meta(
        &mut self,
        key: &'static MetaKey,
        value: &Expr,
        at: Span,
        span: Span,
    ) -> Evaluated<()> {
        match key.name {
            "mark" | "priority" | "pkttype" | "nftrace" => {}
            "broute" => return self.outside("bridge", span),
            "secmark" => return self.outside("secmark", span),
            _ => {
                let message = format!("`meta {}` can only be looked at", key.name);
                return Err(error(Code::NFT_STATEMENT, at, message));
            }
        }
        self.statement_bits = key.bits;
        let kind = Kind::Load(Load::Meta { key, inner: None });
        let target =
            Typed { kind, datatype: key.datatype, order: key.order, bits: key.bits, span: at };
        let value = self.new_value(&target, value)?;
        self.step(StepKind::Assign { target, value }, span);
        Ok(())
    }

    fn assign_ct(
        &mut self,
        key: &'static Key,
        selector: &Selector,
        value: &Expr,
        at: Span,
        span: Span,
    ) -> Evaluated<()> {
        match key.name {
            "mark" => {}
            "zone" => return self.outside("zone", span),
            "event" => return self.outside("event", span),
            "label" => return self.outside("label", span),
            "secmark" => return self.outside("secmark", span),
            "helper" => return self.outside("helper", span),
            _ => {
                let message = format!("`ct {}` can only be looked at", key.name);
                return Err(error(Code::NFT_STATEMENT, at, message));
            }
        }
        self.statement_bits = key.bits;
        let target = self.select(selector, at)?;
        let value = self.new_value(&target, value)?;
        self.step(StepKind::Assign { target, value }, span);
        Ok(())
    }

    fn assign_payload(
        &mut self,
        selector: &Selector,
        value: &Expr,
        at: Span,
        span: Span,
    ) -> Evaluated<()> {
        self.is_payload_statement = true;
        let mut target = self.select(selector, at)?;
        let mut value = self.new_value(&target, value)?;
        if !value.is_constant() && !matches!(value.kind, Kind::Map { .. }) {
            self.convert(&mut value, Order::Network)?;
        }
        let Kind::Load(Load::Payload(payload)) = &target.kind else { return Ok(()) };
        let payload = payload.clone();
        let is_aligned = needs_even_bytes(&payload);
        let is_whole = payload.offset.is_multiple_of(8) && target.bits.is_multiple_of(8);
        if !is_whole || is_aligned && target.bits / 8 % 2 == 1 {
            widen(&payload, &mut target, &mut value, is_aligned)?;
        }
        self.step(StepKind::Assign { target, value }, span);
        Ok(())
    }
}

/// Checksums are corrected, and VLAN tags stored, by words of 16 bits.
fn needs_even_bytes(payload: &Payload) -> bool {
    let has_checksum = payload.protocol.is_some_and(|protocol| protocol.checksum.is_some());
    let is_vlan = payload.layer == Layer::Link
        && payload.protocol.is_some_and(|protocol| protocol.name == "vlan");
    payload.layer == Layer::Inner || has_checksum || is_vlan
}

/// Stores whole words in place of some of their bits: the others are loaded and kept.
fn widen(
    payload: &Payload,
    target: &mut Typed,
    value: &mut Typed,
    is_aligned: bool,
) -> Evaluated<()> {
    let field = target.bits;
    let mut offset = payload.offset / 8;
    let (mut shift, extra) = field_shift(payload.offset, field);
    let mut bytes = (field + extra).div_ceil(8);
    if is_aligned && bytes % 2 == 1 {
        bytes += 1;
        match offset % 2 {
            1 => offset -= 1,
            _ => shift += 8,
        }
    }
    if bytes > 16 {
        let message =
            format!("a field that is not whole bytes spans 16 bytes at most, not {bytes}");
        return Err(error(Code::NFT_STATEMENT, target.span, message));
    }
    let bits = bytes * 8;
    let whole = Payload { offset: offset * 8, is_raw: true, ..payload.clone() };
    let load = Typed { kind: Kind::Load(Load::Payload(whole.clone())), bits, ..target.clone() };
    let others = ones(bits) & !(ones(field) << shift);
    let is_same = payload_below(value).is_some_and(|below| match &below.kind {
        Kind::Load(Load::Payload(other)) => {
            (other.layer, other.offset, below.bits) == (payload.layer, payload.offset, field)
        }
        _ => false,
    });
    match &mut value.kind {
        Kind::Binary(..) if is_same => adjust(value, &load, shift, others)?,
        Kind::Value(_) | Kind::Binary(..) => {
            if let Kind::Value(value) = &mut value.kind {
                *value <<= shift;
                // The value takes part in an operation on whole words.
            }
            value.bits = bits;
            value.order = Order::Network;
            let mask = Typed::value(others, &INTEGER, Order::Network, bits, target.span);
            let kind = Kind::Binary(BinaryOp::And, Box::new(load), Box::new(mask));
            let kept = Typed { kind, bits, ..target.clone() };
            let kind = Kind::Binary(BinaryOp::Xor, Box::new(kept), Box::new(value.clone()));
            *value = Typed { kind, bits, order: Order::Network, ..target.clone() };
        }
        _ => {
            let message = "a field that is not whole words takes a constant or changes itself";
            return Err(error(Code::NFT_STATEMENT, value.span, message));
        }
    }
    target.kind = Kind::Load(Load::Payload(Payload { is_raw: payload.is_raw, ..whole }));
    target.bits = bits;
    Ok(())
}

/// An operation on a field becomes one on the words that hold it.
fn adjust(value: &mut Typed, load: &Typed, shift: u32, others: u128) -> Evaluated<()> {
    value.bits = load.bits;
    let Kind::Binary(op, left, right) = &mut value.kind else {
        *value = load.clone();
        return Ok(());
    };
    adjust(left, load, shift, others)?;
    match &mut right.kind {
        Kind::Value(bits) => {
            *bits <<= shift;
            if *op == BinaryOp::And {
                *bits |= others;
            }
            right.bits = load.bits;
            Ok(())
        }
        _ => {
            let message = "a field that is not whole words is combined with constants alone";
            Err(error(Code::NFT_STATEMENT, right.span, message))
        }
    }
}
