//! Direct packet access: bytes of a packet by plain loads, where they lie one after another.
//!
//! A helper that copies packet bytes costs 30 to 60 ns, a checked load one. Network cards and the
//! stack leave the headers in one piece nearly always; what is spread over fragments, or ends
//! sooner, is left to [`Target::fetch`], which knows the packet's true end.

use crate::asm::{Alu, Asm, Jump, Label, R0, R1, R2, R3, R4, R6, Reg, Size, Width};
use crate::target::Target;

/// The largest offset that is read directly: the verifier takes 65,535 for an offset and what is
/// read behind it (kernel/bpf/verifier.c, `MAX_PACKET_OFF`).
const LARGEST_OFFSET: i32 = 0x7fff;

/// Where bytes begin, as [`Target::fetch`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    /// At this offset.
    Constant(u16),
    /// At the offset in r2.
    Register,
}

/// Where bytes go: an offset from a register that the code keeps, r7 or r10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The register.
    pub base: Reg,
    /// The offset in bytes, a multiple of 8.
    pub offset: i16,
}

/// Emits: copy `bytes` bytes of the packet, and jump to `missing` where it is shorter. Clobbers r0
/// to r5, and the target's scratch bytes.
pub fn copy(
    target: &dyn Target,
    asm: &mut Asm,
    from: Offset,
    to: Destination,
    bytes: u16,
    scratch: i16,
    missing: Label,
) {
    let [near, done, end] = std::array::from_fn(|_| asm.label());
    look(target, asm, from, bytes, near);
    asm.mov(R3, to.base);
    asm.alu_imm(Alu::Add, Width::W64, R3, to.offset.into());
    asm.mov_imm(R4, bytes.into());
    target.fetch(asm, scratch);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, missing);
    // The ways meet behind the helper, where the verifier keeps what it knows.
    asm.place(done);
    asm.goto(end);
    asm.place(near);
    read(asm, to, bytes);
    asm.goto(done);
    asm.place(end);
}

/// Emits: copy `bytes` bytes, or jump to `missing` where they do not lie one after another.
/// Clobbers r0 to r5.
pub fn direct(
    target: &dyn Target,
    asm: &mut Asm,
    from: Offset,
    to: Destination,
    bytes: u16,
    missing: Label,
) {
    let near = asm.label();
    look(target, asm, from, bytes, near);
    asm.goto(missing);
    asm.place(near);
    read(asm, to, bytes);
}

/// Emits: jump to `near` with the place of `bytes` bytes in r1, ready for [`read`]. Falls through,
/// with their offset in r2, where they do not lie one after another. Clobbers r0 to r5.
///
/// What falls through is what the verifier walks first. Behind a helper it knows nothing of the
/// bytes, and so need not walk again what follows with those that were read here.
pub(crate) fn look(target: &dyn Target, asm: &mut Asm, from: Offset, bytes: u16, near: Label) {
    let far = asm.label();
    match from {
        Offset::Constant(offset) => asm.mov_imm(R2, offset.into()),
        Offset::Register => asm.jump_imm(Jump::Gt, Width::W64, R2, LARGEST_OFFSET, far),
    }
    target.point(asm, bytes, near);
    asm.place(far);
}

/// Emits: copy `bytes` bytes that lie at r1. Clobbers r3.
pub(crate) fn read(asm: &mut Asm, to: Destination, bytes: u16) {
    for (size, at) in pieces(bytes) {
        asm.load(size, R3, R1, at);
        asm.store(size, to.base, to.offset + at, R3);
    }
}

/// The fewest accesses that cover `bytes` bytes, largest first, and where each begins.
pub(crate) fn pieces(bytes: u16) -> Vec<(Size, i16)> {
    let mut pieces = Vec::new();
    let mut at = 0;
    for size in [Size::D, Size::W, Size::H, Size::B] {
        while at + size.bytes() <= bytes as i16 {
            pieces.push((size, at));
            at += size.bytes();
        }
    }
    pieces
}

/// Emits [`Target::point`] for a context whose u32 fields at `data` and `data_end` say where the
/// packet's bytes begin and end.
pub fn point(asm: &mut Asm, data: i16, data_end: i16, bytes: u16, near: Label) {
    asm.load(Size::W, R1, R6, data);
    asm.load(Size::W, R3, R6, data_end);
    asm.alu(Alu::Add, Width::W64, R1, R2);
    asm.mov(R4, R1);
    asm.alu_imm(Alu::Add, Width::W64, R4, bytes.into());
    asm.jump(Jump::Le, Width::W64, R4, R3, near);
}
