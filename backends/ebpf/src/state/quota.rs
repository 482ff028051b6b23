//! Bytes that are used up (net/netfilter/xt_quota.c, `quota_mt`): the first packet that does not
//! fit uses up the rest. The cell holds what was used. Needs Linux 5.17.

use super::change_cell;
use crate::asm::{Alu, Asm, Jump, R0, R1, R2, R3, R4, R5, R6, R7, R8, Size, Width};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::packet::layout;
use bpfc_artifact::FunctionIndex;
use bpfc_ir::State;

pub(super) fn emit(
    emitter: &mut Emitter<'_>,
    state: State,
    bytes: u64,
) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "quota");
    let known = asm.label();
    asm.mov(R7, R2);
    asm.mov_imm(R0, 0);
    asm.jump_imm(Jump::Ne, Width::W64, R7, 0, known);
    asm.exit();
    asm.place(known);
    asm.load(Size::W, R6, R7, layout::LENGTH);
    asm.constant(R8, bytes);
    change_cell(emitter, asm, state, "quota", [R6, R8, R8], take)
}

/// r1 = the packet's bytes, r2 = the quota; r0 = what was used.
fn take(asm: &mut Asm) {
    let done = asm.label();
    asm.mov(R4, R0);
    asm.alu(Alu::Add, Width::W64, R4, R1);
    asm.mov_imm(R5, 1);
    asm.mov(R3, R2);
    asm.alu(Alu::Sub, Width::W64, R3, R0);
    asm.jump(Jump::Le, Width::W64, R1, R3, done);
    asm.mov(R4, R2);
    asm.mov_imm(R5, 0);
    asm.place(done);
}
