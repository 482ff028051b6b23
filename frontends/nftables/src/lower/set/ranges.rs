//! Concatenations with ranges in several parts, as chains of tables.
//!
//! A table has one part with ranges, so one table leads to the next: each but the last yields the
//! number of a state, which stands for the elements that are still possible, and the next one's key
//! is that number and another part. Of several elements that hold a packet the first one counts, as
//! in net/netfilter/nft_set_pipapo.c, so the last table holds for each range the first element.

use super::entries::Entries;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Ranges in all tables of a chain at most: overlapping elements multiply.
const MOST: usize = 1 << 20;

/// An element of a table of a chain: the state that it belongs to, where this is not the first
/// table, the ends of the parts, and the state, or at the end the element, that it leads to.
pub(super) type Lead = (Option<u32>, Vec<(u128, u128)>, u32);

/// A table of a chain.
#[derive(Debug, PartialEq)]
pub(super) struct Step {
    /// The parts of the set's key that it asks for; the one with ranges stands last.
    pub parts: Vec<usize>,
    /// Its elements.
    pub elements: Vec<Lead>,
}

/// The chain of a set whose key has ranges in these parts, several; `None` where it is too large.
pub(super) fn chain(entries: &Entries<'_>, parts: usize, ranged: &[usize]) -> Option<Vec<Step>> {
    let exact: Vec<usize> = (0..parts).filter(|part| !ranged.contains(part)).collect();
    let mut groups: BTreeMap<Vec<u128>, Vec<u32>> = BTreeMap::new();
    for (number, entry) in (0..).zip(entries.iter()) {
        let key = exact.iter().map(|&part| entry.key[part].0).collect();
        groups.entry(key).or_default().push(number);
    }
    let mut steps = Vec::new();
    let mut size = 0;
    let mut states: Vec<Vec<u32>> = Vec::new();
    for (at, &part) in ranged.iter().enumerate() {
        let is_last = at + 1 == ranged.len();
        let mut next: Vec<Vec<u32>> = Vec::new();
        let mut known: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut leads = |possible: Vec<u32>| match is_last {
            true => possible.first().copied().unwrap_or_default(),
            false => *known.entry(possible).or_insert_with_key(|possible| {
                next.push(possible.clone());
                next.len() as u32 - 1
            }),
        };
        let mut elements: Vec<Lead> = Vec::new();
        let mut split = |state: Option<u32>, exact: &[u128], possible: &[u32]| {
            let begin = elements.len();
            for (low, high, possible) in pieces(entries, part, possible, MOST - size)? {
                let to = leads(possible);
                size += 1;
                // What lies side by side and leads to the same is one range.
                let mut before = elements[begin..].last_mut();
                match before.as_mut().map(|(_, ends, known)| (ends.last_mut(), known)) {
                    Some((Some(ends), known))
                        if *known == to && ends.1.checked_add(1) == Some(low) =>
                    {
                        ends.1 = high;
                    }
                    _ => {
                        let mut ends: Vec<_> = exact.iter().map(|&part| (part, part)).collect();
                        ends.push((low, high));
                        elements.push((state, ends, to));
                    }
                }
            }
            Some(())
        };
        if at == 0 {
            for (key, possible) in &groups {
                split(None, key, possible)?;
            }
        } else {
            for (state, possible) in (0..).zip(&states) {
                split(Some(state), &[], possible)?;
            }
        }
        let mut asked = if at == 0 { exact.clone() } else { Vec::new() };
        asked.push(part);
        steps.push(Step { parts: asked, elements });
        states = next;
    }
    Some(steps)
}

/// The pieces of a part that some of these elements hold, each with those elements in their order.
/// `None` where there are more pieces than `most`.
fn pieces(
    entries: &Entries<'_>,
    part: usize,
    possible: &[u32],
    most: usize,
) -> Option<Vec<(u128, u128, Vec<u32>)>> {
    // Where elements begin, and behind where they end; none ends behind the greatest number.
    let mut begins: Vec<(u128, u32)> = Vec::with_capacity(possible.len());
    let mut ends: Vec<(u128, u32)> = Vec::with_capacity(possible.len());
    for &number in possible {
        let (low, high) = entries.get(number as usize).key[part];
        begins.push((low, number));
        ends.extend(high.checked_add(1).map(|end| (end, number)));
    }
    begins.sort_unstable();
    ends.sort_unstable();
    let mut places: Vec<u128> = begins.iter().chain(&ends).map(|&(place, _)| place).collect();
    places.sort_unstable();
    places.dedup();
    let (mut begins, mut ends) = (begins.into_iter().peekable(), ends.into_iter().peekable());
    let mut held: BTreeSet<u32> = BTreeSet::new();
    let (mut found, mut cost) = (Vec::new(), 0);
    for (at, &low) in places.iter().enumerate() {
        while let Some((_, number)) = ends.next_if(|&(place, _)| place == low) {
            held.remove(&number);
        }
        while let Some((_, number)) = begins.next_if(|&(place, _)| place == low) {
            held.insert(number);
        }
        if held.is_empty() {
            continue;
        }
        let high = places.get(at + 1).map_or(u128::MAX, |next| next - 1);
        cost += held.len();
        if found.len() >= most || cost > 64 * MOST {
            return None;
        }
        found.push((low, high, held.iter().copied().collect()));
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Element, ElementData};

    fn elements(keys: &[Vec<(u128, u128)>]) -> Vec<Element> {
        let element = |_: &Vec<(u128, u128)>| Element {
            key: None,
            key_end: None,
            is_end: false,
            is_open: false,
            data: ElementData::None,
            more: None,
            span: None,
        };
        keys.iter().map(element).collect()
    }

    fn entries<'h>(keys: &[Vec<(u128, u128)>], held: &'h [Element]) -> Entries<'h> {
        let mut entries = Entries::new(keys[0].len(), keys.len());
        for (key, element) in keys.iter().zip(held) {
            entries.push(key.iter().copied(), element);
        }
        entries
    }

    /// What a chain finds.
    fn find(steps: &[Step], key: &[u128]) -> Option<u32> {
        let mut state = None;
        for step in steps {
            let holds = |(of, ends, _): &&(Option<u32>, Vec<(u128, u128)>, u32)| {
                let mut parts = step.parts.iter().zip(ends);
                *of == state
                    && parts.all(|(&part, ends)| ends.0 <= key[part] && key[part] <= ends.1)
            };
            state = Some(step.elements.iter().find(holds)?.2);
        }
        state
    }

    #[test]
    fn the_first_element_that_holds_a_packet_is_found() {
        let keys = [
            vec![(0, 9), (6, 6), (20, 29)],
            vec![(5, 5), (6, 6), (0, 99)],
            vec![(0, u128::MAX), (6, 6), (25, u128::MAX)],
            vec![(3, 7), (17, 17), (7, 7)],
            vec![(7, 8), (17, 17), (7, 8)],
        ];
        let held = elements(&keys);
        let entries = entries(&keys, &held);
        let steps = chain(&entries, 3, &[0, 2]).expect("a chain");
        assert_eq!(steps.len(), 2);
        assert_eq!((&steps[0].parts[..], &steps[1].parts[..]), (&[1, 0][..], &[2][..]));
        let numbers = [0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 19, 20, 24, 25, 29, 30, 99, 100, u128::MAX];
        for first in numbers {
            for middle in [6, 17, 18] {
                for last in numbers {
                    let key = [first, middle, last];
                    let holds = |ends: &Vec<(u128, u128)>| {
                        ends.iter().zip(&key).all(|(ends, key)| ends.0 <= *key && *key <= ends.1)
                    };
                    let expected = keys.iter().position(holds).map(|at| at as u32);
                    assert_eq!(find(&steps, &key), expected, "{key:?}");
                }
            }
        }
    }

    #[test]
    fn what_multiplies_too_much_is_refused() {
        // Each of 3,000 holds a piece of its own of the first part, and all of the second but one.
        let keys: Vec<Vec<(u128, u128)>> =
            (0..3_000).map(|at| vec![(at, 6_000 - at), (2 * at, 2 * at)]).collect();
        let held = elements(&keys);
        let entries = entries(&keys, &held);
        assert_eq!(chain(&entries, 2, &[0, 1]), None);
    }
}
