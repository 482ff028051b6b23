//! From a lowered program to an artifact: passes within limits, code generation, and again within
//! lower limits where the code does not fit the kernel.

use crate::hooks::default_hooks;
use crate::options::Options;
use crate::size;
use bpfc_artifact::kernel::SMALL_FRAMES;
use bpfc_artifact::{Artifact, KernelFeature, RefusedRate};
use bpfc_diag::{Code, Diagnostic, Diagnostics, Severity, SourceMap};
use bpfc_ebpf::{CallSize, Target, call_size};
use bpfc_ir::{Checked, Contents, Hook, Listing, Program, Verified, VerifyError};
use bpfc_opt::{Limits, Observer, OptError, Pass, Settled};
use std::collections::BTreeSet;
use std::sync::Arc;

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
    contents: Arc<Contents>,
    simple: Program,
    settled: Settled,
    /// The functions of `simple`, which keep every invariant.
    verified: Verified,
}

impl Prepared {
    /// Prepares a program, with its rules as listings show them and what is in its tables; `None`
    /// where a pass is defective.
    pub fn new(
        lowered: &Program,
        listing: &Arc<Listing>,
        contents: &Arc<Contents>,
        options: &Options,
        diagnostics: &mut Diagnostics,
    ) -> Option<Prepared> {
        let (lowered, mut simple) = (lowered.clone(), lowered.clone());
        match bpfc_opt::prepare(&mut simple, &options.disabled_passes) {
            Ok(settled) => {
                let (listing, contents) = (Arc::clone(listing), Arc::clone(contents));
                let verified = checked(Checked::new(&simple), diagnostics)?.verified();
                Some(Prepared { lowered, listing, contents, simple, settled, verified })
            }
            Err(error) => {
                diagnostics.push(of_pass(error));
                None
            }
        }
    }

    /// The part that a target would compile: the entries of the chosen hooks, or of those that it
    /// compiles by default.
    #[must_use]
    pub fn restricted(&self, target: &dyn Target, hooks: Option<&[Hook]>) -> Prepared {
        let default = || default_hooks(target, &self.hooks());
        let hooks = hooks.map_or_else(default, <[Hook]>::to_vec);
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
            let contents = &prepared.contents;
            let checked = checked(Checked::since(&program, &prepared.verified), &mut found)?;
            let artifact =
                generate(&checked, listing, contents, target, sources, options, &mut found)?;
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

/// What the verifier accepted; what it did not is a defect.
fn checked<'a>(
    checked: Result<Checked<'a>, Vec<VerifyError>>,
    diagnostics: &mut Diagnostics,
) -> Option<Checked<'a>> {
    match checked {
        Ok(checked) => Some(checked),
        Err(errors) => {
            let first = errors.first().map(ToString::to_string).unwrap_or_default();
            diagnostics.push(Diagnostic::error(Code::DEFECT, None, first));
            None
        }
    }
}

/// Generates code. `listing` has the rules' texts, `contents` what is in the program's tables.
pub fn generate(
    checked: &Checked<'_>,
    listing: &Listing,
    contents: &Contents,
    target: &dyn Target,
    sources: &SourceMap,
    options: &Options,
    diagnostics: &mut Diagnostics,
) -> Option<Artifact> {
    let artifact = bpfc_ebpf::compile(
        checked,
        listing,
        contents,
        target,
        sources,
        &options.codegen,
        diagnostics,
    )?;
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
        diagnostics.push(bpfc_opt::too_many_paths(checked.program()));
        return None;
    }
    Some(artifact)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{compile, targets};
    use bpfc_ir::Input;

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
    fn interfaces_need_no_later_kernel_than_the_oldest() {
        let text = "*filter\n:INPUT DROP\n:OUTPUT DROP\n-A INPUT -i eth0 -j ACCEPT\n\
             -A OUTPUT -o eth0 -j ACCEPT\nCOMMIT\n";
        let input = Input {
            name: "names".into(),
            bytes: text.into(),
            format: Some("iptables-save".into()),
        };
        let oldest = "6.1".parse().ok();
        for target in targets() {
            let compiled = compile(std::slice::from_ref(&input), *target, &Options::default());
            let least = compiled.into_artifact().and_then(|artifact| artifact.least_kernel());
            let takes_it = ["xdp", "cgroup-skb"].contains(&target.name());
            assert_eq!(least <= oldest, takes_it, "{}: {least:?}", target.name());
        }
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
                        if let bpfc_artifact::RelocKind::Kfunc(name)
                        | bpfc_artifact::RelocKind::OptionalKfunc { name, .. } = &reloc.kind
                        {
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
}
