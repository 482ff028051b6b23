//! The TCP segment that refuses a connection (`nf_send_reset`, `nf_send_reset6`).
//!
//! Its TCP header takes the place of the packet's, and the network header comes right before it.

use super::unreachable::ipv4_checksum;
use super::{HEADER, Reply, TCP_HEADER, addresses, check, checksum, hops, network_header, turn};
use crate::asm::{Alu, Asm, FP, Jump, Label, R1, R2, R3, R7, R8, R9, Size, Width};
use crate::emitter::Emitter;
use crate::packet::layout;
use bpfc_ir::Family;

const TCP: i32 = 6;
/// Flags in the header's 14th byte.
const RST: i32 = 0x04;
const RST_ACK: i32 = 0x14;

pub(super) fn emit(emitter: &Emitter<'_>, reply: &Reply<'_>, asm: &mut Asm, none: Label) {
    let family = reply.key.family;
    let network = network_header(family);
    check::emit(reply, asm, none);
    addresses::write(reply, asm);
    hops::load(emitter, asm, family);
    match family {
        Family::Ipv4 => {
            asm.store_imm(Size::W, FP, HEADER, i32::from_ne_bytes([0x45, 0, 0, 40]));
            // No identification: it is not to be fragmented.
            asm.store_imm(Size::W, FP, HEADER + 4, i32::from_ne_bytes([0, 0, 0x40, 0]));
            asm.store(Size::B, FP, HEADER + 8, R1);
            asm.store_imm(Size::B, FP, HEADER + 9, TCP);
            ipv4_checksum(asm);
        }
        Family::Ipv6 => {
            asm.store_imm(Size::W, FP, HEADER, i32::from_ne_bytes([0x60, 0, 0, 0]));
            let rest = [0, TCP_HEADER as u8, TCP as u8, 0];
            asm.store_imm(Size::W, FP, HEADER + 4, i32::from_ne_bytes(rest));
            asm.store(Size::B, FP, HEADER + 7, R1);
        }
    }
    tcp_header(reply, asm);
    // The front moves to `network` bytes before the TCP header; what is behind that goes.
    asm.load(Size::H, R9, R7, layout::TRANSPORT_OFFSET);
    asm.load(Size::W, R8, R7, layout::NETWORK_OFFSET);
    asm.alu(Alu::Add, Width::W64, R8, R9);
    asm.alu_imm(Alu::Add, Width::W64, R8, TCP_HEADER);
    asm.alu_imm(Alu::Sub, Width::W64, R9, network);
    turn::emit(emitter, reply, asm, network + TCP_HEADER, none);
}

/// Ports exchanged; a packet with ACK is answered with the number that it acknowledges, another
/// with an acknowledgement of all that it carries.
fn tcp_header(reply: &Reply<'_>, asm: &mut Asm) {
    let family = reply.key.family;
    let tcp = HEADER + network_header(family) as i16;
    let [acknowledge, written] = std::array::from_fn(|_| asm.label());
    asm.load(Size::H, R1, R7, layout::TRANSPORT);
    asm.store(Size::H, FP, tcp + 2, R1);
    asm.load(Size::H, R1, R7, layout::TRANSPORT + 2);
    asm.store(Size::H, FP, tcp, R1);
    for word in (4..TCP_HEADER as i16).step_by(4) {
        asm.store_imm(Size::W, FP, tcp + word, 0);
    }
    asm.store_imm(Size::B, FP, tcp + 12, 0x50);
    asm.load(Size::B, R2, R7, layout::TRANSPORT + 13);
    asm.jump_imm(Jump::Set, Width::W64, R2, 0x10, acknowledge);
    asm.load(Size::W, R1, R7, layout::TRANSPORT + 4);
    asm.from_big_endian(R1, 32);
    // FIN and SYN count as one byte each.
    asm.mov(R3, R2);
    asm.alu_imm(Alu::And, Width::W64, R3, 1);
    asm.alu(Alu::Add, Width::W64, R1, R3);
    asm.alu_imm(Alu::Rsh, Width::W64, R2, 1);
    asm.alu_imm(Alu::And, Width::W64, R2, 1);
    asm.alu(Alu::Add, Width::W64, R1, R2);
    asm.load(Size::W, R2, R7, layout::TRANSPORT_AVAILABLE);
    asm.alu(Alu::Add, Width::W64, R1, R2);
    asm.load(Size::B, R2, R7, layout::TRANSPORT + 12);
    asm.alu_imm(Alu::Rsh, Width::W64, R2, 4);
    asm.alu_imm(Alu::Lsh, Width::W64, R2, 2);
    asm.alu(Alu::Sub, Width::W32, R1, R2);
    asm.from_big_endian(R1, 32);
    asm.store(Size::W, FP, tcp + 8, R1);
    asm.store_imm(Size::B, FP, tcp + 13, RST_ACK);
    asm.goto(written);
    asm.place(acknowledge);
    asm.load(Size::W, R1, R7, layout::TRANSPORT + 8);
    asm.store(Size::W, FP, tcp + 4, R1);
    asm.store_imm(Size::B, FP, tcp + 13, RST);
    asm.place(written);

    // The pseudo header; then the segment, unless the device adds that.
    asm.mov_imm(R8, TCP + TCP_HEADER);
    asm.from_big_endian(R8, 16);
    let (at, bytes) = addresses::both(family);
    checksum::words(asm, R8, R1, FP, HEADER + at, bytes);
    if reply.replies.defers_checksums() {
        let [whole, done] = std::array::from_fn(|_| asm.label());
        reply.replies.deferred_checksum(asm, whole);
        checksum::fold(asm, R8, R1);
        asm.goto(done);
        asm.place(whole);
        segment(asm, tcp);
        asm.place(done);
    } else {
        segment(asm, tcp);
    }
    asm.store(Size::H, FP, tcp + 16, R8);
}

/// r8 = the segment's checksum, of the pseudo header's sum in r8.
fn segment(asm: &mut Asm, tcp: i16) {
    checksum::words(asm, R8, R1, FP, tcp, TCP_HEADER);
    checksum::fold(asm, R8, R1);
    checksum::complement(asm, R8);
}
