//! The Internet checksum (RFC 1071), over the packet and over words on the stack.
//!
//! Sums are made of words as they lie in memory, so that the machine's byte order does not matter;
//! only lengths and numbers are turned first.

use super::TEMPORARY;
use crate::asm::{
    Alu, Asm, FP, Helper, Jump, R0, R1, R2, R3, R4, R5, R6, R7, R8, Reg, Size, Width,
};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::packet::layout;
use crate::scan::walk;
use bpfc_artifact::{FunctionIndex, FunctionKind};

/// Bytes that are summed at once.
const CHUNK: i16 = 64;
/// Chunks of more than the longest packet.
const CHUNKS: i32 = 1_100;

/// The loop body that adds a chunk of the packet to `WALK_RESULT`, from `WALK_OFFSET` up to
/// `WALK_END`, which count as `fetch` does.
pub(crate) fn emit_sum(emitter: &mut Emitter<'_>) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    let [part, stop] = std::array::from_fn(|_| asm.label());
    emitter.mark_line(&mut asm, None, "sum up a part of the packet");
    walk::enter_body(&mut asm);
    for word in (0..CHUNK).step_by(8) {
        asm.store_imm(Size::D, FP, word - CHUNK, 0);
    }
    asm.load(Size::W, R4, R7, layout::WALK_END);
    asm.jump(Jump::Le, Width::W64, R4, R8, stop);
    asm.alu(Alu::Sub, Width::W64, R4, R8);
    asm.jump_imm(Jump::Le, Width::W64, R4, i32::from(CHUNK), part);
    asm.mov_imm(R4, i32::from(CHUNK));
    asm.place(part);
    // Known already, but not to the verifier.
    asm.jump_imm(Jump::Lt, Width::W64, R4, 1, stop);
    asm.mov(R2, R8);
    asm.alu(Alu::Add, Width::W64, R8, R4);
    asm.store(Size::W, R7, layout::WALK_OFFSET, R8);
    asm.mov(R3, FP);
    asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(-CHUNK));
    emitter.target.fetch(&mut asm, -CHUNK);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, stop);
    asm.mov_imm(R1, 0);
    asm.mov_imm(R2, 0);
    asm.mov(R3, FP);
    asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(-CHUNK));
    asm.mov_imm(R4, i32::from(CHUNK));
    asm.load(Size::W, R5, R7, layout::WALK_RESULT);
    asm.helper(Helper::CsumDiff);
    asm.store(Size::W, R7, layout::WALK_RESULT, R0);
    asm.mov_imm(R0, 0);
    asm.exit();
    asm.place(stop);
    asm.mov_imm(R0, 1);
    asm.exit();
    emitter.add(asm, "sum_packet", FunctionKind::LoopBody)
}

/// r0 = the 16-bit sum of `WALK_RESULT` and the packet from `WALK_OFFSET` to `WALK_END`. Takes the
/// frame's upper 16 bytes.
pub(super) fn packet(asm: &mut Asm, body: FunctionIndex) {
    asm.mov(R1, R6);
    walk::run_loop(asm, body, CHUNKS);
    asm.load(Size::W, R0, R7, layout::WALK_RESULT);
    fold(asm, R0, R1);
}

/// Adds words of four bytes at `base + from` to `sum`; `scratch` is lost.
pub(super) fn words(asm: &mut Asm, sum: Reg, scratch: Reg, base: Reg, from: i16, bytes: i32) {
    for word in (0..bytes as i16).step_by(4) {
        asm.load(Size::W, scratch, base, from + word);
        asm.alu(Alu::Add, Width::W64, sum, scratch);
    }
}

/// Folds 64 bits into 16; `scratch` is lost.
pub(super) fn fold(asm: &mut Asm, sum: Reg, scratch: Reg) {
    for (half, mask) in [(32, None), (32, None), (16, Some(0xffff)), (16, Some(0xffff))] {
        asm.mov(scratch, sum);
        asm.alu_imm(Alu::Rsh, Width::W64, scratch, half);
        match mask {
            Some(mask) => asm.alu_imm(Alu::And, Width::W64, sum, mask),
            None => asm.alu(Alu::Mov, Width::W32, sum, sum),
        }
        asm.alu(Alu::Add, Width::W64, sum, scratch);
    }
    // The last addition may carry once more.
    asm.mov(scratch, sum);
    asm.alu_imm(Alu::Rsh, Width::W64, scratch, 16);
    asm.alu_imm(Alu::And, Width::W64, sum, 0xffff);
    asm.alu(Alu::Add, Width::W64, sum, scratch);
}

/// The complement of a folded sum: what a checksum field holds.
pub(super) fn complement(asm: &mut Asm, sum: Reg) {
    asm.alu_imm(Alu::Xor, Width::W64, sum, 0xffff);
}

/// Adds the two bytes of the packet at the offset in r2 to r8, inverted, with 0 where they are
/// not there.
pub(super) fn add_inverted(emitter: &Emitter<'_>, asm: &mut Asm) {
    asm.store_imm(Size::W, FP, TEMPORARY, 0);
    asm.mov(R3, FP);
    asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(TEMPORARY));
    asm.mov_imm(R4, 2);
    emitter.target.fetch(asm, TEMPORARY);
    asm.load(Size::H, R1, FP, TEMPORARY);
    complement(asm, R1);
    asm.alu(Alu::Add, Width::W64, R8, R1);
}
