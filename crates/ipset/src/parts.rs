//! Addresses, networks, ports, hardware addresses and interfaces as ipset writes them.
//!
//! Numbers are what strtoull makes of them (a leading `0` is octal, `0x` hexadecimal), IPv4
//! addresses what inet_aton makes of digits and dots (`10.1` is 10.0.0.1, `010.0.0.1` is 8.0.0.1),
//! as ipset reads them. Host names are not looked up: what a file says must not depend on a name
//! server.

use crate::icmp::{self, ICMP, ICMPV6};
use crate::layout::INTERFACE;
use crate::numbers::{parse_number, parse_within};
use bpfc_abi::raw;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A prefix length.
pub(crate) fn parse_length(text: &str, least: u8, most: u8) -> Option<u8> {
    parse_within(text, least.into(), most.into()).map(|length| length as u8)
}

/// An IPv4 address as a number in network order.
pub(crate) fn parse_v4(text: &[u8]) -> Option<u32> {
    parse_dotted(text).or_else(|| parse_digits(text))
}

/// One to four numbers between dots, octal behind a leading zero; the last one fills what is left.
fn parse_digits(text: &[u8]) -> Option<u32> {
    let parts: Vec<&[u8]> = text.split(|byte| *byte == b'.').collect();
    let (last, first) = parts.split_last()?;
    let number = |part: &[u8]| {
        let text = std::str::from_utf8(part).ok()?;
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        parse_number(text).filter(|_| digits)
    };
    if first.len() > 3 {
        return None;
    }
    let most = u64::from(u32::MAX) >> (8 * first.len());
    let mut address = number(last).filter(|last| *last <= most)?;
    for (index, part) in first.iter().enumerate() {
        address |= number(part).filter(|part| *part <= 255)? << (24 - 8 * index);
    }
    u32::try_from(address).ok()
}

/// Four decimal numbers without leading zeros, which most addresses are.
fn parse_dotted(text: &[u8]) -> Option<u32> {
    let mut address = 0u32;
    let (mut part, mut digits, mut dots) = (0u32, 0, 0);
    for &byte in text {
        match byte {
            b'0'..=b'9' if digits < 3 && (digits == 0 || part != 0) => {
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

/// `AA:BB:CC:DD:EE:FF`, at most as long; a byte may have one digit.
pub(crate) fn parse_mac(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        let part = parts.next().filter(|part| !part.is_empty() && text.len() <= 17)?;
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
    let bytes = raw::encode(text);
    if text.is_empty() || bytes.len() >= INTERFACE {
        return None;
    }
    name[..bytes.len()].copy_from_slice(&bytes);
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
    let (protocol, port) = match split_inside(text, ':') {
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

/// The parts around the first separator, which stands at neither end.
fn split_inside(text: &str, separator: char) -> Option<(&str, &str)> {
    let inside = !text.starts_with(separator) && !text.ends_with(separator);
    text.split_once(separator).filter(|_| inside)
}

/// A number or a name as /etc/protocols has it, in small letters or as its alias in capitals.
fn parse_protocol(text: &str) -> Result<u8, String> {
    let small = text.to_ascii_lowercase();
    let known = text == small || text == text.to_ascii_uppercase() || text.starts_with("IPv6-");
    let named = || bpfc_names::protocol_number(&small).filter(|_| known || small == "icmpv6");
    let number = parse_within(text, 0, 255).map(|number| number as u8).or_else(named);
    number.filter(|number| *number != 0).ok_or_else(|| format!("'{text}' is no protocol"))
}

/// `PORT[-PORT]`; names of services that hold dashes stand in brackets.
pub(crate) fn parse_port_range(text: &str, protocol: u8) -> Result<(u16, u16), String> {
    let bad = || match text.contains('-') && !text.contains('[') {
        true => format!(
            "'{text}' is no port from 0 to 65535, range of ports or service (a service whose name \
             has a dash stands in brackets)"
        ),
        false => format!("'{text}' is no port from 0 to 65535, range of ports or service"),
    };
    let ends = match text.starts_with('[') {
        true => match text.split_once(']') {
            Some((_, "")) => None,
            Some((name, rest)) => {
                let high = rest.strip_prefix('-').ok_or_else(bad)?;
                Some((&text[..=name.len()], high))
            }
            None => return Err(bad()),
        },
        false => split_inside(text, '-'),
    };
    let (low, high) = ends.unwrap_or((text, text));
    let low = parse_port(low, protocol).ok_or_else(bad)?;
    let high = parse_port(high, protocol).ok_or_else(bad)?;
    Ok((low.min(high), high.max(low)))
}

/// `[tcp:|udp:]PORT[-PORT]`, of which the protocol only says whose services are meant.
pub(crate) fn parse_plain_ports(text: &str) -> Result<(u16, u16), String> {
    let (protocol, port) = match split_inside(text, ':') {
        Some((protocol, port)) => (parse_protocol(protocol)?, port),
        None => (TCP, text),
    };
    match protocol {
        TCP | UDP => parse_port_range(port, protocol),
        _ => Err("only the protocols tcp and udp are valid".into()),
    }
}

/// A number, or the name of a service, which may stand in brackets.
pub(crate) fn parse_port(text: &str, protocol: u8) -> Option<u16> {
    if let Some(port) = parse_within(text, 0, u16::MAX.into()) {
        return Some(port as u16);
    }
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    bpfc_names::service_port(inner.unwrap_or(text), Some(protocol))
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
        let others = [
            ("10.1", 0x0a00_0001),
            ("1.2.3", 0x0102_0003),
            ("010.0.0.1", 0x0800_0001),
            ("010", 8),
            ("1.16777215", 0x01ff_ffff),
            ("4294967295", u32::MAX),
            ("1.2.00.017", 0x0102_000f),
        ];
        for (text, address) in others {
            assert_eq!(parse_v4(text.as_bytes()), Some(address), "{text}");
        }
        for bad in [
            "1.2.3.256",
            "1.2.3.4.5",
            "1..2.3",
            "1.2.3.",
            "",
            "a",
            "1.2.3.4444",
            "0x0a000001",
            "08.1",
            "4294967296",
            "1.16777216",
            ".1",
            "+1",
        ] {
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
        assert_eq!(read("[ftp-data]"), Ok((6, 20, 20)));
        assert_eq!(read("[ftp-data]-ssh"), Ok((6, 20, 22)));
        assert_eq!(read("0120-0x52"), Ok((6, 80, 82)));
        assert_eq!(read("TCP:80"), Ok((6, 80, 80)));
        assert!(read("ftp-data").unwrap_err().contains("in brackets"));
        for bad in ["Udp:80", "udplite:domain", "tcp:", ":80", "0:0", "256:0", "[ssh", "[ssh]80"] {
            assert!(read(bad).is_err(), "{bad}");
        }
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
