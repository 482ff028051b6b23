//! Writing the packet: stores of bytes, and corrections of the checksums that cover them.
//!
//! A store changes bytes and nothing else. Whatever covers them is corrected by an instruction of
//! its own, so that the IR shows which checksums a rule keeps right; a target keeps only what no
//! packet shows (a checksum that the network card was to fill in or has computed) consistent by
//! itself. Loads behind a write see the new bytes, so a load must not be moved across one. Facts
//! that main worked out (protocol, offsets) stay what they were.

use crate::{Base, Value};
use std::fmt;

/// One change of the packet. Where it cannot be made (the kernel has no memory for a copy of its
/// own of the bytes), the packet is dropped, as the kernel's own rules do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rewrite {
    /// `store BASE+N, v`: the value's bytes, big endian, at a constant offset from the network or
    /// transport header; guarded as a load of its type from there.
    Store(Base, u16, Value),
    /// `checksum FIELD, v, v`: the 16-bit Internet checksum at a place, where bytes that it covers
    /// were the first number and are the second, both of 16 or 32 bits; guarded as a load of the
    /// checksum. What comes out is the number below 0xffff that is congruent to checksum plus old
    /// minus new modulo 0xffff, whether or not the checksum was right (RFC 1624).
    Checksum(ChecksumField, Value, Value),
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
}

impl ChecksumField {
    /// IPv4's header checksum.
    pub const IPV4: ChecksumField =
        ChecksumField { base: Base::Network, offset: 10, pseudo: false };
    /// TCP's checksum, for bytes of the segment.
    pub const TCP: ChecksumField =
        ChecksumField { base: Base::Transport, offset: 16, pseudo: false };
}

impl Rewrite {
    /// The values it uses.
    pub(crate) fn args(&self) -> (Value, Option<Value>) {
        match *self {
            Rewrite::Store(_, _, value) => (value, None),
            Rewrite::Checksum(_, old, new) => (old, Some(new)),
        }
    }

    /// Replaces each value it uses.
    pub(crate) fn map_args(&mut self, mut map: impl FnMut(Value) -> Value) {
        match self {
            Rewrite::Store(_, _, value) => *value = map(*value),
            Rewrite::Checksum(_, old, new) => {
                *old = map(*old);
                *new = map(*new);
            }
        }
    }
}

impl fmt::Display for ChecksumField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.base, self.offset)?;
        f.write_str(if self.pseudo { " pseudo" } else { "" })
    }
}

impl fmt::Display for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rewrite::Store(base, offset, value) => write!(f, "store {base}+{offset}, {value}"),
            Rewrite::Checksum(field, old, new) => write!(f, "checksum {field}, {old}, {new}"),
        }
    }
}
