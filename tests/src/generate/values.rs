//! Small pools of values, so that rules and packets meet.

use super::rng::Rng;
use crate::lab::Family;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Ports that rules and packets share.
pub const PORTS: &[u16] =
    &[0, 1, 20, 21, 22, 25, 53, 80, 123, 443, 445, 1023, 1024, 3306, 8080, 32768, 65534, 65535];

/// A port of the pool, seldom any other.
pub fn port(rng: &mut Rng) -> u16 {
    if rng.one_in(6) { rng.bits() as u16 } else { *rng.pick(PORTS) }
}

/// A range of ports, often of one.
pub fn port_range(rng: &mut Rng) -> (u16, u16) {
    let (a, b) = (port(rng), port(rng));
    if rng.one_in(2) { (a, a) } else { (a.min(b), a.max(b)) }
}

/// `low:high`, or one number where they are the same.
pub fn range_text(low: impl Into<u64>, high: impl Into<u64>) -> String {
    match (low.into(), high.into()) {
        (low, high) if low == high => low.to_string(),
        (low, high) => format!("{low}:{high}"),
    }
}

/// A unicast address near the others.
pub fn address(rng: &mut Rng, family: Family) -> IpAddr {
    match family {
        Family::Ipv4 => {
            let base: [u8; 2] = *rng.pick(&[[10, 0], [10, 1], [172, 16], [192, 168], [203, 0]]);
            let low = if rng.one_in(4) { rng.bits() as u16 } else { rng.below(8) as u16 };
            let [c, d] = low.to_be_bytes();
            Ipv4Addr::new(base[0], base[1], c, d.clamp(1, 254)).into()
        }
        Family::Ipv6 => {
            let base: [u16; 2] =
                *rng.pick(&[[0x2001, 0xdb8], [0x2001, 0xdb9], [0xfd00, 1], [0x2a00, 0xdb8]]);
            let middle = if rng.one_in(4) { rng.bits() as u16 } else { 0 };
            let low = if rng.one_in(4) { rng.bits() as u16 } else { rng.below(8) as u16 };
            Ipv6Addr::new(base[0], base[1], middle, 0, 0, 0, 0, low.max(1)).into()
        }
    }
}

/// An address as a number.
pub fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// The address of a family that is this number, high bits dropped.
pub fn from_number(number: u128, family: Family) -> IpAddr {
    match family {
        Family::Ipv4 => Ipv4Addr::from(number as u32).into(),
        Family::Ipv6 => Ipv6Addr::from(number).into(),
    }
}

/// Bits of an address.
pub fn width(family: Family) -> u32 {
    match family {
        Family::Ipv4 => 32,
        Family::Ipv6 => 128,
    }
}

/// An address and a mask, seldom one with holes.
pub fn address_and_mask(rng: &mut Rng, family: Family) -> (IpAddr, u128) {
    let address = address(rng, family);
    let width = width(family);
    let all = if width == 128 { u128::MAX } else { (1 << width) - 1 };
    let lengths: &[u32] = match family {
        Family::Ipv4 => &[0, 1, 8, 13, 16, 24, 29, 30, 31, 32, 32, 32],
        Family::Ipv6 => &[0, 1, 16, 32, 33, 48, 64, 112, 127, 128, 128, 128],
    };
    let length = *rng.pick(lengths);
    let prefix = if length == 0 { 0 } else { all << (width - length) & all };
    let holes = if rng.one_in(6) {
        u128::from(rng.bits() as u32) << rng.below(u64::from(width) - 31)
    } else {
        0
    };
    let mask = prefix ^ holes & all;
    (from_number(number(address) & mask, family), mask)
}

/// `address/mask` as iptables takes it.
pub fn masked_text(address: IpAddr, mask: u128, family: Family) -> String {
    let width = width(family);
    let ones =
        if family == Family::Ipv4 { (mask as u32).leading_ones() } else { mask.leading_ones() };
    if mask.count_ones() == ones && ones <= width {
        format!("{address}/{ones}")
    } else {
        format!("{address}/{}", from_number(mask, family))
    }
}

/// An address that the mask lets through, or misses by one bit.
pub fn near_masked(rng: &mut Rng, address: IpAddr, mask: u128, family: Family) -> IpAddr {
    let width = u64::from(width(family));
    let mut bits = number(address);
    if rng.one_in(2) {
        bits |= u128::from(rng.bits()) & !mask;
    }
    if rng.one_in(3) {
        bits ^= 1 << rng.below(width);
    }
    from_number(bits, family)
}

/// An address that shares its beginning with a known one, or a new one.
pub fn near_known(rng: &mut Rng, family: Family, known: &[IpAddr]) -> IpAddr {
    let base = match family {
        Family::Ipv4 => 10 << 24,
        Family::Ipv6 => 0x2001_0db8_u128 << 96,
    };
    let random = u128::from(rng.bits()) << 64 | u128::from(rng.bits());
    let width = width(family);
    if known.is_empty() || rng.one_in(8) {
        return from_number(base | (random & (u128::MAX >> (128 - width + 8))), family);
    }
    let start = number(*rng.pick(known));
    let same = rng.within(8..=u64::from(width)) as u32;
    let changed = random & u128::MAX.checked_shr(128 - (width - same)).unwrap_or(0);
    from_number(start ^ changed, family)
}
