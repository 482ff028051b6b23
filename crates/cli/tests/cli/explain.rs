//! `bpfc explain`.

use crate::run::{RULES, Ran, bpfc, file, folder};
use bpfc_packet::{Capture, CaptureFormat, Captured, LinkType, PacketBuilder};
use std::time::Duration;

fn explain(extra: &[&str]) -> Ran {
    let folder = folder();
    let rules = file(&folder, "mine.rules", RULES);
    bpfc(&[&["explain", &rules], extra].concat())
}

const SSH: &str = "in=eth0 ip saddr 10.0.0.1 daddr 192.0.2.1 tcp sport 4000 dport 22 flags syn";

#[test]
fn every_rule_and_test_on_the_way_is_told() {
    let ran = explain(&["--packet", SSH]).ok();
    let told: Vec<&str> = ran.out.lines().filter(|line| !line.starts_with("loaded")).collect();
    assert_eq!(
        told,
        [
            "in=eth0 10.0.0.1 > 192.0.2.1 tcp 4000 > 22, 40 bytes at the input hook",
            "chain filter/INPUT",
            "  1: -A INPUT -p tcp -m tcp --dport 22 -j ssh",
            "      yes  -p tcp",
            "      yes  -m tcp --dport 22",
            "      => jump to ssh",
            "  chain filter/ssh",
            "    1: -A ssh -s 10.0.0.0/8 -j ACCEPT",
            "        yes  -s 10.0.0.0/8",
            "        => ACCEPT",
            "verdict: accept, by filter/INPUT:1 filter/ssh:1",
            "compiled for netfilter: accept, by the same rules",
        ]
    );
}

#[test]
fn a_policy_is_the_last_rule() {
    let ran =
        explain(&["--packet", "ip saddr 198.51.100.1 daddr 192.0.2.1 tcp dport 80", "--json"]).ok();
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(told["verdict"], "drop");
    assert_eq!(told["rules"], serde_json::json!(["filter/INPUT:policy"]));
    let steps = told["steps"].as_array().unwrap();
    assert_eq!(steps.last().unwrap()["rule"], "filter/INPUT:policy");
    assert_eq!(steps[0]["tests"][1]["outcome"], "no");
    assert_eq!(told["compiled"]["verdict"], "drop");
}

#[test]
fn bytes_and_captures_are_explained_too() {
    let ip = PacketBuilder::ipv4([10, 0, 0, 1], [192, 0, 2, 1]).tcp(1000, 22, 2).bytes();
    let hex: String = ip.iter().map(|byte| format!("{byte:02x}")).collect();
    let by_hex = explain(&["--hex", &hex, "--json"]).ok();
    let packet =
        Captured { time: Duration::ZERO, link: LinkType::Raw, length: ip.len() as u32, bytes: ip };
    let other = Captured { bytes: vec![0x60; 20], length: 20, ..packet.clone() };
    let capture = Capture::new(vec![other, packet]);
    let folder = folder();
    let pcap = file(&folder, "two.pcap", capture.write(CaptureFormat::Pcap).unwrap());
    let by_number = explain(&["--pcap", &pcap, "--number", "2", "--json"]).ok();
    assert_eq!(by_hex.out, by_number.out);
    assert!(by_hex.out.contains(r#""rules":["filter/INPUT:1","filter/ssh:1"]"#));
    let ran = explain(&["--pcap", &pcap, "--number", "3"]).fails(1);
    assert!(ran.err.contains("has 2 packets"), "{}", ran.err);
    let ran = explain(&["--pcap", &pcap]).fails(1);
    assert!(ran.err.contains("no rule sees the packet"), "{}", ran.err);
}

#[test]
fn words_that_make_no_packet_are_a_wrong_command_line() {
    let ran = explain(&["--packet", "ip saddr 300.1.1.1"]).fails(2);
    assert!(ran.err.contains("at '300.1.1.1': saddr is an IPv4 address"), "{}", ran.err);
    explain(&[]).fails(2);
    explain(&["--hex", "4"]).fails(2);
    explain(&["--packet", SSH, "--hook", "input,output"]).fails(2);
}

#[test]
fn a_live_filter_takes_no_ruleset_and_must_be_there() {
    bpfc(&["explain", "--live", "no-such-filter", "rules"]).fails(2);
    bpfc(&["explain", "--live", "no-such-filter", "--packet", SSH]).fails(2);
    let ran = bpfc(&["explain", "--live", "no-such-filter", "--timeout", "0"]).fails(1);
    assert!(ran.out.is_empty() && !ran.err.is_empty());
}

/// As ufw has it: what is not for this host goes elsewhere.
const NOT_LOCAL: &str = "*filter\n:INPUT DROP [0:0]\n:not-local - [0:0]\n\
                         -A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n\
                         -A INPUT -j not-local\n\
                         -A not-local -m addrtype --dst-type LOCAL -j ACCEPT\nCOMMIT\n";

#[test]
fn what_only_the_host_knows_is_said_where_the_way_comes_to_it() {
    let folder = folder();
    let rules = file(&folder, "ufw.rules", NOT_LOCAL);
    let explain = |words: &str| bpfc(&["explain", &rules, "--target", "xdp", "--packet", words]);
    let packet = |facts: &str, port: u16| {
        format!("in=eth0 {facts} ip saddr 10.0.0.1 daddr 192.0.2.1 tcp dport {port}")
    };
    let before = explain(&packet("", 80)).ok();
    assert!(before.out.contains("verdict: accept, by filter/INPUT:1"), "{}", before.out);
    let asked = explain(&packet("", 443)).fails(1);
    assert!(asked.err.contains("filter/not-local:1 asks what kind"), "{}", asked.err);
    assert!(asked.err.contains("say dsttype=local"), "{}", asked.err);
    let local = explain(&packet("dsttype=local", 443)).ok();
    assert!(local.out.contains("yes  -m addrtype --dst-type LOCAL"), "{}", local.out);
    assert!(local.out.contains("compiled for xdp: accept, by the same rules"), "{}", local.out);
    let other = explain(&packet("dsttype=unicast", 443)).ok();
    assert!(other.out.contains("verdict: drop"), "{}", other.out);
    let wrong = explain(&packet("dsttype=near", 443)).fails(2);
    assert!(wrong.err.contains("dsttype is one of unicast, local"), "{}", wrong.err);
}

#[test]
fn bytes_come_with_facts_in_words() {
    let folder = folder();
    let rules = file(&folder, "ufw.rules", NOT_LOCAL);
    let ip = PacketBuilder::ipv4([10, 0, 0, 1], [192, 0, 2, 1]).tcp(1000, 443, 2).bytes();
    let hex: String = ip.iter().map(|byte| format!("{byte:02x}")).collect();
    let explain = |facts: &str| {
        bpfc(&["explain", &rules, "--target", "xdp", "--hex", &hex, "--facts", facts])
    };
    let local = explain("dsttype=local").ok();
    assert!(local.out.contains("verdict: accept"), "{}", local.out);
    let wrong = explain("in=eth0").fails(2);
    assert!(wrong.err.contains("no fact about the host"), "{}", wrong.err);
}

#[test]
fn ports_of_a_bridge_are_said_by_name() {
    let folder = folder();
    let rules = "*filter\n:FORWARD DROP [0:0]\n\
                 -A FORWARD -m physdev --physdev-in tap+ --physdev-is-bridged -j ACCEPT\nCOMMIT\n";
    let rules = file(&folder, "bridge.rules", rules);
    let explain = |facts: &str| {
        let packet =
            format!("in=br0 out=br0 {facts} ip saddr 10.0.0.1 daddr 10.0.0.2 udp sport 1 dport 2");
        bpfc(&["explain", &rules, "--target", "netfilter", "--packet", &packet])
    };
    let asked = explain("").fails(1);
    assert!(asked.err.contains("say physin=IF, physout=IF or bridge=none"), "{}", asked.err);
    let verdict = |facts| explain(facts).ok().out.contains("verdict: accept");
    assert!(verdict("physin=tap100i0 physout=eth0"));
    assert!(!verdict("physin=tap100i0"));
    assert!(!verdict("physin=eth0 physout=tap100i0"));
    assert!(!verdict("bridge=none"));
}
