//! The IR of random rulesets decides random packets as the reference evaluator does, rule by rule,
//! and keeps every invariant.

use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_interpret::generate::Choices;
use bpfc_interpret::{Environment, interpret};
use bpfc_ir::{Family, Frontend, FrontendOptions, Hook, Input, Recognised, verify};
use bpfc_packet::{
    BridgePorts, Conntrack, Extension, InterfaceName, LengthField, Packet, PacketBuilder, Receiver,
    Tcp, Transform, Transport, Tuple, ct_state,
};
use bpfc_xtables::reference::Evaluator;
use bpfc_xtables::{XtablesFrontend, read_text};
use std::net::{IpAddr, Ipv6Addr};

/// Tests of both families; `@` stands for one of the family's addresses.
const TESTS: &[&str] = &[
    "-s @",
    "! -s @",
    "-d @/24",
    "! -d @/31",
    "-i eth0",
    "! -i eth+",
    "-i wlan0",
    "-p tcp",
    "! -p tcp",
    "-p udp",
    "-p 0",
    "-p sctp",
    "-p tcp -m tcp --dport 22",
    "-p tcp -m tcp ! --dport 22:443",
    "-p tcp -m tcp --sport 53 --dport 0:53",
    "-p tcp -m tcp --syn",
    "-p tcp -m tcp ! --syn",
    "-p tcp -m tcp --tcp-flags ALL SYN,ACK",
    "-p tcp -m tcp --tcp-option 8",
    "-p tcp -m tcp ! --tcp-option 2",
    "-p udp -m udp --dport 53",
    "-p udp -m udp ! --sport 443:22",
    "-p udp -m multiport --dports 22,53:443",
    "-p tcp -m multiport ! --ports 22,80",
    "-p tcp -m multiport --sports 53,40000",
    "-m mark --mark 1",
    "-m mark ! --mark 2/3",
    "-m connmark --mark 1",
    "-m connmark ! --mark 1",
    "-m socket",
    "-m socket --nowildcard",
    "-m socket --transparent --restore-skmark",
    "-m socket --nowildcard --restore-skmark -m mark --mark 3",
    "-m cluster --cluster-total-nodes 3 --cluster-local-node 2 --cluster-hash-seed 0xfeedcafe",
    "-m cluster --cluster-total-nodes 32 ! --cluster-local-nodemask 0x15 --cluster-hash-seed 7",
    "-m length --length 40:60",
    "-m length ! --length 0:52",
    "-m length --length 60:40",
    "-m tos --tos 0x10/0x1e",
    "-m tos ! --tos 0x04",
    "-m dscp --dscp 4",
    "-m dscp ! --dscp 4",
    "-m ecn --ecn-ip-ect 2",
    "-p tcp -m ecn --ecn-tcp-ece ! --ecn-tcp-cwr",
    "-p tcp -m ecn ! --ecn-tcp-ece ! --ecn-ip-ect 0",
    "-m pkttype --pkt-type multicast",
    "-m pkttype ! --pkt-type broadcast",
    "-m pkttype --pkt-type unicast",
    "-m mac --mac-source 02:00:00:00:00:01",
    "-m mac ! --mac-source 02:00:00:00:00:01",
    "-m comment --comment nothing",
    "-m policy --dir in --pol none",
    "-m policy --dir in --pol ipsec",
    "-m policy --dir in --pol ipsec --proto esp ! --reqid 1",
    "-m policy --dir in --mode tunnel --tunnel-src @/25 ! --tunnel-dst @",
    "-m policy --dir in --strict --proto esp --spi 0x1000000 --next ! --mode tunnel",
    "-m policy --dir in --strict --mode tunnel --next --reqid 1 ! --proto ah",
    "-m policy --dir in --strict --mode tunnel ! --tunnel-src @",
    "-m physdev --physdev-is-in ! --physdev-is-bridged",
    "-m physdev ! --physdev-is-in",
    "-m physdev --physdev-is-bridged --physdev-out tap+",
    "-m physdev ! --physdev-is-out ! --physdev-in tap1",
    "-m physdev --physdev-in tap1",
    "-m physdev ! --physdev-in tap+ ! --physdev-is-bridged",
    "-m physdev ! --physdev-out tap1",
    "-m state --state NEW",
    "-m state ! --state ESTABLISHED,INVALID",
    "-m conntrack --ctstate RELATED,UNTRACKED",
    "-m conntrack --ctstate SNAT",
    "-m conntrack ! --ctstate DNAT,NEW",
    "-m conntrack --ctstate INVALID --ctproto tcp",
    "-m conntrack ! --ctstate INVALID --ctdir REPLY",
    "-m conntrack --ctproto 6 --ctstatus SEEN_REPLY",
    "-m conntrack ! --ctproto 6",
    "-m conntrack --ctstatus NONE",
    "-m conntrack ! --ctstatus ASSURED,EXPECTED",
    "-m conntrack --ctorigsrc @ ! --ctrepldst @",
    "-m conntrack --ctorigdstport 53:443 ! --ctreplsrcport 22",
    "-m conntrack --ctdir ORIGINAL",
];

/// Tests of IPv4 alone.
const TESTS4: &[&str] = &[
    "-f",
    "! -f",
    "-p tcp ! -f",
    "-p icmp -m icmp --icmp-type 8",
    "-p icmp -m icmp ! --icmp-type 8/0",
    "-p icmp -m icmp --icmp-type any",
    "-m ttl --ttl-eq 64",
    "-m ttl ! --ttl-eq 64",
    "-m ttl --ttl-lt 64",
    "-m iprange --src-range 10.0.0.1-10.0.0.2",
    "-m iprange ! --src-range 10.0.0.1 --dst-range 10.0.0.0-10.0.0.3",
    "-s 10.0.0.1/255.0.0.1",
];

/// Tests of IPv6 alone.
const TESTS6: &[&str] = &[
    "-p ipv6-icmp -m icmp6 --icmpv6-type 128",
    "-p ipv6-icmp -m icmp6 ! --icmpv6-type 128/1",
    "-m hl --hl-gt 64",
    "-m hl ! --hl-eq 64",
    "-m iprange --src-range 2001:db8::1-2001:db8::2",
    "-m iprange ! --dst-range 2001:db8::2",
    "-s 2001:db8::1/ffff::1",
];

/// Targets that write packets.
const REWRITES: &[&str] = &[
    "-j TOS --set-tos 0x10/0x1c",
    "-j TOS --xor-tos 0x06",
    "-j TOS --and-tos 0xf0",
    "-j DSCP --set-dscp-class AF11",
    "-j DSCP --set-dscp 1",
    "-p tcp --syn -j TCPMSS --set-mss 500",
    "-p tcp --tcp-flags SYN SYN -j TCPMSS --set-mss 1000",
    "-p tcp -j TCPOPTSTRIP --strip-options 2,3,8",
];

const REWRITES4: &[&str] = &[
    "-j TTL --ttl-set 64",
    "-j TTL --ttl-inc 191",
    "-j TTL --ttl-dec 64",
    "-j ECN --ecn-ip-ect 1",
    "-p tcp -j ECN --ecn-tcp-remove",
    "-p tcp -j ECN --ecn-tcp-cwr 1",
];

const REWRITES6: &[&str] = &["-j HL --hl-set 64", "-j HL --hl-inc 191", "-j HL --hl-dec 64"];

fn address(choices: &mut Choices, family: Family) -> String {
    let last = choices.below(4);
    match family {
        Family::Ipv4 => format!("10.0.0.{last}"),
        Family::Ipv6 => format!("2001:db8::{last}"),
    }
}

fn rule(choices: &mut Choices, family: Family, chain: &str, callees: &[&str]) -> String {
    let own = if family == Family::Ipv4 { TESTS4 } else { TESTS6 };
    let mut options = String::new();
    let mut used = Vec::new();
    for _ in 0..choices.below(3) {
        let test = if choices.once_in(5) { choices.of(own) } else { choices.of(TESTS) };
        // A base option may stand in a rule only once.
        let letter = |test: &str| test.trim_start_matches("! ").get(..2).map(str::to_owned);
        if test.contains("-p ") || test.contains("-f") || !test.contains("-m ") {
            let base = letter(test);
            if used.contains(&base) || (test.contains("-f") && !used.is_empty()) {
                continue;
            }
            used.push(base);
        }
        let place = address(choices, family);
        options = format!("{options} {}", test.replace('@', &place));
    }
    let rewrites = if family == Family::Ipv4 { REWRITES4 } else { REWRITES6 };
    let target = match choices.below(12) {
        7 | 10 if choices.once_in(2) && !options.contains("-p ") => choices
            .of(&[
                "-j CONNMARK --restore-mark",
                "-j CONNMARK --restore-mark --nfmask 3 --ctmask 7 --left-shift-mark 1",
                "-j CONNMARK --restore-mark --mask 0xe --right-shift-mark 1",
                "-p tcp -j CONNMARK --set-xmark 1/2",
                "-p tcp -j CONNMARK --xor-mark 3 --left-shift-mark 1",
                "-p udp -j CONNMARK --or-mark 1",
                "-p tcp -j CONNMARK --and-mark 2 --right-shift-mark 1",
                "-p udp -j CONNMARK --save-mark",
                "-p tcp -j CONNMARK --save-mark --nfmask 3 --ctmask 1 --left-shift-mark 1",
            ])
            .to_owned(),
        7 => format!("-j MARK --set-xmark {}/{}", choices.below(4), choices.below(4)),
        8 if !options.contains("-p ") => choices.of(REWRITES).to_owned(),
        9 if !options.contains("-p ") => choices.of(rewrites).to_owned(),
        0 | 1 => "-j ACCEPT".to_owned(),
        2 => "-j DROP".to_owned(),
        3 => "-j RETURN".to_owned(),
        4 | 5 if !callees.is_empty() => format!("-j {}", choices.of(callees)),
        6 if !callees.is_empty() => format!("-g {}", choices.of(callees)),
        _ => String::new(),
    };
    format!("-A {chain}{options} {target}\n")
}

fn ruleset(choices: &mut Choices, family: Family) -> String {
    let policy = choices.of(&["ACCEPT", "DROP"]);
    let mut text = format!("*mangle\n:INPUT {policy} [0:0]\n:A - [0:0]\n:B - [0:0]\n:C - [0:0]\n");
    let chains: [(&str, &[&str]); 4] =
        [("INPUT", &["A", "B", "C"]), ("A", &["B", "C"]), ("B", &["C"]), ("C", &[])];
    for (chain, callees) in chains {
        for _ in 0..choices.below(7) {
            text.push_str(&rule(choices, family, chain, callees));
        }
    }
    text + "COMMIT\n"
}

fn transport(choices: &mut Choices, family: Family) -> Transport {
    let port = |choices: &mut Choices| choices.of(&[0, 22, 53, 80, 443, 40_000]);
    let (source, destination) = (port(choices), port(choices));
    match choices.below(6) {
        0 | 1 => Transport::Udp { source, destination },
        2 if family == Family::Ipv4 => {
            Transport::Icmp { kind: choices.of(&[0, 8]), code: 0, rest: [0; 4] }
        }
        2 => Transport::Icmpv6 { kind: choices.of(&[128, 129]), code: 1, rest: [0; 4] },
        3 => Transport::Raw { protocol: choices.of(&[47, 132]), bytes: vec![1; 8] },
        _ => Transport::Tcp(Tcp {
            source,
            destination,
            flags: choices.of(&[0x02, 0x12, 0x10, 0x42, 0xc2]),
            options: choices.of(&[&[][..], &[2, 4, 5, 180], &[1, 1, 8, 2], &[8, 0]]).to_vec(),
            data_offset: choices.of(&[None, None, None, Some(4), Some(15)]),
            ..Tcp::default()
        }),
    }
}

fn packet(choices: &mut Choices, family: Family) -> Packet {
    let (from, to) = (choices.below(4) as u8, choices.below(4) as u8);
    let tos = choices.of(&[0, 0x10, 0x12, 0x04, 0x06]);
    let hops = choices.of(&[1, 63, 64, 65]);
    let offset = choices.of(&[0, 0, 0, 0, 1, 5]);
    let mut builder = match family {
        Family::Ipv4 => PacketBuilder::ipv4([10, 0, 0, from], [10, 0, 0, to]).with_ipv4(|ip| {
            ip.tos = tos;
            ip.ttl = hops;
            ip.fragment_offset = offset;
            ip.options = choices.of(&[&[][..], &[1, 1, 1, 0]]).to_vec();
        }),
        Family::Ipv6 => {
            let address = |last: u8| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into());
            PacketBuilder::ipv6(address(from), address(to)).with_ipv6(|ip| {
                ip.traffic_class = tos;
                ip.hop_limit = hops;
            })
        }
    };
    if family == Family::Ipv6 {
        for _ in 0..choices.below(3) {
            builder = builder.extension(match choices.below(5) {
                0 => Extension::HopByHop(vec![1, 4, 0, 0, 0, 0]),
                1 => Extension::DestinationOptions(vec![1, 4, 0, 0, 0, 0]),
                2 => Extension::Routing { kind: 0, segments_left: 0, data: vec![0; 4] },
                3 => Extension::Fragment { offset, more: true, identification: 1 },
                _ => Extension::Authentication { spi: 7, sequence: 1, icv: vec![0; 4] },
            });
        }
    }
    builder = builder.transport(transport(choices, family)).payload(vec![7; choices.below(9)]);
    if choices.once_in(2) {
        builder = builder.ethernet([2, 0, 0, 0, 0, choices.below(2) as u8], [2; 6]);
    }
    let mut packet = builder.build();
    if choices.once_in(3) {
        let header = if family == Family::Ipv4 { 20 } else { 40 };
        packet = packet.truncated(header + choices.below(28), LengthField::Adjusted);
    }
    let name = choices.of(&["eth0", "eth1", "wlan0"]);
    packet.in_interface = InterfaceName::new(name).expect("a short name");
    packet.mark = choices.below(4) as u32;
    packet.pkt_type = choices.below(6) as u8;
    packet.untracked = choices.once_in(3);
    packet.transforms.undone = choices
        .once_in(2)
        .then(|| (0..choices.below(4)).map(|_| transform(choices, family)).collect());
    packet.bridge = choices.once_in(2).then(|| {
        let mut port = || {
            let name = choices.of(&["tap1", "tap12", "veth1", ""]);
            InterfaceName::new(name).expect("a short name")
        };
        BridgePorts { input: port(), output: port() }
    });
    packet.receiver = choices.once_in(2).then(|| Receiver {
        full: choices.once_in(2),
        wildcard: choices.once_in(2),
        transparent: choices.once_in(2),
        mark: choices.below(4) as u32,
    });
    if choices.once_in(2) {
        packet.conntrack = Some(connection(choices, packet.family));
        if choices.once_in(4) {
            let other = connection(choices, packet.family).original.source;
            packet.extensions.announcer = Some(other);
        }
    }
    packet
}

fn transform(choices: &mut Choices, family: Family) -> Transform {
    let mut address = || {
        let text = address(choices, family);
        match text.parse().expect("an address") {
            IpAddr::V4(address) => {
                let mut bytes = [0; 16];
                bytes[..4].copy_from_slice(&address.octets());
                bytes
            }
            IpAddr::V6(address) => address.octets(),
        }
    };
    let (source, destination) = (address(), address());
    Transform {
        request: choices.below(3) as u32,
        spi: 1 + choices.below(2) as u32,
        protocol: choices.of(&[50, 51]),
        mode: choices.below(3) as u8,
        source,
        destination,
    }
}

fn connection(choices: &mut Choices, family: Family) -> Conntrack {
    let tuple = |choices: &mut Choices| {
        let mut address = || {
            let last = choices.below(4) as u8;
            match family {
                Family::Ipv4 => IpAddr::from([10, 0, 0, last]),
                Family::Ipv6 => {
                    IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into()))
                }
            }
        };
        let (source, destination) = (address(), address());
        let source_port = choices.of(&[22, 53, 443]);
        let destination_port = choices.of(&[22, 53, 443]);
        Tuple { source, destination, source_port, destination_port }
    };
    Conntrack {
        state: choices.of(&[ct_state::ESTABLISHED, ct_state::RELATED, ct_state::NEW]),
        status: choices.number() as u32 & 0x3f,
        reply: choices.once_in(2),
        mark: choices.below(3) as u32,
        protocol: choices.of(&[6, 17]),
        original: tuple(choices),
        replies: tuple(choices),
    }
}

/// Lowers a text and runs packets through its IR and through the evaluator; yields how many there
/// were and how many rules counted them.
fn check(text: &str, family: Family, packets: &[Packet]) -> (usize, usize) {
    let mut sources = SourceMap::new();
    let mut diagnostics = Diagnostics::new();
    let (ruleset, _) = read_text("rules", text.as_bytes(), family, &mut sources, &mut diagnostics);
    let format = if family == Family::Ipv4 { "iptables-save" } else { "ip6tables-save" };
    let input = Input { name: "rules".to_owned(), bytes: text.into(), format: None };
    let options =
        FrontendOptions { tables: Some(vec!["mangle".to_owned()]), ..FrontendOptions::default() };
    let lowered = XtablesFrontend
        .lower(&input, Recognised::sure(format), &options, &mut sources, &mut diagnostics)
        .unwrap_or_else(|| panic!("{text}\n{diagnostics:?}"));
    let program = lowered.program;
    if let Err(violation) = verify(&program) {
        panic!("{text}\n{program}\n{violation:?}");
    }
    let mut evaluator = Evaluator::new(&ruleset, &["mangle"]);
    let mut environment = Environment::new(&program);
    let (mut seen, mut counted) = (0, 0);
    for packet in packets {
        let Ok(parsed) = packet.parse() else { continue };
        let expected = evaluator.decide(Hook::Input, parsed);
        let outcome = interpret(&program, Hook::Input, packet, &mut environment)
            .unwrap_or_else(|error| panic!("{text}\n{program}\n{packet:?}\n{error}"));
        let labels: Vec<String> = outcome.rules.iter().map(|&rule| program.label(rule)).collect();
        let after = outcome.rewritten.unwrap_or_else(|| packet.clone());
        let bytes = after.parse_headers().expect("sound headers").bytes().to_vec();
        let got = (outcome.verdict, &labels, outcome.mark, outcome.connection_mark, bytes);
        let wanted = (
            expected.verdict,
            &expected.rules,
            expected.mark,
            expected.connection_mark,
            expected.bytes,
        );
        assert_eq!(got, wanted, "{text}\n{packet:?}");
        seen += 1;
        counted += labels.len();
    }
    (seen, counted)
}

fn run(family: Family, seed: u64) {
    let mut choices = Choices::new(seed);
    let (mut seen, mut counted) = (0, 0);
    for _ in 0..150 {
        let text = ruleset(&mut choices, family);
        let packets: Vec<Packet> = (0..120).map(|_| packet(&mut choices, family)).collect();
        let (packets, rules) = check(&text, family, &packets);
        seen += packets;
        counted += rules;
    }
    assert!(seen > 10_000 && counted > 20_000, "{seen} packets met {counted} rules");
}

#[test]
fn random_ipv4_rulesets() {
    run(Family::Ipv4, 4);
}

#[test]
fn random_ipv6_rulesets() {
    run(Family::Ipv6, 6);
}

/// Each test alone in a rule, so that none hides behind another.
#[test]
fn each_test_alone() {
    for family in [Family::Ipv4, Family::Ipv6] {
        let own = if family == Family::Ipv4 { TESTS4 } else { TESTS6 };
        let mut choices = Choices::new(1);
        let packets: Vec<Packet> = (0..400).map(|_| packet(&mut choices, family)).collect();
        for test in TESTS.iter().chain(own) {
            let place = address(&mut choices, family);
            let test = test.replace('@', &place);
            let text = format!("*mangle\n:INPUT ACCEPT [0:0]\n-A INPUT {test} -j DROP\nCOMMIT\n");
            check(&text, family, &packets);
        }
    }
}
