//! Whether an IPv6 address belongs to a device (net/ipv6/addrconf.c, `ipv6_chk_addr`): one of a
//! link or of the host alone to the device that has it, any other one of this host's to all.

use super::step::{increase, mode};
use crate::asm::{Alu, Asm, Jump, Label, R0, R1, R2, R7, R8, R9, Reg, Size, Width};
use crate::kernel::{self, cast, if_null, load};
use crate::packet::region::walk::{
    ADDRESS, ADDRESSES, BUCKET, MEMBER, MODE, OWNED, REST, SOURCE_ADDRESS,
};

/// What `OWNED` says of the flow's source.
pub(super) mod owned {
    /// Nobody has looked yet.
    pub const UNKNOWN: i32 = 0;
    /// It is none of this host's.
    pub const NO: i32 = 1;
    /// It is this host's.
    pub const YES: i32 = 2;
    /// It is an address of a link or of the host alone: each device has to be asked.
    pub const SCOPED: i32 = 3;
}

/// Lists of addresses, by a hash of the address that differs from kernel to kernel
/// (`IN6_ADDR_HSIZE`).
const BUCKETS: i32 = 256;
/// `IFA_F_OPTIMISTIC` and `IFA_F_TENTATIVE` (include/uapi/linux/if_addr.h).
const OPTIMISTIC: i32 = 0x04;
const TENTATIVE: i32 = 0x40;

/// r9 = device: its addresses are next, at `none` where it has no IPv6.
pub(super) fn begin_device(at: i16, asm: &mut Asm, again: Label, none: Label) {
    cast(asm, R9, "net_device");
    load(asm, R1, R0, "net_device", "ip6_ptr", 8);
    if_null(asm, R1, none);
    kernel::enter(asm, R1, "inet6_dev", "addr_list", 16);
    asm.store(Size::D, R7, at + ADDRESSES, R1);
    cast(asm, R1, "list_head");
    load(asm, R1, R0, "list_head", "next", 8);
    asm.store(Size::D, R7, at + ADDRESS, R1);
    asm.store_imm(Size::W, R7, at + MODE, mode::DEVICE_ADDRESS);
    asm.goto(again);
}

/// One address of a device; the route's step then finds `REST`, or looks at the next nexthop.
pub(super) fn device_step(at: i16, asm: &mut Asm, again: Label, route: i32) {
    let [none, differs] = std::array::from_fn(|_| asm.label());
    asm.load(Size::D, R1, R7, at + ADDRESS);
    if_null(asm, R1, none);
    asm.load(Size::D, R2, R7, at + ADDRESSES);
    asm.jump(Jump::Eq, Width::W64, R1, R2, none);
    kernel::leave(asm, R1, R2, "inet6_ifaddr", "if_list", 16);
    require_source(at, asm, R1, differs);
    asm.store_imm(Size::W, R7, at + REST, 1);
    asm.store_imm(Size::W, R7, at + MODE, route);
    asm.goto(again);
    asm.place(none);
    increase(asm, at + MEMBER);
    asm.store_imm(Size::W, R7, at + MODE, route);
    asm.goto(again);
    asm.place(differs);
    asm.load(Size::D, R1, R7, at + ADDRESS);
    cast(asm, R1, "list_head");
    load(asm, R1, R0, "list_head", "next", 8);
    asm.store(Size::D, R7, at + ADDRESS, R1);
    asm.goto(again);
}

/// This host's addresses are next.
pub(super) fn begin_host(at: i16, asm: &mut Asm, again: Label) {
    asm.store_imm(Size::W, R7, at + BUCKET, 0);
    asm.store_imm(Size::D, R7, at + ADDRESS, 0);
    asm.store_imm(Size::W, R7, at + MODE, mode::HOST_ADDRESS);
    asm.goto(again);
}

/// One address of this host; the route's step then finds `OWNED`.
pub(super) fn host_step(at: i16, asm: &mut Asm, again: Label, route: i32) {
    let [entry, none, differs] = std::array::from_fn(|_| asm.label());
    asm.load(Size::D, R1, R7, at + ADDRESS);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, entry);
    asm.load(Size::W, R9, R7, at + BUCKET);
    asm.jump_imm(Jump::Ge, Width::W64, R9, BUCKETS, none);
    increase(asm, at + BUCKET);
    asm.load(Size::D, R1, R7, at + ADDRESSES);
    asm.alu_imm(Alu::Lsh, Width::W64, R9, 3);
    asm.alu(Alu::Add, Width::W64, R1, R9);
    cast(asm, R1, "hlist_head");
    load(asm, R1, R0, "hlist_head", "first", 8);
    asm.store(Size::D, R7, at + ADDRESS, R1);
    asm.goto(again);
    asm.place(entry);
    kernel::leave(asm, R1, R2, "inet6_ifaddr", "addr_lst", 16);
    require_source(at, asm, R1, differs);
    asm.store_imm(Size::W, R7, at + OWNED, owned::YES);
    asm.store_imm(Size::W, R7, at + MODE, route);
    asm.goto(again);
    asm.place(none);
    asm.store_imm(Size::W, R7, at + OWNED, owned::NO);
    asm.store_imm(Size::W, R7, at + MODE, route);
    asm.goto(again);
    asm.place(differs);
    asm.load(Size::D, R1, R7, at + ADDRESS);
    cast(asm, R1, "hlist_node");
    load(asm, R1, R0, "hlist_node", "next", 8);
    asm.store(Size::D, R7, at + ADDRESS, R1);
    asm.goto(again);
}

/// Goes on where the `struct inet6_ifaddr` at an address is the flow's source, and nobody doubts
/// that it is this host's alone. Clobbers r0 to r5 and r8.
fn require_source(at: i16, asm: &mut Asm, address: Reg, differs: Label) {
    let sure = asm.label();
    cast(asm, address, "inet6_ifaddr");
    asm.mov(R8, R0);
    kernel::enter(asm, R8, "inet6_ifaddr", "addr", 16);
    for half in [0, 8] {
        asm.load(Size::D, R1, R8, half);
        asm.load(Size::D, R2, R7, at + SOURCE_ADDRESS + half);
        asm.jump(Jump::Ne, Width::W64, R1, R2, differs);
    }
    load(asm, R1, R0, "inet6_ifaddr", "flags", 4);
    asm.jump_imm(Jump::Set, Width::W64, R1, OPTIMISTIC, sure);
    asm.jump_imm(Jump::Set, Width::W64, R1, TENTATIVE, differs);
    asm.place(sure);
}
