//! The IR of random rulesets decides random packets as the reference evaluator does, rule by rule,
//! and keeps every invariant.

use bpfc_cases::{Cases, words};
use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_interpret::generate::Choices;
use bpfc_interpret::{Environment, interpret};
use bpfc_ir::{Family, Frontend, FrontendOptions, Hook, Input, Recognised, verify};
use bpfc_packet::{
    BridgePorts, Conntrack, Extension, InterfaceName, LengthField, Packet, PacketBuilder, Receiver,
    Tcp, Transform, Transport, Tuple, ct_state, describe,
};
use bpfc_xtables::reference::Evaluator;
use bpfc_xtables::{XtablesFrontend, read_text};
use std::net::{IpAddr, Ipv6Addr};

/// What rules are made of, from the files of cases; `@` stands for one of the family's addresses.
struct Lists<'a> {
    /// Tests of both families.
    tests: Vec<&'a str>,
    /// Tests of the family alone.
    own: Vec<&'a str>,
    /// Targets that write packets, of both families.
    rewrites: Vec<&'a str>,
    /// Of the family alone.
    own_rewrites: Vec<&'a str>,
}

impl<'a> Lists<'a> {
    fn of(cases: &'a [Cases], family: Family) -> Self {
        Lists {
            tests: words(cases, None, |cases| &cases.tests),
            own: words(cases, Some(family), |cases| &cases.tests),
            rewrites: words(cases, None, |cases| &cases.rewrites),
            own_rewrites: words(cases, Some(family), |cases| &cases.rewrites),
        }
    }
}

fn address(choices: &mut Choices, family: Family) -> String {
    let last = choices.below(4);
    match family {
        Family::Ipv4 => format!("10.0.0.{last}"),
        Family::Ipv6 => format!("2001:db8::{last}"),
    }
}

fn rule(
    choices: &mut Choices,
    lists: &Lists<'_>,
    family: Family,
    chain: &str,
    callees: &[&str],
) -> String {
    let mut options = String::new();
    let mut used = Vec::new();
    for _ in 0..choices.below(3) {
        let list = if choices.once_in(5) { &lists.own } else { &lists.tests };
        let test = choices.of(list);
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
        8 if !options.contains("-p ") => choices.of(&lists.rewrites).to_owned(),
        9 if !options.contains("-p ") => choices.of(&lists.own_rewrites).to_owned(),
        0 | 1 => "-j ACCEPT".to_owned(),
        2 => "-j DROP".to_owned(),
        3 => "-j RETURN".to_owned(),
        4 | 5 if !callees.is_empty() => format!("-j {}", choices.of(callees)),
        6 if !callees.is_empty() => format!("-g {}", choices.of(callees)),
        _ => String::new(),
    };
    format!("-A {chain}{options} {target}\n")
}

fn ruleset(choices: &mut Choices, lists: &Lists<'_>, family: Family) -> String {
    let policy = choices.of(&["ACCEPT", "DROP"]);
    let mut text = format!("*mangle\n:INPUT {policy} [0:0]\n:A - [0:0]\n:B - [0:0]\n:C - [0:0]\n");
    let chains: [(&str, &[&str]); 4] =
        [("INPUT", &["A", "B", "C"]), ("A", &["B", "C"]), ("B", &["C"]), ("C", &[])];
    for (chain, callees) in chains {
        for _ in 0..choices.below(7) {
            text.push_str(&rule(choices, lists, family, chain, callees));
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
        packet.conntrack = Some(connection(choices, family));
        if choices.once_in(4) {
            let other = connection(choices, family).original.source;
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
        family: if family == Family::Ipv4 { 2 } else { 10 },
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

/// Lowers a text and runs packets through its IR and through the evaluator; yields for each that
/// can be parsed the rules that counted it.
fn check(text: &str, family: Family, packets: &[Packet]) -> Vec<Vec<String>> {
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
    let mut counted = Vec::new();
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
        counted.push(labels);
    }
    counted
}

fn run(family: Family, seed: u64) {
    let cases = bpfc_cases::all();
    let lists = Lists::of(&cases, family);
    let mut choices = Choices::new(seed);
    let (mut seen, mut counted) = (0, 0);
    for _ in 0..150 {
        let text = ruleset(&mut choices, &lists, family);
        let packets: Vec<Packet> = (0..120).map(|_| packet(&mut choices, family)).collect();
        let met = check(&text, family, &packets);
        seen += met.len();
        counted += met.iter().map(Vec::len).sum::<usize>();
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

fn alone(words: &str) -> String {
    format!("*mangle\n:INPUT ACCEPT [0:0]\n-A INPUT {words} -j DROP\nCOMMIT\n")
}

/// Each test alone in a rule, so that none hides behind another.
#[test]
fn each_test_alone() {
    let cases = bpfc_cases::all();
    for family in [Family::Ipv4, Family::Ipv6] {
        let lists = Lists::of(&cases, family);
        let mut choices = Choices::new(1);
        let packets: Vec<Packet> = (0..400).map(|_| packet(&mut choices, family)).collect();
        for test in lists.tests.iter().chain(&lists.own) {
            let place = address(&mut choices, family);
            check(&alone(&test.replace('@', &place)), family, &packets);
        }
    }
}

/// Packets that a file of cases says to hit a test do, and those that are to miss it do not.
#[test]
fn packets_hit_and_miss_as_written() {
    let (mut number, mut wrong) = (0, Vec::new());
    for cases in bpfc_cases::all() {
        for test in &cases.tests {
            let words = &test.words.text;
            let hits = test.hits.iter().map(|packet| (packet, true));
            for (packet, hits) in hits.chain(test.misses.iter().map(|packet| (packet, false))) {
                let at = format!("{}: {words}: {packet}", cases.name);
                let packet =
                    describe(packet).unwrap_or_else(|error| panic!("{at}: {error}")).packet;
                let family = packet.family.ip().expect("a packet of IP");
                assert!(test.words.is_of(family), "{at}: a packet of the other family");
                let label = format!(
                    "{}mangle/INPUT:{}",
                    family.label_prefix(),
                    if hits { "1" } else { "policy" }
                );
                if check(&alone(words), family, &[packet]) != [[label]] {
                    wrong.push(at);
                }
                number += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(number > 100, "{number} packets");
}
