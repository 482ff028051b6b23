//! Chains of several hooks in one program: a packet meets them as it meets them in the kernel.

use bpfc_driver::Options;
use bpfc_ir::Hook;
use bpfc_packet::PacketBuilder;
use bpfc_runtime::{TestPacket, Unattached};
use bpfc_tests::lab::Family;
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::require;
use bpfc_tests::require::Need;
use bpfc_tests::twin::artifact;

const INCOMING: &str = "*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -s 192.0.2.0/24 -j DROP
-A PREROUTING -s 198.51.100.0/24 -j ACCEPT
COMMIT
*filter
:INPUT DROP [0:0]
-A INPUT -s 192.0.2.0/24
-A INPUT -s 198.51.100.1/32 -j ACCEPT
COMMIT
";

const OUTGOING: &str = "*mangle
:POSTROUTING DROP [0:0]
-A POSTROUTING -m mark --mark 7 -j ACCEPT
COMMIT
*filter
:OUTPUT ACCEPT [0:0]
-A OUTPUT -s 192.0.2.0/24 -j DROP
COMMIT
";

/// What each rule counted when packets of these sources ran through the program, and how many
/// packets were dropped.
fn run(
    text: &str,
    target: &str,
    hooks: &[Hook],
    mark: u32,
    ingress_ifindex: u32,
    sources: &[[u8; 4]],
) -> (Vec<(String, u64)>, usize) {
    let tables = ["raw", "mangle", "filter"].into_iter().filter(|t| text.contains(*t));
    let options = Options {
        hooks: Some(hooks.to_vec()),
        tables: Some(tables.map(str::to_owned).collect()),
        ..Options::default()
    };
    isolated(|| {
        let artifact = artifact(&[(Family::Ipv4, text.to_owned())], target, &options).unwrap();
        assert_eq!(artifact.programs.len(), 1);
        let loaded = Unattached::load(&artifact).unwrap();
        let mut dropped = 0;
        for source in sources {
            let packet = PacketBuilder::ipv4(*source, [203, 0, 113, 1]).udp(9, 9);
            let mut data = vec![0; 12];
            data.extend([8, 0]);
            data.extend(packet.bytes());
            let packet = TestPacket { data: &data, mark, ingress_ifindex, ..TestPacket::default() };
            let verdict = loaded.run(0, &packet, 1).unwrap().verdict;
            dropped += usize::from(verdict == if target == "xdp" { 1 } else { 2 });
        }
        let counters = loaded.counters().unwrap();
        (
            counters.iter().map(|(rule, count)| (rule.label.clone(), count.packets)).collect(),
            dropped,
        )
    })
}

fn counted(list: &[(&str, u64)]) -> Vec<(String, u64)> {
    list.iter().map(|(label, packets)| ((*label).to_owned(), *packets)).collect()
}

#[test]
fn prerouting_comes_before_input() {
    if !require::met(&[Need::Root]) {
        return;
    }
    let sources = [[192, 0, 2, 1], [198, 51, 100, 1], [198, 51, 100, 2], [10, 0, 0, 1]];
    for target in ["xdp", "tc"] {
        for hooks in [[Hook::Prerouting, Hook::Input], [Hook::Input, Hook::Prerouting]] {
            let (mut counts, dropped) = run(INCOMING, target, &hooks, 0, 0, &sources);
            counts.sort();
            let expected = counted(&[
                ("filter/INPUT:1", 0),
                ("filter/INPUT:2", 1),
                ("filter/INPUT:policy", 2),
                ("raw/PREROUTING:1", 1),
                ("raw/PREROUTING:2", 2),
                ("raw/PREROUTING:policy", 1),
            ]);
            assert_eq!((counts, dropped), (expected, 3), "{target} {hooks:?}");
        }
    }
}

#[test]
fn postrouting_comes_after_output() {
    if !require::met(&[Need::Root]) {
        return;
    }
    for (mark, accepted) in [(0, 0), (7, 1)] {
        let hooks = [Hook::Output, Hook::Postrouting];
        let sources = [[192, 0, 2, 1], [10, 0, 0, 1]];
        let (mut counts, dropped) = run(OUTGOING, "tc", &hooks, mark, 0, &sources);
        counts.sort();
        let expected = counted(&[
            ("filter/OUTPUT:1", 1),
            ("filter/OUTPUT:policy", 1),
            ("mangle/POSTROUTING:1", accepted),
            ("mangle/POSTROUTING:policy", 1 - accepted),
        ]);
        assert_eq!((counts, dropped as u64), (expected, 2 - accepted), "mark {mark}");
    }
}

#[test]
fn forwarded_packets_meet_postrouting_alone() {
    if !require::met(&[Need::Root]) {
        return;
    }
    let hooks = [Hook::Output, Hook::Postrouting];
    let (mut counts, dropped) = run(OUTGOING, "tc", &hooks, 7, 1, &[[192, 0, 2, 1]]);
    counts.sort();
    let expected = counted(&[
        ("filter/OUTPUT:1", 0),
        ("filter/OUTPUT:policy", 0),
        ("mangle/POSTROUTING:1", 1),
        ("mangle/POSTROUTING:policy", 0),
    ]);
    assert_eq!((counts, dropped), (expected, 0));
}
