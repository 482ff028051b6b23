//! Nodes and routes of IPv6's tables (include/net/ip6_fib.h), and where a step goes on that looks
//! at one.

use super::flow::Search;
use crate::asm::{Alu, Asm, Jump, Label, R0, R1, R2, R3, R4, R7, R8, Reg, Size, Width};
use crate::kernel::{self, cast, if_null, load, nexthop_info, nexthop_member};
use crate::packet::region::walk::{FOUND, MEMBER, MODE, NONE};

/// What a step does.
pub(super) mod mode {
    /// Towards the longest prefix.
    pub const DESCEND: i32 = 0;
    /// One node on the way up.
    pub const CLIMB: i32 = 1;
    /// One route of a node that matches.
    pub const ROUTE: i32 = 2;
    /// To another node, because none of the last one's routes can be used.
    pub const BACK: i32 = 3;
    /// Towards the longest prefix of the source, below a node.
    pub const SOURCE_DESCEND: i32 = 4;
    /// One node on the way up there.
    pub const SOURCE_CLIMB: i32 = 5;
}

/// `RTN_TL_ROOT`, `RTN_ROOT` and `RTN_RTINFO` (include/net/ip6_fib.h): the table's root, the root
/// of a tree, and a node with routes of its own.
pub(super) const TABLE_ROOT: i32 = 1;
pub(super) const ROOT: i32 = 2;
pub(super) const HAS_ROUTES: i32 = 4;

/// `RTF_*` of a route (include/uapi/linux/route.h and ipv6_route.h).
pub(super) const REJECT: i32 = 0x200;
pub(super) const ANYCAST: i32 = 0x0010_0000;
pub(super) const EXPIRES: i32 = 0x0040_0000;
/// `RTF_LOCAL` is the sign bit.
pub(super) const LOCAL_BIT: i32 = 31;

/// What a step knows.
pub(super) struct Step<'a> {
    pub at: i16,
    /// Where the address lies in the packet structure.
    pub address: i16,
    pub search: Option<&'a dyn Search>,
    /// The step is done.
    pub again: Label,
    /// The next step goes back to another node.
    pub up: Label,
    /// The routes of the node are next, the first of which is in r9.
    pub found: Label,
    /// The walk is done.
    pub stop: Label,
}

impl Step<'_> {
    pub fn store(&self, asm: &mut Asm, place: i16, reg: Reg) {
        asm.store(Size::D, R7, self.at + place, reg);
    }

    pub fn next_mode(&self, asm: &mut Asm, mode: i32) {
        asm.store_imm(Size::W, R7, self.at + MODE, mode);
    }

    /// Where the flow's source lies in the packet structure; none for a flow without one.
    pub fn source(&self) -> Option<i16> {
        self.search.and_then(|search| search.flow().source)
    }
}

/// dst = root of the tree below the `struct fib6_node *` in a register, 0 without one and where the
/// kernel has no such trees (`CONFIG_IPV6_SUBTREES`).
pub(super) fn tree_below(asm: &mut Asm, dst: Reg, node: Reg) {
    let none = asm.label();
    asm.field_exists(dst, kernel::field("fib6_node", "subtree", 8));
    if_null(asm, dst, none);
    load(asm, dst, node, "fib6_node", "subtree", 8);
    asm.place(none);
}

/// `r0 = struct fib_nh_common *` of the first nexthop of the route in r8, whose address `FOUND`
/// holds (include/net/nexthop.h, `nexthop_fib6_nh`); at `rejects` where its nexthop object leads
/// nowhere. Clobbers r1 to r5.
pub(super) fn nexthop(asm: &mut Asm, at: i16, rejects: Label) {
    let [own, common] = std::array::from_fn(|_| asm.label());
    load(asm, R1, R8, "fib6_info", "nh", 8);
    if_null(asm, R1, own);
    nexthop_info(asm);
    load(asm, R2, R0, "nh_info", "reject_nh", 1);
    asm.jump_imm(Jump::Ne, Width::W64, R2, 0, rejects);
    kernel::enter(asm, R0, "nh_info", "fib_nhc", 0);
    asm.mov(R1, R0);
    asm.goto(common);
    asm.place(own);
    asm.load(Size::D, R1, R7, at + FOUND);
    kernel::enter(asm, R1, "fib6_info", "fib6_nh", 0);
    // A nexthop begins with what all families have in common.
    asm.place(common);
    cast(asm, R1, "fib_nh_common");
}

/// `r0 = struct fib_nh_common *` of the nexthop of the route in r8, whose address `FOUND` holds,
/// with the number `MEMBER`; at `none` behind the last one, at `rejects` where its nexthop object
/// leads nowhere. Clobbers r1 to r5 and r9.
pub(super) fn member(asm: &mut Asm, at: i16, none: Label, rejects: Label) {
    let [own, common] = std::array::from_fn(|_| asm.label());
    load(asm, R1, R8, "fib6_info", "nh", 8);
    if_null(asm, R1, own);
    nexthop_member(asm, at + MEMBER, none);
    load(asm, R1, R0, "nh_info", "reject_nh", 1);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, rejects);
    kernel::enter(asm, R0, "nh_info", "fib_nhc", 0);
    asm.mov(R1, R0);
    asm.goto(common);
    asm.place(own);
    asm.load(Size::W, R1, R7, at + MEMBER);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, none);
    asm.load(Size::D, R1, R7, at + FOUND);
    kernel::enter(asm, R1, "fib6_info", "fib6_nh", 0);
    asm.place(common);
    cast(asm, R1, "fib_nh_common");
}

/// `r8 = struct rt6key *` of the route at an address: `fib6_dst` or `fib6_src`. Clobbers r0 to r5.
pub(super) fn key_of(asm: &mut Asm, route: Reg, key: &str) {
    asm.mov(R1, route);
    kernel::enter(asm, R1, "fib6_info", key, 20);
    cast(asm, R1, "rt6key");
    asm.mov(R8, R0);
}

/// r1 = the bits of one half in which the address at a place of the packet structure (or else the
/// unspecified one) differs from that of the key in r8. Clobbers r2.
pub(super) fn differing(asm: &mut Asm, address: Option<i16>, half: i16) {
    asm.mov(R2, R8);
    kernel::enter(asm, R2, "rt6key", "addr", 16);
    asm.load(Size::D, R1, R2, half * 8);
    if let Some(address) = address {
        asm.load(Size::D, R2, R7, address + half * 8);
        asm.alu(Alu::Xor, Width::W64, R1, R2);
    }
    asm.from_big_endian(R1, 64);
}

/// Goes on where the address at a place of the packet structure (or else the unspecified one) lies
/// in the network of the key in r8. Clobbers r1 to r4.
pub(super) fn require_prefix(asm: &mut Asm, address: Option<i16>, otherwise: Label) {
    let equal = asm.label();
    load(asm, R3, R8, "rt6key", "plen", 4);
    for half in 0..2 {
        differing(asm, address, half);
        // r1 = bits that differ in this half; r3 = prefix bits from here on.
        asm.jump_imm(Jump::Eq, Width::W64, R3, 0, equal);
        let whole = asm.label();
        asm.jump_imm(Jump::Ge, Width::W64, R3, 64, whole);
        asm.mov_imm(R4, 64);
        asm.alu(Alu::Sub, Width::W64, R4, R3);
        asm.alu(Alu::Rsh, Width::W64, R1, R4);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, otherwise);
        asm.goto(equal);
        asm.place(whole);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, otherwise);
        asm.alu_imm(Alu::Sub, Width::W64, R3, 64);
    }
    asm.place(equal);
}

/// Jumps where a route is the kernel's "no route".
pub(super) fn none_is_no_route(asm: &mut Asm, at: i16, route: Reg, none: Label) {
    asm.load(Size::D, R2, R7, at + NONE);
    asm.jump(Jump::Eq, Width::W64, route, R2, none);
}
