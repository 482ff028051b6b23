//! Neighbouring comparisons of neighbouring bytes become one, as nft has it; and what a family says
//! already is left out.

use super::context::{Step, StepKind};
use super::typed::{Kind, Load, Payload, Typed};
use crate::datatype::{INTEGER, Order};
use crate::model::Family;
use crate::protocol::Layer;
use crate::syntax::ast::RelationOp;

/// The steps of a rule, fewer where possible.
pub(super) fn merge(steps: Vec<Step>, family: Family) -> Vec<Step> {
    let mut steps: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    let mut group = Vec::new();
    let mut redundant = None;
    for index in 0..steps.len() {
        if let Some(redundant) = redundant.take() {
            steps[redundant as usize] = None;
        }
        let Some(Step { kind: StepKind::Match { left, op, right }, .. }) = &steps[index] else {
            join(&mut steps, &group);
            group.clear();
            continue;
        };
        let is_equality = matches!(op, RelationOp::Eq | RelationOp::Implicit);
        let Kind::Value(value) = right.kind else { continue };
        match &left.kind {
            Kind::Load(Load::Payload(_)) if is_equality => group.push(index),
            Kind::Load(Load::Meta { key, inner: None }) if is_equality => {
                let of_family = match family {
                    Family::Ip => 0x0800,
                    Family::Ip6 => 0x86dd,
                    _ => continue,
                };
                redundant = (key.name == "protocol" && value == of_family).then_some(index as u32);
            }
            _ => {}
        }
    }
    join(&mut steps, &group);
    steps.into_iter().flatten().collect()
}

fn payload_of(step: &Option<Step>) -> Option<(&Typed, &Payload, &Typed)> {
    match &step.as_ref()?.kind {
        StepKind::Match { left, right, .. } => match &left.kind {
            Kind::Load(Load::Payload(payload)) => Some((left, payload, right)),
            _ => None,
        },
        _ => None,
    }
}

/// Makes one comparison of those of adjacent bytes.
fn join(steps: &mut [Option<Step>], group: &[usize]) {
    let mut order: Vec<usize> = group.to_vec();
    order.sort_by_key(|index| payload_of(&steps[*index]).map(|(_, p, _)| (p.layer, p.offset)));
    let Some((mut last, rest)) = order.split_first().map(|(first, rest)| (*first, rest)) else {
        return;
    };
    for this in rest.iter().copied() {
        let Some(joined) = joined(&steps[last], &steps[this]) else {
            last = this;
            continue;
        };
        // A comparison that says which protocol follows stays where it is.
        let is_key = payload_of(&steps[this]).is_some_and(|(_, payload, _)| payload.is_key);
        let (kept, gone) = if is_key { (this, last) } else { (last, this) };
        steps[gone] = None;
        steps[kept] = Some(joined);
        last = kept;
    }
}

fn joined(a: &Option<Step>, b: &Option<Step>) -> Option<Step> {
    let (left_a, a_payload, right_a) = payload_of(a)?;
    let (left_b, b_payload, right_b) = payload_of(b)?;
    let is_adjacent = a_payload.layer == b_payload.layer
        && a_payload.inner == b_payload.inner
        && a_payload.offset + left_a.bits == b_payload.offset;
    let whole = [a_payload.offset, left_a.bits, b_payload.offset, left_b.bits];
    let total = left_a.bits + left_b.bits;
    let is_cheaper =
        total <= 32 || a_payload.layer == Layer::Link || left_a.bits > 32 || left_b.bits > 32;
    if !is_adjacent || whole.iter().any(|bits| bits % 8 != 0) || total > 128 || !is_cheaper {
        return None;
    }
    let (Kind::Value(value_a), Kind::Value(value_b)) = (&right_a.kind, &right_b.kind) else {
        return None;
    };
    let span = a.as_ref()?.span;
    let payload = Payload {
        protocol: None,
        field: None,
        is_raw: false,
        is_key: b_payload.is_key,
        ..a_payload.clone()
    };
    let left = Typed {
        kind: Kind::Load(Load::Payload(payload)),
        datatype: &INTEGER,
        order: Order::Network,
        bits: total,
        span,
    };
    let value = value_a << left_b.bits | value_b;
    let right = Typed::value(value, &INTEGER, Order::Network, total, span);
    Some(Step { kind: StepKind::Match { left, op: RelationOp::Eq, right }, span })
}
