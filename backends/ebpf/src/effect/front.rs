//! Inserts bytes into a packet on targets that grow packets only at their head: the bytes in front
//! of the place move towards the head.
//!
//! It is a function of its own with a loop, as scans are: extension headers may be long.

use crate::asm::{Alu, Asm, FP, Jump, R0, R1, R2, R3, R4, R6, R7, R8, R9, Size, Width};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::packet::layout;
use crate::scan::walk;
use crate::target::SCRATCH_SIZE;
use bpfc_artifact::{FunctionIndex, FunctionKind};

/// How many bytes packets grow by.
pub(crate) const GROWTH: i32 = 4;
/// Bytes that are moved at once.
const CHUNK: i16 = 32;
/// More chunks than a packet has.
const MOST_CHUNKS: i32 = 4096;

/// The function `int make_room(ctx, packet)`: makes room for [`GROWTH`] bytes at the offset that
/// `WALK_END` holds, as [`crate::Target::fetch`] counts. It answers 0 when done.
pub(crate) fn emit(emitter: &mut Emitter<'_>) -> Result<FunctionIndex, EmitError> {
    let body = body(emitter)?;
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "make room in the packet");
    let end = asm.label();
    asm.mov_imm(R0, 1);
    emitter::begin(&mut asm, end);
    emitter.rewrites()?.grow(&mut asm);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, end);
    asm.store_imm(Size::W, R7, layout::WALK_OFFSET, 0);
    asm.store_imm(Size::W, R7, layout::WALK_RESULT, 0);
    asm.mov(R1, R6);
    walk::run_loop(&mut asm, body, MOST_CHUNKS);
    asm.load(Size::W, R0, R7, layout::WALK_RESULT);
    asm.place(end);
    asm.exit();
    emitter.add(asm, "make_room", FunctionKind::Chain)
}

/// One chunk: 0 to go on, 1 when done.
fn body(emitter: &mut Emitter<'_>) -> Result<FunctionIndex, EmitError> {
    let chunk = -CHUNK;
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "move bytes towards the front");
    let [whole, broken, stop] = std::array::from_fn(|_| asm.label());
    walk::enter_body(&mut asm);
    asm.load(Size::W, R9, R7, layout::WALK_END);
    asm.jump(Jump::Ge, Width::W64, R8, R9, stop);
    asm.alu(Alu::Sub, Width::W64, R9, R8);
    asm.jump_imm(Jump::Le, Width::W64, R9, CHUNK.into(), whole);
    asm.mov_imm(R9, CHUNK.into());
    asm.place(whole);
    // The verifier does not see that the difference is not 0.
    asm.jump_imm(Jump::Eq, Width::W64, R9, 0, stop);
    for at in (0..CHUNK).step_by(8) {
        asm.store_imm(Size::D, FP, chunk + at, 0);
    }
    let bytes = |asm: &mut Asm, offset: i32| {
        asm.mov(R2, R8);
        asm.alu_imm(Alu::Add, Width::W64, R2, offset);
        asm.mov(R3, FP);
        asm.alu_imm(Alu::Add, Width::W64, R3, chunk.into());
        asm.mov(R4, R9);
    };
    bytes(&mut asm, GROWTH);
    emitter.target.fetch(&mut asm, chunk - SCRATCH_SIZE);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, broken);
    bytes(&mut asm, 0);
    emitter.rewrites()?.write(&mut asm, false);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, broken);
    asm.alu(Alu::Add, Width::W64, R8, R9);
    asm.store(Size::W, R7, layout::WALK_OFFSET, R8);
    asm.mov_imm(R0, 0);
    asm.exit();
    asm.place(broken);
    asm.store_imm(Size::W, R7, layout::WALK_RESULT, 1);
    asm.place(stop);
    asm.mov_imm(R0, 1);
    asm.exit();
    emitter.add(asm, "make_room_body", FunctionKind::LoopBody)
}
