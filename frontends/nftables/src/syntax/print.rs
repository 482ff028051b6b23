//! Rules as the language writes them, for rulesets that are not written in it.
//!
//! What is printed reads as what it was printed from, and is close to what nft lists: names in
//! quotation marks, marks in hexadecimal, operators where it has them. The nat of a rule and what
//! else is not filtering is not kept, so it is shown by its class behind a `#`.

mod expression;

use super::ast::*;
use crate::datatype::{Base, STRING};
use crate::model::{LogFlags, SetOperation};
use crate::protocol::tcp_option_name;
use expression::{Types, key_and_map, types_of};
use std::fmt::Write;

/// A rule on one line.
pub(crate) fn rule(statements: &[Statement], comment: Option<&str>) -> String {
    let mut out = String::new();
    for one in statements {
        if !out.is_empty() {
            out.push(' ');
        }
        statement(&mut out, one);
    }
    if let Some(comment) = comment {
        let _ = write!(out, " comment \"{comment}\"");
    }
    out
}

/// What a `type` or `typeof` says.
pub(crate) fn set_type(of: &SetType) -> String {
    match of {
        SetType::Named(names) => {
            let names: Vec<&str> = names.iter().map(|name| name.text.as_str()).collect();
            format!("type {}", names.join(" . "))
        }
        SetType::Of(expr) => {
            let mut out = "typeof ".to_owned();
            expression::print(&mut out, expr, &types_of(expr));
            out
        }
    }
}

fn statement(out: &mut String, statement: &Statement) {
    match &statement.kind {
        StatementKind::Match { left, op, right } => matching(out, left, *op, right),
        StatementKind::Verdict(verdict) => expression::verdict(out, verdict),
        StatementKind::VerdictMap { key, map } => key_and_map(out, key, "vmap", map, None),
        StatementKind::Assign { target, value } => {
            let types = types_of(target);
            expression::print(out, target, &types);
            out.push_str(" set ");
            expression::print(out, value, &types);
        }
        StatementKind::Counter { packets, bytes } => {
            out.push_str("counter");
            if (*packets, *bytes) != (0, 0) {
                let _ = write!(out, " packets {packets} bytes {bytes}");
            }
        }
        StatementKind::Limit { rate, seconds, burst, is_bytes, is_over } => {
            limit(out, *rate, *seconds, *burst, *is_bytes, *is_over);
        }
        StatementKind::Quota { bytes, used, is_over } => {
            let _ = write!(out, "quota {}{}", over(*is_over), scaled(*bytes));
            if *used > 0 {
                let _ = write!(out, " used {}", scaled(*used));
            }
        }
        StatementKind::Last { used } => {
            out.push_str("last");
            if let Some(used) = used {
                let _ = write!(out, " used {}", time(*used));
            }
        }
        StatementKind::Connlimit { count, is_over } => {
            let _ = write!(out, "ct count {}{count}", over(*is_over));
        }
        StatementKind::Log(log) => self::log(out, log),
        StatementKind::Reject(with) => reject(out, with.as_ref()),
        StatementKind::Object { kind, name } => {
            let _ = write!(out, "{} name ", kind.name());
            match &name.kind {
                ExprKind::Map(key, map) => key_and_map(out, key, "map", map, Some(&STRING)),
                _ => expression::print(out, name, &[Some(&STRING)]),
            }
        }
        StatementKind::UpdateSet { op, set, key, options, data, statements } => {
            out.push_str(match op {
                SetOperation::Add => "add ",
                SetOperation::Update => "update ",
                SetOperation::Delete => "delete ",
            });
            expression::print(out, set, &[]);
            out.push_str(" { ");
            expression::print(out, key, &types_of(key));
            self::options(out, options);
            for one in statements {
                out.push(' ');
                statement_of_element(out, one);
            }
            if let Some(data) = data {
                out.push_str(" : ");
                expression::print(out, data, &types_of(data));
            }
            out.push_str(" }");
        }
        StatementKind::Meter { name, size, key, options, statement } => {
            let _ = write!(out, "meter {}", name.text);
            if let Some(size) = size {
                let _ = write!(out, " size {size}");
            }
            out.push_str(" { ");
            expression::print(out, key, &types_of(key));
            self::options(out, options);
            out.push(' ');
            statement_of_element(out, statement);
            out.push_str(" }");
        }
        StatementKind::Chain { is_goto, rules } => {
            out.push_str(if *is_goto { "goto {" } else { "jump {" });
            for rule in rules {
                let text = self::rule(&rule.statements, rule.comment.as_deref());
                let _ = write!(out, " {text};");
            }
            out.push_str(" }");
        }
        StatementKind::StripOption { number } => {
            let _ = match tcp_option_name(*number) {
                Some(name) => write!(out, "reset tcp option {name}"),
                None => write!(out, "reset tcp option {number}"),
            };
        }
        StatementKind::Outside(class) => {
            let _ = write!(out, "# {class}");
        }
    }
}

/// A statement with a state, as elements have it.
pub(super) fn statement_of_element(out: &mut String, one: &Statement) {
    statement(out, one);
}

fn matching(out: &mut String, left: &Expr, op: RelationOp, right: &Expr) {
    let types = types_of(left);
    expression::print(out, left, &types);
    out.push_str(match op {
        RelationOp::Implicit => " ",
        RelationOp::Eq if needs_sign(left, right, &types) => " == ",
        RelationOp::Eq => " ",
        RelationOp::Neq => " != ",
        RelationOp::Lt => " < ",
        RelationOp::Gt => " > ",
        RelationOp::Lte => " <= ",
        RelationOp::Gte => " >= ",
        RelationOp::Not => " ! ",
    });
    expression::print(out, right, &types);
}

/// Whether a comparison is another one without its sign, or looks like another.
fn needs_sign(left: &Expr, right: &Expr, types: &Types) -> bool {
    let is_flags = types.iter().flatten().any(|datatype| datatype.base == Base::Bitmask);
    let is_computed = matches!(left.kind, ExprKind::Binary(..));
    match &right.kind {
        ExprKind::SetRef(_) => false,
        ExprKind::Set(items) => is_flags && items.len() == 1,
        ExprKind::List(_) => true,
        _ => is_flags || is_computed,
    }
}

/// What stands behind a key.
pub(super) fn options(out: &mut String, options: &ItemOptions) {
    if let Some(timeout) = options.timeout {
        let _ = match timeout {
            0 => write!(out, " timeout never"),
            _ => write!(out, " timeout {}", time(timeout)),
        };
    }
    if let Some(expires) = options.expires {
        let _ = write!(out, " expires {}", time(expires));
    }
    if let Some(comment) = &options.comment {
        let _ = write!(out, " comment \"{comment}\"");
    }
}

pub(crate) fn over(is_over: bool) -> &'static str {
    if is_over { "over " } else { "" }
}

pub(crate) fn limit(
    out: &mut String,
    rate: u64,
    seconds: u64,
    burst: Option<u32>,
    is_bytes: bool,
    is_over: bool,
) {
    let per = match seconds {
        1 => "second",
        60 => "minute",
        3600 => "hour",
        86_400 => "day",
        _ => "week",
    };
    let over = over(is_over);
    let _ = match is_bytes {
        true => write!(out, "limit rate {over}{}/{per}", scaled(rate)),
        false => write!(out, "limit rate {over}{rate}/{per}"),
    };
    let _ = match burst {
        // What a limit of packets has where nothing is said.
        None => Ok(()),
        Some(5) if !is_bytes => Ok(()),
        Some(burst) if is_bytes => write!(out, " burst {}", scaled(burst.into())),
        Some(burst) => write!(out, " burst {burst} packets"),
    };
}

/// A number of bytes in its largest unit.
pub(crate) fn scaled(bytes: u64) -> String {
    let mut value = bytes;
    for unit in ["bytes", "kbytes"] {
        if value == 0 || !value.is_multiple_of(1024) {
            return format!("{value} {unit}");
        }
        value /= 1024;
    }
    format!("{value} mbytes")
}

/// A time in milliseconds, such as `1h30m`.
pub(crate) fn time(milliseconds: u64) -> String {
    const UNITS: [(u64, &str); 5] =
        [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")];
    let (mut rest, mut text) = (milliseconds, String::new());
    for (size, unit) in UNITS {
        if rest >= size {
            let _ = write!(text, "{}{unit}", rest / size);
            rest %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

fn log(out: &mut String, log: &Log) {
    const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];
    out.push_str("log");
    if let Some(prefix) = &log.prefix {
        let _ = write!(out, " prefix \"{prefix}\"");
    }
    if let Some(level) = log.level.and_then(|level| LEVELS.get(usize::from(level))) {
        let _ = write!(out, " level {level}");
    }
    if let Some(group) = log.group {
        let _ = write!(out, " group {group}");
    }
    if let Some(snaplen) = log.snaplen {
        let _ = write!(out, " snaplen {snaplen}");
    }
    if let Some(threshold) = log.threshold {
        let _ = write!(out, " queue-threshold {threshold}");
    }
    let LogFlags { tcp_sequence, tcp_options, ip_options, owner, link } = log.flags;
    if tcp_sequence && tcp_options && ip_options && owner && link {
        out.push_str(" flags all");
        return;
    }
    out.push_str(match (tcp_sequence, tcp_options) {
        (true, true) => " flags tcp sequence,options",
        (true, false) => " flags tcp sequence",
        (false, true) => " flags tcp options",
        (false, false) => "",
    });
    let others =
        [(ip_options, " flags ip options"), (owner, " flags skuid"), (link, " flags ether")];
    others.iter().filter(|(is, _)| *is).for_each(|(_, words)| out.push_str(words));
}

fn reject(out: &mut String, with: Option<&RejectWith>) {
    out.push_str("reject");
    let (what, code) = match with {
        None => return,
        Some(RejectWith::TcpReset) => {
            out.push_str(" with tcp reset");
            return;
        }
        Some(RejectWith::Icmp(code)) => ("icmp", code),
        Some(RejectWith::Icmpv6(code)) => ("icmpv6", code),
        Some(RejectWith::Icmpx(code)) => ("icmpx", code),
    };
    let _ = write!(out, " with {what} ");
    expression::print(out, code, &[]);
}
