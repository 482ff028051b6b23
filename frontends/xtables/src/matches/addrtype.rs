//! `-m addrtype`: what kind of address the routing tables make source and destination
//! (net/netfilter/xt_addrtype.c).
//!
//! In IPv4 an address has one kind and the local table alone is asked. In IPv6 the kinds
//! MULTICAST, UNICAST and UNSPEC are read off the address and must all hold, then one of LOCAL,
//! ANYCAST and UNREACHABLE must, if any is named.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View, address_number};
use crate::{
    DecodeCx, Families, Fields, Given, Match, MatchExtension, OptionSpec, Options, Problem,
    Revision, Unsupported,
};
use bpfc_ir::{Address, Base, Condition, Device, Family, Hook, Lookup, Type};
use bpfc_packet::{Routes, route_kind};
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

/// The descriptor.
pub static ADDRTYPE: MatchExtension = MatchExtension {
    name: "addrtype",
    aliases: &[],
    families: Families::Both,
    options: &[
        OptionSpec::value("src-type").invertible(),
        OptionSpec::value("dst-type").invertible(),
        OptionSpec::flag("limit-iface-in"),
        OptionSpec::flag("limit-iface-out"),
    ],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[
        Revision { number: 0, size: 16, decode: decode_0 },
        Revision { number: 1, size: 8, decode: decode_1 },
    ],
};

/// By number, as routes have them (`RTN_*`).
const NAMES: [&str; 12] = [
    "UNSPEC",
    "UNICAST",
    "LOCAL",
    "BROADCAST",
    "ANYCAST",
    "MULTICAST",
    "BLACKHOLE",
    "UNREACHABLE",
    "PROHIBIT",
    "THROW",
    "NAT",
    "XRESOLVE",
];

/// `RTN_UNSPEC`.
const UNSPEC: u8 = 0;
const LOCAL: u16 = 1 << route_kind::LOCAL;
const ANYCAST: u16 = 1 << route_kind::ANYCAST;
const UNREACHABLE: u16 = 1 << route_kind::UNREACHABLE;

/// A set of kinds, each a bit, and whether addresses of other kinds match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kinds {
    set: u16,
    invert: bool,
}

#[derive(Debug)]
struct AddrType {
    family: Family,
    source: Option<Kinds>,
    destination: Option<Kinds>,
    /// The device whose addresses alone count.
    device: Option<Device>,
}

/// Kinds by any beginning of their names: the first that begins so, as iptables takes it.
fn parse_kinds(given: &Given<'_>) -> Result<Kinds, Problem> {
    let mut set = 0;
    for word in given.text().split(',') {
        let begins = |name: &&str| {
            !word.is_empty()
                && name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
        };
        match NAMES.iter().position(begins) {
            Some(kind) => set |= 1 << kind,
            None => return Err(given.bad(format!("'{word}' is no kind of address"))),
        }
    }
    Ok(Kinds { set, invert: given.invert })
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    options.one_of(&["src-type", "dst-type"])?;
    options.exclusive(&["limit-iface-in", "limit-iface-out"])?;
    let kinds = |id| options.get(id).map(parse_kinds).transpose();
    let device = match (options.has("limit-iface-in"), options.has("limit-iface-out")) {
        (true, _) => Some(Device::In),
        (_, true) => Some(Device::Out),
        _ => None,
    };
    let family = options.family;
    let made =
        AddrType { family, source: kinds("src-type")?, destination: kinds("dst-type")?, device };
    made.check().map_err(|reason| options.bad(reason))?;
    Ok(Arc::new(made))
}

/// `struct xt_addrtype_info`, which the kernel takes in IPv4 alone.
fn decode_0(f: Fields<'_>, cx: &DecodeCx<'_>) -> Result<Arc<dyn Match>, String> {
    if cx.family == Family::Ipv6 {
        return Err("revision 0 is IPv4's alone".to_owned());
    }
    let flag = |offset| match f.u32(offset) {
        value @ (0 | 1) => Ok(value == 1),
        other => Err(format!("its inversion is {other}, not 0 or 1")),
    };
    let kinds = |set, invert| (set != 0).then_some(Kinds { set, invert });
    let (source, destination) = (kinds(f.u16(0), flag(4)?), kinds(f.u16(2), flag(8)?));
    let made = AddrType { family: cx.family, source, destination, device: None };
    made.check()?;
    Ok(Arc::new(made))
}

/// `struct xt_addrtype_info_v1`: flags 1 and 2 invert source and destination, 4 and 8 limit to
/// the input and the output device.
fn decode_1(f: Fields<'_>, cx: &DecodeCx<'_>) -> Result<Arc<dyn Match>, String> {
    let flags = f.u32(4);
    if flags & !0xf != 0 {
        return Err(format!("its flags are {flags:#x}, of which the kernel knows 0xf"));
    }
    let device = match flags & 0xc {
        0 => None,
        4 => Some(Device::In),
        8 => Some(Device::Out),
        _ => return Err("it is limited to the input and the output device at once".to_owned()),
    };
    let kinds = |set, bit| (set != 0).then_some(Kinds { set, invert: flags & bit != 0 });
    let (source, destination) = (kinds(f.u16(0), 1), kinds(f.u16(2), 2));
    let made = AddrType { family: cx.family, source, destination, device };
    made.check()?;
    Ok(Arc::new(made))
}

impl AddrType {
    /// What the kernel refuses (`addrtype_mt_checkentry_v1`).
    fn check(&self) -> Result<(), String> {
        let all = [self.source, self.destination]
            .into_iter()
            .flatten()
            .fold(0, |all, kinds| all | kinds.set);
        if all >> NAMES.len() != 0 {
            return Err(format!("it names kinds {all:#x}, of which the kernel knows 0xfff"));
        }
        let refused = [route_kind::BROADCAST, route_kind::BLACKHOLE];
        let refused = refused.into_iter().chain(route_kind::PROHIBIT..NAMES.len() as u8);
        if self.family == Family::Ipv6
            && let Some(kind) = refused.into_iter().find(|kind| all >> kind & 1 != 0)
        {
            return Err(format!("IPv6 has no {} addresses", NAMES[usize::from(kind)]));
        }
        Ok(())
    }

    fn tests(&self) -> impl Iterator<Item = (Address, Kinds)> {
        let tests = [(Address::Source, self.source), (Address::Destination, self.destination)];
        tests.into_iter().filter_map(|(address, kinds)| Some((address, kinds?)))
    }

    fn print_kinds(kinds: Kinds, out: &mut String) {
        let named = NAMES.iter().enumerate().filter(|(kind, _)| kinds.set >> kind & 1 != 0);
        let names: Vec<&str> = named.map(|(_, name)| *name).collect();
        out.push_str(&names.join(","));
    }
}

/// Goes on where the address is of one of the kinds, or of none.
fn lower_ipv4(cx: &mut RuleCx<'_>, lookup: Lookup, kinds: Kinds) {
    let b = cx.builder();
    let kind = b.lookup(lookup);
    // Only these five ever come out.
    let possible = (u16::from(route_kind::UNICAST)..=u16::from(route_kind::MULTICAST))
        .filter(|kind| kinds.set >> kind & 1 != 0);
    let numbers: Vec<u16> = possible.collect();
    match (numbers.first(), numbers.last()) {
        (Some(&first), Some(&last)) if usize::from(last - first) + 1 == numbers.len() => {
            let inside = b.in_range(kind, first.into(), last.into());
            cx.expect(inside, !kinds.invert);
        }
        (Some(_), Some(_)) => {
            cx.expect_any(&numbers, !kinds.invert, |b, &number| {
                b.compare_const(Condition::Eq, kind, number.into())
            });
        }
        _ if !kinds.invert => cx.never(),
        _ => {}
    }
}

/// The tests of an IPv6 address, which go on in a block of their own.
fn lower_ipv6(cx: &mut RuleCx<'_>, address: Address, lookup: Lookup, kinds: Kinds) {
    let no_match = cx.no_match();
    let has = |kind: u8| kinds.set >> kind & 1 != 0;
    let b = cx.builder();
    let number = b.payload(
        Type::I128,
        Base::Network,
        match address {
            Address::Source => 8,
            Address::Destination => 24,
        },
    );
    let matched = b.block();
    let (held, failed) = match kinds.invert {
        false => (matched, no_match),
        true => (no_match, matched),
    };
    if has(route_kind::MULTICAST) {
        let first = b.mask(number, 0xff << 120);
        let group = b.compare_const(Condition::Eq, first, 0xff << 120);
        b.require(group, failed);
    }
    if has(route_kind::UNICAST) {
        let first = b.mask(number, 0xff << 120);
        let group = b.compare_const(Condition::Eq, first, 0xff << 120);
        b.forbid(group, failed);
        let none = b.compare_const(Condition::Eq, number, 0);
        b.forbid(none, failed);
        let prefix = b.mask(number, !0 << 32);
        let mapped = b.compare_const(Condition::Eq, prefix, 0xffff << 32);
        b.forbid(mapped, failed);
    }
    if has(UNSPEC) {
        let none = b.compare_const(Condition::Eq, number, 0);
        b.require(none, failed);
    }
    if kinds.set & (LOCAL | ANYCAST | UNREACHABLE) == 0 {
        b.jump(held);
    } else {
        let kind = b.lookup(lookup);
        let mut wanted = 0;
        for (set, bit) in [(LOCAL, Lookup::LOCAL), (ANYCAST, Lookup::ANYCAST)] {
            wanted |= if kinds.set & set != 0 { u128::from(bit) } else { 0 };
        }
        if wanted != 0 {
            let next = b.block();
            let bits = b.mask(kind, wanted);
            let found = b.compare_const(Condition::Ne, bits, 0);
            b.branch(found, held, next);
            b.switch_to(next);
        }
        if kinds.set & UNREACHABLE != 0 {
            let next = b.block();
            let refused =
                b.in_range(kind, route_kind::BLACKHOLE.into(), (Lookup::LOCAL - 1).into());
            b.branch(refused, held, next);
            b.switch_to(next);
        }
        b.jump(failed);
    }
    b.switch_to(matched);
}

impl Match for AddrType {
    fn extension(&self) -> &'static MatchExtension {
        &ADDRTYPE
    }

    /// The kernel refuses a device that a hook's packets do not have yet, or no longer.
    fn hooks(&self) -> &'static [Hook] {
        match self.device {
            None => &[],
            Some(Device::In) => &[Hook::Prerouting, Hook::Input, Hook::Forward],
            Some(Device::Out) => &[Hook::Forward, Hook::Output, Hook::Postrouting],
        }
    }

    fn save(&self, out: &mut String) {
        for (address, kinds) in self.tests() {
            out.push_str(if kinds.invert { " !" } else { "" });
            out.push_str(match address {
                Address::Source => " --src-type ",
                Address::Destination => " --dst-type ",
            });
            Self::print_kinds(kinds, out);
        }
        out.push_str(match self.device {
            None => "",
            Some(Device::In) => " --limit-iface-in",
            Some(Device::Out) => " --limit-iface-out",
        });
    }

    fn list(&self, out: &mut String) {
        out.push_str(" ADDRTYPE match");
        for (address, kinds) in self.tests() {
            let end = match address {
                Address::Source => "src",
                Address::Destination => "dst",
            };
            let _ = write!(out, " {end}-type {}", if kinds.invert { "!" } else { "" });
            Self::print_kinds(kinds, out);
        }
        out.push_str(match self.device {
            None => "",
            Some(Device::In) => " limit-in",
            Some(Device::Out) => " limit-out",
        });
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        if self.family == Family::Ipv6 && self.device.is_some() {
            return Err(Unsupported(
                "addrtype: addresses of one interface alone are found for IPv4 only".to_owned(),
            ));
        }
        for (address, kinds) in self.tests() {
            let lookup = Lookup::AddressType(address, self.device);
            match self.family {
                Family::Ipv4 => lower_ipv4(cx, lookup, kinds),
                Family::Ipv6 => lower_ipv6(cx, address, lookup, kinds),
            }
        }
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let none = Routes::default();
        let of = packet.packet.packet();
        let routes = of.routes.as_deref().unwrap_or(&none);
        let holds = self.tests().all(|(address, kinds)| {
            let address = match address {
                Address::Source => packet.packet.source(),
                Address::Destination => packet.packet.destination(),
            };
            let found = match self.family {
                Family::Ipv4 => {
                    let device = self.device.map(|device| match device {
                        Device::In => of.in_interface,
                        Device::Out => of.out_interface,
                    });
                    kinds.set >> routes.ipv4_kind(address, device) & 1 != 0
                }
                Family::Ipv6 => is_ipv6_kind(address, kinds.set, routes),
            };
            found != kinds.invert
        });
        Outcome::of(holds)
    }
}

fn is_ipv6_kind(address: IpAddr, set: u16, routes: &Routes) -> bool {
    let has = |kind: u8| set >> kind & 1 != 0;
    let number = address_number(address);
    let is_group = number >> 120 == 0xff;
    let is_unicast = !is_group && number != 0 && number >> 32 != 0xffff;
    if has(route_kind::MULTICAST) && !is_group
        || has(route_kind::UNICAST) && !is_unicast
        || has(UNSPEC) && number != 0
    {
        return false;
    }
    if set & (LOCAL | ANYCAST | UNREACHABLE) == 0 {
        return true;
    }
    let (kind, is_local, is_anycast) = routes.ipv6_kind(address);
    let is_refused = kind >= route_kind::BLACKHOLE;
    set & LOCAL != 0 && is_local
        || set & ANYCAST != 0 && is_anycast
        || set & UNREACHABLE != 0 && is_refused
}
