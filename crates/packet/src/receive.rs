//! What a packet must be to reach a netfilter hook at all.
//!
//! On reception the IP layer checks a header before the first hook runs: `ip_rcv_core` in
//! net/ipv4/ip_input.c, `ip6_rcv_core` in net/ipv6/ip6_input.c and, for the hop-by-hop options,
//! `ipv6_parse_hopopts` in net/ipv6/exthdrs.c. The length checks hold for every packet; the rest
//! (checksum, addresses, options) only for one that has an input interface, since nobody checks
//! what this host sends itself.
//!
//! What happens between the prerouting hook and the later ones (IPv4 options, routing,
//! reassembly) is not modelled here.

use crate::extension::IPV6_HEADER;
use crate::{Packet, PacketFamily, pkt_type};
use etherparse::checksum::Sum16BitWords;
use std::net::Ipv6Addr;

/// Why no netfilter hook sees a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum NotDelivered {
    /// Fewer bytes than the IP header has.
    #[error("the IP header is truncated")]
    Header,
    /// Another protocol, ARP for instance.
    #[error("it is not IP")]
    NotIp,
    /// The version field says something else than the EtherType.
    #[error("the IP version is not what the EtherType says")]
    Version,
    /// IPv4's header length is below 5, or its total length below the header's.
    #[error("the IPv4 header has impossible lengths")]
    HeaderLength,
    /// The IP length is more than arrived.
    #[error("the packet is shorter than its IP length")]
    Length,
    /// The link layer says that the packet is for another host.
    #[error("the frame is for another host")]
    OtherHost,
    /// IPv4's header checksum is wrong.
    #[error("the IPv4 header checksum is wrong")]
    Checksum,
    /// An IPv6 loopback address outside of the loopback device.
    #[error("an IPv6 loopback address came in over a network")]
    LoopbackAddress,
    /// An IPv6 group of scope 0, or of scope 1 outside of the loopback device.
    #[error("the IPv6 group's scope ends before this host")]
    GroupScope,
    /// An IPv6 group as the source.
    #[error("an IPv6 group as the source")]
    GroupSource,
    /// IPv6 hop-by-hop options that are malformed or demand that the packet be dropped.
    #[error("the IPv6 hop-by-hop options forbid delivery")]
    HopByHop,
}

/// Whether bytes hold an IPv4 packet as hooks of devices ask (include/net/netfilter/
/// nf_tables_ipv4.h, `__nft_set_pktinfo_ipv4_validate`).
pub(crate) fn is_sound_ipv4(bytes: &[u8]) -> bool {
    let Some(fixed) = bytes.get(..20) else { return false };
    let header = usize::from(fixed[0] & 0xf) * 4;
    let length = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
    fixed[0] >> 4 == 4 && header >= 20 && length >= header && bytes.len() >= length
}

/// Whether they hold one of IPv6 (nf_tables_ipv6.h, `__nft_set_pktinfo_ipv6_validate`); its
/// extension headers are walked besides.
pub(crate) fn is_sound_ipv6(bytes: &[u8]) -> bool {
    let Some(fixed) = bytes.get(..IPV6_HEADER) else { return false };
    let payload = usize::from(u16::from_be_bytes([fixed[4], fixed[5]]));
    fixed[0] >> 4 == 6 && bytes.len() >= IPV6_HEADER + payload
}

/// The bytes from the network header on, trimmed to the IP length.
pub(crate) fn trimmed(packet: &Packet) -> Result<&[u8], NotDelivered> {
    let bytes = packet.network_bytes();
    let version = bytes.first().ok_or(NotDelivered::Header)? >> 4;
    match packet.family {
        PacketFamily::Other => Err(NotDelivered::NotIp),
        PacketFamily::Ipv4 => {
            let fixed = bytes.get(..20).ok_or(NotDelivered::Header)?;
            if version != 4 {
                return Err(NotDelivered::Version);
            }
            let header = usize::from(fixed[0] & 0xf) * 4;
            if header < 20 {
                return Err(NotDelivered::HeaderLength);
            }
            if bytes.len() < header {
                return Err(NotDelivered::Header);
            }
            let length = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
            if bytes.len() < length {
                return Err(NotDelivered::Length);
            }
            if length < header {
                return Err(NotDelivered::HeaderLength);
            }
            Ok(&bytes[..length])
        }
        PacketFamily::Ipv6 => {
            let fixed = bytes.get(..IPV6_HEADER).ok_or(NotDelivered::Header)?;
            if version != 6 {
                return Err(NotDelivered::Version);
            }
            let payload = usize::from(u16::from_be_bytes([fixed[4], fixed[5]]));
            if payload == 0 && fixed[6] == 0 {
                return match jumbo_length(bytes) {
                    Some(length) if length > bytes.len() => Err(NotDelivered::Length),
                    Some(length) => Ok(&bytes[..length]),
                    None => Ok(bytes),
                };
            }
            bytes.get(..IPV6_HEADER + payload).ok_or(NotDelivered::Length)
        }
    }
}

/// The checks of the receive path.
pub(crate) fn check(packet: &Packet) -> Result<(), NotDelivered> {
    let bytes = trimmed(packet)?;
    if !packet.in_interface.is_some() {
        return Ok(());
    }
    if packet.pkt_type == pkt_type::OTHERHOST {
        return Err(NotDelivered::OtherHost);
    }
    match packet.family {
        PacketFamily::Other => Err(NotDelivered::NotIp),
        PacketFamily::Ipv4 => {
            let header = usize::from(bytes[0] & 0xf) * 4;
            match Sum16BitWords::new().add_slice(&bytes[..header]).ones_complement() {
                0 => Ok(()),
                _ => Err(NotDelivered::Checksum),
            }
        }
        PacketFamily::Ipv6 => {
            check_addresses(packet, bytes)?;
            if bytes[6] == 0 { check_hop_by_hop(bytes) } else { Ok(()) }
        }
    }
}

fn check_addresses(packet: &Packet, bytes: &[u8]) -> Result<(), NotDelivered> {
    let address = |at: usize| {
        let mut octets = [0; 16];
        octets.copy_from_slice(&bytes[at..at + 16]);
        Ipv6Addr::from(octets)
    };
    let (source, destination) = (address(8), address(24));
    let loopback = packet.in_interface.is_loopback();
    if !loopback && (source.is_loopback() || destination.is_loopback()) {
        return Err(NotDelivered::LoopbackAddress);
    }
    if destination.is_multicast() {
        let scope = destination.octets()[1] & 0xf;
        if scope == 0 || (scope == 1 && !loopback && packet.pkt_type != pkt_type::LOOPBACK) {
            return Err(NotDelivered::GroupScope);
        }
    }
    if source.is_multicast() {
        return Err(NotDelivered::GroupSource);
    }
    Ok(())
}

/// The hop-by-hop header after the fixed header, none where it is not all there.
fn hop_by_hop(bytes: &[u8]) -> Option<&[u8]> {
    let header = bytes.get(IPV6_HEADER..)?;
    let length = (usize::from(*header.get(1)?) + 1) * 8;
    header.get(..length)
}

/// Length of the IP packet by its jumbo payload option.
fn jumbo_length(bytes: &[u8]) -> Option<usize> {
    let options = hop_by_hop(bytes)?;
    let mut at = 2;
    while at < options.len() {
        if options[at] == 0 {
            at += 1;
            continue;
        }
        let length = usize::from(*options.get(at + 1)?);
        if options[at] == 0xc2 {
            let value = options.get(at + 2..at + 6)?;
            let value = u32::from_be_bytes([value[0], value[1], value[2], value[3]]);
            return usize::try_from(value).ok()?.checked_add(IPV6_HEADER);
        }
        at += 2 + length;
    }
    None
}

/// `ip6_parse_tlv` over the hop-by-hop options, with the default limit of 8 options.
fn check_hop_by_hop(bytes: &[u8]) -> Result<(), NotDelivered> {
    let options = hop_by_hop(bytes).ok_or(NotDelivered::HopByHop)?;
    let (mut at, mut padding, mut count) = (2, 0, 0);
    while at < options.len() {
        if options[at] == 0 {
            padding += 1;
            if padding > 7 {
                return Err(NotDelivered::HopByHop);
            }
            at += 1;
            continue;
        }
        let length = 2 + usize::from(*options.get(at + 1).ok_or(NotDelivered::HopByHop)?);
        let option = options.get(at..at + length).ok_or(NotDelivered::HopByHop)?;
        if option[0] == 1 {
            padding += length;
            if padding > 7 || option[2..].iter().any(|&byte| byte != 0) {
                return Err(NotDelivered::HopByHop);
            }
        } else {
            count += 1;
            if count > 8 || !hop_option(bytes, option, IPV6_HEADER + at) {
                return Err(NotDelivered::HopByHop);
            }
            padding = 0;
        }
        at += length;
    }
    Ok(())
}

/// Whether one hop-by-hop option lets the packet pass. `offset` is its own, from the network
/// header.
fn hop_option(bytes: &[u8], option: &[u8], offset: usize) -> bool {
    match option[0] {
        // Router alert: two bytes.
        0x05 => option.len() == 4,
        // IOAM, which an interface ignores by default: aligned to four bytes.
        0x31 => offset.is_multiple_of(4),
        // Jumbo payload: aligned, more than the payload length can say, which must be 0.
        0xc2 => {
            option.len() == 6
                && offset % 4 == 2
                && u32::from_be_bytes([option[2], option[3], option[4], option[5]]) > 0xffff
                && bytes[4..6] == [0, 0]
        }
        // CALIPSO without a domain of interpretation: the lengths alone are checked.
        0x07 => option.len() >= 10 && usize::from(option[6]) * 4 + 8 <= option.len() - 2,
        // Unknown: the two highest bits say whether it may be ignored.
        kind => kind >> 6 == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Extension, InterfaceName, LengthField, PacketBuilder, Transport};

    fn received(mut packet: Packet) -> Packet {
        packet.in_interface = InterfaceName::new("eth0").unwrap();
        packet
    }

    fn v4() -> Packet {
        received(PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2]).udp(1, 2).build())
    }

    fn v6() -> PacketBuilder {
        PacketBuilder::ipv6("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap())
            .transport(Transport::Udp { source: 1, destination: 2 })
    }

    #[test]
    fn good_packets_are_delivered() {
        assert_eq!(v4().parse().unwrap().length(), 28);
        assert_eq!(received(v6().build()).parse().unwrap().length(), 48);
    }

    #[test]
    fn ipv4_headers_are_checked() {
        let broken = |change: fn(&mut Vec<u8>)| {
            let mut packet = v4();
            change(&mut packet.bytes);
            packet.parse().map(|_| ()).unwrap_err()
        };
        assert_eq!(broken(|bytes| bytes.truncate(19)), NotDelivered::Header);
        assert_eq!(broken(|bytes| bytes[0] = 0x65), NotDelivered::Version);
        assert_eq!(broken(|bytes| bytes[0] = 0x44), NotDelivered::HeaderLength);
        assert_eq!(broken(|bytes| bytes[0] = 0x48), NotDelivered::Header);
        assert_eq!(broken(|bytes| bytes[3] = 19), NotDelivered::HeaderLength);
        assert_eq!(broken(|bytes| bytes[3] = 29), NotDelivered::Length);
        assert_eq!(broken(|bytes| bytes[8] ^= 1), NotDelivered::Checksum);
        let mut sent = v4();
        sent.bytes[8] ^= 1;
        sent.in_interface = InterfaceName::NONE;
        assert!(sent.parse().is_ok());
        let mut other = v4();
        other.pkt_type = pkt_type::OTHERHOST;
        assert_eq!(other.parse().map(|_| ()), Err(NotDelivered::OtherHost));
    }

    #[test]
    fn padding_is_trimmed() {
        let mut packet = v4();
        packet.bytes.extend([0; 18]);
        let parsed = packet.parse().unwrap();
        assert_eq!((parsed.length(), parsed.available(20)), (28, 8));
        assert!(parsed.has_transport(8) && !parsed.has_transport(9));
    }

    #[test]
    fn ipv6_addresses_are_checked() {
        let packet = |source: &str, destination: &str| {
            let builder =
                PacketBuilder::ipv6(source.parse().unwrap(), destination.parse().unwrap());
            received(builder.udp(1, 2).build()).parse().map(|_| ())
        };
        assert_eq!(packet("::1", "2001:db8::2"), Err(NotDelivered::LoopbackAddress));
        assert_eq!(packet("2001:db8::1", "::1"), Err(NotDelivered::LoopbackAddress));
        assert_eq!(packet("ff02::1", "2001:db8::2"), Err(NotDelivered::GroupSource));
        assert_eq!(packet("2001:db8::1", "ff01::1"), Err(NotDelivered::GroupScope));
        assert_eq!(packet("2001:db8::1", "ff10::1"), Err(NotDelivered::GroupScope));
        assert_eq!(packet("2001:db8::1", "ff02::1"), Ok(()));
        let short = received(v6().build().truncated(47, LengthField::Kept));
        assert_eq!(short.parse().map(|_| ()), Err(NotDelivered::Length));
    }

    #[test]
    fn hop_by_hop_options_may_forbid() {
        let packet = |body: &[u8]| {
            let builder = v6().extension(Extension::HopByHop(body.to_vec()));
            received(builder.build()).parse().map(|_| ())
        };
        assert_eq!(packet(&[1, 4, 0, 0, 0, 0]), Ok(()));
        assert_eq!(packet(&[5, 2, 0, 0, 1, 0]), Ok(()));
        assert_eq!(packet(&[5, 3, 0, 0, 0, 0]), Err(NotDelivered::HopByHop));
        assert_eq!(packet(&[1, 4, 0, 9, 0, 0]), Err(NotDelivered::HopByHop));
        assert_eq!(packet(&[1, 5, 0, 0, 0, 0]), Err(NotDelivered::HopByHop));
        assert_eq!(packet(&[0x1e, 4, 0, 0, 0, 0]), Ok(()));
        assert_eq!(packet(&[0x5e, 4, 0, 0, 0, 0]), Err(NotDelivered::HopByHop));
        assert_eq!(packet(&[0xc2, 4, 0, 0, 0, 9]), Err(NotDelivered::HopByHop));
    }
}
