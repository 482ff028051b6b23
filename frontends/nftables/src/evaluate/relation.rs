//! Matches.

use super::context::{Context, Expect, StepKind};
use super::set::check_addresses;
use super::typed::{Kind, Load, Typed, same_type};
use super::{Evaluated, error};
use crate::datatype::{BOOLEAN, Base, Order};
use crate::syntax::ast::{Expr, ExprKind, RelationOp, SetItem};
use bpfc_diag::{Code, Diagnostic, Span};

impl Context<'_> {
    pub(super) fn relation(
        &mut self,
        left: &Expr,
        op: RelationOp,
        right: &Expr,
        span: Span,
    ) -> Evaluated<()> {
        self.expect = Expect::default();
        // A set says what the constants in a concatenation before it are.
        if let ExprKind::SetRef(name) = &right.kind {
            self.expect = Expect::parts(self.named_set(name, right.span)?.key.clone());
            self.expect.is_key = true;
        }
        let mut op = op;
        let mut left = self.expression(left)?;
        if let Kind::Load(Load::Fib { is_presence, .. }) = &mut left.kind
            && matches!(right.kind, ExprKind::Boolean(_))
        {
            *is_presence = true;
            (left.datatype, left.bits) = (&BOOLEAN, 8);
            self.expect = Expect::one(&BOOLEAN, Order::Host, 8);
        }
        let is_cyclic = matches!(&left.kind, Kind::Load(Load::Meta { key, .. })
            if key.name == "hour" || key.name == "day");
        let mut value = right;
        while let ExprKind::Variable(inner) = &value.kind {
            value = inner;
        }
        let mut right = match &value.kind {
            ExprKind::Range(low, high) if is_cyclic => {
                let (typed, low, high) = self.range_ends(low, high, value.span)?;
                // Past midnight: all but what lies between.
                let (low, high) = match low > high {
                    true => {
                        op = match op {
                            RelationOp::Eq | RelationOp::Implicit => RelationOp::Neq,
                            RelationOp::Neq => RelationOp::Eq,
                            other => other,
                        };
                        (high, low)
                    }
                    false => (low, high),
                };
                let kind = if low == high { Kind::Value(low) } else { Kind::Range(low, high) };
                Typed { kind, span: value.span, ..typed }
            }
            _ => self.expression(value)?,
        };
        self.check_sides(&left, &right, span)?;
        self.warn_of_exact_flags(op, &left, value, &right);
        if matches!(op, RelationOp::Eq | RelationOp::Implicit | RelationOp::Neq)
            && !matches!(left.kind, Kind::Concat(_))
            && let Kind::Set(items) = &mut right.kind
            && let [one] = items.as_mut_slice()
        {
            let is_plain = one.statements() == 0;
            if is_plain && let Some(key) = one.key.take_if(|_| true) {
                right = key;
            }
            let is_flags =
                right.datatype.base == Base::Bitmask && right.datatype.name != "ct_state";
            if op == RelationOp::Implicit && is_flags {
                op = RelationOp::Eq;
            }
        }
        match op {
            RelationOp::Eq | RelationOp::Implicit | RelationOp::Neq | RelationOp::Not => {
                if matches!(op, RelationOp::Eq | RelationOp::Implicit) {
                    self.protocols().learn(&left, &right);
                }
                if op == RelationOp::Not {
                    check_negation(&left, &right)?;
                }
                right = self.equality(&mut left, right)?;
            }
            RelationOp::Lt | RelationOp::Gt | RelationOp::Lte | RelationOp::Gte => {
                if matches!(left.kind, Kind::Concat(_)) {
                    let message = "concatenations are not ordered";
                    return Err(error(Code::NFT_TYPE, left.span, message));
                }
                if !matches!(right.kind, Kind::Value(_)) {
                    let message = format!("a {} is not ordered", right.noun());
                    return Err(error(Code::NFT_TYPE, right.span, message));
                }
                self.convert(&mut left, Order::Network)?;
                self.convert(&mut right, Order::Network)?;
            }
        }
        self.transfer(&mut left, &mut right)?;
        self.step(StepKind::Match { left, op, right }, span);
        Ok(())
    }

    /// Flags that are compared exactly though they look as if each of them were meant.
    fn warn_of_exact_flags(&mut self, op: RelationOp, left: &Typed, written: &Expr, right: &Typed) {
        if left.datatype.base != Base::Bitmask {
            return;
        }
        let message = match (&written.kind, op) {
            (ExprKind::List(_), RelationOp::Neq) => {
                "this matches all values but exactly the one that has these flags and no others"
            }
            (ExprKind::Set(items), _) if items.len() > 1 => match left.datatype.name {
                "ct_status" => {
                    "this compares with exact values, and connections have other flags beside these"
                }
                "ct_label" => {
                    "this compares with exact values: a connection with another label beside one of \
                     these matches none of them"
                }
                "tcp_flag" if is_plain(left) && items.iter().all(is_one_flag) => {
                    "this compares with exact values: a segment with another flag beside one of \
                     these matches none of them"
                }
                _ => return,
            },
            _ => return,
        };
        let mut warning = Diagnostic::warning(Code::NFT_SEEMS, Some(right.span), message);
        warning.help = Some(match op {
            RelationOp::Neq => "a set asks for none of them: != { a, b }".to_owned(),
            _ => "flags with commas between them ask for any of them: a, b".to_owned(),
        });
        self.diagnostics.push(warning);
    }

    fn check_sides(&self, left: &Typed, right: &Typed, span: Span) -> Evaluated<()> {
        if left.is_constant() {
            let message = "the left side of a match is what is looked at, not a constant";
            return Err(error(Code::NFT_TYPE, left.span, message));
        }
        if !right.is_constant() || matches!(right.kind, Kind::Verdict(_)) {
            let message = "the right side of a match is constant";
            return Err(error(Code::NFT_TYPE, right.span, message));
        }
        if matches!(left.kind, Kind::Map { .. }) {
            let message = "what a map yields cannot be matched";
            return Err(error(Code::NFT_TYPE, left.span, message));
        }
        if !matches!(right.kind, Kind::Set(_)) && !same_type(&left.parts(), &right.parts()) {
            return Err(self.mismatch(&left.parts(), right));
        }
        let is_secmark = match &left.kind {
            Kind::Load(Load::Meta { key, .. }) => key.name == "secmark",
            Kind::Load(Load::Ct { key, .. }) => key.name == "secmark",
            _ => false,
        };
        if is_secmark {
            let message = "a security mark (secmark) cannot be compared with a constant";
            return Err(error(Code::NFT_TYPE, span, message));
        }
        Ok(())
    }

    /// The right side of a test for equality, in the byte order of the left side.
    fn equality(&mut self, left: &mut Typed, mut right: Typed) -> Evaluated<Typed> {
        match &right.kind {
            Kind::Range(..) => {
                self.convert(left, Order::Network)?;
                self.convert(&mut right, Order::Network)?;
            }
            Kind::Prefix(..) | Kind::Value(_) => {
                if right.datatype.base != Base::Text {
                    right.order = left.order;
                }
            }
            Kind::Set(_) => {
                check_addresses(left)?;
                return self.anonymous(left, right, None);
            }
            Kind::SetRef { is_interval, .. } => {
                check_addresses(left)?;
                if *is_interval {
                    self.convert(left, Order::Network)?;
                }
            }
            Kind::Concat(_) => {
                let message = "a concatenation is matched with a set";
                let mut diagnostic = error(Code::NFT_TYPE, right.span, message);
                diagnostic.help = Some("put braces around it".to_owned());
                return Err(diagnostic);
            }
            _ => {
                let message = format!("a {} cannot be matched with", right.noun());
                return Err(error(Code::NFT_TYPE, right.span, message));
            }
        }
        Ok(right)
    }
}

/// Whether all flags are compared, none of them masked away.
fn is_plain(left: &Typed) -> bool {
    !matches!(left.kind, Kind::Binary(..))
}

/// Whether an element of a set names one flag: who combines some means exact values.
fn is_one_flag(item: &SetItem) -> bool {
    item.key.as_ref().is_some_and(|key| !matches!(key.kind, ExprKind::Binary(..)))
}

fn check_negation(left: &Typed, right: &Typed) -> Evaluated<()> {
    let is_flags = matches!(right.kind, Kind::Value(_)) && right.datatype.base == Base::Bitmask;
    if is_flags && !matches!(left.kind, Kind::Binary(..)) {
        return Ok(());
    }
    let message = "`!` asks for flags that are not set";
    let mut diagnostic = error(Code::NFT_TYPE, right.span, message);
    diagnostic.help = Some("did you mean `!=`?".to_owned());
    Err(diagnostic)
}
