//! What the targets that write a field of the IP header share. The kernel leaves a packet alone
//! whose field is right already: its checksum may be written as 0xffff, which a correction would
//! turn into 0.

use crate::lower::RuleCx;
use crate::matches::tos::traffic_class;
use crate::reference::View;
use bpfc_ir::{
    Base, BinaryOp, ChecksumField, Condition, Family, FunctionBuilder, Op, Rewrite, Type, Value,
};
use bpfc_packet::replace_checksum;

/// Emits: store a byte of IPv4's header over what was there, and correct the checksum.
pub fn store_ipv4_byte(b: &mut FunctionBuilder, offset: u16, old: Value, new: Value) {
    let [old, changed] = [old, new].map(|byte| {
        let word = b.extend(Type::I16, byte);
        if offset.is_multiple_of(2) {
            let eight = b.constant(Type::I16, 8);
            b.binary(BinaryOp::Shl, word, eight)
        } else {
            word
        }
    });
    b.push(Op::Rewrite(Rewrite::Checksum(ChecksumField::IPV4, old, changed)));
    b.push(Op::Rewrite(Rewrite::Store(Base::Network, offset, new)));
}

/// Writes a byte of an IPv4 packet's header and corrects the checksum.
pub fn set_ipv4_byte(bytes: &mut [u8], offset: usize, new: u8) {
    let pair = |bytes: &[u8]| u16::from_be_bytes([bytes[offset & !1], bytes[offset | 1]]);
    let old = pair(bytes);
    bytes[offset] = new;
    let sum = u16::from_be_bytes([bytes[10], bytes[11]]);
    let sum = replace_checksum(sum, old.into(), pair(bytes).into());
    bytes[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// Emits: IPv4's type of service or IPv6's traffic class becomes `class & !mask ^ value`
/// (include/net/dsfield.h).
pub fn lower_traffic_class(cx: &mut RuleCx<'_>, mask: u8, value: u8) {
    let family = cx.family();
    let b = cx.builder();
    let done = b.block();
    let (ty, offset, shift) = match family {
        Family::Ipv4 => (Type::I8, 1, 0),
        // Between the version's four bits and the flow label.
        Family::Ipv6 => (Type::I16, 0, 4),
    };
    let old = b.payload(ty, Base::Network, offset);
    let kept = b.mask(old, ty.max() & !(u128::from(mask) << shift));
    let set = b.constant(ty, u128::from(value) << shift);
    let new = b.binary(BinaryOp::Xor, kept, set);
    let same = b.compare(Condition::Eq, old, new);
    b.forbid(same, done);
    match family {
        Family::Ipv4 => store_ipv4_byte(b, offset, old, new),
        Family::Ipv6 => {
            b.push(Op::Rewrite(Rewrite::Store(Base::Network, offset, new)));
        }
    }
    b.jump(done);
    b.switch_to(done);
}

/// Writes IPv4's type of service or IPv6's traffic class.
pub fn set_traffic_class(packet: &mut View<'_>, mask: u8, value: u8) {
    let old = traffic_class(&packet.packet);
    let new = old & !mask ^ value;
    if new == old {
        return;
    }
    let family = packet.packet.ip();
    packet.rewrite(|bytes| match family {
        Family::Ipv4 => set_ipv4_byte(bytes, 1, new),
        Family::Ipv6 => {
            bytes[0] = bytes[0] & 0xf0 | new >> 4;
            bytes[1] = bytes[1] & 0x0f | new << 4;
        }
    });
}
