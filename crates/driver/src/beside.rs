//! What stands beside rulesets: sets and fingerprints, which rules name and which are compiled of
//! no input alone.

use crate::recognise;
use crate::registry::{FINGERPRINTS, SETS};
use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_ir::{Fingerprint, Input, InputFormat, SetTable};
use std::sync::Arc;

/// The format of an input that holds no rules; `None` where it should hold some.
pub(crate) fn format_beside(input: &Input) -> Option<InputFormat> {
    match &input.format {
        Some(name) => [SETS, FINGERPRINTS].into_iter().find(|format| name == format.name),
        // A fingerprint of any window begins with an asterisk, as tables do.
        None if bpfc_osf::recognise(&input.bytes) => Some(FINGERPRINTS),
        None if recognise(&input.bytes).is_some() => None,
        None => bpfc_ipset::recognise(&input.bytes).then_some(SETS),
    }
}

/// Whether an input is a ruleset, and not what rulesets beside it may name.
pub fn holds_rules(input: &Input) -> bool {
    format_beside(input).is_none()
}

/// The inputs of a format that holds no rules.
fn those_of(inputs: &[Input], format: InputFormat) -> impl Iterator<Item = &Input> {
    inputs.iter().filter(move |input| format_beside(input) == Some(format))
}

/// The sets of all inputs that define some.
pub fn read_sets(
    inputs: &[Input],
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> SetTable {
    let mut table = SetTable::default();
    for input in those_of(inputs, SETS) {
        bpfc_ipset::read(&input.name, &input.bytes, &mut table, sources, diagnostics);
    }
    table
}

/// The fingerprints of all inputs that hold some, in their order; `None` where no input is of that
/// format.
pub fn read_fingerprints(
    inputs: &[Input],
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<Arc<Vec<Fingerprint>>> {
    let mut found = None;
    for input in those_of(inputs, FINGERPRINTS) {
        let list = found.get_or_insert_with(Vec::new);
        bpfc_osf::read(&input.name, &input.bytes, list, sources, diagnostics);
    }
    found.map(Arc::new)
}
