//! Token buckets of tables of rates ([`bpfc_ir::state::wide_bucket`]), as
//! net/netfilter/xt_hashlimit.c, `hashlimit_mt_common`, has them: three numbers, the previous tick,
//! credit, and refills or what came. What rates are in ticks is known when the program is loaded,
//! as for [`super::tick_bucket`].

use super::NUMBERS;
use crate::asm::{Alu, Asm, FP, Jump, Label, R1, R2, R3, R4, R5, R6, R7, R8, R9, Reg, Size, Width};
use crate::packet::layout;
use bpfc_ir::state::tick_bucket::CLOCKS;
use bpfc_ir::state::wide_bucket::{CHUNK_SHIFT, Measure, Rates, WideBucket};

/// Where the numbers lie behind the first.
const CREDIT: i16 = 8;
const SECOND: i16 = 16;

/// r6, r8, r9 = the numbers of this kernel's clock; keeps credit and refills of a new bucket, which
/// lies at an offset in the frame. Goes to `refused` where this kernel refuses the rate.
pub(crate) fn prepare(asm: &mut Asm, bucket: &WideBucket, new: i16, refused: Label) {
    let known = asm.label();
    asm.kconfig(R1, "CONFIG_HZ");
    asm.load(Size::W, R3, R1, 0);
    for clock in CLOCKS {
        let Some(rates) = bucket.rates(clock) else { continue };
        let next = asm.label();
        asm.jump_imm(Jump::Ne, Width::W64, R3, clock as i32, next);
        let (numbers, credit, second) = match rates {
            Rates::Packets { per_tick, full, cost } => ([per_tick, full, cost], full, 0),
            Rates::Bytes { per_tick, full, cost, refills } => {
                ([per_tick, full, cost], full, refills)
            }
            Rates::Window { interval, rate, burst } => ([interval, rate, burst], 0, 0),
        };
        for (register, number) in
            [R6, R8, R9, R1, R2].into_iter().zip(numbers.into_iter().chain([credit, second]))
        {
            asm.constant(register, number);
        }
        asm.goto(known);
        asm.place(next);
    }
    asm.goto(refused);
    asm.place(known);
    asm.store(Size::D, FP, new + CREDIT, R1);
    asm.store(Size::D, FP, new + SECOND, R2);
}

/// Charges the packet r7 to the bucket at an offset from r8, at the tick r6; r9 = 1 where it is
/// within the limit, else 0. What [`prepare`] left lies at an offset from r7.
pub(crate) fn step(asm: &mut Asm, bucket: &WideBucket, at: i16, numbers: i16) {
    Step { bucket, at, numbers }.emit(asm);
}

struct Step<'a> {
    bucket: &'a WideBucket,
    /// Where the bucket lies from r8 on.
    at: i16,
    /// Where its numbers lie from r7 on.
    numbers: i16,
}

impl Step<'_> {
    fn emit(&self, asm: &mut Asm) {
        let [within, done] = std::array::from_fn(|_| asm.label());
        // R1 = ticks since then, R2 = credit.
        asm.load(Size::D, R2, R8, self.at);
        asm.mov(R1, R6);
        asm.alu(Alu::Sub, Width::W64, R1, R2);
        asm.load(Size::D, R2, R8, self.at + CREDIT);
        asm.mov_imm(R9, 0);
        if self.bucket.interval.is_some() {
            self.window(asm, done);
        } else {
            self.fill(asm);
            self.cost(asm);
            asm.jump(Jump::Ge, Width::W64, R2, R3, within);
            asm.store(Size::D, R8, self.at + CREDIT, R2);
            asm.goto(done);
            asm.place(within);
            asm.alu(Alu::Sub, Width::W64, R2, R3);
            asm.store(Size::D, R8, self.at + CREDIT, R2);
            asm.mov_imm(R9, 1);
        }
        asm.place(done);
    }

    fn number(&self, asm: &mut Asm, dst: Reg, which: usize) {
        debug_assert!(which < NUMBERS);
        asm.load(Size::D, dst, R7, self.numbers + 8 * which as i16);
    }

    /// r2 = the credit that is there after r1 ticks, r4 = a full bucket's.
    fn fill(&self, asm: &mut Asm) {
        let [same, capped] = std::array::from_fn(|_| asm.label());
        self.number(asm, R4, 1);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, same);
        asm.store(Size::D, R8, self.at, R6);
        self.number(asm, R3, 0);
        asm.alu(Alu::Mul, Width::W64, R1, R3);
        asm.mov(R5, R2);
        asm.alu(Alu::Add, Width::W64, R2, R1);
        if self.bucket.measure == Measure::Bytes {
            // Too much to count is enough.
            asm.jump(Jump::Le, Width::W64, R2, R5, capped);
        }
        asm.jump(Jump::Le, Width::W64, R2, R4, same);
        if asm.is_used(capped) {
            asm.place(capped);
        }
        asm.mov(R2, R4);
        asm.place(same);
    }

    /// r3 = what the packet costs; fills an empty bucket where it has refills left.
    fn cost(&self, asm: &mut Asm) {
        self.number(asm, R3, 2);
        if self.bucket.measure == Measure::Packets {
            return;
        }
        let [most, enough] = std::array::from_fn(|_| asm.label());
        asm.load(Size::W, R1, R7, layout::LENGTH);
        asm.alu_imm(Alu::Rsh, Width::W64, R1, CHUNK_SHIFT as i32);
        asm.alu_imm(Alu::Add, Width::W64, R1, 1);
        asm.alu(Alu::Mul, Width::W64, R3, R1);
        asm.jump(Jump::Le, Width::W64, R3, R4, most);
        asm.mov(R3, R4);
        asm.place(most);
        asm.jump(Jump::Ge, Width::W64, R2, R3, enough);
        asm.load(Size::D, R1, R8, self.at + SECOND);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, enough);
        asm.alu_imm(Alu::Sub, Width::W64, R1, 1);
        asm.store(Size::D, R8, self.at + SECOND, R1);
        asm.mov(R2, R4);
        asm.place(enough);
    }

    /// Compares what came in an interval; r1 = ticks since it began, r2 = whether the one before
    /// had too much.
    fn window(&self, asm: &mut Asm, done: Label) {
        let [current, judged] = std::array::from_fn(|_| asm.label());
        asm.load(Size::D, R5, R8, self.at + SECOND);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, current);
        self.number(asm, R3, 0);
        asm.jump(Jump::Lt, Width::W64, R1, R3, current);
        asm.store(Size::D, R8, self.at, R6);
        self.number(asm, R4, 1);
        asm.alu(Alu::Mul, Width::W64, R1, R4);
        asm.alu(Alu::Mul, Width::W64, R5, R3);
        asm.mov_imm(R2, 0);
        asm.jump(Jump::Le, Width::W64, R5, R1, judged);
        asm.mov_imm(R2, 1);
        asm.place(judged);
        asm.store(Size::D, R8, self.at + CREDIT, R2);
        asm.mov_imm(R5, 0);
        asm.place(current);
        match self.bucket.measure {
            Measure::Packets => asm.alu_imm(Alu::Add, Width::W64, R5, 1),
            Measure::Bytes => {
                asm.load(Size::W, R1, R7, layout::LENGTH);
                asm.alu(Alu::Add, Width::W64, R5, R1);
            }
        }
        asm.store(Size::D, R8, self.at + SECOND, R5);
        asm.jump_imm(Jump::Ne, Width::W64, R2, 0, done);
        self.number(asm, R1, 2);
        asm.jump(Jump::Gt, Width::W64, R5, R1, done);
        asm.mov_imm(R9, 1);
    }
}
