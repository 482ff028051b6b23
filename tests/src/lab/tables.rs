//! Counters of the kernel's iptables, by the labels that every command of this project prints.

use super::namespace::run;
use super::{Family, LabError};
use bpfc_ir::{Counter, Program};
use bpfc_runtime::xtables::read_table;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// Packets and bytes of a rule or policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Bytes of those packets by their IP headers, link headers left out.
    pub bytes: u64,
}

impl Add for Count {
    type Output = Count;

    fn add(self, other: Count) -> Count {
        Count { packets: self.packets + other.packets, bytes: self.bytes + other.bytes }
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        *self = *self + other;
    }
}

impl Sub for Count {
    type Output = Count;

    fn sub(self, other: Count) -> Count {
        Count {
            packets: self.packets.wrapping_sub(other.packets),
            bytes: self.bytes.wrapping_sub(other.bytes),
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}:{}]", self.packets, self.bytes)
    }
}

/// Counters by label (`filter/INPUT:3`, `ip6/raw/PREROUTING:policy`). Rules and policies that
/// counted nothing may be absent.
pub type Counters = BTreeMap<String, Count>;

/// The counters of a loaded filter that are not 0: of nft also each counter statement of a rule
/// behind its first, `inet/t/c:3#2`, and the named counters, `inet/t counter x`.
pub fn moved(counters: &bpfc_runtime::Counters) -> Counters {
    let rules = counters.iter().map(|(rule, count)| (rule.label.clone(), count));
    let mut seen = BTreeSet::new();
    let mut statements = Vec::new();
    for (statement, count) in counters.statements().filter(|(of, _)| of.name.is_none()) {
        if !seen.insert(statement.rule) {
            let rule = &counters.rules().entries[statement.rule as usize];
            statements.push((format!("{}#{}", rule.label, statement.number), count));
        }
    }
    let objects = counters.objects().map(|(object, count)| {
        let table = format!("{}{}", object.family.label_prefix(), object.table);
        (named_counter(&table, &object.name), count)
    });
    rules
        .chain(statements)
        .chain(objects)
        .filter(|(_, count)| count.packets != 0 || count.bytes != 0)
        .map(|(label, count)| (label, Count { packets: count.packets, bytes: count.bytes }))
        .collect()
}

/// The label of a named counter of a table.
pub fn named_counter(table: &str, name: &str) -> String {
    format!("{table} counter {name}")
}

/// What a program of the IR has counted, by the same labels.
pub fn counted(program: &Program, count: impl Fn(Counter) -> Count) -> Counters {
    let mut counters = Counters::new();
    let mut seen = BTreeSet::new();
    let mut order: Vec<Counter> = program.counters.keys().collect();
    order
        .sort_by_key(|&counter| (program.counters[counter].rule, program.counters[counter].number));
    for counter in order {
        let def = &program.counters[counter];
        let rule = program.label(def.rule);
        let label = match &def.name {
            Some(name) => {
                let chain = program.chain_of(def.rule);
                named_counter(&format!("{}{}", chain.family.label_prefix(), chain.table), name)
            }
            None if seen.insert(def.rule) => rule,
            None => format!("{rule}#{}", def.number),
        };
        let count = count(counter);
        if count != Count::default() {
            *counters.entry(label).or_default() += count;
        }
    }
    counters
}

/// Where a program has counted something else than the kernel: a line for each rule, none where
/// they agree.
pub fn disagreement(kernel: &Counters, program: &Counters) -> Option<String> {
    let labels: BTreeSet<&String> = kernel.keys().chain(program.keys()).collect();
    let shown = |from: &Counters, label| from.get(label).copied().unwrap_or_default().to_string();
    let lines: Vec<String> = labels
        .into_iter()
        .filter(|label| kernel.get(*label) != program.get(*label))
        .map(|label| {
            format!("{label}: kernel {} program {}", shown(kernel, label), shown(program, label))
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Replaces the tables that the text holds, as `iptables-legacy-restore` does.
pub fn restore(family: Family, text: &str) -> Result<(), LabError> {
    run(&format!("{}-legacy-restore", family.tool()), &["-w"], text).map(drop)
}

/// One table's counters in the running kernel, read without starting a program.
///
/// Where they lie in the kernel's answer is found once: a reader serves until rules change.
#[derive(Debug)]
pub struct Reader {
    family: Family,
    table: &'static str,
    places: Vec<(String, usize)>,
}

/// Where `struct ipt_getinfo` and `struct ipt_get_entries` end and entries begin.
const ENTRIES: usize = 84 + 40;

/// Offset of `hook_entry` in `struct ipt_getinfo`; `underflow` follows it.
const HOOK_ENTRY: usize = 36;

/// Base chains by hook number.
const BASE_CHAINS: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

impl Reader {
    /// Finds the counters of a table as it is now.
    pub fn new(family: Family, table: &'static str) -> Result<Self, LabError> {
        let blob = blob(family, table)?;
        let places = places(family, table, &blob).ok_or_else(|| LabError::Output {
            tool: format!("the kernel's table {table}"),
            line: format!("{} bytes", blob.len()),
        })?;
        Ok(Self { family, table, places })
    }

    /// The labels of the counters, in the table's order.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|(label, _)| label.as_str())
    }

    /// The counters, in the same order.
    pub fn read(&self) -> Result<Vec<Count>, LabError> {
        let blob = blob(self.family, self.table)?;
        let number = |at: usize| {
            let bytes = blob.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
            u64::from_ne_bytes(bytes.unwrap_or([0; 8]))
        };
        let count =
            |&(_, at): &(String, usize)| Count { packets: number(at), bytes: number(at + 8) };
        Ok(self.places.iter().map(count).collect())
    }
}

/// What was counted between two readings of one reader, without what did not move.
pub fn difference(reader: &Reader, before: &[Count], after: &[Count]) -> Counters {
    reader
        .labels()
        .zip(before.iter().zip(after))
        .map(|(label, (&before, &after))| (label.to_owned(), after - before))
        .filter(|&(_, count)| count != Count::default())
        .collect()
}

fn blob(family: Family, table: &str) -> Result<Vec<u8>, LabError> {
    Ok(read_table(family, table)?)
}

/// Labels and offsets of all counters, in the table's order; `None` where the answer is not of
/// the form that include/uapi/linux/netfilter_ipv4/ip_tables.h gives.
fn places(family: Family, table: &str, blob: &[u8]) -> Option<Vec<(String, usize)>> {
    let u16_at = |at: usize| Some(u16::from_ne_bytes(blob.get(at..at + 2)?.try_into().ok()?));
    let u32_at = |at: usize| Some(u32::from_ne_bytes(blob.get(at..at + 4)?.try_into().ok()?));
    let (target_offset, next_offset, counters) = match family {
        Family::Ipv4 => (88, 90, 96),
        Family::Ipv6 => (140, 142, 152),
    };
    let mut begins = BTreeMap::new();
    let mut policies = BTreeMap::new();
    for (hook, name) in BASE_CHAINS.into_iter().enumerate() {
        let at = HOOK_ENTRY + 4 * hook;
        begins.insert(u32_at(at)? as usize, name.to_owned());
        policies.insert(u32_at(at + 20)? as usize, name);
    }
    let prefix = format!("{}{table}", family.label_prefix());
    let mut places = Vec::new();
    let (mut chain, mut number, mut user) = (String::new(), 0, false);
    let mut at = ENTRIES;
    while at < blob.len() {
        let offset = at - ENTRIES;
        let target = at + usize::from(u16_at(at + target_offset)?);
        let is_header = blob.get(target + 2..target + 8)? == b"ERROR\0";
        if is_header {
            if user {
                // The last entry of a user chain is a RETURN that nobody wrote.
                places.pop();
            }
            let name = blob.get(target + 32..target + 64)?;
            let end = name.iter().position(|&byte| byte == 0)?;
            (chain, number, user) = (String::from_utf8_lossy(&name[..end]).into_owned(), 0, true);
        } else {
            if let Some(name) = begins.get(&offset) {
                (chain, number, user) = (name.clone(), 0, false);
            }
            number += 1;
            let label = match policies.get(&offset) {
                Some(name) => format!("{prefix}/{name}:policy"),
                None => format!("{prefix}/{chain}:{number}"),
            };
            places.push((label, at + counters));
        }
        match usize::from(u16_at(at + next_offset)?) {
            0 => return None,
            length => at += length,
        }
    }
    Some(places)
}
