//! `bpfc snapshot`.

use crate::run::{RULES, bpfc, file, folder};

#[test]
fn a_change_is_shown_by_rule_and_fails() {
    let folder = folder();
    let rules = file(&folder, "mine.rules", RULES);
    let dir = folder.path().join("snapshots");
    let dir = dir.to_str().unwrap();
    let ran = bpfc(&["snapshot", &rules, "--dir", dir, "--check"]).fails(1);
    assert!(ran.out.contains("(new)"), "{}", ran.out);
    bpfc(&["snapshot", &rules, "--dir", dir]).ok();
    for stage in ["ir", "opt", "tree", "xdp", "tc", "netfilter", "cgroup-skb"] {
        assert!(std::path::Path::new(dir).join(stage).is_dir(), "{stage}");
    }
    assert!(std::path::Path::new(dir).join("diag/mine.txt").is_file());
    bpfc(&["snapshot", &rules, "--dir", dir, "--check"]).ok();

    file(&folder, "mine.rules", RULES.replace("--dport 53", "--dport 54"));
    let ran = bpfc(&["snapshot", &rules, "--dir", dir, "--check"]).fails(1);
    assert!(ran.out.contains("== xdp/mine.asm\n"), "{}", ran.out);
    assert!(ran.out.contains("@@ filter/INPUT:2"), "{}", ran.out);
    assert!(ran.out.lines().any(|line| line.starts_with('-') && line.contains("53")));
}

#[test]
fn a_ruleset_that_does_not_compile_has_diagnostics_only() {
    let folder = folder();
    let rules = file(&folder, "bad.rules", RULES.replace("-j ssh", "-j NFQUEUE"));
    let dir = folder.path().join("snapshots");
    bpfc(&["snapshot", &rules, "--dir", dir.to_str().unwrap()]).ok();
    assert!(!dir.join("ir").exists());
    let text = std::fs::read_to_string(dir.join("diag/bad.txt")).unwrap();
    assert!(text.contains("BPFC0006"), "{text}");
}
