//! What `-m conntrack` and `-m state` ask of a packet's connection.

use super::ports::PortRange;
use bpfc_ir::Family;

/// The kernel's state bits (include/uapi/linux/netfilter/xt_conntrack.h); the lowest four are
/// those of [`bpfc_ir::CtField::State`].
pub mod state_bit {
    /// No connection, and tracking was tried.
    pub const INVALID: u16 = 1;
    /// Packets were seen in both directions.
    pub const ESTABLISHED: u16 = 2;
    /// Belongs to an expected connection, or is an ICMP error about one.
    pub const RELATED: u16 = 4;
    /// Begins a connection.
    pub const NEW: u16 = 8;
    /// The original source differs from the reply's destination.
    pub const SNAT: u16 = 64;
    /// The original destination differs from the reply's source.
    pub const DNAT: u16 = 128;
    /// Excluded from tracking.
    pub const UNTRACKED: u16 = 256;
}

/// A test of the state or status: one of the bits is set, or none is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits {
    /// The bits.
    pub mask: u16,
    /// Whether none may be set.
    pub invert: bool,
}

/// A test of a tuple's address: `(tuple ^ address) & mask == 0`, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TupleAddress {
    /// The address; bits outside the mask do not count.
    pub address: u128,
    /// Which bits count.
    pub mask: u128,
    /// Whether they must differ.
    pub invert: bool,
}

/// The match: the tests that were asked for, by place as in [`PLACES`].
#[derive(Clone, Debug)]
pub struct Conntrack {
    /// The rule's family.
    pub family: Family,
    /// Whether it was written as `-m state`.
    pub alias: bool,
    /// `--ctstate`.
    pub state: Option<Bits>,
    /// `--ctproto`: a number and whether it must differ.
    pub protocol: Option<(u16, bool)>,
    /// `--ctorigsrc` and its kin.
    pub addresses: [Option<TupleAddress>; 4],
    /// `--ctorigsrcport` and its kin.
    pub ports: [Option<PortRange>; 4],
    /// `--ctstatus`.
    pub status: Option<Bits>,
    /// `--ctdir`: whether the packet must go in the reply direction.
    pub reply: Option<bool>,
}
