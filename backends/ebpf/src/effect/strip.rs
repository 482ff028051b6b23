//! TCP options that become options of kind 1 ([`bpfc_ir::Rewrite::Strip`]).
//!
//! It is a function with a loop, as scans are. The options are copied to its frame at once, changed
//! there byte by byte, and written back at once; what they sum up to before and after is left to
//! whoever corrects the checksum.

use crate::asm::{Alu, Asm, FP, Jump, Label, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, Size, Width};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::packet::layout;
use crate::scan::walk;
use crate::target::SCRATCH_SIZE;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{OptionKinds, Stripped};

/// Bytes of the fixed header.
const FIXED: i32 = 20;
/// Bytes of options at most.
const MOST: i32 = 40;

/// The frame, below what [`walk::run_loop`] uses: eight bytes that may be read behind the options,
/// the options, their sum, what fetching needs.
const LOOP: i16 = -16;
const OPTIONS: i16 = -64;
const BEFORE: i16 = -72;
const SCRATCH: i16 = BEFORE - SCRATCH_SIZE;

/// Bits of `WALK_RESULT`: the option under way is stripped; one was.
const STRIPPED: i32 = 1;
const ANY: i32 = 2;

/// What the function answers: nothing to change; changed, with the sums of the options' 16-bit
/// words before and after in [`SUMS`]; the packet must be dropped.
pub(crate) const UNCHANGED: i32 = 0;
pub(crate) const FAILED: i32 = 2;
const CHANGED: i32 = 1;
/// Where the sums are.
pub(crate) const SUMS: [i16; 2] = [layout::WALK_NEXT, layout::WALK_OFFSET];

/// The function `int strip(ctx, packet)` for the options that end `WALK_END` bytes behind the
/// transport header's beginning.
pub(crate) fn emit(
    emitter: &mut Emitter<'_>,
    kinds: OptionKinds,
    stripped: Stripped,
) -> Result<FunctionIndex, EmitError> {
    let body = body(emitter, kinds, stripped)?;
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "strip TCP options");
    let [null, unchanged, failed] = std::array::from_fn(|_| asm.label());
    asm.mov_imm(R0, UNCHANGED);
    emitter::begin(&mut asm, null);
    asm.load(Size::W, R8, R7, layout::WALK_END);
    asm.jump_imm(Jump::Le, Width::W64, R8, FIXED, unchanged);
    asm.load(Size::W, R1, R7, layout::TRANSPORT_AVAILABLE);
    asm.jump(Jump::Gt, Width::W64, R8, R1, failed);
    asm.alu_imm(Alu::Sub, Width::W64, R8, FIXED);
    asm.jump_imm(Jump::Gt, Width::W64, R8, MOST, failed);
    asm.store(Size::W, R7, layout::WALK_END, R8);
    for at in (OPTIONS..LOOP).step_by(8) {
        asm.store_imm(Size::D, FP, at, 0);
    }
    place(&mut asm);
    emitter.target.fetch(&mut asm, SCRATCH);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, failed);
    sum(&mut asm);
    asm.store(Size::D, FP, BEFORE, R1);
    asm.store_imm(Size::W, R7, layout::WALK_OFFSET, 0);
    asm.store_imm(Size::W, R7, layout::WALK_NEXT, 0);
    asm.store_imm(Size::W, R7, layout::WALK_RESULT, 0);
    asm.mov(R1, R6);
    walk::run_loop(&mut asm, body, MOST + 1);
    asm.load(Size::W, R1, R7, layout::WALK_RESULT);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, unchanged);
    place(&mut asm);
    emitter.rewrites()?.write(&mut asm, false);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, failed);
    asm.load(Size::D, R1, FP, BEFORE);
    asm.store(Size::W, R7, SUMS[0], R1);
    sum(&mut asm);
    asm.store(Size::W, R7, SUMS[1], R1);
    asm.mov_imm(R0, CHANGED);
    asm.exit();
    asm.place(failed);
    asm.mov_imm(R0, FAILED);
    asm.exit();
    asm.place(unchanged);
    asm.mov_imm(R0, UNCHANGED);
    asm.place(null);
    asm.exit();
    emitter.add(asm, "strip_options", FunctionKind::Chain)
}

/// r2 = where the options are in the packet, r3 = their copy, r4 = how many bytes, which is r8.
fn place(asm: &mut Asm) {
    asm.load(Size::W, R2, R7, layout::NETWORK_OFFSET);
    asm.load(Size::H, R1, R7, layout::TRANSPORT_OFFSET);
    asm.alu(Alu::Add, Width::W64, R2, R1);
    asm.alu_imm(Alu::Add, Width::W64, R2, FIXED);
    asm.mov(R3, FP);
    asm.alu_imm(Alu::Add, Width::W64, R3, OPTIONS.into());
    asm.mov(R4, R8);
}

/// r1 = the sum of the copy's 16-bit words.
fn sum(asm: &mut Asm) {
    asm.mov_imm(R1, 0);
    for at in (0..MOST as i16).step_by(2) {
        asm.load(Size::H, R2, FP, OPTIONS + at);
        asm.from_big_endian(R2, 16);
        asm.alu(Alu::Add, Width::W64, R1, R2);
    }
}

/// One byte: 0 to go on, 1 when done.
fn body(
    emitter: &mut Emitter<'_>,
    kinds: OptionKinds,
    stripped: Stripped,
) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    let [inside, known, next, stop] = std::array::from_fn(|_| asm.label());
    emitter.mark_line(&mut asm, None, "look at one byte of the options");
    asm.mov(R9, R2);
    walk::enter_body(&mut asm);
    asm.load(Size::W, R1, R7, layout::WALK_END);
    asm.jump(Jump::Ge, Width::W64, R8, R1, stop);
    asm.jump_imm(Jump::Ge, Width::W64, R8, MOST, stop);
    asm.alu_imm(Alu::Add, Width::W64, R9, i32::from(OPTIONS - LOOP));
    asm.alu(Alu::Add, Width::W64, R9, R8);
    asm.load(Size::W, R2, R7, layout::WALK_NEXT);
    asm.jump(Jump::Ne, Width::W64, R8, R2, inside);
    if stripped == Stripped::First {
        asm.load(Size::W, R2, R7, layout::WALK_RESULT);
        asm.jump_imm(Jump::Ne, Width::W64, R2, 0, stop);
    }
    // An option begins; a last byte ends the search.
    asm.alu_imm(Alu::Sub, Width::W64, R1, 1);
    asm.jump(Jump::Ge, Width::W64, R8, R1, stop);
    asm.load(Size::B, R3, R9, 0);
    asm.mov_imm(R4, 1);
    asm.jump_imm(Jump::Le, Width::W64, R3, 1, known);
    asm.load(Size::B, R5, R9, 1);
    asm.jump_imm(Jump::Eq, Width::W64, R5, 0, known);
    asm.mov(R4, R5);
    asm.place(known);
    asm.alu(Alu::Add, Width::W64, R4, R8);
    // r1 is one less than the end.
    asm.alu_imm(Alu::Add, Width::W64, R1, 1);
    asm.jump(Jump::Gt, Width::W64, R4, R1, stop);
    asm.store(Size::W, R7, layout::WALK_NEXT, R4);
    is_wanted(&mut asm, kinds);
    asm.load(Size::W, R1, R7, layout::WALK_RESULT);
    asm.alu_imm(Alu::And, Width::W64, R1, ANY);
    asm.jump_imm(Jump::Eq, Width::W64, R5, 0, next);
    asm.mov_imm(R1, STRIPPED | ANY);
    asm.place(next);
    asm.store(Size::W, R7, layout::WALK_RESULT, R1);
    asm.place(inside);
    let kept = asm.label();
    asm.load(Size::W, R1, R7, layout::WALK_RESULT);
    asm.alu_imm(Alu::And, Width::W64, R1, STRIPPED);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, kept);
    asm.mov_imm(R1, 1);
    asm.store(Size::B, R9, 0, R1);
    asm.place(kept);
    asm.alu_imm(Alu::Add, Width::W64, R8, 1);
    asm.store(Size::W, R7, layout::WALK_OFFSET, R8);
    asm.mov_imm(R0, 0);
    asm.exit();
    asm.place(stop);
    asm.mov_imm(R0, 1);
    asm.exit();
    emitter.add(asm, "strip_options_body", FunctionKind::LoopBody)
}

/// r5 = not 0 where the kind r3 is one of these. Clobbers r1 to r3.
fn is_wanted(asm: &mut Asm, kinds: OptionKinds) {
    let known: Label = asm.label();
    asm.mov(R2, R3);
    asm.alu_imm(Alu::Rsh, Width::W64, R2, 6);
    for (at, word) in kinds.words().into_iter().enumerate() {
        asm.constant(R5, word);
        asm.jump_imm(Jump::Eq, Width::W64, R2, at as i32, known);
    }
    asm.place(known);
    asm.alu_imm(Alu::And, Width::W64, R3, 63);
    asm.alu(Alu::Rsh, Width::W64, R5, R3);
    asm.alu_imm(Alu::And, Width::W64, R5, 1);
}
