//! Writing the packet: stores of bytes, and corrections of the checksums that cover them.
//!
//! A store changes bytes and nothing else. Whatever covers them is corrected by an instruction of
//! its own, so that the IR shows which checksums a rule keeps right; a target keeps only what no
//! packet shows (a checksum that the network card was to fill in or has computed) consistent by
//! itself. Loads behind a write see the new bytes, so a load must not be moved across one. Facts
//! that main worked out (protocol, offsets) stay what they were.

use crate::{Base, OptionKinds, Value};
use std::fmt;

/// One change of the packet. Where it cannot be made (the kernel has no memory for a copy of its
/// own of the bytes), the packet is dropped, as the kernel's own rules do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Rewrite {
    /// `store BASE+N, v`: the value's bytes, big endian, at a constant offset from a base; guarded
    /// as a load of its type from there.
    Store(Base, u16, Value),
    /// `store at v + N, v`: likewise at a computed offset (i32) from the network header, such as
    /// that of an option that a scan found; guarded by an `avail at` of the same value that covers
    /// it.
    StoreAt(Value, u16, Value),
    /// `insert th+N, v`: the four bytes of an i32, big endian, between those before and those from
    /// this offset on, which lies behind TCP's fixed header and not behind the packet's end;
    /// guarded by `avail th N`. The IP length grows by 4 and IPv4's checksum follows, the transport
    /// checksum does not. Where more than 40 bytes follow, the packet is dropped.
    Insert(u16, Value),
    /// `strip v, N N ...` or `strip first v, N N ...`: each TCP option of these kinds, or the first
    /// one, among those that end so many bytes (i32) behind the transport header's beginning
    /// becomes as many options of kind 1 (no operation); guarded by an `avail th 20`. Where one is
    /// changed, TCP's checksum follows as after `checksum`. An option's length byte counts; a
    /// length of 0, and kinds 0 and 1, are one byte, and an option that ends behind the options
    /// ends the search, as a last byte does (net/netfilter/xt_TCPOPTSTRIP.c). Where the options end
    /// behind the packet, or are more than 40 bytes, the packet is dropped.
    Strip(Value, Box<OptionKinds>, Stripped),
    /// `priority v`: the packet's priority (i32), by which queueing disciplines choose a class
    /// (`skb->priority`). It is none of the packet's bytes.
    Priority(Value),
    /// `queue v`: the device's transmit queue by which the packet is to leave (i32), where the
    /// device has one of that number. The kernel notes it where a packet that came in has the queue
    /// that it came in by, plus one, and goes by that where it chooses (`skb->queue_mapping`;
    /// net/core/dev.c, `skb_tx_hash`). It is none of the packet's bytes.
    Queue(Value),
    /// `checksum FIELD, v, v`: the 16-bit Internet checksum at a place, where bytes that it covers
    /// were the first number and are the second, both of 16 or 32 bits; guarded as a load of the
    /// checksum. What comes out is the number below 0xffff that is congruent to checksum plus old
    /// minus new modulo 0xffff, whether or not the checksum was right (RFC 1624); 0xffff in place
    /// of 0 where the field is to be `nonzero`.
    Checksum(ChecksumField, Value, Value),
}

/// Which options [`Rewrite::Strip`] changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stripped {
    /// Each of the kinds (net/netfilter/xt_TCPOPTSTRIP.c).
    Every,
    /// The first one (net/netfilter/nft_exthdr.c, `nft_exthdr_tcp_strip_eval`).
    First,
}

impl fmt::Display for Stripped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Stripped::First { "first " } else { "" })
    }
}

/// Where a checksum lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChecksumField {
    /// The network header for IPv4's own, otherwise the transport header.
    pub base: Base,
    /// Offset from there.
    pub offset: u16,
    /// Whether the bytes are of the pseudo header, which a transport checksum covers even where
    /// the network card is still to add the rest.
    pub pseudo: bool,
    /// Whether it is written as 0xffff where it would be 0, which in some protocols means that
    /// there is none.
    pub nonzero: bool,
}

impl ChecksumField {
    /// IPv4's header checksum.
    pub const IPV4: ChecksumField =
        ChecksumField { base: Base::Network, offset: 10, pseudo: false, nonzero: false };
    /// TCP's checksum, for bytes of the pseudo header.
    pub const TCP_PSEUDO: ChecksumField =
        ChecksumField { base: Base::Transport, offset: 16, pseudo: true, nonzero: false };
    /// TCP's checksum, for bytes of the segment.
    pub const TCP: ChecksumField =
        ChecksumField { base: Base::Transport, offset: 16, pseudo: false, nonzero: false };
}

impl Rewrite {
    /// The values it uses.
    pub fn args(&self) -> (Value, Option<Value>) {
        match *self {
            Rewrite::Store(_, _, value)
            | Rewrite::Insert(_, value)
            | Rewrite::Strip(value, ..)
            | Rewrite::Priority(value)
            | Rewrite::Queue(value) => (value, None),
            Rewrite::StoreAt(offset, _, value) => (offset, Some(value)),
            Rewrite::Checksum(_, old, new) => (old, Some(new)),
        }
    }

    /// Replaces each value it uses.
    pub(crate) fn map_args(&mut self, mut map: impl FnMut(Value) -> Value) {
        match self {
            Rewrite::Store(_, _, value)
            | Rewrite::Insert(_, value)
            | Rewrite::Strip(value, ..)
            | Rewrite::Priority(value)
            | Rewrite::Queue(value) => *value = map(*value),
            Rewrite::Checksum(_, old, new) | Rewrite::StoreAt(old, _, new) => {
                *old = map(*old);
                *new = map(*new);
            }
        }
    }
}

impl fmt::Display for ChecksumField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.base, self.offset)?;
        f.write_str(if self.pseudo { " pseudo" } else { "" })?;
        f.write_str(if self.nonzero { " nonzero" } else { "" })
    }
}

impl fmt::Display for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rewrite::Store(base, offset, value) => write!(f, "store {base}+{offset}, {value}"),
            Rewrite::StoreAt(offset, displacement, value) => {
                write!(f, "store at {offset} + {displacement}, {value}")
            }
            Rewrite::Strip(end, kinds, stripped) => write!(f, "strip {stripped}{end}, {kinds}"),
            Rewrite::Priority(value) => write!(f, "priority {value}"),
            Rewrite::Queue(value) => write!(f, "queue {value}"),
            Rewrite::Insert(offset, value) => write!(f, "insert th+{offset}, {value}"),
            Rewrite::Checksum(field, old, new) => write!(f, "checksum {field}, {old}, {new}"),
        }
    }
}
