//! Sets: looked up by sources and destinations, inverted, with exceptions and counters.

use super::Maker;
use crate::generate::draft::protocol;
use crate::generate::rng::Rng;
use crate::generate::values::address;
use crate::lab::Family;
use crate::sets::{NAMES4, NAMES6};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses in and beside the elements.
fn near(rng: &mut Rng, family: Family) -> IpAddr {
    let low = rng.below(9) as u8;
    match family {
        _ if rng.one_in(8) => address(rng, family),
        Family::Ipv4 => {
            let base = *rng.pick(&[[10, 0], [10, 0], [10, 1], [10, 1], [192, 168], [172, 16]]);
            Ipv4Addr::new(base[0], base[1], 0, low.max(1)).into()
        }
        Family::Ipv6 => {
            let base = *rng.pick(&[[0x2001, 0xdb8], [0x2001, 0xdb8], [0x2001, 0xdb9], [0xfd00, 1]]);
            Ipv6Addr::new(base[0], base[1], 0, 0, 0, 0, 0, low.max(1).into()).into()
        }
    }
}

pub(super) fn set(maker: &mut Maker<'_>) -> String {
    let names = match maker.family {
        Family::Ipv4 => NAMES4,
        Family::Ipv6 => NAMES6,
    };
    let &(name, parts) = maker.rng.pick(names);
    let parts = (parts + usize::from(maker.rng.one_in(6))).min(6);
    facets(maker);
    let words: Vec<&str> = (0..parts).map(|_| *maker.rng.pick(&["src", "dst"])).collect();
    let negation = maker.rng.negation();
    let mut text = format!(" {negation}--match-set {name} {}", words.join(","));
    if maker.rng.one_in(5) {
        text += " --return-nomatch";
    }
    if maker.rng.one_in(5) {
        text += " ! --update-counters";
    }
    if maker.rng.one_in(5) {
        text += " ! --update-subcounters";
    }
    for (what, pool) in [("packets", &[0u64, 1, 2, 5, 20][..]), ("bytes", &[0, 100, 1000, 5000])] {
        if maker.rng.one_in(4) {
            let number = maker.rng.pick(pool);
            text += &match maker.rng.below(3) {
                0 => format!(" {}--{what}-eq {number}", maker.rng.negation()),
                1 => format!(" --{what}-lt {number}"),
                _ => format!(" --{what}-gt {number}"),
            };
        }
    }
    text
}

/// Sets of addresses with Ethernet addresses, which not every hook knows.
pub(super) fn mac(maker: &mut Maker<'_>) -> String {
    facets(maker);
    maker.facet(|rng, draft| draft.mac_source = [2, 0, 0, 0, 0, rng.within(1..=2) as u8]);
    let words = *maker.rng.pick(&["src,src", "src,dst", "dst,src"]);
    let name = *maker.rng.pick(&["mac", "infomac", "maclist"]);
    let counted = *maker.rng.pick(&["", "", " --packets-gt 1", " --bytes-lt 1000"]);
    format!(" {}--match-set {name} {words}{counted}", maker.rng.negation())
}

/// Sets of networks with interfaces, of which only the input interface is known at every hook.
pub(super) fn interface(maker: &mut Maker<'_>) -> String {
    facets(maker);
    let name = if maker.family == Family::Ipv4 { "netif" } else { "netif6" };
    let words = *maker.rng.pick(&["src,src", "dst,src"]);
    format!(" {}--match-set {name} {words}", maker.rng.negation())
}

/// Packets of addresses in and beside the elements.
pub(crate) fn facets(maker: &mut Maker<'_>) {
    let family = maker.family;
    maker.facet(move |rng, draft| draft.set_source(near(rng, family)));
    maker.facet(move |rng, draft| draft.set_destination(near(rng, family)));
    let fixed = maker.protocol;
    maker.facet(move |rng, draft| {
        draft.set_source(near(rng, family));
        draft.set_destination(near(rng, family));
        let icmp = if family == Family::Ipv4 { protocol::ICMP } else { protocol::ICMPV6 };
        let number = *rng.pick(&[protocol::TCP, protocol::UDP, protocol::UDP, icmp, protocol::GRE]);
        if fixed.is_none() {
            draft.become_protocol(number);
        }
        draft.port = rng.below(3) as usize;
    });
}
