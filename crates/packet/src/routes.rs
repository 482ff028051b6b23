//! The routes that decide what kind of address a packet's addresses are.

use crate::InterfaceName;
use std::net::IpAddr;

/// `RTN_*` (include/uapi/linux/rtnetlink.h): what a route does with its packets.
pub mod route_kind {
    /// To a gateway or a neighbour.
    pub const UNICAST: u8 = 1;
    /// To this host.
    pub const LOCAL: u8 = 2;
    /// To all hosts of a network.
    pub const BROADCAST: u8 = 3;
    /// To one of several hosts.
    pub const ANYCAST: u8 = 4;
    /// To a group.
    pub const MULTICAST: u8 = 5;
    /// Silently gone.
    pub const BLACKHOLE: u8 = 6;
    /// Refused: no such host.
    pub const UNREACHABLE: u8 = 7;
    /// Refused: not allowed.
    pub const PROHIBIT: u8 = 8;
}

/// A route to a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// The network's address, of either family.
    pub network: IpAddr,
    /// Bits of it that count.
    pub length: u8,
    /// A value of [`route_kind`].
    pub kind: u8,
    /// The device that it leads to.
    pub device: InterfaceName,
    /// Whether it leads by way of a gateway.
    pub gateway: bool,
}

impl Route {
    fn contains(&self, address: IpAddr) -> bool {
        let same = |network: u128, address: u128, width: u8| {
            let host = width.saturating_sub(self.length);
            host >= 128 || (network ^ address) >> host == 0
        };
        match (self.network, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                same(u32::from(network).into(), u32::from(address).into(), 32)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => same(network.into(), address.into(), 128),
            _ => false,
        }
    }
}

/// The routes of a host: for IPv4 those of the local table, for IPv6 those of the local and the
/// main table. No two of them have the same network and length.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Routes(pub Vec<Route>);

impl Routes {
    /// The route to an address.
    pub fn find(&self, address: IpAddr) -> Option<&Route> {
        let matching = self.0.iter().filter(|route| route.contains(address));
        matching.max_by_key(|route| route.length)
    }

    /// The kind of an IPv4 address, as `inet_dev_addr_type` finds it (net/ipv4/fib_frontend.c):
    /// what a route refuses, or what leads to another device than the one asked for, is unicast.
    pub fn ipv4_kind(&self, address: IpAddr, device: Option<InterfaceName>) -> u8 {
        let IpAddr::V4(number) = address else { return route_kind::UNICAST };
        if number.is_unspecified() || number.is_broadcast() {
            return route_kind::BROADCAST;
        }
        if number.is_multicast() {
            return route_kind::MULTICAST;
        }
        match self.find(address) {
            Some(route) if route.kind >= route_kind::BLACKHOLE => route_kind::UNICAST,
            Some(route) if device.is_none_or(|device| device == route.device) => route.kind,
            _ => route_kind::UNICAST,
        }
    }

    /// Whether there is a way back to the source of a packet that came in by a device, as the match
    /// rpfilter decides it where no policy routing rules stand before the tables
    /// (net/ipv4/netfilter/ipt_rpfilter.c; net/ipv6/netfilter/ip6t_rpfilter.c): by that device
    /// unless `loose`, and to an address of this host, or by a route of another kind than to one
    /// host, only where these count. The way to an IPv6 address of one link must be by the device
    /// in any case.
    pub fn leads_back(
        &self,
        source: IpAddr,
        device: InterfaceName,
        loose: bool,
        [accept_local, other_kinds]: [bool; 2],
    ) -> bool {
        let (is_ipv6, linked) = match source {
            IpAddr::V4(_) => (false, false),
            IpAddr::V6(source) => (true, source.is_unicast_link_local()),
        };
        let counts = |route: &&Route| route.contains(source) && (!linked || route.device == device);
        let Some(route) = self.0.iter().filter(counts).max_by_key(|route| route.length) else {
            return false;
        };
        let right = loose || route.device == device;
        match route.kind {
            route_kind::UNICAST => right,
            route_kind::LOCAL => accept_local && (is_ipv6 || right),
            kind => other_kinds && !is_ipv6 && kind < route_kind::BLACKHOLE && right,
        }
    }

    /// Of an IPv6 address: the kind of the route that refuses it (also where there is none), or
    /// [`route_kind::UNICAST`] with whether it is this host's and whether it is an anycast address
    /// (include/net/ip6_route.h, `ipv6_anycast_destination`: the first address of a network on a
    /// link is one).
    pub fn ipv6_kind(&self, address: IpAddr) -> (u8, bool, bool) {
        let Some(route) = self.find(address) else {
            return (route_kind::UNREACHABLE, false, false);
        };
        if route.kind >= route_kind::BLACKHOLE {
            return (route.kind, false, false);
        }
        let first = route.length < 127 && !route.gateway && route.network == address;
        let is_anycast = route.kind == route_kind::ANYCAST || first;
        (route_kind::UNICAST, route.kind == route_kind::LOCAL, is_anycast)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(network: &str, length: u8, kind: u8, device: &str) -> Route {
        Route {
            network: network.parse().unwrap(),
            length,
            kind,
            device: device.parse().unwrap(),
            gateway: false,
        }
    }

    #[test]
    fn the_longest_route_decides() {
        let routes = Routes(vec![
            route("10.0.0.0", 8, route_kind::LOCAL, "lo"),
            route("10.0.0.255", 32, route_kind::BROADCAST, "eth0"),
            route("10.1.0.0", 16, route_kind::UNREACHABLE, "lo"),
        ]);
        let kind = |address: &str, device: Option<&str>| {
            let device = device.map(|name| name.parse().unwrap());
            routes.ipv4_kind(address.parse().unwrap(), device)
        };
        assert_eq!(kind("10.0.0.1", None), route_kind::LOCAL);
        assert_eq!(kind("10.0.0.1", Some("eth0")), route_kind::UNICAST);
        assert_eq!(kind("10.0.0.255", Some("eth0")), route_kind::BROADCAST);
        assert_eq!(kind("10.1.0.0", None), route_kind::UNICAST);
        assert_eq!(kind("11.0.0.0", None), route_kind::UNICAST);
        assert_eq!(kind("0.0.0.0", None), route_kind::BROADCAST);
        assert_eq!(kind("224.0.0.1", None), route_kind::MULTICAST);
    }

    #[test]
    fn ipv6_knows_refusal_and_the_first_address_of_a_network() {
        let routes = Routes(vec![
            route("2001:db8::", 64, route_kind::UNICAST, "eth0"),
            route("2001:db8::1", 128, route_kind::LOCAL, "eth0"),
            route("2001:db8:1::", 48, route_kind::PROHIBIT, "lo"),
        ]);
        let kind = |address: &str| routes.ipv6_kind(address.parse().unwrap());
        assert_eq!(kind("2001:db8::1"), (route_kind::UNICAST, true, false));
        assert_eq!(kind("2001:db8::"), (route_kind::UNICAST, false, true));
        assert_eq!(kind("2001:db8::2"), (route_kind::UNICAST, false, false));
        assert_eq!(kind("2001:db8:1::5"), (route_kind::PROHIBIT, false, false));
        assert_eq!(kind("::5"), (route_kind::UNREACHABLE, false, false));
    }
}
