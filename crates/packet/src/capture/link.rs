//! Link layers of captures, and what stands in front of a captured packet.
//!
//! Every captured packet has a form as an Ethernet frame, which is what programs see: an Ethernet
//! capture's packets are such frames, and of other link headers the frame has what they tell, the
//! protocol, the sender's hardware address and whether the packet went to a group.

use super::Captured;
use crate::{Family, FrameError, Packet, PacketFamily, pkt_type};
use std::borrow::Cow;

/// What a captured packet starts with. The numbers are those of
/// <https://www.tcpdump.org/linktypes.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkType {
    /// The loopback header of BSD and macOS: an address family in four bytes, in the byte order of
    /// the machine that captured (LINKTYPE 0).
    Null,
    /// An Ethernet header (LINKTYPE 1).
    Ethernet,
    /// An IP header of either version (LINKTYPE 101; 12 and 14 on some systems).
    Raw,
    /// OpenBSD's loopback header: as [`LinkType::Null`], in network order (LINKTYPE 108).
    Loop,
    /// The header that Linux makes up for captures of all interfaces, `tcpdump -i any`: 16 bytes
    /// (LINKTYPE 113).
    Cooked,
    /// An IPv4 header (LINKTYPE 228).
    Ipv4,
    /// An IPv6 header (LINKTYPE 229).
    Ipv6,
    /// The second version of the header for all interfaces: 20 bytes (LINKTYPE 276).
    Cooked2,
}

/// Bytes of an Ethernet header.
const ETHERNET: usize = 14;
/// Local experimental EtherType: what is not IP stays not IP.
const NOT_IP: u16 = 0x88b5;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
/// `AF_INET`, the same everywhere.
const AF_INET: u32 = 2;
/// `AF_INET6` of Linux, Windows, NetBSD and OpenBSD, FreeBSD, and macOS.
const AF_INET6: [u32; 5] = [10, 23, 24, 28, 30];
/// Kinds of devices (`ARPHRD_*`) whose packets have no EtherType in a cooked header: frame relay,
/// 802.11 with radiotap, netlink.
const NO_ETHER_TYPE: [u16; 3] = [770, 803, 824];

impl LinkType {
    /// The number in a capture file.
    pub fn number(self) -> u32 {
        match self {
            LinkType::Null => 0,
            LinkType::Ethernet => 1,
            LinkType::Raw => 101,
            LinkType::Loop => 108,
            LinkType::Cooked => 113,
            LinkType::Ipv4 => 228,
            LinkType::Ipv6 => 229,
            LinkType::Cooked2 => 276,
        }
    }

    pub(super) fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(LinkType::Null),
            1 => Some(LinkType::Ethernet),
            12 | 14 | 101 => Some(LinkType::Raw),
            108 => Some(LinkType::Loop),
            113 => Some(LinkType::Cooked),
            228 => Some(LinkType::Ipv4),
            229 => Some(LinkType::Ipv6),
            276 => Some(LinkType::Cooked2),
            _ => None,
        }
    }
}

/// What people call a link layer that is not read, in brackets; empty for the rare ones.
pub(super) fn other_name(number: u32) -> &'static str {
    match number {
        6 => " (token ring)",
        9 | 50 | 51 => " (PPP)",
        105 | 119 | 127 | 192 => " (802.11)",
        187 | 201 => " (Bluetooth)",
        189 | 220 => " (USB)",
        195 | 230 => " (802.15.4)",
        239 => " (nflog)",
        253 => " (netlink)",
        _ => "",
    }
}

/// What the link header of a packet tells, where it is not Ethernet's.
struct LinkHeader {
    /// Its bytes.
    length: usize,
    /// A value of [`pkt_type`].
    pkt_type: u8,
    /// The sender's hardware address, zero where there is none of six bytes.
    source: [u8; 6],
    ether_type: u16,
}

impl LinkHeader {
    fn plain(length: usize, ether_type: u16) -> Self {
        LinkHeader { length, pkt_type: pkt_type::HOST, source: [0; 6], ether_type }
    }

    /// A cooked header of `length` bytes with its fields at these offsets; none where the capture
    /// cut it.
    fn cooked(bytes: &[u8], length: usize, at: [usize; 4]) -> Option<Self> {
        let header = bytes.get(..length)?;
        let number = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let [protocol, device, kind, address] = at;
        // The length of the address is the byte, or the low byte of the number, before it.
        let source = match header[address - 1] {
            6 => header[address..address + 6].try_into().unwrap_or_default(),
            _ => [0; 6],
        };
        let ether_type = match NO_ETHER_TYPE.contains(&number(device)) {
            true => NOT_IP,
            false => number(protocol),
        };
        Some(LinkHeader { length, pkt_type: header[kind], source, ether_type })
    }

    /// Zero, which stands for this host, or an address of a group.
    fn destination(&self) -> [u8; 6] {
        match self.pkt_type {
            pkt_type::BROADCAST => [0xff; 6],
            pkt_type::MULTICAST if self.ether_type == IPV6 => [0x33, 0x33, 0, 0, 0, 0],
            pkt_type::MULTICAST => [0x01, 0x00, 0x5e, 0, 0, 0],
            _ => [0; 6],
        }
    }
}

impl Captured {
    /// The packet, with nothing known besides its bytes.
    ///
    /// # Errors
    /// When it is not IP.
    pub fn packet(&self) -> Result<Packet, FrameError> {
        match self.link {
            LinkType::Raw | LinkType::Ipv4 | LinkType::Ipv6 => {
                let packet = Packet::from_ip(&self.bytes[..])?;
                match (self.link, packet.family.ip()) {
                    (LinkType::Ipv4, Some(Family::Ipv6)) => Err(FrameError::Version(6)),
                    (LinkType::Ipv6, Some(Family::Ipv4)) => Err(FrameError::Version(4)),
                    _ => Ok(packet),
                }
            }
            _ => Packet::from_ethernet(self.frame().into_owned()),
        }
    }

    /// As an Ethernet frame, as much as was captured of it. Made up headers have zero addresses
    /// where nothing is known of them.
    pub fn frame(&self) -> Cow<'_, [u8]> {
        let Some(header) = self.link_header() else { return Cow::Borrowed(&self.bytes) };
        let mut frame = Vec::with_capacity(ETHERNET + self.bytes.len());
        frame.extend(header.destination());
        frame.extend(header.source);
        frame.extend(header.ether_type.to_be_bytes());
        frame.extend(self.bytes.get(header.length..).unwrap_or_default());
        Cow::Owned(frame)
    }

    /// Length of that frame on the wire.
    pub fn frame_length(&self) -> usize {
        let header = self.link_header().map_or(ETHERNET, |header| header.length);
        (self.length as usize).saturating_sub(header).saturating_add(ETHERNET)
    }

    /// The header in front of the network header; none for Ethernet's.
    fn link_header(&self) -> Option<LinkHeader> {
        let ip = || match self.packet().map(|packet| packet.family) {
            Ok(PacketFamily::Ipv4) => IPV4,
            Ok(PacketFamily::Ipv6) => IPV6,
            Ok(PacketFamily::Other) | Err(_) => NOT_IP,
        };
        let loopback = |family: Option<u32>| match family {
            Some(AF_INET) => IPV4,
            Some(family) if AF_INET6.contains(&family) => IPV6,
            _ => NOT_IP,
        };
        let family = self.bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        // Families are small numbers, so their byte order shows.
        let either =
            family.map(|family| if family > 0xffff { family.swap_bytes() } else { family });
        let (length, cooked) = match self.link {
            LinkType::Ethernet => return None,
            LinkType::Raw | LinkType::Ipv4 | LinkType::Ipv6 => {
                return Some(LinkHeader::plain(0, ip()));
            }
            LinkType::Null => return Some(LinkHeader::plain(4, loopback(either))),
            LinkType::Loop => return Some(LinkHeader::plain(4, loopback(family))),
            LinkType::Cooked => (16, LinkHeader::cooked(&self.bytes, 16, [14, 2, 1, 6])),
            LinkType::Cooked2 => (20, LinkHeader::cooked(&self.bytes, 20, [0, 8, 10, 12])),
        };
        Some(cooked.unwrap_or_else(|| LinkHeader::plain(length, NOT_IP)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PacketBuilder;
    use std::time::Duration;

    fn captured(link: LinkType, header: &[u8], ip: &[u8]) -> Captured {
        let bytes = [header, ip].concat();
        Captured { time: Duration::ZERO, link, length: bytes.len() as u32, bytes }
    }

    fn v4() -> Vec<u8> {
        PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2]).udp(1, 2).bytes()
    }

    fn v6() -> Vec<u8> {
        PacketBuilder::ipv6("::1".parse().unwrap(), "::2".parse().unwrap()).udp(1, 2).bytes()
    }

    /// The frame's header, and that the packet behind it is whole.
    fn header(link: LinkType, header: &[u8], ip: &[u8]) -> Vec<u8> {
        let captured = captured(link, header, ip);
        let frame = captured.frame().into_owned();
        assert_eq!(frame[14..], *ip, "{link:?}");
        assert_eq!(captured.frame_length(), frame.len(), "{link:?}");
        frame[..14].to_vec()
    }

    const COOKED: [u8; 16] = [0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0, 8, 0];
    const COOKED2: [u8; 20] = [8, 0, 0, 0, 0, 0, 0, 7, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0];

    #[test]
    fn cooked_headers_become_ethernet_headers() {
        let frame = [0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 9, 8, 0];
        assert_eq!(header(LinkType::Cooked, &COOKED, &v4()), frame);
        assert_eq!(header(LinkType::Cooked2, &COOKED2, &v4()), frame);
        let mut group = COOKED;
        group[1] = 2;
        assert_eq!(header(LinkType::Cooked, &group, &v4())[..6], [1, 0, 0x5e, 0, 0, 0]);
        group[14..].copy_from_slice(&[0x86, 0xdd]);
        assert_eq!(header(LinkType::Cooked, &group, &v6())[..6], [0x33, 0x33, 0, 0, 0, 0]);
        group[1] = 1;
        assert_eq!(header(LinkType::Cooked, &group, &v6())[..6], [0xff; 6]);
        // A tunnel's device has no hardware address, or one of four bytes.
        let mut tunnel = COOKED2;
        tunnel[11] = 4;
        assert_eq!(header(LinkType::Cooked2, &tunnel, &v4())[6..12], [0; 6]);
        // A tag stands between the protocol and the packet.
        let mut tagged = COOKED;
        tagged[14..].copy_from_slice(&[0x81, 0]);
        let tag = [&[0, 5, 8, 0][..], &v4()].concat();
        let packet = captured(LinkType::Cooked, &tagged, &tag).packet().unwrap();
        assert_eq!((packet.network, packet.family), (18, PacketFamily::Ipv4));
    }

    #[test]
    fn what_is_not_ip_stays_so() {
        let mut netlink = COOKED;
        netlink[2..4].copy_from_slice(&824u16.to_be_bytes());
        assert!(captured(LinkType::Cooked, &netlink, &v4()).packet().is_err());
        assert!(captured(LinkType::Cooked, &COOKED[..15], &[]).packet().is_err());
        assert!(captured(LinkType::Cooked2, &COOKED2[..19], &[]).packet().is_err());
        assert!(captured(LinkType::Null, &[7, 0, 0, 0], &v4()).packet().is_err());
        assert!(captured(LinkType::Null, &[2, 0], &[]).packet().is_err());
        assert!(captured(LinkType::Ipv4, &[], &v6()).packet().is_err());
        assert_eq!(header(LinkType::Ipv4, &[], &v6())[12..], [0x88, 0xb5]);
    }

    #[test]
    fn loopback_headers_are_of_either_byte_order() {
        for bytes in [[2, 0, 0, 0], [0, 0, 0, 2]] {
            assert_eq!(header(LinkType::Null, &bytes, &v4())[12..], [8, 0]);
        }
        assert_eq!(header(LinkType::Loop, &[0, 0, 0, 2], &v4())[12..], [8, 0]);
        for family in AF_INET6 {
            assert_eq!(header(LinkType::Null, &family.to_le_bytes(), &v6())[12..], [0x86, 0xdd]);
            assert_eq!(header(LinkType::Loop, &family.to_be_bytes(), &v6())[12..], [0x86, 0xdd]);
        }
    }
}
