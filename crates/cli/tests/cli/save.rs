//! `bpfc save` beside `iptables-save -c`, and what reads its text again.

use crate::run::{alone, bpfc, file, folder};

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
    kernel() { for table in $TABLES; do $TOOL-legacy-save -c -t $table; done | grep -v '^#'; }
    own() { $BPFC save $1 | grep -v '^#'; }
    same() { [ "$1" = "$2" ] || { echo "$3:"; diff <(echo "$1") <(echo "$2"); exit 1; }; }
    $TOOL-legacy-restore < $RULES
    $BPFC load $RULES --target netfilter --table ${TABLES// /,} --name t >&2
    for table in $TABLES; do $TOOL-legacy -t $table -Z; done
    for n in 1 2 3; do echo hello > /dev/udp/$HOST/9 || true; done
    expected=$(kernel)
    same "$expected" "$(own t)" "not as saved"
    [[ $expected = *'[3:'* ]] || { echo "no packet was counted: $expected"; exit 1; }
    $BPFC save t -o $OUT
    $BPFC unload t >&2
    for table in $TABLES; do $TOOL-legacy -t $table -F; $TOOL-legacy -t $table -X; done
    $TOOL-legacy-restore -c < $OUT
    same "$expected" "$(kernel)" "not as restored"
    $BPFC load $OUT --target netfilter --table ${TABLES// /,} --name t >&2
    zero() { sed 's/\[[0-9]*:[0-9]*\]/[0:0]/'; }
    same "$(echo "$expected" | zero)" "$(own t | zero)" "not as loaded again"
"#;

fn is_as_saved(rules: &str, tables: &str, is_v6: bool) {
    let (tool, host) = if is_v6 { ("ip6tables", "::1") } else { ("iptables", "127.0.0.1") };
    let folder = folder();
    let rules = file(&folder, "t.rules", rules);
    let out = file(&folder, "out.rules", "");
    let variables =
        [("RULES", &*rules), ("OUT", &out), ("TABLES", tables), ("TOOL", tool), ("HOST", host)];
    if let Some(ran) = alone(SCRIPT, &variables) {
        ran.ok();
    }
}

#[test]
fn several_tables_and_chains_without_rules() {
    is_as_saved(SEVERAL, "mangle filter", false);
}

#[test]
fn what_only_ip6tables_has() {
    let rules = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:a - [0:0]\n\
                 -A INPUT ! -s fe80::/10 -p udp -m hl --hl-lt 255 -j a\n\
                 -A a -d ::1/128 -m mark --mark 0x0/0x2 -j RETURN\n-A INPUT -j ACCEPT\nCOMMIT\n";
    is_as_saved(rules, "filter", true);
}

/// Chains that only rules behind an unconditional goto name are there all the same.
#[test]
fn what_no_packet_reaches_is_saved() {
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:never - [0:0]\n\
                 :on - [0:0]\n:rest - [0:0]\n-A INPUT -g on\n-A INPUT -j rest\n-A on -p udp\n\
                 -A rest -j never\nCOMMIT\n";
    is_as_saved(rules, "filter", false);
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
