//! What must hold of blobs and text of rules. The fuzz targets and the tests in
//! `../../tests/mutations.rs` ask for the same.
//!
//! Each reads the input and, where that works, prints and lowers it; the IR must pass the verifier.

use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_ir::{
    Family, Fingerprint, FrontendOptions, Listing, Program, SetTable, Window, raw, verify,
};
use bpfc_xtables::model::Ruleset;
use bpfc_xtables::{blob as blobs, lower, print, read_text};
use std::sync::Arc;

/// A blob, of the family that it looks like.
pub fn blob(bytes: &[u8]) {
    let Some(family) = blobs::recognise(bytes) else { return };
    if let Some(ruleset) = read_blob(bytes, family) {
        lower_and_verify(&ruleset);
    }
}

/// Text, as both families.
pub fn text(bytes: &[u8]) {
    for family in [Family::Ipv4, Family::Ipv6] {
        if let Some(ruleset) = read_and_print(bytes, family) {
            lower_and_verify(&ruleset);
        }
    }
}

/// What reads as a blob must print.
pub fn read_blob(bytes: &[u8], family: Family) -> Option<Ruleset> {
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let read = blobs::read(
        "blob",
        bytes,
        family,
        &SetTable::default(),
        None,
        &mut sources,
        &mut diagnostics,
    );
    assert_eq!(read.is_none(), diagnostics.has_errors());
    let (ruleset, _) = read?;
    print::ruleset(&ruleset, true);
    Some(ruleset)
}

/// Text that reads without an error must read again as it is printed.
pub fn read_and_print(bytes: &[u8], family: Family) -> Option<Ruleset> {
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let (ruleset, _) = read_text("text", bytes, family, &mut sources, &mut diagnostics);
    if diagnostics.has_errors() {
        return None;
    }
    let printed = print::ruleset(&ruleset, true).text;
    let (again, _) =
        read_text("again", &raw::encode(&printed), family, &mut sources, &mut diagnostics);
    assert!(!diagnostics.has_errors(), "{printed}");
    assert_eq!(print::ruleset(&again, true).text, printed);
    Some(ruleset)
}

/// What lowers must pass the verifier.
pub fn lower_and_verify(ruleset: &Ruleset) {
    let (mut program, mut listing) = (Program::new(), Listing::default());
    let mut diagnostics = Diagnostics::new();
    let tables = Some(["raw", "mangle", "filter"].map(str::to_owned).to_vec());
    let fingerprints = Some(Arc::new(vec![fingerprint()]));
    let options = FrontendOptions { tables, fingerprints, ..FrontendOptions::default() };
    if lower::lower(ruleset, &options, &[], None, (&mut program, &mut listing), &mut diagnostics)
        .is_some()
    {
        assert_eq!(verify(&program), Ok(()));
    }
}

fn fingerprint() -> Fingerprint {
    Fingerprint {
        window: Window::Multiple(3),
        ttl: 64,
        dont_fragment: true,
        length: 40,
        options: Vec::new(),
        values: Vec::new(),
        genre: "Linux".to_owned(),
        version: String::new(),
        subtype: String::new(),
        span: None,
    }
}
