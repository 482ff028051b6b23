//! `-m rt`: the IPv6 routing header (net/ipv6/netfilter/ip6t_rt.c).
//!
//! A header whose announced length is not all there drops the packet. `--rt-0-addrs` lists the
//! addresses of a type 0 header: all of them in order, or with `--rt-0-not-strict` some of them in
//! order.

use super::exthdr::{self, LengthTest, ROUTING};
use super::numbers::NumberRange;
use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    Families, Given, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
    show_address,
};
use bpfc_ir::{Block, Condition, Family, Type, Value};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::Ipv6Addr;
use std::sync::Arc;

/// The descriptor.
pub static RT: MatchExtension = MatchExtension {
    name: "rt",
    aliases: &[],
    families: Families::Ipv6,
    options: &[
        OptionSpec::value("rt-type").invertible(),
        OptionSpec::value("rt-segsleft").invertible(),
        OptionSpec::value("rt-len").invertible(),
        OptionSpec::flag("rt-0-res"),
        OptionSpec::value("rt-0-addrs"),
        OptionSpec::flag("rt-0-not-strict"),
    ],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 280,
        decode: |f, _| {
            let (flags, inverted, count) = (f.u8(16), f.u8(17), usize::from(f.u8(276)));
            if flags & !0x3f != 0 || inverted & !7 != 0 {
                return Err(format!("unknown flags {flags:#x} or inversion flags {inverted:#x}"));
            }
            let (listed, not_strict) = (flags & 0x10 != 0, flags & 0x20 != 0);
            if count > MAX_ADDRESSES || listed != (count > 0) || not_strict && !listed {
                return Err(format!("a list of {count} addresses"));
            }
            let kind = f.u32(0);
            let invert = |bit| inverted & bit != 0;
            if flags & 0x38 != 0 && (flags & 1 == 0 || kind != 0 || invert(1)) {
                return Err("a test of type 0 headers without --rt-type 0".to_owned());
            }
            let address = |index: usize| u128::from_be_bytes(f.bytes(20 + 16 * index));
            Ok(Arc::new(Rt {
                kind: (flags & 1 != 0).then_some((kind, invert(1))),
                segments: NumberRange { low: f.u32(4), high: f.u32(8), invert: invert(2) },
                length: (flags & 4 != 0)
                    .then_some(LengthTest { length: f.u32(12), invert: invert(4) }),
                reserved: flags & 8 != 0,
                addresses: (0..count).map(address).collect(),
                strict: !not_strict,
            }))
        },
    }],
};

/// How many addresses a rule can list.
const MAX_ADDRESSES: usize = 16;
/// How many addresses the longest header has: its length byte counts 8 bytes, the first 8 apart.
const MAX_IN_HEADER: usize = 127;

#[derive(Debug)]
struct Rt {
    /// `--rt-type` and its inversion.
    kind: Option<(u32, bool)>,
    segments: NumberRange,
    length: Option<LengthTest>,
    /// Whether the 4 bytes behind the fixed part must be 0.
    reserved: bool,
    /// None where they are not asked for.
    addresses: Vec<u128>,
    strict: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let kind = match options.get("rt-type") {
        Some(given) => Some((given.number(0, u32::MAX.into())? as u32, given.invert)),
        None => None,
    };
    // iptables looks at what was given before.
    let place = |id| options.given.iter().position(|given| given.id == id);
    let before = |first, second| place(first).is_some_and(|at| Some(at) < place(second));
    for id in ["rt-0-res", "rt-0-addrs"] {
        if options.has(id) && (kind != Some((0, false)) || !before("rt-type", id)) {
            return Err(options.bad(format!("--{id} needs --rt-type 0 before it")));
        }
    }
    let not_strict = options.has("rt-0-not-strict");
    if not_strict && !before("rt-0-addrs", "rt-0-not-strict") {
        return Err(options.bad("--rt-0-not-strict needs --rt-0-addrs before it"));
    }
    let length = match options.get("rt-len") {
        Some(given) => Some(LengthTest {
            length: given.number(0, u32::MAX.into())? as u32,
            invert: given.invert,
        }),
        None => None,
    };
    let addresses = options.get("rt-0-addrs").map(parse_addresses).transpose()?;
    Ok(Arc::new(Rt {
        kind,
        segments: NumberRange::parse(options.get("rt-segsleft"))?,
        length,
        reserved: options.has("rt-0-res"),
        addresses: addresses.unwrap_or_default(),
        strict: !not_strict,
    }))
}

fn parse_addresses(given: &Given<'_>) -> Result<Vec<u128>, Problem> {
    let list = given.text().split(',').map(|text| {
        let address = text.parse::<Ipv6Addr>().map(u128::from);
        address.map_err(|_| given.bad(format!("'{text}' is not an IPv6 address")))
    });
    let list: Vec<u128> = list.collect::<Result<_, _>>()?;
    if list.len() > MAX_ADDRESSES {
        return Err(given.bad(format!("more than {MAX_ADDRESSES} addresses are listed")));
    }
    Ok(list)
}

impl Rt {
    /// Appends the addresses with commas between them.
    fn print_addresses(&self, out: &mut String) {
        for (index, &address) in self.addresses.iter().enumerate() {
            out.push(if index == 0 { ' ' } else { ',' });
            out.push_str(&show_address(Family::Ipv6, address));
        }
    }

    /// Goes on where the listed addresses are the header's, all of them in order.
    fn lower_strict(&self, cx: &mut RuleCx<'_>, header: Value, length: Value) {
        let end = address_place(self.addresses.len());
        let at_least = cx.builder().compare_const(Condition::Ge, length, end.into());
        cx.require(at_least);
        let next = u128::from(end) + 16;
        let at_most = cx.builder().compare_const(Condition::Lt, length, next);
        cx.require(at_most);
        let there = cx.builder().available_at(header, end);
        cx.require_or_drop(there);
        for (index, &address) in self.addresses.iter().enumerate() {
            let found = cx.builder().load_at(Type::I128, header, address_place(index));
            let same = cx.builder().compare_const(Condition::Eq, found, address);
            cx.require(same);
        }
    }

    /// Goes on where the listed addresses are among the header's, in order. A search step has two
    /// coordinates: how many of the header's addresses it has passed, and how many of the list it
    /// has found; steps that the list cannot be found from are not emitted.
    fn lower_not_strict(&self, cx: &mut RuleCx<'_>, header: Value, length: Value) {
        let listed = self.addresses.len();
        let found_all = cx.builder().block();
        let no_match = cx.no_match();
        let mut steps: BTreeMap<(usize, usize), Block> = BTreeMap::new();
        let first = cx.builder().block();
        steps.insert((0, 0), first);
        cx.builder().jump(first);
        while let Some(((passed, found), block)) = steps.pop_first() {
            cx.builder().switch_to(block);
            let mut step = |cx: &mut RuleCx<'_>, found: usize| {
                if found == listed {
                    return found_all;
                }
                if passed + 1 + listed - found > MAX_IN_HEADER {
                    return no_match;
                }
                let key = (passed + 1, found);
                *steps.entry(key).or_insert_with(|| cx.builder().block())
            };
            let (then, otherwise) = (step(cx, found + 1), step(cx, found));
            let end = address_place(passed + 1);
            let is_there = cx.builder().compare_const(Condition::Ge, length, end.into());
            cx.require(is_there);
            let there = cx.builder().available_at(header, end);
            cx.require_or_drop(there);
            let address = cx.builder().load_at(Type::I128, header, address_place(passed));
            let wanted = self.addresses[found];
            let same = cx.builder().compare_const(Condition::Eq, address, wanted);
            cx.builder().branch(same, then, otherwise);
        }
        cx.builder().switch_to(found_all);
    }
}

/// Where in the header an address begins.
fn address_place(index: usize) -> u16 {
    8 + 16 * index as u16
}

impl Match for Rt {
    fn extension(&self) -> &'static MatchExtension {
        &RT
    }

    fn save(&self, out: &mut String) {
        if let Some((kind, invert)) = self.kind {
            let _ = write!(out, "{} --rt-type {kind}", if invert { " !" } else { "" });
        }
        self.segments.save("rt-segsleft", out);
        if let Some(LengthTest { length, invert }) = self.length {
            let _ = write!(out, "{} --rt-len {length}", if invert { " !" } else { "" });
        }
        out.push_str(if self.reserved { " --rt-0-res" } else { "" });
        if !self.addresses.is_empty() {
            out.push_str(" --rt-0-addrs");
            self.print_addresses(out);
        }
        out.push_str(if self.strict { "" } else { " --rt-0-not-strict" });
    }

    fn list(&self, out: &mut String) {
        out.push_str(" rt");
        if let Some((kind, invert)) = self.kind {
            let _ = write!(out, " type:{}{kind}", if invert { "!" } else { "" });
        }
        self.segments.list(" segsleft", out);
        if let Some(LengthTest { length, invert }) = self.length {
            let _ = write!(out, " length:{}{length}", if invert { "!" } else { "" });
        }
        out.push_str(if self.reserved { " reserved" } else { "" });
        if !self.addresses.is_empty() {
            out.push_str(" 0-addrs");
            self.print_addresses(out);
        }
        out.push_str(if self.strict { "" } else { " 0-not-strict" });
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let header = exthdr::lower(cx, ROUTING, 4);
        let length = exthdr::lower_length(cx, header);
        exthdr::require_whole(cx, header, length);
        if self.segments != NumberRange::ANY {
            let left = cx.builder().load_at(Type::I8, header, 3);
            let left = cx.builder().extend(Type::I32, left);
            self.segments.lower(cx, left);
        }
        if let Some(test) = self.length {
            test.lower(cx, length);
        }
        if let Some((kind, invert)) = self.kind {
            let found = cx.builder().load_at(Type::I8, header, 2);
            let found = cx.builder().extend(Type::I32, found);
            let same = cx.builder().compare_const(Condition::Eq, found, kind.into());
            cx.expect(same, !invert);
        }
        if self.reserved {
            let there = cx.builder().available_at(header, 8);
            cx.require_or_drop(there);
            let reserved = cx.builder().load_at(Type::I32, header, 4);
            let zero = cx.builder().compare_const(Condition::Eq, reserved, 0);
            cx.require(zero);
        }
        match (self.addresses.is_empty(), self.strict) {
            (true, _) => {}
            (false, true) => self.lower_strict(cx, header, length),
            (false, false) => self.lower_not_strict(cx, header, length),
        }
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = &packet.packet;
        let offset = match exthdr::find(packet, ROUTING, 4) {
            Ok(offset) => offset,
            Err(outcome) => return outcome,
        };
        let length = (usize::from(packet.bytes()[offset + 1]) + 1) * 8;
        let Some(header) = packet.slice(offset, length) else { return Outcome::Hotdrop };
        let addresses: Vec<u128> = header[8..]
            .chunks_exact(16)
            .map(|a| u128::from_be_bytes(a.try_into().unwrap_or([0; 16])))
            .collect();
        let listed = match (self.addresses.is_empty(), self.strict) {
            (true, _) => true,
            (false, true) => addresses == self.addresses,
            (false, false) => {
                let mut rest = addresses.iter();
                self.addresses.iter().all(|wanted| rest.any(|address| address == wanted))
            }
        };
        Outcome::of(
            self.segments.contains(header[3].into())
                && self.length.is_none_or(|test| test.holds(length as u32))
                && self.kind.is_none_or(|(kind, invert)| (u32::from(header[2]) == kind) != invert)
                && !(self.reserved && header[4..8] != [0; 4])
                && listed,
        )
    }
}
