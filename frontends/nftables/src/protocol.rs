//! The headers that the language names, as tables: a protocol's fields, and which protocol follows
//! it under which number. A new field is one line in the file of its layer.

mod extension;
mod link;
mod network;
mod option;
mod transport;
mod tunnel;

pub use extension::{Extension, ExtensionKind};
pub(crate) use extension::{extension, extension_name, routing_address, segment};
pub(crate) use link::{ETHER, INET, NETDEV, VLAN};
pub(crate) use network::{ARP, IP, IP6};
pub(crate) use option::{
    dccp_option, ip_option, ip_option_name, sctp_chunk, sctp_chunk_name, tcp_option,
    tcp_option_field, tcp_option_name, tcp_option_raw,
};
pub(crate) use transport::{ANY_TRANSPORT, ICMP, ICMP6, IGMP, TCP, TH, UDP};
pub(crate) use tunnel::{GENEVE, GRE, GRETAP, VXLAN};

use crate::datatype::Datatype;
use crate::selector::MetaKey;
use std::fmt;

/// Where a header begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The link layer header.
    Link,
    /// The network header.
    Network,
    /// The transport header.
    Transport,
    /// What follows the transport header.
    Inner,
}

/// What a packet must be for a field of ICMP to exist: its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpType {
    /// Exactly this one.
    One(u8),
    /// A request or its reply.
    Echo {
        /// The request.
        request: u8,
        /// The reply.
        reply: u8,
    },
    /// Any of those of neighbour and listener discovery that carry an address.
    Discovery,
}

/// A field of a header.
#[derive(Clone, Copy)]
pub struct Field {
    /// As the language names it.
    pub name: &'static str,
    /// From the header's first bit.
    pub offset: u32,
    /// Width in bits.
    pub bits: u32,
    /// What it holds.
    pub datatype: &'static Datatype,
    /// The type of ICMP message that has it.
    pub only_in: Option<IcmpType>,
}

/// What says which protocol follows.
#[derive(Clone, Copy)]
pub(crate) enum Key {
    /// Nothing does.
    None,
    /// The kernel knows it.
    Meta(&'static MetaKey),
    /// This field.
    Field(&'static str),
}

/// How a header's checksum is computed: the kernel's number of it, and where it lies in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checksum {
    /// 1 for that of the Internet, 2 for SCTP's.
    pub kind: u32,
    /// Its offset in the header, in bytes.
    pub offset: u32,
}

/// A tunnel as the kernel's `inner` expression knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// The kernel's number of it.
    pub kind: u32,
    /// The size of its header in bytes.
    pub header: u32,
    /// What to look for in it: 1 its header, 2 a link header, 4 a network, 8 a transport header.
    pub flags: u32,
}

/// Protocols by the number that says that they follow.
pub(crate) type Next = &'static [(u32, &'static Protocol)];

/// A protocol.
pub struct Protocol {
    /// As the language names it.
    pub name: &'static str,
    /// The layer of its header.
    pub layer: Layer,
    /// Its fields.
    pub fields: &'static [Field],
    /// What says which protocol follows.
    pub(crate) key: Key,
    /// The protocols that follow it, by the number that says so.
    pub(crate) next: fn() -> Next,
    /// The size of a link layer header in bits, where others may follow it in the same layer.
    pub(crate) length: u32,
    /// Its checksum.
    pub checksum: Option<Checksum>,
    /// The fields of which a transport checksum takes account.
    pub(crate) pseudo: &'static [&'static str],
    /// How the kernel looks into it.
    pub tunnel: Option<Tunnel>,
}

impl PartialEq for Protocol {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Protocol {}

impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Protocol {
    const fn new(name: &'static str, layer: Layer, fields: &'static [Field]) -> Protocol {
        let key = Key::None;
        let (checksum, tunnel) = (None, None);
        Protocol {
            name,
            layer,
            fields,
            key,
            next: || &[],
            length: 0,
            checksum,
            pseudo: &[],
            tunnel,
        }
    }

    /// The field of a name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The protocol that follows under a number.
    pub(crate) fn upper(&self, number: u32) -> Option<&'static Protocol> {
        (self.next)().iter().find(|(next, _)| *next == number).map(|(_, protocol)| *protocol)
    }

    /// The number under which a protocol follows.
    pub(crate) fn number_of(&self, upper: &Protocol) -> Option<u32> {
        (self.next)().iter().find(|(_, protocol)| *protocol == upper).map(|(number, _)| *number)
    }

    /// Whether a field says which protocol follows, or which message this is.
    pub(crate) fn is_key(&self, field: &Field) -> bool {
        let named = match self.key {
            Key::Field(name) => name == field.name,
            _ => false,
        };
        named || matches!((self.name, field.name), ("ip", "protocol") | ("ip6", "nexthdr"))
    }

    /// The protocol of a name that a rule may begin an expression with.
    pub fn by_name(name: &str) -> Option<&'static Protocol> {
        NAMED.iter().copied().find(|protocol| protocol.name == name)
    }
}

/// Stands for a protocol that no table has.
pub(crate) static UNKNOWN: Protocol = Protocol::new("unknown", Layer::Inner, &[]);

static NAMED: &[&Protocol] = &[
    &ETHER,
    &VLAN,
    &ARP,
    &IP,
    &IP6,
    &ICMP,
    &ICMP6,
    &IGMP,
    &transport::AH,
    &transport::ESP,
    &transport::COMP,
    &UDP,
    &transport::UDPLITE,
    &TCP,
    &transport::DCCP,
    &transport::SCTP,
    &TH,
    &VXLAN,
    &GENEVE,
    &GRE,
    &GRETAP,
];

const fn field(name: &'static str, offset: u32, bits: u32, datatype: &'static Datatype) -> Field {
    Field { name, offset, bits, datatype, only_in: None }
}

const fn field_in(
    name: &'static str,
    offset: u32,
    bits: u32,
    datatype: &'static Datatype,
    only_in: IcmpType,
) -> Field {
    Field { name, offset, bits, datatype, only_in: Some(only_in) }
}
