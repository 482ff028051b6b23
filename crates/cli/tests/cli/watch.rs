//! `bpfc watch`: what changes, what stays, and how it ends.
//!
//! Scripts wait for what the command says, not for time: `said N` waits until it has printed N
//! events.

use crate::run::{Ran, alone, bpfc, file, folder};
use serde_json::Value;

/// Runs a script in which `watch RULESET...` follows rulesets as the filter `w`, and `said` waits
/// for events; they are what is printed in the end.
fn watched(files: &[(&str, &str)], script: &str) -> Option<(Vec<Value>, Ran)> {
    let folder = folder();
    for (name, text) in files {
        file(&folder, name, text);
    }
    let script = format!(
        "
ip link set lo up
watch() {{
    $BPFC watch \"$@\" --target netfilter --name w --json >$F/events 2>$F/errors &
    watcher=$!
}}
said() {{
    for _ in $(seq 600); do
        [ \"$(wc -l <$F/events)\" -ge $1 ] && return
        kill -0 $watcher 2>/dev/null || break
        sleep 0.1
    done
    cat $F/errors >&2
    [ \"$(wc -l <$F/events)\" -ge $1 ]
}}
count() {{
    for port in \"$@\"; do echo -n hello >/dev/udp/127.0.0.1/$port || true; done
}}
{script}
cat $F/errors >&2
cat $F/events"
    );
    let ran = alone(&script, &[("F", folder.path().to_str().expect("a path in UTF-8"))])?.ok();
    let events: Vec<Value> = ran
        .out
        .lines()
        .filter(|line| line.starts_with("{\"event\""))
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    Some((events, ran))
}

fn words(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["event"].as_str()).collect()
}

const RULES: &str = "\
*filter
:INPUT ACCEPT [0:0]
-A INPUT -p udp -m udp --dport 4000
COMMIT
";

#[test]
fn files_are_followed_and_what_does_not_compile_changes_nothing() {
    let files = [
        ("w.rules", RULES),
        ("more.rules", &RULES.replace("COMMIT", "-A INPUT -p udp -m udp --dport 4001\nCOMMIT")),
        ("wrong.rules", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j NONE\nCOMMIT\n"),
    ];
    let script = "
watch $F/w.rules
said 1
count 4000
# Written in place: only what was there when it was closed is loaded.
exec 7>$F/w.rules
head -c 20 $F/more.rules >&7
tail -c +21 $F/more.rules >&7
exec 7>&-
said 2
count 4000 4001
cp $F/wrong.rules $F/new
mv $F/new $F/w.rules
said 3
count 4001
rm $F/w.rules
said 4
count 4001
cp $F/more.rules $F/w.rules
said 5
$BPFC counters w --json
kill $watcher
wait $watcher
$BPFC status w >/dev/null
$BPFC unload w";
    let Some((events, ran)) = watched(&files, script) else { return };
    assert_eq!(
        words(&events),
        ["loaded", "replaced", "refused", "unreadable", "unchanged", "ended"]
    );
    assert_eq!((&events[0]["rules"], &events[1]["rules"]), (&1.into(), &2.into()));
    assert!(events[1]["took"].as_f64() > Some(0.0));
    assert!(ran.err.contains("w.rules") && ran.err.contains("w stays as it is"), "{}", ran.err);
    let counters = ran.out.lines().find(|line| line.contains("\"counters\"")).expect("counters");
    let counters: Value = serde_json::from_str(counters).expect("JSON");
    let counted: Vec<Option<u64>> = counters["counters"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|counter| counter["rule"].as_str().is_some_and(|rule| !rule.contains("policy")))
        .map(|counter| counter["packets"].as_u64())
        .collect();
    assert_eq!(counted, [Some(2), Some(3)]);
}

#[test]
fn included_files_are_followed_too() {
    let files = [("w.nft", "include \"d/*.nft\"\n")];
    let script = "
mkdir $F/d
echo 'table inet t { chain c { type filter hook input priority 0;
udp dport 4000 counter
}
}' >$F/d/a.nft
watch $F/w.nft
said 1
echo 'add rule inet t c udp dport 4001 counter' >$F/d/b.nft
said 2
echo 'add rule inet t c udp dport 4002 counter' >>$F/d/b.nft
said 3
rm $F/d/b.nft
said 4
$BPFC unload w
said 5
wait $watcher";
    let Some((events, _)) = watched(&files, script) else { return };
    assert_eq!(words(&events), ["loaded", "replaced", "replaced", "replaced", "unloaded"]);
    let rules: Vec<Option<u64>> = events.iter().map(|event| event["rules"].as_u64()).collect();
    assert_eq!(rules, [Some(1), Some(2), Some(3), Some(1), None]);
}

#[test]
fn the_kernels_ruleset_is_followed() {
    let files = [(
        "t.nft",
        "table inet t {\n\tchain c {\n\t\ttype filter hook input priority 0;\n\t\tudp dport 4000 counter\n\t}\n}\n",
    )];
    let script = "
nft -f $F/t.nft
watch live:nft
said 1
count 4000
# What keeps connection tracking on wakes nobody; the filter itself needs it next.
$BPFC conntrack on >&2
nft 'add rule inet t c ct state established counter'
said 2
count 4000
nft 'add rule inet t c meta priority set 1'
said 3
nft -f - <<END
flush chain inet t c
add rule inet t c udp dport 4000 counter
END
said 4
kill -HUP $watcher
said 5
kill -INT $watcher
wait $watcher
nft delete table inet t
$BPFC counters w
$BPFC unload w
$BPFC conntrack off >&2";
    let Some((events, ran)) = watched(&files, script) else { return };
    assert_eq!(
        words(&events),
        ["loaded", "replaced", "refused", "replaced", "unchanged", "ended"],
        "{}",
        ran.err
    );
    let rules: Vec<Option<u64>> = events.iter().map(|event| event["rules"].as_u64()).collect();
    assert_eq!(rules, [Some(1), Some(2), None, Some(1), None, None]);
    assert!(ran.out.contains("counter packets 2 "), "{}", ran.out);
}

#[test]
fn the_legacy_tables_are_followed() {
    let script = "
iptables-legacy -A INPUT -p udp --dport 4000
watch live:iptables
said 1
count 4000
iptables-legacy -A INPUT -p udp --dport 4001
said 2
iptables-legacy -F INPUT
said 3
kill $watcher
wait $watcher
$BPFC unload w";
    let Some((events, _)) = watched(&[], script) else { return };
    assert_eq!(words(&events), ["loaded", "replaced", "replaced", "ended"]);
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let ran = bpfc(&["watch", "-", "--target", "xdp", "--iface", "lo"]).fails(2);
    assert!(ran.err.contains("'-' cannot be followed"), "{}", ran.err);
    bpfc(&["watch", "live:nonsense", "--target", "xdp", "--iface", "lo"]).fails(2);
    let ran = bpfc(&["watch", "examples/webserver.rules", "--target", "tc"]).fails(2);
    assert!(ran.err.contains("--iface"), "{}", ran.err);
    bpfc(&["watch", "examples/webserver.rules"]).fails(2);
}
