//! Answers to rejected packets: the packet is changed and redirected. At ingress it goes out by
//! the device that it came in by; at egress it comes in by the device that it was to leave by, so
//! that the socket that sent it hears of it.
//!
//! Where a program of the same artifact will see the answer, it carries a mark by which it is let
//! pass: `skb->tc_index`, which nothing outside this host can set.

use crate::Tc;
use bpfc_artifact::AttachPoint;
use bpfc_ebpf::Replies;
use bpfc_ebpf::asm::{
    Alu, Asm, Helper, Jump, Label, R0, R1, R2, R3, R4, R5, R6, R8, R9, Reg, Size, Width,
};
use bpfc_ebpf::kernel::field;
use bpfc_ebpf::skb;

/// `offsetof(struct __sk_buff, ifindex)` and `tc_index`.
const IFINDEX: i16 = 40;
const TC_INDEX: i16 = 44;
/// `BPF_ADJ_ROOM_MAC`: the room is behind the link header.
const ADJ_ROOM_MAC: i32 = 1;
/// `BPF_F_RECOMPUTE_CSUM`: `skb->csum`, which the link header is no part of, is kept right.
const RECOMPUTE_CSUM: i32 = 1;
/// The number of the loopback device in every network namespace.
const LOOPBACK_IFINDEX: i32 = 1;
/// `BPF_F_INGRESS`.
const INGRESS: i32 = 1;
/// `ip_summed` in the byte at `__pkt_type_offset` (include/linux/skbuff.h, the same from Linux 6.3
/// to 6.18), and `CHECKSUM_PARTIAL` in it.
const IP_SUMMED: i32 = 0x60;
const CHECKSUM_PARTIAL: i32 = 3 << 5;

impl Replies for Tc {
    /// `bpf_skb_change_tail` also makes the whole packet writable and one of a single segment.
    fn trim(&self, asm: &mut Asm) {
        asm.mov(R1, R6);
        asm.mov(R2, R8);
        asm.mov_imm(R3, 0);
        asm.helper(Helper::SkbChangeTail);
    }

    /// `bpf_skb_adjust_room` refuses what is tagged still; `bpf_skb_change_head` does not, but can
    /// only make room.
    fn shift(&self, asm: &mut Asm) {
        let done = asm.label();
        asm.mov_imm(R0, 0);
        asm.jump_imm(Jump::Eq, Width::W64, R9, 0, done);
        asm.mov(R1, R6);
        asm.mov_imm(R2, 0);
        asm.alu(Alu::Sub, Width::W64, R2, R9);
        asm.mov_imm(R3, ADJ_ROOM_MAC);
        asm.mov_imm(R4, 0);
        asm.helper(Helper::SkbAdjustRoom);
        asm.jump_imm(Jump::Eq, Width::W64, R0, 0, done);
        asm.mov(R1, R6);
        asm.mov_imm(R2, 0);
        asm.alu(Alu::Sub, Width::W64, R2, R9);
        asm.mov_imm(R3, 0);
        asm.helper(Helper::SkbChangeHead);
        asm.place(done);
    }

    fn store(&self, asm: &mut Asm, is_link: bool) {
        asm.mov(R1, R6);
        asm.mov_imm(R5, if is_link { 0 } else { RECOMPUTE_CSUM });
        asm.helper(Helper::SkbStoreBytes);
    }

    fn defers_checksums(&self) -> bool {
        true
    }

    fn deferred_checksum(&self, asm: &mut Asm, whole: Label) {
        skb::kernel_skb(asm, R3);
        asm.load_field(Size::B, R1, R3, field("sk_buff", "__pkt_type_offset", 0));
        asm.alu_imm(Alu::And, Width::W64, R1, IP_SUMMED);
        asm.jump_imm(Jump::Ne, Width::W64, R1, CHECKSUM_PARTIAL, whole);
        asm.load_field(Size::H, R1, R3, field("sk_buff", "csum_start", 2));
        asm.load_field(Size::H, R2, R3, field("sk_buff", "csum_offset", 2));
        asm.load_field(Size::D, R4, R3, field("sk_buff", "data", 8));
        asm.load_field(Size::D, R5, R3, field("sk_buff", "head", 8));
        asm.alu(Alu::Sub, Width::W64, R4, R5);
        asm.alu(Alu::Sub, Width::W64, R1, R4);
        asm.alu(Alu::Add, Width::W64, R2, R1);
    }

    fn ifindex(&self, asm: &mut Asm, dst: Reg) {
        asm.load(Size::W, dst, R6, IFINDEX);
    }

    /// What ingress answers leaves by egress.
    fn echoes(&self, attached: &[AttachPoint]) -> bool {
        attached.contains(&AttachPoint::TcEgress)
    }

    /// What comes in has lost its route, and addresses of the host itself have none as sources:
    /// on the loopback device the answer goes out instead, route and all.
    fn send(&self, asm: &mut Asm, attach: AttachPoint, echoes: bool) {
        asm.load(Size::W, R1, R6, IFINDEX);
        if echoes {
            mark(asm, R1, R2);
            asm.store(Size::W, R6, TC_INDEX, R2);
        }
        asm.mov_imm(R2, 0);
        if attach == AttachPoint::TcEgress {
            let loopback = asm.label();
            asm.jump_imm(Jump::Eq, Width::W64, R1, LOOPBACK_IFINDEX, loopback);
            asm.mov_imm(R2, INGRESS);
            asm.place(loopback);
        }
        asm.helper(Helper::Redirect);
    }
}

/// `dst` = the mark of an answer that goes through the device of this number.
fn mark(asm: &mut Asm, ifindex: Reg, dst: Reg) {
    asm.mov(dst, ifindex);
    asm.alu_imm(Alu::And, Width::W64, dst, 0x7fff);
    asm.alu_imm(Alu::Or, Width::W64, dst, 0x8000);
}

/// Emits: an answer of one of the artifact's programs passes, without its mark.
pub(crate) fn let_pass(asm: &mut Asm, pass: Label) {
    let other = asm.label();
    asm.load(Size::W, R1, R6, IFINDEX);
    mark(asm, R1, R2);
    asm.load(Size::W, R1, R6, TC_INDEX);
    asm.jump(Jump::Ne, Width::W64, R1, R2, other);
    asm.mov_imm(R1, 0);
    asm.store(Size::W, R6, TC_INDEX, R1);
    asm.goto(pass);
    asm.place(other);
}
