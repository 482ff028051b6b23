//! `bpfc compile`.

use crate::run::{RULES, bpfc, bpfc_with, command, file, folder};

/// The targets that know connections, which every example asks for.
const TARGETS: [&str; 3] = ["xdp", "tc", "netfilter"];
const EXAMPLES: [&str; 4] = ["webserver", "gateway", "workstation", "ipv6-host"];

#[test]
fn every_example_compiles_for_every_target_to_the_same_bytes_each_time() {
    for example in EXAMPLES {
        let path = format!("examples/{example}.rules");
        for target in TARGETS {
            // A control group's programs know connections at output alone.
            let hook = match target {
                "cgroup-skb" => &["--hook", "output"][..],
                _ => &[],
            };
            let arguments = [&["compile", "--target", target, &path, "-o", "-"], hook].concat();
            let first = bpfc(&arguments).ok().bytes;
            assert!(first.starts_with(b"\x7fELF"), "{path} for {target}");
            assert!(first == bpfc(&arguments).ok().bytes, "{path} for {target}");
        }
    }
}

#[test]
fn an_object_goes_to_the_rulesets_name() {
    let folder = folder();
    let rules = file(&folder, "mine.rules", RULES);
    let ran = command(&["compile", &rules]).current_dir(folder.path()).output().unwrap();
    assert!(ran.status.success());
    assert!(ran.stdout.is_empty());
    assert!(std::fs::read(folder.path().join("mine.o")).unwrap().starts_with(b"\x7fELF"));
    bpfc_with(&["compile", "-"], RULES).fails(2);
}

#[test]
fn every_stage_can_be_shown() {
    let show = |emit: &str| bpfc_with(&["compile", "-", "--emit", emit], RULES).ok().out;
    assert!(show("ir").contains("entry input ip: fn"));
    assert!(show("asm").contains("filter/INPUT:1"));
    assert!(show("dot").starts_with("digraph"));
    let json: serde_json::Value = serde_json::from_str(&show("json")).unwrap();
    assert_eq!(json["target"], "xdp");
    assert_eq!(json["rules"]["entries"][0]["label"], "filter/INPUT:1");
    // Chains that were inlined have their places in it.
    let tree = show("tree");
    let passes = ["compile", "-", "--emit", "tree", "--after", "inline"];
    assert!(!bpfc_with(&passes, RULES).ok().out.contains("filter/ssh"));
    assert_eq!(
        tree,
        "\
hook input ip
  chain filter/INPUT
    1: -A INPUT -p tcp -m tcp --dport 22 -j ssh
      chain filter/ssh
        1: -A ssh -s 10.0.0.0/8 -j ACCEPT
    2: -A INPUT -i eth0 -p udp -m udp --dport 53 -j ACCEPT
    policy: -P INPUT DROP
"
    );
}

#[test]
fn ir_can_be_shown_after_each_pass() {
    let after =
        |pass: &str| bpfc_with(&["compile", "-", "--emit", "ir", "--after", pass], RULES).ok().out;
    assert!(after("simplify").contains("rule0"));
    assert!(after("inline").contains("rule0"));
    bpfc_with(&["compile", "-", "--emit", "asm", "--after", "inline"], RULES).fails(2);
    bpfc_with(&["compile", "-", "--emit", "ir", "--after", "nothing"], RULES).fails(2);
    bpfc_with(&["compile", "-", "-o", "-", "--disable-pass", "nothing"], RULES).fails(2);
}

#[test]
fn both_families_become_one_program() {
    let arguments = ["compile", "examples/webserver.rules", "examples/ipv6-host.rules"];
    let ran = bpfc(&[&arguments[..], &["--emit", "tree"]].concat()).ok();
    assert!(ran.out.contains("hook input ip\n") && ran.out.contains("hook input ip6\n"));
    let twice = ["compile", "examples/webserver.rules", "examples/workstation.rules"];
    let ran = bpfc(&[&twice[..], &["--emit", "tree"]].concat()).fails(1);
    assert!(ran.err.contains("BPFC0020"), "{}", ran.err);
}

#[test]
fn hooks_that_a_target_cannot_run_are_refused() {
    let ran = bpfc_with(&["compile", "-", "--hook", "output", "-o", "-"], RULES).fails(1);
    assert!(ran.err.contains("BPFC0011") && ran.err.contains("tc"), "{}", ran.err);
    bpfc_with(&["compile", "-", "--hook", "sideways", "-o", "-"], RULES).fails(2);
}

#[test]
fn nothing_is_written_where_there_are_errors() {
    let folder = folder();
    let rules = file(&folder, "bad.rules", RULES.replace("-j ssh", "-j NFQUEUE"));
    let out = folder.path().join("bad.o");
    let ran = bpfc(&["compile", &rules, "-o", out.to_str().unwrap()]).fails(1);
    assert!(ran.err.contains("error[BPFC0006]"), "{}", ran.err);
    assert!(!out.exists());
}
