//! What the bytes of a rule's constants are: several values or one, in which byte order.
//!
//! A rule is followed as the kernel runs it, with the kind of value that lies in each register. A
//! constant is like what it is compared with; one that is loaded into a register is like what the
//! register is used for. Sets of which nobody said the byte order have that of the first value that
//! is looked up in them.

use super::load::loaded;
use super::set::part;
use super::statement::{changed, constants};
use crate::datatype::{Base, Datatype, INTEGER, Order};
use crate::model::{
    Data, Endian, Expression, Found, Operation, Register, Set, SetName, Table, TypedPart,
};
use std::collections::BTreeMap;

/// What lies in a register.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// How long the value is; 0 where that is not known.
    bytes: u32,
    /// Whether it is a number in the machine's byte order.
    is_host: bool,
}

const NETWORK: Slot = Slot { bytes: 0, is_host: false };

/// Registers by the first of their slots.
type Slots = BTreeMap<u8, Slot>;

/// A set of whose key it is not known how long the parts are, only of which datatypes.
pub(super) struct Unsettled {
    pub name: SetName,
    pub datatypes: Vec<&'static Datatype>,
}

/// Gives a key the parts that lie in registers, where these are as long as it.
fn settle_key(set: &mut Set, datatypes: &[&'static Datatype], slots: &Slots, first: u8) {
    let length = set.key[0].bytes();
    let (mut parts, mut at) = (Vec::new(), 0);
    while at < length {
        let place = first.saturating_add((at / 4) as u8);
        let Some(slot) = slots.get(&place).filter(|slot| slot.bytes > 0) else { return };
        let datatype = datatypes.get(parts.len()).copied().unwrap_or(&INTEGER);
        let order = if slot.is_host { Order::Host } else { Order::Network };
        parts.push(part(datatype, slot.bytes, order));
        at += slot.bytes.next_multiple_of(4);
    }
    if at == length {
        set.key = parts;
    }
}

/// A table's sets by what names them.
fn set_mut<'t>(table: &'t mut Table, name: &SetName) -> Option<&'t mut Set> {
    match name {
        SetName::Named(name) => table.sets.iter_mut().find(|set| set.name == *name),
        SetName::Anonymous(index) => table.anonymous.get_mut(*index),
    }
}

/// Whether a part of a set's key lies there in the machine's byte order. Ends of intervals never
/// do, since the kernel compares bytes.
pub(super) fn key_is_host(set: &Set, part: &TypedPart) -> bool {
    !set.flags.interval && is_host(part)
}

/// The same of a part of a map's data.
pub(super) fn is_host(part: &TypedPart) -> bool {
    part.order == Order::Host && part.datatype.base != Base::Text
}

/// What lies in the registers that hold parts.
fn slots_of<'p>(first: u8, parts: impl Iterator<Item = (&'p TypedPart, bool)>) -> Slots {
    let mut at = first;
    let mut slots = Slots::new();
    for (part, is_host) in parts {
        slots.insert(at, Slot { bytes: part.bytes(), is_host });
        at = at.saturating_add(part.bytes().div_ceil(4).min(16) as u8);
    }
    slots
}

/// The values of bytes as registers hold them.
pub(super) fn split(
    bytes: &[u8],
    endian: Endian,
    mut slot: impl FnMut(usize) -> Option<(usize, bool)>,
) -> Data {
    let mut data = Data::default();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let (length, is_host) = slot(at).unwrap_or((0, false));
        let is_known = (1..rest.len()).contains(&length);
        let end = if is_known { length } else { rest.len() };
        // What pads a value to whole registers is 0.
        let padded = end.next_multiple_of(4).min(rest.len());
        let end = if rest[end..padded].iter().all(|&byte| byte == 0) { end } else { padded };
        if is_host && endian == Endian::Little {
            let turned: Vec<u8> = rest[..end].iter().rev().copied().collect();
            data.push(&turned, is_host);
        } else {
            data.push(&rest[..end], is_host);
        }
        at += padded;
    }
    data
}

fn split_by(slots: &Slots, first: Register, bytes: &[u8], endian: Endian) -> Data {
    split(bytes, endian, |at| {
        let slot = slots.get(&first.0.saturating_add((at / 4) as u8))?;
        Some((slot.bytes as usize, slot.is_host))
    })
}

/// The bytes of a constant that was not yet told apart.
fn raw(data: &Data) -> Vec<u8> {
    data.parts().flat_map(|part| part.bytes.iter().copied()).collect()
}

/// Tells apart the constants of a rule. Where something in it contradicts its table: the place of
/// the expression, and a sentence.
pub(super) fn settle(
    rule: &mut [Expression],
    table: &mut Table,
    unsettled: &mut Vec<Unsettled>,
    endian: Endian,
) -> Result<(), (usize, String)> {
    let mut slots = Slots::new();
    for at in 0..rule.len() {
        let (before, rest) = rule.split_at_mut(at + 1);
        let operation = &mut before[at].operation;
        if let Operation::Immediate { to, data } = operation {
            let used = used_for(rest, *to, table);
            *data = split_by(&used, *to, &raw(data), endian);
            let mut bytes = 0;
            for part in data.parts() {
                let slot = Slot { bytes: part.bytes.len() as u32, is_host: part.is_host };
                slots.insert(to.0.saturating_add((bytes / 4) as u8), slot);
                bytes += part.bytes.len().next_multiple_of(4);
            }
            continue;
        }
        for (register, data) in constants(operation) {
            *data = split_by(&slots, register, &raw(data), endian);
        }
        look(operation, &slots, table, unsettled).map_err(|message| (at, message))?;
        step(operation, &mut slots, table);
    }
    Ok(())
}

/// What an expression leaves in registers.
fn step(operation: &Operation, slots: &mut Slots, table: &Table) {
    if let Some((to, bytes, is_host)) = loaded(operation) {
        slots.insert(to.0, Slot { bytes, is_host });
        return;
    }
    if let Some((from, to)) = changed(operation) {
        let held: Vec<(u8, Slot)> = slots.range(from.0..).map(|(at, slot)| (*at, *slot)).collect();
        let kept = if from == to { &[][..] } else { &held[..] };
        for (at, slot) in kept {
            slots.insert(to.0.saturating_add(at - from.0), *slot);
        }
        return;
    }
    match operation {
        Operation::ByteOrder { to, from, to_network, bytes, .. } => {
            let bytes = slots.get(&from.0).map_or(*bytes, |slot| slot.bytes);
            slots.insert(to.0, Slot { bytes, is_host: !to_network });
        }
        Operation::Lookup { set, found: Found::Register(to), .. } => {
            let data = table.set_of(set).map_or(&[][..], |set| &set.data);
            slots.extend(slots_of(to.0, data.iter().map(|part| (part, is_host(part)))));
        }
        _ => {}
    }
}

/// What a register is used for next.
fn used_for(rest: &[Expression], register: Register, table: &Table) -> Slots {
    use Operation::*;
    let mut held = register;
    let one = |slot| Slots::from([(register.0, slot)]);
    for expression in rest {
        let operation = &expression.operation;
        let slot = match operation {
            MetaSet { key, from } if *from == held => Slot {
                bytes: 0,
                is_host: key.order == Order::Host && key.datatype.base != Base::Text,
            },
            CtSet { key, from, .. } if *from == held => {
                Slot { bytes: 0, is_host: key.order == Order::Host }
            }
            PayloadStore { from, .. } | ExtensionStore { from, .. } if *from == held => NETWORK,
            ByteOrder { from, to_network, .. } if *from == held => {
                Slot { bytes: 0, is_host: *to_network }
            }
            Combine { from, with, to, .. } if *from == held || *with == held => {
                held = *to;
                continue;
            }
            DynamicSet { data: Some(data), set, .. } if *data == held => {
                let parts = table.set_of(set).map_or(&[][..], |set| &set.data);
                return slots_of(register.0, parts.iter().map(|part| (part, is_host(part))));
            }
            Lookup { register: key, set, .. }
            | DynamicSet { key, set, .. }
            | ObjectMap { register: key, set } => {
                let Some(set) = table.set_of(set) else { continue };
                let parts = set.key.iter().map(|part| (part, key_is_host(set, part)));
                let key = slots_of(key.0, parts);
                match key.contains_key(&held.0) && held == register {
                    true => return key,
                    false => continue,
                }
            }
            other => match changed(other) {
                Some((from, to)) if from == held => {
                    held = to;
                    continue;
                }
                _ => match loaded(other) {
                    Some((to, ..)) if to == held => NETWORK,
                    _ => continue,
                },
            },
        };
        return one(slot);
    }
    one(NETWORK)
}

/// Compares what is looked up in a set with what the set says of its keys.
fn look(
    operation: &Operation,
    slots: &Slots,
    table: &mut Table,
    unsettled: &mut Vec<Unsettled>,
) -> Result<(), String> {
    let (Operation::Lookup { register, set: name, .. }
    | Operation::DynamicSet { key: register, set: name, .. }
    | Operation::ObjectMap { register, set: name }) = operation
    else {
        return Ok(());
    };
    let Some(set) = set_mut(table, name) else { return Ok(()) };
    if let Operation::Lookup { found: Found::Register(_), .. } = operation
        && set.data_is_range
    {
        return Err("a map that yields ranges is for address translation (nat)".to_owned());
    }
    if let Some(place) = unsettled.iter().position(|known| known.name == *name) {
        let Unsettled { datatypes, .. } = unsettled.swap_remove(place);
        settle_key(set, &datatypes, slots, register.0);
    }
    let mut at = register.0;
    for index in 0..set.key.len() {
        let part = set.key[index];
        let slot = slots.get(&at).filter(|slot| slot.bytes > 1 && part.bytes() > 1);
        at = at.saturating_add(part.bytes().div_ceil(4).min(16) as u8);
        let Some(slot) = slot else { continue };
        if part.order == Order::Unknown {
            set.key[index].order = if slot.is_host { Order::Host } else { Order::Network };
        } else if key_is_host(set, &part) != slot.is_host {
            return Err(format!(
                "the {} `{name}` is looked up with numbers of another byte order than its elements \
                 have",
                set.noun()
            ));
        }
    }
    Ok(())
}
