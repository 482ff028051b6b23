//! Elements of sets and maps.
//!
//! The kernel tells those of hashes in the order of their hashes, and intervals from the last one
//! back. They come into the order of their keys, as the text reader has intervals. Ranges of
//! concatenations stay in the order in which they were added: of several that a packet fits, the
//! first one is found.

use super::attributes::{Attributes, Bytes, Damage};
use super::expression::{Refusal, Source, verdict};
use super::orders::{is_host, key_is_host, split};
use super::statement::expressions;
use super::user_data::{COMMENT, UserData};
use crate::model::{
    Data, Element, ElementData, ElementMore, Endian, Expression, Set, SetName, TypedPart,
};
use std::collections::BTreeMap;

/// Flags of elements, and of what nft keeps of them.
const IS_END: u32 = 1;
const IS_OTHER: u32 = 2;
const USER_FLAGS: u8 = 1;
const IS_OPEN: u32 = 1;

/// Reads one element.
pub(super) fn element(
    bytes: Bytes<'_>,
    set: &Set,
    sets: &BTreeMap<String, SetName>,
    endian: Endian,
) -> Result<Element, Refusal> {
    let attributes = Attributes::read(bytes)?;
    let flags = attributes.be32_or_0(3)?;
    if flags & !(IS_END | IS_OTHER) != 0 {
        return Err(Refusal::Unknown(format!("the flags {flags:#x} of an element")));
    }
    let key = |kind: u16| match attributes.maybe_nested(kind)? {
        None => Ok(None),
        Some(key) => value(&key, &set.key, |part| key_is_host(set, part), endian).map(Some),
    };
    let found = match flags & IS_OTHER {
        0 => key(1)?,
        _ => None,
    };
    if found.is_none() && flags & IS_OTHER == 0 {
        return Err(Damage::new(attributes.at(), "an element has no key").into());
    }
    let user = UserData::of(&attributes, 6, endian);
    let data = match attributes.find(9) {
        Some(object) => ElementData::Object(object.text()?),
        None => match attributes.maybe_nested(2)? {
            None => ElementData::None,
            Some(data) if set.is_verdict_map => ElementData::Verdict(verdict(&data)?),
            Some(data) => ElementData::Value(value(&data, &set.data, is_host, endian)?),
        },
    };
    let source = Source {
        name: "element".to_owned(),
        at: attributes.at(),
        attributes: attributes.clone(),
        sets,
        depth: 0,
    };
    let time = |kind: u16| {
        let time = attributes.find(kind).map(|time| time.be64()).transpose()?;
        Ok::<_, Damage>(time.filter(|time| *time > 0))
    };
    let more = ElementMore {
        timeout: time(4)?,
        expires: time(5)?,
        expressions: own(expressions(&source, &attributes, 7, 11)?, set),
        comment: user.text(COMMENT),
    };
    Ok(Element {
        key: found,
        key_end: key(10)?,
        is_end: flags & IS_END != 0,
        is_open: user.number(USER_FLAGS).is_some_and(|flags| flags & IS_OPEN != 0),
        data,
        more: (more != ElementMore::default()).then(|| Box::new(more)),
        span: None,
    })
}

/// The statements of an element that are not what every element of the set begins with.
fn own(all: Vec<Expression>, set: &Set) -> Vec<Expression> {
    if all == set.expressions { Vec::new() } else { all }
}

/// A value of registers that holds these parts.
fn value(
    attributes: &Attributes<'_>,
    parts: &[TypedPart],
    is_host: impl Fn(&TypedPart) -> bool,
    endian: Endian,
) -> Result<Data, Damage> {
    let bytes = attributes.get(1)?;
    let mut ends = Vec::with_capacity(parts.len());
    let mut end = 0;
    for part in parts {
        ends.push((end, part.bytes() as usize, is_host(part)));
        end += part.bytes().next_multiple_of(4) as usize;
    }
    let whole = match parts {
        [only] => only.bytes() as usize,
        _ => end,
    };
    if bytes.bytes.len() != whole {
        let message = format!("a value of {whole} bytes has {}", bytes.bytes.len());
        return Err(Damage::new(bytes.at, message));
    }
    let at = |at: usize| {
        let found = ends.iter().find(|(start, ..)| *start == at)?;
        Some((found.1, found.2))
    };
    Ok(split(bytes.bytes, endian, at))
}

/// Brings a set's elements into their order.
pub(super) fn sort(set: &mut Set) {
    let is_ordered = set.flags.interval && set.key.len() > 1;
    if !is_ordered {
        // What ends an interval stands before what begins there; the one for all others is last.
        set.elements.sort_by(|a, b| {
            let key = |e: &Element| (e.key.is_none(), !e.is_end);
            key(a).0.cmp(&key(b).0).then_with(|| a.key.cmp(&b.key)).then(key(a).1.cmp(&key(b).1))
        });
    }
}
