//! The maps of tables, with their elements as keys and values.

use bpfc_artifact::{MapDef, MapIndex, MapKind, MapRole};
use bpfc_ir::{Contents, Elements, FieldDef, Func, Op, Program, Shape, Table, TableDef, Type};
use std::collections::{BTreeMap, BTreeSet};

/// `BPF_F_NO_PREALLOC`.
const NO_PREALLOC: u32 = 1;

/// Where tables lie, and the functions that ask them.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) maps: BTreeMap<Table, MapIndex>,
}

impl Tables {
    /// Gives the tables that functions ask their maps, filled.
    pub(crate) fn new(
        program: &Program,
        order: &[Func],
        contents: &Contents,
        maps: &mut Vec<MapDef>,
    ) -> Tables {
        let insts = order.iter().flat_map(|&func| program.funcs[func].insts.values());
        let asked: BTreeSet<Table> = insts
            .filter_map(|inst| match inst.op {
                Op::Find(table, _) | Op::Touch(table, ..) => Some(table),
                _ => None,
            })
            .collect();
        let mut tables = Tables::default();
        for table in asked {
            let def = &program.tables[table];
            maps.push(map(table, def, contents.of(table)));
            tables.maps.insert(table, MapIndex(maps.len() as u32 - 1));
        }
        tables
    }
}

/// Where the parts of a value lie, in bytes.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    /// Each field.
    pub(crate) fields: Vec<i16>,
    /// From which tick on the element is idle, where elements expire.
    pub(crate) idle_from: Option<i16>,
    /// The key, where the value has a lock.
    pub(crate) key: i16,
    /// All of it.
    pub(crate) size: i16,
}

/// Of a live table's value: 1 while it is in use, a u32.
pub(crate) const IN_USE: i16 = 4;

impl Value {
    pub(crate) fn of(def: &TableDef) -> Value {
        let mut at = if is_live(def) { 8 } else { 0 };
        let mut take = |bytes: i16| {
            at += bytes;
            at - bytes
        };
        let fields = def.fields.iter().map(|field| take(stored_size(field))).collect();
        let idle_from = def.expiry.map(|_| take(8));
        let key = take(if is_live(def) { (key_size(def) + 7) / 8 * 8 } else { 0 });
        Value { fields, idle_from, key, size: at.max(8) }
    }
}

/// Whether elements have a lock, since what they keep is more than a number that never changes.
pub(crate) fn is_live(def: &TableDef) -> bool {
    def.states().next().is_some() || def.expiry.is_some()
}

/// Bytes of a key.
pub(crate) fn key_size(def: &TableDef) -> i16 {
    def.key.iter().map(|part| part_size(part.ty) as i16).sum()
}

/// Bytes of a field in a value.
fn stored_size(field: &FieldDef) -> i16 {
    match field {
        FieldDef::State(kind) => 8 * kind.words() as i16,
        FieldDef::Data(_) | FieldDef::Verdict(_) => field_size(field),
    }
}

/// Bytes of a part of a key.
pub(crate) fn part_size(ty: Type) -> usize {
    usize::from(ty.bytes()).max(4)
}

/// Bytes of a field.
pub(crate) fn field_size(field: &FieldDef) -> i16 {
    if field.ty() == Type::I128 { 16 } else { 8 }
}

/// Whether its map is a trie.
pub(crate) fn is_trie(def: &TableDef) -> bool {
    def.key.iter().any(|part| part.shape != Shape::Exact)
}

fn map(table: Table, def: &TableDef, elements: Option<&Elements>) -> MapDef {
    let role = match def.name.as_str() {
        "" => MapRole::Object { object: String::new(), part: table.to_string() },
        name => {
            let part = if is_live(def) { "buckets" } else { "elements" };
            MapRole::Object { object: name.to_owned(), part: part.into() }
        }
    };
    let (is_trie, is_live) = (is_trie(def), is_live(def));
    let initial: Vec<(Vec<u8>, Vec<u8>)> =
        elements.into_iter().flat_map(|all| entries(def, all)).collect();
    MapDef {
        key_size: key_size(def) as u32 + if is_trie { 4 } else { 0 },
        value_size: Value::of(def).size as u32,
        // A range can be several prefixes.
        max_entries: (initial.len() as u32).max(def.capacity),
        flags: if is_trie { NO_PREALLOC } else { 0 },
        initial,
        locked: is_live,
        keep: is_live && !def.name.is_empty(),
        ..MapDef::new(
            table.to_string(),
            if is_trie { MapKind::LpmTrie } else { MapKind::Hash },
            role,
        )
    }
}

/// The entries of a map: keys and values as the module's page says.
fn entries(def: &TableDef, elements: &Elements) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut entries = Vec::new();
    for element in elements.iter() {
        let mut value = Vec::new();
        if is_live(def) {
            value.extend(0u32.to_ne_bytes());
            value.extend(1u32.to_ne_bytes());
        }
        for (field, &number) in def.fields.iter().zip(&element.fields) {
            match field {
                FieldDef::Data(Type::I128) => value.extend(number.to_be_bytes()),
                FieldDef::State(kind) => value.resize(value.len() + 8 * kind.words(), 0),
                FieldDef::Data(_) | FieldDef::Verdict(_) => {
                    value.extend((number as u64).to_ne_bytes());
                }
            }
        }
        let size = Value::of(def).size as usize;
        let mut key = Vec::new();
        let parts: Vec<_> = def.key.iter().zip(&element.key).collect();
        let Some((&(last, &(low, high)), exact)) = parts.split_last() else { continue };
        let part = |ty: Type, number: u128| number.to_be_bytes()[16 - part_size(ty)..].to_vec();
        exact.iter().for_each(|&(of, &(number, _))| key.extend(part(of.ty, number)));
        if !is_trie(def) {
            key.extend(part(last.ty, low));
            if is_live(def) {
                value.extend(&key);
            }
            value.resize(size, 0);
            entries.push((key, value));
            continue;
        }
        value.resize(size, 0);
        let all = (key.len() + part_size(last.ty)) as u32 * 8;
        for (number, free) in prefixes(low, high) {
            let length = (all - free).to_ne_bytes();
            let whole = [&length[..], &key, &part(last.ty, number)].concat();
            entries.push((whole, value.clone()));
        }
    }
    entries
}

/// A range as prefixes: the first number of each, with how many of its last bits are free.
fn prefixes(low: u128, high: u128) -> Vec<(u128, u32)> {
    let mut found = Vec::new();
    let mut next = Some(low);
    while let Some(first) = next.filter(|&first| first <= high) {
        let most = first.trailing_zeros();
        let fits = |free: &u32| match 1u128.checked_shl(*free) {
            Some(count) => count - 1 <= high - first,
            None => high - first == u128::MAX,
        };
        let free = (0..=most).rev().find(fits).unwrap_or(0);
        found.push((first, free));
        next = 1u128.checked_shl(free).and_then(|count| first.checked_add(count));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_prefixes_that_hold_the_same() {
        assert_eq!(prefixes(0, u128::MAX), [(0, 128)]);
        assert_eq!(prefixes(7, 7), [(7, 0)]);
        assert_eq!(prefixes(1, 6), [(1, 0), (2, 1), (4, 1), (6, 0)]);
        assert_eq!(prefixes(u128::MAX - 1, u128::MAX), [(u128::MAX - 1, 1)]);
        for (low, high) in [(0, 255), (3, 200), (17, 64), (128, 129), (255, 255)] {
            let mut held: Vec<u128> = Vec::new();
            for (first, free) in prefixes(low, high) {
                assert_eq!(first & ((1 << free) - 1), 0);
                held.extend(first..first + (1 << free));
            }
            assert_eq!(held, (low..=high).collect::<Vec<_>>());
        }
    }
}
