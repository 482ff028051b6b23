//! The elements of a table, packed: a million of them take little more than their numbers do.

use super::{Expiry, FieldDef, KeyPart, Shape, TableDef};
use std::cmp::Ordering;

/// An element.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Element {
    /// For each part of the key the least and the greatest number, which are the same for an exact
    /// part.
    pub key: Vec<(u128, u128)>,
    /// Its fields' numbers; for a state what it begins with ([`crate::StateKind::begin`]).
    pub fields: Vec<u128>,
    /// How long it lives, where it does not stay.
    pub life: Option<Life>,
}

/// How long an element lives, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Life {
    /// From when it is added or updated on.
    pub timeout: u64,
    /// From when the program is loaded on.
    pub left: u64,
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
    /// All elements of the table go when no packet touches them, so that packets alone add them.
    #[error("packets alone add elements to a table where they are idle")]
    Expiring,
}

/// Bytes of what an element is packed into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Widths {
    /// Of the numbers of its key: where the last part is not exact both of its ends.
    key: Vec<u8>,
    /// Of its fields.
    fields: Vec<u8>,
    /// Whether the last part has two ends.
    has_ends: bool,
}

impl Widths {
    fn of(def: &TableDef) -> Widths {
        let has_ends = !def.is_exact();
        let mut key: Vec<u8> = def.key.iter().map(|part| part.ty.bytes() as u8).collect();
        key.extend(key.last().copied().filter(|_| has_ends));
        let fields = def.fields.iter().map(|field| match field {
            FieldDef::State(..) => 16,
            FieldDef::Data(_) | FieldDef::Verdict(_) => field.ty().bytes() as u8,
        });
        Widths { fields: fields.collect(), key, has_ends }
    }

    fn key_bytes(&self) -> usize {
        self.key.iter().copied().map(usize::from).sum()
    }

    fn field_bytes(&self) -> usize {
        self.fields.iter().copied().map(usize::from).sum()
    }

    /// Keys in order: by the exact parts and the lower end, wider ranges first.
    fn compare(&self, one: &[u8], other: &[u8]) -> Ordering {
        match self.key.last().filter(|_| self.has_ends) {
            Some(&end) => {
                let at = one.len().saturating_sub(end.into());
                let ((one, high), (other, end)) = (one.split_at(at), other.split_at(at));
                one.cmp(other).then_with(|| end.cmp(high))
            }
            None => one.cmp(other),
        }
    }
}

/// The elements of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elements {
    widths: Widths,
    count: usize,
    /// Keys and fields one after the other, most significant byte first.
    keys: Vec<u8>,
    fields: Vec<u8>,
    /// How long each lives; empty where all stay.
    lives: Vec<Option<Life>>,
    /// The elements by their keys; empty where they are in that order already.
    order: Vec<u32>,
    lineage: u64,
}

/// Takes elements one by one.
#[derive(Clone, Debug)]
pub struct ElementsBuilder<'d> {
    def: &'d TableDef,
    elements: Elements,
}

impl<'d> ElementsBuilder<'d> {
    /// For a table, with no element yet.
    pub fn new(def: &'d TableDef) -> Self {
        ElementsBuilder {
            def,
            elements: Elements { widths: Widths::of(def), ..Elements::default() },
        }
    }

    /// Adds an element.
    ///
    /// # Errors
    /// Where it does not fit the table.
    pub fn push(
        &mut self,
        key: &[(u128, u128)],
        fields: &[u128],
        life: Option<Life>,
    ) -> Result<(), ElementError> {
        let at = self.elements.count;
        if matches!(self.def.expiry, Some(Expiry::Idle { .. })) {
            return Err(ElementError::Expiring);
        }
        if at >= self.def.capacity as usize {
            return Err(ElementError::Full(at + 1));
        }
        let fits = |part: &KeyPart, &(low, high): &(u128, u128)| {
            low <= high && high <= part.ty.max() && (part.shape != Shape::Exact || low == high)
        };
        let is_value = |field: &FieldDef, &value: &u128| match field {
            FieldDef::Data(ty) => value <= (*ty).max(),
            FieldDef::Verdict(names) => value < names.len() as u128,
            FieldDef::State(kind, _) => kind.can_begin(value),
        };
        if key.len() != self.def.key.len()
            || fields.len() != self.def.fields.len()
            || !self.def.key.iter().zip(key).all(|(part, ends)| fits(part, ends))
            || !self.def.fields.iter().zip(fields).all(|(field, value)| is_value(field, value))
            || life.is_some() && self.def.expiry.is_none()
        {
            return Err(ElementError::Unfit(at));
        }
        let last = key.last().copied().unwrap_or_default();
        if self.def.key.last().is_some_and(|part| part.shape == Shape::Prefix) {
            let size = last.1 - last.0;
            if size & size.wrapping_add(1) != 0 || last.0 & size != 0 {
                return Err(ElementError::NoPrefix(at));
            }
        }
        let Elements { widths, keys, fields: packed, lives, .. } = &mut self.elements;
        let numbers = key.iter().map(|ends| ends.0).chain([last.1]);
        for (number, &width) in numbers.zip(&widths.key) {
            keys.extend_from_slice(&number.to_be_bytes()[16 - usize::from(width)..]);
        }
        for (number, &width) in fields.iter().zip(&widths.fields) {
            packed.extend_from_slice(&number.to_be_bytes()[16 - usize::from(width)..]);
        }
        if life.is_some() || !lives.is_empty() {
            lives.resize(at, None);
            lives.push(life);
        }
        self.elements.count += 1;
        Ok(())
    }

    /// All of them.
    ///
    /// # Errors
    /// Where two hold the same packets.
    pub fn finish(self) -> Result<Elements, ElementError> {
        let mut elements = self.elements;
        elements.keys.shrink_to_fit();
        elements.fields.shrink_to_fit();
        let order = elements.sorted();
        let shape = self.def.key.last().map_or(Shape::Exact, |part| part.shape);
        for pair in order.windows(2) {
            let [one, other] = [pair[0], pair[1]].map(|at| at as usize);
            if elements.overlap(one, other, shape) {
                return Err(ElementError::Overlap(one.min(other), one.max(other)));
            }
        }
        elements.lineage = elements.digest(self.def, &order);
        if !order.is_sorted() {
            elements.order = order;
        }
        Ok(elements)
    }
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
        let mut builder = ElementsBuilder::new(def);
        for Element { key, fields, life } in &all {
            builder.push(key, fields, *life)?;
        }
        builder.finish()
    }

    /// What tells one making of a table from another, whatever its states have come to: where a
    /// program is replaced by one with the same elements, what has become of them goes on.
    pub fn lineage(&self) -> u64 {
        self.lineage
    }

    /// The same elements, as a part of others.
    pub fn with_lineage(self, lineage: u64) -> Elements {
        Elements { lineage, ..self }
    }

    /// Of keys, numbers, verdicts and how long elements live, by the order of the keys (FNV-1a).
    fn digest(&self, def: &TableDef, order: &[u32]) -> u64 {
        let mut sum = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |bytes: &[u8]| {
            for chunk in bytes.chunks(8) {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                sum = (sum ^ u64::from_be_bytes(word)).wrapping_mul(0x0000_0100_0000_01b3);
                sum = sum.rotate_left(23);
            }
        };
        for field in &def.fields {
            if let FieldDef::Verdict(names) = field {
                names.iter().for_each(|name| add(name.as_bytes()));
            }
        }
        let bytes = self.widths.field_bytes();
        for at in order.iter().map(|&at| at as usize) {
            add(self.key(at));
            let mut fields = &self.fields[at * bytes..(at + 1) * bytes];
            for (field, &width) in def.fields.iter().zip(&self.widths.fields) {
                let (number, behind) = fields.split_at(width.into());
                fields = behind;
                if !matches!(field, FieldDef::State(..)) {
                    add(number);
                }
            }
            if let Some(life) = self.lives.get(at).copied().flatten() {
                add(&life.timeout.to_be_bytes());
            }
        }
        sum
    }

    /// The elements by their keys.
    fn sorted(&self) -> Vec<u32> {
        let compare = |one: u32, other: u32| {
            let (one, other) = (self.key(one as usize), self.key(other as usize));
            self.widths.compare(one, other)
        };
        let all = 0..self.count as u32;
        if all.clone().is_sorted_by(|&one, &other| compare(one, other).is_lt()) {
            return all.collect();
        }
        // What keys begin with tells most of them apart, and lies side by side. Where it is the
        // same, upper ends may not: those of wider ranges come first.
        let exact = self.widths.key_bytes()
            - self.widths.key.last().filter(|_| self.widths.has_ends).map_or(0, |&end| end.into());
        let begin = |at: u32| {
            let mut begin = [0; 8];
            let length = exact.min(begin.len());
            begin[..length].copy_from_slice(&self.key(at as usize)[..length]);
            (u64::from_be_bytes(begin), at)
        };
        let mut order: Vec<(u64, u32)> = all.map(begin).collect();
        order.sort_unstable_by(|one, other| {
            one.0.cmp(&other.0).then_with(|| compare(one.1, other.1))
        });
        order.into_iter().map(|(_, at)| at).collect()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The elements, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = Element> {
        (0..self.count).map(|at| self.element(at))
    }

    /// The element that holds a key.
    pub fn find(&self, key: &[u128]) -> Option<Element> {
        let mut wanted = Vec::with_capacity(self.widths.key_bytes());
        for (number, &width) in key.iter().zip(&self.widths.key) {
            wanted.extend_from_slice(&number.to_be_bytes()[16 - usize::from(width)..]);
        }
        let lower = |at: u32| &self.key(at as usize)[..wanted.len()];
        let place = |at: usize| self.order.get(at).copied().unwrap_or(at as u32);
        // Of those that hold it the narrowest begins last.
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            match lower(place(middle)) <= &wanted[..] {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        let exact = key.len().saturating_sub(usize::from(self.widths.has_ends));
        let exact: usize = self.widths.key[..exact].iter().copied().map(usize::from).sum();
        for place in (0..low).rev().map(place) {
            let held = self.key(place as usize);
            if held[..exact] != wanted[..exact] {
                return None;
            }
            if held[wanted.len()..] >= wanted[exact..] || !self.widths.has_ends {
                return (self.widths.has_ends || held == wanted)
                    .then(|| self.element(place as usize));
            }
        }
        None
    }

    fn key(&self, at: usize) -> &[u8] {
        let bytes = self.widths.key_bytes();
        &self.keys[at * bytes..(at + 1) * bytes]
    }

    fn element(&self, at: usize) -> Element {
        let numbers = |packed: &[u8], widths: &[u8]| {
            let mut rest = packed;
            let number = |&width: &u8| {
                let (bytes, behind) = rest.split_at(width.into());
                rest = behind;
                bytes.iter().fold(0, |number: u128, &byte| number << 8 | u128::from(byte))
            };
            widths.iter().map(number).collect::<Vec<u128>>()
        };
        let mut key: Vec<(u128, u128)> = Vec::new();
        let ends = numbers(self.key(at), &self.widths.key);
        let parts = ends.len() - usize::from(self.widths.has_ends);
        key.extend(ends[..parts].iter().map(|&number| (number, number)));
        if let (true, Some(last), Some(&high)) = (self.widths.has_ends, key.last_mut(), ends.last())
        {
            last.1 = high;
        }
        let bytes = self.widths.field_bytes();
        let fields = &self.fields[at * bytes..(at + 1) * bytes];
        let life = self.lives.get(at).copied().flatten();
        Element { key, fields: numbers(fields, &self.widths.fields), life }
    }

    /// Whether two that follow each other hold the same packets.
    fn overlap(&self, one: usize, other: usize, shape: Shape) -> bool {
        let (one, other) = (self.key(one), self.key(other));
        if shape != Shape::Range {
            return one == other;
        }
        let end = self.widths.key.last().copied().map_or(0, usize::from);
        let (low, exact) = (one.len() - end, one.len() - 2 * end);
        one[..exact] == other[..exact] && other[exact..low] <= one[low..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Type;

    fn table(shape: Shape) -> TableDef {
        let exact = KeyPart { ty: Type::I16, shape: Shape::Exact };
        TableDef {
            name: String::new(),
            key: vec![exact, KeyPart { ty: Type::I32, shape }],
            fields: vec![FieldDef::Data(Type::I8)],
            capacity: 4,
            expiry: None,
            is_dynamic: false,
        }
    }

    fn element(port: u128, ends: (u128, u128), field: u128) -> Element {
        Element { key: vec![(port, port), ends], fields: vec![field], life: None }
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
