//! Headers that carry packets, into which the kernel's `inner` expression looks.

use super::link::VLAN;
use super::network::{ARP, IP, IP6};
use super::{Field, Key, Layer, Next, Protocol, Tunnel, field};
use crate::datatype::{BITS, ETHER_TYPE, INTEGER};
use crate::selector::meta;

fn carried() -> Next {
    static NEXT: &[(u32, &Protocol)] =
        &[(0x0800, &IP), (0x0806, &ARP), (0x86dd, &IP6), (0x8100, &VLAN)];
    NEXT
}

pub(crate) static VXLAN: Protocol = Protocol {
    next: carried,
    tunnel: Some(Tunnel { kind: 1, header: 8, flags: 0xf }),
    ..Protocol::new("vxlan", Layer::Inner, VXLAN_FIELDS)
};

const VXLAN_FIELDS: &[Field] = &[field("flags", 0, 8, &BITS), field("vni", 32, 24, &INTEGER)];

pub(crate) static GENEVE: Protocol = Protocol {
    next: carried,
    tunnel: Some(Tunnel { kind: 2, header: 8, flags: 0xf }),
    ..Protocol::new("geneve", Layer::Inner, GENEVE_FIELDS)
};

const GENEVE_FIELDS: &[Field] =
    &[field("type", 16, 16, &ETHER_TYPE), field("vni", 32, 24, &INTEGER)];

pub(crate) static GRE: Protocol = Protocol {
    key: Key::Meta(&meta::L4PROTO),
    tunnel: Some(Tunnel { kind: 3, header: 4, flags: 0xc }),
    ..Protocol::new("gre", Layer::Transport, GRE_FIELDS)
};

const GRE_FIELDS: &[Field] = &[
    field("flags", 0, 5, &INTEGER),
    field("version", 13, 3, &INTEGER),
    field("protocol", 16, 16, &ETHER_TYPE),
];

pub(crate) static GRETAP: Protocol = Protocol {
    key: Key::Meta(&meta::L4PROTO),
    tunnel: Some(Tunnel { kind: 4, header: 4, flags: 0xe }),
    ..Protocol::new("gretap", Layer::Transport, &[])
};
