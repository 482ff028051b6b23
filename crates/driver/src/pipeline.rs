//! From inputs to an artifact, stage by stage, so that a caller can stop and look after any.
//!
//! Several inputs are lowered one by one and merged. Every input is read even where one before it
//! has errors, so that one run reports them all.

use crate::inputs::{Inputs, Role};
use crate::registry::targets_with;
use crate::{drop_rejected, family, merge, size, tables};
use bpfc_artifact::kernel::SMALL_FRAMES;
use bpfc_artifact::{Artifact, KernelFeature, RefusedRate};
use bpfc_diag::{Code, Diagnostic, Diagnostics, Severity, SourceMap};
use bpfc_ebpf::{CallSize, CompileOptions, Target, call_size};
use bpfc_ir::{Accounts, FrontendOptions, Hook, Input, Listing, Program};
use bpfc_opt::{Limits, Observer, OptError, Pass, Settled};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Choices of one compilation.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The hooks whose chains are compiled; `None` for the target's default.
    pub hooks: Option<Vec<Hook>>,
    /// The tables that are compiled; `None` for the front end's default.
    pub tables: Option<Vec<String>>,
    /// Whether rejected packets are dropped without an answer.
    pub drop_rejected: bool,
    /// Names of passes to leave out.
    pub disabled_passes: Vec<String>,
    /// Choices of code generation.
    pub codegen: CompileOptions,
    /// Who knows the users and groups that rules name.
    pub accounts: Option<&'static dyn Accounts>,
}

impl Options {
    /// What front ends are told of them.
    fn frontend(&self, hooks: Option<Vec<Hook>>) -> FrontendOptions {
        let (tables, accounts) = (self.tables.clone(), self.accounts);
        FrontendOptions { hooks, tables, accounts, ..FrontendOptions::default() }
    }

    /// The same where what they make is compiled for some of these targets: what is too large for
    /// each of them is refused before it takes time and memory.
    fn compiled(&self, hooks: Option<Vec<Hook>>, targets: &[&dyn Target]) -> FrontendOptions {
        let run = |target: &&dyn Target| match (&hooks, target.default_hooks()) {
            (Some(hooks), _) => hooks.clone(),
            (None, default) => default.unwrap_or(target.hooks()).to_vec(),
        };
        let limit = size::limit(targets.iter().map(run).collect());
        FrontendOptions { limit: Some(limit), ..self.frontend(hooks) }
    }
}

/// Inputs as one program in IR, before any pass.
#[derive(Clone, Debug, Default)]
pub struct Lowering {
    /// The program; `None` where an input has errors.
    pub program: Option<Program>,
    /// The program's rules as listings show them.
    pub listing: Listing,
    /// The inputs' texts.
    pub sources: SourceMap,
    /// Hooks that the program leaves out, since their rules are too many for one, each with the
    /// error for targets that run it.
    pub too_large: Vec<(Hook, Diagnostic)>,
    /// What was found on the way.
    pub diagnostics: Diagnostics,
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
    let (sources, listing) = (lowering.sources, Arc::new(lowering.listing));
    let built = lowered.as_ref().filter(|_| !diagnostics.has_errors()).and_then(|program| {
        let prepared = Prepared::new(program, &listing, options, &mut diagnostics)?;
        build(&prepared, target, &sources, options, &mut diagnostics)
    });
    let stage = match (lowered, built) {
        (Some(lowered), Some((program, artifact))) => {
            Stage::Built { lowered, program: Box::new(program), artifact: Box::new(artifact) }
        }
        (Some(lowered), None) => Stage::Lowered(lowered),
        (None, _) => Stage::Refused,
    };
    Compilation { stage, listing, sources, diagnostics }
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

/// What loading an artifact needs of a kernel, latest first.
///
/// # Panics
/// When an index in the artifact is wrong, or functions call each other in a loop.
pub fn kernel_needs(artifact: &Artifact) -> Vec<&'static KernelFeature> {
    let mut needs = artifact.kernel_needs();
    if !call_size(artifact).fits() {
        needs.push(&SMALL_FRAMES);
        needs.sort_by_key(|feature| std::cmp::Reverse(feature.since));
    }
    needs
}

/// A lowered program with what compiling it for any target begins with already done.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// As front ends lowered it.
    lowered: Program,
    listing: Arc<Listing>,
    simple: Program,
    settled: Settled,
}

impl Prepared {
    /// Prepares a program; `None` where a pass is defective.
    pub fn new(
        lowered: &Program,
        listing: &Arc<Listing>,
        options: &Options,
        diagnostics: &mut Diagnostics,
    ) -> Option<Prepared> {
        let (lowered, mut simple) = (lowered.clone(), lowered.clone());
        match bpfc_opt::prepare(&mut simple, &options.disabled_passes) {
            Ok(settled) => {
                Some(Prepared { lowered, listing: Arc::clone(listing), simple, settled })
            }
            Err(error) => {
                diagnostics.push(of_pass(error));
                None
            }
        }
    }

    /// The part that a target would compile: the entries of the chosen hooks, or of the target's
    /// default hooks.
    #[must_use]
    pub fn restricted(&self, target: &dyn Target, hooks: Option<&[Hook]>) -> Prepared {
        let hooks = hooks.or(target.default_hooks()).unwrap_or(target.hooks());
        let mut part = self.clone();
        for program in [&mut part.lowered, &mut part.simple] {
            program.entries.retain(|entry| hooks.contains(&entry.hook));
        }
        part
    }

    fn optimised(
        &self,
        options: &Options,
        limits: Limits,
        diagnostics: &mut Diagnostics,
    ) -> Option<Program> {
        observed(self.simple.clone(), self.settled.clone(), options, limits, None, diagnostics)
    }

    /// The hooks of the program, each once.
    pub fn hooks(&self) -> BTreeSet<Hook> {
        self.lowered.entries.iter().map(|entry| entry.hook).collect()
    }
}

/// Optimises a prepared program for a target and generates its code. Where the result needs
/// more functions, frames or stack than the kernel has, more chains are inlined.
pub fn build(
    prepared: &Prepared,
    target: &dyn Target,
    sources: &SourceMap,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> Option<(Program, Artifact)> {
    let fitted = fit(|limits| {
        let mut found = Diagnostics::new();
        let built = prepared.optimised(options, limits, &mut found).and_then(|program| {
            let listing = &prepared.listing;
            let artifact = generate(&program, listing, target, sources, options, &mut found)?;
            Some((program, artifact))
        });
        let size = built.as_ref().map(|(_, artifact)| call_size(artifact));
        ((built, found), size)
    });
    let (built, found) = match fitted {
        Fit::Every(built) => built,
        Fit::Newer((built, mut found), size) => {
            let message = format!(
                "the chains of a program need {} bytes of stack as kernels before Linux 6.9 count \
                 them, which have 512: it loads on Linux 6.9 and later with JIT",
                size.stack
            );
            found.push(Diagnostic::warning(Code::NESTING, None, message).with_help(
                "for older kernels, nest chains less or compile fewer hooks into one program",
            ));
            (built, found)
        }
        Fit::None(size) => {
            let message = format!("the chains of a program need {size}");
            diagnostics.push(
                Diagnostic::error(Code::NESTING, None, message)
                    .with_help("nest chains less, or compile fewer hooks into one program"),
            );
            return None;
        }
    };
    found.iter().for_each(|diagnostic| diagnostics.push(diagnostic.clone()));
    built.map(|(built, mut artifact)| {
        artifact.rules.rates = refused_rates(&prepared.lowered, &artifact);
        (built, artifact)
    })
}

/// The rules whose rates the running kernel may refuse.
fn refused_rates(program: &Program, artifact: &Artifact) -> Vec<RefusedRate> {
    let rates = program.refused_rates().into_iter();
    let found = rates.filter_map(|(rule, ticks)| {
        let label = program.label(rule);
        let rule = artifact.rules.entries.iter().position(|entry| entry.label == label)?;
        Some(RefusedRate { rule: u32::try_from(rule).ok()?, ticks })
    });
    found.collect()
}

/// The outcome of building within limits.
#[derive(Debug, PartialEq)]
enum Fit<T> {
    /// It fits every kernel, or there is nothing that must.
    Every(T),
    /// It fits Linux 6.9 and later with JIT.
    Newer(T, CallSize),
    /// It fits none.
    None(CallSize),
}

/// Builds within lower and lower limits until what comes of it fits.
fn fit<T>(mut build: impl FnMut(Limits) -> (T, Option<CallSize>)) -> Fit<T> {
    let mut limits = Limits::default();
    let mut newer = None;
    loop {
        let (built, size) = build(limits);
        let Some(size) = size.filter(|size| !size.fits()) else {
            // What cannot be built so is worse than what newer kernels take.
            return match newer {
                Some((built, newer)) if size.is_none() => Fit::Newer(built, newer),
                _ => Fit::Every(built),
            };
        };
        if size.fits_jit() && newer.is_none() {
            newer = Some((built, size));
        }
        let Some(less) = tightened(limits, size) else {
            return newer.map_or(Fit::None(size), |(built, size)| Fit::Newer(built, size));
        };
        limits = less;
    }
}

/// Limits for a program that needs less than `size`; `None` where they cannot be lower.
fn tightened(limits: Limits, size: CallSize) -> Option<Limits> {
    let depth = limits.depth - usize::from(size.is_deep());
    let functions = limits.functions.checked_sub(size.excess_functions())?;
    (depth > 0 && functions > 0).then_some(Limits { depth, functions, ..limits })
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
    for (input, role) in inputs.rulesets() {
        let Lowering { sources, diagnostics, too_large, listing, .. } = &mut lowering;
        let lowered = match role {
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
                *listing = lowered.listing;
            }
            (Some(lowered), Some(program)) => {
                listing.append(lowered.listing, program.rules.len());
                if let Err(errors) = merge::merge(program, lowered.program, &input.name) {
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
    if let Some(error) = inputs.without_rules() {
        lowering.diagnostics.push(error);
    }
    if !failed && let Some(error) = tables::missing(&options, &lowering.sources) {
        lowering.diagnostics.push(error);
        failed = true;
    }
    lowering.program = merged.filter(|_| !failed);
    // Reading and lowering find errors one after the other; people mend a file from its top.
    lowering.diagnostics.sort_by_place();
    lowering
}

/// Runs the passes. `None` where one found an error.
pub fn optimise(
    program: Program,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> Option<Program> {
    observed(program, Settled::default(), options, Limits::default(), None, diagnostics)
}

/// Runs the passes and yields the program as it was when the pass of this name had last run;
/// `None` where it did not run, or a pass found an error.
pub fn after_pass(
    program: Program,
    pass: &str,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> Option<Program> {
    let mut found = None;
    let mut observer = |ran: &Pass, program: &Program| {
        if ran.name == pass {
            found = Some(program.clone());
        }
    };
    observed(
        program,
        Settled::default(),
        options,
        Limits::default(),
        Some(&mut observer),
        diagnostics,
    )?;
    found
}

fn observed(
    mut program: Program,
    settled: Settled,
    options: &Options,
    limits: Limits,
    after: Option<Observer<'_>>,
    diagnostics: &mut Diagnostics,
) -> Option<Program> {
    let disabled = options.disabled_passes.clone();
    let mut passes = bpfc_opt::Options { disabled, limits, after, settled };
    match bpfc_opt::run(&mut program, &mut passes) {
        Ok(()) => Some(program),
        Err(error) => {
            diagnostics.push(of_pass(error));
            None
        }
    }
}

fn of_pass(error: OptError) -> Diagnostic {
    match error {
        OptError::Diagnostic(diagnostic) => *diagnostic,
        error => Diagnostic::error(Code::DEFECT, None, error.to_string()),
    }
}

/// Generates code.
pub fn generate(
    program: &Program,
    listing: &Listing,
    target: &dyn Target,
    sources: &SourceMap,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> Option<Artifact> {
    let artifact =
        bpfc_ebpf::compile(program, listing, target, sources, &options.codegen, diagnostics)?;
    for program in &artifact.programs {
        if let Some(found) = size::check(&artifact, program, target) {
            let is_error = found.severity == Severity::Error;
            diagnostics.push(found);
            if is_error {
                return None;
            }
        }
    }
    if artifact.walks_too_far().is_some() {
        diagnostics.push(bpfc_opt::too_many_paths(program));
        return None;
    }
    Some(artifact)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets;
    use bpfc_ir::{LogKind, Op, RuleKind};

    /// Chains of this depth, each called from two places and each with a search through options.
    fn nested(depth: usize) -> Input {
        let mut text = "*filter\n:INPUT DROP\n".to_owned();
        for chain in 0..depth {
            text += &format!(":c{chain} -\n");
        }
        text += "-A INPUT -j c0\n";
        for chain in 0..depth {
            text += &format!("-A c{chain} -p tcp -m tcp --tcp-option {}\n", chain + 2);
            for further in (chain + 1..depth).take(2) {
                let ports = format!("{further}:{}", 100 + chain);
                text += &format!("-A c{chain} -p tcp -m tcp --dport {ports} -j c{further}\n");
            }
        }
        text += "COMMIT\n";
        Input {
            name: "nested".into(),
            bytes: text.into_bytes(),
            format: Some("iptables-save".into()),
        }
    }

    #[test]
    fn deep_chains_are_inlined_until_calls_fit() {
        for target in targets() {
            for blocks_per_segment in [3, 2_000] {
                let mut options = Options::default();
                options.codegen.blocks_per_segment = blocks_per_segment;
                let compiled = compile(&[nested(12)], *target, &options);
                let artifact = compiled.into_artifact().expect("compiles");
                let size = call_size(&artifact);
                assert!(size.fits(), "{}: {size}", target.name());
                assert!(size.frames > 4, "{}: more is inlined than need be", target.name());
            }
        }
    }

    #[test]
    fn small_base_chains_are_parts_of_main() {
        for (rules, functions) in [(3, 0), (300, 1)] {
            // What the last test reads begins at an odd offset: main takes aligned accesses alone.
            let rules = (0..rules).map(|rule| {
                format!("-A INPUT -s 10.0.{}.{} -m u32 --u32 \"1=5\"\n", rule / 256, rule % 256)
            });
            let text = format!("*filter\n:INPUT DROP\n{}COMMIT\n", rules.collect::<String>());
            for target in targets() {
                let input = Input {
                    name: "base".into(),
                    bytes: text.clone().into_bytes(),
                    format: Some("iptables-save".into()),
                };
                let compiled = compile(&[input], *target, &Options::default());
                let artifact = compiled.into_artifact().expect("compiles");
                let chains = artifact.functions.iter().filter(|f| f.name.contains("INPUT"));
                assert_eq!(chains.count(), functions, "{}", target.name());
            }
        }
    }

    #[test]
    fn what_fits_newer_kernels_only_is_the_last_resort() {
        let size = |stack, jit_stack| CallSize { functions: 4, frames: 3, stack, jit_stack };
        let build = |sizes: [CallSize; 3]| {
            let mut left = sizes.into_iter().enumerate();
            fit(move |_| {
                left.next().map_or((3, Some(size(999, 999))), |(at, size)| (at, Some(size)))
            })
        };
        let fits = size(512, 400);
        let newer = size(513, 512);
        let neither = size(700, 520);
        assert_eq!(build([neither, newer, fits]), Fit::Every(2));
        assert_eq!(build([neither, newer, newer]), Fit::Newer(1, newer));
        let mut first = Some(newer);
        assert_eq!(fit(|_| (first.is_some(), first.take())), Fit::Newer(true, newer));
        assert_eq!(build([neither, neither, neither]), Fit::None(size(999, 999)));
    }

    #[test]
    fn every_helper_and_function_has_its_kernel() {
        let text = "*filter\n:INPUT DROP\n:OUTPUT ACCEPT\n\
             -A INPUT -m recent --name r --update --seconds 5 -j DROP\n\
             -A INPUT -m time --timestart 08:00 -m limit --limit 1/s -j LOG\n\
             -A INPUT -m conntrack --ctstate NEW -m socket -j ACCEPT\n\
             -A INPUT -m hashlimit --hashlimit-above 1/s --hashlimit-name h --hashlimit-mode srcip\n\
             -A INPUT -m addrtype --dst-type LOCAL -m statistic --mode random --probability 0.5\n\
             -A INPUT -m quota --quota 5 -m string --algo bm --string x -j REJECT\nCOMMIT\n";
        let input =
            Input { name: "many".into(), bytes: text.into(), format: Some("iptables-save".into()) };
        let drop = Options { drop_rejected: true, ..Options::default() };
        for target in targets() {
            for options in [Options::default(), drop.clone()] {
                let compiled = compile(std::slice::from_ref(&input), *target, &options);
                let Some(artifact) = compiled.into_artifact() else { continue };
                assert!(artifact.least_kernel().is_some());
                for function in &artifact.functions {
                    for reloc in &function.relocs {
                        if let bpfc_artifact::RelocKind::Kfunc(name) = &reloc.kind {
                            assert!(
                                bpfc_artifact::kernel::kernel_function(name).is_some(),
                                "{name}"
                            );
                        }
                    }
                    let calls = function.insns.iter().enumerate().filter(|(at, insn)| {
                        let own = function.relocs.iter().any(|reloc| reloc.insn as usize == *at);
                        insn.code == 0x85 && insn.src == 0 && !own
                    });
                    for (_, insn) in calls {
                        assert!(bpfc_artifact::kernel::helper(insn.imm).is_some(), "{}", insn.imm);
                    }
                }
            }
        }
    }

    #[test]
    fn segments_too_long_for_jumps_are_cut_again() {
        let mut text = "*filter\n:INPUT DROP\n".to_owned();
        for rule in 0..400 {
            let tests: Vec<String> = (0..9).map(|at| format!("{}={rule}:999", 80 + at)).collect();
            text += &format!("-A INPUT -m u32 --u32 \"{}\" -j ACCEPT\n", tests.join("&&"));
        }
        text += "COMMIT\n";
        let input = Input {
            name: "long".into(),
            bytes: text.into_bytes(),
            format: Some("iptables-save".into()),
        };
        let mut options = Options::default();
        options.codegen.blocks_per_segment = usize::MAX;
        for target in targets() {
            let compiled = compile(std::slice::from_ref(&input), *target, &options);
            let artifact = compiled.into_artifact().expect("compiles");
            let lengths = artifact.functions.iter().map(|function| function.insns.len());
            assert!(lengths.clone().sum::<usize>() > 32_767);
            assert!(lengths.max() < Some(32_767));
        }
    }

    #[test]
    fn what_cannot_be_inlined_is_refused() {
        let options = Options { disabled_passes: vec!["inline".into()], ..Options::default() };
        let compiled = compile(&[nested(12)], targets()[0], &options);
        assert!(compiled.artifact().is_none());
        assert!(compiled.diagnostics.iter().any(|found| found.code == Code::NESTING));
    }

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
