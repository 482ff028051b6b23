//! Addresses, networks, ports, hardware addresses and interfaces as ipset writes them.
//!
//! Host names are not looked up: what a file says must not depend on a name server.

use crate::icmp::{self, ICMP, ICMPV6};
use crate::layout::INTERFACE;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A number in decimal, or in hexadecimal behind `0x`.
pub(crate) fn parse_number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) if !hex.starts_with('+') => u32::from_str_radix(hex, 16).ok(),
        Some(_) => None,
        None if text.starts_with('+') => None,
        None => text.parse().ok(),
    }
}

/// `A.B.C.D` as a number in network order.
pub(crate) fn parse_v4(text: &[u8]) -> Option<u32> {
    let mut address = 0u32;
    let (mut part, mut digits, mut dots) = (0u32, 0, 0);
    for &byte in text {
        match byte {
            b'0'..=b'9' if digits < 3 => {
                part = part * 10 + u32::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && part < 256 && dots < 3 => {
                address = address << 8 | part;
                (part, digits) = (0, 0);
                dots += 1;
            }
            _ => return None,
        }
    }
    (dots == 3 && digits > 0 && part < 256).then_some(address << 8 | part)
}

/// An IPv6 address as a number in network order.
pub(crate) fn parse_v6(text: &str) -> Option<u128> {
    text.parse::<Ipv6Addr>().ok().map(u128::from)
}

/// An address as a number.
pub(crate) fn parse_address(text: &str, v6: bool) -> Option<u128> {
    // Brackets keep a dash or slash in a name from being read as a range.
    let text = match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner,
        None => text,
    };
    if v6 { parse_v6(text) } else { parse_v4(text.as_bytes()).map(u128::from) }
}

/// An address as inet_ntop prints it.
pub(crate) fn show_address(address: u128, v6: bool) -> String {
    if !v6 {
        return Ipv4Addr::from(address as u32).to_string();
    }
    // Addresses that hold an IPv4 address in their last four bytes, the loopback and the
    // unspecified address aside.
    if address >> 32 == 0 && address >> 16 != 0 {
        return format!("::{}", Ipv4Addr::from(address as u32));
    }
    Ipv6Addr::from(address).to_string()
}

/// The mask of a prefix length.
pub(crate) fn prefix_mask(length: u8, v6: bool) -> u128 {
    let bits: u8 = if v6 { 128 } else { 32 };
    let whole = if v6 { u128::MAX } else { u32::MAX.into() };
    whole & whole.checked_shl(u32::from(bits.saturating_sub(length))).unwrap_or(0)
}

/// `AA:BB:CC:DD:EE:FF`; a byte may have one digit.
pub(crate) fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        let part = parts.next().filter(|part| matches!(part.len(), 1 | 2))?;
        *byte = u8::from_str_radix(part, 16).ok().filter(|_| !part.starts_with('+'))?;
    }
    parts.next().is_none().then_some(mac)
}

/// `AA:BB:CC:DD:EE:FF`.
pub(crate) fn show_mac(mac: &[u8]) -> String {
    let parts: Vec<String> = mac.iter().map(|byte| format!("{byte:02X}")).collect();
    parts.join(":")
}

/// An interface's name, padded.
pub(crate) fn parse_interface(text: &str) -> Option<[u8; INTERFACE]> {
    let mut name = [0; INTERFACE];
    if text.is_empty() || text.len() >= INTERFACE {
        return None;
    }
    name[..text.len()].copy_from_slice(text.as_bytes());
    Some(name)
}

/// A protocol with a range of ports, or what stands in their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ports {
    pub(crate) protocol: u8,
    pub(crate) low: u16,
    pub(crate) high: u16,
}

const TCP: u8 = 6;
const UDP: u8 = 17;
const SCTP: u8 = 132;
const UDPLITE: u8 = 136;

/// `[PROTOCOL:]PORT[-PORT]`, `icmp:TYPE/CODE`, `icmp:NAME`, `PROTOCOL:0`.
pub(crate) fn parse_ports(text: &str, v6: bool) -> Result<Ports, String> {
    let (protocol, port) = match text.split_once(':') {
        Some((protocol, port)) => (parse_protocol(protocol)?, port),
        None => (TCP, text),
    };
    match protocol {
        TCP | UDP | SCTP | UDPLITE => {
            let (low, high) = parse_port_range(port, protocol)?;
            Ok(Ports { protocol, low, high })
        }
        ICMP | ICMPV6 => {
            if (protocol == ICMPV6) != v6 {
                let other = if v6 { "icmpv6" } else { "icmp" };
                return Err(format!("the set's family needs {other}"));
            }
            let number = icmp::number(protocol, port)
                .ok_or_else(|| format!("'{port}' is no ICMP type, and not TYPE/CODE"))?;
            Ok(Ports { protocol, low: number, high: number })
        }
        _ if port == "0" => Ok(Ports { protocol, low: 0, high: 0 }),
        _ => Err(format!(
            "protocol {} can be used with pseudo port value 0 only",
            text.split(':').next().unwrap_or_default()
        )),
    }
}

fn parse_protocol(text: &str) -> Result<u8, String> {
    let number = text.parse::<u8>().ok();
    let number = number.or_else(|| bpfc_names::protocol_number(&text.to_ascii_lowercase()));
    number.filter(|number| *number != 0).ok_or_else(|| format!("'{text}' is no protocol"))
}

/// `PORT[-PORT]`; names of services hold dashes, too.
pub(crate) fn parse_port_range(text: &str, protocol: u8) -> Result<(u16, u16), String> {
    let bad = || format!("'{text}' is no port from 0 to 65535, range of ports or service");
    if let Some(port) = parse_port(text, protocol) {
        return Ok((port, port));
    }
    for (at, _) in text.match_indices('-') {
        let ends = (parse_port(&text[..at], protocol), parse_port(&text[at + 1..], protocol));
        if let (Some(low), Some(high)) = ends {
            return Ok((low.min(high), high.max(low)));
        }
    }
    Err(bad())
}

fn parse_port(text: &str, protocol: u8) -> Option<u16> {
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse().ok(),
        // UDP-Lite has no services of its own.
        false if protocol == UDPLITE => bpfc_names::service_port(text, Some(UDP)),
        false => bpfc_names::service_port(text, Some(protocol)),
    }
}

/// `tcp:80`, `icmp:echo-request`, `gre:0`.
pub(crate) fn show_port(protocol: u8, port: u16) -> String {
    let name = match bpfc_names::protocol_name(protocol.into()) {
        Some(name) => name.to_owned(),
        None => protocol.to_string(),
    };
    match protocol {
        ICMP | ICMPV6 => format!("{name}:{}", icmp::text(protocol, port)),
        _ => format!("{name}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(parse_v4(b"1.2.3.4"), Some(0x0102_0304));
        for bad in ["1.2.3", "1.2.3.256", "1.2.3.4.5", "1..2.3", "1.2.3.", "", "a", "1.2.3.4444"] {
            assert_eq!(parse_v4(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(show_address(1, true), "::1");
        assert_eq!(show_address(0x0102_0304, true), "::1.2.3.4");
        assert_eq!(show_address(u128::from(u32::MAX) << 32 | 1, true), "::ffff:ffff:0:1");
        assert_eq!(prefix_mask(0, false), 0);
        assert_eq!(prefix_mask(24, false), 0xffff_ff00);
        assert_eq!(prefix_mask(128, true), u128::MAX);
    }

    #[test]
    fn ports() {
        let read = |text: &str| parse_ports(text, false).map(|p| (p.protocol, p.low, p.high));
        assert_eq!(read("80"), Ok((6, 80, 80)));
        assert_eq!(read("udp:53-60"), Ok((17, 53, 60)));
        assert_eq!(read("ftp-data"), Ok((6, 20, 20)));
        assert_eq!(read("ftp-data-ssh"), Ok((6, 20, 22)));
        assert_eq!(read("icmp:ping"), Ok((1, 0x800, 0x800)));
        assert_eq!(read("icmp:3/1"), Ok((1, 0x301, 0x301)));
        assert_eq!(read("200:0"), Ok((200, 0, 0)));
        assert!(read("gre:5").unwrap_err().contains("pseudo port"));
        assert!(read("icmpv6:ping").unwrap_err().contains("needs icmp"));
        assert!(read("70000").is_err());
        assert_eq!(show_port(58, 0x8700), "ipv6-icmp:neighbour-solicitation");
        assert_eq!(show_port(1, 0x0309), "icmp:network-prohibited");
        assert_eq!(show_port(200, 0), "200:0");
    }

    #[test]
    fn hardware_addresses() {
        assert_eq!(parse_mac("1:2:3:4:5:ff"), Some([1, 2, 3, 4, 5, 255]));
        assert_eq!(show_mac(&[1, 2, 3, 4, 5, 255]), "01:02:03:04:05:FF");
        assert_eq!(parse_mac("1:2:3:4:5"), None);
        assert_eq!(parse_mac("1:2:3:4:5:6:7"), None);
        assert_eq!(parse_mac("1:2:3:4:5:+6"), None);
    }
}
