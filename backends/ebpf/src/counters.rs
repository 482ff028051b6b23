//! Places for rule counters: chunks of 1,024 rules, filled function by function, so that one
//! map lookup serves all of a function's rules.

use bpfc_artifact::CounterSlot;
use bpfc_ir::Rule;
use std::collections::BTreeMap;

/// Rules in one value of the counters map; 16 KiB stay below the 32 KiB that a per-CPU value
/// may have (`PCPU_MIN_UNIT_SIZE`, kernel/bpf/arraymap.c).
pub const RULES_PER_CHUNK: u32 = 1024;
/// Bytes of one rule's counters.
pub const COUNTER_SIZE: u32 = 16;

/// Gives out counter slots.
#[derive(Debug, Default)]
pub struct Counters {
    slots: BTreeMap<Rule, CounterSlot>,
    chunk: u32,
    used: u32,
    high: u32,
}

impl Counters {
    /// The slots of a function's rules; those without one get theirs in one chunk where they
    /// fit.
    pub fn reserve(&mut self, rules: &[Rule]) {
        let new: Vec<Rule> =
            rules.iter().copied().filter(|rule| !self.slots.contains_key(rule)).collect();
        let wanted = new.len() as u32;
        if wanted <= RULES_PER_CHUNK && self.used + wanted > RULES_PER_CHUNK {
            self.chunk += 1;
            self.used = 0;
        }
        for rule in new {
            if self.slots.contains_key(&rule) {
                continue;
            }
            if self.used == RULES_PER_CHUNK {
                self.chunk += 1;
                self.used = 0;
            }
            let slot = CounterSlot { chunk: self.chunk, offset: self.used * COUNTER_SIZE };
            self.slots.insert(rule, slot);
            self.used += 1;
            self.high = self.high.max(self.used);
        }
    }

    /// A rule's slot, none where no function counts it.
    pub fn slot(&self, rule: Rule) -> Option<CounterSlot> {
        self.slots.get(&rule).copied()
    }

    /// Number of chunks, at least 1.
    pub fn chunks(&self) -> u32 {
        self.chunk + 1
    }

    /// Bytes of one chunk's value: what the fullest one needs, at least one counter.
    pub fn value_size(&self) -> u32 {
        self.high.max(1) * COUNTER_SIZE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(range: std::ops::Range<u32>) -> Vec<Rule> {
        range.map(Rule::from_u32).collect()
    }

    #[test]
    fn one_functions_rules_lie_in_one_chunk_where_they_fit() {
        let mut counters = Counters::default();
        counters.reserve(&rules(0..600));
        counters.reserve(&rules(600..1200));
        assert_eq!(counters.slot(Rule::from_u32(599)).map(|slot| slot.chunk), Some(0));
        assert!(rules(600..1200).iter().all(|&r| counters.slot(r).map(|s| s.chunk) == Some(1)));
        assert_eq!(counters.chunks(), 2);
        assert_eq!(counters.value_size(), 600 * COUNTER_SIZE);
    }

    #[test]
    fn no_two_rules_share_a_place_and_none_moves() {
        let mut counters = Counters::default();
        counters.reserve(&rules(0..1500));
        let first = counters.slot(Rule::from_u32(7));
        counters.reserve(&rules(5..3000));
        assert_eq!(counters.slot(Rule::from_u32(7)), first);
        let slots: std::collections::BTreeSet<CounterSlot> =
            rules(0..3000).iter().filter_map(|&rule| counters.slot(rule)).collect();
        assert_eq!(slots.len(), 3000);
        assert!(slots.iter().all(|slot| slot.offset < RULES_PER_CHUNK * COUNTER_SIZE));
        assert!(slots.iter().all(|slot| slot.chunk < counters.chunks()));
    }
}
