//! `bpfc snapshot`: what every stage makes of rulesets, kept as text for review.
//!
//! Below the folder there is one folder a stage: `ir`, `opt` and `tree` for the program, one for
//! each target's annotated assembly, and `diag` for what was said. A file has the ruleset's name.
//! `--check` writes nothing, prints what changed, a hunk named by the rule it belongs to, and
//! fails where something did.

use crate::args::SnapshotArgs;
use crate::console::{Console, Failure};
use crate::inputs;
use crate::progress::with_progress;
use crate::review;
use bpfc_diag::{Diagnostics, Renderer};
use bpfc_driver::{self as driver, Options, emit};
use bpfc_ir::Input;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Texts by path below the folder; `None` for a file that must not be there.
type Files = BTreeMap<PathBuf, Option<String>>;

pub(super) fn run(args: &SnapshotArgs, console: &Console) -> Result<(), Failure> {
    let selection = &args.ruleset.selection;
    let inputs = inputs::read_all(&args.ruleset.rulesets, selection)?;
    let options = inputs::options(selection, None);
    let files = with_progress("compiling", || all(&inputs, &options))?;
    match args.check {
        true => check(&args.dir, &files, console),
        false => write(&args.dir, &files, console),
    }
}

fn all(inputs: &[Input], options: &Options) -> Result<Files, Failure> {
    let mut files = Files::new();
    for input in inputs {
        let name = inputs::stem(&input.name).ok_or_else(|| {
            Failure::Usage("a snapshot needs a ruleset with a name, not standard input".into())
        })?;
        if files.contains_key(&Path::new("diag").join(format!("{name}.txt"))) {
            return Err(Failure::Usage(format!("two rulesets are named '{name}'")));
        }
        stages(&name, input, options, &mut files);
    }
    Ok(files)
}

fn stages(name: &str, input: &Input, options: &Options, files: &mut Files) {
    let lowering = driver::lower(std::slice::from_ref(input), options);
    let sources = &lowering.sources;
    let (listing, contents) = (&lowering.listing, &lowering.contents);
    let mut said = Said { text: String::new(), sources };
    let mut diagnostics = lowering.diagnostics;
    let mut program = lowering.program;
    if let Some(program) = &mut program {
        if options.drop_rejected {
            driver::drop_rejected(program, &mut diagnostics);
        }
        driver::analyse(program, listing, &mut diagnostics);
    }
    said.add("ruleset", &diagnostics);
    let mut file = |stage: &str, ending: &str, text: Option<String>| {
        files.insert(Path::new(stage).join(format!("{name}.{ending}")), text);
    };
    file("ir", "ir", program.as_ref().map(|program| emit::ir(program, listing)));
    file("tree", "txt", program.as_ref().map(|program| emit::tree(program, listing)));
    let mut found = Diagnostics::new();
    let optimised =
        program.clone().and_then(|program| driver::optimise(program, options, &mut found));
    said.add("passes", &found);
    file("opt", "ir", optimised.as_ref().map(|program| emit::ir(program, listing)));
    for target in driver::targets().iter().copied() {
        let mut found = Diagnostics::new();
        let built = program.as_ref().and_then(|program| {
            let prepared = driver::Prepared::new(program, listing, contents, options, &mut found)?;
            let part = prepared.restricted(target, options.hooks.as_deref());
            driver::build(&part, target, sources, options, &mut found)
        });
        said.add(&format!("target {}", target.name()), &found);
        file(target.name(), "asm", built.map(|(_, artifact)| emit::asm(&artifact)));
    }
    let text = said.text;
    file("diag", "txt", Some(text));
}

/// The diagnostics of a ruleset's stages, as text.
struct Said<'a> {
    text: String,
    sources: &'a bpfc_diag::SourceMap,
}

impl Said<'_> {
    fn add(&mut self, stage: &str, diagnostics: &Diagnostics) {
        if !diagnostics.is_empty() {
            let rendered = Renderer::new(false).render_all(diagnostics, self.sources);
            self.text += &format!("## {stage}\n\n{rendered}");
        }
    }
}

/// What is there now; `None` where there is no such file.
fn read(path: &Path) -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::Refused(format!("cannot read '{}': {error}", path.display()))),
    }
}

fn write(dir: &Path, files: &Files, console: &Console) -> Result<(), Failure> {
    let (mut written, mut removed) = (0, 0);
    for (path, text) in files {
        let path = dir.join(path);
        let old = read(&path)?;
        let failed = |error: std::io::Error| {
            Failure::Refused(format!("cannot write '{}': {error}", path.display()))
        };
        match text {
            Some(text) if old.as_ref() != Some(text) => {
                if let Some(parent) = path.parent() {
                    std::fs::create_dir_all(parent).map_err(failed)?;
                }
                std::fs::write(&path, text).map_err(failed)?;
                written += 1;
            }
            None if old.is_some() => {
                std::fs::remove_file(&path).map_err(failed)?;
                removed += 1;
            }
            _ => {}
        }
    }
    console.print(&format!("{written} snapshots written, {removed} removed\n"))
}

fn check(dir: &Path, files: &Files, console: &Console) -> Result<(), Failure> {
    let mut report = String::new();
    let mut changed = 0;
    for (path, text) in files {
        let old = read(&dir.join(path))?.unwrap_or_default();
        let new = text.as_deref().unwrap_or_default();
        if old != new {
            changed += 1;
            report += &review::diff(&path.display().to_string(), &old, new);
        }
    }
    if changed == 0 {
        return console.print(&format!("{} snapshots are as they were\n", files.len()));
    }
    report += &format!("{changed} of {} snapshots changed\n", files.len());
    console.print(&report)?;
    Err(Failure::Said)
}
