//! The way back to an IPv6 packet's source: which of a node's routes the kernel takes, and whether
//! it leads back (net/ipv6/route.c, `ip6_pol_route_lookup` and `rt6_device_match`;
//! net/ipv6/netfilter/ip6t_rpfilter.c).
//!
//! A flow that must leave by a device takes the first route of a node that has a nexthop by it. Any
//! other one takes the first by a device that the flow's source belongs to. Without one the node's
//! first route is taken. Which nexthop of a group, or which of several gateways, the flow leaves by
//! is then drawn by a hash; only a rule of policy routing that suppresses routes by the group of
//! their device can tell that from the first one, which is what is looked at here.

use super::flow::Labels;
use super::node::{self, ANYCAST, LOCAL_BIT, REJECT};
use super::own_address::{self, owned};
use super::rules;
use super::step::{NEXTHOP_DEAD, Reverse, increase, kind};
use crate::asm::{Alu, Asm, Jump, Label, R0, R1, R2, R7, R8, R9, Size, Width};
use crate::kernel::{cast, if_null, load};
use crate::packet::layout;
use crate::packet::region::walk::{
    DEVICE, FIRST, FOUND, INDEX, KIND, LINKED, MEMBER, OUT, OWNED, REST, SOURCE_ADDRESS,
};

/// Before the search. r8 = device: the flow leaves by it where the way back must, as it must to a
/// link-local address, and comes from the packet's destination.
pub(super) fn begin(reverse: &Reverse, asm: &mut Asm) {
    let [local, bound, done] = std::array::from_fn(|_| asm.label());
    let at = reverse.at;
    asm.load(Size::H, R1, R7, layout::NETWORK + 8);
    asm.from_big_endian(R1, 16);
    asm.alu_imm(Alu::And, Width::W64, R1, 0xffc0);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0xfe80, local);
    asm.store_imm(Size::W, R7, at + LINKED, 0);
    if reverse.path.loose {
        asm.store_imm(Size::W, R7, at + OUT, 0);
        asm.goto(done);
    } else {
        asm.goto(bound);
    }
    asm.place(local);
    asm.store_imm(Size::W, R7, at + LINKED, 1);
    asm.place(bound);
    load(asm, R1, R8, "net_device", "ifindex", 4);
    asm.store(Size::W, R7, at + OUT, R1);
    asm.place(done);
    source(at, asm);
}

/// The packet's destination, where it is a host's (`ipv6_addr_type`, `IPV6_ADDR_UNICAST`), and what
/// is known of it.
fn source(at: i16, asm: &mut Asm) {
    const SCOPED: i32 = owned::SCOPED;
    let [low, none, scoped, stored, done] = std::array::from_fn(|_| asm.label());
    const DESTINATION: i16 = layout::NETWORK + 24;
    asm.store_imm(Size::W, R7, at + OWNED, owned::UNKNOWN);
    asm.load(Size::H, R1, R7, DESTINATION);
    asm.from_big_endian(R1, 16);
    asm.jump_imm(Jump::Ge, Width::W64, R1, 0xff00, none);
    asm.alu_imm(Alu::And, Width::W64, R1, 0xffc0);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0xfe80, scoped);
    asm.load(Size::D, R1, R7, DESTINATION);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, low);
    asm.goto(stored);
    // The unspecified address, this host's own, and those of IPv4.
    asm.place(low);
    asm.load(Size::D, R1, R7, DESTINATION + 8);
    asm.from_big_endian(R1, 64);
    if_null(asm, R1, none);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 1, scoped);
    asm.alu_imm(Alu::Rsh, Width::W64, R1, 32);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0xffff, stored);
    asm.place(none);
    asm.store_imm(Size::W, R7, at + OWNED, owned::NO);
    asm.store_imm(Size::D, R7, at + SOURCE_ADDRESS, 0);
    asm.store_imm(Size::D, R7, at + SOURCE_ADDRESS + 8, 0);
    asm.goto(done);
    asm.place(scoped);
    asm.store_imm(Size::W, R7, at + OWNED, SCOPED);
    asm.place(stored);
    for half in [0, 8] {
        asm.load(Size::D, R1, R7, DESTINATION + half);
        asm.store(Size::D, R7, at + SOURCE_ADDRESS + half, R1);
    }
    asm.place(done);
}

/// One nexthop of a route of a node. `INDEX` says whether the first route is looked at again,
/// because none fits; `REST` whether an address was found to belong to the nexthop's device.
pub(super) fn route(reverse: &Reverse, asm: &mut Asm, labels: &Labels) {
    let Labels { again, up, next, end } = *labels;
    let at = reverse.at;
    let [more, dead, any, another, following, fallback, first, fits, decide] =
        std::array::from_fn(|_| asm.label());
    asm.load(Size::D, R1, R7, at + FOUND);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, more);
    asm.place(fallback);
    // None fits: a link-local address must have one, for any other the first will do.
    asm.load(Size::W, R2, R7, at + LINKED);
    asm.jump_imm(Jump::Ne, Width::W64, R2, 0, up);
    asm.store_imm(Size::W, R7, at + INDEX, 1);
    asm.load(Size::D, R1, R7, at + FIRST);
    asm.store(Size::D, R7, at + FOUND, R1);
    asm.goto(again);

    asm.place(more);
    node::none_is_no_route(asm, at, R1, up);
    cast(asm, R1, "fib6_info");
    asm.mov(R8, R0);
    asm.load(Size::W, R1, R7, at + INDEX);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, first);
    node::member(asm, at, following, dead);
    load(asm, R9, R0, "fib_nh_common", "nhc_dev", 8);
    load(asm, R1, R0, "fib_nh_common", "nhc_flags", 1);
    asm.jump_imm(Jump::Set, Width::W64, R1, NEXTHOP_DEAD, dead);
    asm.load(Size::W, R1, R7, at + OUT);
    if_null(asm, R1, any);
    asm.load(Size::D, R1, R7, at + DEVICE);
    asm.jump(Jump::Eq, Width::W64, R1, R9, fits);
    asm.place(another);
    increase(asm, at + MEMBER);
    asm.goto(again);

    // An address that is known on every device, or on none, is at home here too: then the first
    // route is taken either way.
    asm.place(any);
    asm.load(Size::W, R1, R7, at + OWNED);
    asm.jump_imm(Jump::Ne, Width::W64, R1, owned::SCOPED, fits);
    asm.load(Size::W, R1, R7, at + REST);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, fits);
    own_address::begin_device(at, asm, again, another);

    // The first route leads nowhere. Another one of the node may, where the source is this host's.
    asm.place(dead);
    asm.load(Size::W, R1, R7, at + OUT);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, another);
    asm.load(Size::W, R1, R7, at + OWNED);
    asm.jump_imm(Jump::Eq, Width::W64, R1, owned::NO, fallback);
    asm.jump_imm(Jump::Ne, Width::W64, R1, owned::UNKNOWN, another);
    own_address::begin_host(at, asm, again);

    asm.place(following);
    load(asm, R1, R8, "fib6_info", "fib6_next", 8);
    asm.store(Size::D, R7, at + FOUND, R1);
    asm.store_imm(Size::W, R7, at + MEMBER, 0);
    asm.goto(again);

    asm.place(first);
    node::nexthop(asm, at, end);
    load(asm, R9, R0, "fib_nh_common", "nhc_dev", 8);
    load(asm, R1, R0, "fib_nh_common", "nhc_flags", 1);
    asm.jump_imm(Jump::Set, Width::W64, R1, NEXTHOP_DEAD, up);
    asm.store_imm(Size::W, R7, at + REST, reverse.path.loose.into());
    asm.goto(decide);
    asm.place(fits);
    asm.store_imm(Size::W, R7, at + REST, 1);
    asm.place(decide);
    decision(reverse, asm, next, end);
}

/// r8 = route, r9 = its device, `REST` = whether the device is right or any will do.
fn decision(reverse: &Reverse, asm: &mut Asm, next: Label, end: Label) {
    let at = reverse.at;
    let [unrefused, local] = std::array::from_fn(|_| asm.label());
    load(asm, R1, R8, "fib6_info", "fib6_flags", 4);
    asm.mov(R2, R1);
    asm.alu_imm(Alu::And, Width::W64, R2, REJECT);
    if_null(asm, R2, unrefused);
    load(asm, R1, R8, "fib6_info", "fib6_type", 1);
    asm.jump_imm(Jump::Eq, Width::W64, R1, kind::THROW, next);
    asm.goto(end);
    asm.place(unrefused);
    rules::unless_ipv6_suppressed(asm, at, next);
    load(asm, R1, R8, "fib6_info", "fib6_flags", 4);
    asm.mov(R2, R1);
    asm.alu_imm(Alu::And, Width::W64, R2, ANYCAST);
    asm.jump_imm(Jump::Ne, Width::W64, R2, 0, end);
    asm.alu_imm(Alu::Rsh, Width::W64, R1, LOCAL_BIT);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, local);
    asm.load(Size::W, R1, R7, at + REST);
    asm.store(Size::W, R7, at + KIND, R1);
    asm.goto(end);
    asm.place(local);
    asm.store_imm(Size::W, R7, at + KIND, reverse.path.accept_local.into());
    asm.goto(end);
}
