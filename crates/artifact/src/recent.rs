//! How a list of recently seen addresses lies in its map's one value.
//!
//! All bytes zero are an empty list. Entries are numbered from 0; E is their number rounded up to a
//! power of two. Nodes are the numbers that links join to rings: 0 to E-1 are entries, the others
//! the rings' heads. A link is 4 bytes, the next and the previous node (u16 each), each
//! exclusive-or its own node, so that zeros are a ring of one.
//!
//! | offset | what |
//! |---|---|
//! | 0 | `struct bpf_spin_lock` |
//! | 4 | u32: entries in use |
//! | 8 | u64: the latest tick that any question saw |
//! | 16 | u32: entries that were ever in use |
//! | 32 | links of 2E nodes: the ring of E from the entry seen longest ago on, and that of E+1 with entries that are free again |
//! | 32 + 8E | links of 2E nodes: rings of entries with the same hash, from E on |
//! | 32 + 16E | E entries |
//!
//! An entry is the address as packets have it (16 bytes), family (4 or 6), time to live, two bytes
//! of nothing, the place of the next time (u32), the number of times (u32), 4 bytes of nothing,
//! then the ring of times (u64 each). Numbers are in the machine's order.

/// A list's size. In a map's role its text form stands behind [`RecentLayout::PART`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentLayout {
    /// Entries at most.
    pub entries: u32,
    /// Times of each entry, a power of two.
    pub stamps: u32,
}

/// Offset of the number of entries.
pub const COUNT: u32 = 4;
/// Offset of the latest tick.
pub const LATEST: u32 = 8;
/// Offset of the number of entries that were ever in use.
pub const USED: u32 = 16;
/// Offset of the rings by age.
pub const AGE: u32 = 32;
/// Offset of the family in an entry.
pub const FAMILY: u32 = 16;
/// Offset of the time to live in an entry.
pub const TTL: u32 = 17;
/// Offset of the place of the next time in an entry.
pub const INDEX: u32 = 20;
/// Offset of the number of times in an entry.
pub const STAMPS_USED: u32 = 24;
/// Offset of the times in an entry.
pub const STAMPS: u32 = 32;

/// Bytes of a command to a program that edits a list: what to do, family (4 or 6), 6 bytes of
/// nothing, address.
pub const EDIT_SIZE: usize = 24;
/// Sees an address now, whatever its time to live.
pub const EDIT_ADD: u8 = 0;
/// Removes an address.
pub const EDIT_DELETE: u8 = 1;
/// Removes every address.
pub const EDIT_FLUSH: u8 = 2;

impl RecentLayout {
    /// The beginning of [`crate::MapRole::Object`]'s part.
    pub const PART: &'static str = "recent";

    /// E.
    pub fn nodes(&self) -> u32 {
        self.entries.next_power_of_two()
    }

    /// Offset of the rings by hash.
    pub fn hash(&self) -> u32 {
        AGE + 8 * self.nodes()
    }

    /// Offset of the first entry.
    pub fn first(&self) -> u32 {
        AGE + 16 * self.nodes()
    }

    /// Bytes of an entry.
    pub fn entry_size(&self) -> u32 {
        STAMPS + 8 * self.stamps
    }

    /// Bytes of the value.
    pub fn value_size(&self) -> u32 {
        self.first() + self.nodes() * self.entry_size()
    }

    /// The part that a map of this layout has in its role.
    pub fn part(&self) -> String {
        format!("{} {} {}", Self::PART, self.entries, self.stamps)
    }

    /// The layout of a part; none where it is no list's.
    pub fn of_part(part: &str) -> Option<RecentLayout> {
        let mut words = part.split(' ');
        if words.next() != Some(Self::PART) {
            return None;
        }
        let mut number = || words.next()?.parse().ok();
        let layout = RecentLayout { entries: number()?, stamps: number()? };
        let sound = (1..=1 << 14).contains(&layout.entries)
            && layout.stamps.is_power_of_two()
            && layout.stamps <= 1 << 16;
        sound.then_some(layout)
    }

    /// The name of the program that edits the list in a map.
    pub fn editor(map: &str) -> String {
        format!("edit_{map}")
    }
}
