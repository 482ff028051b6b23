//! A rate limit in clock ticks (net/netfilter/xt_limit.c, `limit_mt`): see
//! [`bpfc_ir::state::tick_bucket`].
//!
//! What a packet costs depends on the kernel's clock, which is known when the program is loaded:
//! the code has the numbers of each clock that x86-64, arm64, riscv and s390 kernels can have
//! (kernel/Kconfig.hz), and the verifier removes those of the others. Where a kernel of some clock
//! would refuse the rule itself, nothing passes. Needs Linux 5.17.

use crate::asm::{Alu, Asm, Helper, Jump, Label, R0, R1, R2, R3, R4, R5, R6, R8, R9, Size, Width};
use bpfc_ir::state::tick_bucket::{CLOCKS, Credits, TickBucket};

/// r6 = now, r8 = the cost, r9 = the capacity, all in credits.
pub(super) fn prepare(asm: &mut Asm, bucket: &TickBucket, refused: Label) {
    let known = asm.label();
    asm.helper(Helper::Jiffies);
    asm.mov(R6, R0);
    asm.kconfig(R1, "CONFIG_HZ");
    asm.load(Size::W, R1, R1, 0);
    for clock in CLOCKS {
        let Some(credits) = Credits::new(bucket, clock) else { continue };
        let next = asm.label();
        asm.jump_imm(Jump::Ne, Width::W64, R1, clock as i32, next);
        asm.alu_imm(Alu::Mul, Width::W64, R6, credits.per_tick as i32);
        asm.constant(R8, credits.cost);
        asm.constant(R9, credits.capacity);
        asm.goto(known);
        asm.place(next);
    }
    asm.goto(refused);
    asm.place(known);
}

/// r1 = now, r2 = the cost, r3 = the capacity, all in credits; r0 = when the bucket was empty.
pub(super) fn take(asm: &mut Asm) {
    let [recent, refused, done] = std::array::from_fn(|_| asm.label());
    asm.mov(R4, R0);
    asm.mov(R5, R1);
    asm.alu(Alu::Sub, Width::W64, R5, R3);
    asm.jump(Jump::Ge, Width::W64, R4, R5, recent);
    asm.mov(R4, R5);
    asm.place(recent);
    // Another processor may have seen a later tick.
    asm.jump(Jump::Gt, Width::W64, R4, R1, refused);
    asm.mov(R5, R1);
    asm.alu(Alu::Sub, Width::W64, R5, R4);
    asm.jump(Jump::Lt, Width::W64, R5, R2, refused);
    asm.alu(Alu::Add, Width::W64, R4, R2);
    asm.mov_imm(R5, 1);
    asm.goto(done);
    asm.place(refused);
    asm.mov(R4, R0);
    asm.mov_imm(R5, 0);
    asm.place(done);
}
