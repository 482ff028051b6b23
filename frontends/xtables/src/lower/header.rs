//! Lowers a rule's own tests.

use super::RuleCx;
use crate::header::{AddressTest, Header, InterfaceTest};
use bpfc_ir::{Base, Condition, Family, Meta, Type};

/// Emits the header's tests, in the order of `ip_packet_match` and `ip6_packet_match`.
pub fn lower(header: &Header, cx: &mut RuleCx<'_>) {
    match cx.family() {
        Family::Ipv4 => {
            address(cx, &header.source, Type::I32, 12);
            address(cx, &header.destination, Type::I32, 16);
            interface(cx, &header.input, Meta::InInterface);
            interface(cx, &header.output, Meta::OutInterface);
            protocol_v4(cx, header);
            fragment(cx, header);
        }
        Family::Ipv6 => {
            address(cx, &header.source, Type::I128, 8);
            address(cx, &header.destination, Type::I128, 24);
            interface(cx, &header.input, Meta::InInterface);
            interface(cx, &header.output, Meta::OutInterface);
            protocol_v6(cx, header);
        }
    }
}

fn address(cx: &mut RuleCx<'_>, test: &AddressTest, ty: Type, offset: u16) {
    if test.mask == 0 && test.address == 0 {
        if test.invert {
            cx.never();
        }
        return;
    }
    let b = cx.builder();
    let value = b.payload(ty, Base::Network, offset);
    let masked = b.mask(value, test.mask);
    let equal = b.compare_const(Condition::Eq, masked, test.address);
    cx.expect(equal, !test.invert);
}

fn interface(cx: &mut RuleCx<'_>, test: &InterfaceTest, meta: Meta) {
    let mask = test.mask_number();
    if mask == 0 {
        if test.invert {
            cx.never();
        }
        return;
    }
    let b = cx.builder();
    let value = b.meta(meta);
    let masked = b.mask(value, mask);
    let equal = b.compare_const(Condition::Eq, masked, test.name_number() & mask);
    cx.expect(equal, !test.invert);
}

/// IPv4 compares the header's protocol field, fragments and all.
fn protocol_v4(cx: &mut RuleCx<'_>, header: &Header) {
    let test = header.protocol;
    if test.number == 0 {
        return;
    }
    let b = cx.builder();
    let value = b.payload(Type::I8, Base::Network, 9);
    cx.expect_range(value, test.number.into(), u128::from(test.number).min(0xff), !test.invert);
}

/// IPv6 compares the header after the extension headers; a packet whose extension headers cannot
/// be walked is dropped at once, whatever the protocol.
fn protocol_v6(cx: &mut RuleCx<'_>, header: &Header) {
    let test = header.protocol;
    if !test.walk {
        return;
    }
    let b = cx.builder();
    let failed = b.meta(Meta::WalkFailed);
    let failed = b.compare_const(Condition::Ne, failed, 0);
    cx.forbid_or_drop(failed);
    if test.number == 0 {
        return;
    }
    let value = cx.builder().meta(Meta::L4Proto);
    cx.expect_range(value, test.number.into(), u128::from(test.number).min(0xff), !test.invert);
}

fn fragment(cx: &mut RuleCx<'_>, header: &Header) {
    let test = header.fragment;
    if !test.later {
        if test.invert {
            cx.never();
        }
        return;
    }
    let b = cx.builder();
    let offset = b.meta(Meta::FragmentOffset);
    let later = b.compare_const(Condition::Ne, offset, 0);
    cx.expect(later, !test.invert);
}
