//! Following the kernel's own structures: typed pointers of addresses, and fields by name.
//!
//! `bpf_rdonly_cast` (Linux 6.2) makes a typed pointer of any number; reads through it cannot
//! fault, and read 0 where there is nothing (kernel/bpf/verifier.c, `PTR_UNTRUSTED`). The kernel's
//! tables are read under the RCU read lock that every program of ours runs in.

use crate::asm::{Alu, Asm, Jump, Label, R0, R1, R2, Reg, Size, Width};
use crate::target::Target;
use bpfc_artifact::KernelField;

/// A field of a kernel structure.
pub fn field(structure: &str, member: &str, size: u32) -> KernelField {
    KernelField { structure: structure.to_owned(), member: member.to_owned(), size }
}

/// `r0 = (struct NAME *)address`. Clobbers r0 to r5.
pub fn cast(asm: &mut Asm, address: Reg, structure: &str) {
    if address != R1 {
        asm.mov(R1, address);
    }
    asm.type_id(R2, structure);
    asm.kfunc("bpf_rdonly_cast");
}

/// `dst = *(u8, u16, u32 or u64 *)` of a field, by its size.
pub fn load(asm: &mut Asm, dst: Reg, base: Reg, structure: &str, member: &str, size: u16) {
    if let Some(width) = Size::of(size) {
        asm.load_field(width, dst, base, field(structure, member, size.into()));
    }
}

/// `dst += offset of a field`, for a field that is a structure of this many bytes.
pub fn enter(asm: &mut Asm, dst: Reg, structure: &str, member: &str, size: u32) {
    asm.add_field_offset(dst, field(structure, member, size));
}

/// `dst -= offset of a field`: from a part back to its structure. Clobbers `scratch`.
pub fn leave(asm: &mut Asm, dst: Reg, scratch: Reg, structure: &str, member: &str, size: u32) {
    asm.mov_imm(scratch, 0);
    asm.add_field_offset(scratch, field(structure, member, size));
    asm.alu(Alu::Sub, Width::W64, dst, scratch);
}

/// Jumps where a register is 0.
pub fn if_null(asm: &mut Asm, reg: Reg, label: Label) {
    asm.jump_imm(Jump::Eq, Width::W64, reg, 0, label);
}

/// `dst =` address of the packet's `struct dst_entry`, 0 without a route
/// (include/linux/skbuff.h, `skb_dst`). Clobbers r0 to r5.
pub fn load_route(target: &dyn Target, asm: &mut Asm, dst: Reg) {
    target.load_skb(asm, R1);
    load(asm, dst, R1, "sk_buff", "_skb_refdst", 8);
    // The lowest bit says that nobody counts the reference.
    asm.alu_imm(Alu::And, Width::W64, dst, -2);
}

/// Goes from a `struct nexthop *` in r1 to its (for a group its first member's)
/// `struct nh_info *` in r0 (include/net/nexthop.h). Clobbers r0 to r5.
pub fn nexthop_info(asm: &mut Asm) {
    let single = asm.label();
    cast(asm, R1, "nexthop");
    load(asm, R2, R0, "nexthop", "is_group", 1);
    load(asm, R1, R0, "nexthop", "nh_info", 8);
    asm.jump_imm(Jump::Eq, Width::W64, R2, 0, single);
    // The group lies where the information of a single one does.
    enter(asm, R1, "nh_group", "nh_entries", 0);
    cast(asm, R1, "nh_grp_entry");
    load(asm, R1, R0, "nh_grp_entry", "nh", 8);
    cast(asm, R1, "nexthop");
    load(asm, R1, R0, "nexthop", "nh_info", 8);
    asm.place(single);
    cast(asm, R1, "nh_info");
}
