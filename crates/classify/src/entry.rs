//! The numbers that a plan's table holds for nodes and leaves.
//!
//! ```text
//! node   0..6 shift 1 | 6..12 shift 2 | 12..20 mask 1 | 20..28 mask 2
//!        | 28..31 word 1 | 31..34 word 2 | 34..63 base | 63: 0
//! leaf   0..8 terms | 8..40 offset | 40..61 first term | 63: 1
//! ```
//!
//! A node's cell is `((key[word 1] >> shift 1) & mask 1) | ((key[word 2] >> shift 2) & mask 2)`,
//! and the entry of that cell is the number of the table at its base, so that an entry is the next
//! node itself and a level is one load. Word 1 is never behind word 2, and the two of a layout of
//! two words are never both the second: there word 1 is always 0. Bases and offsets count numbers
//! of 64 bits from the table's beginning.

/// One window of a key's bits as a node reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The key's word.
    pub word: u8,
    /// By how much it is shifted to the right.
    pub shift: u8,
    /// The bits of a cell's number that come of it; 0 where there is one window alone.
    pub mask: u16,
}

/// A node: which cell of its table a key leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its windows.
    pub parts: [Part; 2],
    /// Where its cells begin.
    pub base: u32,
}

/// A leaf: terms to compare a key with, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leaf {
    /// How many.
    pub count: u8,
    /// Where their words begin.
    pub offset: u32,
    /// The number of the first one, whose counter may be touched early; 0 where there is none.
    pub first: u32,
}

/// What a cell holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A further node, whose masks have 8 bits.
    Node(Node),
    /// The end of the walk.
    Leaf(Leaf),
}

impl Part {
    /// The bits of a cell's number that a key's words give.
    pub fn of(self, words: &[u64]) -> usize {
        (words[usize::from(self.word)] >> self.shift) as usize & usize::from(self.mask)
    }
}

impl Node {
    /// Table sizes are less.
    pub const BASES: u32 = 1 << 29;

    /// The cell that a key's words lead to.
    pub fn cell(&self, words: &[u64]) -> usize {
        self.parts[0].of(words) | self.parts[1].of(words)
    }

    /// How many cells it has.
    pub fn cells(&self) -> usize {
        usize::from(self.parts[0].mask | self.parts[1].mask) + 1
    }
}

impl Entry {
    /// As the table holds it.
    pub fn encode(self) -> u64 {
        match self {
            Entry::Node(Node { parts: [first, second], base }) => {
                u64::from(first.shift)
                    | u64::from(second.shift) << 6
                    | u64::from(first.mask) << 12
                    | u64::from(second.mask) << 20
                    | u64::from(first.word) << 28
                    | u64::from(second.word) << 31
                    | u64::from(base) << 34
            }
            Entry::Leaf(leaf) => {
                let (offset, first) = (u64::from(leaf.offset), u64::from(leaf.first));
                u64::from(leaf.count) | offset << 8 | first << 40 | 1 << 63
            }
        }
    }

    /// What a number of the table means.
    pub fn decode(number: u64) -> Entry {
        let bits = |low: u32, count: u32| (number >> low) & ((1 << count) - 1);
        if number >> 63 == 1 {
            let (count, offset, first) =
                (bits(0, 8) as u8, bits(8, 32) as u32, bits(40, 21) as u32);
            return Entry::Leaf(Leaf { count, offset, first });
        }
        let part = |shift, mask, word| Part {
            word: bits(word, 3) as u8,
            shift: bits(shift, 6) as u8,
            mask: bits(mask, 8) as u16,
        };
        Entry::Node(Node { parts: [part(0, 12, 28), part(6, 20, 31)], base: bits(34, 29) as u32 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_as_they_are_written() {
        let high = Part { word: 7, shift: 63, mask: 255 };
        let low = Part { word: 2, shift: 1, mask: 3 };
        for (parts, base) in [([high, low], Node::BASES - 1), ([low, high], 0)] {
            let entry = Entry::Node(Node { parts, base });
            assert_eq!(Entry::decode(entry.encode()), entry);
        }
        for leaf in [
            Leaf::default(),
            Leaf { count: 255, offset: u32::MAX, first: (1 << 21) - 1 },
            Leaf { count: 1, offset: 2, first: 3 },
        ] {
            assert_eq!(Entry::decode(Entry::Leaf(leaf).encode()), Entry::Leaf(leaf));
        }
    }
}
