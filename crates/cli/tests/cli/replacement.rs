//! What a replacement carries over, and what it says of the rest.

use crate::run::{Ran, alone, file, folder};
use serde_json::Value;

const RULES: &str = "\
*filter
:INPUT ACCEPT [0:0]
-A INPUT -p udp -m udp --dport 4000
-A INPUT -p udp -m udp --dport 4001
-A INPUT -p udp -m limit --limit 3/min
-A INPUT -m set --match-set banned src
-A INPUT -m set --match-set kept src
-A INPUT -p tcp -m recent --name seen --set
-A INPUT -p udp -m hashlimit --hashlimit-upto 5/min --hashlimit-mode srcip --hashlimit-name rate
COMMIT
";

const SETS: &str = "\
create banned hash:ip family inet hashsize 1024 maxelem 64
create kept hash:ip family inet hashsize 1024 maxelem 64
";

/// Loads `RULES`, lets things come together in it, and runs what replaces it; `$F` is a folder with
/// `web.rules`, `web.set`, and `new.rules` and `new.set` of these texts.
fn replaced(rules: &str, sets: &str, script: &str) -> Option<Ran> {
    let folder = folder();
    file(&folder, "web.rules", RULES);
    file(&folder, "web.set", SETS);
    file(&folder, "new.rules", rules);
    file(&folder, "new.set", sets);
    let script = format!(
        "\
ip link set lo up
$BPFC --quiet load $F/web.rules $F/web.set --target netfilter --name web
$BPFC set add web banned 10.0.0.1-10.0.0.3
$BPFC set add web kept 10.0.0.7
$BPFC recent add web seen 192.0.2.1
echo -n hello > /dev/udp/127.0.0.1/4000 || true
echo -n hello > /dev/udp/127.0.0.1/4001 || true
{script}
$BPFC counters web
$BPFC set save web
$BPFC unload web"
    );
    alone(&script, &[("F", folder.path().to_str().expect("a path in UTF-8"))])
}

const LOAD: &str = "$BPFC load $F/new.rules $F/new.set --target netfilter --name web";

#[test]
fn what_is_as_before_is_carried_and_nothing_is_said_of_it() {
    let Some(ran) = replaced(RULES, SETS, LOAD) else { return };
    let ran = ran.ok();
    let lines: Vec<&str> = ran.out.lines().filter(|line| line.contains("carried")).collect();
    assert_eq!(
        lines,
        ["  not carried over: what limits, quotas and the like of 1 rule had reached"]
    );
    assert!(ran.out.contains("add banned 10.0.0.3\n"), "{}", ran.out);
}

#[test]
fn what_is_not_carried_is_named() {
    let rules = "\
*filter
:INPUT ACCEPT [0:0]
-A INPUT -p udp -m udp --dport 4001
-A INPUT -m set --match-set banned src
-A INPUT -m set --match-set kept src
COMMIT
";
    let sets = format!("{SETS}add banned 10.0.0.2\n");
    let Some(ran) = replaced(rules, &sets, LOAD) else { return };
    let ran = ran.ok();
    for line in [
        "the count of filter/INPUT:1 (-A INPUT -p udp -m udp --dport 4000): 1 packets, 33 bytes",
        "2 elements of set banned",
        "1 address of the recent list seen",
        "1 bucket of hashlimit ip rate",
        "what limits, quotas and the like of 1 rule had reached",
    ] {
        assert!(ran.out.contains(&format!("  not carried over: {line}\n")), "{line}\n{}", ran.out);
    }
    // The kept set is as it was, and so is the count of the rule that stays.
    assert!(!ran.out.contains("elements of set kept"), "{}", ran.out);
    assert!(ran.out.contains("add kept 10.0.0.7\n"), "{}", ran.out);

    let Some(ran) = replaced(rules, &sets, &format!("{LOAD} --json")) else { return };
    let ran = ran.ok();
    let line = ran.out.lines().find(|line| line.contains("not_carried")).expect("the report");
    let report: Value = serde_json::from_str(line).expect("JSON");
    let named: Vec<(&str, &str)> = report["not_carried"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|lost| (lost["kind"].as_str().expect("text"), lost["name"].as_str().expect("text")))
        .collect();
    for lost in [("elements", "banned"), ("addresses", "seen"), ("count", "filter/INPUT:1")] {
        assert!(named.contains(&lost), "{named:?}");
    }
}
