//! Packets that can be bent in every way before they become frames.
//!
//! A draft always encodes to a frame whose IP header is sound (version, lengths, checksum), since
//! the kernel drops anything else before its first hook. All that rules look at may be wrong:
//! transport headers cut short, header lengths that lie, fragments, IPv4 options, chains of IPv6
//! extension headers in any order.

use crate::lab::Family;
use crate::lab::inject::{Frame, INNER_MAC, OUTER_MAC};
use bpfc_packet::{
    Dccp, Extension, Ipv4, Ipv6, LengthField, Network, PacketBuilder, Sctp, Tcp, Transport, UdpLite,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Protocol numbers (IANA) that rules name.
pub mod protocol {
    /// IPv6 hop-by-hop options.
    pub const HOP_BY_HOP: u8 = 0;
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// DCCP.
    pub const DCCP: u8 = 33;
    /// Generic routing encapsulation.
    pub const GRE: u8 = 47;
    /// Encapsulating security payload.
    pub const ESP: u8 = 50;
    /// Authentication header.
    pub const AH: u8 = 51;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;
    /// No next header.
    pub const NONE: u8 = 59;
    /// IP payload compression.
    pub const IPCOMP: u8 = 108;
    /// SCTP.
    pub const SCTP: u8 = 132;
    /// IPv6 mobility header.
    pub const MOBILITY: u8 = 135;
    /// UDP-Lite.
    pub const UDPLITE: u8 = 136;
}

/// A packet to be.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Number of the interface it arrives on.
    pub port: usize,
    /// Ethernet source.
    pub mac_source: [u8; 6],
    /// Ethernet destination.
    pub mac_destination: [u8; 6],
    /// IP header.
    pub network: Network,
    /// Headers between the IP header and the transport header; used in IPv6 alone.
    pub extensions: Vec<Extension>,
    /// Transport header.
    pub transport: Transport,
    /// Bytes after the transport header.
    pub payload: Vec<u8>,
    /// A protocol number that is not the transport header's.
    pub protocol: Option<u8>,
    /// How many bytes there are after the IP header, where less than all; the IP length says so
    /// too.
    pub cut: Option<usize>,
    /// Bytes after the IP packet.
    pub trailer: usize,
}

impl Draft {
    /// A whole UDP packet between two documentation addresses.
    pub fn new(family: Family) -> Self {
        let network = match family {
            Family::Ipv4 => {
                Network::V4(Ipv4::new(Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)))
            }
            Family::Ipv6 => Network::V6(Ipv6::new(
                Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2),
            )),
        };
        Self {
            port: 0,
            mac_source: OUTER_MAC,
            mac_destination: INNER_MAC,
            network,
            extensions: Vec::new(),
            transport: Transport::Udp { source: 1024, destination: 53 },
            payload: Vec::new(),
            protocol: None,
            cut: None,
            trailer: 0,
        }
    }

    /// Its family.
    pub fn family(&self) -> Family {
        match self.network {
            Network::V4(_) => Family::Ipv4,
            Network::V6(_) => Family::Ipv6,
        }
    }

    /// Sets the source address; one of another family changes nothing.
    pub fn set_source(&mut self, address: IpAddr) {
        match (&mut self.network, address) {
            (Network::V4(header), IpAddr::V4(address)) => header.source = address,
            (Network::V6(header), IpAddr::V6(address)) => header.source = address,
            _ => {}
        }
    }

    /// Sets the destination address; one of another family changes nothing.
    pub fn set_destination(&mut self, address: IpAddr) {
        match (&mut self.network, address) {
            (Network::V4(header), IpAddr::V4(address)) => header.destination = address,
            (Network::V6(header), IpAddr::V6(address)) => header.destination = address,
            _ => {}
        }
    }

    /// Type of service or traffic class.
    pub fn tos(&mut self) -> &mut u8 {
        match &mut self.network {
            Network::V4(header) => &mut header.tos,
            Network::V6(header) => &mut header.traffic_class,
        }
    }

    /// Time to live or hop limit.
    pub fn ttl(&mut self) -> &mut u8 {
        match &mut self.network {
            Network::V4(header) => &mut header.ttl,
            Network::V6(header) => &mut header.hop_limit,
        }
    }

    /// The IPv4 header.
    pub fn ipv4(&mut self) -> Option<&mut Ipv4> {
        match &mut self.network {
            Network::V4(header) => Some(header),
            Network::V6(_) => None,
        }
    }

    /// Source and destination port, where the protocol has ports.
    pub fn ports(&mut self) -> Option<(&mut u16, &mut u16)> {
        match &mut self.transport {
            Transport::Tcp(Tcp { source, destination, .. })
            | Transport::Udp { source, destination }
            | Transport::UdpLite(UdpLite { source, destination, .. })
            | Transport::Sctp(Sctp { source, destination, .. })
            | Transport::Dccp(Dccp { source, destination, .. }) => Some((source, destination)),
            _ => None,
        }
    }

    /// The TCP header; another transport header is replaced by one.
    pub fn tcp(&mut self) -> &mut Tcp {
        if !matches!(self.transport, Transport::Tcp(_)) {
            let (source, destination) = self.old_ports();
            let tcp = Tcp { source, destination, flags: 0x10, ..Tcp::default() };
            self.transport = Transport::Tcp(tcp);
        }
        match &mut self.transport {
            Transport::Tcp(tcp) => tcp,
            _ => unreachable!("it was just made TCP"),
        }
    }

    /// The SCTP header; another transport header is replaced by one.
    pub fn sctp(&mut self) -> &mut Sctp {
        if !matches!(self.transport, Transport::Sctp(_)) {
            let (source, destination) = self.old_ports();
            self.transport = Transport::Sctp(Sctp { source, destination, ..Sctp::default() });
        }
        match &mut self.transport {
            Transport::Sctp(sctp) => sctp,
            _ => unreachable!("it was just made SCTP"),
        }
    }

    /// The DCCP header; another transport header is replaced by one.
    pub fn dccp(&mut self) -> &mut Dccp {
        if !matches!(self.transport, Transport::Dccp(_)) {
            let (source, destination) = self.old_ports();
            let dccp = Dccp { source, destination, extended: true, ..Dccp::default() };
            self.transport = Transport::Dccp(dccp);
        }
        match &mut self.transport {
            Transport::Dccp(dccp) => dccp,
            _ => unreachable!("it was just made DCCP"),
        }
    }

    /// Makes the transport header one of this protocol, with the ports that there were.
    pub fn become_protocol(&mut self, number: u8) {
        if self.transport.protocol() == number {
            return;
        }
        let (source, destination) = self.old_ports();
        self.transport = match number {
            protocol::TCP => {
                self.tcp();
                return;
            }
            protocol::SCTP => {
                self.sctp();
                return;
            }
            protocol::DCCP => {
                self.dccp();
                return;
            }
            protocol::UDP => Transport::Udp { source, destination },
            protocol::UDPLITE => {
                Transport::UdpLite(UdpLite { source, destination, ..UdpLite::default() })
            }
            protocol::ICMP => Transport::Icmp { kind: 8, code: 0, rest: [0, 1, 0, 1] },
            protocol::ICMPV6 => Transport::Icmpv6 { kind: 128, code: 0, rest: [0, 1, 0, 1] },
            protocol::ESP => Transport::Esp { spi: 256, sequence: 1 },
            protocol::AH => authentication(256),
            protocol::MOBILITY => mobility(1, 0),
            other => Transport::Raw { protocol: other, bytes: vec![0x11; 24] },
        };
    }

    fn old_ports(&mut self) -> (u16, u16) {
        self.ports().map_or((1024, 53), |(source, destination)| (*source, *destination))
    }

    /// The frame as it goes over the wire.
    pub fn frame(&self) -> Frame {
        let mut builder = PacketBuilder::new(self.network.clone())
            .ethernet(self.mac_source, self.mac_destination)
            .transport(self.transport.clone())
            .payload(self.payload.clone());
        if self.family() == Family::Ipv6 {
            for extension in &self.extensions {
                builder = builder.extension(extension.clone());
            }
        }
        if let Some(protocol) = self.protocol {
            builder = builder.protocol(protocol);
        }
        let mut packet = builder.build();
        if let Some(cut) = self.cut {
            let header = match &self.network {
                Network::V4(ip) => 20 + ip.options.len().next_multiple_of(4).min(40),
                Network::V6(_) => 40,
            };
            packet = packet.truncated(header + cut, LengthField::Adjusted);
        }
        packet.bytes.resize(packet.bytes.len() + self.trailer, 0xee);
        Frame { port: self.port, bytes: packet.bytes }
    }
}

/// An authentication header in the transport header's place, as IPv4 has it.
pub fn authentication(spi: u32) -> Transport {
    let mut bytes = vec![protocol::TCP, 4, 0, 0];
    bytes.extend(spi.to_be_bytes());
    bytes.extend([0, 0, 0, 1]);
    bytes.resize(24, 0xa5);
    Transport::Raw { protocol: protocol::AH, bytes }
}

/// A mobility header of a message type, with a length in units of 8 bytes beyond the first.
pub fn mobility(kind: u8, length: u8) -> Transport {
    let mut bytes = vec![protocol::NONE, length, kind, 0, 0, 0, 0, 0];
    bytes.resize(8 + usize::from(length) * 8, 0);
    Transport::Raw { protocol: protocol::MOBILITY, bytes }
}

/// Names of the flags of a TCP header's flags byte, as iptables' `--tcp-flags` takes them; it
/// knows the lower six.
pub fn tcp_flag_names(flags: u8) -> String {
    const NAMES: [&str; 6] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"];
    let names: Vec<&str> = (0..6).filter(|bit| flags >> bit & 1 == 1).map(|b| NAMES[b]).collect();
    if names.is_empty() { "NONE".to_owned() } else { names.join(",") }
}
