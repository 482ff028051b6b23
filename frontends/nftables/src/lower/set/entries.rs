//! The elements of sets as numbers.

use crate::datatype::Base;
use crate::lower::chain::Cx;
use crate::lower::registers::{Content, number};
use crate::lower::{Lowered, unsupported};
use crate::model::{Data, Element, Expression, Part, Set, TypedPart};

/// An element's key, by parts the least and the greatest number, and what it yields.
pub(super) struct Entry<'s> {
    pub key: Vec<(u128, u128)>,
    pub element: &'s Element,
}

/// The elements of a set with their keys, but for the one that stands for all others.
pub(super) fn entries<'s>(
    set: &'s Set,
    key: &[Content],
    cx: &Cx<'_, '_>,
    expression: &Expression,
) -> Lowered<Vec<Entry<'s>>> {
    let mut entries = Vec::new();
    let refused = || unsupported(expression, "a set of such keys");
    let all: Vec<&Element> = set.elements.iter().filter(|e| e.key.is_some()).collect();
    for (at, element) in all.iter().enumerate() {
        if element.is_end {
            continue;
        }
        let Some(low) = &element.key else { continue };
        let low = numbers(low, &set.key, refused)?;
        let high = match &element.key_end {
            Some(high) => numbers(high, &set.key, refused)?,
            None if set.flags.interval && set.key.len() == 1 => {
                let next = all.get(at + 1).filter(|_| !element.is_open);
                let greatest = greatest(&set.key[0]);
                match next.and_then(|next| next.key.as_ref()) {
                    Some(next) => {
                        let next = numbers(next, &set.key, refused)?;
                        next.iter().map(|number| number.saturating_sub(1)).collect()
                    }
                    None => vec![greatest],
                }
            }
            None => low.clone(),
        };
        let mut ends: Vec<(u128, u128)> = low.into_iter().zip(high).collect();
        for (ends, content) in ends.iter_mut().zip(key) {
            if content.meaning.is_interface() {
                if ends.0 != ends.1 {
                    return Err(unsupported(expression, "a range of interfaces"));
                }
                let name = cx.interface(ends.0 as u32, expression)?;
                *ends = (name, name);
            }
            if ends.0 > ends.1 {
                return Err(refused());
            }
        }
        entries.push(Entry { key: ends, element });
    }
    Ok(entries)
}

/// The greatest number of a part.
fn greatest(part: &TypedPart) -> u128 {
    match part.bits {
        0 | 128.. => u128::MAX,
        bits => (1 << bits.next_multiple_of(8)) - 1,
    }
}

/// The numbers of a key's parts.
fn numbers(
    data: &Data,
    parts: &[TypedPart],
    refused: impl Fn() -> Box<bpfc_diag::Diagnostic>,
) -> Lowered<Vec<u128>> {
    if data.parts.len() != parts.len() {
        return Err(refused());
    }
    let of = |(held, part): (&Part, &TypedPart)| {
        let number = number(held)?;
        // Texts are padded behind.
        let missing = part.bytes().saturating_sub(held.bytes.len() as u32);
        let is_text = part.datatype.base == Base::Text;
        Some(if is_text { number.checked_shl(8 * missing).unwrap_or(0) } else { number })
    };
    let found: Option<Vec<u128>> = data.parts.iter().zip(parts).map(of).collect();
    found.ok_or_else(refused)
}
