//! Families of tables.

use crate::{Family, PacketFamily};
use serde::{Deserialize, Serialize};

/// The family of a table: whose table it is, and which packets its chains see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TableFamily {
    /// A table of iptables.
    #[serde(rename = "ip")]
    Iptables,
    /// A table of ip6tables.
    #[serde(rename = "ip6")]
    Ip6tables,
    /// nftables' family `ip`.
    #[serde(rename = "nft-ip")]
    Ip,
    /// nftables' family `ip6`.
    #[serde(rename = "nft-ip6")]
    Ip6,
    /// nftables' family `inet`, whose chains see IPv4 and IPv6.
    #[serde(rename = "inet")]
    Inet,
    /// nftables' family `netdev`, whose chains see whatever comes in or goes out by a device.
    #[serde(rename = "netdev")]
    Netdev,
}

crate::words!(TableFamily {
    Iptables => "ip",
    Ip6tables => "ip6",
    Ip => "nft-ip",
    Ip6 => "nft-ip6",
    Inet => "inet",
    Netdev => "netdev",
});

impl TableFamily {
    /// What stands before the table in a rule's label.
    pub fn label_prefix(self) -> &'static str {
        match self {
            TableFamily::Iptables => "",
            TableFamily::Ip => "ip/",
            TableFamily::Ip6tables | TableFamily::Ip6 => "ip6/",
            TableFamily::Inet => "inet/",
            TableFamily::Netdev => "netdev/",
        }
    }

    /// Whether it is one of nftables.
    pub fn is_nft(self) -> bool {
        !matches!(self, TableFamily::Iptables | TableFamily::Ip6tables)
    }

    /// Whether its chains see packets of a family. Those of `inet` see other frames at the hook
    /// ingress alone, and let them go or drop them without running a rule.
    pub fn sees(self, family: impl Into<PacketFamily>) -> bool {
        let family = family.into();
        match self {
            TableFamily::Iptables | TableFamily::Ip => family == Family::Ipv4,
            TableFamily::Ip6tables | TableFamily::Ip6 => family == Family::Ipv6,
            TableFamily::Inet => family != PacketFamily::Other,
            TableFamily::Netdev => true,
        }
    }

    /// The one family whose packets its chains see, where that is one.
    pub fn only(self) -> Option<Family> {
        match self {
            TableFamily::Iptables | TableFamily::Ip => Some(Family::Ipv4),
            TableFamily::Ip6tables | TableFamily::Ip6 => Some(Family::Ipv6),
            TableFamily::Inet | TableFamily::Netdev => None,
        }
    }
}

impl From<Family> for TableFamily {
    /// The tables of the family's iptables.
    fn from(family: Family) -> TableFamily {
        match family {
            Family::Ipv4 => TableFamily::Iptables,
            Family::Ipv6 => TableFamily::Ip6tables,
        }
    }
}
