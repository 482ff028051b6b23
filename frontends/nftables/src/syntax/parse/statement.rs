//! Rules and their statements.

use super::super::ast::*;
use super::super::lexer::TokenKind;
use super::super::print;
use super::expression::Side;
use super::{Parsed, Parser};
use crate::model::SetOperation;
use bpfc_diag::Span;
use std::sync::Arc;

impl Parser<'_> {
    /// A rule: statements until the line or the block ends.
    pub(super) fn rule(&mut self) -> Parsed<Rule> {
        let start = self.span();
        let (statements, comment) = self.statements()?;
        let span = self.since(start);
        let text = self.spelled(span, &statements, comment.as_deref());
        Ok(Rule { statements, comment, span, text })
    }

    /// The statements of a rule, one at least, and its comment.
    pub(super) fn statements(&mut self) -> Parsed<(Vec<Statement>, Option<String>)> {
        let mut statements = Vec::new();
        let mut comment = None;
        loop {
            if self.is_separator() || self.is_end() || self.is_sign("}") {
                break;
            }
            if self.word() == "comment" {
                comment = self.comment()?;
                break;
            }
            statements.push(self.statement()?);
        }
        match statements.is_empty() {
            true => Err(self.unexpected("a statement")),
            false => Ok((statements, comment)),
        }
    }

    /// The text of a rule where what is written says it only in its place: with names of
    /// definitions, with remarks, or on several lines. Statements that JSON holds as text stand in
    /// no file that is known here.
    fn spelled(
        &self,
        span: Span,
        statements: &[Statement],
        comment: Option<&str>,
    ) -> Option<Arc<str>> {
        let all = self.sources.get(span.file)?.text();
        let written = all.get(span.start as usize..span.end as usize).unwrap_or_default();
        written.contains(['$', '#', '\n']).then(|| print::rule(statements, comment).into())
    }

    fn statement(&mut self) -> Parsed<Statement> {
        let start = self.span();
        let kind = self.nested(Self::statement_kind)?;
        Ok(Statement { kind, span: self.since(start) })
    }

    fn statement_kind(&mut self) -> Parsed<StatementKind> {
        let next = self.word_ahead(1).to_owned();
        match self.word() {
            word @ ("jump" | "goto") if self.is_sign_ahead(1, "{") => {
                let is_goto = word == "goto";
                self.advance();
                return Ok(StatementKind::Chain { is_goto, rules: self.rules()? });
            }
            "counter" | "limit" | "quota" if next == "name" => return self.object_reference(),
            "ct" if ["timeout", "expectation"].contains(&next.as_str()) => {
                let class = if next == "timeout" { "timeout" } else { "expectation" };
                return self.outside_statement(class);
            }
            "log" => return self.log(),
            "reject" => return self.reject(),
            "snat" | "dnat" | "masquerade" | "redirect" => return self.outside_statement("nat"),
            "queue" => return self.outside_statement("queue"),
            "dup" => return self.outside_statement("dup"),
            "fwd" => return self.outside_statement("fwd"),
            "tproxy" => return self.outside_statement("tproxy"),
            "synproxy" => return self.outside_statement("synproxy"),
            "flow" => return self.outside_statement("flow"),
            "notrack" => return self.outside_statement("track"),
            "tunnel" => return self.outside_statement("tunnel"),
            "secmark" => return self.outside_statement("secmark"),
            "reset" if next == "tcp" => {
                self.advance();
                self.advance();
                self.expect_word("option")?;
                return Ok(StatementKind::StripOption { number: self.tcp_option_number()? });
            }
            "add" | "update" | "delete" => return self.update_set(),
            "set" if ["add", "update", "delete"].contains(&next.as_str()) => {
                return self.update_set_old();
            }
            "meter" => return self.meter(),
            _ => {}
        }
        if let Some(statement) = self.stateful()? {
            return Ok(statement.kind);
        }
        if let Some(Expr { kind: ExprKind::Verdict(verdict), .. }) = self.verdict()? {
            return Ok(StatementKind::Verdict(verdict));
        }
        self.matching()
    }

    /// What is not filtering: the rest of the rule is passed over.
    fn outside_statement(&mut self, class: &'static str) -> Parsed<StatementKind> {
        self.recover();
        Ok(StatementKind::Outside(class))
    }

    /// A match, a map of verdicts or an assignment: all begin with what they look at.
    fn matching(&mut self) -> Parsed<StatementKind> {
        let start = self.span();
        let mut left = self.concat(Side::Left)?;
        match self.word() {
            "vmap" => {
                self.advance();
                return Ok(StatementKind::VerdictMap { key: left, map: self.set_or_reference()? });
            }
            "set" if matches!(left.kind, ExprKind::Select(_)) => {
                self.advance();
                return Ok(StatementKind::Assign { target: left, value: self.argument()? });
            }
            "map" => {
                self.advance();
                let map = self.right()?;
                let kind = ExprKind::Map(Box::new(left), Box::new(map));
                left = Expr { kind, span: self.since(start) };
            }
            _ => {}
        }
        let op = self.relation();
        let right = self.right()?;
        if !self.is_sign("/") {
            return Ok(StatementKind::Match { left, op, right });
        }
        // `flags value / mask`
        self.advance();
        let mask = self.right()?;
        if !matches!(mask.kind, ExprKind::List(_)) {
            let message = "a mask behind `/` is a list of flags";
            return Err(self.error(mask.span, message));
        }
        let join = |expr: Expr| match expr.kind {
            ExprKind::List(parts) => {
                let span = expr.span;
                parts
                    .into_iter()
                    .reduce(|all, part| {
                        let kind = ExprKind::Binary(BinaryOp::Or, Box::new(all), Box::new(part));
                        Expr { kind, span }
                    })
                    .expect("a list is not empty")
            }
            _ => expr,
        };
        let span = left.span.to(mask.span);
        let kind = ExprKind::Binary(BinaryOp::And, Box::new(left), Box::new(join(mask)));
        Ok(StatementKind::Match { left: Expr { kind, span }, op, right: join(right) })
    }

    fn relation(&mut self) -> RelationOp {
        const RELATIONS: [(&str, &str, RelationOp); 7] = [
            ("==", "eq", RelationOp::Eq),
            ("!=", "ne", RelationOp::Neq),
            ("<=", "le", RelationOp::Lte),
            (">=", "ge", RelationOp::Gte),
            ("<", "lt", RelationOp::Lt),
            (">", "gt", RelationOp::Gt),
            ("!", "not", RelationOp::Not),
        ];
        let found =
            RELATIONS.iter().find(|(sign, word, _)| self.is_sign(sign) || self.word() == *word);
        match found {
            Some((_, _, op)) => {
                self.advance();
                *op
            }
            None => RelationOp::Implicit,
        }
    }

    fn object_reference(&mut self) -> Parsed<StatementKind> {
        let kind = super::command::object_kind(self.word());
        self.advance();
        self.advance();
        Ok(StatementKind::Object { kind, name: self.argument()? })
    }

    fn log(&mut self) -> Parsed<StatementKind> {
        self.advance();
        let mut log = Log::default();
        loop {
            match self.word() {
                "prefix" => {
                    self.advance();
                    log.prefix = Some(match self.is_sign("$") {
                        true => self.variable_text()?,
                        false => self.text("a prefix in quotes")?,
                    });
                }
                "group" => {
                    self.advance();
                    log.group = Some(self.number(65535)? as u16);
                }
                "snaplen" => {
                    self.advance();
                    log.snaplen = Some(self.number32()?);
                }
                "queue-threshold" => {
                    self.advance();
                    log.threshold = Some(self.number(65535)? as u16);
                }
                "level" => {
                    self.advance();
                    if self.word() == "audit" {
                        return self.outside_statement("audit");
                    }
                    let levels =
                        ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];
                    let level = self.one_of(&levels, "a level")?;
                    log.level = levels.iter().position(|known| *known == level).map(|at| at as u8);
                }
                "flags" => {
                    self.advance();
                    self.log_flags(&mut log)?;
                }
                _ => return Ok(StatementKind::Log(log)),
            }
        }
    }

    /// The text that a variable stands for, with those in it.
    fn variable_text(&mut self) -> Parsed<String> {
        let variable = self.variable()?;
        let mut value = &variable;
        while let ExprKind::Variable(inner) = &value.kind {
            value = inner;
        }
        match &value.kind {
            ExprKind::Symbol(text) => Ok(text.clone()),
            _ => Err(self.error(variable.span, "the variable is not text")),
        }
    }

    fn log_flags(&mut self, log: &mut Log) -> Parsed<()> {
        let flags = &mut log.flags;
        match self
            .one_of(&["tcp", "ip", "skuid", "ether", "all"], "what to log beside the packet")?
        {
            "tcp" => loop {
                match self.one_of(&["sequence", "options"], "`sequence` or `options`")? {
                    "sequence" => log.flags.tcp_sequence = true,
                    _ => log.flags.tcp_options = true,
                }
                if !self.take_sign(",") {
                    break;
                }
            },
            "ip" => {
                self.expect_word("options")?;
                log.flags.ip_options = true;
            }
            "skuid" => flags.owner = true,
            "ether" => flags.link = true,
            _ => {
                flags.tcp_sequence = true;
                flags.tcp_options = true;
                flags.ip_options = true;
                flags.owner = true;
                flags.link = true;
            }
        }
        Ok(())
    }

    fn reject(&mut self) -> Parsed<StatementKind> {
        self.advance();
        if !self.take_word("with") {
            return Ok(StatementKind::Reject(None));
        }
        let words = ["icmp", "icmpv6", "icmpx", "tcp"];
        let what = self.one_of(&words, "how to reject: icmp, icmpv6, icmpx or tcp reset")?;
        if what == "tcp" {
            self.expect_word("reset")?;
            return Ok(StatementKind::Reject(Some(RejectWith::TcpReset)));
        }
        self.take_word("type");
        let span = self.span();
        let symbol = match &self.token().kind {
            TokenKind::Word(text) if !super::words::is_reserved(text) => text.clone(),
            TokenKind::Number(text) => text.clone(),
            _ => return Err(self.unexpected("an ICMP code, such as `port-unreachable`")),
        };
        self.advance();
        let code = Expr { kind: ExprKind::Symbol(symbol), span };
        Ok(StatementKind::Reject(Some(match what {
            "icmp" => RejectWith::Icmp(code),
            "icmpv6" => RejectWith::Icmpv6(code),
            _ => RejectWith::Icmpx(code),
        })))
    }

    fn set_operation(&mut self) -> Parsed<SetOperation> {
        let word = self.one_of(&["add", "update", "delete"], "`add`, `update` or `delete`")?;
        Ok(match word {
            "add" => SetOperation::Add,
            "update" => SetOperation::Update,
            _ => SetOperation::Delete,
        })
    }

    /// `add @set { key timeout 1m counter : data }`.
    fn update_set(&mut self) -> Parsed<StatementKind> {
        let op = self.set_operation()?;
        let set = self.set_reference()?;
        self.expect_sign("{")?;
        self.skip_newlines();
        let key = self.concat(Side::Left)?;
        let options = self.item_options()?;
        let mut statements = Vec::new();
        while let Some(statement) = self.stateful()? {
            statements.push(statement);
        }
        let data = match self.take_sign(":") {
            true => Some(self.concat(Side::Argument)?),
            false => None,
        };
        self.skip_newlines();
        self.expect_sign("}")?;
        Ok(StatementKind::UpdateSet { op, set, key, options, data, statements })
    }

    /// `set add key @set`, as it was written once.
    fn update_set_old(&mut self) -> Parsed<StatementKind> {
        self.advance();
        let op = self.set_operation()?;
        let key = self.concat(Side::Left)?;
        let options = self.item_options()?;
        let set = self.set_reference()?;
        let (data, statements) = (None, Vec::new());
        Ok(StatementKind::UpdateSet { op, set, key, options, data, statements })
    }

    fn meter(&mut self) -> Parsed<StatementKind> {
        self.advance();
        let name = self.name("the name of a meter")?;
        let size = match self.take_word("size") {
            true => Some(self.number32()?),
            false => None,
        };
        self.expect_sign("{")?;
        let key = self.concat(Side::Left)?;
        let options = self.item_options()?;
        let statement = Box::new(self.statement()?);
        self.expect_sign("}")?;
        Ok(StatementKind::Meter { name, size, key, options, statement })
    }
}
