//! The way back to an IPv4 packet's source: whether the route that a table answers leads back
//! (net/ipv4/netfilter/ipt_rpfilter.c, `rpfilter_lookup_reverse`).

use super::rules;
use super::step::{Reverse, increase, kind, mode};
use crate::asm::{Alu, Asm, Jump, Label, R0, R1, R2, R3, R7, R8, R9, Size, Width};
use crate::kernel::{self, cast, if_null, load};
use crate::packet::layout;
use crate::packet::region::walk::{DEVICE, FOUND, INDEX, KIND, MODE, OUT, SOURCE};

/// `rpfilter_get_saddr`: the flow's source is the packet's destination, or none where that is
/// no host's.
pub(super) fn begin(reverse: &Reverse, asm: &mut Asm) {
    let [none, done] = std::array::from_fn(|_| asm.label());
    asm.load(Size::W, R1, R7, layout::NETWORK + 16);
    asm.jump_imm(Jump::Eq, Width::W32, R1, -1, none);
    asm.load(Size::B, R2, R7, layout::NETWORK + 16);
    asm.alu_imm(Alu::Rsh, Width::W64, R2, 4);
    asm.jump_imm(Jump::Ne, Width::W64, R2, 0xe, done);
    asm.place(none);
    asm.mov_imm(R1, 0);
    asm.place(done);
    asm.store(Size::W, R7, reverse.at + SOURCE, R1);
    asm.store_imm(Size::W, R7, reverse.at + OUT, 0);
}

/// r8 = `struct fib_alias *`, r9 = its kind, `FOUND` = its `struct fib_info`: the route that a
/// table answers. Goes on at `next` with the next rule, at `end` where it decides.
pub(super) fn route(reverse: &Reverse, asm: &mut Asm, again: Label, next: Label, end: Label) {
    let sound = asm.label();
    asm.jump_imm(Jump::Eq, Width::W64, R9, kind::THROW, next);
    asm.jump_imm(Jump::Ge, Width::W64, R9, kind::BLACKHOLE, end);
    rules::unless_ipv4_suppressed(asm, reverse.at, next);
    asm.jump_imm(Jump::Eq, Width::W64, R9, kind::UNICAST, sound);
    match (reverse.path.accept_local, reverse.path.other_kinds) {
        (false, false) => asm.goto(end),
        (true, false) => asm.jump_imm(Jump::Ne, Width::W64, R9, kind::LOCAL, end),
        (false, true) => asm.jump_imm(Jump::Eq, Width::W64, R9, kind::LOCAL, end),
        (true, true) => {}
    }
    asm.place(sound);
    if reverse.path.loose {
        asm.store_imm(Size::W, R7, reverse.at + KIND, 1);
        asm.goto(end);
    } else {
        asm.store_imm(Size::W, R7, reverse.at + INDEX, 0);
        asm.store_imm(Size::W, R7, reverse.at + MODE, mode::NEXTHOP);
        asm.goto(again);
    }
}

/// One nexthop of the route: whether it leads to the device (`fib_info_nh_uses_dev`).
pub(super) fn nexthop(reverse: &Reverse, asm: &mut Asm, again: Label, end: Label) {
    let [own, common, back] = std::array::from_fn(|_| asm.label());
    asm.load(Size::D, R1, R7, reverse.at + FOUND);
    cast(asm, R1, "fib_info");
    asm.mov(R8, R0);
    load(asm, R1, R8, "fib_info", "nh", 8);
    if_null(asm, R1, own);
    kernel::nexthop_member(asm, reverse.at + INDEX, end);
    kernel::enter(asm, R0, "nh_info", "fib_nhc", 0);
    asm.mov(R1, R0);
    asm.goto(common);
    asm.place(own);
    asm.load(Size::W, R2, R7, reverse.at + INDEX);
    load(asm, R1, R8, "fib_info", "fib_nhs", 4);
    asm.jump(Jump::Ge, Width::W64, R2, R1, end);
    asm.type_size(R3, "fib_nh");
    asm.alu(Alu::Mul, Width::W64, R3, R2);
    asm.load(Size::D, R1, R7, reverse.at + FOUND);
    kernel::enter(asm, R1, "fib_info", "fib_nh", 0);
    asm.alu(Alu::Add, Width::W64, R1, R3);
    asm.place(common);
    cast(asm, R1, "fib_nh_common");
    load(asm, R1, R0, "fib_nh_common", "nhc_dev", 8);
    asm.load(Size::D, R2, R7, reverse.at + DEVICE);
    asm.jump(Jump::Eq, Width::W64, R1, R2, back);
    increase(asm, reverse.at + INDEX);
    asm.goto(again);
    asm.place(back);
    asm.store_imm(Size::W, R7, reverse.at + KIND, 1);
    asm.goto(end);
}
