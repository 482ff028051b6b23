//! Frames that are for others, and frames for a group, which are for this host and for others: what
//! programs count and drop of them is what the kernel's own rules do, and the others get theirs.
//!
//! The host has a port of a bridge, macvlan interfaces above its device, or a device at which
//! somebody captures. The same frames go through its iptables and, with empty tables, through
//! programs.

use bpfc_driver::Options as CompileOptions;
use bpfc_packet::PacketBuilder;
use bpfc_runtime::{Filter, Options, XdpMode};
use bpfc_tests::lab::inject::{Frame, INNER_MAC, OUTER_MAC, Wire, wait_for_carrier};
use bpfc_tests::lab::namespace::{Namespace, ip, ip6, isolated, sysctl};
use bpfc_tests::lab::tables::{self, Counters, Reader};
use bpfc_tests::lab::tap::{EVERYTHING, IP, Tap};
use bpfc_tests::lab::{Family, LabError};
use bpfc_tests::require;
use bpfc_tests::twin::artifact;
use libtest_mimic::{Arguments, Failed, Trial};
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};

const BRIDGE_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0xb0];
const CHILD_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0xc1];
const STRANGER: [u8; 6] = [0x02, 0, 0, 0, 0, 0x99];
const BROADCAST: [u8; 6] = [0xff; 6];
const NOBODY: [u8; 6] = [0; 6];

/// The ports that the rules let through and drop, and one that the policy drops.
const PORTS: [u16; 3] = [7, 9, 68];

const PROGRAMS: [(&str, XdpMode); 3] =
    [("xdp", XdpMode::Native), ("xdp", XdpMode::Generic), ("tc", XdpMode::Auto)];

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    let mut add = |name: String, test: Box<dyn Fn() -> Result<(), Failed> + Send + Sync>| {
        trials.push(Trial::test(name, move || {
            if require::met(require::KERNEL_IPTABLES) {
                isolated(&test)?;
            }
            Ok(())
        }));
    };
    for family in Family::ALL {
        for last in ["DROP", "REJECT"] {
            add(format!("bridge_{family}_{last}"), Box::new(move || bridge(family, last)));
        }
        for apart in [false, true] {
            let place = if apart { "elsewhere" } else { "here" };
            add(format!("macvlan_{place}_{family}"), Box::new(move || macvlan(family, apart)));
        }
        for (target, mode) in PROGRAMS {
            let name = format!("strangers_{target}_{mode}_{family}");
            add(name, Box::new(move || strangers(family, target, mode)));
        }
    }
    for (target, mode) in PROGRAMS {
        add(format!("changed_{target}_{mode}"), Box::new(move || changed(target, mode)));
    }
    add("packet_sockets".to_owned(), Box::new(packet_sockets));
    for target in ["xdp", "tc"] {
        add(format!("loopback_mac_{target}"), Box::new(move || loopback(target)));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// The ruleset; without `rules` its chain is empty and accepts. What is accepted and reaches the
/// host is counted by the policy of the table security.
fn ruleset(family: Family, rules: bool, last: &str) -> String {
    let rest = match rules {
        true => format!(
            ":INPUT DROP\n-A INPUT -p udp -m udp --dport 7 -j ACCEPT\n\
             -A INPUT -p udp -m udp --dport 9 -j {last}\n-A INPUT -m pkttype --pkt-type host\n"
        ),
        false => ":INPUT ACCEPT\n".to_owned(),
    };
    let icmp = if family == Family::Ipv4 { "icmp" } else { "ipv6-icmp" };
    format!(
        "*filter\n{rest}COMMIT\n*security\n:INPUT ACCEPT\n:OUTPUT ACCEPT\n\
         -A OUTPUT -p {icmp} -j DROP\nCOMMIT\n"
    )
}

/// The host's address and a group's.
fn addresses(family: Family) -> [&'static str; 2] {
    match family {
        Family::Ipv4 => ["192.0.2.1", "255.255.255.255"],
        Family::Ipv6 => ["2001:db8::1", "ff02::1"],
    }
}

/// A packet to each of the ports, for each Ethernet address. The IP address is the host's, but for
/// groups, so that whatever enters the network layer meets INPUT.
fn frames(family: Family, addressees: &[[u8; 6]]) -> Vec<Frame> {
    let [own, group] = addresses(family);
    let mut frames = Vec::new();
    for &to in addressees {
        for port in PORTS {
            let destination = if to[0] & 1 == 1 { group } else { own };
            let builder = match family {
                Family::Ipv4 => {
                    let address: Ipv4Addr = destination.parse().expect("an address");
                    PacketBuilder::ipv4([192, 0, 2, 9], address)
                }
                Family::Ipv6 => {
                    let address: Ipv6Addr = destination.parse().expect("an address");
                    PacketBuilder::ipv6("2001:db8::9".parse().expect("an address"), address)
                }
            };
            let bytes = builder.udp(4000, port).ethernet(OUTER_MAC, to).bytes();
            frames.push(Frame { port: 0, bytes });
        }
    }
    frames
}

fn give_addresses(interface: &str) -> Result<(), LabError> {
    for name in [interface, "all"] {
        sysctl(&format!("ipv4/conf/{name}/rp_filter"), "0")?;
    }
    ip(&format!("addr add 192.0.2.1/24 dev {interface}\n"))?;
    ip6("route add local 2001:db8::1 dev lo table local\n")
}

/// What was counted: in the filter's rules, and in the chain behind them.
type Counted = (Counters, Counters);

/// What the kernel's own rules count of the frames.
fn by_kernel(
    family: Family,
    last: &str,
    wire: &mut Wire,
    frames: &[Frame],
) -> Result<Counted, Failed> {
    tables::restore(family, &ruleset(family, true, last))?;
    let readers = [Reader::new(family, "filter")?, Reader::new(family, "security")?];
    let before = [readers[0].read()?, readers[1].read()?];
    wire.send(frames)?;
    let mut found = [Counters::new(), Counters::new()];
    for ((found, reader), before) in found.iter_mut().zip(&readers).zip(&before) {
        *found = tables::difference(reader, before, &reader.read()?);
        found.retain(|label, _| label.contains("/INPUT:"));
    }
    Ok(found.into())
}

/// What programs at an interface count of them while the kernel's rules are empty.
fn by_program(
    family: Family,
    last: &str,
    (target, mode, interface): (&str, XdpMode, &str),
    wire: &mut Wire,
    frames: &[Frame],
) -> Result<Counted, Failed> {
    tables::restore(family, &ruleset(family, false, last))?;
    let text = ruleset(family, true, last);
    let options = CompileOptions {
        hooks: Some(vec![bpfc_ir::Hook::Input]),
        tables: Some(vec!["filter".to_owned()]),
        ..CompileOptions::default()
    };
    let artifact = artifact(&[(family, text)], target, &options)?;
    let mut options = Options::new("addressee").interface(interface);
    options.xdp_mode = mode;
    let filter = Filter::load(&artifact, &options)?;
    let reader = Reader::new(family, "security")?;
    let before = reader.read()?;
    wire.send(frames)?;
    let mut behind = tables::difference(&reader, &before, &reader.read()?);
    behind.retain(|label, _| label.contains("/INPUT:"));
    let counted = tables::moved(&filter.counters()?);
    filter.unload()?;
    Ok((counted, behind))
}

fn compare(kernel: &Counted, program: &Counted) -> Result<(), Failed> {
    for (kernel, program) in [(&kernel.0, &program.0), (&kernel.1, &program.1)] {
        if let Some(lines) = tables::disagreement(kernel, program) {
            return Err(lines.into());
        }
    }
    Ok(())
}

/// A port of a bridge: frames for a guest and for nobody that the bridge knows go on uncounted,
/// frames for the bridge's address meet the rules, and frames for a group do both.
fn bridge(family: Family, last: &str) -> Result<(), Failed> {
    let mut wire = Wire::new(&["up0", "guest0"])?;
    let mac = BRIDGE_MAC.map(|byte| format!("{byte:02x}")).join(":");
    ip(&format!(
        "link add br0 address {mac} type bridge mcast_snooping 0\nlink set up0 master br0\n\
         link set guest0 master br0\nlink set br0 addrgenmode none\nlink set br0 up\n"
    ))?;
    wait_for_carrier(&["br0"])?;
    for setting in ["bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables"] {
        // Where br_netfilter is not loaded it shows nothing either.
        let _ = sysctl(setting, "0");
    }
    give_addresses("br0")?;
    let guest = Tap::new("guest0")?;
    let frames = frames(family, &[BRIDGE_MAC, INNER_MAC, STRANGER, BROADCAST]);
    let kernel = by_kernel(family, last, &mut wire, &frames)?;
    let mut arrived = guest.read()?;
    let program = by_program(family, last, ("tc", XdpMode::Auto, "up0"), &mut wire, &frames)?;
    // An answer to a rejected packet goes back to where it came from, not to the guest.
    let (mut through, own) = (guest.read()?, 4000u16.to_be_bytes());
    let from_outside = |packet: &Vec<u8>| {
        let header = if family == Family::Ipv4 { 20 } else { 40 };
        packet.get(header..header + 2) == Some(&own[..])
    };
    arrived.retain(from_outside);
    through.retain(from_outside);
    assert_eq!(arrived.len(), 2 * PORTS.len(), "the bridge floods what nobody has");
    assert_eq!(through, arrived);
    assert_eq!(kernel.1.values().map(|count| count.packets).sum::<u64>(), 3, "{kernel:?}");
    compare(&kernel, &program)
}

/// A macvlan interface above the device: in this namespace its frames meet the rules, as the
/// kernel's see them by that interface; in another they are another host's.
fn macvlan(family: Family, apart: bool) -> Result<(), Failed> {
    let mut wire = Wire::new(&["up0"])?;
    let mac = CHILD_MAC.map(|byte| format!("{byte:02x}")).join(":");
    give_addresses("up0")?;
    ip(&format!("link add mv0 link up0 address {mac} type macvlan mode bridge\n"))?;
    let here = Namespace::current()?;
    let mut there = None;
    if apart {
        let namespace = Namespace::create()?;
        here.enter()?;
        ip(&format!("link set mv0 netns {}\n", namespace.path()))?;
        namespace.enter()?;
        there = Some(namespace);
    }
    ip("link set mv0 addrgenmode none\nlink set mv0 up\n")?;
    // What comes in by the child is for nobody: only that it comes in matters.
    let child = Tap::incoming("mv0", EVERYTHING)?;
    here.enter()?;
    let unicast = frames(family, &[INNER_MAC, CHILD_MAC, STRANGER]);
    let kernel = by_kernel(family, "DROP", &mut wire, &unicast)?;
    let arrived = child.read()?;
    let place = ("tc", XdpMode::Auto, "up0");
    let program = by_program(family, "DROP", place, &mut wire, &unicast)?;
    let through = child.read()?;
    compare(&kernel, &program)?;
    assert_eq!(arrived.len(), PORTS.len());
    if apart {
        assert_eq!(through, arrived);
        // The kernel hands copies of frames for groups to the child by and by.
        let group = frames(family, &[BROADCAST]);
        let kernel = by_kernel(family, "DROP", &mut wire, &group)?;
        await_packets(&child, PORTS.len())?;
        let program = by_program(family, "DROP", place, &mut wire, &group)?;
        await_packets(&child, PORTS.len())?;
        compare(&kernel, &program)?;
    }
    drop(there);
    Ok(())
}

fn await_packets(tap: &Tap, wanted: usize) -> Result<(), Failed> {
    let mut found = 0;
    for _ in 0..2_000 {
        found += tap.read()?.len();
        if found >= wanted {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(found, wanted);
    Ok(())
}

/// A device at which somebody captures: frames for another host's address are uncounted, and
/// whoever captures sees them.
fn strangers(family: Family, target: &str, mode: XdpMode) -> Result<(), Failed> {
    let mut wire = Wire::new(&["up0"])?;
    give_addresses("up0")?;
    let frames = frames(family, &[NOBODY, INNER_MAC, STRANGER, BROADCAST, NOBODY]);
    let kernel = by_kernel(family, "DROP", &mut wire, &frames)?;
    let capture = Tap::incoming("up0", EVERYTHING)?;
    let program = by_program(family, "DROP", (target, mode, "up0"), &mut wire, &frames)?;
    let read = capture.read()?.len();
    let dropped = if target == "xdp" { 2 * (PORTS.len() - 1) } else { 0 };
    assert_eq!(read, frames.len() - dropped);
    compare(&kernel, &program)
}

/// An address that a device is given while a program is attached is known at once, and the old one
/// is a stranger's then.
fn changed(target: &str, mode: XdpMode) -> Result<(), Failed> {
    let family = Family::Ipv4;
    let mut wire = Wire::new(&["up0"])?;
    give_addresses("up0")?;
    let options = CompileOptions {
        hooks: Some(vec![bpfc_ir::Hook::Input]),
        tables: Some(vec!["filter".to_owned()]),
        ..CompileOptions::default()
    };
    let artifact = artifact(&[(family, ruleset(family, true, "DROP"))], target, &options)?;
    let mut options = Options::new("changed").interface("up0");
    options.xdp_mode = mode;
    let filter = Filter::load(&artifact, &options)?;
    let mut counted = |to: [u8; 6]| -> Result<u64, Failed> {
        let before = total(&filter)?;
        wire.send(&frames(family, &[to]))?;
        Ok(total(&filter)? - before)
    };
    let all = PORTS.len() as u64;
    assert_eq!([counted(INNER_MAC)?, counted(STRANGER)?], [all, 0]);
    ip("link set up0 address 02:00:00:00:00:99\n")?;
    assert_eq!([counted(STRANGER)?, counted(INNER_MAC)?], [all, 0]);
    filter.unload()?;
    Ok(())
}

/// Packets that ended in the rules that decide, or in the policy.
fn total(filter: &Filter) -> Result<u64, Failed> {
    let counters = tables::moved(&filter.counters()?);
    let ends = ["filter/INPUT:1", "filter/INPUT:2", "filter/INPUT:policy"];
    Ok(ends.iter().filter_map(|label| counters.get(*label)).map(|count| count.packets).sum())
}

/// Packet sockets that are bound to IP read what INPUT drops at TC, as they do under iptables.
fn packet_sockets() -> Result<(), Failed> {
    let mut wire = Wire::new(&["up0"])?;
    give_addresses("up0")?;
    let client = Tap::incoming("up0", IP)?;
    let frames = frames(Family::Ipv4, &[INNER_MAC, BROADCAST]);
    let kernel = by_kernel(Family::Ipv4, "DROP", &mut wire, &frames)?;
    let arrived = client.read()?;
    assert_eq!(arrived.len(), frames.len());
    let place = ("tc", XdpMode::Auto, "up0");
    let program = by_program(Family::Ipv4, "DROP", place, &mut wire, &frames)?;
    assert_eq!(client.read()?, arrived);
    compare(&kernel, &program)
}

/// On the loopback device no packet has a link header that `-m mac` looks at.
fn loopback(target: &str) -> Result<(), Failed> {
    const RULES: &str = "*filter\n:INPUT ACCEPT\n-A INPUT -p udp -m mac --mac-source \
         00:00:00:00:00:00\n-A INPUT -p udp -m mac ! --mac-source 02:00:00:00:00:01\n\
         -A INPUT -p udp\n-A INPUT -p icmp -j DROP\nCOMMIT\n";
    let send = || -> Result<(), Failed> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        for _ in 0..3 {
            // A port where nobody listens may be told to the next call.
            let _ = socket.send_to(b"x", "127.0.0.1:9");
        }
        Ok(())
    };
    tables::restore(Family::Ipv4, RULES)?;
    let reader = Reader::new(Family::Ipv4, "filter")?;
    let before = reader.read()?;
    send()?;
    let udp = |mut counters: Counters| {
        counters
            .retain(|label, _| ["1", "2", "3"].iter().any(|n| label.ends_with(&format!(":{n}"))));
        counters
    };
    let kernel = udp(tables::difference(&reader, &before, &reader.read()?));
    tables::restore(Family::Ipv4, &ruleset(Family::Ipv4, false, "DROP"))?;
    let options =
        CompileOptions { hooks: Some(vec![bpfc_ir::Hook::Input]), ..CompileOptions::default() };
    let artifact = artifact(&[(Family::Ipv4, RULES.to_owned())], target, &options)?;
    let filter = Filter::load(&artifact, &Options::new("loopback").interface("lo"))?;
    send()?;
    let program = udp(tables::moved(&filter.counters()?));
    filter.unload()?;
    assert_eq!(kernel.len(), 1, "{kernel:?}");
    match tables::disagreement(&kernel, &program) {
        None => Ok(()),
        Some(lines) => Err(lines.into()),
    }
}
