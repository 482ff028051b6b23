//! The search for an SCTP chunk (net/netfilter/xt_sctp.c, `match_packet`).

use crate::asm::{Alu, Asm, FP, Jump, Label, R0, R1, R2, R3, R6, R7, R8, Size, Width};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::packet::layout;
use crate::scan::walk;
use crate::target::SCRATCH_SIZE;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{Scan, SctpChunks};

/// Chunks follow the common header of 12 bytes (RFC 9260 section 3.1).
const COMMON_HEADER: i32 = 12;
/// Chunks of a packet of 64 KiB.
const LONGEST: i32 = 16_384;

/// Emits the search for a chunk of a set.
pub(crate) fn emit(
    emitter: &mut Emitter<'_>,
    chunks: &SctpChunks,
) -> Result<FunctionIndex, EmitError> {
    let body = body(emitter, chunks)?;
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "search the SCTP chunks");
    let null = asm.label();
    asm.mov_imm(R0, 0);
    emitter::begin(&mut asm, null);
    asm.load(Size::H, R1, R7, layout::TRANSPORT_OFFSET);
    asm.alu_imm(Alu::Add, Width::W64, R1, COMMON_HEADER);
    asm.store(Size::W, R7, layout::WALK_OFFSET, R1);
    asm.store_imm(Size::W, R7, layout::WALK_RESULT, Scan::ABSENT as i32);
    asm.mov(R1, R6);
    walk::run_loop(&mut asm, body, LONGEST);
    asm.load(Size::W, R0, R7, layout::WALK_RESULT);
    asm.place(null);
    asm.exit();
    emitter.add(asm, "scan_sctp_chunk", FunctionKind::Chain)
}

/// One chunk: 0 to go on, 1 when done.
fn body(emitter: &mut Emitter<'_>, chunks: &SctpChunks) -> Result<FunctionIndex, EmitError> {
    let scratch = -8 - SCRATCH_SIZE;
    let mut asm = Asm::new();
    let [named, other, found, broken, stop] = std::array::from_fn(|_| asm.label());
    emitter.mark_line(&mut asm, None, "look at one SCTP chunk");
    walk::enter_body(&mut asm);
    asm.store_imm(Size::D, FP, -8, 0);
    walk::fetch(emitter, &mut asm, 0, 4, -8, scratch, broken);
    asm.load(Size::H, R3, FP, -6);
    asm.from_big_endian(R3, 16);
    asm.jump_imm(Jump::Eq, Width::W64, R3, 0, broken);
    asm.load(Size::B, R1, FP, -8);
    asm.load(Size::B, R2, FP, -7);
    membership(&mut asm, chunks, named, other);

    let (hit, miss) = if chunks.is_complement() { (other, named) } else { (named, other) };
    // Where the set names nothing, nothing jumps to `named`.
    let names_nothing = chunks.conditions().next().is_none() && chunks.kinds().next().is_none();
    if !(names_nothing && chunks.is_complement()) {
        asm.place(miss);
        asm.alu_imm(Alu::Add, Width::W64, R3, 3);
        asm.alu_imm(Alu::And, Width::W64, R3, -4);
        asm.alu(Alu::Add, Width::W64, R8, R3);
        asm.store(Size::W, R7, layout::WALK_OFFSET, R8);
        asm.load(Size::W, R1, R7, emitter.layout.end());
        asm.jump(Jump::Ge, Width::W64, R8, R1, stop);
        asm.mov_imm(R0, 0);
        asm.exit();
    }
    if !names_nothing || chunks.is_complement() {
        asm.place(hit);
        asm.goto(found);
    }
    asm.place(broken);
    asm.alu_imm(Alu::Mov, Width::W32, R8, Scan::BROKEN as i32);
    asm.place(found);
    asm.store(Size::W, R7, layout::WALK_RESULT, R8);
    asm.place(stop);
    asm.mov_imm(R0, 1);
    asm.exit();
    emitter.add(asm, "scan_sctp_chunk_body", FunctionKind::LoopBody)
}

/// Jumps to `named` where the chunk of type r1 and flags r2 is one of those that the set names,
/// to `other` where not. r0 is scratch.
fn membership(asm: &mut Asm, chunks: &SctpChunks, named: Label, other: Label) {
    for condition in chunks.conditions() {
        let next = asm.label();
        asm.jump_imm(Jump::Ne, Width::W64, R1, i32::from(condition.kind), next);
        asm.alu_imm(Alu::And, Width::W64, R2, i32::from(condition.mask));
        asm.jump_imm(Jump::Eq, Width::W64, R2, i32::from(condition.value), named);
        asm.goto(other);
        asm.place(next);
    }
    let kinds: Vec<u8> = chunks.kinds().collect();
    if kinds.len() <= 16 {
        for kind in kinds {
            asm.jump_imm(Jump::Eq, Width::W64, R1, i32::from(kind), named);
        }
        asm.goto(other);
        return;
    }
    let test = asm.label();
    asm.mov(R2, R1);
    asm.alu_imm(Alu::Rsh, Width::W64, R2, 6);
    for (number, word) in chunks.bits().into_iter().enumerate() {
        asm.constant(R0, word);
        asm.jump_imm(Jump::Eq, Width::W64, R2, number as i32, test);
    }
    asm.place(test);
    asm.alu_imm(Alu::And, Width::W64, R1, 63);
    asm.alu(Alu::Rsh, Width::W64, R0, R1);
    asm.jump_imm(Jump::Set, Width::W64, R0, 1, named);
    asm.goto(other);
}
