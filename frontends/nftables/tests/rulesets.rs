//! Whole rulesets and what is read of them: `rulesets/NAME.nft` becomes `rulesets/NAME.model`.
//!
//! `BPFC_BLESS=1` writes what is read. What is written was compared with nft.

mod support;

use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_nftables::read;
use std::fs;
use std::path::{Path, PathBuf};
use support::{Included, TestMachine};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rulesets")
}

#[test]
fn whole_rulesets_are_read() {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder()).expect("is there").flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "nft"));
    paths.sort();
    assert!(paths.len() >= 4);
    for path in paths {
        let mut sources = SourceMap::new();
        let text = fs::read_to_string(&path).expect("is text");
        let file = sources.add(path.display().to_string(), text);
        let mut diagnostics = Diagnostics::new();
        let mut included = Included(folder());
        let ruleset = read(&[file], &mut sources, &mut included, &TestMachine, &mut diagnostics);
        let found = ruleset.unwrap_or_else(|| panic!("{path:?}: {diagnostics:?}")).to_string();
        let golden = path.with_extension("model");
        if std::env::var_os("BPFC_BLESS").is_some() {
            fs::write(&golden, &found).expect("can be written");
        }
        let wanted = fs::read_to_string(&golden).expect("is there");
        assert_eq!(found, wanted, "{path:?}");
    }
}
