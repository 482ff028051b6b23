//! Expressions: operators, prefixes, ranges, concatenations, lists, maps.

use super::super::ast::*;
use super::super::lexer::TokenKind;
use super::{Parsed, Parser, words};

/// Where an expression stands, which decides what its words mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// What a rule matches: selectors.
    Left,
    /// What that is compared with: values.
    Right,
    /// The new value of something: either.
    Argument,
}

/// How many operators may stand in a row.
const LONGEST_CHAIN: usize = 20;

/// Operators by how tightly they bind, loosest first.
const OPERATORS: [&[(&str, &str, BinaryOp)]; 4] = [
    &[("|", "or", BinaryOp::Or)],
    &[("^", "xor", BinaryOp::Xor)],
    &[("&", "and", BinaryOp::And)],
    &[("<<", "lshift", BinaryOp::Left), (">>", "rshift", BinaryOp::Right)],
];

impl Parser<'_> {
    /// Operators on what stands on a side. What stands to the right of one in a match is a value.
    pub(super) fn basic(&mut self, side: Side) -> Parsed<Expr> {
        self.nested(|parser| parser.operators(side, 0))
    }

    fn operators(&mut self, side: Side, level: usize) -> Parsed<Expr> {
        let Some(operators) = OPERATORS.get(level) else { return self.primary(side) };
        let start = self.span();
        let mut left = self.operators(side, level + 1)?;
        let right = if side == Side::Left { Side::Right } else { side };
        for _ in 0..LONGEST_CHAIN {
            let found = operators
                .iter()
                .find(|(sign, word, _)| self.is_sign(sign) || (self.word() == *word));
            let Some((_, _, op)) = found else { return Ok(left) };
            self.advance();
            let operand = self.operators(right, level + 1)?;
            let kind = ExprKind::Binary(*op, Box::new(left), Box::new(operand));
            left = Expr { kind, span: self.since(start) };
        }
        let message = format!("more than {LONGEST_CHAIN} operators stand in a row");
        Err(self.error(self.since(start), message))
    }

    fn primary(&mut self, side: Side) -> Parsed<Expr> {
        let start = self.span();
        if self.take_sign("(") {
            let inner = self.basic(side)?;
            self.expect_sign(")")?;
            return Ok(inner);
        }
        if self.is_sign("$") {
            return self.variable();
        }
        if side != Side::Right
            && let Some(selector) = self.selector(side)?
        {
            let kind = ExprKind::Select(Box::new(selector));
            return Ok(Expr { kind, span: self.since(start) });
        }
        let may_be_value = |word: &str| match side {
            Side::Left => false,
            Side::Right => words::may_be_value(word),
            Side::Argument => words::may_be_argument(word),
        };
        let kind = match &self.token().kind {
            TokenKind::Word(word) if side != Side::Left && word == "exists" => {
                ExprKind::Boolean(true)
            }
            TokenKind::Word(word) if side != Side::Left && word == "missing" => {
                ExprKind::Boolean(false)
            }
            TokenKind::Word(word) if !words::is_reserved(word) || may_be_value(word) => {
                ExprKind::Symbol(word.clone())
            }
            TokenKind::Number(text) | TokenKind::Quoted(text) | TokenKind::Wildcard(text) => {
                ExprKind::Symbol(text.clone())
            }
            _ => {
                return Err(self.unexpected(match side {
                    Side::Left => "a statement or what to match",
                    Side::Right => "a value",
                    Side::Argument => "a value or what to load",
                }));
            }
        };
        self.advance();
        Ok(Expr { kind, span: start })
    }

    /// A value, a prefix or a range.
    fn multiton(&mut self, side: Side) -> Parsed<Expr> {
        let start = self.span();
        let first = self.basic(side)?;
        let is_prefix = self.is_sign("/") && matches!(self.ahead(1), TokenKind::Number(_));
        if is_prefix && side != Side::Left {
            self.advance();
            let length = self.number(512)? as u32;
            let kind = ExprKind::Prefix(Box::new(first), length);
            return Ok(Expr { kind, span: self.since(start) });
        }
        if side != Side::Left && self.take_sign("-") {
            let last = self.basic(side)?;
            let kind = ExprKind::Range(Box::new(first), Box::new(last));
            return Ok(Expr { kind, span: self.since(start) });
        }
        Ok(first)
    }

    /// Parts with dots between them.
    pub(super) fn concat(&mut self, side: Side) -> Parsed<Expr> {
        let start = self.span();
        let first = self.multiton(side)?;
        if !self.is_sign(".") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take_sign(".") {
            parts.push(self.multiton(side)?);
            if parts.len() > 64 {
                return Err(self.error(self.since(start), "a concatenation has too many parts"));
            }
        }
        Ok(Expr { kind: ExprKind::Concat(parts), span: self.since(start) })
    }

    /// `@name` or `$name`.
    pub(super) fn set_reference(&mut self) -> Parsed<Expr> {
        if self.is_sign("$") {
            return self.variable();
        }
        let start = self.span();
        self.expect_sign("@")?;
        let name = self.name("the name of a set")?;
        Ok(Expr { kind: ExprKind::SetRef(name.text), span: self.since(start) })
    }

    /// A set or a reference to one.
    pub(super) fn set_or_reference(&mut self) -> Parsed<Expr> {
        if self.is_sign("{") { self.set_expression() } else { self.set_reference() }
    }

    /// What is compared: a value, list, set or reference to one.
    pub(super) fn right(&mut self) -> Parsed<Expr> {
        if self.is_sign("{") {
            return self.set_expression();
        }
        if self.is_sign("@") {
            return self.set_reference();
        }
        let first = self.concat(Side::Right)?;
        self.list(first, |parser| parser.basic(Side::Right))
    }

    /// More flags behind a first one, with commas between them.
    fn list(
        &mut self,
        first: Expr,
        mut next: impl FnMut(&mut Self) -> Parsed<Expr>,
    ) -> Parsed<Expr> {
        if !self.is_sign(",") {
            return Ok(first);
        }
        let start = first.span;
        let mut parts = vec![first];
        while self.take_sign(",") {
            parts.push(next(self)?);
        }
        Ok(Expr { kind: ExprKind::List(parts), span: self.since(start) })
    }

    /// The new value of something.
    pub(super) fn argument(&mut self) -> Parsed<Expr> {
        let start = self.span();
        let first = self.concat(Side::Argument)?;
        if self.take_word("map") {
            let map = self.set_or_reference()?;
            let kind = ExprKind::Map(Box::new(first), Box::new(map));
            return Ok(Expr { kind, span: self.since(start) });
        }
        self.list(first, |parser| parser.basic(Side::Argument))
    }

    /// The value of a variable.
    pub(super) fn initializer(&mut self) -> Parsed<Expr> {
        let start = self.span();
        if self.take_sign("-") {
            let TokenKind::Number(text) = &self.token().kind else {
                return Err(self.unexpected("a number"));
            };
            let kind = ExprKind::Symbol(format!("-{text}"));
            self.advance();
            return Ok(Expr { kind, span: self.since(start) });
        }
        self.right()
    }

    /// What `type typeof` is the type of.
    pub(super) fn selector_expression(&mut self) -> Parsed<Expr> {
        let start = self.span();
        match self.selector(Side::Left)? {
            Some(selector) => {
                Ok(Expr { kind: ExprKind::Select(Box::new(selector)), span: self.since(start) })
            }
            None => Err(self.unexpected("what to take the type of, such as `ip saddr`")),
        }
    }

    /// A verdict, where one stands here.
    pub(super) fn verdict(&mut self) -> Parsed<Option<Expr>> {
        let start = self.span();
        let verdict = match self.word() {
            "accept" => Verdict::Accept,
            "drop" => Verdict::Drop,
            "continue" => Verdict::Continue,
            "return" => Verdict::Return,
            word @ ("jump" | "goto") => {
                let is_goto = word == "goto";
                if self.is_sign_ahead(1, "{") {
                    return Ok(None);
                }
                self.advance();
                let chain = match self.is_sign("$") {
                    true => self.variable()?,
                    false => {
                        let name = self.name("the name of a chain")?;
                        Expr { kind: ExprKind::Symbol(name.text), span: name.span }
                    }
                };
                let chain = Box::new(chain);
                let verdict = if is_goto { Verdict::Goto(chain) } else { Verdict::Jump(chain) };
                let kind = ExprKind::Verdict(verdict);
                return Ok(Some(Expr { kind, span: self.since(start) }));
            }
            _ => return Ok(None),
        };
        self.advance();
        Ok(Some(Expr { kind: ExprKind::Verdict(verdict), span: start }))
    }
}
