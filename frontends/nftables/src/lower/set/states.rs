//! What elements of sets keep: the statements that are evaluated when a packet finds them.

use crate::lower::statement::state_of;
use crate::lower::{Lowered, unsupported};
use crate::model::{Element, Expression, Operation, Set};
use bpfc_ir::FieldDef;

/// The statements of an element: its own, or those of its set.
pub(in crate::lower) fn expressions<'r>(set: &'r Set, element: &'r Element) -> &'r [Expression] {
    match element.expressions().is_empty() {
        true => &set.expressions,
        false => element.expressions(),
    }
}

/// The states of statements.
pub(super) fn fields(expressions: &[Expression]) -> Lowered<Vec<FieldDef>> {
    let field = |of: &Expression| {
        let (kind, onward) = state_of(&template(&of.operation))
            .ok_or_else(|| unsupported(of, "this statement of elements"))?;
        Ok(FieldDef::State(kind, onward))
    };
    expressions.iter().map(field).collect()
}

/// A statement without what it has counted.
pub(super) fn template(operation: &Operation) -> Operation {
    match operation {
        Operation::Counter { .. } => Operation::Counter { packets: 0, bytes: 0 },
        Operation::Last { .. } => Operation::Last { used: None },
        &Operation::Quota { bytes, is_over, .. } => Operation::Quota { bytes, used: 0, is_over },
        other => other.clone(),
    }
}

/// Whether two lists of statements are the same but for what they have counted.
pub(super) fn are_alike(one: &[Expression], other: &[Expression]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|(a, b)| template(&a.operation) == template(&b.operation))
}

/// What statements begin with ([`bpfc_ir::StateKind::begin`]).
pub(super) fn begin(expressions: &[Expression]) -> impl Iterator<Item = u128> + '_ {
    expressions.iter().map(|of| match of.operation {
        Operation::Counter { packets, bytes } => u128::from(packets) | u128::from(bytes) << 64,
        Operation::Quota { bytes, used, .. } => used.min(bytes).into(),
        Operation::Last { used: Some(ago) } => u128::from(ago.min(1 << 31)) + 1,
        _ => 0,
    })
}
