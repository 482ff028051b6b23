//! What the running kernel holds of a ruleset, read through getsockopt, against its text.
//!
//! Random rulesets of every match go through `iptables-legacy-restore`; then the kernel's blob must
//! print as `iptables-legacy-save` prints it, and blob and text must lower to the same program.
//! `BPFC_SEED` chooses the rulesets, `BPFC_BLOB_RULESETS` how many there are.

use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_ir::{Frontend as _, FrontendOptions, Input, Lowered, Recognised, SetTable};
use bpfc_runtime::xtables::{read_table, tables};
use bpfc_tests::generate::matches::{COUNTING_MATCHES, MATCHES};
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::generate::ruleset::{Shape, ruleset, single_match, single_target};
use bpfc_tests::generate::targets::{MARKING, REWRITING};
use bpfc_tests::lab::Family;
use bpfc_tests::lab::namespace::{isolated, run};
use bpfc_tests::lab::oracle::Stage;
use bpfc_tests::lab::tables::restore;
use bpfc_tests::{fingerprints, require, sets};
use bpfc_xtables::model::base_chains;
use bpfc_xtables::{XtablesFrontend, blob, print};
use lost::without_lost;
use std::sync::Arc;

#[path = "../../frontends/xtables/tests/support/lost.rs"]
mod lost;

/// An input's table, its spans left out.
fn lower(bytes: Vec<u8>, format: &str, table: &str, sets: &Arc<SetTable>) -> Lowered {
    let tables = Some(vec![table.to_owned()]);
    let options = FrontendOptions {
        tables,
        sets: Arc::clone(sets),
        fingerprints: Some(Arc::new(fingerprints::list())),
        ..FrontendOptions::default()
    };
    let input = Input { name: format.to_owned(), bytes, format: None };
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let lowered = XtablesFrontend.lower(
        &input,
        Recognised::sure(format),
        &options,
        &mut sources,
        &mut diagnostics,
    );
    let mut lowered = lowered.unwrap_or_else(|| panic!("{diagnostics:?}"));
    lowered.program.rules.values_mut().for_each(|rule| rule.span = None);
    lowered
}

/// A table's text with a line for each of its base chains, in the kernel's order.
fn with_all_base_chains(table: &str, text: &str) -> String {
    let declared = |line: &&str| line.starts_with(':') && !line.contains(" - ");
    let given: Vec<&str> = text.lines().filter(declared).collect();
    let mut whole = format!("*{table}\n");
    for (chain, _) in base_chains(table) {
        let of_chain = |line: &&&str| line.starts_with(&format!(":{chain} "));
        match given.iter().find(of_chain) {
            Some(line) => whole += &format!("{line}\n"),
            None => whole += &format!(":{chain} ACCEPT [0:0]\n"),
        }
    }
    for line in text.lines().skip(1).filter(|line| !declared(line)) {
        whole += &format!("{line}\n");
    }
    whole
}

/// Restores a ruleset and compares the kernel's blob of its table with the saved text.
fn compare(family: Family, table: &str, text: &str) {
    // What the text does not declare would keep the policy that it had.
    let text = with_all_base_chains(table, text);
    let mut inputs = Vec::new();
    if sets::are_named(&text) {
        sets::restore().unwrap_or_else(|error| panic!("{error}"));
        let bytes = bpfc_runtime::ipset::save().unwrap_or_else(|error| panic!("{error}"));
        let format = Some("ipset-save".to_owned());
        inputs.push(Input { name: "live:ipset".to_owned(), bytes, format });
    }
    let sets = bpfc_driver::Inputs::read(&inputs).sets;
    restore(family, &text).unwrap_or_else(|error| panic!("{text}{error}"));
    let save = format!("{}-legacy-save", family.tool());
    let saved = run(&save, &["-c", "-t", table], "").unwrap_or_else(|error| panic!("{error}"));
    let lines = saved.lines().filter(|line| !line.starts_with('#'));
    let saved: String = lines.map(|line| format!("{line}\n")).collect();
    let bytes = read_table(family, table).unwrap_or_else(|error| panic!("{text}{error}"));

    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    assert_eq!(blob::recognise(&bytes), Some(family), "{text}");
    let read = blob::read("blob", &bytes, family, &sets, None, &mut sources, &mut diagnostics);
    let (model, _) = read.unwrap_or_else(|| panic!("{text}{diagnostics:?}"));
    assert_eq!(without_lost(&print::ruleset(&model, true).text), saved);

    let (of_blob, of_text) = match family {
        Family::Ipv4 => ("iptables-blob", "iptables-save"),
        Family::Ipv6 => ("ip6tables-blob", "ip6tables-save"),
    };
    let from_blob = lower(bytes, of_blob, table, &sets);
    // Not the saved text: iptables-save leaves out tests such as that of interface `+`.
    let from_text = lower(text.clone().into_bytes(), of_text, table, &sets);
    for rule in from_blob.program.rules.keys() {
        assert_eq!(from_blob.listing.get(rule), from_text.listing.get(rule), "{text}");
    }
    let same = from_blob.program == from_text.program;
    assert!(same, "blob and text of\n{text}differ in their instructions");
}

fn compare_all(family: Family) {
    let rulesets = require::number("BPFC_BLOB_RULESETS", 3);
    let mut rng = Rng::new(require::number("BPFC_SEED", 1));
    for stage in Stage::STATELESS {
        let shape = Shape { rejects: true, ..Shape::new(family, stage) };
        for _ in 0..rulesets {
            for kind in MATCHES.iter().chain(COUNTING_MATCHES) {
                if kind.families.contains(&family) && kind.stages.contains(&stage) {
                    let generated = single_match(&mut rng, shape, kind);
                    compare(family, stage.table(), &generated.text);
                }
            }
            let rewrites = stage.table() == "mangle";
            let kinds = REWRITING.iter().chain(MARKING);
            for kind in kinds.filter(|kind| rewrites && kind.families.contains(&family)) {
                let generated = single_target(&mut rng, shape, kind);
                compare(family, stage.table(), &generated.text);
            }
            let random = ruleset(&mut rng, Shape { rewrites, ..shape });
            compare(family, stage.table(), &random.text);
        }
    }
    let mut expected: Vec<&str> = Stage::STATELESS.iter().map(|stage| stage.table()).collect();
    expected.sort_unstable();
    expected.dedup();
    let listed = tables(family).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(listed, expected);
}

#[test]
fn blobs_of_the_running_kernel_read_as_its_text_ipv4() {
    if require::met(require::KERNEL_IPTABLES) {
        isolated(|| compare_all(Family::Ipv4));
    }
}

#[test]
fn blobs_of_the_running_kernel_read_as_its_text_ipv6() {
    if require::met(require::KERNEL_IPTABLES) {
        isolated(|| compare_all(Family::Ipv6));
    }
}
