//! Places for counters: chunks of 1,024, filled function by function, so that one map lookup serves
//! all that a function counts.

use bpfc_artifact::CounterSlot;
use bpfc_ir::Counter;
use std::collections::BTreeMap;

/// Rules in one value of the counters map; 16 KiB stay below the 32 KiB that a per-CPU value
/// may have (`PCPU_MIN_UNIT_SIZE`, kernel/bpf/arraymap.c).
pub const RULES_PER_CHUNK: u32 = 1024;
/// Bytes of one rule's counters.
pub const COUNTER_SIZE: u32 = 16;

const _: () = assert!(RULES_PER_CHUNK.is_power_of_two());

/// Gives out counter slots.
#[derive(Debug, Default)]
pub struct Counters {
    slots: BTreeMap<Counter, CounterSlot>,
    chunk: u32,
    used: u32,
    high: u32,
    /// Whether chunks have room for all that they may hold, so that their places are bounded.
    are_full: bool,
}

impl Counters {
    /// No slots yet; in chunks of the largest size where `are_full`.
    pub fn new(are_full: bool) -> Counters {
        Counters { are_full, ..Counters::default() }
    }

    /// The slots of a function's counters; those without one get theirs in one chunk where they
    /// fit.
    pub fn reserve(&mut self, counters: &[Counter]) {
        let new: Vec<Counter> =
            counters.iter().copied().filter(|of| !self.slots.contains_key(of)).collect();
        let wanted = new.len() as u32;
        if wanted <= RULES_PER_CHUNK && self.used + wanted > RULES_PER_CHUNK {
            self.chunk += 1;
            self.used = 0;
        }
        for counter in new {
            if self.slots.contains_key(&counter) {
                continue;
            }
            if self.used == RULES_PER_CHUNK {
                self.chunk += 1;
                self.used = 0;
            }
            let slot = CounterSlot { chunk: self.chunk, offset: self.used * COUNTER_SIZE };
            self.slots.insert(counter, slot);
            self.used += 1;
            self.high = self.high.max(self.used);
        }
    }

    /// A counter's slot, none where no function counts it.
    pub fn slot(&self, counter: Counter) -> Option<CounterSlot> {
        self.slots.get(&counter).copied()
    }

    /// Number of chunks, at least 1.
    pub fn chunks(&self) -> u32 {
        self.chunk + 1
    }

    /// Bytes of one chunk's value: what the fullest one needs, at least one counter.
    pub fn value_size(&self) -> u32 {
        if self.are_full {
            return RULES_PER_CHUNK * COUNTER_SIZE;
        }
        self.high.max(1) * COUNTER_SIZE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: std::ops::Range<u32>) -> Vec<Counter> {
        range.map(Counter::from_u32).collect()
    }

    #[test]
    fn one_functions_rules_lie_in_one_chunk_where_they_fit() {
        let mut counters = Counters::default();
        counters.reserve(&of(0..600));
        counters.reserve(&of(600..1200));
        assert_eq!(counters.slot(Counter::from_u32(599)).map(|slot| slot.chunk), Some(0));
        assert!(of(600..1200).iter().all(|&r| counters.slot(r).map(|s| s.chunk) == Some(1)));
        assert_eq!(counters.chunks(), 2);
        assert_eq!(counters.value_size(), 600 * COUNTER_SIZE);
    }

    #[test]
    fn no_two_rules_share_a_place_and_none_moves() {
        let mut counters = Counters::default();
        counters.reserve(&of(0..1500));
        let first = counters.slot(Counter::from_u32(7));
        counters.reserve(&of(5..3000));
        assert_eq!(counters.slot(Counter::from_u32(7)), first);
        let slots: std::collections::BTreeSet<CounterSlot> =
            of(0..3000).iter().filter_map(|&counter| counters.slot(counter)).collect();
        assert_eq!(slots.len(), 3000);
        assert!(slots.iter().all(|slot| slot.offset < RULES_PER_CHUNK * COUNTER_SIZE));
        assert!(slots.iter().all(|slot| slot.chunk < counters.chunks()));
    }
}
