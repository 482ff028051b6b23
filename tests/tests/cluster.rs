//! The match cluster where frames come in: what it decides, and that frames for a group become
//! packets for this host, for the rules behind it and for the kernel's own tables behind the
//! program.

use bpfc_driver::Options;
use bpfc_ir::Hook;
use bpfc_runtime::{Filter, Options as LoadOptions};
use bpfc_tests::differential::EngineError;
use bpfc_tests::generate::conversation::{conversations, servers};
use bpfc_tests::generate::draft::{Draft, protocol};
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::generate::ruleset::Shape;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::inject::Frame;
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::lab::oracle::{INTERFACES, Oracle, Stage};
use bpfc_tests::lab::tables::{self, Counters, Reader, difference, restore};
use bpfc_tests::require::{self, Need};
use bpfc_tests::twin::artifact;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Before each of the last two rules the type is still that of the frame, or host.
const RULES: &str = "*filter\n:INPUT ACCEPT [0:0]\n\
     -A INPUT -m pkttype --pkt-type multicast\n\
     -A INPUT -p tcp -m cluster --cluster-total-nodes 2 --cluster-local-node 1 --cluster-hash-seed 7\n\
     -A INPUT -m pkttype --pkt-type multicast\n\
     -A INPUT -m cluster --cluster-total-nodes 3 ! --cluster-local-node 2 --cluster-hash-seed 0xbeef\n\
     -A INPUT -m cluster --cluster-total-nodes 8 --cluster-local-nodemask 27 --cluster-hash-seed 1\n\
     -A INPUT -m pkttype --pkt-type multicast\n\
     -A INPUT -m pkttype --pkt-type unicast\nCOMMIT\n";

/// What the kernel makes of the type behind the table under test.
const BEHIND: &str = "*security\n:INPUT ACCEPT [0:0]\n\
     -A INPUT -m pkttype --pkt-type multicast\n\
     -A INPUT -m pkttype --pkt-type unicast\nCOMMIT\n";

fn frames(family: Family) -> Vec<Frame> {
    let shape = Shape { orderly: true, ..Shape::new(family, Stage::TrackedInput) };
    let mut frames = conversations(&mut Rng::new(3), shape, 300);
    let mut rng = Rng::new(5);
    for _ in 0..100 {
        // The first four bytes are what IPv6 hashes.
        let mut draft = Draft::new(family);
        draft.become_protocol(protocol::UDP);
        draft.set_source(match family {
            Family::Ipv4 => Ipv4Addr::from(0x0a00_0000 | rng.bits() as u32 >> 8).into(),
            Family::Ipv6 => Ipv6Addr::from((0x2001_0000 | rng.below(999) as u128) << 96 | 1).into(),
        });
        draft.set_destination(servers(family)[0]);
        frames.push(draft.frame());
    }
    for (at, frame) in frames.iter_mut().enumerate() {
        match at % 4 {
            0 => frame.bytes[..6].copy_from_slice(&[0x01, 0x00, 0x5e, 0x00, 0x01, 0x15]),
            1 => frame.bytes[..6].fill(0xff),
            _ => {}
        }
    }
    frames
}

/// The counters of what moved, for all packets of the frames.
fn moved(reader: &Reader, run: impl FnOnce()) -> Counters {
    let before = reader.read().expect("counters");
    run();
    let mut counters = difference(reader, &before, &reader.read().expect("counters"));
    counters.retain(|label, count| count.packets > 0 && !label.ends_with(":policy"));
    counters
}

fn load(family: Family) -> Result<Filter, EngineError> {
    let options = Options { hooks: Some(vec![Hook::Input]), ..Options::default() };
    let artifact = artifact(&[(family, RULES.to_owned())], "tc", &options)?;
    let mut options = LoadOptions::new("cluster");
    options.interfaces = INTERFACES.map(str::to_owned).to_vec();
    Ok(Filter::load(&artifact, &options)?)
}

fn check(family: Family) {
    let mut oracle = Oracle::new(family, Stage::TrackedInput).expect("a namespace");
    let frames = frames(family);
    restore(family, BEHIND).expect("iptables");
    restore(family, RULES).expect("iptables");
    oracle.forget().expect("conntrack");
    let behind = Reader::new(family, "security").expect("a table");
    let reader = Reader::new(family, "filter").expect("a table");
    let mut expected_behind = Counters::new();
    let expected = moved(&reader, || {
        expected_behind = moved(&behind, || oracle.wire().send(&frames).expect("packets"));
    });
    let label = |rule: &str| format!("{}{rule}", family.label_prefix());
    let count = |rule: &str| expected.get(&label(rule)).map_or(0, |count| count.packets);
    assert!(count("filter/INPUT:3") > 0 && count("filter/INPUT:1") > count("filter/INPUT:3"));
    let nodes = [2, 4, 5].map(|rule| count(&format!("filter/INPUT:{rule}")));
    assert!(nodes.iter().all(|&node| node > 0 && node < frames.len() as u64), "{expected:?}");
    assert!(!expected_behind.contains_key(&label("security/INPUT:1")), "{expected_behind:?}");

    restore(family, "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n").expect("iptables");
    let filter = load(family).unwrap_or_else(|error| panic!("{error}"));
    oracle.forget().expect("conntrack");
    let found_behind = moved(&behind, || oracle.wire().send(&frames).expect("packets"));
    let counters = filter.counters().expect("counters");
    let counted = tables::moved(&counters).into_iter();
    let found: Counters = counted.filter(|(label, _)| !label.ends_with(":policy")).collect();
    assert_eq!(found, expected);
    assert_eq!(found_behind, expected_behind);
    filter.unload().expect("an end");
}

#[test]
fn nodes_are_chosen_as_iptables_chooses_them_ipv4() {
    if require::met(&[require::KERNEL_IPTABLES, &[Need::Tool("conntrack")]].concat()) {
        isolated(|| check(Family::Ipv4));
    }
}

#[test]
fn nodes_are_chosen_as_iptables_chooses_them_ipv6() {
    if require::met(&[require::KERNEL_IPTABLES, &[Need::Tool("conntrack")]].concat()) {
        isolated(|| check(Family::Ipv6));
    }
}
