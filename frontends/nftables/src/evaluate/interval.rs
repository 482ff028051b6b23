//! Ranges as the kernel holds them: the first key of each, and the first key behind it.

use super::element::{data_of, end_data, ends, is_interval};
use super::typed::{Item, ItemData, ones};
use super::{Evaluated, error};
use crate::model::{Data, Element, ElementData};
use bpfc_diag::{Code, Diagnostic, FileId, Span};

/// How the elements of a set become those of the kernel.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    /// Width of a key in bits.
    pub bits: u32,
    pub is_interval: bool,
    pub is_concat: bool,
    pub is_map: bool,
    /// Whether a rule holds it: elements never change, and an interval that begins ends another.
    pub is_anonymous: bool,
    /// Whether ranges that overlap or touch become one.
    pub merges: bool,
}

/// A range of keys and what it stands for.
struct Range<'a> {
    low: u128,
    high: u128,
    item: &'a Item,
}

/// The kernel's elements of a set that is made with these.
pub(super) fn elements(items: &[Item], shape: Shape) -> Evaluated<Vec<Element>> {
    match shape.is_interval && !shape.is_concat {
        true => ranges(items, shape),
        false => {
            let mut all = items.iter().map(|item| single(item, shape)).collect();
            drop_repeated(&mut all)?;
            check_corners(&all)?;
            Ok(all)
        }
    }
}

fn element(item: &Item, key: Option<Data>) -> Element {
    Element {
        key,
        key_end: None,
        is_end: false,
        is_open: false,
        data: match &item.data {
            ItemData::None => ElementData::None,
            ItemData::Value(value) => ElementData::Value(data_of(value)),
            ItemData::Verdict(verdict) => ElementData::Verdict(verdict.clone()),
            ItemData::Object(name) => ElementData::Object(name.clone()),
        },
        more: item.more.clone(),
        span: Some(item.span),
    }
}

fn single(item: &Item, shape: Shape) -> Element {
    let is_concat_interval = shape.is_interval && shape.is_concat;
    match &item.key {
        Some(key) if is_concat_interval => {
            let mut element = element(item, Some(end_data(key, false)));
            element.key_end = Some(end_data(key, true));
            element
        }
        Some(key) => {
            let mut data = data_of(key);
            if !shape.is_concat
                && shape.bits > 0
                && let Some(part) = data.only()
            {
                // Moved bits may have made the key wider than its type.
                let lacks = (shape.bits.div_ceil(8) as usize).saturating_sub(part.bytes.len());
                if lacks > 0 {
                    let bytes = [&vec![0; lacks][..], part.bytes].concat();
                    data = Data::bytes(&bytes, part.is_host);
                }
            }
            element(item, Some(data))
        }
        None => element(item, None),
    }
}

fn ranges(items: &[Item], shape: Shape) -> Evaluated<Vec<Element>> {
    let bytes = shape.bits.div_ceil(8) as usize;
    let most = ones(shape.bits);
    let (mut all, mut rest) = (Vec::new(), Vec::new());
    for item in items {
        match &item.key {
            Some(key) => {
                let (low, high) = ends(key);
                all.push(Range { low, high, item });
            }
            None => rest.push(item),
        }
    }
    all.sort_by_key(|range| (range.low, range.high));
    let all = disjoint(all, shape)?;
    let key = |value| Some(Data::number(value, bytes, false));
    let mut elements = Vec::new();
    if let Some(first) = all.first().filter(|first| first.low > 0) {
        elements.push(end_before(key(0), first.item.span));
    }
    for (index, range) in all.iter().enumerate() {
        let mut start = element(range.item, key(range.low));
        let next = all.get(index + 1).map(|next| next.low);
        start.is_open = range.high >= most;
        let is_open = start.is_open;
        elements.push(start);
        let is_ended = shape.is_anonymous && next == Some(range.high.saturating_add(1));
        if !is_open && !is_ended {
            elements.push(end_before(key(range.high + 1), range.item.span));
        }
    }
    elements.extend(rest.into_iter().map(|item| element(item, None)));
    Ok(elements)
}

/// The element that ends the interval before it.
fn end_before(key: Option<Data>, span: Span) -> Element {
    Element {
        key,
        key_end: None,
        is_end: true,
        is_open: false,
        data: ElementData::None,
        more: None,
        span: Some(span),
    }
}

/// Ranges in ascending order of which none overlap.
fn disjoint(all: Vec<Range<'_>>, shape: Shape) -> Evaluated<Vec<Range<'_>>> {
    let mut kept: Vec<Range<'_>> = Vec::new();
    for range in all {
        let Some(last) = kept.last_mut() else {
            kept.push(range);
            continue;
        };
        let overlaps = range.low <= last.high;
        let is_same = (range.low, range.high) == (last.low, last.high);
        if shape.merges && !shape.is_map {
            if overlaps || range.low == last.high + 1 {
                last.high = last.high.max(range.high);
                continue;
            }
        } else if overlaps {
            let yields = |range: &Range<'_>| element(range.item, None).data;
            if is_same && yields(&range) == yields(last) {
                continue;
            }
            return Err(conflict(&range, last));
        }
        kept.push(range);
    }
    Ok(kept)
}

fn conflict(range: &Range<'_>, other: &Range<'_>) -> Box<Diagnostic> {
    let message = "the interval overlaps another one of the set";
    let mut diagnostic = error(Code::NFT_SET, range.item.span, message);
    diagnostic.notes.push(format!(
        "it is {:#x} to {:#x}, the other one {:#x} to {:#x}",
        range.low, range.high, other.low, other.high
    ));
    if other.item.data.is_none() {
        diagnostic.help = Some("`auto-merge` in the set's block makes them one".to_owned());
    }
    diagnostic
}

impl ItemData {
    fn is_none(&self) -> bool {
        matches!(self, ItemData::None)
    }
}

/// Whether one of the elements is a range.
pub(super) fn has_interval(items: &[Item]) -> bool {
    items.iter().filter_map(|item| item.key.as_ref()).any(is_interval)
}

/// A number that is the same for elements with the same key, and seldom for others.
fn prefix(element: &Element) -> u64 {
    let parts = element.key.iter().flat_map(Data::parts);
    parts
        .flat_map(|part| part.bytes)
        .fold(0, |sum: u64, &byte| sum.rotate_left(8) ^ u64::from(byte))
}

/// Leaves the first of elements with the same key.
fn drop_repeated(all: &mut Vec<Element>) -> Evaluated<()> {
    let key = |element: usize| (&all[element].key, &all[element].key_end);
    if (1..all.len()).all(|at| key(at - 1) < key(at)) {
        return Ok(());
    }
    // Which elements come first is the same of any order, and numbers are sorted soonest.
    let mut order: Vec<(u64, usize)> = Vec::with_capacity(all.len());
    order.extend(all.iter().enumerate().map(|(at, element)| (prefix(element), at)));
    order.sort_unstable_by(|a, b| {
        a.0.cmp(&b.0).then_with(|| key(a.1).cmp(&key(b.1))).then(a.1.cmp(&b.1))
    });
    let mut repeated = Vec::new();
    for pair in order.windows(2) {
        let (first, second) = (&all[pair[0].1], &all[pair[1].1]);
        if pair[0].0 != pair[1].0 || key(pair[0].1) != key(pair[1].1) {
            continue;
        }
        if first.data != second.data {
            let message = "the map has another value for this key already";
            let fallback = Span::new(FileId(0), 0, 0);
            let span = second.span.unwrap_or(fallback);
            return Err(error(Code::NFT_SET, span, message));
        }
        repeated.push(pair[1].1);
    }
    if !repeated.is_empty() {
        repeated.sort_unstable();
        let mut index = 0;
        all.retain(|_| {
            index += 1;
            repeated.binary_search(&(index - 1)).is_err()
        });
    }
    Ok(())
}

/// How many elements are compared with each other.
const MOST_COMPARED: usize = 2000;

/// Concatenations of ranges may overlap, and the first one wins; but the kernel takes none whose
/// lowest or highest key lies in one before it. Larger sets are not checked: it takes them long.
fn check_corners(all: &[Element]) -> Evaluated<()> {
    if all.len() > MOST_COMPARED {
        return Ok(());
    }
    for (index, new) in all.iter().enumerate() {
        let (Some(low), Some(high)) = (&new.key, &new.key_end) else { continue };
        let holds = |known: &&Element| holds(known, low) || holds(known, high);
        if all[..index].iter().any(|known| holds(&known)) {
            let message = "an end of the range lies in an element before it";
            let fallback = Span::new(FileId(0), 0, 0);
            let mut diagnostic = error(Code::NFT_SET, new.span.unwrap_or(fallback), message);
            diagnostic.span = new.span;
            diagnostic.help = Some("put the smaller range before the larger one".to_owned());
            return Err(diagnostic);
        }
    }
    Ok(())
}

fn holds(element: &Element, key: &Data) -> bool {
    let (Some(low), Some(high)) = (&element.key, &element.key_end) else { return false };
    let ends = low.parts().zip(high.parts());
    ends.zip(key.parts()).all(|((low, high), key)| (low.bytes..=high.bytes).contains(&key.bytes))
}
