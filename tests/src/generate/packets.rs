//! Packets for a ruleset: plain ones bent by a few of its facets, some of them damaged.

use super::Facet;
use super::draft::{Draft, protocol};
use super::rng::Rng;
use super::ruleset::Shape;
use super::values::{address, port};
use crate::lab::Family;
use crate::lab::inject::Frame;
use crate::lab::oracle::{INTERFACES, Stage};
use bpfc_packet::{Extension, Packet};

/// The longest frame that a veth interface takes by default.
const LONGEST: usize = 1514;

/// A number of packets for these facets.
pub fn packets(rng: &mut Rng, shape: Shape, facets: &[Facet], number: usize) -> Vec<Frame> {
    (0..number).map(|_| packet(rng, shape.family, shape.stage, facets).frame()).collect()
}

/// Without the packets that docs/semantics.md excepts: fragments that are not the first, in which
/// the kernel takes other bytes for ports.
pub fn as_nft_reads(frames: Vec<Frame>) -> Vec<Frame> {
    let is_alike = |frame: &Frame| {
        let Ok(packet) = Packet::from_ip(&frame.bytes[14..]) else { return true };
        let Ok(parsed) = packet.parse_headers() else { return true };
        parsed.to_authentication().fragment_offset() == 0
    };
    frames.into_iter().filter(is_alike).collect()
}

pub(super) fn packet(rng: &mut Rng, family: Family, stage: Stage, facets: &[Facet]) -> Draft {
    let mut draft = plain(rng, family);
    if !facets.is_empty() {
        for _ in 0..rng.within(0..=6) {
            rng.pick(facets)(rng, &mut draft);
        }
    }
    if rng.one_in(3) {
        for _ in 0..rng.within(1..=2) {
            damage(rng, stage, &mut draft);
        }
    }
    if stage == Stage::Output {
        // A raw socket sends nothing behind the packet.
        draft.trailer = 0;
    }
    let excess = draft.frame().bytes.len().saturating_sub(LONGEST);
    draft.payload.truncate(draft.payload.len().saturating_sub(excess));
    draft
}

/// A sound packet of a common protocol with addresses and ports of the pools.
fn plain(rng: &mut Rng, family: Family) -> Draft {
    let mut draft = Draft::new(family);
    draft.port = rng.below(INTERFACES.len() as u64) as usize;
    draft.set_source(address(rng, family));
    draft.set_destination(address(rng, family));
    let icmp = match family {
        Family::Ipv4 => protocol::ICMP,
        Family::Ipv6 => protocol::ICMPV6,
    };
    let number = match rng.below(12) {
        0..=3 => protocol::TCP,
        4..=6 => protocol::UDP,
        7 => icmp,
        8 => protocol::SCTP,
        9 => protocol::DCCP,
        10 => *rng.pick(&[protocol::UDPLITE, protocol::ESP, protocol::GRE]),
        _ => rng.byte(),
    };
    draft.become_protocol(number);
    if let Some((source, destination)) = draft.ports() {
        (*source, *destination) = (port(rng), port(rng));
    }
    draft.payload = vec![0x61; rng.below(48) as usize];
    if let Some(header) = draft.ipv4() {
        header.identification = rng.bits() as u16;
        header.dont_fragment = rng.one_in(2);
    }
    draft
}

/// Bends a packet in a way that no rule asked for.
fn damage(rng: &mut Rng, stage: Stage, draft: &mut Draft) {
    match rng.below(9) {
        0 => draft.cut = Some(rng.below(24) as usize),
        1 => draft.cut = Some(rng.below(8) as usize),
        2 => {
            draft.protocol = Some(*rng.pick(&[
                protocol::TCP,
                protocol::UDP,
                protocol::ICMP,
                protocol::ICMPV6,
                protocol::SCTP,
                protocol::ESP,
                protocol::AH,
                protocol::NONE,
            ]))
        }
        3 => {
            let options = tcp_like_noise(rng);
            let tcp = draft.tcp();
            tcp.options = options;
            tcp.data_offset = Some(rng.below(16) as u8);
        }
        4 => draft.trailer = rng.within(1..=40) as usize,
        5 => *draft.tos() = rng.byte(),
        6 => *draft.ttl() = rng.byte(),
        _ => match draft.family() {
            Family::Ipv4 => damage_ipv4(rng, stage, draft),
            Family::Ipv6 => {
                for _ in 0..rng.within(1..=3) {
                    let extension = random_extension(rng);
                    match extension {
                        Extension::HopByHop(_) => draft.extensions.insert(0, extension),
                        _ => draft.extensions.push(extension),
                    }
                }
            }
        },
    }
}

fn damage_ipv4(rng: &mut Rng, stage: Stage, draft: &mut Draft) {
    let Some(header) = draft.ipv4() else { return };
    if rng.one_in(2) {
        header.options = ipv4_options(rng, stage);
    } else if stage != Stage::Input {
        // Before INPUT the kernel would hold them back until they are whole.
        header.dont_fragment = false;
        header.fragment_offset = *rng.pick(&[0, 0, 1, 1, 2, 185, 8191]);
        header.more_fragments = rng.one_in(2);
    }
}

/// IPv4 options that the kernel lets pass: padding, a stream identifier, a route to record.
///
/// A route to record is written into on the way to INPUT and FORWARD, where rules on any byte would
/// see it.
fn ipv4_options(rng: &mut Rng, stage: Stage) -> Vec<u8> {
    let keeps = matches!(stage, Stage::Prerouting | Stage::Postrouting | Stage::Output);
    let mut bytes = Vec::new();
    for _ in 0..rng.within(1..=4) {
        match rng.below(if keeps { 4 } else { 3 }) {
            0 => bytes.push(1),
            1 => bytes.extend([0x88, 4, 0, 1]),
            2 => bytes.extend([0x94, 4, 0, 0]),
            _ => bytes.extend([0x07, 7, 4, 0, 0, 0, 0]),
        }
    }
    bytes.truncate(40);
    bytes
}

fn tcp_like_noise(rng: &mut Rng) -> Vec<u8> {
    (0..rng.below(21)).map(|_| rng.byte() & 0x1f).collect()
}

/// Any IPv6 extension header.
pub(super) fn random_extension(rng: &mut Rng) -> Extension {
    match rng.below(7) {
        0 => Extension::HopByHop(vec![1, rng.below(5) as u8, 0, 0, 0, 0]),
        1 => Extension::DestinationOptions(vec![1, rng.below(5) as u8, 0, 0, 0, 0]),
        2 => {
            let count = rng.below(3) as u8;
            Extension::Routing {
                kind: *rng.pick(&[0, 2, 3, 4]),
                segments_left: rng.below(4) as u8,
                data: vec![0; 4 + usize::from(count) * 16],
            }
        }
        3 => Extension::Fragment {
            offset: *rng.pick(&[0, 0, 1, 2, 8191]),
            more: rng.one_in(2),
            identification: rng.below(10) as u32,
        },
        4 => Extension::Authentication {
            spi: rng.below(3) as u32,
            sequence: 1,
            icv: vec![0; rng.below(4) as usize * 4],
        },
        // A length that lies.
        5 => Extension::Raw {
            kind: *rng.pick(&[43, 51, 60]),
            bytes: vec![0, rng.byte() & 7, 0, 0, 0, 0, 0, 0],
        },
        _ => Extension::Raw { kind: 60, bytes: vec![0; rng.below(8) as usize] },
    }
}
