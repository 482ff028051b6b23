//! Packets that the host itself sends, so that they pass OUTPUT.
//!
//! A raw socket of protocol 255 takes whole IP packets. The kernel writes IPv4's total length and
//! checksum itself, and routes by the destination; the path through all hooks to the device is
//! over when the call returns. Packets to the host itself are left out: they would leave by lo.

use super::inject::Frame;
use super::{Family, LabError};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6, sendto,
    socket,
};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};

/// A raw socket of the namespace it was made in.
#[derive(Debug)]
pub struct RawSender {
    family: Family,
    socket: OwnedFd,
}

impl RawSender {
    /// Opens one. Needs root.
    pub fn new(family: Family) -> Result<Self, LabError> {
        let domain = match family {
            Family::Ipv4 => AddressFamily::Inet,
            Family::Ipv6 => AddressFamily::Inet6,
        };
        let socket = socket(domain, SockType::Raw, SockFlag::SOCK_CLOEXEC, Some(SockProtocol::Raw))
            .map_err(LabError::errno("raw socket"))?;
        Ok(Self { family, socket })
    }

    /// Sends what frames carry, in order. What the kernel refuses to send does not arrive
    /// anywhere, like a broken frame that comes in.
    pub fn send(&self, frames: &[Frame]) -> Result<(), LabError> {
        for frame in frames {
            if let Some(packet) = packet_of(&frame.bytes) {
                self.send_packet(packet);
            }
        }
        Ok(())
    }

    fn send_packet(&self, packet: &[u8]) {
        let socket = self.socket.as_raw_fd();
        // Errors are the kernel's checks, firewall verdicts among them.
        let _ = match self.family {
            Family::Ipv4 => {
                let Some(bytes) = packet.get(16..20).and_then(|bytes| bytes.first_chunk()) else {
                    return;
                };
                let host = Ipv4Addr::from(*bytes);
                if host.is_unspecified() || host.is_loopback() {
                    return;
                }
                let address = SocketAddrV4::new(host, 0);
                sendto(socket, packet, &SockaddrIn::from(address), MsgFlags::empty())
            }
            Family::Ipv6 => {
                let Some(bytes) = packet.get(24..40).and_then(|bytes| bytes.first_chunk()) else {
                    return;
                };
                let host = Ipv6Addr::from(*bytes);
                if host.is_unspecified() || host.is_loopback() {
                    return;
                }
                let address = SocketAddrV6::new(host, 0, 0, 0);
                sendto(socket, packet, &SockaddrIn6::from(address), MsgFlags::empty())
            }
        };
    }
}

/// The IP packet in an untagged Ethernet frame, without what follows it.
fn packet_of(frame: &[u8]) -> Option<&[u8]> {
    let packet = frame.get(14..)?;
    let length = match packet.first()? >> 4 {
        4 => usize::from(u16::from_be_bytes([*packet.get(2)?, *packet.get(3)?])),
        _ => 40 + usize::from(u16::from_be_bytes([*packet.get(4)?, *packet.get(5)?])),
    };
    packet.get(..length)
}
