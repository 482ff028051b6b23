//! What rules log, in each form that `bpfc log` has.

use crate::run::{Ran, alone, bpfc};
use bpfc_packet::{Capture, LinkType};

const RULES: &str = "*filter\n:INPUT ACCEPT [0:0]\n\
    -A INPUT -p udp --dport 9 -j LOG --log-prefix \"cli: \"\n\
    -A INPUT -p udp --dport 9 -j NFLOG --nflog-group 5 --nflog-size 28\nCOMMIT\n";

/// Loads the rules in namespaces of its own, sends a packet, and runs `bpfc log t` with these
/// arguments. None where that is not possible here.
fn logged(arguments: &str) -> Option<Ran> {
    let script = format!(
        "printf '%s' \"$RULES\" | $BPFC load - --target netfilter --name t >&2
         echo -n hello > /dev/udp/127.0.0.1/9
         $BPFC log t {arguments}
         $BPFC unload t >&2"
    );
    alone(&script, &[("RULES", RULES)]).map(Ran::ok)
}

#[test]
fn lines_are_the_kernels() {
    let Some(ran) = logged("--count 2 --timeout 20") else { return };
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ran.out);
    let start = "IN=lo OUT= MAC=00:00:00:00:00:00:00:00:00:00:00:00:08:00 SRC=127.0.0.1 DST=127.0.0.1 \
                 LEN=33 TOS=0x00 PREC=0x00 TTL=64 ID=";
    assert!(lines[0].starts_with(&format!("cli: {start}")), "{}", lines[0]);
    assert!(lines[1].starts_with(start), "{}", lines[1]);
    assert!(lines[0].ends_with(" DPT=9 LEN=13 "), "{}", lines[0]);
}

#[test]
fn json_has_one_object_a_record() {
    let Some(ran) = logged("--json --timeout 0") else { return };
    let records: Vec<serde_json::Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(records.len(), 2, "{}", ran.out);
    assert_eq!(records[0]["rule"], "filter/INPUT:1");
    assert_eq!(records[0]["level"], 4);
    assert_eq!(records[0]["prefix"], "cli: ");
    assert_eq!(records[0]["in"], "lo");
    assert!(records[0]["packet"].as_str().is_some_and(|packet| packet.ends_with("68656c6c6f")));
    assert_eq!(records[1]["group"], 5);
    assert_eq!(records[1]["length"], 33);
    assert_eq!(records[1]["packet"].as_str().map(str::len), Some(2 * 28));
}

#[test]
fn captures_have_the_frames() {
    let Some(ran) = logged("-w - --timeout 0") else { return };
    let capture = Capture::read(&ran.bytes).expect("a pcapng file");
    let sizes: Vec<_> = capture.packets.iter().map(|p| (p.link, p.length, p.bytes.len())).collect();
    assert_eq!(sizes, [(LinkType::Ethernet, 47, 47), (LinkType::Ethernet, 47, 42)]);
    assert!(capture.packets[0].bytes.ends_with(b"hello"));
}

#[test]
fn captures_are_of_one_kind_of_link_header() {
    // What leaves has no link header yet, what comes in has one.
    let rules = "*filter\n:OUTPUT ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n\
        -A OUTPUT -p udp --dport 9 -j LOG\n-A INPUT -p udp --dport 9 -j LOG\nCOMMIT\n";
    let script = "printf '%s' \"$RULES\" | $BPFC load - --target netfilter --name t >&2
         echo -n hello > /dev/udp/127.0.0.1/9
         $BPFC log t -w $TMPDIR/log.pcapng --timeout 0
         $BPFC unload t >&2
         command -v tcpdump >&2 && tcpdump -nr $TMPDIR/log.pcapng >&2
         cat $TMPDIR/log.pcapng";
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().to_str().expect("text");
    let Some(ran) = alone(script, &[("RULES", rules), ("TMPDIR", folder)]) else { return };
    let ran = ran.ok();
    let capture = Capture::read(&ran.bytes).expect("a pcapng file");
    let kinds: Vec<_> = capture.packets.iter().map(|p| (p.link, p.length)).collect();
    assert_eq!(kinds, [(LinkType::Ethernet, 47); 2]);
    assert_eq!(capture.packets[0].bytes[..14], capture.packets[1].bytes[..14]);
    let read = ran.err.matches("127.0.0.1.9: UDP, length 5").count();
    assert!(read == 2 || !ran.err.contains("tcpdump"), "{}", ran.err);
}

#[test]
fn a_filter_that_does_not_log_says_so() {
    bpfc(&["log", "x", "--json", "-w", "x.pcapng"]).fails(2);
    bpfc(&["log", "x", "--timeout", "-1"]).fails(2);
    bpfc(&["log", "cli-test-no-such-filter"]).fails(1);
}
