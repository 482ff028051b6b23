//! Keys and values of a map, packed: a million of them are two texts of bytes.

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Keys with their values, all keys of one size and all values of one size. As JSON they are a list
/// of pairs of lists of bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    key_size: usize,
    value_size: usize,
    count: usize,
    keys: Vec<u8>,
    values: Vec<u8>,
}

impl Entries {
    /// None yet, of keys and values of these sizes, with room for some.
    pub fn new(key_size: usize, value_size: usize, room: usize) -> Entries {
        let (keys, values) =
            (Vec::with_capacity(room * key_size), Vec::with_capacity(room * value_size));
        Entries { key_size, value_size, count: 0, keys, values }
    }

    /// Adds an entry; false where it has other sizes than the others.
    pub fn push(&mut self, key: &[u8], value: &[u8]) -> bool {
        if self.count == 0 {
            (self.key_size, self.value_size) = (key.len(), value.len());
        }
        let fits = (key.len(), value.len()) == (self.key_size, self.value_size);
        if fits {
            self.keys.extend_from_slice(key);
            self.values.extend_from_slice(value);
            self.count += 1;
        }
        fits
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of a key and of a value.
    pub fn sizes(&self) -> (usize, usize) {
        (self.key_size, self.value_size)
    }

    /// All keys, one after the other.
    pub fn keys(&self) -> &[u8] {
        &self.keys
    }

    /// All values, one after the other.
    pub fn values(&self) -> &[u8] {
        &self.values
    }

    /// Keys with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        (0..self.count).map(|at| {
            let key = &self.keys[at * self.key_size..(at + 1) * self.key_size];
            (key, &self.values[at * self.value_size..(at + 1) * self.value_size])
        })
    }
}

impl<K: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(K, V)> for Entries {
    /// Those of one size: what has another is left out.
    fn from_iter<T: IntoIterator<Item = (K, V)>>(all: T) -> Entries {
        let mut entries = Entries::default();
        for (key, value) in all {
            entries.push(key.as_ref(), value.as_ref());
        }
        entries
    }
}

impl Serialize for Entries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entries, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("pairs of keys and values")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut pairs: A) -> Result<Entries, A::Error> {
                let mut entries = Entries::default();
                while let Some((key, value)) = pairs.next_element::<(Vec<u8>, Vec<u8>)>()? {
                    if !entries.push(&key, &value) {
                        return Err(serde::de::Error::custom("entries of several sizes"));
                    }
                }
                Ok(entries)
            }
        }

        deserializer.deserialize_seq(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_pairs_of_lists_as_json() {
        let entries: Entries = [([1, 2], [3]), ([4, 5], [6])].into_iter().collect();
        let text = serde_json::to_string(&entries).expect("JSON");
        assert_eq!(text, "[[[1,2],[3]],[[4,5],[6]]]");
        assert_eq!(serde_json::from_str::<Entries>(&text).expect("entries"), entries);
        assert_eq!((entries.keys(), entries.values()), (&[1, 2, 4, 5][..], &[3, 6][..]));
        assert!(serde_json::from_str::<Entries>("[[[1],[2]],[[1,2],[3]]]").is_err());
    }
}
