//! Blobs against text: what the kernel holds of a ruleset must read as its text does.
//!
//! `data` has rulesets (`.rules`), what iptables-legacy-save 1.8.9 printed after restoring them
//! (`.save`) and what the kernel then answered (`.live`, and for some `.entries`, `.replace`).

mod support;

use bpfc_diag::{Code, Diagnostics, SourceMap};
use bpfc_ir::{Family, Frontend as _, FrontendOptions, Input, Lowered, SetTable};
use bpfc_xtables::model::Ruleset;
use bpfc_xtables::{XtablesFrontend, blob, print};
use support::lost::without_lost;
use support::{data, family, lower_listed, read_text, render};

/// Names of rulesets in `data`; the last character is the family.
const RULESETS: [&str; 6] = ["chains4", "chains6", "matches4", "matches6", "osf4", "tables4"];

fn from_text(name: &str) -> Ruleset {
    read_text(&String::from_utf8(data(name)).expect("text"), family(name))
}

fn from_blob(name: &str) -> Ruleset {
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let bytes = data(name);
    assert_eq!(blob::recognise(&bytes), Some(family(name)), "{name}");
    let read = blob::read(
        name,
        &bytes,
        family(name),
        &SetTable::default(),
        None,
        &mut sources,
        &mut diagnostics,
    );
    read.unwrap_or_else(|| panic!("{name}: {}", render(&diagnostics))).0
}

fn lower_recognised(name: &str) -> Lowered {
    let bytes = data(name);
    let format = XtablesFrontend.recognise(&bytes).expect("a format").format;
    lower_listed(bytes, format).unwrap_or_else(|errors| panic!("{name}: {errors}"))
}

/// The text without comment lines, as this crate prints it.
fn without_comments(name: &str) -> String {
    let text = String::from_utf8(data(name)).expect("text");
    text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}

/// A table's text in a printed ruleset.
fn by_table(text: &str) -> Vec<String> {
    let mut tables: Vec<String> = text.split_inclusive("COMMIT\n").map(str::to_owned).collect();
    tables.sort();
    tables
}

#[test]
fn text_and_blob_print_as_iptables_save_does() {
    for name in RULESETS {
        let saved = without_comments(&format!("{name}.save"));
        let text = from_text(&format!("{name}.save"));
        assert_eq!(print::ruleset(&text, true).text, saved, "{name}.save");
        let blob = from_blob(&format!("{name}.live"));
        let printed = print::ruleset(&blob, true).text;
        assert_eq!(by_table(&without_lost(&printed)), by_table(&saved), "{name}.live");
    }
}

#[test]
fn rules_as_people_write_them_print_as_iptables_save_does() {
    for name in ["matches4", "matches6", "osf4"] {
        let text = from_text(&format!("{name}.rules"));
        assert_eq!(
            without_lost(&print::ruleset(&text, true).text),
            without_comments(&format!("{name}.save")),
            "{name}.rules"
        );
    }
}

#[test]
fn every_form_of_a_blob_is_read_alike() {
    for name in ["chains4", "chains6"] {
        let live = print::ruleset(&from_blob(&format!("{name}.live")), true).text;
        for form in ["entries", "replace"] {
            let other = print::ruleset(&from_blob(&format!("{name}.{form}")), true).text;
            assert_eq!(other, live, "{name}.{form}");
        }
    }
}

#[test]
fn blob_and_text_lower_to_the_same_instructions() {
    // iptables-save leaves out some tests, such as that of interface `+`, so that where there are
    // such the blob is compared with what was restored.
    let pairs = [
        ("chains4.save", "chains4.live"),
        ("chains6.rules", "chains6.live"),
        ("tables4.save", "tables4.live"),
        ("matches4.rules", "matches4.live"),
        ("matches6.rules", "matches6.live"),
    ];
    for (text, blob) in pairs {
        let mut from_text = lower_recognised(text);
        let mut from_blob = lower_recognised(blob);
        for lowered in [&mut from_text, &mut from_blob] {
            lowered.program.rules.values_mut().for_each(|rule| rule.span = None);
        }
        for rule in from_text.program.rules.keys() {
            let (one, other) = (from_text.listing.get(rule), from_blob.listing.get(rule));
            assert_eq!(one, other, "{text} and {blob}");
        }
        let same = from_text.program == from_blob.program;
        assert!(same, "{text} and {blob} have different instructions");
    }
}

#[test]
fn interfaces_need_not_be_ascii() {
    // The first rule's `-i lo`, with the 16 bytes of the name and, 32 further on, of its mask.
    let mut bytes = data("chains4.live");
    let at = 124 + 16;
    assert_eq!(bytes[at..at + 3], *b"lo\0");
    bytes[at..at + 4].copy_from_slice("l\u{e9}\0".as_bytes());
    bytes[at + 32..at + 36].fill(0xff);
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let read = blob::read(
        "live",
        &bytes,
        Family::Ipv4,
        &SetTable::default(),
        None,
        &mut sources,
        &mut diagnostics,
    );
    let (ruleset, _) = read.unwrap_or_else(|| panic!("{}", render(&diagnostics)));
    assert!(print::ruleset(&ruleset, false).text.contains("-i l\u{e9} "));
}

#[test]
fn a_nat_table_is_no_reason_to_refuse_the_filter_table() {
    for name in ["gateway4.live", "gateway4.save"] {
        let bytes = data(name);
        let format = XtablesFrontend.recognise(&bytes).expect("a format");
        let lower = |table: &str| {
            let options = FrontendOptions {
                hooks: None,
                tables: Some(vec![table.to_owned()]),
                ..FrontendOptions::default()
            };
            let input = Input { name: name.to_owned(), bytes: bytes.clone(), format: None };
            let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
            let lowered =
                XtablesFrontend.lower(&input, format, &options, &mut sources, &mut diagnostics);
            (lowered.is_some(), diagnostics)
        };
        let (done, diagnostics) = lower("filter");
        assert!(done, "{name}: {}", render(&diagnostics));
        let codes: Vec<Code> = diagnostics.iter().map(|diagnostic| diagnostic.code).collect();
        assert_eq!(codes, [Code::TABLE_LEFT_OUT], "{name}");
        assert!(!lower("nat").0, "{name}");
    }
}

#[test]
fn spans_of_a_blob_point_at_its_rules() {
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let bytes = data("chains4.live");
    let read = blob::read(
        "live",
        &bytes,
        Family::Ipv4,
        &SetTable::default(),
        None,
        &mut sources,
        &mut diagnostics,
    );
    let (ruleset, _) = read.expect("a ruleset");
    let table = &ruleset.tables[0];
    for chain in &table.chains {
        for rule in &chain.rules {
            let text = sources.text(rule.span.expect("a span"));
            assert_eq!(text, print::rule(Family::Ipv4, table, &chain.name, rule));
        }
    }
}
