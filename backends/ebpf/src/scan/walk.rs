//! The walk over IPv6 extension headers, as `ipv6_find_hdr` does it (net/ipv6/exthdrs_core.c).
//!
//! Without a kind to find (`ipv6_find_hdr(skb, &offset, -1, &fragoff, NULL)`) it goes to the
//! transport header, the first fragment header with an offset, "no next header", or the
//! packet's end, and fills the packet structure. With a kind it looks for that header.
//!
//! It is a function of its own, because its loop needs a callback (`bpf_loop`, Linux 5.17): the
//! kernel's walk has no bound, and neither has ours below the 8,192 headers that fit a packet.

use crate::asm::{
    Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R4, R6, R7, R8, Reg, Size, Width,
};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::main_function::authentication;
use crate::packet::layout;
use crate::target::SCRATCH_SIZE;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::Scan;

/// Extension headers that `ipv6_ext_hdr` knows, "no next header" (59) apart.
const EXTENSIONS: [i32; 5] = [0, 43, 44, 51, 60];
const ROUTING: i32 = 43;
pub(crate) const FRAGMENT: i32 = 44;
pub(crate) const AUTHENTICATION: i32 = 51;
/// More headers than a packet can hold.
pub(crate) const LONGEST: i32 = 8192;

/// In main: walk where the first next header is an extension header, then fill
/// `TRANSPORT_AVAILABLE`.
pub(crate) fn call(emitter: &Emitter<'_>, asm: &mut Asm, walk: FunctionIndex) {
    let [needed, done, none, stored] = std::array::from_fn(|_| asm.label());
    asm.load(Size::B, R1, R7, layout::NETWORK + 6);
    // The verifier walks first what follows the call, of which it knows the least.
    let [kinds @ .., last] = EXTENSIONS;
    for kind in kinds {
        asm.jump_imm(Jump::Eq, Width::W64, R1, kind, needed);
    }
    asm.jump_imm(Jump::Ne, Width::W64, R1, last, done);
    asm.place(needed);
    emitter::call(asm, walk);
    asm.place(done);
    asm.load(Size::B, R1, R7, layout::WALK_FAILED);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, none);
    asm.load(Size::W, R1, R7, emitter.layout.end());
    asm.load(Size::H, R2, R7, layout::TRANSPORT_OFFSET);
    asm.jump(Jump::Lt, Width::W64, R1, R2, none);
    asm.alu(Alu::Sub, Width::W64, R1, R2);
    asm.store(Size::W, R7, layout::TRANSPORT_AVAILABLE, R1);
    asm.goto(stored);
    asm.place(none);
    asm.store_imm(Size::W, R7, layout::TRANSPORT_AVAILABLE, 0);
    asm.place(stored);
}

/// Emits a walk and its loop body: to the transport header, or to the header `find`. The
/// function answers the scan's result; without `find` the answer means nothing.
pub(crate) fn emit(
    emitter: &mut Emitter<'_>,
    find: Option<u8>,
) -> Result<FunctionIndex, EmitError> {
    let body = body(emitter, find)?;
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "walk the IPv6 extension headers");
    let null = asm.label();
    asm.mov(R7, R2);
    asm.mov_imm(R0, 0);
    asm.jump_imm(Jump::Eq, Width::W64, R7, 0, null);
    start(&mut asm, Scan::ABSENT);
    run_loop(&mut asm, body, LONGEST);
    asm.load(Size::W, R0, R7, layout::WALK_RESULT);
    asm.place(null);
    asm.exit();
    emitter.add(asm, "walk_ipv6", FunctionKind::Chain)
}

/// Starts a walk at the header behind the fixed IPv6 header; r2 is scratch.
pub(crate) fn start(asm: &mut Asm, result: u32) {
    asm.load(Size::B, R2, R7, layout::NETWORK + 6);
    asm.store(Size::W, R7, layout::WALK_NEXT, R2);
    asm.store_imm(Size::W, R7, layout::WALK_OFFSET, 40);
    asm.store_imm(Size::W, R7, layout::WALK_RESULT, result as i32);
}

/// `bpf_loop(longest, body, {context, packet}, 0)`, with the program's context in r1 and the
/// packet in r7; uses 16 bytes of the frame.
pub(crate) fn run_loop(asm: &mut Asm, body: FunctionIndex, longest: i32) {
    asm.store(Size::D, FP, -16, R1);
    asm.store(Size::D, FP, -8, R7);
    asm.mov_imm(R1, longest);
    asm.function_pointer(R2, body);
    asm.mov(R3, FP);
    asm.alu_imm(Alu::Add, Width::W64, R3, -16);
    asm.mov_imm(R4, 0);
    asm.helper(Helper::Loop);
}

/// At a loop body's beginning: r6 = context, r7 = packet, r8 = the offset reached.
pub(crate) fn enter_body(asm: &mut Asm) {
    asm.load(Size::D, R6, R2, 0);
    asm.load(Size::D, R7, R2, 8);
    asm.load(Size::W, R8, R7, layout::WALK_OFFSET);
}

/// One header: 0 to go on, 1 when done.
fn body(emitter: &mut Emitter<'_>, find: Option<u8>) -> Result<FunctionIndex, EmitError> {
    let scratch = -8 - SCRATCH_SIZE;
    let find = find.map(i32::from);
    let mut asm = Asm::new();
    let [extension, whole, other, found, broken, stop] = std::array::from_fn(|_| asm.label());
    emitter.mark_line(&mut asm, None, "walk one IPv6 extension header");
    enter_body(&mut asm);
    asm.load(Size::W, R1, R7, layout::WALK_NEXT);
    for kind in EXTENSIONS {
        asm.jump_imm(Jump::Eq, Width::W64, R1, kind, extension);
    }
    match find {
        Some(kind) => {
            asm.jump_imm(Jump::Eq, Width::W64, R1, kind, found);
            asm.goto(stop);
        }
        None => asm.goto(found),
    }

    asm.place(extension);
    asm.store_imm(Size::D, FP, -8, 0);
    fetch(emitter, &mut asm, 0, 2, -8, scratch, broken);
    asm.load(Size::W, R1, R7, layout::WALK_NEXT);
    // The kernel reads four bytes of a routing header.
    asm.jump_imm(Jump::Ne, Width::W64, R1, ROUTING, whole);
    asm.mov(R2, R8);
    asm.alu_imm(Alu::Add, Width::W64, R2, 4);
    asm.load(Size::W, R3, R7, emitter.layout.end());
    asm.jump(Jump::Gt, Width::W64, R2, R3, broken);
    asm.place(whole);
    asm.jump_imm(Jump::Ne, Width::W64, R1, FRAGMENT, other);
    fetch(emitter, &mut asm, 2, 2, -6, scratch, broken);
    asm.load(Size::H, R1, FP, -6);
    asm.from_big_endian(R1, 16);
    asm.alu_imm(Alu::Rsh, Width::W64, R1, 3);
    match find {
        Some(FRAGMENT) => asm.goto(found),
        Some(_) => asm.jump_imm(Jump::Ne, Width::W64, R1, 0, stop),
        None => {
            // A later fragment: only a protocol that is no extension header is an answer.
            let first = asm.label();
            asm.jump_imm(Jump::Eq, Width::W64, R1, 0, first);
            asm.load(Size::B, R2, FP, -8);
            for kind in EXTENSIONS {
                asm.jump_imm(Jump::Eq, Width::W64, R2, kind, broken);
            }
            asm.store(Size::H, R7, layout::FRAGMENT_OFFSET, R1);
            asm.store(Size::W, R7, layout::WALK_NEXT, R2);
            // The kernel's walk leaves the transport offset at 0 there, and matches that do not
            // ask for fragments read on from it.
            asm.mov_imm(R8, 0);
            asm.goto(found);
            asm.place(first);
        }
    }
    if find != Some(FRAGMENT) {
        asm.load(Size::W, R1, R7, layout::WALK_NEXT);
    }
    asm.place(other);
    match find {
        Some(FRAGMENT) => {}
        None => authentication::note(emitter, &mut asm),
        Some(kind) => asm.jump_imm(Jump::Eq, Width::W64, R1, kind, found),
    }
    step(&mut asm);

    asm.place(broken);
    match find {
        Some(_) => asm.store_imm(Size::W, R7, layout::WALK_RESULT, Scan::BROKEN as i32),
        None => asm.store_imm(Size::B, R7, layout::WALK_FAILED, 1),
    }
    asm.goto(stop);
    asm.place(found);
    match find {
        Some(_) => asm.store(Size::W, R7, layout::WALK_RESULT, R8),
        None => {
            asm.load(Size::W, R1, R7, layout::WALK_NEXT);
            asm.store(Size::B, R7, layout::L4_PROTO, R1);
            // Beyond 16 bits lies beyond every packet.
            let fits = asm.label();
            asm.jump_imm(Jump::Le, Width::W64, R8, 0xffff, fits);
            asm.mov_imm(R8, 0xffff);
            asm.place(fits);
            asm.store(Size::H, R7, layout::TRANSPORT_OFFSET, R8);
        }
    }
    asm.place(stop);
    asm.mov_imm(R0, 1);
    asm.exit();
    emitter.add(asm, "walk_ipv6_header", FunctionKind::LoopBody)
}

/// Steps over the header of kind r1 at offset r8, whose first two bytes lie at r10 - 8, and goes
/// on: leaves the loop body with 0.
pub(crate) fn step(asm: &mut Asm) {
    let [authentication, fragment, advance] = std::array::from_fn(|_| asm.label());
    asm.load(Size::B, R2, FP, -7);
    asm.jump_imm(Jump::Eq, Width::W64, R1, AUTHENTICATION, authentication);
    asm.jump_imm(Jump::Eq, Width::W64, R1, FRAGMENT, fragment);
    asm.alu_imm(Alu::Add, Width::W64, R2, 1);
    asm.alu_imm(Alu::Lsh, Width::W64, R2, 3);
    asm.goto(advance);
    asm.place(authentication);
    asm.alu_imm(Alu::Add, Width::W64, R2, 2);
    asm.alu_imm(Alu::Lsh, Width::W64, R2, 2);
    asm.goto(advance);
    asm.place(fragment);
    asm.mov_imm(R2, 8);
    asm.place(advance);
    asm.alu(Alu::Add, Width::W64, R8, R2);
    asm.store(Size::W, R7, layout::WALK_OFFSET, R8);
    asm.load(Size::B, R1, FP, -8);
    asm.store(Size::W, R7, layout::WALK_NEXT, R1);
    asm.mov_imm(R0, 0);
    asm.exit();
}

/// Copies bytes at r8 + `at` from the network header to the frame; jumps where the packet ends
/// before.
pub(crate) fn fetch(
    emitter: &Emitter<'_>,
    asm: &mut Asm,
    at: i32,
    bytes: i32,
    to: i16,
    scratch: i16,
    broken: Label,
) {
    const END: Reg = R2;
    asm.mov(END, R8);
    asm.alu_imm(Alu::Add, Width::W64, END, at + bytes);
    asm.load(Size::W, R1, R7, emitter.layout.end());
    asm.jump(Jump::Gt, Width::W64, END, R1, broken);
    asm.alu_imm(Alu::Sub, Width::W64, END, bytes);
    asm.load(Size::W, R1, R7, layout::NETWORK_OFFSET);
    asm.alu(Alu::Add, Width::W64, END, R1);
    asm.mov(R3, FP);
    asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(to));
    asm.mov_imm(R4, bytes);
    emitter.target.fetch(asm, scratch);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, broken);
}
