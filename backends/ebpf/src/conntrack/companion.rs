//! The companion of programs that look connections up: it sees what leaves by their interfaces and
//! notes the connections that the kernel does not look up for programs (see [`super::noted`]).
//!
//! A packet that leaves carries its connection in its final form, translated and confirmed.
//! Whatever state but NEW a packet that comes in by an interface can have, some packet of its
//! connection has left by that interface before, where both ways are the same.

use super::entry::{DIRECTION, NODE_SIZE, PROTOCOL};
use super::{load_entry, probe};
use crate::asm::{Alu, Asm, FP, Helper, Jump, R0, R1, R2, R3, R4, R6, R8, R9, Size, Width};
use crate::conntrack::tuple::{TCP, UDP};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::kernel::skb;
use crate::kernel::{enter, field};
use crate::names;
use crate::packet::layout::CT_TUPLE_SIZE;
use bpfc_artifact::{AttachPoint, FunctionKind, MapIndex, Program, ProgramKind};

/// The frame: a tuple, what is noted of it, a place for a pointer.
const TUPLE: i16 = -40;
const NOTE: i16 = -48;
const POINTER: i16 = -56;

/// `TCX_NEXT`: what comes next goes on with the packet.
const NEXT: i32 = -1;

/// Gives the artifact its companion, once.
pub(super) fn add(emitter: &mut Emitter<'_>, map: MapIndex) -> Result<(), EmitError> {
    if emitter.services.iter().any(|program| program.attach == AttachPoint::Companion) {
        return Ok(());
    }
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "note the connection");
    note(&mut asm, map);
    let name = names::program(AttachPoint::Companion);
    let unique = emitter.name(&name);
    let function = asm.finish(unique, FunctionKind::Main, ProgramKind::SchedCls, 0)?;
    let entry = emitter.push(function);
    let program = Program { name, attach: AttachPoint::Companion, entry };
    emitter.services.push(program);
    Ok(())
}

fn note(asm: &mut Asm, map: MapIndex) {
    let done = asm.label();
    asm.mov(R6, R1);
    skb::kernel_skb(asm, R1);
    asm.load_field(Size::D, R8, R1, field("sk_buff", "_nfct", 8));
    asm.alu_imm(Alu::And, Width::W64, R8, -8);
    asm.jump_imm(Jump::Eq, Width::W64, R8, 0, done);
    load_entry(asm, R8, R9, POINTER);
    asm.mov(R1, R9);
    enter(asm, R1, "nf_conn", "tuplehash", 112);
    asm.load(Size::B, R1, R1, NODE_SIZE as i16 + PROTOCOL);
    for looked_up in [TCP, UDP] {
        asm.jump_imm(Jump::Eq, Width::W64, R1, looked_up, done);
    }
    for direction in 0..2 {
        let [here, update, known] = std::array::from_fn(|_| asm.label());
        // Programs look in the default zone.
        asm.field_exists(R1, field("nf_conn", "zone", 4));
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, here);
        asm.load_field(Size::H, R1, R9, field("nf_conn", "zone", 4));
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, here);
        asm.mov(R1, R9);
        enter(asm, R1, "nf_conn", "zone", 4);
        asm.load(Size::B, R1, R1, 3);
        asm.jump_imm(Jump::Set, Width::W64, R1, 1 << direction, known);
        asm.place(here);

        asm.mov(R3, R9);
        enter(asm, R3, "nf_conn", "tuplehash", 112);
        let stride = NODE_SIZE + i32::from(CT_TUPLE_SIZE);
        asm.alu_imm(Alu::Add, Width::W64, R3, NODE_SIZE + direction * stride);
        probe::copy(asm, TUPLE, CT_TUPLE_SIZE.into());
        asm.store_imm(Size::B, FP, TUPLE + DIRECTION, 0);
        asm.mov(R1, R8);
        asm.alu_imm(Alu::Or, Width::W64, R1, direction);
        asm.store(Size::D, FP, NOTE, R1);
        // Most are noted already.
        asm.map(R1, map);
        asm.frame_address(R2, TUPLE);
        asm.helper(Helper::MapLookup);
        asm.jump_imm(Jump::Eq, Width::W64, R0, 0, update);
        asm.load(Size::D, R1, R0, 0);
        asm.load(Size::D, R2, FP, NOTE);
        asm.jump(Jump::Eq, Width::W64, R1, R2, known);
        asm.place(update);
        asm.map(R1, map);
        asm.frame_address(R2, TUPLE);
        asm.frame_address(R3, NOTE);
        asm.mov_imm(R4, 0);
        asm.helper(Helper::MapUpdate);
        asm.place(known);
    }
    asm.place(done);
    asm.mov_imm(R0, NEXT);
    asm.exit();
}
