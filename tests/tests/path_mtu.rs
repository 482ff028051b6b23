//! `TCPMSS --clamp-mss-to-pmtu`, and nft's `rt mtu`, beside the kernel's: offers of connections
//! whose way there and way back differ in what limits packets.
//!
//! A router has routes whose device, own MTU, locked MTU, policy routing rules, several nexthops or
//! learnt path MTU decide, for destinations and for sources. The same offers, and some that this
//! host makes itself, meet its iptables or nft and then, with empty tables, programs: what leaves
//! must be the same, byte for byte.

use bpfc_driver::{Options as CompileOptions, compile, target};
use bpfc_ir::{Hook, Input};
use bpfc_packet::{PacketBuilder, Tcp, Transport};
use bpfc_runtime::{Filter, Options, XdpMode};
use bpfc_tests::lab::Family;
use bpfc_tests::lab::inject::{Frame, INNER_MAC, OUTER_MAC, Wire};
use bpfc_tests::lab::namespace::{ip, ip6, isolated, sysctl};
use bpfc_tests::lab::nft;
use bpfc_tests::lab::oracle::Departures;
use bpfc_tests::lab::raw::RawSender;
use bpfc_tests::lab::tables;
use bpfc_tests::lab::tap::Tap;
use bpfc_tests::require::{self, Need};
use libtest_mimic::{Arguments, Failed, Trial};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const DEVICES: [&str; 3] = ["eth0", "wan0", "wan1"];

/// Networks of destinations and of sources, by number.
const DESTINATIONS: u16 = 16;
const SOURCES: u16 = 13;
/// Hosts whose path the kernel has learnt about, and what it has learnt.
/// IPv4 believes none of less than 552 bytes, and IPv6 none of less than 1280.
const LEARNT: &[(u16, u16, u16)] =
    &[(1, 13, 1285), (1, 5, 1282), (1, 15, 300), (2, 6, 1284), (2, 7, 1283)];
/// Host number of all others.
const HOST: u16 = 9;

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for family in Family::ALL {
        for (name, language, loopback) in [
            ("", Language::Iptables, true),
            ("_loopback_does_not_forward", Language::Iptables, false),
            ("_nft", Language::Nft, true),
        ] {
            trials.push(Trial::test(format!("{family}{name}"), move || {
                let needs = [require::KERNEL_IPTABLES, &[Need::Tool("nft")]].concat();
                if require::met(&needs) {
                    isolated(|| check(language, family, loopback))?;
                }
                Ok(())
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// A target, and how it is attached.
type Engine = (&'static str, XdpMode);

/// Where offers meet the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// In the forward chain, of programs on the receive path.
    Forward,
    /// In the postrouting chain, on their way out.
    Postrouting,
    /// In the output chain.
    Output,
}

/// The host of a network of destinations (side 1) or sources (side 2).
fn host(family: Family, side: u16, network: u16) -> IpAddr {
    match family {
        Family::Ipv4 => Ipv4Addr::new(10, side as u8, network as u8, HOST as u8).into(),
        Family::Ipv6 => Ipv6Addr::new(0xfd00, side, network, 0, 0, 0, 0, HOST).into(),
    }
}

/// This host's own address.
fn own(family: Family) -> IpAddr {
    host(family, 9, 0)
}

/// A network's prefix.
fn net(family: Family, side: u16, network: u16) -> String {
    match family {
        Family::Ipv4 => format!("10.{side}.{network}.0/24"),
        Family::Ipv6 => format!("fd00:{side:x}:{network:x}::/48"),
    }
}

/// Lines for `ip -batch` that make nexthops, then those that make groups of them, which have no
/// family. In IPv6 the kernel shares what it keeps for a nexthop between the routes that lead
/// there, their MTU included, so each route has its own.
fn nexthops(family: Family) -> [String; 2] {
    let mut single = "nexthop add id 1 dev wan0\n".to_owned();
    for (id, device) in [(2, "wan1"), (3, "wan0"), (4, "wan1"), (5, "wan0")] {
        single += &format!("nexthop add id {id} via {} dev {device} onlink\n", host(family, 8, id));
    }
    [single, "nexthop add id 10 group 2/3\nnexthop add id 11 group 4/5\n".to_owned()]
}

/// Lines for `ip -batch`. Devices take 1500, 1400 and 1300 bytes.
fn routes(family: Family) -> String {
    let to = |network| net(family, 1, network);
    let from = |network| net(family, 2, network);
    let gateway = |network| host(family, 8, network);
    let nothing = match family {
        Family::Ipv4 => 40,
        Family::Ipv6 => 60,
    };
    let paths = format!(
        "nexthop via {} dev wan0 onlink nexthop via {} dev wan1 onlink",
        gateway(0),
        gateway(1)
    );
    let mut lines = vec![
        // An address would become local some time later.
        format!("route add local {} dev lo table local", own(family)),
        format!("route add {} dev wan0", to(0)),
        format!("route add {} dev wan0 mtu 1320", to(1)),
        format!("route add {} dev wan0 mtu lock 1340", to(2)),
        format!("route add {} via {} dev wan0 onlink mtu 1480", to(3), gateway(3)),
        format!("route add {} dev wan1", to(4)),
        format!("route add {} {paths}", to(5)),
        format!("route add {} nhid 1 mtu 1350", to(6)),
        format!("route add {} dev wan0 mtu {nothing}", to(7)),
        format!("route add {} dev wan0 mtu 1380", to(13)),
        format!("route add {} nhid 11", to(14)),
        format!("route add {} dev wan0", to(15)),
        format!("route add {} dev eth0", from(0)),
        format!("route add {} dev eth0 mtu 1290", from(1)),
        format!("route add {} dev wan1", from(2)),
        format!("route add {} nhid 10 mtu 1298", from(4)),
        format!("route add {} dev eth0 mtu 1295", from(5)),
        format!("route add {} dev eth0", from(6)),
        format!("route add {} {paths}", from(7)),
        format!("route add {} dev eth0 mtu lock 1301", from(8)),
        format!("route add unreachable {}", from(9)),
        format!("route add {} dev eth0 mtu 1299", from(10)),
        format!("route add {} dev eth0 mtu 1297", from(11)),
        // Its 64 bytes come in front of packets.
        format!("route add {} encap seg6 mode encap segs fd00:7::7 dev eth0 mtu 1352", from(12)),
    ];
    // Policy routing rules and a table of their own for each.
    let from_source = from(1);
    let rules = [
        (to(8), "iif eth0", 1310),
        (to(9), "tos 0x10", 1311),
        (to(10), "ipproto tcp dport 400-443", 1312),
        (to(11), from_source.as_str(), 1313),
        (to(12), "fwmark 7", 1314),
        (from(5), "iif lo", 1291),
        (from(10), "tos 0x10", 1281),
        (from(11), "iif eth0", 1281),
    ];
    for (table, (network, selector, mtu)) in (200..).zip(rules) {
        let selector = match selector == from_source {
            true => format!("from {selector}"),
            false => selector.to_owned(),
        };
        let device =
            if network.contains(":2:") || network.starts_with("10.2") { "eth0" } else { "wan0" };
        lines.push(format!("rule add pref {table} {selector} to {network} lookup {table}"));
        lines.push(format!("route add {network} dev {device} mtu {mtu} table {table}"));
    }
    for network in 8..13 {
        lines.push(format!("route add {} dev wan0 mtu 1360", to(network)));
    }
    // A default route that its rule does not take.
    lines.push("route add default dev wan0 mtu 1281 table 220".to_owned());
    lines.push("rule add pref 100 lookup 220 suppress_prefixlength 0".to_owned());
    lines.join("\n") + "\n"
}

fn prepare(family: Family, loopback: bool) -> Result<Wire, Failed> {
    let mut wire = Wire::new(&DEVICES)?;
    for name in DEVICES.iter().chain(&["all"]) {
        sysctl(&format!("ipv4/conf/{name}/rp_filter"), "0")?;
        sysctl(&format!("ipv4/conf/{name}/send_redirects"), "0")?;
    }
    sysctl("ipv4/ip_forward", "1")?;
    sysctl("ipv6/conf/all/forwarding", "1")?;
    if !loopback {
        sysctl("ipv4/conf/lo/forwarding", "0")?;
        sysctl("ipv6/conf/lo/forwarding", "0")?;
    }
    ip("link set wan0 mtu 1400\nlink set wan1 mtu 1300\n")?;
    let [single, group] = nexthops(family);
    let of_family = match family {
        Family::Ipv4 => ip,
        Family::Ipv6 => ip6,
    };
    of_family(&single)?;
    ip(&group)?;
    of_family(&routes(family))?;
    let errors: Vec<Frame> = LEARNT.iter().map(|&learnt| too_long(family, learnt)).collect();
    wire.send(&errors)?;
    // What this host says of its own, and what comes back to it, is nobody's business here.
    let drop_own = "*security\n:INPUT DROP\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\nCOMMIT\n";
    tables::restore(family, drop_own)?;
    Ok(wire)
}

/// A router's error: an echo reply of this host to a host was longer than so many bytes.
fn too_long(family: Family, (side, network, mtu): (u16, u16, u16)) -> Frame {
    let (from, to) = (host(family, 2, 0), host(family, side, network));
    let reply = |source, destination| match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => PacketBuilder::ipv4(source, destination),
        (IpAddr::V6(source), IpAddr::V6(destination)) => PacketBuilder::ipv6(source, destination),
        _ => unreachable!("one family"),
    };
    let [high, low] = mtu.to_be_bytes();
    let rest = [0, 0, high, low];
    let (quoted, error) = match family {
        Family::Ipv4 => (
            Transport::Icmp { kind: 0, code: 0, rest: [0; 4] },
            Transport::Icmp { kind: 3, code: 4, rest },
        ),
        Family::Ipv6 => (
            Transport::Icmpv6 { kind: 129, code: 0, rest: [0; 4] },
            Transport::Icmpv6 { kind: 2, code: 0, rest },
        ),
    };
    let quoted = reply(own(family), to).transport(quoted).bytes();
    let error = reply(from, own(family)).transport(error).payload(quoted);
    Frame { port: 0, bytes: error.ethernet(OUTER_MAC, INNER_MAC).bytes() }
}

/// Offers from every source to every destination.
fn offers(family: Family, place: Place) -> Vec<Frame> {
    let mss = |size: u16| [&[2, 4][..], &size.to_be_bytes()].concat();
    let forms = [
        (mss(1460), 0, 80, 0),
        (mss(65535), 0, 443, 0x10),
        (mss(1250), 0, 443, 0),
        ([vec![1], mss(1260), vec![4, 2]].concat(), 0, 80, 0x10),
        (Vec::new(), 0, 443, 0x10),
        (vec![3, 3, 7], 5, 80, 0),
        (mss(100), 0, 80, 0),
    ];
    let mut sources: Vec<IpAddr> = (0..SOURCES).map(|network| host(family, 2, network)).collect();
    if place == Place::Output {
        sources.push(own(family));
    }
    let mut frames = Vec::new();
    for source in sources {
        for network in 0..DESTINATIONS {
            // What no packet fits leaves in pieces, which the egress does not see whole.
            if network == 7 && place != Place::Forward {
                continue;
            }
            for (number, (options, payload, port, class)) in forms.iter().enumerate() {
                let builder = match (source, host(family, 1, network)) {
                    (IpAddr::V4(source), IpAddr::V4(to)) => PacketBuilder::ipv4(source, to)
                        .with_ipv4(|ip| {
                            ip.tos = *class;
                            ip.identification = 1 + number as u16;
                        }),
                    (IpAddr::V6(source), IpAddr::V6(to)) => {
                        PacketBuilder::ipv6(source, to).with_ipv6(|ip| ip.traffic_class = *class)
                    }
                    _ => unreachable!("one family"),
                };
                let tcp = Tcp {
                    source: 4000,
                    destination: *port,
                    flags: 2,
                    options: options.clone(),
                    ..Tcp::default()
                };
                let builder = builder.transport(Transport::Tcp(tcp)).payload(vec![0x61; *payload]);
                let bytes = builder.ethernet(OUTER_MAC, INNER_MAC).bytes();
                frames.push(Frame { port: 0, bytes });
            }
        }
    }
    frames
}

/// Who says what the rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    Iptables,
    Nft,
}

impl Language {
    /// The rule, behind others that write what routes are found by, and that set marks where
    /// `marks` says.
    fn ruleset(self, family: Family, place: Place, marks: bool) -> String {
        match self {
            Language::Iptables => iptables(place, marks),
            Language::Nft => nft_ruleset(family, place, marks),
        }
    }

    /// Gives the kernel a ruleset.
    fn load(self, family: Family, ruleset: &str) -> Result<(), Failed> {
        match self {
            Language::Iptables => tables::restore(family, ruleset)?,
            Language::Nft => nft::load(ruleset)?,
        }
        Ok(())
    }

    /// Takes it away.
    fn clear(self, family: Family) -> Result<(), Failed> {
        match self {
            Language::Iptables => self.load(family, &format!("{EMPTY}COMMIT\n")),
            Language::Nft => Ok(nft::flush()?),
        }
    }
}

/// nft's word for a family.
fn word(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ip",
        Family::Ipv6 => "ip6",
    }
}

fn nft_ruleset(family: Family, place: Place, marks: bool) -> String {
    let clamp = "tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu";
    let chain = |hook: &str, rules: &str| {
        format!("chain {hook} {{\ntype filter hook {hook} priority -150\n{rules}\n}}\n")
    };
    let chains = match place {
        Place::Forward => {
            let [mark, unmark] = match marks {
                true => ["tcp dport 443 meta mark set 7", "meta mark set 0\n"],
                false => ["", ""],
            };
            let class = if family == Family::Ipv4 { "ip dscp set 0x02\n" } else { "" };
            let forward = chain("forward", &format!("{unmark}{class}{clamp}"));
            chain("prerouting", mark) + &chain("input", "") + &forward
        }
        Place::Postrouting => chain("postrouting", clamp),
        Place::Output => chain("output", clamp),
    };
    format!("table {} mangle {{\n{chains}}}\n", word(family))
}

fn iptables(place: Place, marks: bool) -> String {
    let clamp = "-p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu";
    let [mark, unmark] = match marks {
        true => [
            "-A PREROUTING -p tcp -m tcp --dport 443 -j MARK --set-xmark 0x7/0xffffffff\n",
            "-A FORWARD -j MARK --set-xmark 0x0/0xffffffff\n",
        ],
        false => ["", ""],
    };
    let rules = match place {
        Place::Forward => {
            format!("{mark}{unmark}-A FORWARD -j TOS --set-tos 0x08/0x3f\n-A FORWARD {clamp}\n")
        }
        Place::Postrouting => format!("-A POSTROUTING {clamp}\n"),
        Place::Output => format!("-A OUTPUT {clamp}\n"),
    };
    format!("{EMPTY}{rules}COMMIT\n")
}

const EMPTY: &str = "*mangle\n:PREROUTING ACCEPT\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n\
                     :POSTROUTING ACCEPT\n";

/// The world, and what leaves it.
struct Router {
    family: Family,
    language: Language,
    wire: Wire,
    raw: RawSender,
    taps: Vec<Tap>,
}

impl Router {
    /// What leaves when offers are made, each with the number of its device.
    fn run(&mut self, place: Place) -> Result<Departures, Failed> {
        let frames = offers(self.family, place);
        for tap in &self.taps {
            tap.read()?;
        }
        match place {
            Place::Output => self.raw.send(&frames)?,
            _ => self.wire.send(&frames)?,
        }
        let mut left = Vec::new();
        for (number, tap) in self.taps.iter().enumerate() {
            // The offers alone.
            let tcp = match self.family {
                Family::Ipv4 => (9, 6),
                Family::Ipv6 => (6, 6),
            };
            let offers = tap.read()?.into_iter().filter(|packet| packet.get(tcp.0) == Some(&tcp.1));
            left.extend(offers.map(|packet| (number, packet)));
        }
        left.sort_unstable();
        Ok(left)
    }

    fn by_kernel(&mut self, place: Place, marks: bool) -> Result<Departures, Failed> {
        let (family, language) = (self.family, self.language);
        language.load(family, &language.ruleset(family, place, marks))?;
        let left = self.run(place)?;
        language.clear(family)?;
        Ok(left)
    }

    fn by_program(
        &mut self,
        place: Place,
        marks: bool,
        (name, mode): Engine,
    ) -> Result<Departures, Failed> {
        let input = Input {
            name: "ruleset".to_owned(),
            bytes: self.language.ruleset(self.family, place, marks).into_bytes(),
            format: match self.language {
                Language::Iptables => Some(format!("{}-save", self.family.tool())),
                Language::Nft => None,
            },
        };
        let table = match self.language {
            Language::Iptables => "mangle".to_owned(),
            Language::Nft => format!("{}/mangle", word(self.family)),
        };
        let (hooks, interfaces): (&[Hook], &[&str]) = match place {
            Place::Forward => (&[Hook::Prerouting, Hook::Input, Hook::Forward], &["eth0"]),
            Place::Postrouting => (&[Hook::Postrouting], &DEVICES),
            Place::Output => (&[Hook::Output], &DEVICES),
        };
        let options = CompileOptions {
            hooks: Some(hooks.to_vec()),
            tables: Some(vec![table]),
            ..CompileOptions::default()
        };
        let compiled = compile(&[input], target(name).ok_or("no such target")?, &options);
        let artifact =
            compiled.artifact().cloned().ok_or_else(|| format!("{:?}", compiled.diagnostics))?;
        let mut options = Options::new("path-mtu");
        options.xdp_mode = mode;
        options.interfaces = interfaces.iter().map(|&name| name.to_owned()).collect();
        let filter = Filter::load(&artifact, &options)?;
        let left = self.run(place)?;
        filter.unload()?;
        Ok(left)
    }
}

fn check(language: Language, family: Family, loopback: bool) -> Result<(), Failed> {
    let wire = prepare(family, loopback)?;
    let taps = DEVICES.iter().map(|name| Tap::new(name)).collect::<Result<_, _>>()?;
    let mut router = Router { family, language, wire, raw: RawSender::new(family)?, taps };
    const TC: &[Engine] = &[("tc", XdpMode::Auto)];
    const ALL: &[Engine] = &[("xdp", XdpMode::Native), ("xdp", XdpMode::Generic), TC[0]];
    let cases = [
        (Place::Forward, false, ALL),
        (Place::Forward, true, TC),
        (Place::Postrouting, false, TC),
        (Place::Output, false, TC),
    ];
    for (place, marks, engines) in cases {
        // How ways are found is one for both languages.
        let engines = match language {
            Language::Iptables => engines,
            Language::Nft if marks => continue,
            Language::Nft => &engines[engines.len() - 1..],
        };
        let kernel = router.by_kernel(place, marks)?;
        if place == Place::Forward {
            judge(family, marks, &kernel)?;
        }
        for &engine in engines {
            let program = router.by_program(place, marks, engine)?;
            agree(&kernel, &program)
                .map_err(|difference| format!("{place:?} {marks} {engine:?}: {difference}"))?;
        }
    }
    Ok(())
}

/// The segment size that a packet offers.
fn offered(packet: &[u8]) -> Option<u16> {
    let header = match packet.first()? >> 4 {
        4 => 20,
        _ => 40,
    };
    let options =
        packet.get(header + 20..header + usize::from(packet.get(header + 12)? >> 4) * 4)?;
    let at = options.windows(2).position(|pair| pair == [2, 4])?;
    Some(u16::from_be_bytes([*options.get(at + 2)?, *options.get(at + 3)?]))
}

/// Whether each thing that can decide has decided, where the kernel's rule stood.
fn judge(family: Family, marks: bool, left: &Departures) -> Result<(), Failed> {
    let headers = match family {
        Family::Ipv4 => 40,
        Family::Ipv6 => 60,
    };
    let seen: BTreeSet<u16> = left.iter().filter_map(|(_, packet)| offered(packet)).collect();
    let there = [1400, 1320, 1340, 1300, 1350, 1310, 1311, 1312, 1285];
    let back = [1290, 1298, 1301, 1291, 1299, 1297, 1284, 1352 - 64];
    // IPv6 learns for one of several nexthops, which need not be an offer's.
    let learnt: &[u16] = if family == Family::Ipv4 { &[1282, 1283, 552] } else { &[] };
    let marked: &[u16] = if marks { &[1314] } else { &[] };
    for mtu in there.iter().chain(&back).chain(learnt).chain(marked) {
        if !seen.contains(&(mtu - headers)) {
            return Err(format!("{mtu} never decides: {seen:?}").into());
        }
    }
    Ok(())
}

fn agree(kernel: &Departures, program: &Departures) -> Result<(), String> {
    if kernel == program {
        return Ok(());
    }
    let known: BTreeSet<_> = kernel.iter().collect();
    let made: BTreeSet<_> = program.iter().collect();
    let show = |packets: Vec<&&(usize, Vec<u8>)>| {
        let lines = packets.iter().take(8).map(|(device, packet)| {
            format!("\n  {} {:?} {packet:02x?}", DEVICES[*device], offered(packet))
        });
        lines.collect::<String>()
    };
    Err(format!(
        "{} packets of the kernel's, {} of the program's\nthe kernel's alone:{}\nthe program's alone:{}",
        kernel.len(),
        program.len(),
        show(known.difference(&made).collect()),
        show(made.difference(&known).collect())
    ))
}
