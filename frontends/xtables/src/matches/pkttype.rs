//! `-m pkttype`: whom the link layer sent the packet to (net/netfilter/xt_pkttype.c).
//!
//! What the host sends to its own group or broadcast address counts as multicast or broadcast,
//! by the destination address.

use crate::lower::{Fork, RuleCx};
use crate::reference::{Outcome, View};
use crate::{Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported};
use bpfc_ir::{Base, Condition, Family, Meta, Type};
use bpfc_packet::pkt_type;
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static PKTTYPE: MatchExtension = MatchExtension {
    name: "pkttype",
    aliases: &[],
    families: Families::Both,
    options: &[OptionSpec::value("pkt-type").invertible().mandatory()],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 8,
        decode: |f, _| match f.u32(4) {
            invert @ 0..=1 => Ok(Arc::new(PktType { kind: f.u32(0), invert: invert == 1 })),
            other => Err(format!("its inversion is {other}, not 0 or 1")),
        },
    }],
};

#[derive(Debug)]
struct PktType {
    kind: u32,
    invert: bool,
}

/// The first name of a kind is the one that is printed.
const NAMES: [(&str, u8); 7] = [
    ("unicast", pkt_type::HOST),
    ("broadcast", pkt_type::BROADCAST),
    ("multicast", pkt_type::MULTICAST),
    ("otherhost", pkt_type::OTHERHOST),
    ("bcast", pkt_type::BROADCAST),
    ("mcast", pkt_type::MULTICAST),
    ("host", pkt_type::HOST),
];

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let given = options.get("pkt-type").ok_or_else(|| options.bad("no type"))?;
    match NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(given.text())) {
        Some(&(_, kind)) => Ok(Arc::new(PktType { kind: kind.into(), invert: given.invert })),
        None => Err(given.bad(format!("'{}' is no packet type", given.text()))),
    }
}

impl PktType {
    fn print(&self, out: &mut String) {
        let _ = match NAMES.iter().find(|(_, kind)| u32::from(*kind) == self.kind) {
            Some((name, _)) => write!(out, "{name}"),
            None => write!(out, "{}", self.kind as i32),
        };
    }
}

impl Match for PktType {
    fn extension(&self) -> &'static MatchExtension {
        &PKTTYPE
    }

    fn save(&self, out: &mut String) {
        out.push_str(if self.invert { " ! --pkt-type " } else { " --pkt-type " });
        self.print(out);
    }

    fn list(&self, out: &mut String) {
        out.push_str(if self.invert { " PKTTYPE != " } else { " PKTTYPE = " });
        self.print(out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        const LOOPBACK: u128 = pkt_type::LOOPBACK as u128;
        let family = cx.family();
        let Fork { matched, held, failed: differs } = cx.fork(self.invert);
        let b = cx.builder();
        let kind = b.meta(Meta::PacketType);
        let looped = b.compare_const(Condition::Eq, kind, LOOPBACK);
        let plain = b.block();
        b.require(looped, plain);
        let outcome = |as_kind: u8| if u32::from(as_kind) == self.kind { held } else { differs };
        match family {
            Family::Ipv4 => {
                let destination = b.payload(Type::I8, Base::Network, 16);
                let group = b.in_range(destination, 0xe0, 0xef);
                b.branch(group, outcome(pkt_type::MULTICAST), outcome(pkt_type::BROADCAST));
            }
            Family::Ipv6 => b.jump(outcome(pkt_type::MULTICAST)),
        }
        b.switch_to(plain);
        // A packet whose own kind is loopback has been handled above.
        if self.kind >= 0x100 || u128::from(self.kind) == LOOPBACK {
            b.jump(differs);
        } else {
            let kind = b.meta(Meta::PacketType);
            let same = b.compare_const(Condition::Eq, kind, self.kind.into());
            b.branch(same, held, differs);
        }
        b.switch_to(matched);
        Ok(())
    }

    fn evaluate(&self, view: &View<'_>, _: &mut u64) -> Outcome {
        let packet = &view.packet;
        let kind = match (view.packet_type.get(), packet.ip()) {
            (pkt_type::LOOPBACK, Family::Ipv4) if packet.bytes()[16] >> 4 == 0xe => {
                pkt_type::MULTICAST
            }
            (pkt_type::LOOPBACK, Family::Ipv4) => pkt_type::BROADCAST,
            (pkt_type::LOOPBACK, Family::Ipv6) => pkt_type::MULTICAST,
            (kind, _) => kind,
        };
        Outcome::of((u32::from(kind) == self.kind) != self.invert)
    }
}
