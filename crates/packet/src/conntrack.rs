//! What connection tracking knows of a packet.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// The bits of a connection state, one of which a packet has
/// (include/uapi/linux/netfilter/nf_conntrack_common.h, as nft's `ct state` numbers them).
pub mod ct_state {
    /// No connection, and tracking was tried.
    pub const INVALID: u8 = 1;
    /// Packets were seen in both directions.
    pub const ESTABLISHED: u8 = 2;
    /// Belongs to a connection that another one expected, or is an ICMP error about one.
    pub const RELATED: u8 = 4;
    /// Begins a connection.
    pub const NEW: u8 = 8;
    /// Excluded from tracking.
    pub const UNTRACKED: u8 = 64;
}

/// Bits of a connection's status (`enum ip_conntrack_status`).
pub mod ct_status {
    /// Packets went both ways for long enough (`IPS_ASSURED`).
    pub const ASSURED: u32 = 1 << 2;
    /// The tracker keeps the entry (`IPS_CONFIRMED`); the first packet's is not yet.
    pub const CONFIRMED: u32 = 1 << 3;
}

/// The connections that a host's tracker keeps, by protocol and original tuple: whether each is
/// over, as a TCP connection is that lingers (`TCP_CONNTRACK_TIME_WAIT`, `TCP_CONNTRACK_CLOSE`).
pub type Connections = BTreeMap<(u8, Tuple), bool>;

/// One direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tuple {
    /// Source address, of the packet's own family.
    pub source: IpAddr,
    /// Destination address, of the packet's own family.
    pub destination: IpAddr,
    /// Source port, or what the protocol keeps in its place (ICMP's identifier).
    pub source_port: u16,
    /// Destination port, or what the protocol keeps in its place (ICMP's type and code).
    pub destination_port: u16,
}

/// What a connection entry carries besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Extensions {
    /// Packets and bytes of the original and the reply direction, where the entry counts.
    pub counters: Option<[(u64, u64); 2]>,
    /// Name of the helper of the connection that announced this one, as a number of 16 bytes; 0
    /// where there is none.
    pub helper: u128,
    /// Labels, label N being bit N.
    pub labels: u128,
    /// Milliseconds until the entry ends.
    pub expiration: u32,
    /// The entry's zone, and in which directions it is limited to that: 1 original, 2 reply.
    pub zone: (u16, u8),
    /// Where the connection that announced this one came from, none where no other did.
    pub announcer: Option<IpAddr>,
}

/// The connection entry that a packet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conntrack {
    /// One bit of [`ct_state`].
    pub state: u8,
    /// `IPS_*` bits.
    pub status: u32,
    /// Whether the packet goes in the reply direction.
    pub reply: bool,
    /// Connection mark.
    pub mark: u32,
    /// Protocol number of the original tuple.
    pub protocol: u8,
    /// As the connection's first packet went.
    pub original: Tuple,
    /// As answers go.
    pub replies: Tuple,
}
