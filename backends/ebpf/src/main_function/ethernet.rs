//! The way from an Ethernet header to the network header.

use crate::asm::{Alu, Asm, FP, Jump, Label, R1, R2, R7, R8, R9, Size, Width};
use crate::packet::layout;
use crate::packet::linear::{self, Destination, Offset};
use crate::target::{MainContext, Target};

/// VLAN tags that are walked: an outer and an inner one (IEEE 802.1Q, 802.1ad).
const TAGS: usize = 2;
const ETH_P_8021Q: i32 = 0x8100;
const ETH_P_8021AD: i32 = 0x88a8;
const ETH_P_IP: i32 = 0x0800;
const ETH_P_IPV6: i32 = 0x86dd;
/// `ETH_P_802_3_MIN`: smaller numbers are lengths.
const LEAST_TYPE: i32 = 0x600;

/// Ends [`Target::locate`]: with an offset in r8, as [`Target::fetch`] counts, and the EtherType of
/// what lies there in r9, as a number, walks the VLAN tags, stores the network offset and jumps
/// to the family's label; a packet that is cut off or not IP passes. Uses four bytes of scratch.
pub fn find_network_header(main: &mut MainContext<'_>, target: &dyn Target) {
    let tags = if main.sight.is_device() { 0 } else { TAGS };
    walk_tags(main, target, tags, false);
}

/// The same where the frame is as it came by the wire: the kernel takes its first tag off before
/// hooks of devices see it, and tells frames of IEEE 802.3 from others.
pub fn find_network_header_on_wire(main: &mut MainContext<'_>, target: &dyn Target) {
    let is_device = main.sight.is_device();
    walk_tags(main, target, if is_device { 1 } else { TAGS }, is_device);
}

fn walk_tags(main: &mut MainContext<'_>, target: &dyn Target, tags: usize, tells_length: bool) {
    let at_device = main.sight.is_device();
    let layout_tag = main.layout.tag();
    let asm = &mut *main.asm;
    let labels = main.labels;
    let tag = main.scratch;
    let found = asm.label();
    let mut tagged = asm.label();
    if tags > 0 {
        is_tagged(asm, tagged);
    }
    asm.place(found);
    asm.store(Size::W, R7, layout::NETWORK_OFFSET, R8);
    if at_device {
        asm.store(Size::H, R7, layout::PROTOCOL, R9);
    }
    asm.jump_imm(Jump::Eq, Width::W64, R9, ETH_P_IP, labels.ipv4);
    asm.jump_imm(Jump::Eq, Width::W64, R9, ETH_P_IPV6, labels.ipv6);
    if tells_length {
        asm.jump_imm(Jump::Ge, Width::W64, R9, LEAST_TYPE, labels.other);
        tell_length(asm, target, labels.other, tag);
    }
    asm.goto(labels.other);
    // Out of the way, so that the verifier has walked what follows before: a network header may
    // stand anywhere to it there, but behind a tag only in the bytes that plain loads reach.
    for number in 1..=tags {
        asm.place(tagged);
        tagged = asm.label();
        asm.mov(R2, R8);
        let to = Destination { base: FP, offset: tag };
        linear::copy(target, asm, Offset::Register, to, 4, tag, labels.pass);
        if let Some(to) = layout_tag.filter(|_| at_device) {
            asm.alu_imm(Alu::Lsh, Width::W64, R9, 16);
            asm.load(Size::H, R1, FP, tag);
            asm.from_big_endian(R1, 16);
            asm.alu(Alu::Or, Width::W64, R9, R1);
            asm.store(Size::W, R7, to, R9);
        }
        asm.load(Size::H, R9, FP, tag + 2);
        asm.from_big_endian(R9, 16);
        asm.alu_imm(Alu::Add, Width::W64, R8, 4);
        if number < tags {
            is_tagged(asm, tagged);
        }
        asm.goto(found);
    }
}

/// Emits, where a length stands in the EtherType's place: stores the number by which the kernel
/// knows such frames (net/ethernet/eth.c, `eth_type_trans`; `ETH_P_802_3` and `ETH_P_802_2`).
fn tell_length(asm: &mut Asm, target: &dyn Target, other: Label, scratch: i16) {
    asm.store_imm(Size::H, R7, layout::PROTOCOL, 4);
    asm.mov(R2, R8);
    let to = Destination { base: FP, offset: scratch };
    linear::copy(target, asm, Offset::Register, to, 2, scratch, other);
    asm.load(Size::H, R9, FP, scratch);
    asm.jump_imm(Jump::Ne, Width::W64, R9, 0xffff, other);
    asm.store_imm(Size::H, R7, layout::PROTOCOL, 1);
}

/// Emits: jump to `tagged` where the EtherType in r9 is that of a VLAN tag.
fn is_tagged(asm: &mut Asm, tagged: Label) {
    for tag in [ETH_P_8021Q, ETH_P_8021AD] {
        asm.jump_imm(Jump::Eq, Width::W64, R9, tag, tagged);
    }
}
