//! How the line begins that says which fingerprint describes a packet: the prefix that
//! net/netfilter/nfnetlink_osf.c (`nf_osf_match`) makes of its addresses, ports and time to live.

use bpfc_artifact::log;
use std::fmt::Write;
use std::net::Ipv4Addr;

/// Bytes of a prefix (`NF_LOG_PREFIXLEN` less its NUL).
const LONGEST: usize = log::PREFIX_ROOM - 1;

/// The whole prefix of a TCP packet of IPv4; `ttl` is the fingerprint's time to live or
/// [`log::NO_TTL`].
pub(super) fn prefix(start: &str, ttl: u16, packet: &[u8]) -> String {
    let byte = |at: usize| packet.get(at).copied().unwrap_or(0);
    let address = |at: usize| Ipv4Addr::from([byte(at), byte(at + 1), byte(at + 2), byte(at + 3)]);
    let tcp = usize::from(byte(0) & 0xf) * 4;
    let port = |at: usize| u16::from_be_bytes([byte(tcp + at), byte(tcp + at + 1)]);
    let mut text = format!("{start}{}:{} -> {}:{}", address(12), port(0), address(16), port(2));
    if ttl != log::NO_TTL {
        let _ = write!(text, " hops={}", i32::from(ttl) - i32::from(byte(8)));
    }
    text.push('\n');
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet() -> Vec<u8> {
        let mut packet = vec![0; 44];
        packet[0] = 0x46;
        packet[8] = 61;
        packet[12..20].copy_from_slice(&[10, 0, 0, 1, 192, 0, 2, 1]);
        packet[24..28].copy_from_slice(&[0x0f, 0xa0, 0, 22]);
        packet
    }

    #[test]
    fn addresses_ports_and_hops_are_the_packets() {
        assert_eq!(
            prefix("Test [1:late] : ", 64, &packet()),
            "Test [1:late] : 10.0.0.1:4000 -> 192.0.2.1:22 hops=3\n"
        );
        assert_eq!(
            prefix("Remote OS is not known: ", log::NO_TTL, &packet()),
            "Remote OS is not known: 10.0.0.1:4000 -> 192.0.2.1:22\n"
        );
        assert!(prefix("", 60, &packet()).ends_with(" hops=-1\n"));
        assert_eq!(prefix("", 255, &[]), "0.0.0.0:0 -> 0.0.0.0:0 hops=255\n");
    }

    #[test]
    fn it_is_cut_as_the_kernel_cuts_it() {
        assert_eq!(prefix(&"x".repeat(100), 64, &packet()).len(), 127);
        assert_eq!(prefix(&"\u{e9}".repeat(70), 64, &packet()).len(), 126);
    }
}
