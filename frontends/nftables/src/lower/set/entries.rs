//! The elements of sets as numbers.

use crate::datatype::Base;
use crate::lower::chain::Cx;
use crate::lower::registers::{Content, number};
use crate::lower::{Lowered, unsupported};
use crate::model::{Data, Element, Expression, Part, Set, TypedPart};

/// An element's key, by parts the least and the greatest number, and what it yields.
#[derive(Clone, Copy)]
pub(in crate::lower) struct Entry<'e, 's> {
    pub key: &'e [(u128, u128)],
    pub element: &'s Element,
}

/// The elements of a set with their keys, which lie in one piece: there may be a million.
pub(in crate::lower) struct Entries<'s> {
    parts: usize,
    keys: Vec<(u128, u128)>,
    elements: Vec<&'s Element>,
}

impl<'s> Entries<'s> {
    /// Of keys of so many parts, with room for so many elements.
    pub fn new(parts: usize, count: usize) -> Self {
        let keys = Vec::with_capacity(parts.saturating_mul(count));
        Entries { parts, keys, elements: Vec::with_capacity(count) }
    }

    /// Adds an element with a number of ends for each part.
    pub fn push(&mut self, ends: impl Iterator<Item = (u128, u128)>, element: &'s Element) {
        self.elements.push(element);
        self.keys.extend(ends);
        self.keys.resize(self.elements.len() * self.parts, (0, 0));
    }

    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// The element of a number, which there is.
    pub fn get(&self, at: usize) -> Entry<'_, 's> {
        let key = &self.keys[at * self.parts..(at + 1) * self.parts];
        Entry { key, element: self.elements[at] }
    }

    pub fn iter(&self) -> impl Iterator<Item = Entry<'_, 's>> + Clone {
        (0..self.len()).map(|at| self.get(at))
    }
}

/// The elements of a set with their keys, but for the one that stands for all others.
pub(super) fn entries<'s>(
    set: &'s Set,
    key: &[Content],
    cx: &Cx<'_, '_>,
    expression: &Expression,
) -> Lowered<Entries<'s>> {
    let mut entries = keys(set).ok_or_else(|| unsupported(expression, "a set of such keys"))?;
    if !key.iter().any(|content| content.meaning.is_interface()) {
        return Ok(entries);
    }
    for (ends, content) in entries.keys.iter_mut().zip(key.iter().cycle()) {
        if content.meaning.is_interface() {
            if ends.0 != ends.1 {
                return Err(unsupported(expression, "a range of interfaces"));
            }
            let name = cx.interface(ends.0 as u32, expression)?;
            *ends = (name, name);
        }
    }
    Ok(entries)
}

/// The same as they are written: interfaces by their indexes. `None` where an element is none of
/// the set's.
pub(in crate::lower) fn keys(set: &Set) -> Option<Entries<'_>> {
    let mut all = set.elements.iter().filter(|e| e.key.is_some()).peekable();
    let starts = set.elements.iter().filter(|e| e.key.is_some() && !e.is_end);
    let mut entries = Entries::new(set.key.len(), starts.count());
    let (mut lows, mut highs) = (Vec::new(), Vec::new());
    while let Some(element) = all.next() {
        if element.is_end {
            continue;
        }
        let Some(low) = &element.key else { continue };
        numbers(low, &set.key, &mut lows)?;
        match &element.key_end {
            Some(high) => numbers(high, &set.key, &mut highs)?,
            None if set.flags.interval && set.key.len() == 1 => {
                let next = all.peek().filter(|_| !element.is_open);
                match next.and_then(|next| next.key.as_ref()) {
                    Some(next) => {
                        numbers(next, &set.key, &mut highs)?;
                        highs.iter_mut().for_each(|number| *number = number.saturating_sub(1));
                    }
                    None => {
                        highs.clear();
                        highs.push(greatest(&set.key[0]));
                    }
                }
            }
            None => highs.clone_from(&lows),
        }
        if lows.iter().zip(&highs).any(|(low, high)| low > high) {
            return None;
        }
        entries.push(lows.iter().copied().zip(highs.iter().copied()), element);
    }
    Some(entries)
}

/// The greatest number of a part.
fn greatest(part: &TypedPart) -> u128 {
    match part.bits {
        0 | 128.. => u128::MAX,
        bits => (1 << bits.next_multiple_of(8)) - 1,
    }
}

/// Finds the numbers of a key's parts.
fn numbers(data: &Data, parts: &[TypedPart], found: &mut Vec<u128>) -> Option<()> {
    let of = |(held, part): (Part<'_>, &TypedPart)| {
        let number = number(held)?;
        // Texts are padded behind.
        let missing = part.bytes().saturating_sub(held.bytes.len() as u32);
        let is_text = part.datatype.base == Base::Text;
        Some(if is_text { number.checked_shl(8 * missing).unwrap_or(0) } else { number })
    };
    found.clear();
    if data.parts().count() != parts.len() {
        return None;
    }
    for pair in data.parts().zip(parts) {
        found.push(of(pair)?);
    }
    Some(())
}
