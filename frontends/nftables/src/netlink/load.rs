//! Expressions that load something into a register, and those that change what others load.

use super::expression::{Source, Taken};
use crate::model::{Direction, Expression, FibFlags, FibResult, Operation, PayloadBase, Register};
use crate::protocol::{Checksum, ExtensionKind, Tunnel};
use crate::selector;

/// The most bytes that registers hold.
const MOST: u32 = 64;

pub(super) fn payload(of: &Source<'_>) -> Taken {
    let attributes = &of.attributes;
    let base = match attributes.be32(2)? {
        0 => PayloadBase::Link,
        1 => PayloadBase::Network,
        2 => PayloadBase::Transport,
        3 => PayloadBase::Inner,
        4 => PayloadBase::Tunnel,
        base => return Err(of.unknown("base", base)),
    };
    let (offset, bytes) = (attributes.be32(3)?, attributes.be32(4)?);
    if bytes == 0 || bytes > MOST || offset > u32::from(u16::MAX) {
        return Err(of.unknown("place", format!("{offset}, {bytes}")));
    }
    let Some(from) = attributes.maybe_register(5)? else {
        return Ok(Operation::Payload { base, offset, bytes, to: attributes.register(1)? });
    };
    let kind = attributes.be32_or_0(6)?;
    let checksum = match kind {
        0 => None,
        1 | 2 => Some(Checksum { kind, offset: attributes.be32_or_0(7)? }),
        kind => return Err(of.unknown("checksum", kind)),
    };
    let is_covered = match attributes.be32_or_0(8)? {
        flags @ ..=1 => flags == 1,
        flags => return Err(of.unknown("flags", flags)),
    };
    Ok(Operation::PayloadStore { from, base, offset, bytes, checksum, is_covered })
}

pub(super) fn meta(of: &Source<'_>) -> Taken {
    let number = of.attributes.be32(2)?;
    let key = selector::meta::by_number(number).ok_or_else(|| of.unknown("key", number))?;
    match of.attributes.maybe_register(3)? {
        None => Ok(Operation::Meta { key, to: of.attributes.register(1)? }),
        Some(from) => Ok(match key.name {
            "broute" => Operation::Outside { class: "bridge" },
            "secmark" => Operation::Outside { class: "secmark" },
            _ => Operation::MetaSet { key, from },
        }),
    }
}

pub(super) fn ct(of: &Source<'_>) -> Taken {
    let number = of.attributes.be32(2)?;
    let key = selector::ct_key_of(number).ok_or_else(|| of.unknown("key", number))?;
    let direction = match of.attributes.find(3).map(|direction| direction.u8()).transpose()? {
        None => None,
        Some(0) => Some(Direction::Original),
        Some(1) => Some(Direction::Reply),
        Some(other) => return Err(of.unknown("direction", other)),
    };
    let Some(from) = of.attributes.maybe_register(4)? else {
        return Ok(Operation::Ct { key, direction, to: of.attributes.register(1)? });
    };
    Ok(match key.name {
        "zone" => Operation::Outside { class: "zone" },
        "event" => Operation::Outside { class: "event" },
        "label" => Operation::Outside { class: "label" },
        "secmark" => Operation::Outside { class: "secmark" },
        "helper" => Operation::Outside { class: "helper" },
        _ => Operation::CtSet { key, direction, from },
    })
}

pub(super) fn extension(of: &Source<'_>) -> Taken {
    use ExtensionKind::*;
    let attributes = &of.attributes;
    let kind = attributes.be32_or_0(6)?;
    let kind = [Ipv6, Tcp, Ipv4, Sctp, Dccp].into_iter().find(|known| known.number() == kind);
    let kind = kind.ok_or_else(|| of.unknown("header", attributes.be32_or_0(6).unwrap_or(0)))?;
    let number = attributes.get(2)?.u8()?;
    let (offset, bytes) = (attributes.be32(3)?, attributes.be32(4)?);
    if bytes > MOST || offset > u32::from(u16::MAX) {
        return Err(of.unknown("place", format!("{offset}, {bytes}")));
    }
    let is_presence = match attributes.be32_or_0(5)? {
        flags @ ..=1 => flags == 1,
        flags => return Err(of.unknown("flags", flags)),
    };
    match (attributes.maybe_register(1)?, attributes.maybe_register(7)?) {
        (Some(to), _) => Ok(Operation::Extension { kind, number, offset, bytes, is_presence, to }),
        (None, Some(from)) => Ok(Operation::ExtensionStore { kind, number, offset, bytes, from }),
        (None, None) if kind == Tcp => Ok(Operation::ExtensionReset { number }),
        (None, None) => Err(of.unknown("header", number)),
    }
}

pub(super) fn route(of: &Source<'_>) -> Taken {
    let number = of.attributes.be32(2)?;
    let key = selector::rt_key_of(number).ok_or_else(|| of.unknown("key", number))?;
    Ok(Operation::Rt { key, to: of.attributes.register(1)? })
}

pub(super) fn socket(of: &Source<'_>) -> Taken {
    let number = of.attributes.be32(1)?;
    let key = selector::socket_key_of(number).ok_or_else(|| of.unknown("key", number))?;
    let level = of.attributes.be32_or_0(3)?;
    Ok(Operation::Socket { key, level, to: of.attributes.register(2)? })
}

pub(super) fn xfrm(of: &Source<'_>) -> Taken {
    let number = of.attributes.be32(2)?;
    let key = selector::xfrm_key_of(number).ok_or_else(|| of.unknown("key", number))?;
    let is_out = match of.attributes.get(3)?.u8()? {
        way @ ..=1 => way == 1,
        way => return Err(of.unknown("direction", way)),
    };
    let index = of.attributes.be32_or_0(4)?;
    Ok(Operation::Xfrm { key, is_out, index, to: of.attributes.register(1)? })
}

pub(super) fn fib(of: &Source<'_>) -> Taken {
    let result = match of.attributes.be32(2)? {
        1 => FibResult::Oif,
        2 => FibResult::OifName,
        3 => FibResult::Type,
        result => return Err(of.unknown("result", result)),
    };
    let bits = of.attributes.be32_or_0(3)?;
    if bits > 63 {
        return Err(of.unknown("flags", bits));
    }
    let has = |bit: u32| bits & 1 << bit != 0;
    let flags = FibFlags { saddr: has(0), daddr: has(1), mark: has(2), iif: has(3), oif: has(4) };
    let to = of.attributes.register(1)?;
    Ok(Operation::Fib { flags, result, is_presence: has(5), to })
}

pub(super) fn osf(of: &Source<'_>) -> Taken {
    let ttl = of.attributes.find(2).map_or(Ok(0), |ttl| ttl.u8())?;
    let with_version = match of.attributes.be32_or_0(3)? {
        flags @ ..=1 => flags == 1,
        flags => return Err(of.unknown("flags", flags)),
    };
    Ok(Operation::Osf { ttl, with_version, to: of.attributes.register(1)? })
}

pub(super) fn numgen(of: &Source<'_>) -> Taken {
    let is_random = match of.attributes.be32(3)? {
        kind @ ..=1 => kind == 1,
        kind => return Err(of.unknown("type", kind)),
    };
    let (to, modulus) = (of.attributes.register(1)?, of.attributes.be32(2)?);
    Ok(Operation::Numgen { is_random, modulus, offset: of.attributes.be32_or_0(4)?, to })
}

pub(super) fn hash(of: &Source<'_>) -> Taken {
    let attributes = &of.attributes;
    let (to, modulus) = (attributes.register(2)?, attributes.be32(4)?);
    let offset = attributes.be32_or_0(6)?;
    match attributes.be32_or_0(7)? {
        0 => {
            let (from, bytes) = (attributes.register(1)?, attributes.be32(3)?);
            let seed = attributes.find(5).map(|seed| seed.be32()).transpose()?;
            Ok(Operation::Jhash { from, bytes, modulus, seed, offset, to })
        }
        1 => Ok(Operation::Symhash { modulus, offset, to }),
        kind => Err(of.unknown("type", kind)),
    }
}

pub(super) fn inner(of: &Source<'_>) -> Taken {
    let attributes = &of.attributes;
    let number = attributes.be32_or_0(1)?;
    if number != 0 {
        return Err(of.unknown("number", number));
    }
    let (kind, flags) = (attributes.be32(2)?, attributes.be32(3)?);
    let tunnel = Tunnel { kind, header: attributes.be32(4)?, flags };
    let load = of.inner(&attributes.nested(5)?)?;
    let operation = load.operation()?;
    match operation {
        Operation::Payload { .. } | Operation::Meta { .. } => {
            let load = Box::new(Expression { operation, span: None });
            Ok(Operation::Inner { tunnel, load })
        }
        _ => Err(of.unknown("expression", load.name)),
    }
}

/// The register that an expression loads into, and how it loads it: bytes, and whether a number
/// lies there in the machine's byte order.
pub(super) fn loaded(operation: &Operation) -> Option<(Register, u32, bool)> {
    use crate::datatype::{Base, Order};
    Some(match operation {
        Operation::Payload { bytes, to, .. } => (*to, *bytes, false),
        Operation::Extension { bytes, is_presence, to, .. } => {
            (*to, if *is_presence { 1 } else { *bytes }, false)
        }
        Operation::Meta { key, to } => {
            let is_host = key.order == Order::Host && key.datatype.base != Base::Text;
            (*to, key.bits.div_ceil(8), is_host)
        }
        Operation::Ct { key, to, .. }
        | Operation::Rt { key, to }
        | Operation::Socket { key, to, .. }
        | Operation::Xfrm { key, to, .. } => {
            let is_text = key.datatype.is_some_and(|datatype| datatype.base == Base::Text);
            (*to, key.bits.div_ceil(8), key.order == Order::Host && !is_text)
        }
        Operation::Fib { result: FibResult::OifName, is_presence: false, to, .. } => {
            (*to, 16, false)
        }
        Operation::Fib { is_presence: true, to, .. } => (*to, 1, true),
        Operation::Fib { to, .. }
        | Operation::Numgen { to, .. }
        | Operation::Jhash { to, .. }
        | Operation::Symhash { to, .. } => (*to, 4, true),
        Operation::Osf { to, .. } => (*to, 16, false),
        Operation::Inner { load, .. } => return loaded(&load.operation),
        _ => return None,
    })
}
