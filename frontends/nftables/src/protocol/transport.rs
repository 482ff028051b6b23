//! Transport headers.

use super::network::by_protocol;
use super::tunnel::{GENEVE, VXLAN};
use super::{Checksum, Field, IcmpType, Key, Layer, Next, Protocol, field, field_in};
use crate::datatype::*;
use crate::selector::meta;

/// What follows the headers of IPsec.
fn behind_ipsec() -> Next {
    static NEXT: &[(u32, &Protocol)] = &[
        (50, &ESP),
        (51, &AH),
        (108, &COMP),
        (17, &UDP),
        (136, &UDPLITE),
        (6, &TCP),
        (33, &DCCP),
        (132, &SCTP),
    ];
    NEXT
}

/// Stands for a transport header of which only the protocol is known.
pub(crate) static ANY_TRANSPORT: Protocol = Protocol {
    key: Key::Meta(&meta::L4PROTO),
    next: by_protocol,
    ..Protocol::new("inet-service", Layer::Transport, &[])
};

/// Ports, whatever protocol has them.
pub(crate) static TH: Protocol = Protocol::new("th", Layer::Transport, &[SPORT, DPORT]);

const SPORT: Field = field("sport", 0, 16, &SERVICE);
const DPORT: Field = field("dport", 16, 16, &SERVICE);

pub(crate) static TCP: Protocol = Protocol {
    checksum: Some(Checksum { kind: 1, offset: 16 }),
    ..Protocol::new("tcp", Layer::Transport, TCP_FIELDS)
};

const TCP_FIELDS: &[Field] = &[
    SPORT,
    DPORT,
    field("sequence", 32, 32, &INTEGER),
    field("ackseq", 64, 32, &INTEGER),
    field("doff", 96, 4, &INTEGER),
    field("reserved", 100, 4, &INTEGER),
    field("flags", 104, 8, &TCP_FLAGS),
    field("window", 112, 16, &INTEGER),
    field("checksum", 128, 16, &INTEGER),
    field("urgptr", 144, 16, &INTEGER),
];

pub(crate) static UDP: Protocol = Protocol {
    next: || {
        static NEXT: &[(u32, &Protocol)] = &[(0, &VXLAN), (0, &GENEVE)];
        NEXT
    },
    ..Protocol::new("udp", Layer::Transport, UDP_FIELDS)
};

const UDP_FIELDS: &[Field] =
    &[SPORT, DPORT, field("length", 32, 16, &INTEGER), field("checksum", 48, 16, &INTEGER)];

pub(crate) static UDPLITE: Protocol = Protocol::new("udplite", Layer::Transport, UDPLITE_FIELDS);

const UDPLITE_FIELDS: &[Field] =
    &[SPORT, DPORT, field("csumcov", 32, 16, &INTEGER), field("checksum", 48, 16, &INTEGER)];

pub(crate) static DCCP: Protocol = Protocol::new("dccp", Layer::Transport, DCCP_FIELDS);

const DCCP_FIELDS: &[Field] = &[SPORT, DPORT, field("type", 67, 4, &DCCP_TYPE)];

pub(crate) static SCTP: Protocol = Protocol {
    checksum: Some(Checksum { kind: 2, offset: 8 }),
    ..Protocol::new("sctp", Layer::Transport, SCTP_FIELDS)
};

const SCTP_FIELDS: &[Field] =
    &[SPORT, DPORT, field("vtag", 32, 32, &INTEGER), field("checksum", 64, 32, &INTEGER)];

pub(crate) static AH: Protocol = Protocol {
    key: Key::Field("nexthdr"),
    next: behind_ipsec,
    ..Protocol::new("ah", Layer::Transport, AH_FIELDS)
};

const AH_FIELDS: &[Field] = &[
    field("nexthdr", 0, 8, &PROTOCOL),
    field("hdrlength", 8, 8, &INTEGER),
    field("reserved", 16, 16, &INTEGER),
    field("spi", 32, 32, &INTEGER),
    field("sequence", 64, 32, &INTEGER),
];

pub(crate) static ESP: Protocol = Protocol::new("esp", Layer::Transport, ESP_FIELDS);

const ESP_FIELDS: &[Field] = &[field("spi", 0, 32, &INTEGER), field("sequence", 32, 32, &INTEGER)];

pub(crate) static COMP: Protocol = Protocol {
    key: Key::Field("nexthdr"),
    next: behind_ipsec,
    ..Protocol::new("comp", Layer::Transport, COMP_FIELDS)
};

const COMP_FIELDS: &[Field] = &[
    field("nexthdr", 0, 8, &PROTOCOL),
    field("flags", 8, 8, &BITS),
    field("cpi", 16, 16, &INTEGER),
];

const ECHO: IcmpType = IcmpType::Echo { request: 8, reply: 0 };
const ECHO6: IcmpType = IcmpType::Echo { request: 128, reply: 129 };

pub(crate) static ICMP: Protocol = Protocol {
    key: Key::Field("type"),
    checksum: Some(Checksum { kind: 1, offset: 2 }),
    ..Protocol::new("icmp", Layer::Transport, ICMP_FIELDS)
};

const ICMP_FIELDS: &[Field] = &[
    field("type", 0, 8, &ICMP_TYPE),
    field("code", 8, 8, &ICMP_CODE),
    field("checksum", 16, 16, &INTEGER),
    field_in("id", 32, 16, &INTEGER, ECHO),
    field_in("sequence", 48, 16, &INTEGER, ECHO),
    field_in("gateway", 32, 32, &INTEGER, IcmpType::One(5)),
    field_in("mtu", 48, 16, &INTEGER, IcmpType::One(3)),
];

pub(crate) static ICMP6: Protocol = Protocol {
    key: Key::Field("type"),
    checksum: Some(Checksum { kind: 1, offset: 2 }),
    ..Protocol::new("icmpv6", Layer::Transport, ICMP6_FIELDS)
};

const ICMP6_FIELDS: &[Field] = &[
    field("type", 0, 8, &ICMPV6_TYPE),
    field("code", 8, 8, &ICMPV6_CODE),
    field("checksum", 16, 16, &INTEGER),
    field_in("param-problem", 32, 32, &INTEGER, IcmpType::One(4)),
    field_in("mtu", 32, 32, &INTEGER, IcmpType::One(2)),
    field_in("id", 32, 16, &INTEGER, ECHO6),
    field_in("sequence", 48, 16, &INTEGER, ECHO6),
    field_in("max-delay", 32, 16, &INTEGER, IcmpType::One(130)),
    field_in("taddr", 64, 128, &IPV6_ADDRESS, IcmpType::Discovery),
    field_in("daddr", 192, 128, &IPV6_ADDRESS, IcmpType::One(137)),
];

pub(crate) static IGMP: Protocol = Protocol {
    checksum: Some(Checksum { kind: 1, offset: 2 }),
    ..Protocol::new("igmp", Layer::Transport, IGMP_FIELDS)
};

const IGMP_FIELDS: &[Field] = &[
    field("type", 0, 8, &IGMP_TYPE),
    field("mrt", 8, 8, &INTEGER),
    field("checksum", 16, 16, &INTEGER),
    field("group", 32, 32, &INTEGER),
];
