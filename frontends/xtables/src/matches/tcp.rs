//! `-m tcp`: ports, flags and one option of the TCP header (net/netfilter/xt_tcpudp.c).
//!
//! A fragment that is not the first never matches, inverted or not; an IPv4 one with offset 1 is
//! dropped at once, as is a packet whose 20-byte header or announced options are cut off.

use super::ports::PortRange;
use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    Families, Given, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{Base, Condition, Family, Meta, Scan, Type};
use bpfc_packet::{Found, find_tcp_option};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static TCP: MatchExtension = MatchExtension {
    name: "tcp",
    aliases: &[],
    families: Families::Both,
    options: &[
        SOURCE,
        SOURCE.alias("sport"),
        DESTINATION,
        DESTINATION.alias("dport"),
        OptionSpec::flag("syn").invertible(),
        OptionSpec::pair("tcp-flags").invertible(),
        OptionSpec::value("tcp-option").invertible(),
    ],
    protocols: &[6],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 16,
        decode: |f, _| {
            let inverted = f.u8(11);
            if inverted & !0x0f != 0 {
                return Err(format!("unknown inversion flags {inverted:#x}"));
            }
            let range = |at, bit| PortRange {
                low: f.u16(at),
                high: f.u16(at + 2),
                invert: inverted & bit != 0,
            };
            Ok(Arc::new(Tcp {
                source: range(0, 1),
                destination: range(4, 2),
                option: OptionTest { kind: f.u8(8), invert: inverted & 8 != 0 },
                flags: FlagTest { mask: f.u8(9), value: f.u8(10), invert: inverted & 4 != 0 },
            }))
        },
    }],
};

const SOURCE: OptionSpec = OptionSpec::value("source-port").invertible();
const DESTINATION: OptionSpec = OptionSpec::value("destination-port").invertible();

/// In the order that they are printed in; ALL and NONE are only read.
const FLAGS: [(&str, u8); 8] = [
    ("FIN", 0x01),
    ("SYN", 0x02),
    ("RST", 0x04),
    ("PSH", 0x08),
    ("ACK", 0x10),
    ("URG", 0x20),
    ("ALL", 0x3f),
    ("NONE", 0),
];

#[derive(Debug)]
struct Tcp {
    source: PortRange,
    destination: PortRange,
    flags: FlagTest,
    option: OptionTest,
}

#[derive(Debug)]
struct FlagTest {
    mask: u8,
    value: u8,
    invert: bool,
}

/// Kind 0 asks for none.
#[derive(Debug)]
struct OptionTest {
    kind: u8,
    invert: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    options.exclusive(&["syn", "tcp-flags"])?;
    let flags = match (options.get("syn"), options.get("tcp-flags")) {
        (Some(syn), _) => FlagTest { mask: 0x17, value: 0x02, invert: syn.invert },
        (None, Some(given)) => FlagTest {
            mask: parse_flags(given, 0)?,
            value: parse_flags(given, 1)?,
            invert: given.invert,
        },
        (None, None) => FlagTest { mask: 0, value: 0, invert: false },
    };
    let option = match options.get("tcp-option") {
        Some(given) => OptionTest { kind: given.number(1, 255)? as u8, invert: given.invert },
        None => OptionTest { kind: 0, invert: false },
    };
    Ok(Arc::new(Tcp {
        source: PortRange::parse_ordered(options.get("source-port"), 6)?,
        destination: PortRange::parse_ordered(options.get("destination-port"), 6)?,
        flags,
        option,
    }))
}

fn parse_flags(given: &Given<'_>, index: usize) -> Result<u8, Problem> {
    let text = given.values.get(index).map_or("", |word| &word.text);
    text.split(',').filter(|name| !name.is_empty()).try_fold(0, |flags, name| {
        match FLAGS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, flag)) => Ok(flags | flag),
            None => Err(given.bad(format!("'{name}' is no TCP flag"))),
        }
    })
}

fn save_flags(flags: u8, out: &mut String) {
    let names: Vec<&str> =
        FLAGS[..6].iter().filter(|(_, flag)| flags & flag != 0).map(|(name, _)| *name).collect();
    out.push_str(if names.is_empty() { "NONE" } else { "" });
    out.push_str(&names.join(","));
}

impl Match for Tcp {
    fn extension(&self) -> &'static MatchExtension {
        &TCP
    }

    /// As net/netfilter/xt_TCPMSS.c looks for it.
    fn asks_for_syn(&self) -> bool {
        self.flags.value & 0x02 != 0 && !self.flags.invert
    }

    fn save(&self, out: &mut String) {
        self.source.save("sport", out);
        self.destination.save("dport", out);
        let sign = |invert| if invert { " !" } else { "" };
        let OptionTest { kind, invert } = self.option;
        if kind != 0 || invert {
            let _ = write!(out, "{} --tcp-option {kind}", sign(invert));
        }
        if self.flags.mask != 0 || self.flags.invert {
            let _ = write!(out, "{} --tcp-flags ", sign(self.flags.invert));
            save_flags(self.flags.mask, out);
            out.push(' ');
            save_flags(self.flags.value, out);
        }
    }

    fn list(&self, out: &mut String) {
        out.push_str(" tcp");
        self.source.list("spt", out);
        self.destination.list("dpt", out);
        let sign = |invert| if invert { "!" } else { "" };
        let OptionTest { kind, invert } = self.option;
        if kind != 0 || invert {
            let _ = write!(out, " option={}{kind}", sign(invert));
        }
        let FlagTest { mask, value, invert } = self.flags;
        if mask != 0 || invert {
            let _ = write!(out, " flags:{}0x{mask:02X}/0x{value:02X}", sign(invert));
        }
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        if cx.family() == Family::Ipv4 {
            let offset = cx.builder().meta(Meta::FragmentOffset);
            let overlapping = cx.builder().compare_const(Condition::Eq, offset, 1);
            cx.forbid_or_drop(overlapping);
        }
        cx.require_first_fragment();
        cx.transport_or_drop(20);
        self.source.lower(cx, 0);
        self.destination.lower(cx, 2);
        if self.flags.mask != 0 || self.flags.value != 0 || self.flags.invert {
            let b = cx.builder();
            let flags = b.payload(Type::I8, Base::Transport, 13);
            let masked = b.mask(flags, self.flags.mask.into());
            let equal = b.compare_const(Condition::Eq, masked, self.flags.value.into());
            cx.expect(equal, !self.flags.invert);
        }
        if self.option.kind != 0 {
            let length = cx.builder().payload(Type::I8, Base::Transport, 12);
            let enough = cx.builder().compare_const(Condition::Ge, length, 0x50);
            cx.require_or_drop(enough);
            let found = cx.builder().scan(Scan::TcpOption(self.option.kind));
            let broken = cx.builder().compare_const(Condition::Eq, found, Scan::BROKEN.into());
            cx.forbid_or_drop(broken);
            let absent = cx.builder().compare_const(Condition::Eq, found, Scan::ABSENT.into());
            cx.expect(absent, self.option.invert);
        }
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = &packet.packet;
        match (packet.fragment_offset(), packet.ip()) {
            (0, _) => {}
            (1, Family::Ipv4) => return Outcome::Hotdrop,
            _ => return Outcome::NoMatch,
        }
        let Some(header) = packet.transport_slice(0, 20) else { return Outcome::Hotdrop };
        let port = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let flags = (header[13] & self.flags.mask == self.flags.value) != self.flags.invert;
        if !(self.source.contains(port(0)) && self.destination.contains(port(2)) && flags) {
            return Outcome::NoMatch;
        }
        if self.option.kind == 0 {
            return Outcome::Match;
        }
        match find_tcp_option(packet.bytes(), packet.transport(), self.option.kind) {
            Found::Broken => Outcome::Hotdrop,
            Found::At(_) => Outcome::of(!self.option.invert),
            Found::Absent => Outcome::of(self.option.invert),
        }
    }
}
