//! Frames without a link header, as XDP sees them at tun, WireGuard and PPP devices: the kernel's
//! generic code runs programs there with the IP header first (net/core/dev.c,
//! `bpf_prog_run_generic_xdp`, where the MAC header lies at the network header).
//!
//! Nothing in such a frame says so, but the device's type does. Frames for an Ethernet device's
//! own address, which is remembered, are known not to be bare and ask for nothing
//! ([`super::addressee`]).
//!
//! What is written to the frame's first 14 bytes makes the kernel take them for an Ethernet header
//! that has changed: where byte 0 changes its lowest bit, or bytes 12 and 13 change, it reads the
//! protocol from the bytes in front of the frame (`eth_type_trans`). So these get a header of such
//! bytes wherever that may happen: before rules that write to IPv6 headers ([`enter`]), and
//! for answers ([`shift`]).

use crate::asm::{Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R4, R6, R7, R9};
use crate::asm::{Size, Width};
use crate::kernel::{Reading, xdp};
use crate::packet::layout;
use crate::packet::needs::Needs;
use crate::target::MainContext;
use bpfc_ir::{Base, Region};

/// `ARPHRD_ETHER` and `ARPHRD_LOOPBACK` (include/uapi/linux/if_arp.h): the types of device whose
/// frames have an Ethernet header.
const ETHERNET: i32 = 1;
const LOOPBACK: i32 = 772;
/// `PACKET_HOST`.
const HOST: i32 = 0;
const ETH_P_IP: i32 = 0x0800;
const ETH_P_IPV6: i32 = 0x86dd;

/// Bytes in front of a frame that rules may write to: an Ethernet header, also in front of what
/// grows by [`crate::effect::front::GROWTH`] bytes, in whole words.
const FRONT: i32 = 24;
/// Bytes of the EtherType, and a place in the frame for it.
const TYPE: i32 = 2;
const TEMPORARY: i16 = -8;

/// In main, at XDP: jumps to `bare` where the frame has no link header. Clobbers r0 to r5 and the 8
/// bytes below r10.
pub fn if_bare(asm: &mut Asm, needs: &Needs, bare: Label) {
    let linked = asm.label();
    xdp::device_type(asm, Reading::at_xdp(needs), R1);
    asm.jump_imm(Jump::Eq, Width::W64, R1, ETHERNET, linked);
    asm.jump_imm(Jump::Ne, Width::W64, R1, LOOPBACK, bare);
    asm.place(linked);
}

/// In main, where [`if_bare`] leads to, with the frame's first byte at `header` of the frame:
/// finds the IP header, which comes first. Does not fall through.
pub fn enter(main: &mut MainContext<'_>, header: i16) {
    let asm = &mut *main.asm;
    let ipv6 = asm.label();
    asm.store_imm(Size::B, R7, layout::LINK_HEADER, 0);
    if main.needs.packet_type {
        asm.store_imm(Size::B, R7, layout::PACKET_TYPE, HOST);
    }
    asm.store_imm(Size::W, R7, layout::NETWORK_OFFSET, 0);
    asm.load(Size::B, R9, FP, header);
    asm.alu_imm(Alu::Rsh, Width::W64, R9, 4);
    if main.sight.is_device() {
        asm.store_imm(Size::H, R7, layout::PROTOCOL, ETH_P_IP);
    }
    asm.jump_imm(Jump::Eq, Width::W64, R9, 4, main.labels.ipv4);
    asm.jump_imm(Jump::Eq, Width::W64, R9, 6, ipv6);
    asm.goto(main.labels.pass);
    asm.place(ipv6);
    if main.sight.is_device() {
        asm.store_imm(Size::H, R7, layout::PROTOCOL, ETH_P_IPV6);
    }
    if main.needs.written.iter().any(|region| region.overlaps(CLASS)) {
        write_front(asm, header);
        asm.jump_imm(Jump::Ne, Width::W64, R0, 0, main.labels.pass);
    }
    asm.goto(main.labels.ipv6);
}

/// The bytes of an IPv6 header that rules write to and the kernel would take for a changed group
/// bit.
const CLASS: Region = Region::Bytes(Base::Network, 0, 1);

/// Writes what looks like an Ethernet header of an IPv6 packet for this device in front of the
/// frame. Its addresses are 0, as the device's own is. r0 is 0 when done. Clobbers r1 to r5, r9 and
/// 24 bytes at `place` of the frame.
fn write_front(asm: &mut Asm, place: i16) {
    let failed = asm.label();
    let [high, low] = (ETH_P_IPV6 as u16).to_be_bytes();
    asm.store_imm(Size::D, FP, place, 0);
    asm.store_imm(Size::D, FP, place + 8, 0);
    asm.store_imm(Size::W, FP, place + 16, i32::from_ne_bytes([0, 0, high, low]));
    asm.store_imm(Size::W, FP, place + 20, i32::from_ne_bytes([0, 0, high, low]));
    move_front(asm, -FRONT);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, failed);
    store_front(asm, place, FRONT);
    asm.mov(R9, R0);
    move_front(asm, FRONT);
    asm.alu(Alu::Or, Width::W64, R0, R9);
    asm.place(failed);
}

/// Does what [`crate::Replies::shift`] says: moves the frame's front by r9 bytes, which makes an
/// answer of a packet whose IP header lies in the packet structure.
pub fn shift(asm: &mut Asm) {
    let [known, linked, done] = std::array::from_fn(|_| asm.label());
    let number = |kind: i32| i32::from((kind as u16).to_be());
    asm.load(Size::W, R1, R7, layout::NETWORK_OFFSET);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, linked);
    asm.load(Size::B, R1, R7, layout::NETWORK);
    asm.alu_imm(Alu::Rsh, Width::W64, R1, 4);
    asm.mov_imm(R2, number(ETH_P_IP));
    asm.jump_imm(Jump::Eq, Width::W64, R1, 4, known);
    asm.mov_imm(R2, number(ETH_P_IPV6));
    asm.place(known);
    asm.store(Size::H, FP, TEMPORARY, R2);
    asm.mov(R1, R6);
    asm.mov(R2, R9);
    asm.alu_imm(Alu::Sub, Width::W64, R2, TYPE);
    asm.helper(Helper::XdpAdjustHead);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, done);
    store_front(asm, TEMPORARY, TYPE);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, done);
    move_front(asm, TYPE);
    asm.goto(done);
    asm.place(linked);
    asm.mov(R1, R6);
    asm.mov(R2, R9);
    asm.helper(Helper::XdpAdjustHead);
    asm.place(done);
}

/// Moves the frame's front by a constant: r0 is 0 when done.
fn move_front(asm: &mut Asm, bytes: i32) {
    asm.mov(R1, R6);
    asm.mov_imm(R2, bytes);
    asm.helper(Helper::XdpAdjustHead);
}

/// Writes the first bytes of the frame from `place` of the program's: r0 is 0 when done.
fn store_front(asm: &mut Asm, place: i16, bytes: i32) {
    asm.mov(R1, R6);
    asm.mov_imm(R2, 0);
    asm.frame_address(R3, place);
    asm.mov_imm(R4, bytes);
    asm.helper(Helper::XdpStoreBytes);
}
