//! Turns a rejected packet around: it becomes the answer.

use super::{HEADER, Reply};
use crate::asm::{Alu, Asm, FP, Jump, Label, R0, R1, R2, R3, R4, R7, Size, Width};
use crate::emitter::Emitter;
use crate::packet::layout;

/// An Ethernet header, and one with two tags.
const ETHERNET: i32 = 14;
const LONGEST_LINK: i32 = 22;
/// Where the link header lies while the packet changes: the network header is no longer needed.
const LINK: i16 = layout::NETWORK;

/// Makes the answer of the packet: `headers` bytes from the frame's [`HEADER`] replace everything
/// before what the answer keeps. On entry r8 is where the packet ends then, as `fetch` counts, and
/// r9 by how much its front moves forward (negative: the packet grows). The link header stays,
/// tags and all, its addresses exchanged. Jumps to `none` where that fails: the packet is lost.
pub(super) fn emit(
    emitter: &Emitter<'_>,
    reply: &Reply<'_>,
    asm: &mut Asm,
    headers: i32,
    none: Label,
) {
    let [bare, unlinked] = std::array::from_fn(|_| asm.label());
    asm.load(Size::W, R4, R7, layout::NETWORK_OFFSET);
    asm.jump_imm(Jump::Eq, Width::W64, R4, 0, bare);
    asm.jump_imm(Jump::Lt, Width::W64, R4, ETHERNET, none);
    asm.jump_imm(Jump::Gt, Width::W64, R4, LONGEST_LINK, none);
    asm.mov_imm(R2, 0);
    asm.mov(R3, R7);
    asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(LINK));
    emitter.target.fetch(asm, 0);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, none);
    exchange(asm);
    asm.place(bare);

    reply.replies.trim(asm);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, none);
    reply.replies.shift(asm);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, none);

    asm.load(Size::W, R4, R7, layout::NETWORK_OFFSET);
    asm.jump_imm(Jump::Lt, Width::W64, R4, ETHERNET, unlinked);
    asm.jump_imm(Jump::Gt, Width::W64, R4, LONGEST_LINK, unlinked);
    asm.mov_imm(R2, 0);
    asm.mov(R3, R7);
    asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(LINK));
    reply.replies.store(asm, true);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, none);
    asm.place(unlinked);
    asm.load(Size::W, R2, R7, layout::NETWORK_OFFSET);
    asm.mov(R3, FP);
    asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(HEADER));
    asm.mov_imm(R4, headers);
    reply.replies.store(asm, false);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, none);
}

/// Exchanges the Ethernet addresses of the link header.
fn exchange(asm: &mut Asm) {
    for word in (0..6).step_by(2) {
        asm.load(Size::H, R1, R7, LINK + word);
        asm.load(Size::H, R2, R7, LINK + 6 + word);
        asm.store(Size::H, R7, LINK + word, R2);
        asm.store(Size::H, R7, LINK + 6 + word, R1);
    }
}
