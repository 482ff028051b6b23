//! Objects of real rulesets, for every target that compiles them: libbpf opens each, and the kernel
//! takes what libbpf makes of it; and what aya makes of those that it can load.
//!
//! The rulesets are the shipped examples and one for each match and each target that writes
//! packets, in variations that `BPFC_SEED` chooses.

use aya::EbpfLoader;
use aya::programs::Program;
use bpfc_artifact::{Artifact, RelocKind};
use bpfc_driver::{Options, compile, targets};
use bpfc_ir::Input;
use bpfc_tests::differential::Ruleset;
use bpfc_tests::differential::compile::artifact;
use bpfc_tests::generate::matches::{CONNECTION_MATCHES, COUNTING_MATCHES, Facets, MATCHES};
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::generate::ruleset::{Generated, Shape, ruleset, single_match, single_target};
use bpfc_tests::generate::targets::{MARKING, REWRITING, connection_marks};
use bpfc_tests::lab::Family;
use bpfc_tests::lab::oracle::Stage;
use bpfc_tests::require::{self, Need};
use libbpf_rs::{ObjectBuilder, PrintLevel, set_print};
use libtest_mimic::{Arguments, Failed, Trial};
use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

fn main() {
    set_print(Some((PrintLevel::Warn, |_, line| {
        SAID.with_borrow_mut(|said| said.push_str(&line));
    })));
    let mut trials = Vec::new();
    for path in examples() {
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        trials.push(Trial::test(format!("example_{name}"), move || example(&path)));
    }
    for kind in MATCHES.iter().chain(CONNECTION_MATCHES).chain(COUNTING_MATCHES) {
        for &family in kind.families {
            let Some(&stage) = kind.stages.first() else { continue };
            let shape = Shape::new(family, stage);
            let name = format!("match_{}_{family}", kind.name);
            trials.push(generated(name, shape, move |rng| single_match(rng, shape, kind)));
        }
    }
    for kind in REWRITING.iter().chain(MARKING) {
        for &family in kind.families {
            let shape = Shape::new(family, Stage::Mangled);
            let name = format!("target_{}_{family}", kind.name);
            trials.push(generated(name, shape, move |rng| single_target(rng, shape, kind)));
        }
    }
    for family in Family::ALL {
        let shape = Shape::new(family, Stage::Postrouting);
        trials.push(generated(format!("target_CONNMARK_{family}"), shape, |rng| {
            let rules = connection_marks(rng, "POSTROUTING");
            let text = format!("*mangle\n:POSTROUTING ACCEPT [0:0]\n{rules}COMMIT\n");
            Generated { text, facets: Facets::default() }
        }));
    }
    for family in Family::ALL {
        let shape = Shape { rejects: true, ..Shape::new(family, Stage::Input) };
        let name = format!("random_{family}");
        trials.push(generated(name, shape, move |rng| ruleset(rng, shape)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

thread_local! {
    /// What libbpf complained of.
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the examples are there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rules"))
        .collect();
    paths.sort();
    paths
}

fn example(path: &Path) -> Result<(), Failed> {
    let input = Input { name: "example".to_owned(), bytes: fs::read(path)?, format: None };
    let mut loaded = 0;
    for &target in targets() {
        let drop_rejected = target.replies().is_none();
        let options = Options { drop_rejected, ..Options::default() };
        if let Some(artifact) =
            compile(std::slice::from_ref(&input), target, &options).into_artifact()
        {
            open(&artifact)?;
            loaded += 1;
        }
    }
    match loaded {
        0..3 => Err(format!("{loaded} targets compile it").into()),
        _ => Ok(()),
    }
}

fn generated(
    name: String,
    shape: Shape,
    generate: impl Fn(&mut Rng) -> Generated + Send + Sync + 'static,
) -> Trial {
    Trial::test(name.to_lowercase(), move || {
        let mut rng = Rng::new(require::number("BPFC_SEED", 1));
        let text = generate(&mut rng).text;
        let ruleset = Ruleset { family: shape.family, stage: shape.stage, text };
        let mut loaded = 0;
        let able = targets().iter().filter(|target| target.hooks().contains(&shape.stage.hook()));
        for target in able {
            // A target refuses what it cannot do.
            if let Ok(artifact) = artifact(&ruleset, target.name(), &[]) {
                open(&artifact).map_err(|error| format!("{error}\n{}", ruleset.text))?;
                loaded += 1;
            }
        }
        match loaded {
            0 => Err(format!("no target compiles\n{}", ruleset.text).into()),
            _ => Ok(()),
        }
    })
}

/// Opens an object and, where that is allowed, loads it.
fn open(artifact: &Artifact) -> Result<(), String> {
    SAID.take();
    let failed =
        |error: &dyn std::fmt::Display| format!("{}: {error}\n{}", artifact.target, SAID.take());
    let object = bpfc_object::write(artifact).map_err(|error| failed(&error))?;
    let opened = ObjectBuilder::default().name("bpfc").and_then(|b| b.open_memory(&object));
    let opened = opened.map_err(|error| failed(&error))?;
    if require::met(&[Need::Root]) {
        opened.load().map_err(|error| failed(&error))?;
        if !needs_externs(artifact) {
            load_by_aya(&object).map_err(|error| failed(&error))?;
        }
    }
    Ok(())
}

/// Whether it takes something from the kernel by name, which aya does not look for.
fn needs_externs(artifact: &Artifact) -> bool {
    let mut relocs = artifact.functions.iter().flat_map(|function| &function.relocs);
    relocs.any(|reloc| {
        matches!(
            reloc.kind,
            RelocKind::Kfunc(_)
                | RelocKind::OptionalKfunc { in_objects: true, .. }
                | RelocKind::Kconfig(_)
        )
    })
}

fn load_by_aya(object: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    let mut loaded = EbpfLoader::new().load(object)?;
    for (name, program) in loaded.programs_mut() {
        match program {
            Program::Xdp(program) => program.load()?,
            Program::SchedClassifier(program) => program.load()?,
            Program::CgroupSkb(program) => program.load()?,
            _ => return Err(format!("{name} has a type that is not expected").into()),
        }
    }
    Ok(())
}
