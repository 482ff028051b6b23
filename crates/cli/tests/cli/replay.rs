//! `bpfc replay`.

use crate::run::{RULES, Ran, bpfc, file, folder};
use bpfc_packet::{Capture, CaptureFormat, Captured, LinkType, PacketBuilder};
use std::time::Duration;

fn capture() -> Vec<u8> {
    let ip = |builder: PacketBuilder| Captured {
        time: Duration::ZERO,
        link: LinkType::Raw,
        length: builder.bytes().len() as u32,
        bytes: builder.bytes(),
    };
    let v4 = |last| PacketBuilder::ipv4([10, 0, 0, last], [192, 0, 2, 1]);
    let outside = PacketBuilder::ipv4([198, 51, 100, 1], [192, 0, 2, 1]);
    let v6 = PacketBuilder::ipv6("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
    let mut broken = ip(v4(9));
    broken.bytes[0] = 0x41;
    let packets = vec![
        ip(v4(1).tcp(1000, 22, 2)),
        ip(outside.clone().tcp(1000, 22, 2)),
        ip(outside.udp(1000, 53)),
        ip(v4(2).tcp(1000, 22, 2).tcp(1000, 80, 2)),
        ip(v6.udp(1000, 53)),
        broken,
    ];
    Capture { packets }.write(CaptureFormat::Pcap).unwrap()
}

fn replay(extra: &[&str]) -> Ran {
    let folder = folder();
    let rules = file(&folder, "mine.rules", RULES);
    let pcap = file(&folder, "mine.pcap", capture());
    bpfc(&[&["replay", &rules, "--pcap", &pcap], extra].concat())
}

const LINES: [&str; 7] = [
    r#"{"packet":1,"verdict":"accept","rules":["filter/INPUT:1","filter/ssh:1"]}"#,
    r#"{"packet":2,"verdict":"drop","rules":["filter/INPUT:1","filter/INPUT:policy"]}"#,
    r#"{"packet":3,"verdict":"accept","rules":["filter/INPUT:2"]}"#,
    r#"{"packet":4,"verdict":"drop","rules":["filter/INPUT:policy"]}"#,
    r#"{"packet":5,"verdict":"accept","rules":[]}"#,
    r#"{"packet":6,"verdict":"accept","rules":[]}"#,
    concat!(
        r#"{"counters":[{"rule":"filter/INPUT:1","packets":2,"bytes":80},"#,
        r#"{"rule":"filter/INPUT:2","packets":1,"bytes":28},"#,
        r#"{"rule":"filter/INPUT:policy","packets":2,"bytes":80},"#,
        r#"{"rule":"filter/ssh:1","packets":1,"bytes":40}]}"#
    ),
];

#[test]
fn the_reference_prints_a_line_a_packet_and_one_for_the_counters() {
    let ran = replay(&["--engine", "reference", "--json"]).ok();
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines, LINES);
}

#[test]
fn the_kernel_agrees_on_every_target() {
    if !nix::unistd::Uid::effective().is_root() {
        assert!(std::env::var_os("BPFC_REQUIRE_ALL").is_none_or(|value| value != "1"));
        eprintln!("skipped: root is needed");
        return;
    }
    for target in ["xdp", "tc", "netfilter", "cgroup-skb"] {
        let ran = replay(&["--engine", "kernel", "--target", target, "--json"]).ok();
        let lines: Vec<&str> = ran.out.lines().collect();
        assert_eq!(lines, LINES, "{target}");
    }
    for (target, hook) in [("tc", "output"), ("netfilter", "output"), ("netfilter", "forward")] {
        let at = ["--target", target, "--hook", hook, "--json"];
        let kernel = replay(&[&at[..], &["--engine", "kernel"]].concat()).ok().out;
        let reference = replay(&[&at[..], &["--engine", "reference"]].concat()).ok().out;
        assert_eq!(kernel, reference, "{target} {hook}");
    }
}

/// Rules that reject, and what becomes of the capture's packets: the first is answered, nobody
/// may be told of the fifth, and one meets a rule that drops.
const REJECTING: &str = "*filter
:INPUT ACCEPT [0:0]
:refuse - [0:0]
-A INPUT -s 10.0.0.1/32 -p tcp -m tcp --dport 22 -j REJECT --reject-with tcp-reset
-A INPUT -p udp -g refuse
-A INPUT -p tcp -m tcp --dport 80 -j DROP
-A refuse -j REJECT
COMMIT
";

const REJECTED: [&str; 6] = [
    r#"{"packet":1,"verdict":"reject","rules":["filter/INPUT:1"]}"#,
    r#"{"packet":2,"verdict":"accept","rules":["filter/INPUT:policy"]}"#,
    r#"{"packet":3,"verdict":"reject","rules":["filter/INPUT:2","filter/refuse:1"]}"#,
    r#"{"packet":4,"verdict":"drop","rules":["filter/INPUT:3"]}"#,
    r#"{"packet":5,"verdict":"accept","rules":[]}"#,
    r#"{"packet":6,"verdict":"accept","rules":[]}"#,
];

fn replay_rejecting(extra: &[&str]) -> Ran {
    let folder = folder();
    let rules = file(&folder, "mine.rules", REJECTING);
    let pcap = file(&folder, "mine.pcap", capture());
    bpfc(&[&["replay", &rules, "--pcap", &pcap, "--json"], extra].concat())
}

/// The verdicts of a run, without its counters.
fn verdicts(ran: &Ran) -> Vec<&str> {
    ran.out.lines().filter(|line| line.starts_with("{\"packet\"")).collect()
}

#[test]
fn rejections_are_verdicts_of_their_own() {
    assert_eq!(verdicts(&replay_rejecting(&["--engine", "reference"]).ok()), REJECTED);
    let dropped = REJECTED.map(|line| line.replace("reject", "drop"));
    let reference = ["--engine", "reference", "--target", "netfilter"];
    let ran = replay_rejecting(&reference).fails(1);
    assert!(ran.err.contains("cannot send"), "{}", ran.err);
    let drop = [&reference[..], &["--reject", "drop"]].concat();
    assert_eq!(verdicts(&replay_rejecting(&drop).ok()), dropped);
    if !nix::unistd::Uid::effective().is_root() {
        assert!(std::env::var_os("BPFC_REQUIRE_ALL").is_none_or(|value| value != "1"));
        eprintln!("skipped: root is needed");
        return;
    }
    for target in ["xdp", "tc"] {
        let kernel = ["--engine", "kernel", "--target", target];
        assert_eq!(verdicts(&replay_rejecting(&kernel).ok()), REJECTED, "{target}");
    }
    for target in ["xdp", "tc", "netfilter", "cgroup-skb"] {
        let kernel = ["--engine", "kernel", "--reject", "drop", "--target", target];
        assert_eq!(verdicts(&replay_rejecting(&kernel).ok()), dropped, "{target}");
    }
}

#[test]
fn interfaces_and_hooks_are_chosen() {
    let ran = replay(&["--engine", "reference", "--iface", "wlan0"]).ok();
    assert!(ran.out.contains("     3  drop    filter/INPUT:policy\n"), "{}", ran.out);
    assert!(ran.out.contains("\nChain INPUT (policy DROP 3 packets, 108 bytes)\n"));
    let ran = replay(&["--engine", "reference", "--hook", "output"]).ok();
    assert!(ran.out.contains("     1  accept  filter/OUTPUT:policy\n"), "{}", ran.out);
    replay(&["--engine", "reference", "--iface", "a-name-that-is-too-long"]).fails(2);
    replay(&["--engine", "reference", "--target", "tc", "--hook", "input,output"]).fails(2);
}

#[test]
fn what_cannot_be_done_is_said() {
    let ran = replay(&["--engine", "vm"]).fails(2);
    assert!(ran.err.contains("not available yet"), "{}", ran.err);
    let folder = folder();
    let rules = file(&folder, "mine.rules", RULES);
    let pcap = file(&folder, "mine.pcap", "no capture");
    bpfc(&["replay", &rules, "--pcap", &pcap, "--engine", "reference"]).fails(1);
    bpfc(&["replay", &rules, "--pcap", "/nonexistent", "--engine", "reference"]).fails(1);
}
