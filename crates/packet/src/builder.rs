//! Makes packets for tests: every layer by its fields, with correct lengths and checksums, and
//! then cut at any byte.
//!
//! The builder writes what it is told, sensible or not (an IPv4 packet with a hop-by-hop header,
//! a fragment with a transport header at its start): what a firewall must survive.

mod network;
mod transport;

pub use network::{Extension, Ipv4, Ipv6, Network};
pub use transport::{Dccp, Sctp, Tcp, Transport, UdpLite};

use crate::{Family, Packet, pkt_type};
use std::net::{Ipv4Addr, Ipv6Addr};

/// A packet to be.
#[derive(Clone, Debug)]
pub struct PacketBuilder {
    link: Option<Link>,
    network: Network,
    extensions: Vec<Extension>,
    transport: Transport,
    payload: Vec<u8>,
    protocol: Option<u8>,
}

#[derive(Clone, Debug)]
struct Link {
    destination: [u8; 6],
    source: [u8; 6],
    /// EtherType and tag, outermost first.
    tags: Vec<(u16, u16)>,
}

impl Default for Link {
    fn default() -> Self {
        Link { destination: [2, 0, 0, 0, 0, 2], source: [2, 0, 0, 0, 0, 1], tags: Vec::new() }
    }
}

/// What happens to the IP length field when a packet is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LengthField {
    /// It says the new length, and IPv4's header checksum is right again.
    Adjusted,
    /// It still says the old length; the receive path drops such a packet.
    Kept,
}

impl PacketBuilder {
    /// An IPv4 or IPv6 packet with an empty payload of protocol 253 (reserved for experiments).
    pub fn new(network: Network) -> Self {
        PacketBuilder {
            link: None,
            network,
            extensions: Vec::new(),
            transport: Transport::Raw { protocol: 253, bytes: Vec::new() },
            payload: Vec::new(),
            protocol: None,
        }
    }

    /// An IPv4 packet between two addresses.
    pub fn ipv4(source: impl Into<Ipv4Addr>, destination: impl Into<Ipv4Addr>) -> Self {
        Self::new(Network::V4(Ipv4::new(source.into(), destination.into())))
    }

    /// An IPv6 packet between two addresses.
    pub fn ipv6(source: Ipv6Addr, destination: Ipv6Addr) -> Self {
        Self::new(Network::V6(Ipv6::new(source, destination)))
    }

    /// Changes IPv4 fields; does nothing to an IPv6 packet.
    pub fn with_ipv4(mut self, change: impl FnOnce(&mut Ipv4)) -> Self {
        if let Network::V4(header) = &mut self.network {
            change(header);
        }
        self
    }

    /// Changes IPv6 fields; does nothing to an IPv4 packet.
    pub fn with_ipv6(mut self, change: impl FnOnce(&mut Ipv6)) -> Self {
        if let Network::V6(header) = &mut self.network {
            change(header);
        }
        self
    }

    /// Puts an Ethernet header in front.
    pub fn ethernet(mut self, source: [u8; 6], destination: [u8; 6]) -> Self {
        let tags = self.link.take().unwrap_or_default().tags;
        self.link = Some(Link { destination, source, tags });
        self
    }

    /// Adds a VLAN tag (EtherType 0x8100 or 0x88a8, identifier) inside those there are, and an
    /// Ethernet header where there is none.
    pub fn vlan(mut self, ether_type: u16, identifier: u16) -> Self {
        self.link.get_or_insert_default().tags.push((ether_type, identifier));
        self
    }

    /// Adds a header between the IP header and the transport header.
    pub fn extension(mut self, extension: Extension) -> Self {
        self.extensions.push(extension);
        self
    }

    /// The transport header.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// A TCP header with these ports and flags (FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32).
    pub fn tcp(self, source: u16, destination: u16, flags: u8) -> Self {
        self.transport(Transport::Tcp(Tcp { source, destination, flags, ..Tcp::default() }))
    }

    /// A UDP header with these ports.
    pub fn udp(self, source: u16, destination: u16) -> Self {
        self.transport(Transport::Udp { source, destination })
    }

    /// What follows the transport header.
    pub fn payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.payload = payload.into();
        self
    }

    /// Makes the header before the transport header name this protocol instead of its own.
    pub fn protocol(mut self, protocol: u8) -> Self {
        self.protocol = Some(protocol);
        self
    }

    /// The bytes, from the link header on where there is one.
    pub fn bytes(&self) -> Vec<u8> {
        self.build().bytes
    }

    /// The packet, with nothing known besides its bytes.
    pub fn build(&self) -> Packet {
        let family = self.network.family();
        let mut bytes = Vec::new();
        if let Some(link) = &self.link {
            bytes.extend(link.destination);
            bytes.extend(link.source);
            for (ether_type, tag) in &link.tags {
                bytes.extend(ether_type.to_be_bytes());
                bytes.extend(tag.to_be_bytes());
            }
            let ether_type: u16 = match family {
                Family::Ipv4 => 0x0800,
                Family::Ipv6 => 0x86dd,
            };
            bytes.extend(ether_type.to_be_bytes());
        }
        let network = bytes.len();
        let protocol = self.protocol.unwrap_or(self.transport.protocol());
        let segment = self.transport.bytes(&self.network, &self.payload);
        let (first, middle) = network::extensions(&self.extensions, protocol);
        bytes.extend(self.network.bytes(first, middle.len() + segment.len()));
        bytes.extend(middle);
        bytes.extend(segment);
        let group = self.link.as_ref().map_or(0, |link| link.destination[0] & 1);
        Packet {
            bytes,
            link: self.link.as_ref().map(|_| 0),
            network,
            family: family.into(),
            in_interface: crate::InterfaceName::NONE,
            out_interface: crate::InterfaceName::NONE,
            mark: 0,
            pkt_type: match &self.link {
                Some(link) if link.destination == [0xff; 6] => pkt_type::BROADCAST,
                _ if group == 1 => pkt_type::MULTICAST,
                _ => pkt_type::HOST,
            },
            cpu: 0,
            conntrack: None,
            untracked: false,
            connections: None,
            forwarded: false,
            arrival: crate::Arrival::default(),
            routes: None,
            clock: crate::Clock::default(),
            extensions: crate::Extensions::default(),
            socket: None,
            receiver: None,
            in_group: 0,
            out_group: 0,
            devices: crate::Devices::default(),
            priority: 0,
            realm: 0,
            transforms: crate::Transforms::default(),
            bridge: None,
            route_mtu: u32::MAX,
            return_mtu: u32::MAX,
        }
    }
}

impl Packet {
    /// The packet cut to `length` bytes from the network header on; the same packet where it has
    /// no more than that. A length field is adjusted only where it is still there.
    pub fn truncated(&self, length: usize, field: LengthField) -> Packet {
        let mut packet = self.clone();
        let end = packet.network.saturating_add(length);
        if end >= packet.bytes.len() {
            return packet;
        }
        packet.bytes.truncate(end);
        if field == LengthField::Adjusted {
            let start = packet.network.min(packet.bytes.len());
            if let Some(family) = packet.family.ip() {
                network::adjust_length(&mut packet.bytes[start..], family);
            }
        }
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Found, InterfaceName, find_dccp_option, find_extension, find_tcp_option};
    use etherparse::{SlicedPacket, TransportSlice};

    fn v6() -> PacketBuilder {
        PacketBuilder::ipv6("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap())
    }

    #[test]
    fn etherparse_agrees_on_checksums() {
        for payload in [&b""[..], b"odd", b"even"] {
            let bytes = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2])
                .with_ipv4(|ip| ip.options = vec![7, 3, 4, 0])
                .vlan(0x88a8, 9)
                .vlan(0x8100, 5)
                .transport(Transport::Tcp(Tcp {
                    source: 4000,
                    destination: 22,
                    options: vec![2, 4, 5, 0xb4],
                    ..Tcp::default()
                }))
                .payload(payload)
                .bytes();
            let sliced = SlicedPacket::from_ethernet(&bytes).unwrap();
            let Some(TransportSlice::Tcp(tcp)) = sliced.transport else { panic!() };
            let header = tcp.to_header();
            let Some(etherparse::NetSlice::Ipv4(ip)) = sliced.net else { panic!() };
            let ip = ip.header().to_header();
            assert_eq!(ip.header_checksum, ip.calc_header_checksum());
            assert_eq!(header.checksum, header.calc_checksum_ipv4(&ip, payload).unwrap());

            let bytes = v6().udp(4000, 53).payload(payload).bytes();
            let sliced = SlicedPacket::from_ip(&bytes).unwrap();
            let Some(TransportSlice::Udp(udp)) = sliced.transport else { panic!() };
            let Some(etherparse::NetSlice::Ipv6(ip)) = sliced.net else { panic!() };
            let ip = ip.header().to_header();
            let header = udp.to_header();
            assert_eq!(header.checksum, header.calc_checksum_ipv6(&ip, payload).unwrap());
        }
    }

    #[test]
    fn every_transport_is_walked_to() {
        let transports = [
            (Transport::Udp { source: 1, destination: 2 }, 17, 8),
            (Transport::UdpLite(UdpLite::default()), 136, 8),
            (Transport::Tcp(Tcp::default()), 6, 20),
            (Transport::Sctp(Sctp::default()), 132, 12),
            (Transport::Dccp(Dccp { kind: 3, ..Dccp::default() }), 33, 20),
            (Transport::Icmp { kind: 8, code: 0, rest: [0; 4] }, 1, 8),
            (Transport::Icmpv6 { kind: 128, code: 0, rest: [0; 4] }, 58, 8),
            (Transport::Esp { spi: 1, sequence: 2 }, 50, 8),
        ];
        for (transport, protocol, length) in transports {
            let packet = PacketBuilder::ipv4([1, 2, 3, 4], [5, 6, 7, 8])
                .extension(Extension::Authentication { spi: 7, sequence: 1, icv: vec![0; 12] })
                .transport(transport.clone())
                .build();
            let parsed = packet.parse().unwrap();
            assert_eq!((parsed.protocol(), parsed.transport()), (51, 20));
            assert_eq!(parsed.length(), 20 + 24 + length);

            let packet = v6()
                .extension(Extension::HopByHop(vec![1, 4, 0, 0, 0, 0]))
                .extension(Extension::Routing { kind: 0, segments_left: 0, data: vec![0; 4] })
                .extension(Extension::Fragment { offset: 0, more: true, identification: 1 })
                .extension(Extension::Authentication { spi: 7, sequence: 1, icv: vec![0; 12] })
                .extension(Extension::DestinationOptions(vec![1, 4, 0, 0, 0, 0]))
                .transport(transport)
                .build();
            let parsed = packet.parse().unwrap();
            assert_eq!((parsed.protocol(), parsed.transport()), (protocol, 40 + 8 * 4 + 24));
            assert_eq!(find_extension(parsed.bytes(), 60), Found::At(40 + 8 * 3 + 24));
            assert!(parsed.has_transport(length as usize));
        }
    }

    #[test]
    fn options_are_found_in_built_headers() {
        let tcp = Tcp { options: vec![1, 2, 4, 5, 0xb4, 0, 0, 0], ..Tcp::default() };
        let packet = v6().transport(Transport::Tcp(tcp)).build();
        assert_eq!(find_tcp_option(&packet.bytes, 40, 2), Found::At(61));
        let dccp = Dccp { kind: 1, options: vec![0, 0, 32, 3], ..Dccp::default() };
        let packet = v6().transport(Transport::Dccp(dccp)).build();
        assert_eq!(find_dccp_option(&packet.bytes, 40, 32), Found::At(40 + 24 + 2));
    }

    #[test]
    fn cuts_keep_the_receive_path_happy_when_adjusted() {
        for builder in [PacketBuilder::ipv4([1, 1, 1, 1], [2, 2, 2, 2]), v6()] {
            let builder = builder.tcp(1, 2, 2).payload(b"data".to_vec()).vlan(0x8100, 3);
            let mut packet = builder.build();
            packet.in_interface = InterfaceName::new("eth0").unwrap();
            let length = packet.network_bytes().len();
            let header = packet.parse().unwrap().transport();
            for cut in 0..length {
                assert!(packet.truncated(cut, LengthField::Kept).parse().is_err());
                let adjusted = packet.truncated(cut, LengthField::Adjusted);
                match adjusted.parse() {
                    Ok(parsed) => assert_eq!(parsed.length() as usize, cut),
                    Err(_) => assert!(cut < header),
                }
            }
            assert_eq!(packet.truncated(length, LengthField::Adjusted), packet);
        }
    }
}
