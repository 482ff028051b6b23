//! Address families.

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
