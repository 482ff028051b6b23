//! Rules that compare packets with fingerprints, which are an input of their own.

use crate::run::{Ran, alone, bpfc, file, folder};

const RULES: &str = "\
*filter
:INPUT ACCEPT [0:0]
-A INPUT -p tcp -m osf --genre Test -j DROP
COMMIT
";

/// Any window, with the options that Linux sends.
const FINGERPRINTS: &str = "\
# window:ttl:df:length:options:genre:version:subtype:details
*:64:1:60:M*,S,T,N,W*:	Test:1::Linux
S4:64:0:44:M*:	Test:2::another
";

/// Runs a command with the rules and the fingerprints as inputs, in this order or the other.
fn both(command: &[&str], turned: bool) -> Ran {
    let folder = folder();
    let rules = file(&folder, "mine.rules", RULES);
    let fingerprints = file(&folder, "pf.os", FINGERPRINTS);
    let inputs = if turned { [&*fingerprints, &*rules] } else { [&*rules, &*fingerprints] };
    bpfc(&[&command[..1], &inputs, &command[1..]].concat())
}

#[test]
fn fingerprints_stand_beside_rules() {
    let packet = |window| {
        format!(
            "in=eth0 ip saddr 10.0.0.1 daddr 10.0.0.2 ttl 64 tcp sport 1 dport 2 flags syn \
             window {window} mss 1000"
        )
    };
    for turned in [false, true] {
        assert!(both(&["check"], turned).ok().out.contains("netfilter   input  compiles"));
        let hit = both(&["explain", "--packet", &packet(4000), "--json"], turned).ok();
        assert!(hit.out.contains(r#""verdict":"drop","rules":["filter/INPUT:1"]"#), "{}", hit.out);
        let missed = both(&["explain", "--packet", &packet(4001), "--json"], turned).ok();
        assert!(missed.out.contains(r#""rules":["filter/INPUT:policy"]"#), "{}", missed.out);
    }
}

#[test]
fn fingerprints_alone_are_no_ruleset() {
    let folder = folder();
    let fingerprints = file(&folder, "x", FINGERPRINTS);
    let ran = bpfc(&["check", &fingerprints]).fails(1);
    assert!(ran.err.contains("holds fingerprints and no rules"), "{}", ran.err);
    // What holds nothing but comments is told by its name.
    let empty = file(&folder, "empty", "# none yet\n");
    let rules = file(&folder, "mine.rules", RULES);
    bpfc(&["check", &rules, &empty]).fails(1);
    bpfc(&["check", &rules, &empty, "--from", "iptables-save", "--from", "pf.os"]).ok();
}

#[test]
fn rules_of_the_kernel_need_them_too() {
    let folder = folder();
    let fingerprints = file(&folder, "pf.os", FINGERPRINTS);
    let script = r#"
    iptables-legacy -A INPUT -p tcp -m osf --genre Test -j DROP
    if $BPFC check live:iptables >&2; then exit 5; fi
    $BPFC load live:iptables $FINGERPRINTS --target netfilter --name t >&2
    iptables-legacy -F
    # It asks once, and then once more after a second; what is dropped does not end it.
    bash -c '</dev/tcp/127.0.0.1/9' &
    until $BPFC counters t --json | grep -q 'INPUT:1","packets":[1-9]'; do sleep 0.01; done
    kill $! || exit 6
    $BPFC counters t --json
    $BPFC unload t >&2
    "#;
    let Some(ran) = alone(script, &[("FINGERPRINTS", &fingerprints)]) else { return };
    let ran = ran.ok();
    assert!(ran.err.contains("BPFC0043"), "{}", ran.err);
    let counted =
        |n: u32| format!(r#"{{"rule":"filter/INPUT:1","packets":{n},"bytes":{}}}"#, 60 * n);
    assert!((1..9).any(|n| ran.out.contains(&counted(n))), "{}", ran.out);
}
