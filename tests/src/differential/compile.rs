//! A ruleset through the compiler.

use super::{EngineError, Ruleset};
use crate::{fingerprints, sets};
use bpfc_artifact::Artifact;
use bpfc_driver::{Lowering, Options, lower, target};
use bpfc_ir::{Contents, Input, Program};
use std::sync::Arc;

/// The artifact of a ruleset's stage for a target, with some passes left out.
pub fn artifact(
    ruleset: &Ruleset,
    target_name: &str,
    disabled_passes: &[&str],
) -> Result<Artifact, EngineError> {
    let target = target(target_name)
        .ok_or_else(|| EngineError::Refused(format!("there is no target {target_name}")))?;
    let options = Options {
        hooks: Some(vec![ruleset.stage.hook()]),
        tables: tables(ruleset),
        // What cannot answer decides and counts all the same.
        drop_rejected: target.replies().is_none(),
        disabled_passes: disabled_passes.iter().map(|&name| name.to_owned()).collect(),
        ..Options::default()
    };
    let result = bpfc_driver::compile(&inputs(ruleset), target, &options);
    result
        .artifact()
        .cloned()
        .ok_or_else(|| EngineError::refused(&result.diagnostics, &result.sources))
}

/// The IR of a ruleset's stage, before any pass, and what is in its tables.
pub fn program(ruleset: &Ruleset) -> Result<(Program, Arc<Contents>), EngineError> {
    let options = Options {
        hooks: Some(vec![ruleset.stage.hook()]),
        tables: tables(ruleset),
        ..Options::default()
    };
    let Lowering { program, contents, sources, diagnostics, .. } =
        lower(&inputs(ruleset), &options);
    let program = program.ok_or_else(|| EngineError::refused(&diagnostics, &sources))?;
    Ok((program, contents))
}

/// The tables that are compiled: of iptables the stage's, of nftables all.
fn tables(ruleset: &Ruleset) -> Option<Vec<String>> {
    (!ruleset.is_nft()).then(|| vec![ruleset.stage.table().to_owned()])
}

fn inputs(ruleset: &Ruleset) -> Vec<Input> {
    let mut inputs = vec![Input {
        name: "ruleset".to_owned(),
        bytes: ruleset.text.clone().into_bytes(),
        format: Some(match ruleset.is_nft() {
            true => "nft".to_owned(),
            false => format!("{}-save", ruleset.family.tool()),
        }),
    }];
    if sets::are_named(&ruleset.text) {
        inputs.push(sets::input());
    }
    if fingerprints::are_named(&ruleset.text) {
        inputs.push(fingerprints::input());
    }
    inputs
}
