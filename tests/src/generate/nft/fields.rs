//! What rules ask of packets: numbers, each with a way to bend packets towards one.

use crate::generate::draft::{Draft, protocol};
use crate::generate::rng::Rng;
use crate::generate::values::port;
use crate::lab::Family;
use bpfc_packet::Transport;

/// A number that rules ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// The selector.
    pub text: &'static str,
    /// The datatype, as sets name it.
    pub datatype: &'static str,
    /// The largest number.
    pub most: u64,
    /// The family of its packets, where it is of one.
    pub family: Option<Family>,
    /// The protocol that it implies.
    pub protocol: Option<u8>,
    /// Whether it says which protocol a packet has.
    pub is_protocol: bool,
    /// A number of the few that packets have.
    pub pick: fn(&mut Rng) -> u64,
    /// Bends a packet.
    pub set: fn(&mut Draft, u64),
}

fn protocol_number(rng: &mut Rng) -> u64 {
    let known = [
        protocol::TCP,
        protocol::TCP,
        protocol::UDP,
        protocol::UDP,
        protocol::ICMP,
        protocol::ICMPV6,
        protocol::SCTP,
        protocol::DCCP,
        protocol::ESP,
        protocol::GRE,
        protocol::UDPLITE,
    ];
    (*rng.pick(&known)).into()
}

fn message(rng: &mut Rng) -> u64 {
    *rng.pick(&[0, 1, 3, 8, 11, 128, 129, 133, 135, 255])
}

fn source_port(draft: &mut Draft, number: u64) {
    if let Some((source, _)) = draft.ports() {
        *source = number as u16;
    }
}

fn destination_port(draft: &mut Draft, number: u64) {
    if let Some((_, destination)) = draft.ports() {
        *destination = number as u16;
    }
}

fn kind_and_code(draft: &mut Draft, new: [Option<u64>; 2]) {
    if let Transport::Icmp { kind, code, .. } | Transport::Icmpv6 { kind, code, .. } =
        &mut draft.transport
    {
        *kind = new[0].map_or(*kind, |new| new as u8);
        *code = new[1].map_or(*code, |new| new as u8);
    }
}

const fn field(text: &'static str, datatype: &'static str, most: u64) -> Field {
    Field {
        text,
        datatype,
        most,
        family: None,
        protocol: None,
        is_protocol: false,
        pick: |rng| rng.below(256),
        set: |_, _| {},
    }
}

const fn port_of(text: &'static str, protocol: Option<u8>, set: fn(&mut Draft, u64)) -> Field {
    let pick = |rng: &mut Rng| port(rng).into();
    Field { protocol, set, pick, ..field(text, "inet_service", 0xffff) }
}

const TCP: Option<u8> = Some(protocol::TCP);
const UDP: Option<u8> = Some(protocol::UDP);
const V4: Option<Family> = Some(Family::Ipv4);
const V6: Option<Family> = Some(Family::Ipv6);

/// All of them.
pub(super) const FIELDS: &[Field] = &[
    port_of("tcp sport", TCP, source_port),
    port_of("tcp dport", TCP, destination_port),
    port_of("udp sport", UDP, source_port),
    port_of("udp dport", UDP, destination_port),
    port_of("th sport", None, source_port),
    port_of("th dport", None, destination_port),
    Field {
        is_protocol: true,
        pick: protocol_number,
        set: |draft, number| draft.become_protocol(number as u8),
        ..field("meta l4proto", "inet_proto", 255)
    },
    Field {
        is_protocol: true,
        family: V4,
        pick: protocol_number,
        set: |draft, number| draft.become_protocol(number as u8),
        ..field("ip protocol", "inet_proto", 255)
    },
    Field {
        is_protocol: true,
        family: V6,
        pick: protocol_number,
        set: |draft, number| draft.become_protocol(number as u8),
        ..field("ip6 nexthdr", "inet_proto", 255)
    },
    Field {
        family: V4,
        set: |draft, number| *draft.ttl() = number as u8,
        ..field("ip ttl", "", 255)
    },
    Field {
        family: V6,
        set: |draft, number| *draft.ttl() = number as u8,
        ..field("ip6 hoplimit", "", 255)
    },
    Field {
        family: V4,
        pick: |rng| rng.below(64),
        set: |draft, number| *draft.tos() = (number as u8) << 2,
        ..field("ip dscp", "dscp", 63)
    },
    Field {
        family: V6,
        pick: |rng| rng.below(64),
        set: |draft, number| *draft.tos() = (number as u8) << 2,
        ..field("ip6 dscp", "dscp", 63)
    },
    Field { pick: |rng| rng.within(28..=90), ..field("meta length", "", 0xffff_ffff) },
    Field { family: V4, pick: |rng| rng.within(20..=90), ..field("ip length", "", 0xffff) },
    Field { family: V6, pick: |rng| rng.within(0..=60), ..field("ip6 length", "", 0xffff) },
    Field {
        family: V4,
        pick: |rng| rng.bits() & 0xffff,
        set: |draft, number| {
            if let Some(header) = draft.ipv4() {
                header.identification = number as u16;
            }
        },
        ..field("ip id", "", 0xffff)
    },
    Field {
        family: V4,
        protocol: Some(protocol::ICMP),
        pick: message,
        set: |draft, number| kind_and_code(draft, [Some(number), None]),
        ..field("icmp type", "icmp_type", 255)
    },
    Field {
        family: V4,
        protocol: Some(protocol::ICMP),
        pick: |rng| rng.below(16),
        set: |draft, number| kind_and_code(draft, [None, Some(number)]),
        ..field("icmp code", "icmp_code", 255)
    },
    Field {
        family: V6,
        protocol: Some(protocol::ICMPV6),
        pick: message,
        set: |draft, number| kind_and_code(draft, [Some(number), None]),
        ..field("icmpv6 type", "icmpv6_type", 255)
    },
    Field {
        protocol: TCP,
        pick: |rng| *rng.pick(&[0, 1, 512, 1000, 65535]),
        set: |draft, number| draft.tcp().window = number as u16,
        ..field("tcp window", "", 0xffff)
    },
    Field {
        protocol: TCP,
        pick: |rng| rng.below(16),
        set: |draft, number| draft.tcp().data_offset = Some(number as u8),
        ..field("tcp doff", "", 15)
    },
    Field { protocol: UDP, pick: |rng| rng.within(8..=60), ..field("udp length", "", 0xffff) },
    Field { set: destination_port, pick: |rng| port(rng).into(), ..field("@th,16,16", "", 0xffff) },
    Field { pick: |rng| rng.below(256), ..field("@nh,8,8", "", 255) },
];
