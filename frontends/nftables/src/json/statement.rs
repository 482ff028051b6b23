//! Statements of rules.

use super::document::Value;
use super::{Parsed, Reader, error, one_of, words_of};
use crate::model::SetOperation;
use crate::nearest::nearest;
use crate::syntax::ast::*;
use crate::syntax::{parse_statements, print, short};
use bpfc_diag::{Code, Diagnostic};

/// Statements that filter.
const STATEMENTS: &[&str] = &[
    "match", "accept", "drop", "continue", "return", "jump", "goto", "vmap", "counter", "limit",
    "quota", "last", "ct count", "mangle", "log", "reject", "set", "map", "meter", "reset",
];

/// Statements that are not filtering, and their classes.
const OUTSIDE: &[(&str, &str)] = &[
    ("snat", "nat"),
    ("dnat", "nat"),
    ("masquerade", "nat"),
    ("redirect", "nat"),
    ("queue", "queue"),
    ("dup", "dup"),
    ("fwd", "fwd"),
    ("tproxy", "tproxy"),
    ("synproxy", "synproxy"),
    ("flow", "flow"),
    ("notrack", "track"),
    ("tunnel", "tunnel"),
    ("secmark", "secmark"),
    ("ct helper", "helper"),
    ("ct timeout", "timeout"),
    ("ct expectation", "expectation"),
];

const OPERATORS: [(&str, RelationOp); 8] = [
    ("in", RelationOp::Implicit),
    ("==", RelationOp::Eq),
    ("!=", RelationOp::Neq),
    ("<", RelationOp::Lt),
    (">", RelationOp::Gt),
    ("<=", RelationOp::Lte),
    (">=", RelationOp::Gte),
    ("!", RelationOp::Not),
];

impl Reader<'_> {
    /// The statements of a rule. What stands behind one that is not filtering is passed over: the
    /// kernel does it.
    pub(super) fn statements(&mut self, values: &[Value<'_>]) -> Parsed<Vec<Statement>> {
        let mut statements = Vec::with_capacity(values.len());
        for value in values {
            if value.is_string() {
                statements.extend(self.written(*value)?);
                continue;
            }
            let statement = self.statement(*value)?;
            let is_outside = matches!(statement.kind, StatementKind::Outside(_));
            statements.push(statement);
            if is_outside {
                break;
            }
        }
        Ok(statements)
    }

    /// A statement that nft has no JSON for and lists as text: a chain without a name.
    fn written(&mut self, value: Value<'_>) -> Parsed<Vec<Statement>> {
        let text = value.string("a statement")?;
        let read = parse_statements(&text, value.span(), self.diagnostics);
        let mut statements = read.map_err(|wrong| {
            let note = "nft lists what it has no JSON for as text, of which it may cut the end off";
            wrong.with_note(note).with_help("give what nft prints without -j")
        })?;
        statements.iter_mut().for_each(keep_texts);
        Ok(statements)
    }

    fn statement(&mut self, value: Value<'_>) -> Parsed<Statement> {
        let span = value.span();
        let object = value.object("a statement")?;
        let (name, of) = object.only()?;
        self.outside = None;
        let result = self.nested(span, |this| this.statement_kind(value, name, of));
        let kind = match (result, self.outside.take()) {
            (Ok(kind), None) => kind,
            (_, Some(class)) => StatementKind::Outside(class),
            (Err(wrong), None) => return Err(wrong),
        };
        Ok(Statement { kind, span })
    }

    fn statement_kind(
        &mut self,
        whole: Value<'_>,
        name: &str,
        value: Value<'_>,
    ) -> Parsed<StatementKind> {
        if let Some((_, class)) = OUTSIDE.iter().find(|(known, _)| *known == name) {
            return Ok(StatementKind::Outside(class));
        }
        if let Some(kind) = self.state(name, value)? {
            return Ok(kind);
        }
        if let Some(verdict) = verdict(name, value)? {
            return Ok(StatementKind::Verdict(verdict));
        }
        match name {
            "match" => {
                let object = self.object(value, "the match", &["op", "left", "right"])?;
                let op = object.need("op")?;
                let words = OPERATORS.map(|(word, _)| word);
                let word = one_of(op, &words, "an operator of matches")?;
                let found = OPERATORS.iter().find(|(known, _)| *known == word);
                let op = found.map_or(RelationOp::Implicit, |(_, op)| *op);
                let left = self.expression(object.need("left")?)?;
                Ok(StatementKind::Match {
                    left,
                    op,
                    right: self.expression(object.need("right")?)?,
                })
            }
            "vmap" => {
                let object = self.object(value, "the map", &["key", "data"])?;
                let key = self.expression(object.need("key")?)?;
                Ok(StatementKind::VerdictMap { key, map: self.expression(object.need("data")?)? })
            }
            "mangle" => {
                let object = self.object(value, "the statement mangle", &["key", "value"])?;
                let target = self.expression(object.need("key")?)?;
                let value = self.expression(object.need("value")?)?;
                Ok(StatementKind::Assign { target, value })
            }
            "log" => self.log(value),
            "reject" => self.reject(value),
            "set" => self.update_set(value, false),
            "map" => self.update_set(value, true),
            "meter" => self.meter(value),
            "reset" => {
                let object = value.object("the statement reset")?;
                match object.only()? {
                    ("tcp option", of) => {
                        Ok(StatementKind::StripOption { number: self.tcp_option_number(of)? })
                    }
                    _ => Err(value.unexpected("an option of TCP")),
                }
            }
            "xt" => {
                let message = "JSON does not say what matches and targets of iptables do";
                let help = "give what iptables-nft-save prints, beside this ruleset or alone";
                let error = Diagnostic::error(Code::NFT_STATEMENT, Some(whole.span()), message);
                Err(error.with_help(help))
            }
            _ => {
                let message = format!("expected a statement, found `{}`", short(name));
                let mut wrong = error(whole.span(), message);
                let known = STATEMENTS.iter().chain(OUTSIDE.iter().map(|(known, _)| known));
                let near = nearest(name, known.copied());
                wrong.help = near.map(|near| format!("did you mean `{near}`?"));
                Err(wrong)
            }
        }
    }

    fn log(&mut self, value: Value<'_>) -> Parsed<StatementKind> {
        let mut log = Log::default();
        if value.is_null() {
            return Ok(StatementKind::Log(log));
        }
        let known = ["prefix", "group", "snaplen", "queue-threshold", "level", "flags"];
        let object = self.object(value, "the log", &known)?;
        log.prefix = object.get("prefix").map(|prefix| prefix.string("a prefix")).transpose()?;
        let number = |name: &str, most: u64| {
            object.get(name).map(|value| value.number(most, "a number")).transpose()
        };
        log.group = number("group", 65535)?.map(|group| group as u16);
        log.snaplen = number("snaplen", u32::MAX.into())?.map(|snaplen| snaplen as u32);
        log.threshold = number("queue-threshold", 65535)?.map(|threshold| threshold as u16);
        if let Some(level) = object.get("level") {
            let levels =
                ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit"];
            let word = one_of(level, &levels, "a level")?;
            if word == "audit" {
                return Ok(StatementKind::Outside("audit"));
            }
            log.level = levels.iter().position(|known| *known == word).map(|at| at as u8);
        }
        if let Some(flags) = object.get("flags") {
            let words = ["tcp sequence", "tcp options", "ip options", "skuid", "ether", "all"];
            for word in words_of(flags, &words, "what to log beside the packet")? {
                let flags = &mut log.flags;
                flags.tcp_sequence |= matches!(word, "tcp sequence" | "all");
                flags.tcp_options |= matches!(word, "tcp options" | "all");
                flags.ip_options |= matches!(word, "ip options" | "all");
                flags.owner |= matches!(word, "skuid" | "all");
                flags.link |= matches!(word, "ether" | "all");
            }
        }
        Ok(StatementKind::Log(log))
    }

    fn reject(&mut self, value: Value<'_>) -> Parsed<StatementKind> {
        if value.is_null() {
            return Ok(StatementKind::Reject(None));
        }
        let object = self.object(value, "the statement reject", &["type", "expr"])?;
        let code = object.get("expr");
        let Some(kind) = object.get("type") else {
            return match code {
                Some(code) => Err(error(code.span(), "a code of ICMP needs the `type` of ICMP")),
                None => Ok(StatementKind::Reject(None)),
            };
        };
        let words = ["tcp reset", "icmp", "icmpv6", "icmpx"];
        let word = one_of(kind, &words, "how to reject: icmp, icmpv6, icmpx or tcp reset")?;
        if word == "tcp reset" {
            return Ok(StatementKind::Reject(Some(RejectWith::TcpReset)));
        }
        // A type of ICMP alone is its code 0.
        let (symbol, span) = match code {
            None => ("0".to_owned(), kind.span()),
            Some(code) if code.is_string() => (code.string("an ICMP code")?, code.span()),
            Some(code) => (code.number(255, "an ICMP code")?.to_string(), code.span()),
        };
        let code = Expr { kind: ExprKind::Symbol(symbol), span };
        Ok(StatementKind::Reject(Some(match word {
            "icmp" => RejectWith::Icmp(code),
            "icmpv6" => RejectWith::Icmpv6(code),
            _ => RejectWith::Icmpx(code),
        })))
    }

    /// A rule's change of a set or map.
    fn update_set(&mut self, value: Value<'_>, is_map: bool) -> Parsed<StatementKind> {
        let (what, of) = match is_map {
            true => ("the change of a map", "map"),
            false => ("the change of a set", "set"),
        };
        let object = self.object(value, what, &["op", "elem", "data", of, "stmt"])?;
        let words = ["add", "update", "delete"];
        let op = match one_of(object.need("op")?, &words, "`add`, `update` or `delete`")? {
            "add" => SetOperation::Add,
            "update" => SetOperation::Update,
            _ => SetOperation::Delete,
        };
        let target = object.need(of)?;
        let set = self.expression(target)?;
        if !matches!(set.kind, ExprKind::SetRef(_)) {
            return Err(target.unexpected("the name of a set behind an `@`"));
        }
        let elem = object.need("elem")?;
        let (key, more) = self.element(elem)?;
        let key = key.ok_or_else(|| elem.unexpected("a key"))?;
        let ItemMore { options, mut statements } = more.unwrap_or_default();
        if let Some(more) = object.get("stmt") {
            statements.extend(self.states(more)?);
        }
        let data = match is_map {
            true => Some(self.expression(object.need("data")?)?),
            false => None,
        };
        Ok(StatementKind::UpdateSet { op, set, key, options, data, statements })
    }

    fn meter(&mut self, value: Value<'_>) -> Parsed<StatementKind> {
        let object = self.object(value, "the meter", &["name", "key", "stmt", "size"])?;
        let name = super::command::name(&object, "name")?;
        let size = match object.get("size") {
            Some(size) => Some(size.number(u32::MAX.into(), "a number of elements")? as u32),
            None => None,
        };
        let of = object.need("key")?;
        let (key, more) = self.element(of)?;
        let key = key.ok_or_else(|| of.unexpected("a key"))?;
        let options = more.unwrap_or_default().options;
        let statement = Box::new(self.statement(object.need("stmt")?)?);
        let size = size.filter(|size| *size > 0);
        Ok(StatementKind::Meter { name, size, key, options, statement })
    }
}

/// Gives the rules of a chain without a name their texts, which no span marks alone.
fn keep_texts(statement: &mut Statement) {
    let StatementKind::Chain { rules, .. } = &mut statement.kind else { return };
    for rule in rules {
        rule.text = Some(print::rule(&rule.statements, rule.comment.as_deref()).into());
        rule.statements.iter_mut().for_each(keep_texts);
    }
}

/// A verdict, where a name is one's.
pub(super) fn verdict(name: &str, value: Value<'_>) -> Parsed<Option<Verdict>> {
    let target = || {
        let object = value.object("the verdict")?;
        let target = object.need("target")?;
        let chain = target.string("the name of a chain")?;
        match chain.is_empty() {
            true => Err(error(target.span(), "the name of a chain is not empty")),
            false => {
                let kind = ExprKind::Symbol(chain);
                Ok(Box::new(Expr { kind, span: target.span() }))
            }
        }
    };
    Ok(Some(match name {
        "accept" => Verdict::Accept,
        "drop" => Verdict::Drop,
        "continue" => Verdict::Continue,
        "return" => Verdict::Return,
        "jump" => Verdict::Jump(target()?),
        "goto" => Verdict::Goto(target()?),
        _ => return Ok(None),
    }))
}
