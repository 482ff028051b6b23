//! How long a connection entry lives on, and the zone that it is in.

use super::{Entry, field};
use crate::asm::{Alu, Asm, Helper, Jump, R0, R1, R2, R3, R7, R8, R9, Size, Width};
use crate::emitter::Emitter;
use bpfc_ir::{CtField, CtTuple};

/// Says that there is no entry: one that the tracker will make is in the default zone.
pub(super) fn none(emitter: &Emitter<'_>, asm: &mut Asm) {
    let Some(to) = emitter.layout.ct(CtField::Expiration) else { return };
    asm.store_imm(Size::D, R7, to, 0);
    asm.store_imm(Size::D, R7, to + 8, 0);
}

/// Copies both of the entry in r9, where rules ask. Clobbers r0 to r5 and r8.
pub(super) fn copy(emitter: &Emitter<'_>, asm: &mut Asm, entry: Entry) {
    let place = |field| emitter.layout.ct(field);
    let places = (
        place(CtField::Expiration),
        place(CtField::Zone(None)),
        place(CtField::Zone(Some(CtTuple::Original))),
        place(CtField::Zone(Some(CtTuple::Reply))),
    );
    let (Some(expiration), Some(zone), Some(original), Some(reply)) = places else { return };
    // `nf_ct_expires`: of an entry that is not confirmed yet the time is counted from nothing, and
    // the kernel compares it likewise.
    let [ended, alive] = std::array::from_fn(|_| asm.label());
    entry.load(asm, Size::W, R8, "timeout", 4);
    asm.helper(Helper::Jiffies);
    asm.alu(Alu::Sub, Width::W32, R8, R0);
    asm.jump_imm(Jump::Slt, Width::W32, R8, 0, ended);
    asm.goto(alive);
    asm.place(ended);
    asm.mov_imm(R8, 0);
    asm.place(alive);
    // `jiffies_to_msecs` (kernel/time/time.c) rounds up where a tick is no whole number of them.
    asm.kconfig(R1, "CONFIG_HZ");
    asm.load(Size::W, R1, R1, 0);
    asm.alu_imm(Alu::Mul, Width::W64, R8, 1000);
    asm.alu(Alu::Add, Width::W64, R8, R1);
    asm.alu_imm(Alu::Sub, Width::W64, R8, 1);
    asm.alu(Alu::Div, Width::W64, R8, R1);
    asm.store(Size::W, R7, expiration, R8);

    let unlimited = asm.label();
    asm.field_exists(R1, field("nf_conn", "zone", 4));
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, unlimited);
    // `struct nf_conntrack_zone`: u16 number, u8 flags, u8 directions.
    asm.mov(R3, R9);
    asm.add_field_offset(R3, field("nf_conn", "zone", 4));
    asm.mov(R1, R7);
    asm.alu_imm(Alu::Add, Width::W64, R1, zone.into());
    asm.mov_imm(R2, 4);
    asm.helper(Helper::ProbeReadKernel);
    asm.load(Size::B, R8, R7, zone + 3);
    for (bit, to) in [(1, original), (2, reply)] {
        let elsewhere = asm.label();
        asm.mov_imm(R2, 0);
        asm.mov(R1, R8);
        asm.alu_imm(Alu::And, Width::W64, R1, bit);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, elsewhere);
        asm.load(Size::H, R2, R7, zone);
        asm.place(elsewhere);
        asm.store(Size::H, R7, to, R2);
    }
    asm.place(unlimited);
}
