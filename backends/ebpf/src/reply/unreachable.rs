//! The ICMP error "destination unreachable" (net/ipv4/icmp.c, `__icmp_send`; net/ipv6/icmp.c,
//! `icmp6_send`).
//!
//! It quotes the packet, whose bytes stay where they are: the headers go in front.

use super::{
    DEFERRED, HEADER, ICMP_HEADER, Reply, addresses, check, checksum, hops, network_header, turn,
};
use crate::asm::{Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R7, R8, R9, Size, Width};
use crate::emitter::Emitter;
use crate::packet::layout;
use bpfc_ir::Family;

/// Longest error: 576 bytes (RFC 1812 section 4.3.2.3), 1,280 bytes (RFC 4443 section 2.4 (c)).
fn longest(family: Family) -> i32 {
    match family {
        Family::Ipv4 => 576,
        Family::Ipv6 => 1280,
    }
}

pub(super) fn emit(emitter: &Emitter<'_>, reply: &Reply<'_>, asm: &mut Asm, none: Label) {
    let family = reply.key.family;
    let network = network_header(family);
    let headers = network + ICMP_HEADER;
    check::emit(reply, asm, none);
    addresses::write(reply, asm);

    // r9 = length of the quotation, r8 = of the IP payload.
    let whole = asm.label();
    asm.load(Size::W, R9, R7, layout::LENGTH);
    asm.jump_imm(Jump::Le, Width::W64, R9, longest(family) - headers, whole);
    asm.mov_imm(R9, longest(family) - headers);
    asm.place(whole);
    match family {
        Family::Ipv4 => ipv4_header(emitter, asm),
        Family::Ipv6 => ipv6_header(emitter, asm),
    }
    icmp_header(emitter, reply, asm, none);

    asm.load(Size::W, R8, R7, layout::NETWORK_OFFSET);
    asm.alu(Alu::Add, Width::W64, R8, R9);
    asm.mov_imm(R9, -headers);
    turn::emit(emitter, reply, asm, headers, none);
}

/// The header of an error of r9 quoted bytes, but for the addresses, which are there.
fn ipv4_header(emitter: &Emitter<'_>, asm: &mut Asm) {
    asm.store_imm(Size::B, FP, HEADER, 0x45);
    // The type of service without its precedence, which is "internetwork control".
    asm.load(Size::B, R1, R7, layout::NETWORK + 1);
    asm.alu_imm(Alu::And, Width::W64, R1, 0x1e);
    asm.alu_imm(Alu::Or, Width::W64, R1, 0xc0);
    asm.store(Size::B, FP, HEADER + 1, R1);
    asm.mov(R1, R9);
    asm.alu_imm(Alu::Add, Width::W64, R1, super::IPV4_HEADER + ICMP_HEADER);
    asm.from_big_endian(R1, 16);
    asm.store(Size::H, FP, HEADER + 2, R1);
    asm.helper(Helper::Random);
    asm.store(Size::H, FP, HEADER + 4, R0);
    asm.store_imm(Size::H, FP, HEADER + 6, 0);
    hops::load(emitter, asm, Family::Ipv4);
    asm.store(Size::B, FP, HEADER + 8, R1);
    asm.store_imm(Size::B, FP, HEADER + 9, 1);
    ipv4_checksum(asm);
}

/// Fills in the checksum of the IPv4 header in the frame.
pub(super) fn ipv4_checksum(asm: &mut Asm) {
    asm.store_imm(Size::H, FP, HEADER + 10, 0);
    asm.mov_imm(R1, 0);
    checksum::words(asm, R1, R2, FP, HEADER, super::IPV4_HEADER);
    checksum::fold(asm, R1, R2);
    checksum::complement(asm, R1);
    asm.store(Size::H, FP, HEADER + 10, R1);
}

fn ipv6_header(emitter: &Emitter<'_>, asm: &mut Asm) {
    asm.store_imm(Size::W, FP, HEADER, 0);
    asm.store_imm(Size::B, FP, HEADER, 0x60);
    asm.mov(R1, R9);
    asm.alu_imm(Alu::Add, Width::W64, R1, ICMP_HEADER);
    asm.from_big_endian(R1, 16);
    asm.store(Size::H, FP, HEADER + 4, R1);
    asm.store_imm(Size::B, FP, HEADER + 6, 58);
    hops::load(emitter, asm, Family::Ipv6);
    asm.store(Size::B, FP, HEADER + 7, R1);
}

/// The ICMP header, whose checksum is over the quotation of r9 bytes as well.
fn icmp_header(emitter: &Emitter<'_>, reply: &Reply<'_>, asm: &mut Asm, none: Label) {
    let family = reply.key.family;
    let icmp = HEADER + network_header(family) as i16;
    let kind = match family {
        Family::Ipv4 => 3,
        Family::Ipv6 => 1,
    };
    asm.store_imm(Size::W, FP, icmp, kind_word(kind));
    asm.store_imm(Size::W, FP, icmp + 4, 0);
    asm.load(Size::B, R1, R7, layout::WALK_NEXT);
    asm.store(Size::B, FP, icmp + 1, R1);
    asm.load(Size::W, R8, FP, icmp);
    if family == Family::Ipv6 {
        let (at, bytes) = addresses::both(family);
        checksum::words(asm, R8, R1, FP, HEADER + at, bytes);
        asm.load(Size::H, R1, FP, HEADER + 4);
        asm.alu(Alu::Add, Width::W64, R8, R1);
        asm.mov_imm(R1, 58);
        asm.from_big_endian(R1, 16);
        asm.alu(Alu::Add, Width::W64, R8, R1);
    }
    checksum::fold(asm, R8, R1);
    asm.store(Size::W, R7, layout::WALK_RESULT, R8);
    asm.load(Size::W, R1, R7, layout::NETWORK_OFFSET);
    asm.store(Size::W, R7, layout::WALK_OFFSET, R1);
    asm.alu(Alu::Add, Width::W64, R1, R9);
    asm.store(Size::W, R7, layout::WALK_END, R1);
    if reply.replies.defers_checksums() {
        deferred(reply, asm, none);
    }
    checksum::packet(asm, reply.sum);
    asm.mov(R8, R0);
    if reply.replies.defers_checksums() {
        let whole = asm.label();
        asm.load(Size::W, R2, FP, DEFERRED);
        asm.jump_imm(Jump::Eq, Width::W64, R2, 0, whole);
        checksum::add_inverted(emitter, asm);
        checksum::fold(asm, R8, R1);
        asm.place(whole);
    }
    checksum::complement(asm, R8);
    asm.store(Size::H, FP, icmp + 2, R8);
}

/// A word whose first byte in memory is the type.
fn kind_word(kind: u8) -> i32 {
    i32::from_ne_bytes([kind, 0, 0, 0])
}

/// Where the packet's own checksum is left to the device, the device will complete it in the
/// quotation. What it sums up then comes out as the complement of what the field holds now, so
/// that the sum can end where the device's begins: `WALK_END` is moved there, and `DEFERRED` says
/// where the field is.
fn deferred(reply: &Reply<'_>, asm: &mut Asm, none: Label) {
    let whole = asm.label();
    asm.store_imm(Size::W, FP, DEFERRED, 0);
    reply.replies.deferred_checksum(asm, whole);
    // r1 = where the device begins, r2 = where it writes.
    asm.load(Size::W, R0, R7, layout::WALK_OFFSET);
    asm.jump(Jump::Lt, Width::W64, R1, R0, none);
    asm.load(Size::W, R0, R7, layout::WALK_END);
    asm.alu_imm(Alu::Sub, Width::W64, R0, 2);
    asm.jump(Jump::Gt, Width::W64, R2, R0, none);
    asm.store(Size::W, R7, layout::WALK_END, R1);
    asm.store(Size::W, FP, DEFERRED, R2);
    asm.place(whole);
}
