//! IPv4 and IPv6 headers, and the headers between them and the transport header.

use crate::Family;
use etherparse::checksum::Sum16BitWords;
use std::net::{Ipv4Addr, Ipv6Addr};

/// An IP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// IPv4.
    V4(Ipv4),
    /// IPv6.
    V6(Ipv6),
}

/// An IPv4 header; lengths, protocol and checksum are the builder's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv4 {
    /// DSCP and ECN.
    pub tos: u8,
    /// Identification.
    pub identification: u16,
    /// The flag that forbids fragments.
    pub dont_fragment: bool,
    /// The flag of all fragments but the last.
    pub more_fragments: bool,
    /// In units of 8 bytes, less than 8192.
    pub fragment_offset: u16,
    /// Time to live.
    pub ttl: u8,
    /// Source address.
    pub source: Ipv4Addr,
    /// Destination address.
    pub destination: Ipv4Addr,
    /// Options, padded with zeroes to a multiple of 4 and cut at 40 bytes.
    pub options: Vec<u8>,
}

impl Ipv4 {
    /// A whole packet with time to live 64 and no options.
    pub fn new(source: Ipv4Addr, destination: Ipv4Addr) -> Self {
        Ipv4 {
            tos: 0,
            identification: 0,
            dont_fragment: false,
            more_fragments: false,
            fragment_offset: 0,
            ttl: 64,
            source,
            destination,
            options: Vec::new(),
        }
    }
}

/// An IPv6 header; payload length and next header are the builder's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ipv6 {
    /// DSCP and ECN.
    pub traffic_class: u8,
    /// 20 bits.
    pub flow_label: u32,
    /// Hop limit.
    pub hop_limit: u8,
    /// Source address.
    pub source: Ipv6Addr,
    /// Destination address.
    pub destination: Ipv6Addr,
}

impl Ipv6 {
    /// A header with hop limit 64.
    pub fn new(source: Ipv6Addr, destination: Ipv6Addr) -> Self {
        Ipv6 { traffic_class: 0, flow_label: 0, hop_limit: 64, source, destination }
    }
}

/// A header between the IP header and the transport header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extension {
    /// Hop-by-hop options (0): the options, padded with Pad1 to 6 bytes more than a multiple of 8.
    HopByHop(Vec<u8>),
    /// Routing (43).
    Routing {
        /// Routing type.
        kind: u8,
        /// Segments left.
        segments_left: u8,
        /// What follows the first four bytes, padded to 4 bytes more than a multiple of 8.
        data: Vec<u8>,
    },
    /// Fragment (44).
    Fragment {
        /// In units of 8 bytes, less than 8192.
        offset: u16,
        /// The flag of all fragments but the last.
        more: bool,
        /// Identification.
        identification: u32,
    },
    /// Destination options (60): as with [`Extension::HopByHop`].
    DestinationOptions(Vec<u8>),
    /// Authentication (51).
    Authentication {
        /// Security parameters index.
        spi: u32,
        /// Sequence number.
        sequence: u32,
        /// Integrity check value, padded to a multiple of 4 bytes.
        icv: Vec<u8>,
    },
    /// Bytes as they are, but for the first, which will be the number of the next header.
    Raw {
        /// The number that the header before names it by.
        kind: u8,
        /// Its bytes.
        bytes: Vec<u8>,
    },
}

impl Extension {
    /// Its number in the header before.
    pub fn kind(&self) -> u8 {
        match self {
            Extension::HopByHop(_) => 0,
            Extension::Routing { .. } => 43,
            Extension::Fragment { .. } => 44,
            Extension::DestinationOptions(_) => 60,
            Extension::Authentication { .. } => 51,
            Extension::Raw { kind, .. } => *kind,
        }
    }

    fn bytes(&self, next: u8) -> Vec<u8> {
        let mut bytes = vec![next, 0];
        match self {
            Extension::HopByHop(options) | Extension::DestinationOptions(options) => {
                bytes.extend(options);
                set_length(&mut bytes);
            }
            Extension::Routing { kind, segments_left, data } => {
                bytes.extend([*kind, *segments_left]);
                bytes.extend(data);
                set_length(&mut bytes);
            }
            Extension::Fragment { offset, more, identification } => {
                bytes.extend((offset << 3 | u16::from(*more)).to_be_bytes());
                bytes.extend(identification.to_be_bytes());
            }
            Extension::Authentication { spi, sequence, icv } => {
                bytes.extend([0, 0]);
                bytes.extend(spi.to_be_bytes());
                bytes.extend(sequence.to_be_bytes());
                bytes.extend(icv);
                bytes.resize(bytes.len().next_multiple_of(4), 0);
                bytes[1] = u8::try_from(bytes.len() / 4 - 2).unwrap_or(u8::MAX);
            }
            Extension::Raw { bytes: raw, .. } => {
                bytes.clear();
                bytes.extend(raw);
                if let Some(first) = bytes.first_mut() {
                    *first = next;
                }
            }
        }
        bytes
    }
}

/// Pads to a multiple of 8 bytes and says so in the second byte.
fn set_length(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes[1] = u8::try_from(bytes.len() / 8 - 1).unwrap_or(u8::MAX);
}

/// The number of the first header after the IP header, and the bytes of all extensions.
pub(super) fn extensions(list: &[Extension], protocol: u8) -> (u8, Vec<u8>) {
    let mut bytes = Vec::new();
    for (at, extension) in list.iter().enumerate() {
        let next = list.get(at + 1).map_or(protocol, Extension::kind);
        bytes.extend(extension.bytes(next));
    }
    (list.first().map_or(protocol, Extension::kind), bytes)
}

impl Network {
    pub(super) fn family(&self) -> Family {
        match self {
            Network::V4(_) => Family::Ipv4,
            Network::V6(_) => Family::Ipv6,
        }
    }

    /// The header; lengths beyond 16 bits wrap.
    pub(super) fn bytes(&self, protocol: u8, payload: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Network::V4(ip) => {
                let mut options = ip.options.clone();
                options.resize(options.len().next_multiple_of(4).min(40), 0);
                let header = 20 + options.len();
                bytes.extend([0x40 | (header / 4) as u8, ip.tos]);
                bytes.extend(((header + payload) as u16).to_be_bytes());
                bytes.extend(ip.identification.to_be_bytes());
                let flags = u16::from(ip.dont_fragment) << 14 | u16::from(ip.more_fragments) << 13;
                bytes.extend((flags | ip.fragment_offset & 0x1fff).to_be_bytes());
                bytes.extend([ip.ttl, protocol, 0, 0]);
                bytes.extend(ip.source.octets());
                bytes.extend(ip.destination.octets());
                bytes.extend(options);
                set_checksum(&mut bytes);
            }
            Network::V6(ip) => {
                let first = 6 << 28 | u32::from(ip.traffic_class) << 20 | ip.flow_label & 0xf_ffff;
                bytes.extend(first.to_be_bytes());
                bytes.extend((payload as u16).to_be_bytes());
                bytes.extend([protocol, ip.hop_limit]);
                bytes.extend(ip.source.octets());
                bytes.extend(ip.destination.octets());
            }
        }
        bytes
    }

    /// The pseudo header that transport checksums start with.
    pub(super) fn pseudo_header(&self, protocol: u8, length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Network::V4(ip) => {
                bytes.extend(ip.source.octets());
                bytes.extend(ip.destination.octets());
                bytes.extend([0, protocol]);
                bytes.extend((length as u16).to_be_bytes());
            }
            Network::V6(ip) => {
                bytes.extend(ip.source.octets());
                bytes.extend(ip.destination.octets());
                bytes.extend((length as u32).to_be_bytes());
                bytes.extend([0, 0, 0, protocol]);
            }
        }
        bytes
    }
}

/// The complement sum of bytes, as the number that stands in a packet.
pub(super) fn checksum(bytes: &[u8]) -> [u8; 2] {
    Sum16BitWords::new().add_slice(bytes).ones_complement().to_ne_bytes()
}

fn set_checksum(header: &mut [u8]) {
    header[10..12].fill(0);
    let sum = checksum(header);
    header[10..12].copy_from_slice(&sum);
}

/// Makes the length field say how many bytes there are, as far as the header is there.
pub(super) fn adjust_length(bytes: &mut [u8], family: Family) {
    match family {
        Family::Ipv4 => {
            if bytes.len() < 12 {
                return;
            }
            let length = (bytes.len() as u16).to_be_bytes();
            bytes[2..4].copy_from_slice(&length);
            let header = usize::from(bytes[0] & 0xf) * 4;
            let header = header.min(bytes.len());
            if header >= 12 {
                set_checksum(&mut bytes[..header]);
            }
        }
        Family::Ipv6 => {
            if bytes.len() >= 40 {
                let length = ((bytes.len() - 40) as u16).to_be_bytes();
                bytes[4..6].copy_from_slice(&length);
            }
        }
    }
}
