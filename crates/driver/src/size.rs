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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, compile, targets};
    use bpfc_diag::{Diagnostics, SourceMap};
    use bpfc_ir::{Frontend, FrontendOptions, Input, Recognised};

    /// What rules are refused for by their words is less than what verifying their programs takes.
    #[test]
    fn words_never_ask_for_more_than_programs_do() {
        // `$` is the address of a rule's own, `@` its port.
        let shapes = [
            "-s $ -j DROP",
            "-s $ -j ACCEPT\n-A INPUT -s $/31 -p tcp -j DROP",
            "-p udp -m udp --dport @",
            "-p tcp -m tcp --dport @ -j ACCEPT",
            "-s $ -d 10.1.0.0/16 -i eth0 -p tcp -m tcp --sport 1:@ --dport 22 -j ACCEPT",
            "-p tcp -m multiport --dports 1@,2@,3@,4@ -j DROP",
            "-p udp -m multiport --ports 1@,2@,7:9 -j DROP",
            "! -i eth0 -j user",
            "-m mark --mark 0x@",
            "-m comment --comment @",
        ];
        for shape in shapes {
            let mut text =
                "*filter\n:INPUT DROP\n:user -\n-A user -s 10.0.0.1 -j DROP\n".to_owned();
            for rule in 100..400 {
                let address = format!("10.0.{}.{}", rule / 200, rule % 200);
                let rule = shape.replace('$', &address).replace('@', &rule.to_string());
                text += &format!("-A INPUT {rule}\n");
            }
            text += "COMMIT\n";
            let format = Some("iptables-save".to_owned());
            let input = Input { name: "rules".into(), bytes: text.into_bytes(), format };
            let of = |target: &&dyn Target| {
                let compiled = compile(std::slice::from_ref(&input), *target, &Options::default());
                let said = || format!("{shape}: {:?}", compiled.diagnostics);
                let artifact = compiled.artifact().unwrap_or_else(|| panic!("{}", said()));
                let processed = |program: &Program| artifact.verification(program.entry).processed;
                artifact.programs.iter().map(processed).max().expect("a program")
            };
            let least = targets().iter().map(of).min().expect("targets") as u64;
            let lower = |instructions| {
                let limit = SizeLimit {
                    instructions,
                    said: MOST_PROCESSED,
                    targets: vec![vec![Hook::Input]],
                };
                let options = FrontendOptions { limit: Some(limit), ..FrontendOptions::default() };
                let (mut sources, mut found) = (SourceMap::default(), Diagnostics::new());
                let front = &bpfc_xtables::XtablesFrontend;
                front
                    .lower(
                        &input,
                        Recognised::sure("iptables-save"),
                        &options,
                        &mut sources,
                        &mut found,
                    )
                    .is_some()
            };
            assert!(lower(least), "{shape}: refused, with {least} instructions");
            assert!(!lower(600), "{shape}: 300 rules take more");
        }
    }
}
