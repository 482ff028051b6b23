//! How large programs may be: what the kernel's verifier refuses is refused here, with a way out.

use bpfc_artifact::{Artifact, MAX_INSTRUCTIONS, MOST_PROCESSED, Outcome, Program};
use bpfc_diag::{Code, Diagnostic};
use bpfc_ebpf::Target;
use bpfc_ir::{Hook, SizeLimit};

/// The limit for front ends, where these are the hooks that each target would run.
pub(crate) fn limit(targets: Vec<Vec<Hook>>) -> SizeLimit {
    SizeLimit { instructions: MAX_INSTRUCTIONS as u64, said: MOST_PROCESSED, targets }
}

/// The error for a program that the kernel's verifier refuses for its size, and a warning where it
/// may.
pub(crate) fn check(
    artifact: &Artifact,
    program: &Program,
    target: &dyn Target,
) -> Option<Diagnostic> {
    let verification = artifact.verification(program.entry);
    let outcome = verification.outcome();
    if outcome == Outcome::Fits {
        return None;
    }
    let (name, of, instructions) = (&program.name, target.name(), verification.instructions);
    let mut message = format!("program {name} for target {of} has {instructions} instructions");
    if instructions <= MAX_INSTRUCTIONS {
        let processed = match verification.processed {
            processed if processed <= 2 * MAX_INSTRUCTIONS => {
                format!(", and verifying it takes about {processed}")
            }
            _ => format!(", and verifying it takes more than {}", 2 * MAX_INSTRUCTIONS),
        };
        message += &processed;
    }
    let message = format!("{message}: {MOST_PROCESSED}");
    let help = "compile fewer rules: put lists of addresses and ports into sets (`ipset`), choose \
                hooks with --hook, or keep part of the rules in the kernel";
    Some(
        match outcome {
            Outcome::Near => Diagnostic::warning(Code::TOO_LARGE, None, message)
                .with_note("this is too near to the limit to tell whether the kernel takes it"),
            _ => {
                let error = Diagnostic::error(Code::TOO_LARGE, None, message);
                match verification.passed_at {
                    Some(rule) => {
                        error.with_note(format!("the kernel would come as far as {rule}"))
                    }
                    None => error,
                }
            }
        }
        .with_help(help),
    )
}
