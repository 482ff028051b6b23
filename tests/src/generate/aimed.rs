//! Packets aimed at the rules of a ruleset that somebody else wrote.
//!
//! Each rule gives a [`Facet`] that bends a packet towards all of its tests that are known here;
//! negated ones and those that packets of their own do not meet are passed over. What no rule asks
//! for is left as it was, so packets made of several rules meet the chains on their way.

use super::Facet;
use super::draft::{Draft, protocol};
use super::rng::Rng;
use crate::lab::Family;
use bpfc_packet::Transport;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

/// The interfaces that rules name, sorted; `eth0` is always among them, `lo` never. A name's
/// beginning (`eth+`) stands for its first interface.
pub fn interfaces(text: &str) -> Vec<String> {
    let mut names = vec!["eth0".to_owned()];
    for words in rules(text) {
        let named = words.windows(2).filter(|pair| matches!(pair[0], "-i" | "-o"));
        names.extend(named.map(|pair| pair[1].replace('+', "0")).filter(|name| name != "lo"));
    }
    names.sort();
    names.dedup();
    names
}

/// Destinations with the interface that the same rule wants them to leave by.
pub fn routes(text: &str) -> Vec<(String, String)> {
    let after = |words: &[&str], option: &str| {
        let at = words.iter().position(|word| *word == option)?;
        let negated = at > 0 && words[at - 1] == "!";
        words.get(at + 1).filter(|_| !negated).map(|word| (*word).to_owned())
    };
    let mut routes: Vec<(String, String)> = rules(text)
        .filter_map(|words| after(&words, "-d").zip(after(&words, "-o")))
        .filter(|(_, interface)| interface != "lo")
        .collect();
    routes.sort();
    routes.dedup_by(|a, b| a.0 == b.0);
    routes
}

/// A facet for each rule that asks for anything.
pub fn facets(text: &str, family: Family) -> Vec<Facet> {
    let ports = interfaces(text);
    rules(text).filter_map(|words| facet(&words, family, &ports)).collect()
}

fn rules(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().filter(|line| line.starts_with("-A ")).map(|line| line.split(' ').collect())
}

/// A test of a rule, turned into what a packet needs.
#[derive(Clone, Copy, Debug)]
enum Aim {
    Source(Net),
    Destination(Net),
    Port(usize),
    Protocol(u8),
    SourcePort(u16, u16),
    DestinationPort(u16, u16),
    Icmp(u8, Option<u8>),
    Flags(u8, u8),
    Mac([u8; 6]),
    Ttl(u8),
}

/// An address and how many of its first bits count.
type Net = (IpAddr, u32);

fn facet(words: &[&str], family: Family, ports: &[String]) -> Option<Facet> {
    let mut aims = Vec::new();
    for (at, pair) in words.windows(2).enumerate() {
        if at > 0 && words[at - 1] == "!" {
            continue;
        }
        aims.extend(aim(pair[0], pair[1], words.get(at + 2).copied(), ports));
    }
    // The protocol comes first: what is behind its header follows from it.
    aims.sort_by_key(|aim| !matches!(aim, Aim::Protocol(_)));
    (!aims.is_empty()).then(|| {
        Rc::new(move |rng: &mut Rng, draft: &mut Draft| {
            for aim in &aims {
                meet(*aim, family, rng, draft);
            }
        }) as Facet
    })
}

fn aim(option: &str, value: &str, next: Option<&str>, ports: &[String]) -> Vec<Aim> {
    let one = |aim: Option<Aim>| aim.into_iter().collect::<Vec<_>>();
    let ranges = |make: fn(u16, u16) -> Aim| -> Vec<Aim> {
        let range = |text: &str| {
            let (low, high) = text.split_once(':').unwrap_or((text, text));
            Some(make(low.parse().ok()?, high.parse().ok()?))
        };
        value.split(',').filter_map(range).collect()
    };
    match option {
        "-s" => one(net(value).map(Aim::Source)),
        "-d" => one(net(value).map(Aim::Destination)),
        "--src-range" => one(value.split('-').next().and_then(net).map(Aim::Source)),
        "-i" => one(ports.iter().position(|port| *port == value.replace('+', "0")).map(Aim::Port)),
        "-p" => one(protocol_number(value).map(Aim::Protocol)),
        "--sport" | "--sports" => ranges(Aim::SourcePort),
        "--dport" | "--dports" | "--ports" => ranges(Aim::DestinationPort),
        "--icmp-type" | "--icmpv6-type" => {
            let (kind, code) = value.split_once('/').map_or((value, None), |(k, c)| (k, Some(c)));
            let code = code.and_then(|code| code.parse().ok());
            one(kind.parse().ok().map(|kind| Aim::Icmp(kind, code)))
        }
        "--tcp-flags" => one(next.map(|set| Aim::Flags(flags(value), flags(set)))),
        "--mac-source" => {
            let mut bytes = [0; 6];
            for (byte, text) in bytes.iter_mut().zip(value.split(':')) {
                *byte = u8::from_str_radix(text, 16).unwrap_or_default();
            }
            vec![Aim::Mac(bytes)]
        }
        "--hl-eq" | "--ttl-eq" => one(value.parse().ok().map(Aim::Ttl)),
        _ => Vec::new(),
    }
}

fn net(text: &str) -> Option<Net> {
    let (address, mask) = text.split_once('/').map_or((text, None), |(a, m)| (a, Some(m)));
    let address: IpAddr = address.parse().ok()?;
    let all = if address.is_ipv4() { 32 } else { 128 };
    let length = match mask {
        None => all,
        Some(mask) => match mask.parse::<Ipv4Addr>() {
            Ok(mask) => u32::from(mask).leading_ones(),
            Err(_) => mask.parse().ok()?,
        },
    };
    Some((address, length))
}

fn protocol_number(text: &str) -> Option<u8> {
    Some(match text {
        "tcp" => protocol::TCP,
        "udp" => protocol::UDP,
        "icmp" => protocol::ICMP,
        "ipv6-icmp" | "icmpv6" => protocol::ICMPV6,
        "esp" => protocol::ESP,
        "ah" => protocol::AH,
        "gre" => protocol::GRE,
        "igmp" => 2,
        "sctp" => protocol::SCTP,
        other => other.parse().ok().filter(|number| *number != 0)?,
    })
}

/// Flags by their names, FIN being the lowest.
fn flags(text: &str) -> u8 {
    const NAMES: [&str; 6] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG"];
    text.split(',')
        .filter_map(|word| NAMES.iter().position(|name| *name == word))
        .fold(0, |flags, bit| flags | 1 << bit)
}

fn meet(aim: Aim, family: Family, rng: &mut Rng, draft: &mut Draft) {
    match aim {
        Aim::Source(net) => draft.set_source(within(net, rng)),
        Aim::Destination(net) => draft.set_destination(within(net, rng)),
        Aim::Port(port) => draft.port = port,
        Aim::Protocol(number) => {
            draft.become_protocol(number);
            if number == protocol::TCP && rng.one_in(2) {
                draft.tcp().flags = 2;
            }
        }
        Aim::SourcePort(low, high) => {
            if let Some((source, _)) = draft.ports() {
                *source = rng.within(low.into()..=high.into()) as u16;
            }
        }
        Aim::DestinationPort(low, high) => {
            // Of a list every entry has its turn.
            if let Some((_, destination)) = draft.ports()
                && rng.one_in(2)
            {
                *destination = rng.within(low.into()..=high.into()) as u16;
            }
        }
        Aim::Icmp(new, exact) => {
            let message = match family {
                Family::Ipv4 => protocol::ICMP,
                Family::Ipv6 => protocol::ICMPV6,
            };
            draft.become_protocol(message);
            if let Transport::Icmp { kind, code, .. } | Transport::Icmpv6 { kind, code, .. } =
                &mut draft.transport
            {
                (*kind, *code) = (new, exact.unwrap_or_default());
            }
        }
        Aim::Flags(mask, set) => {
            let tcp = draft.tcp();
            tcp.flags = tcp.flags & !mask | set;
        }
        Aim::Mac(address) => draft.mac_source = address,
        Aim::Ttl(value) => *draft.ttl() = value,
    }
}

/// An address of a network.
fn within((address, length): Net, rng: &mut Rng) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let free = u32::MAX.checked_shr(length).unwrap_or(0);
            Ipv4Addr::from(u32::from(address) & !free | rng.bits() as u32 & free).into()
        }
        IpAddr::V6(address) => {
            let free = u128::MAX.checked_shr(length).unwrap_or(0);
            let bits = u128::from(rng.bits()) << 64 | u128::from(rng.bits());
            Ipv6Addr::from(u128::from(address) & !free | bits & free).into()
        }
    }
}
