//! The target CONNMARK: marks that the program of TC restores to packets that leave, and marks that
//! it gives to their connections, as counted by rules behind it, for later packets, and as the
//! kernel's own list of connections shows them.

use bpfc_driver::{Options, compile, target};
use bpfc_ir::{Hook, Input};
use bpfc_runtime::{Filter, Options as LoadOptions, XdpMode};
use bpfc_tests::differential::EngineError;
use bpfc_tests::generate::conversation::conversations;
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::generate::ruleset::Shape;
use bpfc_tests::generate::targets::connection_marks;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::namespace::{isolated, run};
use bpfc_tests::lab::nft;
use bpfc_tests::lab::oracle::{OUT_INTERFACES, Oracle, Stage};
use bpfc_tests::lab::tables::{Counters, Reader, difference, moved, restore};
use bpfc_tests::require::{self, Need};
use bpfc_tests::traffic::{Call, End, tcp, udp};
use bpfc_tests::twin::{Firewall, Host, Link, Place, Plan, twins};

/// Rules by which the kernel marks connections.
const MARKING: &str = "-A PREROUTING -p tcp -m tcp --dport 443 -j CONNMARK --set-mark 0x1f7\n\
     -A PREROUTING -p udp -j CONNMARK --set-mark 0x80000001\n\
     -A PREROUTING -p tcp -m tcp --dport 22 -j CONNMARK --set-mark 0x7\n";

/// Rules that restore marks and look at them.
const RESTORING: &str = "-A POSTROUTING -j CONNMARK --restore-mark\n\
     -A POSTROUTING -m mark --mark 0x1f7\n\
     -A POSTROUTING -m mark --mark 0x80000001\n\
     -A POSTROUTING -m mark --mark 0\n\
     -A POSTROUTING -j MARK --set-mark 0xff\n\
     -A POSTROUTING -j CONNMARK --restore-mark --nfmask 0xf --ctmask 0xf7 --left-shift-mark 1\n\
     -A POSTROUTING -m mark --mark 0x1fe/0x1fe\n\
     -A POSTROUTING -m mark --mark 0x1e/0x1f\n\
     -A POSTROUTING -m mark --mark 0xf0\n\
     -A POSTROUTING -j CONNMARK --restore-mark --mask 0xfffffff0 --right-shift-mark 4\n\
     -A POSTROUTING -m mark --mark 0x1/0x1\n\
     -A POSTROUTING -m mark --mark 0x8000000/0x8000000\n\
     -A POSTROUTING -m connmark --mark 0x1f7\n";

/// Rules that set and save marks, and what rules behind and later packets see of them.
const WRITING: &str = "-A POSTROUTING -p tcp -m connmark --mark 0x5/0x5\n\
     -A POSTROUTING -p tcp -j CONNMARK --xor-mark 0x5\n\
     -A POSTROUTING -p tcp -m connmark --mark 0x5/0x5\n\
     -A POSTROUTING -p tcp -m connmark --mark 0x1f2\n\
     -A POSTROUTING -p tcp -m tcp --tcp-flags SYN SYN -j CONNMARK --set-xmark 0x70/0xf0 --left-shift-mark 8\n\
     -A POSTROUTING -p tcp -m connmark --mark 0x7000/0xf000\n\
     -A POSTROUTING -p tcp -m tcp --tcp-flags FIN FIN -j CONNMARK --or-mark 0xc0000 --right-shift-mark 1\n\
     -A POSTROUTING -p tcp -m connmark --mark 0x60000/0x60000\n\
     -A POSTROUTING -p udp -m connmark --mark 0x80000001\n\
     -A POSTROUTING -p udp -m length --length 0:100 -j MARK --set-mark 0xabcd\n\
     -A POSTROUTING -p udp -j CONNMARK --save-mark --nfmask 0xff0 --ctmask 0xff00ff --left-shift-mark 12\n\
     -A POSTROUTING -p udp -j CONNMARK --and-mark 0x7ff03fff\n\
     -A POSTROUTING -p udp -m connmark --mark 0\n\
     -A POSTROUTING -p udp -m connmark ! --mark 0\n\
     -A POSTROUTING -p udp -m udp --sport 1024:65535 -j CONNMARK --save-mark --mask 0xffff --right-shift-mark 4\n\
     -A POSTROUTING -p udp -m connmark --mark 0xabc/0xfff\n\
     -A POSTROUTING -j MARK --set-mark 0\n\
     -A POSTROUTING -j CONNMARK --restore-mark\n\
     -A POSTROUTING -m mark ! --mark 0\n";

/// Packets of which some are tracked in zones of their own, of both or of one direction.
const ZONES: &str = "*raw\n:PREROUTING ACCEPT\n:OUTPUT DROP\n\
     -A PREROUTING -p tcp -j CT --zone 5\n\
     -A PREROUTING -p udp -m length --length 0:60 -j CT --zone-orig 6\n\
     -A PREROUTING -p udp -m length --length 61: -j CT --zone-reply 7\nCOMMIT\n";

fn table(rules: &[&str]) -> String {
    let chains = ":PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n";
    format!("*mangle\n{chains}{}COMMIT\n", rules.concat())
}

/// The counters of the chain under test, those that moved.
fn of_chain(counters: Counters) -> Counters {
    counters.into_iter().filter(|(label, _)| label.contains("mangle/POSTROUTING")).collect()
}

/// What is tracked, without what time changes: protocol, both tuples, zone and mark.
fn connections(family: Family) -> Vec<String> {
    let name = match family {
        Family::Ipv4 => "ipv4",
        Family::Ipv6 => "ipv6",
    };
    let listed = run("conntrack", &["-L", "-f", name], "").expect("conntrack");
    let kept = ["src", "dst", "sport", "dport", "type", "code", "mark"];
    let wanted = |word: &&str| {
        let name = word.split('=').next().unwrap_or_default();
        word.contains('=') && (kept.contains(&name) || name.starts_with("zone"))
    };
    let mut connections: Vec<String> = listed
        .lines()
        .map(|line| {
            let protocol = line.split_whitespace().next().unwrap_or_default();
            let words: Vec<&str> = line.split_whitespace().filter(wanted).collect();
            format!("{protocol} {}", words.join(" "))
        })
        .collect();
    connections.sort();
    connections
}

/// What the kernel and the program make of the same packets, by counters and connections.
fn check(family: Family, rules: &str, raw: &str) -> Vec<String> {
    let stage = Stage::TrackedForward;
    let mut oracle = Oracle::new(family, stage).expect("a namespace");
    let shape = Shape { orderly: true, ..Shape::new(family, stage) };
    let frames = conversations(&mut Rng::new(1), shape, 400);
    oracle.forget().expect("conntrack");
    if !raw.is_empty() {
        restore(family, raw).expect("iptables");
    }
    restore(family, &table(&[MARKING, rules])).expect("iptables");
    let reader = Reader::new(family, "mangle").expect("a table");
    let before = reader.read().expect("counters");
    oracle.run(&frames).expect("packets");
    let after = reader.read().expect("counters");
    let expected = of_chain(difference(&reader, &before, &after));
    assert!(expected.len() > rules.lines().count() / 2, "{expected:?}");
    let tracked = connections(family);

    oracle.forget().expect("conntrack");
    restore(family, &table(&[MARKING])).expect("iptables");
    let options = Options {
        hooks: Some(vec![Hook::Postrouting]),
        tables: Some(vec!["mangle".to_owned()]),
        ..Options::default()
    };
    let format = Some(format!("{}-save", family.tool()));
    let bytes = table(&[rules]).into_bytes();
    let input = Input { name: "rules".to_owned(), bytes, format };
    let compiled = compile(&[input], target("tc").expect("tc"), &options);
    let artifact =
        compiled.artifact().cloned().unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
    let mut options = LoadOptions::new("connmark");
    options.interfaces = OUT_INTERFACES.map(str::to_owned).to_vec();
    let filter = Filter::load(&artifact, &options).expect("a filter");
    oracle.run(&frames).expect("packets");
    let counters = filter.counters().expect("counters");
    assert_eq!(of_chain(moved(&counters)), expected);
    assert_eq!(connections(family), tracked);
    filter.unload().expect("an end");
    tracked
}

/// Rules of nft that set marks, and what rules behind and later packets see of them.
const NFT: &str = "meta l4proto tcp ct mark set ct mark ^ 0x5
    meta l4proto tcp ct mark & 0x5 == 0x5
    tcp flags syn ct mark set 0x1f2
    meta l4proto { tcp, udp } ct mark 0x1f2
    meta length 0-100 meta mark set 0xabcd
    meta l4proto udp ct mark set meta mark
    udp dport 0-1000 ct mark set meta mark map { 0xabcd : 7, 0 : 9 }
    ct mark 7
    ct mark { 9, 0xabcd }
    meta mark set ct mark
    meta mark != 0
    meta mark set (ct mark | 0x10) << 8
    meta mark & 0xff00 == 0x1700";

/// Those that take two values for one, from nft 1.1.2 on.
const NFT_COMBINED: &str = "meta length 0-100 meta mark set 0xabcd
    meta l4proto udp ct mark set ct mark & 0xffff0000 | meta mark & 0xffff
    ct mark & 0xffff == 0xabcd
    tcp dport 0-40000 ct mark set ct mark | th dport
    meta l4proto tcp ct mark 0-40000
    meta mark set ct mark & 0xff | meta mark & 0xff00
    meta mark != 0xabcd";

/// What the kernel and the program make of the same packets by rules of nft.
fn check_nft(family: Family, rules: &str) {
    let mut oracle = Oracle::new(family, Stage::TrackedForward).expect("a namespace");
    let shape = Shape { orderly: true, ..Shape::new(family, Stage::TrackedForward) };
    let frames = conversations(&mut Rng::new(1), shape, 400);
    let counted: String = rules.lines().map(|rule| format!("{} counter\n", rule.trim())).collect();
    let text = format!(
        "table inet t {{\nchain c {{\ntype filter hook postrouting priority -150\n{counted}}}\n}}\n"
    );
    restore(family, &table(&[MARKING])).expect("iptables");
    nft::load(&text).expect("nft");
    let reader = nft::Reader::new().expect("counters");
    let before = reader.read().expect("counters");
    oracle.forget().expect("conntrack");
    oracle.run(&frames).expect("packets");
    let expected = reader.moved(&before).expect("counters");
    assert!(expected.len() > rules.lines().count() * 2 / 3, "{expected:?}");
    let tracked = connections(family);
    assert!(tracked.iter().any(|line| !line.ends_with("mark=0")), "{tracked:#?}");

    nft::flush().expect("nft");
    oracle.forget().expect("conntrack");
    let options = Options { hooks: Some(vec![Hook::Postrouting]), ..Options::default() };
    let (name, format) = ("rules".to_owned(), Some("nft".to_owned()));
    let input = Input { name, bytes: text.into_bytes(), format };
    let compiled = compile(&[input], target("tc").expect("tc"), &options);
    let artifact =
        compiled.artifact().cloned().unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
    let mut options = LoadOptions::new("connmark");
    options.interfaces = OUT_INTERFACES.map(str::to_owned).to_vec();
    let filter = Filter::load(&artifact, &options).expect("a filter");
    oracle.run(&frames).expect("packets");
    let counters = filter.counters().expect("counters");
    assert_eq!(moved(&counters), expected);
    assert_eq!(connections(family), tracked);
    filter.unload().expect("an end");
}

/// What a host marks as it sends, and sees of that in what it sends and receives later.
const HOST: &str = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
     -A INPUT -m connmark --mark 0\n\
     -A INPUT -p tcp -m connmark --mark 0x15\n\
     -A INPUT -p udp -m connmark --mark 0x10002\n\
     -A OUTPUT -m connmark --mark 0\n\
     -A OUTPUT -p tcp -m connmark ! --mark 0x15 -j CONNMARK --set-mark 0x15\n\
     -A OUTPUT -p tcp -m connmark --mark 0x15\n\
     -A OUTPUT -p udp -m connmark --mark 0x10002\n\
     -A OUTPUT -p udp -m connmark --mark 0 -j CONNMARK --or-mark 2\n\
     -A OUTPUT -p udp -j CONNMARK --set-xmark 0x10000/0xff0000\n\
     -A OUTPUT -j CONNMARK --restore-mark\n\
     -A OUTPUT -p tcp -m mark --mark 0x15\n\
     -A OUTPUT -p udp -m mark --mark 0x10002\nCOMMIT\n";

const LINKS: &[Link] = &[Link {
    name: "eth0",
    host: &["10.1.0.1/24", "2001:db8:1::1/64"],
    peer: &["10.1.0.2", "2001:db8:1::2"],
}];

fn calls(host: &mut Host) -> Result<(), EngineError> {
    for (ours, theirs) in [("10.1.0.1", "10.1.0.2"), ("2001:db8:1::1", "2001:db8:1::2")] {
        let peer = |port| End::new(Place::Peer(0), theirs, port);
        let own = |port| End::new(Place::Host, ours, port);
        tcp(host, &Call::new(peer(40_000), own(80)))?;
        tcp(host, &Call::new(own(40_001), peer(8080)))?;
        udp(host, &Call::new(peer(50_000), own(53)))?;
        udp(host, &Call::new(own(50_001), peer(123)))?;
    }
    Ok(())
}

const NEEDS: &[&[Need]] = &[require::KERNEL_IPTABLES, &[Need::Tool("conntrack")]];

#[test]
fn marks_are_restored_as_iptables_restores_them_ipv4() {
    if require::met(&NEEDS.concat()) {
        isolated(|| check(Family::Ipv4, RESTORING, ""));
    }
}

#[test]
fn marks_are_restored_as_iptables_restores_them_ipv6() {
    if require::met(&NEEDS.concat()) {
        isolated(|| check(Family::Ipv6, RESTORING, ""));
    }
}

#[test]
fn connections_are_marked_as_iptables_marks_them() {
    if require::met(&NEEDS.concat()) {
        for family in Family::ALL {
            isolated(|| {
                let tracked = check(family, WRITING, "");
                let marked = tracked.iter().filter(|line| !line.ends_with("mark=0"));
                assert!(marked.count() >= 10, "{tracked:#?}");
            });
        }
    }
}

#[test]
fn connections_are_marked_as_nft_marks_them() {
    if !require::met(&[&NEEDS.concat()[..], &[Need::Tool("nft")]].concat()) {
        return;
    }
    for family in Family::ALL {
        isolated(|| check_nft(family, NFT));
        if nft::is_at_least([1, 1, 2]) {
            isolated(|| check_nft(family, NFT_COMBINED));
        }
    }
}

#[test]
fn random_rules_mark_connections() {
    if !require::met(&NEEDS.concat()) {
        return;
    }
    let mut rng = Rng::new(require::number("BPFC_SEED", 1));
    for family in Family::ALL {
        for _ in 0..4 {
            let rules = connection_marks(&mut rng, "POSTROUTING");
            isolated(|| drop(check(family, &rules, "")));
        }
    }
}

#[test]
fn connections_in_zones_are_marked() {
    if require::met(&NEEDS.concat()) {
        for family in Family::ALL {
            isolated(|| {
                let tracked = check(family, WRITING, ZONES);
                for zone in ["zone=5", "zone-orig=6", "zone-reply=7"] {
                    let inside = |line: &&String| line.contains(zone) && !line.contains("mark=0");
                    assert!(tracked.iter().any(|line| inside(&line)), "{zone}: {tracked:#?}");
                }
            });
        }
    }
}

#[test]
fn real_connections_are_marked() {
    if !require::met(&NEEDS.concat()) {
        return;
    }
    let plan = Plan {
        links: LINKS,
        forwarding: false,
        rulesets: Family::ALL.map(|family| (family, HOST.to_owned())).to_vec(),
        hooks: None,
    };
    let program = Firewall::Program("tc", XdpMode::Auto);
    let counted = twins(&plan, program, calls).unwrap_or_else(|report| panic!("{report}"));
    let unused: Vec<_> = counted
        .iter()
        .filter(|(label, count)| !label.contains("FORWARD") && count.packets == 0)
        .collect();
    assert!(unused.is_empty(), "{unused:?}");
}
