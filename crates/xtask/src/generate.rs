//! What is generated and committed: manual pages in `docs/man` and completions in `completions`,
//! from the command's definition, `docs/coverage.md` by compiling a rule for each extension, and in
//! `snapshots` what every stage makes of the rulesets in `examples`.

use crate::{Failure, coverage, manual};
use clap_complete::Shell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Writes the files, or fails where one is not as it should be.
pub fn run(root: &Path, check: bool) -> Result<(), Failure> {
    let mut stale = Vec::new();
    let mut files = files().map_err(|error| format!("cannot generate: {error}"))?;
    let counts = std::fs::read_to_string(root.join(coverage::PATH)).unwrap_or_default();
    files.insert(coverage::PATH.into(), coverage::page(&counts)?.into_bytes());
    for (path, content) in files {
        let full = root.join(&path);
        if std::fs::read(&full).is_ok_and(|old| old == content) {
            continue;
        }
        if check {
            stale.push(path.display().to_string());
            continue;
        }
        let failed = |error| format!("cannot write '{}': {error}", full.display());
        if let Some(folder) = full.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        std::fs::write(&full, content).map_err(failed)?;
        println!("wrote {}", path.display());
    }
    snapshots(root, check)?;
    match stale.is_empty() {
        true => Ok(()),
        false => Err(format!("not up to date: {}; run `cargo xtask generate`", stale.join(", "))),
    }
}

/// Writes the snapshots, or prints how they differ from what is there.
fn snapshots(root: &Path, check: bool) -> Result<(), Failure> {
    let failed = |error: std::io::Error| format!("cannot read the examples: {error}");
    let mut examples = Vec::new();
    for entry in std::fs::read_dir(root.join("examples")).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if Path::new(&name).extension().is_some_and(|ending| ending == "rules") {
            examples.push(Path::new("examples").join(name).into_os_string());
        }
    }
    examples.sort();
    // Snapshots name rulesets as they are given: below the workspace's folder.
    std::env::set_current_dir(root).map_err(failed)?;
    let mut arguments: Vec<OsString> = ["bpfc", "snapshot"].map(OsString::from).to_vec();
    if check {
        arguments.push("--check".into());
    }
    arguments.extend(examples);
    match bpfc_cli::run(arguments) == ExitCode::SUCCESS {
        true => Ok(()),
        false => Err("snapshots are not up to date; run `cargo xtask generate`".into()),
    }
}

/// Every generated file by its path in the workspace.
fn files() -> std::io::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut command = bpfc_cli::definition();
    command.build();
    pages(&command, "bpfc", &mut files)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let name = match shell {
            Shell::Zsh => "_bpfc".to_owned(),
            shell => format!("bpfc.{shell}"),
        };
        files.insert(Path::new("completions").join(name), bpfc_cli::completion_script(shell));
    }
    Ok(files)
}

/// The page of a command and of its subcommands: `bpfc.1`, `bpfc-compile.1` and so on.
fn pages(
    command: &clap::Command,
    name: &str,
    files: &mut BTreeMap<PathBuf, Vec<u8>>,
) -> std::io::Result<()> {
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone().disable_help_subcommand(true));
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    let commands =
        || command.get_subcommands().filter(|sub| sub.get_name() != "help" && !sub.is_hide_set());
    if commands().next().is_some() {
        man.render_subcommands_section(&mut page)?;
    }
    if command.get_after_long_help().is_some() {
        man.render_extra_section(&mut page)?;
    }
    page.extend(manual::sections(name, commands().map(clap::Command::get_name)).into_bytes());
    if name == "bpfc" {
        man.render_version_section(&mut page)?;
    }
    files.insert(Path::new("docs/man").join(format!("{name}.1")), page);
    for sub in commands() {
        pages(sub, &format!("{name}-{}", sub.get_name()), files)?;
    }
    Ok(())
}
