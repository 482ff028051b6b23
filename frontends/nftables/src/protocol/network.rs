//! Network headers.

use super::transport::*;
use super::tunnel::{GRE, GRETAP};
use super::{Checksum, Field, Key, Layer, Next, Protocol, field};
use crate::datatype::*;
use crate::selector::meta;

/// The protocols that follow an IPv4 or IPv6 header.
pub(super) fn by_protocol() -> Next {
    static NEXT: &[(u32, &Protocol)] = &[
        (1, &ICMP),
        (2, &IGMP),
        (58, &ICMP6),
        (50, &ESP),
        (51, &AH),
        (108, &COMP),
        (17, &UDP),
        (136, &UDPLITE),
        (6, &TCP),
        (33, &DCCP),
        (132, &SCTP),
        (47, &GRE),
        (47, &GRETAP),
    ];
    NEXT
}

pub(crate) static IP: Protocol = Protocol {
    key: Key::Meta(&meta::L4PROTO),
    next: by_protocol,
    checksum: Some(Checksum { kind: 1, offset: 10 }),
    pseudo: &["saddr", "daddr", "protocol", "length"],
    ..Protocol::new("ip", Layer::Network, IP_FIELDS)
};

const IP_FIELDS: &[Field] = &[
    field("version", 0, 4, &INTEGER),
    field("hdrlength", 4, 4, &INTEGER),
    field("dscp", 8, 6, &DSCP),
    field("ecn", 14, 2, &ECN),
    field("length", 16, 16, &INTEGER),
    field("id", 32, 16, &INTEGER),
    field("frag-off", 48, 16, &INTEGER),
    field("ttl", 64, 8, &INTEGER),
    field("protocol", 72, 8, &PROTOCOL),
    field("checksum", 80, 16, &INTEGER),
    field("saddr", 96, 32, &IPV4_ADDRESS),
    field("daddr", 128, 32, &IPV4_ADDRESS),
];

pub(crate) static IP6: Protocol = Protocol {
    key: Key::Meta(&meta::L4PROTO),
    next: by_protocol,
    pseudo: &["saddr", "daddr", "nexthdr", "length"],
    ..Protocol::new("ip6", Layer::Network, IP6_FIELDS)
};

const IP6_FIELDS: &[Field] = &[
    field("version", 0, 4, &INTEGER),
    field("dscp", 4, 6, &DSCP),
    field("ecn", 10, 2, &ECN),
    field("flowlabel", 12, 20, &INTEGER),
    field("length", 32, 16, &INTEGER),
    field("nexthdr", 48, 8, &PROTOCOL),
    field("hoplimit", 56, 8, &INTEGER),
    field("saddr", 64, 128, &IPV6_ADDRESS),
    field("daddr", 192, 128, &IPV6_ADDRESS),
];

pub(crate) static ARP: Protocol = Protocol::new("arp", Layer::Network, ARP_FIELDS);

const ARP_FIELDS: &[Field] = &[
    field("htype", 0, 16, &INTEGER),
    field("ptype", 16, 16, &ETHER_TYPE),
    field("hlen", 32, 8, &INTEGER),
    field("plen", 40, 8, &INTEGER),
    field("operation", 48, 16, &ARP_OPERATION),
    field("saddr ether", 64, 48, &ETHER_ADDRESS),
    field("saddr ip", 112, 32, &IPV4_ADDRESS),
    field("daddr ether", 144, 48, &ETHER_ADDRESS),
    field("daddr ip", 192, 32, &IPV4_ADDRESS),
];
