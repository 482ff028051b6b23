//! The IPv6 extension header walk, with the results that `ipv6_find_hdr` has for netfilter
//! (net/ipv6/exthdrs_core.c, since Linux 4.6).
//!
//! The walk steps over hop-by-hop, routing, fragment, authentication and destination option
//! headers. It needs only the bytes that it reads: two of each header, four of a routing or
//! fragment header; a header's announced end may lie beyond the packet. A fragment that is not
//! the first ends it: what follows is payload, whatever its bytes look like.
//!
//! Slices start at the network header and end where the IP packet ends.

use crate::Found;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const ESP: u8 = 50;
pub(crate) const AUTHENTICATION: u8 = 51;
const NO_NEXT: u8 = 59;
const DESTINATION: u8 = 60;

/// Bytes of the fixed IPv6 header.
pub(crate) const IPV6_HEADER: usize = 40;

/// Where the walk to the transport header ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// At a header that is not stepped over: a transport protocol, ESP (50), or 59, no next header.
    Transport {
        /// Its number.
        protocol: u8,
        /// Its offset, which may lie beyond the packet.
        offset: usize,
    },
    /// In a fragment that is not the first.
    LaterFragment {
        /// The number of the header that the first fragment starts with.
        protocol: u8,
        /// The fragment's offset in units of 8 bytes, not 0.
        fragment_offset: u16,
    },
    /// A header is truncated, or a later fragment starts with another extension header.
    Failed,
}

/// Whether the walk steps over a header, 59 (no next header) included as in `ipv6_ext_hdr`.
pub(crate) fn is_extension(kind: u8) -> bool {
    matches!(kind, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | NO_NEXT | DESTINATION)
}

/// One header that the walk may step over.
pub(crate) struct Header {
    pub next: u8,
    /// Length by its own length field.
    pub length: usize,
    /// In units of 8 bytes; 0 for all but later fragments.
    pub fragment_offset: u16,
}

/// The extension header at an offset, none where the bytes that the walk reads are not there.
pub(crate) fn header(bytes: &[u8], kind: u8, offset: usize) -> Option<Header> {
    let needed = if matches!(kind, ROUTING | FRAGMENT) { 4 } else { 2 };
    let bytes = bytes.get(offset..)?.get(..needed)?;
    let length = usize::from(bytes[1]);
    let fragment_offset = match kind {
        FRAGMENT => u16::from_be_bytes([bytes[2], bytes[3]]) >> 3,
        _ => 0,
    };
    let length = match kind {
        FRAGMENT => 8,
        AUTHENTICATION => (length + 2) * 4,
        _ => (length + 1) * 8,
    };
    Some(Header { next: bytes[0], length, fragment_offset })
}

/// Walks from the fixed header to the transport header: `ipv6_find_hdr` with target -1.
///
/// Fails on fewer than 40 bytes.
pub fn walk_extensions(bytes: &[u8]) -> Walk {
    if bytes.len() < IPV6_HEADER {
        return Walk::Failed;
    }
    let (mut kind, mut offset) = (bytes[6], IPV6_HEADER);
    while is_extension(kind) && kind != NO_NEXT {
        let Some(header) = header(bytes, kind, offset) else { return Walk::Failed };
        if header.fragment_offset != 0 {
            if is_extension(header.next) && header.next != NO_NEXT {
                return Walk::Failed;
            }
            return Walk::LaterFragment {
                protocol: header.next,
                fragment_offset: header.fragment_offset,
            };
        }
        offset += header.length;
        kind = header.next;
    }
    Walk::Transport { protocol: kind, offset }
}

/// Finds the first header of a kind: `ipv6_find_hdr` with that target and no flags. An extension
/// header is found when the bytes that the walk reads of it are there; any other kind when the
/// walk arrives at it, even beyond the packet's end.
///
/// Broken on fewer than 40 bytes.
pub fn find_extension(bytes: &[u8], target: u8) -> Found {
    if bytes.len() < IPV6_HEADER {
        return Found::Broken;
    }
    let (mut kind, mut offset) = (bytes[6], IPV6_HEADER);
    loop {
        let found = kind == target;
        if !is_extension(kind) || kind == NO_NEXT {
            return if found { Found::At(offset) } else { Found::Absent };
        }
        let Some(header) = header(bytes, kind, offset) else { return Found::Broken };
        if found {
            return Found::At(offset);
        }
        if header.fragment_offset != 0 {
            return Found::Absent;
        }
        offset += header.length;
        kind = header.next;
    }
}

/// The set of extension headers as the match ipv6header collects it (`ipv6header_mt6` in
/// net/ipv6/netfilter/ip6t_ipv6header.c): 0x80 hop-by-hop, 0x40 destination options, 0x20 routing,
/// 0x10 fragment, 0x08 authentication, 0x04 ESP, 0x02 no next header, 0x01 any other header at
/// the end. Unlike the other walks it goes on behind a later fragment's header. None where fewer
/// than two bytes are left for a header.
pub fn extension_set(bytes: &[u8]) -> Option<u8> {
    if bytes.len() < IPV6_HEADER {
        return None;
    }
    let (mut kind, mut offset, mut set) = (bytes[6], IPV6_HEADER, 0);
    // It may end behind the packet, where the header was longer than what was left.
    while offset <= bytes.len() {
        let bit = match kind {
            HOP_BY_HOP => 0x80,
            DESTINATION => 0x40,
            ROUTING => 0x20,
            FRAGMENT => 0x10,
            AUTHENTICATION => 0x08,
            ESP => 0x04,
            NO_NEXT => return Some(set | 0x02),
            _ => break,
        };
        let &[next, length, ..] = bytes.get(offset..)? else { return None };
        set |= bit;
        if kind == ESP {
            return Some(set);
        }
        offset += match kind {
            FRAGMENT => 8,
            AUTHENTICATION => (usize::from(length) + 2) * 4,
            _ => (usize::from(length) + 1) * 8,
        };
        kind = next;
    }
    let ended = matches!(kind, NO_NEXT | ESP);
    Some(if ended { set } else { set | 0x01 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(first: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 40];
        bytes[0] = 0x60;
        bytes[6] = first;
        bytes.extend(rest);
        bytes
    }

    #[test]
    fn headers_are_stepped_over_by_their_own_lengths() {
        let mut rest = vec![ROUTING, 0, 1, 4, 0, 0, 0, 0];
        rest.extend([AUTHENTICATION, 0, 0, 0, 0, 0, 0, 0]);
        rest.extend([6, 4]);
        rest.extend([0; 22]);
        let bytes = packet(HOP_BY_HOP, &rest);
        assert_eq!(walk_extensions(&bytes), Walk::Transport { protocol: 6, offset: 40 + 16 + 24 });
        assert_eq!(find_extension(&bytes, HOP_BY_HOP), Found::At(40));
        assert_eq!(find_extension(&bytes, ROUTING), Found::At(48));
        assert_eq!(find_extension(&bytes, AUTHENTICATION), Found::At(56));
        assert_eq!(find_extension(&bytes, 6), Found::At(80));
        assert_eq!(find_extension(&bytes, FRAGMENT), Found::Absent);
    }

    #[test]
    fn only_the_bytes_read_must_be_there() {
        assert_eq!(
            walk_extensions(&packet(DESTINATION, &[17, 3])),
            Walk::Transport { protocol: 17, offset: 72 }
        );
        assert_eq!(walk_extensions(&packet(DESTINATION, &[17])), Walk::Failed);
        assert_eq!(walk_extensions(&packet(ROUTING, &[17, 0, 0])), Walk::Failed);
        assert_eq!(
            walk_extensions(&packet(FRAGMENT, &[17, 0, 0, 1])),
            Walk::Transport { protocol: 17, offset: 48 }
        );
        assert_eq!(find_extension(&packet(DESTINATION, &[17]), DESTINATION), Found::Broken);
        assert_eq!(find_extension(&packet(6, &[]), 6), Found::At(40));
    }

    #[test]
    fn later_fragments_end_the_walk() {
        let bytes = packet(FRAGMENT, &[17, 0, 0x01, 0x88]);
        assert_eq!(
            walk_extensions(&bytes),
            Walk::LaterFragment { protocol: 17, fragment_offset: 0x31 }
        );
        assert_eq!(find_extension(&bytes, FRAGMENT), Found::At(40));
        assert_eq!(find_extension(&bytes, 17), Found::Absent);
        assert_eq!(walk_extensions(&packet(FRAGMENT, &[DESTINATION, 0, 1, 8])), Walk::Failed);
        assert_eq!(
            walk_extensions(&packet(FRAGMENT, &[NO_NEXT, 0, 1, 8])),
            Walk::LaterFragment { protocol: NO_NEXT, fragment_offset: 0x21 }
        );
    }

    #[test]
    fn sets_of_extension_headers() {
        assert_eq!(extension_set(&packet(6, &[])), Some(0x01));
        assert_eq!(extension_set(&packet(NO_NEXT, &[])), Some(0x02));
        assert_eq!(extension_set(&packet(ESP, &[0])), None);
        assert_eq!(extension_set(&packet(ESP, &[0, 0])), Some(0x04));
        let rest = [DESTINATION, 0, 0, 0, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(extension_set(&packet(HOP_BY_HOP, &rest)), Some(0xc1));
        // Behind the end, none and ESP leave no bit.
        assert_eq!(extension_set(&packet(HOP_BY_HOP, &[NO_NEXT, 0])), Some(0x80));
        assert_eq!(extension_set(&packet(HOP_BY_HOP, &[6, 9])), Some(0x81));
        assert_eq!(extension_set(&packet(HOP_BY_HOP, &[HOP_BY_HOP, 0, 0, 0, 0, 0, 0, 0])), None);
        // A later fragment's payload is walked like a header.
        let rest = [DESTINATION, 0, 1, 8, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(extension_set(&packet(FRAGMENT, &rest)), Some(0x51));
    }

    #[test]
    fn no_next_header_is_a_transport() {
        let bytes = packet(NO_NEXT, &[]);
        assert_eq!(walk_extensions(&bytes), Walk::Transport { protocol: NO_NEXT, offset: 40 });
        assert_eq!(find_extension(&bytes, NO_NEXT), Found::At(40));
        assert_eq!(find_extension(&packet(50, &[]), 50), Found::At(40));
    }

    #[test]
    fn header_sets_are_collected() {
        assert_eq!(extension_set(&packet(6, &[])), Some(0x01));
        assert_eq!(extension_set(&packet(NO_NEXT, &[])), Some(0x02));
        assert_eq!(extension_set(&packet(ESP, &[0; 2])), Some(0x04));
        assert_eq!(extension_set(&packet(ESP, &[0])), None);
        assert_eq!(extension_set(&packet(0, &[ESP, 0, 0, 0, 0, 0, 0, 0])), None);
        assert_eq!(extension_set(&packet(0, &[ESP, 1, 0, 0, 0, 0, 0, 0])), Some(0x80));
        assert_eq!(extension_set(&packet(0, &[DESTINATION, 1])), Some(0x81));
        let fragment = [DESTINATION, 0, 1, 8, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(extension_set(&packet(FRAGMENT, &fragment)), Some(0x51));
    }
}
