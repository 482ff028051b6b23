//! What must hold of `pf.os` text. The fuzz target and the tests in
//! `../../../osf/tests/mutations.rs` ask for the same.

use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_ir::{Fingerprint, Window};
use bpfc_osf::{read, recognise};

/// What reads is what the kernel takes, and points at its line; yields the fingerprints where there
/// is no error.
pub fn text(bytes: &[u8]) -> Option<Vec<Fingerprint>> {
    recognise(bytes);
    let (mut list, mut sources, mut diagnostics) =
        (Vec::new(), SourceMap::new(), Diagnostics::new());
    read("pf.os", bytes, &mut list, &mut sources, &mut diagnostics);
    for fingerprint in &list {
        let length: u16 = fingerprint.options.iter().map(|option| option.length()).sum();
        assert!(length <= 40, "{fingerprint:?}");
        assert_ne!(fingerprint.window, Window::Multiple(0));
        for name in [&fingerprint.genre, &fingerprint.version, &fingerprint.subtype] {
            assert!(name.len() < 32, "{fingerprint:?}");
        }
        let line = fingerprint.span.map(|span| sources.text(span)).unwrap_or_default();
        assert!(line.contains(&*fingerprint.genre) && !line.contains('\n'), "{line:?}");
    }
    for found in diagnostics.iter() {
        assert!(found.span.is_some_and(|span| !sources.text(span).contains('\n')), "{found:?}");
    }
    (!diagnostics.has_errors()).then_some(list)
}
