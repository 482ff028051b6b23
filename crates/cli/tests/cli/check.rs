//! `bpfc check` and its diagnostics.

use crate::run::{RULES, bpfc, bpfc_with, file, folder};

#[test]
fn what_compiles_is_said() {
    let ran = bpfc_with(&["check", "-"], RULES).ok();
    assert!(ran.out.starts_with("3 rules in 4 chains\n"), "{}", ran.out);
    for target in ["xdp", "tc", "netfilter", "cgroup-skb"] {
        assert!(ran.out.contains(&format!(" {target} ")), "{}", ran.out);
    }
    let ran = bpfc_with(&["check", "-", "--target", "tc"], RULES).ok();
    assert!(ran.out.contains(" tc ") && !ran.out.contains("xdp"), "{}", ran.out);
}

#[test]
fn all_errors_are_reported_in_one_run() {
    let rules = RULES.replace("-j ssh", "-j NFQUEUE").replace("--dport 53", "--dprot 53");
    let ran = bpfc_with(&["check", "-"], &rules).fails(1);
    assert!(ran.err.contains("error[BPFC0006]") && ran.err.contains("error[BPFC0003]"));
    assert!(ran.err.contains("--> -:6:") && ran.err.contains("--> -:7:"), "{}", ran.err);
    assert!(ran.err.ends_with("2 errors\n") || ran.err.contains("2 errors, "), "{}", ran.err);
    assert_eq!(ran.out, "");
}

#[test]
fn a_target_that_cannot_is_an_error_only_where_it_is_asked_for() {
    let rules = RULES.replace("COMMIT", "-A FORWARD -o eth1 -j DROP\nCOMMIT");
    bpfc_with(&["check", "-", "--hook", "forward"], &rules).ok();
    let ran = bpfc_with(&["check", "-", "--hook", "forward", "--target", "xdp"], &rules).fails(1);
    assert!(ran.err.contains("error[BPFC0011]"), "{}", ran.err);
}

#[test]
fn a_list_whose_members_speak_for_each_other_is_an_error() {
    let folder = folder();
    let rules = "*mangle\n-A POSTROUTING -j SET --map-set all src --map-mark\nCOMMIT\n";
    let rules = file(&folder, "map.rules", rules);
    let check = |all: &str, second: &str| {
        let sets = format!(
            "create nets hash:net family inet skbinfo\ncreate more hash:ip family inet{second}\n\
             create all list:set{all}\nadd all nets\nadd all more\n"
        );
        let sets = file(&folder, "map.sets", &sets);
        let hook = ["--target", "tc", "--hook", "postrouting", "--table", "mangle"];
        bpfc(&[&["check", rules.as_str(), sets.as_str()][..], &hook].concat())
    };
    let ran = check("", "").fails(1);
    let way_out = "or the list all, with skbinfo, or place more before nets";
    assert!(ran.err.contains(way_out), "{}", ran.err);
    check(" skbinfo", "").ok();
    check("", " skbinfo").ok();
}

#[test]
fn dead_rules_are_named() {
    let rules = RULES.replace("-A INPUT -i eth0", "-A INPUT -j DROP\n-A INPUT -i eth0");
    let ran = bpfc_with(&["check", "-"], &rules).ok();
    assert!(ran.err.contains("warning[BPFC0016]: rule filter/INPUT:3 can never match"));
    let rules = RULES.replace("-j ssh", "-j ACCEPT");
    let ran = bpfc_with(&["check", "-"], &rules).ok();
    assert!(ran.err.contains("warning[BPFC0017]"), "{}", ran.err);
}

#[test]
fn tables_that_are_left_out_are_named_and_harm_nothing() {
    let ran = bpfc(&["check", "examples/gateway.rules"]).ok();
    assert!(ran.err.contains("note[BPFC0013]: table 'nat' is not compiled"), "{}", ran.err);
}

#[test]
fn json_has_everything() {
    let ran = bpfc_with(&["check", "-", "--json"], &RULES.replace("-j ssh", "-j NFQUEUE")).fails(1);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["compiles"], false);
    let all = json["diagnostics"].as_array().unwrap();
    let error = all.iter().find(|d| d["severity"] == "error").unwrap();
    assert_eq!(error["code"], "BPFC0006");
    assert_eq!((error["file"].as_str(), error["line"].as_u64()), (Some("-"), Some(6)));
    let ran = bpfc_with(&["check", "-", "--json"], RULES).ok();
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["compiles"], true);
    assert_eq!(json["targets"].as_array().map(Vec::len), Some(4));
}

#[test]
fn rulesets_without_base_chains_have_nothing_to_compile() {
    for text in ["", "table inet x {\n set s { type ipv4_addr; }\n}\n"] {
        let ran = bpfc_with(&["check", "-", "--from", "nft", "--json"], text).ok();
        let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(json["compiles"], true);
        assert_eq!(json["targets"].as_array().map(Vec::len), Some(0));
        assert_eq!(json["diagnostics"][0]["severity"], "warning", "{}", ran.out);
        let ran = bpfc_with(&["compile", "-", "--from", "nft", "--emit", "asm"], text).fails(1);
        assert!(ran.err.contains("no base chain"), "{}", ran.err);
    }
}

#[test]
fn rulesets_of_nft_are_read_as_json() {
    let ruleset = |port: &str| {
        format!(
            r#"{{"nftables": [{{"table": {{"family": "inet", "name": "t"}}}},
 {{"chain": {{"family": "inet", "table": "t", "name": "c", "type": "filter", "hook": "input",
   "prio": 0, "policy": "accept"}}}},
 {{"rule": {{"family": "inet", "table": "t", "chain": "c", "expr": [{{"match": {{"op": "==",
   "left": {{"payload": {{"protocol": "tcp", "field": "dport"}}}},
   "right": {port}}}}}, {{"counter": null}}, {{"drop": null}}]}}}}]}}"#
        )
    };
    let text = "table inet t {\n chain c {\n type filter hook input priority 0;\n tcp dport 22 counter drop\n }\n}\n";
    let words = ["compile", "-", "--target", "xdp", "--emit", "ir", "--as-lowered"];
    // Rules have the same texts, at other places.
    let place = |line: &str| match line.split_once(" span ") {
        Some((before, after)) if line.starts_with("rule") => {
            let text = after.split_once(" # ").map_or("", |(_, text)| text);
            format!("{before} # {text}")
        }
        _ => line.to_owned(),
    };
    let ir = |ruleset: &str| {
        let ran = bpfc_with(&words, ruleset).ok();
        ran.out.lines().map(place).collect::<Vec<_>>()
    };
    assert_eq!(ir(&ruleset("22")), ir(text));
    assert!(ir(text).iter().any(|line| line.ends_with("# tcp dport 22 counter drop")));
    let ran = bpfc_with(&["check", "-"], &ruleset("\"shs\"")).fails(1);
    assert!(ran.err.contains("-:6:13") && ran.err.contains("\"right\": \"shs\""), "{}", ran.err);
    let ran = bpfc_with(&["check", "-", "--from", "nft-json"], "{\"nftables\": []}").ok();
    assert!(ran.err.contains("no base chain"), "{}", ran.err);
}

#[test]
fn rulesets_of_nft_include_files() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("d")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("d/a.nft", "define PORT = 22\n");
    write("d/b.nft", "add rule inet t c tcp dport $PORT counter drop\n");
    write("d/.hidden.nft", "nonsense\n");
    let table = "table inet t {\n chain c {\n type filter hook input priority 0;\n }\n}\n";
    let main = |include: &str| {
        write("main.nft", &format!("{table}include \"{include}\"\ninclude \"none/*.nft\"\n"));
        folder.path().join("main.nft").display().to_string()
    };
    let ran = bpfc(&["compile", &main("d/*.nft"), "--target", "xdp", "--emit", "tree"]).ok();
    assert!(ran.out.contains("1: tcp dport 22 counter drop"), "{}", ran.out);
    let ran = bpfc(&["check", &main("d/c.nft")]).fails(1);
    assert!(ran.err.contains("there is no such file"), "{}", ran.err);
    // It is found where -I says.
    let folders = folder.path().join("d").display().to_string();
    let ran = bpfc(&["check", &main("b.nft"), "-I", &folders]).fails(1);
    assert!(ran.err.contains("d/b.nft:1:") && ran.err.contains("PORT"), "{}", ran.err);
    let ran = bpfc(&["check", &main("a.nft"), "-I", "/nonexistent", "-I", &folders]).ok();
    assert!(!ran.err.contains("such file"), "{}", ran.err);
    // A file that is wrong is named with its line.
    write("d/b.nft", "add rule inet t c tcp dport $NONE drop\n");
    let ran = bpfc(&["check", &main("d/b.nft")]).fails(1);
    assert!(ran.err.contains("b.nft:1:"), "{}", ran.err);
}

#[test]
fn inputs_that_cannot_be_read_are_refused() {
    let ran = bpfc(&["check", "/nonexistent/a", "/nonexistent/b"]).fails(1);
    assert!(ran.err.contains("/nonexistent/a") && ran.err.contains("/nonexistent/b"));
    let ran = bpfc(&["check", "live:ebtables"]).fails(1);
    assert!(ran.err.contains("live:nft or live:ipset"), "{}", ran.err);
    let ran = bpfc_with(&["check", "-", "--from", "nft-json"], "").fails(1);
    assert!(ran.err.contains("this is not JSON"), "{}", ran.err);
    bpfc_with(&["check", "-", "--from", "nonsense"], "").fails(2);
    bpfc_with(&["check", "-"], "nonsense\n").fails(1);
    bpfc_with(&["check", "-"], "").fails(1);
}

#[test]
fn color_only_where_it_is_wanted() {
    let folder = folder();
    let rules = file(&folder, "a.rules", RULES.replace("-j ssh", "-j NFQUEUE"));
    assert!(!bpfc(&["check", &rules]).fails(1).err.contains('\x1b'));
    assert!(bpfc(&["check", &rules, "--color", "always"]).fails(1).err.contains('\x1b'));
}

#[test]
fn a_line_of_ten_megabytes_is_answered_in_few_words() {
    let rules = RULES.replace("-j ssh", &format!("-j {}", "x".repeat(10_000_000)));
    let ran = bpfc_with(&["check", "-"], &rules).fails(1);
    assert!(ran.err.len() < 5_000, "{}", ran.err.len());
}

#[test]
fn an_empty_file_is_called_empty() {
    for content in ["", "\n \r\n"] {
        let ran = bpfc_with(&["check", "-"], content).fails(1);
        assert!(ran.err.contains("'-' is empty"), "{}", ran.err);
    }
}

#[test]
fn errors_are_in_the_order_of_the_lines() {
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j nowhere\n-A nochain -j ACCEPT\n\
                 -A INPUT -m ipvs --ipvs\n-A INPUT --dport 5\nCOMMIT\n";
    let ran = bpfc_with(&["check", "-", "--json"], rules).fails(1);
    let result: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let found = result["diagnostics"].as_array().unwrap().iter();
    let lines: Vec<u64> = found.map(|error| error["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [3, 4, 5, 6]);
}

/// A ruleset of chains below each other; `callees` says which chains a chain calls, once each.
fn levels(number: usize, callees: impl Fn(usize) -> Vec<usize>) -> String {
    let chains: String = (0..number).map(|chain| format!(":c{chain} -\n")).collect();
    let mut rules = format!("*filter\n:INPUT DROP\n{chains}-A INPUT -j c0\n");
    for chain in 0..number {
        let called = callees(chain).into_iter().filter(|&callee| callee < number);
        for (port, callee) in called.enumerate() {
            rules += &format!("-A c{chain} -p tcp --dport {} -j c{callee}\n", port + 1);
        }
        rules += &format!("-A c{chain} -s 10.0.0.{chain} -j DROP\n");
    }
    rules + "COMMIT\n"
}

#[test]
fn calls_that_would_keep_the_kernel_busy_are_refused() {
    let twice = |chain| vec![chain + 1, chain + 1];
    let next_two = |chain| vec![chain + 1, chain + 2];
    // Two chains a level, each of which calls both of the next.
    let ladder = |chain: usize| vec![chain / 2 * 2 + 2, chain / 2 * 2 + 3];
    let refused = [
        levels(27, twice),
        levels(30, twice),
        levels(100, twice),
        levels(60, next_two),
        levels(60, ladder),
    ];
    for rules in refused {
        let ran = bpfc_with(&["check", "-"], &rules).fails(1);
        assert!(ran.err.contains("error[BPFC0025]: "), "{}", ran.err);
        assert!(ran.err.contains(" paths of calls lead to chain 'filter/c"), "{}", ran.err);
        for target in ["xdp", "tc", "netfilter", "cgroup-skb"] {
            let said = ran.out.lines().find(|line| line.trim_start().starts_with(target));
            assert!(said.is_some_and(|line| line.contains("does not compile")), "{}", ran.out);
        }
        let load = ["load", "-", "--name", "paths", "--target", "xdp", "--iface", "lo"];
        let ran = bpfc_with(&load, &rules).fails(1);
        assert!(ran.err.contains("error[BPFC0025]: "), "{}", ran.err);
    }
    for rules in [
        levels(16, twice),
        levels(24, twice),
        levels(20, next_two),
        levels(100, |chain| vec![chain + 1]),
    ] {
        bpfc_with(&["check", "-"], &rules).ok();
    }
}

/// Rules that each name an address and a port.
fn simple_rules(number: usize) -> String {
    let rules = (0..number).map(|rule| {
        let [_, a, b, c] = (rule as u32).to_be_bytes();
        format!("-A INPUT -s 10.{a}.{b}.{c} -p tcp --dport {} -j ACCEPT\n", rule % 60_000 + 1)
    });
    format!("*filter\n:INPUT DROP\n{}COMMIT\n", rules.collect::<String>())
}

#[test]
fn another_kernel_is_answered_for() {
    let line = |out: &str, target: &str| {
        let found = out.lines().find(|line| line.trim_start().starts_with(target));
        found.unwrap_or_else(|| panic!("{out}")).to_owned()
    };
    // Each target says the least kernel.
    let rules = "*filter\n:INPUT DROP\n-A INPUT -s 10.0.0.1/32 -j ACCEPT\nCOMMIT\n";
    let ran = bpfc_with(&["check", "-"], rules).ok();
    assert!(line(&ran.out, "netfilter").ends_with("Linux 6.4"), "{}", ran.out);
    assert!(line(&ran.out, "tc").ends_with("Linux 6.6"), "{}", ran.out);
    assert!(line(&ran.out, "xdp").ends_with("Linux 5.18"), "{}", ran.out);
    // One that has less.
    let ran = bpfc_with(&["check", "-", "--kernel", "6.1.0-13-amd64"], rules).ok();
    let said = "warning[BPFC0031]: target netfilter needs Linux 6.4 for this ruleset, and Linux 6.1 has no \
                BPF_NETFILTER programs (6.4)";
    assert!(ran.err.contains(said), "{}", ran.err);
    assert!(ran.err.contains("targets that Linux 6.1 can take: xdp, cgroup-skb"), "{}", ran.err);
    assert!(line(&ran.out, "xdp").contains("compiles: 1 program"), "{}", ran.out);
    assert!(
        line(&ran.out, "tc").contains("compiles, but that kernel has no tcx links"),
        "{}",
        ran.out
    );
    let one = ["check", "-", "--kernel", "6.1", "--target", "netfilter"];
    let ran = bpfc_with(&one, rules).fails(1);
    assert!(ran.err.contains("error[BPFC0031]: target netfilter needs Linux 6.4"), "{}", ran.err);
    assert!(ran.err.contains("targets that Linux 6.1 can take: xdp, cgroup-skb"), "{}", ran.err);
    let ran = bpfc_with(&["check", "-", "--kernel", "5.4"], rules).fails(1);
    assert!(ran.err.contains("no target takes this ruleset on Linux 5.4"), "{}", ran.err);
    // One that has all.
    for version in ["6.6", "6.12.9-cloud-amd64", "7.0"] {
        let ran = bpfc_with(&["check", "-", "--kernel", version], rules).ok();
        assert!(!ran.err.contains("BPFC0031"), "{}", ran.err);
    }
    // Companions are done without.
    let rules = "*filter\n:INPUT DROP\n-A INPUT -s 10.0.0.1/32 -m state --state NEW\nCOMMIT\n";
    let ran = bpfc_with(&["check", "-", "--kernel", "6.1", "--target", "xdp"], rules).ok();
    assert!(
        ran.err.contains("target xdp: Linux 6.1 has no tcx links (6.6), by which"),
        "{}",
        ran.err
    );
    for nonsense in ["six", "6", "6.x", "", "6.1 or so"] {
        bpfc_with(&["check", "-", "--kernel", nonsense], rules).fails(2);
    }
}

const LIMIT: &str = "the kernel's verifier processes 1,000,000 instructions of a program at most";

#[test]
fn what_is_too_large_is_refused_with_number_limit_and_place() {
    // Before anything is read, once what all targets need at the least is too much.
    let rules = simple_rules(100_000);
    for command in [&["check", "-"][..], &["load", "-", "--name", "large", "--target", "netfilter"]]
    {
        let ran = bpfc_with(command, &rules).fails(1);
        let said = "the 100000 rules that packets of the input hook meet take at least 2200000 \
                    instructions";
        assert!(ran.err.contains(&format!("error[BPFC0015]: {said}: {LIMIT}")), "{}", ran.err);
        assert!(ran.err.contains("--> -:45457:1"), "{}", ran.err);
        assert!(ran.err.contains("ipset"), "{}", ran.err);
    }
    // Others may be too large where these are not compiled, or for another target.
    let forwards = rules.replace("INPUT", "FORWARD").replace(":FORWARD", ":INPUT DROP\n:FORWARD");
    bpfc_with(&["check", "-", "--hook", "input"], &forwards).ok();
    let ran = bpfc_with(&["check", "-"], &forwards).ok();
    assert!(ran.err.contains("warning[BPFC0015]: the 100000 rules"), "{}", ran.err);
    assert!(
        ran.out.contains("netfilter   input, forward  does not compile: 1 error"),
        "{}",
        ran.out
    );
}

#[test]
fn what_the_verifier_would_not_finish_is_refused() {
    // It processes some instructions twice, so that fewer than it takes are too many.
    let ran = bpfc_with(&["check", "-", "--target", "xdp"], &simple_rules(36_000)).fails(1);
    let said = "error[BPFC0015]: program bpfc_xdp for target xdp has ";
    assert!(ran.err.contains(said), "{}", ran.err);
    assert!(ran.err.contains(", and verifying it takes about 103"), "{}", ran.err);
    assert!(ran.err.contains(LIMIT), "{}", ran.err);
    assert!(ran.err.contains("the kernel would come as far as filter/INPUT:"), "{}", ran.err);
    let near = bpfc_with(&["check", "-", "--target", "xdp"], &simple_rules(34_300)).ok();
    assert!(near.err.contains("warning[BPFC0015]: program bpfc_xdp"), "{}", near.err);
    let small = bpfc_with(&["check", "-", "--target", "xdp"], &simple_rules(10_000)).ok();
    assert!(!small.err.contains("BPFC0015"), "{}", small.err);
}
