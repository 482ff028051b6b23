//! The keys of `meta`.

use crate::datatype::*;
use std::fmt;

/// A key of `meta`.
#[derive(Clone, Copy)]
pub struct MetaKey {
    /// As the language names it.
    pub name: &'static str,
    /// As the kernel's library names it.
    pub kernel: &'static str,
    /// The kernel's number.
    pub number: u32,
    /// What it holds.
    pub datatype: &'static Datatype,
    /// Width in bits.
    pub bits: u32,
    /// Byte order in a register.
    pub order: Order,
    /// Whether it may be named without `meta`.
    pub is_bare: bool,
}

impl PartialEq for MetaKey {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for MetaKey {}

impl fmt::Debug for MetaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kernel)
    }
}

const fn key(
    name: &'static str,
    kernel: &'static str,
    number: u32,
    datatype: &'static Datatype,
    bits: u32,
) -> MetaKey {
    MetaKey { name, kernel, number, datatype, bits, order: Order::Host, is_bare: true }
}

/// A key that must follow the word `meta`.
const fn full(
    name: &'static str,
    kernel: &'static str,
    number: u32,
    datatype: &'static Datatype,
    bits: u32,
) -> MetaKey {
    let mut key = key(name, kernel, number, datatype, bits);
    key.is_bare = false;
    key
}

const fn network(mut key: MetaKey) -> MetaKey {
    key.order = Order::Network;
    key
}

pub(crate) static PROTOCOL: MetaKey = network(full("protocol", "protocol", 1, &ETHER_TYPE, 16));
pub(crate) static IIFTYPE: MetaKey = key("iiftype", "iiftype", 8, &INTERFACE_TYPE, 16);
pub(crate) static NFPROTO: MetaKey = full("nfproto", "nfproto", 15, &NETFILTER_PROTOCOL, 8);
pub(crate) static L4PROTO: MetaKey = full("l4proto", "l4proto", 16, &PROTOCOL_TYPE, 8);
use crate::datatype::PROTOCOL as PROTOCOL_TYPE;

/// The key of a name, and whether that must follow the word `meta`.
pub(crate) fn by_name(name: &str) -> Option<&'static MetaKey> {
    let name = match name {
        "ibriport" => "ibrname",
        "obriport" => "obrname",
        "secpath" => "ipsec",
        name => name,
    };
    KEYS.iter().copied().find(|key| key.name == name)
}

/// The key of the kernel's number.
pub(crate) fn by_number(number: u32) -> Option<&'static MetaKey> {
    KEYS.iter().copied().find(|key| key.number == number)
}

/// The names of all keys.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name)
}

static KEYS: &[&MetaKey] = &[
    &full("length", "len", 0, &INTEGER, 32),
    &PROTOCOL,
    &full("priority", "priority", 2, &CLASS_ID, 32),
    &key("mark", "mark", 3, &MARK, 32),
    &key("iif", "iif", 4, &INTERFACE_INDEX, 32),
    &key("oif", "oif", 5, &INTERFACE_INDEX, 32),
    &key("iifname", "iifname", 6, &INTERFACE_NAME, 128),
    &key("oifname", "oifname", 7, &INTERFACE_NAME, 128),
    &IIFTYPE,
    &key("oiftype", "oiftype", 9, &INTERFACE_TYPE, 16),
    &key("skuid", "skuid", 10, &USER, 32),
    &key("skgid", "skgid", 11, &GROUP, 32),
    &key("nftrace", "nftrace", 12, &INTEGER, 1),
    &key("rtclassid", "rtclassid", 13, &REALM, 32),
    &full("secmark", "secmark", 14, &INTEGER, 32),
    &NFPROTO,
    &L4PROTO,
    &key("ibrname", "bri_iifname", 17, &INTERFACE_NAME, 128),
    &key("obrname", "bri_oifname", 18, &INTERFACE_NAME, 128),
    &key("pkttype", "pkttype", 19, &PACKET_TYPE, 8),
    &key("cpu", "cpu", 20, &INTEGER, 32),
    &key("iifgroup", "iifgroup", 21, &DEVICE_GROUP, 32),
    &key("oifgroup", "oifgroup", 22, &DEVICE_GROUP, 32),
    &key("cgroup", "cgroup", 23, &INTEGER, 32),
    &network(full("random", "prandom", 24, &INTEGER, 32)),
    &key("ipsec", "secpath", 25, &BOOLEAN, 8),
    &full("iifkind", "iifkind", 26, &INTERFACE_NAME, 128),
    &full("oifkind", "oifkind", 27, &INTERFACE_NAME, 128),
    &full("ibrpvid", "bri_iifpvid", 28, &INTEGER, 16),
    &network(full("ibrvproto", "bri_iifvproto", 29, &ETHER_TYPE, 16)),
    &key("time", "time", 30, &DATE, 64),
    &key("day", "day", 31, &DAY, 8),
    &key("hour", "hour", 32, &HOUR, 32),
    &full("sdif", "sdif", 33, &INTERFACE_INDEX, 32),
    &full("sdifname", "sdifname", 34, &INTERFACE_NAME, 128),
    &full("broute", "broute", 35, &INTEGER, 1),
    &network(full("ibrhwaddr", "ibrhwaddr", 37, &ETHER_ADDRESS, 48)),
];
