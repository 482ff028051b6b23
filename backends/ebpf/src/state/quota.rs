//! Bytes that are used up (net/netfilter/xt_quota.c, `quota_mt`): the first packet that does not
//! fit uses up the rest. The number is what was used. Needs Linux 5.17.

use crate::asm::{Alu, Asm, Jump, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, Size, Width};
use crate::packet::layout;

pub(super) fn prepare(asm: &mut Asm, bytes: u64) {
    asm.load(Size::W, R6, R7, layout::LENGTH);
    asm.constant(R8, bytes);
    asm.mov_imm(R9, 0);
}

/// r1 = the packet's bytes, r2 = the quota; r0 = what was used.
pub(super) fn take(asm: &mut Asm) {
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
