//! What a kernel of some version lacks for an artifact, by the table of `bpfc_artifact::kernel`.

use bpfc_artifact::kernel::attaching;
use bpfc_artifact::{Artifact, AttachPoint, KernelFeature, KernelVersion};
use bpfc_diag::{Code, Diagnostic};
use bpfc_driver as driver;

/// The features that a kernel lacks for the programs of an artifact, latest first.
pub(super) fn lacks(artifact: &Artifact, kernel: KernelVersion) -> Vec<&'static KernelFeature> {
    driver::kernel_needs(artifact).into_iter().filter(|feature| feature.since > kernel).collect()
}

/// The error for a target whose programs the kernel cannot take.
pub(super) fn refusal(
    target: &str,
    kernel: KernelVersion,
    lacks: &[&'static KernelFeature],
) -> Option<Diagnostic> {
    let least = lacks.first()?.since;
    let message = format!(
        "target {target} needs Linux {least} for this ruleset, and Linux {kernel} has no {}",
        list(lacks)
    );
    Some(Diagnostic::error(Code::OLD_KERNEL, None, message))
}

/// Names features, each with its version.
pub(super) fn list(features: &[&'static KernelFeature]) -> String {
    let names: Vec<String> =
        features.iter().map(|feature| format!("{} ({})", feature.name, feature.since)).collect();
    names.join(", ")
}

/// What is different on a kernel that has no place for an artifact's companion.
pub(super) fn alone(artifact: &Artifact, kernel: KernelVersion) -> Option<Diagnostic> {
    let needed = attaching(AttachPoint::Companion)?;
    if !artifact.has_companion() || needed.since <= kernel {
        return None;
    }
    let message = format!(
        "target {}: Linux {kernel} has no {} ({}), by which connections of protocols other than TCP and \
         UDP are known: their packets are NEW, and answers to pings INVALID",
        artifact.target, needed.name, needed.since
    );
    Some(
        Diagnostic::warning(Code::SEMANTICS_DIFFER, None, message)
            .with_note("`bpfc semantics` lists every such case"),
    )
}
