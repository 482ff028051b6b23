//! `-m tos` and `-m dscp`: IPv4's type of service and IPv6's traffic class, whole or its upper six
//! bits (net/netfilter/xt_dscp.c).

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::text::c_number;
use crate::{
    Families, Given, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{Base, Condition, Family, Type};
use bpfc_packet::Parsed;
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor of `tos`.
pub static TOS: MatchExtension = MatchExtension {
    name: "tos",
    aliases: &[],
    families: Families::Both,
    options: &[OptionSpec::value("tos").invertible().mandatory()],
    protocols: &[],
    hooks: &[],
    parse: parse_tos,
    revisions: &[Revision {
        number: 1,
        size: 8,
        decode: |f, _| {
            Ok(Arc::new(Tos { mask: f.u8(0), value: f.u8(1), invert: f.u8(2) != 0, dscp: false }))
        },
    }],
};

/// The descriptor of `dscp`.
pub static DSCP: MatchExtension = MatchExtension {
    name: "dscp",
    aliases: &[],
    families: Families::Both,
    options: &[
        OptionSpec::value("dscp").invertible(),
        OptionSpec::value("dscp-class").invertible(),
    ],
    protocols: &[],
    hooks: &[],
    parse: parse_dscp,
    revisions: &[Revision {
        number: 0,
        size: 8,
        decode: |f, _| match f.u8(0) {
            value @ 0..=63 => Ok(Arc::new(Tos {
                mask: 0xfc,
                value: value << 2,
                invert: f.u8(1) != 0,
                dscp: true,
            })),
            value => Err(format!("code point {value} is more than 63")),
        },
    }],
};

/// `field & mask == value`, or not.
#[derive(Debug)]
struct Tos {
    value: u8,
    mask: u8,
    invert: bool,
    dscp: bool,
}

const SYMBOLS: [(&str, u8); 5] = [
    ("Minimize-Delay", 0x10),
    ("Maximize-Throughput", 0x08),
    ("Maximize-Reliability", 0x04),
    ("Minimize-Cost", 0x02),
    ("Normal-Service", 0x00),
];

const CLASSES: [(&str, u8); 22] = [
    ("CS0", 0x00),
    ("CS1", 0x08),
    ("CS2", 0x10),
    ("CS3", 0x18),
    ("CS4", 0x20),
    ("CS5", 0x28),
    ("CS6", 0x30),
    ("CS7", 0x38),
    ("BE", 0x00),
    ("AF11", 0x0a),
    ("AF12", 0x0c),
    ("AF13", 0x0e),
    ("AF21", 0x12),
    ("AF22", 0x14),
    ("AF23", 0x16),
    ("AF31", 0x1a),
    ("AF32", 0x1c),
    ("AF33", 0x1e),
    ("AF41", 0x22),
    ("AF42", 0x24),
    ("AF43", 0x26),
    ("EF", 0x2e),
];

fn parse_tos(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let given = options.get("tos").ok_or_else(|| options.bad("no value"))?;
    let (value, mask) = parse_value_and_mask(given)?;
    Ok(Arc::new(Tos { value, mask, invert: given.invert, dscp: false }))
}

/// `VALUE`, `VALUE/MASK` or a symbol, which stands for the lower six bits.
pub(crate) fn parse_value_and_mask(given: &Given<'_>) -> Result<(u8, u8), Problem> {
    let bad = || given.bad(format!("'{}' is neither VALUE[/MASK] nor a symbol", given.text()));
    let number = |text| match c_number(text) {
        Some((value, rest)) if value <= 255 => Some((value as u8, rest)),
        _ => None,
    };
    let Some((value, rest)) = number(given.text()) else {
        let symbol = SYMBOLS.iter().find(|(name, _)| name.eq_ignore_ascii_case(given.text()));
        return symbol.map(|&(_, value)| (value, 0x3f)).ok_or_else(bad);
    };
    match rest.strip_prefix('/') {
        None if rest.is_empty() => Ok((value, 0xff)),
        None => Err(bad()),
        Some(mask) => match number(mask) {
            Some((mask, "")) => Ok((value, mask)),
            _ => Err(bad()),
        },
    }
}

fn parse_dscp(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    options.exclusive(&["dscp", "dscp-class"])?;
    options.one_of(&["dscp", "dscp-class"])?;
    let Some(given) = options.given.first() else { return Err(options.bad("no value")) };
    let point = parse_point(given, given.id == "dscp-class")?;
    Ok(Arc::new(Tos { value: point << 2, mask: 0xfc, invert: given.invert, dscp: true }))
}

/// A code point, by number or by the name of its class.
pub(crate) fn parse_point(given: &Given<'_>, class: bool) -> Result<u8, Problem> {
    if !class {
        return Ok(given.number(0, 63)? as u8);
    }
    // Whatever begins with a class name is taken.
    let begins = |(name, _): &&(&str, u8)| {
        given.text().get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
    };
    match CLASSES.iter().find(begins) {
        Some((_, point)) => Ok(*point),
        None => Err(given.bad(format!("'{}' is no class", given.text()))),
    }
}

/// IPv4's type of service or IPv6's traffic class.
pub fn traffic_class(packet: &Parsed<'_>) -> u8 {
    let bytes = packet.bytes();
    match packet.ip() {
        Family::Ipv4 => bytes[1],
        Family::Ipv6 => bytes[0] << 4 | bytes[1] >> 4,
    }
}

/// Emits `class & mask == value`, or not, on IPv4's type of service or IPv6's traffic class.
pub fn lower_traffic_class(cx: &mut RuleCx<'_>, mask: u8, value: u8, wanted: bool) {
    let family = cx.family();
    let b = cx.builder();
    let (field, shift) = match family {
        Family::Ipv4 => (b.payload(Type::I8, Base::Network, 1), 0),
        // Between the version's four bits and the flow label.
        Family::Ipv6 => (b.payload(Type::I16, Base::Network, 0), 4),
    };
    let masked = b.mask(field, u128::from(mask) << shift);
    let equal = b.compare_const(Condition::Eq, masked, u128::from(value) << shift);
    cx.expect(equal, wanted);
}

impl Match for Tos {
    fn extension(&self) -> &'static MatchExtension {
        if self.dscp { &DSCP } else { &TOS }
    }

    fn save(&self, out: &mut String) {
        out.push_str(if self.invert { " !" } else { "" });
        let _ = match self.dscp {
            true => write!(out, " --dscp 0x{:02x}", self.value >> 2),
            false => write!(out, " --tos 0x{:02x}/0x{:02x}", self.value, self.mask),
        };
    }

    fn list(&self, out: &mut String) {
        let sign = if self.invert { "!" } else { "" };
        let _ = match self.dscp {
            true => write!(out, " DSCP match {sign}0x{:02x}", self.value >> 2),
            false => write!(out, " tos match{sign}0x{:02x}/0x{:02x}", self.value, self.mask),
        };
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        lower_traffic_class(cx, self.mask, self.value, !self.invert);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let class = traffic_class(&packet.packet);
        Outcome::of((class & self.mask == self.value) != self.invert)
    }
}
