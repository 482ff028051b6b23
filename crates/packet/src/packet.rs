//! The packet itself: bytes, where the network header is, and what the kernel knows besides.

use crate::{
    Connections, Conntrack, Family, InterfaceName, NotDelivered, PacketFamily, Parsed, Routes,
    Socket, Tuple, ct_state, ct_status,
};
use std::sync::Arc;

/// Values of `skb->pkt_type` (include/uapi/linux/if_packet.h).
pub mod pkt_type {
    /// To this host.
    pub const HOST: u8 = 0;
    /// To all.
    pub const BROADCAST: u8 = 1;
    /// To a group.
    pub const MULTICAST: u8 = 2;
    /// To another host; the IP layer drops it on reception.
    pub const OTHERHOST: u8 = 3;
    /// Sent by this host.
    pub const OUTGOING: u8 = 4;
    /// Sent by this host to its own group.
    pub const LOOPBACK: u8 = 5;
}

/// Why bytes hold no IP packet at all, so that no IP hook can see them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Shorter than an Ethernet header with its tags, or empty.
    #[error("the frame ends inside its link header")]
    Truncated,
    /// Another protocol, ARP for instance.
    #[error("not IP: EtherType {0:#06x}")]
    EtherType(u16),
    /// Raw bytes whose first four bits are neither 4 nor 6.
    #[error("not IP: version {0}")]
    Version(u8),
}

/// The clock when a packet arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Ticks of the kernel's clock (`jiffies_64`), far from 0.
    pub ticks: u64,
    /// Ticks in a second (`HZ`).
    pub ticks_per_second: u32,
}

impl Default for Arrival {
    /// A moment at which every rate limit is full.
    fn default() -> Self {
        Arrival { ticks: 1 << 40, ticks_per_second: 250 }
    }
}

/// The time of day when rules ask for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// Seconds since 1970 began in UTC, leap seconds not counted (`ktime_get_real_seconds`).
    pub seconds: u64,
    /// Minutes by which the kernel's time zone lies west of UTC (`sys_tz`).
    pub minutes_west: i32,
}

/// A packet at a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// All bytes, from the link header on where there is one, padding included.
    pub bytes: Vec<u8>,
    /// Where the Ethernet header starts, none for a packet without one.
    pub link: Option<usize>,
    /// Where the network header starts.
    pub network: usize,
    /// What the EtherType (or, without link header, the first four bits) said.
    pub family: PacketFamily,
    /// Where it came from; [`InterfaceName::NONE`] for what this host sends.
    pub in_interface: InterfaceName,
    /// Where it goes; [`InterfaceName::NONE`] where that is not decided yet.
    pub out_interface: InterfaceName,
    /// Firewall mark.
    pub mark: u32,
    /// A value of [`pkt_type`].
    pub pkt_type: u8,
    /// The processor that handles it.
    pub cpu: u32,
    /// Its connection, none where tracking found none.
    pub conntrack: Option<Conntrack>,
    /// Without a connection, whether it was excluded from tracking rather than invalid.
    pub untracked: bool,
    /// The connections that the host's tracker keeps; `None` for its own alone.
    pub connections: Option<Arc<Connections>>,
    /// Whether this host forwards it and has decreased its time to live.
    pub forwarded: bool,
    /// When it arrives.
    pub arrival: Arrival,
    /// The routes of the host that handles it, where they are known.
    pub routes: Option<Arc<Routes>>,
    /// What clock and time zone say.
    pub clock: Clock,
    /// What its connection carries besides.
    pub extensions: crate::Extensions,
    /// The socket that sends it, none for what is not sent by this host.
    pub socket: Option<Arc<Socket>>,
    /// The socket that will receive it, or that sent what an ICMP error quotes; none where nobody
    /// knows of one.
    pub receiver: Option<crate::Receiver>,
    /// Group of the input interface.
    pub in_group: u32,
    /// Group of the output interface.
    pub out_group: u32,
    /// What its devices are besides.
    pub devices: Devices,
    /// Its priority (`skb->priority`).
    pub priority: u32,
    /// Realms of its route: of the source in the upper 16 bits, of the destination in the lower.
    pub realm: u32,
    /// The IPsec transformations that it has come by and will go by.
    pub transforms: crate::Transforms,
    /// By which ports of a bridge it goes, where the bridge shows it to rules of the network layer.
    pub bridge: Option<BridgePorts>,
    /// MTU of its route, in bytes of the IP packet; `u32::MAX` where it has none.
    pub route_mtu: u32,
    /// MTU of the route that this host would take to its source; `u32::MAX` where there is none.
    pub return_mtu: u32,
}

/// Numbers and hardware types (`ARPHRD_*`) of the devices that a packet passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Devices {
    /// Type of the device that the packet is at; `None` where it is at none.
    pub at: Option<u16>,
    /// Type of the output interface; 0 where there is none.
    pub out_type: u16,
    /// Number of the input interface; 0 where there is none.
    pub in_index: u32,
    /// Number of the output interface, likewise.
    pub out_index: u32,
}

/// What br_netfilter notes of a packet (include/linux/skbuff.h, `struct nf_bridge_info`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BridgePorts {
    /// The port that it came in by; [`InterfaceName::NONE`] for one that is gone.
    pub input: InterfaceName,
    /// The port that it goes out by; [`InterfaceName::NONE`] where that is not decided yet, or
    /// where it leaves the bridge.
    pub output: InterfaceName,
}

impl Packet {
    const VLAN: [u16; 2] = [0x8100, 0x88a8];

    /// A packet in an Ethernet frame with at most two VLAN tags (EtherTypes 0x8100 and 0x88a8).
    /// A group destination sets [`Packet::pkt_type`]; everything else is at its default.
    ///
    /// # Errors
    /// When the frame is too short or carries something else than IP.
    pub fn from_ethernet(bytes: impl Into<Vec<u8>>) -> Result<Self, FrameError> {
        let bytes = bytes.into();
        let ether_type = |at: usize| match bytes.get(at..at + 2) {
            Some(pair) => Ok(u16::from_be_bytes([pair[0], pair[1]])),
            None => Err(FrameError::Truncated),
        };
        let mut network = 14;
        let mut kind = ether_type(12)?;
        for _ in 0..2 {
            if Self::VLAN.contains(&kind) {
                kind = ether_type(network + 2)?;
                network += 4;
            }
        }
        let family = match kind {
            0x0800 => Family::Ipv4,
            0x86dd => Family::Ipv6,
            other => return Err(FrameError::EtherType(other)),
        };
        let pkt_type = Self::addressed(&bytes);
        Ok(Packet { link: Some(0), network, pkt_type, ..Self::bare(bytes, family) })
    }

    /// The type of a frame by its destination, of six bytes at least.
    fn addressed(bytes: &[u8]) -> u8 {
        if bytes[..6] == [0xff; 6] {
            pkt_type::BROADCAST
        } else if bytes[0] & 1 == 1 {
            pkt_type::MULTICAST
        } else {
            pkt_type::HOST
        }
    }

    /// Whatever an Ethernet frame carries, as hooks of devices see it: behind one VLAN tag at most,
    /// which the kernel takes off before them.
    ///
    /// # Errors
    /// When the frame ends inside its link header.
    pub fn from_frame(bytes: impl Into<Vec<u8>>) -> Result<Self, FrameError> {
        let bytes = bytes.into();
        match Self::from_ethernet(bytes.clone()) {
            Err(FrameError::EtherType(_)) => {}
            other => return other,
        }
        let tagged = bytes
            .get(12..14)
            .is_some_and(|pair| Self::VLAN.contains(&u16::from_be_bytes([pair[0], pair[1]])));
        let pkt_type = Self::addressed(&bytes);
        let network = if tagged { 18 } else { 14 };
        let packet = Self::bare(bytes, PacketFamily::Other);
        Ok(Packet { link: Some(0), network, pkt_type, ..packet })
    }

    /// A packet without link header.
    ///
    /// # Errors
    /// When it is empty or its first four bits are neither 4 nor 6.
    pub fn from_ip(bytes: impl Into<Vec<u8>>) -> Result<Self, FrameError> {
        let bytes = bytes.into();
        let family = match bytes.first().ok_or(FrameError::Truncated)? >> 4 {
            4 => Family::Ipv4,
            6 => Family::Ipv6,
            other => return Err(FrameError::Version(other)),
        };
        Ok(Self::bare(bytes, family))
    }

    fn bare(bytes: Vec<u8>, family: impl Into<PacketFamily>) -> Self {
        Packet {
            bytes,
            link: None,
            network: 0,
            family: family.into(),
            in_interface: InterfaceName::NONE,
            out_interface: InterfaceName::NONE,
            mark: 0,
            pkt_type: pkt_type::HOST,
            cpu: 0,
            conntrack: None,
            untracked: false,
            connections: None,
            forwarded: false,
            arrival: Arrival::default(),
            routes: None,
            clock: Clock::default(),
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

    /// The connection state: one bit of [`ct_state`].
    pub fn ct_state(&self) -> u8 {
        match self.conntrack {
            Some(conntrack) => conntrack.state,
            None if self.untracked => ct_state::UNTRACKED,
            None => ct_state::INVALID,
        }
    }

    /// Whether the host's tracker keeps a connection when the packet arrives, and if it does
    /// whether that is over.
    pub fn tracked(&self, protocol: u8, original: &Tuple) -> Option<bool> {
        match &self.connections {
            Some(connections) => connections.get(&(protocol, *original)).copied(),
            None => {
                let own = self.conntrack.filter(|own| own.status & ct_status::CONFIRMED != 0)?;
                ((own.protocol, own.original) == (protocol, *original)).then_some(false)
            }
        }
    }

    /// The bytes from the network header on, padding included.
    pub fn network_bytes(&self) -> &[u8] {
        self.bytes.get(self.network..).unwrap_or(&[])
    }

    /// The view that rules are evaluated on.
    ///
    /// # Errors
    /// When no netfilter hook would ever see the packet.
    pub fn parse(&self) -> Result<Parsed<'_>, NotDelivered> {
        crate::receive::check(self)?;
        Parsed::new(self)
    }

    /// The view of hooks of devices, which see every frame, with all bytes that came. What is IP
    /// without a sound header is an other frame to them. To a frame that `leaves` its link header
    /// belongs.
    pub fn parse_at_device(&self, leaves: bool) -> Parsed<'_> {
        Parsed::at_device(self, leaves)
    }

    /// Like [`Packet::parse`], asking only what is needed to read the headers: version and
    /// lengths, not checksums and addresses. It is what a program at the link layer sees.
    ///
    /// # Errors
    /// When the network header or its lengths are wrong.
    pub fn parse_headers(&self) -> Result<Parsed<'_>, NotDelivered> {
        Parsed::new(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kinds: &[u16]) -> Vec<u8> {
        let mut bytes = vec![2; 12];
        for (at, kind) in kinds.iter().enumerate() {
            bytes.extend(kind.to_be_bytes());
            if at + 1 < kinds.len() {
                bytes.extend([0, 5]);
            }
        }
        bytes
    }

    #[test]
    fn two_tags_are_walked_and_not_three() {
        let packet = Packet::from_ethernet(frame(&[0x0800])).unwrap();
        assert_eq!((packet.network, packet.family), (14, PacketFamily::Ipv4));
        let packet = Packet::from_ethernet(frame(&[0x88a8, 0x8100, 0x86dd])).unwrap();
        assert_eq!((packet.network, packet.family), (22, PacketFamily::Ipv6));
        assert_eq!(
            Packet::from_ethernet(frame(&[0x8100, 0x8100, 0x8100, 0x0800])),
            Err(FrameError::EtherType(0x8100))
        );
        assert_eq!(Packet::from_ethernet(frame(&[0x0806])), Err(FrameError::EtherType(0x0806)));
        for length in 0..22 {
            let mut bytes = frame(&[0x88a8, 0x8100, 0x86dd]);
            bytes.truncate(length);
            assert_eq!(Packet::from_ethernet(bytes), Err(FrameError::Truncated));
        }
    }

    #[test]
    fn raw_bytes_say_their_version() {
        assert_eq!(Packet::from_ip([0x45]).unwrap().family, Family::Ipv4);
        assert_eq!(Packet::from_ip([0x60]).unwrap().family, Family::Ipv6);
        assert_eq!(Packet::from_ip([0x50]), Err(FrameError::Version(5)));
        assert_eq!(Packet::from_ip([]), Err(FrameError::Truncated));
    }
}
