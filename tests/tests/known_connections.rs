//! What the tracker makes of packets that XDP and TC ingress see before it does: the state of each
//! packet, held against the kernel's own rules on the same conversations.

use bpfc_artifact::{Artifact, AttachPoint};
use bpfc_ir::Hook;
use bpfc_packet::{Dccp, PacketBuilder, Sctp, Transport, UdpLite};
use bpfc_runtime::{Filter, Options, XdpMode};
use bpfc_tests::differential::EngineError;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::inject::{Frame, INNER_MAC, OUTER_MAC, Wire};
use bpfc_tests::lab::namespace::{isolated, run, sysctl};
use bpfc_tests::lab::raw::RawSender;
use bpfc_tests::lab::tables::{self, Counters, Reader};
use bpfc_tests::require::{self, Need};
use bpfc_tests::twin::artifact;
use libtest_mimic::{Arguments, Failed, Trial};

/// Each way of attaching that looks connections up.
const WAYS: [(&str, XdpMode); 3] =
    [("xdp", XdpMode::Native), ("xdp", XdpMode::Generic), ("tc", XdpMode::Auto)];

fn main() {
    type Test = fn(Family, &'static str, XdpMode) -> Result<(), Failed>;
    let tests: [(&str, Test); 6] = [
        ("picked_up", picked_up),
        ("protocols", protocols),
        ("replaced", replaced),
        ("masqueraded", masqueraded),
        ("not_noted", not_noted),
        ("crowded", crowded),
    ];
    let mut trials = Vec::new();
    for (name, test) in tests {
        for family in Family::ALL {
            for (target, mode) in WAYS {
                // One way is enough of what takes long.
                if name == "crowded" && target != "tc" {
                    continue;
                }
                trials.push(Trial::test(format!("{name}_{target}_{mode}_{family}"), move || {
                    let needs = [require::KERNEL_IPTABLES, &[Need::Tool("conntrack")]].concat();
                    if require::met(&needs) && has_place(target) {
                        isolated(|| test(family, target, mode))?;
                    }
                    Ok(())
                }));
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// Whether the running kernel has a place for programs of the target; says so where it has none.
fn has_place(target: &str) -> bool {
    if target != "tc" {
        return true;
    }
    match bpfc_runtime::supports(AttachPoint::TcIngress) {
        Ok(()) => true,
        Err(error) => {
            assert!(!require::required(), "skipping is not allowed (BPFC_REQUIRE_ALL): {error}");
            eprintln!("skipped: {error}");
            false
        }
    }
}

const STATES: [&str; 5] = ["INVALID", "NEW", "ESTABLISHED", "RELATED", "UNTRACKED"];

/// A rule for each state, numbered as they are.
fn states() -> String {
    states_of(&["INPUT"])
}

fn states_of(chains: &[&str]) -> String {
    let mut text = String::from("*filter\n");
    for chain in chains {
        text += &format!(":{chain} ACCEPT [0:0]\n");
    }
    for chain in chains {
        for state in STATES {
            text += &format!("-A {chain} -m conntrack --ctstate {state} -j ACCEPT\n");
        }
    }
    text + "COMMIT\n"
}

const EMPTY: &str = "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n";

fn load(
    text: &str,
    family: Family,
    (target, mode): (&str, XdpMode),
    interfaces: &[&str],
) -> Result<Filter, EngineError> {
    let options =
        bpfc_driver::Options { hooks: Some(vec![Hook::Input]), ..bpfc_driver::Options::default() };
    let artifact = artifact(&[(family, text.to_owned())], target, &options)?;
    let mut options = Options::new("known-connections");
    options.xdp_mode = mode;
    options.interfaces = interfaces.iter().map(|&name| name.to_owned()).collect();
    Ok(Filter::load(&artifact, &options)?)
}

fn compiled(text: &str, family: Family, target: &str) -> Result<Artifact, EngineError> {
    let mut hooks = vec![Hook::Input];
    if text.contains(":FORWARD") {
        hooks.push(Hook::Forward);
    }
    let options = bpfc_driver::Options { hooks: Some(hooks), ..bpfc_driver::Options::default() };
    artifact(&[(family, text.to_owned())], target, &options)
}

fn addressed(family: Family) -> PacketBuilder {
    let builder = match family {
        Family::Ipv4 => PacketBuilder::ipv4([10, 1, 0, 2], [10, 1, 0, 1]),
        Family::Ipv6 => {
            let address = |last| std::net::Ipv6Addr::new(0xfd00, 1, 0, 0, 0, 0, 0, last);
            PacketBuilder::ipv6(address(2), address(1))
        }
    };
    builder.ethernet(OUTER_MAC, INNER_MAC)
}

/// A host that takes packets to 10.1.0.1 and fd00:1::1 and answers none.
fn silent_host(family: Family) -> Result<Wire, Failed> {
    let wire = Wire::new(&["eth0"])?;
    run("ip", &["addr", "add", "10.1.0.1/24", "dev", "eth0"], "")?;
    run("ip", &["-6", "route", "add", "local", "fd00:1::1", "dev", "lo"], "")?;
    run("ip", &["-6", "route", "add", "fd00:1::/64", "dev", "eth0"], "")?;
    tables::restore(family, "*security\n:OUTPUT DROP [0:0]\nCOMMIT\n")?;
    Ok(wire)
}

/// Whether a connection that is first seen in its middle is picked up is asked of the packet's
/// network namespace at each packet.
fn picked_up(family: Family, target: &'static str, mode: XdpMode) -> Result<(), Failed> {
    const ACK: u8 = 0x10;
    const SYN: u8 = 0x02;
    let mut wire = silent_host(family)?;
    let frame = |port: u16, flags: u8| Frame {
        port: 0,
        bytes: addressed(family).tcp(4000 + port, 80, flags).bytes(),
    };
    let frames: Vec<Frame> = (0..9)
        .flat_map(|port| [frame(port, ACK), frame(100 + port, SYN), frame(200 + port, ACK | 8)])
        .collect();
    let settings = ["1", "0", "1"];
    tables::restore(family, &states())?;
    let reader = Reader::new(family, "filter")?;
    let mut kernel: Vec<Counters> = Vec::new();
    for setting in settings {
        sysctl("netfilter/nf_conntrack_tcp_loose", setting)?;
        run("conntrack", &["-F"], "")?;
        let before = reader.read()?;
        wire.send(&frames)?;
        let mut counted = tables::difference(&reader, &before, &reader.read()?);
        counted.retain(|label, _| label.contains("/INPUT:"));
        kernel.push(counted);
    }
    drop(reader);
    tables::restore(family, EMPTY)?;
    let filter = load(&states(), family, (target, mode), &["eth0"])?;
    for (setting, kernel) in settings.iter().zip(kernel) {
        sysctl("netfilter/nf_conntrack_tcp_loose", setting)?;
        run("conntrack", &["-F"], "")?;
        filter.zero()?;
        wire.send(&frames)?;
        let invalid = format!("{}filter/INPUT:1", family.label_prefix());
        assert_eq!(kernel.get(&invalid).map_or(0, |count| count.packets) > 0, *setting == "0");
        if let Some(lines) = tables::disagreement(&kernel, &tables::moved(&filter.counters()?)) {
            return Err(format!("tcp_loose {setting}: {lines}").into());
        }
    }
    filter.unload()?;
    Ok(())
}

/// One thing that happens on the host at 10.1.0.1 and fd00:1::1.
enum Step {
    /// A packet comes in.
    In(Vec<u8>),
    /// The host sends one.
    Out(Vec<u8>),
    /// A tool is run.
    Run(&'static [&'static str]),
}

/// The ends of a conversation: the host itself, another address of its own, and two others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Host,
    Alias,
    Peer,
    Stranger,
}

fn between(family: Family, from: End, to: End) -> PacketBuilder {
    let builder = match family {
        Family::Ipv4 => {
            let address = |end| match end {
                End::Host => [10, 1, 0, 1],
                End::Peer => [10, 1, 0, 2],
                End::Stranger => [10, 1, 0, 3],
                End::Alias => [10, 1, 0, 4],
            };
            PacketBuilder::ipv4(address(from), address(to))
        }
        Family::Ipv6 => {
            let address = |end| {
                let last = match end {
                    End::Host => 1,
                    End::Peer => 2,
                    End::Stranger => 3,
                    End::Alias => 4,
                };
                std::net::Ipv6Addr::new(0xfd00, 1, 0, 0, 0, 0, 0, last)
            };
            PacketBuilder::ipv6(address(from), address(to))
        }
    };
    match from {
        End::Host => builder.ethernet(INNER_MAC, OUTER_MAC),
        _ => builder.ethernet(OUTER_MAC, INNER_MAC),
    }
}

/// A packet from the peer, and one to it.
fn come(family: Family, transport: Transport) -> Step {
    Step::In(filled(between(family, End::Peer, End::Host), transport))
}

fn go(family: Family, transport: Transport) -> Step {
    Step::Out(filled(between(family, End::Host, End::Peer), transport))
}

/// With a payload, which would be further chunks behind SCTP's.
fn filled(builder: PacketBuilder, transport: Transport) -> Vec<u8> {
    match transport {
        Transport::Sctp(_) => builder.transport(transport).bytes(),
        _ => builder.transport(transport).payload([7; 12]).bytes(),
    }
}

fn query(family: Family, kind: u8, code: u8, id: u16) -> Transport {
    let [high, low] = id.to_be_bytes();
    let rest = [high, low, 0, 1];
    match family {
        Family::Ipv4 => Transport::Icmp { kind, code, rest },
        Family::Ipv6 => Transport::Icmpv6 { kind, code, rest },
    }
}

/// Requests and answers.
fn queries(family: Family) -> &'static [(u8, u8)] {
    match family {
        Family::Ipv4 => &[(8, 0), (13, 14), (15, 16), (17, 18)],
        Family::Ipv6 => &[(128, 129), (139, 140)],
    }
}

fn raw(protocol: u8, bytes: &[u8]) -> Transport {
    Transport::Raw { protocol, bytes: bytes.to_vec() }
}

fn sctp(source: u16, destination: u16, tag: u32, chunks: &[u8]) -> Transport {
    Transport::Sctp(Sctp { source, destination, tag, chunks: chunks.to_vec() })
}

/// A chunk of a kind, with a tag where it has room for one.
fn chunk(kind: u8, tag: u32) -> Vec<u8> {
    let mut bytes = vec![kind, 0, 0, 20];
    bytes.extend(tag.to_be_bytes());
    bytes.extend([0; 12]);
    bytes
}

/// A packet that the host sent to the peer, as it is quoted.
fn quoted(family: Family, transport: Transport) -> Vec<u8> {
    filled(between(family, End::Host, End::Peer), transport).split_off(14)
}

/// An error of a router's about a packet.
fn error(family: Family, to: End, about: &[u8]) -> Step {
    let kind = match family {
        Family::Ipv4 => Transport::Icmp { kind: 3, code: 1, rest: [0; 4] },
        Family::Ipv6 => Transport::Icmpv6 { kind: 1, code: 3, rest: [0; 4] },
    };
    Step::In(between(family, End::Stranger, to).transport(kind).payload(about).bytes())
}

/// Conversations that either side begins, and packets that belong to none.
fn conversation(family: Family) -> Vec<Step> {
    let mut steps = Vec::new();
    for (number, &(request, answer)) in (1..).zip(queries(family)) {
        let packet = |kind, id| query(family, kind, 0, id);
        steps.extend([
            go(family, packet(request, number)),
            come(family, packet(answer, number)),
            come(family, packet(answer, number)),
            come(family, packet(answer, 77)),
            come(family, query(family, answer, 1, number)),
            go(family, packet(request, number)),
            come(family, packet(request, 100 + number)),
            come(family, packet(request, 100 + number)),
            go(family, packet(answer, 100 + number)),
            come(family, packet(request, 100 + number)),
            come(family, packet(answer, 100 + number)),
        ]);
        let sent = quoted(family, packet(request, number));
        steps.extend([error(family, End::Host, &sent), error(family, End::Alias, &sent)]);
        steps.push(error(family, End::Host, &quoted(family, packet(request, 78))));
        steps.push(error(family, End::Host, &quoted(family, packet(answer, number))));
    }
    // Of no kind that begins anything, and the other family's.
    for kind in [9, 10, 30, 42, 200] {
        steps.push(come(family, query(family, kind, 0, 1)));
    }
    let foreign = match family {
        Family::Ipv4 => 58,
        Family::Ipv6 => 1,
    };
    steps.push(come(family, raw(foreign, &[128, 0, 0, 0, 0, 1, 0, 1])));

    // ESP, IPv4's AH, one that nobody knows, version 0 of GRE: addresses alone.
    for protocol in [50, 51, 200, 47] {
        if protocol == 51 && family == Family::Ipv6 {
            continue;
        }
        let packet = |byte| raw(protocol, &[0, 0, 8, 0, 1, 2, 3, byte]);
        let sent = quoted(family, packet(9));
        steps.extend([
            error(family, End::Host, &sent),
            come(family, packet(1)),
            come(family, packet(2)),
            go(family, packet(3)),
            come(family, packet(4)),
            error(family, End::Host, &sent),
            error(family, End::Alias, &sent),
        ]);
    }
    // What is never heard of is new each time; what the host begins is known by its answer.
    let own = |byte| raw(201, &[byte; 8]);
    steps.extend([go(family, own(1)), come(family, own(2)), come(family, own(3))]);
    // Version 1 of GRE has a key of the receiver's.
    let keyed = |key: u8| raw(47, &[0x30, 0x01, 0x88, 0x0b, 0, 12, 0, key]);
    steps.extend([
        come(family, keyed(5)),
        go(family, keyed(6)),
        come(family, keyed(5)),
        come(family, keyed(6)),
        error(family, End::Host, &quoted(family, keyed(6))),
        come(family, raw(47, &[0x30, 0x01, 0x08, 0x00, 0, 12, 0, 5])),
    ]);
    // Protocols with ports.
    let lite =
        |source, destination| Transport::UdpLite(UdpLite { source, destination, coverage: 0 });
    let dccp = |kind, source, destination| {
        Transport::Dccp(Dccp { source, destination, kind, extended: true, ..Dccp::default() })
    };
    steps.extend([
        go(family, lite(4000, 53)),
        come(family, lite(53, 4000)),
        come(family, lite(54, 4000)),
        come(family, lite(53, 4001)),
        error(family, End::Host, &quoted(family, lite(4000, 53))),
        error(family, End::Host, &quoted(family, lite(4002, 53))),
        come(family, dccp(0, 5000, 80)),
        come(family, dccp(0, 5000, 80)),
        go(family, dccp(1, 80, 5000)),
    ]);
    // Kernels that follow DCCP's state refuse it, which no program does.
    if !std::path::Path::new("/proc/sys/net/netfilter/nf_conntrack_dccp_loose").exists() {
        steps.push(come(family, dccp(2, 5000, 80)));
    }
    let (ours, theirs) = (0x0102_0304, 0x0a0b_0c0d);
    steps.extend([
        go(family, sctp(4000, 80, 0, &chunk(1, ours))),
        error(family, End::Host, &quoted(family, sctp(4000, 80, 0, &chunk(1, ours)))),
        come(family, sctp(80, 4000, ours, &chunk(2, theirs))),
        go(family, sctp(4000, 80, theirs, &chunk(10, 0))),
        come(family, sctp(80, 4000, ours, &chunk(11, 0))),
        come(family, sctp(80, 4000, ours, &chunk(0, 0))),
        come(family, sctp(81, 4000, ours, &chunk(0, 0))),
        error(family, End::Host, &quoted(family, sctp(4001, 80, 0, &chunk(1, ours)))),
    ]);
    for (number, kind) in (0..16).zip(5000..) {
        for tag in [0, 7] {
            steps.push(come(family, sctp(kind, 80 + tag as u16, tag, &chunk(number, 9))));
        }
    }
    // What conntrack forgets is forgotten at once, and what it holds to be over is over.
    let (request, answer) = queries(family)[0];
    let [request, answer] = [request, answer].map(|kind| query(family, kind, 0, 500));
    for tool in [
        &["conntrack", "-F"][..],
        match family {
            Family::Ipv4 => &["conntrack", "-D", "-p", "icmp"][..],
            Family::Ipv6 => &["conntrack", "-D", "-f", "ipv6", "-p", "icmpv6"][..],
        },
        match family {
            Family::Ipv4 => &["conntrack", "-U", "-p", "icmp", "-t", "0"][..],
            Family::Ipv6 => &["conntrack", "-U", "-f", "ipv6", "-p", "icmpv6", "-t", "0"][..],
        },
    ] {
        steps.extend([go(family, request.clone()), come(family, answer.clone())]);
        steps.push(Step::Run(tool));
        steps.push(come(family, answer.clone()));
        steps.push(go(family, request.clone()));
        steps.push(come(family, answer.clone()));
    }
    steps
}

/// Takes the steps, and gives the state of each packet that comes in.
fn take(
    wire: &mut Wire,
    sender: &RawSender,
    steps: &[Step],
    count: &mut dyn FnMut() -> Result<Counters, Failed>,
) -> Result<Vec<String>, Failed> {
    run("conntrack", &["-F"], "")?;
    let mut states = Vec::new();
    let mut before = count()?;
    for step in steps {
        match step {
            Step::In(bytes) => wire.send(&[Frame { port: 0, bytes: bytes.clone() }])?,
            Step::Out(bytes) => {
                sender.send(&[Frame { port: 0, bytes: bytes.clone() }])?;
                continue;
            }
            Step::Run(words) => {
                // Where there is nothing to change it says so by its status.
                let _ = run(words[0], &words[1..], "");
                continue;
            }
        }
        let after = count()?;
        let found = STATES.iter().zip(1..).filter(|(_, number)| {
            let label = format!("filter/INPUT:{number}");
            let of = |counters: &Counters| {
                let mut all = counters.iter();
                all.find(|(name, _)| name.ends_with(&label)).map_or(0, |(_, count)| count.packets)
            };
            of(&after) > of(&before)
        });
        states.push(found.map(|(state, _)| *state).collect::<Vec<_>>().join(" "));
        before = after;
    }
    Ok(states)
}

/// Lets queries be known for longer than a slow machine takes for a test.
fn lasting() -> Result<(), Failed> {
    for protocol in ["icmp", "icmpv6"] {
        sysctl(&format!("netfilter/nf_conntrack_{protocol}_timeout"), "3600")?;
    }
    Ok(())
}

/// A host that answers nothing by itself.
fn host() -> Result<Wire, Failed> {
    let wire = Wire::new(&["eth0"])?;
    lasting()?;
    sysctl("ipv4/icmp_echo_ignore_all", "1")?;
    sysctl("ipv6/icmp/echo_ignore_all", "1")?;
    sysctl("ipv4/icmp_ratelimit", "0")?;
    // The tracker sums UDP-Lite up as if it were UDP, and finds no packet right.
    sysctl("netfilter/nf_conntrack_checksum", "0")?;
    for address in ["10.1.0.1/24", "10.1.0.4/24"] {
        run("ip", &["addr", "add", address, "dev", "eth0"], "")?;
    }
    for address in ["fd00:1::1", "fd00:1::4"] {
        run("ip", &["-6", "route", "add", "local", address, "dev", "lo"], "")?;
    }
    run("ip", &["-6", "route", "add", "fd00:1::/64", "dev", "eth0"], "")?;
    Ok(wire)
}

/// Every packet of the conversations has the state that the kernel's rules see.
fn protocols(family: Family, target: &'static str, mode: XdpMode) -> Result<(), Failed> {
    let mut wire = host()?;
    let sender = RawSender::new(family)?;
    let steps = conversation(family);
    tables::restore(family, &states())?;
    let reader = Reader::new(family, "filter")?;
    let mut count = || Ok(reader.labels().map(str::to_owned).zip(reader.read()?).collect());
    let kernel = take(&mut wire, &sender, &steps, &mut count)?;
    for state in ["INVALID", "NEW", "ESTABLISHED", "RELATED"] {
        assert!(kernel.iter().any(|found| found == state), "nothing is {state}");
    }
    tables::restore(family, EMPTY)?;
    let filter = load(&states(), family, (target, mode), &["eth0"])?;
    let mut count = || Ok(tables::moved(&filter.counters()?));
    let program = take(&mut wire, &sender, &steps, &mut count)?;
    let packets = steps.iter().filter_map(|step| match step {
        Step::In(bytes) => Some(bytes),
        _ => None,
    });
    let different: Vec<String> = kernel
        .iter()
        .zip(&program)
        .zip(packets)
        .enumerate()
        .filter(|(_, ((kernel, program), _))| kernel != program)
        .map(|(number, ((kernel, program), bytes))| {
            format!("packet {number}: kernel {kernel}, program {program}: {:02x?}", &bytes[14..])
        })
        .collect();
    filter.unload()?;
    if different.is_empty() { Ok(()) } else { Err(different.join("\n").into()) }
}

/// What was noted is known to the filter that takes over, and to none when the first is gone. Where
/// conntrack's own table is walked nothing need be noted, and all is known to any.
fn replaced(family: Family, target: &'static str, mode: XdpMode) -> Result<(), Failed> {
    let mut wire = host()?;
    let sender = RawSender::new(family)?;
    let (request, answer) = queries(family)[0];
    let [request, answer] = [request, answer].map(|kind| query(family, kind, 0, 9));
    let mut filter = load(&states(), family, (target, mode), &["eth0"])?;
    let bpfc_runtime::Status { companions, walks_connections: walks, .. } = filter.status()?;
    let number = usize::from(!walks);
    assert_eq!(companions.len(), number, "{companions:?}");
    assert!(companions.iter().all(|found| found.attached), "{companions:?}");
    let mut steps = vec![go(family, request), come(family, answer)];
    for round in 0..3 {
        let mut count = || Ok(tables::moved(&filter.counters()?));
        let found = match round {
            0 => take(&mut wire, &sender, &steps, &mut count)?,
            _ => {
                let Step::In(bytes) = &steps[0] else { return Err("no packet".into()) };
                let before = filter.counters()?;
                wire.send(&[Frame { port: 0, bytes: bytes.clone() }])?;
                let label = format!("{}filter/INPUT:3", family.label_prefix());
                let of =
                    |counters: &Counters| counters.get(&label).map_or(0, |count| count.packets);
                let more = of(&tables::moved(&filter.counters()?)) - of(&tables::moved(&before));
                vec![if more == 1 { "ESTABLISHED" } else { "another" }.to_owned()]
            }
        };
        assert_eq!(found, ["ESTABLISHED"], "round {round}");
        if round == 0 {
            steps.remove(0);
        }
        let text = states().replace("COMMIT", &format!("-A INPUT -p {}\nCOMMIT", 100 + round));
        filter.replace(&compiled(&text, family, target)?)?;
        assert_eq!(filter.status()?.companions.len(), number);
    }
    // Rules that ask for no connections need none noted.
    filter.replace(&compiled(EMPTY, family, target)?)?;
    assert!(filter.status()?.companions.is_empty());
    filter.replace(&compiled(&states(), family, target)?)?;
    assert_eq!(filter.status()?.companions.len(), number);
    filter.unload()?;
    filter = load(&states(), family, (target, mode), &["eth0"])?;
    let Step::In(bytes) = &steps[0] else { return Err("no packet".into()) };
    wire.send(&[Frame { port: 0, bytes: bytes.clone() }])?;
    let label = format!("{}filter/INPUT:3", family.label_prefix());
    assert_eq!(tables::moved(&filter.counters()?).contains_key(&label), walks);
    filter.unload()?;
    Ok(())
}

/// The state of a packet that comes in by an interface.
fn state_of(
    wire: &mut Wire,
    filter: &Filter,
    port: usize,
    packet: Step,
) -> Result<&'static str, Failed> {
    let Step::In(bytes) = packet else { return Err("it does not come in".into()) };
    let before = filter.counters()?;
    wire.send(&[Frame { port, bytes }])?;
    let after = filter.counters()?;
    let number = |counters: &Counters, rule: usize| {
        let label = format!("filter/INPUT:{rule}");
        let of = counters.iter().find(|(name, _)| name.ends_with(&label));
        of.map_or(0, |(_, count)| count.packets)
    };
    let (before, after) = (tables::moved(&before), tables::moved(&after));
    let found = (1..).zip(STATES).find(|(rule, _)| number(&after, *rule) > number(&before, *rule));
    found.map(|(_, state)| state).ok_or_else(|| "no rule saw it".into())
}

fn sent(sender: &RawSender, packet: Step) -> Result<(), Failed> {
    let Step::Out(bytes) = packet else { return Err("it does not leave".into()) };
    Ok(sender.send(&[Frame { port: 0, bytes }])?)
}

/// Connections whose packets no companion has seen: they began before the filter was there, or
/// their packets leave by another interface. In conntrack's own table they are found all the same.
fn not_noted(family: Family, target: &'static str, mode: XdpMode) -> Result<(), Failed> {
    let mut wire = Wire::new(&["eth0", "eth1"])?;
    let sender = RawSender::new(family)?;
    lasting()?;
    sysctl("ipv4/icmp_echo_ignore_all", "1")?;
    sysctl("ipv6/icmp/echo_ignore_all", "1")?;
    run("ip", &["addr", "add", "10.1.0.1/24", "dev", "eth0"], "")?;
    run("ip", &["addr", "add", "10.2.0.1/24", "dev", "eth1"], "")?;
    run("ip", &["-6", "route", "add", "local", "fd00:1::1", "dev", "lo"], "")?;
    run("ip", &["-6", "route", "add", "fd00:1::/64", "dev", "eth0"], "")?;
    // Whoever is tracked is tracked before the filter asks for it.
    tables::restore(family, &states().replace("INPUT", "OUTPUT"))?;
    let (request, answer) = queries(family)[0];
    let asked = |id| go(family, query(family, request, 0, id));
    let answered = |id| come(family, query(family, answer, 0, id));
    sent(&sender, asked(1))?;
    let filter = load(&states(), family, (target, mode), &["eth0"])?;
    let walks = filter.status()?.walks_connections;
    let early = if walks { "ESTABLISHED" } else { "INVALID" };
    assert_eq!(state_of(&mut wire, &filter, 0, answered(1))?, early, "before the filter");
    sent(&sender, asked(1))?;
    assert_eq!(state_of(&mut wire, &filter, 0, answered(1))?, "ESTABLISHED", "from then on");

    let (version, peer) = match family {
        Family::Ipv4 => ("-4", "10.1.0.2/32"),
        Family::Ipv6 => ("-6", "fd00:1::2/128"),
    };
    run("ip", &[version, "route", "add", peer, "dev", "eth1"], "")?;
    sent(&sender, asked(2))?;
    assert_eq!(state_of(&mut wire, &filter, 0, answered(2))?, early, "by another interface");
    assert_eq!(state_of(&mut wire, &filter, 0, answered(3))?, "INVALID", "nobody asked");
    filter.unload()?;
    Ok(())
}

/// More connections than there is room for notes: those that were heard of last are known, of the
/// others no packet has a state that it would not have without notes, and each is known again when
/// it is heard of.
fn crowded(family: Family, target: &'static str, mode: XdpMode) -> Result<(), Failed> {
    const CONNECTIONS: u16 = 40_000;
    let mut wire = host()?;
    let sender = RawSender::new(family)?;
    let filter = load(&states(), family, (target, mode), &["eth0"])?;
    if filter.status()?.walks_connections {
        eprintln!("skipped: nothing is noted where conntrack's own table is walked");
        filter.unload()?;
        return Ok(());
    }
    let (request, answer) = queries(family)[0];
    let asked = |id| go(family, query(family, request, 0, id));
    let answered = |id| come(family, query(family, answer, 0, id));
    for id in 0..CONNECTIONS {
        sent(&sender, asked(id))?;
    }
    let answers = |ids: std::ops::Range<u16>| {
        let frames = ids.map(|id| match answered(id) {
            Step::In(bytes) => Ok(Frame { port: 0, bytes }),
            _ => Err(Failed::from("it does not come in")),
        });
        frames.collect::<Result<Vec<Frame>, Failed>>()
    };
    let counts = |filter: &Filter| -> Result<Vec<u64>, Failed> {
        let counted = tables::moved(&filter.counters()?);
        let of = |number: usize| {
            let label = format!("{}filter/INPUT:{number}", family.label_prefix());
            counted.get(&label).map_or(0, |count| count.packets)
        };
        Ok((1..=STATES.len()).map(of).collect())
    };
    filter.zero()?;
    wire.send(&answers(CONNECTIONS - 1000..CONNECTIONS)?)?;
    assert_eq!(counts(&filter)?, [0, 0, 1000, 0, 0], "the last ones");
    filter.zero()?;
    wire.send(&answers(0..CONNECTIONS)?)?;
    let found = counts(&filter)?;
    let (unknown, known) = (found[0], found[2]);
    eprintln!("of {CONNECTIONS} connections {known} are noted");
    assert_eq!(found, [unknown, 0, known, 0, 0]);
    assert_eq!(unknown + known, u64::from(CONNECTIONS));
    // Two notes a connection.
    assert!((20_000..=1 << 15).contains(&known), "{known} are noted");
    assert_eq!(state_of(&mut wire, &filter, 0, answered(0))?, "INVALID", "heard of first");
    sent(&sender, asked(0))?;
    assert_eq!(state_of(&mut wire, &filter, 0, answered(0))?, "ESTABLISHED", "heard of again");
    filter.unload()?;
    Ok(())
}

/// Answers to queries that a gateway sends on under an address of its own.
fn masqueraded(family: Family, target: &'static str, mode: XdpMode) -> Result<(), Failed> {
    let mut wire = Wire::new(&["eth0", "eth1"])?;
    lasting()?;
    sysctl("ipv4/ip_forward", "1")?;
    sysctl("ipv6/conf/all/forwarding", "1")?;
    let (inside, outside, own) = match family {
        Family::Ipv4 => ("10.1.0.2", "10.2.0.2", "10.2.0.1"),
        Family::Ipv6 => ("fd00:1::2", "fd00:2::2", "fd00:2::1"),
    };
    for number in ["1", "2"] {
        let device = if number == "1" { "eth0" } else { "eth1" };
        run("ip", &["addr", "add", &format!("10.{number}.0.1/24"), "dev", device], "")?;
        let address = format!("fd00:{number}::1/64");
        run("ip", &["-6", "addr", "add", &address, "dev", device, "nodad"], "")?;
    }
    tables::restore(
        family,
        "*nat\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n:POSTROUTING ACCEPT\n\
         -A POSTROUTING -o eth1 -j MASQUERADE\nCOMMIT\n",
    )?;
    let packet = |from: &str, to: &str, transport: Transport| {
        let builder = match family {
            Family::Ipv4 => PacketBuilder::ipv4(
                from.parse::<std::net::Ipv4Addr>().expect("an address"),
                to.parse::<std::net::Ipv4Addr>().expect("an address"),
            ),
            Family::Ipv6 => PacketBuilder::ipv6(
                from.parse().expect("an address"),
                to.parse().expect("an address"),
            ),
        };
        builder.ethernet(OUTER_MAC, INNER_MAC).transport(transport).payload([7; 12]).bytes()
    };
    let (request, answer) = queries(family)[0];
    let request = packet(inside, outside, query(family, request, 0, 9));
    let reply = packet(outside, own, query(family, answer, 0, 9));
    let other = packet(outside, own, query(family, answer, 0, 10));
    let frames = [(0, request.clone()), (1, reply), (0, request), (1, other)]
        .map(|(port, bytes)| Frame { port, bytes });
    let text = states_of(&["INPUT", "FORWARD"]);
    tables::restore(family, &text)?;
    let reader = Reader::new(family, "filter")?;
    let before = reader.read()?;
    wire.send(&frames)?;
    let kernel = tables::difference(&reader, &before, &reader.read()?);
    drop(reader);
    tables::restore(family, &text.replace("-A", "#"))?;
    run("conntrack", &["-F"], "")?;
    let filter = load(&text, family, (target, mode), &["eth0", "eth1"])?;
    wire.send(&frames)?;
    let program = tables::moved(&filter.counters()?);
    filter.unload()?;
    // The answer is one for this host until it is translated back, behind the program.
    let sums = |counters: &Counters| {
        (1..=STATES.len())
            .map(|number| {
                let count = |chain: &str| {
                    let label = format!("{}filter/{chain}:{number}", family.label_prefix());
                    counters.get(&label).map_or(0, |count| count.packets)
                };
                count("INPUT") + count("FORWARD")
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(sums(&kernel), [1, 1, 2, 0, 0]);
    assert_eq!(sums(&program), sums(&kernel));
    Ok(())
}
