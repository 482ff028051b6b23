//! Expressions that test, decide, count, limit, log and change sets.

use super::attributes::Attributes;
use super::expression::{Refusal, Source, Taken, data, verdict};
use crate::model::{
    Combination, Comparison, Data, Expression, Found, LogFlags, ObjectKind, Operation, Register,
    SetOperation,
};

pub(super) fn immediate(of: &Source<'_>) -> Taken {
    let value = of.attributes.nested(2)?;
    match of.attributes.be32(1)? {
        // The register of verdicts.
        0 => match verdict(&value) {
            Err(Refusal::Unknown(what)) if what.ends_with("queue") => {
                Ok(Operation::Outside { class: "queue" })
            }
            other => other.map(Operation::Verdict),
        },
        _ => Ok(Operation::Immediate { to: of.attributes.register(1)?, data: data(&value)? }),
    }
}

pub(super) fn compare(of: &Source<'_>) -> Taken {
    let op = match of.attributes.be32(2)? {
        0 => Comparison::Eq,
        1 => Comparison::Neq,
        2 => Comparison::Lt,
        3 => Comparison::Lte,
        4 => Comparison::Gt,
        5 => Comparison::Gte,
        op => return Err(of.unknown("operation", op)),
    };
    Ok(Operation::Compare { op, register: of.attributes.register(1)?, data: of.data(3)? })
}

pub(super) fn range(of: &Source<'_>) -> Taken {
    let is_not = match of.attributes.be32(2)? {
        op @ ..=1 => op == 1,
        op => return Err(of.unknown("operation", op)),
    };
    let (register, from, to) = (of.attributes.register(1)?, of.data(3)?, of.data(4)?);
    Ok(Operation::Range { is_not, register, from, to })
}

pub(super) fn bitwise(of: &Source<'_>) -> Taken {
    let attributes = &of.attributes;
    let (from, to) = (attributes.register(1)?, attributes.register(2)?);
    let bytes = attributes.be32(3)?;
    let combined = |op| {
        let with = attributes.register(8)?;
        Ok(Operation::Combine { op, to, from, with, bytes })
    };
    match attributes.be32_or_0(6)? {
        0 => {
            let (mask, xor) = (of.data(4)?, of.data(5)?);
            Ok(Operation::MaskXor { to, from, bytes, mask, xor })
        }
        shift @ 1..=2 => {
            // A number of the machine, in place of a value of a register.
            let by = attributes.nested(7)?.get(1)?.native32()?;
            Ok(Operation::Shift { to, from, bytes, is_left: shift == 1, by })
        }
        3 => combined(Combination::And),
        4 => combined(Combination::Or),
        5 => combined(Combination::Xor),
        op => Err(of.unknown("operation", op)),
    }
}

pub(super) fn byte_order(of: &Source<'_>) -> Taken {
    let attributes = &of.attributes;
    let to_network = match attributes.be32(3)? {
        op @ ..=1 => op == 1,
        op => return Err(of.unknown("operation", op)),
    };
    let (from, to) = (attributes.register(1)?, attributes.register(2)?);
    let (bytes, size) = (attributes.be32(4)?, attributes.be32(5)?);
    match size {
        2 | 4 | 8 => Ok(Operation::ByteOrder { to, from, to_network, size, bytes }),
        size => Err(of.unknown("size", size)),
    }
}

pub(super) fn lookup(of: &Source<'_>) -> Taken {
    let attributes = &of.attributes;
    let register = attributes.register(2)?;
    let found = match attributes.find(3) {
        None => Found::Nothing,
        Some(to) if to.be32()? == 0 => Found::Verdict,
        Some(_) => Found::Register(attributes.register(3)?),
    };
    let is_inverted = match attributes.be32_or_0(5)? {
        flags @ ..=1 => flags == 1,
        flags => return Err(of.unknown("flags", flags)),
    };
    Ok(Operation::Lookup { register, set: of.set(1)?, found, is_inverted })
}

pub(super) fn dynamic_set(of: &Source<'_>) -> Taken {
    let attributes = &of.attributes;
    let op = match attributes.be32(3)? {
        0 => SetOperation::Add,
        1 => SetOperation::Update,
        2 => SetOperation::Delete,
        op => return Err(of.unknown("operation", op)),
    };
    // Bit 1 says that expressions follow, which is seen.
    let flags = attributes.be32_or_0(9)?;
    if flags & !2 != 0 {
        return Err(of.unknown("flags", flags));
    }
    Ok(Operation::DynamicSet {
        op,
        set: of.set(1)?,
        key: attributes.register(4)?,
        data: attributes.maybe_register(5)?,
        timeout: Some(attributes.be64_or_0(6)?).filter(|timeout| *timeout > 0),
        expressions: expressions(of, attributes, 7, 10)?,
    })
}

/// The statements of elements: one in an attribute of its own, or a list of several.
pub(super) fn expressions<'a>(
    of: &Source<'a>,
    attributes: &Attributes<'a>,
    one: u16,
    several: u16,
) -> Result<Vec<Expression>, Refusal> {
    let mut found = Vec::new();
    found.extend(attributes.maybe_nested(one)?);
    if let Some(list) = attributes.maybe_nested(several)? {
        for (_, one) in list.iter() {
            found.push(Attributes::read(one)?);
        }
    }
    let of_one = |attributes: &Attributes<'a>| {
        let operation = of.inner(attributes)?.operation()?;
        Ok(Expression { operation, span: None })
    };
    found.iter().map(of_one).collect()
}

pub(super) fn counter(attributes: &Attributes<'_>) -> Taken {
    let (bytes, packets) = (attributes.be64_or_0(1)?, attributes.be64_or_0(2)?);
    Ok(Operation::Counter { packets, bytes })
}

pub(super) fn limit(of: &Source<'_>) -> Taken {
    let attributes = &of.attributes;
    let is_bytes = match attributes.be32_or_0(4)? {
        kind @ ..=1 => kind == 1,
        kind => return Err(of.unknown("type", kind)),
    };
    let is_over = match attributes.be32_or_0(5)? {
        flags @ ..=1 => flags == 1,
        flags => return Err(of.unknown("flags", flags)),
    };
    let (rate, seconds) = (attributes.be64_or_0(1)?, attributes.be64_or_0(2)?);
    if rate == 0 || seconds == 0 {
        return Err(of.unknown("rate", format!("{rate}/{seconds}")));
    }
    let burst = attributes.be32_or_0(3)?;
    Ok(Operation::Limit { rate, seconds, burst, is_bytes, is_over })
}

pub(super) fn quota(attributes: &Attributes<'_>) -> Taken {
    let (bytes, used) = (attributes.be64_or_0(1)?, attributes.be64_or_0(4)?);
    // Bit 1 says that it was told to be used up, which is seen.
    let is_over = attributes.be32_or_0(2)? & 1 != 0;
    Ok(Operation::Quota { bytes, used, is_over })
}

pub(super) fn last(attributes: &Attributes<'_>) -> Taken {
    let is_set = attributes.be32_or_0(1)? != 0;
    let time = attributes.be64_or_0(2)?;
    Ok(Operation::Last { used: is_set.then_some(time) })
}

pub(super) fn connlimit(attributes: &Attributes<'_>) -> Taken {
    let (count, flags) = (attributes.be32(1)?, attributes.be32_or_0(2)?);
    Ok(Operation::Connlimit { count, is_over: flags & 1 != 0 })
}

pub(super) fn log(of: &Source<'_>) -> Taken {
    /// The level of warnings, which is that of rules that name none.
    const WARNING: u32 = 4;
    const AUDIT: u32 = 8;
    let attributes = &of.attributes;
    let prefix = attributes.find(2).map(|prefix| prefix.text()).transpose()?;
    let prefix = prefix.filter(|prefix| !prefix.is_empty());
    let group = attributes.find(1).map(|group| group.be16()).transpose()?;
    let level = match attributes.find(5).map(|level| level.be32()).transpose()? {
        None | Some(WARNING) => None,
        Some(AUDIT) => return Ok(Operation::Outside { class: "audit" }),
        Some(level @ ..AUDIT) => Some(level as u8),
        Some(level) => return Err(of.unknown("level", level)),
    };
    let bits = attributes.be32_or_0(6)?;
    if bits & !0x3f != 0 {
        return Err(of.unknown("flags", bits));
    }
    let has = |bit: u32| bits & 1 << bit != 0;
    Ok(Operation::Log {
        prefix,
        group,
        snaplen: attributes.be32_or_0(3)?,
        threshold: attributes.find(4).map_or(Ok(0), |threshold| threshold.be16())?,
        level,
        // include/uapi/linux/netfilter/nf_log.h; bit 4 is for the kernel's own use.
        flags: LogFlags {
            tcp_sequence: has(0),
            tcp_options: has(1),
            ip_options: has(2),
            owner: has(3),
            link: has(5),
        },
    })
}

pub(super) fn reject(of: &Source<'_>) -> Taken {
    let kind = of.attributes.be32(1)?;
    if kind > 2 {
        return Err(of.unknown("type", kind));
    }
    let code = of.attributes.find(2).map_or(Ok(0), |code| code.u8())?;
    Ok(Operation::Reject { kind, code })
}

/// What an object of a number is, or the class that it belongs to.
pub(super) fn object_kind(number: u32) -> Option<Result<ObjectKind, &'static str>> {
    Some(match number {
        1 => Ok(ObjectKind::Counter),
        2 => Ok(ObjectKind::Quota),
        4 => Ok(ObjectKind::Limit),
        3 => Err("helper"),
        6 => Err("tunnel"),
        7 => Err("timeout"),
        8 => Err("secmark"),
        9 => Err("expectation"),
        10 => Err("synproxy"),
        _ => return None,
    })
}

pub(super) fn object(of: &Source<'_>) -> Taken {
    let attributes = &of.attributes;
    if let Some(register) = attributes.maybe_register(3)? {
        return Ok(Operation::ObjectMap { register, set: of.set(4)? });
    }
    let number = attributes.be32(1)?;
    match object_kind(number) {
        Some(Ok(kind)) => Ok(Operation::Object { kind, name: attributes.text(2)? }),
        Some(Err(class)) => Ok(Operation::Outside { class }),
        None => Err(of.unknown("type", number)),
    }
}

/// The register that an expression takes a value from, for those that change it alone.
pub(super) fn changed(operation: &Operation) -> Option<(Register, Register)> {
    match operation {
        Operation::MaskXor { from, to, .. }
        | Operation::Shift { from, to, .. }
        | Operation::Combine { from, to, .. } => Some((*from, *to)),
        _ => None,
    }
}

/// The constants of an expression, with the register whose bytes they are like.
pub(super) fn constants(operation: &mut Operation) -> Vec<(Register, &mut Data)> {
    match operation {
        Operation::Compare { register, data, .. } => vec![(*register, data)],
        Operation::Range { register, from, to, .. } => vec![(*register, from), (*register, to)],
        Operation::MaskXor { from, mask, xor, .. } => vec![(*from, mask), (*from, xor)],
        _ => Vec::new(),
    }
}
