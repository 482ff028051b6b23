//! What is not in IP headers: mac, eui64, pkttype, mark, comment, cpu and statistic.

use super::Maker;
use crate::lab::inject::{INNER_MAC, OUTER_MAC};
use std::net::Ipv6Addr;

pub(super) fn mac(maker: &mut Maker<'_>) -> String {
    let mut address = OUTER_MAC;
    address[5] = maker.rng.within(2..=5) as u8;
    maker.facet(move |rng, draft| {
        draft.mac_source = address;
        if rng.one_in(3) {
            draft.mac_source[rng.below(6) as usize] ^= 1 << rng.within(1..=7);
        }
    });
    let text = address.map(|byte| format!("{byte:02x}")).join(":");
    format!(" {}--mac-source {text}", maker.rng.negation())
}

/// Sources whose interface identifier is made of the Ethernet source, or nearly.
pub(super) fn eui64(maker: &mut Maker<'_>) -> String {
    maker.facet(|rng, draft| {
        let [a, b, c, d, e, f] = draft.mac_source;
        let mut address = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0).octets();
        address[8..].copy_from_slice(&[a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
        if rng.one_in(3) {
            address[8 + rng.below(8) as usize] ^= 1 << rng.below(8);
        }
        draft.set_source(Ipv6Addr::from(address).into());
    });
    String::new()
}

pub(super) fn pkttype(maker: &mut Maker<'_>) -> String {
    const BROADCAST: [u8; 6] = [0xff; 6];
    const GROUP: [u8; 6] = [0x01, 0x00, 0x5e, 0, 0, 1];
    maker.facet(|rng, draft| {
        draft.mac_destination = *rng.pick(&[INNER_MAC, BROADCAST, GROUP]);
    });
    let kind = *maker.rng.pick(&["unicast", "broadcast", "multicast"]);
    format!(" {}--pkt-type {kind}", maker.rng.negation())
}

/// Packets arrive without a mark; rules before may set one.
pub(super) fn mark(maker: &mut Maker<'_>) -> String {
    let value = *maker.rng.pick(&[0u32, 1, 2, 3, 0x10, 0xff, 0x8000_0000]);
    let mask = *maker.rng.pick(&[1u32, 3, 0xff, 0xf0, 0xffff_ffff]);
    let negation = maker.rng.negation();
    if maker.rng.one_in(2) {
        format!(" {negation}--mark {value:#x}")
    } else {
        format!(" {negation}--mark {value:#x}/{mask:#x}")
    }
}

pub(super) fn comment(maker: &mut Maker<'_>) -> String {
    let text = *maker.rng.pick(&["web", "\"two words\"", "\"a \\\"quoted\\\" word\"", "\"#no\""]);
    format!(" --comment {text}")
}

pub(super) fn cpu(maker: &mut Maker<'_>) -> String {
    format!(" {}--cpu {}", maker.rng.negation(), maker.rng.below(4))
}

/// Only what is not random: every n-th packet, and probabilities of nothing and everything.
pub(super) fn statistic(maker: &mut Maker<'_>) -> String {
    if maker.rng.one_in(4) {
        let probability = if maker.rng.one_in(2) { "0.0" } else { "1.0" };
        return format!(" --mode random {}--probability {probability}", maker.rng.negation());
    }
    let every = maker.rng.within(1..=5);
    let packet = maker.rng.below(every);
    format!(" --mode nth {}--every {every} --packet {packet}", maker.rng.negation())
}
