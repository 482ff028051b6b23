//! Ports: tcp, udp and multiport.

use super::Maker;
use crate::generate::draft::{Draft, protocol, tcp_flag_names};
use crate::generate::rng::Rng;
use crate::generate::values::{PORTS, port, port_range, range_text};

/// Which port of a packet.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum End {
    Source,
    Destination,
}

/// Leaves a facet that gives packets of a protocol a port in or near a range.
pub(super) fn port_facet(maker: &mut Maker<'_>, number: u8, end: End, low: u16, high: u16) {
    maker.facet(move |rng, draft| {
        let value = rng.near(low.into()..=high.into(), 0xffff) as u16;
        set_port(draft, number, end, value);
    });
}

fn set_port(draft: &mut Draft, number: u8, end: End, value: u16) {
    draft.become_protocol(number);
    if let Some((source, destination)) = draft.ports() {
        match end {
            End::Source => *source = value,
            End::Destination => *destination = value,
        }
    }
}

/// `--sport` and `--dport`, each now and then.
pub(super) fn both_ports(maker: &mut Maker<'_>, number: u8) -> String {
    let mut text = String::new();
    for (option, end) in [("--sport", End::Source), ("--dport", End::Destination)] {
        if maker.rng.one_in(2) {
            let (low, high) = port_range(maker.rng);
            port_facet(maker, number, end, low, high);
            let range = match maker.rng.below(12) {
                0 if low == 0 => format!(":{high}"),
                1 if high == 0xffff => format!("{low}:"),
                _ => range_text(low, high),
            };
            text += &format!(" {}{option} {range}", maker.rng.negation());
        }
    }
    text
}

pub(super) fn tcp(maker: &mut Maker<'_>) -> String {
    let mut text = both_ports(maker, protocol::TCP);
    match maker.rng.below(6) {
        0 | 1 => {
            let mask = maker.rng.byte() & 0x3f;
            let set = maker.rng.byte() & mask;
            flags_facet(maker, mask, set);
            text += &format!(
                " {}--tcp-flags {} {}",
                maker.rng.negation(),
                tcp_flag_names(mask),
                tcp_flag_names(set)
            );
        }
        2 => {
            flags_facet(maker, 0x17, 0x02);
            text += &format!(" {}--syn", maker.rng.negation());
        }
        _ => {}
    }
    if maker.rng.one_in(6) {
        let option = *maker.rng.pick(&[1u8, 2, 3, 4, 5, 8, 30, 254]);
        maker.facet(move |rng, draft| draft.tcp().options = tcp_options(rng, option));
        text += &format!(" {}--tcp-option {option}", maker.rng.negation());
    }
    text
}

fn flags_facet(maker: &mut Maker<'_>, mask: u8, set: u8) {
    maker.facet(move |rng, draft| {
        let mut flags = set | rng.byte() & !mask;
        if rng.one_in(3) {
            flags ^= 1 << rng.below(8);
        }
        draft.tcp().flags = flags;
    });
}

/// Option bytes that hold the wanted kind, or a neighbour, somewhere; sometimes lengths lie.
fn tcp_options(rng: &mut Rng, wanted: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..rng.within(1..=4) {
        let kind = match rng.below(4) {
            0 => 1,
            1 => *rng.pick(&[2, 3, 4, 5, 8]),
            2 => wanted,
            _ => wanted.wrapping_add(1),
        };
        match kind {
            0 | 1 => bytes.push(kind),
            _ => {
                let length = rng.within(2..=6) as u8;
                bytes.extend([kind, if rng.one_in(8) { rng.byte() & 0x1f } else { length }]);
                bytes.resize(bytes.len() + usize::from(length) - 2, rng.byte());
            }
        }
    }
    bytes.truncate(40);
    bytes
}

pub(super) fn udp(maker: &mut Maker<'_>) -> String {
    both_ports(maker, protocol::UDP)
}

pub(super) fn multiport(maker: &mut Maker<'_>) -> String {
    let number = maker.protocol.unwrap_or(protocol::TCP);
    let (option, ends): (_, &[End]) = match maker.rng.below(3) {
        0 => ("--sports", &[End::Source]),
        1 => ("--dports", &[End::Destination]),
        _ => ("--ports", &[End::Source, End::Destination]),
    };
    let mut slots = maker.rng.within(1..=15);
    let mut parts = Vec::new();
    while slots > 0 {
        let (low, high) = if slots > 1 && maker.rng.one_in(4) {
            let (a, b) = (port(maker.rng), port(maker.rng));
            (a.min(b), a.max(b))
        } else {
            let single = port(maker.rng);
            (single, single)
        };
        slots -= if low == high { 1 } else { 2 };
        for &end in ends {
            port_facet(maker, number, end, low, high);
        }
        parts.push(range_text(low, high));
    }
    // Packets with one port of the pool and the other anywhere.
    let end = *maker.rng.pick(ends);
    maker.facet(move |rng, draft| set_port(draft, number, end, *rng.pick(PORTS)));
    format!(" {}{option} {}", maker.rng.negation(), parts.join(","))
}
