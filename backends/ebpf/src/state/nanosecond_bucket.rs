//! Token buckets in nanoseconds ([`bpfc_ir::state::nanosecond_bucket`]): the number is the time at
//! which the bucket was empty, on a clock that is the capacity ahead. Needs Linux 5.17.

use crate::asm::{Alu, Asm, Helper, R0, R1, R6, R7, R8, R9, Size, Width};
use crate::packet::layout;
use bpfc_ir::state::nanosecond_bucket::NanosecondBucket;

/// As [`super::tick_bucket::take`] wants it.
pub(super) fn prepare(asm: &mut Asm, bucket: &NanosecondBucket) {
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
}
