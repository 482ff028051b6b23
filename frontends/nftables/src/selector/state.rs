//! The keys of `ct`, `rt`, `socket` and `ipsec`.

use crate::datatype::*;
use std::fmt;

/// A key of one of these expressions.
#[derive(Clone, Copy)]
pub struct Key {
    /// As the language names it.
    pub name: &'static str,
    /// As the kernel's library names it.
    pub kernel: &'static str,
    /// The kernel's number.
    pub number: u32,
    /// What it holds; `None` where that depends on the protocol of the packet.
    pub datatype: Option<&'static Datatype>,
    /// Width in bits.
    pub bits: u32,
    /// Byte order in a register.
    pub order: Order,
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.kernel == other.kernel && self.number == other.number
    }
}

impl Eq for Key {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kernel)
    }
}

const fn host(
    name: &'static str,
    kernel: &'static str,
    number: u32,
    datatype: &'static Datatype,
    bits: u32,
) -> Key {
    Key { name, kernel, number, datatype: Some(datatype), bits, order: Order::Host }
}

const fn network(
    name: &'static str,
    kernel: &'static str,
    number: u32,
    datatype: &'static Datatype,
    bits: u32,
) -> Key {
    Key { name, kernel, number, datatype: Some(datatype), bits, order: Order::Network }
}

const fn either(name: &'static str, kernel: &'static str, number: u32) -> Key {
    Key { name, kernel, number, datatype: None, bits: 0, order: Order::Network }
}

/// The key of `ct` of a name.
pub(crate) fn ct_key(name: &str) -> Option<&'static Key> {
    CT.iter().find(|key| key.name == name)
}

/// The key of `ct` of the kernel's number.
pub(crate) fn ct_key_of(number: u32) -> Option<&'static Key> {
    CT.iter().find(|key| key.number == number)
}

pub(crate) static CT_L3PROTOCOL: Key = host("l3proto", "l3protocol", 7, &NETFILTER_PROTOCOL, 8);

static CT: &[Key] = &[
    host("state", "state", 0, &CT_STATE, 32),
    host("direction", "direction", 1, &CT_DIRECTION, 8),
    host("status", "status", 2, &CT_STATUS, 32),
    host("mark", "mark", 3, &MARK, 32),
    host("secmark", "secmark", 4, &INTEGER, 32),
    host("expiration", "expiration", 5, &DURATION, 32),
    host("helper", "helper", 6, &STRING, 128),
    host("l3proto", "l3protocol", 7, &NETFILTER_PROTOCOL, 8),
    either("saddr", "src", 8),
    either("daddr", "dst", 9),
    network("protocol", "protocol", 10, &PROTOCOL, 8),
    network("proto-src", "proto_src", 11, &SERVICE, 16),
    network("proto-dst", "proto_dst", 12, &SERVICE, 16),
    host("label", "label", 13, &CT_LABEL, 128),
    host("packets", "packets", 14, &INTEGER, 64),
    host("bytes", "bytes", 15, &INTEGER, 64),
    host("avgpkt", "avgpkt", 16, &INTEGER, 64),
    host("zone", "zone", 17, &INTEGER, 16),
    host("event", "event", 18, &CT_EVENT, 32),
    network("ip saddr", "src_ip", 19, &IPV4_ADDRESS, 32),
    network("ip daddr", "dst_ip", 20, &IPV4_ADDRESS, 32),
    network("ip6 saddr", "src_ip6", 21, &IPV6_ADDRESS, 128),
    network("ip6 daddr", "dst_ip6", 22, &IPV6_ADDRESS, 128),
    network("id", "id", 23, &INTEGER, 32),
];

/// The key of `rt` of a name. `nexthop` depends on the protocol of the packet.
pub(crate) fn rt_key(name: &str) -> Option<&'static Key> {
    RT.iter().find(|key| key.name == name)
}

/// The key of `rt` of the kernel's number.
pub(crate) fn rt_key_of(number: u32) -> Option<&'static Key> {
    RT.iter().find(|key| key.number == number && key.datatype.is_some())
}

static RT: &[Key] = &[
    host("classid", "classid", 0, &REALM, 32),
    either("nexthop", "nexthop4", 1),
    network("ip nexthop", "nexthop4", 1, &IPV4_ADDRESS, 32),
    network("ip6 nexthop", "nexthop6", 2, &IPV6_ADDRESS, 128),
    host("mtu", "tcpmss", 3, &INTEGER, 16),
    host("ipsec", "ipsec", 4, &BOOLEAN, 8),
];

/// The key of `socket` of a name.
pub(crate) fn socket_key(name: &str) -> Option<&'static Key> {
    SOCKET.iter().find(|key| key.name == name)
}

/// The key of `socket` of the kernel's number.
pub(crate) fn socket_key_of(number: u32) -> Option<&'static Key> {
    SOCKET.iter().find(|key| key.number == number)
}

static SOCKET: &[Key] = &[
    host("transparent", "transparent", 0, &INTEGER, 8),
    host("mark", "mark", 1, &MARK, 32),
    host("wildcard", "wildcard", 2, &INTEGER, 8),
    host("cgroupv2", "cgroupv2", 3, &CGROUP_PATH, 64),
];

/// The key of `ipsec` of a name.
pub(crate) fn xfrm_key(name: &str) -> Option<&'static Key> {
    XFRM.iter().find(|key| key.name == name)
}

/// The key of `ipsec` of the kernel's number.
pub(crate) fn xfrm_key_of(number: u32) -> Option<&'static Key> {
    XFRM.iter().find(|key| key.number == number)
}

static XFRM: &[Key] = &[
    network("ip daddr", "daddr4", 1, &IPV4_ADDRESS, 32),
    network("ip6 daddr", "daddr6", 2, &IPV6_ADDRESS, 128),
    network("ip saddr", "saddr4", 3, &IPV4_ADDRESS, 32),
    network("ip6 saddr", "saddr6", 4, &IPV6_ADDRESS, 128),
    host("reqid", "reqid", 5, &INTEGER, 32),
    network("spi", "spi", 6, &INTEGER, 32),
];
