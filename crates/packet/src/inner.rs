//! What packets carry behind their transport header: payloads, and packets in tunnels as nf_tables
//! finds them (net/netfilter/nft_payload.c, `__nft_payload_inner_offset`; nft_inner.c).
//!
//! Slices start at the network header and end where the packet ends.

use crate::extension::{AUTHENTICATION, IPV6_HEADER, header, is_extension};

const TCP: u8 = 6;
const UDP: u8 = 17;
const GRE: u8 = 47;
const IP_IN_IP: u8 = 4;
const NO_NEXT: u8 = 59;

/// A tunnel's shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TunnelShape {
    /// Bytes of a header of its own in UDP; 0 where it has none.
    pub header: usize,
    /// Whether that header says how many words of options follow.
    pub has_options: bool,
    /// Whether it carries Ethernet frames.
    pub carries_frames: bool,
}

/// A packet in a tunnel. Offsets count from the outer network header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inner {
    /// Where the tunnel's header begins, where it has one.
    pub tunnel: Option<usize>,
    /// Where the Ethernet header begins, where there is one.
    pub link: Option<usize>,
    /// The Ethernet header's type, or that of IP's version.
    pub protocol: u16,
    /// Where the IP header begins.
    pub network: usize,
    /// Transport protocol and where its header begins; none in a later fragment.
    pub transport: Option<(u8, usize)>,
}

/// Where what follows a packet's transport header begins, of its protocol and that header's offset.
pub fn transport_payload(bytes: &[u8], protocol: u8, transport: usize) -> Option<usize> {
    let header = |length: usize| bytes.get(transport..)?.get(..length);
    Some(match protocol {
        UDP => transport + 8,
        TCP => transport + usize::from(header(20)?[12] >> 4) * 4,
        GRE => {
            let &[flags, version, ..] = header(4)? else { return None };
            // Sources routes are not followed, other versions not known.
            if version & 7 != 0 || flags & 0x40 != 0 {
                return None;
            }
            // Checksum, key, sequence number.
            let more = [0x80, 0x20, 0x10].into_iter().filter(|flag| flags & flag != 0).count();
            transport + 4 + 4 * more
        }
        IP_IN_IP => transport,
        _ => return None,
    })
}

/// The packet that a tunnel carries; none where any of its headers is not as it should be.
pub fn inner(bytes: &[u8], protocol: u8, transport: usize, shape: TunnelShape) -> Option<Inner> {
    let mut at = transport_payload(bytes, protocol, transport)?;
    let mut inner = Inner::default();
    if shape.header > 0 {
        match protocol {
            GRE => inner.tunnel = Some(transport),
            UDP => {
                inner.tunnel = Some(at);
                let options = match shape.has_options {
                    true => usize::from(bytes.get(at..)?.get(..8)?[0] & 0x3f) * 4,
                    false => 0,
                };
                at += shape.header + options;
            }
            _ => return None,
        }
    }
    let kind = if shape.carries_frames {
        let header = bytes.get(at..)?.get(..14)?;
        inner.link = Some(at);
        inner.protocol = u16::from_be_bytes([header[12], header[13]]);
        match inner.protocol {
            0x8100 => {
                let header = bytes.get(at..)?.get(..18)?;
                at += 18;
                u16::from_be_bytes([header[16], header[17]])
            }
            kind => {
                at += 14;
                kind
            }
        }
    } else {
        inner.protocol = match bytes.get(at..)?.get(..4)?[0] >> 4 {
            4 => 0x0800,
            6 => 0x86dd,
            _ => return None,
        };
        inner.protocol
    };
    inner.network = at;
    inner.transport = match kind {
        0x0800 => ipv4(bytes, at)?,
        0x86dd => ipv6(bytes, at)?,
        _ => return None,
    };
    Some(inner)
}

fn ipv4(bytes: &[u8], at: usize) -> Option<Option<(u8, usize)>> {
    let header = bytes.get(at..)?.get(..20)?;
    if header[0] >> 4 != 4 || header[0] & 0xf < 5 {
        return None;
    }
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x1fff;
    Some((fragment == 0).then(|| (header[9], at + usize::from(header[0] & 0xf) * 4)))
}

/// `ipv6_find_hdr` from an inner header on, which stops at an authentication header.
fn ipv6(bytes: &[u8], at: usize) -> Option<Option<(u8, usize)>> {
    let fixed = bytes.get(at..)?.get(..IPV6_HEADER)?;
    if fixed[0] >> 4 != 6 {
        return None;
    }
    let (mut kind, mut offset) = (fixed[6], at + IPV6_HEADER);
    while is_extension(kind) && kind != NO_NEXT {
        if kind == AUTHENTICATION {
            bytes.get(offset..)?.get(..2)?;
            break;
        }
        let header = header(bytes, kind, offset)?;
        if header.fragment_offset != 0 {
            let is_known = !is_extension(header.next) || header.next == NO_NEXT;
            return is_known.then_some(None);
        }
        offset += header.length;
        kind = header.next;
    }
    (offset <= usize::from(u16::MAX)).then_some(Some((kind, offset)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VXLAN: TunnelShape = TunnelShape { header: 8, has_options: false, carries_frames: true };
    const GENEVE: TunnelShape = TunnelShape { has_options: true, ..VXLAN };
    const PLAIN: TunnelShape = TunnelShape { header: 0, has_options: false, carries_frames: false };

    /// A frame with so many bytes in front of it.
    fn framed(before: usize, kind: [u8; 2], packet: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; before + 12];
        bytes.extend(kind);
        bytes.extend(packet);
        bytes
    }

    fn ipv4_header(protocol: u8, fragment: u8) -> Vec<u8> {
        let mut header = vec![0; 20];
        header[0] = 0x45;
        header[7] = fragment;
        header[9] = protocol;
        header
    }

    #[test]
    fn frames_in_tunnels_are_found() {
        let bytes = framed(16, [8, 0], &ipv4_header(6, 0));
        let found = inner(&bytes, UDP, 0, VXLAN);
        let wanted = Inner {
            tunnel: Some(8),
            link: Some(16),
            protocol: 0x0800,
            network: 30,
            transport: Some((6, 50)),
        };
        assert_eq!(found, Some(wanted));
        let later = framed(16, [8, 0], &ipv4_header(6, 1));
        assert_eq!(inner(&later, UDP, 0, VXLAN), Some(Inner { transport: None, ..wanted }));
        let tagged = [&[0, 5, 8, 0][..], &ipv4_header(17, 0)].concat();
        let found = inner(&framed(16, [0x81, 0], &tagged), UDP, 0, VXLAN);
        assert_eq!(found.map(|inner| (inner.protocol, inner.network)), Some((0x8100, 34)));
        assert_eq!(inner(&framed(16, [8, 6], &[0; 28]), UDP, 0, VXLAN), None);
        assert_eq!(inner(&bytes, TCP, 0, VXLAN), None);
        assert_eq!(inner(&bytes[..49], UDP, 0, VXLAN), None);
    }

    #[test]
    fn options_of_geneve_are_stepped_over() {
        let mut bytes = framed(24, [8, 0], &ipv4_header(1, 0));
        bytes[8] = 2;
        assert_eq!(inner(&bytes, UDP, 0, GENEVE).map(|inner| inner.network), Some(38));
        assert_eq!(inner(&bytes, UDP, 0, VXLAN), None);
    }

    #[test]
    fn fields_of_gre_are_stepped_over() {
        let packet = |flags: u8, version: u8, more: usize| {
            let mut bytes = vec![flags, version, 8, 0];
            bytes.resize(4 + more, 0);
            bytes.extend(ipv4_header(1, 0));
            bytes
        };
        let network = |bytes: &[u8]| inner(bytes, GRE, 0, PLAIN).map(|inner| inner.network);
        assert_eq!(network(&packet(0, 0, 0)), Some(4));
        assert_eq!(network(&packet(0xb0, 0, 12)), Some(16));
        assert_eq!(network(&packet(0x40, 0, 0)), None);
        assert_eq!(network(&packet(0, 1, 4)), None);
        assert_eq!(inner(&ipv4_header(1, 0), IP_IN_IP, 0, PLAIN).map(|i| i.network), Some(0));
    }

    #[test]
    fn inner_extension_headers_are_walked() {
        let mut bytes = vec![0; 40];
        (bytes[0], bytes[6]) = (0x60, 60);
        bytes.extend([51, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend([17, 0]);
        let walked = |bytes: &[u8]| inner(bytes, IP_IN_IP, 0, PLAIN).map(|inner| inner.transport);
        // An authentication header ends the walk.
        assert_eq!(walked(&bytes), Some(Some((51, 48))));
        assert_eq!(walked(&bytes[..49]), None);
        bytes[40] = 44;
        bytes.extend([0, 8]);
        assert_eq!(walked(&bytes), Some(None));
        bytes[48] = 60;
        assert_eq!(walked(&bytes), None);
    }
}
