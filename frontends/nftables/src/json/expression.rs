//! Expressions: values, operators, prefixes, ranges, concatenations, sets, maps, verdicts.

use super::document::Value;
use super::{Parsed, Reader, error};
use crate::nearest::nearest;
use crate::syntax::ast::*;
use crate::syntax::short;
use bpfc_diag::Span;

/// How many operators may stand in a row.
const LONGEST_CHAIN: usize = 20;
/// How many parts a concatenation may have.
const MOST_PARTS: usize = 64;

const OPERATORS: [(&str, BinaryOp); 5] = [
    ("|", BinaryOp::Or),
    ("^", BinaryOp::Xor),
    ("&", BinaryOp::And),
    ("<<", BinaryOp::Left),
    (">>", BinaryOp::Right),
];

/// Expressions that are no selectors, for suggestions.
const EXPRESSIONS: &[&str] =
    &["concat", "set", "map", "prefix", "range", "accept", "drop", "continue", "return", "jump"];

impl Reader<'_> {
    pub(super) fn expression(&mut self, value: Value<'_>) -> Parsed<Expr> {
        let span = value.span();
        let kind = self.nested(span, |this| this.expression_kind(value))?;
        Ok(Expr { kind, span })
    }

    fn expression_kind(&mut self, value: Value<'_>) -> Parsed<ExprKind> {
        if let Some(is) = value.boolean() {
            return Ok(ExprKind::Boolean(is));
        }
        if value.is_string() {
            let text = value.string("a value")?;
            return Ok(match text.strip_prefix('@') {
                Some(set) => ExprKind::SetRef(set.to_owned()),
                None => ExprKind::Symbol(text),
            });
        }
        if value.is_array() {
            let parts = value.array("flags")?;
            return match parts.is_empty() {
                true => Err(error(value.span(), "a list is not empty")),
                false => Ok(ExprKind::List(self.expressions(&parts)?)),
            };
        }
        if !value.is_object() {
            return match value.integer() {
                Some(number) => Ok(ExprKind::Symbol(number.to_string())),
                None => Err(value.unexpected("an expression")),
            };
        }
        let object = value.object("an expression")?;
        let (name, of) = object.only()?;
        if let Some((_, op)) = OPERATORS.iter().find(|(known, _)| *known == name) {
            return self.binary(*op, of);
        }
        if let Some(verdict) = super::statement::verdict(name, of)? {
            return Ok(ExprKind::Verdict(verdict));
        }
        match name {
            "concat" => {
                let parts = of.array("the parts of a concatenation")?;
                match parts.len() {
                    0 | 1 => Err(error(of.span(), "a concatenation has two parts at least")),
                    2..=MOST_PARTS => Ok(ExprKind::Concat(self.expressions(&parts)?)),
                    _ => Err(error(of.span(), "a concatenation has too many parts")),
                }
            }
            "set" => self.set_or_reference(of),
            "map" => {
                let object = self.object(of, "the map", &["key", "data"])?;
                let key = self.expression(object.need("key")?)?;
                let map = self.expression(object.need("data")?)?;
                Ok(ExprKind::Map(Box::new(key), Box::new(map)))
            }
            "prefix" => {
                let object = self.object(of, "the prefix", &["addr", "len"])?;
                let base = self.expression(object.need("addr")?)?;
                let length = object.need("len")?.number(512, "a length")? as u32;
                Ok(ExprKind::Prefix(Box::new(base), length))
            }
            "range" => match of.array("the ends of a range")?.as_slice() {
                [low, high] => {
                    let low = self.expression(*low)?;
                    Ok(ExprKind::Range(Box::new(low), Box::new(self.expression(*high)?)))
                }
                _ => Err(error(of.span(), "a range has two ends")),
            },
            "elem" => Err(error(value.span(), "an element stands in a set")),
            _ => match self.selector(name, of)? {
                Some(selector) => Ok(ExprKind::Select(Box::new(selector))),
                None => Err(unknown(value.span(), name)),
            },
        }
    }

    /// Expressions, at one level.
    fn expressions(&mut self, values: &[Value<'_>]) -> Parsed<Vec<Expr>> {
        values.iter().map(|value| self.expression(*value)).collect()
    }

    /// A set, or with an `@` before its name a reference to one.
    fn set_or_reference(&mut self, value: Value<'_>) -> Parsed<ExprKind> {
        if value.is_string()
            && let Some(name) = value.string("a set")?.strip_prefix('@')
        {
            return Ok(ExprKind::SetRef(name.to_owned()));
        }
        self.set(value).map(|set| set.kind)
    }

    /// Operands in a row: the first two are combined, and their result with the next.
    fn binary(&mut self, op: BinaryOp, value: Value<'_>) -> Parsed<ExprKind> {
        let operands = value.array("an array of operands")?;
        if operands.len() > LONGEST_CHAIN + 1 {
            let message = format!("more than {LONGEST_CHAIN} operators stand in a row");
            return Err(error(value.span(), message));
        }
        let [first, rest @ ..] = operands.as_slice() else {
            return Err(error(value.span(), "an operator has two operands at least"));
        };
        if rest.is_empty() {
            return Err(error(value.span(), "an operator has two operands at least"));
        }
        let mut left = self.expression(*first)?;
        for operand in rest {
            let right = self.expression(*operand)?;
            let span = left.span.to(right.span);
            let kind = ExprKind::Binary(op, Box::new(left), Box::new(right));
            left = Expr { kind, span };
        }
        Ok(left.kind)
    }
}

fn unknown(span: Span, name: &str) -> bpfc_diag::Diagnostic {
    let message = format!("expected an expression, found `{}`", short(name));
    let mut wrong = error(span, message);
    let known = EXPRESSIONS.iter().chain(super::selector::NAMES).copied();
    let near = nearest(name, known);
    wrong.help = near.map(|near| format!("did you mean `{near}`?"));
    wrong
}
