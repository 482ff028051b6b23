//! nft rulesets as `nft list ruleset` prints them, for `nft -f` and bpfc: with what statements,
//! objects and elements have counted where they stand.
//!
//! Tables, chains and rules are those that the filter holds: what was not compiled is not there.
//! Chains without a name stand in their rules.

use crate::console::Failure;
use crate::nft_listing::{self, States};
use crate::nft_sets;
use bpfc_artifact::{NamedSet, RuleEntry, RuleKind, RuleTable, TableEntry, TableFamily};
use bpfc_runtime::{Counters, Filter};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A table, for JSON.
#[derive(Debug, Serialize)]
pub struct NftTable<'a> {
    family: &'static str,
    table: &'a str,
    /// The names of its sets, whose elements `bpfc set list` prints.
    sets: Vec<&'a str>,
    chains: Vec<NftChain<'a>>,
}

#[derive(Debug, Serialize)]
struct NftChain<'a> {
    chain: &'a str,
    /// What its block says but for rules.
    header: &'a [String],
    /// As nft lists them, with what was counted.
    rules: Vec<String>,
}

/// Whether a filter holds a ruleset of nft.
pub fn is_of_nft(rules: &RuleTable) -> bool {
    rules.entries.iter().any(|entry| nft_listing::family(entry.family).is_some())
}

/// What keeps a ruleset from being printed, where something does.
pub fn refusal(name: &str, rules: &RuleTable) -> Option<String> {
    let is_rule = |entry: &&RuleEntry| matches!(entry.kind, RuleKind::Rule(_));
    let unknown = rules.entries.iter().filter(is_rule).find(|entry| {
        // Without a text, or with the kernel's own expressions in its place.
        let is_unknown = entry.text.is_empty() || entry.text.starts_with("[ ");
        entry.family.is_nft() && is_unknown
    })?;
    Some(format!(
        "filter {name} was compiled from the kernel's own ruleset, of which the rules' texts are not known ({}): \
         `nft list ruleset` prints it, `bpfc counters {name}` what the filter has counted",
        unknown.label
    ))
}

/// Whether a chain has no name of its own: its rules stand in the rule that jumps to it.
fn is_held(chain: &str) -> bool {
    chain.strip_prefix("__chain").is_some_and(|number| number.parse::<u32>().is_ok())
}

/// The rules of each chain, by its table and name.
type Rules<'a> = BTreeMap<(TableFamily, &'a str, &'a str), Vec<&'a RuleEntry>>;

fn rules_by_chain(rules: &RuleTable) -> Rules<'_> {
    let mut all = Rules::new();
    for entry in rules.entries.iter().filter(|entry| entry.kind != RuleKind::Policy) {
        all.entry((entry.family, &entry.table, &entry.chain)).or_default().push(entry);
    }
    all
}

/// The tables for JSON.
pub fn tables<'a>(counters: &'a Counters) -> Vec<NftTable<'a>> {
    let (rules, states) = (counters.rules(), States::of(counters));
    let by_chain = rules_by_chain(rules);
    let of_table = |table: &'a TableEntry| NftTable {
        family: nft_listing::family(table.family).unwrap_or_default(),
        table: &table.name,
        sets: sets_of(rules, table).map(|set| set.name.as_str()).collect(),
        chains: table
            .chains
            .iter()
            .filter(|(name, _)| !is_held(name))
            .map(|(name, header)| NftChain {
                chain: name,
                header,
                rules: by_chain
                    .get(&(table.family, table.name.as_str(), name.as_str()))
                    .into_iter()
                    .flatten()
                    .map(|entry| states.rule(entry))
                    .collect(),
            })
            .collect(),
    };
    rules.tables.iter().map(of_table).collect()
}

fn sets_of<'a>(rules: &'a RuleTable, table: &'a TableEntry) -> impl Iterator<Item = &'a NamedSet> {
    rules.sets.iter().filter(|set| (set.family, &set.table) == (table.family, &table.name))
}

/// The text of all tables.
pub fn text(filter: &Filter, counters: &Counters) -> Result<String, Failure> {
    let (rules, states) = (counters.rules(), States::of(counters));
    let by_chain = rules_by_chain(rules);
    let mut out = String::new();
    for table in &rules.tables {
        let family = nft_listing::family(table.family).unwrap_or_default();
        let _ = writeln!(out, "table {family} {} {{", table.name);
        let mut is_first = true;
        let mut begin = |out: &mut String| {
            out.push_str(if std::mem::take(&mut is_first) { "" } else { "\n" });
        };
        for line in &table.lines {
            let _ = writeln!(out, "\t{line}");
        }
        states.objects((table.family, &table.name), &mut out, &mut begin);
        for (head, lines) in &table.objects {
            begin(&mut out);
            block(&mut out, head, lines.iter().map(String::as_str));
        }
        for set in sets_of(rules, table) {
            begin(&mut out);
            nft_sets::block(filter, set, &mut |text, _| {
                out.push_str(text);
                text.clear();
                Ok(())
            })?;
        }
        for (name, header) in table.chains.iter().filter(|(name, _)| !is_held(name)) {
            begin(&mut out);
            let rules = by_chain.get(&(table.family, table.name.as_str(), name.as_str()));
            let rules: Vec<String> =
                rules.into_iter().flatten().map(|entry| states.rule(entry)).collect();
            let lines = header.iter().chain(&rules).map(String::as_str);
            block(&mut out, &format!("chain {name}"), lines);
        }
        out.push_str("}\n");
    }
    Ok(out)
}

fn block<'a>(out: &mut String, head: &str, lines: impl Iterator<Item = &'a str>) {
    let _ = writeln!(out, "\t{head} {{");
    for line in lines {
        let _ = writeln!(out, "\t\t{line}");
    }
    out.push_str("\t}\n");
}
