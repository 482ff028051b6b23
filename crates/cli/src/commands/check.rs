//! `bpfc check`: what compiles for which target, what does not and why, and which rules are dead.
//!
//! With `--target` the ruleset must compile for that target. Without, every target is tried, and
//! the check fails where none takes the ruleset; what one target alone refuses is a warning then.
//! With `--kernel` a target must also be one that a kernel of that version can load.

use super::kernel;
use crate::args::CheckArgs;
use crate::console::{Console, Failure};
use crate::inputs;
use crate::progress::with_progress;
use bpfc_artifact::{Artifact, AttachPoint, KernelFeature, KernelVersion};
use bpfc_diag::{Code, Diagnostic, Diagnostics, JsonDiagnostic, Severity};
use bpfc_driver::{self as driver, Prepared};
use bpfc_ir::{Hook, RuleKind};
use comfy_table::{Table, presets};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeSet;
use std::mem::ManuallyDrop;

/// What the targets say of one ruleset.
struct Checked {
    /// Whether the ruleset has no chain that packets come to.
    is_idle: bool,
    rules: usize,
    chains: usize,
    targets: Vec<TargetResult>,
    diagnostics: Diagnostics,
}

/// What one target says.
#[derive(Serialize)]
struct TargetResult {
    target: &'static str,
    compiles: bool,
    hooks: Vec<String>,
    programs: usize,
    instructions: usize,
    /// The first kernel that has all that the programs need, where there are any.
    least_kernel: Option<String>,
    /// What the kernel that was asked about lacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    lacks: Option<Vec<Lack>>,
    #[serde(skip)]
    diagnostics: Diagnostics,
}

impl TargetResult {
    /// Whether the kernel that was asked about, if one was, can take the programs.
    fn is_taken(&self) -> bool {
        self.compiles && self.lacks.as_ref().is_none_or(Vec::is_empty)
    }
}

/// Something that a kernel lacks.
#[derive(Serialize)]
struct Lack {
    feature: &'static str,
    since: String,
}

#[derive(Serialize)]
struct JsonCheck<'a> {
    compiles: bool,
    /// The kernel that was asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<String>,
    /// Whether it can take the programs of a target.
    #[serde(skip_serializing_if = "Option::is_none")]
    loads: Option<bool>,
    rules: usize,
    chains: usize,
    targets: &'a [TargetResult],
    diagnostics: Vec<JsonDiagnostic>,
}

pub(super) fn run(args: &CheckArgs, console: &Console) -> Result<(), Failure> {
    let selection = &args.ruleset.selection;
    let inputs = inputs::read_all(&args.ruleset.rulesets, selection)?;
    let options = inputs::options(selection, None);
    let (sources, checked) = with_progress("checking", || {
        let targets = chosen_targets(args);
        let lowering = driver::lower_compiled(&inputs, &options, &targets);
        let too_large = &lowering.too_large;
        let (listing, contents) = (&lowering.listing, &lowering.contents);
        let mut diagnostics = lowering.diagnostics;
        let checked = match lowering.program {
            // Sets and chains that packets do not come to: there is nothing to load, and no error.
            Some(program) if program.entries.is_empty() && !diagnostics.has_errors() => {
                Checked { is_idle: true, rules: 0, chains: 0, targets: Vec::new(), diagnostics }
            }
            Some(program) => {
                // Never freed: the process ends here, and a large ruleset has millions of parts.
                let mut program = ManuallyDrop::new(program);
                if options.drop_rejected {
                    driver::drop_rejected(&mut program, &mut diagnostics);
                }
                let sources = &lowering.sources;
                let (found, results) = rayon::join(
                    || {
                        let mut found = Diagnostics::new();
                        driver::analyse(&program, listing, &mut found);
                        found
                    },
                    || {
                        let mut found = Diagnostics::new();
                        let prepared =
                            Prepared::new(&program, listing, contents, &options, &mut found);
                        let prepared = ManuallyDrop::new(prepared.ok_or(found)?);
                        let (prepared, options) = (&*prepared, &options);
                        let job = Job { prepared, too_large, sources, options };
                        let mut results = try_targets(&targets, &job, args.kernel);
                        if let Some(kernel) = args.kernel {
                            advise(&mut results, kernel, &targets, &job);
                        }
                        Ok(results)
                    },
                );
                let results = results.unwrap_or_else(|defect: Diagnostics| {
                    defect.iter().for_each(|diagnostic| diagnostics.push(diagnostic.clone()));
                    Vec::new()
                });
                found.iter().for_each(|diagnostic| diagnostics.push(diagnostic.clone()));
                Checked {
                    is_idle: false,
                    rules: program
                        .rules
                        .values()
                        .filter(|rule| matches!(rule.kind, RuleKind::Rule(_)))
                        .count(),
                    chains: program.funcs.len(),
                    targets: results,
                    diagnostics,
                }
            }
            None => {
                let targets = Vec::new();
                Checked { is_idle: false, rules: 0, chains: 0, targets, diagnostics }
            }
        };
        (lowering.sources, checked)
    });
    let compiles = checked.is_idle || checked.targets.iter().any(|target| target.compiles);
    let taken = checked.is_idle || checked.targets.iter().any(TargetResult::is_taken);
    let diagnostics = all_diagnostics(&checked, taken && args.target.is_none());
    if args.json {
        console.print_json(&JsonCheck {
            compiles,
            kernel: args.kernel.map(|kernel| kernel.to_string()),
            loads: args.kernel.map(|_| taken),
            rules: checked.rules,
            chains: checked.chains,
            targets: &checked.targets,
            diagnostics: diagnostics.iter().map(|d| JsonDiagnostic::new(d, &sources)).collect(),
        })?;
    } else {
        console.report(&diagnostics, &sources);
        if !checked.targets.is_empty() {
            console.print(&text(&checked))?;
        }
    }
    if taken { Ok(()) } else { Err(Failure::Said) }
}

/// The targets that are tried.
fn chosen_targets(args: &CheckArgs) -> Vec<&'static dyn driver::Target> {
    let chosen = |name: &str| args.target.as_deref().is_none_or(|wanted| wanted == name);
    driver::targets().iter().copied().filter(|target| chosen(target.name())).collect()
}

/// What is compiled.
#[derive(Clone, Copy)]
struct Job<'a> {
    prepared: &'a Prepared,
    too_large: &'a [(Hook, Diagnostic)],
    sources: &'a bpfc_diag::SourceMap,
    options: &'a driver::Options,
}

/// Compiles for every target, as many at once as there are processors; the results come in the
/// targets' order.
fn try_targets(
    targets: &[&'static dyn driver::Target],
    job: &Job<'_>,
    kernel: Option<KernelVersion>,
) -> Vec<TargetResult> {
    targets.par_iter().map(|&target| try_target(target, job, kernel)).collect()
}

fn try_target(
    target: &dyn driver::Target,
    job: &Job<'_>,
    kernel: Option<KernelVersion>,
) -> TargetResult {
    let &Job { prepared, too_large, sources, options } = job;
    let mut diagnostics = Diagnostics::new();
    let part = prepared.restricted(target, options.hooks.as_deref());
    let mut hooks: BTreeSet<_> = part.hooks();
    hooks.extend(options.hooks.iter().flatten());
    let runs = match &options.hooks {
        Some(hooks) => hooks.clone(),
        None => driver::default_hooks(target, &prepared.hooks()),
    };
    let too_large: Vec<_> = too_large.iter().filter(|(hook, _)| runs.contains(hook)).collect();
    hooks.extend(too_large.iter().map(|(hook, _)| *hook));
    let is_default = options.hooks.is_none();
    let built = match too_large.is_empty() {
        true if is_default && part.hooks().is_empty() => {
            diagnostics.push(driver::no_chain(target, &prepared.hooks()));
            None
        }
        true => driver::build(&part, target, sources, options, &mut diagnostics),
        false => None,
    };
    too_large.into_iter().for_each(|(_, error)| diagnostics.push(error.clone()));
    let artifact = built.map(|(_, artifact)| artifact).filter(|_| !diagnostics.has_errors());
    let mut result = TargetResult {
        target: target.name(),
        compiles: artifact.is_some(),
        hooks: hooks.iter().map(ToString::to_string).collect(),
        programs: artifact.as_ref().map_or(0, programs),
        instructions: artifact.as_ref().map_or(0, instructions),
        least_kernel: None,
        lacks: None,
        diagnostics,
    };
    let Some(artifact) = artifact else { return result };
    let needs = driver::kernel_needs(&artifact);
    result.least_kernel = needs.first().map(|feature| feature.since.to_string());
    if let Some(version) = kernel {
        let lacks = kernel::lacks(&artifact, version);
        let said = kernel::refusal(result.target, version, &lacks)
            .or_else(|| kernel::alone(&artifact, version));
        said.into_iter().for_each(|diagnostic| result.diagnostics.push(diagnostic));
        let lack = |f: &&KernelFeature| Lack { feature: f.name, since: f.since.to_string() };
        result.lacks = Some(lacks.iter().map(lack).collect());
    }
    result
}

/// Where a kernel cannot take a target's programs, says which targets it can take; those that were
/// not asked for are tried then, too.
fn advise(
    results: &mut [TargetResult],
    version: KernelVersion,
    tried: &[&'static dyn driver::Target],
    job: &Job<'_>,
) {
    let is_refused = |result: &TargetResult| result.compiles && !result.is_taken();
    if !results.iter().any(is_refused) {
        return;
    }
    let is_new = |target: &&dyn driver::Target| tried.iter().all(|t| t.name() != target.name());
    let others: Vec<_> = driver::targets().iter().copied().filter(is_new).collect();
    let others = try_targets(&others, job, Some(version));
    let taken = results.iter().chain(&others).filter(|result| result.is_taken());
    let taken: Vec<&str> = taken.map(|result| result.target).collect();
    let help = match taken[..] {
        [] => format!("no target takes this ruleset on Linux {version}"),
        _ => format!("targets that Linux {version} can take: {}", taken.join(", ")),
    };
    for result in results.iter_mut().filter(|result| is_refused(result)) {
        let mut said = Diagnostics::new();
        for diagnostic in result.diagnostics.iter() {
            said.push(match diagnostic.code {
                Code::OLD_KERNEL => diagnostic.clone().with_help(help.clone()),
                _ => diagnostic.clone(),
            });
        }
        result.diagnostics = said;
    }
}

/// How many programs decide, or serve whoever loads the artifact.
fn programs(artifact: &Artifact) -> usize {
    artifact.programs.iter().filter(|program| program.attach != AttachPoint::Companion).count()
}

fn instructions(artifact: &Artifact) -> usize {
    artifact.functions.iter().map(|function| function.insns.len()).sum()
}

/// The ruleset's diagnostics, then those of each target. Where a ruleset compiles for some
/// target, what others refuse is no error.
fn all_diagnostics(checked: &Checked, soften: bool) -> Diagnostics {
    let mut all = checked.diagnostics.clone();
    for result in &checked.targets {
        for diagnostic in result.diagnostics.iter() {
            let mut diagnostic: Diagnostic = diagnostic.clone();
            if checked.targets.len() > 1 && diagnostic.code == Code::NO_CHAIN {
                diagnostic.message = format!("target {}: {}", result.target, diagnostic.message);
            }
            if soften && diagnostic.severity == Severity::Error {
                diagnostic.severity = Severity::Warning;
            }
            all.push(diagnostic);
        }
    }
    all
}

fn text(checked: &Checked) -> String {
    let plural = |number: usize, word: &str| match number {
        1 => format!("1 {word}"),
        number => format!("{number} {word}s"),
    };
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for result in &checked.targets {
        let outcome = match result.compiles {
            true if !result.is_taken() => {
                let lacks = result.lacks.iter().flatten().next();
                let lacks = lacks.map_or("", |lack| lack.feature);
                format!("compiles, but that kernel has no {lacks}")
            }
            true => format!(
                "compiles: {}, {}",
                plural(result.programs, "program"),
                plural(result.instructions, "instruction")
            ),
            false => {
                format!("does not compile: {}", plural(result.diagnostics.error_count(), "error"))
            }
        };
        let least = result.least_kernel.as_ref();
        let least = least.map_or_else(String::new, |version| format!("Linux {version}"));
        table.add_row([result.target.to_owned(), result.hooks.join(", "), outcome, least]);
    }
    let rows: Vec<String> =
        table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect();
    format!(
        "{} in {}\n{}",
        plural(checked.rules, "rule"),
        plural(checked.chains, "chain"),
        rows.concat()
    )
}
