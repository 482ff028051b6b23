//! Names of ICMP and ICMPv6 types and codes, as ipset prints and takes them.

use crate::numbers::parse_within;

/// `IPPROTO_ICMP`.
pub(crate) const ICMP: u8 = 1;
/// `IPPROTO_ICMPV6`.
pub(crate) const ICMPV6: u8 = 58;

/// Name, type, code; a name that is printed stands before its aliases.
const NAMES4: &[(&str, u8, u8)] = &[
    ("echo-reply", 0, 0),
    ("pong", 0, 0),
    ("network-unreachable", 3, 0),
    ("host-unreachable", 3, 1),
    ("protocol-unreachable", 3, 2),
    ("port-unreachable", 3, 3),
    ("fragmentation-needed", 3, 4),
    ("source-route-failed", 3, 5),
    ("network-unknown", 3, 6),
    ("host-unknown", 3, 7),
    ("network-prohibited", 3, 9),
    ("host-prohibited", 3, 10),
    ("TOS-network-unreachable", 3, 11),
    ("TOS-host-unreachable", 3, 12),
    ("communication-prohibited", 3, 13),
    ("host-precedence-violation", 3, 14),
    ("precedence-cutoff", 3, 15),
    ("source-quench", 4, 0),
    ("network-redirect", 5, 0),
    ("host-redirect", 5, 1),
    ("TOS-network-redirect", 5, 2),
    ("TOS-host-redirect", 5, 3),
    ("echo-request", 8, 0),
    ("ping", 8, 0),
    ("router-advertisement", 9, 0),
    ("router-solicitation", 10, 0),
    ("ttl-zero-during-transit", 11, 0),
    ("ttl-zero-during-reassembly", 11, 1),
    ("ip-header-bad", 12, 0),
    ("required-option-missing", 12, 1),
    ("timestamp-request", 13, 0),
    ("timestamp-reply", 14, 0),
    ("address-mask-request", 17, 0),
    ("address-mask-reply", 18, 0),
];

const NAMES6: &[(&str, u8, u8)] = &[
    ("no-route", 1, 0),
    ("communication-prohibited", 1, 1),
    ("address-unreachable", 1, 3),
    ("port-unreachable", 1, 4),
    ("packet-too-big", 2, 0),
    ("ttl-zero-during-transit", 3, 0),
    ("ttl-zero-during-reassembly", 3, 1),
    ("bad-header", 4, 0),
    ("unknown-header-type", 4, 1),
    ("unknown-option", 4, 2),
    ("echo-request", 128, 0),
    ("ping", 128, 0),
    ("echo-reply", 129, 0),
    ("pong", 129, 0),
    ("router-solicitation", 133, 0),
    ("router-advertisement", 134, 0),
    ("neighbour-solicitation", 135, 0),
    ("neigbour-solicitation", 135, 0),
    ("neighbour-advertisement", 136, 0),
    ("neigbour-advertisement", 136, 0),
    ("redirect", 137, 0),
];

fn names(protocol: u8) -> &'static [(&'static str, u8, u8)] {
    if protocol == ICMPV6 { NAMES6 } else { NAMES4 }
}

/// Type and code, one above the other, of a name or of `TYPE/CODE`.
pub(crate) fn number(protocol: u8, text: &str) -> Option<u16> {
    if let Some((kind, code)) = text.split_once('/') {
        let byte = |text| parse_within(text, 0, 255).map(|number| number as u8);
        return Some(u16::from_be_bytes([byte(kind)?, byte(code)?]));
    }
    let found = names(protocol).iter().find(|(name, ..)| name.eq_ignore_ascii_case(text))?;
    Some(u16::from_be_bytes([found.1, found.2]))
}

/// The text of type and code.
pub(crate) fn text(protocol: u8, number: u16) -> String {
    let [kind, code] = number.to_be_bytes();
    let found = names(protocol).iter().find(|row| (row.1, row.2) == (kind, code));
    found.map_or_else(|| format!("{kind}/{code}"), |row| row.0.to_owned())
}
