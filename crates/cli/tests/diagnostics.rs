//! Golden texts of diagnostics: what `bpfc check` says of each ruleset in `rulesets`, kept in
//! `snapshots/diag` at the workspace's root. A ruleset may begin with arguments for the command:
//! `# arguments: --target xdp`.

use std::path::{Path, PathBuf};
use std::process::Command;

fn rulesets() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rulesets");
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of rulesets")
        .map(|entry| entry.expect("a ruleset").path())
        .collect();
    found.sort();
    found
}

#[test]
fn texts_are_as_they_were() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../snapshots/diag");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for path in rulesets() {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let ruleset = std::fs::read_to_string(&path).expect("a ruleset");
        let first = ruleset.lines().next().unwrap_or_default();
        let arguments = first.strip_prefix("# arguments:").unwrap_or_default().split_whitespace();
        let output = Command::new(env!("CARGO_BIN_EXE_bpfc"))
            .current_dir(path.parent().expect("a folder"))
            .arg("check")
            .arg(path.file_name().expect("a name"))
            .args(arguments)
            .output()
            .expect("bpfc runs");
        let text = format!(
            "{}exit status {}\n",
            String::from_utf8_lossy(&output.stderr),
            output.status.code().unwrap_or(-1),
        );
        settings.bind(|| insta::assert_snapshot!(name, text));
    }
}
