//! Tables: elements by key, each with fields, as nftables' sets and maps are.
//!
//! A table's definition is part of the program; its elements are not: they travel beside it
//! ([`Contents`]), since there may be a million of them. A rule looks an element up
//! ([`crate::Op::Find`]), asks whether there is one ([`crate::Op::Found`]) and, where there is,
//! reads its fields ([`crate::Op::Field`]) without looking it up again. A field can be a verdict: a
//! number that stands for a name which outlives the program, and which a
//! [`crate::Terminator::Switch`] turns into control.

use crate::{StateKind, Table, Touch, Type};
use cranelift_entity::SecondaryMap;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which numbers an element has for a part of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// One.
    Exact,
    /// Those that begin with the same bits; of two elements that hold a packet, the one with more
    /// bits counts.
    Prefix,
    /// A range; no two elements hold one packet.
    Range,
}

/// A part of a table's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeyPart {
    /// Its type, a number.
    pub ty: Type,
    /// What elements have for it.
    pub shape: Shape,
}

/// What an element says besides that it is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FieldDef {
    /// A number.
    Data(Type),
    /// A verdict, an i32: the place of its name in this list (`accept`, `jump NAME`). Elements keep
    /// the name, since they outlive a replacement of the program.
    Verdict(Vec<String>),
    /// A state of the element's own, from which a packet takes when it touches the element
    /// ([`crate::Op::Touch`]); what it yielded then, an i32.
    State(StateKind),
}

impl FieldDef {
    /// The type of what is read.
    pub fn ty(&self) -> Type {
        match self {
            FieldDef::Data(ty) => *ty,
            FieldDef::Verdict(_) | FieldDef::State(_) => Type::I32,
        }
    }
}

/// When elements that packets added go (net/netfilter/xt_hashlimit.c: `htable_gc`;
/// net/netfilter/nf_tables_api.c: `nft_set_elem_expired`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Expiry {
    /// Milliseconds after which an element is idle that no packet added or updated.
    pub idle: u32,
    /// Milliseconds between collections of idle elements: until then they take their room.
    pub collect: u32,
    /// Whether an idle element is as good as none before it is collected.
    pub is_exact: bool,
}

impl Expiry {
    /// Both in ticks of a kernel with `hertz` of them a second (`msecs_to_jiffies`: rounded up).
    pub fn ticks(&self, hertz: u32) -> ExpiryTicks {
        let ticks = |time: u32| (u64::from(time) * u64::from(hertz)).div_ceil(1000);
        let is_exact = self.is_exact;
        ExpiryTicks { idle: ticks(self.idle), collect: ticks(self.collect), is_exact }
    }
}

/// [`Expiry`] in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpiryTicks {
    /// Ticks after which an element is idle.
    pub idle: u64,
    /// Ticks between collections, which come at whole multiples of them.
    pub collect: u64,
    /// Whether an idle element is as good as none before it is collected.
    pub is_exact: bool,
}

impl ExpiryTicks {
    /// Whether an element that is idle from a tick on was collected by now.
    pub fn is_gone(&self, idle_from: u64, now: u64) -> bool {
        now - now % self.collect.max(1) >= idle_from
    }

    /// Whether no packet finds such an element any more.
    pub fn is_hidden(&self, idle_from: u64, now: u64) -> bool {
        match self.is_exact {
            true => now >= idle_from,
            false => self.is_gone(idle_from, now),
        }
    }
}

/// A table's definition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TableDef {
    /// Its name, unique among tables; empty for one that no one else refers to.
    pub name: String,
    /// The parts of its key, at most [`TableDef::LARGEST_KEY`] bytes. Only the last can be other
    /// than exact.
    pub key: Vec<KeyPart>,
    /// What elements say.
    pub fields: Vec<FieldDef>,
    /// Elements at most, at least 1.
    pub capacity: u32,
    /// When its elements go; `None` where they stay. Elements of a table with an expiry come from
    /// packets alone.
    pub expiry: Option<Expiry>,
}

impl TableDef {
    /// Bytes of a key at most (`NFT_DATA_VALUE_MAXLEN`, include/uapi/linux/netfilter/nf_tables.h).
    pub const LARGEST_KEY: u16 = 64;

    /// Whether each part of its key is exact.
    pub fn is_exact(&self) -> bool {
        self.key.iter().all(|part| part.shape == Shape::Exact)
    }

    /// The states of its elements.
    pub fn states(&self) -> impl Iterator<Item = &StateKind> {
        self.fields.iter().filter_map(|field| match field {
            FieldDef::State(kind) => Some(kind),
            FieldDef::Data(_) | FieldDef::Verdict(_) => None,
        })
    }

    /// The clocks, in ticks a second, of kernels that refuse a rate of its elements.
    pub fn refusing_clocks(&self) -> Vec<u32> {
        let mut clocks: Vec<u32> = self.states().flat_map(StateKind::refusing_clocks).collect();
        clocks.sort_unstable();
        clocks.dedup();
        clocks
    }

    /// Whether packets can touch its elements so. What they add says nothing but states.
    pub(crate) fn can_be_touched(&self, touch: Touch) -> bool {
        let only_states = self.states().count() == self.fields.len();
        self.is_exact() && (touch == Touch::Existing || only_states)
    }

    /// Whether it is as its parts say.
    pub(crate) fn is_sound(&self) -> bool {
        let is_number = |ty: Type| !matches!(ty, Type::Bool | Type::Element);
        let bytes: u16 = self.key.iter().map(|part| part.ty.bytes().max(4)).sum();
        let exact = self.key.split_last().map(|(_, exact)| exact);
        exact.is_some_and(|exact| exact.iter().all(|part| part.shape == Shape::Exact))
            && self.key.iter().all(|part| is_number(part.ty))
            && bytes <= Self::LARGEST_KEY
            && self.capacity > 0
            && self.fields.iter().all(|field| match field {
                FieldDef::Data(ty) => is_number(*ty),
                FieldDef::Verdict(names) => !names.is_empty(),
                // A new one's numbers depend on the time.
                FieldDef::State(kind) => {
                    kind.is_sound() && (kind.words() == 1 || self.expiry.is_some())
                }
            })
            && (self.states().next().is_none() && self.expiry.is_none() || self.is_exact())
            && self.expiry.is_none_or(|expiry| expiry.idle > 0 && expiry.collect > 0)
    }
}

/// An element.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Element {
    /// For each part of the key the least and the greatest number, which are the same for an exact
    /// part.
    pub key: Vec<(u128, u128)>,
    /// Its fields' numbers; 0 for a state.
    pub fields: Vec<u128>,
}

/// Why elements are none of a table's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ElementError {
    /// It has other parts or fields than its table, or numbers that do not fit their types.
    #[error("element {0} does not fit the table")]
    Unfit(usize),
    /// A range that is no prefix, where elements have prefixes.
    #[error("element {0} is no prefix")]
    NoPrefix(usize),
    /// Two elements hold the same packets.
    #[error("elements {0} and {1} overlap")]
    Overlap(usize, usize),
    /// There are more than its table has room for.
    #[error("the table has no room for {0} elements")]
    Full(usize),
    /// Elements of the table expire, so that packets alone add them.
    #[error("packets alone add elements to a table where they expire")]
    Expiring,
}

/// The ends of the last part of an element's key, and the element's place.
type Held = (u128, Reverse<u128>, usize);

/// The elements of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elements {
    all: Vec<Element>,
    /// By the exact parts: the ends of the last part with the element's place, by the lower end,
    /// wider ranges first.
    by_key: BTreeMap<Vec<u128>, Vec<Held>>,
}

impl Elements {
    /// Elements of a table.
    ///
    /// # Errors
    /// The first element that does not fit, or two that overlap where they must not.
    pub fn new(def: &TableDef, all: Vec<Element>) -> Result<Elements, ElementError> {
        if all.len() > def.capacity as usize {
            return Err(ElementError::Full(all.len()));
        }
        if def.expiry.is_some() && !all.is_empty() {
            return Err(ElementError::Expiring);
        }
        let mut by_key: BTreeMap<Vec<u128>, Vec<Held>> = BTreeMap::new();
        let shape = def.key.last().map_or(Shape::Exact, |part| part.shape);
        for (at, Element { key, fields }) in all.iter().enumerate() {
            let fits = |part: &KeyPart, &(low, high): &(u128, u128)| {
                low <= high && high <= part.ty.max() && (part.shape != Shape::Exact || low == high)
            };
            let is_value = |field: &FieldDef, &value: &u128| match field {
                FieldDef::Data(ty) => value <= (*ty).max(),
                FieldDef::Verdict(names) => value < names.len() as u128,
                FieldDef::State(_) => value == 0,
            };
            if key.len() != def.key.len()
                || fields.len() != def.fields.len()
                || !def.key.iter().zip(key).all(|(part, ends)| fits(part, ends))
                || !def.fields.iter().zip(fields).all(|(field, value)| is_value(field, value))
            {
                return Err(ElementError::Unfit(at));
            }
            let Some((&(low, high), exact)) = key.split_last() else {
                return Err(ElementError::Unfit(at));
            };
            let size = high - low;
            let is_prefix = size & size.wrapping_add(1) == 0 && low & size == 0;
            if shape == Shape::Prefix && !is_prefix {
                return Err(ElementError::NoPrefix(at));
            }
            let exact = exact.iter().map(|ends| ends.0).collect();
            by_key.entry(exact).or_default().push((low, Reverse(high), at));
        }
        for ranges in by_key.values_mut() {
            ranges.sort_unstable();
            for pair in ranges.windows(2) {
                let ((low, high, one), (next, end, other)) = (pair[0], pair[1]);
                let overlap = match shape {
                    Shape::Prefix | Shape::Exact => low == next && high == end,
                    Shape::Range => next <= high.0,
                };
                if overlap {
                    return Err(ElementError::Overlap(one.min(other), one.max(other)));
                }
            }
        }
        Ok(Elements { all, by_key })
    }

    /// The elements, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &Element> {
        self.all.iter()
    }

    /// The element that holds a key.
    pub fn find(&self, key: &[u128]) -> Option<&Element> {
        let (&last, exact) = key.split_last()?;
        let ranges = self.by_key.get(exact)?;
        let after = ranges.partition_point(|&(low, ..)| low <= last);
        // Of those that hold it the narrowest begins last.
        let held = ranges[..after].iter().rev().find(|(_, high, _)| last <= high.0);
        held.map(|&(_, _, at)| &self.all[at])
    }
}

/// The elements of a program's tables.
#[derive(Clone, Debug, Default)]
pub struct Contents(SecondaryMap<Table, Option<Arc<Elements>>>);

impl Contents {
    /// Gives a table its elements.
    pub fn set(&mut self, table: Table, elements: Elements) {
        self.0[table] = Some(Arc::new(elements));
    }

    /// Adds the elements of another program's tables, whose first has this number here.
    pub fn append(&mut self, other: Contents, first: u32) {
        for (table, elements) in other.0.iter() {
            if let Some(elements) = elements {
                let table = Table::from_u32(first + table.as_u32());
                self.0[table] = Some(Arc::clone(elements));
            }
        }
    }

    /// The tables that were given elements, with those.
    pub fn iter(&self) -> impl Iterator<Item = (Table, &Elements)> {
        self.0.iter().filter_map(|(table, elements)| Some((table, elements.as_deref()?)))
    }

    /// The elements of a table, where it has any.
    pub fn of(&self, table: Table) -> Option<&Elements> {
        self.0[table].as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(shape: Shape) -> TableDef {
        let exact = KeyPart { ty: Type::I16, shape: Shape::Exact };
        TableDef {
            name: String::new(),
            key: vec![exact, KeyPart { ty: Type::I32, shape }],
            fields: vec![FieldDef::Data(Type::I8)],
            capacity: 4,
            expiry: None,
        }
    }

    fn element(port: u128, ends: (u128, u128), field: u128) -> Element {
        Element { key: vec![(port, port), ends], fields: vec![field] }
    }

    #[test]
    fn the_longest_prefix_counts() {
        let all = vec![
            element(80, (0x0a00_0000, 0x0aff_ffff), 1),
            element(80, (0x0a01_0000, 0x0a01_ffff), 2),
            element(80, (0x0a01_0203, 0x0a01_0203), 3),
            element(81, (0, u32::MAX.into()), 4),
        ];
        let elements = Elements::new(&table(Shape::Prefix), all).expect("elements");
        let found = |port, address| elements.find(&[port, address]).map(|found| found.fields[0]);
        assert_eq!(found(80, 0x0a02_0000), Some(1));
        assert_eq!(found(80, 0x0a01_0204), Some(2));
        assert_eq!(found(80, 0x0a01_0203), Some(3));
        assert_eq!(found(80, 0x0b00_0000), None);
        assert_eq!(found(81, 0x0b00_0000), Some(4));
        assert_eq!(found(82, 0x0a01_0203), None);
    }

    #[test]
    fn what_is_no_element_is_refused() {
        let new = |shape, all| Elements::new(&table(shape), all).err();
        let range = || element(1, (3, 5), 0);
        assert_eq!(new(Shape::Range, vec![range()]), None);
        assert_eq!(new(Shape::Prefix, vec![range()]), Some(ElementError::NoPrefix(0)));
        assert_eq!(new(Shape::Exact, vec![range()]), Some(ElementError::Unfit(0)));
        let all = vec![range(), element(2, (3, 5), 0), element(1, (5, 9), 0)];
        assert_eq!(new(Shape::Range, all), Some(ElementError::Overlap(0, 2)));
        let twice = vec![element(1, (8, 15), 0), element(1, (8, 15), 1)];
        assert_eq!(new(Shape::Prefix, twice), Some(ElementError::Overlap(0, 1)));
        assert_eq!(new(Shape::Exact, vec![element(1, (8, 8), 256)]), Some(ElementError::Unfit(0)));
        let many = (0..5).map(|at| element(1, (at, at), 0)).collect();
        assert_eq!(new(Shape::Exact, many), Some(ElementError::Full(5)));
    }
}
