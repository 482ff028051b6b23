//! Expressions: values by the datatypes that their places ask for, operators, sets, selectors.

use super::super::ast::*;
use super::super::lexer::{TokenKind, tokens};
use super::super::words;
use crate::datatype::{
    BOOLEAN, Base, Datatype, FIB_TYPE, INTERFACE_INDEX, INTERFACE_NAME, Read, STRING, integer,
};
use crate::model::{Direction, FibFlags, FibResult};
use crate::protocol::{ExtensionKind, Field, extension_name, ip_option_name, sctp_chunk_name};
use crate::protocol::{tcp_option_field, tcp_option_name};
use bpfc_diag::FileId;
use std::fmt::Write;

/// The datatypes of the parts of a value, where they are known.
pub(super) type Types = Vec<Option<&'static Datatype>>;

/// The datatypes of what a selector loads, and of the parts of a concatenation of them.
pub(super) fn types_of(expr: &Expr) -> Types {
    match &expr.kind {
        ExprKind::Select(selector) => vec![selected(selector)],
        ExprKind::Concat(parts) => parts
            .iter()
            .map(|part| match types_of(part).as_slice() {
                [one] => *one,
                _ => None,
            })
            .collect(),
        ExprKind::Binary(_, left, _) => types_of(left),
        ExprKind::Variable(value) => types_of(value),
        _ => vec![None],
    }
}

fn selected(selector: &Selector) -> Option<&'static Datatype> {
    match selector {
        Selector::Payload { field, .. } => Some(field.datatype),
        Selector::Extension { is_presence: true, .. } => Some(&BOOLEAN),
        Selector::Extension { field, .. } => Some(field.datatype),
        Selector::Meta(key) => Some(key.datatype),
        Selector::Ct { key, .. }
        | Selector::Rt(key)
        | Selector::Socket { key, .. }
        | Selector::Xfrm { key, .. } => key.datatype,
        Selector::Fib { is_check: true, .. } => Some(&BOOLEAN),
        Selector::Fib { result: FibResult::Oif, .. } => Some(&INTERFACE_INDEX),
        Selector::Fib { result: FibResult::OifName, .. } => Some(&INTERFACE_NAME),
        Selector::Fib { .. } => Some(&FIB_TYPE),
        Selector::Osf { .. } => Some(&STRING),
        Selector::Raw { .. }
        | Selector::Numgen { .. }
        | Selector::Jhash { .. }
        | Selector::Symhash { .. } => None,
    }
}

/// Appends an expression whose values have these datatypes.
pub(super) fn print(out: &mut String, expr: &Expr, types: &[Option<&'static Datatype>]) {
    let one = match types {
        [one] => *one,
        _ => None,
    };
    match &expr.kind {
        ExprKind::Symbol(word) => symbol(out, word, one),
        ExprKind::Boolean(is) => out.push_str(if *is { "exists" } else { "missing" }),
        ExprKind::Variable(value) => print(out, value, types),
        ExprKind::SetRef(name) => {
            let _ = write!(out, "@{name}");
        }
        ExprKind::Select(selector) => self::selector(out, selector),
        ExprKind::Binary(op, left, right) => {
            let (sign, level) = sign(*op);
            operand(out, left, level, types);
            let _ = write!(out, " {sign} ");
            let is_shift = matches!(op, BinaryOp::Left | BinaryOp::Right);
            operand(out, right, level + 1, if is_shift { &[] } else { types });
        }
        ExprKind::Prefix(of, length) => {
            operand(out, of, TIGHTEST, types);
            let _ = write!(out, "/{length}");
        }
        ExprKind::Range(low, high) => {
            let from = out.len();
            print(out, low, types);
            // A word and a minus would be one word.
            let is_word = out[from..].starts_with(|c: char| c.is_ascii_alphabetic());
            out.push_str(if is_word { " - " } else { "-" });
            print(out, high, types);
        }
        ExprKind::Concat(parts) => {
            for (index, part) in parts.iter().enumerate() {
                if index > 0 {
                    out.push_str(" . ");
                }
                print(out, part, &[types.get(index).copied().flatten()]);
            }
        }
        ExprKind::List(parts) => joined(out, parts, ",", types),
        ExprKind::Set(items) => set(out, items, types, None),
        ExprKind::Map(key, map) => key_and_map(out, key, "map", map, one),
        ExprKind::Verdict(verdict) => self::verdict(out, verdict),
    }
}

/// How tightly an operator binds.
fn sign(op: BinaryOp) -> (&'static str, u32) {
    match op {
        BinaryOp::Or => ("|", 0),
        BinaryOp::Xor => ("^", 1),
        BinaryOp::And => ("&", 2),
        BinaryOp::Left => ("<<", 3),
        BinaryOp::Right => (">>", 3),
    }
}

const TIGHTEST: u32 = 4;

/// An operand, in parentheses where it binds less tightly than `level`.
fn operand(out: &mut String, expr: &Expr, level: u32, types: &[Option<&'static Datatype>]) {
    match &expr.kind {
        ExprKind::Binary(op, ..) if sign(*op).1 < level => {
            out.push('(');
            print(out, expr, types);
            out.push(')');
        }
        // Flags with commas between them stand alone; in operations they are joined.
        ExprKind::List(parts) => {
            out.push('(');
            joined(out, parts, " | ", types);
            out.push(')');
        }
        _ => print(out, expr, types),
    }
}

fn joined(out: &mut String, parts: &[Expr], sign: &str, types: &[Option<&'static Datatype>]) {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            out.push_str(sign);
        }
        operand(out, part, 1, types);
    }
}

/// What is looked up in a map that yields values of a datatype.
pub(super) fn key_and_map(
    out: &mut String,
    key: &Expr,
    word: &str,
    map: &Expr,
    yields: Option<&'static Datatype>,
) {
    let types = types_of(key);
    print(out, key, &types);
    let _ = write!(out, " {word} ");
    match &map.kind {
        ExprKind::Set(items) => set(out, items, &types, yields),
        _ => print(out, map, &[]),
    }
}

fn set(
    out: &mut String,
    items: &[SetItem],
    types: &[Option<&'static Datatype>],
    yields: Option<&'static Datatype>,
) {
    out.push('{');
    for (index, item) in items.iter().enumerate() {
        out.push_str(if index > 0 { ", " } else { " " });
        match &item.key {
            Some(key) => print(out, key, types),
            None => out.push('*'),
        }
        if let Some(more) = &item.more {
            for statement in &more.statements {
                out.push(' ');
                super::statement_of_element(out, statement);
            }
            super::options(out, &more.options);
        }
        if let Some(data) = &item.data {
            out.push_str(" : ");
            print(out, data, &[yields]);
        }
    }
    out.push_str(" }");
}

pub(super) fn verdict(out: &mut String, verdict: &Verdict) {
    let (word, chain) = match verdict {
        Verdict::Accept => ("accept", None),
        Verdict::Drop => ("drop", None),
        Verdict::Continue => ("continue", None),
        Verdict::Return => ("return", None),
        Verdict::Jump(chain) => ("jump", Some(chain)),
        Verdict::Goto(chain) => ("goto", Some(chain)),
    };
    out.push_str(word);
    let mut name = chain.map(|chain| &chain.kind);
    while let Some(ExprKind::Variable(value)) = name {
        name = Some(&value.kind);
    }
    if let Some(ExprKind::Symbol(name)) = name {
        let _ = write!(out, " {name}");
    }
}

/// A value, in quotation marks where it is a name or would be read as something else.
fn symbol(out: &mut String, word: &str, datatype: Option<&'static Datatype>) {
    let number = integer(word);
    let is_name = datatype.is_some_and(|datatype| {
        let asks = matches!(
            datatype.read,
            Read::Date | Read::Hour | Read::Index | Read::User | Read::Group | Read::Cgroup
        );
        let is_named = matches!(datatype.name, "realm" | "day");
        datatype.base == Base::Text || (asks || is_named) && number.is_none()
    });
    let reading = datatype.map(|datatype| (datatype.name, datatype.read));
    let _ = match (reading, number) {
        (Some(("mark", _)), Some(number)) => write!(out, "{number:#010x}"),
        (Some((_, Read::Duration)), Some(seconds)) => {
            let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
            write!(out, "{}", super::time(seconds.saturating_mul(1000)))
        }
        _ if is_name || !is_plain(word) => write!(out, "\"{word}\""),
        _ => write!(out, "{word}"),
    };
}

/// Whether a word without quotation marks is a value.
fn is_plain(word: &str) -> bool {
    // What follows decides whether a word is a traffic class.
    let text = format!("{word} ");
    match tokens(FileId(0), &text).as_slice() {
        [token, _] => match &token.kind {
            TokenKind::Word(found) => {
                found == word && (!words::is_reserved(word) || words::may_be_value(word))
            }
            TokenKind::Number(found) => found == word,
            _ => false,
        },
        _ => false,
    }
}

fn selector(out: &mut String, selector: &Selector) {
    let _ = match selector {
        Selector::Payload { protocol, field, inner } => {
            let carrier = inner.filter(|inner| inner != protocol);
            if let Some(carrier) = carrier {
                let _ = write!(out, "{} ", carrier.name);
            }
            write!(out, "{} {}", protocol.name, field.name)
        }
        Selector::Raw { base, offset, bits } => write!(out, "@{base},{offset},{bits}"),
        Selector::Extension { kind, number, field, is_presence } => {
            extension(out, *kind, *number, field, *is_presence);
            Ok(())
        }
        Selector::Meta(key) => match key.name {
            "iif" | "oif" | "iifname" | "oifname" | "iifgroup" | "oifgroup" => {
                write!(out, "{}", key.name)
            }
            name => write!(out, "meta {name}"),
        },
        Selector::Ct { key, direction } => {
            let direction = match direction {
                None => "",
                Some(Direction::Original) => "original ",
                Some(Direction::Reply) => "reply ",
            };
            write!(out, "ct {direction}{}", key.name)
        }
        Selector::Rt(key) => write!(out, "rt {}", key.name),
        Selector::Socket { key, level } if key.name == "cgroupv2" => {
            write!(out, "socket cgroupv2 level {level}")
        }
        Selector::Socket { key, .. } => write!(out, "socket {}", key.name),
        Selector::Xfrm { key, is_out, index } => {
            let direction = if *is_out { "out" } else { "in" };
            match index {
                0 => write!(out, "ipsec {direction} {}", key.name),
                _ => write!(out, "ipsec {direction} spnum {index} {}", key.name),
            }
        }
        Selector::Fib { flags, result, is_check } => {
            let result = match result {
                _ if *is_check => "check",
                FibResult::Oif => "oif",
                FibResult::OifName => "oifname",
                FibResult::Type => "type",
            };
            write!(out, "fib {} {result}", fib_flags(*flags))
        }
        Selector::Osf { ttl, with_version } => {
            let ttl = match ttl {
                1 => "ttl loose ",
                2 => "ttl skip ",
                _ => "",
            };
            write!(out, "osf {ttl}{}", if *with_version { "version" } else { "name" })
        }
        Selector::Numgen { is_random, modulus, offset } => {
            let mode = if *is_random { "random" } else { "inc" };
            write!(out, "numgen {mode} mod {modulus}{}", moved(*offset))
        }
        Selector::Jhash { of, modulus, seed, offset } => {
            out.push_str("jhash ");
            print(out, of, &types_of(of));
            let seed = seed.map_or_else(String::new, |seed| format!(" seed {seed:#x}"));
            write!(out, " mod {modulus}{seed}{}", moved(*offset))
        }
        Selector::Symhash { modulus, offset } => {
            write!(out, "symhash mod {modulus}{}", moved(*offset))
        }
    };
}

fn moved(offset: u32) -> String {
    if offset == 0 { String::new() } else { format!(" offset {offset}") }
}

fn fib_flags(flags: FibFlags) -> String {
    let FibFlags { saddr, daddr, mark, iif, oif } = flags;
    let words = [(saddr, "saddr"), (daddr, "daddr"), (mark, "mark"), (iif, "iif"), (oif, "oif")];
    let said: Vec<&str> = words.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    said.join(" . ")
}

fn extension(out: &mut String, kind: ExtensionKind, number: u8, field: &Field, is_presence: bool) {
    let name = field.name;
    let of_name = |of: Option<&'static str>| match is_presence {
        true => of.unwrap_or_default().to_owned(),
        false => format!("{} {name}", of.unwrap_or_default()),
    };
    let _ = match kind {
        ExtensionKind::Ipv6 if is_presence => {
            write!(out, "exthdr {}", extension_name(number, None).unwrap_or_default())
        }
        // Addresses lie in a row behind eight bytes.
        ExtensionKind::Ipv6 if name == "addr" || name == "sid" => {
            let header = if name == "addr" { "rt0" } else { "srh" };
            write!(out, "{header} {name}[{}]", field.offset.saturating_sub(64) / 128 + 1)
        }
        ExtensionKind::Ipv6 => {
            let header = extension_name(number, Some(name)).unwrap_or_default();
            write!(out, "{header} {name}")
        }
        ExtensionKind::Tcp if is_presence => match tcp_option_name(number) {
            Some(name) => write!(out, "tcp option {name}"),
            None => write!(out, "tcp option {number}"),
        },
        ExtensionKind::Tcp => match tcp_option_field(number, field) {
            Some((option, field)) => write!(out, "tcp option {option} {field}"),
            None => write!(out, "tcp option @{number},{},{}", field.offset, field.bits),
        },
        ExtensionKind::Ipv4 => write!(out, "ip option {}", of_name(ip_option_name(number))),
        ExtensionKind::Sctp => write!(out, "sctp chunk {}", of_name(sctp_chunk_name(number))),
        ExtensionKind::Dccp => write!(out, "dccp option {number}"),
    };
}
