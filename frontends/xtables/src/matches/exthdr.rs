//! An IPv6 extension header that a match looks for: what ah, frag, rt, hbh and dst of ip6tables
//! share.
//!
//! They find the first header of their kind with `ipv6_find_hdr`. A packet without one does not
//! match; one that is cut off on the way, within the header's fixed part or before the header's
//! announced end is dropped at once.

use crate::lower::RuleCx;
use crate::reference::Outcome;
use bpfc_ir::{BinaryOp, Condition, Meta, Scan, Type, Value};
use bpfc_packet::{Found, Parsed, find_extension};

/// Authentication header.
pub const AUTHENTICATION: u8 = 51;
/// Destination options.
pub const DESTINATION: u8 = 60;
/// Fragment header.
pub const FRAGMENT: u8 = 44;
/// Hop-by-hop options.
pub const HOP_BY_HOP: u8 = 0;
/// Routing header.
pub const ROUTING: u8 = 43;

/// Emits the search; control goes on where `bytes` bytes of the header are there. Yields
/// its offset (i32) for loads.
pub fn lower(cx: &mut RuleCx<'_>, kind: u8, bytes: u16) -> Value {
    let found = cx.builder().scan(Scan::Ipv6Header(kind));
    let absent = cx.builder().compare_const(Condition::Eq, found, Scan::ABSENT.into());
    cx.forbid(absent);
    let broken = cx.builder().compare_const(Condition::Eq, found, Scan::BROKEN.into());
    cx.forbid_or_drop(broken);
    let there = cx.builder().available_at(found, bytes);
    cx.require_or_drop(there);
    found
}

/// Emits the length in bytes that the header's second byte means, for all headers but the
/// authentication and fragment headers: (value + 1) * 8, as i32.
pub fn lower_length(cx: &mut RuleCx<'_>, offset: Value) -> Value {
    let b = cx.builder();
    let units = b.load_at(Type::I8, offset, 1);
    let units = b.extend(Type::I32, units);
    let one = b.constant(Type::I32, 1);
    let units = b.binary(BinaryOp::Add, units, one);
    let three = b.constant(Type::I32, 3);
    b.binary(BinaryOp::Shl, units, three)
}

/// Goes on where the packet holds the header's announced length; drops it at once otherwise, as
/// Linux 6.18 does (older kernels: no match, and for ah no test).
pub fn require_whole(cx: &mut RuleCx<'_>, offset: Value, length: Value) {
    let b = cx.builder();
    let end = b.binary(BinaryOp::Add, offset, length);
    let packet = b.meta(Meta::Length);
    let whole = b.compare(Condition::Le, end, packet);
    cx.require_or_drop(whole);
}

/// Finds the header: its offset where `bytes` bytes of it are there, else what the match decides.
pub fn find(packet: &Parsed<'_>, kind: u8, bytes: usize) -> Result<usize, Outcome> {
    match find_extension(packet.bytes(), kind) {
        Found::Absent => Err(Outcome::NoMatch),
        Found::Broken => Err(Outcome::Hotdrop),
        Found::At(offset) if packet.available(offset) < bytes => Err(Outcome::Hotdrop),
        Found::At(offset) => Ok(offset),
    }
}

/// A length test: `--ahlen`, `--rt-len`, `--hbh-len`, with its inversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LengthTest {
    /// In bytes, the whole header.
    pub length: u32,
    /// Whether it must differ.
    pub invert: bool,
}

impl LengthTest {
    /// Whether a length passes.
    pub fn holds(&self, length: u32) -> bool {
        (length == self.length) != self.invert
    }

    /// Emits the test of a length (i32).
    pub fn lower(&self, cx: &mut RuleCx<'_>, length: Value) {
        let equal = cx.builder().compare_const(Condition::Eq, length, self.length.into());
        cx.expect(equal, !self.invert);
    }
}
