//! What a connection entry carries besides (include/net/netfilter/nf_conntrack_extend.h): its
//! counters, its labels, and the helper of the connection that announced it.
//!
//! `struct nf_ct_ext` holds a byte for each kind: where in the extension it lies, 0 for nowhere.
//! Its types may be known to the module nf_conntrack alone, so it is read by addresses.

use crate::asm::{Alu, Asm, FP, Helper, Jump, Label, R1, R2, R3, R7, R8, R9, Size, Width};
use crate::emitter::Emitter;
use crate::kernel::{enter, field, if_null};
use bpfc_ir::{CtField, CtTuple};

/// Scratch in the frame of the function that finds the connection: clear of its first 8 bytes.
const SCRATCH: i16 = -32;

/// Copies what rules ask of the extensions of the `struct nf_conn` in r9. Clobbers r8.
pub(super) fn copy(emitter: &Emitter<'_>, asm: &mut Asm) {
    let layout = &emitter.layout;
    let places = (
        layout.ct(CtField::Counted),
        layout.ct(CtField::Packets(CtTuple::Original)),
        layout.ct(CtField::Helper),
        layout.ct(CtField::Labels),
    );
    let (Some(counted), Some(counters), Some(helper), Some(labels)) = places else { return };
    for word in (counted..counted + crate::packet::layout::CT_EXTENSION_SIZE).step_by(8) {
        asm.store_imm(Size::D, R7, word, 0);
    }
    let [none, unlabelled, alone] = std::array::from_fn(|_| asm.label());
    asm.mov(R8, R9);
    find(asm, Some("NF_CT_EXT_ACCT"), none);
    // Packets and bytes of both directions, as they lie there.
    read(asm, counters, 32);
    asm.store_imm(Size::B, R7, counted, 1);
    asm.place(none);

    asm.mov(R8, R9);
    find(asm, Some("NF_CT_EXT_LABELS"), unlabelled);
    read(asm, labels, 16);
    // A number of 128 bits lies in network order.
    for (from, to) in [(labels, R1), (labels + 8, R2)] {
        asm.load(Size::D, to, R7, from);
        asm.from_big_endian(to, 64);
    }
    asm.store(Size::D, R7, labels, R2);
    asm.store(Size::D, R7, labels + 8, R1);
    asm.place(unlabelled);

    asm.load_field(Size::D, R8, R9, field("nf_conn", "master", 8));
    if_null(asm, R8, alone);
    // The first kind of all, whatever the kernel is configured to have (`NF_CT_EXT_HELPER`).
    find(asm, None, alone);
    enter(asm, R8, "nf_conn_help", "helper", 8);
    pointer(asm, alone);
    enter(asm, R8, "nf_conntrack_helper", "name", 16);
    read(asm, helper, 16);
    asm.place(alone);
}

/// Copies bytes at the address in r8 to the packet structure.
fn read(asm: &mut Asm, to: i16, bytes: i32) {
    asm.mov(R1, R7);
    asm.alu_imm(Alu::Add, Width::W64, R1, i32::from(to));
    asm.mov_imm(R2, bytes);
    asm.mov(R3, R8);
    asm.helper(Helper::ProbeReadKernel);
}

/// `r8 = *(u64 *)r8`; jumps where that is 0.
fn pointer(asm: &mut Asm, none: Label) {
    asm.store_imm(Size::D, FP, SCRATCH, 0);
    asm.mov(R1, FP);
    asm.alu_imm(Alu::Add, Width::W64, R1, i32::from(SCRATCH));
    asm.mov_imm(R2, 8);
    asm.mov(R3, R8);
    asm.helper(Helper::ProbeReadKernel);
    asm.load(Size::D, R8, FP, SCRATCH);
    if_null(asm, R8, none);
}

/// From the `struct nf_conn` at r8 to its extension of a kind (an enumerator of
/// `enum nf_ct_ext_id`, the first one where none is named); jumps where it has none.
fn find(asm: &mut Asm, kind: Option<&str>, none: Label) {
    enter(asm, R8, "nf_conn", "ext", 8);
    pointer(asm, none);
    asm.store_imm(Size::D, FP, SCRATCH, 0);
    asm.mov(R1, FP);
    asm.alu_imm(Alu::Add, Width::W64, R1, i32::from(SCRATCH));
    asm.mov(R3, R8);
    enter(asm, R3, "nf_ct_ext", "offset", 0);
    if let Some(kind) = kind {
        asm.enum_value(R2, "nf_ct_ext_id", kind);
        asm.alu(Alu::Add, Width::W64, R3, R2);
    }
    asm.mov_imm(R2, 1);
    asm.helper(Helper::ProbeReadKernel);
    asm.load(Size::B, R1, FP, SCRATCH);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, none);
    asm.alu(Alu::Add, Width::W64, R8, R1);
}
