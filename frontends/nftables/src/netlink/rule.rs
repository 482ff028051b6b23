//! A rule: its expressions, and what is said of it.

use super::attributes::{Attributes, Damage};
use super::expression::{Refusal, Source};
use super::set::comment;
use crate::model::{Comparison, Endian, Expression, Operation, Rule, SetName};
use std::collections::BTreeMap;

/// Reads a rule.
pub(super) fn rule(
    attributes: &Attributes<'_>,
    sets: &BTreeMap<String, SetName>,
    endian: Endian,
) -> Result<Rule, Damage> {
    let mut expressions: Vec<Expression> = Vec::new();
    if let Some(list) = attributes.maybe_nested(4)? {
        for (_, one) in list.iter() {
            let source = Source::read(&Attributes::read(one)?, sets, 0)?;
            let operation = match source.operation() {
                Ok(operation) => operation,
                Err(Refusal::Damaged(damage)) => return Err(damage),
                Err(Refusal::Unknown(what)) => Operation::Unread { what },
            };
            let is_outside = matches!(operation, Operation::Outside { .. });
            if is_outside {
                // What it takes from registers belongs to it.
                while let Some(Operation::Immediate { .. }) =
                    expressions.last().map(|expression| &expression.operation)
                {
                    expressions.pop();
                }
            }
            expressions.push(Expression { operation, span: None });
            if is_outside {
                break;
            }
        }
    }
    let handle = attributes.find(3).map_or(Ok(0), |handle| handle.be64())?;
    let comment = comment(attributes, 7, endian);
    Ok(Rule { handle, expressions, comment, span: None, text: None })
}

/// Nft before 1.1 asks for a range by two comparisons, later ones by one expression.
pub(super) fn fold_ranges(expressions: &mut Vec<Expression>) {
    let mut at = 1;
    while at < expressions.len() {
        let range = match (&expressions[at - 1].operation, &expressions[at].operation) {
            (
                Operation::Compare { op: Comparison::Gte, register, data: from },
                Operation::Compare { op: Comparison::Lte, register: same, data: to },
            ) if register == same => {
                let (register, from, to) = (*register, from.clone(), to.clone());
                Operation::Range { is_not: false, register, from, to }
            }
            _ => {
                at += 1;
                continue;
            }
        };
        expressions[at - 1].operation = range;
        expressions.remove(at);
    }
}
