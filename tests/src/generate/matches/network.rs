//! IP headers: iprange, length, ttl, hl, tos, dscp and ecn.

use super::Maker;
use crate::generate::draft::protocol;
use crate::generate::values::{address, from_number, number, range_text, width};
use crate::lab::Family;

pub(super) fn iprange(maker: &mut Maker<'_>) -> String {
    let family = maker.family;
    let mut text = String::new();
    let which = maker.rng.within(1..=3);
    for (bit, option) in [(1, "--src-range"), (2, "--dst-range")] {
        if which & bit == 0 {
            continue;
        }
        let low = address(maker.rng, family);
        let span = if maker.rng.one_in(3) { maker.rng.below(0x1_0000) } else { maker.rng.below(8) };
        let limit = if width(family) == 128 { u128::MAX } else { u128::from(u32::MAX) };
        let high = number(low).saturating_add(span.into()).min(limit);
        let start = number(low);
        maker.facet(move |rng, draft| {
            let value = match rng.below(5) {
                0 => start.saturating_sub(1),
                1 => high.saturating_add(1).min(limit),
                2 => start,
                3 => high,
                _ => start + u128::from(rng.below((high - start) as u64 + 1)),
            };
            let address = from_number(value, family);
            if bit == 1 { draft.set_source(address) } else { draft.set_destination(address) }
        });
        let high = from_number(high, family);
        text += &format!(" {}{option} {low}-{high}", maker.rng.negation());
    }
    text
}

/// Addresses of [`crate::lab::routes`], and others that have a kind of their own.
const KINDS_V4: &[&str] = &[
    "203.0.0.4",
    "203.0.0.5",
    "203.0.0.6",
    "203.0.0.7",
    "192.168.0.6",
    "127.0.0.1",
    "127.255.255.255",
    "224.0.0.1",
    "255.255.255.255",
    "0.0.0.0",
    "10.0.0.1",
];
const KINDS_V6: &[&str] = &[
    "2001:db9::4",
    "2001:db9::5",
    "2001:db9::6",
    "fd00:1::5",
    "2a00:db8::7",
    "2001:db8::4",
    "2001:db8::5",
    "::1",
    "::",
    "ff02::1",
    "ff00::",
    "::ffff:192.0.2.1",
    "::192.0.2.1",
    "2a00::1",
];

/// Sources with a way back and without, and those that ask for an address.
pub(super) fn rpfilter(maker: &mut Maker<'_>) -> String {
    let family = maker.family;
    maker.facet(move |rng, draft| {
        let pool = if family == Family::Ipv4 { KINDS_V4 } else { KINDS_V6 };
        let known = rng.pick(pool).parse();
        draft.set_source(match known {
            Ok(known) if rng.one_in(3) => known,
            _ => address(rng, family),
        });
        let groups: &[&str] = match family {
            Family::Ipv4 => &["255.255.255.255", "224.0.0.1", "224.0.1.1"],
            Family::Ipv6 => &["ff02::1"],
        };
        if let (Ok(group), true) = (rng.pick(groups).parse(), rng.one_in(4)) {
            draft.set_destination(group);
        }
    });
    let options = ["--loose", "--validmark", "--accept-local", "--invert"];
    let chosen = options.into_iter().filter(|_| maker.rng.one_in(2));
    chosen.fold(String::new(), |text, option| format!("{text} {option}"))
}

pub(super) fn addrtype(maker: &mut Maker<'_>) -> String {
    let family = maker.family;
    let kinds: &[&str] = match family {
        Family::Ipv4 => &[
            "UNSPEC",
            "UNICAST",
            "LOCAL",
            "BROADCAST",
            "ANYCAST",
            "MULTICAST",
            "BLACKHOLE",
            "UNREACHABLE",
            "PROHIBIT",
        ],
        Family::Ipv6 => &["UNSPEC", "UNICAST", "LOCAL", "ANYCAST", "MULTICAST", "UNREACHABLE"],
    };
    let mut text = String::new();
    let which = maker.rng.within(1..=3);
    for (bit, option) in [(1, "--src-type"), (2, "--dst-type")] {
        if which & bit == 0 {
            continue;
        }
        let mut chosen = vec![*maker.rng.pick(kinds)];
        while maker.rng.one_in(2) {
            chosen.push(*maker.rng.pick(kinds));
        }
        text += &format!(" {}{option} {}", maker.rng.negation(), chosen.join(","));
        maker.facet(move |rng, draft| {
            let pool = if family == Family::Ipv4 { KINDS_V4 } else { KINDS_V6 };
            let Ok(address) = rng.pick(pool).parse() else { return };
            if bit == 1 { draft.set_source(address) } else { draft.set_destination(address) }
        });
    }
    if family == Family::Ipv4 && maker.rng.one_in(3) {
        // Without an input interface the kernel does not take the one, and so with the other.
        let options: &[&str] = match (maker.stage.has_input(), maker.stage.has_output()) {
            (true, true) => &[" --limit-iface-in", " --limit-iface-out"],
            (true, false) => &[" --limit-iface-in"],
            (false, _) => &[" --limit-iface-out"],
        };
        text += *maker.rng.pick::<&str>(options);
    }
    text
}

pub(super) fn length(maker: &mut Maker<'_>) -> String {
    const POOL: &[u16] = &[0, 20, 28, 40, 48, 60, 64, 100, 128, 576, 1280, 1500, 65535];
    let (a, b) = (*maker.rng.pick(POOL), *maker.rng.pick(POOL));
    let (low, high) = if maker.rng.one_in(2) { (a, a) } else { (a.min(b), a.max(b)) };
    maker.facet(move |rng, draft| {
        let wanted = rng.near(low.into()..=high.into(), 1400).min(1400) as usize;
        draft.payload.clear();
        let without = draft.frame().bytes.len() - 14 - draft.trailer;
        draft.payload = vec![0; wanted.saturating_sub(without)];
    });
    format!(" {}--length {}", maker.rng.negation(), range_text(low, high))
}

/// A comparison of the time to live, by the options' common prefix.
fn hops(maker: &mut Maker<'_>, prefix: &str) -> String {
    let value = *maker.rng.pick(&[0u8, 1, 2, 31, 63, 64, 65, 128, 254, 255]);
    maker.facet(move |rng, draft| {
        *draft.ttl() = rng.near(value.into()..=value.into(), 255) as u8;
    });
    match maker.rng.below(3) {
        0 => format!(" {}--{prefix}-eq {value}", maker.rng.negation()),
        1 => format!(" --{prefix}-lt {value}"),
        _ => format!(" --{prefix}-gt {value}"),
    }
}

pub(super) fn ttl(maker: &mut Maker<'_>) -> String {
    hops(maker, "ttl")
}

pub(super) fn hl(maker: &mut Maker<'_>) -> String {
    hops(maker, "hl")
}

/// Leaves a facet that sets the masked bits of the type of service, or all but one of them.
fn tos_facet(maker: &mut Maker<'_>, value: u8, mask: u8) {
    maker.facet(move |rng, draft| {
        let mut tos = value & mask | rng.byte() & !mask;
        if rng.one_in(3) {
            tos ^= 1 << rng.below(8);
        }
        *draft.tos() = tos;
    });
}

pub(super) fn tos(maker: &mut Maker<'_>) -> String {
    let (value, mask, text) = match maker.rng.below(3) {
        0 => {
            let &(name, value) = maker.rng.pick(&[
                ("Minimize-Delay", 0x10),
                ("Maximize-Throughput", 0x08),
                ("Maximize-Reliability", 0x04),
                ("Minimize-Cost", 0x02),
                ("Normal-Service", 0x00),
            ]);
            (value, 0x3f, name.to_owned())
        }
        1 => {
            let value = maker.rng.byte();
            (value, 0xff, format!("{value:#04x}"))
        }
        _ => {
            let mask = maker.rng.byte();
            let value = maker.rng.byte() & mask;
            (value, mask, format!("{value:#04x}/{mask:#04x}"))
        }
    };
    tos_facet(maker, value, mask);
    format!(" {}--tos {text}", maker.rng.negation())
}

pub(super) fn dscp(maker: &mut Maker<'_>) -> String {
    const CLASSES: &[(&str, u8)] =
        &[("CS0", 0), ("CS1", 8), ("AF11", 10), ("AF43", 38), ("EF", 46), ("CS7", 56), ("BE", 0)];
    let negation = maker.rng.negation();
    if maker.rng.one_in(2) {
        let &(name, value) = maker.rng.pick(CLASSES);
        tos_facet(maker, value << 2, 0xfc);
        return format!(" {negation}--dscp-class {name}");
    }
    let value = maker.rng.byte() & 0x3f;
    tos_facet(maker, value << 2, 0xfc);
    format!(" {negation}--dscp {value:#04x}")
}

pub(super) fn ecn(maker: &mut Maker<'_>) -> String {
    let mut text = String::new();
    if maker.protocol == Some(protocol::TCP) {
        for (option, flag) in [("--ecn-tcp-cwr", 0x80), ("--ecn-tcp-ece", 0x40)] {
            if maker.rng.one_in(2) {
                maker.facet(move |rng, draft| {
                    let set = rng.byte() & flag;
                    let tcp = draft.tcp();
                    tcp.flags = tcp.flags & !flag | set;
                });
                text += &format!(" {}{option}", maker.rng.negation());
            }
        }
    }
    if text.is_empty() || maker.rng.one_in(3) {
        let value = maker.rng.below(4) as u8;
        tos_facet(maker, value, 3);
        text += &format!(" {}--ecn-ip-ect {value}", maker.rng.negation());
    }
    text
}
