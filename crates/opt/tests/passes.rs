//! One file a case under `tests/<pass>/*.ir`: limits in a first comment (`# depth=2 functions=9`)
//! and a program. What the pass makes of it, or `# error: ` and its message, is the golden text of
//! the same name beside it.

use bpfc_ir::{Program, verify};
use bpfc_opt::{Limits, OptError, Options, PASSES, run};
use libtest_mimic::{Arguments, Trial};
use std::fmt::Write;
use std::path::{Path, PathBuf};

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

/// A case: what the pass makes of a file stands in the golden text beside it.
fn case(pass: &str, path: &Path) {
    let input = std::fs::read_to_string(path).expect("a readable case");
    let name = path.file_stem().and_then(|name| name.to_str()).expect("a name in UTF-8");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(path.parent().expect("a folder"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, outcome(pass, &input)));
}

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for pass in ["simplify", "alike", "inline"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(pass);
        let entries = std::fs::read_dir(&folder).expect("a folder of cases");
        let paths = entries.map(|entry| entry.expect("a file").path());
        let mut paths: Vec<PathBuf> =
            paths.filter(|path| path.extension().is_some_and(|end| end == "ir")).collect();
        paths.sort();
        assert!(!paths.is_empty(), "{}", folder.display());
        for path in paths {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            trials.push(Trial::test(format!("{pass}/{name}"), move || {
                case(pass, &path);
                Ok(())
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}
