//! One file a case under `tests/<pass>/*.ir`: limits in a first comment (`# depth=2 functions=9`),
//! a program, a line `# ---` and what the pass makes of it, or `# error: ` and its message.
//!
//! With the environment variable `BPFC_BLESS` set, what comes out is written instead of compared.

use bpfc_ir::{Program, verify};
use bpfc_opt::{Limits, OptError, Options, PASSES, run};
use std::fmt::Write;
use std::path::Path;

fn limits(text: &str) -> Limits {
    let mut limits = Limits { small: 0, ..Limits::default() };
    let first = text.lines().next().and_then(|line| line.strip_prefix('#')).unwrap_or("");
    for (name, value) in first.split_whitespace().filter_map(|word| word.split_once('=')) {
        let value: u64 = value.parse().expect("a number");
        match name {
            "depth" => limits.depth = value as usize,
            "functions" => limits.functions = value as usize,
            "size" => limits.size = value,
            "small" => limits.small = value,
            "paths" => limits.paths = value,
            other => panic!("no limit is called {other}"),
        }
    }
    limits
}

fn outcome(pass: &str, input: &str) -> String {
    let mut program: Program = input.parse().unwrap_or_else(|error| panic!("{error}"));
    verify(&program).unwrap_or_else(|errors| panic!("{}", errors[0]));
    let mut disabled: Vec<String> = PASSES.iter().map(|pass| pass.name.to_owned()).collect();
    disabled.retain(|name| name != pass);
    let mut options = Options { disabled, limits: limits(input), ..Options::default() };
    match run(&mut program, &mut options) {
        Ok(()) => program.to_string().trim_start().to_owned(),
        Err(OptError::Diagnostic(diagnostic)) => {
            let mut text = format!("# error: {}: {}\n", diagnostic.code, diagnostic.message);
            for line in diagnostic.notes.iter().chain(&diagnostic.help) {
                writeln!(text, "# {line}").expect("writing to a string");
            }
            text
        }
        Err(error) => panic!("{error}"),
    }
}

fn cases(pass: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(pass);
    let entries = std::fs::read_dir(&folder).expect("a folder of cases");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a readable case");
        let (input, expected) = text.split_once("# ---\n").unwrap_or((&text, ""));
        let found = outcome(pass, input);
        if std::env::var_os("BPFC_BLESS").is_some() {
            let text = format!("{}\n\n# ---\n{found}", input.trim_end());
            std::fs::write(&path, text).expect("a writable case");
        } else {
            assert_eq!(found, expected, "{}", path.display());
        }
    }
}

#[test]
fn simplify() {
    cases("simplify");
}

#[test]
fn inline() {
    cases("inline");
}
