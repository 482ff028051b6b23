//! The target CONNMARK: connections that the kernel has marked, and packets that leave with what the
//! program of TC restores of it, as counted by rules behind it and by the kernel's own.

use bpfc_driver::{Options, compile, target};
use bpfc_ir::{Hook, Input};
use bpfc_runtime::{Filter, Options as LoadOptions};
use bpfc_tests::generate::conversation::conversations;
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::generate::ruleset::Shape;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::lab::oracle::{OUT_INTERFACES, Oracle, Stage};
use bpfc_tests::lab::tables::{Counters, Reader, difference, moved, restore};
use bpfc_tests::require::{self, Need};

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

fn table(rules: &[&str]) -> String {
    let chains = ":PREROUTING ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n";
    format!("*mangle\n{chains}{}COMMIT\n", rules.concat())
}

/// The counters of the chain that restores, those that moved.
fn of_chain(counters: Counters) -> Counters {
    counters.into_iter().filter(|(label, _)| label.contains("mangle/POSTROUTING")).collect()
}

fn check(family: Family) {
    let stage = Stage::TrackedForward;
    let mut oracle = Oracle::new(family, stage).expect("a namespace");
    let shape = Shape { orderly: true, ..Shape::new(family, stage) };
    let frames = conversations(&mut Rng::new(1), shape, 400);
    oracle.forget().expect("conntrack");
    restore(family, &table(&[MARKING, RESTORING])).expect("iptables");
    let reader = Reader::new(family, "mangle").expect("a table");
    let before = reader.read().expect("counters");
    oracle.run(&frames).expect("packets");
    let after = reader.read().expect("counters");
    let expected = of_chain(difference(&reader, &before, &after));
    assert!(expected.len() >= 13, "{expected:?}");

    oracle.forget().expect("conntrack");
    restore(family, &table(&[MARKING])).expect("iptables");
    let options = Options {
        hooks: Some(vec![Hook::Postrouting]),
        tables: Some(vec!["mangle".to_owned()]),
        ..Options::default()
    };
    let format = Some(format!("{}-save", family.tool()));
    let bytes = table(&[RESTORING]).into_bytes();
    let input = Input { name: "rules".to_owned(), bytes, format };
    let compiled = compile(&[input], target("tc").expect("tc"), &options);
    let artifact = compiled.artifact.unwrap_or_else(|| panic!("{:?}", compiled.diagnostics));
    let mut options = LoadOptions::new("connmark");
    options.interfaces = OUT_INTERFACES.map(str::to_owned).to_vec();
    let filter = Filter::load(&artifact, &options).expect("a filter");
    oracle.run(&frames).expect("packets");
    let counters = filter.counters().expect("counters");
    assert_eq!(of_chain(moved(&counters)), expected);
    filter.unload().expect("an end");
}

#[test]
fn marks_are_restored_as_iptables_restores_them_ipv4() {
    if require::met(&[require::KERNEL_IPTABLES, &[Need::Tool("conntrack")]].concat()) {
        isolated(|| check(Family::Ipv4));
    }
}

#[test]
fn marks_are_restored_as_iptables_restores_them_ipv6() {
    if require::met(&[require::KERNEL_IPTABLES, &[Need::Tool("conntrack")]].concat()) {
        isolated(|| check(Family::Ipv6));
    }
}
