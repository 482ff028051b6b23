//! The view of a packet that rules are evaluated on.
//!
//! It covers what netfilter hooks see: bytes from the network header on, trimmed to the length
//! that the IP header says. Offsets count from the network header.

use crate::extension::IPV6_HEADER;
use crate::{Family, NotDelivered, Packet, Walk, receive, walk_extensions};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A packet with its headers walked.
#[derive(Clone, Copy, Debug)]
pub struct Parsed<'a> {
    packet: &'a Packet,
    bytes: &'a [u8],
    protocol: u8,
    fragment_offset: u16,
    transport: usize,
    walk_failed: bool,
}

impl<'a> Parsed<'a> {
    pub(crate) fn new(packet: &'a Packet) -> Result<Self, NotDelivered> {
        let bytes = receive::trimmed(packet)?;
        let mut parsed = Parsed {
            packet,
            bytes,
            protocol: 0,
            fragment_offset: 0,
            transport: 0,
            walk_failed: false,
        };
        match packet.family {
            Family::Ipv4 => {
                parsed.protocol = bytes[9];
                parsed.fragment_offset = u16::from_be_bytes([bytes[6], bytes[7]]) & 0x1fff;
                parsed.transport = usize::from(bytes[0] & 0xf) * 4;
            }
            Family::Ipv6 => match walk_extensions(bytes) {
                Walk::Transport { protocol, offset } => {
                    parsed.protocol = protocol;
                    parsed.transport = offset;
                }
                Walk::LaterFragment { protocol, fragment_offset } => {
                    parsed.protocol = protocol;
                    parsed.fragment_offset = fragment_offset;
                }
                Walk::Failed => parsed.walk_failed = true,
            },
        }
        Ok(parsed)
    }

    /// The same facts about a packet of which rules have changed bytes, and to which they have
    /// added so many: nothing is read anew, as the kernel does not. None where the packet is
    /// shorter than that.
    pub fn of_rewritten<'b>(&self, packet: &'b Packet, added: usize) -> Option<Parsed<'b>> {
        let Parsed { protocol, fragment_offset, transport, walk_failed, .. } = *self;
        let bytes = packet.network_bytes().get(..self.bytes.len().checked_add(added)?)?;
        Some(Parsed { packet, bytes, protocol, fragment_offset, transport, walk_failed })
    }

    /// The packet itself, for marks, interfaces and connections.
    pub fn packet(&self) -> &'a Packet {
        self.packet
    }

    /// Its family.
    pub fn family(&self) -> Family {
        self.packet.family
    }

    /// The bytes from the network header to the end of the IP packet.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The IP packet's length: IPv4's total length, IPv6's payload length and 40. It is what
    /// byte counters count and what the `length` match compares. For an IPv6 packet whose payload
    /// length is 0 before a hop-by-hop header (a jumbogram's form) it is the length of what
    /// arrived, as in the kernel.
    pub fn length(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }

    /// The transport protocol: IPv4's protocol field, or the IPv6 header after the extension
    /// headers; 0 where the walk failed.
    pub fn protocol(&self) -> u8 {
        self.protocol
    }

    /// The fragment offset in units of 8 bytes; 0 for a whole packet or a first fragment.
    pub fn fragment_offset(&self) -> u16 {
        self.fragment_offset
    }

    /// Offset of the transport header. In an IPv4 fragment that is not the first, what stands
    /// there is payload; in an IPv6 one, as in the kernel, the offset is 0 and means nothing;
    /// likewise where the walk failed.
    pub fn transport(&self) -> usize {
        self.transport
    }

    /// Whether the IPv6 extension headers could not be walked to their end.
    pub fn walk_failed(&self) -> bool {
        self.walk_failed
    }

    /// How many bytes there are from an offset on; 0 beyond the end.
    pub fn available(&self, offset: usize) -> usize {
        self.bytes.len().saturating_sub(offset)
    }

    /// Whether `length` bytes of the transport header are there; never where the walk failed.
    pub fn has_transport(&self, length: usize) -> bool {
        !self.walk_failed && self.slice(self.transport, length).is_some()
    }

    /// Bytes at an offset, none where not all of them are there.
    pub fn slice(&self, offset: usize, length: usize) -> Option<&'a [u8]> {
        self.bytes.get(offset..)?.get(..length)
    }

    /// Bytes at an offset from the transport header; none where the walk failed.
    pub fn transport_slice(&self, offset: usize, length: usize) -> Option<&'a [u8]> {
        if self.walk_failed {
            return None;
        }
        self.slice(self.transport.checked_add(offset)?, length)
    }

    /// Bytes of the Ethernet header (its 14 bytes and the VLAN tags after them), none where
    /// there is no such header or not so many bytes before the network header.
    pub fn link_slice(&self, offset: usize, length: usize) -> Option<&'a [u8]> {
        self.packet.bytes.get(self.packet.link?..self.packet.network)?.get(offset..)?.get(..length)
    }

    /// Source address.
    pub fn source(&self) -> IpAddr {
        self.address(12, 8)
    }

    /// Destination address.
    pub fn destination(&self) -> IpAddr {
        self.address(16, 24)
    }

    fn address(&self, v4: usize, v6: usize) -> IpAddr {
        match self.packet.family {
            Family::Ipv4 => {
                let mut octets = [0; 4];
                octets.copy_from_slice(&self.bytes[v4..v4 + 4]);
                IpAddr::V4(Ipv4Addr::from(octets))
            }
            Family::Ipv6 => {
                debug_assert!(self.bytes.len() >= IPV6_HEADER);
                let mut octets = [0; 16];
                octets.copy_from_slice(&self.bytes[v6..v6 + 16]);
                IpAddr::V6(Ipv6Addr::from(octets))
            }
        }
    }
}
