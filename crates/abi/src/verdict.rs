//! What becomes of a packet, and what its sender is told.

use crate::Family;
use std::fmt;

/// The end of a packet's walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Goes on; later base chains of the entry still run.
    Accept,
    /// Gone, finally.
    Drop,
    /// Gone, finally, and its sender is told where the rules of the protocols allow an answer.
    Reject(Reject),
}

/// What the sender of a rejected packet is told (net/ipv4/netfilter/nf_reject_ipv4.c,
/// net/ipv6/netfilter/nf_reject_ipv6.c).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reject {
    /// A TCP segment with RST; only TCP is answered.
    TcpReset,
    /// "Destination unreachable" with this code: type 3 of ICMP, where codes go up to
    /// [`Reject::LAST_CODE_IPV4`], or type 1 of ICMPv6, up to [`Reject::LAST_CODE_IPV6`].
    Icmp(u8),
}

impl Reject {
    /// The greatest code of ICMP (RFC 1812 section 5.2.7.1).
    pub const LAST_CODE_IPV4: u8 = 15;
    /// The greatest code of ICMPv6 (IANA's registry of ICMPv6 parameters).
    pub const LAST_CODE_IPV6: u8 = 8;

    /// Whether packets of a family can be told so.
    pub fn fits(self, family: Family) -> bool {
        match (self, family) {
            (Reject::TcpReset, _) => true,
            (Reject::Icmp(code), Family::Ipv4) => code <= Self::LAST_CODE_IPV4,
            (Reject::Icmp(code), Family::Ipv6) => code <= Self::LAST_CODE_IPV6,
        }
    }
}

impl Verdict {
    /// The word for it where what the sender is told is left out, as in results of a replay.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Accept => "accept",
            Verdict::Drop => "drop",
            Verdict::Reject(_) => "reject",
        }
    }
}

impl From<Reject> for Verdict {
    fn from(reject: Reject) -> Self {
        Verdict::Reject(reject)
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reject::TcpReset => f.write_str("tcp-reset"),
            Reject::Icmp(code) => write!(f, "icmp {code}"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Reject(reject) => write!(f, "{} {reject}", self.word()),
            Verdict::Accept | Verdict::Drop => f.write_str(self.word()),
        }
    }
}
