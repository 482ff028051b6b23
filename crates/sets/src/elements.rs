//! Many elements in few bytes.

use crate::{Command, ElementError, Extensions, Layout, SetDef};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// Keys and values of a set, each behind the other: what a BPF map takes in one call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Elements {
    /// [`Layout::key_size`] bytes each.
    #[serde(with = "packed")]
    pub keys: Vec<u8>,
    /// [`Layout::value_size`] bytes each, timeouts counted from when they are loaded.
    #[serde(with = "packed")]
    pub values: Vec<u8>,
}

/// A set with its first elements: sorted by key, in a list in the order of the list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Set {
    /// What it is.
    pub def: SetDef,
    /// What is in it when it is loaded.
    pub elements: Elements,
}

impl Set {
    /// An empty set.
    pub fn new(def: SetDef) -> Set {
        Set { def, elements: Elements::default() }
    }

    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.elements.keys.len() / self.def.layout().key_size
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.elements.keys.is_empty()
    }

    /// Keys and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let layout = self.def.layout();
        let keys = self.elements.keys.chunks_exact(layout.key_size);
        keys.zip(self.elements.values.chunks_exact(layout.value_size))
    }

    /// Names of the sets that a list holds, in its order; none for other types.
    pub fn members(&self) -> Vec<String> {
        let layout = self.def.layout();
        match self.def.kind.is_list() {
            true => self.iter().map(|(k, v)| self.def.show_key(&layout, k, v)).collect(),
            false => Vec::new(),
        }
    }

    /// Sorts elements by key and tells the first key that is there twice, by the positions at
    /// which it stood. Lists keep their order.
    pub fn sort(&mut self) -> Option<(usize, usize)> {
        let layout = self.def.layout();
        let (size, values) = (layout.key_size, layout.value_size);
        let count = self.len();
        let key = |index: usize| &self.elements.keys[index * size..(index + 1) * size];
        let sorted = (1..count).all(|index| key(index - 1) < key(index));
        if sorted {
            return None;
        }
        let mut order: Vec<u32> = (0..count as u32).collect();
        match size {
            8 => order.sort_by_cached_key(|&i| (word(key(i as usize)), i)),
            _ => order.sort_by(|&a, &b| key(a as usize).cmp(key(b as usize)).then(a.cmp(&b))),
        }
        let twice = order.windows(2).find(|pair| key(pair[0] as usize) == key(pair[1] as usize));
        let twice = twice.map(|pair| (pair[0] as usize, pair[1] as usize));
        if self.def.kind.is_list() {
            return twice;
        }
        let mut sorted = Elements {
            keys: Vec::with_capacity(self.elements.keys.len()),
            values: Vec::with_capacity(self.elements.values.len()),
        };
        for index in order {
            let index = index as usize;
            sorted.keys.extend_from_slice(key(index));
            sorted
                .values
                .extend_from_slice(&self.elements.values[index * values..(index + 1) * values]);
        }
        self.elements = sorted;
        twice
    }

    /// Reads an element with the words behind it and appends what it means: how many elements.
    /// They are not compared with what is there; [`Set::sort`] does that once for all.
    ///
    /// # Errors
    /// The word at fault, the element being word 0, and a sentence.
    pub fn append(&mut self, layout: &Layout, words: &[&str]) -> Result<usize, ElementError> {
        self.append_for(Command::Add, layout, words)
    }

    /// As [`Set::append`], for any command that takes an element.
    ///
    /// # Errors
    /// As of [`Set::append`].
    pub fn append_for(
        &mut self,
        command: Command,
        layout: &Layout,
        words: &[&str],
    ) -> Result<usize, ElementError> {
        let at_element = |message| ElementError { word: 0, message };
        let text = *words.first().ok_or_else(|| at_element("an element is missing".into()))?;
        let extensions = match words {
            [_] => Extensions::default(),
            words => Extensions::parse(&self.def, command, &words[1..], 1)?,
        };
        let present = self.elements.keys.len() / layout.key_size;
        let room = self.def.capacity().saturating_sub(present as u32);
        let before = self.elements.keys.len();
        let keys = &mut self.elements.keys;
        let most = self.def.capacity().max(1);
        let mac = self
            .def
            .parse_keys(layout, text, extensions.wildcard, most, keys)
            .inspect_err(|_| keys.truncate(before))
            .map_err(at_element)?;
        let count = (self.elements.keys.len() - before) / layout.key_size;
        if count > room as usize && !self.def.options.force_add {
            self.elements.keys.truncate(before);
            let most = self.def.capacity();
            return Err(at_element(format!("the set is full: it holds {most} elements")));
        }
        if words.len() == 1 && mac.is_none() && self.def.options.timeout.is_none_or(|t| t == 0) {
            let size = self.elements.values.len() + count * layout.value_size;
            self.elements.values.resize(size, 0);
            return Ok(count);
        }
        let value = extensions.value(&self.def, layout, mac);
        for _ in 0..count {
            self.elements.values.extend_from_slice(&value);
        }
        Ok(count)
    }

    /// As `ipset save` prints it, elements in their order.
    pub fn save(&self) -> String {
        let layout = self.def.layout();
        let mut out = format!("{}\n", self.def);
        for (key, value) in self.iter() {
            let element = self.def.show_element(&layout, key, value, 0);
            let _ = writeln!(out, "add {} {element}", self.def.name);
        }
        out
    }

    /// A number that changes when the definition or the elements do, the same on every machine
    /// (FNV-1a).
    pub fn digest(&self) -> u64 {
        let text = self.def.to_string();
        let bytes = [text.as_bytes(), &self.elements.keys, &self.elements.values];
        let words = bytes.into_iter().flat_map(|bytes| bytes.chunks(8)).map(word);
        words.fold(0xcbf2_9ce4_8422_2325, |sum, word| {
            (sum ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23)
        })
    }
}

/// Up to eight bytes as a number, the first most significant.
fn word(bytes: &[u8]) -> u64 {
    let mut all = [0; 8];
    let length = bytes.len().min(8);
    all[..length].copy_from_slice(&bytes[..length]);
    u64::from_be_bytes(all)
}

/// Bytes as hexadecimal text: a byte array in JSON takes twice the room.
mod packed {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            text.push(DIGITS[usize::from(byte >> 4)].into());
            text.push(DIGITS[usize::from(byte & 15)].into());
        }
        serializer.serialize_str(&text)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
        let bytes = text.as_bytes().chunks(2).map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        });
        bytes.collect::<Option<Vec<u8>>>().ok_or_else(|| D::Error::custom("not hexadecimal"))
    }
}
