//! Whether a packet may be answered, and whether it is whole: RFC 1122 section 3.2.2, RFC 4443
//! section 2.4 (e), and what the kernel asks besides (net/ipv4/icmp.c, `__icmp_send`;
//! net/ipv6/icmp.c, `icmp6_send`; nf_reject_ipv4.c, nf_reject_ipv6.c).

use super::{Answer, Reply, addresses, checksum};
use crate::asm::{Alu, Asm, Jump, Label, R0, R1, R2, R7, R8, Size, Width};
use crate::packet::layout;
use bpfc_ir::Family;

const ICMP: i32 = 1;
const TCP: i32 = 6;
const UDP: i32 = 17;
const ICMPV6: i32 = 58;
const NO_NEXT_HEADER: i32 = 59;

/// Protocols whose checksum is no sum over the whole payload: GRE, ESP, AH, SCTP, UDP-Lite
/// (include/net/netfilter/nf_reject.h, `nf_reject_verify_csum`; DCCP was one up to Linux 6.15).
const OTHER_CHECKSUMS: [i32; 5] = [47, 50, 51, 132, 136];

/// Goes on where the packet may be answered, jumps to `none` where not.
pub(super) fn emit(reply: &Reply<'_>, asm: &mut Asm, none: Label) {
    let family = reply.key.family;
    asm.load(Size::H, R1, R7, layout::FRAGMENT_OFFSET);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, none);
    asm.load(Size::B, R1, R7, layout::PACKET_TYPE);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, none);
    if family == Family::Ipv6 {
        asm.load(Size::B, R1, R7, layout::WALK_FAILED);
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, none);
        asm.load(Size::W, R1, R7, layout::TRANSPORT_AVAILABLE);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, none);
    }
    addresses::check(reply, asm, none);
    match reply.key.answer {
        Answer::Unreachable => no_error(family, asm, none),
        Answer::Reset => is_tcp(asm, none),
    }
    checksum(reply, asm, none);
}

/// An ICMP error, or what may be one, is not answered with an error.
fn no_error(family: Family, asm: &mut Asm, none: Label) {
    let other = asm.label();
    asm.load(Size::B, R1, R7, layout::L4_PROTO);
    let protocol = match family {
        Family::Ipv4 => ICMP,
        Family::Ipv6 => {
            asm.jump_imm(Jump::Eq, Width::W64, R1, NO_NEXT_HEADER, none);
            ICMPV6
        }
    };
    asm.jump_imm(Jump::Ne, Width::W64, R1, protocol, other);
    asm.load(Size::W, R1, R7, layout::TRANSPORT_AVAILABLE);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, none);
    asm.load(Size::B, R1, R7, layout::TRANSPORT);
    match family {
        // Echo and its answer, timestamps, information, address masks (`icmp_pointers`).
        Family::Ipv4 => {
            for query in [0, 8] {
                asm.jump_imm(Jump::Eq, Width::W64, R1, query, other);
            }
            asm.jump_imm(Jump::Lt, Width::W64, R1, 13, none);
            asm.jump_imm(Jump::Gt, Width::W64, R1, 18, none);
        }
        Family::Ipv6 => asm.jump_imm(Jump::Lt, Width::W64, R1, 128, none),
    }
    asm.place(other);
}

/// A whole TCP header without RST.
fn is_tcp(asm: &mut Asm, none: Label) {
    asm.load(Size::B, R1, R7, layout::L4_PROTO);
    asm.jump_imm(Jump::Ne, Width::W64, R1, TCP, none);
    asm.load(Size::W, R1, R7, layout::TRANSPORT_AVAILABLE);
    asm.jump_imm(Jump::Lt, Width::W64, R1, super::TCP_HEADER, none);
    asm.load(Size::B, R1, R7, layout::TRANSPORT + 13);
    asm.jump_imm(Jump::Set, Width::W64, R1, 0x04, none);
}

/// A packet whose checksum is wrong is not answered. A TCP or UDP checksum that is the sum of the
/// pseudo header alone is one that a sender on the same machine has left to its device.
fn checksum(reply: &Reply<'_>, asm: &mut Asm, none: Label) {
    let Reply { key, sum, .. } = *reply;
    let good = asm.label();
    asm.load(Size::B, R1, R7, layout::L4_PROTO);
    for protocol in OTHER_CHECKSUMS.into_iter().filter(|_| key.answer == Answer::Unreachable) {
        asm.jump_imm(Jump::Eq, Width::W64, R1, protocol, good);
    }
    let plain = asm.label();
    // r8 = the pseudo header's sum.
    match (key.family, key.answer) {
        (Family::Ipv4, Answer::Unreachable) => {
            let pseudo = asm.label();
            asm.mov_imm(R8, 0);
            asm.jump_imm(Jump::Eq, Width::W64, R1, TCP, pseudo);
            asm.jump_imm(Jump::Ne, Width::W64, R1, UDP, plain);
            asm.place(pseudo);
        }
        _ => asm.mov_imm(R8, 0),
    }
    pseudo_header(key.family, asm);
    let (tcp, udp) = (asm.label(), asm.label());
    asm.load(Size::B, R1, R7, layout::L4_PROTO);
    asm.load(Size::W, R2, R7, layout::TRANSPORT_AVAILABLE);
    if key.answer == Answer::Unreachable {
        asm.jump_imm(Jump::Eq, Width::W64, R1, TCP, tcp);
        asm.jump_imm(Jump::Ne, Width::W64, R1, UDP, plain);
        asm.jump_imm(Jump::Lt, Width::W64, R2, 8, plain);
        asm.load(Size::H, R1, R7, layout::TRANSPORT + 6);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, good);
        asm.goto(udp);
        asm.place(tcp);
        asm.jump_imm(Jump::Lt, Width::W64, R2, super::TCP_HEADER, plain);
    }
    asm.load(Size::H, R1, R7, layout::TRANSPORT + 16);
    if key.answer == Answer::Unreachable {
        asm.place(udp);
    }
    asm.jump(Jump::Eq, Width::W64, R1, R8, good);
    asm.place(plain);
    asm.store(Size::W, R7, layout::WALK_RESULT, R8);
    asm.load(Size::W, R1, R7, layout::NETWORK_OFFSET);
    asm.load(Size::W, R2, R7, layout::LENGTH);
    asm.alu(Alu::Add, Width::W64, R2, R1);
    asm.store(Size::W, R7, layout::WALK_END, R2);
    asm.load(Size::H, R2, R7, layout::TRANSPORT_OFFSET);
    asm.alu(Alu::Add, Width::W64, R1, R2);
    asm.store(Size::W, R7, layout::WALK_OFFSET, R1);
    checksum::packet(asm, sum);
    // The header adds nothing (its own sum is right), but both zeros are.
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0xffff, good);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, none);
    asm.place(good);
}

/// Adds the sum of the packet's pseudo header to r8, folded to 16 bits.
fn pseudo_header(family: Family, asm: &mut Asm) {
    let (from, bytes) = addresses::both(family);
    checksum::words(asm, R8, R1, R7, layout::NETWORK + from, bytes);
    asm.load(Size::B, R1, R7, layout::L4_PROTO);
    asm.from_big_endian(R1, 16);
    asm.alu(Alu::Add, Width::W64, R8, R1);
    asm.load(Size::W, R1, R7, layout::TRANSPORT_AVAILABLE);
    asm.from_big_endian(R1, 32);
    asm.alu(Alu::Add, Width::W64, R8, R1);
    checksum::fold(asm, R8, R1);
}
