//! Searches through the chunks of an SCTP packet, with the results that the kernel's match has
//! (`match_packet` in net/netfilter/xt_sctp.c).

use crate::Found;

/// Bytes of SCTP's common header.
const COMMON_HEADER: usize = 12;

/// Finds the first chunk of which `wanted`, given its type and flags, says so. `bytes` start at
/// the network header and end where the IP packet ends; `transport` is the SCTP header's offset.
///
/// Broken where a chunk's header of four bytes is not all there, or its length is 0. A length is
/// rounded up to 4; where the next chunk would begin at or beyond the end, the search is over. A
/// packet without any chunk is broken.
pub fn find_sctp_chunk(
    bytes: &[u8],
    transport: usize,
    mut wanted: impl FnMut(u8, u8) -> bool,
) -> Found {
    let mut offset = transport.saturating_add(COMMON_HEADER);
    loop {
        let header = bytes.get(offset..).and_then(|rest| rest.first_chunk::<4>());
        let Some(&[kind, flags, high, low]) = header else { return Found::Broken };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length == 0 {
            return Found::Broken;
        }
        if wanted(kind, flags) {
            return Found::At(offset);
        }
        offset += length.next_multiple_of(4);
        if offset >= bytes.len() {
            return Found::Absent;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(chunks: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0xff; 20 + COMMON_HEADER];
        bytes.extend(chunks);
        bytes
    }

    #[test]
    fn chunks_are_stepped_over_by_their_padded_length() {
        let bytes = packet(&[3, 0, 0, 5, 9, 9, 9, 9, 0, 2, 0, 4]);
        assert_eq!(find_sctp_chunk(&bytes, 20, |kind, _| kind == 3), Found::At(32));
        assert_eq!(
            find_sctp_chunk(&bytes, 20, |kind, flags| (kind, flags) == (0, 2)),
            Found::At(40)
        );
        assert_eq!(find_sctp_chunk(&bytes, 20, |kind, _| kind == 9), Found::Absent);
    }

    #[test]
    fn broken_chunks() {
        assert_eq!(find_sctp_chunk(&packet(&[]), 20, |_, _| true), Found::Broken);
        assert_eq!(find_sctp_chunk(&packet(&[1, 0, 0]), 20, |_, _| true), Found::Broken);
        assert_eq!(find_sctp_chunk(&packet(&[1, 0, 0, 0]), 20, |_, _| true), Found::Broken);
        assert_eq!(find_sctp_chunk(&packet(&[1, 0, 0, 1, 2, 0]), 20, |k, _| k == 2), Found::Broken);
        assert_eq!(find_sctp_chunk(&packet(&[1, 0, 0xff, 0xff]), 20, |k, _| k == 2), Found::Absent);
    }
}
