//! What must hold of any input to the readers of iptables rulesets.
//!
//! Each reads the input and, where that works, prints and lowers it; the IR must pass the verifier.
//! Panics, hangs and memory beyond libFuzzer's limits are findings.

use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_ir::{Family, Program, verify};
use bpfc_xtables::model::Ruleset;
use bpfc_xtables::{blob as blobs, lower, print, read_text};

/// A blob, of the family that it looks like.
pub fn blob(bytes: &[u8]) {
    let Some(family) = blobs::recognise(bytes) else { return };
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let read = blobs::read("blob", bytes, family, &mut sources, &mut diagnostics);
    assert_eq!(read.is_none(), diagnostics.has_errors());
    if let Some((ruleset, _)) = read {
        print::ruleset(&ruleset, true);
        lower_and_verify(&ruleset);
    }
}

/// Text, as both families: what reads without an error must read again as it is printed.
pub fn text(bytes: &[u8]) {
    for family in [Family::Ipv4, Family::Ipv6] {
        let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
        let (ruleset, _) = read_text("text", bytes, family, &mut sources, &mut diagnostics);
        if diagnostics.has_errors() {
            continue;
        }
        let printed = print::ruleset(&ruleset, true).text;
        let (again, _) =
            read_text("again", printed.as_bytes(), family, &mut sources, &mut diagnostics);
        assert!(!diagnostics.has_errors(), "{printed}");
        assert_eq!(print::ruleset(&again, true).text, printed);
        lower_and_verify(&ruleset);
    }
}

fn lower_and_verify(ruleset: &Ruleset) {
    let (mut program, mut diagnostics) = (Program::new(), Diagnostics::new());
    let tables = Some(["raw", "mangle", "filter"].map(str::to_owned).to_vec());
    let options = bpfc_ir::FrontendOptions { hooks: None, tables, ..bpfc_ir::FrontendOptions::default() };
    if lower::lower(ruleset, &options, None, &mut program, &mut diagnostics).is_some() {
        assert_eq!(verify(&program), Ok(()));
    }
}
