//! Rulesets that are refused: with which code, what text is marked, and what is said.

mod support;

use bpfc_diag::Code;
use support::read_all;

/// The errors of a ruleset: code, marked text, message and help.
fn errors(text: &str) -> Vec<(Code, String, String)> {
    let (ruleset, sources, diagnostics) = read_all(text);
    assert_eq!(ruleset.is_none(), diagnostics.has_errors());
    let marked =
        |d: &bpfc_diag::Diagnostic| d.span.map_or("", |span| sources.text(span)).to_owned();
    let said = |d: &bpfc_diag::Diagnostic| match &d.help {
        Some(help) => format!("{}; {help}", d.message),
        None => d.message.clone(),
    };
    diagnostics.iter().map(|d| (d.code, marked(d), said(d))).collect()
}

#[track_caller]
fn refused(rule: &str, code: Code, marked: &str, said: &str) {
    let text = format!(
        "table inet t {{\n set s {{\n type ipv4_addr\n }}\n chain services {{\n }}\n chain c {{\n {rule}\n }}\n}}\n"
    );
    match errors(&text).as_slice() {
        [(found, text, message)] => {
            assert_eq!((*found, text.as_str()), (code, marked), "{rule}: {message}");
            assert!(message.contains(said), "{rule}: {message}");
        }
        other => panic!("{rule}: {other:?}"),
    }
}

#[test]
fn what_is_wrong_is_marked_and_named() {
    refused("tcp dprot 22", Code::NFT_SYNTAX, "dprot", "did you mean `tcp dport`?");
    refused("ct state establshed", Code::NFT_VALUE, "establshed", "did you mean `established`?");
    refused("ip saddr @x", Code::NFT_UNKNOWN, "@x", "the table has no set or map `x`");
    refused("jump servces", Code::NFT_UNKNOWN, "servces", "did you mean `services`?");
    refused("tcp dport 70000", Code::NFT_VALUE, "70000", "0 to 65535");
    refused("ip saddr example.org", Code::NFT_VALUE, "example.org", "looked up with --resolve");
    refused("ip saddr ::1", Code::NFT_VALUE, "::1", "not an IPv4 address");
    refused("tcp dport @s", Code::NFT_TYPE, "@s", "expected a value of the type internet");
    refused(
        "ip saddr 10.0.0.1 ip6 saddr ::1",
        Code::NFT_PROTOCOL,
        "ip6 saddr",
        "ip6 contradicts ip",
    );
    refused("accept drop", Code::NFT_STATEMENT, "drop", "behind a verdict");
    refused("iifname \"*\"", Code::NFT_VALUE, "\"*\"", "matches everything");
    refused("tcp dport 5-1", Code::NFT_VALUE, "5-1", "ends before it begins");
    refused("ip saddr 10.0.0.0/33", Code::NFT_VALUE, "10.0.0.0/33", "longer than 32 bits");
    refused("tcp dport $ports", Code::NFT_UNKNOWN, "ports", "no variable `ports`");
    refused("counter name \"n\"", Code::NFT_UNKNOWN, "\"n\"", "no counter `n`");
    refused(
        "reject with icmp port-unreachabl",
        Code::NFT_VALUE,
        "port-unreachabl",
        "`port-unreachable`",
    );
    refused("limit rate 1/fortnight", Code::NFT_SYNTAX, "fortnight", "second, minute");
    refused("meta nfproto ipv4 ip6 daddr ::1", Code::NFT_PROTOCOL, "ip6 daddr", "contradicts");
}

#[test]
fn what_is_not_filtering_is_refused_by_class() {
    let classes = [
        ("snat to 10.0.0.1", "nat"),
        ("masquerade", "nat"),
        ("queue num 1", "queue"),
        ("notrack", "track"),
        ("ct zone set 1", "zone"),
        ("ct event set new", "event"),
        ("ct label set 1", "label"),
        ("meta secmark set 1", "secmark"),
        ("log level audit", "audit"),
        ("tproxy to :80", "tproxy"),
        ("synproxy", "synproxy"),
        ("flow add @f", "flow"),
        ("ct timeout set \"x\"", "timeout"),
        ("ct expectation set \"x\"", "expectation"),
        ("tunnel id 1", "tunnel"),
        ("dup to 10.0.0.1", "dup"),
        ("fwd to lo", "fwd"),
    ];
    for (rule, class) in classes {
        refused(rule, Code::NFT_OUTSIDE, rule, &format!("({class})"));
    }
    for family in ["arp", "bridge"] {
        let found = errors(&format!("table {family} t {{\n}}\n"));
        assert!(found[0].2.contains(&format!("({family})")), "{found:?}");
    }
}

#[test]
fn beside_chains_that_filter_the_kernel_does_the_rest() {
    let gateway = "table ip nat {\n chain prerouting {\n type nat hook prerouting priority dstnat\n \
                   jump docker\n }\n chain docker {\n tcp dport 80 dnat to 10.0.0.2\n }\n}\n\
                   table bridge b {\n chain c {\n nonsense\n }\n}\n\
                   table inet f {\n flowtable ft {\n hook ingress priority 0\n devices = { lo }\n }\n \
                   ct helper ftp {\n type \"ftp\" protocol tcp\n }\n \
                   chain in {\n type filter hook input priority 0\n accept\n }\n}\n";
    let (ruleset, _, diagnostics) = read_all(gateway);
    assert!(ruleset.is_none() && diagnostics.error_count() == 1, "{diagnostics:?}");
    let gateway = gateway.replace("nonsense", "accept");
    let (ruleset, _, diagnostics) = read_all(&gateway);
    assert!(ruleset.is_some(), "{diagnostics:?}");
    let said: Vec<&str> = diagnostics.iter().map(|d| d.message.as_str()).collect();
    for class in ["(nat)", "(bridge)", "(flow)", "(helper)"] {
        assert!(said.iter().any(|said| said.contains(class)), "{class}: {said:?}");
    }
    // Where the chain that filters reaches it, it is an error.
    let reached = gateway
        .replace("type nat hook prerouting priority dstnat", "type filter hook input priority 0");
    let found = errors(&reached);
    assert!(found.iter().any(|(_, marked, _)| marked == "dnat to 10.0.0.2"), "{found:?}");
}

#[test]
fn a_key_of_a_map_has_one_value() {
    let rule = "mark vmap { 1 : accept, 1 : drop }";
    refused(rule, Code::NFT_SET, "1 : drop", "another value");
    let code =
        |rule: &str| errors(&format!("table ip t {{\n chain c {{\n {rule}\n }}\n}}\n")).len();
    assert_eq!(code("mark vmap { 1 : accept, 1 : accept }"), 0);
    assert_eq!(code("ip saddr . th dport { 10.0.0.0/8 . 53, 10.9.0.0/16 . 50-60 }"), 0);
    assert_eq!(code("ip saddr . th dport { 10.0.0.0/8 . 50-60, 10.9.0.0/16 . 53 }"), 1);
    assert_eq!(code("ip saddr . th dport { 10.9.0.0/16 . 53, 10.0.0.0/8 . 50-60 }"), 0);
    assert_eq!(code("iifname vmap { \"e*\" : accept, \"e*\" : accept }"), 0);
    assert_eq!(code("iifname vmap { \"e*\" : accept, \"eth0\" : accept }"), 1);
}

#[test]
fn what_seems_to_mean_something_else_is_warned_of() {
    refused(
        "ct state != established,related",
        Code::NFT_SEEMS,
        "established,related",
        "all values but",
    );
    refused("ct status { snat, dnat }", Code::NFT_SEEMS, "{ snat, dnat }", "exact values");
}

#[test]
fn all_errors_of_a_text_are_told() {
    let found = errors(
        "table inet t {\n\
         chain a {\n type filter hook input priority filtr\n tcp dport\n accept;\n ip saddr 1.2.3\n }\n\
         set s {\n type ipv4_adr\n }\n\
         chain b {\n jump nowhere; jump a2\n }\n\
         }\n\
         list ruleset\n",
    );
    let codes: Vec<Code> = found.iter().map(|(code, ..)| *code).collect();
    let wanted = [
        Code::NFT_SYNTAX,
        Code::NFT_SYNTAX,
        Code::NFT_COMMAND,
        Code::NFT_VALUE,
        Code::NFT_UNKNOWN,
        Code::NFT_UNKNOWN,
        Code::NFT_UNKNOWN,
    ];
    assert_eq!(codes, wanted, "{found:?}");
}

#[test]
fn sets_hold_what_their_type_says() {
    let set = |lines: &str| errors(&format!("table ip t {{\n set s {{\n {lines}\n }}\n}}\n"));
    let code = |lines: &str| set(lines).first().map(|(code, ..)| *code);
    assert_eq!(code("elements = { 1 }"), Some(Code::NFT_SET));
    assert_eq!(code("type ipv4_addr\n elements = { 10.0.0.0/8 }"), Some(Code::NFT_SET));
    assert_eq!(code("type ipv4_addr\n auto-merge\n"), Some(Code::NFT_SET));
    let overlap = "type ipv4_addr\n flags interval\n elements = { 10.0.0.0/8, 10.1.0.0/16 }";
    assert_eq!(code(overlap), Some(Code::NFT_SET));
    assert_eq!(code(&format!("auto-merge\n {overlap}")), None);
    assert_eq!(
        code("type ipv4_addr . inet_service\n elements = { 10.0.0.1 }"),
        Some(Code::NFT_TYPE)
    );
    assert_eq!(code("type integer"), Some(Code::NFT_SET));
    assert_eq!(code("typeof ip saddr . tcp dport\n elements = { 10.0.0.1 . 22 }"), None);
    assert_eq!(
        code("type ipv4_addr\n size 1\n elements = { 10.0.0.1, 10.0.0.2 }"),
        Some(Code::NFT_SET)
    );
}

#[test]
fn blocks_end_as_nft_has_them() {
    let code = |text: &str| errors(text).first().map(|(code, ..)| *code);
    assert_eq!(code("table ip t { chain c { } }\n"), Some(Code::NFT_SYNTAX));
    assert_eq!(code("table ip t { chain c { accept; }; }\n"), None);
    assert_eq!(code("table ip t {\n chain c {\n accept\n }\n}"), None);
    assert_eq!(code("table ip t {\n chain set {\n }\n}"), Some(Code::NFT_SYNTAX));
    assert_eq!(code("table ip t {\n chain a/b.c-d {\n }\n}"), None);
    assert_eq!(code("table ip t {\n chain c {\n"), Some(Code::NFT_SYNTAX));
    assert_eq!(code("}\ntable ip t {\n}\n"), Some(Code::NFT_SYNTAX));
    assert_eq!(code(""), None);
}

#[test]
fn what_follows_from_an_error_is_not_told() {
    let text = "table ip t {\n set s {\n type ipv4_adr\n }\n chain c {\n ip saddr @s accept\n }\n}\n\
                add element ip t s { 1 }\n";
    assert_eq!(errors(text).len(), 1);
    let text = "add table bridge b\nadd chain bridge b c\nadd rule bridge b c accept\n";
    assert_eq!(errors(text).len(), 1);
    let text =
        "table ip t {\n chain c {\n type filter hook input priority -; policy drop;\n }\n}\n";
    assert_eq!(errors(text).len(), 1);
}

#[test]
fn chains_and_hooks_are_checked_as_the_kernel_does() {
    let said = |text: &str| errors(text).into_iter().map(|(_, text, said)| (text, said)).next();
    let looped = said("table ip t {\n chain a {\n jump b\n }\n chain b {\n goto a\n }\n}\n");
    assert!(looped.is_some_and(|(text, said)| text == "goto a" && said.contains("loop: a, b, a")));
    let map = "table ip t {\n chain a {\n }\n map m {\n type mark : verdict\n elements = { 1 : jump a }\n }\n}\n\
               add rule ip t a mark vmap @m\n";
    assert!(said(map).is_some_and(|(text, _)| text == "1 : jump a"));
    let chains = |count: usize| {
        let mut text =
            "table ip t {\n chain c0 {\n type filter hook input priority 0\n jump c1\n }\n"
                .to_owned();
        for at in 1..count {
            text += &format!(" chain c{at} {{\n jump c{}\n }}\n", at + 1);
        }
        text + &format!(" chain c{count} {{\n }}\n}}\n")
    };
    assert_eq!(said(&chains(15)), None);
    assert!(said(&chains(16)).is_some_and(|(text, _)| text == "jump c16"));
    let hook = |rule: &str, hook: &str| {
        said(&format!(
            "table ip t {{\n chain c {{\n type filter hook {hook} priority 0\n jump d\n }}\n chain d {{\n {rule}\n }}\n}}\n"
        ))
    };
    for (rule, right, wrong) in [
        ("reject", "output", "postrouting"),
        ("fib saddr oif exists", "input", "output"),
        ("socket transparent 1", "output", "forward"),
        ("tcp option maxseg size set rt mtu", "forward", "input"),
        ("meta pkttype set host", "prerouting", "input"),
    ] {
        assert_eq!(hook(rule, right), None, "{rule}");
        assert!(hook(rule, wrong).is_some_and(|(_, said)| said.contains(wrong)), "{rule}");
    }
    let base = "table ip t {\n chain a {\n type filter hook input priority 0\n }\n chain b {\n jump a\n }\n}\n";
    assert!(said(base).is_some_and(|(text, _)| text == "jump a"));
    let device = said("table netdev t {\n chain c {\n ct state new\n }\n}\n");
    assert!(device.is_some_and(|(_, said)| said.contains("netdev")));
}

#[test]
fn nesting_and_growth_are_bounded() {
    let deep = format!("add rule ip t c ip saddr {}1", "(".repeat(100_000));
    assert!(errors(&deep)[0].2.contains("nested"));
    let long = format!("add rule ip t c meta mark {} 1 == 1", "& 1 ".repeat(100_000));
    assert!(errors(&long)[0].2.contains("operators"));
    let mut bomb = "define a0 = { 1, 2 }\n".to_owned();
    for index in 1..100 {
        bomb += &format!("define a{index} = {{ $a{}, $a{} }}\n", index - 1, index - 1);
    }
    assert!(errors(&bomb)[0].2.contains("parts"));
    let mut chain = "define a0 = 1\n".to_owned();
    for index in 1..2000 {
        chain += &format!("define a{index} = $a{}\n", index - 1);
    }
    assert!(errors(&chain)[0].2.contains("stand for each other"));
    assert!(errors(&"[".repeat(100_000))[0].2.contains("a command"));
    assert!(
        errors(&format!("add rule ip t c accept {}", "{ ".repeat(100_000)))[0]
            .2
            .contains("expected")
    );
}
