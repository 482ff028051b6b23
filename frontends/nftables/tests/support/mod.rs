//! What the tests have in common: a machine that is the same everywhere, and reading one text.

#![allow(dead_code, reason = "each test uses its part")]

use bpfc_diag::{Diagnostics, FileId, SourceMap};
use bpfc_nftables::model::Ruleset;
use bpfc_nftables::{Includes, Machine, read, read_json};
use std::net::IpAddr;
use std::path::PathBuf;

/// The machine on which nft's tests run.
#[derive(Debug)]
pub struct TestMachine;

impl Machine for TestMachine {
    fn interface(&self, name: &str) -> Option<u32> {
        (name == "lo").then_some(1)
    }

    fn user(&self, name: &str) -> Option<u32> {
        ["root", "daemon", "bin"].iter().position(|known| *known == name).map(|at| at as u32)
    }

    fn group(&self, name: &str) -> Option<u32> {
        self.user(name)
    }

    fn control_group(&self, _: &str) -> Option<u64> {
        None
    }

    fn utc_offset(&self, _: Option<i64>) -> i32 {
        7200
    }

    fn host(&self, _: &str) -> Option<Result<Vec<IpAddr>, String>> {
        None
    }
}

/// No file is included.
pub struct NoIncludes;

impl Includes for NoIncludes {
    fn find(&mut self, _: &str, _: FileId, _: &mut SourceMap) -> Result<Vec<FileId>, String> {
        Err("the test has no files".to_owned())
    }
}

/// Finds `NAME.nft` in `NAME.inc` of a folder.
pub struct Included(pub PathBuf);

impl Includes for Included {
    fn find(
        &mut self,
        path: &str,
        _: FileId,
        sources: &mut SourceMap,
    ) -> Result<Vec<FileId>, String> {
        let found = self.0.join(path).with_extension("inc");
        let text = std::fs::read_to_string(found).map_err(|error| error.to_string())?;
        Ok(vec![sources.add(path, text)])
    }
}

/// Reads one text.
pub fn read_all(text: &str) -> (Option<Ruleset>, SourceMap, Diagnostics) {
    read_all_with(text, &mut NoIncludes)
}

/// The same of one that includes others.
pub fn read_all_with(
    text: &str,
    includes: &mut dyn Includes,
) -> (Option<Ruleset>, SourceMap, Diagnostics) {
    let mut sources = SourceMap::new();
    let file = sources.add("test.nft", text);
    let mut diagnostics = Diagnostics::new();
    let ruleset = read(&[file], &mut sources, includes, &TestMachine, &mut diagnostics);
    (ruleset, sources, diagnostics)
}

/// Reads one JSON document.
pub fn read_document(text: &str) -> (Option<Ruleset>, SourceMap, Diagnostics) {
    let mut sources = SourceMap::new();
    let file = sources.add("test.json", text);
    let mut diagnostics = Diagnostics::new();
    let ruleset = read_json(file, &sources, &TestMachine, &mut diagnostics);
    (ruleset, sources, diagnostics)
}
