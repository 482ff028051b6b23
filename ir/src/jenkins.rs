//! Bob Jenkins' hash (lookup3) of bytes: what [`crate::Op::Hash`] yields.
//!
//! `jhash` (include/linux/jhash.h) of a little-endian machine: of others, where words are read as
//! they stand, the answer is another one.

use crate::Type;

/// What every sum begins with, besides length and seed.
pub const START: u32 = 0xdead_beef;

/// After each twelve bytes but the last: which of three sums loses which other one and is changed
/// by that one rotated by so many bits, before the third is added to that one.
pub const ROUNDS: [(usize, usize, u32); 6] =
    [(0, 2, 4), (1, 0, 6), (2, 1, 8), (0, 2, 16), (1, 0, 19), (2, 1, 4)];

/// At the end: which sum is changed by which other one, and by how many bits that one is rotated.
pub const LAST: [(usize, usize, u32); 7] =
    [(2, 1, 14), (0, 2, 11), (1, 0, 25), (2, 1, 16), (0, 2, 4), (1, 0, 14), (2, 1, 24)];

/// The hash of bytes; a part of a word at the end is filled up with zeros.
pub fn jenkins(bytes: &[u8], seed: u32) -> u32 {
    let words: Vec<u32> = bytes
        .chunks(4)
        .map(|part| {
            let mut word = [0; 4];
            word[..part.len()].copy_from_slice(part);
            u32::from_le_bytes(word)
        })
        .collect();
    let mut sums = [START.wrapping_add(bytes.len() as u32).wrapping_add(seed); 3];
    let mut parts = words.chunks(3).peekable();
    while let Some(part) = parts.next() {
        for (sum, word) in sums.iter_mut().zip(part) {
            *sum = sum.wrapping_add(*word);
        }
        if parts.peek().is_some() {
            for (to, from, bits) in ROUNDS {
                let rotated = sums[from].rotate_left(bits);
                sums[to] = sums[to].wrapping_sub(sums[from]) ^ rotated;
                sums[from] = sums[from].wrapping_add(sums[3 - to - from]);
            }
            continue;
        }
        for (to, from, bits) in LAST {
            sums[to] = (sums[to] ^ sums[from]).wrapping_sub(sums[from].rotate_left(bits));
        }
    }
    sums[2]
}

/// The bytes of which a hash of numbers is made: each in network order, filled up with zeros to
/// whole words of four bytes.
pub fn hashed_bytes(numbers: impl IntoIterator<Item = (Type, u128)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (ty, number) in numbers {
        let size = ty.bytes() as usize;
        bytes.extend(&number.to_be_bytes()[16 - size..]);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_kernels() {
        assert_eq!(jenkins(&[10, 0, 0, 1], 0), 0x2fa5_f781);
    }

    /// Bob Jenkins' own examples (lookup3.c, `driver5`): `hashlittle` and `jhash` are one function.
    #[test]
    fn long_texts_are_hashed() {
        let text = b"Four score and seven years ago";
        assert_eq!(jenkins(text, 0), 0x1777_0551);
        assert_eq!(jenkins(text, 1), 0xcd62_8161);
        assert_eq!(jenkins(b"", 0), 0xdead_beef);
    }
}
