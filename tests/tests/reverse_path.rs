//! The match rpfilter against routing tables and policy routing rules that a seed gives: routes of
//! every type, by type of service, with several nexthops, with groups of nexthop objects, bound to
//! source addresses and by a device that is down, in several tables; rules by source, destination,
//! mark, device, protocol, type of service, code point and flow label, inverted ones, ones that
//! suppress routes, jump or refuse.
//!
//! nft's question for the way back stands beside it, in IPv4.
//!
//! `BPFC_SEED` chooses them.

use bpfc_packet::Network;
use bpfc_runtime::XdpMode;
use bpfc_tests::differential::live::Live;
use bpfc_tests::differential::{Engine, Kernel, Packets, Ruleset, compare, shrink};
use bpfc_tests::generate::draft::Draft;
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::generate::values::{from_number, near_known, number, width};
use bpfc_tests::lab::inject::Frame;
use bpfc_tests::lab::namespace::{ip, ip6, isolated, run};
use bpfc_tests::lab::oracle::{INTERFACES, Oracle, Stage};
use bpfc_tests::lab::policy_rule::PolicyRule;
use bpfc_tests::lab::{Family, LabError};
use bpfc_tests::require;
use std::cell::RefCell;
use std::net::{IpAddr, Ipv6Addr};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

/// Numbers of routes, of policy routing rules, and of packets after each round of them.
const ROUTES: usize = 120;
const RULES: usize = 8;
const PACKETS: usize = 300;
const ROUNDS: u64 = 4;

/// Nexthop objects that routes name.
const NEXTHOPS: [u32; 9] = [1, 2, 3, 4, 10, 11, 12, 13, 15];

/// Code points, of which packets have some.
const CODE_POINTS: [u8; 5] = [0, 0x02, 0x04, 0x14, 0x34];

/// Groups of nexthop objects, by number.
const GROUPS: [(u32, &str); 4] = [(10, "1/2"), (11, "2/1"), (12, "3/1/2"), (13, "4")];

/// Tables besides the local and the main one.
const TABLES: [&str; 3] = ["main", "100", "7000"];

fn check(family: Family) {
    let mut rng = Rng::new(require::number("BPFC_SEED", 1));
    let oracle = Rc::new(RefCell::new(Oracle::new(family, Stage::Prerouting).expect("a lab")));
    let lines = match family {
        Family::Ipv4 => "addr add 192.0.2.1/24 brd + dev eth0\naddr add 10.0.0.1/9 brd + dev lo\n",
        Family::Ipv6 => {
            "addr add 2001:db8::1/64 dev eth0\naddr add fd00:1::1/16 dev lo\n\
             addr add fe80::1/64 dev eth0\naddr add fe80::2/64 dev eth1\n"
        }
    };
    commands(family)(lines).expect("addresses");
    nexthops(family).expect("nexthops");
    settle(family);
    let mut kernel = Kernel(Rc::clone(&oracle));
    let live = |target, mode| Box::new(Live::new(&oracle, target, mode)) as Box<dyn Engine>;
    let mut engines = [
        live("tc", XdpMode::Auto),
        live("netfilter", XdpMode::Auto),
        live("xdp", XdpMode::Generic),
        live("xdp", XdpMode::Native),
    ];
    let [plain, marking] = [false, true].map(|marks| Ruleset {
        family,
        stage: Stage::Prerouting,
        text: ruleset(family, marks),
    });
    // What nft asks in IPv6 is not compiled.
    let [nft_plain, nft_marking] = [false, true].map(|marks| Ruleset {
        family,
        stage: Stage::Prerouting,
        text: nft_ruleset(marks),
    });
    let mut known: Vec<IpAddr> = match family {
        Family::Ipv4 => Vec::new(),
        // Not a host's, for the kernel.
        Family::Ipv6 => vec!["::ffff:192.0.2.1".parse().expect("an address")],
    };
    // First without a rule of policy routing, which parts the kernel's tables.
    for round in 0..ROUNDS {
        down(false);
        routes(&mut rng, family, &mut known).expect("routes");
        down(true);
        // Deleting a rule of the kernel's own is not yet having rules, for IPv6.
        let main = |verb| format!("rule {verb} pref 32766 lookup main\n");
        match round {
            0 if family == Family::Ipv6 => commands(family)(&main("del")).expect("a rule"),
            1 if family == Family::Ipv6 => commands(family)(&main("add")).expect("a rule"),
            _ => {}
        }
        if round > 0 {
            rules(&mut rng, family, &known).expect("rules");
        }
        let frames = frames(&mut rng, family, &known);
        for engine in &mut engines {
            hold(&mut kernel, engine.as_mut(), &plain, &frames);
            if family == Family::Ipv4 {
                hold(&mut kernel, engine.as_mut(), &nft_plain, &frames);
            }
        }
        hold(&mut kernel, engines[0].as_mut(), &marking, &frames);
        if family == Family::Ipv4 {
            hold(&mut kernel, engines[0].as_mut(), &nft_marking, &frames);
        }
    }
}

/// Waits for the routes of this host's IPv6 addresses, which the kernel makes a moment later.
fn settle(family: Family) {
    let own = ["2001:db8::1", "fd00:1::1", "fe80::1", "fe80::2"];
    for _ in 0..2000 {
        let arguments = ["-6", "route", "show", "table", "local"];
        let routes = run("ip", &arguments, "").expect("routes");
        let has = |address: &&str| routes.contains(&format!("local {address} "));
        if family == Family::Ipv4 || own.iter().all(has) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("this host's addresses have no routes");
}

fn hold(kernel: &mut Kernel, engine: &mut dyn Engine, ruleset: &Ruleset, frames: &[Frame]) {
    let name = engine.name();
    let found = compare([kernel, engine], ruleset, frames);
    if let Some(found) = found.unwrap_or_else(|error| panic!("{name}: {error}")) {
        let state: Vec<String> = ["-4", "-6"]
            .iter()
            .flat_map(|family| [["rule", "show"], ["route", "show"]].map(|words| (family, words)))
            .map(|(family, words)| {
                let table: &[&str] = if words[0] == "route" { &["table", "all"] } else { &[] };
                let arguments = [&[*family][..], &words, table].concat();
                run("ip", &arguments, "").unwrap_or_default()
            })
            .collect();
        let found = shrink([kernel, engine], found, Packets::Any)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        panic!("{name}: {found}\n{}", state.concat());
    }
}

fn commands(family: Family) -> fn(&str) -> Result<(), LabError> {
    match family {
        Family::Ipv4 => ip,
        Family::Ipv6 => ip6,
    }
}

/// Nexthop objects: 1 to 3 by the interfaces, 4 that leads nowhere, and groups of them.
fn nexthops(family: Family) -> Result<(), LabError> {
    let mut lines = String::from(
        "link add down0 type veth peer name down1\nlink set down1 up\n\
         nexthop add id 4 blackhole\n",
    );
    for (id, interface) in (1..).zip(INTERFACES) {
        lines += &format!("nexthop add id {id} dev {interface}\n");
    }
    commands(family)(&lines)?;
    let mut lines = String::from("nexthop add id 15 group 3/2 type resilient buckets 16\n");
    for (id, members) in GROUPS {
        lines += &format!("nexthop add id {id} group {members}\n");
    }
    ip(&lines)
}

/// Takes down the one device that may be, or sets it up with an address of its own.
fn down(down: bool) {
    let lines = match down {
        true => "link set down0 down\n",
        false => {
            "link set down0 up\naddr replace 198.51.100.1/24 dev down0\n\
                  addr replace 2001:db8:ffff::1/64 dev down0 nodad\n"
        }
    };
    ip(lines).expect("a device");
}

/// Runs lines, of which those that the kernel refuses are left out.
fn attempt(family: Family, lines: &[String]) -> Result<(), LabError> {
    for line in lines {
        match commands(family)(line) {
            Ok(()) | Err(LabError::Tool { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Every choice of options, and with `marks` of marks that a rule sets before.
fn ruleset(family: Family, marks: bool) -> String {
    let mut text = String::from("*raw\n:PREROUTING ACCEPT [0:0]\n");
    if marks {
        let half = if family == Family::Ipv4 { "10.0.0.0/9" } else { "2001:db8::/33" };
        text += &format!("-A PREROUTING -s {half} -j MARK --set-mark 7\n");
    }
    for choice in 0..16u32 {
        if (choice & 8 != 0) != marks {
            continue;
        }
        text += "-A PREROUTING -m rpfilter";
        for (bit, word) in [(1, "loose"), (8, "validmark"), (2, "accept-local"), (4, "invert")] {
            if choice & bit != 0 {
                text += &format!(" --{word}");
            }
        }
        text += "\n";
    }
    text + "COMMIT\n"
}

/// nft's way back by the interface that a packet came in by.
fn nft_ruleset(marks: bool) -> String {
    let mut rules = String::new();
    let mark = if marks {
        rules += "ip saddr 10.0.0.0/9 meta mark set 7\n";
        " . mark"
    } else {
        ""
    };
    for asked in ["missing", "exists", "0", "!= 0"] {
        rules += &format!("fib saddr{mark} . iif oif {asked} counter\n");
    }
    format!(
        "table ip t {{\nchain c {{\ntype filter hook prerouting priority raw\n{rules}counter\n}}\n}}\n"
    )
}

fn network(rng: &mut Rng, family: Family, known: &[IpAddr]) -> (IpAddr, u64) {
    let width = u64::from(width(family));
    let address = near_known(rng, family, known);
    let length = rng.within(width / 4..=width);
    let host = u128::MAX.checked_shr(128 - (width - length) as u32).unwrap_or(0);
    (from_number(number(address) & !host, family), length)
}

/// Adds routes, each near another one.
fn routes(rng: &mut Rng, family: Family, known: &mut Vec<IpAddr>) -> Result<(), LabError> {
    let mut lines = Vec::new();
    let mut last = network(rng, family, known);
    for _ in 0..ROUTES {
        // Several routes to one network, sometimes.
        if !rng.one_in(3) {
            last = network(rng, family, known);
        }
        let (network, length) = last;
        known.push(network);
        let kinds = ["unicast", "unicast", "unicast", "local", "blackhole", "unreachable", "throw"];
        let kind = *rng.pick(&kinds);
        let table = match kind {
            "local" if rng.one_in(2) => "local",
            _ => *rng.pick(&TABLES),
        };
        let device = *rng.pick(&INTERFACES);
        let path = match kind {
            "unicast" if rng.one_in(4) => format!(" nhid {}", rng.pick(&NEXTHOPS)),
            "unicast" if rng.one_in(6) => gateways(rng, family),
            "unicast" if rng.one_in(3) => {
                let [first, second] = [*rng.pick(&INTERFACES), *rng.pick(&INTERFACES)];
                format!(" nexthop dev {first} nexthop dev {second}")
            }
            "unicast" => format!(" dev {device}"),
            "local" => format!(" dev {}", rng.pick(&["lo", device])),
            _ => String::new(),
        };
        let tos = match family {
            Family::Ipv4 if rng.one_in(6) => " tos 0x10",
            _ => "",
        };
        let source = match family {
            Family::Ipv6 if rng.one_in(4) => {
                let (network, length) = self::network(rng, family, known);
                known.push(network);
                format!(" from {network}/{}", length / 2)
            }
            _ => String::new(),
        };
        lines.push(format!(
            "route append {kind} {network}/{length}{source}{tos} table {table}{path}\n"
        ));
    }
    attempt(family, &lines)
}

/// Several gateways, of which one may lie behind the device that is down.
fn gateways(rng: &mut Rng, family: Family) -> String {
    let known = match family {
        Family::Ipv4 => ["192.0.2.7 dev eth0", "192.0.2.9 dev eth0", "198.51.100.7 dev down0"],
        Family::Ipv6 => {
            ["2001:db8::7 dev eth0", "2001:db8::9 dev eth0", "2001:db8:ffff::7 dev down0"]
        }
    };
    let [first, second] = [*rng.pick(&known), *rng.pick(&known)];
    format!(" nexthop via {first} nexthop via {second}")
}

/// Adds rules of policy routing, and deletes some that are there.
fn rules(rng: &mut Rng, family: Family, known: &[IpAddr]) -> Result<(), LabError> {
    let mut lines = Vec::new();
    for _ in 0..RULES {
        let pref = rng.within(10..=60);
        let mut line = format!("rule add pref {pref}");
        if rng.one_in(5) {
            line += " not";
        }
        for direction in ["from", "to"] {
            let (network, length) = network(rng, family, known);
            match rng.below(3) {
                0 => line += &format!(" {direction} {network}/{}", length / 3),
                _ => line += &format!(" {direction} all"),
            }
        }
        line += *rng.pick(&[
            "",
            "",
            "",
            " iif lo",
            " iif eth0",
            " oif eth0",
            " oif wlan0",
            " fwmark 7",
            " fwmark 5/6",
            " ipproto udp",
            " tos 0x10",
            " uidrange 0-0",
            " uidrange 5-6",
            " dport 9",
        ]);
        match rng.below(8) {
            0 => line += " prohibit",
            1 => line += " blackhole",
            2 => line += &format!(" goto {}", rng.within(61..=70)),
            3 => line += " nop",
            kind => {
                line += &format!(" lookup {}", rng.pick(&TABLES));
                if kind == 4 {
                    line += &format!(" suppress_prefixlength {}", rng.below(40));
                }
            }
        }
        lines.push(line + "\n");
    }
    for preference in [12, 25, 45] {
        let table = *rng.pick(&[254, 100, 7000]);
        let mut rule = PolicyRule { preference, table, ..PolicyRule::default() };
        match rng.below(4) {
            0 => rule.flow_label = Some((rng.below(2) as u32, 0x3)),
            1 => rule.source_port = Some((0x10, 0x1f)),
            2 => rule.dscp = Some(*rng.pick(&CODE_POINTS)),
            _ => {
                rule.dscp_mask = Some(*rng.pick(&[0, 0x04, 0x10, 0x14, 0x3f]));
                rule.dscp = rule.dscp_mask.map(|mask| mask & rng.pick(&CODE_POINTS));
            }
        }
        rule.add(family)?;
    }
    for pref in [61, 65, 70] {
        let table = *rng.pick(&TABLES);
        lines.push(format!("rule add pref {pref} lookup {table} suppress_prefixlength 4\n"));
    }
    lines.push(format!("rule del pref {}\n", rng.within(10..=60)));
    attempt(family, &lines)
}

fn frames(rng: &mut Rng, family: Family, known: &[IpAddr]) -> Vec<Frame> {
    let odd: [&[&str]; 2] = match family {
        Family::Ipv4 => [
            &["0.0.0.0", "0.1.2.3", "192.0.2.1", "192.0.2.9", "127.0.0.1", "10.127.255.255"],
            &["255.255.255.255", "224.0.0.1", "239.1.1.1", "0.0.0.9", "192.0.2.1"],
        ],
        Family::Ipv6 => [
            &["::", "fe80::5", "fe80::1", "fe80::2", "2001:db8::1", "2001:db8::9", "2001:db8::"],
            &[
                "ff02::1",
                "ff05::2",
                "2001:db8::1",
                "fe80::1",
                "fe80::2",
                "fe80::77",
                "::ffff:192.0.2.1",
            ],
        ],
    };
    let odd = odd.map(|list| list.iter().filter_map(|text| text.parse().ok()).collect::<Vec<_>>());
    (0..PACKETS)
        .map(|_| {
            let mut draft = Draft::new(family);
            draft.port = rng.below(3) as usize;
            let [source, destination] = [0, 1].map(|at: usize| match rng.one_in(3) {
                true => *rng.pick::<IpAddr>(&odd[at]),
                // The kernel drops what comes from or goes to a loopback address before its hooks.
                false => match near_known(rng, family, known) {
                    IpAddr::V6(Ipv6Addr::LOCALHOST) => Ipv6Addr::UNSPECIFIED.into(),
                    address => address,
                },
            });
            draft.set_source(source);
            draft.set_destination(destination);
            *draft.tos() = *rng.pick(&[0, 0, 0x10, 0x12, 0x50, 0x08]);
            if let Network::V6(header) = &mut draft.network {
                header.flow_label = rng.below(4) as u32;
            }
            draft.frame()
        })
        .collect()
}

#[test]
fn the_way_back_is_found_as_iptables_finds_it_ipv4() {
    if require::met(&[require::KERNEL_IPTABLES, &[require::Need::Tool("nft")]].concat()) {
        isolated(|| check(Family::Ipv4));
    }
}

#[test]
fn the_way_back_is_found_as_iptables_finds_it_ipv6() {
    if require::met(require::KERNEL_IPTABLES) {
        isolated(|| check(Family::Ipv6));
    }
}
