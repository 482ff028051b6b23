//! `-m multiport`: up to 15 ports or ranges of TCP, UDP, UDP-Lite, SCTP or DCCP
//! (net/netfilter/xt_multiport.c).
//!
//! A fragment that is not the first never matches; a packet whose 4 bytes of ports are cut off is
//! dropped at once.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    Families, Given, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{Base, Type};
use std::fmt::Write;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// The most ports in one match; a range counts as two.
const MAX: usize = 15;

/// The descriptor.
pub static MULTIPORT: MatchExtension = MatchExtension {
    name: "multiport",
    aliases: &[],
    families: Families::Both,
    options: &[
        SOURCES,
        SOURCES.alias("sports"),
        DESTINATIONS,
        DESTINATIONS.alias("dports"),
        OptionSpec::value("ports").invertible(),
    ],
    protocols: &[6, 17, 136, 132, 33],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 1,
        size: 48,
        decode: |f, _| {
            let side = match f.u8(0) {
                0 => Side::Source,
                1 => Side::Destination,
                2 => Side::Either,
                other => return Err(format!("unknown kind {other}")),
            };
            let count = usize::from(f.u8(1));
            if count > MAX {
                return Err(format!("{count} ports are more than {MAX}"));
            }
            let port = |index: usize| f.u16(2 + 2 * index);
            let begins_range = |index: usize| f.u8(32 + index) != 0;
            let mut ranges = Vec::new();
            let mut index = 0;
            while index < count {
                let low = port(index);
                let high = if begins_range(index) {
                    index += 1;
                    if index >= count || begins_range(index) || port(index) < low {
                        return Err("a port range is damaged".to_owned());
                    }
                    port(index)
                } else {
                    low
                };
                ranges.push(low..=high);
                index += 1;
            }
            Ok(Arc::new(Multiport { side, ranges, invert: f.flag(47)? }))
        },
    }],
};

const SOURCES: OptionSpec = OptionSpec::value("source-ports").invertible();
const DESTINATIONS: OptionSpec = OptionSpec::value("destination-ports").invertible();

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Source,
    Destination,
    Either,
}

impl Side {
    fn option(self) -> &'static str {
        match self {
            Side::Source => "sports",
            Side::Destination => "dports",
            Side::Either => "ports",
        }
    }
}

#[derive(Debug)]
struct Multiport {
    side: Side,
    ranges: Vec<RangeInclusive<u16>>,
    invert: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let sides = [
        ("source-ports", Side::Source),
        ("destination-ports", Side::Destination),
        ("ports", Side::Either),
    ];
    let ids = sides.map(|(id, _)| id);
    options.exclusive(&ids)?;
    options.one_of(&ids)?;
    let given = sides.iter().find_map(|&(id, side)| options.get(id).map(|given| (given, side)));
    let Some((given, side)) = given else { return Err(options.bad("no ports")) };
    // One of the few that the kernel takes.
    let protocol = u8::try_from(options.header.protocol.number).unwrap_or(0);
    let ranges = parse_ranges(given, protocol)?;
    Ok(Arc::new(Multiport { side, ranges, invert: given.invert }))
}

fn parse_ranges(given: &Given<'_>, protocol: u8) -> Result<Vec<RangeInclusive<u16>>, Problem> {
    let mut ranges = Vec::new();
    let mut slots = 0;
    for item in given.text().split(',') {
        match item.split_once(':') {
            None => {
                slots += 1;
                let port = given.port(item, protocol)?;
                ranges.push(port..=port);
            }
            Some((low, high)) => {
                slots += 2;
                let (low, high) = (given.port(low, protocol)?, given.port(high, protocol)?);
                if low >= high {
                    return Err(given.bad(format!("{low}:{high} is no range of ports")));
                }
                ranges.push(low..=high);
            }
        }
        if slots > MAX {
            return Err(
                given.bad(format!("these are more than {MAX} ports (a range counts as two)"))
            );
        }
    }
    Ok(ranges)
}

impl Multiport {
    fn print_ranges(&self, out: &mut String) {
        for (index, range) in self.ranges.iter().enumerate() {
            out.push_str(if index == 0 { "" } else { "," });
            let _ = match range.start() == range.end() {
                true => write!(out, "{}", range.start()),
                false => write!(out, "{}:{}", range.start(), range.end()),
            };
        }
    }
}

impl Match for Multiport {
    fn extension(&self) -> &'static MatchExtension {
        &MULTIPORT
    }

    fn save(&self, out: &mut String) {
        out.push_str(if self.invert { " !" } else { "" });
        let _ = write!(out, " --{} ", self.side.option());
        self.print_ranges(out);
    }

    fn list(&self, out: &mut String) {
        let _ = write!(out, " multiport {} ", self.side.option());
        out.push_str(if self.invert { " !" } else { "" });
        self.print_ranges(out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        cx.require_first_fragment();
        cx.transport_or_drop(4);
        let offsets: &[u16] = match self.side {
            Side::Source => &[0],
            Side::Destination => &[2],
            Side::Either => &[0, 2],
        };
        let mut tests = Vec::new();
        for &offset in offsets {
            let port = cx.builder().payload(Type::I16, Base::Transport, offset);
            tests.extend(self.ranges.iter().map(|range| (port, range)));
        }
        cx.expect_any(&tests, !self.invert, |b, (port, range)| {
            b.in_range(*port, (*range.start()).into(), (*range.end()).into())
        });
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = &packet.packet;
        if packet.fragment_offset() != 0 {
            return Outcome::NoMatch;
        }
        let Some(header) = packet.transport_slice(0, 4) else { return Outcome::Hotdrop };
        let source = u16::from_be_bytes([header[0], header[1]]);
        let destination = u16::from_be_bytes([header[2], header[3]]);
        let found = self.ranges.iter().any(|range| match self.side {
            Side::Source => range.contains(&source),
            Side::Destination => range.contains(&destination),
            Side::Either => range.contains(&source) || range.contains(&destination),
        });
        Outcome::of(found != self.invert)
    }
}
