//! Counters laid out as `iptables -nvL --line-numbers` lays them out, those of nft rulesets as
//! `nft list ruleset` does.
//!
//! Column widths and the rounding to K, M, G and T are those that iptables 1.8.9 shows: chains of
//! hooks in the order of the hooks, then user chains by name, an empty line between chains.

use crate::nft_listing::{self, States};
use bpfc_artifact::{Hook, RuleEntry, RuleKind, RuleTable, TableFamily, UserChain};
use bpfc_runtime::{Count, Counters};
use std::collections::BTreeMap;
use std::fmt::Write;

/// A chain with its rows.
#[derive(Debug)]
pub struct ListedChain<'a> {
    /// The family of its table.
    pub family: TableFamily,
    /// Its table.
    pub table: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its rules, and of a base chain the policy.
    pub rows: Vec<(&'a RuleEntry, Count)>,
}

impl ListedChain<'_> {
    /// A base chain's policy, with its count.
    pub fn policy(&self) -> Option<(&RuleEntry, Count)> {
        self.rows.iter().copied().find(|(entry, _)| entry.kind == RuleKind::Policy)
    }
}

/// The chains of `rules`, where `counts` has one row for each of their entries: tables in ruleset
/// order within a family, in each base chains by hook, then user chains by name.
pub fn chains<'a>(rules: &'a RuleTable, counts: &[Count]) -> Vec<ListedChain<'a>> {
    let mut tables: Vec<(TableFamily, &str)> = Vec::new();
    let mut chains: BTreeMap<(TableFamily, usize, bool, Option<Hook>, &str), Vec<_>> =
        BTreeMap::new();
    let mut key = |family, table, hook: Option<Hook>, chain| {
        let index = tables.iter().position(|t| *t == (family, table)).unwrap_or_else(|| {
            tables.push((family, table));
            tables.len() - 1
        });
        (family, index, hook.is_none(), hook, chain)
    };
    for (entry, count) in rules.entries.iter().zip(counts) {
        let key = key(entry.family, entry.table.as_str(), entry.hook, entry.chain.as_str());
        chains.entry(key).or_default().push((entry, *count));
    }
    for UserChain { family, table, name } in &rules.chains {
        chains.entry(key(*family, table, None, name)).or_default();
    }
    let listed = chains.into_iter().map(|((family, index, .., name), rows)| ListedChain {
        family,
        table: tables[index].1,
        name,
        rows,
    });
    listed.collect()
}

/// The listing of a filter's rules and counts. With `exact` numbers are whole, as with
/// `iptables -x`.
pub fn listing(counters: &Counters, exact: bool) -> String {
    let rules = counters.rules();
    let chains = chains(rules, counters.counts());
    let states = States::of(counters);
    let several = chains.windows(2).any(|w| (w[0].family, w[0].table) != (w[1].family, w[1].table));
    let mut out = String::new();
    let mut last = None;
    let mut left = &chains[..];
    while let Some((listed, rest)) = left.split_first() {
        if nft_listing::family(listed.family).is_some() {
            let same = |other: &&ListedChain<'_>| {
                (other.family, other.table) == (listed.family, listed.table)
            };
            let table: Vec<&ListedChain<'_>> = left.iter().take_while(same).collect();
            if !out.is_empty() {
                out.push('\n');
            }
            nft_listing::table(&mut out, &states, &table);
            left = &left[table.len()..];
            continue;
        }
        left = rest;
        if !out.is_empty() {
            out.push('\n');
        }
        let table = (listed.family, listed.table);
        if several && last != Some(table) {
            let _ = writeln!(out, "# {} {}", table.0, table.1);
            last = Some(table);
        }
        chain(&mut out, rules, listed, exact);
    }
    out
}

fn chain(out: &mut String, rules: &RuleTable, listed: &ListedChain<'_>, exact: bool) {
    let _ = match listed.policy() {
        Some((entry, count)) => writeln!(
            out,
            "Chain {} (policy {} {} packets, {} bytes)",
            entry.chain,
            entry.verdict,
            number(count.packets, exact),
            number(count.bytes, exact)
        ),
        None => writeln!(out, "Chain {} ({} references)", listed.name, references(rules, listed)),
    };
    // iptables gives the exact byte column's title two more places than its numbers.
    out.push_str(if exact { "num      pkts      bytes " } else { "num   pkts bytes " });
    let _ = writeln!(
        out,
        "{:<9}  {:<4} opt {:<6} {:<6}  {:<19}  {:<19} ",
        "target", "prot", "in", "out", "source", "destination"
    );
    for (entry, count) in &listed.rows {
        if let RuleKind::Rule(line) = entry.kind {
            row(out, line, entry, *count, exact);
        }
    }
}

fn row(out: &mut String, line: u32, entry: &RuleEntry, count: Count, exact: bool) {
    let width = if exact { 8 } else { 5 };
    let _ = write!(
        out,
        "{line:<4} {:>width$} {:>width$} {:<9} ",
        number(count.packets, exact),
        number(count.bytes, exact),
        entry.verdict
    );
    let column = |index: usize| entry.columns.get(index).map_or("", String::as_str);
    // A negated column's `!` stands in the space before it.
    let negatable = |index: usize| match column(index) {
        text if text.starts_with('!') => text.to_owned(),
        text => format!(" {text}"),
    };
    if entry.columns.is_empty() {
        let _ = writeln!(out, " {}", entry.text);
        return;
    }
    let _ = write!(
        out,
        "{:<5} {:<2}  {:<6} {:<6} {:<20} {:<20} ",
        negatable(0),
        column(1),
        column(2),
        column(3),
        negatable(4),
        negatable(5)
    );
    // `[goto] ` stands where the space before the rest would.
    let rest = match column(6).strip_prefix("[goto]") {
        Some(rest) => {
            out.push_str("[goto] ");
            rest.trim_start()
        }
        None => column(6),
    };
    if !rest.is_empty() {
        let _ = write!(out, " {rest}");
    }
    out.push('\n');
}

/// How many rules of the table jump or go to the chain.
fn references(rules: &RuleTable, of: &ListedChain<'_>) -> usize {
    rules
        .entries
        .iter()
        .filter(|entry| {
            (entry.family, entry.table.as_str()) == (of.family, of.table)
                && entry.kind != RuleKind::Policy
                && entry.verdict == of.name
        })
        .count()
}

/// A number as iptables prints it: from 100,000 on rounded to thousands, and so on.
fn number(number: u64, exact: bool) -> String {
    if exact || number <= 99_999 {
        return number.to_string();
    }
    let mut rounded = number;
    for suffix in ["K", "M", "G"] {
        rounded = rounded.wrapping_add(500) / 1000;
        if rounded <= 9_999 {
            return format!("{rounded}{suffix}");
        }
    }
    format!("{}T", rounded.wrapping_add(500) / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(
        chain: &str,
        hook: Option<Hook>,
        kind: RuleKind,
        target: &str,
        columns: &[&str],
    ) -> RuleEntry {
        RuleEntry {
            label: String::new(),
            family: TableFamily::Iptables,
            table: "filter".into(),
            chain: chain.into(),
            hook,
            kind,
            text: "".into(),
            verdict: target.into(),
            columns: columns.iter().map(|c| (*c).to_owned()).collect(),
            file: "".into(),
            line: 0,
            counter: None,
        }
    }

    fn sample() -> Counters {
        let any = "0.0.0.0/0";
        let input = Some(Hook::Input);
        let rule = RuleKind::Rule;
        let rows = [
            (
                entry("ssh", None, rule(1), "RETURN", &["0", "--", "eth0", "eth+", any, any, ""]),
                (1, 2),
            ),
            (
                entry(
                    "averylongchainnameforthis",
                    None,
                    rule(1),
                    "",
                    &["132", "-f", "*", "*", any, any, ""],
                ),
                (u64::MAX, u64::MAX),
            ),
            (
                entry(
                    "INPUT",
                    input,
                    rule(1),
                    "ssh",
                    &["6", "--", "*", "*", any, any, "tcp dpt:22"],
                ),
                (99_999, 100_000),
            ),
            (
                entry(
                    "INPUT",
                    input,
                    rule(2),
                    "ACCEPT",
                    &[
                        "!17",
                        "--",
                        "!longinterface0",
                        "*",
                        "192.168.100.0/24",
                        "1.2.3.4",
                        "udp dpts:53:60 /* hello world */",
                    ],
                ),
                (100_000, 9_999_999_999),
            ),
            (
                entry(
                    "INPUT",
                    input,
                    rule(3),
                    "averylongchainnameforthis",
                    &["1", "!f", "*", "*", "!10.0.0.0/8", any, "[goto]  icmptype 8"],
                ),
                (123_456_789_012, 1_234_567_890_123_456),
            ),
            (entry("INPUT", input, RuleKind::Policy, "DROP", &[]), (123_456, 999_999_999)),
        ];
        let counts =
            rows.iter().map(|(_, (packets, bytes))| Count { packets: *packets, bytes: *bytes });
        let chains = ["ssh", "averylongchainnameforthis", "empty"].map(|name| UserChain {
            family: TableFamily::Iptables,
            table: "filter".into(),
            name: name.into(),
        });
        let entries = rows.iter().map(|(e, _)| e.clone()).collect();
        let rules = RuleTable { entries, chains: chains.to_vec(), ..RuleTable::default() };
        Counters::new(rules.into(), counts.collect())
    }

    // As printed by iptables 1.8.9 for the same rules and counters.
    const LISTING: &str = "\
Chain INPUT (policy DROP 123K packets, 1000M bytes)
num   pkts bytes target     prot opt in     out     source               destination         
1    99999  100K ssh        6    --  *      *       0.0.0.0/0            0.0.0.0/0            tcp dpt:22
2     100K   10G ACCEPT    !17   --  !longinterface0 *       192.168.100.0/24     1.2.3.4              udp dpts:53:60 /* hello world */
3     123G 1235T averylongchainnameforthis  1    !f  *      *      !10.0.0.0/8           0.0.0.0/0           [goto]  icmptype 8

Chain averylongchainnameforthis (1 references)
num   pkts bytes target     prot opt in     out     source               destination         
1       0K    0K            132  -f  *      *       0.0.0.0/0            0.0.0.0/0           

Chain empty (0 references)
num   pkts bytes target     prot opt in     out     source               destination         

Chain ssh (1 references)
num   pkts bytes target     prot opt in     out     source               destination         
1        1     2 RETURN     0    --  eth0   eth+    0.0.0.0/0            0.0.0.0/0           
";

    #[test]
    fn it_is_laid_out_as_iptables_does() {
        assert_eq!(listing(&sample(), false), LISTING);
    }

    #[test]
    fn exact_numbers_are_whole() {
        let text = listing(&sample(), true);
        assert!(text.starts_with(
            "Chain INPUT (policy DROP 123456 packets, 999999999 bytes)\n\
             num      pkts      bytes target     prot opt in     out     source               destination         \n\
             1       99999   100000 ssh        6    --  *      *       0.0.0.0/0            0.0.0.0/0            tcp dpt:22\n"
        ), "{text}");
    }

    #[test]
    fn numbers_are_rounded_as_iptables_rounds() {
        for (given, printed) in [
            (0, "0"),
            (99_999, "99999"),
            (100_000, "100K"),
            (100_500, "101K"),
            (9_999_499, "9999K"),
            (9_999_500, "10M"),
            (12_345_678, "12M"),
        ] {
            assert_eq!(number(given, false), printed);
        }
    }
}
