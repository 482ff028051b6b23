//! Sets and maps: what they are, without their elements.

use super::attributes::{Attributes, Damage};
use super::datatypes;
use super::expression::{Refusal, Source};
use super::statement::{expressions, object_kind};
use super::user_data::{COMMENT, UserData};
use crate::datatype::{Datatype, INTEGER, Order};
use crate::model::{Endian, Set, TypedPart};
use std::collections::BTreeMap;

/// Flags of sets.
mod flag {
    pub const ANONYMOUS: u32 = 0x1;
    pub const CONSTANT: u32 = 0x2;
    pub const INTERVAL: u32 = 0x4;
    pub const MAP: u32 = 0x8;
    pub const TIMEOUT: u32 = 0x10;
    pub const DYNAMIC: u32 = 0x20;
    pub const OBJECT: u32 = 0x40;
    pub const ALL: u32 = 0x1ff;
}

/// What nft keeps of sets.
mod said {
    pub const KEY_ORDER: u8 = 0;
    pub const DATA_ORDER: u8 = 1;
    pub const MERGE: u8 = 2;
    pub const KEY_TYPEOF: u8 = 3;
    pub const DATA_IS_RANGE: u8 = 6;
    pub const COMMENT: u8 = 7;
}

/// The kernel's number of verdicts as a map's data.
const VERDICT: u32 = 0xffff_ff00;
/// The most bytes of a key or of a map's data.
const MOST: u32 = 64;

/// A set as a message tells of it.
pub(super) struct Told {
    pub set: Set,
    /// The kernel's name.
    pub name: String,
    /// Whether a rule holds it.
    pub is_anonymous: bool,
    /// The datatypes of its key's parts where nothing says how long each is. The key is one part
    /// then, until something is looked up in the set.
    pub parts: Option<Vec<&'static Datatype>>,
    /// What of it is not read, where something is not.
    pub unknown: Option<String>,
}

/// Reads a set.
pub(super) fn set(attributes: &Attributes<'_>, endian: Endian) -> Result<Told, Damage> {
    let at = attributes.at();
    let name = attributes.text(2)?;
    let flags = attributes.be32_or_0(3)?;
    let user = UserData::of(attributes, 13, endian);
    let length = attributes.be32(5)?;
    if length == 0 || length > MOST {
        return Err(Damage::new(at, format!("the set `{name}` has keys of {length} bytes")));
    }
    let mut unknown = (flags & !flag::ALL != 0).then(|| format!("the flags {flags:#x} of sets"));
    let description = attributes.maybe_nested(9)?;
    let lengths = match &description {
        Some(description) => fields(description)?,
        None => Vec::new(),
    };
    let key_type = attributes.be32_or_0(4)?;
    let (key, parts) = key(key_type, length, &lengths, user);
    let is_anonymous = flags & flag::ANONYMOUS != 0;
    let mut set = Set::new(if is_anonymous { "" } else { &name }, key);
    set.flags.constant = flags & flag::CONSTANT != 0;
    set.flags.interval = flags & flag::INTERVAL != 0;
    set.flags.timeout = flags & flag::TIMEOUT != 0;
    set.flags.dynamic = flags & flag::DYNAMIC != 0;
    set.auto_merge = user.number(said::MERGE) == Some(1) && !is_anonymous;
    set.timeout = attributes.find(11).map(|time| time.be64()).transpose()?.filter(|time| *time > 0);
    let gc_interval = attributes.be32_or_0(12)?;
    set.gc_interval = Some(u64::from(gc_interval)).filter(|time| *time > 0);
    set.comment = user.text(said::COMMENT);
    if let Some(description) = &description
        && !is_anonymous
    {
        let size = description.find(1).map(|size| size.be32()).transpose()?;
        set.size = size.filter(|size| *size > 0);
    }
    if flags & flag::MAP != 0 {
        match attributes.be32_or_0(6)? {
            VERDICT => set.is_verdict_map = true,
            number => {
                let length = attributes.be32(7)?;
                if length == 0 || length > MOST {
                    let message = format!("the map `{name}` yields {length} bytes");
                    return Err(Damage::new(at, message));
                }
                set.data = data(number, length, user.order(said::DATA_ORDER));
                set.data_is_range = user.number(said::DATA_IS_RANGE) == Some(1)
                    || set.data.iter().map(|part| part.bytes().next_multiple_of(4)).sum::<u32>()
                        < length;
            }
        }
    }
    if flags & flag::OBJECT != 0 {
        let number = attributes.be32(15)?;
        match object_kind(number) {
            Some(Ok(kind)) => set.objects = Some(kind),
            Some(Err(class)) => unknown = Some(format!("a map of objects ({class})")),
            None => unknown = Some(format!("a map of objects of the type {number}")),
        }
    }
    let none = BTreeMap::new();
    let source = Source {
        name: "set".to_owned(),
        at,
        attributes: attributes.clone(),
        sets: &none,
        depth: 0,
    };
    match expressions(&source, attributes, 17, 18) {
        Ok(found) => set.expressions = found,
        Err(Refusal::Damaged(damage)) => return Err(damage),
        Err(Refusal::Unknown(what)) => unknown = Some(what),
    }
    Ok(Told { set, name, is_anonymous, parts, unknown })
}

/// The lengths of a key's parts in bytes.
fn fields(description: &Attributes<'_>) -> Result<Vec<u32>, Damage> {
    let Some(list) = description.maybe_nested(2)? else { return Ok(Vec::new()) };
    let length = |(_, field)| Attributes::read(field)?.be32(1);
    list.iter().map(length).collect()
}

/// The parts of a key: those that the kernel knows, else those that its datatypes make. Where these
/// do not say how long they are, one part and the datatypes.
fn key(
    number: u32,
    length: u32,
    lengths: &[u32],
    user: UserData<'_>,
) -> (Vec<TypedPart>, Option<Vec<&'static Datatype>>) {
    let padded: u32 = lengths.iter().map(|length| length.saturating_add(3) & !3).sum();
    if lengths.len() > 1 && padded == length && lengths.iter().all(|length| *length > 0) {
        let datatypes = datatypes::parts(number, lengths.len());
        let all = datatypes.into_iter().zip(lengths);
        let all = all.map(|(datatype, length)| part(datatype, *length, datatype.order));
        return (all.collect(), None);
    }
    if let Some(parts) = concatenation(number, length) {
        return (parts, None);
    }
    let count = datatypes::count(number);
    if count > 1 {
        let datatypes = datatypes::parts(number, count);
        return (vec![part(&INTEGER, length, Order::Unknown)], Some(datatypes));
    }
    let mut only = part(datatypes::parts(number, 1)[0], length, user.order(said::KEY_ORDER));
    if let Some(bits) = typeof_bits(user) {
        only.bits = bits.clamp(8 * (length - 1) + 1, 8 * length);
    }
    (vec![only], None)
}

/// The parts of a map's data.
fn data(number: u32, length: u32, order: Order) -> Vec<TypedPart> {
    let of_one = || vec![part(datatypes::parts(number, 1)[0], length, order)];
    concatenation(number, length).unwrap_or_else(of_one)
}

/// Several parts by their datatypes alone, where these are as long as the whole.
fn concatenation(number: u32, length: u32) -> Option<Vec<TypedPart>> {
    let count = datatypes::count(number);
    if count == 1 {
        return None;
    }
    let all = datatypes::parts(number, count);
    let parts =
        all.iter().map(|datatype| part(datatype, datatype.bits.div_ceil(8), datatype.order));
    let parts: Vec<TypedPart> = parts.collect();
    let padded: u32 = parts.iter().map(|part| part.bytes().next_multiple_of(4)).sum();
    (padded == length && parts.iter().all(|part| part.bits > 0)).then_some(parts)
}

/// A part of a datatype and length, in a byte order where the datatype has none; bytes that are not
/// of that length are an integer.
pub(super) fn part(datatype: &'static Datatype, length: u32, order: Order) -> TypedPart {
    let is_as_long = datatype.bits.div_ceil(8) == length;
    let datatype = if datatype.bits == 0 || is_as_long { datatype } else { &INTEGER };
    let bits = if is_as_long { datatype.bits } else { 8 * length };
    let order = if datatype.order == Order::Unknown { order } else { datatype.order };
    TypedPart { datatype, bits, order }
}

/// The width of a key that was declared by `typeof` and a field of a packet that is an integer: a
/// number of the kind of expression, then what is said of it.
fn typeof_bits(user: UserData<'_>) -> Option<u32> {
    /// nft's number of such expressions (`EXPR_PAYLOAD`), and of the width.
    const PAYLOAD: u32 = 7;
    const WIDTH: u8 = 4;
    let of = user.find(said::KEY_TYPEOF)?;
    if of.number(0)? != PAYLOAD {
        return None;
    }
    of.find(1)?.number(WIDTH)
}

/// The comment of anything else.
pub(super) fn comment(attributes: &Attributes<'_>, kind: u16, endian: Endian) -> Option<String> {
    UserData::of(attributes, kind, endian).text(COMMENT)
}
