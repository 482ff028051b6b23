//! What packet sockets read at an interface: every IP packet that leaves by it, as it is handed to
//! the device, behind all hooks, or what comes in by it.
//!
//! The kernel shows it to them in the very call that hands it on, so that whatever a frame sent
//! through a [`super::inject::Wire`] leads to can be read when its marker is back.

use super::LabError;
use super::inject::link_address;
use nix::sys::socket::{LinkAddr, bind, recvfrom, setsockopt, sockopt};
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, socket_with};
use std::num::NonZeroU32;
use std::os::fd::{AsRawFd, OwnedFd};

/// `ETH_P_ALL`: such a socket is shown everything, before traffic control. Other protocols' sockets
/// are not shown what leaves.
pub const EVERYTHING: u16 = 3;
/// `ETH_P_IP`: such a socket is shown what comes in and enters the network layer.
pub const IP: u16 = 0x0800;
/// `PACKET_OUTGOING`.
const OUTGOING: u8 = 4;
/// Bytes that may wait to be read, with the kernel's own for each packet.
const ROOM: usize = 64 << 20;
/// The Ethernet header.
const LINK: usize = 14;

/// A packet socket on one interface of the namespace it was made in.
#[derive(Debug)]
pub struct Tap {
    socket: OwnedFd,
    outgoing: bool,
}

impl Tap {
    /// Reads what leaves by an interface.
    pub fn new(name: &str) -> Result<Self, LabError> {
        Tap::open(name, EVERYTHING, true)
    }

    /// Reads what comes in by an interface as sockets of a protocol do.
    pub fn incoming(name: &str, protocol: u16) -> Result<Self, LabError> {
        Tap::open(name, protocol, false)
    }

    fn open(name: &str, protocol: u16, outgoing: bool) -> Result<Self, LabError> {
        let raw = NonZeroU32::new(u32::from(protocol.to_be())).map(Protocol::from_raw);
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::PACKET, SocketType::RAW, flags, raw)
            .map_err(|error| LabError::io("packet socket")(error.into()))?;
        setsockopt(&socket, sockopt::RcvBufForce, &ROOM)
            .map_err(LabError::errno("SO_RCVBUFFORCE"))?;
        bind(socket.as_raw_fd(), &link_address(name)?).map_err(LabError::errno("bind"))?;
        Ok(Self { socket, outgoing })
    }

    /// The IP packets since the last call, without link headers.
    pub fn read(&self) -> Result<Vec<Vec<u8>>, LabError> {
        let mut packets = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let (length, from) = match recvfrom::<LinkAddr>(self.socket.as_raw_fd(), &mut buffer) {
                Ok(received) => received,
                Err(nix::Error::EAGAIN) => return Ok(packets),
                Err(nix::Error::EINTR) => continue,
                Err(error) => return Err(LabError::errno("packet socket")(error)),
            };
            let outgoing = from.is_some_and(|from| from.pkttype() == OUTGOING);
            let kind = buffer.get(12..LINK).filter(|_| length > LINK);
            if outgoing == self.outgoing && matches!(kind, Some([0x08, 0x00] | [0x86, 0xdd])) {
                packets.push(buffer[LINK..length].to_vec());
            }
        }
    }
}
