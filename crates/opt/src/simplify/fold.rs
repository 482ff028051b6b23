//! Constants: operations on them, and comparisons whose answer does not depend on the number.

use bpfc_ir::{BinaryOp, Block, Condition, Function, Op, Terminator, Type};

/// Answers whether a branch has become a jump. Definitions come before uses in `order`.
pub(super) fn run(function: &mut Function, order: &[Block]) -> bool {
    let mut changed = false;
    for &block in order {
        for at in 0..function.blocks[block].insts.len() {
            let inst = function.blocks[block].insts[at];
            let data = &function.insts[inst];
            let Some(result) = data.result.expand() else { continue };
            let ty = function.values[result].ty;
            if let Some(value) = evaluate(function, &data.op, ty) {
                function.insts[inst].op = Op::Const(ty, value);
            }
        }
        let terminator = &function.blocks[block].terminator;
        if let Some(value) = terminator.arg().and_then(|value| function.constant(value)) {
            let to = match *terminator {
                Terminator::Branch { otherwise, .. } if value == 0 => otherwise,
                Terminator::Branch { then, .. } => then,
                Terminator::Switch(ref switch) => switch.target(value),
                _ => continue,
            };
            function.blocks[block].terminator = Terminator::Jump(to);
            changed = true;
        }
    }
    changed
}

/// What an operation always yields, where that is known.
fn evaluate(function: &Function, op: &Op, ty: Type) -> Option<u128> {
    let known = |value| function.constant(value);
    match *op {
        Op::Extend(_, value) => known(value),
        Op::Truncate(ty, value) => Some(known(value)? & ty.max()),
        Op::Binary(op, a, b) => binary(op, ty, known(a)?, known(b)?),
        Op::Compare(condition, a, b) => {
            let holds = match (known(a), known(b)) {
                (Some(a), Some(b)) => condition.holds(a, b),
                (None, Some(b)) => with_any(condition, b, function.ty(a).max())?,
                (Some(a), None) => with_any(condition.mirrored(), a, function.ty(b).max())?,
                (None, None) if a == b => condition.holds(0, 0),
                (None, None) => return None,
            };
            Some(holds.into())
        }
        Op::InRange(value, ref ends) => match known(value) {
            Some(value) => Some((ends.0..=ends.1).contains(&value).into()),
            None => (ends.0 == 0 && ends.1 >= function.ty(value).max()).then_some(1),
        },
        _ => None,
    }
}

fn binary(op: BinaryOp, ty: Type, a: u128, b: u128) -> Option<u128> {
    let value = match op {
        BinaryOp::And => a & b,
        BinaryOp::Or => a | b,
        BinaryOp::Xor => a ^ b,
        BinaryOp::Add => a.wrapping_add(b),
        BinaryOp::Sub => a.wrapping_sub(b),
        BinaryOp::Mul => a.wrapping_mul(b),
        BinaryOp::Div => a.checked_div(b).unwrap_or(0),
        BinaryOp::Rem => a.checked_rem(b).unwrap_or(a),
        BinaryOp::Min => a.min(b),
        // The verifier keeps amounts below the width.
        BinaryOp::Shl => a.checked_shl(u32::try_from(b).ok()?)?,
        BinaryOp::Shr => a.checked_shr(u32::try_from(b).ok()?)?,
    };
    Some(value & ty.max())
}

/// Whether the condition holds between any number up to `max` and `b`; none where that depends.
fn with_any(condition: Condition, b: u128, max: u128) -> Option<bool> {
    match condition {
        Condition::Lt if b == 0 => Some(false),
        Condition::Ge if b == 0 => Some(true),
        Condition::Le if b >= max => Some(true),
        Condition::Gt if b >= max => Some(false),
        _ => None,
    }
}
