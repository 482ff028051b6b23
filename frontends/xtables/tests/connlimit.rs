//! Counted connections over random histories: the IR decides as the reference evaluator does, and
//! where packets come far enough apart both decide by how many connections live.

use bpfc_diag::{Diagnostics, Severity, SourceMap};
use bpfc_interpret::generate::Choices;
use bpfc_interpret::{Environment, interpret};
use bpfc_ir::{Family, Frontend, FrontendOptions, Hook, Input, Program, Recognised};
use bpfc_packet::{
    Arrival, Connections, Conntrack, Packet, PacketBuilder, Tuple, ct_state, ct_status,
};
use bpfc_xtables::reference::Evaluator;
use bpfc_xtables::{XtablesFrontend, read_text};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

const LIMITS: &[&str] = &[
    "--connlimit-above 0",
    "--connlimit-above 2",
    "--connlimit-upto 1 --connlimit-daddr",
    "--connlimit-above 3 --connlimit-mask 0",
    "! --connlimit-above 70 --connlimit-mask 8",
    "--connlimit-above 90 --connlimit-mask 0",
];

fn ruleset(protocol: &str) -> String {
    let mut text = String::from("*filter\n:INPUT ACCEPT [0:0]\n");
    for limit in LIMITS {
        text += &format!("-A INPUT -p {protocol} -m connlimit {limit}\n");
    }
    text + "COMMIT\n"
}

fn lower(text: &str, family: Family) -> Program {
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let format = if family == Family::Ipv4 { "iptables-save" } else { "ip6tables-save" };
    let input = Input { name: "rules".to_owned(), bytes: text.into(), format: None };
    let options = FrontendOptions::default();
    let lowered = XtablesFrontend.lower(
        &input,
        Recognised::sure(format),
        &options,
        &mut sources,
        &mut diagnostics,
    );
    lowered.unwrap_or_else(|| panic!("{text}\n{diagnostics:?}")).program
}

fn address(family: Family, last: u8) -> IpAddr {
    match family {
        Family::Ipv4 => IpAddr::from([10, 0, 0, last]),
        Family::Ipv6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into()).into(),
    }
}

/// One connection of a few clients with a server.
fn tuple(family: Family, client: u8, port: u16) -> Tuple {
    Tuple {
        source: address(family, client),
        destination: address(family, 1),
        source_port: port,
        destination_port: 80,
    }
}

/// A packet of a connection in its original direction.
fn packet(tuple: Tuple) -> Packet {
    let builder = match (tuple.source, tuple.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => PacketBuilder::ipv4(source, destination),
        (IpAddr::V6(source), IpAddr::V6(destination)) => PacketBuilder::ipv6(source, destination),
        _ => unreachable!("addresses of one family"),
    };
    builder.tcp(tuple.source_port, tuple.destination_port, 2).build()
}

/// What a host's tracker keeps, and a clock.
struct Host {
    connections: Connections,
    now: u64,
}

impl Host {
    /// The packet as it arrives, with its connection's entry where the tracker keeps one or makes
    /// one.
    fn arrives(&self, tuple: Tuple, status: u32, tracked: bool) -> Packet {
        let entry = Conntrack {
            state: ct_state::NEW,
            status,
            reply: false,
            mark: 0,
            protocol: 6,
            original: tuple,
            replies: tuple,
        };
        Packet {
            arrival: Arrival { ticks: self.now, ..Arrival::default() },
            connections: Some(Arc::new(self.connections.clone())),
            conntrack: tracked.then_some(entry),
            ..packet(tuple)
        }
    }
}

/// A ruleset in both of its meanings.
struct Both<'a> {
    evaluator: Evaluator<'a>,
    program: &'a Program,
    environment: Environment<'a>,
}

impl Both<'_> {
    /// The rules that count a packet, in both meanings.
    fn decide(&mut self, packet: &Packet) -> BTreeSet<usize> {
        let expected = self.evaluator.decide(Hook::Input, packet.parse().expect("a packet"));
        let outcome = interpret(self.program, Hook::Input, packet, &mut self.environment)
            .unwrap_or_else(|error| panic!("{packet:?}\n{error}"));
        let rules = outcome.rules.iter();
        let labels: Vec<String> = rules.map(|&rule| self.program.label(rule)).collect();
        assert_eq!((outcome.verdict, &labels), (expected.verdict, &expected.rules));
        let number = |label: &String| label.rsplit(':').next()?.parse().ok();
        labels.iter().filter_map(number).collect()
    }
}

fn with_both(family: Family, test: impl FnOnce(&mut Both<'_>)) {
    let text = ruleset("tcp");
    let program = lower(&text, family);
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let (ruleset, _) = read_text("rules", text.as_bytes(), family, &mut sources, &mut diagnostics);
    let evaluator = Evaluator::new(&ruleset, &["filter"]);
    let environment = Environment::new(&program);
    test(&mut Both { evaluator, program: &program, environment });
}

#[test]
fn both_decide_any_history_alike() {
    for seed in 0..60 {
        let mut choices = Choices::new(seed);
        let family = choices.of(&[Family::Ipv4, Family::Ipv6]);
        let ports = choices.of(&[3, 30, 200]);
        with_both(family, |both| {
            let mut host = Host { connections: Connections::new(), now: 1000 };
            for _ in 0..600 {
                host.now += choices.of(&[0, 0, 0, 0, 1, 1, 2, 3]);
                let tuple = tuple(family, choices.below(3) as u8, choices.below(ports) as u16);
                match choices.below(12) {
                    0 => drop(host.connections.remove(&(6, tuple))),
                    1 => drop(host.connections.insert((6, tuple), true)),
                    // Many at once, as where a server restarts.
                    2 if choices.once_in(8) => host.connections.clear(),
                    _ => {}
                }
                let known = host.connections.contains_key(&(6, tuple));
                let confirmed = if known { ct_status::CONFIRMED } else { 0 };
                let assured = if choices.once_in(2) { ct_status::ASSURED } else { 0 };
                let packet = host.arrives(tuple, confirmed | assured, !choices.once_in(9));
                both.decide(&packet);
                if !choices.once_in(4) {
                    host.connections.entry((6, tuple)).or_insert(false);
                }
            }
        });
    }
}

/// First packets alone, more than two ticks apart, and never so many gone at once that some stay.
#[test]
fn what_lives_is_what_counts() {
    for seed in 0..30 {
        let mut choices = Choices::new(seed);
        let family = choices.of(&[Family::Ipv4, Family::Ipv6]);
        with_both(family, |both| {
            let mut host = Host { connections: Connections::new(), now: 1000 };
            for port in 0..300 {
                host.now += 3 + choices.below(3) as u64;
                for _ in 0..choices.below(3) {
                    let living = host.connections.iter().filter(|(_, over)| !**over);
                    let living: Vec<_> = living.map(|(key, _)| *key).collect();
                    if !living.is_empty() {
                        let gone = choices.of(&living);
                        match choices.once_in(2) {
                            true => drop(host.connections.remove(&gone)),
                            false => drop(host.connections.insert(gone, true)),
                        }
                    }
                }
                let tuple = tuple(family, choices.below(3) as u8, port);
                let decided = both.decide(&host.arrives(tuple, 0, true));
                host.connections.insert((6, tuple), false);
                let living = host.connections.iter().filter(|(_, over)| !**over);
                let living: Vec<Tuple> = living.map(|((_, tuple), _)| *tuple).collect();
                let of_client = living.iter().filter(|other| other.source == tuple.source).count();
                let all = living.len();
                let expected =
                    [of_client > 0, of_client > 2, all <= 1, all > 3, all <= 70, all > 90];
                for (number, holds) in (1..).zip(expected) {
                    assert_eq!(
                        decided.contains(&number),
                        holds,
                        "rule {number}: {of_client} {all}"
                    );
                }
            }
        });
    }
}

#[test]
fn rules_of_every_protocol_are_refused_with_the_reason() {
    for (rule, good) in [
        ("-p tcp -m connlimit --connlimit-above 3", true),
        ("-p udp -m connlimit --connlimit-above 3", true),
        ("-m connlimit --connlimit-above 3", false),
        ("! -p tcp -m connlimit --connlimit-above 3", false),
        ("-p icmp -m connlimit --connlimit-above 3", false),
    ] {
        let text = format!("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT {rule}\nCOMMIT\n");
        let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
        let input = Input { name: "rules".to_owned(), bytes: text.into(), format: None };
        let options = FrontendOptions::default();
        let lowered = XtablesFrontend
            .lower(
                &input,
                Recognised::sure("iptables-save"),
                &options,
                &mut sources,
                &mut diagnostics,
            )
            .is_some();
        assert_eq!(lowered, good, "{rule}: {diagnostics:?}");
        if !good {
            let mut errors = diagnostics.iter().filter(|found| found.severity == Severity::Error);
            let message = &errors.next().expect("an error").message;
            assert!(message.contains("-p tcp or -p udp"), "{message}");
        }
    }
}
