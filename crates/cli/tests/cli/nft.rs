//! Filters of nft rulesets.

use crate::run::{alone, bpfc, file, folder};
use serde_json::Value;

const RULES: &str = "\
table inet t {
	set ports {
		type inet_service
		elements = { 4000, 4001 }
	}

	counter seen {
		comment \"of all\"
		packets 3 bytes 30
	}

	counter unused {
		packets 1 bytes 2
	}

	chain input {
		type filter hook input priority 0; policy accept;
		udp dport @ports counter jump known
		meta l4proto udp counter packets 5 bytes 7 udp dport 4000 counter comment \"counter\"
		counter name seen udp dport 4001-4002 counter name seen
		tcp dport 22 drop
	}

	chain known {
		udp dport 4000 counter return
		counter
	}
}
";

/// The lines with numbers, as nft prints them.
fn counted(listing: &str) -> Vec<&str> {
    listing.lines().filter(|line| line.contains("packets ")).collect()
}

/// The counters of a filter are those that the kernel's nft has for the same rules, in its syntax:
/// where it was loaded, once it was zeroed, and where it was replaced.
#[test]
fn counters_are_listed_as_nft_lists_them() {
    let folder = folder();
    file(&folder, "t.nft", RULES);
    file(&folder, "u.nft", RULES.replace("tcp dport 22 drop", "tcp dport 23 drop"));
    let script = "\
type nft >/dev/null || { echo skipped; exit 0; }
ip link set lo up
send() { for port in 4000 4001 4002 4000; do echo -n hello > /dev/udp/127.0.0.1/$port || true; done; }
nft -f $F/t.nft
$BPFC --quiet load $F/t.nft --target netfilter --hook input --name t
send
nft list table inet t
echo ==
$BPFC counters t
echo ==
$BPFC counters t --json
echo ==
$BPFC save t 2>&1 || true
echo ==
nft reset counters >/dev/null
nft reset rules >/dev/null 2>&1 || { nft flush ruleset; sed -E 's/packets [0-9]+ bytes [0-9]+//' $F/t.nft | nft -f -; }
$BPFC counters t --zero >/dev/null
send
nft list table inet t
echo ==
$BPFC --quiet load $F/u.nft --target netfilter --hook input --name t
$BPFC counters t
$BPFC unload t";
    let Some(ran) = alone(script, &[("F", folder.path().to_str().expect("a path in UTF-8"))])
    else {
        return;
    };
    let ran = ran.ok();
    let parts: Vec<&str> = ran.out.split("==\n").collect();
    assert_eq!(counted(parts[1]), counted(parts[0]));
    assert_eq!(
        parts[1],
        "\
table inet t {
	counter seen {
		comment \"of all\"
		packets 13 bytes 472
	}

	counter unused {
		packets 1 bytes 2
	}

	chain input {
		type filter hook input priority 0; policy accept;
		udp dport @ports counter packets 3 bytes 99 jump known
		meta l4proto udp counter packets 9 bytes 139 udp dport 4000 counter packets 2 bytes 66 comment \"counter\"
		counter name seen udp dport 4001-4002 counter name seen
		tcp dport 22 drop
	}

	chain known {
		udp dport 4000 counter packets 2 bytes 66 return
		counter packets 1 bytes 33
	}
}
"
    );
    let json: Value = serde_json::from_str(parts[2]).expect("JSON");
    let counters = json["counters"].as_array().expect("a list");
    let shown = counters.iter().map(|counter| {
        let place = counter["rule"].as_str().or(counter["table"].as_str()).unwrap_or_default();
        let (statement, name) = (&counter["statement"], &counter["name"]);
        format!("{place} {statement} {name} {}", counter["packets"])
    });
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [
            "inet/t/input:1 1 null 3",
            "inet/t/input:2 1 null 9",
            "inet/t/input:2 2 null 2",
            "inet/t/input:3 1 \"seen\" 13",
            "inet/t/input:3 2 \"seen\" 13",
            "inet/t/known:1 1 null 2",
            "inet/t/known:2 1 null 1",
            "inet/t null \"unused\" 1",
        ]
    );
    assert_eq!(counted(parts[3]), counted(parts[0]));
    assert_eq!(counted(parts[5]), counted(parts[4]));
    assert_eq!(counted(parts[5])[0], "\t\tpackets 10 bytes 442");
}

/// What the kernel holds is compiled, and can be kept in a file for that; what keeps connection
/// tracking on is no part of it.
#[test]
fn what_the_kernel_holds_is_compiled() {
    let folder = folder();
    file(&folder, "t.nft", RULES);
    let script = "\
type nft >/dev/null || { echo skipped; exit 0; }
ip link set lo up
nft -f $F/t.nft
$BPFC conntrack on >&2
$BPFC compile live:nft --emit input -o $F/t.dump
$BPFC check $F/t.dump --json >$F/kept
$BPFC check live:nft --json >$F/live
sed -i 's/live:nft/t.dump/g' $F/live
sed -i \"s|$F/t.dump|t.dump|g\" $F/kept
cmp $F/live $F/kept
$BPFC --quiet load live:nft --target netfilter --name t
for port in 4000 4001 4002 4000; do echo -n hello > /dev/udp/127.0.0.1/$port || true; done
$BPFC counters t --json
$BPFC unload t";
    let Some(ran) = alone(script, &[("F", folder.path().to_str().expect("a path in UTF-8"))])
    else {
        return;
    };
    let ran = ran.ok();
    let json: Value = serde_json::from_str(ran.out.lines().next().unwrap_or_default())
        .or_else(|_| serde_json::from_str(&ran.out))
        .expect("JSON");
    let counters = json["counters"].as_array().expect("a list");
    let counts: Vec<(&str, u64)> = counters
        .iter()
        .filter_map(|c| Some((c["rule"].as_str()?, c["packets"].as_u64()?)))
        .collect();
    assert_eq!(
        counts,
        [
            ("inet/t/input:1", 3),
            ("inet/t/input:2", 4),
            ("inet/t/input:2", 2),
            ("inet/t/input:3", 13),
            ("inet/t/input:3", 13),
            ("inet/t/known:1", 2),
            ("inet/t/known:2", 1)
        ]
    );
}

/// Chains of devices write packets, too: frames that are no sound packets of IP have no parts at
/// fixed places, and their checksums lie where others do.
#[test]
fn chains_of_devices_write_packets() {
    let folder = folder();
    for rule in ["ip daddr set 127.0.0.1", "ip id set 0", "ip dscp set cs1", "ip ttl set 3"] {
        let text = format!(
            "table netdev t {{\n\tchain c {{\n\t\ttype filter hook ingress device \"lo\" priority 0\n\
             \t\tiif \"lo\" {rule}\n\t}}\n}}\n"
        );
        bpfc(&["check", &file(&folder, "t.nft", text), "--target", "tc"]).ok();
    }
}

/// Files of nft that are given together are one ruleset; iptables' and nft's become one program, in
/// the order of their priorities.
#[test]
fn several_rulesets_become_one_program() {
    let folder = folder();
    let first = file(
        &folder,
        "a.nft",
        "table ip t {\n\tchain early {\n\t\ttype filter hook input priority -10\n\t}\n\
         \tchain same {\n\t\ttype filter hook input priority 0\n\t}\n}\n",
    );
    let second = file(&folder, "b.nft", "add rule ip t early udp dport 53 counter accept\n");
    let ran = bpfc(&["check", &first, &second, "--target", "tc", "--json"]).ok();
    assert!(ran.out.contains("\"rules\":1"), "{}", ran.out);
    let ran = bpfc(&["check", &second, &first]).fails(1);
    assert!(ran.err.contains("there is no table"), "{}", ran.err);
    let rules = file(
        &folder,
        "c.rules",
        "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s 192.0.2.1/32 -j DROP\nCOMMIT\n",
    );
    let order = |inputs: &[&str]| {
        let mut arguments = vec!["compile", "--target", "tc", "--emit", "tree"];
        arguments.extend(inputs);
        let ran = bpfc(&arguments).ok();
        assert!(ran.err.contains("note[BPFC0073]"), "{}", ran.err);
        let chains = ran.out.lines().filter_map(|line| line.trim().strip_prefix("chain "));
        chains.map(str::to_owned).collect::<Vec<String>>()
    };
    assert_eq!(order(&[&first, &rules, &second]), ["ip/t/early", "ip/t/same", "filter/INPUT"]);
    assert_eq!(order(&[&rules, &first]), ["ip/t/early", "filter/INPUT", "ip/t/same"]);
    let ran = bpfc(&["check", &rules, &rules]).fails(1);
    assert!(ran.err.contains("has a chain filter/INPUT"), "{}", ran.err);
}

/// Hours and dates are those of the time zone in which the ruleset is loaded, as nft has them: what
/// the kernel holds then is the same program.
#[test]
fn hours_are_those_of_the_time_zone() {
    let folder = folder();
    let text = "\
table ip t {
	chain c {
		type filter hook input priority 0; policy accept;
		meta hour \"08:00\"-\"17:00\" counter
		meta hour \"22:00\"-\"06:00\" counter
		meta hour != \"08:00\"-\"17:00\" counter
		meta hour \"12:30\" counter
		meta hour { \"01:00\"-\"02:00\", \"12:00\" } counter
		meta time \"2026-01-01 12:00\"-\"2026-07-01 12:00\" counter
		meta day \"Monday\" counter
	}
}
";
    file(&folder, "t.nft", text);
    let script = "\
type nft >/dev/null || { echo skipped; exit 0; }
for zone in UTC0 EST5 JST-9 NPT-5:45 EST5EDT,M3.2.0,M11.1.0; do
    nft flush ruleset
    TZ=$zone nft -f $F/t.nft
    TZ=$zone $BPFC --quiet compile $F/t.nft --target netfilter --emit ir | sed -n '/^entry/,$p' >$F/text
    $BPFC --quiet compile live:nft --target netfilter --emit ir | sed -n '/^entry/,$p' >$F/live
    cmp $F/text $F/live && grep -c calendar $F/text
    cmp -s $F/text $F/before && exit 1
    mv $F/text $F/before
done";
    let Some(ran) = alone(script, &[("F", folder.path().to_str().expect("a path in UTF-8"))])
    else {
        return;
    };
    let ran = ran.ok();
    assert!(ran.out == "skipped\n" || ran.out == "6\n".repeat(5), "{}{}", ran.out, ran.err);
}

/// Names of hosts are looked up where that is asked for, and mean one address.
#[test]
fn hosts_are_looked_up_where_that_is_asked_for() {
    let folder = folder();
    let rule = |source: &str| {
        format!(
            "table inet t {{\n\tchain c {{\n\t\ttype filter hook input priority 0\n\t\t{source} counter\n\
             \t}}\n}}\n"
        )
    };
    let named = file(&folder, "named.nft", rule("ip saddr localhost"));
    let ran = bpfc(&["check", &named]).fails(1);
    assert!(ran.err.contains("looked up with --resolve alone"), "{}", ran.err);
    let ir = |path: &str| {
        let ran = bpfc(&["compile", path, "--resolve", "--target", "tc", "--emit", "ir"]).ok();
        let code = ran.out.split_once("\nentry").expect("an entry").1;
        code.to_owned()
    };
    let written = file(&folder, "written.nft", rule("ip saddr 127.0.0.1"));
    assert_eq!(ir(&named), ir(&written));
    let missing = file(&folder, "missing.nft", rule("ip saddr a.invalid"));
    let script = "$BPFC check --resolve $R";
    if let Some(ran) = alone(script, &[("R", missing.as_str())]) {
        let ran = ran.fails(1);
        assert!(ran.err.contains("`a.invalid` cannot be looked up: "), "{}", ran.err);
    }
}

/// A ruleset with chains at prerouting alone is compiled for the targets that run these.
#[test]
fn chains_of_every_packet_need_no_choice_of_hooks() {
    let folder = folder();
    let text = "table ip t {\n\tchain c {\n\t\ttype filter hook prerouting priority 0\n\
                \t\tsocket transparent 1 counter\n\t}\n}\n";
    let path = file(&folder, "t.nft", text);
    let ran = bpfc(&["check", &path]).ok();
    for line in ["xdp         prerouting  compiles", "tc          prerouting  compiles"] {
        assert!(ran.out.contains(line), "{}", ran.out);
    }
    let help = "targets that run this ruleset's: netfilter, tc, xdp";
    assert!(ran.err.contains(help), "{}", ran.err);
    let ran = bpfc(&["compile", &path, "--target", "xdp", "--emit", "tree"]).ok();
    assert!(ran.out.contains("chain ip/t/c"), "{}", ran.out);
    // Which packets are forwarded is not for the compiler to guess.
    let path = file(
        &folder,
        "u.nft",
        text.replace("prerouting", "forward").replace("socket transparent 1", ""),
    );
    let ran = bpfc(&["check", &path, "--target", "xdp"]).fails(1);
    assert!(ran.err.contains("choose hooks: --hook forward"), "{}", ran.err);
}

/// What an interface's index is combined with is its number, not its name.
#[test]
fn indexes_of_interfaces_are_numbers_where_they_are_combined() {
    let folder = folder();
    let text = "table ip t {\n\tchain c {\n\t\ttype filter hook prerouting priority 0\n\
                \t\tmeta mark set meta mark | iif | meta cpu\n\t}\n}\n";
    let path = file(&folder, "t.nft", text);
    let ran = bpfc(&["compile", &path, "--target", "tc", "--emit", "ir"]).ok();
    for part in ["load.i32 meta.mark", "load.i32 meta.iif", "load.i32 meta.cpu"] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
}
