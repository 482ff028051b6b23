//! Address families, and what else hooks of devices see.

use serde::{Deserialize, Serialize};

/// Address family of a hook's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Family {
    /// IPv4: `NFPROTO_IPV4`, 2.
    #[serde(rename = "ip")]
    Ipv4,
    /// IPv6: `NFPROTO_IPV6`, 10.
    #[serde(rename = "ip6")]
    Ipv6,
}

crate::words!(Family { Ipv4 => "ip", Ipv6 => "ip6" });

impl Family {
    /// What stands before the table in a rule's label: nothing or `ip6/`.
    pub fn label_prefix(self) -> &'static str {
        match self {
            Family::Ipv4 => "",
            Family::Ipv6 => "ip6/",
        }
    }

    /// The prefix of the family's tools: `iptables` or `ip6tables`.
    pub fn tool(self) -> &'static str {
        match self {
            Family::Ipv4 => "iptables",
            Family::Ipv6 => "ip6tables",
        }
    }
}

/// What the packets of a function are. Hooks of the network layer see the two families of IP alone;
/// those of devices see every frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PacketFamily {
    /// IPv4, with a header that holds what it says.
    #[serde(rename = "ip")]
    Ipv4,
    /// IPv6, likewise.
    #[serde(rename = "ip6")]
    Ipv6,
    /// Frames of another protocol, ARP for instance, and those that are called IP without being it:
    /// nothing of theirs is known but their bytes (net/netfilter/nft_chain_filter.c,
    /// `nft_do_chain_netdev`).
    #[serde(rename = "other")]
    Other,
}

crate::words!(PacketFamily { Ipv4 => "ip", Ipv6 => "ip6", Other => "other" });

impl PacketFamily {
    /// The family of IP; `None` for other frames.
    pub fn ip(self) -> Option<Family> {
        match self {
            PacketFamily::Ipv4 => Some(Family::Ipv4),
            PacketFamily::Ipv6 => Some(Family::Ipv6),
            PacketFamily::Other => None,
        }
    }
}

impl From<Family> for PacketFamily {
    fn from(family: Family) -> PacketFamily {
        match family {
            Family::Ipv4 => PacketFamily::Ipv4,
            Family::Ipv6 => PacketFamily::Ipv6,
        }
    }
}

impl PartialEq<Family> for PacketFamily {
    fn eq(&self, family: &Family) -> bool {
        self.ip() == Some(*family)
    }
}
