//! Frames that the host itself sends by a device, whatever they carry.
//!
//! A packet socket hands frames to the device's egress hooks as the stack does, and all of them
//! are done when the call returns (net/packet/af_packet.c, `packet_snd`).

use super::LabError;
use super::inject::link_address;
use nix::sys::socket::{LinkAddr, MsgFlags, sendto};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use std::os::fd::{AsRawFd, OwnedFd};

/// A packet socket of the calling thread's namespace, and the devices that it sends by.
#[derive(Debug)]
pub struct PacketSender {
    socket: OwnedFd,
    devices: Vec<LinkAddr>,
}

impl PacketSender {
    /// Opens one for devices of these names. Needs root.
    pub fn new(names: &[&str]) -> Result<Self, LabError> {
        let socket =
            socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, None)
                .map_err(|error| LabError::io("packet socket")(error.into()))?;
        let devices = names.iter().map(|name| link_address(name)).collect::<Result<_, _>>()?;
        Ok(PacketSender { socket, devices })
    }

    /// Sends a frame, from its Ethernet header on. What a filter drops is no error.
    pub fn send(&self, device: usize, frame: &[u8]) -> Result<(), LabError> {
        let to = &self.devices[device];
        match sendto(self.socket.as_raw_fd(), frame, to, MsgFlags::empty()) {
            // Verdicts of egress hooks come back as these.
            Ok(_) | Err(nix::Error::ENOBUFS | nix::Error::EPERM) => Ok(()),
            Err(error) => Err(LabError::errno(format!("sending {} bytes", frame.len()))(error)),
        }
    }
}
