//! Log records: what programs write into the ring buffer and the runtime reads from it.
//!
//! A record says all that its line needs, prefix and rule included, so that one that was written
//! before the filter was replaced is still understood after. Its [`SITE`] part is copied from the
//! rule's entry in the map of *sites*, one for each logging rule; all numbers are native, all
//! texts end at their first NUL or fill their room. Packet bytes follow at [`HEADER`].

use bpfc_abi::raw;
use std::borrow::Cow;

/// Name of the ring buffer.
pub const BUFFER: &str = "log";
/// Name of the array with one u64, the records that found no room.
pub const LOST: &str = "log_lost";
/// Name of the array of sites.
pub const SITES: &str = "log_sites";

/// Bytes of the ring buffer: a power of two and whole pages.
pub const BUFFER_SIZE: u32 = 1 << 20;

/// u64: when, in nanoseconds since boot (`CLOCK_BOOTTIME`).
pub const TIME: usize = 0;
/// u32: the packet's length from the IP header on, by the IP header.
pub const LENGTH: usize = 8;
/// u32: how many bytes of it follow the header.
pub const CAPTURED: usize = 12;
/// u32: the packet's mark.
pub const MARK: usize = 16;
/// u32: number of the input interface, 0 where there is none or it is not known.
pub const IN_INDEX: usize = 20;
/// u32: number of the output interface, likewise.
pub const OUT_INDEX: usize = 24;
/// u32: user and u32: group of the sending socket's owner, where [`HAS_OWNER`] is set.
pub const UID: usize = 28;
/// See [`UID`].
pub const GID: usize = 32;
/// u32: the number that all records of one traced packet share; 0 where it is not traced.
pub const TRACE: usize = 36;
/// u8: [`HAS_OWNER`] or 0.
pub const FACTS: usize = 40;
/// The owner is known.
pub const HAS_OWNER: u8 = 1;
/// u8: the hook: 0 ingress, 1 prerouting, 2 input, 3 forward, 4 output, 5 postrouting, 6 egress.
pub const HOOK: usize = 41;
/// u8: version of IP, 4 or 6, as the link header says; 0 of frames that are not IP, whose EtherType
/// is at the link header's end.
pub const VERSION: usize = 42;
/// u8: bytes of link header at [`LINK`]; 0 where there is none.
pub const LINK_LENGTH: usize = 43;
/// u16: the packet's device's type (`ARPHRD_*`).
pub const LINK_TYPE: usize = 44;
/// u16: bytes from the link header to the IP header; [`NO_GAP`] where there is no link header.
pub const LINK_GAP: usize = 46;
/// See [`LINK_GAP`].
pub const NO_GAP: u16 = 0xffff;
/// 16 bytes: name of the input interface.
pub const IN_NAME: usize = 48;
/// 16 bytes: name of the output interface.
pub const OUT_NAME: usize = 64;
/// [`LINK_ROOM`] bytes: the link header's first bytes.
pub const LINK: usize = 80;
/// Bytes of link header that are kept.
pub const LINK_ROOM: usize = 32;
/// Where the site's part begins.
pub const SITE: usize = 112;
/// u8: [`KIND_SYSLOG`] or another kind.
pub const KIND: usize = SITE;
/// A line for the system's log (`LOG`).
pub const KIND_SYSLOG: u8 = 1;
/// A packet for a group of listeners (`NFLOG`).
pub const KIND_GROUP: u8 = 2;
/// A rule that a traced packet has met (`TRACE`).
pub const KIND_TRACE: u8 = 3;
/// Which fingerprint describes a packet (`osf --log`): a line whose prefix goes on with addresses,
/// ports and hops.
pub const KIND_FINGERPRINT: u8 = 4;
/// u8: syslog level, 0 (emergency) to 7 (debug).
pub const LEVEL: usize = SITE + 1;
/// u8: what the line says (`NF_LOG_*`, include/uapi/linux/netfilter/nf_log.h).
pub const FLAGS: usize = SITE + 2;
/// u16: group; of [`KIND_FINGERPRINT`] the fingerprint's time to live, or [`NO_TTL`].
pub const GROUP: usize = SITE + 4;
/// See [`GROUP`]: no fingerprint describes the packet.
pub const NO_TTL: u16 = 0xffff;
/// u16: records that a listener wants to get at once.
pub const THRESHOLD: usize = SITE + 6;
/// u32: bytes of packet that the record holds at most.
pub const SNAP: usize = SITE + 8;
/// [`PREFIX_ROOM`] bytes: the prefix.
pub const PREFIX: usize = SITE + 16;
/// Room for a prefix (`NF_LOG_PREFIXLEN`).
pub const PREFIX_ROOM: usize = 128;
/// [`LABEL_ROOM`] bytes: the rule's label.
pub const LABEL: usize = PREFIX + PREFIX_ROOM;
/// Room for a label; a longer one is cut.
pub const LABEL_ROOM: usize = 80;
/// Bytes before the packet's; a multiple of 8.
pub const HEADER: usize = LABEL + LABEL_ROOM;

/// Bytes of a site that records hold.
pub const SITE_SIZE: usize = HEADER - SITE;
/// Where in an entry of the map of sites the u64 lies that counts what the rule lost.
pub const SITE_LOST: usize = SITE_SIZE;
/// Bytes of an entry of the map of sites.
pub const SITE_ENTRY: usize = SITE_SIZE + 8;

/// Bytes of packet that records have room for: the least that is enough is taken.
pub const ROOMS: [u32; 5] = [128, 512, 2048, 16_384, 65_575];

/// Flags of a line: sequence numbers of TCP.
pub const TCP_SEQUENCE: u8 = 0x01;
/// Options of TCP.
pub const TCP_OPTIONS: u8 = 0x02;
/// Options of IP.
pub const IP_OPTIONS: u8 = 0x04;
/// Owner of the socket.
pub const OWNER: u8 = 0x08;
/// The link header in words.
pub const DECODE_LINK: u8 = 0x20;
/// What a line says where no rule said it (`NF_LOG_DEFAULT_MASK`).
pub const DEFAULT_FLAGS: u8 = 0x0f;

/// What a rule logs, as its entry in the map of sites says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// [`KIND_SYSLOG`] or another kind.
    pub kind: u8,
    /// Syslog level.
    pub level: u8,
    /// What the line says.
    pub flags: u8,
    /// Group, or a time to live: see [`GROUP`].
    pub group: u16,
    /// Records at once.
    pub threshold: u16,
    /// Bytes of packet at most.
    pub snap: u32,
    /// At most [`PREFIX_ROOM`] bytes.
    pub prefix: String,
    /// The rule.
    pub label: String,
}

impl Site {
    /// Its entry, nothing lost.
    pub fn entry(&self) -> Vec<u8> {
        let mut bytes = vec![0; SITE_ENTRY];
        let mut put = |at: usize, value: &[u8]| {
            bytes[at - SITE..at - SITE + value.len()].copy_from_slice(value);
        };
        put(KIND, &[self.kind]);
        put(LEVEL, &[self.level]);
        put(FLAGS, &[self.flags]);
        put(GROUP, &self.group.to_ne_bytes());
        put(THRESHOLD, &self.threshold.to_ne_bytes());
        put(SNAP, &self.snap.to_ne_bytes());
        put(PREFIX, &fitting(&self.prefix, PREFIX_ROOM));
        put(LABEL, &fitting(&self.label, LABEL_ROOM));
        bytes
    }
}

/// The bytes of the longest beginning of whole characters that fits.
fn fitting(text: &str, room: usize) -> Cow<'_, [u8]> {
    let mut end = text.len();
    while raw::length(&text[..end]) > room {
        end = text.floor_char_boundary(end - 1);
    }
    raw::encode(&text[..end])
}

/// The text in bytes that end at their first NUL or fill their room.
pub fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    raw::decode(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_overlap_and_words_are_aligned() {
        const { assert!(LINK + LINK_ROOM <= SITE && SNAP + 4 <= PREFIX) };
        assert_eq!((SITE % 8, SITE_SIZE % 8, HEADER % 8), (0, 0, 0));
        assert!(ROOMS.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn an_entry_holds_what_fits() {
        let label = "é".repeat(60);
        let site = Site { level: 4, prefix: "x: ".to_owned(), label, ..Site::default() };
        let entry = site.entry();
        assert_eq!(entry.len(), SITE_ENTRY);
        assert_eq!(entry[LEVEL - SITE], 4);
        assert_eq!(text(&entry[PREFIX - SITE..LABEL - SITE]), "x: ");
        assert_eq!(text(&entry[LABEL - SITE..SITE_SIZE]), "é".repeat(40));
        assert_eq!(entry[SITE_LOST..], [0; 8]);
        let all: Vec<u8> = (0x81..=0xff).collect();
        let prefix = raw::decode(&all).into_owned();
        let entry = Site { prefix: prefix.clone(), label: prefix.clone(), ..site }.entry();
        assert_eq!(entry[PREFIX - SITE..][..all.len()], all);
        assert_eq!(text(&entry[PREFIX - SITE..LABEL - SITE]), prefix);
        assert_eq!(entry[LABEL - SITE..SITE_SIZE], all[..LABEL_ROOM]);
    }
}
