//! What belongs to no ruleset, and the arguments of commands that need root.

use crate::run::{RULES, bpfc, bpfc_with, command, file, folder};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

#[test]
fn usage_errors_have_status_two() {
    bpfc(&[]).fails(2);
    bpfc(&["frobnicate"]).fails(2);
    bpfc(&["check"]).fails(2);
    bpfc(&["compile", "x", "--target", "fpga"]).fails(2);
    bpfc(&["--help"]).ok();
    bpfc(&["--version"]).ok();
}

#[test]
fn codes_are_explained() {
    let ran = bpfc(&["help-code", "BPFC0006"]).ok();
    assert!(ran.out.starts_with("BPFC0006: "), "{}", ran.out);
    assert_eq!(bpfc(&["help-code", "bpfc0006"]).ok().out, ran.out);
    assert!(bpfc(&["help-code"]).ok().out.lines().count() > 15);
    bpfc(&["help-code", "BPFC9999"]).fails(2);
    let json = bpfc(&["help-code", "BPFC0006", "--json"]).ok().out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["code"], "BPFC0006");
}

#[test]
fn completions_are_printed() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(bpfc(&["completions", shell]).ok().out.contains("snapshot"), "{shell}");
    }
    bpfc(&["completions", "abacus"]).fails(2);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = command(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn loading_needs_to_know_where() {
    let load = |arguments: &[&str]| bpfc_with(&[&["load", "-"], arguments].concat(), RULES);
    let named = ["--name", "cli-test"];
    load(&["--target", "xdp", "--iface", "lo"]).fails(2);
    let ran = load(&named).fails(2);
    assert!(ran.err.contains("--target"), "{}", ran.err);
    let ran = load(&[&named[..], &["--target", "xdp"]].concat()).fails(2);
    assert!(ran.err.contains("--iface"), "{}", ran.err);
    assert!(!ran.err.contains("warning"), "{}", ran.err);
    let twice = ["--target", "xdp", "--iface", "lo", "--iface", "lo"];
    let ran = load(&[&named[..], &twice].concat()).fails(2);
    assert!(ran.err.contains("interface lo is named twice"), "{}", ran.err);
    for (target, extra) in [
        ("netfilter", ["--iface", "lo"]),
        ("netfilter", ["--xdp-mode", "native"]),
        ("xdp", ["--priority", "5"]),
        ("tc", ["--cgroup", "/sys/fs/cgroup"]),
    ] {
        let iface: &[&str] = if target == "netfilter" { &[] } else { &["--iface", "lo"] };
        let ran = load(&[&named[..], &["--target", target], &extra, iface].concat()).fails(2);
        assert!(ran.err.contains(extra[0]), "{}", ran.err);
    }
}

#[test]
fn objects_are_loaded_as_they_are() {
    let folder = folder();
    let object = folder.path().join("a.o");
    let object = object.to_str().unwrap();
    bpfc_with(&["compile", "-", "-o", object], RULES).ok();
    bpfc(&["load", object, "--iface", "lo", "--hook", "input"]).fails(2);
    bpfc(&["load", object, "examples/webserver.rules", "--iface", "lo"]).fails(2);
    let ran = bpfc(&["load", object, "--target", "tc", "--iface", "lo"]).fails(1);
    assert!(ran.err.contains("xdp"), "{}", ran.err);
    let mut damaged = std::fs::read(object).unwrap();
    damaged.truncate(damaged.len() / 2);
    let damaged = file(&folder, "b.o", damaged);
    bpfc(&["load", &damaged, "--iface", "lo"]).fails(1);
}

#[test]
fn names_are_checked_first() {
    let folder = folder();
    let rules = file(&folder, "my.own.rules", RULES);
    for arguments in [
        &["unload", "a/b"][..],
        &["status", "a.b"],
        &["counters", ""],
        &["load", &rules, "--target", "netfilter", "--name", "a b"],
        &["load", &rules, "--target", "netfilter"],
    ] {
        let ran = bpfc(arguments).fails(2);
        assert!(ran.err.contains("a filter cannot be named"), "{arguments:?}: {}", ran.err);
    }
}

/// Whether this process may look at loaded filters.
fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}

#[test]
fn filters_that_are_not_there_are_named() {
    for command in ["unload", "status", "counters"] {
        let ran = bpfc(&[command, "cli-test-no-such-filter"]).fails(1);
        let named = ran.err.contains("cli-test-no-such-filter");
        let closed = !is_root() && ran.err.contains("/sys/fs/bpf");
        assert!(named || closed, "{command}: {}", ran.err);
    }
}

#[test]
fn who_may_not_look_is_told_so() {
    let bpffs = std::fs::metadata("/sys/fs/bpf").expect("bpffs");
    if !is_root() || bpffs.mode() & 0o077 != 0 {
        assert!(std::env::var_os("BPFC_REQUIRE_ALL").is_none_or(|value| value != "1"));
        eprintln!("skipped: root, and a bpffs that is closed to others, are needed");
        return;
    }
    // The command where everybody reaches it.
    let folder = folder();
    let open = |path: &std::path::Path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let copy = folder.path().join("bpfc");
    std::fs::copy(command(&[]).get_program(), &copy).unwrap();
    open(folder.path());
    open(&copy);
    let asked: [&[&str]; 6] = [
        &["status"],
        &["status", "x"],
        &["counters", "x"],
        &["unload", "x"],
        &["check", "live:iptables"],
        &["check", "live:ipset"],
    ];
    for arguments in asked {
        let output = std::process::Command::new(&copy)
            .args(arguments)
            .current_dir("/")
            .uid(65534)
            .gid(65534)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains("ermi") && said.contains("by root"), "{said}");
    }
}
