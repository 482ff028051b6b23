//! The set of extension headers that the match ipv6header collects
//! (net/ipv6/netfilter/ip6t_ipv6header.c).

use crate::asm::{Alu, Asm, FP, Jump, R0, R1, R2, R7, R8, R9, Size, Width};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::packet::layout;
use crate::scan::walk::{self, AUTHENTICATION, FRAGMENT};
use crate::target::SCRATCH_SIZE;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::Scan;

const ESP: i32 = 50;
const NO_NEXT: i32 = 59;
/// Headers that are stepped over, with their bits (include/uapi/linux/netfilter_ipv6/
/// ip6t_ipv6header.h).
const BITS: [(i32, i32); 6] =
    [(0, 0x80), (60, 0x40), (43, 0x20), (FRAGMENT, 0x10), (AUTHENTICATION, 0x08), (ESP, 0x04)];
const NONE_BIT: i32 = 0x02;
const OTHER_BIT: i32 = 0x01;

/// Emits the collection.
pub(crate) fn emit(emitter: &mut Emitter<'_>) -> Result<FunctionIndex, EmitError> {
    let body = body(emitter)?;
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "collect the IPv6 extension headers");
    let null = asm.label();
    asm.mov(R7, R2);
    asm.mov_imm(R0, 0);
    asm.jump_imm(Jump::Eq, Width::W64, R7, 0, null);
    walk::start(&mut asm, 0);
    walk::run_loop(&mut asm, body, walk::LONGEST);
    asm.load(Size::W, R0, R7, layout::WALK_RESULT);
    asm.place(null);
    asm.exit();
    emitter.add(asm, "scan_ipv6_headers", FunctionKind::Chain)
}

/// One header: 0 to go on, 1 when done. r9 is the bit of the header.
fn body(emitter: &mut Emitter<'_>) -> Result<FunctionIndex, EmitError> {
    let scratch = -8 - SCRATCH_SIZE;
    let mut asm = Asm::new();
    let [beyond, known, add, broken, stop] = std::array::from_fn(|_| asm.label());
    emitter.mark_line(&mut asm, None, "look at one IPv6 extension header");
    walk::enter_body(&mut asm);
    asm.load(Size::W, R2, R7, emitter.layout.end());
    asm.load(Size::W, R1, R7, layout::WALK_NEXT);
    asm.jump(Jump::Gt, Width::W64, R8, R2, beyond);
    for (kind, bit) in BITS {
        asm.mov_imm(R9, bit);
        asm.jump_imm(Jump::Eq, Width::W64, R1, kind, known);
    }
    asm.mov_imm(R9, NONE_BIT);
    asm.jump_imm(Jump::Eq, Width::W64, R1, NO_NEXT, add);
    asm.mov_imm(R9, OTHER_BIT);
    asm.goto(add);
    asm.place(beyond);
    asm.jump_imm(Jump::Eq, Width::W64, R1, NO_NEXT, stop);
    asm.jump_imm(Jump::Eq, Width::W64, R1, ESP, stop);
    asm.mov_imm(R9, OTHER_BIT);
    asm.goto(add);

    asm.place(known);
    asm.store_imm(Size::D, FP, -8, 0);
    walk::fetch(emitter, &mut asm, 0, 2, -8, scratch, broken);
    asm.load(Size::W, R1, R7, layout::WALK_NEXT);
    asm.jump_imm(Jump::Eq, Width::W64, R1, ESP, add);
    asm.load(Size::W, R2, R7, layout::WALK_RESULT);
    asm.alu(Alu::Or, Width::W64, R2, R9);
    asm.store(Size::W, R7, layout::WALK_RESULT, R2);
    walk::step(&mut asm);

    asm.place(add);
    asm.load(Size::W, R2, R7, layout::WALK_RESULT);
    asm.alu(Alu::Or, Width::W64, R2, R9);
    asm.store(Size::W, R7, layout::WALK_RESULT, R2);
    asm.goto(stop);
    asm.place(broken);
    asm.store_imm(Size::W, R7, layout::WALK_RESULT, Scan::ABSENT as i32);
    asm.place(stop);
    asm.mov_imm(R0, 1);
    asm.exit();
    emitter.add(asm, "scan_ipv6_headers_body", FunctionKind::LoopBody)
}
