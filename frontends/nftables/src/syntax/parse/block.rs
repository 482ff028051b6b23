//! The blocks of tables and chains.

use super::super::ast::*;
use super::super::lexer::TokenKind;
use super::command::object_kind;
use super::{Parsed, Parser};
use crate::model::Family;
use bpfc_diag::Span;

impl Parser<'_> {
    /// Reads the lines between braces, each by `line`, and goes on behind errors.
    pub(super) fn block(&mut self, mut line: impl FnMut(&mut Self) -> Parsed<()>) -> Parsed<()> {
        self.expect_sign("{")?;
        self.scopes.push(super::Scope::new());
        let result = self.nested(|parser| {
            loop {
                if parser.take_sign("}") {
                    return Ok(());
                }
                if parser.is_end() {
                    return Err(parser.unexpected("`}`"));
                }
                if parser.is_separator() {
                    parser.advance();
                    continue;
                }
                let start = parser.at;
                let result = match parser.common() {
                    Some(result) => result,
                    None => line(parser),
                };
                if let Err(error) = result {
                    if parser.is_end() {
                        return Err(error);
                    }
                    parser.report(error);
                    parser.recover();
                    if parser.at == start && !parser.is_sign("}") {
                        parser.advance();
                    }
                }
            }
        });
        self.scopes.pop();
        result
    }

    pub(super) fn table_block(&mut self, family: Family) -> Parsed<TableBody> {
        let mut body = TableBody::default();
        self.block(|parser| {
            let word = parser.word().to_owned();
            match word.as_str() {
                "chain" => {
                    parser.advance();
                    let chain = parser.chain()?;
                    body.chains.push(chain);
                }
                "set" | "map" => {
                    parser.advance();
                    let set = parser.set_block(word == "map")?;
                    body.sets.push(set);
                }
                "counter" | "quota" | "limit" => {
                    parser.advance();
                    let object = parser.object(object_kind(&word))?;
                    body.objects.push(object);
                }
                "flags" => {
                    parser.advance();
                    loop {
                        let flag = parser.name("a flag of the table")?;
                        body.flags.push(flag);
                        if !parser.take_sign(",") {
                            break;
                        }
                    }
                }
                "comment" => body.comment = parser.comment()?,
                "flowtable" => parser.outside_block("flow", &mut body.outside)?,
                "secmark" => parser.outside_block("secmark", &mut body.outside)?,
                "synproxy" => parser.outside_block("synproxy", &mut body.outside)?,
                "tunnel" => parser.outside_block("tunnel", &mut body.outside)?,
                "ct" => {
                    parser.advance();
                    let words = ["helper", "timeout", "expectation"];
                    let class = parser.one_of(&words, "an object of ct")?;
                    body.outside.push((class, parser.span()));
                    parser.ct_object(class, family)?;
                }
                _ => {
                    let words = ["chain", "set", "map", "counter", "quota", "limit", "flags"];
                    let error = parser.unexpected("what a table holds, such as `chain`");
                    let near = crate::nearest::nearest(&super::short(&word), words);
                    return Err(match near {
                        Some(near) => error.with_help(format!("did you mean `{near}`?")),
                        None => error,
                    });
                }
            }
            parser.separator_in_block()
        })?;
        Ok(body)
    }

    /// Notes what is not filtering and passes over it.
    fn outside_block(
        &mut self,
        class: &'static str,
        outside: &mut Vec<(&'static str, Span)>,
    ) -> Parsed<()> {
        outside.push((class, self.span()));
        self.recover();
        Ok(())
    }

    /// A separator; the last line of a block needs none where nft wants none either.
    pub(super) fn separator_in_block(&mut self) -> Parsed<()> {
        let error = self.unexpected("`;` or the end of the line");
        match self.is_separator() {
            true => {
                self.advance();
                Ok(())
            }
            false if self.is_sign("}") => {
                Err(error.with_note("a `}` must stand behind a `;` or on a line of its own"))
            }
            false => Err(error),
        }
    }

    /// A chain: its name, and its block where one stands here.
    pub(super) fn chain(&mut self) -> Parsed<Chain> {
        let name = self.name("the name of a chain")?;
        let mut chain = Chain {
            name,
            hook: None,
            policy: None,
            devices: Vec::new(),
            offload: false,
            comment: None,
            rules: Vec::new(),
        };
        if !self.is_sign("{") {
            return Ok(chain);
        }
        let mut is_wrong = false;
        self.block(|parser| {
            match parser.word() {
                "type" => {
                    let read = parser.hook(&mut chain);
                    is_wrong |= read.is_err();
                    read?;
                }
                "policy" => {
                    parser.advance();
                    chain.policy = Some(match parser.is_sign("$") {
                        true => parser.variable()?,
                        false => {
                            let span = parser.span();
                            let word = parser.one_of(&["accept", "drop"], "a policy")?;
                            Expr { kind: ExprKind::Symbol(word.to_owned()), span }
                        }
                    });
                }
                "flags" => {
                    parser.advance();
                    parser.expect_word("offload")?;
                    chain.offload = true;
                }
                "devices" => {
                    parser.advance();
                    parser.expect_sign("=")?;
                    chain.devices = parser.devices()?;
                }
                "comment" => chain.comment = parser.comment()?,
                _ => {
                    let rule = parser.rule()?;
                    chain.rules.push(rule);
                }
            }
            parser.separator_in_block()
        })?;
        if is_wrong {
            // A policy without a hook would be the next error.
            chain.policy = None;
        }
        Ok(chain)
    }

    /// `type filter hook input device eth0 priority 0`.
    fn hook(&mut self, chain: &mut Chain) -> Parsed<()> {
        self.expect_word("type")?;
        let kind = self.one_of(&["filter", "nat", "route"], "a type of chain")?.to_owned();
        self.expect_word("hook")?;
        let span = self.span();
        let name = match &self.token().kind {
            TokenKind::Word(word) => Name { text: word.clone(), span },
            _ => return Err(self.unexpected("the name of a hook")),
        };
        self.advance();
        if self.take_word("device") {
            let device = match self.is_sign("$") {
                true => self.variable()?,
                false => self.device()?,
            };
            chain.devices = vec![device];
        } else if self.take_word("devices") {
            self.expect_sign("=")?;
            chain.devices = self.devices()?;
        }
        self.expect_word("priority")?;
        let (priority, offset) = self.priority()?;
        chain.hook = Some(Hook { kind, name, priority, offset });
        Ok(())
    }

    fn priority(&mut self) -> Parsed<(Expr, i64)> {
        let span = self.span();
        if self.is_sign("$") {
            return Ok((self.variable()?, 0));
        }
        if self.is_sign("-") || matches!(self.token().kind, TokenKind::Number(_)) {
            let is_negative = self.take_sign("-");
            let value = self.number(1 << 31)? as i64;
            let kind = ExprKind::Symbol("0".to_owned());
            return Ok((Expr { kind, span }, if is_negative { -value } else { value }));
        }
        let TokenKind::Word(word) = &self.token().kind else {
            return Err(self.unexpected("a priority"));
        };
        let expr = Expr { kind: ExprKind::Symbol(word.clone()), span };
        self.advance();
        let sign = match () {
            () if self.take_sign("+") => 1,
            () if self.take_sign("-") => -1,
            () => return Ok((expr, 0)),
        };
        let offset = self.number(1 << 31)? as i64;
        Ok((expr, sign * offset))
    }

    fn device(&mut self) -> Parsed<Expr> {
        let span = self.span();
        let text = self.text("the name of a device")?;
        Ok(Expr { kind: ExprKind::Symbol(text), span })
    }

    fn devices(&mut self) -> Parsed<Vec<Expr>> {
        if self.is_sign("$") {
            return Ok(vec![self.variable()?]);
        }
        self.expect_sign("{")?;
        let mut devices = Vec::new();
        loop {
            self.skip_newlines();
            if self.take_sign("}") {
                return Ok(devices);
            }
            devices.push(match self.is_sign("$") {
                true => self.variable()?,
                false => self.device()?,
            });
            self.skip_newlines();
            if !self.take_sign(",") && !self.is_sign("}") {
                return Err(self.unexpected("`,` or `}`"));
            }
        }
    }

    /// The rules of a chain without a name.
    pub(super) fn rules(&mut self) -> Parsed<Vec<Rule>> {
        let mut rules = Vec::new();
        self.block(|parser| {
            let rule = parser.rule()?;
            rules.push(rule);
            parser.separator_in_block()
        })?;
        Ok(rules)
    }
}
