//! Prints rules as iptables-save does, whole rulesets as it does, and listing columns as
//! `iptables -nvL` does (1.8.9, legacy).

use crate::model::{Counters, Rule, Ruleset, Table, Target};
use bpfc_ir::{Family, Verdict};
use std::fmt::Write;
use std::ops::Range;

/// A rule without its counters: `-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT`.
pub fn rule(family: Family, table: &Table, chain: &str, rule: &Rule) -> String {
    let mut out = format!("-A {chain}");
    rule.header.save(family, &mut out);
    for matched in &rule.matches {
        let _ = write!(out, " -m {}", matched.name());
        matched.save(&mut out);
    }
    let word = target_word(table, &rule.target);
    match &rule.target {
        Target::None => {}
        Target::Goto(_) => {
            let _ = write!(out, " -g {word}");
        }
        Target::Action(action) => {
            let _ = write!(out, " -j {word}");
            action.save(&mut out);
        }
        _ => {
            let _ = write!(out, " -j {word}");
        }
    }
    out
}

/// The target's name: a verdict, a chain, an extension, or empty.
pub fn target_word<'a>(table: &'a Table, target: &Target) -> &'a str {
    match target {
        Target::None => "",
        Target::Accept => "ACCEPT",
        Target::Drop => "DROP",
        Target::Return => "RETURN",
        Target::Jump(chain) | Target::Goto(chain) => &table.chains[*chain].name,
        Target::Action(action) => action.extension().name,
    }
}

/// The columns prot, opt, in, out, source, destination, and what follows them.
pub fn columns(family: Family, rule: &Rule) -> Vec<String> {
    let mut columns = rule.header.list(family);
    let mut rest = String::new();
    if matches!(rule.target, Target::Goto(_)) {
        rest.push_str("[goto] ");
    }
    for matched in &rule.matches {
        matched.list(&mut rest);
    }
    if let Target::Action(action) = &rule.target {
        action.list(&mut rest);
    }
    columns.push(rest.trim().to_owned());
    columns
}

/// A printed ruleset, with the place of each rule and chain in it.
#[derive(Clone, Debug, Default)]
pub struct Printed {
    /// The text, as iptables-save prints it but without its comment lines.
    pub text: String,
    /// By table, by chain: the line that declares it.
    pub chains: Vec<Vec<Range<usize>>>,
    /// By table, by chain, by rule: its line without counters and line end.
    pub rules: Vec<Vec<Vec<Range<usize>>>>,
}

/// Prints a ruleset as iptables-save does, with `-c` where `counters` says so.
pub fn ruleset(ruleset: &Ruleset, counters: bool) -> Printed {
    let mut printed = Printed::default();
    let out = &mut printed.text;
    for table in &ruleset.tables {
        let _ = writeln!(out, "*{}", table.name);
        let mut chains = Vec::new();
        for chain in &table.chains {
            let start = out.len();
            let _ = match &chain.base {
                Some(base) => {
                    let policy = if base.policy == Verdict::Accept { "ACCEPT" } else { "DROP" };
                    write!(out, ":{} {policy} {}", chain.name, brackets(base.counters))
                }
                None => write!(out, ":{} - [0:0]", chain.name),
            };
            chains.push(start..out.len());
            out.push('\n');
        }
        let mut rules = Vec::new();
        for chain in &table.chains {
            let mut spans = Vec::new();
            for item in &chain.rules {
                if counters {
                    let _ = write!(out, "{} ", brackets(item.counters));
                }
                let start = out.len();
                out.push_str(&rule(ruleset.family, table, &chain.name, item));
                spans.push(start..out.len());
                out.push('\n');
            }
            rules.push(spans);
        }
        out.push_str("COMMIT\n");
        printed.chains.push(chains);
        printed.rules.push(rules);
    }
    printed
}

fn brackets(counters: Counters) -> String {
    format!("[{}:{}]", counters.packets, counters.bytes)
}
