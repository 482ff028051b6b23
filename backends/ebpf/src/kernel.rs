//! Following the kernel's own structures: typed pointers of addresses, and fields by name.
//!
//! `bpf_rdonly_cast` (Linux 6.2) makes a typed pointer of any number; reads through it cannot
//! fault, and read 0 where there is nothing (kernel/bpf/verifier.c, `PTR_UNTRUSTED`). The kernel's
//! tables are read under the RCU read lock that every program of ours runs in.

pub(crate) mod clock;
pub(crate) mod device;
pub(crate) mod extension;
pub mod skb;
pub mod xdp;

use crate::asm::{Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R7, R9, Reg, Size, Width};
use crate::emitter::Emitter;
use crate::packet::needs::Needs;
use crate::target::Target;
use bpfc_artifact::{KernelField, ProgramKind};

/// A field of a kernel structure.
pub fn field(structure: &str, member: &str, size: u32) -> KernelField {
    KernelField { structure: structure.to_owned(), member: member.to_owned(), size }
}

/// A way to read structures of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// By typed pointers, Linux 6.2: a load each.
    Typed,
    /// By copies, which cost several times as much, on any kernel and for any loader.
    Copied,
}

/// In which ways a program reads structures of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// By typed pointers: it needs them anyway.
    Typed,
    /// By typed pointers where the kernel has them, by copies elsewhere.
    Either,
    /// As the former, but that objects copy, so that loaders take them which know no kernel
    /// functions.
    EitherHere,
}

impl Reading {
    /// In which ways XDP programs read what they know of a device, by what rules ask for.
    pub fn at_xdp(needs: &Needs) -> Reading {
        match needs {
            Needs { lookup: true, .. } | Needs { rules: true, .. } => Reading::Typed,
            Needs { in_interface: true, .. }
            | Needs { packet_type: true, .. }
            | Needs { log: true, .. } => Reading::Either,
            _ => Reading::EitherHere,
        }
    }

    /// In which ways the functions of an emitter's target do.
    pub(crate) fn of(emitter: &Emitter<'_>) -> Reading {
        match emitter.target.kind() {
            ProgramKind::Xdp => Reading::at_xdp(&emitter.needs),
            _ => Reading::Typed,
        }
    }

    /// Emits what reads, once for each way that a kernel may need. The verifier removes the other
    /// one. Clobbers r0.
    pub fn emit(self, asm: &mut Asm, emit: impl Fn(&mut Asm, Way)) {
        let Some(in_objects) = self.alternative() else { return emit(asm, Way::Typed) };
        let [copied, done] = std::array::from_fn(|_| asm.label());
        asm.unless_kernel_has(CAST, in_objects, copied, |asm| emit(asm, Way::Typed));
        asm.goto(done);
        asm.place(copied);
        emit(asm, Way::Copied);
        asm.place(done);
    }

    /// Whether objects have the choice, where there is one.
    pub(crate) fn alternative(self) -> Option<bool> {
        match self {
            Reading::Typed => None,
            Reading::Either => Some(true),
            Reading::EitherHere => Some(false),
        }
    }
}

/// What makes typed pointers of numbers; `bpf_cast_to_kern_ctx` came with it.
pub(crate) const CAST: &str = "bpf_rdonly_cast";

/// `r0 = (struct NAME *)address`. Clobbers r0 to r5.
pub fn cast(asm: &mut Asm, address: Reg, structure: &str) {
    if address != R1 {
        asm.mov(R1, address);
    }
    asm.type_id(R2, structure);
    asm.kfunc(CAST);
}

/// `r0 = address`, to read bytes there. A typed pointer to a structure that begins with an array of
/// bytes makes them readable; an untyped one needs Linux 6.17. Clobbers r1 to r5.
pub fn cast_to_bytes(asm: &mut Asm, address: Reg) {
    // `char sysname[65]` comes first.
    cast(asm, address, "new_utsname");
}

/// `dst = *(u8, u16, u32 or u64 *)` of a field, by its size.
pub fn load(asm: &mut Asm, dst: Reg, base: Reg, structure: &str, member: &str, size: u16) {
    if let Some(width) = Size::of(size) {
        asm.load_field(width, dst, base, field(structure, member, size.into()));
    }
}

/// `dst =` a field of the structure at `base`, in one of the ways. Clobbers r0 to r5 and, where it
/// copies, the 8 bytes below r10.
pub fn read(asm: &mut Asm, way: Way, dst: Reg, base: Reg, of: (&str, &str), size: u16) {
    let (structure, member) = of;
    match way {
        Way::Typed => {
            cast(asm, base, structure);
            load(asm, dst, R0, structure, member, size);
        }
        Way::Copied => copy_field(asm, dst, base, structure, member, size),
    }
}

/// Copies `bytes` bytes, 8 at most, at r3 to the 8 bytes below r10; zero where there is nothing.
/// Any kernel can, where [`cast`] needs Linux 6.2.
pub fn copy(asm: &mut Asm, bytes: i32) {
    if bytes < 8 {
        asm.store_imm(Size::D, FP, -8, 0);
    }
    probe(asm, bytes);
}

/// Does what [`copy`] does, and leaves what is behind `bytes` bytes as it was: the helper itself
/// writes zeros where it cannot read (kernel/trace/bpf_trace.c).
fn probe(asm: &mut Asm, bytes: i32) {
    asm.frame_address(R1, -8);
    asm.mov_imm(R2, bytes);
    asm.helper(Helper::ProbeReadKernel);
}

/// `dst =` a field of the structure at `base`, by [`copy`]. Clobbers r0 to r5.
pub fn copy_field(asm: &mut Asm, dst: Reg, base: Reg, structure: &str, member: &str, size: u16) {
    if base != R3 {
        asm.mov(R3, base);
    }
    asm.add_field_offset(R3, field(structure, member, size.into()));
    probe(asm, size.into());
    if let Some(width) = Size::of(size) {
        asm.load(width, dst, FP, -8);
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

/// `r1 = struct net_device *` of the first nexthop of the `struct fib_info *` in r1. Clobbers r0 to
/// r5.
pub fn first_device(asm: &mut Asm) {
    first_nexthop(asm);
    load(asm, R1, R0, "fib_nh_common", "nhc_dev", 8);
}

/// `r0 = struct fib_nh_common *` of the first nexthop of the `struct fib_info *` in r1
/// (include/net/nexthop.h, `fib_info_nhc`). Clobbers r1 to r5.
pub fn first_nexthop(asm: &mut Asm) {
    let [own, device] = std::array::from_fn(|_| asm.label());
    cast(asm, R1, "fib_info");
    load(asm, R1, R0, "fib_info", "nh", 8);
    if_null(asm, R1, own);
    nexthop_info(asm);
    enter(asm, R0, "nh_info", "fib_nhc", 0);
    asm.goto(device);
    asm.place(own);
    enter(asm, R0, "fib_info", "fib_nh", 0);
    // A nexthop begins with what all families have in common.
    asm.place(device);
    cast(asm, R0, "fib_nh_common");
}

/// Goes from a `struct nexthop *` in r1 to its (for a group its first member's)
/// `struct nh_info *` in r0 (include/net/nexthop.h). Clobbers r0 to r5.
pub fn nexthop_info(asm: &mut Asm) {
    let single = asm.label();
    nexthop_or_group(asm);
    asm.jump_imm(Jump::Eq, Width::W64, R2, 0, single);
    enter(asm, R1, "nh_group", "nh_entries", 0);
    member_info(asm);
    asm.place(single);
    cast(asm, R1, "nh_info");
}

/// Goes from a `struct nexthop *` in r1 to the `struct nh_info *`, in r0, of the member whose
/// number lies at an offset of the packet structure, at `none` behind the last one
/// (include/net/nexthop.h, `nexthop_for_each_fib6_nh`). A nexthop that is no group is its only
/// member. Clobbers r0 to r5 and r9.
pub fn nexthop_member(asm: &mut Asm, number: i16, none: Label) {
    let [group, found] = std::array::from_fn(|_| asm.label());
    nexthop_or_group(asm);
    asm.load(Size::W, R3, R7, number);
    asm.jump_imm(Jump::Ne, Width::W64, R2, 0, group);
    asm.jump_imm(Jump::Ne, Width::W64, R3, 0, none);
    asm.goto(found);
    asm.place(group);
    asm.mov(R9, R1);
    cast(asm, R1, "nh_group");
    load(asm, R1, R0, "nh_group", "num_nh", 2);
    asm.load(Size::W, R3, R7, number);
    asm.jump(Jump::Ge, Width::W64, R3, R1, none);
    asm.type_size(R2, "nh_grp_entry");
    asm.alu(Alu::Mul, Width::W64, R3, R2);
    asm.mov(R1, R9);
    enter(asm, R1, "nh_group", "nh_entries", 0);
    asm.alu(Alu::Add, Width::W64, R1, R3);
    member_info(asm);
    asm.place(found);
    cast(asm, R1, "nh_info");
}

/// r1 = `struct nexthop *`: r2 = whether it is a group, r1 = `struct nh_group *` or
/// `struct nh_info *`, which lie in the same place.
fn nexthop_or_group(asm: &mut Asm) {
    cast(asm, R1, "nexthop");
    load(asm, R2, R0, "nexthop", "is_group", 1);
    load(asm, R1, R0, "nexthop", "nh_info", 8);
}

/// r1 = address of a group's entry: r1 = `struct nh_info *` of its nexthop, which is never a group.
fn member_info(asm: &mut Asm) {
    cast(asm, R1, "nh_grp_entry");
    load(asm, R1, R0, "nh_grp_entry", "nh", 8);
    cast(asm, R1, "nexthop");
    load(asm, R1, R0, "nexthop", "nh_info", 8);
}
