//! What belongs to no ruleset, and the arguments of commands that need root.

use crate::run::{RULES, alone, bpfc, bpfc_with, command, file, folder};
use std::os::unix::fs::PermissionsExt as _;
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

/// Bash is asked as it asks itself; what a machine alone knows comes from the command.
#[test]
fn bash_completes_names() {
    let script = r#"
    $BPFC load "$RULES" --target netfilter --quiet
    set +e
    export PATH="$(dirname "$BPFC"):$PATH"
    source <(bpfc completions bash)
    complete -p bpfc >&2
    complete_line() {
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
        _bpfc_here bpfc "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        echo "${COMPREPLY[*]}"
    }
    complete_line bpfc unload ''
    complete_line bpfc counters -x we
    complete_line bpfc counters nothing
    complete_line bpfc load x --iface l
    complete_line bpfc load x --hook in
    complete_line bpfc unlo
    bpfc unload web-v4 >&2
    "#;
    let folder = folder();
    let rules = file(&folder, "web.v4.rules", RULES);
    let Some(ran) = alone(script, &[("RULES", &rules)]) else { return };
    let ran = ran.ok();
    assert_eq!(ran.out, "web-v4\nweb-v4\n\nlo\ninput\nunload\n", "{}", ran.err);
}

/// The scripts of shells that are installed here are read by them.
#[test]
fn shells_read_their_scripts() {
    for (shell, arguments) in [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["-n"])] {
        let folder = folder();
        let script = file(&folder, "script", bpfc(&["completions", shell]).ok().bytes);
        match std::process::Command::new(shell).args(arguments).arg(&script).output() {
            Ok(output) => assert!(output.status.success(), "{shell}: {output:?}"),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && shell != "bash" => {}
            Err(error) => panic!("{shell}: {error}"),
        }
    }
}

#[test]
fn the_page_on_semantics_is_at_hand() {
    let page = bpfc(&["semantics"]).ok().out;
    assert!(page.starts_with("# Where a program can decide differently"), "{page}");
    let part = bpfc(&["semantics", "Connections"]).ok().out;
    assert!(part.starts_with("## Connections\n") && page.contains(part.trim_end()), "{part}");
    let ran = bpfc(&["semantics", "elephants"]).fails(2);
    assert!(ran.err.contains("\n  Fragments\n"), "{}", ran.err);
}

#[test]
fn the_version_is_a_commit_s() {
    let version = bpfc(&["--version"]).ok().out;
    let words: Vec<&str> = version.trim_end().split(' ').collect();
    assert_eq!(words[..2], ["bpfc", env!("CARGO_PKG_VERSION")], "{version}");
    // Sources outside of a repository name none.
    if let [_, _, hash, date] = words[..] {
        let hash = hash.strip_prefix('(').expect("a commit in parentheses");
        assert!(hash.len() >= 7 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{version}");
        assert!(date.len() == 11 && date.ends_with(')'), "{version}");
    } else {
        assert_eq!(words.len(), 2, "{version}");
    }
}

/// What `check` shows is counted by the others, in one line.
#[test]
fn warnings_are_counted() {
    let folder = folder();
    let rules = "*filter\n:INPUT ACCEPT\n:none - [0:0]\n-A INPUT -p tcp -j ACCEPT\n\
                 -A INPUT -p tcp -m tcp --dport 22 -j DROP\nCOMMIT\n";
    let rules = file(&folder, "warned.rules", rules);
    let packet = ["--packet", "in=eth0 ip saddr 1.1.1.1 daddr 1.1.1.2 tcp sport 1 dport 22"];
    let explain = |more: &[&str]| bpfc(&[&["explain", &rules], &packet[..], more].concat()).ok();
    let check = bpfc(&["check", &rules, "--target", "netfilter"]).ok();
    let warnings = check.err.matches("warning[").count();
    assert!(warnings >= 2, "{}", check.err);
    let counted = explain(&["--target", "netfilter"]).err;
    assert!(counted.lines().count() <= 1 && !counted.contains("warning["), "{counted}");
    assert_eq!(explain(&["--target", "netfilter", "--quiet"]).err, "");
    let shown = explain(&["--target", "netfilter", "--warnings"]).err;
    assert_eq!(shown.is_empty(), counted.is_empty(), "{shown}\n{counted}");
    assert_eq!(bpfc(&["check", &rules, "--quiet"]).ok().err, "");
}

/// Control characters of rulesets and file names are shown, not obeyed.
#[test]
fn terminals_are_not_written_to() {
    let folder = folder();
    let comment = "-A INPUT -m comment --comment \"\u{1b}[2J\u{9b}31m\" -j bad\u{1b}[0m\n";
    let rules = format!("*filter\n:INPUT ACCEPT [0:0]\n:bad\u{1b}[0m - [0:0]\n{comment}COMMIT\n");
    let rules = file(&folder, "a\u{1b}[31m.rules", rules);
    let packet = ["--packet", "in=eth0 ip saddr 1.1.1.1 daddr 1.1.1.2 tcp sport 1 dport 22"];
    for arguments in [
        &["check", &rules][..],
        &["compile", &rules, "--emit", "tree"],
        &["compile", &rules, "--emit", "ir"],
        &["compile", &rules, "--emit", "asm"],
        &["explain", &rules, packet[0], packet[1]],
        &["explain", &rules, packet[0], packet[1], "--json"],
        &["check", "/nonexistent/\u{1b}[31m"],
    ] {
        let ran = bpfc(arguments);
        for text in [&ran.out, &ran.err] {
            assert!(!text.contains(['\u{1b}', '\u{9b}']), "{arguments:?}: {text:?}");
        }
    }
    let tree = bpfc(&["compile", &rules, "--emit", "tree"]).ok().out;
    assert!(tree.contains("\\x1b[2J"), "{tree}");
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
    let rules = file(&folder, "+++.rules", RULES);
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
    // The command where everybody reaches it.
    let folder = folder();
    let copy = folder.path().join("bpfc");
    std::fs::copy(command(&[]).get_program(), &copy).unwrap();
    for path in [folder.path(), &copy] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let asked =
        ["status", "status x", "counters x", "unload x", "check live:iptables", "check live:ipset"];
    for arguments in asked {
        let script = format!(
            "chmod 700 /sys/fs/bpf
            cd /
            setpriv --reuid 65534 --regid 65534 --clear-groups $COPY {arguments}"
        );
        let variables = [("COPY", copy.to_str().expect("a path in UTF-8"))];
        let Some(ran) = alone(&script, &variables) else { return };
        let ran = ran.fails(1);
        assert!(ran.err.contains("ermi") && ran.err.contains("by root"), "{}", ran.err);
    }
}
