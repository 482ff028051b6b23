//! Exact counts of rules: what programs count, plus a base that only the runtime writes.
//!
//! A rule's packets and bytes are the sum over all processors of its pair in the counters map,
//! plus its pair in the filter's *base*. Programs write the first, the runtime only the second,
//! so no count is ever lost between a read and a write: to zero a filter, the negated sums become
//! its base; when a filter is replaced, the counts of rules that stay become the new one's. Sums
//! wrap around at 64 bits, and so do bases.
//!
//! Rules are the same across a replacement when family, table, chain, kind, text and the number
//! of such rules before it in the chain are the same.

use crate::Error;
use crate::sys::{Map, MapSpec};
use bpfc_artifact::{CounterSlot, MapKind, RuleEntry, RuleKind, RuleTable, TableFamily};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Packets and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Packets that passed all of a rule's matches.
    pub packets: u64,
    /// Their bytes: the IP packet's total length, without link header and padding.
    pub bytes: u64,
}

impl Count {
    fn plus(self, other: Count) -> Count {
        Count {
            packets: self.packets.wrapping_add(other.packets),
            bytes: self.bytes.wrapping_add(other.bytes),
        }
    }

    fn negated(self) -> Count {
        Count { packets: self.packets.wrapping_neg(), bytes: self.bytes.wrapping_neg() }
    }
}

/// The counts of a filter's rules and policies at one moment.
#[derive(Clone, Debug)]
pub struct Counters {
    rules: Arc<RuleTable>,
    counts: Vec<Count>,
}

impl Counters {
    pub(crate) fn new(rules: Arc<RuleTable>, counts: Vec<Count>) -> Counters {
        Counters { rules, counts }
    }

    /// Each rule and policy with its count, in ruleset order.
    pub fn iter(&self) -> impl Iterator<Item = (&RuleEntry, Count)> {
        self.rules.entries.iter().zip(self.counts.iter().copied())
    }

    /// The count of the rule with this label, such as `filter/INPUT:3`.
    pub fn find(&self, label: &str) -> Option<Count> {
        self.iter().find(|(rule, _)| rule.label == label).map(|(_, count)| count)
    }

    /// The rules and policies.
    pub fn rules(&self) -> &RuleTable {
        &self.rules
    }
}

/// Bytes of a pair.
const PAIR: usize = 16;

fn read_pair(bytes: &[u8], at: usize) -> Option<Count> {
    let pair: &[u8; PAIR] = bytes.get(at..)?.first_chunk()?;
    let (packets, bytes) = pair.split_at(8);
    Some(Count {
        packets: u64::from_ne_bytes(packets.try_into().ok()?),
        bytes: u64::from_ne_bytes(bytes.try_into().ok()?),
    })
}

/// What programs have counted so far, a row a rule. `map` is the counters map, per-CPU or not.
pub(crate) fn sums(map: &Map, rules: &RuleTable) -> Result<Vec<Count>, Error> {
    let failed = "read the counters";
    let stride = map.value_size().next_multiple_of(8);
    let mut chunks: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    let mut counts = Vec::with_capacity(rules.entries.len());
    for rule in &rules.entries {
        let Some(CounterSlot { chunk, offset }) = rule.counter else {
            counts.push(Count::default());
            continue;
        };
        let value = match chunks.entry(chunk) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let value = map.lookup(&chunk.to_ne_bytes());
                entry.insert(value.map_err(Error::kernel(failed))?)
            }
        };
        let copies = value.chunks(stride);
        let sum = copies.filter_map(|copy| read_pair(copy, offset as usize));
        counts.push(sum.fold(Count::default(), Count::plus));
    }
    Ok(counts)
}

/// Adds row by row.
pub(crate) fn add(left: &[Count], right: &[Count]) -> Vec<Count> {
    left.iter().zip(right).map(|(left, right)| left.plus(*right)).collect()
}

/// Negates every row.
pub(crate) fn negate(counts: &[Count]) -> Vec<Count> {
    counts.iter().map(|count| count.negated()).collect()
}

/// What makes a rule the same in two rulesets.
type Identity<'a> = (TableFamily, &'a str, &'a str, bool, &'a str, usize);

fn identities(rules: &RuleTable) -> Vec<Identity<'_>> {
    let mut seen: BTreeMap<(TableFamily, &str, &str, bool, &str), usize> = BTreeMap::new();
    let mut identities = Vec::with_capacity(rules.entries.len());
    for rule in &rules.entries {
        let policy = rule.kind == RuleKind::Policy;
        let key = (rule.family, rule.table.as_str(), rule.chain.as_str(), policy, &*rule.text);
        let number = seen.entry(key).or_insert(0);
        identities.push((key.0, key.1, key.2, key.3, key.4, *number));
        *number += 1;
    }
    identities
}

/// Which of `from`'s rules `to` has not.
pub(crate) fn left(from: &RuleTable, to: &RuleTable) -> Vec<bool> {
    let known: BTreeSet<_> = identities(to).into_iter().collect();
    identities(from).iter().map(|identity| !known.contains(identity)).collect()
}

/// The counts of `from`'s rules as rows of `to`'s: zero for rules that `from` has not.
pub(crate) fn carry(from: &RuleTable, counts: &[Count], to: &RuleTable) -> Vec<Count> {
    let known: BTreeMap<_, _> = identities(from).into_iter().zip(counts).collect();
    identities(to)
        .into_iter()
        .map(|identity| known.get(&identity).map_or(Count::default(), |count| **count))
        .collect()
}

/// What is added to the sums: two halves, each a pair for each rule, of which the filter's state
/// says the valid one.
#[derive(Debug)]
pub(crate) struct Base {
    map: Map,
    rows: usize,
}

/// Pairs in one value.
const ROWS: usize = 1024;

impl Base {
    /// A new one for `rows` rules, zero in both halves.
    pub fn create(rows: usize) -> Result<Base, Error> {
        let spec = MapSpec {
            name: "bpfc_base",
            kind: MapKind::Array.number(),
            key_size: 4,
            value_size: (ROWS * PAIR) as u32,
            max_entries: 2 * Base::parts(rows),
            flags: 0,
        };
        let map = Map::create(&spec, None).map_err(Error::kernel("create a map for counters"))?;
        Ok(Base { map, rows })
    }

    /// The one in `map`.
    pub fn open(map: Map, rows: usize) -> Base {
        Base { map, rows }
    }

    pub fn map(&self) -> &Map {
        &self.map
    }

    fn parts(rows: usize) -> u32 {
        rows.div_ceil(ROWS).max(1) as u32
    }

    fn key(&self, half: u8, part: usize) -> [u8; 4] {
        (u32::from(half) * Base::parts(self.rows) + part as u32).to_ne_bytes()
    }

    /// A row a rule.
    pub fn read(&self, half: u8) -> Result<Vec<Count>, Error> {
        let mut counts = Vec::with_capacity(self.rows);
        for part in 0..self.rows.div_ceil(ROWS) {
            let value = self.map.lookup(&self.key(half, part));
            let value = value.map_err(Error::kernel("read the base of the counters"))?;
            let rows = ROWS.min(self.rows - part * ROWS);
            counts.extend((0..rows).filter_map(|row| read_pair(&value, row * PAIR)));
        }
        Ok(counts)
    }

    /// Writes a half that is not valid now. A row a rule.
    pub fn write(&self, half: u8, counts: &[Count]) -> Result<(), Error> {
        for (part, rows) in counts.chunks(ROWS).enumerate() {
            let mut value = Vec::with_capacity(ROWS * PAIR);
            for count in rows {
                value.extend(count.packets.to_ne_bytes());
                value.extend(count.bytes.to_ne_bytes());
            }
            value.resize(ROWS * PAIR, 0);
            self.map
                .update(&self.key(half, part), &value)
                .map_err(Error::kernel("write the base of the counters"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(chain: &str, text: &str) -> RuleEntry {
        RuleEntry {
            label: String::new(),
            family: TableFamily::Iptables,
            table: "filter".into(),
            chain: chain.into(),
            hook: None,
            kind: RuleKind::Rule(1),
            text: text.into(),
            verdict: String::new(),
            columns: [].into(),
            file: "".into(),
            line: 0,
            counter: None,
        }
    }

    fn count(packets: u64) -> Count {
        Count { packets, bytes: packets * 100 }
    }

    #[test]
    fn counts_follow_equal_rules_by_occurrence() {
        let from = RuleTable {
            entries: vec![rule("A", "x"), rule("A", "y"), rule("A", "x"), rule("B", "x")],
            ..RuleTable::default()
        };
        let to = RuleTable {
            entries: vec![
                rule("A", "z"),
                rule("A", "x"),
                rule("B", "x"),
                rule("A", "x"),
                rule("A", "x"),
            ],
            ..RuleTable::default()
        };
        let counts = [count(1), count(2), count(3), count(4)];
        assert_eq!(
            carry(&from, &counts, &to),
            [Count::default(), count(1), count(4), count(3), Count::default()]
        );
    }

    #[test]
    fn rules_that_are_gone_are_told_by_occurrence() {
        let table = |rules: &[(&str, &str)]| RuleTable {
            entries: rules.iter().map(|(chain, text)| rule(chain, text)).collect(),
            ..RuleTable::default()
        };
        let from = table(&[("A", "x"), ("A", "y"), ("A", "x"), ("B", "x")]);
        let to = table(&[("A", "z"), ("A", "x"), ("B", "x")]);
        assert_eq!(left(&from, &to), [false, true, true, false]);
        assert_eq!(left(&from, &from), [false; 4]);
    }

    #[test]
    fn a_negated_base_zeroes() {
        let sums = [count(7), count(0), Count { packets: u64::MAX, bytes: 1 }];
        assert_eq!(add(&sums, &negate(&sums)), [Count::default(); 3]);
    }
}
