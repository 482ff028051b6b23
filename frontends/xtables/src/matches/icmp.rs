//! `-m icmp` and `-m icmp6`: type and code of ICMP and ICMPv6 (`icmp_match` in
//! net/ipv4/netfilter/ip_tables.c, `icmp6_match` in net/ipv6/netfilter/ip6_tables.c; since 6.4
//! net/netfilter/xt_tcpudp.c).
//!
//! A fragment that is not the first never matches, inverted or not; a packet whose 8-byte header
//! is cut off is dropped at once.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::text::c_number;
use crate::{
    Families, Fields, Given, Match, MatchExtension, OptionSpec, Options, Problem, Revision,
    Unsupported,
};
use bpfc_ir::{Base, Type};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor of `icmp`.
pub static ICMP: MatchExtension = MatchExtension {
    name: "icmp",
    aliases: &[],
    families: Families::Ipv4,
    options: &[OptionSpec::value("icmp-type").invertible().mandatory()],
    protocols: &[1],
    hooks: &[],
    parse: |options| parse(options, &ICMP, "icmp-type", NAMES),
    revisions: &[Revision { number: 0, size: 8, decode: |f, _| decode(f, &ICMP) }],
};

/// The descriptor of `icmp6`, which `icmpv6` and `ipv6-icmp` name too.
pub static ICMP6: MatchExtension = MatchExtension {
    name: "icmp6",
    aliases: &["icmpv6", "ipv6-icmp"],
    families: Families::Ipv6,
    options: &[OptionSpec::value("icmpv6-type").invertible().mandatory()],
    protocols: &[58],
    hooks: &[],
    parse: |options| parse(options, &ICMP6, "icmpv6-type", NAMES6),
    revisions: &[Revision { number: 0, size: 8, decode: |f, _| decode(f, &ICMP6) }],
};

/// IPv4's type for every type.
const ANY: u8 = 0xff;

type Name = (&'static str, u8, u8, u8);

/// Name, type, first and last code.
const NAMES: &[Name] = &[
    ("any", ANY, 0, 255),
    ("echo-reply", 0, 0, 255),
    ("pong", 0, 0, 255),
    ("destination-unreachable", 3, 0, 255),
    ("network-unreachable", 3, 0, 0),
    ("host-unreachable", 3, 1, 1),
    ("protocol-unreachable", 3, 2, 2),
    ("port-unreachable", 3, 3, 3),
    ("fragmentation-needed", 3, 4, 4),
    ("source-route-failed", 3, 5, 5),
    ("network-unknown", 3, 6, 6),
    ("host-unknown", 3, 7, 7),
    ("network-prohibited", 3, 9, 9),
    ("host-prohibited", 3, 10, 10),
    ("TOS-network-unreachable", 3, 11, 11),
    ("TOS-host-unreachable", 3, 12, 12),
    ("communication-prohibited", 3, 13, 13),
    ("host-precedence-violation", 3, 14, 14),
    ("precedence-cutoff", 3, 15, 15),
    ("source-quench", 4, 0, 255),
    ("redirect", 5, 0, 255),
    ("network-redirect", 5, 0, 0),
    ("host-redirect", 5, 1, 1),
    ("TOS-network-redirect", 5, 2, 2),
    ("TOS-host-redirect", 5, 3, 3),
    ("echo-request", 8, 0, 255),
    ("ping", 8, 0, 255),
    ("router-advertisement", 9, 0, 255),
    ("router-solicitation", 10, 0, 255),
    ("time-exceeded", 11, 0, 255),
    ("ttl-exceeded", 11, 0, 255),
    ("ttl-zero-during-transit", 11, 0, 0),
    ("ttl-zero-during-reassembly", 11, 1, 1),
    ("parameter-problem", 12, 0, 255),
    ("ip-header-bad", 12, 0, 0),
    ("required-option-missing", 12, 1, 1),
    ("timestamp-request", 13, 0, 255),
    ("timestamp-reply", 14, 0, 255),
    ("address-mask-request", 17, 0, 255),
    ("address-mask-reply", 18, 0, 255),
];

/// Likewise for ICMPv6.
const NAMES6: &[Name] = &[
    ("destination-unreachable", 1, 0, 255),
    ("no-route", 1, 0, 0),
    ("communication-prohibited", 1, 1, 1),
    ("beyond-scope", 1, 2, 2),
    ("address-unreachable", 1, 3, 3),
    ("port-unreachable", 1, 4, 4),
    ("failed-policy", 1, 5, 5),
    ("reject-route", 1, 6, 6),
    ("packet-too-big", 2, 0, 255),
    ("time-exceeded", 3, 0, 255),
    ("ttl-exceeded", 3, 0, 255),
    ("ttl-zero-during-transit", 3, 0, 0),
    ("ttl-zero-during-reassembly", 3, 1, 1),
    ("parameter-problem", 4, 0, 255),
    ("bad-header", 4, 0, 0),
    ("unknown-header-type", 4, 1, 1),
    ("unknown-option", 4, 2, 2),
    ("echo-request", 128, 0, 255),
    ("ping", 128, 0, 255),
    ("echo-reply", 129, 0, 255),
    ("pong", 129, 0, 255),
    ("router-solicitation", 133, 0, 255),
    ("router-advertisement", 134, 0, 255),
    ("neighbour-solicitation", 135, 0, 255),
    ("neighbor-solicitation", 135, 0, 255),
    ("neighbour-advertisement", 136, 0, 255),
    ("neighbor-advertisement", 136, 0, 255),
    ("redirect", 137, 0, 255),
];

#[derive(Debug)]
struct Icmp {
    extension: &'static MatchExtension,
    kind: u8,
    /// First and last code; the last may be less than the first.
    codes: (u8, u8),
    invert: bool,
}

fn decode(f: Fields<'_>, extension: &'static MatchExtension) -> Result<Arc<dyn Match>, String> {
    let inverted = f.u8(3);
    if inverted & !1 != 0 {
        return Err(format!("unknown inversion flags {inverted:#x}"));
    }
    let codes = (f.u8(1), f.u8(2));
    Ok(Arc::new(Icmp { extension, kind: f.u8(0), codes, invert: inverted != 0 }))
}

fn parse(
    options: &Options<'_>,
    extension: &'static MatchExtension,
    option: &str,
    names: &[Name],
) -> Result<Arc<dyn Match>, Problem> {
    let given = options.get(option).ok_or_else(|| options.bad("no type"))?;
    let (kind, codes) = parse_type(given, names)?;
    Ok(Arc::new(Icmp { extension, kind, codes, invert: given.invert }))
}

/// A name or its unambiguous beginning in any case, or `TYPE[/CODE[:CODE]]`.
fn parse_type(given: &Given<'_>, names: &[Name]) -> Result<(u8, (u8, u8)), Problem> {
    let text = given.text();
    let begins = |name: &&Name| {
        name.0.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text))
    };
    let mut found = names.iter().filter(begins);
    match (found.next(), found.next()) {
        (Some(first), Some(second)) => {
            return Err(given.bad(format!("'{text}' may be {} or {}", first.0, second.0)));
        }
        (Some(&(_, kind, low, high)), None) => return Ok((kind, (low, high))),
        (None, _) => {}
    }
    let bad = || given.bad(format!("'{text}' is neither a type's name nor TYPE[/CODE]"));
    let number = |text| match c_number(text) {
        Some((value, rest)) if value <= 255 => Ok((value as u8, rest)),
        _ => Err(bad()),
    };
    let range = |text| {
        let (low, rest) = number(text)?;
        match rest.strip_prefix(':') {
            Some(high) => number(high).map(|(high, rest)| ((low, high), rest)),
            None => Ok(((low, low), rest)),
        }
    };
    let (kinds, rest) = range(text)?;
    if kinds.0 != kinds.1 {
        return Err(given.bad("a range of types is not possible"));
    }
    match rest.strip_prefix('/') {
        None if rest.is_empty() => Ok((kinds.0, (0, 255))),
        None => Err(bad()),
        Some(codes) => match range(codes)? {
            (codes, "") => Ok((kinds.0, codes)),
            _ => Err(bad()),
        },
    }
}

impl Icmp {
    fn is_any(&self) -> bool {
        self.kind == ANY && std::ptr::eq(self.extension, &ICMP)
    }
}

impl Match for Icmp {
    fn extension(&self) -> &'static MatchExtension {
        self.extension
    }

    fn save(&self, out: &mut String) {
        out.push_str(if self.invert { " !" } else { "" });
        if self.is_any() {
            out.push_str(" --icmp-type any");
            return;
        }
        let _ = write!(out, " --{} {}", self.extension.options[0].name, self.kind);
        if self.codes != (0, 255) {
            let _ = write!(out, "/{}", self.codes.0);
        }
    }

    fn list(&self, out: &mut String) {
        let name = if std::ptr::eq(self.extension, &ICMP) { "icmp" } else { "ipv6-icmp" };
        let sign = if self.invert { " !" } else { "" };
        let _ = write!(out, " {name}{sign}type {}", self.kind);
        let _ = match self.codes {
            (low, high) if low == high => write!(out, " code {low}"),
            (0, 255) => Ok(()),
            (low, high) => write!(out, " codes {low}-{high}"),
        };
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        cx.require_first_fragment();
        cx.transport_or_drop(8);
        if self.is_any() {
            if self.invert {
                cx.never();
            }
            return Ok(());
        }
        // Type and code lie side by side, so one number holds both.
        let both = cx.builder().payload(Type::I16, Base::Transport, 0);
        let with = |code: u8| u128::from(u16::from_be_bytes([self.kind, code]));
        cx.expect_range(both, with(self.codes.0), with(self.codes.1), !self.invert);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = &packet.packet;
        if packet.fragment_offset() != 0 {
            return Outcome::NoMatch;
        }
        let Some(header) = packet.transport_slice(0, 8) else { return Outcome::Hotdrop };
        let codes = self.codes.0..=self.codes.1;
        let same = self.is_any() || (header[0] == self.kind && codes.contains(&header[1]));
        Outcome::of(same != self.invert)
    }
}
