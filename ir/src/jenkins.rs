//! Bob Jenkins' hash (lookup3) of one word: what [`crate::Op::Hash`] yields.
//!
//! `jhash_1word` (include/linux/jhash.h). The word is what the machine reads from the number's four
//! bytes in network order, so that machines of either byte order have answers of their own.

/// What every sum begins with, the four bytes' length included.
const START: u32 = 0xdead_beef + 4;

/// Which of three sums is changed by which other one, and by how many bits that one is rotated.
const STEPS: [(usize, usize, u32); 7] =
    [(2, 1, 14), (0, 2, 11), (1, 0, 25), (2, 1, 16), (0, 2, 4), (1, 0, 14), (2, 1, 24)];

/// The hash of a number.
pub fn jenkins(number: u32, seed: u32) -> u32 {
    let word = u32::from_ne_bytes(number.to_be_bytes());
    let start = START.wrapping_add(seed);
    let mut sums = [start.wrapping_add(word), start, start];
    for (to, from, bits) in STEPS {
        sums[to] = (sums[to] ^ sums[from]).wrapping_sub(sums[from].rotate_left(bits));
    }
    sums[2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn hashes_are_the_kernels() {
        assert_eq!(jenkins(0x0a00_0001, 0), 0x2fa5_f781);
    }
}
