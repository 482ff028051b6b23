//! `bpfc counters` beside `iptables -nvL --line-numbers` of the same rules, and `bpfc save` beside
//! `iptables-save -c`.

use crate::run::{alone, file, folder, root};
use std::path::PathBuf;

/// Loads a ruleset into the kernel's table and as a netfilter program, sends a packet to this host
/// and prints both listings and what both save, the kernel's first, with lines `--` between them.
const SCRIPT: &str = "
    if [ -n \"$SETS\" ]; then ipset restore < $SETS; fi
    $TOOL-legacy-restore < $RULES
    $BPFC load $RULES $SETS --target netfilter --reject drop --name t >&2
    $TOOL-legacy -Z
    echo hello > /dev/udp/$HOST/9 || true
    $TOOL-legacy -nvL --line-numbers $EXACT
    echo --
    $BPFC counters t $EXACT
    echo --
    $TOOL-legacy-save -c -t filter | grep -v '^#'
    echo --
    $BPFC save t | grep -v '^#'
    $BPFC unload t >&2
    if [ -n \"$SETS\" ]; then $TOOL-legacy -F; $TOOL-legacy -X; ipset destroy; fi
";

/// What both print of a ruleset, and what they save; none where nothing can be loaded here.
fn both(rules: &str, sets: &str, is_v6: bool, exact: bool) -> Option<[(String, String); 2]> {
    let (tool, host) = if is_v6 { ("ip6tables", "::1") } else { ("iptables", "127.0.0.1") };
    let exact = if exact { "-x" } else { "" };
    let variables =
        [("RULES", rules), ("SETS", sets), ("TOOL", tool), ("HOST", host), ("EXACT", exact)];
    let ran = alone(SCRIPT, &variables)?.ok();
    let parts: Vec<String> = ran.out.split("--\n").map(str::to_owned).collect();
    let [listed, own_listed, saved, own_saved] = parts.try_into().expect("two listings, two saves");
    Some([(listed, own_listed), (saved, own_saved)])
}

/// The shipped examples and the rulesets that tools made, with the sets that they name.
fn rulesets() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in ["examples", "tests/corpus"] {
        for entry in std::fs::read_dir(root().join(folder)).expect("a folder of rulesets") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(stem) = name.strip_suffix(".rules") else { continue };
            let tool = stem.split('.').next().unwrap_or_default();
            let sets = path.with_file_name(format!("{tool}.sets"));
            let sets = sets.exists().then(|| sets.to_string_lossy().into_owned());
            found.push((path, sets.unwrap_or_default()));
        }
    }
    found.sort();
    found
}

#[test]
fn listings_are_those_of_iptables() {
    for (path, sets) in rulesets() {
        let rules = path.to_str().expect("a path in UTF-8");
        // What is not compiled yet is the corpus's own test's.
        if rules.contains("ferm") {
            continue;
        }
        let is_v6 = rules.contains("v6");
        let Some(printed) = both(rules, &sets, is_v6, false) else { return };
        for (kernel, own) in printed {
            assert_eq!(own, kernel, "{rules}");
        }
    }
}

#[test]
fn numbers_are_those_of_iptables() {
    let text = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                :nobody - [0:0]\n:empty - [0:0]\n-A INPUT -p udp -g empty\n-A INPUT -j nobody\n\
                -A OUTPUT ! -o eth+ -p udp -j empty\n-A OUTPUT -p udp -m udp --dport 9 -j ACCEPT\nCOMMIT\n";
    let folder = folder();
    let rules = file(&folder, "rules", text);
    for exact in [false, true] {
        let Some([(kernel, own), (kernel_saved, saved)]) = both(&rules, "", false, exact) else {
            return;
        };
        assert_eq!(own, kernel);
        assert_eq!(saved, kernel_saved);
        assert!(own.contains("Chain empty (2 references)"), "{own}");
    }
}
