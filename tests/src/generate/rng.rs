//! Numbers from a seed: SplitMix64 (Steele, Lea and Flood, 2014), the same on every machine and
//! with every version of every crate, so that a seed in a report stays a reproduction.

use std::ops::RangeInclusive;

/// A source of numbers.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(1) }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound
    }

    /// A number of a range.
    pub fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (low, high) = range.into_inner();
        match high.wrapping_sub(low).wrapping_add(1) {
            0 => self.bits(),
            width => low + self.below(width),
        }
    }

    /// 8 random bits.
    pub fn byte(&mut self) -> u8 {
        self.bits() as u8
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One element of a list that is not empty.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }

    /// A number in, at the edges of, or just outside of a range, kept within `0..=limit`.
    pub fn near(&mut self, range: RangeInclusive<u64>, limit: u64) -> u64 {
        let (low, high) = range.into_inner();
        match self.below(7) {
            0 => low.saturating_sub(1),
            1 => high.saturating_add(1).min(limit),
            2 => self.within(0..=limit),
            3 => low,
            4 => high,
            _ if low <= high => self.within(low..=high),
            _ => low,
        }
    }

    /// `"! "` once in a while.
    pub fn negation(&mut self) -> &'static str {
        if self.one_in(4) { "! " } else { "" }
    }
}
