//! Packets that rules have rewritten: views borrow from a packet, so a changed one is a new one,
//! kept beside the first for as long as anybody looks at either.

use crate::Packet;
use std::cell::OnceCell;

/// Later forms of one packet, the newest last.
#[derive(Debug, Default)]
pub struct Rewrites {
    next: OnceCell<Box<(Packet, Rewrites)>>,
}

impl Rewrites {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a packet.
    pub fn keep(&self, packet: Packet) -> &Packet {
        let mut last = self;
        while let Some(next) = last.next.get() {
            last = &next.1;
        }
        &last.next.get_or_init(|| Box::new((packet, Rewrites::default()))).0
    }
}

impl Drop for Rewrites {
    /// One after another: there may be one for each rule of a long table.
    fn drop(&mut self) {
        let mut next = self.next.take();
        while let Some(mut kept) = next {
            next = kept.1.next.take();
        }
    }
}

/// The Internet checksum `sum` where bytes that it covers were `old` and are `new`, 16 or 32 bits:
/// below 0xffff and congruent to `sum + old - new` modulo 0xffff (RFC 1624, equation 4, in the
/// form that never yields 0xffff; so `csum_replace2` and `csum_replace4`, include/net/checksum.h).
pub fn replace_checksum(sum: u16, old: u32, new: u32) -> u16 {
    let (sum, old, new) = (u64::from(sum), u64::from(old), u64::from(new));
    // 0xffff divides 2^32 - 1.
    ((sum + old + u64::from(u32::MAX) - new) % 0xffff) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stays() {
        let rewrites = Rewrites::new();
        let packets = [0x45u8, 0x46, 0x60].map(|byte| Packet::from_ip([byte]).unwrap());
        let kept = packets.each_ref().map(|packet| rewrites.keep(packet.clone()));
        assert_eq!(kept.map(Packet::clone), packets);
    }

    #[test]
    fn checksums_follow_bytes() {
        // RFC 1624's own example: 0x5555 becomes 0x3285.
        assert_eq!(replace_checksum(0xdd2f, 0x5555, 0x3285), 0x0000);
        assert_eq!(replace_checksum(0x1234, 0x4006, 0x3f06), 0x1334);
        assert_eq!(replace_checksum(0xffff, 0, 0), 0);
        assert_eq!(replace_checksum(0, 0, 0x0204_0218), 0xfbe3);
    }
}
