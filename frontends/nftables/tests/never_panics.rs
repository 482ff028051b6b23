//! Whatever the text, it is read or refused.

mod support;

use proptest::prelude::*;
use support::{read_all, read_document};

const WORDS: &[&str] = &[
    "table",
    "chain",
    "set",
    "map",
    "rule",
    "add",
    "insert",
    "delete",
    "flush",
    "ruleset",
    "element",
    "ip",
    "ip6",
    "inet",
    "netdev",
    "t",
    "c",
    "s",
    "type",
    "filter",
    "hook",
    "input",
    "priority",
    "policy",
    "accept",
    "drop",
    "jump",
    "goto",
    "tcp",
    "udp",
    "dport",
    "sport",
    "flags",
    "syn",
    "ct",
    "state",
    "new",
    "established",
    "meta",
    "mark",
    "iifname",
    "\"eth*\"",
    "saddr",
    "daddr",
    "10.0.0.0",
    "::1",
    "/",
    "8",
    "32",
    "-",
    ".",
    ",",
    ":",
    ";",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "@",
    "@s",
    "$",
    "=",
    "==",
    "!=",
    "<",
    "!",
    "&",
    "|",
    "^",
    "<<",
    ">>",
    "vmap",
    "map",
    "1",
    "65535",
    "0xffffffffffffffffffffffffffffffffffff",
    "\n",
    "\\",
    "#",
    "define",
    "undefine",
    "include",
    "\"x\"",
    "typeof",
    "interval",
    "elements",
    "timeout",
    "1h",
    "limit",
    "rate",
    "10",
    "second",
    "counter",
    "quota",
    "bytes",
    "log",
    "prefix",
    "reject",
    "with",
    "icmp",
    "icmpv6",
    "id",
    "vlan",
    "ether",
    "vxlan",
    "geneve",
    "gre",
    "option",
    "exthdr",
    "frag",
    "rt0",
    "addr",
    "fib",
    "oif",
    "osf",
    "name",
    "numgen",
    "inc",
    "mod",
    "jhash",
    "seed",
    "update",
    "meter",
    "dscp",
    "hour",
    "\"22:00\"",
    "reset",
    "socket",
    "ipsec",
    "in",
    "@th,0,16",
    "@ll,1,7",
    "*",
    "é",
    "\0",
    "list",
];

const SAMPLE: &str = "define lan = { 10.0.0.0/8, 192.168.0.0/16 }
table inet f {
\tset s {
\t\ttypeof ip saddr . tcp dport
\t\tflags interval, timeout
\t\telements = { 10.0.0.0/8 . 1-5 timeout 1h, * }
\t}
\tmap m {
\t\ttype mark : verdict
\t\telements = { 1 : jump c, 2 : drop }
\t}
\tchain c {
\t\ttcp flags syn / syn,ack meta mark set ct mark & 0xff or 1
\t\tip dscp set cs1 reject
\t}
\tchain i {
\t\ttype filter hook input priority filter + 1; policy drop;
\t\tct state vmap { established : accept, invalid : drop }
\t\tip saddr . th dport @s limit rate over 10 kbytes/second burst 5 bytes
\t\tudp dport 4789 vxlan tcp dport { 1-5, 6 } vlan id 1 counter
\t\tupdate @s { ip daddr . tcp sport timeout 5s counter } meta mark vmap @m
\t\tjump { accept; }
\t}
}
";

const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "65536",
    "1e9",
    "1.5",
    "18446744073709551616",
    "\"@s\"",
    "\"*\"",
    "\"\"",
    "\"ip\"",
    "\"inet\"",
    "\"t\"",
    "\"c\"",
    "\"s\"",
    "\"tcp\"",
    "\"dport\"",
    "\"10.0.0.1\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"nftables\"",
    "\"add\"",
    "\"flush\"",
    "\"ruleset\"",
    "\"table\"",
    "\"chain\"",
    "\"rule\"",
    "\"set\"",
    "\"map\"",
    "\"element\"",
    "\"elem\"",
    "\"val\"",
    "\"expr\"",
    "\"match\"",
    "\"op\"",
    "\"==\"",
    "\"in\"",
    "\"left\"",
    "\"right\"",
    "\"concat\"",
    "\"range\"",
    "\"prefix\"",
    "\"addr\"",
    "\"len\"",
    "\"payload\"",
    "\"protocol\"",
    "\"field\"",
    "\"meta\"",
    "\"key\"",
    "\"mark\"",
    "\"vmap\"",
    "\"data\"",
    "\"accept\"",
    "\"jump\"",
    "\"target\"",
    "\"|\"",
    "\"&\"",
    "\"<<\"",
    "\"mangle\"",
    "\"value\"",
    "\"limit\"",
    "\"rate\"",
    "\"per\"",
    "\"typeof\"",
    "\"type\"",
    "\"name\"",
    "\"family\"",
];

/// What stands in for a value of a document.
const VALUES: &[&str] = &[
    "null",
    "true",
    "5",
    "-5",
    "1e400",
    "99999999999999999999",
    "\"x\"",
    "\"@s\"",
    "\"*\"",
    "[]",
    "{}",
    "[1, 2]",
    "[[1, 2]]",
    "{\"accept\": null}",
    "{\"jump\": {\"target\": \"c\"}}",
    "{\"set\": [1]}",
    "{\"set\": []}",
    "{\"range\": [5, 1]}",
    "{\"range\": [{\"set\": [1]}, 1]}",
    "{\"prefix\": {\"addr\": \"10.0.0.0\", \"len\": 33}}",
    "{\"prefix\": {\"addr\": {\"accept\": null}, \"len\": 3}}",
    "{\"concat\": [1, {\"concat\": [1, 2]}]}",
    "{\"|\": [1, \"@s\"]}",
    "{\"<<\": [1, 200]}",
    "{\">>\": [{\"meta\": {\"key\": \"mark\"}}, {\"meta\": {\"key\": \"mark\"}}]}",
    "{\"&\": [{\"payload\": {\"protocol\": \"ip6\", \"field\": \"saddr\"}}, [1, 2]]}",
    "{\"map\": {\"key\": {\"meta\": {\"key\": \"mark\"}}, \"data\": {\"set\": [[1, {\"accept\": null}]]}}}",
    "{\"elem\": {\"val\": 1, \"timeout\": 99999999999999999}}",
    "{\"payload\": {\"base\": \"ll\", \"offset\": 4294967295, \"len\": 512}}",
    "{\"exthdr\": {\"name\": \"srh\", \"field\": \"sid[12]\", \"offset\": 15}}",
];

const DOCUMENT: &str = r#"{"nftables": [{"table": {"family": "inet", "name": "t", "flags": ["dormant"]}},
{"chain": {"family": "inet", "table": "t", "name": "c"}},
{"chain": {"family": "inet", "table": "t", "name": "i", "type": "filter", "hook": "input", "prio": 0}},
{"chain": {"family": "inet", "table": "t", "name": "e", "type": "filter", "hook": "ingress", "prio": -1,
  "dev": ["eth0", "eth1"], "policy": "drop"}},
{"set": {"family": "inet", "table": "t", "name": "s", "type": {"typeof": {"concat": [{"payload":
  {"protocol": "ip", "field": "saddr"}}, {"payload": {"protocol": "tcp", "field": "dport"}}]}},
  "flags": ["interval", "timeout"], "timeout": 60, "size": 9, "stmt": [{"counter": null}], "elem": [
  {"elem": {"val": {"concat": [{"prefix": {"addr": "10.0.0.0", "len": 8}}, {"range": [1, 5]}]},
  "timeout": 3600, "expires": 5, "comment": "x", "counter": {"packets": 1, "bytes": 2}}}, "*"]}},
{"map": {"family": "inet", "table": "t", "name": "m", "type": "mark", "map": "verdict", "elem": [
  [1, {"jump": {"target": "c"}}], [2, {"drop": null}]]}},
{"limit": {"family": "inet", "table": "t", "name": "l", "rate": 5, "per": "second", "burst": 5}},
{"rule": {"family": "inet", "table": "t", "chain": "i", "handle": 5, "comment": "y", "expr": [
  {"match": {"op": "in", "left": {"payload": {"protocol": "tcp", "field": "flags"}}, "right": ["syn", "ack"]}},
  {"match": {"op": "==", "left": {"concat": [{"payload": {"protocol": "ip", "field": "saddr"}},
    {"payload": {"protocol": "th", "field": "dport"}}]}, "right": "@s"}},
  {"mangle": {"key": {"meta": {"key": "mark"}}, "value": {"|": [{"&": [{"ct": {"key": "mark"}}, 255]}, 1]}}},
  {"mangle": {"key": {"payload": {"protocol": "ip", "field": "dscp"}}, "value": "cs1"}},
  {"set": {"op": "update", "set": "@s", "elem": {"elem": {"val": {"concat": [{"payload": {"protocol": "ip",
    "field": "daddr"}}, {"payload": {"protocol": "tcp", "field": "sport"}}]}, "timeout": 5}}, "stmt":
    [{"limit": {"rate": 1, "per": "minute", "rate_unit": "kbytes"}}]}},
  {"meter": {"name": "n", "size": 5, "key": {"meta": {"key": "iif"}}, "stmt": {"counter": null}}},
  {"log": {"prefix": "p", "flags": "all"}}, {"limit": "l"}, {"quota": {"val": 5, "val_unit": "mbytes"}},
  {"vmap": {"key": {"meta": {"key": "mark"}}, "data": "@m"}}]}},
{"insert": {"rule": {"family": "inet", "table": "t", "chain": "c", "expr": [
  {"match": {"op": "==", "left": {"payload": {"protocol": "udp", "field": "dport"}}, "right": 4789}},
  {"match": {"op": "==", "left": {"payload": {"tunnel": "vxlan", "protocol": "tcp", "field": "dport"}},
    "right": {"set": [{"range": [1, 5]}, 6]}}},
  {"match": {"op": "==", "left": {"tcp option": {"base": 5, "offset": 8, "len": 16}}, "right": 5}},
  {"match": {"op": "!=", "left": {"fib": {"result": "type", "flags": ["saddr", "iif"]}}, "right": "local"}},
  {"match": {"op": "==", "left": {"jhash": {"mod": 5, "seed": 1, "expr": {"meta": {"key": "mark"}}}},
    "right": 3}}, {"reject": {"type": "icmpx", "expr": "no-route"}}]}}}]}"#;

/// The places of the document where a value begins, and where it ends.
fn values() -> Vec<(usize, usize)> {
    let bytes = DOCUMENT.as_bytes();
    let (mut found, mut open) = (Vec::new(), Vec::new());
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' | b'[' => open.push(at),
            b'}' | b']' => found.push((open.pop().expect("is balanced"), at + 1)),
            b':' | b',' => {
                let rest = &DOCUMENT[at + 1..];
                let from = at + 1 + rest.len() - rest.trim_start().len();
                let plain = DOCUMENT[from..].find([',', '}', ']', ':']).unwrap_or(0);
                found.push((from, from + plain));
            }
            _ => {}
        }
    }
    found
}

proptest! {
    #[test]
    fn on_any_pieces_of_json(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60)) {
        let _ = read_document(&pieces.concat());
        let _ = read_document(&format!("{{\"nftables\":[{}]}}", pieces.join(" ")));
    }

    #[test]
    fn on_changed_documents(at in 0..DOCUMENT.len(), length in 0..40usize, with in "[a-z0-9{}.:/\"@*,\\n-]{0,6}") {
        let end = (at + length).min(DOCUMENT.len());
        let _ = read_document(&format!("{}{with}{}", &DOCUMENT[..at], &DOCUMENT[end..]));
    }

    #[test]
    fn on_documents_with_other_values(
        changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(VALUES)), 1..4),
    ) {
        let places = values();
        let mut changes: Vec<_> =
            changes.into_iter().map(|(index, value)| (*index.get(&places), value)).collect();
        changes.sort();
        let (mut text, mut at) = (String::new(), 0);
        for ((from, to), value) in changes {
            if from >= at {
                text += &DOCUMENT[at..from];
                text += value;
                at = to;
            }
        }
        let _ = read_document(&(text + &DOCUMENT[at..]));
    }

    #[test]
    fn on_any_words(words in prop::collection::vec(prop::sample::select(WORDS), 0..60)) {
        let _ = read_all(&words.join(" "));
    }

    #[test]
    fn on_rules_of_any_words(words in prop::collection::vec(prop::sample::select(WORDS), 0..12)) {
        let rule = words.join(" ");
        let _ = read_all(&format!("table inet t {{\nset s {{\ntype mark\n}}\nchain c {{\n{rule}\n}}\n}}\n"));
    }

    #[test]
    fn on_any_text(text in "\\PC{0,200}") {
        let _ = read_all(&text);
    }

    #[test]
    fn on_changed_rulesets(at in 0..SAMPLE.len(), length in 0..40usize, with in "[a-z0-9{}.:/$@*\\n-]{0,6}") {
        let end = (at + length).min(SAMPLE.len());
        let _ = read_all(&format!("{}{with}{}", &SAMPLE[..at], &SAMPLE[end..]));
    }
}

#[test]
fn the_sample_is_a_ruleset() {
    let (ruleset, _, errors) = read_all(SAMPLE);
    assert!(ruleset.is_some(), "{errors:?}");
    let (ruleset, _, errors) = read_document(DOCUMENT);
    assert!(ruleset.is_some(), "{errors:?}");
}
