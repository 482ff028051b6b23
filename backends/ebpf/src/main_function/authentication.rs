//! IPv6 packets with an authentication header: nftables takes it for the transport header, where
//! iptables and everything else go on to what stands behind it (include/net/netfilter/
//! nf_tables_ipv6.h, `IP6_FH_F_AUTH`).
//!
//! The walk notes the first such header. Around base chains of nftables the facts about the
//! transport header are exchanged for those about it, so that chains know nothing of two kinds of
//! facts, and packets without the header pay for a test of a byte alone.

use crate::asm::{Alu, Asm, FP, Jump, R0, R1, R2, R3, R4, R7, R8, Size, Width};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::main_function::parse;
use crate::packet::layout;
use crate::packet::region::authentication::{
    AVAILABLE, FRAGMENT_OFFSET, L4_PROTO, OFFSET, STATE, WALK_FAILED, state,
};
use crate::routine::Routine;
use crate::scan::walk::AUTHENTICATION;
use crate::target::SCRATCH_SIZE;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{PacketFamily, Walk};

/// In main, before IPv6's extension headers are walked: no such header yet.
pub(super) fn forget(emitter: &Emitter<'_>, asm: &mut Asm) {
    if let Some(at) = emitter.layout.authentication() {
        asm.store_imm(Size::B, R7, at + STATE, state::ABSENT.into());
    }
}

/// In the walk, at a header of the kind r1 at offset r8 of which two bytes are there: notes the
/// first one. Clobbers r2.
pub(crate) fn note(emitter: &Emitter<'_>, asm: &mut Asm) {
    let Some(at) = emitter.layout.authentication() else { return };
    let done = asm.label();
    asm.jump_imm(Jump::Ne, Width::W64, R1, AUTHENTICATION, done);
    asm.load(Size::B, R2, R7, at + STATE);
    asm.jump_imm(Jump::Ne, Width::W64, R2, state::ABSENT.into(), done);
    asm.store_imm(Size::B, R7, at + STATE, state::FOUND.into());
    asm.store(Size::H, R7, at + OFFSET, R8);
    asm.place(done);
}

/// In main, around base chains: what they take for the transport header, where that is not what
/// those before took for it. `now` is what is in place.
pub(super) fn choose(
    emitter: &mut Emitter<'_>,
    asm: &mut Asm,
    family: PacketFamily,
    wanted: Walk,
    now: &mut Walk,
) {
    if family != PacketFamily::Ipv6 || *now == wanted {
        return;
    }
    let Some(at) = emitter.layout.authentication() else { return };
    *now = wanted;
    let absent = asm.label();
    let exchange = emitter.routine(Routine::Authentication);
    asm.load(Size::B, R1, R7, at + STATE);
    asm.jump_imm(Jump::Eq, Width::W64, R1, state::ABSENT.into(), absent);
    emitter::call(asm, exchange);
    asm.place(absent);
}

/// In main, where a packet was rejected by one of several chains: who answers looks behind the
/// header. Keeps r0.
pub(super) fn put_back(emitter: &mut Emitter<'_>, asm: &mut Asm) {
    let Some(at) = emitter.layout.authentication() else { return };
    let done = asm.label();
    let exchange = emitter.routine(Routine::Authentication);
    asm.load(Size::B, R1, R7, at + STATE);
    asm.jump_imm(Jump::Ne, Width::W64, R1, state::EXCHANGED.into(), done);
    asm.mov(R8, R0);
    emitter::call(asm, exchange);
    asm.mov(R0, R8);
    asm.place(done);
}

/// The function that exchanges the facts.
pub(crate) fn emit(emitter: &mut Emitter<'_>) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "take an authentication header for the transport header");
    let null = asm.label();
    asm.mov_imm(R0, 0);
    emitter::begin(&mut asm, null);
    if let Some(at) = emitter.layout.authentication() {
        exchange(emitter, &mut asm, at);
    }
    asm.place(null);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "authentication_header", FunctionKind::Chain)
}

fn exchange(emitter: &Emitter<'_>, asm: &mut Asm, at: i16) {
    let [known, back, stored] = std::array::from_fn(|_| asm.label());
    asm.load(Size::B, R3, R7, at + STATE);
    asm.jump_imm(Jump::Ne, Width::W64, R3, state::FOUND.into(), known);
    // Its offset is all that the walk has noted; the bytes that it read are there.
    asm.load(Size::W, R1, R7, emitter.layout.end());
    asm.load(Size::H, R2, R7, at + OFFSET);
    asm.alu(Alu::Sub, Width::W64, R1, R2);
    asm.store(Size::W, R7, at + AVAILABLE, R1);
    asm.store_imm(Size::H, R7, at + FRAGMENT_OFFSET, 0);
    asm.store_imm(Size::B, R7, at + L4_PROTO, AUTHENTICATION);
    asm.store_imm(Size::B, R7, at + WALK_FAILED, 0);
    asm.place(known);
    for (size, own, other) in [
        (Size::W, layout::TRANSPORT_AVAILABLE, AVAILABLE),
        (Size::H, layout::TRANSPORT_OFFSET, OFFSET),
        (Size::H, layout::FRAGMENT_OFFSET, FRAGMENT_OFFSET),
        (Size::B, layout::L4_PROTO, L4_PROTO),
        (Size::B, layout::WALK_FAILED, WALK_FAILED),
    ] {
        asm.load(size, R1, R7, own);
        asm.load(size, R2, R7, at + other);
        asm.store(size, R7, own, R2);
        asm.store(size, R7, at + other, R1);
    }
    asm.mov_imm(R4, state::EXCHANGED.into());
    asm.jump_imm(Jump::Eq, Width::W64, R3, state::EXCHANGED.into(), back);
    asm.goto(stored);
    asm.place(back);
    asm.mov_imm(R4, state::PUT_BACK.into());
    asm.place(stored);
    asm.store(Size::B, R7, at + STATE, R4);
    let scratch = -SCRATCH_SIZE - 8;
    for at in (scratch..0).step_by(8) {
        asm.store_imm(Size::D, FP, at, 0);
    }
    parse::copy_transport(emitter.target, asm, scratch);
}
