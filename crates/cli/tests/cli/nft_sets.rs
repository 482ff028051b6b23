//! `bpfc set` of nft's sets and maps, and `bpfc save`, beside the kernel's nft: the same elements
//! are added, deleted and listed, and decide packets alike; what is saved is what nft lists and
//! reads.

use crate::run::{Ran, alone, file, folder};

const RULES: &str = "\
define NETS = { 127.0.4.0/24, 127.0.5.1-127.0.5.6 }
table inet filter {
	set hosts {
		type ipv4_addr
		flags timeout
		counter
		elements = { 127.0.0.1, 127.0.0.2 counter packets 5 bytes 6, 127.0.0.9 timeout 1h comment \"nine\" }
	}

	set nets {
		type ipv4_addr
		flags interval
		auto-merge
		elements = $NETS
	}

	set ranges {
		type inet_service
		flags interval
		elements = { 4000-4010, 4100 }
	}

	set six {
		type ipv6_addr
		flags interval
		elements = { ::1, fe80::/10 }
	}

	set tuples {
		typeof ip daddr . udp dport
		elements = { 127.0.0.1 . 4000, 127.0.0.2 . 4001 }
	}

	set ifs {
		type ifname
		elements = { \"lo\" }
	}

	set dyn {
		typeof ip daddr
		size 128
		flags dynamic,timeout
		timeout 1h
	}

	map ports {
		type inet_service : verdict
		elements = { 4000 : jump mine, 4001 : accept }
	}

	map marks {
		type ipv4_addr : mark
		elements = { 127.0.0.1 : 0x00000007 }
	}

	chain mine {
		counter
	}

	chain input {
		type filter hook input priority filter; policy accept;
		ip daddr @hosts counter
		ip daddr @nets counter
		udp dport @ranges counter
		ip6 daddr @six counter
		ip daddr . udp dport @tuples counter
		iifname @ifs counter
		meta mark set ip daddr map @marks counter
		update @dyn { ip daddr }
		udp dport vmap @ports
		counter
	}
}
";

/// Loads the rules into the kernel and as a program, and runs a script that changes both: `add`,
/// `del` and `flush` do, `send` sends, `same` compares what both list and what rules have counted.
fn beside_nft(script: &str) -> Option<Ran> {
    let folder = folder();
    file(&folder, "t.nft", RULES);
    let script = format!(
        r#"
type nft >/dev/null || {{ echo skipped; exit 0; }}
ip link set lo up
nft -f $F/t.nft
$BPFC --quiet load $F/t.nft --target tc --iface lo --hook input --name t
add() {{ local set=$1; shift; nft add element inet filter $set "{{ $* }}"; $BPFC set add t inet/filter/$set "$@"; }}
del() {{ local set=$1; shift; nft delete element inet filter $set "{{ $* }}"; $BPFC set del t inet/filter/$set "$@"; }}
refused() {{
  local set=$1; shift
  ! nft add element inet filter $set "{{ $* }}" 2>/dev/null || {{ echo "nft takes $*"; exit 1; }}
  ! $BPFC set add t $set "$@" || {{ echo "bpfc takes $*"; exit 1; }}
}}
flush() {{ nft flush set inet filter $1; $BPFC set flush t $1; }}
send() {{
  for host in 127.0.0.1 127.0.0.2 127.0.0.3 127.0.4.7 127.0.5.3 127.0.5.9; do
    for port in 4000 4001 4005 4100; do echo -n x > /dev/udp/$host/$port || true; done
  done
  echo -n x > /dev/udp/::1/4000 || true
}}
plain() {{ sed -E 's/expires [0-9a-z]+/expires ?/g'; }}
same() {{
  local one=$( (nft list sets; nft list maps) | plain | grep -v '^table\|^}}$')
  local other=$($BPFC set list t | plain | grep -v '^table\|^}}$')
  # nft 1.0.6 lists no maps among its sets: the order of blocks is not compared.
  blocks() {{ awk 'BEGIN {{ RS = "\n\t}}\n" }} {{ gsub(/^\n+/, ""); gsub(/\n/, "|"); print }}' | sort; }}
  diff <(echo "$one" | blocks) <(echo "$other" | blocks) || {{ echo "sets differ: $1"; exit 1; }}
  chains() {{ sed -n '/\tchain /,$p' | grep counter | sort; }}
  diff <(nft list table inet filter | chains) <($BPFC counters t | chains) || {{ echo "counts differ: $1"; exit 1; }}
}}
{script}
$BPFC unload t
"#
    );
    alone(&script, &[("F", folder.path().to_str().expect("a path in UTF-8"))])
}

#[test]
fn ranges_that_overlap_are_refused() {
    let Some(ran) = beside_nft(
        r#"
same "as loaded"
send
same "as loaded, with packets"
refused ranges 4001-4001
refused six fe80::1/64
refused hosts 10.0.0.0/8
same "as before"
"#,
    ) else {
        return;
    };
    let ran = ran.ok();
    let is_said = ran.err.matches("interval overlaps with an existing one").count() == 2;
    assert!(is_said || ran.out.contains("skipped"), "{}", ran.err);
}

#[test]
fn changes_decide_packets() {
    let Some(ran) = beside_nft(
        r#"
add hosts 127.0.0.3
add hosts 127.0.4.7 timeout 2h
add hosts "127.0.5.3 timeout 3h expires 1h"
add hosts 127.0.0.2
del hosts 127.0.0.1
same "a hash"
del ranges 4100
add ranges 4101-4200
add six fc00::/7
del six ::1
same "ranges"
add nets 127.0.5.7-127.0.5.9
same "ranges that become one"
add tuples 127.0.0.3 . 4005
del tuples 127.0.0.1 . 4000
# nft 1.0.6 takes no part of a range away.
$BPFC set add t nets 127.9.0.0/16
$BPFC set del t nets 127.9.4.0/24
$BPFC set list t nets | grep -F '127.9.0.0/22'
$BPFC set list t nets | grep -F '127.9.5.0-127.9.255.255'
$BPFC set del t nets 127.9.0.0/22
$BPFC set del t nets 127.9.5.0-127.9.255.255
add ifs eth0
del ifs lo
same "concatenations and names"
add marks 127.0.0.2 : 7
add marks 127.0.0.3 : 0x8
del marks 127.0.0.1
add ports 4100 : jump mine
add ports 4300 : drop
del ports 4001
refused ports 4000 : accept
add ports 4000 : jump mine
same "maps"
send
same "with packets"
flush hosts
flush nets
flush dyn
send
same "without elements"
add hosts "127.0.0.1, 127.0.0.2, 127.0.0.3"
add nets 127.0.0.0/8
send
same "filled again"
$BPFC set test t hosts 127.0.0.1
! $BPFC set test t hosts 127.0.0.7
$BPFC set test t nets 127.3.2.1
$BPFC set add --exist t ports 4000 : accept
$BPFC set list t inet/filter/ports
"#,
    ) else {
        return;
    };
    let ran = ran.ok();
    if ran.out.contains("skipped") {
        return;
    }
    for words in [
        "127.0.0.1 is in set inet/filter/hosts.",
        "127.0.0.7 is NOT in set inet/filter/hosts.",
        "127.3.2.1 is in set inet/filter/nets.",
        "elements = { 4000 : accept, 4100 : jump mine, 4300 : drop }",
    ] {
        assert!(ran.out.contains(words), "{}", ran.out);
    }
}

#[test]
fn what_cannot_be_changed_is_said() {
    let rules = "\
table inet filter {
	set pairs {
		type ipv4_addr . inet_service
		flags interval
		elements = { 10.0.0.0/8 . 80-90 }
	}
	set fixed {
		type inet_service
		flags constant
		elements = { 22 }
	}
	set counted {
		type inet_service
		flags interval
		counter
		elements = { 1-10 counter packets 3 bytes 4 }
	}
	map leads {
		type inet_service : verdict
		elements = { 22 : jump mine, * : continue }
	}
	set unasked { type inet_service; }
	chain mine { counter; }
	chain other { }
	chain input {
		type filter hook input priority filter;
		ip saddr . tcp dport @pairs counter
		tcp dport @fixed counter
		tcp dport @counted
		tcp dport vmap @leads
	}
}
";
    let folder = folder();
    file(&folder, "t.nft", rules);
    let script = r#"
$BPFC --quiet load $F/t.nft --target netfilter --name t
set -f
for words in "pairs 1.1.1.1 . 80" "fixed 23" "counted 30" "leads 23 : jump other" "leads 24" \
  "leads * : drop" "inet/filter/unasked 1" "unasked 1" "leads 1-2 : accept" "fixed x" ; do
  set -- $words
  ! $BPFC set add t $1 "${@:2}" </dev/null || { echo "taken: $words"; exit 1; }
done
! $BPFC set del t leads 25
! $BPFC set swap t leads fixed
$BPFC set list t --json
$BPFC --quiet unload t
"#;
    let path = folder.path().to_str().expect("a path in UTF-8");
    let Some(ran) = alone(script, &[("F", path)]) else { return };
    let ran = ran.ok();
    for reason in [
        "inet/filter/pairs: its elements cannot be changed while the filter is loaded: several parts of its keys",
        "inet/filter/fixed: its elements cannot be changed while the filter is loaded: the set is constant",
        "inet/filter/counted: its elements have statements that lie beside them",
        "other",
        "what all others lead to is part of the program",
        "the filter has no set inet/filter/unasked that its rules ask",
        "The set with the given name does not exist",
        "the map has no ranges",
        "inet/filter/leads: the element does not exist",
        "has no two sets that change places",
    ] {
        assert!(ran.err.contains(reason), "{reason}: {}", ran.err);
    }
    let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let set = |name: &str| {
        let sets = json["sets"].as_array().expect("sets");
        sets.iter().find(|set| set["name"] == name).expect("the set").clone()
    };
    assert_eq!(set("pairs")["elements"][0]["fixed"], "10.0.0.0/8 . 80-90");
    assert_eq!(set("pairs")["changes"], false);
    let counted = &set("counted")["elements"][0];
    assert_eq!(counted["element"], "1-10");
    assert_eq!(counted["statements"][0]["packets"], 3);
    assert_eq!(set("leads")["elements"][0]["data"], "jump mine");
    assert_eq!(set("leads")["elements"][1]["fixed"], "* : continue");
}

#[test]
fn rulesets_are_saved_as_nft_lists_them() {
    let Some(ran) = beside_nft(
        r#"
add hosts 127.0.0.3
add ports 4100 : jump mine
send
diff <(nft list ruleset | plain) <($BPFC save t | plain) || { echo "not as listed"; exit 1; }
$BPFC save t -o $F/saved.nft
nft flush ruleset
nft -f $F/saved.nft
diff <(nft list ruleset | plain) <(plain < $F/saved.nft) || { echo "not as read"; exit 1; }
$BPFC --quiet load $F/saved.nft --target tc --iface lo --hook input --name u
diff <($BPFC save u | plain) <(plain < $F/saved.nft) || { echo "not as loaded again"; exit 1; }
$BPFC unload u
printf '*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 10.0.0.0/8\nCOMMIT\n' > $F/x.rules
$BPFC --quiet load $F/x.rules $F/saved.nft --table filter,inet/filter --target tc --iface lo --name both
status=0; $BPFC save both 2> $F/said || status=$?
[ $status = 2 ]; grep -q 'or --family nft' $F/said
diff <($BPFC save both --family nft | plain) <(plain < $F/saved.nft)
$BPFC save both --family ipv4 | grep -q -- '-A INPUT -s 10.0.0.0/8'
$BPFC --quiet load $F/x.rules --target tc --iface lo --name both
status=0; $BPFC save both --family nft 2> $F/said || status=$?
[ $status = 1 ]; grep -q 'no rules of nft' $F/said
$BPFC unload both
$BPFC save t --json | grep -o '"rules":.*' | grep -c 'udp dport @ranges counter packets'
"#,
    ) else {
        return;
    };
    let ran = ran.ok();
    assert!(!ran.out.contains("not as"), "{}{}", ran.out, ran.err);
}

/// What was read of the kernel alone has no texts of rules.
#[test]
fn a_ruleset_without_texts_is_not_saved() {
    let folder = folder();
    file(&folder, "t.nft", RULES);
    let script = r#"
type nft >/dev/null || { echo skipped; exit 0; }
nft -f $F/t.nft
$BPFC --quiet load live:nft --target tc --iface lo --hook input --name t
! $BPFC save t
$BPFC set list t hosts | grep 127.0.0.9
$BPFC unload t
"#;
    let path = folder.path().to_str().expect("a path in UTF-8");
    let Some(ran) = alone(script, &[("F", path)]) else { return };
    let ran = ran.ok();
    let is_skipped = ran.out.contains("skipped");
    assert!(is_skipped || ran.err.contains("`nft list ruleset` prints it"), "{}", ran.err);
}
