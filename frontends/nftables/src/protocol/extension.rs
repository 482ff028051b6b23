//! What the kernel finds by walking headers: extension headers of IPv6, options of IPv4, TCP and
//! DCCP, chunks of SCTP.

use super::{Field, field};
use crate::datatype::*;

/// Which list the kernel walks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExtensionKind {
    /// Extension headers of IPv6.
    Ipv6,
    /// Options of TCP.
    Tcp,
    /// Options of IPv4.
    Ipv4,
    /// Chunks of SCTP.
    Sctp,
    /// Options of DCCP.
    Dccp,
}

impl ExtensionKind {
    /// The kernel's number.
    pub fn number(self) -> u32 {
        match self {
            ExtensionKind::Ipv6 => 0,
            ExtensionKind::Tcp => 1,
            ExtensionKind::Ipv4 => 2,
            ExtensionKind::Sctp => 3,
            ExtensionKind::Dccp => 4,
        }
    }
}

/// A header, option or chunk that the kernel finds by its type.
#[derive(Debug)]
pub struct Extension {
    /// As the language names it.
    pub name: &'static str,
    /// Its type in the packet.
    pub kind: u8,
    /// Its fields.
    pub fields: &'static [Field],
}

impl Extension {
    /// The field of a name.
    pub fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// The extension header of a name.
pub(crate) fn extension(name: &str) -> Option<&'static Extension> {
    HEADERS.iter().find(|header| header.name == name)
}

/// The name of the extension header of a number, of several the one with a field.
pub(crate) fn extension_name(number: u8, field: Option<&str>) -> Option<&'static str> {
    let has = |header: &&Extension| field.is_none_or(|field| header.field(field).is_some());
    HEADERS.iter().filter(|header| header.kind == number).find(has).map(|header| header.name)
}

/// `rt0 addr[N]`; `index` counts from 0.
pub(crate) fn routing_address(index: u32) -> Field {
    field("addr", 64 + 128 * index, 128, &IPV6_ADDRESS)
}

/// `srh sid[N]`; `index` counts from 0.
pub(crate) fn segment(index: u32) -> Field {
    field("sid", 64 + 128 * index, 128, &IPV6_ADDRESS)
}

const NEXT: Field = field("nexthdr", 0, 8, &PROTOCOL);
const LENGTH: Field = field("hdrlength", 8, 8, &INTEGER);

static HEADERS: &[Extension] = &[
    Extension { name: "hbh", kind: 0, fields: &[NEXT, LENGTH] },
    Extension { name: "dst", kind: 60, fields: &[NEXT, LENGTH] },
    Extension { name: "rt", kind: 43, fields: ROUTING },
    Extension { name: "rt0", kind: 43, fields: &[] },
    Extension { name: "rt2", kind: 43, fields: &[field("addr", 64, 128, &IPV6_ADDRESS)] },
    Extension { name: "srh", kind: 43, fields: SEGMENTS },
    Extension { name: "frag", kind: 44, fields: FRAGMENT },
    Extension { name: "mh", kind: 135, fields: MOBILITY },
];

const ROUTING: &[Field] =
    &[NEXT, LENGTH, field("type", 16, 8, &INTEGER), field("seg-left", 24, 8, &INTEGER)];

const SEGMENTS: &[Field] = &[
    field("last-entry", 32, 8, &INTEGER),
    field("flags", 40, 8, &INTEGER),
    field("tag", 48, 16, &INTEGER),
];

const FRAGMENT: &[Field] = &[
    NEXT,
    field("reserved", 8, 8, &INTEGER),
    field("frag-off", 16, 13, &INTEGER),
    field("reserved2", 29, 2, &INTEGER),
    field("more-fragments", 31, 1, &INTEGER),
    field("id", 32, 32, &INTEGER),
];

const MOBILITY: &[Field] = &[
    NEXT,
    LENGTH,
    field("type", 16, 8, &MOBILITY_TYPE),
    field("reserved", 24, 8, &INTEGER),
    field("checksum", 32, 16, &INTEGER),
];
