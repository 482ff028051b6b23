//! The targets CLASSIFY and SET --map-prio: packets that leave are counted by the class of the
//! interface's queueing discipline that the kernel's iptables and the program of TC choose.

use bpfc_driver::{Options, compile, target};
use bpfc_ir::{Hook, Input};
use bpfc_runtime::{Filter, Options as LoadOptions};
use bpfc_tests::generate::packets::packets;
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::generate::ruleset::{Shape, single_target};
use bpfc_tests::generate::targets::MARKING;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::inject::Frame;
use bpfc_tests::lab::namespace::{isolated, run};
use bpfc_tests::lab::oracle::{OUT_INTERFACES, Oracle, Stage};
use bpfc_tests::{require, sets};

/// A class by protocol, and by hop limit one that another rule chooses after it.
fn ruleset(family: Family) -> String {
    let hops = match family {
        Family::Ipv4 => "ttl --ttl-lt 32",
        Family::Ipv6 => "hl --hl-lt 32",
    };
    format!(
        "*mangle\n:POSTROUTING ACCEPT [0:0]\n\
         -A POSTROUTING -p tcp -j CLASSIFY --set-class 1:1\n\
         -A POSTROUTING -p udp -j CLASSIFY --set-class 1:2\n\
         -A POSTROUTING -m {hops} -j CLASSIFY --set-class 1:a3\nCOMMIT\n"
    )
}

/// Classes that the elements of sets name.
fn mapped(family: Family) -> String {
    let rules: &[&str] = match family {
        Family::Ipv4 => &[
            "SET --map-set info src --map-prio",
            "SET --map-set infonet dst --map-mark --map-prio",
            "SET --map-set infoport src,dst --map-prio",
            "SET --map-set infolist dst,dst --map-prio",
        ],
        Family::Ipv6 => &[
            "SET --map-set info6 src --map-prio --map-mark",
            "SET --map-set infolist6 dst --map-prio --map-mark",
        ],
    };
    let rules: String = rules.iter().map(|rule| format!("-A POSTROUTING -j {rule}\n")).collect();
    format!(
        "*mangle\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j CLASSIFY --set-class 1:ff\n{rules}COMMIT\n"
    )
}

/// Gives both output interfaces classes with counters from 0.
fn classes() {
    for interface in OUT_INTERFACES {
        // There is none the first time.
        let _ = run("tc", &["qdisc", "del", "dev", interface, "root"], "");
        let mut lines = format!("qdisc add dev {interface} root handle 1: htb default ff\n");
        for class in ["1", "2", "a3", "ff"] {
            lines +=
                &format!("class add dev {interface} parent 1: classid 1:{class} htb rate 10gbit\n");
        }
        run("tc", &["-batch", "-"], &lines).expect("htb");
    }
}

/// How many packets each class has sent.
fn counts() -> Vec<String> {
    let mut counts = Vec::new();
    for interface in OUT_INTERFACES {
        let shown = run("tc", &["-s", "class", "show", "dev", interface], "").expect("classes");
        let mut class = String::new();
        for line in shown.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["class", "htb", name, ..] => class = name.to_owned(),
                ["Sent", _, "bytes", packets, ..] => {
                    counts.push(format!("{interface} {class} {packets}"));
                }
                _ => {}
            }
        }
    }
    counts.sort();
    counts
}

fn send(oracle: &mut Oracle, frames: &[Frame]) -> Vec<String> {
    classes();
    oracle.run(frames).expect("packets");
    counts()
}

fn check(family: Family, text: &str) {
    let stage = Stage::Postrouting;
    let mut oracle = Oracle::new(family, stage).expect("a namespace");
    let shape = Shape::new(family, stage);
    // Packets that are in sets.
    let facets = single_target(&mut Rng::new(2), shape, &MARKING[1]).facets;
    let frames = packets(&mut Rng::new(1), shape, &facets.list, 400);
    oracle.load(text).expect("iptables");
    let expected = send(&mut oracle, &frames);
    let used = expected.iter().filter(|count| !count.ends_with(" 0")).count();
    assert!(used >= 6, "{expected:?}");

    oracle.load(&stage.empty_ruleset()).expect("iptables");
    let options = Options {
        hooks: Some(vec![Hook::Postrouting]),
        tables: Some(vec!["mangle".to_owned()]),
        ..Options::default()
    };
    let format = Some(format!("{}-save", family.tool()));
    let input = Input { name: "rules".to_owned(), bytes: text.as_bytes().to_vec(), format };
    let compiled = compile(&[input, sets::input()], target("tc").expect("tc"), &options);
    let artifact =
        compiled.artifact().cloned().unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
    let mut options = LoadOptions::new("classify");
    options.interfaces = OUT_INTERFACES.map(str::to_owned).to_vec();
    let filter = Filter::load(&artifact, &options).expect("a filter");
    assert_eq!(send(&mut oracle, &frames), expected);
    filter.unload().expect("an end");
}

#[test]
fn classes_are_those_that_iptables_chooses_ipv4() {
    if require::met(require::KERNEL_IPTABLES) {
        isolated(|| check(Family::Ipv4, &ruleset(Family::Ipv4)));
    }
}

#[test]
fn classes_are_those_that_iptables_chooses_ipv6() {
    if require::met(require::KERNEL_IPTABLES) {
        isolated(|| check(Family::Ipv6, &ruleset(Family::Ipv6)));
    }
}

#[test]
fn classes_are_those_that_sets_name() {
    if require::met(require::KERNEL_IPTABLES) {
        for family in Family::ALL {
            isolated(|| check(family, &mapped(family)));
        }
    }
}
