//! Expressions and elements in the form in which nft shows what it sends to the kernel
//! (`nft --debug=netlink`), for people and for comparing with nft.

use super::PayloadBase;
use super::{Combination, Comparison, Direction, Expression, FibFlags, FibResult, LogFlags};
use super::{Element, ElementData, Found, Operation, Register, Set, SetName, Table, Verdict};
use crate::protocol::ExtensionKind;
use std::fmt::{self, Write};

/// An expression of a table, without the brackets around it.
pub fn expression_text(expression: &Expression, table: &Table) -> String {
    let mut text = String::new();
    Printer { table, out: &mut text }.operation(&expression.operation).expect("writes to a string");
    text
}

/// A set's elements, one a string.
pub fn elements_text(set: &Set) -> Vec<String> {
    let text = |element: &Element| {
        let mut text = String::new();
        write_element(&mut text, element).expect("writes to a string");
        text
    };
    set.elements.iter().map(text).collect()
}

struct Printer<'a> {
    table: &'a Table,
    out: &'a mut String,
}

impl Printer<'_> {
    /// Anonymous sets are named by what they are, as before the kernel numbers them.
    fn set(&self, name: &SetName) -> String {
        match name {
            SetName::Named(name) => name.clone(),
            SetName::Anonymous(_) => match self.table.set_of(name) {
                Some(set) if set.objects.is_some() => "__objmap%d".to_owned(),
                Some(set) if set.is_map() => "__map%d".to_owned(),
                _ => "__set%d".to_owned(),
            },
        }
    }

    fn operation(&mut self, operation: &Operation) -> fmt::Result {
        use Operation::*;
        let set = match operation {
            Lookup { set, .. } | DynamicSet { set, .. } | ObjectMap { set, .. } => self.set(set),
            _ => String::new(),
        };
        let out = &mut *self.out;
        match operation {
            Payload { base, offset, bytes, to } => {
                write!(
                    out,
                    "payload load {bytes}b @ {} header + {offset} => reg {to}",
                    base_name(*base)
                )
            }
            PayloadStore { from, base, offset, bytes, checksum, is_covered } => {
                let (kind, at) = checksum.map_or((0, 0), |sum| (sum.kind, sum.offset));
                write!(
                    out,
                    "payload write reg {from} => {bytes}b @ {} header + {offset} ",
                    base_name(*base)
                )?;
                write!(
                    out,
                    "csum_type {kind} csum_off {at} csum_flags {:#x}",
                    u8::from(*is_covered)
                )
            }
            Meta { key, to } => write!(out, "meta load {} => reg {to}", key.kernel),
            MetaSet { key, from } => write!(out, "meta set {} with reg {from}", key.kernel),
            Ct { key, direction, to } => {
                write!(out, "ct load {} => reg {to}{}", key.kernel, direction_text(*direction))
            }
            CtSet { key, direction, from } => {
                write!(out, "ct set {} with reg {from}{}", key.kernel, direction_text(*direction))
            }
            Extension { kind, number, offset, bytes, is_presence, to } => {
                let present = if *is_presence { " present" } else { "" };
                write!(out, "exthdr load{} {bytes}b @ {number} + {offset}", kind_name(*kind))?;
                write!(out, "{present} => reg {to}")
            }
            ExtensionStore { kind, number, offset, bytes, from } => {
                let kind = kind_name(*kind);
                write!(out, "exthdr write{kind} reg {from} => {bytes}b @ {number} + {offset}")
            }
            ExtensionReset { number } => write!(out, "exthdr reset tcpopt {number}"),
            Rt { key, to } => write!(out, "rt load {} => reg {to}", key.kernel),
            Socket { key, to, .. } => write!(out, "socket load {} => reg {to}", key.kernel),
            Xfrm { key, is_out, index, to } => {
                let way = if *is_out { "out" } else { "in" };
                write!(out, "xfrm load {way} {index} {} => reg {to}", key.kernel)
            }
            Fib { flags, result, is_presence, to } => fib(out, flags, *result, *is_presence, *to),
            Osf { to, .. } => write!(out, "osf dreg {to}"),
            Numgen { is_random, modulus, offset, to } => {
                let kind = if *is_random { "random" } else { "inc" };
                write!(out, "numgen reg {to} = {kind} mod {modulus}{}", Offset(*offset))
            }
            Jhash { from, bytes, modulus, seed, offset, to } => {
                let seed = seed.unwrap_or(0);
                write!(
                    out,
                    "hash reg {to} = jhash(reg {from}, {bytes}, {seed:#x}) % mod {modulus}"
                )?;
                write!(out, "{}", Offset(*offset))
            }
            Symhash { modulus, offset, to } => {
                write!(out, "hash reg {to} = symhash() % mod {modulus}{}", Offset(*offset))
            }
            Inner { tunnel, load } => {
                let (kind, header, flags) = (tunnel.kind, tunnel.header, tunnel.flags);
                write!(out, "inner type {kind} hdrsize {header} flags {flags:x} [ ")?;
                self.operation(&load.operation)?;
                self.out.write_str(" ]")
            }
            Immediate { to, data } => write!(out, "immediate reg {to} {data}"),
            Verdict(verdict) => write!(out, "immediate reg 0 {verdict}"),
            Compare { op, register, data } => {
                write!(out, "cmp {} reg {register} {data}", comparison_name(*op))
            }
            Range { is_not, register, from, to } => {
                let op = if *is_not { "neq" } else { "eq" };
                write!(out, "range {op} reg {register} {from} {to}")
            }
            MaskXor { to, from, mask, xor, .. } => {
                write!(out, "bitwise reg {to} = ( reg {from} & {mask} ) ^ {xor}")
            }
            Shift { to, from, is_left, by, .. } => {
                let op = if *is_left { "<<" } else { ">>" };
                write!(out, "bitwise reg {to} = ( reg {from} {op} {by:#010x} )")
            }
            Combine { op, to, from, with, .. } => {
                let op = match op {
                    Combination::And => "&",
                    Combination::Or => "|",
                    Combination::Xor => "^",
                };
                write!(out, "bitwise reg {to} = ( reg {from} {op} reg {with} )")
            }
            ByteOrder { to, from, to_network, size, bytes } => {
                let name = if *to_network { "hton" } else { "ntoh" };
                write!(out, "byteorder reg {to} = {name}(reg {from}, {size}, {bytes})")
            }
            Lookup { register, found, is_inverted, .. } => {
                write!(out, "lookup reg {register} set {set}")?;
                match found {
                    Found::Nothing => {}
                    Found::Verdict => out.write_str(" dreg 0")?,
                    Found::Register(to) => write!(out, " dreg {to}")?,
                }
                out.write_str(if *is_inverted { " 0x1" } else { "" })
            }
            DynamicSet { op, key, data, timeout, expressions, .. } => {
                let op = format!("{op:?}").to_lowercase();
                write!(out, "dynset {op} reg_key {key} set {set}")?;
                if let Some(data) = data {
                    write!(out, " sreg_data {data}")?;
                }
                if let Some(timeout) = timeout {
                    write!(out, " timeout {timeout}ms")?;
                }
                for expression in expressions {
                    self.out.write_str(" expr [ ")?;
                    self.operation(&expression.operation)?;
                    self.out.write_str(" ]")?;
                }
                Ok(())
            }
            Counter { packets, bytes } => write!(out, "counter pkts {packets} bytes {bytes}"),
            Limit { rate, seconds, burst, is_bytes, is_over } => {
                let kind = if *is_bytes { "bytes" } else { "packets" };
                write!(out, "limit rate {rate}/{} burst {burst} ", unit(*seconds))?;
                write!(out, "type {kind} flags {:#x}", u8::from(*is_over))
            }
            Quota { bytes, used, is_over } => {
                write!(out, "quota bytes {bytes} consumed {used} flags {}", u8::from(*is_over))
            }
            Last { used: Some(time) } => write!(out, "last {time}"),
            Last { used: None } => out.write_str("last never"),
            Connlimit { count, is_over } => {
                write!(out, "connlimit count {count} flags {}", u8::from(*is_over))
            }
            Log { prefix, group, snaplen, threshold, level, flags } => {
                out.write_str("log")?;
                if let Some(prefix) = prefix {
                    write!(out, " prefix {prefix}")?;
                }
                match group {
                    Some(group) => {
                        write!(out, " group {group} snaplen {snaplen} qthreshold {threshold}")
                    }
                    None => {
                        if let Some(level) = level {
                            write!(out, " level {level}")?;
                        }
                        log_flags(out, flags)
                    }
                }
            }
            Reject { kind, code } => write!(out, "reject type {kind} code {code}"),
            Object { kind, name } => write!(out, "objref type {} name {name}", kind.number()),
            ObjectMap { register, .. } => write!(out, "objref sreg {register} set {set}"),
            Outside { class } => write!(out, "outside {class}"),
            Unread { what } => write!(out, "not read: {what}"),
        }
    }
}

fn base_name(base: PayloadBase) -> &'static str {
    match base {
        PayloadBase::Link => "link",
        PayloadBase::Network => "network",
        PayloadBase::Transport => "transport",
        PayloadBase::Inner => "inner",
        PayloadBase::Tunnel => "tunnel",
    }
}

fn kind_name(kind: ExtensionKind) -> &'static str {
    match kind {
        ExtensionKind::Ipv6 => " ipv6",
        ExtensionKind::Tcp => " tcpopt",
        ExtensionKind::Ipv4 => " ipv4",
        ExtensionKind::Sctp | ExtensionKind::Dccp => "",
    }
}

fn direction_text(direction: Option<Direction>) -> &'static str {
    match direction {
        None => "",
        Some(Direction::Original) => " , dir original",
        Some(Direction::Reply) => " , dir reply",
    }
}

fn comparison_name(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Eq => "eq",
        Comparison::Neq => "neq",
        Comparison::Lt => "lt",
        Comparison::Lte => "lte",
        Comparison::Gt => "gt",
        Comparison::Gte => "gte",
    }
}

struct Offset(u32);

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > 0 { write!(f, " offset {}", self.0) } else { Ok(()) }
    }
}

fn fib(
    out: &mut String,
    flags: &FibFlags,
    result: FibResult,
    is_presence: bool,
    to: Register,
) -> fmt::Result {
    let named = [
        (flags.saddr, "saddr"),
        (flags.daddr, "daddr"),
        (flags.mark, "mark"),
        (flags.iif, "iif"),
        (flags.oif, "oif"),
    ];
    let names: Vec<&str> = named.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect();
    let result = match result {
        FibResult::Oif => "oif",
        FibResult::OifName => "oifname",
        FibResult::Type => "type",
    };
    let present = if is_presence { " present" } else { "" };
    write!(out, "fib {} {result}{present} => reg {to}", names.join(" . "))
}

fn log_flags(out: &mut String, flags: &LogFlags) -> fmt::Result {
    let named = [
        (flags.tcp_sequence, " tcpseq"),
        (flags.tcp_options, " tcpopt"),
        (flags.ip_options, " ipopt"),
        (flags.owner, " uid"),
        (flags.link, " macdecode"),
    ];
    named.iter().filter(|(is, _)| *is).try_for_each(|(_, name)| out.write_str(name))
}

/// The largest unit of which a time is a multiple, and how many.
fn unit(seconds: u64) -> String {
    const UNITS: [(u64, &str); 5] =
        [(604_800, "week"), (86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let (size, name) =
        UNITS.into_iter().find(|(size, _)| seconds.is_multiple_of(*size)).unwrap_or((1, "second"));
    match seconds / size {
        1 => name.to_owned(),
        many => format!("{many} {name}"),
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Accept => f.write_str("accept"),
            Verdict::Drop => f.write_str("drop"),
            Verdict::Continue => f.write_str("continue"),
            Verdict::Return => f.write_str("return"),
            Verdict::Jump(chain) => write!(f, "jump -> {chain}"),
            Verdict::Goto(chain) => write!(f, "goto -> {chain}"),
        }
    }
}

fn write_element(out: &mut String, element: &Element) -> fmt::Result {
    if let Some(key) = &element.key {
        key.write(out, "")?;
    }
    if let Some(end) = &element.key_end {
        out.write_str(" - ")?;
        end.write(out, "")?;
    }
    match &element.data {
        ElementData::None => {}
        ElementData::Value(data) => {
            out.write_str(" : ")?;
            data.write(out, "")?;
        }
        ElementData::Verdict(verdict) => write!(out, " : {verdict}")?,
        ElementData::Object(name) => write!(out, " : {name}")?,
    }
    let flags = u8::from(element.is_end) | u8::from(element.key.is_none()) << 1;
    if flags != 0 {
        write!(out, " flags {flags}")?;
    }
    user_data(out, element)
}

/// What nft keeps beside an element: how long it is, and the sum of its bytes.
fn user_data(out: &mut String, element: &Element) -> fmt::Result {
    let mut bytes = Vec::new();
    if let Some(comment) = element.comment() {
        let comment = bpfc_abi::raw::encode(comment);
        bytes.extend([0, u8::try_from(comment.len() + 1).unwrap_or(u8::MAX)]);
        bytes.extend_from_slice(&comment);
        bytes.push(0);
    }
    if element.is_open {
        bytes.extend([1, 4, 1, 0, 0, 0]);
    }
    if bytes.is_empty() {
        return Ok(());
    }
    let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
    write!(out, "  userdata len {} sum {sum:#x}", bytes.len())
}
