//! `bpfc save` beside `iptables-save -c`, and what reads its text again.

use crate::run::{alone, bpfc, file, folder};
use bpfc_artifact::{Artifact, raw};
use serde_json::Value;

const SEVERAL: &str = "\
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -p udp -m udp --dport 9 -m comment --comment mangled -j ACCEPT
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:zz - [0:0]
:empty - [0:0]
:Behind - [0:0]
:gone-to - [0:0]
-A INPUT -i lo -p udp -m comment --comment \"a \\\"quoted\\\" 'word' and \\\\ that\" -j zz
-A INPUT -p udp -m udp --dport 9 -g gone-to
-A FORWARD -j ACCEPT
-A FORWARD -j Behind
-A zz -m limit --limit 3/min -j LOG --log-prefix \"seen: \"
-A zz -j empty
-A Behind -j DROP
-A gone-to -j ACCEPT
-A gone-to -j Behind
COMMIT
";

/// Loads a ruleset into the kernel's tables and as a program, sends a packet, and compares what
/// both save; then what the kernel and a program have of the program's text.
const SCRIPT: &str = r#"
    export LC_ALL=C
    kernel() { for table in $TABLES; do $TOOL-legacy-save -c -t $table; done | grep -av '^#'; }
    own() { $BPFC save $1 | grep -av '^#'; }
    same() { [ "$1" = "$2" ] || { echo "$3:"; diff <(echo "$1") <(echo "$2"); exit 1; }; }
    $TOOL-legacy-restore < $RULES
    $BPFC load $RULES --target netfilter --table ${TABLES// /,} --name t >&2
    for table in $TABLES; do $TOOL-legacy -t $table -Z; done
    for n in 1 2 3; do printf 'hello \xe9\xff' > /dev/udp/$HOST/9 || true; done
    expected=$(kernel)
    same "$expected" "$(own t)" "not as saved"
    [[ $expected = *'[3:'* ]] || { echo "no packet was counted: $expected"; exit 1; }
    $BPFC save t -o $OUT
    ! grep -aq LOG $RULES || $BPFC log t --timeout 0 --json > $OUT.log
    $BPFC unload t >&2
    $BPFC load live:$TOOL --target netfilter --table ${TABLES// /,} --name t >&2
    zero() { sed 's/\[[0-9]*:[0-9]*\]/[0:0]/'; }
    same "$(echo "$expected" | zero)" "$(own t | zero)" "not as loaded from the kernel"
    $BPFC unload t >&2
    for table in $TABLES; do $TOOL-legacy -t $table -F; $TOOL-legacy -t $table -X; done
    $TOOL-legacy-restore -c < $OUT
    same "$expected" "$(kernel)" "not as restored"
    $BPFC load $OUT --target netfilter --table ${TABLES// /,} --name t >&2
    same "$(echo "$expected" | zero)" "$(own t | zero)" "not as loaded again"
    [ ! -e $OUT.log ] || cat $OUT.log
"#;

/// Yields what the rules have logged, as JSON; none where nothing can be loaded here.
fn is_as_saved(rules: impl AsRef<[u8]>, tables: &str, is_v6: bool) -> Option<String> {
    let (tool, host) = if is_v6 { ("ip6tables", "::1") } else { ("iptables", "127.0.0.1") };
    let folder = folder();
    let rules = file(&folder, "t.rules", rules);
    let out = file(&folder, "out.rules", "");
    let variables =
        [("RULES", &*rules), ("OUT", &out), ("TABLES", tables), ("TOOL", tool), ("HOST", host)];
    Some(alone(SCRIPT, &variables)?.ok().out)
}

#[test]
fn bytes_that_are_not_utf_8_are_kept() {
    let rules = b"*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
        :caf\xc3\xa9 - [0:0]\n:caf\xe9 - [0:0]\n:\xff\xfe - [0:0]\n\
        -A INPUT -i lo -p udp -m comment --comment \"caf\xe9 \x80\\\"\" -j caf\xe9\n\
        -A caf\xc3\xa9 -j ACCEPT\n\
        -A caf\xe9 -m string --string \"\xe9\xff\" --algo bm -j LOG --log-prefix \"\xe9: \"\n\
        -A caf\xe9 -m string --hex-string \"\xe9|ff|\" --algo kmp --to 100 -j \xff\xfe\n\
        -A \xff\xfe -j NFLOG --nflog-prefix \"\xc3\" --nflog-group 3\n\
        -A \xff\xfe ! -s 10.0.0.0/8 -j LOG --log-prefix \"1234567890123456789012345678\xc3\xa9\"\n\
        -A \xff\xfe -j ACCEPT\nCOMMIT\n";
    let Some(log) = is_as_saved(rules, "filter", false) else { return };
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let texts = |field: &str| -> Vec<&str> {
        lines.iter().take(3).map(|line| line[field].as_str().expect("a text")).collect()
    };
    let long = format!("1234567890123456789012345678{}", '\u{c3}');
    assert_eq!(texts("prefix"), ["\u{e9}: ", "\u{c3}", &long]);
    let digits = format!("{}c3", (1..=28).map(|n| format!("3{}", n % 10)).collect::<String>());
    assert_eq!(texts("prefix_hex"), ["e93a20", "c3", &digits]);
    assert_eq!(lines[1]["rule"], "filter/\u{ff}\u{fe}:1");
    assert_eq!(lines[1]["rule_hex"], "66696c7465722ffffe3a31");
    assert!(log.is_ascii(), "{log}");
}

#[test]
fn bytes_that_are_not_utf_8_reach_no_terminal() {
    let folder = folder();
    let rules = file(
        &folder,
        "t",
        b"*filter\n:INPUT DROP\n:a\x9b - [0:0]\n-A INPUT -j a\x9b\n-A a\x9b -j LOG --log-prefix \x9b\nCOMMIT\n",
    );
    let out = file(&folder, "out", "");
    for emit in ["ir", "tree", "asm", "dot"] {
        let ran = bpfc(&["compile", &rules, "--target", "tc", "--emit", emit]).ok();
        assert!(ran.bytes.is_ascii(), "{emit}: {}", ran.out);
        let shown = if emit == "ir" { "a\\u{10ff9b}" } else { "a\\x9b" };
        assert!(ran.out.contains(shown), "{emit}: {}", ran.out);
        bpfc(&["compile", &rules, "--target", "tc", "--emit", emit, "-o", &out]).ok();
        let kept = std::fs::read(&out).expect("a result");
        let bytes: &[u8] = if emit == "ir" { b"a\\u{10ff9b}" } else { b"a\x9b" };
        assert!(kept.windows(bytes.len()).any(|window| window == bytes), "{emit}");
    }
    let ran = bpfc(&["compile", &rules, "--target", "tc", "--emit", "json"]).ok();
    assert!(ran.bytes.is_ascii() && ran.out.contains("a\\udbff\\udf9b"), "{}", ran.out);
    let artifact = Artifact::from_json(ran.out.as_bytes()).expect("an artifact");
    assert!(artifact.rules.chains.iter().any(|chain| chain.name == raw::decode(b"a\x9b")));
}

#[test]
fn several_tables_and_chains_without_rules() {
    let _ = is_as_saved(SEVERAL, "mangle filter", false);
}

#[test]
fn what_only_ip6tables_has() {
    let rules = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:a - [0:0]\n\
                 -A INPUT ! -s fe80::/10 -p udp -m hl --hl-lt 255 -j a\n\
                 -A a -d ::1/128 -m mark --mark 0x0/0x2 -j RETURN\n-A INPUT -j ACCEPT\nCOMMIT\n";
    let _ = is_as_saved(rules, "filter", true);
}

/// Chains that only rules behind an unconditional goto name are there all the same.
#[test]
fn what_no_packet_reaches_is_saved() {
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:never - [0:0]\n\
                 :on - [0:0]\n:rest - [0:0]\n-A INPUT -g on\n-A INPUT -j rest\n-A on -p udp\n\
                 -A rest -j never\nCOMMIT\n";
    let _ = is_as_saved(rules, "filter", false);
}

#[test]
fn families_are_saved_one_at_a_time() {
    let folder = folder();
    let four =
        file(&folder, "four", "*filter\n:INPUT DROP [0:0]\n-A INPUT -s 10.0.0.0/8\nCOMMIT\n");
    let six = file(&folder, "six", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s fe80::/10\nCOMMIT\n");
    let script = r#"
    $BPFC load $FOUR $SIX --target tc --iface lo --name both >&2
    $BPFC load $FOUR --target tc --iface lo --name four >&2
    status=0; $BPFC save both > out 2>&1 || status=$?
    [ $status = 2 ]; grep -q 'family ipv4 or --family ipv6' out
    $BPFC save both --family ipv6 > out6; head -1 out6 | grep -q ' ip6tables-save '
    $BPFC check out6 --json > checked 2>&1; ! grep -q BPFC0027 checked
    $BPFC save both --family ipv4 > out4; grep -q '^\[0:0\] -A INPUT -s 10.0.0.0/8$' out4
    grep -q '^\[0:0\] -A INPUT -s fe80::/10$' out6
    ! grep -q 'fe80' out4
    status=0; $BPFC save four --family ipv6 > out 2>&1 || status=$?
    [ $status = 1 ]; grep -q 'no rules of ip6tables' out
    $BPFC save both --json | grep -o '"family":"[^"]*"'
    "#;
    let script = format!("cd {}\n{script}", folder.path().display());
    if let Some(ran) = alone(&script, &[("FOUR", &four), ("SIX", &six)]) {
        assert_eq!(ran.ok().out, "\"family\":\"ip\"\n\"family\":\"ip6\"\n");
    }
    assert!(bpfc(&["save", "none", "--family", "ip"]).fails(2).err.contains("ipv4, ipv6"));
}

/// Sets with names and comments that are not UTF-8 come from a file, from the kernel and from the
/// command line.
#[test]
fn sets_of_any_bytes_are_saved_as_ipset_saves_them() {
    let folder = folder();
    let sets = b"create s\xe9 hash:ip family inet hashsize 1024 maxelem 65536 comment bucketsize 12 initval 0x01020304\n\
        add s\xe9 192.0.2.1 comment \"caf\xe9\"\ncreate l\xff list:set size 8\nadd l\xff s\xe9\n";
    let rules = b"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m set --match-set s\xe9 src -j DROP\n\
        -A INPUT -m set --match-set l\xff src\nCOMMIT\n";
    let (sets, rules) = (file(&folder, "sets", sets), file(&folder, "rules", rules));
    let script = r#"
    export LC_ALL=C
    own() { $BPFC set save t; }
    elements() { grep -a ^add | sort; }
    same() { [ "$1" = "$2" ] || { echo "$3:"; diff <(echo "$1") <(echo "$2"); exit 1; }; }
    ipset restore < $SETS
    expected=$(ipset save | elements)
    [ "$(echo "$expected" | wc -l)" = 2 ]
    $BPFC load $RULES $SETS --target tc --iface lo --name t >&2
    same "$expected" "$(own | elements)" "of a file"
    iptables-legacy-restore < $RULES
    $BPFC load live:iptables --target tc --iface lo --name t >&2
    same "$expected" "$(own | elements)" "of the kernel"
    $BPFC set del t $'s\xe9' 192.0.2.1
    $BPFC set add t $'s\xe9' 192.0.2.2 comment $'\xe9'
    own | grep -aqx $'add s\xe9 192.0.2.2 comment "\xe9"'
    $BPFC set list t $'s\xe9' --json
    $BPFC set del t $'l\xff' $'s\xe9'
    status=0; $BPFC set test t $'l\xff' $'s\xe9' >&2 || status=$?
    [ $status = 1 ]
    $BPFC set add t $'l\xff' $'s\xe9'
    own | grep -aqx $'add l\xff s\xe9'
    "#;
    let Some(ran) = alone(script, &[("SETS", &sets), ("RULES", &rules)]) else { return };
    let out = ran.ok().out;
    assert!(out.is_ascii(), "{out}");
    for field in
        ["s\\u00e9\"", "_hex\":\"73e9\"", "\"comment\":\"\\u00e9\"", "\"comment_hex\":\"e9\""]
    {
        assert!(out.contains(field), "{field}: {out}");
    }
}
