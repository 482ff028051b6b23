//! Counters of nft rulesets, in nft's own syntax: each where its rule has it.

use crate::listing::ListedChain;
use bpfc_artifact::{ObjectEntry, ObjectKind, RuleEntry, RuleKind, TableFamily};
use bpfc_runtime::{Count, Counters};
use std::collections::BTreeMap;
use std::fmt::Write;

/// nft's word for a family; `None` for tables of iptables.
pub fn family(family: TableFamily) -> Option<&'static str> {
    match family {
        TableFamily::Iptables | TableFamily::Ip6tables => None,
        TableFamily::Ip => Some("ip"),
        TableFamily::Ip6 => Some("ip6"),
        TableFamily::Inet => Some("inet"),
        TableFamily::Netdev => Some("netdev"),
    }
}

/// What nft's rules and tables show beside their texts.
#[derive(Debug)]
pub struct States<'a> {
    /// By the rule's label: where in its text a number belongs, and the number.
    statements: BTreeMap<&'a str, Vec<(usize, Count)>>,
    /// The named counters.
    objects: Vec<(&'a ObjectEntry, Count)>,
}

impl<'a> States<'a> {
    /// Those of a filter.
    pub fn of(counters: &'a Counters) -> Self {
        let mut statements: BTreeMap<&str, Vec<(usize, Count)>> = BTreeMap::new();
        for (statement, count) in counters.statements() {
            let rule = counters.rules().entries.get(statement.rule as usize);
            if let Some((rule, at)) = rule.zip(statement.at) {
                statements.entry(&rule.label).or_default().push((at as usize, count));
            }
        }
        States { statements, objects: counters.objects().collect() }
    }

    /// A rule with the numbers of its statements where they stand.
    pub fn rule(&self, entry: &RuleEntry) -> String {
        let mut text = String::with_capacity(entry.text.len());
        let mut done = 0;
        for (at, count) in self.statements.get(entry.label.as_str()).into_iter().flatten() {
            text.push_str(entry.text.get(done..*at).unwrap_or_default());
            let _ = write!(text, " {}", said(*count));
            done = *at;
        }
        text.push_str(entry.text.get(done..).unwrap_or_default());
        text
    }

    /// The named counters of a table; what stands before each is the caller's.
    pub fn objects(
        &self,
        of: (TableFamily, &str),
        out: &mut String,
        begin: &mut dyn FnMut(&mut String),
    ) {
        for (object, count) in &self.objects {
            if (object.family, object.table.as_str()) != of {
                continue;
            }
            begin(out);
            let ObjectKind::Counter(_) = object.kind;
            let _ = writeln!(out, "\tcounter {} {{", object.name);
            if let Some(comment) = &object.comment {
                let _ = writeln!(out, "\t\tcomment \"{comment}\"");
            }
            let _ = writeln!(out, "\t\t{}\n\t}}", said(*count));
        }
    }
}

/// A table's objects and chains as `nft list table` prints them, with what was counted.
pub fn table(out: &mut String, states: &States<'_>, chains: &[&ListedChain<'_>]) {
    let Some(first) = chains.first() else { return };
    let word = family(first.family).unwrap_or_default();
    let _ = writeln!(out, "table {word} {} {{", first.table);
    let mut is_first = true;
    let mut begin = |out: &mut String| {
        if !std::mem::take(&mut is_first) {
            out.push('\n');
        }
    };
    states.objects((first.family, first.table), out, &mut begin);
    for chain in chains {
        begin(out);
        let _ = writeln!(out, "\tchain {} {{", chain.name);
        if let Some((policy, _)) = chain.policy() {
            let _ = writeln!(out, "\t\t{}", policy.text);
        }
        for (entry, _) in chain.rows.iter().filter(|(row, _)| row.kind != RuleKind::Policy) {
            let _ = writeln!(out, "\t\t{}", states.rule(entry));
        }
        let _ = writeln!(out, "\t}}");
    }
    out.push_str("}\n");
}

fn said(Count { packets, bytes }: Count) -> String {
    format!("packets {packets} bytes {bytes}")
}
