//! A captured packet as both engines take it.
//!
//! - It is an Ethernet frame: what has another link header gets one with what that tells.
//! - It has the length that it had on the wire: what the capture cut off is zero.
//! - It is for this host: the destination address of a frame that is not for a group becomes
//!   zero, the address of the device that the kernel engine runs programs on.
//! - It belongs to no connection that is known; [`super::tracking`] says what follows.

use super::is_incoming;
use bpfc_ir::Hook;
use bpfc_packet::{Captured, Clock, InterfaceName, Packet, Parsed};
use std::time::SystemTime;

/// Longest frame: the largest IP packet behind an Ethernet header with two tags. A capture file's
/// lengths are not to be believed beyond it.
const MAX_FRAME: usize = 65_535 + 40 + 22;
/// Length of an Ethernet header.
pub(super) const ETHERNET: usize = 14;

/// One packet to be replayed.
pub(in crate::commands) struct Frame {
    /// From the Ethernet header on.
    pub(in crate::commands) bytes: Vec<u8>,
    /// The same as rules see it; none for what is not IP.
    pub(in crate::commands) packet: Option<Packet>,
}

impl Frame {
    /// The frame of a captured packet at a hook, with its interface.
    pub(in crate::commands) fn new(
        captured: &Captured,
        hook: Hook,
        interface: InterfaceName,
    ) -> Self {
        let mut bytes = captured.frame().into_owned();
        let wire = captured.frame_length().min(MAX_FRAME);
        bytes.resize(bytes.len().max(wire), 0);
        if let Some(destination) = bytes.get_mut(..6)
            && destination[0] & 1 == 0
        {
            destination.fill(0);
        }
        let packet = Packet::from_ethernet(&bytes[..]).ok().map(|mut packet| {
            match is_incoming(hook) {
                true => packet.in_interface = interface,
                false => packet.out_interface = interface,
            }
            packet.clock = now();
            packet
        });
        Frame { bytes, packet }
    }

    /// The packet's headers; none where they are too damaged for any rule.
    pub(super) fn parsed(&self) -> Option<Parsed<'_>> {
        self.packet.as_ref()?.parse_headers().ok()
    }
}

/// What clock and time zone of this host say.
pub(in crate::commands) fn now() -> Clock {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Clock {
        seconds: seconds.map_or(0, |since| since.as_secs()),
        minutes_west: (bpfc_runtime::clock::seconds_west() / 60) as i32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfc_packet::{LinkType, PacketBuilder};
    use std::time::Duration;

    fn captured(link: LinkType, bytes: Vec<u8>, length: u32) -> Captured {
        Captured { time: Duration::ZERO, link, length, bytes }
    }

    fn eth0() -> InterfaceName {
        InterfaceName::new("eth0").unwrap()
    }

    #[test]
    fn raw_packets_become_frames() {
        let ip = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2]).tcp(1, 22, 2).bytes();
        let length = ip.len() as u32;
        let frame = Frame::new(&captured(LinkType::Raw, ip.clone(), length), Hook::Input, eth0());
        assert_eq!(frame.bytes[12..14], [8, 0]);
        assert_eq!(frame.bytes[14..], ip);
        assert_eq!(frame.packet.as_ref().unwrap().in_interface, eth0());
    }

    #[test]
    fn what_was_cut_off_is_zero() {
        let ip = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2]).udp(1, 53).payload([7; 50]);
        let mut bytes = ip.bytes();
        let length = bytes.len() as u32;
        bytes.truncate(30);
        let frame = Frame::new(&captured(LinkType::Raw, bytes, length), Hook::Output, eth0());
        assert_eq!(frame.parsed().unwrap().length(), length);
        assert_eq!(frame.packet.as_ref().unwrap().out_interface, eth0());
    }

    #[test]
    fn lengths_are_not_believed() {
        let frame = Frame::new(&captured(LinkType::Raw, vec![0x45], u32::MAX), Hook::Input, eth0());
        assert_eq!(frame.bytes.len(), MAX_FRAME);
    }

    #[test]
    fn frames_are_for_this_host() {
        let mut bytes = vec![2; 12];
        bytes.extend([8, 6, 0, 0]);
        let length = bytes.len() as u32;
        let frame = Frame::new(&captured(LinkType::Ethernet, bytes, length), Hook::Input, eth0());
        assert_eq!(frame.bytes[..6], [0; 6]);
        assert!(frame.packet.is_none() && frame.parsed().is_none());
    }
}
