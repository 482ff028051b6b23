//! From inputs to an artifact, stage by stage, so that a caller can stop and look after any.
//!
//! Several inputs are lowered one by one and merged. Every input is read even where one before it
//! has errors, so that one run reports them all.

use crate::build::{Prepared, build};
use crate::hooks::of_every_packet;
use crate::inputs::{Inputs, Role};
use crate::options::Options;
use crate::registry::targets_with;
use crate::{drop_rejected, family, later, merge, tables};
use bpfc_artifact::{Artifact, InputFile};
use bpfc_diag::{Code, Diagnostic, Diagnostics, SourceMap};
use bpfc_ebpf::Target;
use bpfc_ir::{Contents, FrontendOptions, Hook, Input, Listing, Program};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// Inputs as one program in IR, before any pass.
#[derive(Clone, Debug, Default)]
pub struct Lowering {
    /// The program; `None` where an input has errors.
    pub program: Option<Program>,
    /// The program's rules as listings show them.
    pub listing: Arc<Listing>,
    /// What is in the program's tables.
    pub contents: Arc<Contents>,
    /// The inputs' texts.
    pub sources: SourceMap,
    /// Hooks that the program leaves out, since their rules are too many for one, each with the
    /// error for targets that run it.
    pub too_large: Vec<(Hook, Diagnostic)>,
    /// What was found on the way.
    pub diagnostics: Diagnostics,
}

impl Lowering {
    /// Whether there is a program, and no chain in it that packets come to.
    fn is_empty(&self) -> bool {
        self.program.as_ref().is_some_and(|program| program.entries.is_empty())
    }
}

/// How far a compilation has come.
#[derive(Clone, Debug)]
pub enum Stage {
    /// Inputs have errors.
    Refused,
    /// Inputs are lowered to this program; the target, a limit or a pass refuses it.
    Lowered(Program),
    /// There is an artifact.
    Built {
        /// The program before any pass.
        lowered: Program,
        /// The program after the passes.
        program: Box<Program>,
        /// What is loaded.
        artifact: Box<Artifact>,
    },
}

/// What [`compile`] makes.
#[derive(Clone, Debug)]
pub struct Compilation {
    /// How far it has come.
    pub stage: Stage,
    /// The programs' rules as listings show them.
    pub listing: Arc<Listing>,
    /// What is in the programs' tables.
    pub contents: Arc<Contents>,
    /// The inputs' texts.
    pub sources: SourceMap,
    /// Errors, warnings and notes, in the order of the stages.
    pub diagnostics: Diagnostics,
}

/// Compiles inputs into one artifact for one target.
pub fn compile(inputs: &[Input], target: &dyn Target, options: &Options) -> Compilation {
    let mut diagnostics = Diagnostics::new();
    let hooks = hooks(target, options, &mut diagnostics);
    let mut lowering = lower_with(inputs, options.compiled(hooks, &[target]));
    if options.hooks.is_none() && lowering.is_empty() {
        let every = Some(of_every_packet(target));
        let others = lower_with(inputs, options.compiled(every, &[target]));
        if !others.is_empty() {
            lowering = others;
        }
    }
    if let Some(program) = &mut lowering.program {
        if options.codegen.trace_one_in.is_some() || program.traces() {
            bpfc_opt::trace(program);
        }
        if options.drop_rejected {
            drop_rejected(program, &mut lowering.diagnostics);
        }
    }
    lowering.diagnostics.iter().for_each(|d| diagnostics.push(d.clone()));
    let lowered = lowering.program.take();
    let (sources, listing, contents) = (lowering.sources, lowering.listing, lowering.contents);
    let built = lowered.as_ref().filter(|_| !diagnostics.has_errors()).and_then(|program| {
        let prepared = Prepared::new(program, &listing, &contents, options, &mut diagnostics)?;
        build(&prepared, target, &sources, options, &mut diagnostics)
    });
    let stage = match (lowered, built) {
        (Some(lowered), Some((program, mut artifact))) => {
            artifact.inputs = inputs.iter().map(described).collect();
            Stage::Built { lowered, program: Box::new(program), artifact: Box::new(artifact) }
        }
        (Some(lowered), None) => Stage::Lowered(lowered),
        (None, _) => Stage::Refused,
    };
    Compilation { stage, listing, contents, sources, diagnostics }
}

/// What an artifact says of an input.
fn described(input: &Input) -> InputFile {
    let digest = Sha256::digest(&input.bytes);
    InputFile {
        name: input.name.clone(),
        sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

impl Compilation {
    /// The program before any pass; `None` where an input has errors.
    pub fn lowered(&self) -> Option<&Program> {
        match &self.stage {
            Stage::Refused => None,
            Stage::Lowered(lowered) | Stage::Built { lowered, .. } => Some(lowered),
        }
    }

    /// The artifact; `None` where there was an error.
    pub fn artifact(&self) -> Option<&Artifact> {
        match &self.stage {
            Stage::Built { artifact, .. } => Some(artifact),
            _ => None,
        }
    }

    /// The artifact alone; `None` where there was an error.
    pub fn into_artifact(self) -> Option<Artifact> {
        match self.stage {
            Stage::Built { artifact, .. } => Some(*artifact),
            _ => None,
        }
    }
}

/// The hooks that are compiled for a target; `None` for all that have a base chain. A hook that
/// the target cannot run is an error.
fn hooks(
    target: &dyn Target,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Hook>> {
    let Some(hooks) = &options.hooks else {
        return target.default_hooks().map(<[Hook]>::to_vec);
    };
    for hook in hooks.iter().filter(|hook| !target.hooks().contains(hook)) {
        let message = format!("target {} cannot run the chains of hook {hook}", target.name());
        let help = match targets_with(*hook)[..] {
            [] => "no target can".to_owned(),
            ref names => format!("targets that can: {}", names.join(", ")),
        };
        diagnostics.push(Diagnostic::error(Code::TARGET_CANNOT, None, message).with_help(help));
    }
    Some(hooks.clone())
}

/// Reads and lowers inputs. `hooks` are the hooks whose base chains become entries, `None` for
/// every hook that has one.
pub fn lower(inputs: &[Input], options: &Options) -> Lowering {
    lower_with(inputs, options.frontend(options.hooks.clone()))
}

/// The same for programs that are compiled for some of these targets: hooks of which no target
/// takes the rules, because there are too many, are left out, and where nothing is left that is an
/// error.
pub fn lower_compiled(inputs: &[Input], options: &Options, targets: &[&dyn Target]) -> Lowering {
    lower_with(inputs, options.compiled(options.hooks.clone(), targets))
}

fn lower_with(inputs: &[Input], options: FrontendOptions) -> Lowering {
    let mut inputs = Inputs::read(inputs);
    let mut lowering = Lowering {
        sources: std::mem::take(&mut inputs.sources),
        diagnostics: std::mem::take(&mut inputs.diagnostics),
        ..Lowering::default()
    };
    let mut failed = lowering.diagnostics.has_errors();
    let (sets, fingerprints) = (Arc::clone(&inputs.sets), inputs.fingerprints.clone());
    let options = FrontendOptions { sets, fingerprints, ..options };
    let mut merged: Option<Program> = None;
    let mut joined: Vec<&str> = Vec::new();
    for (input, role) in inputs.rulesets() {
        let Lowering { sources, diagnostics, too_large, listing, contents, .. } = &mut lowering;
        let lowered = match role {
            Role::Rules(_, read_as) if joined.contains(&read_as.format) => continue,
            Role::Rules(frontend, read_as) if frontend.joins(read_as.format) => {
                joined.push(read_as.format);
                let all: Vec<&Input> = inputs.read_as(read_as.format).collect();
                frontend.lower_joined(&all, *read_as, &options, sources, diagnostics)
            }
            Role::Rules(frontend, read_as) => {
                frontend.lower(input, *read_as, &options, sources, diagnostics)
            }
            Role::Unreadable(error) => {
                diagnostics.push(Diagnostic::clone(error));
                None
            }
            Role::Sets | Role::Fingerprints => continue,
        };
        if cfg!(debug_assertions)
            && let Some(lowered) = &lowered
            && let Err(errors) = bpfc_ir::verify(&lowered.program)
        {
            for error in errors {
                let message = format!("the front end made IR that is wrong: {error}");
                diagnostics.push(Diagnostic::error(Code::DEFECT, None, message));
            }
        }
        if let Some(lowered) = &lowered {
            too_large.extend(lowered.too_large.iter().cloned());
        }
        match (lowered, &mut merged) {
            (None, _) => failed = true,
            (Some(lowered), None) => {
                merged = Some(lowered.program);
                *contents = Arc::new(lowered.contents);
                *listing = Arc::new(lowered.listing);
            }
            (Some(lowered), Some(program)) => {
                let (rules, tables) = (program.rules.len(), program.tables.len());
                Arc::make_mut(listing).append(lowered.listing, rules, tables);
                let first = program.tables.len() as u32;
                Arc::make_mut(contents).append(lowered.contents, first);
                match merge::merge(program, lowered.program, &input.name) {
                    Ok(notes) => notes.into_iter().for_each(|note| diagnostics.push(note)),
                    Err(errors) => {
                        let errors = match family::ask(&inputs, diagnostics) {
                            Some(error) => vec![error],
                            None => errors,
                        };
                        errors.into_iter().for_each(|error| diagnostics.push(error));
                        failed = true;
                    }
                }
            }
        }
    }
    if let Some(error) = inputs.without_rules() {
        lowering.diagnostics.push(error);
    }
    if !failed && let Some(error) = tables::missing(&options, merged.as_ref(), &lowering.sources) {
        lowering.diagnostics.push(error);
        failed = true;
    }
    if let Some(program) = merged.as_ref().filter(|_| !failed) {
        let before = lowering.diagnostics.error_count();
        later::refuse(program, &mut lowering.diagnostics);
        failed = lowering.diagnostics.error_count() > before;
    }
    lowering.program = merged.filter(|_| !failed);
    // Reading and lowering find errors one after the other; people mend a file from its top.
    lowering.diagnostics.sort_by_place();
    lowering
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfc_ir::{LogKind, Op, RuleKind};

    #[test]
    fn traced_packets_tell_what_the_kernel_calls_each_rule() {
        let text = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:ends - [0:0]\n:empty - [0:0]\n\
                    -A INPUT -p tcp -j ends\n-A INPUT -m comment --comment x -j ACCEPT\n-A INPUT -j empty\n\
                    -A FORWARD -j ACCEPT\n-A ends -p tcp -j ACCEPT\n-A ends -j RETURN\nCOMMIT\n";
        let input = Input {
            name: "text".to_owned(),
            bytes: text.into(),
            format: Some("iptables-save".into()),
        };
        let mut program = lower(&[input], &Options::default()).program.expect("a program");
        bpfc_opt::trace(&mut program);
        assert_eq!(bpfc_ir::verify(&program), Ok(()));
        let mut found = Vec::new();
        for function in program.funcs.values() {
            for block in function.layout.iter().map(|&block| &function.blocks[block]) {
                let mut counted = None;
                for &inst in &block.insts {
                    match &function.insts[inst].op {
                        Op::Count(of) => counted = program.counted_rules(*of).next(),
                        Op::Log(rule, log) => {
                            let end = matches!(program.rules[*rule].kind, RuleKind::End(_));
                            assert_eq!(counted.take(), (!end).then_some(*rule));
                            assert_eq!(log.kind, LogKind::Trace);
                            found.push((program.label(*rule), log.prefix.clone()));
                        }
                        _ => {}
                    }
                }
                assert_eq!(counted, None, "counted and not told");
            }
        }
        found.sort();
        let expected = [
            ("filter/FORWARD:1", "policy:1"),
            ("filter/FORWARD:policy", "policy:2"),
            ("filter/INPUT:1", "rule:1"),
            ("filter/INPUT:2", "rule:2"),
            ("filter/INPUT:3", "rule:3"),
            ("filter/INPUT:policy", "policy:4"),
            ("filter/empty:return", "return:1"),
            ("filter/ends:1", "rule:1"),
            ("filter/ends:2", "return:2"),
        ]
        .map(|(label, name)| {
            let chain = label[7..].split(':').next().unwrap_or_default();
            (label.to_owned(), format!("TRACE: filter:{chain}:{name} "))
        });
        assert_eq!(found, expected);
    }
}
