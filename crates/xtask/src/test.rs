//! `cargo xtask test`: every test, and what was skipped; the sources' own checks first.
//!
//! A test that needs root or a tool says `skipped: REASON` and passes; the reasons are gathered
//! here, so that nothing is left out unseen.

use crate::packages::{self, Package};
use crate::{Failure, generate, tidy};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Packages of the workspace whose tests need the packages for building.
const LINKS_LIBBPF: &str = "bpfc-object";

/// Runs everything.
pub fn run(root: &Path, arguments: &[String]) -> Result<(), Failure> {
    tidy::run(root)?;
    let required = std::env::var_os("BPFC_REQUIRE_ALL").is_some_and(|value| value == "1");
    let is_root = rustix::process::geteuid().is_root();
    let mut missing = packages::missing();
    if !missing.is_empty() && is_root {
        let installed = packages::install(&missing);
        missing = packages::missing();
        if let Err(failure) = installed {
            eprintln!("xtask: {failure}");
        }
    }
    if required && !is_root {
        return Err("BPFC_REQUIRE_ALL is set, and many tests need root".into());
    }
    if required && !missing.is_empty() {
        return Err(format!(
            "BPFC_REQUIRE_ALL is set, and packages are missing: {}",
            names(&missing)
        ));
    }

    let mut skipped: BTreeMap<String, usize> = BTreeMap::new();
    let excluded = missing.iter().any(|package| package.is_for_building);
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root).args(["test", "--workspace", "--no-fail-fast"]);
    if excluded {
        command.args(["--exclude", LINKS_LIBBPF]);
        let reason = format!("building the tests of {LINKS_LIBBPF} needs {}", names(&missing));
        *skipped.entry(reason).or_default() += 1;
    }
    command.args(arguments);
    let passed = watch(command, &mut skipped)?;
    generate::run(root, true)?;

    report(&skipped, &missing, is_root);
    match passed {
        true => Ok(()),
        false => Err("tests failed".into()),
    }
}

fn names(packages: &[&Package]) -> String {
    packages.iter().map(|package| package.name).collect::<Vec<_>>().join(" ")
}

/// Runs tests, shows what they print, and gathers the reasons of those that skip themselves.
fn watch(mut command: Command, skipped: &mut BTreeMap<String, usize>) -> Result<bool, Failure> {
    let failed = |error: std::io::Error| format!("cannot run cargo test: {error}");
    // Test harnesses swallow what passing tests say, unless told not to.
    let mut child =
        command.env("RUST_TEST_NOCAPTURE", "1").stderr(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(errors) = child.stderr.take() {
        for line in BufReader::new(errors).split(b'\n') {
            let line = line.map_err(failed)?;
            let line = String::from_utf8_lossy(&line);
            // Harnesses and tests share lines: the reason may stand behind other words.
            match line.find("skipped: ") {
                Some(at) => {
                    *skipped.entry(line[at + 9..].trim().to_owned()).or_default() += 1;
                }
                None => eprintln!("{line}"),
            }
        }
    }
    Ok(child.wait().map_err(failed)?.success())
}

fn report(skipped: &BTreeMap<String, usize>, missing: &[&Package], is_root: bool) {
    if skipped.is_empty() {
        println!("xtask: nothing was skipped");
        return;
    }
    println!("xtask: skipped:");
    for (reason, count) in skipped {
        println!("  {count} times: {reason}");
    }
    if !missing.is_empty() {
        println!("  to run them: apt-get install {}", names(missing));
    }
    if !is_root {
        println!("  to run them: run this as root");
    }
}
