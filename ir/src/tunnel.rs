//! Packets inside packets, as nf_tables finds them (net/netfilter/nft_inner.c).
//!
//! What a transport header carries is taken for a tunnel's packet by what the rule says, not by
//! ports or types.

use bpfc_abi::words;

/// What a packet carries behind its transport header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tunnel {
    /// A header of 8 bytes, then Ethernet.
    Vxlan,
    /// A header of 8 bytes and options, then Ethernet.
    Geneve,
    /// A packet of IP.
    Gre,
    /// Ethernet.
    Gretap,
}

impl Tunnel {
    /// Whether a header of its own comes first, in UDP. In GRE that is GRE's.
    pub fn has_header(self) -> bool {
        matches!(self, Tunnel::Vxlan | Tunnel::Geneve)
    }

    /// Whether it carries Ethernet frames.
    pub fn carries_frames(self) -> bool {
        !matches!(self, Tunnel::Gre)
    }
}

/// What is asked of a packet in a tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InnerPart {
    /// Where the tunnel's header begins.
    Tunnel,
    /// Where the inner Ethernet header begins.
    Link,
    /// Where the inner IP header begins.
    Network,
    /// Where the inner transport header begins.
    Transport,
    /// No offset but the type of what is inside: that of the Ethernet header, a VLAN's included,
    /// or else the one of IP's version.
    Protocol,
    /// No offset but the inner transport protocol. An authentication header is one.
    L4Proto,
}

words!(Tunnel { Vxlan => "vxlan", Geneve => "geneve", Gre => "gre", Gretap => "gretap" });
words!(InnerPart {
    Tunnel => "tunnel", Link => "link", Network => "net", Transport => "th",
    Protocol => "protocol", L4Proto => "l4proto",
});
