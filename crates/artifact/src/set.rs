//! Sets of an artifact: definitions, first elements, and where programs look for them.
//!
//! The elements of a set are a hash map that lies in a slot of a map of maps; sets whose keys and
//! values have the same sizes share that map of maps. A set owns two slots behind each other. Its
//! *state*, a region of an array map's only value, names the slot that counts, so that a set is
//! replaced by filling the other slot and writing one number.
//!
//! Networks are looked up by prefix length: for each slot the state has, for each network part, a
//! list of the masks to try, longest prefix first, and the same for the beginnings of interface
//! names. Behind the lists stand the numbers of elements by prefix length, from which user space
//! makes the lists anew when a length comes or goes.

use crate::MapIndex;
use bpfc_ipset::{Layout, Set, SetDef};
use serde::{Deserialize, Serialize};

/// One set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetEntry {
    /// Its definition and what is in it when it is loaded.
    pub set: Set,
    /// The map of maps with its elements.
    pub elements: MapIndex,
    /// The first of its two slots there.
    pub slot: u32,
    /// The array map with its state.
    pub state: MapIndex,
    /// Where in that map's value the state begins, in bytes.
    pub offset: u32,
}

/// Offsets in a set's state, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetState {
    /// Where the lists of the first slot begin; those of the second follow after
    /// [`SetState::area`] bytes.
    pub lists: u32,
    /// Bytes of one slot's lists.
    pub area: u32,
    /// By network part: its list in an area.
    pub prefixes: [Option<MaskList>; 2],
    /// The list of interface names' beginnings in an area; the whole name comes first.
    pub interfaces: Option<MaskList>,
    /// By network part: numbers of elements by prefix length, a u64 each, from length 0 on.
    pub prefix_counts: [Option<u32>; 2],
    /// Numbers of elements with an interface name's beginning, by its length, a u64 each.
    pub interface_counts: Option<u32>,
    /// Bytes of all, a multiple of 8.
    pub size: u32,
}

/// A list of masks: a count (u32) and, 8 bytes further, entries of a mask and a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskList {
    /// Where it begins in its area.
    pub offset: u32,
    /// Most entries.
    pub capacity: u32,
    /// Bytes of a mask: 4 or 16. The byte behind it is the prefix length, for interfaces the
    /// flags ([`Layout::WILDCARD`]).
    pub mask: u32,
}

impl MaskList {
    /// Bytes of the count and what fills up to the first entry.
    pub const HEADER: u32 = 8;

    /// Bytes of an entry.
    pub fn entry(self) -> u32 {
        self.mask + if self.mask == 4 { 4 } else { 8 }
    }

    /// Bytes of the list.
    pub fn size(self) -> u32 {
        Self::HEADER + self.capacity * self.entry()
    }
}

impl SetState {
    /// u32: the slot that counts.
    pub const SLOT: u32 = 0;
    /// u64: when the program last looked for expired elements.
    pub const COLLECTED: u32 = 8;

    /// The state of a set.
    pub fn of(def: &SetDef) -> SetState {
        let layout = def.layout();
        let bits = layout.address_size as u32 * 8;
        let mut area = 0;
        let mut list = |wanted: bool, capacity: u32, mask: u32| {
            wanted.then(|| {
                let list = MaskList { offset: area, capacity, mask };
                area += list.size();
                list
            })
        };
        let networks = layout.prefixes.map(|prefix| prefix.is_some());
        let prefixes = networks.map(|network| list(network, bits + 1, layout.address_size as u32));
        let interfaces = list(layout.interface.is_some(), 16, 16);
        let lists = 16;
        let mut size = lists + 2 * area;
        let mut place = |wanted: bool, count: u32| {
            wanted.then(|| {
                size += count * 8;
                size - count * 8
            })
        };
        let prefix_counts = networks.map(|network| place(network, bits + 1));
        let interface_counts = place(layout.interface.is_some(), 16);
        SetState { lists, area, prefixes, interfaces, prefix_counts, interface_counts, size }
    }

    /// Where a slot's lists begin.
    pub fn lists_of(&self, slot: u32) -> u32 {
        self.lists + slot % 2 * self.area
    }

    /// Which counts an element belongs to, as offsets in the state.
    pub fn counts_of(&self, layout: &Layout, key: &[u8]) -> impl Iterator<Item = u32> {
        let byte = |at: Option<usize>| at.and_then(|at| key.get(at)).copied().map(u32::from);
        let prefixes = [0, 1].map(|part| {
            self.prefix_counts[part].zip(byte(layout.prefixes[part])).map(|(at, n)| at + n * 8)
        });
        let wildcard = byte(layout.interface_flags)
            .is_some_and(|flags| flags & u32::from(Layout::WILDCARD) != 0);
        let name = layout.interface.and_then(|at| key.get(at..at + 16)).unwrap_or(&[]);
        let length = name.iter().take_while(|byte| **byte != 0).count() as u32;
        let interface = self.interface_counts.filter(|_| wildcard).map(|at| at + length * 8);
        prefixes.into_iter().flatten().chain(interface)
    }
}
