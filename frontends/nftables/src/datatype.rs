//! The datatypes that the language knows: how wide a value is, in which byte order it lies in a
//! register, and which words name its values.
//!
//! A datatype decides how a word on the right-hand side is read, so every selector, field and set
//! names one. They are data: a new one is one `static` here and, where words name its values, one
//! table in `symbols.rs`.

mod read;
mod symbols;

pub(crate) use read::{Read, duration, integer, text_value};
use std::fmt;
use symbols::*;

/// The order of a value's bytes in a register or in a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// Not said: the value is one byte, or takes the order of what it is compared with.
    Unknown,
    /// That of the machine that runs the ruleset.
    Host,
    /// Most significant byte first.
    Network,
}

/// What a datatype is a special case of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Base {
    /// Not a value that can be compared.
    Nothing,
    /// A number.
    Integer,
    /// A number of which each bit has a meaning: a value without an operator asks for any of them.
    Bitmask,
    /// Characters, the first one in the lowest byte, padded with zeroes.
    Text,
    /// A verdict.
    Verdict,
}

/// A datatype.
#[derive(Clone, Copy)]
pub struct Datatype {
    /// As `type` and listings name it.
    pub name: &'static str,
    /// As messages name it.
    pub words: &'static str,
    /// Width in bits; 0 where it is that of what holds the value.
    pub bits: u32,
    /// Byte order of values.
    pub order: Order,
    /// What it is a special case of.
    pub base: Base,
    pub(crate) read: Read,
    /// The words for values.
    pub symbols: &'static [(&'static str, u64)],
}

impl PartialEq for Datatype {
    /// Integers are one datatype, however wide. `time` names two: a duration and a date.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && (self.name != "time" || self.bits == other.bits)
    }
}

impl Eq for Datatype {}

impl fmt::Debug for Datatype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Datatype {
    /// Whether values are numbers: integers and bitmasks.
    pub fn is_number(&self) -> bool {
        matches!(self.base, Base::Integer | Base::Bitmask)
    }

    /// The datatype that a set's `type` names.
    pub fn by_name(name: &str) -> Option<&'static Datatype> {
        NAMED.iter().copied().find(|datatype| datatype.name == name)
    }

    /// The names that a set's `type` may give, for suggestions.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|datatype| datatype.name)
    }
}

const fn number(
    name: &'static str,
    words: &'static str,
    bits: u32,
    order: Order,
    read: Read,
    symbols: &'static [(&'static str, u64)],
) -> Datatype {
    Datatype { name, words, bits, order, base: Base::Integer, read, symbols }
}

const fn flags(
    name: &'static str,
    words: &'static str,
    bits: u32,
    order: Order,
    symbols: &'static [(&'static str, u64)],
) -> Datatype {
    Datatype { name, words, bits, order, base: Base::Bitmask, read: Read::Number, symbols }
}

const fn text(name: &'static str, words: &'static str, bits: u32) -> Datatype {
    let (order, base) = (Order::Host, Base::Text);
    Datatype { name, words, bits, order, base, read: Read::Text, symbols: &[] }
}

macro_rules! datatypes {
    ($($name:ident = $make:ident($($argument:expr),*);)*) => {
        $(pub(crate) static $name: Datatype = $make($($argument),*);)*
    };
}

use Order::{Host, Network, Unknown};
use Read::*;

datatypes! {
    INTEGER = number("integer", "integer", 0, Unknown, Number, &[]);
    BITS = number("bitmask", "bitmask", 0, Unknown, Number, &[]);
    STRING = text("string", "string", 0);
    LINK_ADDRESS = number("ll_addr", "link layer address", 0, Network, Link, &[]);
    ETHER_ADDRESS = number("ether_addr", "Ethernet address", 48, Network, Link, &[]);
    ETHER_TYPE = number("ether_type", "Ethernet protocol", 16, Network, Number, ETHER_TYPES);
    IPV4_ADDRESS = number("ipv4_addr", "IPv4 address", 32, Network, Ipv4, &[]);
    IPV6_ADDRESS = number("ipv6_addr", "IPv6 address", 128, Network, Ipv6, &[]);
    ARP_OPERATION = number("arp_op", "ARP operation", 16, Network, Number, ARP_OPERATIONS);
    NETFILTER_PROTOCOL = number("nf_proto", "netfilter protocol", 8, Unknown, Number, FAMILIES);
    PROTOCOL = number("inet_proto", "Internet protocol", 8, Unknown, Protocol, &[]);
    SERVICE = number("inet_service", "internet network service", 16, Network, Service, &[]);
    ICMP_TYPE = number("icmp_type", "ICMP type", 8, Network, Number, ICMP_TYPES);
    ICMP_CODE = number("icmp_code", "ICMP code", 8, Network, Number, ICMP_CODES);
    ICMPV6_TYPE = number("icmpv6_type", "ICMPv6 type", 8, Network, Number, ICMPV6_TYPES);
    ICMPV6_CODE = number("icmpv6_code", "ICMPv6 code", 8, Network, Number, ICMPV6_CODES);
    ICMPX_CODE = number("icmpx_code", "ICMPX code", 8, Network, Number, ICMPX_CODES);
    IGMP_TYPE = number("igmp_type", "IGMP type", 8, Network, Number, IGMP_TYPES);
    TCP_FLAGS = flags("tcp_flag", "TCP flag", 8, Network, TCP_FLAG_BITS);
    DCCP_TYPE = number("dccp_pkttype", "DCCP packet type", 4, Unknown, Number, DCCP_TYPES);
    MPTCP_SUBTYPE = number("integer", "MPTCP option subtype", 4, Unknown, Number, MPTCP_SUBTYPES);
    MOBILITY_TYPE = number("mh_type", "Mobility Header type", 8, Network, Number, MOBILITY_TYPES);
    DSCP = number("dscp", "Differentiated Services Code Point", 6, Network, Number, DSCPS);
    ECN = number("ecn", "Explicit Congestion Notification", 2, Network, Number, ECNS);
    MARK = number("mark", "packet mark", 32, Host, Number, &[]);
    DURATION = number("time", "relative time", 32, Host, Duration, &[]);
    DATE = number("time", "time of packet reception", 64, Host, Date, &[]);
    DAY = number("day", "day of week of packet reception", 8, Host, Number, DAYS);
    HOUR = number("hour", "hour of day of packet reception", 32, Host, Hour, &[]);
    INTERFACE_INDEX = number("iface_index", "network interface index", 32, Host, Index, &[]);
    INTERFACE_TYPE = number("iface_type", "network interface type", 16, Host, Number, LINK_TYPES);
    INTERFACE_NAME = text("ifname", "network interface name", 128);
    DEVICE_GROUP = number("devgroup", "device group", 32, Host, Number, DEVICE_GROUPS);
    CLASS_ID = number("classid", "traffic class", 32, Host, Class, &[]);
    REALM = number("realm", "routing realm", 32, Host, Number, REALMS);
    USER = number("uid", "user", 32, Host, User, &[]);
    GROUP = number("gid", "group", 32, Host, Group, &[]);
    PACKET_TYPE = number("pkt_type", "packet type", 8, Host, Number, PACKET_TYPES);
    CT_STATE = flags("ct_state", "conntrack state", 32, Host, CT_STATES);
    CT_STATUS = flags("ct_status", "conntrack status", 32, Host, CT_STATUSES);
    CT_EVENT = flags("ct_event", "conntrack event", 32, Host, CT_EVENTS);
    CT_DIRECTION = number("ct_dir", "conntrack direction", 8, Unknown, Number, CT_DIRECTIONS);
    CT_LABEL = label();
    FIB_TYPE = number("fib_addrtype", "kind of address", 32, Host, Number, ADDRESS_TYPES);
    BOOLEAN = number("boolean", "boolean", 1, Host, Boolean, EXISTENCE);
    CGROUP_PATH = number("cgroupsv2", "path of a control group", 64, Host, Cgroup, &[]);
    VERDICT = verdict();
}

const fn label() -> Datatype {
    let mut label = flags("ct_label", "conntrack label", 128, Host, &[]);
    label.read = Label;
    label
}

const fn verdict() -> Datatype {
    let mut verdict = text("verdict", "netfilter verdict", 0);
    verdict.base = Base::Verdict;
    verdict.order = Unknown;
    verdict
}

/// What a set's `type` may name.
static NAMED: &[&Datatype] = &[
    &INTEGER,
    &BITS,
    &STRING,
    &LINK_ADDRESS,
    &ETHER_ADDRESS,
    &ETHER_TYPE,
    &IPV4_ADDRESS,
    &IPV6_ADDRESS,
    &ARP_OPERATION,
    &NETFILTER_PROTOCOL,
    &PROTOCOL,
    &SERVICE,
    &ICMP_TYPE,
    &ICMP_CODE,
    &ICMPV6_TYPE,
    &ICMPV6_CODE,
    &ICMPX_CODE,
    &IGMP_TYPE,
    &TCP_FLAGS,
    &DCCP_TYPE,
    &MOBILITY_TYPE,
    &DSCP,
    &ECN,
    &MARK,
    &DURATION,
    &DAY,
    &HOUR,
    &INTERFACE_INDEX,
    &INTERFACE_TYPE,
    &INTERFACE_NAME,
    &DEVICE_GROUP,
    &CLASS_ID,
    &REALM,
    &USER,
    &GROUP,
    &PACKET_TYPE,
    &CT_STATE,
    &CT_STATUS,
    &CT_EVENT,
    &CT_DIRECTION,
    &CT_LABEL,
    &FIB_TYPE,
    &BOOLEAN,
    &CGROUP_PATH,
    &VERDICT,
];
