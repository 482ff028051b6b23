//! Kinds of addresses against routing tables that a seed gives: deep tries, routes of every type,
//! tables before and after policy routing rules part the local one from the main one.
//!
//! `BPFC_SEED` chooses the tables.

use bpfc_runtime::XdpMode;
use bpfc_tests::differential::live::Live;
use bpfc_tests::differential::{Engine, Kernel, Ruleset, compare};
use bpfc_tests::generate::draft::Draft;
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::generate::values::{from_number, near_known, number, width};
use bpfc_tests::lab::inject::Frame;
use bpfc_tests::lab::namespace::{ip, ip6, isolated, sysctl};
use bpfc_tests::lab::oracle::{Oracle, Stage};
use bpfc_tests::lab::{Family, LabError};
use bpfc_tests::require;
use libtest_mimic::{Arguments, Failed, Trial};
use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;

/// What happens to the tables besides routes.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// Nothing: in IPv4 local and main table share one trie.
    None,
    /// A policy routing rule comes and goes, which parts them for good.
    Parted,
    /// Packets are forwarded, and the first addresses of networks on a link are this router's.
    Forwarding,
}

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for family in Family::ALL {
        for change in [Change::None, Change::Parted, Change::Forwarding] {
            let name = format!("{family}_{change:?}").to_lowercase();
            trials.push(Trial::test(name, move || {
                if require::met(require::KERNEL_IPTABLES) {
                    isolated(|| check(family, change))?;
                }
                Ok(())
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// Numbers of routes, and of packets after each round of them.
const ROUTES: usize = 250;
const PACKETS: usize = 250;
const ROUNDS: u64 = 3;

fn check(family: Family, change: Change) -> Result<(), Failed> {
    let mut rng = Rng::new(require::number("BPFC_SEED", 1));
    let oracle = Rc::new(RefCell::new(Oracle::new(family, Stage::Prerouting)?));
    prepare(family, change)?;
    let mut kernel = Kernel(Rc::clone(&oracle));
    let mut engines: Vec<Box<dyn Engine>> = vec![
        Box::new(Live::new(&oracle, "netfilter", XdpMode::Auto)),
        Box::new(Live::new(&oracle, "xdp", XdpMode::Generic)),
        Box::new(Live::new(&oracle, "tc", XdpMode::Auto)),
    ];
    let ruleset = Ruleset { family, stage: Stage::Prerouting, text: ruleset(family) };
    let mut known = Vec::new();
    for _ in 0..ROUNDS {
        routes(&mut rng, family, &mut known)?;
        let frames = frames(&mut rng, family, &known);
        for engine in &mut engines {
            if let Some(found) = compare([&mut kernel, engine.as_mut()], &ruleset, &frames)? {
                return Err(found.to_string().into());
            }
        }
    }
    Ok(())
}

fn prepare(family: Family, change: Change) -> Result<(), LabError> {
    let (ip, device): (fn(&str) -> _, _) = match family {
        Family::Ipv4 => {
            (ip, "addr add 192.0.2.1/24 brd + dev eth0\naddr add 10.0.0.1/9 brd + dev lo\n")
        }
        Family::Ipv6 => (ip6, "addr add 2001:db8::1/64 dev eth0\naddr add fd00:1::1/16 dev lo\n"),
    };
    match change {
        Change::None => {}
        Change::Parted => ip("rule add pref 9 lookup main\nrule del pref 9\n")?,
        Change::Forwarding => {
            sysctl("ipv4/ip_forward", "1")?;
            sysctl("ipv6/conf/all/forwarding", "1")?;
        }
    }
    ip(device)
}

/// One rule for each kind and address, and a few for several.
fn ruleset(family: Family) -> String {
    let kinds: &[&str] = match family {
        Family::Ipv4 => &["UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "UNREACHABLE"],
        Family::Ipv6 => &["UNICAST", "LOCAL", "ANYCAST", "MULTICAST", "UNREACHABLE", "UNSPEC"],
    };
    let mut text = String::from("*raw\n:PREROUTING ACCEPT [0:0]\n");
    for kind in kinds {
        text += &format!("-A PREROUTING -m addrtype --dst-type {kind}\n");
        text += &format!("-A PREROUTING -m addrtype ! --src-type {kind},ANYCAST\n");
        if family == Family::Ipv4 {
            text += &format!("-A PREROUTING -m addrtype --src-type {kind} --limit-iface-in\n");
        }
    }
    text + "COMMIT\n"
}

/// Adds routes, each near another one; those that the kernel refuses are left out.
fn routes(rng: &mut Rng, family: Family, known: &mut Vec<IpAddr>) -> Result<(), LabError> {
    let width = u64::from(width(family));
    let ip: fn(&str) -> Result<(), LabError> = match family {
        Family::Ipv4 => ip,
        Family::Ipv6 => ip6,
    };
    for _ in 0..ROUTES / 25 {
        let mut lines = String::new();
        for _ in 0..25 {
            let address = near_known(rng, family, known);
            let length = rng.within(width / 4..=width);
            let host = u128::MAX.checked_shr(128 - (width - length) as u32).unwrap_or(0);
            let network = from_number(number(address) & !host, family);
            known.push(network);
            let device = *rng.pick(&["lo", "eth0", "eth1", "wlan0"]);
            let table = *rng.pick(&["main", "local"]);
            let kinds: &[&str] = match family {
                Family::Ipv4 => &["unicast", "local", "broadcast", "anycast", "blackhole"],
                Family::Ipv6 => &["unicast", "local", "anycast", "blackhole", "throw"],
            };
            let kind = *rng.pick(kinds);
            let device = match kind {
                "blackhole" | "throw" => String::new(),
                _ => format!(" dev {device}"),
            };
            let verb = if rng.one_in(8) { "replace" } else { "append" };
            lines += &format!("route {verb} {kind} {network}/{length}{device} table {table}\n");
        }
        // A line that fails ends the batch; the rest of the tables is as good as any.
        match ip(&lines) {
            Ok(()) | Err(LabError::Tool { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn frames(rng: &mut Rng, family: Family, known: &[IpAddr]) -> Vec<Frame> {
    (0..PACKETS)
        .map(|_| {
            let mut draft = Draft::new(family);
            draft.port = rng.below(3) as usize;
            draft.set_source(near_known(rng, family, known));
            draft.set_destination(near_known(rng, family, known));
            draft.frame()
        })
        .collect()
}
