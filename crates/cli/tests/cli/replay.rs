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
    Capture::new(packets).write(CaptureFormat::Pcap).unwrap()
}

fn replay(extra: &[&str]) -> Ran {
    replay_of(RULES, &capture(), extra)
}

fn replay_of(rules: &str, capture: &[u8], extra: &[&str]) -> Ran {
    let folder = folder();
    let rules = file(&folder, "mine.rules", rules);
    let pcap = file(&folder, "mine.pcap", capture);
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

/// Packets of [`capture`] behind other link headers.
fn behind(link: LinkType, header: impl Fn(&[u8]) -> Vec<u8>) -> Capture {
    let mut capture = Capture::read(&capture()).unwrap();
    for packet in &mut capture.packets {
        let header = header(&packet.bytes);
        packet.link = link;
        packet.length += header.len() as u32;
        packet.bytes.splice(0..0, header);
    }
    capture
}

/// A cooked header with the protocol that a packet has.
fn cooked(packet: &[u8], head: &[u8], tail: &[u8]) -> Vec<u8> {
    let protocol: [u8; 2] = if packet[0] >> 4 == 6 { [0x86, 0xdd] } else { [8, 0] };
    [head, &protocol, tail].concat()
}

#[test]
fn captures_of_all_interfaces_and_of_loopback_are_decided_alike() {
    let captures = [
        behind(LinkType::Cooked, |packet| {
            cooked(packet, &[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0], &[])
        }),
        behind(LinkType::Cooked2, |packet| {
            cooked(packet, &[], &[0, 0, 0, 0, 0, 7, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0])
        }),
        behind(LinkType::Null, |packet| vec![if packet[0] >> 4 == 6 { 30 } else { 2 }, 0, 0, 0]),
        behind(LinkType::Loop, |packet| vec![0, 0, 0, if packet[0] >> 4 == 6 { 24 } else { 2 }]),
    ];
    for capture in captures {
        for format in [CaptureFormat::Pcap, CaptureFormat::PcapNg] {
            let file = capture.write(format).unwrap();
            let ran = replay_of(RULES, &file, &["--engine", "reference", "--json"]).ok();
            assert_eq!(ran.out.lines().collect::<Vec<_>>(), LINES, "{format:?}");
        }
    }
    // A sender's address is known.
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m mac --mac-source 02:00:00:00:00:09 \
                 -j DROP\nCOMMIT\n";
    let cooked = behind(LinkType::Cooked, |packet| {
        cooked(packet, &[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 9, 0, 0], &[])
    });
    let file = cooked.write(CaptureFormat::Pcap).unwrap();
    let ran = replay_of(rules, &file, &["--engine", "reference", "--json"]).ok();
    assert_eq!(ran.out.matches("\"verdict\":\"drop\"").count(), 4, "{}", ran.out);
}

#[test]
fn of_a_capture_that_ends_early_what_is_there_is_decided() {
    let whole = capture();
    let cut = &whole[..whole.len() - 9];
    let arguments = ["--engine", "reference", "--json"];
    let ran = replay_of(RULES, cut, &arguments).ok();
    assert_eq!(verdicts(&ran), LINES[..5]);
    assert!(ran.err.contains(r#"{"warning":"'"#), "{}", ran.err);
    assert!(ran.err.contains("ends inside a packet: the 5 packets before it are there"));
    let empty = Capture::default().write(CaptureFormat::Pcap).unwrap();
    let ran = replay_of(RULES, &empty, &arguments).ok();
    assert_eq!((verdicts(&ran).len(), ran.err.contains("ends inside")), (0, false));
    let ran = replay_of(RULES, b"\x28\xb5\x2f\xfd1234", &arguments).fails(1);
    assert!(ran.err.contains("compressed with zstd, not gzip: give it unpacked"), "{}", ran.err);
}

#[test]
fn compressed_captures_and_standard_input_are_read() {
    let folder = folder();
    let rules = file(&folder, "mine.rules", RULES);
    let pcap = file(&folder, "mine.pcap", capture());
    let script = "gzip -k $PCAP && $BPFC replay $RULES --engine reference --json --pcap $PCAP.gz \
                  && $BPFC replay $RULES --engine reference --json --pcap - < $PCAP.gz";
    let bash = std::process::Command::new("bash")
        .args(["-c", script])
        .env("BPFC", env!("CARGO_BIN_EXE_bpfc"))
        .env("RULES", &rules)
        .env("PCAP", &pcap)
        .output();
    let ran = Ran::from(bash.expect("bash runs")).ok();
    assert_eq!(ran.out.lines().collect::<Vec<_>>(), [LINES, LINES].concat());
}

/// A capture of frames.
fn frames(frames: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let captured = |bytes: Vec<u8>| Captured {
        time: Duration::ZERO,
        link: LinkType::Ethernet,
        length: bytes.len() as u32,
        bytes,
    };
    let packets = frames.into_iter().map(captured).collect();
    Capture::new(packets).write(CaptureFormat::Pcap).unwrap()
}

/// Asserts that the kernel decides as the reference does, on every target. Yields what is said
/// beside.
fn agreed(rules: &str, capture: &[u8]) -> Vec<String> {
    let run = |target: &str, engine: &str| {
        let arguments = ["--target", target, "--engine", engine, "--json"];
        replay_of(rules, capture, &arguments).ok()
    };
    let targets = ["xdp", "tc", "netfilter", "cgroup-skb"];
    let agreed = targets.map(|target| {
        let (kernel, reference) = (run(target, "kernel"), run(target, "reference"));
        assert_eq!(kernel.out, reference.out, "{target}");
        kernel.err
    });
    agreed.to_vec()
}

#[test]
fn packets_of_every_length_are_decided_on_every_target() {
    if !nix::unistd::Uid::effective().is_root() {
        assert!(std::env::var_os("BPFC_REQUIRE_ALL").is_none_or(|value| value != "1"));
        eprintln!("skipped: root is needed");
        return;
    }
    // Merged packets, up to the longest that there are.
    let merged = [100, 1460, 2896, 3600, 14_480, 65_000, 65_535 - 40].map(|length: usize| {
        let packet = PacketBuilder::ipv4([10, 0, 0, 1], [192, 0, 2, 1]).tcp(1000, 443, 16);
        packet.payload(vec![7; length]).ethernet([2; 6], [4; 6]).bytes()
    });
    let short = PacketBuilder::ipv4([10, 0, 0, 1], [192, 0, 2, 1]).udp(1, 53);
    let short = short.ethernet([2; 6], [4; 6]).bytes();
    let long = frames(merged.into_iter().chain([short]));
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport 443 -m length --length 0:1500 \
                 -j ACCEPT\n-A INPUT -p tcp --dport 443 -j DROP\nCOMMIT\n";
    let said = agreed(rules, &long);
    let alone = "the reference engine decided it";
    let several = "the reference engine decided them";
    for (index, said) in said.iter().enumerate() {
        let is_said = said.contains("longer than a test run of this kernel takes");
        assert!(!is_said || said.contains(alone) || said.contains(several), "{said}");
        // No kernel's test run of these takes the longest.
        assert!(index == 0 || is_said, "{said}");
    }
    let rules = "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 443 -m statistic --mode nth \
                 --every 3 --packet 0 -j ACCEPT\nCOMMIT\n";
    for said in &agreed(rules, &long)[1..] {
        assert!(said.contains("decided all packets, as rules remember some"), "{said}");
    }

    // Frames that are cut anywhere, and what no test run takes for itself.
    let v6 = PacketBuilder::ipv6("2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap());
    let v4 = PacketBuilder::ipv4([10, 0, 0, 1], [192, 0, 2, 1]).tcp(1000, 22, 2);
    let mut all = Vec::new();
    for frame in
        [v4.ethernet([2; 6], [4; 6]).bytes(), v6.udp(1, 53).ethernet([2; 6], [4; 6]).bytes()]
    {
        for tags in 0..3 {
            let mut frame = frame.clone();
            for _ in 0..tags {
                frame.splice(12..12, [0x81, 0, 0, 5]);
            }
            all.extend((0..=frame.len()).map(|length| frame[..length].to_vec()));
        }
    }
    for said in agreed(RULES, &frames(all)) {
        assert!(!said.contains("the reference engine"), "{said}");
    }
}
