//! The types of sets: one table row each (net/netfilter/ipset/ip_set_*.c).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One component of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// An address.
    Address,
    /// A network: an address and a prefix length.
    Network,
    /// A protocol and a port; for ICMP its type and code in the port's place.
    Port,
    /// A TCP or UDP port alone.
    PlainPort,
    /// An Ethernet address.
    Mac,
    /// An Ethernet address that may be missing; the first packet fills it in.
    OptionalMac,
    /// A firewall mark.
    Mark,
    /// An interface name.
    Interface,
    /// The name of another set.
    Name,
}

/// A type of sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SetKind {
    /// `bitmap:ip`.
    BitmapIp,
    /// `bitmap:ip,mac`.
    BitmapIpMac,
    /// `bitmap:port`.
    BitmapPort,
    /// `hash:ip`.
    HashIp,
    /// `hash:ip,mac`.
    HashIpMac,
    /// `hash:ip,mark`.
    HashIpMark,
    /// `hash:ip,port`.
    HashIpPort,
    /// `hash:ip,port,ip`.
    HashIpPortIp,
    /// `hash:ip,port,net`.
    HashIpPortNet,
    /// `hash:mac`.
    HashMac,
    /// `hash:net`.
    HashNet,
    /// `hash:net,iface`.
    HashNetIface,
    /// `hash:net,net`.
    HashNetNet,
    /// `hash:net,port`.
    HashNetPort,
    /// `hash:net,port,net`.
    HashNetPortNet,
    /// `list:set`.
    ListSet,
}

use Part::{Address, Interface, Mac, Mark, Name, Network, OptionalMac, PlainPort, Port};

/// Name, parts, and the least revision that `ipset list` of 7.17 shows on Linux 6.18.
const TABLE: &[(SetKind, &str, &[Part], u8)] = &[
    (SetKind::BitmapIp, "bitmap:ip", &[Address], 3),
    (SetKind::BitmapIpMac, "bitmap:ip,mac", &[Address, OptionalMac], 3),
    (SetKind::BitmapPort, "bitmap:port", &[PlainPort], 3),
    (SetKind::HashIp, "hash:ip", &[Address], 6),
    (SetKind::HashIpMac, "hash:ip,mac", &[Address, Mac], 1),
    (SetKind::HashIpMark, "hash:ip,mark", &[Address, Mark], 3),
    (SetKind::HashIpPort, "hash:ip,port", &[Address, Port], 7),
    (SetKind::HashIpPortIp, "hash:ip,port,ip", &[Address, Port, Address], 6),
    (SetKind::HashIpPortNet, "hash:ip,port,net", &[Address, Port, Network], 8),
    (SetKind::HashMac, "hash:mac", &[Mac], 1),
    (SetKind::HashNet, "hash:net", &[Network], 7),
    (SetKind::HashNetIface, "hash:net,iface", &[Network, Interface], 8),
    (SetKind::HashNetNet, "hash:net,net", &[Network, Network], 4),
    (SetKind::HashNetPort, "hash:net,port", &[Network, Port], 8),
    (SetKind::HashNetPortNet, "hash:net,port,net", &[Network, Port, Network], 3),
    (SetKind::ListSet, "list:set", &[Name], 3),
];

impl SetKind {
    /// Every type.
    pub fn all() -> impl Iterator<Item = SetKind> {
        TABLE.iter().map(|row| row.0)
    }

    fn row(self) -> &'static (SetKind, &'static str, &'static [Part], u8) {
        // The rows stand in the order of the variants, which a test holds.
        &TABLE[self as usize]
    }

    /// As `ipset create` takes it.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// What an element consists of; their number is the set's dimension.
    pub fn parts(self) -> &'static [Part] {
        self.row().2
    }

    /// What `ipset list` shows as its revision.
    pub fn revision(self) -> u8 {
        self.row().3
    }

    /// How many words like `src` or `dst` a rule needs to look something up in it.
    pub fn dimension(self) -> usize {
        self.parts().len()
    }

    /// Whether its elements lie in a range that the definition gives.
    pub fn is_bitmap(self) -> bool {
        matches!(self, SetKind::BitmapIp | SetKind::BitmapIpMac | SetKind::BitmapPort)
    }

    /// Whether it is a list of sets.
    pub fn is_list(self) -> bool {
        self == SetKind::ListSet
    }

    /// Whether `create` takes `family` for it.
    pub fn takes_family(self) -> bool {
        !self.is_bitmap() && !self.is_list() && self != SetKind::HashMac
    }

    /// How many of its parts are networks.
    pub fn networks(self) -> usize {
        self.parts().iter().filter(|part| **part == Network).count()
    }

    /// Whether elements may be exceptions (`nomatch`).
    pub fn takes_nomatch(self) -> bool {
        self.networks() > 0
    }

    /// Whether the prefix length 0 is allowed (`IP_SET_HASH_WITH_NET0`).
    pub fn takes_everything(self) -> bool {
        matches!(self, SetKind::HashNetIface | SetKind::HashNetNet | SetKind::HashNetPortNet)
    }

    /// Whether `create` takes `netmask`.
    pub fn takes_netmask(self) -> bool {
        matches!(
            self,
            SetKind::BitmapIp | SetKind::HashIp | SetKind::HashIpPort | SetKind::HashNetNet
        )
    }

    /// Whether two sets of these types may be swapped where their families are the same: what the
    /// kernel calls the types' features (net/netfilter/ipset/ip_set_core.c, `ip_set_swap`) is.
    pub fn swaps_with(self, other: SetKind) -> bool {
        let features = |kind| match kind {
            SetKind::BitmapIp => SetKind::HashIp,
            SetKind::BitmapIpMac => SetKind::HashIpMac,
            SetKind::HashNetPortNet => SetKind::HashIpPortNet,
            kind => kind,
        };
        features(self) == features(other)
    }

    /// Whether `create` takes `bitmask`.
    pub fn takes_bitmask(self) -> bool {
        matches!(self, SetKind::HashIp | SetKind::HashIpPort | SetKind::HashNetNet)
    }
}

impl fmt::Display for SetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SetKind {
    type Err = String;

    /// Reads a type's name or one of the older names that ipset still takes.
    fn from_str(name: &str) -> Result<Self, String> {
        let name = match name {
            "ipmap" => "bitmap:ip",
            "macipmap" => "bitmap:ip,mac",
            "portmap" => "bitmap:port",
            "iphash" => "hash:ip",
            "nethash" => "hash:net",
            "ipporthash" => "hash:ip,port",
            "ipportiphash" => "hash:ip,port,ip",
            "ipportnethash" => "hash:ip,port,net",
            "netporthash" => "hash:net,port",
            "netifacehash" => "hash:net,iface",
            "ipmarkhash" => "hash:ip,mark",
            "ipmachash" => "hash:ip,mac",
            "machash" => "hash:mac",
            "netnethash" => "hash:net,net",
            "netportnethash" => "hash:net,port,net",
            "setlist" => "list:set",
            name => name,
        };
        let found = TABLE.iter().find(|row| row.1 == name);
        found.map(|row| row.0).ok_or_else(|| format!("there is no type of sets '{name}'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_order() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.0 as usize, index, "{}", row.1);
            assert_eq!(row.1.parse(), Ok(row.0));
        }
        assert_eq!("iphash".parse(), Ok(SetKind::HashIp));
        assert!("hash:nothing".parse::<SetKind>().is_err());
    }
}
