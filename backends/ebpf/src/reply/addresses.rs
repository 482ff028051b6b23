//! Addresses of a rejected packet and of its answer.

use super::{Answer, HEADER, Reply};
use crate::asm::{Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R4, R6, R7, Size, Width};
use crate::lookup::fib;
use crate::packet::layout;
use bpfc_ir::{Family, Hook};

/// Where the source address lies in a header, and how many bytes both addresses have.
pub(super) fn both(family: Family) -> (i16, i32) {
    match family {
        Family::Ipv4 => (12, 8),
        Family::Ipv6 => (8, 32),
    }
}

/// A network namespace's loopback device is its first.
const LOOPBACK_IFINDEX: i32 = 1;

/// Goes on where both addresses name one host each; jumps to `none` where one is a group's,
/// everybody's, nobody's, or a loopback address that came in over a network. Routing lets most of
/// them reach no rule of the kernel's (net/ipv4/route.c, `ip_route_input_slow`). A subnet's
/// broadcast address cannot be told from others; frames to it are for a group and end before.
pub(super) fn check(reply: &Reply<'_>, asm: &mut Asm, none: Label) {
    let (source, bytes) = both(reply.key.family);
    let destination = source + bytes as i16 / 2;
    for at in [source, destination].map(|at| layout::NETWORK + at) {
        let [loopback, good] = std::array::from_fn(|_| asm.label());
        match reply.key.family {
            Family::Ipv4 => {
                asm.load(Size::B, R1, R7, at);
                asm.jump_imm(Jump::Eq, Width::W64, R1, 0, none);
                asm.jump_imm(Jump::Eq, Width::W64, R1, 127, loopback);
                asm.jump_imm(Jump::Lt, Width::W64, R1, 224, good);
                asm.jump_imm(Jump::Lt, Width::W64, R1, 240, none);
                asm.load(Size::W, R1, R7, at);
                asm.jump_imm(Jump::Eq, Width::W32, R1, -1, none);
                asm.goto(good);
            }
            Family::Ipv6 => {
                asm.load(Size::B, R1, R7, at);
                asm.jump_imm(Jump::Eq, Width::W64, R1, 0xff, none);
                asm.load(Size::W, R1, R7, at);
                for word in [4, 8] {
                    asm.load(Size::W, R2, R7, at + word);
                    asm.alu(Alu::Or, Width::W64, R1, R2);
                }
                asm.jump_imm(Jump::Ne, Width::W64, R1, 0, good);
                asm.load(Size::W, R1, R7, at + 12);
                asm.jump_imm(Jump::Eq, Width::W64, R1, 0, none);
                asm.from_big_endian(R1, 32);
                asm.jump_imm(Jump::Ne, Width::W64, R1, 1, good);
            }
        }
        if asm.is_used(loopback) {
            asm.place(loopback);
        }
        reply.replies.ifindex(asm, R1);
        asm.jump_imm(Jump::Ne, Width::W64, R1, LOOPBACK_IFINDEX, none);
        asm.place(good);
    }
}

/// `AF_INET` and `AF_INET6`.
fn address_family(family: Family) -> i32 {
    match family {
        Family::Ipv4 => 2,
        Family::Ipv6 => 10,
    }
}

/// Writes the answer's source and destination to its header in the frame.
///
/// An answer comes from the address that the packet went to, but for errors about packets that
/// are only passing through: those come from the address that this host uses towards their
/// sender, where the routing table says one.
pub(super) fn write(reply: &Reply<'_>, asm: &mut Asm) {
    let key = reply.key;
    let (at, bytes) = both(key.family);
    let half = bytes as i16 / 2;
    let (source, destination) = (layout::NETWORK + at, layout::NETWORK + at + half);
    if key.hook == Hook::Forward && key.answer == Answer::Unreachable {
        let unknown = asm.label();
        look_up(reply, asm);
        asm.jump_imm(Jump::Ne, Width::W64, R0, 0, unknown);
        for word in (0..half).step_by(4) {
            asm.load(Size::W, R1, FP, HEADER + fib::SOURCE + word);
            asm.store(Size::W, R7, destination + word, R1);
        }
        asm.place(unknown);
    }
    for word in (0..half).step_by(4) {
        asm.load(Size::W, R1, R7, destination + word);
        asm.store(Size::W, FP, HEADER + at + word, R1);
        asm.load(Size::W, R1, R7, source + word);
        asm.store(Size::W, FP, HEADER + at + half + word, R1);
    }
}

/// With `BPF_FIB_LOOKUP_SRC` (Linux 6.7). Older kernels refuse the flag: then no address is found.
const FLAGS: i32 = fib::SKIP_NEIGHBOUR | 16;

/// r0 = 0 where the routing table says from which address this host speaks to the sender.
fn look_up(reply: &Reply<'_>, asm: &mut Asm) {
    let (at, bytes) = both(reply.key.family);
    for word in (0..fib::LOOKUP).step_by(8) {
        asm.store_imm(Size::D, FP, HEADER + word, 0);
    }
    asm.store_imm(Size::B, FP, HEADER, address_family(reply.key.family));
    reply.replies.ifindex(asm, R1);
    asm.store(Size::W, FP, HEADER + fib::INTERFACE, R1);
    for word in (0..bytes as i16 / 2).step_by(4) {
        asm.load(Size::W, R1, R7, layout::NETWORK + at + word);
        asm.store(Size::W, FP, HEADER + fib::DESTINATION + word, R1);
    }
    asm.mov(R1, R6);
    asm.frame_address(R2, HEADER);
    asm.mov_imm(R3, fib::LOOKUP.into());
    asm.mov_imm(R4, FLAGS);
    asm.helper(Helper::FibLookup);
}
