//! Link layer headers, and what stands for one where a family has none.

use super::network::{ARP, IP, IP6};
use super::{Field, Key, Layer, Next, Protocol, field};
use crate::datatype::{ETHER_ADDRESS, ETHER_TYPE, INTEGER};
use crate::selector::meta;

fn by_ether_type() -> Next {
    static NEXT: &[(u32, &Protocol)] =
        &[(0x0800, &IP), (0x0806, &ARP), (0x86dd, &IP6), (0x8100, &VLAN), (0x88a8, &VLAN)];
    NEXT
}

pub(crate) static ETHER: Protocol = Protocol {
    key: Key::Field("type"),
    next: by_ether_type,
    length: 14 * 8,
    ..Protocol::new("ether", Layer::Link, ETHER_FIELDS)
};

const ETHER_FIELDS: &[Field] = &[
    field("daddr", 0, 48, &ETHER_ADDRESS),
    field("saddr", 48, 48, &ETHER_ADDRESS),
    field("type", 96, 16, &ETHER_TYPE),
];

pub(crate) static VLAN: Protocol = Protocol {
    key: Key::Field("type"),
    next: by_ether_type,
    length: 4 * 8,
    ..Protocol::new("vlan", Layer::Link, VLAN_FIELDS)
};

const VLAN_FIELDS: &[Field] = &[
    field("pcp", 0, 3, &INTEGER),
    field("dei", 3, 1, &INTEGER),
    field("cfi", 3, 1, &INTEGER),
    field("id", 4, 12, &INTEGER),
    field("type", 16, 16, &ETHER_TYPE),
];

/// What the chains of family `inet` begin with: the family of a packet is known.
pub(crate) static INET: Protocol = Protocol {
    key: Key::Meta(&meta::NFPROTO),
    next: || {
        static NEXT: &[(u32, &Protocol)] = &[(2, &IP), (10, &IP6)];
        NEXT
    },
    ..Protocol::new("inet", Layer::Link, &[])
};

/// What the chains of family `netdev` begin with: the Ethernet type behind VLAN tags is known.
pub(crate) static NETDEV: Protocol = Protocol {
    key: Key::Meta(&meta::PROTOCOL),
    next: by_ether_type,
    ..Protocol::new("netdev", Layer::Link, &[])
};
