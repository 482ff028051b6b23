//! What a host sends: frames that arrive at the outer end of a wire.

use super::LabError;
use super::inject::INNER_MAC;
use nix::sys::socket::{MsgFlags, recv};
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, socket_with};
use std::io;
use std::num::NonZeroU32;
use std::os::fd::{AsRawFd, OwnedFd};

/// `ETH_P_ALL`.
const EVERYTHING: u16 = 0x0003;

/// A packet socket that hears all frames in the namespace that it was made in.
#[derive(Debug)]
pub struct Listener(OwnedFd);

impl Listener {
    /// Begins to listen in the calling thread's namespace.
    pub fn new() -> io::Result<Self> {
        let protocol = NonZeroU32::new(u32::from(EVERYTHING.to_be())).map(Protocol::from_raw);
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        Ok(Listener(socket_with(AddressFamily::PACKET, SocketType::RAW, flags, protocol)?))
    }

    /// The frames of inner ends that have arrived since the last time.
    pub fn heard(&self) -> Result<Vec<Vec<u8>>, LabError> {
        self.heard_from(INNER_MAC)
    }

    /// The frames from a hardware address that have arrived since the last time.
    pub fn heard_from(&self, address: [u8; 6]) -> Result<Vec<Vec<u8>>, LabError> {
        let mut frames = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty()) {
                Ok(length) if buffer[..length].get(6..12) == Some(&address) => {
                    frames.push(buffer[..length].to_vec());
                }
                Ok(_) | Err(nix::Error::EINTR) => {}
                Err(nix::Error::EAGAIN) => return Ok(frames),
                Err(error) => return Err(LabError::errno("listening")(error)),
            }
        }
    }
}
