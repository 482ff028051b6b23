//! The view of a packet that rules are evaluated on.
//!
//! It covers what netfilter hooks see: bytes from the network header on, trimmed to the length
//! that the IP header says. Hooks of devices see all that came. Offsets count from the network
//! header.

use crate::extension::IPV6_HEADER;
use crate::{
    Family, Found, NotDelivered, Packet, PacketFamily, Walk, find_extension, receive,
    walk_extensions,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bytes of the Ethernet header.
const ETHERNET_HEADER: usize = 14;

/// The number of the authentication header.
const AUTHENTICATION: u8 = 51;

/// A packet with its headers walked.
#[derive(Clone, Copy, Debug)]
pub struct Parsed<'a> {
    packet: &'a Packet,
    family: PacketFamily,
    ether_type: u16,
    /// Bytes of the link header, where they count.
    link: usize,
    /// The VLAN tag that was taken off.
    tag: u32,
    bytes: &'a [u8],
    protocol: u8,
    fragment_offset: u16,
    transport: usize,
    walk_failed: bool,
    /// The offset of the first authentication header of IPv6.
    authentication: Option<usize>,
}

impl<'a> Parsed<'a> {
    pub(crate) fn new(packet: &'a Packet) -> Result<Self, NotDelivered> {
        let bytes = receive::trimmed(packet)?;
        let mut parsed = Parsed {
            packet,
            family: packet.family,
            ether_type: 0,
            link: 0,
            tag: 0,
            bytes,
            protocol: 0,
            fragment_offset: 0,
            transport: 0,
            walk_failed: false,
            authentication: None,
        };
        parsed.read_headers();
        Ok(parsed)
    }

    /// What hooks of devices see of a frame: behind one VLAN tag, which the kernel takes off first
    /// (net/core/dev.c, `skb_vlan_untag`); what is not IP with a sound header is an other frame.
    pub(crate) fn at_device(packet: &'a Packet, leaves: bool) -> Self {
        let frame = packet.link.and_then(|link| packet.bytes.get(link..));
        let link = frame.and_then(if leaves { Link::of_leaving } else { Link::of_arrived });
        let (bytes, ether_type) = match (&link, packet.family) {
            (Some(link), _) => (link.carried, link.ether_type),
            (None, PacketFamily::Ipv4) => (packet.network_bytes(), IPV4),
            (None, PacketFamily::Ipv6) => (packet.network_bytes(), IPV6),
            (None, PacketFamily::Other) => (packet.network_bytes(), 0),
        };
        let family = match ether_type {
            IPV4 if receive::is_sound_ipv4(bytes) => PacketFamily::Ipv4,
            IPV6 if receive::is_sound_ipv6(bytes) => PacketFamily::Ipv6,
            _ => PacketFamily::Other,
        };
        let mut parsed = Parsed {
            packet,
            family,
            ether_type,
            link: if leaves { packet.bytes.len() - bytes.len() } else { 0 },
            tag: frame.filter(|_| !leaves).map_or(0, tag),
            bytes,
            protocol: 0,
            fragment_offset: 0,
            transport: 0,
            walk_failed: false,
            authentication: None,
        };
        parsed.read_headers();
        parsed
    }

    fn read_headers(&mut self) {
        let bytes = self.bytes;
        let parsed = self;
        match parsed.family {
            PacketFamily::Other => parsed.walk_failed = true,
            PacketFamily::Ipv4 => {
                parsed.ether_type = IPV4;
                parsed.protocol = bytes[9];
                parsed.fragment_offset = u16::from_be_bytes([bytes[6], bytes[7]]) & 0x1fff;
                parsed.transport = usize::from(bytes[0] & 0xf) * 4;
            }
            PacketFamily::Ipv6 => {
                parsed.ether_type = IPV6;
                parsed.authentication = match find_extension(bytes, AUTHENTICATION) {
                    Found::At(offset) => Some(offset),
                    Found::Absent | Found::Broken => None,
                };
                match walk_extensions(bytes) {
                    Walk::Transport { protocol, offset } => {
                        parsed.protocol = protocol;
                        parsed.transport = offset;
                    }
                    Walk::LaterFragment { protocol, fragment_offset } => {
                        parsed.protocol = protocol;
                        parsed.fragment_offset = fragment_offset;
                    }
                    Walk::Failed => parsed.walk_failed = true,
                }
            }
        }
    }

    /// The same facts about a packet of which rules have changed bytes, and to which they have
    /// added so many: nothing is read anew, as the kernel does not. None where the packet is
    /// shorter than that.
    pub fn of_rewritten<'b>(&self, packet: &'b Packet, added: usize) -> Option<Parsed<'b>> {
        let bytes = packet.network_bytes().get(..self.bytes.len().checked_add(added)?)?;
        Some(Parsed { packet, bytes, ..*self })
    }

    /// As nftables sees it: an authentication header is the transport header.
    #[must_use]
    pub fn to_authentication(&self) -> Self {
        match self.authentication {
            Some(transport) => Parsed {
                protocol: AUTHENTICATION,
                fragment_offset: 0,
                transport,
                walk_failed: false,
                ..*self
            },
            None => *self,
        }
    }

    /// A packet that has become of this one, with what was found out of this one's headers.
    #[must_use]
    pub fn with_facts_of(&self, before: &Self) -> Self {
        let &Parsed { protocol, fragment_offset, transport, walk_failed, .. } = before;
        Parsed { protocol, fragment_offset, transport, walk_failed, ..*self }
    }

    /// The packet itself, for marks, interfaces and connections.
    pub fn packet(&self) -> &'a Packet {
        self.packet
    }

    /// Its family.
    pub fn family(&self) -> PacketFamily {
        self.family
    }

    /// The family of an IP packet, as every packet of [`Packet::parse`] is one.
    pub fn ip(&self) -> Family {
        match self.family {
            PacketFamily::Ipv4 => Family::Ipv4,
            PacketFamily::Ipv6 | PacketFamily::Other => Family::Ipv6,
        }
    }

    /// The EtherType of what it is (`skb->protocol`): 0x0800 and 0x86dd for IP, 1 and 4 for frames
    /// of IEEE 802.3 with a length in its place.
    pub fn ether_type(&self) -> u16 {
        self.ether_type
    }

    /// The bytes from the network header to the end of the IP packet.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The packet's length. To hooks of devices it is that of what came, and of the whole frame
    /// where it leaves. To others it is IPv4's total length, IPv6's payload length and 40. It is
    /// what byte counters count and what the `length` match compares. For an IPv6 packet whose
    /// payload length is 0 before a hop-by-hop header (a jumbogram's form) it is the length of what
    /// arrived, as in the kernel.
    pub fn length(&self) -> u32 {
        u32::try_from(self.link + self.bytes.len()).unwrap_or(u32::MAX)
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

    /// The VLAN tag that was taken off before hooks of devices see the frame: protocol and control
    /// information as they stood; 0 where there was none.
    pub fn vlan_tag(&self) -> u32 {
        self.tag
    }

    /// Bytes behind the Ethernet header as hooks of devices see the frame, at an offset from that
    /// header of 14 at least; none where there are not so many.
    pub fn behind_link(&self, offset: usize, length: usize) -> Option<&'a [u8]> {
        let frame = match self.link {
            0 => return self.slice(offset.checked_sub(ETHERNET_HEADER)?, length),
            _ => self.packet.bytes.get(self.packet.link?..)?,
        };
        frame.get(offset..)?.get(..length)
    }

    /// Source address; zero for other frames, which have none.
    pub fn source(&self) -> IpAddr {
        self.address(12, 8)
    }

    /// Destination address.
    pub fn destination(&self) -> IpAddr {
        self.address(16, 24)
    }

    fn address(&self, v4: usize, v6: usize) -> IpAddr {
        match self.family {
            PacketFamily::Ipv4 => {
                let mut octets = [0; 4];
                octets.copy_from_slice(&self.bytes[v4..v4 + 4]);
                IpAddr::V4(Ipv4Addr::from(octets))
            }
            PacketFamily::Other => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            PacketFamily::Ipv6 => {
                debug_assert!(self.bytes.len() >= IPV6_HEADER);
                let mut octets = [0; 16];
                octets.copy_from_slice(&self.bytes[v6..v6 + 16]);
                IpAddr::V6(Ipv6Addr::from(octets))
            }
        }
    }
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// What a link header leads to.
struct Link<'a> {
    carried: &'a [u8],
    ether_type: u16,
}

impl<'a> Link<'a> {
    const VLAN: [u16; 2] = [0x8100, 0x88a8];

    /// Of a frame that came in and begins with an Ethernet header; one tag is taken off.
    fn of_arrived(frame: &'a [u8]) -> Option<Link<'a>> {
        let (at, kind) = match number(frame, 12)? {
            kind if Self::VLAN.contains(&kind) => (18, number(frame, 16)?),
            kind => (14, kind),
        };
        let carried = frame.get(at..)?;
        // Below the least EtherType it is a length (net/ethernet/eth.c, `eth_type_trans`).
        let ether_type = match kind {
            0..0x600 if carried.starts_with(&[0xff; 2]) => 1,
            0..0x600 => 4,
            kind => kind,
        };
        Some(Link { carried, ether_type })
    }

    /// Of a frame that a packet socket sends: its protocol is that of the first tag, the network
    /// header lies behind all of them (net/packet/af_packet.c, `packet_parse_headers`).
    fn of_leaving(frame: &'a [u8]) -> Option<Link<'a>> {
        let ether_type = number(frame, 12)?;
        let (mut at, mut kind) = (14, ether_type);
        while Self::VLAN.contains(&kind) {
            kind = number(frame, at + 2)?;
            at += 4;
        }
        Some(Link { carried: frame.get(at..)?, ether_type })
    }
}

/// The tag in front of what a frame carries, 0 where there is none.
fn tag(frame: &[u8]) -> u32 {
    match (number(frame, 12), number(frame, 14)) {
        (Some(kind), Some(control)) if Link::VLAN.contains(&kind) => {
            u32::from(kind) << 16 | u32::from(control)
        }
        _ => 0,
    }
}

/// Two bytes of a frame, most significant first.
fn number(frame: &[u8], at: usize) -> Option<u16> {
    frame.get(at..at + 2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
}
