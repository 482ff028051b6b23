//! Searches in the variable part of TCP and DCCP headers, with the results that the kernel's
//! matches have (`tcp_find_option` in net/netfilter/xt_tcpudp.c, `dccp_find_option` in
//! net/netfilter/xt_dccp.c).
//!
//! Both walk a list where kinds 0 and 1 are one byte and every other kind has a length byte; a
//! length of 0 counts as 1, and a length beyond the end just ends the walk.

/// What a search came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Here: an offset in bytes from the start of the slice that was searched.
    At(usize),
    /// Nowhere, and nothing was wrong.
    Absent,
    /// The packet is truncated or malformed on the way.
    Broken,
}

/// Finds a TCP option. `bytes` start at the network header and end where the IP packet ends;
/// `transport` is the TCP header's offset. Broken where the fixed 20 bytes or the announced
/// options are not all there, or the data offset is below 5.
pub fn find_tcp_option(bytes: &[u8], transport: usize, kind: u8) -> Found {
    let Some(fixed) = slice(bytes, transport, 20) else { return Found::Broken };
    let length = usize::from(fixed[12] >> 4) * 4;
    find(bytes, transport, 20, length, |options| options[0] == kind)
}

/// Finds the TCP option MSS (kind 2) whose length byte is 4 and whose four bytes are all there;
/// one of another length is walked over like any option (net/netfilter/xt_tcpmss.c). Broken as
/// [`find_tcp_option`] says.
pub fn find_tcp_mss(bytes: &[u8], transport: usize) -> Found {
    let Some(fixed) = slice(bytes, transport, 20) else { return Found::Broken };
    let length = usize::from(fixed[12] >> 4) * 4;
    find(bytes, transport, 20, length, |options| options.starts_with(&[2, 4]) && options.len() >= 4)
}

/// Finds a DCCP option, likewise. Broken where the fixed 12 bytes or the announced options are
/// not all there, or the data offset does not cover the header of the packet's type.
pub fn find_dccp_option(bytes: &[u8], transport: usize, kind: u8) -> Found {
    let Some(fixed) = slice(bytes, transport, 12) else { return Found::Broken };
    let extended = if fixed[8] & 1 == 1 { 4 } else { 0 };
    // By packet type: request; data; data-ack, ack, sync, sync-ack, close, close-req; the rest.
    let by_type = match (fixed[8] >> 1) & 0xf {
        0 => 4,
        2 => 0,
        3..=6 | 8 | 9 => 8,
        _ => 12,
    };
    let length = usize::from(fixed[4]) * 4;
    find(bytes, transport, 12 + extended + by_type, length, |options| options[0] == kind)
}

/// Makes each TCP option that is wanted, or the first one, one of kind 1 for each of its bytes, and
/// corrects the checksum; `header` is the whole TCP header. Whether there was one. An option that
/// ends behind the header ends the search, as a last byte does (net/netfilter/xt_TCPOPTSTRIP.c).
pub fn strip_tcp_options(header: &mut [u8], only_first: bool, wanted: impl Fn(u8) -> bool) -> bool {
    let sum = |bytes: &[u8]| -> u32 {
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum()
    };
    let Some(end) = header.len().checked_sub(1).filter(|&end| end > 20) else { return false };
    let before = sum(&header[20..]);
    let (mut at, mut found) = (20, false);
    while at < end && !(found && only_first) {
        let length = match (header[at], header[at + 1]) {
            (0 | 1, _) | (_, 0) => 1,
            (_, length) => usize::from(length),
        };
        let Some(option) = header.get_mut(at..at + length) else { break };
        if wanted(option[0]) {
            option.fill(1);
            found = true;
        }
        at += length;
    }
    if found {
        let check = u16::from_be_bytes([header[16], header[17]]);
        let check = crate::replace_checksum(check, before, sum(&header[20..]));
        header[16..18].copy_from_slice(&check.to_be_bytes());
    }
    found
}

fn slice(bytes: &[u8], offset: usize, length: usize) -> Option<&[u8]> {
    bytes.get(offset..)?.get(..length)
}

/// Searches the options between `start` and `end`, both counted from the header, for the first
/// that is wanted; `wanted` sees an option and all behind it.
fn find(
    bytes: &[u8],
    header: usize,
    start: usize,
    end: usize,
    wanted: impl Fn(&[u8]) -> bool,
) -> Found {
    if end < start {
        return Found::Broken;
    }
    if end == start {
        return Found::Absent;
    }
    let Some(options) = slice(bytes, header + start, end - start) else { return Found::Broken };
    let mut at = 0;
    while at < options.len() {
        if wanted(&options[at..]) {
            return Found::At(header + start + at);
        }
        at += match options[at] {
            0 | 1 => 1,
            _ => options.get(at + 1).map_or(1, |&length| usize::from(length).max(1)),
        };
    }
    Found::Absent
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(offset: u8, options: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; 25];
        bytes[5 + 12] = offset << 4;
        bytes.extend(options);
        bytes
    }

    #[test]
    fn tcp_options_are_walked_by_length() {
        let bytes = tcp(8, &[1, 2, 4, 0, 3, 8, 3, 0, 0, 0, 0, 0]);
        assert_eq!(find_tcp_option(&bytes, 5, 2), Found::At(26));
        assert_eq!(find_tcp_option(&bytes, 5, 8), Found::At(30));
        assert_eq!(find_tcp_option(&bytes, 5, 3), Found::Absent);
        assert_eq!(find_tcp_option(&bytes, 5, 0), Found::At(33));
    }

    #[test]
    fn options_are_stripped_one_by_one() {
        let header = |options: &[u8]| tcp(5 + options.len() as u8 / 4, options).split_off(5);
        let stripped = |options: &[u8]| {
            let mut header = header(options);
            strip_tcp_options(&mut header, false, |kind| kind == 8).then(|| header.split_off(20))
        };
        assert_eq!(stripped(&[8, 3, 7, 2, 4, 5, 8, 2]), Some(vec![1, 1, 1, 2, 4, 5, 8, 2]));
        assert_eq!(stripped(&[1, 8, 0, 8, 2, 9, 1, 8]), Some(vec![1, 1, 0, 1, 1, 9, 1, 8]));
        assert_eq!(stripped(&[2, 2, 8, 3]), None);
        assert_eq!(stripped(&[]), None);
        let mut whole = header(&[1, 8, 3, 9]);
        whole[16..18].copy_from_slice(&[0x12, 0x34]);
        strip_tcp_options(&mut whole, false, |kind| kind == 8);
        // The words were 0x0108 and 0x0309 and are 0x0101 twice.
        assert_eq!(whole[16..18], (0x1234u16 + 0x0007 + 0x0208).to_be_bytes());
    }

    #[test]
    fn an_mss_has_four_bytes() {
        assert_eq!(find_tcp_mss(&tcp(7, &[1, 2, 3, 9, 2, 4, 5, 6]), 5), Found::At(29));
        assert_eq!(find_tcp_mss(&tcp(7, &[2, 8, 2, 4, 2, 4, 2, 4]), 5), Found::Absent);
        assert_eq!(find_tcp_mss(&tcp(6, &[1, 2, 4, 5]), 5), Found::Absent);
        assert_eq!(find_tcp_mss(&tcp(7, &[2, 4, 5, 6]), 5), Found::Broken);
    }

    #[test]
    fn broken_tcp_headers() {
        assert_eq!(find_tcp_option(&tcp(4, &[]), 5, 2), Found::Broken);
        assert_eq!(find_tcp_option(&tcp(5, &[]), 5, 2), Found::Absent);
        assert_eq!(find_tcp_option(&tcp(6, &[2, 4, 0]), 5, 2), Found::Broken);
        assert_eq!(find_tcp_option(&tcp(5, &[])[..24], 5, 2), Found::Broken);
        assert_eq!(find_tcp_option(&tcp(5, &[]), 4000, 2), Found::Broken);
    }

    #[test]
    fn a_length_of_nothing_counts_one() {
        assert_eq!(find_tcp_option(&tcp(6, &[9, 0, 7, 7]), 5, 7), Found::At(27));
        assert_eq!(find_tcp_option(&tcp(6, &[1, 1, 1, 9]), 5, 7), Found::Absent);
    }

    #[test]
    fn dccp_headers_end_by_type() {
        let mut bytes = vec![0; 24];
        bytes[4] = 6;
        bytes[8] = 3 << 1;
        bytes[20] = 37;
        bytes[21] = 4;
        assert_eq!(find_dccp_option(&bytes, 0, 37), Found::At(20));
        bytes[8] |= 1;
        assert_eq!(find_dccp_option(&bytes, 0, 37), Found::Absent);
        bytes[8] = 7 << 1 | 1;
        assert_eq!(find_dccp_option(&bytes, 0, 37), Found::Broken);
    }
}
