//! Values of the header's options: numbers as C reads them, addresses, masks, interfaces.
//!
//! Errors are sentences; the caller knows the span and the option. Where the facts come from:
//! libxtables/xtables.c of iptables 1.8.9.

use crate::header::{AddressTest, InterfaceTest, is_interface};
use crate::names;
use bpfc_ir::Family;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A number as `strtoumax(s, &end, 0)` reads it (blanks and `+` in front, `0x` hexadecimal, `0`
/// octal), with the text behind it. `None` without a digit, with a minus sign or past 64 bits.
pub fn c_number(text: &str) -> Option<(u64, &str)> {
    let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let text = text.strip_prefix('+').unwrap_or(text);
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = match hexadecimal {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_hexdigit()) => (rest, 16),
        _ if text.starts_with('0') => (text, 8),
        _ => (text, 10),
    };
    let end = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    if end == 0 {
        return None;
    }
    u64::from_str_radix(&digits[..end], radix).ok().map(|value| (value, &digits[end..]))
}

/// A whole word that is a number within bounds.
pub fn c_number_within(text: &str, low: u64, high: u64) -> Option<u64> {
    match c_number(text) {
        Some((value, "")) if (low..=high).contains(&value) => Some(value),
        _ => None,
    }
}

/// An IPv4 address: up to four numbers, missing ones at the end being 0 (all four in a mask).
fn ipv4(text: &str, is_mask: bool) -> Option<u32> {
    let mut bytes = [0u8; 4];
    let parts: Vec<&str> = text.splitn(5, '.').collect();
    if parts.len() > 4 || (is_mask && parts.len() != 4) {
        return None;
    }
    for (byte, part) in bytes.iter_mut().zip(&parts) {
        *byte = c_number_within(part, 0, 255)? as u8;
    }
    Some(u32::from(Ipv4Addr::from(bytes)))
}

/// An address in either family's notation, without a mask.
pub fn address(family: Family, text: &str) -> Result<u128, String> {
    let parsed = match family {
        Family::Ipv4 => ipv4(text, false).map(u128::from),
        Family::Ipv6 => text.parse::<Ipv6Addr>().ok().map(u128::from),
    };
    parsed.ok_or_else(|| {
        let other = match family {
            Family::Ipv4 => text.parse::<Ipv6Addr>().is_ok().then_some(("an IPv6", "iptables")),
            Family::Ipv6 => ipv4(text, true).is_some().then_some(("an IPv4", "ip6tables")),
        };
        match other {
            Some((kind, tool)) => format!("'{text}' is {kind} address, but this is {tool}"),
            None => format!("'{text}' is not an address (names are not looked up)"),
        }
    })
}

/// A mask: a prefix length or an address.
pub fn mask(family: Family, text: &str) -> Result<u128, String> {
    let (bits, dotted) = match family {
        Family::Ipv4 => (32, ipv4(text, true).map(u128::from)),
        Family::Ipv6 => (128, text.parse::<Ipv6Addr>().ok().map(u128::from)),
    };
    if let Some(mask) = dotted {
        return Ok(mask);
    }
    let length = c_number_within(text, 0, bits)
        .ok_or_else(|| format!("'{text}' is neither a mask nor a prefix length (0-{bits})"))?;
    Ok(prefix_mask(bits as u32, length as u32))
}

/// A prefix length as `--connlimit-mask` and `--hashlimit-srcmask` take it: a number up to 128 in
/// either family, or a mask as getaddrinfo reads addresses (`xtopt_parse_plen`). `None` for what is
/// no prefix: a mask with ones behind zeros, or IPv4's numbers above 32.
pub fn prefix(family: Family, text: &str) -> Result<Option<u8>, String> {
    let bits = if family == Family::Ipv4 { 32 } else { 128 };
    if let Some(length) = c_number_within(text, 0, 128) {
        return Ok(Some(length as u8).filter(|&length| u32::from(length) <= bits));
    }
    let mask = match family {
        Family::Ipv4 => inet_aton(text).map(u128::from),
        Family::Ipv6 => text.parse::<Ipv6Addr>().ok().map(u128::from),
    };
    let mask =
        mask.ok_or_else(|| format!("'{text}' is neither a mask nor a prefix length (0-{bits})"))?;
    Ok(crate::header::prefix_length(family, mask).map(|length| length as u8))
}

/// The mask of a prefix length, in the low `bits` bits.
pub fn prefix_mask(bits: u32, length: u32) -> u128 {
    let all = u128::MAX >> (128 - bits);
    all & !all.checked_shr(length).unwrap_or(0)
}

/// `ADDRESS[/MASK]`; the address is cut to its mask.
pub fn address_and_mask(family: Family, text: &str) -> Result<(u128, u128), String> {
    let (host, mask) = match text.rsplit_once('/') {
        Some((host, mask_text)) => (host, mask(family, mask_text)?),
        None => (text, prefix_mask(if family == Family::Ipv4 { 32 } else { 128 }, 128)),
    };
    // As in "any/0": what stands before an empty mask is not looked at.
    if mask == 0 {
        return Ok((0, 0));
    }
    Ok((address(family, host)? & mask, mask))
}

/// An IPv4 address as inet_aton reads it: up to four numbers, the last filling what is left.
fn inet_aton(text: &str) -> Option<u32> {
    let parts: Vec<&str> = text.splitn(5, '.').collect();
    let (last, front) = parts.split_last()?;
    if front.len() > 3 || text.contains(['+', ' ']) {
        return None;
    }
    let mut address = 0;
    for part in front {
        address = address << 8 | c_number_within(part, 0, 255)? as u32;
    }
    let bits = 32 - 8 * front.len() as u32;
    let rest = c_number_within(last, 0, u64::from(u32::MAX >> (32 - bits)))? as u32;
    Some(address.checked_shl(bits).unwrap_or(0) | rest)
}

/// `ADDRESS[/LENGTH]` as conntrack takes it: the address is read as getaddrinfo does and kept
/// whole, and a mask must be a prefix.
pub fn address_with_prefix(family: Family, text: &str) -> Result<(u128, u128), String> {
    let bits = if family == Family::Ipv4 { 32 } else { 128 };
    let host = |text| match (family, inet_aton(text)) {
        (Family::Ipv4, Some(address)) => Ok(address.into()),
        (Family::Ipv4, None) => Err(format!("'{text}' is not an address")),
        (Family::Ipv6, _) => address(family, text),
    };
    let Some((address, length)) = text.split_once('/') else {
        return Ok((host(text)?, prefix_mask(bits, bits)));
    };
    let mask = mask(family, length)?;
    match crate::header::prefix_length(family, mask) {
        Some(_) => Ok((host(address)?, mask)),
        // iptables takes it and then compares the whole address.
        None => Err(format!("'{length}' is no prefix: its ones are not all in front")),
    }
}

/// `-s` and `-d`: addresses with commas between them.
pub fn addresses(family: Family, text: &str, invert: bool) -> Result<Vec<AddressTest>, String> {
    text.split(',')
        .map(|item| {
            let (address, mask) = address_and_mask(family, item.trim_start())?;
            Ok(AddressTest { address, mask, invert })
        })
        .collect()
}

/// `-i` and `-o`.
pub fn interface(text: &str, invert: bool) -> Result<InterfaceTest, String> {
    let bytes = text.as_bytes();
    if bytes.is_empty() {
        return Err("an interface name cannot be empty".to_owned());
    }
    if bytes.len() > 15 {
        return Err(format!("interface name '{text}' is longer than 15 bytes"));
    }
    if !is_interface(text) {
        return Err(format!("no interface can be named '{text}'"));
    }
    let mut test = InterfaceTest { name: [0; 16], mask: [0; 16], invert };
    test.name[..bytes.len()].copy_from_slice(bytes);
    let compared = if bytes.ends_with(b"+") { bytes.len() - 1 } else { bytes.len() + 1 };
    test.mask[..compared].fill(0xff);
    Ok(test)
}

/// `-p`: a number or a name in either case.
pub fn protocol(text: &str) -> Result<u8, String> {
    let lower = text.to_ascii_lowercase();
    c_number_within(&lower, 0, 255)
        .map(|number| number as u8)
        .or_else(|| names::protocol_number(&lower))
        .ok_or_else(|| format!("unknown protocol '{text}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_c_reads_them() {
        assert_eq!(c_number("0x1fz"), Some((31, "z")));
        assert_eq!(c_number("010/3"), Some((8, "/3")));
        assert_eq!(c_number("08"), Some((0, "8")));
        assert_eq!(c_number("0x"), Some((0, "x")));
        assert_eq!(c_number("-1"), None);
        assert_eq!(c_number(" +7"), Some((7, "")));
        assert_eq!(c_number("99999999999999999999"), None);
        assert_eq!(c_number_within("256", 0, 255), None);
    }

    #[test]
    fn addresses_and_masks() {
        let four = |text| address_and_mask(Family::Ipv4, text);
        assert_eq!(four("10.1"), Ok((0x0a01_0000, 0xffff_ffff)));
        assert_eq!(four("10.1.2.3/8"), Ok((0x0a00_0000, 0xff00_0000)));
        assert_eq!(four("1.2.3.4/255.0.255.0"), Ok((0x0100_0300, 0xff00_ff00)));
        assert_eq!(four("any/0"), Ok((0, 0)));
        assert!(four("1.2.3.4/33").is_err());
        assert!(four("host.example").is_err());
        assert!(four("1.2.3.4.5").is_err());
        assert!(four("").is_err());
        let six = |text| address_and_mask(Family::Ipv6, text);
        assert_eq!(six("fe80::1/10"), Ok((0xfe80 << 112, 0xffc0 << 112)));
        assert_eq!(six("::1/128"), Ok((1, u128::MAX)));
        assert!(six("10.0.0.1").unwrap_err().contains("ip6tables"));
    }

    #[test]
    fn connection_addresses_are_read_as_getaddrinfo_does() {
        let read = |text| address_with_prefix(Family::Ipv4, text).map(|(address, _)| address);
        assert_eq!(read("10.1"), Ok(0x0a00_0001));
        assert_eq!(read("10.1.2.3/8"), Ok(0x0a01_0203));
        assert_eq!(read("0x7f000001"), Ok(0x7f00_0001));
        assert!(read("1.2.3.4.5").is_err());
        assert!(read("1.2.3.256").is_err());
        assert!(read("1.2.3.4/255.0.255.0").is_err());
    }

    #[test]
    fn prefixes_are_lengths_or_masks() {
        let four = |text| prefix(Family::Ipv4, text);
        for (text, length) in
            [("24", 24), ("255.255.255.0", 24), ("0xffff0000", 16), ("032", 26), ("0.0.0.0", 0)]
        {
            assert_eq!(four(text), Ok(Some(length)), "{text}");
        }
        for text in ["255.255", "255.0.255.0", "33", "128", "0.0.0.255"] {
            assert_eq!(four(text), Ok(None), "{text}");
        }
        assert!(four("ffff::").is_err() && four("x").is_err());
        let six = |text| prefix(Family::Ipv6, text);
        assert_eq!(six("ffff:ffff:ffff::"), Ok(Some(48)));
        assert_eq!(six("::1"), Ok(None));
        assert_eq!(six("::"), Ok(Some(0)));
        assert!(six("129").is_err() && six("255.255.255.0").is_err());
    }

    #[test]
    fn interfaces() {
        let test = interface("eth+", false).unwrap();
        assert_eq!(&test.mask[..4], [255, 255, 255, 0]);
        assert_eq!(interface("lo", false).unwrap().mask[..4], [255, 255, 255, 0]);
        assert_eq!(interface("+", true).unwrap().mask, [0; 16]);
        assert!(interface("0123456789abcdef", false).is_err());
    }
}
