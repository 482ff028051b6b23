//! Routes of every kind, and what the reference evaluators know of them.
//!
//! They are few and narrow, since a packet that they lead elsewhere does not reach its stage.

use super::Family;
use super::oracle::{OUT_INTERFACES, Stage};
use bpfc_packet::{InterfaceName, Route, Routes, route_kind};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Network, bits, kind, its name, device, table.
type Row = (&'static str, u8, u8, &'static str, &'static str, &'static str);

const IPV4: &[Row] = &[
    ("203.0.0.4", 31, route_kind::LOCAL, "local", "eth0", "local"),
    ("203.0.0.6", 32, route_kind::BROADCAST, "broadcast", "wan0", "local"),
    ("203.0.0.7", 32, route_kind::ANYCAST, "anycast", "wan1", "local"),
    ("192.168.0.6", 31, route_kind::UNREACHABLE, "unreachable", "lo", "local"),
];

const IPV6: &[Row] = &[
    ("2001:db9::4", 127, route_kind::LOCAL, "local", "lo", "local"),
    ("2001:db9::6", 128, route_kind::LOCAL, "local", "lo", "main"),
    ("fd00:1::4", 126, route_kind::UNREACHABLE, "unreachable", "lo", "main"),
    ("2a00:db8::6", 127, route_kind::PROHIBIT, "prohibit", "lo", "main"),
    // The first address of a network is an anycast address.
    ("2001:db8::4", 126, route_kind::UNICAST, "unicast", "wan1", "main"),
];

/// Ways back to where packets come from: before routing, where they lead no packet elsewhere.
const BACK: &[Row] = &[
    ("10.1.0.0", 16, route_kind::UNICAST, "unicast", "eth1", "main"),
    ("172.16.0.4", 30, route_kind::UNICAST, "unicast", "wlan0", "main"),
    ("203.0.0.0", 16, route_kind::UNICAST, "unicast", "eth0", "main"),
    ("2001:db9::", 32, route_kind::UNICAST, "unicast", "eth1", "main"),
    ("fd00:1::", 125, route_kind::UNICAST, "unicast", "wlan0", "main"),
    ("2a00:db8::", 32, route_kind::UNICAST, "unicast", "eth0", "main"),
];

/// What every namespace has by itself, and what a stage's namespace has to lead packets out.
const LOOPBACK: &[Row] = &[
    ("127.0.0.0", 8, route_kind::LOCAL, "local", "lo", "local"),
    ("127.255.255.255", 32, route_kind::BROADCAST, "broadcast", "lo", "local"),
    ("::1", 128, route_kind::LOCAL, "local", "lo", "local"),
    ("ff00::", 8, route_kind::MULTICAST, "multicast", "eth0", "local"),
];
const OUTWARDS: &[Row] = &[
    ("0.0.0.0", 1, route_kind::UNICAST, "unicast", OUT_INTERFACES[0], "main"),
    ("128.0.0.0", 1, route_kind::UNICAST, "unicast", OUT_INTERFACES[1], "main"),
    ("::", 1, route_kind::UNICAST, "unicast", OUT_INTERFACES[0], "main"),
    ("8000::", 1, route_kind::UNICAST, "unicast", OUT_INTERFACES[1], "main"),
];

/// Lines for `ip -batch` that make the routes.
pub(super) fn commands(stage: Stage, family: Family) -> String {
    let rows = match family {
        Family::Ipv4 => IPV4,
        Family::Ipv6 => IPV6,
    };
    let back = BACK.iter().filter(|row| {
        stage == Stage::Prerouting && row.0.contains(':') == (family == Family::Ipv6)
    });
    rows.iter()
        .chain(back)
        .filter(|row| has(stage, row))
        .map(|(network, length, kind, name, device, table)| {
            // What refuses packets leads nowhere.
            let device = match *kind >= route_kind::BLACKHOLE {
                true => String::new(),
                false => format!(" dev {device}"),
            };
            format!("route add {name} {network}/{length}{device} table {table}\n")
        })
        .collect()
}

/// All routes that rules at a stage can ask about.
pub fn routes(stage: Stage) -> Routes {
    let outwards = match stage {
        Stage::Prerouting | Stage::Input | Stage::TrackedInput => &[],
        _ => OUTWARDS,
    };
    let back = if stage == Stage::Prerouting { BACK } else { &[] };
    let own = [IPV4, IPV6].concat().into_iter().filter(|row| has(stage, row));
    let all = own.chain([back, LOOPBACK, outwards].concat());
    Routes(all.map(route).collect())
}

/// The output interface, by its place in [`OUT_INTERFACES`], of a route besides those that part all
/// addresses in halves.
pub(super) fn detour(destination: Ipv6Addr) -> Option<usize> {
    let on_the_way = |row: &&Row| {
        let network: Option<Ipv6Addr> = row.0.parse().ok();
        let differs = network.map(|network| u128::from(network) ^ u128::from(destination));
        row.2 == route_kind::UNICAST && differs.is_some_and(|bits| bits >> (128 - row.1) == 0)
    };
    let row = IPV6.iter().find(on_the_way)?;
    OUT_INTERFACES.iter().position(|name| *name == row.4)
}

/// Whether an IPv4 address has a route besides those that part all addresses in halves.
pub(super) fn is_special(stage: Stage, address: Ipv4Addr) -> bool {
    let on_the_way = |row: &&Row| {
        let network: Option<Ipv4Addr> = row.0.parse().ok();
        let differs = network.map(|network| u32::from(network) ^ u32::from(address));
        differs.is_some_and(|bits| bits.checked_shr(32 - u32::from(row.1)).unwrap_or(0) == 0)
    };
    IPV4.iter().filter(|row| has(stage, row)).chain(LOOPBACK).any(|row| on_the_way(&row))
}

/// The host answers what it sends to itself, which would be counted at OUTPUT too.
fn has(stage: Stage, row: &Row) -> bool {
    stage != Stage::Output || row.2 != route_kind::LOCAL
}

fn route((network, length, kind, _, device, _): Row) -> Route {
    Route {
        network: network.parse().unwrap_or_else(|_| unreachable!("an address: {network}")),
        length,
        kind,
        device: InterfaceName::new(device).unwrap_or(InterfaceName::NONE),
        gateway: false,
    }
}
