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
use bpfc_artifact::{
    CounterEntry, CounterSlot, MapKind, ObjectEntry, ObjectKind, RuleEntry, RuleKind, RuleTable,
    Start, TableFamily,
};
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
    /// Rules and their counts, by [`RuleTable::rows`].
    pub fn new(rules: Arc<RuleTable>, counts: Vec<Count>) -> Counters {
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

    /// The counts of all rows of [`RuleTable::rows`].
    pub fn counts(&self) -> &[Count] {
        &self.counts
    }

    /// What the counter statements of nft's rules show: those of named counters what the counter
    /// has counted, whichever rule it was by.
    pub fn statements(&self) -> impl Iterator<Item = (&CounterEntry, Count)> {
        let named: BTreeMap<(TableFamily, &str, &str), Count> = self
            .objects()
            .map(|(of, count)| ((of.family, of.table.as_str(), of.name.as_str()), count))
            .collect();
        self.rules.counters.iter().enumerate().map(move |(at, entry)| {
            let named = entry.name.as_deref().and_then(|name| {
                let rule = self.rules.entries.get(entry.rule as usize)?;
                named.get(&(rule.family, rule.table.as_str(), name)).copied()
            });
            let own = self.counts.get(self.rules.row_of_counter(at)).copied();
            (entry, named.or(own).unwrap_or_default())
        })
    }

    /// The named counters of nft's tables.
    pub fn objects(&self) -> impl Iterator<Item = (&ObjectEntry, Count)> {
        totals(&self.rules, &self.counts)
    }

    /// The rules and policies.
    pub fn rules(&self) -> &RuleTable {
        &self.rules
    }
}

/// The named counters, with what all of their rows have counted.
fn totals<'a>(
    rules: &'a RuleTable,
    counts: &'a [Count],
) -> impl Iterator<Item = (&'a ObjectEntry, Count)> {
    let count = |row: usize| counts.get(row).copied().unwrap_or_default();
    let mut named: BTreeMap<(TableFamily, &str, &str), Count> = BTreeMap::new();
    for (at, counter) in rules.counters.iter().enumerate() {
        let rule = rules.entries.get(counter.rule as usize);
        if let Some((name, rule)) = counter.name.as_deref().zip(rule) {
            let sum = named.entry((rule.family, &rule.table, name)).or_default();
            *sum = sum.plus(count(rules.row_of_counter(at)));
        }
    }
    rules.objects.iter().enumerate().map(move |(at, object)| {
        let by_rules = named.get(&(object.family, object.table.as_str(), object.name.as_str()));
        (object, count(rules.row_of_object(at)).plus(by_rules.copied().unwrap_or_default()))
    })
}

/// What counters begin with, by [`RuleTable::rows`]: the first base of a filter.
pub(crate) fn start(rules: &RuleTable) -> Vec<Count> {
    let mut counts = vec![Count::default(); rules.rows()];
    let of = |Start { packets, bytes }: Start| Count { packets, bytes };
    for (at, counter) in rules.counters.iter().enumerate() {
        counts[rules.row_of_counter(at)] = of(counter.start);
        let rule = rules.entries.get(counter.rule as usize);
        if rule.is_some_and(|rule| rule.counter.is_some() && rule.counter == counter.counter) {
            counts[counter.rule as usize] = of(counter.start);
        }
    }
    for (at, object) in rules.objects.iter().enumerate() {
        let ObjectKind::Counter(start) = object.kind;
        counts[rules.row_of_object(at)] = of(start);
    }
    counts
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

/// What programs have counted so far, by [`RuleTable::rows`]. `map` is the counters map, per-CPU or
/// not.
pub(crate) fn sums(map: &Map, rules: &RuleTable) -> Result<Vec<Count>, Error> {
    let failed = "read the counters";
    let stride = map.value_size().next_multiple_of(8);
    let mut chunks: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
    let mut counts = Vec::with_capacity(rules.rows());
    let of_rules = rules.entries.iter().map(|rule| rule.counter);
    let of_statements = rules.counters.iter().map(|counter| counter.counter);
    let of_objects = rules.objects.iter().map(|_| None);
    for slot in of_rules.chain(of_statements).chain(of_objects) {
        let Some(CounterSlot { chunk, offset }) = slot else {
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

/// The named counters of `from` that `to` has not, with what they have counted.
pub(crate) fn lost_objects<'a>(
    from: &'a RuleTable,
    counts: &'a [Count],
    to: &'a RuleTable,
) -> impl Iterator<Item = (&'a ObjectEntry, Count)> {
    let stays = |object: &ObjectEntry| {
        let key = |of: &ObjectEntry| (of.family, of.table.clone(), of.name.clone());
        to.objects.iter().any(|other| key(other) == key(object))
    };
    totals(from, counts).filter(move |(object, count)| *count != Count::default() && !stays(object))
}

/// The counts of `from` as rows of `to`'s, less what those begin with: zero for rules, counter
/// statements and named counters that `from` has not.
pub(crate) fn carry(from: &RuleTable, counts: &[Count], to: &RuleTable) -> Vec<Count> {
    let mut carried = start(to);
    let (old, new) = (identities(from), identities(to));
    let known: BTreeMap<_, _> = old.iter().zip(counts).collect();
    for (identity, count) in new.iter().zip(&mut carried) {
        if let Some(known) = known.get(identity) {
            *count = **known;
        }
    }
    let known: BTreeMap<_, _> = (from.counters.iter().enumerate())
        .filter_map(|(at, counter)| {
            let key = (*old.get(counter.rule as usize)?, counter.number, counter.name.as_deref());
            Some((key, *counts.get(from.row_of_counter(at))?))
        })
        .collect();
    for (at, counter) in to.counters.iter().enumerate() {
        let Some(rule) = new.get(counter.rule as usize) else { continue };
        if let Some(count) = known.get(&(*rule, counter.number, counter.name.as_deref())) {
            carried[to.row_of_counter(at)] = *count;
        }
    }
    let known: BTreeMap<_, _> = totals(from, counts)
        .map(|(of, count)| ((of.family, of.table.as_str(), of.name.as_str()), count))
        .collect();
    let totals: Vec<Count> = totals(to, &carried).map(|(_, count)| count).collect();
    for ((at, object), total) in to.objects.iter().enumerate().zip(totals) {
        let key = (object.family, object.table.as_str(), object.name.as_str());
        if let Some(known) = known.get(&key) {
            // What its rules did not take over with them is its own.
            let own = &mut carried[to.row_of_object(at)];
            *own = own.plus(known.plus(total.negated()));
        }
    }
    add(&carried, &negate(&start(to)))
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
