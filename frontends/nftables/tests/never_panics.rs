//! Whatever the text, it is read or refused.

mod support;

use proptest::prelude::*;
use support::read_all;

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

proptest! {
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
}
