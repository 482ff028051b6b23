//! `-m eui64`: whether the source address's interface identifier is the one made of the Ethernet
//! source address (net/ipv6/netfilter/ip6t_eui64.c; RFC 4291, appendix A).
//!
//! A packet without an Ethernet header does not match.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{Families, Match, MatchExtension, Options, Problem, Revision, Unsupported};
use bpfc_ir::{Base, BinaryOp, Condition, Hook, Meta, Type};
use std::sync::Arc;

/// The descriptor.
pub static EUI64: MatchExtension = MatchExtension {
    name: "eui64",
    aliases: &[],
    families: Families::Ipv6,
    options: &[],
    protocols: &[],
    hooks: &[Hook::Prerouting, Hook::Input, Hook::Forward],
    parse,
    // The number in the struct means nothing.
    revisions: &[Revision { number: 0, size: 8, decode: |_, _| Ok(Arc::new(Eui64)) }],
};

/// Where the interface identifier starts in the IPv6 header.
const IDENTIFIER: u16 = 16;
/// Where the source address starts in the Ethernet header.
const SOURCE: u16 = 6;

#[derive(Debug)]
struct Eui64;

fn parse(_: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    Ok(Arc::new(Eui64))
}

impl Match for Eui64 {
    fn extension(&self) -> &'static MatchExtension {
        &EUI64
    }

    fn save(&self, _: &mut String) {}

    fn list(&self, out: &mut String) {
        out.push_str(" eui64");
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let there = cx.builder().meta(Meta::LinkHeader);
        let there = cx.builder().compare_const(Condition::Ne, there, 0);
        cx.require(there);
        // The first half with the bit for universal addresses turned, FF FE, the second half.
        let b = cx.builder();
        let found = b.payload(Type::I16, Base::Network, IDENTIFIER);
        let source = b.payload(Type::I16, Base::Link, SOURCE);
        let bit = b.constant(Type::I16, 0x0200);
        let wanted = b.binary(BinaryOp::Xor, source, bit);
        let same = b.compare(Condition::Eq, found, wanted);
        cx.require(same);
        for (at, from) in [(2, 2), (5, 3)] {
            let b = cx.builder();
            let found = b.payload(Type::I8, Base::Network, IDENTIFIER + at);
            let wanted = b.payload(Type::I8, Base::Link, SOURCE + from);
            let same = b.compare(Condition::Eq, found, wanted);
            cx.require(same);
        }
        for (at, wanted) in [(3, 0xff), (4, 0xfe)] {
            let found = cx.builder().payload(Type::I8, Base::Network, IDENTIFIER + at);
            let same = cx.builder().compare_const(Condition::Eq, found, wanted);
            cx.require(same);
        }
        let b = cx.builder();
        let found = b.payload(Type::I16, Base::Network, IDENTIFIER + 6);
        let wanted = b.payload(Type::I16, Base::Link, SOURCE + 4);
        let same = b.compare(Condition::Eq, found, wanted);
        cx.require(same);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = &packet.packet;
        match (packet.link_slice(6, 6), packet.slice(IDENTIFIER.into(), 8)) {
            (Some(&[a, b, c, d, e, f]), Some(identifier)) => {
                Outcome::of(identifier == [a ^ 2, b, c, 0xff, 0xfe, d, e, f])
            }
            _ => Outcome::NoMatch,
        }
    }
}
