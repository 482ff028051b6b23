//! `-m dccp`: ports, packet types and one option of the DCCP header (net/netfilter/xt_dccp.c).
//!
//! A fragment that is not the first never matches, inverted or not; a packet without the generic
//! header's 12 bytes is dropped at once. So is one whose announced options are cut off or start
//! before its header ends, except that an inverted test for an option then holds: the rule counts
//! the packet, which is dropped all the same.

use super::ports::{PortRange, save_given};
use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    Families, Given, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{Base, BinaryOp, Condition, Scan, Type};
use bpfc_packet::{Found, find_dccp_option};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static DCCP: MatchExtension = MatchExtension {
    name: "dccp",
    aliases: &[],
    families: Families::Both,
    options: &[
        SOURCE,
        SOURCE.alias("sport"),
        DESTINATION,
        DESTINATION.alias("dport"),
        OptionSpec::value("dccp-types").invertible(),
        OptionSpec::value("dccp-option").invertible(),
    ],
    protocols: &[33],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 16,
        decode: |f, _| {
            let (flags, inverted, types) = (f.u16(8), f.u16(10), f.u16(12));
            if flags & !0xf != 0 || inverted & !flags != 0 {
                return Err(format!("unknown flags {flags:#x} or inversion flags {inverted:#x}"));
            }
            if types & INVALID != 0 && types & INVALID != INVALID {
                return Err(format!("packet types {types:#x} with some invalid ones only"));
            }
            let given = |bit| (flags & bit != 0).then_some(inverted & bit != 0);
            let ports = |at, bit| {
                given(bit).map(|invert| PortRange { low: f.u16(at), high: f.u16(at + 2), invert })
            };
            Ok(Arc::new(Dccp {
                source: ports(4, 1),
                destination: ports(0, 2),
                types: given(4).map(|invert| TypeTest { types, invert }),
                option: given(8).map(|invert| OptionTest { kind: f.u8(14), invert }),
            }))
        },
    }],
};

const SOURCE: OptionSpec = OptionSpec::value("source-port").invertible();
const DESTINATION: OptionSpec = OptionSpec::value("destination-port").invertible();

/// Packet types by number; the last name stands for all from its number on.
const TYPES: [&str; 11] = [
    "REQUEST", "RESPONSE", "DATA", "ACK", "DATAACK", "CLOSEREQ", "CLOSE", "RESET", "SYNC",
    "SYNCACK", "INVALID",
];
/// The types from 10 on.
const INVALID: u16 = 0xfc00;

#[derive(Debug)]
struct Dccp {
    source: Option<PortRange>,
    destination: Option<PortRange>,
    types: Option<TypeTest>,
    option: Option<OptionTest>,
}

/// Types as bits.
#[derive(Debug)]
struct TypeTest {
    types: u16,
    invert: bool,
}

#[derive(Debug)]
struct OptionTest {
    kind: u8,
    invert: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let ports = |id| options.get(id).map(PortRange::parse).transpose();
    let types = match options.get("dccp-types") {
        Some(given) => Some(TypeTest { types: parse_types(given)?, invert: given.invert }),
        None => None,
    };
    let option = match options.get("dccp-option") {
        Some(given) => Some(OptionTest { kind: given.number(1, 255)? as u8, invert: given.invert }),
        None => None,
    };
    Ok(Arc::new(Dccp {
        source: ports("source-port")?,
        destination: ports("destination-port")?,
        types,
        option,
    }))
}

fn parse_types(given: &Given<'_>) -> Result<u16, Problem> {
    given.text().split(',').filter(|name| !name.is_empty()).try_fold(0, |types, name| {
        match TYPES.iter().position(|known| known.eq_ignore_ascii_case(name)) {
            Some(10) => Ok(types | INVALID),
            Some(number) => Ok(types | 1 << number),
            None => Err(given.bad(format!("'{name}' is no type of DCCP packets"))),
        }
    })
}

impl TypeTest {
    /// The types as ranges, ascending.
    fn ranges(&self) -> Vec<(u8, u8)> {
        let mut ranges: Vec<(u8, u8)> = Vec::new();
        for kind in (0..16).filter(|kind| self.types >> kind & 1 == 1) {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == kind => *last = kind,
                _ => ranges.push((kind, kind)),
            }
        }
        ranges
    }
}

impl Match for Dccp {
    fn extension(&self) -> &'static MatchExtension {
        &DCCP
    }

    fn save(&self, out: &mut String) {
        save_given(self.source, "sport", out);
        save_given(self.destination, "dport", out);
        if let Some(test) = &self.types {
            let named = (0..).zip(TYPES).filter(|(number, _)| test.types >> number & 1 == 1);
            let names: Vec<&str> = named.map(|(_, name)| name).collect();
            let sign = if test.invert { " !" } else { "" };
            let _ = write!(out, "{sign} --dccp-types {}", names.join(","));
        }
        if let Some(OptionTest { kind, invert }) = self.option {
            let _ = write!(out, "{} --dccp-option {kind}", if invert { " !" } else { "" });
        }
    }

    fn list(&self, out: &mut String) {
        out.push_str(" dccp");
        if let Some(range) = self.source {
            range.list("spt", out);
        }
        if let Some(range) = self.destination {
            range.list("dpt", out);
        }
        if let Some(test) = &self.types {
            let numbers = (0..16).filter(|number| test.types >> number & 1 == 1);
            let numbers: Vec<String> = numbers.map(|number: u8| number.to_string()).collect();
            let sign = if test.invert { " !" } else { "" };
            let _ = write!(out, "{sign} {}", numbers.join(","));
        }
        if let Some(OptionTest { kind, invert }) = self.option.as_ref()
            && (*kind != 0 || *invert)
        {
            let _ = write!(out, " option={}{kind}", if *invert { "!" } else { "" });
        }
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        cx.require_first_fragment();
        cx.transport_or_drop(12);
        if let Some(range) = self.source {
            range.lower(cx, 0);
        }
        if let Some(range) = self.destination {
            range.lower(cx, 2);
        }
        if let Some(test) = &self.types {
            cx.expect_any(&test.ranges(), !test.invert, |b, &(low, high)| {
                let field = b.payload(Type::I8, Base::Transport, 8);
                let one = b.constant(Type::I8, 1);
                let kind = b.binary(BinaryOp::Shr, field, one);
                let kind = b.mask(kind, 0x0f);
                b.in_range(kind, low.into(), high.into())
            });
        }
        if let Some(OptionTest { kind, invert }) = self.option {
            let found = cx.builder().scan(Scan::DccpOption(kind));
            let broken = cx.builder().compare_const(Condition::Eq, found, Scan::BROKEN.into());
            let drop = if invert { cx.match_then_drop() } else { cx.hotdrop() };
            cx.builder().forbid(broken, drop);
            let absent = cx.builder().compare_const(Condition::Eq, found, Scan::ABSENT.into());
            cx.expect(absent, invert);
        }
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = &packet.packet;
        if packet.fragment_offset() != 0 {
            return Outcome::NoMatch;
        }
        let Some(header) = packet.transport_slice(0, 12) else { return Outcome::Hotdrop };
        let port = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let kind = header[8] >> 1 & 0x0f;
        let holds = self.source.is_none_or(|range| range.contains(port(0)))
            && self.destination.is_none_or(|range| range.contains(port(2)))
            && self.types.as_ref().is_none_or(|t| (t.types >> kind & 1 == 1) != t.invert);
        match self.option {
            _ if !holds => Outcome::NoMatch,
            None => Outcome::Match,
            Some(OptionTest { kind, invert }) => {
                match find_dccp_option(packet.bytes(), packet.transport(), kind) {
                    Found::Broken if invert => Outcome::MatchThenDrop,
                    Found::Broken => Outcome::Hotdrop,
                    Found::At(_) => Outcome::of(!invert),
                    Found::Absent => Outcome::of(invert),
                }
            }
        }
    }
}
