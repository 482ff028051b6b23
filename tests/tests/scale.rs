//! Large rulesets: they load on every target, at a cost that grows linearly, and count every rule
//! exactly, however chains are cut into segments, inlined and spread over the counters' chunks.

use bpfc_driver::Options as CompilerOptions;
use bpfc_packet::PacketBuilder;
use bpfc_runtime::{TestPacket, Unattached, XdpMode};
use bpfc_tests::differential::reference::Reference;
use bpfc_tests::differential::{Engine, EngineError, Ruleset};
use bpfc_tests::generate::packets::packets;
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::generate::ruleset::{Shape, ruleset};
use bpfc_tests::lab::inject::Frame;
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::lab::oracle::{INTERFACES, Oracle, Stage};
use bpfc_tests::lab::tables::{Counters, moved};
use bpfc_tests::lab::view::packet_at;
use bpfc_tests::lab::{Family, LabError};
use bpfc_tests::require;
use bpfc_tests::traffic::packet;
use bpfc_tests::twin::{Firewall, Host, Link, Plan, artifact, twins};
use libtest_mimic::{Arguments, Failed, Trial};
use nix::net::if_::if_nametoindex;

const XDP: Firewall = Firewall::Program("xdp", XdpMode::Native);
const TC: Firewall = Firewall::Program("tc", XdpMode::Auto);
const NETFILTER: Firewall = Firewall::Program("netfilter", XdpMode::Auto);

const LINKS: &[Link] = &[Link {
    name: "eth0",
    host: &["198.18.0.1/24", "2001:db8:18::1/64"],
    peer: &["198.18.0.2", "2001:db8:18::2"],
}];

/// A test's name and its table.
type Shaped = (&'static str, fn() -> String);

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    let mut trial = |name: String, body: Box<dyn FnOnce() -> Result<(), Failed> + Send>| {
        trials.push(Trial::test(name, move || {
            if require::met(require::KERNEL_IPTABLES) { body() } else { Ok(()) }
        }));
    };
    for firewall in Firewall::PROGRAMS {
        let name = format!("two_thousand_rules_{firewall}");
        trial(name, Box::new(move || addresses_and_ports(firewall, 2_000)));
        trial(format!("cost_is_linear_{firewall}"), Box::new(move || cost_is_linear(firewall)));
    }
    trial("ten_thousand_rules_xdp".to_owned(), Box::new(|| addresses_and_ports(XDP, 10_000)));
    for firewall in [XDP, TC, NETFILTER] {
        let shapes: [Shaped; 7] = [
            ("three_hundred_chains", three_hundred_chains),
            ("chains_nested_twenty_deep", nested),
            ("everything_nested", everything_nested),
            ("long_chains_nested", long_chains_nested),
            ("a_chain_called_from_a_hundred_places", called_often),
            ("counters_beyond_one_chunk", three_thousand_counters),
            ("a_thousand_texts", thousand_texts),
        ];
        for (name, text) in shapes {
            trial(format!("{name}_{firewall}"), Box::new(move || same_counters(firewall, text())));
        }
    }
    for target in ["xdp", "tc", "netfilter"] {
        trial(format!("segments_do_not_matter_{target}"), Box::new(move || segments(target)));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn plan(rulesets: Vec<(Family, String)>) -> Plan {
    Plan { links: LINKS, forwarding: false, rulesets, hooks: None }
}

/// The source address, protocol and destination port of rule number `number`, and whether the
/// rule accepts.
fn rule(family: Family, number: usize) -> (String, &'static str, u16, bool) {
    let [low, middle, high] = [number & 0xff, number >> 8 & 0xff, number >> 16 & 0xff];
    let source = match family {
        Family::Ipv4 => format!("10.{high}.{middle}.{low}"),
        Family::Ipv6 => format!("2001:db8:{high:x}:{middle:x}::{low:x}"),
    };
    let protocol = if number.is_multiple_of(3) { "udp" } else { "tcp" };
    (source, protocol, 1000 + (number * 7 % 5000) as u16, number.is_multiple_of(2))
}

/// So many rules of an address and a port or a range of ports each.
fn rules(family: Family, count: usize) -> String {
    let mut text = "*filter\n:INPUT DROP [0:0]\n".to_owned();
    for number in 0..count {
        let (source, protocol, port, accepts) = rule(family, number);
        let target = if accepts { "ACCEPT" } else { "DROP" };
        let ports = match number % 5 {
            0 => format!("{port}:{}", port + 10),
            _ => port.to_string(),
        };
        text += &format!(
            "-A INPUT -s {source} -p {protocol} -m {protocol} --dport {ports} -j {target}\n"
        );
    }
    text + "COMMIT\n"
}

fn frame(source: &str, family: Family, protocol: &str, port: u16) -> PacketBuilder {
    let target = match family {
        Family::Ipv4 => "198.18.0.1",
        Family::Ipv6 => "2001:db8:18::1",
    };
    let builder = packet(source, target);
    match protocol {
        "udp" => builder.udp(4000, port).payload(vec![0x61; 8]),
        _ => builder.tcp(4000, port, 0x02),
    }
}

/// Packets for some of the rules, and some that just miss.
fn frames(family: Family, count: usize) -> Vec<Vec<u8>> {
    let step = (count / 40).max(1);
    let numbers = (0..count).step_by(step).chain([count - 1]);
    let mut frames = Vec::new();
    for number in numbers {
        let (source, protocol, port, _) = rule(family, number);
        let (other, ..) = rule(family, number + 1);
        for builder in [
            frame(&source, family, protocol, port),
            frame(&source, family, protocol, port + 11),
            frame(&other, family, protocol, port),
        ] {
            frames.push(builder.bytes());
        }
    }
    frames
}

fn addresses_and_ports(firewall: Firewall, count: usize) -> Result<(), Failed> {
    if !firewall.has_place() {
        return Ok(());
    }
    let rulesets = Family::ALL.map(|family| (family, rules(family, count)));
    twins(&plan(rulesets.to_vec()), firewall, |host| {
        for family in Family::ALL {
            if host.view().strays {
                host.inject(0, frames(family, count))?;
            }
        }
        Ok(())
    })?;
    Ok(())
}

/// Rules at which the verifier's work is measured.
const SIZES: [usize; 4] = [500, 1_000, 2_000, 4_000];

fn cost_is_linear(firewall: Firewall) -> Result<(), Failed> {
    if !firewall.has_place() {
        return Ok(());
    }
    let mut costs = Vec::new();
    for count in SIZES {
        let rulesets = Family::ALL.map(|family| (family, rules(family, count)));
        let cost = isolated(|| -> Result<u32, EngineError> {
            let host = Host::new(&plan(rulesets.to_vec()), firewall)?;
            let status = match host.filter() {
                Some(filter) => filter.status()?,
                None => return Ok(0),
            };
            Ok(status.programs.iter().map(|program| program.verified_insns).sum())
        })?;
        costs.push(f64::from(cost));
    }
    println!("{firewall}: {costs:?} instructions processed for {SIZES:?} rules of each family");
    let each: Vec<f64> =
        costs.iter().zip(SIZES).map(|(cost, size)| cost / (2 * size) as f64).collect();
    let (least, most) = each.iter().fold((f64::MAX, 0.0), |(a, b), &s| (s.min(a), s.max(b)));
    match least > 0.0 && most / least < 1.1 {
        true => Ok(()),
        false => Err(format!("instructions processed a rule: {each:?}, in all {costs:?}").into()),
    }
}

/// The same IPv4 table on both hosts, with datagrams to a range of ports from a few addresses.
fn same_counters(firewall: Firewall, text: String) -> Result<(), Failed> {
    let counters = twins(&plan(vec![(Family::Ipv4, text)]), firewall, |host| {
        let ports = (0..320).chain((320..3_200).step_by(97)).chain([2_998, 2_999, 3_000]);
        let frames = ports.map(|port| {
            let source = format!("10.0.{}.{}", port % 3, port % 7);
            frame(&source, Family::Ipv4, if port % 4 == 3 { "tcp" } else { "udp" }, port)
        });
        Ok(host.inject(0, frames.map(|builder| builder.bytes()).collect())?)
    })?;
    match counters.values().any(|count| count.packets > 0) {
        true => Ok(()),
        false => Err("no rule has counted anything".into()),
    }
}

/// A table with a number of user chains.
fn with_chains(policy: &str, chains: usize) -> String {
    let mut text = format!("*filter\n:INPUT {policy} [0:0]\n");
    for chain in 0..chains {
        text += &format!(":c{chain} - [0:0]\n");
    }
    text
}

/// More chains than a program may have functions; each is called once, some from another.
fn three_hundred_chains() -> String {
    const CHAINS: usize = 300;
    let mut text = with_chains("ACCEPT", CHAINS);
    for chain in 0..CHAINS {
        let ports = format!("{}:{}", chain, chain + 2);
        if chain % 10 != 9 {
            text += &format!("-A INPUT -p udp -m udp --dport {ports} -j c{chain}\n");
        }
        text += &format!("-A c{chain} -s 10.0.0.0/24\n");
        text += &format!("-A c{chain} -s 10.0.1.0/24 -j RETURN\n");
        if chain % 10 == 8 {
            text += &format!("-A c{chain} -g c{}\n", chain + 1);
        }
        text += &format!("-A c{chain} -p udp -m udp --dport {chain} -j DROP\n");
    }
    text + "COMMIT\n"
}

/// Each chain calls the next, has rules before and after, and some packets leave at every depth.
fn nested() -> String {
    const DEPTH: usize = 20;
    let mut text = with_chains("DROP", DEPTH);
    text += "-A INPUT -j c0\n-A INPUT -s 10.0.2.0/24 -j c5\n-A INPUT -p udp -j ACCEPT\n";
    for chain in 0..DEPTH {
        text += &format!("-A c{chain} -p udp -m udp --dport {chain} -j RETURN\n");
        text += &format!("-A c{chain} -p tcp -m tcp --dport {} -j ACCEPT\n", chain * 4 + 3);
        if chain + 1 < DEPTH {
            let verb = if chain % 6 == 5 { "-g" } else { "-j" };
            text += &format!("-A c{chain} {verb} c{}\n", chain + 1);
        }
        text += &format!("-A c{chain} -p udp -m udp --dport {} -j DROP\n", 100 + chain);
        text += &format!("-A c{chain} -s 10.0.1.0/24\n");
    }
    text + "COMMIT\n"
}

/// As deep, with all that needs frames and places in them at every depth: searches through
/// options, both tuples of a connection, interfaces, hardware addresses. No chain has only one
/// caller.
fn everything_nested() -> String {
    const DEPTH: usize = 14;
    let mut text = with_chains("DROP", DEPTH);
    text += "-A INPUT -j c0\n-A INPUT -s 10.0.2.0/24 -j c1\n";
    for chain in 0..DEPTH {
        let rule = |text: &str| format!("-A c{chain} {text}\n");
        text += &rule(&format!("-p tcp -m tcp --dport {chain}:3000 ! --tcp-option 7"));
        text += &rule("-p sctp -m sctp --chunk-types any DATA,INIT");
        text += &rule("-p dccp -m dccp --dccp-option 3");
        text += &rule(&format!("-m conntrack --ctorigsrc 10.0.{}.0/24 --ctstate NEW", chain % 3));
        text += &rule("-m conntrack --ctrepldst 10.0.0.4");
        text += &rule(&format!("-i eth+ -m mac ! --mac-source 02:00:00:00:00:{chain:02}"));
        text += &rule(&format!("-m length --length {}:65535", 20 + chain));
        for further in 1..=2 {
            if chain + further < DEPTH {
                let range = format!("{}:{}", further * 3 + chain, further * 400 + chain);
                text += &rule(&format!("-p udp -m udp --dport {range} -j c{}", chain + further));
            }
        }
        text += &rule(&format!("-p udp -m udp --dport {} -j DROP", 300 + chain));
        text += &rule("-s 10.0.1.0/24");
    }
    text + "COMMIT\n"
}

/// Chains that each are more than one segment.
fn long_chains_nested() -> String {
    const DEPTH: usize = 9;
    let mut text = with_chains("DROP", DEPTH);
    text += "-A INPUT -j c0\n-A INPUT -s 10.0.2.0/24 -j c1\n-A INPUT -j ACCEPT\n";
    for chain in 0..DEPTH {
        for number in 0..1_050 {
            if number % 500 == 499 && chain + 1 < DEPTH {
                text +=
                    &format!("-A c{chain} -p udp -m udp --dport {number}:3000 -j c{}\n", chain + 1);
            }
            text += &format!(
                "-A c{chain} -s 10.0.{}.0/24 -p udp -m udp --dport {number}\n",
                number % 5
            );
        }
    }
    text + "COMMIT\n"
}

fn called_often() -> String {
    let mut text = with_chains("ACCEPT", 3);
    for port in 0..100 {
        text += &format!("-A INPUT -p udp -m udp --dport {} -j c0\n", port * 2);
    }
    text += "-A c0 -s 10.0.0.0/24 -j c1\n-A c0 -s 10.0.1.0/24 -g c2\n-A c0 -s 10.0.2.3 -j DROP\n";
    text += "-A c1 -p udp -m udp --dport 0:50\n-A c1 -s 10.0.0.4 -j DROP\n";
    text += "-A c2 -s 10.0.1.2 -j DROP\n-A c2 -p udp -m udp --dport 20:120 -j c1\n";
    text + "COMMIT\n"
}

/// Rules that count and go on, so that one packet counts in several chunks.
fn three_thousand_counters() -> String {
    let mut text = "*filter\n:INPUT DROP [0:0]\n".to_owned();
    for number in 0..3_000 {
        text += &match number % 100 {
            0 => "-A INPUT -p udp\n".to_owned(),
            1 => format!("-A INPUT -s 10.0.{}.0/24\n", number / 100 % 3),
            _ => format!("-A INPUT -p udp -m udp --dport {number}\n"),
        };
    }
    text + "-A INPUT -p udp -m udp --dport 2990:3000 -j ACCEPT\nCOMMIT\n"
}

/// More texts than a program may have functions: a datagram's destination port with the length
/// behind it, and its content, in either case.
fn thousand_texts() -> String {
    let mut text = "*filter\n:INPUT ACCEPT [0:0]\n".to_owned();
    for number in 0..1_000 {
        let (algorithm, case) = (["bm", "kmp"][number % 2], ["", " --icase"][number / 2 % 2]);
        let what = match number % 10 {
            9 => format!("--string {} --to {}", "a".repeat(number % 17 + 1), 30 + number / 10),
            _ => format!("--hex-string |{number:04x}0010|"),
        };
        text += &format!("-A INPUT -m string {what} --algo {algorithm}{case}\n");
    }
    text + "COMMIT\n"
}

/// Random tables cut into segments of any size decide and count as uncut ones, and as the
/// reference does.
fn segments(target: &'static str) -> Result<(), Failed> {
    let rulesets = require::number("BPFC_SEGMENT_RULESETS", 16);
    let first = require::number("BPFC_SEED", 1);
    for family in Family::ALL {
        isolated(|| {
            // Interfaces, their groups, and routes are as the reference knows them.
            let _oracle = Oracle::new(family, Stage::Input)?;
            for seed in first..first + rulesets {
                let report = |error: EngineError| format!("seed {seed}, {family}: {error}");
                same_segments(target, family, seed).map_err(report)?;
            }
            Ok::<(), Failed>(())
        })?;
    }
    Ok(())
}

fn same_segments(target: &'static str, family: Family, seed: u64) -> Result<(), EngineError> {
    let mut rng = Rng::new(seed);
    let stage = Stage::Input;
    let shape = Shape { marks: false, rules: 14, ..Shape::new(family, stage) };
    let generated = ruleset(&mut rng, shape);
    let mut frames = packets(&mut rng, shape, &generated.facets.list, 150);
    // What the kernel would drop before any rule, the reference leaves out.
    frames.retain(|frame| packet_at(stage, frame).is_some_and(|packet| packet.parse().is_ok()));
    let rulesets = [(family, generated.text.clone())];
    let answer = |blocks: Option<usize>| -> Result<(Vec<i32>, Counters), EngineError> {
        let mut options = CompilerOptions::default();
        if let Some(blocks) = blocks {
            options.codegen.blocks_per_segment = blocks;
        }
        options.hooks = Some(vec![stage.hook()]);
        let loaded = Unattached::load(&artifact(&rulesets, target, &options)?)?;
        run(&loaded, target, &frames)
    };
    let whole = answer(None)?;
    for blocks in [1, 6, 25] {
        let cut = answer(Some(blocks))?;
        if let Some(at) = (0..frames.len()).find(|&at| cut.0[at] != whole.0[at]) {
            return differ(&generated.text, format!("{blocks} blocks: {:?}", frames[at]));
        }
        if cut.1 != whole.1 {
            return differ(&generated.text, format!("{blocks}: {:?}, {:?}", cut.1, whole.1));
        }
    }
    if target == "netfilter" {
        // Test runs of this kind know no input interface.
        return Ok(());
    }
    let mut reference = Reference::default();
    reference.load(&Ruleset { family, stage, text: generated.text.clone() })?;
    let expected = reference.run(&frames)?.counters;
    match expected == whole.1 {
        true => Ok(()),
        false => differ(&generated.text, format!("{expected:?}, {:?}", whole.1)),
    }
}

fn differ(text: &str, what: String) -> Result<(), EngineError> {
    Err(EngineError::Refused(format!("{what}\n{text}")))
}

/// The verdict on each frame, and what was counted in all.
fn run(
    loaded: &Unattached,
    target: &str,
    frames: &[Frame],
) -> Result<(Vec<i32>, Counters), EngineError> {
    let mut verdicts = Vec::new();
    for frame in frames {
        let name = INTERFACES[frame.port];
        let index = if_nametoindex(name).map_err(LabError::errno(name))?;
        let (ifindex, ingress_ifindex) = match target {
            "xdp" => (index, 0),
            "tc" => (index, index),
            _ => (0, 0),
        };
        let packet = TestPacket { data: &frame.bytes, ifindex, ingress_ifindex, mark: 0 };
        verdicts.push(loaded.run(0, &packet, 1)?.verdict);
    }
    Ok((verdicts, moved(&loaded.counters()?)))
}
