//! The sets of a loaded filter against ipset's own: the same changes are made to both, each must be
//! taken or refused by both, and both must hold the same elements in the end.

use bpfc_driver::{Options, compile, target};
use bpfc_ir::Input;
use bpfc_runtime::{Artifact, Error, Filter, FilterSet};
use bpfc_tests::lab::namespace::{isolated, run};
use bpfc_tests::{require, sets};
use std::collections::BTreeSet;
use std::net::UdpSocket;

/// `add`, `del` and `test`, in ipset's words.
const CHANGES: &str = "\
add ip 10.0.0.1
add ip 010.0.0.9
test ip 8.0.0.9
add ip 10.1
add ip 11.9
del ip 11.0.0.9 timeout 5
del ip 11.0.011
add ip 0x0a000001
add ip 10.0.0.9
del ip 10.0.0.9
del ip 10.0.0.9
del ip 10.0.0.9 -exist
del ip 12.0.0.0/24 -exist
test ip 10.0.0.2
test ip 10.0.0.200
add ip24 10.0.0.77
add ip24 10.0.5.77
add ipb 77.1.2.3
add net 0.0.0.0/0
add net 10.0.0.0/9
test net 10.200.0.1
test net 10.1.7.7
test net 10.1.7.7 nomatch
test net 10.1.7.7 --nomatch
test net 10.1.7.7 timeout 5
test net 10.1.0.0/16
del net 10.1.0.0/16 nomatch
del net 10.1.0.0/16
test net 10.1.7.7
add net 12.0.0.0/6
del net 10.0.0.0/8
add net 20.0.0.3-20.0.0.9
add bip 10.0.0.9 timeout 1000 packets 7 bytes 8
add bip 11.0.0.9
add bport 443
add bport 2000
test bport 22
add ipport 10.0.0.9,http timeout 0
add ipport 10.0.0.9,gre:7
test ipport 10.0.0.1,udp:53
test ipport 10.0.0.1,53
del ipportip 10.0.0.1,udp:53,10.0.0.2
test ipportnet 10.0.0.1,udp:53,10.1.2.3
test ipportnet 10.0.0.1,udp:53,10.2.2.3
add netport 1.0.0.0/8,tcp:20-22
test netport 1.2.3.4,21
add netif 10.0.0.0/8,wlan0
test netif 10.1.2.3,eth0
test netif 10.2.2.3,eth0
test netif 10.2.2.3,eth9
test netif 172.16.1.1,eth7
del netif 10.0.0.0/8,eth0
add netif 30.0.0.0/010,eth wildcard
add netif 30.0.0.0/8,eth
add netif 30.0.0.0/8,eth -exist
del netif 172.16.0.0/12,eth
add count 10.0.0.77 packets 0x3
add count 10.0.0.2 -exist
add count 10.0.0.77 bytes 9 -exist
add countnet 10.9.0.0/16 comment packets packets 5
add countnet 10.9.0.0/16 comment packets -exist
del countnet 10.9.0.0/16
add count 10.0.0.78 comment x
add countnet 10.9.0.0/16 comment nine
add info 10.0.0.9 skbmark 0x5/0xf skbprio 2:3f skbqueue 4
add info 10.0.0.10 skbmark 0x77
del info 10.0.0.1
add mac 10.0.0.9,1:2:3:4:5:6
add mac 10.0.0.1
add mac 10.0.0.1,1:2:3:4:5:7
add mac 10.0.0.1,1:2:3:4:5:8
add mac 10.0.0.1 -exist
test mac 10.0.0.1,1:2:3:4:5:7
test mac 10.0.0.1,1:2:3:4:5:8
test mac 10.0.0.1
add mac 10.0.0.1,1:2:3:4:5:9 -exist
test mac 10.0.0.1,1:2:3:4:5:9
add infomac 10.0.0.1,1:2:3:4:5:9
add few 1.1.1.1-1.1.1.9
add few 1.1.1.1-1.1.1.3
add few 1.1.1.1-1.1.1.9 -exist
del few 1.1.1.0/24 -exist
add few 1.1.1.7-1.1.1.9
test list net before ipport
test list ipport after net
test list net after ipport
del list net before bport
del list net before nothere
del list net before ipport
test list net
test list ipport after ip
del list net
del list net -exist
del list nothere -exist
test list nothere
add list deeplist
add list ip
add list ip,after,net
add list net,before,ipport packets 7
add list net,before,ipport -exist
add list net after bport -exist
add ip6 2001:db8::77
add ip6 ::
test net6 2001:db8::7
test net6 2001:db9::7
add net6 2001:db9::/40
test net6 2001:db9::7
add netif6 2001:db9::/40,eth1
test ipport6 2001:db8::3,icmpv6:ping
";

/// A rule for each set, so that the filter has them all.
fn ruleset(names: &[(&str, usize)]) -> String {
    let mut text = "*filter\n:INPUT ACCEPT [0:0]\n".to_owned();
    for (name, parts) in names {
        let words = vec!["src"; *parts].join(",");
        text += &format!("-A INPUT -m set --match-set {name} {words}\n");
    }
    text + "COMMIT\n"
}

fn load() -> Filter {
    Filter::load(&artifact(), &bpfc_runtime::Options::new("sets")).expect("loads")
}

fn artifact() -> Artifact {
    let input = |name: &str, text: String| Input {
        name: name.to_owned(),
        bytes: text.into_bytes(),
        format: Some(name.to_owned()),
    };
    let mut four = sets::NAMES4.to_vec();
    four.extend([("netif", 2), ("mac", 2), ("infomac", 2), ("maclist", 2), ("few", 1)]);
    let mut six = sets::NAMES6.to_vec();
    six.push(("netif6", 2));
    let inputs = [
        input("iptables-save", ruleset(&four)),
        input("ip6tables-save", ruleset(&six)),
        sets::input(),
    ];
    let netfilter = target("netfilter").expect("the target");
    let compiled = compile(&inputs, netfilter, &Options::default());
    compiled.artifact().cloned().unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
}

/// Whether the runtime takes a line.
fn change(set: &FilterSet, command: &str, element: &[&str]) -> bool {
    let exist = element.contains(&"-exist");
    let element: Vec<&str> = element.iter().copied().filter(|word| *word != "-exist").collect();
    let element = &element[..];
    match command {
        "add" => set.add(element, exist).is_ok(),
        "del" => set.delete(element, exist).is_ok(),
        _ => set.test(element).unwrap_or(false),
    }
}

/// Lines of elements. Timeouts of 1,000 seconds run, on a busy machine for a while, and are
/// compared as they began.
fn elements(text: &str) -> BTreeSet<String> {
    let begun = |word: &str| match word.parse::<u32>() {
        Ok(900..1000) => "1000".to_owned(),
        _ => word.to_owned(),
    };
    let lines = text.lines().filter(|line| line.starts_with("add "));
    lines.map(|line| line.split(' ').map(begun).collect::<Vec<_>>().join(" ")).collect()
}

fn check() {
    sets::restore().expect("ipset restores");
    let filter = load();
    for line in CHANGES.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let kernel = run("ipset", &words, "").is_ok();
        let set = filter.set(words[1]).expect("the set");
        let ours = change(&set, words[0], &words[2..]);
        assert_eq!(ours, kernel, "{line}: the kernel says {kernel}");
    }
    let mut ours = String::new();
    for def in filter.sets().expect("sets") {
        let info = filter.set(&def.name).and_then(|set| set.list()).expect("lists");
        let layout = info.def.layout();
        for (key, value) in info.set.iter() {
            let element = info.def.show_element(&layout, key, value, info.now);
            ours += &format!("add {} {element}\n", def.name);
        }
    }
    let kernel = run("ipset", &["save"], "").expect("ipset saves");
    assert_eq!(elements(&ours), elements(&kernel));

    let net = filter.set("net").expect("the set");
    net.flush().expect("flushes");
    assert!(net.list().expect("lists").set.is_empty());
    assert!(!net.test(&["10.2.3.4"]).expect("tests"));
    filter.swap_sets("count", "ip").expect_err("sets of different options cannot be swapped");
    filter.unload().expect("unloads");
}

#[test]
fn changes_are_taken_as_ipset_takes_them() {
    if require::met(require::KERNEL_IPTABLES) {
        isolated(check);
    }
}

/// A handle goes where its filter goes.
fn follow() {
    let filter = load();
    let set = filter.set("ip").expect("the set");
    set.add(&["10.9.0.1"], false).expect("adds");
    filter.zero().expect("zeroes");
    set.add(&["10.9.0.2"], false).expect("adds after counters were zeroed");
    filter.replace(&artifact()).expect("replaces");
    set.add(&["10.9.0.3"], false).expect("adds after a replacement");
    for element in ["10.9.0.1", "10.9.0.2", "10.9.0.3"] {
        let fresh = filter.set("ip").expect("the set");
        assert!(fresh.test(&[element]).expect("tests"), "{element}");
    }
    filter.unload().expect("unloads");
    assert!(matches!(set.add(&["10.9.0.4"], false), Err(Error::NotFound(_))));
    let filter = load();
    set.add(&["10.9.0.5"], false).expect("adds to the filter that is there now");
    let fresh = filter.set("ip").expect("the set");
    assert!(fresh.test(&["10.9.0.5"]).expect("tests"));
    assert!(!fresh.test(&["10.9.0.1"]).expect("tests"));
    filter.unload().expect("unloads");
}

#[test]
fn handles_follow_their_filter() {
    if require::met(require::KERNEL_IPTABLES) {
        isolated(follow);
    }
}

/// Threads that share a handle, and one with its own, change networks of many lengths: every change
/// of the lengths that occur is a switch of the whole set.
fn change_together() {
    const ROUNDS: u32 = 36;
    let filter = load();
    let shared = filter.set("net").expect("the set");
    shared.flush().expect("flushes");
    let own = filter.set("net").expect("the set");
    let network =
        |thread: u32, round: u32| format!("{}.{round}.0.0/{}", 20 + thread, 17 + round % 12);
    std::thread::scope(|scope| {
        for (thread, set) in [(0, &shared), (1, &shared), (2, &own)] {
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    set.add(&[&network(thread, round)], false).expect("adds");
                    if !round.is_multiple_of(3) {
                        set.delete(&[&network(thread, round)], false).expect("deletes");
                    }
                }
            });
        }
    });
    let found = shared.list().expect("lists").set.iter().count();
    assert_eq!(found, 3 * ROUNDS.div_ceil(3) as usize);
    for (thread, round) in (0..3).flat_map(|thread| (0..ROUNDS).map(move |round| (thread, round))) {
        let address = format!("{}.{round}.0.1", 20 + thread);
        let there = own.test(&[&address]).expect("tests");
        assert_eq!(there, round.is_multiple_of(3), "{address}");
    }
    filter.unload().expect("unloads");
}

#[test]
fn changes_from_several_threads_are_all_made() {
    if require::met(require::KERNEL_IPTABLES) {
        isolated(change_together);
    }
}

/// A full set with `forceadd` takes what packets add, and keeps its size; one without takes nothing
/// more, also where marks of networks lie beside its elements.
fn make_room() {
    const SETS: &str = "\
create room hash:ip maxelem 3 forceadd counters
create roomif hash:net,iface maxelem 3 forceadd
create full hash:ip maxelem 3
create fullif hash:net,iface maxelem 3
";
    const RULES: &str = "\
*filter
:INPUT ACCEPT [0:0]
-A INPUT -p udp --dport 4000 -j SET --add-set room src
-A INPUT -p udp --dport 4000 -j SET --add-set roomif src,src
-A INPUT -p udp --dport 4000 -j SET --add-set full src
-A INPUT -p udp --dport 4000 -j SET --add-set fullif src,src
COMMIT
";
    run("ip", &["link", "set", "lo", "up"], "").expect("lo comes up");
    let input = |format: &str, text: &str| Input {
        name: format.to_owned(),
        bytes: text.as_bytes().to_vec(),
        format: Some(format.to_owned()),
    };
    let inputs = [input("iptables-save", RULES), input("ipset-save", SETS)];
    let receiver = UdpSocket::bind("127.0.0.1:4000").expect("a socket");
    for name in ["netfilter", "tc"] {
        let compiled = compile(&inputs, target(name).expect("the target"), &Options::default());
        let artifact =
            compiled.artifact().cloned().unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
        let mut options = bpfc_runtime::Options::new("room");
        if name == "tc" {
            options.interfaces = vec!["lo".to_owned()];
        }
        let filter = Filter::load(&artifact, &options).expect("loads");
        let set = |name: &str| filter.set(name).expect("the set");
        for last in 1..40 {
            let address = format!("127.0.1.{last}");
            let sender = UdpSocket::bind((address.as_str(), 0)).expect("a socket");
            sender.send_to(b"x", "127.0.0.1:4000").expect("sends");
            receiver.recv(&mut [0; 8]).expect("receives");
            for (name, element) in [("room", address.clone()), ("roomif", format!("{address},lo"))]
            {
                let there = set(name).list().expect("lists").set;
                assert_eq!(there.len(), last.min(3), "{name} after {address}");
                assert!(set(name).test(&[&element]).expect("tests"), "{name} has no {element}");
            }
            for name in ["full", "fullif"] {
                assert_eq!(set(name).list().expect("lists").set.len(), last.min(3), "{name}");
            }
        }
        filter.unload().expect("unloads");
    }
}

#[test]
fn full_sets_make_room_for_what_packets_add() {
    if require::met(require::KERNEL_IPTABLES) {
        isolated(make_room);
    }
}
