//! Whether programs at a place meet packets that the kernel's hook of their chains does not see.
//!
//! XDP and TC ingress stand before routing. A program with chains of several of the hooks that
//! received packets meet asks where each packet goes; one with input chains alone treats all as
//! for this host, which is what a host gets that forwards nothing, and one with forward chains
//! alone treats all as forwarded.

use crate::place::Place;
use bpfc_artifact::{Artifact, Family, Hook};
use std::fmt;
use std::fs;

/// Packets that meet chains of a hook that the kernel would not show them to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misrouted {
    /// The interface forwards packets of this family, and they meet the input chains.
    ForwardedMeetInput {
        /// Name of the interface.
        interface: String,
        /// IPv4 or IPv6.
        family: Family,
        /// The setting that says so.
        setting: String,
    },
    /// Packets for this host meet the forward chains.
    ReceivedMeetForward {
        /// Name of the interface.
        interface: String,
        /// IPv4 or IPv6.
        family: Family,
    },
}

impl fmt::Display for Misrouted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misrouted::ForwardedMeetInput { interface, family, setting } => write!(
                f,
                "{interface} forwards {} packets ({setting} is on), and here those meet the input \
                 chains, too: use --hook input,forward, or --target netfilter",
                name(*family)
            ),
            Misrouted::ReceivedMeetForward { interface, family } => write!(
                f,
                "{} packets for this host that come in by {interface} meet the forward chains, \
                 too: use --hook input,forward, or --target netfilter",
                name(*family)
            ),
        }
    }
}

fn name(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "IPv4",
        Family::Ipv6 => "IPv6",
    }
}

/// What the artifact's programs meet at places of the caller's network namespace, as its settings
/// are now, that the kernel shows to other hooks. Settings that cannot be read are off.
pub fn misrouted<'a>(
    artifact: &Artifact,
    places: impl IntoIterator<Item = &'a Place>,
) -> Vec<Misrouted> {
    let interfaces: Vec<&str> = places
        .into_iter()
        .filter_map(|place| match place {
            Place::Xdp { interface, .. } | Place::Tc { interface, egress: false, .. } => {
                Some(interface.as_str())
            }
            _ => None,
        })
        .collect();
    let mut found = Vec::new();
    for family in [Family::Ipv4, Family::Ipv6] {
        let runs = |hook| {
            let mut entries = artifact.rules.entries.iter();
            entries.any(|entry| entry.hook == Some(hook) && entry.family.sees(family))
        };
        for &interface in &interfaces {
            let interface = interface.to_owned();
            match (runs(Hook::Prerouting), runs(Hook::Input), runs(Hook::Forward)) {
                (false, true, false) => {
                    let setting = forwarding_setting(family, &interface);
                    found.extend(setting.map(|setting| Misrouted::ForwardedMeetInput {
                        interface,
                        family,
                        setting,
                    }));
                }
                (false, false, true) => {
                    found.push(Misrouted::ReceivedMeetForward { interface, family });
                }
                _ => {}
            }
        }
    }
    found
}

/// The setting by which an interface forwards packets of the family, where it does: IPv4 asks the
/// interface's own (`ip_route_input_slow`, net/ipv4/route.c), IPv6 the namespace's
/// (`ip6_forward`, net/ipv6/ip6_output.c) or, since Linux 6.17, the interface's `force_forwarding`.
fn forwarding_setting(family: Family, interface: &str) -> Option<String> {
    let settings = match family {
        Family::Ipv4 => vec![("net.ipv4.conf", interface, "forwarding")],
        Family::Ipv6 => vec![
            ("net.ipv6.conf", "all", "forwarding"),
            ("net.ipv6.conf", interface, "force_forwarding"),
        ],
    };
    settings.into_iter().find_map(|(folder, of, setting)| {
        let path = format!("/proc/sys/{}/{of}/{setting}", folder.replace('.', "/"));
        let on = fs::read_to_string(path).is_ok_and(|value| value.trim() != "0");
        on.then(|| format!("{folder}.{of}.{setting}"))
    })
}
