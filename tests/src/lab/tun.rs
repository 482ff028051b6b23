//! A tun device: IP packets without link header, from and to the test itself.
//!
//! What is written is processed in the very call, on the processor of the writer, and what the
//! device is to send can be read at once.

use super::LabError;
use super::namespace::ip;
use std::fmt;
use std::io::ErrorKind;
use tappers::Interface;

/// A device that goes with this value.
pub struct Tun(tappers::Tun);

impl fmt::Debug for Tun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tun").finish_non_exhaustive()
    }
}

impl Tun {
    /// Makes a device of this name in the calling thread's namespace. It is up, without addresses,
    /// and joins no group.
    pub fn new(name: &str) -> Result<Self, LabError> {
        let failed = || LabError::io(format!("make the device {name}"));
        let interface = Interface::new(name).map_err(failed())?;
        let mut tun = tappers::Tun::new_named(interface).map_err(failed())?;
        tun.set_nonblocking(true).map_err(failed())?;
        ip(&format!(
            "link set {name} multicast off\nlink set {name} addrgenmode none\nlink set {name} up\n"
        ))?;
        Ok(Tun(tun))
    }

    /// Lets a packet come in by the device. One whose first byte is no IP version's is refused by
    /// the device, and one that is too short for it: nothing comes in then.
    pub fn send(&self, packet: &[u8]) -> Result<(), LabError> {
        match self.0.send(packet) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
            Err(error) => Err(LabError::io(format!("send {} bytes", packet.len()))(error)),
        }
    }

    /// What has left by the device since the last time.
    pub fn read(&self) -> Result<Vec<Vec<u8>>, LabError> {
        let mut packets = Vec::new();
        let mut buffer = vec![0; 1 << 16];
        loop {
            match self.0.recv(&mut buffer) {
                Ok(length) => packets.push(buffer[..length].to_vec()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(packets),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(LabError::io("read packets")(error)),
            }
        }
    }
}
