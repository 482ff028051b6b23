//! The maps of tables, with their elements as keys and values.

use bpfc_artifact::{Entries, MapDef, MapIndex, MapKind, MapRole, prefixes};
use bpfc_ir::state::tick_bucket::CLOCKS;
use bpfc_ir::{
    Contents, Elements, Expiry, FieldDef, Func, KeyPart, Life, Listing, Moment, Op, Program, Shape,
    StateKind, Table, TableDef, Type,
};
use std::collections::{BTreeMap, BTreeSet};

/// `BPF_F_NO_PREALLOC`.
const NO_PREALLOC: u32 = 1;

/// Where tables lie, and the functions that ask them.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) maps: BTreeMap<Table, MapIndex>,
}

impl Tables {
    /// Gives the tables that functions ask, and those that people change, their maps, filled.
    pub(crate) fn new(
        program: &Program,
        listing: &Listing,
        order: &[Func],
        contents: &Contents,
        maps: &mut Vec<MapDef>,
    ) -> Tables {
        let insts = order.iter().flat_map(|&func| program.funcs[func].insts.values());
        let places = listing.sets().iter().filter_map(|set| set.place.as_ref().ok());
        let listed = places
            .flat_map(|place| place.groups.iter().map(|group| group.table).chain([place.table]));
        let asked: BTreeSet<Table> = insts
            .filter_map(|inst| match inst.op {
                Op::Find(table, _) | Op::Touch(table, ..) | Op::Remove(table, _) => Some(table),
                _ => None,
            })
            .chain(listed)
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
    /// From which tick on the element is idle, where all are at one age.
    pub(crate) idle_from: Option<i16>,
    /// How long the element lives in milliseconds, 0 for ever, and at which nanosecond it goes,
    /// where each has its own end.
    pub(crate) life: Option<[i16; 2]>,
    /// The ends of the range that the key is a part of, where people change elements.
    pub(crate) ends: Option<[i16; 2]>,
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
        let (idle_from, life) = match def.expiry {
            Some(Expiry::Idle { .. }) => (Some(take(8)), None),
            Some(Expiry::Own { .. }) => (None, Some([take(8), take(8)])),
            None => (None, None),
        };
        let range = def.key.last().filter(|_| is_trie(def) && !def.name.is_empty());
        let ends = range.map(|part| {
            let size = part_size(part.ty) as i16;
            let low = take((2 * size + 7) / 8 * 8);
            [low, low + size]
        });
        let key = take(if is_live(def) { (key_size(def) + 7) / 8 * 8 } else { 0 });
        Value { fields, idle_from, life, ends, key, size: at.max(8) }
    }

    /// Where it says when the element goes.
    pub(crate) fn end(&self) -> Option<i16> {
        self.idle_from.or(self.life.map(|[_, end]| end))
    }
}

/// Whether elements have a lock: what they keep is more than numbers that never change, or packets
/// put others in their places.
pub(crate) fn is_live(def: &TableDef) -> bool {
    let says = !def.fields.is_empty() || def.expiry.is_some();
    def.states().next().is_some() || def.is_dynamic && says
}

/// Bytes of a key.
pub(crate) fn key_size(def: &TableDef) -> i16 {
    def.key.iter().map(|part| part_size(part.ty) as i16).sum()
}

/// Bytes of a field in a value.
fn stored_size(field: &FieldDef) -> i16 {
    match field {
        FieldDef::State(kind, _) => 8 * kind.words() as i16,
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
    let (initial, times) = elements.map(|all| entries(def, all)).unwrap_or_default();
    MapDef {
        key_size: key_size(def) as u32 + if is_trie { 4 } else { 0 },
        value_size: Value::of(def).size as u32,
        // A range can be several prefixes, as can those that people add: a trie takes its room when
        // it is filled.
        max_entries: match is_trie && !def.name.is_empty() {
            true => (initial.len() as u32).saturating_add(def.capacity.max(1 << 16)),
            false => (initial.len() as u32).max(def.capacity),
        },
        flags: if is_trie { NO_PREALLOC } else { 0 },
        initial,
        times,
        locked: is_live,
        keep: !def.name.is_empty(),
        lineage: elements.map(Elements::lineage),
        ..MapDef::new(
            table.to_string(),
            if is_trie { MapKind::LpmTrie } else { MapKind::Hash },
            role,
        )
    }
}

/// The entries of a map, keys and values as the module's page says, and where values have times.
fn entries(def: &TableDef, elements: &Elements) -> (Entries, Vec<u32>) {
    let layout = Value::of(def);
    let key_size = key_size(def) as usize + if is_trie(def) { 4 } else { 0 };
    let mut entries = Entries::new(key_size, layout.size as usize, elements.len());
    let mut times: Vec<u32> = layout.life.iter().map(|life| life[1] as u32).collect();
    for (field, &at) in def.fields.iter().zip(&layout.fields) {
        if matches!(field, FieldDef::State(StateKind::Last, _)) {
            times.push(at as u32);
        }
    }
    // Times count from when the map is filled on.
    let loaded = Moment { ticks: 0, ticks_per_second: CLOCKS[0], nanoseconds: 0, length: 0 };
    let mut value = vec![0; layout.size as usize];
    let mut key = Vec::with_capacity(key_size);
    for element in elements.iter() {
        let put = |value: &mut [u8], at: i16, bytes: &[u8]| {
            value[at as usize..][..bytes.len()].copy_from_slice(bytes);
        };
        if is_live(def) {
            put(&mut value, IN_USE, &1u32.to_ne_bytes());
        }
        for ((field, &number), &at) in def.fields.iter().zip(&element.fields).zip(&layout.fields) {
            match field {
                FieldDef::Data(Type::I128) => put(&mut value, at, &number.to_be_bytes()),
                FieldDef::State(kind, _) => {
                    let words = kind.begin(number, &loaded);
                    for (at, word) in (at..).step_by(8).zip(&words[..kind.words()]) {
                        put(&mut value, at, &word.to_ne_bytes());
                    }
                }
                FieldDef::Data(_) | FieldDef::Verdict(_) => {
                    put(&mut value, at, &(number as u64).to_ne_bytes());
                }
            }
        }
        if let Some([timeout, end]) = layout.life {
            let life = element.life.map(|Life { timeout, left }| {
                // One that is over at once is so a nanosecond later.
                [timeout, left.saturating_mul(1_000_000).max(1)]
            });
            let [lives, ends] = life.unwrap_or([0, u64::MAX]);
            put(&mut value, timeout, &lives.to_ne_bytes());
            put(&mut value, end, &ends.to_ne_bytes());
        }
        let (Some((&(low, high), exact)), Some((last, of))) =
            (element.key.split_last(), def.key.split_last())
        else {
            continue;
        };
        let part = |key: &mut Vec<u8>, part: &KeyPart, number: u128| {
            key.extend_from_slice(&number.to_be_bytes()[16 - part_size(part.ty)..]);
        };
        key.clear();
        if is_trie(def) {
            key.extend([0; 4]);
        }
        exact.iter().zip(of).for_each(|(&(number, _), of)| part(&mut key, of, number));
        if !is_trie(def) {
            part(&mut key, last, low);
            if is_live(def) {
                put(&mut value, layout.key, &key);
            }
            entries.push(&key, &value);
            continue;
        }
        if let Some([from, to]) = layout.ends {
            let size = part_size(last.ty);
            put(&mut value, from, &low.to_be_bytes()[16 - size..]);
            put(&mut value, to, &high.to_be_bytes()[16 - size..]);
        }
        let exact = key.len();
        let all = (exact - 4 + part_size(last.ty)) as u32 * 8;
        for (number, free) in prefixes(low, high) {
            key.truncate(exact);
            key[..4].copy_from_slice(&(all - free).to_ne_bytes());
            part(&mut key, last, number);
            entries.push(&key, &value);
        }
    }
    (entries, times)
}
