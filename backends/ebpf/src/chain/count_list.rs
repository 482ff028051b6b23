//! Counting by lists that are data: one function `int count_list(ctx, packet)` counts them all, so
//! that a leaf of a large decision graph is a number and a jump.
//!
//! A map holds the lists one after another, native u32 each: how many counters a list has, then
//! their places. `WALK_RESULT` says where the packet's list begins. Where few packets are counted
//! by lists each of their counters is counted where it stands instead. Needs Linux 5.17, for
//! `bpf_loop`.

use crate::asm::{Alu, Asm, FP, Helper, Jump, R0, R1, R2, R3, R4, R6, R7, R8, Size, Width};
use crate::chain::count_plan;
use crate::chain::counters::{COUNTER_SIZE, RULES_PER_CHUNK};
use crate::emitter::{self, COUNTERS_MAP, Emitter};
use crate::error::EmitError;
use crate::packet::layout;
use bpfc_artifact::{FunctionIndex, FunctionKind, MapIndex};

/// The frame: a key, then what the loop knows: where the list's next number is not yet counted
/// from, and the packet's length.
const KEY: i16 = -4;
const FIRST: i16 = -24;
const LENGTH: i16 = -16;

/// The function.
pub(crate) fn emit(emitter: &mut Emitter<'_>) -> Result<FunctionIndex, EmitError> {
    let map = emitter.map(&count_plan::role(), count_plan::map);
    let body = body(emitter, map)?;
    let mut asm = Asm::new();
    let done = asm.label();
    emitter.mark_line(&mut asm, None, "count by a list");
    emitter::begin(&mut asm, done);
    asm.load(Size::W, R8, R7, layout::WALK_RESULT);
    asm.store(Size::W, FP, KEY, R8);
    lookup(&mut asm, map);
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, done);
    asm.load(Size::W, R1, R0, 0);
    asm.alu_imm(Alu::Add, Width::W64, R8, 1);
    asm.store(Size::D, FP, FIRST, R8);
    asm.load(Size::W, R2, R7, layout::LENGTH);
    asm.store(Size::D, FP, LENGTH, R2);
    asm.function_pointer(R2, body);
    asm.mov(R3, FP);
    asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(FIRST));
    asm.mov_imm(R4, 0);
    asm.helper(Helper::Loop);
    asm.place(done);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "count_list", FunctionKind::Chain)
}

/// Counts by one number of the list.
fn body(emitter: &mut Emitter<'_>, map: MapIndex) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    let done = asm.label();
    emitter.mark_line(&mut asm, None, "count by one of a list");
    asm.mov(R6, R2);
    asm.load(Size::D, R2, R6, 0);
    asm.alu(Alu::Add, Width::W64, R1, R2);
    asm.store(Size::W, FP, KEY, R1);
    lookup(&mut asm, map);
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, done);
    asm.load(Size::W, R8, R0, 0);
    asm.mov(R1, R8);
    asm.alu_imm(Alu::Rsh, Width::W32, R1, RULES_PER_CHUNK.ilog2() as i32);
    asm.store(Size::W, FP, KEY, R1);
    lookup(&mut asm, COUNTERS_MAP);
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, done);
    asm.alu_imm(Alu::And, Width::W64, R8, RULES_PER_CHUNK as i32 - 1);
    asm.alu_imm(Alu::Mul, Width::W64, R8, COUNTER_SIZE as i32);
    asm.alu(Alu::Add, Width::W64, R0, R8);
    let length = |asm: &mut Asm, reg| asm.load(Size::D, reg, R6, LENGTH - FIRST);
    emitter.count_packet(&mut asm, R0, 0, length);
    asm.place(done);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "count_list_body", FunctionKind::LoopBody)
}

/// r0 = the entry of an array by the key in the frame.
fn lookup(asm: &mut Asm, map: MapIndex) {
    asm.map(R1, map);
    asm.mov(R2, FP);
    asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(KEY));
    asm.helper(Helper::MapLookup);
}
