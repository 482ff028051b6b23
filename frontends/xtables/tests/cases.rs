//! The files of cases: each rule is saved and listed as its file says, each that is to be refused
//! is, and every match and target has a file.

use bpfc_cases::{Kind, Rule, folder};
use bpfc_diag::{Code, Diagnostics, Severity, SourceMap};
use bpfc_ir::Family;
use bpfc_xtables::model::Ruleset;
use bpfc_xtables::registry::{
    ACTIONS, Known, MATCHES, REFUSED_ACTIONS, REFUSED_MATCHES, find_action, find_match,
};
use bpfc_xtables::{print, read_text};
use std::collections::BTreeSet;

fn read(family: Family, table: &str, rule: &str) -> (Ruleset, SourceMap, Diagnostics) {
    let chains: &[&str] = match table {
        "mangle" => &["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
        "raw" => &["PREROUTING", "OUTPUT"],
        _ => &["INPUT", "FORWARD", "OUTPUT"],
    };
    let declared: String = chains.iter().map(|chain| format!(":{chain} ACCEPT [0:0]\n")).collect();
    let text = format!("*{table}\n{declared}:U - [0:0]\n:V - [0:0]\n{rule}\nCOMMIT\n");
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let (ruleset, _) = read_text("rules", text.as_bytes(), family, &mut sources, &mut diagnostics);
    (ruleset, sources, diagnostics)
}

/// What is printed of a case's rule: the lines that are saved and those that are listed.
fn printed(case: &Rule, family: Family) -> (Vec<String>, Vec<String>) {
    let (ruleset, _, diagnostics) = read(family, &case.table, &case.text(family));
    assert!(!diagnostics.has_errors(), "{}: {diagnostics:?}", case.rule.text);
    let table = &ruleset.tables[0];
    let chains = table.chains.iter();
    let rules = chains.flat_map(|chain| chain.rules.iter().map(move |rule| (chain, rule)));
    rules
        .map(|(chain, rule)| {
            let saved = print::rule(family, table, &chain.name, rule);
            let columns = print::columns(family, rule).join(" ");
            let target = print::target_word(table, &rule.target);
            let words: Vec<&str> =
                target.split_whitespace().chain(columns.split_whitespace()).collect();
            (saved, words.join(" "))
        })
        .unzip()
}

#[test]
fn rules_are_saved_and_listed_as_written() {
    let mut number = 0;
    for cases in bpfc_cases::all() {
        for case in &cases.rules {
            for family in [Family::Ipv4, Family::Ipv6] {
                if case.rule.is_of(family) {
                    let (saved, listed) = printed(case, family);
                    let name = format!("{} {family}: {}", cases.name, case.rule.text);
                    assert_eq!(case.saved(family), saved, "{name}");
                    assert_eq!(case.listed(family), listed, "{name}");
                    number += 1;
                }
            }
        }
    }
    assert!(number > 250, "{number} rules");
}

#[test]
fn what_is_refused_is_an_error_at_its_words() {
    for cases in bpfc_cases::all() {
        for case in &cases.refused {
            for family in [Family::Ipv4, Family::Ipv6] {
                if !case.rule.is_of(family) {
                    continue;
                }
                let rule = &case.rule.text;
                let (ruleset, sources, diagnostics) = read(family, "filter", rule);
                let chains = ruleset.tables.iter().flat_map(|table| &table.chains);
                let of_rules = chains.flat_map(|chain| &chain.rules).flat_map(|rule| &rule.refused);
                let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error);
                let found: Vec<(Code, &str)> = errors
                    .chain(of_rules)
                    .map(|d| (d.code, d.span.map_or("", |span| sources.text(span))))
                    .collect();
                let code: Code = case.code.parse().expect("a code");
                let marked = case.marked.as_deref().unwrap_or(rule);
                assert_eq!(found, [(code, marked)], "{} {family}: {rule}", cases.name);
            }
        }
    }
}

#[test]
fn every_match_and_target_has_a_file() {
    let all = bpfc_cases::all();
    let files = |kind| all.iter().filter(move |cases| cases.kind == kind);
    let known: BTreeSet<&str> = MATCHES.iter().map(|known| known.name).collect();
    let refused = REFUSED_MATCHES.iter().map(|row| row.name);
    check(files(Kind::Match).collect(), known, refused.collect(), "matches");
    let known: BTreeSet<&str> = ACTIONS.iter().map(|known| known.name).collect();
    let refused = REFUSED_ACTIONS.iter().map(|row| row.name);
    check(files(Kind::Target).collect(), known, refused.collect(), "targets");
    for cases in &all {
        let name = &cases.name;
        let is_known = |family| match cases.kind {
            Kind::Header => true,
            Kind::Match => {
                matches!(find_match(name, family), Known::Supported(_) | Known::Unsupported(_))
            }
            Kind::Target => {
                matches!(find_action(name, family), Known::Supported(_) | Known::Unsupported(_))
            }
        };
        assert!(is_known(Family::Ipv4) || is_known(Family::Ipv6), "{name}.t is nobody's");
    }
}

fn check(
    files: Vec<&bpfc_cases::Cases>,
    known: BTreeSet<&str>,
    refused: BTreeSet<&str>,
    folder_name: &str,
) {
    let place = folder().join(folder_name);
    for name in known.union(&refused) {
        let file = files.iter().find(|cases| cases.name == **name);
        let Some(file) = file else { panic!("{name} has no file {name}.t in {}", place.display()) };
        if known.contains(name) {
            assert!(!file.samples.is_empty(), "{name}.t has no line `coverage`");
            assert!(!file.rules.is_empty(), "{name}.t has no line `rule`");
        }
    }
}
