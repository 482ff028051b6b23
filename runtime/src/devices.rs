//! Whether a device suits the programs that are to be attached to it.
//!
//! XDP programs read an Ethernet header, or the IP header where a device has no other; what else
//! comes first at a device they do not know. And some devices hand frames
//! on that are for others than this host (ports of bridges, devices below macvlan and its like),
//! before the network layer and so past every rule of iptables: a program must not decide what
//! becomes of those. At TC a program tells them apart, packet by packet; what is refused here is
//! where it cannot.

use crate::netlink::{self, attributes};
use crate::place::{Attachment, Place};
use crate::{Error, routing_domains};
use bpfc_artifact::{Artifact, Family, Hook, RuleTable};
use std::fs;

/// `IFLA_*` (include/uapi/linux/if_link.h).
const LINK: u16 = 5;
const NAME: u16 = 3;
const LINK_INFO: u16 = 18;
const LINK_NAMESPACE: u16 = 37;
/// `IFLA_INFO_KIND` and `IFLA_INFO_SLAVE_KIND` in it.
const KIND: u16 = 1;
const MEMBER_KIND: u16 = 4;

/// `ARPHRD_ETHER` and `ARPHRD_LOOPBACK` (include/uapi/linux/if_arp.h): the types of device whose
/// frames begin with Ethernet's header.
const ETHERNET: u16 = 1;
const LOOPBACK: u16 = 772;

/// Kinds of device without link header at which XDP sees the IP header first: what receives there
/// sets the MAC header where the network header is (drivers/net/tun.c, `tun_get_user`;
/// drivers/net/wireguard/queueing.h, `wg_reset_packet`; drivers/net/ppp/ppp_generic.c,
/// `ppp_receive_nonmp_frame`). Tunnels of other kinds may leave the outer headers there
/// (`ipip6_rcv` in net/ipv6/sit.c), or the Ethernet header that a packet came with (`xfrm`).
const BARE: [&str; 3] = ["tun", "wireguard", "ppp"];

/// What netlink tells of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Device {
    ifindex: u32,
    name: String,
    /// `ARPHRD_*`.
    hardware: u16,
    /// What it is: `bridge`, `macvlan`, `tun`; empty for most hardware.
    kind: String,
    /// What it is a member of: `bridge`, `bond`; empty for none.
    member_of: String,
    /// The device of this network namespace that it stands on.
    below: Option<u32>,
}

/// Refuses places at which the artifact's programs would decide other packets than their hooks see.
pub(crate) fn check(artifact: &Artifact, plan: &[Attachment]) -> Result<(), Error> {
    routing_domains::check(artifact, plan)?;
    suit(&artifact.rules, artifact.asks_for_link, plan)
}

/// As [`check`], for programs that look at no routing domains, by their rules and whether they ask
/// if frames have a link header.
pub(crate) fn suit(
    rules: &RuleTable,
    asks_for_link: bool,
    plan: &[Attachment],
) -> Result<(), Error> {
    let by_device = |place: &Place| matches!(place, Place::Xdp { .. } | Place::Tc { .. });
    if !plan.iter().any(|attachment| by_device(&attachment.place)) {
        return Ok(());
    }
    let mut devices = Vec::new();
    netlink::links(|ifindex, hardware, link| devices.push(Device::read(ifindex, hardware, link)))
        .map_err(Error::kernel("ask for the interfaces"))?;
    for Attachment { place, .. } in plan {
        let (ifindex, is_xdp) = match place {
            Place::Xdp { ifindex, .. } => (*ifindex, true),
            Place::Tc { ifindex, egress: false, .. } => (*ifindex, false),
            _ => continue,
        };
        let unsuitable = |reason: String| Error::Unsuitable { place: place.to_string(), reason };
        let Some(device) = devices.iter().find(|device| device.ifindex == ifindex) else {
            return Err(unsuitable("the kernel does not say what kind of device it is".into()));
        };
        let reason = if is_xdp { refuse_xdp(device, &devices, asks_for_link) } else { None };
        let reason = reason
            .or_else(|| refuse_any(device, &devices))
            .or_else(|| shown_to_bridge(rules, device));
        if let Some(reason) = reason {
            return Err(unsuitable(reason));
        }
    }
    Ok(())
}

/// Why XDP cannot be at a device.
fn refuse_xdp(device: &Device, all: &[Device], asks_for_link: bool) -> Option<String> {
    let name = &device.name;
    if !matches!(device.hardware, ETHERNET | LOOPBACK) {
        let kind = kind_of(device);
        if !BARE.contains(&device.kind.as_str()) {
            return Some(format!(
                "{name} is {kind}, whose packets have no Ethernet header, and XDP may see another \
                 one in front of the IP header: attach with --target tc"
            ));
        }
        if !asks_for_link {
            return Some(format!(
                "{name} is {kind}, whose packets have no Ethernet header, which these programs \
                 read: compile the ruleset again, or attach with --target tc"
            ));
        }
    }
    if device.member_of == "bridge" {
        return Some(format!(
            "{name} is a port of a bridge, where XDP would drop frames for others with those for \
             this host: attach to the bridge's own interface, or with --target tc"
        ));
    }
    let child = children(device, all).find(|child| is_like_macvlan(child))?;
    Some(format!(
        "the {} interface {} stands on {name}, where XDP would drop its frames with those for this \
         host: attach with --target tc or netfilter",
        child.kind, child.name
    ))
}

/// Why no program that decides what comes in can be at a device.
fn refuse_any(device: &Device, all: &[Device]) -> Option<String> {
    let name = &device.name;
    if device.member_of == "openvswitch" {
        return Some(format!(
            "{name} is a port of Open vSwitch, whose flows say what is for this host: attach to the \
             switch's internal interface, or use --target netfilter"
        ));
    }
    let above = |kinds: &[&str]| {
        children(device, all).find(|child| kinds.contains(&child.kind.as_str())).cloned()
    };
    if let Some(child) = above(&["dsa"]) {
        return Some(format!(
            "{name} carries the tagged frames of a switch, in which programs find no IP packets: \
             attach to the switch's interfaces, such as {}",
            child.name
        ));
    }
    if let Some(child) = above(&["ipvlan", "ipvtap"]) {
        return Some(format!(
            "the {} interface {} shares {name}'s Ethernet address, by which a program tells frames \
             for this host from others: use --target netfilter",
            child.kind, child.name
        ));
    }
    let child = above(&["macvtap"])?;
    Some(format!(
        "frames for the macvtap interface {} pass {name} on their way to whoever has opened it, and \
         a program cannot tell whether anybody has: use --target netfilter",
        child.name
    ))
}

/// Why chains that br_netfilter shows bridged packets cannot run at a bridge's port.
fn shown_to_bridge(rules: &RuleTable, device: &Device) -> Option<String> {
    if device.member_of != "bridge" {
        return None;
    }
    let shown = |family: Family| {
        let name = match family {
            Family::Ipv4 => "iptables",
            Family::Ipv6 => "ip6tables",
        };
        let path = format!("/proc/sys/net/bridge/bridge-nf-call-{name}");
        fs::read_to_string(path).is_ok_and(|value| value.trim() != "0")
    };
    let bridged = |hook| matches!(hook, Some(Hook::Prerouting | Hook::Forward));
    let rule = rules.entries.iter().find(|rule| {
        bridged(rule.hook)
            && Family::ALL.into_iter().any(|family| rule.family.sees(family) && shown(family))
    })?;
    Some(format!(
        "{} is a port of a bridge whose packets br_netfilter shows to chain {}, and this target sees \
         only those for this host: use --target netfilter, or set net.bridge.bridge-nf-call-iptables \
         and -ip6tables to 0",
        device.name, rule.chain
    ))
}

fn children<'a>(device: &Device, all: &'a [Device]) -> impl Iterator<Item = &'a Device> {
    let ifindex = device.ifindex;
    all.iter().filter(move |child| child.below == Some(ifindex))
}

fn is_like_macvlan(device: &Device) -> bool {
    matches!(device.kind.as_str(), "macvlan" | "macvtap" | "ipvlan" | "ipvtap")
}

/// What a device without Ethernet's header is, for people.
fn kind_of(device: &Device) -> String {
    let known = match device.hardware {
        512 => "a PPP interface",
        519 => "a raw IP interface",
        768 | 769 | 776 | 778 | 823 => "a tunnel",
        801..=803 => "a wireless monitor",
        824 => "a monitor of netlink",
        _ => "",
    };
    match (device.kind.as_str(), known) {
        ("", "") => format!("of type {} (ARPHRD_*)", device.hardware),
        ("", known) => known.to_owned(),
        (kind, _) => format!("of kind {kind}"),
    }
}

impl Device {
    /// From what netlink says of it.
    fn read(ifindex: u32, hardware: u16, link: &[u8]) -> Device {
        let text = |value: &[u8]| {
            let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
            String::from_utf8_lossy(&value[..end]).into_owned()
        };
        let number =
            |value: &[u8]| value.first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes));
        let mut device = Device { ifindex, hardware, ..Device::default() };
        let mut elsewhere = false;
        for (kind, value) in attributes(link) {
            match kind {
                NAME => device.name = text(value),
                LINK => device.below = Some(number(value)),
                LINK_NAMESPACE => elsewhere = true,
                LINK_INFO => {
                    for (kind, value) in attributes(value) {
                        match kind {
                            KIND => device.kind = text(value),
                            MEMBER_KIND => device.member_of = text(value),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        device.below = device.below.filter(|_| !elsewhere);
        device
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(ifindex: u32, hardware: u16, kind: &str, below: Option<u32>) -> Device {
        let (name, kind) = (format!("dev{ifindex}"), kind.to_owned());
        Device { ifindex, name, hardware, kind, below, ..Device::default() }
    }

    #[test]
    fn ethernet_headers_suit_xdp_and_none_do() {
        for hardware in [ETHERNET, LOOPBACK] {
            assert_eq!(refuse_xdp(&device(1, hardware, "", None), &[], false), None);
        }
        // IPoIB, PPP, raw IP, ipip, ip6tnl, sit, GRE, GRE over IPv6, none.
        for hardware in [32, 512, 519, 768, 769, 776, 778, 823, 0xfffe, 0xffff] {
            let reason = refuse_xdp(&device(1, hardware, "", None), &[], true).unwrap();
            assert!(reason.contains("no Ethernet header, and XDP may see another"), "{reason}");
        }
        let xfrm = refuse_xdp(&device(1, 0xfffe, "xfrm", None), &[], true).unwrap();
        assert!(xfrm.starts_with("dev1 is of kind xfrm, whose packets"), "{xfrm}");
        for (hardware, kind) in [(0xfffe, "tun"), (0xfffe, "wireguard"), (512, "ppp")] {
            let bare = device(1, hardware, kind, None);
            assert_eq!(refuse_xdp(&bare, &[], true), None);
            let old = refuse_xdp(&bare, &[], false).unwrap();
            assert!(old.contains("compile the ruleset again"), "{old}");
        }
    }

    #[test]
    fn what_stands_on_a_device_decides() {
        let below = device(1, ETHERNET, "", None);
        for (kind, xdp, any) in [
            ("vlan", false, false),
            ("macvlan", true, false),
            ("macvtap", true, true),
            ("ipvlan", true, true),
            ("dsa", false, true),
        ] {
            let all = [below.clone(), device(2, ETHERNET, kind, Some(1))];
            assert_eq!(refuse_xdp(&below, &all, true).is_some(), xdp, "{kind}");
            assert_eq!(refuse_any(&below, &all).is_some(), any, "{kind}");
            assert_eq!(refuse_any(&all[1], &all), None, "{kind}");
        }
        let port = Device { member_of: "bridge".into(), ..below.clone() };
        assert!(refuse_xdp(&port, &[], true).is_some_and(|reason| reason.contains("bridge")));
        assert_eq!(refuse_any(&port, &[]), None);
        let port = Device { member_of: "openvswitch".into(), ..below };
        assert!(refuse_any(&port, &[]).is_some());
    }

    #[test]
    fn a_device_is_read_from_netlink() {
        let attribute = |kind: u16, value: &[u8]| {
            let mut bytes = (4 + value.len() as u16).to_ne_bytes().to_vec();
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes
        };
        let info = [attribute(KIND, b"macvlan\0"), attribute(MEMBER_KIND, b"bridge\0")].concat();
        let link = [
            attribute(NAME, b"mv0\0"),
            attribute(LINK, &3u32.to_ne_bytes()),
            attribute(LINK_INFO, &info),
        ]
        .concat();
        let read = Device::read(7, ETHERNET, &link);
        let wanted = Device {
            name: "mv0".into(),
            member_of: "bridge".into(),
            ..device(7, ETHERNET, "macvlan", Some(3))
        };
        assert_eq!(read, wanted);
        // What stands on a device of another namespace has no device here below it.
        let elsewhere = [link, attribute(LINK_NAMESPACE, &0u32.to_ne_bytes())].concat();
        assert_eq!(Device::read(7, ETHERNET, &elsewhere), Device { below: None, ..wanted });
    }
}
