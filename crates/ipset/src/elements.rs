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

/// What an element's words mean for a set that is there.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The keys, in the order in which the kernel comes to them. To be added are at most one more
    /// than fit into the set, to be tested is the first.
    pub keys: Vec<u8>,
    /// The value that each of them has, timeouts counted from when it is loaded.
    pub value: Vec<u8>,
    /// What stands behind the element's text.
    pub extensions: Extensions,
}

/// Most elements of one text that are deleted, or added to a set that makes room for them.
const MOST_AT_ONCE: u32 = 1 << 24;

impl Wanted {
    /// Reads an element with the words behind it.
    ///
    /// # Errors
    /// The word at fault, the element being word 0, and a sentence.
    pub fn read(
        def: &SetDef,
        layout: &Layout,
        command: Command,
        words: &[&str],
    ) -> Result<Wanted, ElementError> {
        let at_element = |message| ElementError { word: 0, message };
        let text = *words.first().ok_or_else(|| at_element("an element is missing".into()))?;
        let extensions = Extensions::parse(def, command, &words[1..], 1)?;
        // Who adds more than fit is stopped by the set.
        let (limit, stops) = match command {
            Command::Test => (1, true),
            Command::Add if !def.options.force_add => (def.capacity().saturating_add(1), true),
            Command::Add | Command::Delete => (MOST_AT_ONCE, false),
        };
        let mut keys = Vec::new();
        let beside = def
            .parse_keys(layout, text, extensions.wildcard, limit, &mut keys)
            .map_err(at_element)?;
        if beside.more && !stops {
            return Err(at_element(format!("'{text}' means more than {MOST_AT_ONCE} elements")));
        }
        let value = extensions.value(def, layout, beside.mac);
        Ok(Wanted { keys, value, extensions })
    }

    /// The keys one by one.
    pub fn keys(&self, layout: &Layout) -> impl Iterator<Item = &[u8]> {
        self.keys.chunks_exact(layout.key_size)
    }
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
        let beside = self
            .def
            .parse_keys(layout, text, extensions.wildcard, most, keys)
            .and_then(|beside| match beside.more {
                true => Err(format!("'{text}' means more elements than fit into the set")),
                false => Ok(beside),
            })
            .inspect_err(|_| keys.truncate(before))
            .map_err(at_element)?;
        let mac = beside.mac;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(create: &str, command: Command, element: &str) -> Result<usize, String> {
        let def = SetDef::parse(&create.split(' ').collect::<Vec<_>>()).expect("a definition");
        let words: Vec<&str> = element.split(' ').collect();
        let layout = def.layout();
        let wanted = Wanted::read(&def, &layout, command, &words);
        wanted.map(|wanted| wanted.keys(&layout).count()).map_err(|error| error.message)
    }

    #[test]
    fn no_more_is_read_than_can_count() {
        let few = "s hash:ip maxelem 3";
        assert_eq!(wanted(few, Command::Add, "10.0.0.0/8"), Ok(4));
        assert_eq!(wanted(few, Command::Test, "10.0.0.0/8"), Ok(1));
        assert_eq!(wanted(few, Command::Delete, "10.0.0.0/16"), Ok(1 << 16));
        let reason = wanted(few, Command::Delete, "10.0.0.0-12.0.0.0").expect_err("too many");
        assert!(reason.contains("more than 16777216 elements"), "{reason}");
        assert_eq!(wanted("s hash:ip maxelem 3 forceadd", Command::Add, "10.0.0.0/24"), Ok(256));
    }
}
