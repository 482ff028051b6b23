//! Named sets and maps of nft's tables: how they are listed, and where their elements lie in maps,
//! so that people list and change them while programs ask.
//!
//! An element is a key and a value of its map. In the key, parts stand in network order; that of a
//! trie begins with the number of its bits (`struct bpf_lpm_trie_key_u8`, native u32), and one
//! range can be several prefixes, whose values all say where it begins and ends. In the value,
//! numbers are native u64, those of 16 bytes in network order.

use crate::TableFamily;
use serde::{Deserialize, Serialize};

/// A table of nft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableEntry {
    /// Its family.
    pub family: TableFamily,
    /// Its name.
    pub name: String,
    /// What its block says of itself, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// Its objects but for counters: what the block of each begins with, and its lines.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<(String, Vec<String>)>,
    /// Its chains that are compiled: the name of each, and the lines of its block but for rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chains: Vec<(String, Vec<String>)>,
}

/// A named set or map of nft that rules ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedSet {
    /// The family of its table.
    pub family: TableFamily,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Whether its elements yield something.
    #[serde(default)]
    pub is_map: bool,
    /// What its block says but for its elements, a line each.
    pub lines: Vec<String>,
    /// How many elements it may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// How long elements live where nothing is said of them, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// Whether ranges that meet become one.
    #[serde(default)]
    pub merges: bool,
    /// Elements that lie in no map and never change, as texts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<String>,
    /// What people say of elements, by the texts of their keys in ascending order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<(String, String)>,
    /// Where its other elements lie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<ElementPlace>,
    /// Why they lie where they cannot be changed, where that is so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why_fixed: String,
}

/// Where the elements of a set lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElementPlace {
    /// Their map, by name.
    pub map: String,
    /// The parts of the set's key, in its order, in the map's.
    pub key: Vec<PartPlace>,
    /// Bytes of the map's keys.
    pub key_size: u32,
    /// Bytes of the map's values.
    pub value_size: u32,
    /// For a trie: the part of the key that has ranges, by its place in the set's key, and where
    /// values have the ends of an element's, each as long as the part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<RangePlace>,
    /// What elements yield, in the value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<PartPlace>,
    /// Where elements lead: the number of one of these names, in the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leads: Option<LeadPlace>,
    /// The states of elements, in the value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<StatePlace>,
    /// Where the value has the element's number, by which its states lie in another map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Those maps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupPlace>,
    /// Where the value says how long an element lives, in milliseconds, 0 for ever, and when it
    /// goes, in nanoseconds since the machine started, 2^64 - 1 for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life: Option<[u32; 2]>,
    /// Where values have a lock in front: a u32 at byte 4 is 1 while the element is in use, and
    /// the key stands here, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_key: Option<u32>,
    /// How many elements fit.
    pub room: u32,
}

/// A part of a key or a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartPlace {
    /// nft's word for the datatype.
    pub datatype: String,
    /// Width in bits.
    pub bits: u32,
    /// Where it begins.
    pub at: u32,
    /// Its bytes.
    pub size: u32,
}

/// Where the ends of ranges lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangePlace {
    /// The part of the set's key.
    pub part: u32,
    /// Where the least and the greatest number lie in the value.
    pub at: [u32; 2],
}

/// Where elements lead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadPlace {
    /// Where the number is in the value.
    pub at: u32,
    /// What numbers mean: verdicts, or names of objects.
    pub names: Vec<String>,
}

/// A statement of elements with a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatePlace {
    /// Where its first word is in the value.
    pub at: u32,
    /// What it keeps.
    pub kind: StateWords,
    /// The statement without that.
    pub text: String,
}

/// What the words of a state are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StateWords {
    /// Packets and bytes.
    Counter,
    /// The bytes that are used up.
    Quota,
    /// When a packet came last, in nanoseconds since the machine started; 0 for never.
    Last,
    /// What nobody sees, 0 in a new element.
    Hidden,
}

/// Elements with the same statements, whose states lie in a map by their numbers (u32 in network
/// order).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupPlace {
    /// The map, by name.
    pub map: String,
    /// The least and the greatest number.
    pub numbers: (u32, u32),
    /// The states in its values.
    pub states: Vec<StatePlace>,
}

/// An element as numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// For each part of the key the least and the greatest number.
    pub key: Vec<(u128, u128)>,
    /// What it yields.
    pub data: Vec<u128>,
    /// Where it leads, by the place of its name in [`LeadPlace::names`].
    pub leads: Option<u32>,
    /// The words of its states.
    pub states: Vec<[u64; 2]>,
    /// Its number, where its states lie elsewhere.
    pub number: u32,
    /// How long it lives, in milliseconds, and when it goes, in nanoseconds since the machine
    /// started; `None` where it stays.
    pub life: Option<(u64, u64)>,
}

impl NamedSet {
    /// The name that commands give it: `inet/filter/banned`.
    pub fn label(&self) -> String {
        format!("{}{}/{}", self.family.label_prefix(), self.table, self.name)
    }
}

impl ElementPlace {
    /// The element of a key and a value of the map. Bytes that are not there are 0.
    pub fn read(&self, key: &[u8], value: &[u8], into: &mut Stored) {
        let big = |bytes: &[u8], at: u32, size: u32| {
            let bytes = bytes.get(at as usize..(at + size) as usize).unwrap_or_default();
            bytes.iter().fold(0u128, |number, byte| number << 8 | u128::from(*byte))
        };
        into.key.clear();
        into.key.extend(self.key.iter().map(|part| {
            let number = big(key, part.at, part.size);
            (number, number)
        }));
        if let Some(RangePlace { part, at: [low, high] }) = self.range
            && let Some(of) = self.key.get(part as usize)
        {
            into.key[part as usize] = (big(value, low, of.size), big(value, high, of.size));
        }
        into.data.clear();
        into.data.extend(self.data.iter().map(|part| match part.size {
            16 => big(value, part.at, 16),
            _ => word(value, part.at).into(),
        }));
        into.leads = self.leads.as_ref().map(|leads| word(value, leads.at) as u32);
        into.states.clear();
        into.states.extend(self.states.iter().map(|state| state.read(value)));
        into.number = self.number.map_or(0, |at| word(value, at) as u32);
        into.life = self.life.and_then(|[timeout, end]| match word(value, end) {
            u64::MAX => None,
            end => Some((word(value, timeout), end)),
        });
    }

    /// The keys of an element: several where its range is several prefixes.
    pub fn keys(&self, element: &Stored) -> Vec<Vec<u8>> {
        let mut key = vec![0; self.key_size as usize];
        for (part, (number, _)) in self.key.iter().zip(&element.key) {
            put(&mut key, part.at, part.size, *number);
        }
        let of = self.range.and_then(|range| {
            Some((self.key.get(range.part as usize)?, *element.key.get(range.part as usize)?))
        });
        let Some((part, (low, high))) = of else { return vec![key] };
        let bits = (self.key_size - 4) * 8;
        let one = |(first, free): (u128, u32)| {
            let mut key = key.clone();
            key[..4].copy_from_slice(&(bits - free).to_ne_bytes());
            put(&mut key, part.at, part.size, first);
            key
        };
        prefixes(low, high).into_iter().map(one).collect()
    }

    /// The value of an element whose key this is.
    pub fn value(&self, element: &Stored, key: &[u8]) -> Vec<u8> {
        let mut value = vec![0; self.value_size as usize];
        let native = |value: &mut Vec<u8>, at: u32, number: u64| {
            if let Some(place) = value.get_mut(at as usize..at as usize + 8) {
                place.copy_from_slice(&number.to_ne_bytes());
            }
        };
        if let Some(at) = self.own_key {
            value[4..8].copy_from_slice(&1u32.to_ne_bytes());
            if let Some(place) = value.get_mut(at as usize..at as usize + key.len()) {
                place.copy_from_slice(key);
            }
        }
        if let Some(RangePlace { part, at: [low, high] }) = self.range
            && let (Some(of), Some(ends)) =
                (self.key.get(part as usize), element.key.get(part as usize))
        {
            put(&mut value, low, of.size, ends.0);
            put(&mut value, high, of.size, ends.1);
        }
        for (part, number) in self.data.iter().zip(&element.data) {
            match part.size {
                16 => put(&mut value, part.at, 16, *number),
                _ => native(&mut value, part.at, *number as u64),
            }
        }
        if let (Some(leads), Some(number)) = (&self.leads, element.leads) {
            native(&mut value, leads.at, number.into());
        }
        for (state, words) in self.states.iter().zip(&element.states) {
            native(&mut value, state.at, words[0]);
            if state.kind == StateWords::Counter {
                native(&mut value, state.at + 8, words[1]);
            }
        }
        if let Some([timeout, end]) = self.life {
            let (lives, ends) = element.life.unwrap_or((0, u64::MAX));
            native(&mut value, timeout, lives);
            native(&mut value, end, ends);
        }
        value
    }
}

impl StatePlace {
    /// Its words in a value.
    pub fn read(&self, value: &[u8]) -> [u64; 2] {
        match self.kind {
            StateWords::Counter => [word(value, self.at), word(value, self.at + 8)],
            StateWords::Quota | StateWords::Last => [word(value, self.at), 0],
            StateWords::Hidden => [0; 2],
        }
    }
}

fn word(value: &[u8], at: u32) -> u64 {
    let bytes = value.get(at as usize..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}

/// Writes a number's lowest bytes, the most significant one first.
fn put(bytes: &mut [u8], at: u32, size: u32, number: u128) {
    let size = (size as usize).min(16);
    if let Some(place) = bytes.get_mut(at as usize..at as usize + size) {
        place.copy_from_slice(&number.to_be_bytes()[16 - size..]);
    }
}

/// A range as prefixes: the first number of each, with how many of its last bits are free.
pub fn prefixes(low: u128, high: u128) -> Vec<(u128, u32)> {
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

    #[test]
    fn elements_are_read_as_they_were_written() {
        let part = |at, size| PartPlace { datatype: "integer".to_owned(), bits: 32, at, size };
        let place = ElementPlace {
            map: "t0".to_owned(),
            key: vec![part(8, 4), part(4, 4)],
            key_size: 12,
            value_size: 64,
            range: Some(RangePlace { part: 0, at: [48, 52] }),
            data: vec![part(8, 8), part(16, 16)],
            leads: Some(LeadPlace { at: 56, names: Vec::new() }),
            states: vec![StatePlace { at: 0, kind: StateWords::Quota, text: String::new() }],
            number: None,
            groups: Vec::new(),
            life: Some([32, 40]),
            own_key: None,
            room: 1,
        };
        let element = Stored {
            key: vec![(1, 6), (9, 9)],
            data: vec![7, 1 << 100],
            leads: Some(3),
            states: vec![[11, 0]],
            number: 0,
            life: Some((1000, 77)),
        };
        let keys = place.keys(&element);
        assert_eq!(keys.len(), 4);
        assert_eq!(keys[1][..4], 63u32.to_ne_bytes());
        assert_eq!(keys[1][4..], [0, 0, 0, 9, 0, 0, 0, 2]);
        for key in keys {
            let mut read = Stored::default();
            place.read(&key, &place.value(&element, &key), &mut read);
            assert_eq!(read, element);
        }
        let stays = Stored { life: None, ..element };
        let mut read = Stored::default();
        let key = &place.keys(&stays)[0];
        place.read(key, &place.value(&stays, key), &mut read);
        assert_eq!(read.life, None);
    }
}
