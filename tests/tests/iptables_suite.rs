//! iptables' own tests of its extensions, where they lie outside this repository.
//!
//! `BPFC_IPTABLES_TESTS` names the folder `extensions` of iptables' sources (1.8.9). A line of its
//! `*.t` files holds a rule's words, what iptables-save prints of it, and whether iptables takes
//! it. A rule that it takes must be read, and printed as iptables-save prints it, and then compile
//! for a target or be refused with a reason; or its extension is refused by name. A rule that
//! iptables does not take must be an error. docs/coverage.md tells how many lines there were.

use bpfc_diag::{Code, Diagnostic, Diagnostics, Severity, SourceMap};
use bpfc_driver::{Options, compile, lower, targets};
use bpfc_ir::{Hook, Input};
use bpfc_tests::fingerprints;
use bpfc_tests::lab::Family;
use std::fmt;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

/// Rules that iptables' tests take for refused and that Linux takes by now: since 6.11 `recent`
/// counts up to 65,535 packets (net/netfilter/xt_recent.c).
const TAKEN_BY_NOW: &[&str] = &["-m recent --rcheck --hitcount 999 --name foo"];

/// A rule of the tests, in one base chain.
struct Case {
    place: String,
    family: Family,
    table: String,
    chain: String,
    rule: String,
    printed: String,
    taken: bool,
}

/// What became of the lines.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    taken: usize,
    compiled: usize,
    no_target: usize,
    value: usize,
    extension: usize,
    refused: usize,
    refused_extension: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "| rules that iptables takes | {} |\n| compiled for a target at least | {} |\n\
             | read, and refused by every target with its reason | {} |\n\
             | refused for an option or a table, with the reason | {} |\n\
             | refused for an extension, by name | {} |\n\
             | rules that iptables refuses | {} |\n\
             | refused for what is wrong with them | {} |\n\
             | refused for an extension, by name | {} |\n",
            self.taken,
            self.compiled,
            self.no_target,
            self.value,
            self.extension,
            self.refused,
            self.refused - self.refused_extension,
            self.refused_extension
        )
    }
}

/// The families that a file's name says; none for other tools' tests.
fn families(name: &str) -> &'static [Family] {
    if name == "libxt_osf.t" {
        // It is registered for IPv4 alone.
        return &[Family::Ipv4];
    }
    match name.split('_').next() {
        Some("libxt") | Some("iptables.t") => &Family::ALL,
        Some("libipt") => &[Family::Ipv4],
        Some("libip6t") => &[Family::Ipv6],
        _ => &[],
    }
}

/// The rules of a file, once for each family and chain.
fn cases(name: &str, text: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    let (mut table, mut chains) = ("filter".to_owned(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        if let Some(name) = line.strip_prefix('*') {
            name.trim().clone_into(&mut table);
        } else if let Some(names) = line.strip_prefix(':') {
            chains = names.trim().split(',').map(str::to_owned).collect();
        } else if !line.starts_with(['#', '@', '%']) && !line.trim().is_empty() {
            let fields: Vec<&str> = line.trim_end().split(';').collect();
            let &[rule, printed, result, ..] = fields.as_slice() else {
                panic!("{name}:{}: {line}", number + 1);
            };
            // A result for the tools that use nftables alone is turned around.
            let nft = fields.get(3) == Some(&"NFT");
            for &family in families(name) {
                // Tests of both families hold addresses of IPv4 alone.
                if family == Family::Ipv6 && [rule, printed].into_iter().any(has_ipv4_address) {
                    continue;
                }
                cases.extend(chains.iter().map(|chain| Case {
                    place: format!("{name}:{} ({family}, {chain})", number + 1),
                    family,
                    table: table.clone(),
                    chain: chain.clone(),
                    rule: rule.to_owned(),
                    printed: if printed == "=" { rule } else { printed }.to_owned(),
                    taken: (result == "OK") != nft
                        || TAKEN_BY_NOW.iter().any(|taken| rule.starts_with(taken)),
                }));
            }
        }
    }
    cases
}

fn has_ipv4_address(text: &str) -> bool {
    text.split([' ', '/', '-', '=', ',']).any(|word| word.parse::<Ipv4Addr>().is_ok())
}

fn hook(chain: &str) -> Hook {
    match chain {
        "PREROUTING" => Hook::Prerouting,
        "INPUT" => Hook::Input,
        "FORWARD" => Hook::Forward,
        "OUTPUT" => Hook::Output,
        "POSTROUTING" => Hook::Postrouting,
        other => panic!("{other} is no base chain"),
    }
}

impl Case {
    fn text(&self) -> String {
        format!("*{}\n:{} ACCEPT\n-A {1} {}\nCOMMIT\n", self.table, self.chain, self.rule)
    }

    fn inputs(&self) -> Vec<Input> {
        let rules = Input {
            name: self.place.clone(),
            bytes: self.text().into_bytes(),
            format: Some(format!("{}-save", self.family.tool())),
        };
        let beside = fingerprints::are_named(&self.text()).then(fingerprints::input);
        [rules].into_iter().chain(beside).collect()
    }

    /// The rule as it is printed, where it can be read.
    fn reprinted(&self) -> Option<String> {
        let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
        let (ruleset, _) = bpfc_xtables::read_text(
            &self.place,
            self.text().as_bytes(),
            self.family,
            &mut sources,
            &mut diagnostics,
        );
        let table = ruleset.tables.first().filter(|_| !diagnostics.has_errors())?;
        let chain = table.chains.iter().find(|chain| chain.name == self.chain)?;
        let rule = chain.rules.first()?;
        Some(bpfc_xtables::print::rule(self.family, table, &chain.name, rule))
    }
}

fn errors(diagnostics: &Diagnostics) -> Vec<&Diagnostic> {
    diagnostics.iter().filter(|found| found.severity == Severity::Error).collect()
}

fn explained(found: &[&Diagnostic]) -> bool {
    !found.is_empty() && found.iter().all(|error| !error.notes.is_empty() || error.help.is_some())
}

/// Decides one case; what is wrong, where something is.
fn judge(case: &Case, counts: &mut Counts) -> Result<(), String> {
    let options = Options {
        hooks: Some(vec![hook(&case.chain)]),
        tables: Some(vec![case.table.clone()]),
        ..Options::default()
    };
    let lowering = lower(&case.inputs(), &options);
    let found = errors(&lowering.diagnostics);
    let told = |found: &[&Diagnostic]| {
        let lines = found.iter().map(|e| format!("{} {} {:?}", e.code, e.message, e.notes));
        lines.collect::<Vec<_>>().join("; ")
    };
    let by_name = found.iter().any(|error| error.code == Code::UNSUPPORTED_EXTENSION);
    if !case.taken {
        counts.refused += 1;
        counts.refused_extension += usize::from(by_name);
        return match found.is_empty() {
            true => Err(format!("{}: iptables refuses '{}'", case.place, case.rule)),
            false => Ok(()),
        };
    }
    counts.taken += 1;
    if let Some(error) = found.iter().find(|error| {
        !matches!(
            error.code,
            Code::UNSUPPORTED_EXTENSION | Code::UNSUPPORTED_VALUE | Code::UNSUPPORTED_TABLE
        )
    }) {
        return Err(format!("{}: '{}': {} {}", case.place, case.rule, error.code, error.message));
    }
    if !found.is_empty() {
        match by_name {
            true => counts.extension += 1,
            false => counts.value += 1,
        }
        let named = !by_name || explained(&found);
        return match named {
            true => Ok(()),
            false => Err(format!("{}: '{}': no reason: {}", case.place, case.rule, told(&found))),
        };
    }
    if let Some(printed) = case.reprinted() {
        let expected = format!("-A {} {}", case.chain, case.printed);
        if !printed.contains(expected.trim_end()) {
            return Err(format!("{}: printed '{printed}', not '{expected}'", case.place));
        }
    }
    let mut reasons = Vec::new();
    for target in targets().iter().filter(|target| target.hooks().contains(&hook(&case.chain))) {
        let compiled = compile(&case.inputs(), *target, &options);
        if compiled.artifact().is_some() {
            counts.compiled += 1;
            return Ok(());
        }
        let found = errors(&compiled.diagnostics);
        if !explained(&found) || found.iter().any(|error| error.code != Code::TARGET_CANNOT) {
            reasons.push(format!("{}: {}", target.name(), told(&found)));
        }
    }
    counts.no_target += 1;
    match reasons.is_empty() {
        true => Ok(()),
        false => Err(format!("{}: '{}': {}", case.place, case.rule, reasons.join("\n  "))),
    }
}

#[test]
fn every_line_is_answered() {
    let Some(folder) = std::env::var_os("BPFC_IPTABLES_TESTS") else {
        println!("BPFC_IPTABLES_TESTS names no folder: nothing is compared");
        return;
    };
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("BPFC_IPTABLES_TESTS names a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .filter(|name| name.ends_with(".t"))
        .collect();
    names.sort();
    let (mut counts, mut wrong) = (Counts::default(), Vec::new());
    for name in names {
        let text = fs::read_to_string(Path::new(&folder).join(&name)).expect("a readable file");
        for case in cases(&name, &text) {
            wrong.extend(judge(&case, &mut counts).err());
        }
    }
    println!("{counts}");
    assert!(wrong.is_empty(), "{} rules:\n{}", wrong.len(), wrong.join("\n"));
    let coverage = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/coverage.md");
    let coverage = fs::read_to_string(coverage).expect("docs/coverage.md");
    assert!(coverage.contains(&counts.to_string()), "docs/coverage.md must say:\n{counts}");
}
