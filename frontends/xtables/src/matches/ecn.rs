//! `-m ecn`: explicit congestion notification in the IP and TCP headers (net/netfilter/xt_ecn.c).
//!
//! Its TCP tests know nothing of fragments: in a fragment that is not the first they read the
//! bytes that stand where the header would, for IPv6 those of the IP header. A packet too short
//! for them does not match, and is not dropped at once.

use super::tos::{lower_traffic_class, traffic_class};
use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported};
use bpfc_ir::{Base, Condition, Family, Meta, Type};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static ECN: MatchExtension = MatchExtension {
    name: "ecn",
    aliases: &[],
    families: Families::Both,
    options: &[
        OptionSpec::flag("ecn-tcp-cwr").invertible(),
        OptionSpec::flag("ecn-tcp-ece").invertible(),
        OptionSpec::value("ecn-ip-ect").invertible(),
    ],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 8,
        decode: |f, cx| {
            let (tests, inverted) = (f.u8(0), f.u8(1));
            if (tests | inverted) & !0x31 != 0 {
                return Err(format!("unknown flags {:#x}", tests | inverted));
            }
            let test = |bit: u8| (tests & bit != 0).then_some(inverted & bit != 0);
            let (echo, reduced) = (test(0x10), test(0x20));
            let protocol = cx.header.protocol;
            if echo.or(reduced).is_some() && (protocol.number != 6 || protocol.invert) {
                return Err("TCP bits need a rule for TCP".to_owned());
            }
            Ok(Arc::new(Ecn { echo, reduced, point: test(1).map(|invert| (f.u8(2), invert)) }))
        },
    }],
};

#[derive(Debug)]
struct Ecn {
    /// TCP's ECE bit, or whether it must be clear.
    echo: Option<bool>,
    /// TCP's CWR bit, or whether it must be clear.
    reduced: Option<bool>,
    /// The IP header's two bits and whether they must differ.
    point: Option<(u8, bool)>,
}

const ECE: u8 = 0x40;
const CWR: u8 = 0x80;

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    options.one_of(&["ecn-tcp-cwr", "ecn-tcp-ece", "ecn-ip-ect"])?;
    let flag = |id| options.get(id).map(|given| given.invert);
    let (echo, reduced) = (flag("ecn-tcp-ece"), flag("ecn-tcp-cwr"));
    let protocol = options.header.protocol;
    if echo.or(reduced).is_some() && (protocol.number != 6 || protocol.invert) {
        return Err(options.bad("matching TCP's bits needs -p tcp in the rule"));
    }
    let point = match options.get("ecn-ip-ect") {
        Some(given) => Some((given.number(0, 3)? as u8, given.invert)),
        None => None,
    };
    Ok(Arc::new(Ecn { echo, reduced, point }))
}

impl Ecn {
    /// Which bits of TCP's flag byte count, and what they must be; `None` for none.
    fn tcp_bits(&self) -> Option<(u8, u8)> {
        let (mut mask, mut value) = (0, 0);
        for (test, bit) in [(self.echo, ECE), (self.reduced, CWR)] {
            if let Some(invert) = test {
                mask |= bit;
                value |= if invert { 0 } else { bit };
            }
        }
        (mask != 0).then_some((mask, value))
    }
}

impl Match for Ecn {
    fn extension(&self) -> &'static MatchExtension {
        &ECN
    }

    fn save(&self, out: &mut String) {
        for (test, name) in [(self.echo, "ece"), (self.reduced, "cwr")] {
            if let Some(invert) = test {
                let _ = write!(out, "{} --ecn-tcp-{name}", if invert { " !" } else { "" });
            }
        }
        if let Some((point, invert)) = self.point {
            let _ = write!(out, "{} --ecn-ip-ect {point}", if invert { " !" } else { "" });
        }
    }

    fn list(&self, out: &mut String) {
        out.push_str(" ECN match");
        for (test, name) in [(self.echo, "ECE"), (self.reduced, "CWR")] {
            if let Some(invert) = test {
                let _ = write!(out, " {}{name}", if invert { "!" } else { "" });
            }
        }
        if let Some((point, invert)) = self.point {
            let _ = write!(out, " {}ECT={point}", if invert { "!" } else { "" });
        }
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        if let Some((point, invert)) = self.point {
            lower_traffic_class(cx, 3, point, !invert);
        }
        let Some((mask, value)) = self.tcp_bits() else { return Ok(()) };
        let no_match = cx.no_match();
        let bits = |cx: &mut RuleCx<'_>, base| {
            let b = cx.builder();
            let flags = b.payload(Type::I8, base, 13);
            let masked = b.mask(flags, mask.into());
            b.compare_const(Condition::Eq, masked, value.into())
        };
        let family = cx.family();
        let done = cx.builder().block();
        if family == Family::Ipv6 {
            let later = cx.builder().block();
            let offset = cx.builder().meta(Meta::FragmentOffset);
            let first = cx.builder().compare_const(Condition::Eq, offset, 0);
            cx.builder().require(first, later);
            let there = cx.builder().available(Base::Transport, 20);
            cx.require(there);
            let holds = bits(cx, Base::Transport);
            cx.builder().branch(holds, done, no_match);
            cx.builder().switch_to(later);
            let holds = bits(cx, Base::Network);
            cx.builder().branch(holds, done, no_match);
        } else {
            let there = cx.builder().available(Base::Transport, 20);
            cx.require(there);
            let holds = bits(cx, Base::Transport);
            cx.builder().branch(holds, done, no_match);
        }
        cx.builder().switch_to(done);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = &packet.packet;
        if let Some((point, invert)) = self.point
            && (traffic_class(packet) & 3 == point) == invert
        {
            return Outcome::NoMatch;
        }
        let Some((mask, value)) = self.tcp_bits() else { return Outcome::Match };
        // In an IPv6 fragment that is not the first, the transport offset is 0.
        match packet.transport_slice(0, 20) {
            Some(header) => Outcome::of(header[13] & mask == value),
            None => Outcome::NoMatch,
        }
    }
}
