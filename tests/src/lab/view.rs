//! A frame as a stage's hook sees it: with interfaces, and with what forwarding changed.

use super::inject::Frame;
use super::oracle::{INTERFACES, OUT_INTERFACES, Stage};
use super::routes::{detour, is_special, routes};
use bpfc_packet::{
    Clock, Devices, Family, InterfaceName, Owner, Packet, Routes, Socket, pkt_type, route_kind,
};
use nix::unistd::{Gid, Uid, getgroups};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::SystemTime;

/// Groups of interfaces; all others are in group 0.
pub const GROUPS: [(&str, u32); 2] = [("eth1", 5), ("wan1", 0x17)];

/// What interfaces take that do not take what all others do, but more: nothing leaves in pieces.
pub const MTUS: [(&str, u32); 2] = [("wan0", 1560), ("wan1", 1620)];

/// Realms of the IPv4 routes by [`OUT_INTERFACES`].
pub const REALMS: [u32; 2] = [5, 9];

/// The packet that arrives at a stage when a frame comes in on one of [`INTERFACES`]; `None`
/// where the frame holds no IP packet.
pub fn packet_at(stage: Stage, frame: &Frame) -> Option<Packet> {
    let mut packet = Packet::from_ethernet(frame.bytes.clone()).ok()?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let minutes_west = (bpfc_runtime::clock::seconds_west() / 60) as i32;
    packet.clock = Clock { seconds: now.as_secs(), minutes_west };
    packet.cpu = nix::sched::sched_getcpu().ok()? as u32;
    if stage != Stage::Output {
        // Checks of the receive path look at the packet before it was forwarded.
        packet.in_interface = name(INTERFACES[frame.port]);
    }
    packet.parse().ok()?;
    if stage.has_output() {
        packet.out_interface = name(OUT_INTERFACES[route(&packet)?]);
    }
    if stage.has_output() && stage != Stage::Output {
        decrease_ttl(&mut packet)?;
        packet.forwarded = true;
    }
    if stage == Stage::Postrouting && packet.family == Family::Ipv4 {
        record_route(&mut packet)?;
    }
    if !stage.has_input() {
        packet.in_interface = InterfaceName::NONE;
    }
    if stage == Stage::Output {
        packet.link = None;
        packet.pkt_type = pkt_type::HOST;
    }
    packet.devices = Devices {
        // Packets of this host are at no device before they are routed (`__ip_local_out`).
        at: (stage != Stage::Output).then_some(ETHERNET),
        out_type: if packet.out_interface.is_some() { ETHERNET } else { 0 },
        in_index: index(packet.in_interface),
        out_index: index(packet.out_interface),
    };
    if packet.forwarded && packet.family == Family::Ipv4 {
        packet.priority = priority(*packet.network_bytes().get(1)?);
    }
    packet.in_group = group(packet.in_interface);
    packet.out_group = group(packet.out_interface);
    if stage.has_output() && packet.family == Family::Ipv4 {
        packet.realm = realm(stage, &packet)?;
    }
    if stage == Stage::Output {
        packet.socket = Some(Arc::new(own_socket()));
    }
    let routes = routes(stage);
    if stage.has_output() {
        packet.route_mtu = mtu(packet.out_interface);
        packet.return_mtu = return_mtu(&routes, &packet)?;
    }
    packet.routes = Some(Arc::new(routes));
    Some(packet)
}

/// What devices take whose packets' length the kernel has not been told, and the loopback device.
const USUAL_MTU: u32 = 1500;
const LOOPBACK_MTU: u32 = 65_536;

fn mtu(interface: InterfaceName) -> u32 {
    let found = MTUS.iter().find(|(known, _)| name(known) == interface);
    found.map_or(USUAL_MTU, |(_, mtu)| *mtu)
}

/// The MTU of the way back to a packet's source (`tcpmss_reverse_mtu`, net/netfilter/xt_TCPMSS.c).
fn return_mtu(routes: &Routes, packet: &Packet) -> Option<u32> {
    let header = packet.network_bytes();
    let (source, most): (IpAddr, u32) = match packet.family.ip()? {
        Family::Ipv4 => ((*header.get(12..)?.first_chunk::<4>()?).into(), 65_535),
        Family::Ipv6 => ((*header.get(8..)?.first_chunk::<16>()?).into(), u32::MAX),
    };
    let Some(route) = routes.find(source) else { return Some(u32::MAX) };
    Some(match route.kind {
        route_kind::LOCAL => LOOPBACK_MTU.min(most),
        kind if kind >= route_kind::BLACKHOLE => u32::MAX,
        _ => mtu(route.device),
    })
}

/// `ARPHRD_ETHER`.
const ETHERNET: u16 = 1;

fn index(interface: InterfaceName) -> u32 {
    nix::net::if_::if_nametoindex(interface.to_string().as_str()).unwrap_or(0)
}

/// The priority that forwarding gives a packet by its type of service (`rt_tos2priority`,
/// include/net/route.h).
fn priority(tos: u8) -> u32 {
    const BESTEFFORT: u32 = 0;
    const BULK: u32 = 2;
    const INTERACTIVE_BULK: u32 = 4;
    const INTERACTIVE: u32 = 6;
    match tos >> 3 & 3 {
        0 => BESTEFFORT,
        1 => BULK,
        2 => INTERACTIVE,
        _ => INTERACTIVE_BULK,
    }
}

fn group(interface: InterfaceName) -> u32 {
    let found = GROUPS.iter().find(|(known, _)| name(known) == interface);
    found.map_or(0, |(_, group)| *group)
}

/// The realm of the route to an IPv4 packet's destination; a default route's does not count for
/// groups (`__mkroute_output`, net/ipv4/route.c). That of the way back does not count: the
/// interfaces that packets come in by have no addresses (`fib_validate_source`,
/// net/ipv4/fib_frontend.c).
fn realm(stage: Stage, packet: &Packet) -> Option<u32> {
    let address = Ipv4Addr::from(*packet.network_bytes().get(16..)?.first_chunk::<4>()?);
    let special = is_special(stage, address) || address.is_multicast() || address.is_broadcast();
    Some(match special {
        true => 0,
        false => REALMS[usize::from(address.octets()[0] >> 7)],
    })
}

/// A socket of the calling thread's user.
fn own_socket() -> Socket {
    let groups = getgroups().unwrap_or_default();
    let owner = Owner {
        user: Uid::effective().as_raw(),
        group: Gid::effective().as_raw(),
        groups: groups.into_iter().map(Gid::as_raw).collect(),
    };
    Socket { owner: Some(owner), ..Socket::default() }
}

fn name(text: &str) -> InterfaceName {
    InterfaceName::new(text).unwrap_or(InterfaceName::NONE)
}

/// Which of [`OUT_INTERFACES`] a packet leaves by: the upper half of all addresses has its own, and
/// few addresses besides.
pub fn route(packet: &Packet) -> Option<usize> {
    let place = match packet.family.ip()? {
        Family::Ipv4 => 16,
        Family::Ipv6 => 24,
    };
    let address = packet.network_bytes().get(place..)?;
    let detour = match packet.family.ip()? {
        Family::Ipv4 => None,
        Family::Ipv6 => detour(Ipv6Addr::from(*address.first_chunk::<16>()?)),
    };
    detour.or(Some(usize::from(address.first()? >> 7)))
}

/// Forwarding writes the host's address, which is none here, into a record of the route and then
/// computes the header checksum anew (`ip_options_compile` and `ip_forward_options`,
/// net/ipv4/ip_options.c).
fn record_route(packet: &mut Packet) -> Option<()> {
    const RECORD_ROUTE: u8 = 7;
    let header = packet.bytes.get_mut(packet.network..)?;
    let end = usize::from(header.first()? & 0xf) * 4;
    let header = header.get_mut(..end)?;
    let mut at = 20;
    while at + 2 < end && header[at] != 0 {
        let length = if header[at] == 1 { 1 } else { usize::from(header[at + 1]).max(1) };
        let pointer = usize::from(header[at + 2]);
        if header[at] == RECORD_ROUTE && pointer <= length {
            header.get_mut(at + pointer - 1..at + pointer + 3)?.fill(0);
            header[at + 2] += 4;
            header[10..12].fill(0);
            let words =
                header.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
            let sum: u32 = words.sum();
            let sum = (sum & 0xffff) + (sum >> 16);
            let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
            header[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        at += length;
    }
    Some(())
}

/// Forwarding decreases the time to live before FORWARD (`ip_forward`, net/ipv4/ip_forward.c;
/// `ip6_forward`, net/ipv6/ip6_output.c).
fn decrease_ttl(packet: &mut Packet) -> Option<()> {
    let place = match packet.family.ip()? {
        Family::Ipv4 => 8,
        Family::Ipv6 => 7,
    };
    let header = packet.bytes.get_mut(packet.network..)?;
    let ttl = header.get_mut(place)?;
    *ttl = ttl.checked_sub(1)?;
    if packet.family == Family::Ipv4 {
        // The sum grows by as much as the field shrinks, and is never 0xffff (include/net/ip.h,
        // `ip_decrease_ttl`).
        let sum = u32::from(u16::from_be_bytes([header[10], header[11]])) + 0x0100;
        let sum = (sum + u32::from(sum >= 0xffff)) as u16;
        header[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    Some(())
}
