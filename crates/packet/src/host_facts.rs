//! Facts about a packet that only the host which handles it knows, in words:
//!
//! | fact | |
//! |---|---|
//! | `srctype=`, `dsttype=` | what routing makes of an address: `unicast`, `local`, `broadcast`, `anycast`, `multicast`, `blackhole`, `unreachable`, `prohibit` |
//! | `back=` | the interface by which there is a way back to the source, or `none` |
//! | `ingroup=`, `outgroup=`, `inindex=`, `outindex=` | groups and numbers of the interfaces |
//! | `devtype=`, `outtype=` | hardware types (ARPHRD) of the device that it is at and of the output interface |
//! | `realm=`, `priority=` | numbers of the route and the packet |
//! | `mtu=`, `backmtu=` | how many bytes packets may have on its route and on the way back to its source, or `none` |
//! | `bridge=none` | br_netfilter knows of no port that it goes by |
//! | `physin=`, `physout=` | the port of a bridge that it comes in or goes out by, or `none` |
//! | `ipsecin=`, `ipsecout=` | the IPsec transformations that it came by or will go by: `none`, or such as `esp,tunnel,reqid=5` with `+` between them |
//! | `socket=none` | no socket sends it |
//! | `uid=`, `gid=`, `groups=`, `classid=`, `cgroup=` | of the socket that sends it: user, group, supplementary groups, class and path of its control group |
//! | `receiver=` | the socket that will receive it: `none`, or `bound` or `any` (by its address), and `transparent` |
//! | `receivermark=` | its mark |

use crate::{
    BridgePorts, Devices, InterfaceName, Owner, Packet, Receiver, Route, Routes, Socket,
    Transforms, route_kind, transform,
};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

/// Kinds of addresses by name, as iptables' match addrtype has them.
const KINDS: [(&str, u8); 8] = [
    ("unicast", route_kind::UNICAST),
    ("local", route_kind::LOCAL),
    ("broadcast", route_kind::BROADCAST),
    ("anycast", route_kind::ANYCAST),
    ("multicast", route_kind::MULTICAST),
    ("blackhole", route_kind::BLACKHOLE),
    ("unreachable", route_kind::UNREACHABLE),
    ("prohibit", route_kind::PROHIBIT),
];

/// What was said.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostFacts {
    said: BTreeSet<&'static str>,
    source_kind: Option<u8>,
    destination_kind: Option<u8>,
    back: Option<InterfaceName>,
    in_group: u32,
    out_group: u32,
    devices: Devices,
    priority: u32,
    realm: u32,
    mtu: u32,
    return_mtu: u32,
    ports: BridgePorts,
    transforms: Transforms,
    owner: Owner,
    class: u32,
    group: String,
    receiver: Option<Receiver>,
    receiver_mark: u32,
}

impl HostFacts {
    /// Takes a fact; `None` where the name is none of these.
    pub fn read(&mut self, name: &str, value: &str) -> Option<Result<(), String>> {
        const NAMES: [&str; 26] = [
            "srctype",
            "dsttype",
            "back",
            "ingroup",
            "outgroup",
            "inindex",
            "outindex",
            "devtype",
            "outtype",
            "priority",
            "realm",
            "mtu",
            "backmtu",
            "bridge",
            "physin",
            "physout",
            "ipsecin",
            "ipsecout",
            "socket",
            "uid",
            "gid",
            "groups",
            "classid",
            "cgroup",
            "receiver",
            "receivermark",
        ];
        let name = NAMES.into_iter().find(|known| *known == name)?;
        Some(self.take(name, value).map(|()| {
            self.said.insert(name);
        }))
    }

    fn take(&mut self, name: &'static str, value: &str) -> Result<(), String> {
        let number = || parsed::<u32>(name, value, "a number of 32 bits");
        match name {
            "srctype" => self.source_kind = Some(kind(name, value)?),
            "dsttype" => self.destination_kind = Some(kind(name, value)?),
            "back" if value == "none" => self.back = None,
            "back" => self.back = Some(interface(value)?),
            "bridge" if value == "none" => {}
            "bridge" => return Err("bridge is none, or left out where a port is said".into()),
            "physin" => self.ports.input = interface(value)?,
            "physout" => self.ports.output = interface(value)?,
            "ipsecin" => self.transforms.undone = transform::read(value)?,
            "ipsecout" => self.transforms.ahead = transform::read(value)?,
            "ingroup" => self.in_group = number()?,
            "outgroup" => self.out_group = number()?,
            "inindex" => self.devices.in_index = number()?,
            "outindex" => self.devices.out_index = number()?,
            "devtype" => self.devices.at = Some(hardware_type(name, value)?),
            "outtype" => self.devices.out_type = hardware_type(name, value)?,
            "priority" => self.priority = number()?,
            "realm" => self.realm = number()?,
            "mtu" | "backmtu" => {
                let limit = if value == "none" { u32::MAX } else { number()? };
                *if name == "mtu" { &mut self.mtu } else { &mut self.return_mtu } = limit;
            }
            "socket" if value == "none" => {}
            "socket" => return Err("socket is none, or left out where uid or gid is said".into()),
            "uid" => self.owner.user = number()?,
            "gid" => self.owner.group = number()?,
            "groups" => {
                let groups =
                    value.split(',').map(|group| parsed(name, group, "numbers with commas"));
                self.owner.groups = groups.collect::<Result<_, _>>()?;
            }
            "classid" => self.class = number()?,
            "cgroup" => self.group = value.to_owned(),
            "receiver" => self.receiver = receiver(value)?,
            _ => self.receiver_mark = number()?,
        }
        Ok(())
    }

    /// Gives a packet what was said.
    ///
    /// # Errors
    /// A sentence, where two facts contradict each other.
    pub fn apply(self, packet: &mut Packet) -> Result<BTreeSet<&'static str>, String> {
        let said = |name: &str| self.said.contains(name);
        packet.routes = self.routes(packet)?;
        packet.in_group = self.in_group;
        packet.out_group = self.out_group;
        packet.devices = self.devices;
        packet.priority = self.priority;
        packet.realm = self.realm;
        packet.transforms = self.transforms;
        if said("mtu") {
            packet.route_mtu = self.mtu;
        }
        if said("backmtu") {
            packet.return_mtu = self.return_mtu;
        }
        if said("physin") || said("physout") {
            if said("bridge") {
                return Err("bridge=none and a port contradict each other".into());
            }
            packet.bridge = Some(self.ports);
        }
        let of_socket = ["uid", "gid", "groups", "classid", "cgroup"];
        if let Some(other) = of_socket.into_iter().find(|name| said(name)) {
            if said("socket") {
                return Err(format!("socket=none and {other} contradict each other"));
            }
            let owned = ["uid", "gid", "groups"].into_iter().any(&said);
            packet.socket = Some(Arc::new(Socket {
                owner: owned.then_some(self.owner),
                class: self.class,
                group: self.group,
            }));
        }
        if said("receivermark") && self.receiver.is_none() {
            return Err("receivermark needs receiver=bound or receiver=any".into());
        }
        packet.receiver =
            self.receiver.map(|receiver| Receiver { mark: self.receiver_mark, ..receiver });
        Ok(self.said)
    }

    /// Routes to the packet's addresses alone, where a word was said about them.
    fn routes(&self, packet: &Packet) -> Result<Option<Arc<Routes>>, String> {
        let back = self.said.contains("back");
        if self.source_kind.is_none() && self.destination_kind.is_none() && !back {
            return Ok(None);
        }
        let parsed = packet.parse_headers().map_err(|error| error.to_string())?;
        let near = match packet.in_interface.is_some() {
            true => packet.in_interface,
            false => packet.out_interface,
        };
        let route = |network: IpAddr, kind: u8, device: InterfaceName| Route {
            network,
            length: if network.is_ipv4() { 32 } else { 128 },
            kind,
            device,
            gateway: true,
        };
        let mut routes = Vec::new();
        match (self.source_kind, self.back) {
            (kind, Some(device)) => {
                let kind = kind.unwrap_or(route_kind::UNICAST);
                routes.push(route(parsed.source(), kind, device));
            }
            // No route: IPv4's match takes such an address for a unicast one.
            (None, None) => {}
            (Some(route_kind::UNICAST), None) if back && parsed.source().is_ipv4() => {}
            (Some(route_kind::UNICAST | route_kind::LOCAL), None) if back => {
                return Err("such a source has a way back: say back=IF".into());
            }
            (Some(kind), None) => routes.push(route(parsed.source(), kind, near)),
        }
        if let Some(kind) = self.destination_kind {
            routes.push(route(parsed.destination(), kind, near));
        }
        Ok(Some(Arc::new(Routes(routes))))
    }
}

fn parsed<T: FromStr>(name: &str, value: &str, what: &str) -> Result<T, String> {
    let digits = value.strip_prefix("0x").and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let decimal = digits.map_or(value.to_owned(), |number| number.to_string());
    decimal.parse().map_err(|_| format!("{name} is {what}"))
}

fn hardware_type(name: &str, value: &str) -> Result<u16, String> {
    parsed(name, value, "a number of 16 bits")
}

fn interface(value: &str) -> Result<InterfaceName, String> {
    match value {
        "none" => Ok(InterfaceName::NONE),
        name => InterfaceName::new(name).map_err(|error| error.to_string()),
    }
}

fn kind(name: &str, value: &str) -> Result<u8, String> {
    let value = value.to_ascii_lowercase();
    KINDS.iter().find(|(known, _)| *known == value).map(|&(_, kind)| kind).ok_or_else(|| {
        let names: Vec<&str> = KINDS.iter().map(|&(known, _)| known).collect();
        format!("{name} is one of {}", names.join(", "))
    })
}

fn receiver(value: &str) -> Result<Option<Receiver>, String> {
    if value == "none" {
        return Ok(None);
    }
    let mut receiver = Receiver { full: true, ..Receiver::default() };
    for word in value.split(',') {
        match word {
            "bound" => receiver.wildcard = false,
            "any" => receiver.wildcard = true,
            "transparent" => receiver.transparent = true,
            _ => return Err("receiver is none, or bound or any, and transparent".into()),
        }
    }
    Ok(Some(receiver))
}

#[cfg(test)]
mod tests {
    use crate::{InterfaceName, describe, host_facts, route_kind};

    const IP: &str = "ip saddr 10.0.0.1 daddr 192.0.2.1 udp sport 1 dport 2";

    fn said(facts: &str) -> crate::Packet {
        describe(&format!("in=eth0 {facts} {IP}")).unwrap().packet
    }

    #[test]
    fn kinds_of_addresses_become_routes() {
        let routes = said("srctype=UNICAST dsttype=local").routes.unwrap();
        let kind = |address: &str| routes.ipv4_kind(address.parse().unwrap(), None);
        assert_eq!(kind("10.0.0.1"), route_kind::UNICAST);
        assert_eq!(kind("192.0.2.1"), route_kind::LOCAL);
        assert_eq!(said("").routes, None);
    }

    #[test]
    fn a_way_back_is_by_its_interface() {
        let leads = |facts: &str, loose: bool| {
            let packet = said(facts);
            let source = "10.0.0.1".parse().unwrap();
            packet.routes.unwrap().leads_back(source, packet.in_interface, loose, [false; 2])
        };
        assert!(leads("back=eth0", false));
        assert!(!leads("back=eth1", false));
        assert!(leads("back=eth1", true));
        assert!(!leads("back=none", true));
        assert!(!leads("srctype=local back=eth0", false));
    }

    #[test]
    fn sockets_are_told_by_their_owner() {
        let packet = said("uid=0x10 gid=7 groups=1,2 cgroup=/a");
        let socket = packet.socket.unwrap();
        let owner = socket.owner.as_ref().unwrap();
        assert_eq!((owner.user, owner.group, &owner.groups[..]), (16, 7, &[1, 2][..]));
        assert!(socket.is_in_group("a"));
        assert_eq!(said("cgroup=/a").socket.unwrap().owner, None);
        assert_eq!(said("socket=none").socket, None);
        let receiver = said("receiver=any,transparent receivermark=5").receiver.unwrap();
        assert!(receiver.wildcard && receiver.transparent && receiver.full);
        assert_eq!(receiver.mark, 5);
    }

    #[test]
    fn limits_of_ways_are_numbers_or_none() {
        let packet = said("mtu=1400 backmtu=none");
        assert_eq!((packet.route_mtu, packet.return_mtu), (1400, u32::MAX));
        assert_eq!(said("backmtu=1300").return_mtu, 1300);
        assert_eq!(said("").route_mtu, u32::MAX);
    }

    #[test]
    fn ports_of_a_bridge_are_told_by_name() {
        let packet = said("physin=tap1 physout=none");
        let ports = packet.bridge.unwrap();
        assert_eq!(ports.input, InterfaceName::new("tap1").unwrap());
        assert_eq!(ports.output, InterfaceName::NONE);
        assert_eq!(said("bridge=none").bridge, None);
        assert_eq!(said("ipsecin=esp,reqid=7 ipsecout=none").transforms.undone.unwrap().len(), 1);
        assert_eq!(said("").bridge, None);
    }

    #[test]
    fn contradictions_and_unknown_words_are_errors() {
        for (facts, part) in [
            ("srctype=near", "srctype is one of"),
            ("uid=x", "uid is a number"),
            ("mtu=long", "mtu is a number"),
            ("socket=some", "socket is none"),
            ("socket=none uid=1", "contradict"),
            ("receivermark=1", "needs receiver"),
            ("receiver=maybe", "receiver is none"),
            ("bridge=br0", "bridge is none"),
            ("ipsecin=gre", "begins with esp, ah or ipcomp"),
            ("bridge=none physout=none", "contradict"),
            ("srctype=local back=none", "has a way back"),
            ("in=eth0", "no fact about the host"),
        ] {
            let mut packet = said("");
            let error = host_facts(facts, &mut packet).unwrap_err();
            assert!(error.message.contains(part), "{facts}: {error}");
        }
    }
}
