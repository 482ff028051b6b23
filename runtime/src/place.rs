//! The places where programs are attached, and what they are called.

use crate::options::XdpMode;
use bpfc_artifact::{AttachPoint, Family, Hook};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One program at one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The program's name in its artifact.
    pub program: String,
    /// Where it is.
    pub place: Place,
    /// Netfilter: which pair of slots the trampoline at this place jumps to. A place keeps its
    /// pair through replacements, and no two places share one, so that a trampoline that is new
    /// or on its way out lets everything pass while another decides.
    pub(crate) pair: Option<u32>,
}

/// Where a program is attached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// XDP on an interface.
    Xdp {
        /// Its name when the filter was loaded.
        interface: String,
        /// Its number, which stays when it is renamed.
        ifindex: u32,
        /// Native or generic.
        mode: XdpMode,
    },
    /// tcx on an interface.
    Tc {
        /// Its name when the filter was loaded.
        interface: String,
        /// Its number.
        ifindex: u32,
        /// Direction.
        egress: bool,
    },
    /// tcx egress on an interface, in front of others, where a companion notes what leaves.
    Companion {
        /// Its name when the filter was loaded.
        interface: String,
        /// Its number.
        ifindex: u32,
    },
    /// A netfilter hook of the network namespace.
    Netfilter {
        /// IPv4 or IPv6.
        family: Family,
        /// One of the five hooks.
        hook: Hook,
        /// Where among the hook's functions.
        priority: i32,
    },
    /// A cgroup's packets.
    Cgroup {
        /// Its directory when the filter was loaded.
        path: String,
        /// Its number.
        id: u64,
        /// Direction.
        egress: bool,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = |egress| if egress { "egress" } else { "ingress" };
        match self {
            Place::Xdp { interface, mode, .. } => write!(f, "XDP on {interface} ({mode})"),
            Place::Tc { interface, egress, .. } => {
                write!(f, "tc {} on {interface}", direction(*egress))
            }
            Place::Companion { interface, .. } => write!(f, "tc egress on {interface}"),
            Place::Netfilter { family, hook, priority } => {
                write!(f, "netfilter {family} {hook}, priority {priority}")
            }
            Place::Cgroup { path, egress, .. } => {
                write!(f, "cgroup {} of {path}", direction(*egress))
            }
        }
    }
}

/// `NF_INET_*`, if it is one of the five.
pub(crate) fn hook_number(hook: Hook) -> Option<u32> {
    match hook {
        Hook::Prerouting => Some(0),
        Hook::Input => Some(1),
        Hook::Forward => Some(2),
        Hook::Output => Some(3),
        Hook::Postrouting => Some(4),
        Hook::Ingress | Hook::Egress => None,
    }
}

/// `NFPROTO_*`.
pub(crate) fn family_number(family: Family) -> u32 {
    match family {
        Family::Ipv4 => 2,
        Family::Ipv6 => 10,
    }
}

impl Place {
    /// The name of its link's pin: the same place has the same name, whatever else changes. XDP's
    /// mode is no part of it, an interface has one program.
    pub(crate) fn pin_name(&self) -> String {
        let direction = |egress| if egress { "egress" } else { "ingress" };
        match self {
            Place::Xdp { ifindex, .. } => format!("xdp-{ifindex}"),
            Place::Tc { ifindex, egress, .. } => format!("tc-{}-{ifindex}", direction(*egress)),
            Place::Companion { ifindex, .. } => format!("companion-{ifindex}"),
            Place::Netfilter { family, hook, priority } => {
                format!("netfilter-{family}-{hook}-{priority}")
            }
            Place::Cgroup { id, egress, .. } => format!("cgroup-{}-{id}", direction(*egress)),
        }
    }

    /// The attach point of programs here.
    pub(crate) fn attach_point(&self) -> AttachPoint {
        match self {
            Place::Xdp { .. } => AttachPoint::Xdp,
            Place::Tc { egress: false, .. } => AttachPoint::TcIngress,
            Place::Tc { egress: true, .. } => AttachPoint::TcEgress,
            Place::Companion { .. } => AttachPoint::Companion,
            Place::Netfilter { family, hook, priority } => {
                AttachPoint::Netfilter { family: *family, hook: *hook, priority: *priority }
            }
            Place::Cgroup { egress: false, .. } => AttachPoint::CgroupIngress,
            Place::Cgroup { egress: true, .. } => AttachPoint::CgroupEgress,
        }
    }

    /// Whether what is here decides nothing.
    pub(crate) fn is_companion(&self) -> bool {
        matches!(self, Place::Companion { .. })
    }

    /// Whether it is a hook of netfilter.
    pub(crate) fn is_netfilter(&self) -> bool {
        matches!(self, Place::Netfilter { .. })
    }
}
