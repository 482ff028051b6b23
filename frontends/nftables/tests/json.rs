//! JSON documents beside the texts that say the same, and documents that are refused.

mod support;

use bpfc_diag::{Code, Diagnostic, Severity};
use support::{read_all, read_document};

/// A document of these commands.
fn document(commands: &str) -> String {
    format!("{{\"nftables\": [{{\"metainfo\": {{\"json_schema_version\": 1}}}}, {commands}]}}")
}

#[track_caller]
fn same(text: &str, json: &str) {
    let (of_text, _, said) = read_all(text);
    let of_text = of_text.unwrap_or_else(|| panic!("{said:?}")).to_string();
    let (of_json, _, said) = read_document(json);
    let of_json = of_json.unwrap_or_else(|| panic!("{said:?}")).to_string();
    assert_eq!(of_json, of_text);
    assert!(said.is_empty(), "{said:?}");
}

/// A rule in a table with a set, a map, objects and a chain, as text and as JSON.
#[track_caller]
fn same_rule(rule: &str, expr: &str) {
    let text = format!(
        "table inet t {{
            set s {{
                type ipv4_addr
                flags timeout, dynamic
            }}
            map m {{
                type inet_service : verdict
                elements = {{ 22 : jump d }}
            }}
            counter hits {{
            }}
            chain d {{
            }}
            chain c {{
                type filter hook input priority 0;
                {rule}
            }}
        }}"
    );
    let of = "\"family\": \"inet\", \"table\": \"t\"";
    let json = document(&format!(
        r#"{{"table": {{"family": "inet", "name": "t", "handle": 1}}}},
        {{"chain": {{{of}, "name": "d", "handle": 2}}}},
        {{"chain": {{{of}, "name": "c", "handle": 3, "type": "filter", "hook": "input", "prio": 0,
            "policy": "accept"}}}},
        {{"counter": {{{of}, "name": "hits", "handle": 4, "packets": 0, "bytes": 0}}}},
        {{"set": {{{of}, "name": "s", "handle": 5, "type": "ipv4_addr",
            "flags": ["timeout", "dynamic"]}}}},
        {{"map": {{{of}, "name": "m", "handle": 6, "type": "inet_service", "map": "verdict",
            "elem": [[22, {{"jump": {{"target": "d"}}}}]]}}}},
        {{"rule": {{{of}, "chain": "c", "handle": 7, "expr": [{expr}]}}}}"#
    ));
    same(&text, &json);
}

fn field(protocol: &str, field: &str) -> String {
    format!(r#"{{"payload": {{"protocol": "{protocol}", "field": "{field}"}}}}"#)
}

fn matching(left: &str, op: &str, right: &str) -> String {
    format!(r#"{{"match": {{"op": "{op}", "left": {left}, "right": {right}}}}}"#)
}

#[test]
fn matches_are_those_of_text() {
    let dport = field("tcp", "dport");
    same_rule("tcp dport 22", &matching(&dport, "==", "22"));
    same_rule("tcp dport 22", &matching(&dport, "==", "\"ssh\""));
    same_rule("tcp dport != 1-10", &matching(&dport, "!=", r#"{"range": [1, 10]}"#));
    same_rule(
        "tcp dport { 22, 80-90 }",
        &matching(&dport, "==", r#"{"set": [22, {"range": [80, 90]}]}"#),
    );
    let address = field("ip", "saddr");
    let prefix = r#"{"prefix": {"addr": "10.0.0.0", "len": 8}}"#;
    same_rule("ip saddr 10.0.0.0/8", &matching(&address, "==", prefix));
    same_rule("ip saddr @s", &matching(&address, "==", "\"@s\""));
    same_rule("ip saddr != @s", &matching(&address, "!=", "\"@s\""));
    let flags = field("tcp", "flags");
    same_rule("tcp flags syn,ack", &matching(&flags, "in", r#"["syn", "ack"]"#));
    same_rule("tcp flags ! syn", &matching(&flags, "!", "\"syn\""));
    let masked = format!(r#"{{"&": [{flags}, {{"|": ["syn", "ack", "rst"]}}]}}"#);
    same_rule("tcp flags & (syn | ack | rst) == syn", &matching(&masked, "==", "\"syn\""));
    let state = r#"{"ct": {"key": "state"}}"#;
    same_rule("ct state new,established", &matching(state, "in", r#"["new", "established"]"#));
    let both = format!(r#"{{"concat": [{address}, {dport}]}}"#);
    let pairs = r#"{"set": [{"concat": ["10.0.0.1", 22]}, {"concat": [{"prefix": {"addr":
        "10.1.0.0", "len": 16}}, {"range": [1, 9]}]}]}"#;
    same_rule(
        "ip saddr . tcp dport { 10.0.0.1 . 22, 10.1.0.0/16 . 1-9 }",
        &matching(&both, "==", pairs),
    );
}

#[test]
fn selectors_are_those_of_text() {
    for (text, json) in [
        ("meta l4proto 6", r#"{"meta": {"key": "l4proto"}}"#),
        ("ct original bytes 6", r#"{"ct": {"key": "bytes", "dir": "original"}}"#),
        ("@th,16,16 6", r#"{"payload": {"base": "th", "offset": 16, "len": 16}}"#),
        (
            "udp dport 4789 vxlan tcp dport 6",
            r#"{"payload": {"tunnel": "vxlan", "protocol": "tcp", "field": "dport"}}"#,
        ),
        ("frag id 6", r#"{"exthdr": {"name": "frag", "field": "id"}}"#),
        ("tcp option maxseg size 6", r#"{"tcp option": {"name": "maxseg", "field": "size"}}"#),
        ("tcp option @255,8,8 6", r#"{"tcp option": {"base": 255, "offset": 8, "len": 8}}"#),
        ("ip option lsrr ptr 6", r#"{"ip option": {"name": "lsrr", "field": "ptr"}}"#),
        ("sctp chunk data tsn 6", r#"{"sctp chunk": {"name": "data", "field": "tsn"}}"#),
        ("rt classid 6", r#"{"rt": {"key": "classid"}}"#),
        ("socket mark 6", r#"{"socket": {"key": "mark"}}"#),
        ("ipsec in reqid 6", r#"{"ipsec": {"key": "reqid", "dir": "in", "spnum": 0}}"#),
        ("fib daddr . iif oif 6", r#"{"fib": {"result": "oif", "flags": ["daddr", "iif"]}}"#),
        ("numgen inc mod 9 offset 1 6", r#"{"numgen": {"mode": "inc", "mod": 9, "offset": 1}}"#),
        ("symhash mod 9 6", r#"{"symhash": {"mod": 9}}"#),
        (
            "jhash ip saddr mod 9 seed 0x5 6",
            r#"{"jhash": {"mod": 9, "seed": 5, "expr": {"payload": {"protocol": "ip",
                "field": "saddr"}}}}"#,
        ),
    ] {
        let tunnel = matching(&field("udp", "dport"), "==", "4789");
        let mut expr = matching(json, "==", "6");
        if text.starts_with("udp") {
            expr = format!("{tunnel}, {expr}");
        }
        same_rule(text, &expr);
    }
    for (text, json) in [
        ("exthdr hbh exists", r#"{"exthdr": {"name": "hbh"}}"#),
        ("tcp option sack-perm exists", r#"{"tcp option": {"name": "sack-perm"}}"#),
        ("dccp option 6 exists", r#"{"dccp option": {"type": 6}}"#),
        ("fib daddr oif exists", r#"{"fib": {"result": "oif", "flags": "daddr"}}"#),
    ] {
        same_rule(text, &matching(json, "==", "true"));
    }
    let address = r#"{"exthdr": {"name": "rt0", "field": "addr[2]"}}"#;
    same_rule("rt0 addr[2] ::1", &matching(address, "==", "\"::1\""));
    let osf = r#"{"osf": {"key": "name", "ttl": "loose"}}"#;
    same_rule("osf ttl loose name \"Linux\"", &matching(osf, "==", "\"Linux\""));
}

#[test]
fn statements_are_those_of_text() {
    for (text, json) in [
        ("accept", r#"{"accept": null}"#),
        ("goto d", r#"{"goto": {"target": "d"}}"#),
        (
            "tcp dport vmap @m",
            &format!(r#"{{"vmap": {{"key": {}, "data": "@m"}}}}"#, field("tcp", "dport")),
        ),
        (
            "ip saddr vmap { 10.0.0.1 : drop, 10.0.0.2 : continue }",
            &format!(
                r#"{{"vmap": {{"key": {}, "data": {{"set": [["10.0.0.1", {{"drop": null}}],
                    ["10.0.0.2", {{"continue": null}}]]}}}}}}"#,
                field("ip", "saddr")
            ),
        ),
        ("counter", r#"{"counter": null}"#),
        ("counter packets 3 bytes 9", r#"{"counter": {"packets": 3, "bytes": 9}}"#),
        ("counter name hits", r#"{"counter": "hits"}"#),
        (
            "counter name tcp dport map { 22 : \"hits\" }",
            &format!(
                r#"{{"counter": {{"map": {{"key": {}, "data": {{"set": [[22, "hits"]]}}}}}}}}"#,
                field("tcp", "dport")
            ),
        ),
        ("limit rate 5/minute", r#"{"limit": {"rate": 5, "per": "minute"}}"#),
        ("limit rate 5/minute", r#"{"limit": {"rate": 5, "per": "minute", "burst": 0}}"#),
        (
            "limit rate over 2 kbytes/second burst 1 mbytes",
            r#"{"limit": {"rate": 2, "rate_unit": "kbytes", "per": "second", "burst": 1,
                "burst_unit": "mbytes", "inv": true}}"#,
        ),
        (
            "quota over 5 mbytes used 7 bytes",
            r#"{"quota": {"val": 5, "val_unit": "mbytes", "used": 7,
            "used_unit": "bytes", "inv": true}}"#,
        ),
        ("last used 1m", r#"{"last": {"used": 60000}}"#),
        ("last", r#"{"last": {"used": -1}}"#),
        ("ct count over 3", r#"{"ct count": {"val": 3, "inv": true}}"#),
        ("meta mark set 5", r#"{"mangle": {"key": {"meta": {"key": "mark"}}, "value": 5}}"#),
        (
            "ct mark set meta mark & 0xff | 1",
            r#"{"mangle": {"key": {"ct": {"key": "mark"}}, "value":
                {"|": [{"&": [{"meta": {"key": "mark"}}, 255]}, 1]}}}"#,
        ),
        ("log", r#"{"log": null}"#),
        (
            "log prefix \"a b\" level info flags tcp options,sequence flags skuid",
            r#"{"log": {"prefix": "a b", "level": "info",
                "flags": ["tcp options", "tcp sequence", "skuid"]}}"#,
        ),
        ("log group 1 snaplen 9", r#"{"log": {"group": 1, "snaplen": 9}}"#),
        ("reject", r#"{"reject": null}"#),
        ("reject with tcp reset", r#"{"reject": {"type": "tcp reset"}}"#),
        ("reject with icmpx type 2", r#"{"reject": {"type": "icmpx", "expr": 2}}"#),
        ("reject with icmpv6 no-route", r#"{"reject": {"type": "icmpv6"}}"#),
        (
            "update @s { ip saddr timeout 1m limit rate 1/second }",
            &format!(
                r#"{{"set": {{"op": "update", "elem": {{"elem": {{"val": {}, "timeout": 60}}}},
                    "set": "@s", "stmt": [{{"limit": {{"rate": 1, "per": "second"}}}}]}}}}"#,
                field("ip", "saddr")
            ),
        ),
        (
            "meter a size 9 { ip saddr limit rate 1/second }",
            &format!(
                r#"{{"meter": {{"name": "a", "size": 9, "key": {}, "stmt":
                    {{"limit": {{"rate": 1, "per": "second"}}}}}}}}"#,
                field("ip", "saddr")
            ),
        ),
        ("reset tcp option maxseg", r#"{"reset": {"tcp option": {"name": "maxseg"}}}"#),
    ] {
        same_rule(text, json);
    }
}

#[test]
fn what_is_listed_as_text_is_read_as_text() {
    same_rule(
        "tcp dport 22 jump {\n ip saddr @s accept\n counter drop\n }",
        &format!(
            "{}, \"jump {{\\n\\t\\tip saddr @s accept\\n\\t\\tcounter drop\\n\\t}}\"",
            matching(&field("tcp", "dport"), "==", "22")
        ),
    );
    same_rule("add @s { ip saddr } accept", "\"add @s { ip saddr }\", {\"accept\": null}");
    refused_rule("\"jump { accept\"", Code::NFT_SYNTAX, "\"jump { accept\"", "without -j");
    refused_rule("\"accept } x\"", Code::NFT_SYNTAX, "\"accept } x\"", "expected a statement");
    refused_rule("\"\"", Code::NFT_SYNTAX, "\"\"", "expected a statement");
}

/// The texts of the rules of a document.
fn texts(document: &str) -> Vec<String> {
    let (ruleset, _, said) = read_document(document);
    let ruleset = ruleset.unwrap_or_else(|| panic!("{said:?}"));
    let chains = ruleset.tables.iter().flat_map(|table| &table.chains);
    let rules = chains.flat_map(|chain| &chain.rules);
    rules.map(|rule| rule.text.as_deref().unwrap_or_default().to_owned()).collect()
}

#[test]
fn rules_are_shown_in_the_language_of_nft() {
    let of = r#""family": "inet", "table": "t""#;
    let shown = |expr: &str| {
        let texts = texts(&document(&format!(
            r#"{{"table": {{"family": "inet", "name": "t"}}}},
            {{"chain": {{{of}, "name": "c"}}}},
            {{"chain": {{{of}, "name": "d"}}}},
            {{"map": {{{of}, "name": "m", "type": "ifname", "map": "verdict"}}}},
            {{"rule": {{{of}, "chain": "c", "comment": "why not", "expr": [{expr}]}}}}"#
        )));
        let text = texts.into_iter().next().expect("there is a rule");
        text.strip_suffix(" comment \"why not\"").expect("ends with the comment").to_owned()
    };
    let name = r#"{"meta": {"key": "iifname"}}"#;
    let mark = r#"{"meta": {"key": "mark"}}"#;
    assert_eq!(shown(&matching(name, "==", "\"eth*\"")), "iifname \"eth*\"");
    assert_eq!(
        shown(&matching(name, "!=", r#"{"set": ["lo", "eth0"]}"#)),
        "iifname != { \"lo\", \"eth0\" }"
    );
    assert_eq!(
        shown(&format!(r#"{{"vmap": {{"key": {name}, "data": "@m"}}}}"#)),
        "iifname vmap @m"
    );
    assert_eq!(shown(&matching(mark, "==", "10")), "meta mark 0x0000000a");
    let flags = field("tcp", "flags");
    assert_eq!(shown(&matching(&flags, "==", "\"syn\"")), "tcp flags == syn");
    assert_eq!(shown(&matching(&flags, "in", "\"syn\"")), "tcp flags syn");
    assert_eq!(
        shown(&matching(&format!(r#"{{"&": [{flags}, ["syn", "ack"]]}}"#), "==", "\"syn\"")),
        "tcp flags & (syn | ack) == syn"
    );
    let value = format!(r#"{{"<<": [{{"|": [{mark}, 1]}}, 8]}}"#);
    assert_eq!(
        shown(&format!(r#"{{"mangle": {{"key": {mark}, "value": {value}}}}}"#)),
        "meta mark set (meta mark | 0x00000001) << 8"
    );
    assert_eq!(
        shown(
            r#"{"limit": {"rate": 2048, "rate_unit": "kbytes", "per": "hour"}}, {"counter":
            {"packets": 1, "bytes": 2}}, {"quota": {"val": 3}}, {"log": {"prefix": "a b"}}"#
        ),
        "limit rate 2 mbytes/hour counter packets 1 bytes 2 quota 3 bytes log prefix \"a b\""
    );
    let inside = r#""jump {\n\t tcp dport 22 accept comment \"b\"\n counter\n }""#;
    let inside = inside.replace("\"b\"", "\\\"b\\\"");
    let all = document(&format!(
        r#"{{"table": {{"family": "inet", "name": "t"}}}}, {{"chain": {{{of}, "name": "c"}}}},
        {{"rule": {{{of}, "chain": "c", "expr": [{inside}]}}}}"#
    ));
    assert_eq!(
        texts(&all),
        [
            "jump { tcp dport 22 accept comment \"b\"; counter; }",
            "tcp dport 22 accept comment \"b\"",
            "counter",
        ]
    );
}

#[test]
fn what_tables_hold_is_that_of_text() {
    let text = "table netdev t {
        comment \"of a device\"
        flags dormant
        chain c {
            comment \"at devices\"
            type filter hook ingress devices = { lo, eth0 } priority -5; policy drop;
            ip saddr . udp dport @pairs accept comment \"a pair\"
        }
        set pairs {
            typeof ip saddr . udp dport
            size 100
            flags interval,timeout
            timeout 1h
            gc-interval 10s
            counter
            elements = { 10.0.0.1 . 53 counter packets 1 bytes 2 timeout 1m expires 10s comment \"x\",
                10.1.0.0/16 . 1-9 counter packets 0 bytes 0 }
        }
        map marks {
            type ifname : mark
            elements = { \"eth*\" : 7, * : 8 }
            flags interval
        }
        limit slow {
            rate 3/hour burst 7 packets
        }
        quota much {
            over 1000 bytes used 3 bytes
        }
    }";
    let of = r#""family": "netdev", "table": "t""#;
    same(
        text,
        &document(&format!(
            r#"{{"table": {{"family": "netdev", "name": "t", "flags": "dormant",
                "comment": "of a device"}}}},
            {{"chain": {{{of}, "name": "c", "type": "filter", "hook": "ingress", "prio": -5,
                "dev": ["lo", "eth0"], "policy": "drop", "comment": "at devices"}}}},
            {{"limit": {{{of}, "name": "slow", "rate": 3, "per": "hour", "burst": 7}}}},
            {{"quota": {{{of}, "name": "much", "bytes": 1000, "used": 3, "inv": true}}}},
            {{"set": {{{of}, "name": "pairs", "type": {{"typeof": {{"concat": [{}, {}]}}}},
                "size": 100, "flags": ["interval", "timeout"], "timeout": 3600, "gc-interval": 10,
                "stmt": [{{"counter": null}}], "policy": "memory", "elem": [
                    {{"elem": {{"val": {{"concat": ["10.0.0.1", 53]}}, "timeout": 60, "expires": 10,
                        "counter": {{"packets": 1, "bytes": 2}}, "comment": "x"}}}},
                    {{"elem": {{"val": {{"concat": [{{"prefix": {{"addr": "10.1.0.0", "len": 16}}}},
                        {{"range": [1, 9]}}]}}, "counter": null}}}}]}}}},
            {{"map": {{{of}, "name": "marks", "type": "ifname", "map": "mark",
                "flags": "interval", "elem": [["eth*", 7], ["*", 8]]}}}},
            {{"rule": {{{of}, "chain": "c", "comment": "a pair", "expr": [{}, {{"accept": null}}]}}}}"#,
            field("ip", "saddr"),
            field("udp", "dport"),
            matching(
                &format!(r#"{{"concat": [{}, {}]}}"#, field("ip", "saddr"), field("udp", "dport")),
                "==",
                "\"@pairs\""
            ),
        )),
    );
}

#[test]
fn listings_may_have_any_order() {
    let of = r#""family": "ip", "table": "t""#;
    let rule = format!(
        r#"{{"rule": {{{of}, "chain": "c", "expr": [{{"vmap": {{"key": {}, "data": "@m"}}}}]}}}}"#,
        field("ip", "protocol")
    );
    let map = format!(
        r#"{{"map": {{{of}, "name": "m", "type": "inet_proto", "map": "verdict",
            "elem": [["tcp", {{"jump": {{"target": "d"}}}}]]}}}}"#
    );
    let chains = ["c", "d"].map(|name| format!(r#"{{"chain": {{{of}, "name": "{name}"}}}}"#));
    let table = r#"{"table": {"family": "ip", "name": "t"}}"#;
    same(
        "table ip t {
            map m {
                type inet_proto : verdict
                elements = { tcp : jump d }
            }
            chain c {
                ip protocol vmap @m
            }
            chain d {
            }
        }",
        &document(&[&*rule, &map, &chains[0], &chains[1], table].join(", ")),
    );
    // Commands are done in their order.
    let add = |what: &str| format!("{{\"add\": {what}}}");
    let commands = [table, &map, &chains[1]].map(add).join(", ");
    refused(&document(&commands), Code::NFT_UNKNOWN, "\"d\"", "has no chain `d`");
}

#[test]
fn properties_have_no_order() {
    let elements = |first: &str, second: &str| {
        document(&format!(
            r#"{{"table": {{"family": "ip", "name": "t"}}}},
            {{"set": {{"elem": [{{"elem": {{{first}, {second}, "val": 5}}}}], "name": "s", "table": "t",
                "family": "ip", "type": "mark",
                "stmt": [{{"limit": {{"rate": 1, "per": "second"}}}}, {{"counter": null}}]}}}}"#
        ))
    };
    let (limit, counter) = (r#""limit": {"per": "second", "rate": 1}"#, r#""counter": null"#);
    let text = "table ip t {
        set s {
            type mark
            limit rate 1/second counter
            elements = { 5 limit rate 1/second counter }
        }
    }";
    same(text, &elements(limit, counter));
    same(text, &elements(counter, limit));
}

#[test]
fn commands_are_those_of_text() {
    let of = r#""family": "ip", "table": "t""#;
    let rule = |more: &str, mark: u32| {
        let expr =
            format!(r#"{{"mangle": {{"key": {{"meta": {{"key": "mark"}}}}, "value": {mark}}}}}"#);
        format!(r#"{{"rule": {{{of}, "chain": "c", "expr": [{expr}]{more}}}}}"#)
    };
    let commands = [
        ("add table ip t", r#"{"add": {"table": {"family": "ip", "name": "t"}}}"#.to_owned()),
        ("flush ruleset", r#"{"flush": {"ruleset": null}}"#.to_owned()),
        ("flush ruleset ip6", r#"{"flush": {"ruleset": {"family": "ip6"}}}"#.to_owned()),
        ("create table ip t", r#"{"create": {"table": {"family": "ip", "name": "t"}}}"#.to_owned()),
        ("add chain ip t c", format!(r#"{{"add": {{"chain": {{{of}, "name": "c"}}}}}}"#)),
        ("add chain ip t old", format!(r#"{{"add": {{"chain": {{{of}, "name": "old"}}}}}}"#)),
        (
            "rename chain ip t old d",
            format!(r#"{{"rename": {{"chain": {{{of}, "name": "old", "newname": "d"}}}}}}"#),
        ),
        ("add rule ip t c meta mark set 1", format!(r#"{{"add": {}}}"#, rule("", 1))),
        ("add rule ip t c meta mark set 2", format!(r#"{{"add": {}}}"#, rule("", 2))),
        ("insert rule ip t c meta mark set 3", format!(r#"{{"insert": {}}}"#, rule("", 3))),
        (
            "add rule ip t c index 0 meta mark set 4",
            format!(r#"{{"add": {}}}"#, rule(", \"index\": 0", 4)),
        ),
        (
            "insert rule ip t c handle 3 meta mark set 5",
            format!(r#"{{"insert": {}}}"#, rule(", \"handle\": 3", 5)),
        ),
        (
            "replace rule ip t c handle 4 meta mark set 6",
            format!(r#"{{"replace": {}}}"#, rule(", \"handle\": 4", 6)),
        ),
        (
            "add set ip t s { type mark; elements = { 1, 2 }; }",
            format!(
                r#"{{"add": {{"set": {{{of}, "name": "s", "type": "mark", "elem": [1, 2]}}}}}}"#
            ),
        ),
        (
            "add element ip t s { 3 }",
            format!(r#"{{"add": {{"element": {{{of}, "name": "s", "elem": 3}}}}}}"#),
        ),
        (
            "delete element ip t s { 1, 2 }",
            format!(r#"{{"delete": {{"element": {{{of}, "name": "s", "elem": [1, 2]}}}}}}"#),
        ),
        (
            "add counter ip t n { packets 1 bytes 2 }",
            format!(r#"{{"add": {{"counter": {{{of}, "name": "n", "packets": 1, "bytes": 2}}}}}}"#),
        ),
        ("delete counter ip t n", format!(r#"{{"delete": {{"counter": {{{of}, "name": "n"}}}}}}"#)),
        (
            "destroy chain ip t none",
            format!(r#"{{"destroy": {{"chain": {{{of}, "name": "none"}}}}}}"#),
        ),
        (
            "delete rule ip t c handle 3",
            format!(r#"{{"delete": {{"rule": {{{of}, "chain": "c", "handle": 3}}}}}}"#),
        ),
        ("flush chain ip t d", format!(r#"{{"flush": {{"chain": {{{of}, "name": "d"}}}}}}"#)),
        ("delete chain ip t d", format!(r#"{{"delete": {{"chain": {{{of}, "name": "d"}}}}}}"#)),
        ("flush set ip t s", format!(r#"{{"flush": {{"set": {{{of}, "name": "s"}}}}}}"#)),
    ];
    // After each command, not only at the end.
    for end in 1..=commands.len() {
        let text: Vec<&str> = commands[..end].iter().map(|(text, _)| *text).collect();
        let json: Vec<&str> = commands[..end].iter().map(|(_, json)| json.as_str()).collect();
        same(&(text.join("\n") + "\n"), &document(&json.join(",\n")));
    }
}

/// The errors of a document: code, marked text, message and help.
fn errors(text: &str) -> Vec<(Code, String, String)> {
    let (ruleset, sources, diagnostics) = read_document(text);
    assert_eq!(ruleset.is_none(), diagnostics.has_errors(), "{diagnostics:?}");
    let marked = |d: &Diagnostic| d.span.map_or("", |span| sources.text(span)).to_owned();
    let said = |d: &Diagnostic| match &d.help {
        Some(help) => format!("{}; {help}", d.message),
        None => d.message.clone(),
    };
    diagnostics.iter().map(|d| (d.code, marked(d), said(d))).collect()
}

#[track_caller]
fn refused(text: &str, code: Code, marked: &str, said: &str) {
    match errors(text).as_slice() {
        [(found, text, message)] => {
            assert_eq!((*found, text.as_str()), (code, marked), "{message}");
            assert!(message.contains(said), "{message}");
        }
        other => panic!("{text}: {other:?}"),
    }
}

#[track_caller]
fn refused_rule(expr: &str, code: Code, marked: &str, said: &str) {
    let of = r#""family": "inet", "table": "t""#;
    let commands = format!(
        r#"{{"table": {{"family": "inet", "name": "t"}}}}, {{"chain": {{{of}, "name": "c"}}}},
        {{"rule": {{{of}, "chain": "c", "expr": [{expr}]}}}}"#
    );
    refused(&document(&commands), code, marked, said);
}

#[test]
fn what_is_wrong_is_marked_and_named() {
    let syntax = Code::NFT_SYNTAX;
    refused("{\"nftables\": [}", syntax, "}", "this is not JSON");
    refused("{\"nftables\": {}}", syntax, "{}", "expected an array of commands, found an object");
    refused("{}", syntax, "{}", "does not say its `nftables`");
    refused("{\"nftables\": [5]}", syntax, "5", "an object: a command, found 5");
    refused("{\"nftables\": [], \"nftables\": []}", syntax, "\"nftables\"", "twice");
    let newer = r#"{"nftables": [{"metainfo": {"json_schema_version": 2}}]}"#;
    refused(newer, syntax, "2", "newer than version 1");
    let list = r#"{"list": {"ruleset": null}}"#;
    refused(&document(list), Code::NFT_COMMAND, list, "leave the command to nft");
    refused(&document(r#"{"flsh": {}}"#), syntax, r#"{"flsh": {}}"#, "did you mean `flush`?");
    refused(&document(r#"{"add": {"tabel": {}}}"#), syntax, r#"{"tabel": {}}"#, "`table`");
    refused(&document(r#"{"table": {"name": "t"}}"#), syntax, r#"{"name": "t"}"#, "its `family`");
    refused(
        &document(r#"{"table": {"family": "ipv4", "name": "t"}}"#),
        syntax,
        "\"ipv4\"",
        "expected a family",
    );
    let dport = field("tcp", "dport");
    refused_rule(&matching(&dport, "=", "22"), syntax, "\"=\"", "an operator of matches");
    refused_rule(&matching(&dport, "==", "70000"), Code::NFT_VALUE, "70000", "0 to 65535");
    refused_rule(&matching(&dport, "==", "1.5"), syntax, "1.5", "expected an expression");
    refused_rule(&matching(&field("tcp", "dprot"), "==", "2"), syntax, "\"dprot\"", "`dport`");
    refused_rule(&matching(&field("tpc", "dport"), "==", "2"), syntax, "\"tpc\"", "a protocol");
    refused_rule(
        &matching(r#"{"meta": {"key": "makr"}}"#, "==", "2"),
        syntax,
        "\"makr\"",
        "did you mean `mark`?",
    );
    refused_rule(
        &matching(r#"{"ct": {"key": "state"}}"#, "==", "\"establshed\""),
        Code::NFT_VALUE,
        "\"establshed\"",
        "did you mean `established`?",
    );
    refused_rule(r#"{"acept": null}"#, syntax, r#"{"acept": null}"#, "did you mean `accept`?");
    refused_rule(r#"{"jump": {"target": "x"}}"#, Code::NFT_UNKNOWN, "\"x\"", "no chain `x`");
    refused_rule(
        r#"{"accept": null, "drop": null}"#,
        syntax,
        r#"{"accept": null, "drop": null}"#,
        "one property",
    );
    refused_rule(
        r#"{"limit": {"rate": 1, "per": "minutes"}}"#,
        syntax,
        "\"minutes\"",
        "did you mean `minute`?",
    );
    refused_rule(
        r#"{"xt": {"type": "match", "name": "tcp"}}"#,
        Code::NFT_STATEMENT,
        r#"{"xt": {"type": "match", "name": "tcp"}}"#,
        "iptables-nft-save",
    );
    refused_rule(
        &matching(r#"{"socket": {"key": "cgroupv2"}}"#, "==", "\"a\""),
        Code::NFT_STATEMENT,
        r#"{"key": "cgroupv2"}"#,
        "the level",
    );
    let chain = |more: &str| {
        document(&format!(
            r#"{{"table": {{"family": "ip", "name": "t"}}}},
            {{"chain": {{"family": "ip", "table": "t", "name": "c", "type": "filter"{more}}}}}"#
        ))
    };
    refused(&chain(r#", "hook": "input", "prio": "raw""#), syntax, "\"raw\"", "`raw` is -300");
    let found = errors(&chain(r#", "hook": "input""#));
    assert!(matches!(found.as_slice(), [(_, _, said)] if said.contains("its `prio`")), "{found:?}");
    refused(
        &chain(r#", "hook": "inptu", "prio": 0"#),
        Code::NFT_UNKNOWN,
        "\"inptu\"",
        "has no hook",
    );
}

/// A chain of devices names them somewhere in the document: listings of nft 1.0.6 do not.
#[test]
fn chains_of_devices_that_are_left_out_are_refused() {
    for (family, hook) in [("netdev", "ingress"), ("netdev", "egress"), ("inet", "ingress")] {
        let of = format!(r#""family": "{family}", "table": "t", "name": "c""#);
        let chain = |more: &str| {
            format!(r#"{{"chain": {{{of}, "type": "filter", "hook": "{hook}", "prio": 0{more}}}}}"#)
        };
        let table = format!(r#"{{"table": {{"family": "{family}", "name": "t"}}}}"#);
        let json = document(&format!("{table}, {}", chain("")));
        let marked = format!("\"{hook}\"");
        refused(&json, Code::NFT_SYNTAX, &marked, "none is named");
        let dev = r#", "dev": "lo""#;
        for chains in [chain(dev), format!("{}, {}", chain(""), chain(dev))] {
            let json = document(&format!("{table}, {chains}"));
            assert_eq!(errors(&json), []);
        }
    }
}

#[test]
fn every_error_is_told_and_none_follows_from_another() {
    let of = r#""family": "ip", "table": "t""#;
    let commands = format!(
        r#"{{"table": {{"family": "ip", "name": "t"}}}},
        {{"chain": {{{of}, "name": "c", "type": "fitler", "hook": "input", "prio": 0}}}},
        {{"set": {{{of}, "name": "s", "type": "mark", "flags": ["intreval"]}}}},
        {{"element": {{{of}, "name": "s", "elem": [1]}}}},
        {{"rule": {{{of}, "chain": "c", "expr": [{}]}}}},
        {{"rule": {{{of}, "chain": "c", "expr": [{{"jmup": {{"target": "c"}}}}]}}}}"#,
        matching(r#"{"meta": {"key": "mark"}}"#, "==", "\"@s\"")
    );
    let marked: Vec<String> =
        errors(&document(&commands)).into_iter().map(|(_, marked, _)| marked).collect();
    assert_eq!(marked, ["\"fitler\"", "\"intreval\"", r#"{"jmup": {"target": "c"}}"#]);
}

#[test]
fn what_nft_passes_over_is_a_warning() {
    let json = document(r#"{"table": {"family": "ip", "name": "t", "falgs": ["dormant"]}}"#);
    let (ruleset, sources, said) = read_document(&json);
    assert!(ruleset.is_some());
    let said: Vec<_> = said.iter().filter(|d| d.severity == Severity::Warning).collect();
    let [warning] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!(warning.span.map(|span| sources.text(span)), Some("[\"dormant\"]"));
    assert_eq!(warning.help.as_deref(), Some("did you mean `flags`?"));
    // Listed rules have handles, too, which say nothing.
    let rule = |handle: &str| {
        format!(
            r#"{{"rule": {{"family": "ip", "table": "t", "chain": "c"{handle},
                "expr": [{{"counter": null}}]}}}}"#
        )
    };
    for (command, warnings) in [("add", 1), ("insert", 0)] {
        let json = document(&format!(
            r#"{{"table": {{"family": "ip", "name": "t"}}}},
            {{"chain": {{"family": "ip", "table": "t", "name": "c"}}}},
            {}, {{"{command}": {}}}"#,
            rule(", \"handle\": 9"),
            rule(", \"handle\": 2")
        ));
        let (ruleset, _, said) = read_document(&json);
        assert!(ruleset.is_some(), "{said:?}");
        let passes = |d: &&Diagnostic| d.message.contains("passes over the handle");
        assert_eq!(said.iter().filter(passes).count(), warnings, "{command}");
    }
}

#[test]
fn what_is_not_filtering_is_named_by_class() {
    let of = r#""family": "ip", "table": "t""#;
    for (statement, class) in [
        (r#"{"snat": {"addr": "10.0.0.1"}}"#, "nat"),
        (r#"{"masquerade": null}"#, "nat"),
        (r#"{"queue": {"num": 1}}"#, "queue"),
        (r#"{"dup": {"addr": "10.0.0.1"}}"#, "dup"),
        (r#"{"tproxy": {"port": 1}}"#, "tproxy"),
        (r#"{"notrack": null}"#, "track"),
        (r#"{"flow": {"op": "add", "flowtable": "@f"}}"#, "flow"),
        (r#"{"ct helper": "h"}"#, "helper"),
        (r#"{"log": {"level": "audit"}}"#, "audit"),
        (&matching(r#"{"tunnel": {"key": "id"}}"#, "==", "1"), "tunnel"),
        (r#"{"mangle": {"key": {"ct": {"key": "zone"}}, "value": 1}}"#, "zone"),
    ] {
        let json = document(&format!(
            r#"{{"table": {{"family": "ip", "name": "t"}}}},
            {{"chain": {{{of}, "name": "c", "type": "filter", "hook": "input", "prio": 0}}}},
            {{"rule": {{{of}, "chain": "c", "expr": [{statement}]}}}}"#
        ));
        let found = errors(&json);
        let [(code, _, said)] = found.as_slice() else { panic!("{statement}: {found:?}") };
        assert_eq!(*code, Code::NFT_OUTSIDE);
        assert!(said.contains(&format!("({class})")), "{statement}: {said}");
    }
    let table = document(
        r#"{"table": {"family": "ip", "name": "t"}},
        {"flowtable": {"family": "ip", "table": "t", "name": "f", "hook": "ingress", "prio": 0}}"#,
    );
    assert!(
        matches!(errors(&table).as_slice(), [(Code::NFT_OUTSIDE, _, said)] if said.contains("(flow)"))
    );
}

#[test]
fn documents_without_end_are_refused_in_bounded_time() {
    let deep = |times: usize, open: &str, close: &str| {
        let (open, close) = (open.repeat(times), close.repeat(times));
        document(&format!(
            r#"{{"rule": {{"family": "ip", "table": "t", "chain": "c", "expr": [{{"match": {{
                "op": "==", "left": {open}5{close}, "right": 1}}}}]}}}}"#
        ))
    };
    for times in [60, 50_000] {
        for (open, close) in [
            ("[", "]"),
            ("{\"concat\": [1, ", "]}"),
            ("{\"set\": [", "]}"),
            ("{\"jhash\": {\"mod\": 1, \"expr\": ", "}}"),
            ("{\"map\": {\"key\": 1, \"data\": ", "}}"),
        ] {
            let found = errors(&deep(times, open, close));
            let [(_, _, said)] = found.as_slice() else { panic!("{found:?}") };
            assert!(said.contains("nested more than"), "{said}");
        }
    }
    for text in ["[".repeat(300_000), "{\"nftables\":".repeat(100_000)] {
        assert!(!errors(&text).is_empty());
    }
    let long = format!("[{}1]", "1, ".repeat(100_000));
    let of = r#""family": "ip", "table": "t""#;
    let wide = document(&format!(
        r#"{{"table": {{"family": "ip", "name": "t"}}}}, {{"chain": {{{of}, "name": "c"}}}},
        {{"rule": {{{of}, "chain": "c", "expr": [{}]}}}},
        {{"rule": {{{of}, "chain": "c", "expr": [{}]}}}}"#,
        matching(r#"{"meta": {"key": "mark"}}"#, "==", &format!("{{\"|\": {long}}}")),
        matching(r#"{"meta": {"key": "mark"}}"#, "==", &format!("{{\"concat\": {long}}}")),
    ));
    let said: Vec<String> = errors(&wide).into_iter().map(|(_, _, said)| said).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("operators stand in a row") && said[1].contains("too many parts"));
    let wrong = format!("{{\"nftables\": [{}5]}}", "5, ".repeat(50_000));
    assert_eq!(errors(&wrong).len(), 100);
}
