//! One set in the maps: which slot counts, and the lists beside it.

use crate::Error;
use crate::sys::{Map, MapSpec, Mapping};
use bpfc_artifact::{MaskList, SetState};
use bpfc_ipset::{Layout, SetDef};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::os::fd::AsFd as _;

/// A set as a filter's metadata describe it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SetRow {
    pub def: SetDef,
    /// The name of the map of maps with its elements.
    pub elements: String,
    pub slot: u32,
    /// The name of the map with its state.
    pub state: String,
    pub offset: u32,
    /// Keys of a list's members when it was loaded, in order.
    pub members: Vec<Vec<u8>>,
    /// Of what it was loaded with: a replacement that brings the same keeps what is there.
    pub digest: u64,
}

/// `BPF_F_NO_PREALLOC`.
const NO_PREALLOC: u32 = 1;

/// A set's place.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub row: &'a SetRow,
    pub layout: Layout,
    pub state: SetState,
    pub outer: &'a Map,
    pub memory: &'a Mapping,
}

fn failed(doing: &'static str) -> impl Fn(std::io::Error) -> Error {
    move |error| Error::kernel(doing)(error)
}

impl<'a> Place<'a> {
    pub fn new(row: &'a SetRow, outer: &'a Map, memory: &'a Mapping) -> Place<'a> {
        let (layout, state) = (row.def.layout(), SetState::of(&row.def));
        Place { row, layout, state, outer, memory }
    }

    fn at(&self, offset: u32) -> usize {
        (self.row.offset + offset) as usize
    }

    /// The slot that counts.
    pub fn slot(&self) -> u32 {
        self.memory.u32(self.at(SetState::SLOT))
    }

    fn other_slot(&self) -> u32 {
        let slot = self.slot();
        if slot == self.row.slot { slot + 1 } else { self.row.slot }
    }

    /// The map with the elements.
    pub fn elements(&self) -> Result<Map, Error> {
        let id = self.outer.lookup(&self.slot().to_ne_bytes()).map_err(failed("read a set"))?;
        let id: [u8; 4] = id.try_into().unwrap_or_default();
        Map::by_id(u32::from_ne_bytes(id)).map_err(failed("open a set's elements"))
    }

    /// A map without elements.
    pub fn empty_map(&self) -> Result<Map, Error> {
        let spec = MapSpec {
            name: &self.row.def.name,
            kind: 1,
            key_size: self.layout.key_size as u32,
            value_size: self.layout.value_size as u32,
            // Marks of networks lie beside the elements.
            max_entries: match self.layout.interface {
                Some(_) => self.row.def.capacity().saturating_mul(2),
                None => self.row.def.capacity(),
            }
            .clamp(1, MOST_ELEMENTS),
            flags: NO_PREALLOC,
        };
        Map::create(&spec, None).map_err(Error::kernel(format!(
            "create the map of set {} ({} elements)",
            self.row.def.name, spec.max_entries
        )))
    }

    /// Makes `elements` the set's, with the lists that its counts ask for, in one step. When this
    /// returns, no program uses the slot that counted before.
    pub fn switch(&self, elements: &Map) -> Result<(), Error> {
        let slot = self.other_slot();
        // The kernel waits for all programs that run: none reads the other slot's lists when this
        // returns.
        self.outer.update_fd(slot, elements.as_fd()).map_err(failed("put a set's elements"))?;
        self.memory.write(self.at(self.state.lists_of(slot)), &self.lists());
        self.memory.set_u32(self.at(SetState::SLOT), slot);
        Ok(())
    }

    /// The first time: nobody looks yet.
    pub fn begin(&self, elements: &Map) -> Result<(), Error> {
        self.memory.set_u32(self.at(SetState::SLOT), self.row.slot + 1);
        self.switch(elements)
    }

    /// Lets the slot that does not count keep nothing.
    pub fn release_other(&self) -> Result<(), Error> {
        match self.outer.delete(&self.other_slot().to_ne_bytes()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(failed("empty a set's slot")(error))
            }
            _ => Ok(()),
        }
    }

    /// Whether the lists have what the counts ask for.
    pub fn is_current(&self) -> bool {
        let lists = self.lists();
        self.memory.read(self.at(self.state.lists_of(self.slot())), lists.len()) == lists
    }

    /// Whether as many elements are there as fit, where the map itself does not know.
    pub fn is_full(&self) -> bool {
        let Some(counts) = self.state.prefix_counts[0].filter(|_| self.layout.interface.is_some())
        else {
            return false;
        };
        let bits = self.layout.address_size as u32 * 8;
        let sum: u64 = (0..=bits).map(|at| self.memory.u64(self.at(counts + at * 8))).sum();
        sum >= self.row.def.capacity().into()
    }

    /// Puts marks of the networks of some keys into a map.
    pub fn mark_all<'k>(
        &self,
        elements: &Map,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> Result<(), Error> {
        let mut marks: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
        for mark in keys.filter_map(|key| self.layout.network_key(key)) {
            *marks.entry(mark).or_default() += 1;
        }
        for (mark, count) in marks {
            let mut value = vec![0; self.layout.value_size];
            value[4..8].copy_from_slice(&count.to_le_bytes());
            elements.update(&mark, &value).map_err(failed("mark a network of a set"))?;
        }
        Ok(())
    }

    /// Changes the mark of an element's network.
    pub fn mark(&self, elements: &Map, key: &[u8], change: i32) -> Result<(), Error> {
        let Some(mark) = self.layout.network_key(key) else { return Ok(()) };
        let mut value = elements.lookup(&mark).unwrap_or_else(|_| vec![0; self.layout.value_size]);
        let count = value.get(4..8).and_then(|bytes| bytes.try_into().ok());
        let count = count.map_or(0, u32::from_le_bytes).saturating_add_signed(change);
        if count == 0 {
            return match elements.delete(&mark) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(failed("mark a network of a set")(error))
                }
                _ => Ok(()),
            };
        }
        value[4..8].copy_from_slice(&count.to_le_bytes());
        elements.update(&mark, &value).map_err(failed("mark a network of a set"))
    }

    /// Sets all counts, to those of some keys.
    pub fn count_all<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) {
        for at in self.all_counts() {
            self.memory.set_u64(self.at(at), 0);
        }
        keys.filter(|key| !self.layout.is_mark(key)).for_each(|key| {
            self.count(key, 1);
        });
    }

    /// Adds to the counts of an element; true where one of them was or has become 0.
    pub fn count(&self, key: &[u8], change: i64) -> bool {
        let mut edge = false;
        for at in self.state.counts_of(&self.layout, key) {
            let before = self.memory.add_u64(self.at(at), change as u64);
            edge |= before == 0 || before.wrapping_add(change as u64) == 0;
        }
        edge
    }

    fn all_counts(&self) -> impl Iterator<Item = u32> {
        let bits = self.layout.address_size as u32 * 8;
        let range = |at: Option<u32>, count| {
            at.into_iter().flat_map(move |at| (0..count).map(move |index| at + index * 8))
        };
        let [first, second] = self.state.prefix_counts.map(|at| range(at, bits + 1));
        first.chain(second).chain(range(self.state.interface_counts, 16))
    }

    /// The lists of one slot, as the counts ask for them.
    fn lists(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.state.area as usize];
        for part in 0..2 {
            let (Some(list), Some(counts)) =
                (self.state.prefixes[part], self.state.prefix_counts[part])
            else {
                continue;
            };
            let bits = self.layout.address_size as u32 * 8;
            let lengths = (0..=bits).rev();
            let present = lengths.filter(|at| self.memory.u64(self.at(counts + at * 8)) as i64 > 0);
            write_list(&mut bytes, list, present.map(|length| (length, length as u8)));
        }
        if let (Some(list), Some(counts)) = (self.state.interfaces, self.state.interface_counts) {
            let lengths = (1..16u32).rev();
            let present = lengths.filter(|at| self.memory.u64(self.at(counts + at * 8)) as i64 > 0);
            let beginnings = present.map(|length| (length * 8, Layout::WILDCARD));
            write_list(&mut bytes, list, std::iter::once((128, 0)).chain(beginnings));
        }
        bytes
    }

    /// The masks of the lists that count: of each network part its prefix lengths, longest first.
    pub fn prefix_lengths(&self, part: usize) -> Vec<u8> {
        let Some(list) = self.state.prefixes[part] else { return Vec::new() };
        self.read_list(list)
    }

    /// Whether some element stands for all interfaces whose names begin alike.
    pub fn has_wildcards(&self) -> bool {
        self.state.interfaces.is_some_and(|list| self.read_list(list).len() > 1)
    }

    fn read_list(&self, list: MaskList) -> Vec<u8> {
        let at = self.state.lists_of(self.slot()) + list.offset;
        let count = self.memory.u32(self.at(at)).min(list.capacity);
        let byte = |index: u32| {
            let at = at + MaskList::HEADER + index * list.entry() + list.mask;
            self.memory.u32(self.at(at)) as u8
        };
        (0..count).map(byte).collect()
    }
}

/// Writes entries: the number of leading ones in the mask, and the byte behind it.
fn write_list(bytes: &mut [u8], list: MaskList, entries: impl Iterator<Item = (u32, u8)>) {
    let mut count = 0u32;
    for (ones, byte) in entries.take(list.capacity as usize) {
        let at = (list.offset + MaskList::HEADER + count * list.entry()) as usize;
        let mask = u128::MAX.checked_shl(128 - ones.min(128)).unwrap_or(0).to_be_bytes();
        let size = list.mask as usize;
        bytes[at..at + size].copy_from_slice(&mask[..size]);
        bytes[at + size] = byte;
        count += 1;
    }
    let at = list.offset as usize;
    bytes[at..at + 4].copy_from_slice(&count.to_ne_bytes());
}

/// Most elements of one map: the kernel wants its buckets in 4 GiB.
const MOST_ELEMENTS: u32 = 1 << 26;
