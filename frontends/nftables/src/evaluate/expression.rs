//! Expressions to typed ones.

use super::context::{Context, Expect};
use super::typed::{CONCATENATION, Kind, Typed, ones, type_words};
use super::{Evaluated, error};
use crate::datatype::{BOOLEAN, Base, Order, VERDICT, text_value};
use crate::model::{self, SetName, TypedPart, padded_bits};
use crate::syntax::ast::{Expr, ExprKind, Verdict};
use bpfc_abi::raw;
use bpfc_diag::{Code, Span};

impl Context<'_> {
    /// An expression of the type that is expected. A selector sets what is expected beside it.
    pub(super) fn expression(&mut self, expr: &Expr) -> Evaluated<Typed> {
        self.deeper(expr.span, |context| context.expression_kind(expr))
    }

    fn expression_kind(&mut self, expr: &Expr) -> Evaluated<Typed> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Symbol(word) => self.symbol(word, span),
            ExprKind::Boolean(is) => {
                let value = Typed::value(u128::from(*is), &BOOLEAN, Order::Host, 1, span);
                self.checked(value)
            }
            ExprKind::Variable(value) => self.expression(value),
            ExprKind::SetRef(name) => {
                let set = self.named_set(name, span)?;
                let (key, is_interval) = (set.key.clone(), set.flags.interval);
                let bits = set.key_bits();
                self.expect = Expect::parts(key.clone());
                let (datatype, order) = match key.as_slice() {
                    [one] => (one.datatype, one.order),
                    _ => (&CONCATENATION, Order::Unknown),
                };
                let name = SetName::Named(name.clone());
                let kind = Kind::SetRef { name, key, is_interval };
                Ok(Typed { kind, datatype, order, bits, span })
            }
            ExprKind::Select(selector) => self.select(selector, span),
            ExprKind::Binary(op, left, right) => self.binary(*op, left, right, span),
            ExprKind::Prefix(of, length) => self.prefix(of, *length, span),
            ExprKind::Range(low, high) => self.range(low, high, span),
            ExprKind::Concat(parts) => self.concat(parts, span),
            ExprKind::List(parts) => self.list(parts, span),
            ExprKind::Set(items) => self.items(items, None, span),
            ExprKind::Map(key, map) => self.map(key, map, span),
            ExprKind::Verdict(verdict) => self.verdict(verdict, span),
        }
    }

    fn symbol(&mut self, word: &str, span: Span) -> Evaluated<Typed> {
        let part = match self.expect.parts.as_slice() {
            [one] => *one,
            [] => {
                let message = format!("nothing says what type of value `{word}` is");
                return Err(error(Code::NFT_TYPE, span, message));
            }
            parts => {
                let message = format!("expected a concatenation of the type {}", type_words(parts));
                return Err(error(Code::NFT_TYPE, span, message));
            }
        };
        let datatype = part.datatype;
        match datatype.base {
            Base::Text => return self.text(word, part, span),
            Base::Verdict => {
                let message = format!("`{word}` is not a verdict");
                let mut diagnostic = error(Code::NFT_TYPE, span, message);
                diagnostic.help = Some(format!("did you mean `jump {word}`?"));
                return Err(diagnostic);
            }
            _ => {}
        }
        match datatype.read(word, self.machine) {
            Ok(meaning) => self.checked(Typed::value(
                meaning.value,
                datatype,
                meaning.order,
                meaning.bits,
                span,
            )),
            Err(none) => {
                let mut diagnostic = error(Code::NFT_VALUE, span, none.message);
                diagnostic.help = none.help;
                Err(diagnostic)
            }
        }
    }

    /// A number within the width and limit that are expected, which it takes.
    pub(super) fn checked(&mut self, mut typed: Typed) -> Evaluated<Typed> {
        let Kind::Value(value) = typed.kind else { return Ok(typed) };
        let part = self.expect.part();
        let bits = self.statement_bits.max(part.bits);
        let most = match self.expect.most {
            0 => ones(bits),
            most => most.min(ones(bits)),
        };
        if value > most {
            let message = format!("{value} is out of range: the largest value here is {most}");
            return Err(error(Code::NFT_VALUE, typed.span, message));
        }
        typed.order = part.order;
        typed.bits = bits;
        Ok(typed)
    }

    /// Text, perhaps with a wildcard at its end.
    fn text(&mut self, word: &str, part: TypedPart, span: Span) -> Evaluated<Typed> {
        let TypedPart { datatype, bits, .. } = part;
        if word.is_empty() {
            return Err(error(Code::NFT_VALUE, span, "a text is not empty"));
        }
        let length = u32::try_from(raw::length(word)).unwrap_or(u32::MAX).saturating_add(1);
        if bits == 0 || length.saturating_mul(8) > bits {
            let most = (bits / 8).saturating_sub(1);
            let message = format!("the text is longer than {most} characters");
            return Err(error(Code::NFT_VALUE, span, message));
        }
        let kind = match word.strip_suffix('*') {
            None => Kind::Value(text_value(word)),
            Some("") => {
                let message = "`*` alone matches everything; leave the match out";
                return Err(error(Code::NFT_VALUE, span, message));
            }
            Some(before) if before.ends_with('\\') => {
                Kind::Value(text_value(&word.replace('\\', "")))
            }
            Some(before) => Kind::Prefix(text_value(before), (length - 2) * 8),
        };
        Ok(Typed { kind, datatype, order: Order::Host, bits, span })
    }

    fn prefix(&mut self, of: &Expr, length: u32, span: Span) -> Evaluated<Typed> {
        let base = self.expression(of)?;
        let Kind::Value(value) = base.kind else {
            return Err(error(Code::NFT_TYPE, span, "a prefix is of a constant value"));
        };
        if !base.datatype.is_number() {
            let message = format!("a value of the type {} has no prefix", base.datatype.words);
            return Err(error(Code::NFT_TYPE, span, message));
        }
        if length > base.bits {
            let message = format!("a prefix of {length} is longer than {} bits", base.bits);
            return Err(error(Code::NFT_VALUE, span, message));
        }
        let kept = value & !ones(base.bits - length);
        Ok(Typed { kind: Kind::Prefix(kept, length), span, ..base })
    }

    /// The ends of a range, in the order in which they are written.
    pub(super) fn range_ends(
        &mut self,
        low: &Expr,
        high: &Expr,
        span: Span,
    ) -> Evaluated<(Typed, u128, u128)> {
        let low = self.expression(low)?;
        let high = self.expression(high)?;
        for end in [&low, &high] {
            if !end.datatype.is_number() {
                let message = format!("values of the type {} have no ranges", end.datatype.words);
                return Err(error(Code::NFT_TYPE, span, message));
            }
        }
        match (&low.kind, &high.kind) {
            (Kind::Value(from), Kind::Value(to)) => {
                let (from, to) = (*from, *to);
                Ok((low, from, to))
            }
            _ => Err(error(Code::NFT_TYPE, span, "the ends of a range are constant values")),
        }
    }

    fn range(&mut self, low: &Expr, high: &Expr, span: Span) -> Evaluated<Typed> {
        let (typed, from, to) = self.range_ends(low, high, span)?;
        if from > to {
            return Err(error(Code::NFT_VALUE, span, "the range ends before it begins"));
        }
        let kind = if from == to { Kind::Value(from) } else { Kind::Range(from, to) };
        Ok(Typed { kind, span, ..typed })
    }

    fn concat(&mut self, parts: &[Expr], span: Span) -> Evaluated<Typed> {
        let wanted = std::mem::take(&mut self.expect.parts);
        let mut typed = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            self.expect = match wanted.get(index) {
                Some(part) => Expect::parts(vec![*part]),
                None if wanted.is_empty() => Expect::default(),
                None => {
                    let message = format!("more parts than the type {} has", type_words(&wanted));
                    return Err(error(Code::NFT_TYPE, part.span, message));
                }
            };
            self.expect.is_key = true;
            let value = self.expression(part)?;
            self.inner = None;
            match &value.kind {
                Kind::Value(_)
                | Kind::Load(_)
                | Kind::Binary(..)
                | Kind::Swap(_)
                | Kind::Map { .. } => {}
                Kind::Prefix(..) | Kind::Range(..) if !wanted.is_empty() => {}
                _ => {
                    let message = format!("a {} cannot be a part of a concatenation", value.noun());
                    return Err(error(Code::NFT_TYPE, part.span, message));
                }
            }
            let is_unsized = value.datatype.bits == 0 && !value.datatype.is_number();
            if wanted.is_empty() && is_unsized {
                let message = format!(
                    "values of the type {} have no size and cannot be parts",
                    value.datatype.words
                );
                return Err(error(Code::NFT_TYPE, part.span, message));
            }
            typed.push(value);
        }
        if typed.len() < wanted.len() {
            let message = format!("fewer parts than the type {} has", type_words(&wanted));
            return Err(error(Code::NFT_TYPE, span, message));
        }
        let concat = Typed {
            kind: Kind::Concat(typed),
            datatype: &CONCATENATION,
            order: Order::Unknown,
            bits: 0,
            span,
        };
        let own = concat.parts();
        let bits = padded_bits(&own);
        if bits > 512 {
            let message = format!("a concatenation has 512 bits at most, not {bits}");
            return Err(error(Code::NFT_TYPE, span, message));
        }
        self.expect = Expect::parts(if wanted.is_empty() { own } else { wanted });
        Ok(Typed { bits, ..concat })
    }

    /// Flags with commas between them: all of their bits.
    fn list(&mut self, parts: &[Expr], span: Span) -> Evaluated<Typed> {
        let mut all = 0;
        for part in parts {
            let value = self.expression(part)?;
            match value.kind {
                Kind::Value(bits) if value.datatype.base == Base::Bitmask => all |= bits,
                _ => {
                    let message = "values with commas between them are flags";
                    let mut diagnostic = error(Code::NFT_TYPE, part.span, message);
                    diagnostic.help = Some("write a set: { a, b }".to_owned());
                    return Err(diagnostic);
                }
            }
        }
        let part = self.expect.part();
        Ok(Typed::value(all, part.datatype, Order::Host, part.bits, span))
    }

    pub(super) fn verdict(&mut self, verdict: &Verdict, span: Span) -> Evaluated<Typed> {
        let verdict = match verdict {
            Verdict::Accept => model::Verdict::Accept,
            Verdict::Drop => model::Verdict::Drop,
            Verdict::Continue => model::Verdict::Continue,
            Verdict::Return => model::Verdict::Return,
            Verdict::Jump(chain) => model::Verdict::Jump(self.chain_name(chain)?),
            Verdict::Goto(chain) => model::Verdict::Goto(self.chain_name(chain)?),
        };
        let kind = Kind::Verdict(verdict);
        Ok(Typed { kind, datatype: &VERDICT, order: Order::Unknown, bits: 0, span })
    }

    fn chain_name(&mut self, chain: &Expr) -> Evaluated<String> {
        let mut value = chain;
        while let ExprKind::Variable(inner) = &value.kind {
            value = inner;
        }
        let ExprKind::Symbol(name) = &value.kind else {
            return Err(error(Code::NFT_TYPE, chain.span, "this is not the name of a chain"));
        };
        if name.len() >= 128 {
            let message = "the name of a chain has 127 characters at most";
            return Err(error(Code::NFT_VALUE, chain.span, message));
        }
        if self.table.chain_at(name).is_none() {
            let message = format!("the table has no chain `{name}`");
            let mut diagnostic = error(Code::NFT_UNKNOWN, chain.span, message);
            let known = self.table.chains.iter().map(|chain| chain.name.as_str());
            let near = crate::nearest::nearest(name, known);
            diagnostic.help = near.map(|near| format!("did you mean `{near}`?"));
            return Err(diagnostic);
        }
        Ok(name.clone())
    }

    pub(super) fn named_set(&self, name: &str, span: Span) -> Evaluated<&model::Set> {
        self.table.set(name).ok_or_else(|| {
            if self.table.reading.broken_sets.iter().any(|broken| broken == name) {
                return super::told();
            }
            let message = format!("the table has no set or map `{name}`");
            let mut diagnostic = error(Code::NFT_UNKNOWN, span, message);
            let known = self.table.sets.iter().map(|set| set.name.as_str());
            let near = crate::nearest::nearest(name, known);
            diagnostic.help = near.map(|near| format!("did you mean `@{near}`?"));
            diagnostic
        })
    }
}
