//! Token buckets in nanoseconds ([`bpfc_ir::state::nanosecond_bucket`]): the cell is the time at
//! which the bucket was empty, on a clock that is the capacity ahead. Needs Linux 5.17.

use super::{change_cell, tick_bucket};
use crate::asm::{Alu, Asm, Helper, Jump, R0, R1, R2, R6, R7, R8, R9, Size, Width};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::packet::layout;
use bpfc_artifact::FunctionIndex;
use bpfc_ir::State;
use bpfc_ir::state::nanosecond_bucket::NanosecondBucket;

pub(super) fn emit(
    emitter: &mut Emitter<'_>,
    state: State,
    bucket: &NanosecondBucket,
) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    let known = asm.label();
    emitter.mark_line(&mut asm, None, "rate limit");
    asm.mov(R7, R2);
    asm.mov_imm(R0, 0);
    asm.jump_imm(Jump::Ne, Width::W64, R7, 0, known);
    asm.exit();
    asm.place(known);
    asm.helper(Helper::Nanoseconds);
    asm.constant(R9, bucket.capacity());
    asm.mov(R6, R0);
    asm.alu(Alu::Add, Width::W64, R6, R9);
    if bucket.bytes {
        asm.load(Size::W, R8, R7, layout::LENGTH);
        asm.constant(R1, bucket.interval);
        asm.alu(Alu::Mul, Width::W64, R8, R1);
        asm.constant(R1, bucket.rate);
        asm.alu(Alu::Div, Width::W64, R8, R1);
    } else {
        asm.constant(R8, bucket.cost(0));
    }
    change_cell(emitter, asm, state, "limit", [R6, R8, R9], tick_bucket::take)
}
