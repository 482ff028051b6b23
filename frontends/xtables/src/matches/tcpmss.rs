//! `-m tcpmss`: the maximum segment size that a TCP header announces (net/netfilter/xt_tcpmss.c).
//!
//! Without the option nothing but an inverted test matches. Fragments are not looked for: what
//! stands in the header's place is read as one. A packet whose 20-byte header or announced
//! options are cut off is dropped at once.

use super::ports::PortRange;
use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported};
use bpfc_ir::{Base, Condition, Scan, Type};
use bpfc_packet::{Found, find_tcp_mss};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static TCPMSS: MatchExtension = MatchExtension {
    name: "tcpmss",
    aliases: &[],
    families: Families::Both,
    options: &[OptionSpec::value("mss").invertible().mandatory()],
    protocols: &[6],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 8,
        decode: |f, _| {
            let size = PortRange { low: f.u16(0), high: f.u16(2), invert: f.flag(4)? };
            Ok(Arc::new(TcpMss { size }))
        },
    }],
};

#[derive(Debug)]
struct TcpMss {
    size: PortRange,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let given = options.get("mss").ok_or_else(|| options.bad("no size"))?;
    let (low, high) = given.range(0xffff)?;
    if low > high {
        return Err(given.bad(format!("the range {low}:{high} holds no size")));
    }
    let size = PortRange { low: low as u16, high: high as u16, invert: given.invert };
    Ok(Arc::new(TcpMss { size }))
}

impl TcpMss {
    fn print(&self, out: &mut String) {
        let PortRange { low, high, .. } = self.size;
        let _ = match low == high {
            true => write!(out, "{low}"),
            false => write!(out, "{low}:{high}"),
        };
    }
}

impl Match for TcpMss {
    fn extension(&self) -> &'static MatchExtension {
        &TCPMSS
    }

    fn save(&self, out: &mut String) {
        out.push_str(if self.size.invert { " ! --mss " } else { " --mss " });
        self.print(out);
    }

    fn list(&self, out: &mut String) {
        out.push_str(" tcpmss match ");
        out.push_str(if self.size.invert { "!" } else { "" });
        self.print(out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        cx.transport_or_drop(20);
        let length = cx.builder().payload(Type::I8, Base::Transport, 12);
        let enough = cx.builder().compare_const(Condition::Ge, length, 0x50);
        cx.require_or_drop(enough);
        let found = cx.builder().scan(Scan::TcpMss);
        let broken = cx.builder().compare_const(Condition::Eq, found, Scan::BROKEN.into());
        cx.forbid_or_drop(broken);
        let absent = cx.builder().compare_const(Condition::Eq, found, Scan::ABSENT.into());
        let done = cx.builder().block();
        if self.size.invert {
            cx.builder().forbid(absent, done);
        } else {
            cx.forbid(absent);
        }
        // The scan has looked at the option's bytes; the guard says so to the verifier.
        let there = cx.builder().available_at(found, 4);
        cx.require(there);
        let size = cx.builder().load_at(Type::I16, found, 2);
        let PortRange { low, high, invert } = self.size;
        cx.expect_range(size, low.into(), high.into(), !invert);
        cx.builder().jump(done);
        cx.builder().switch_to(done);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = &packet.packet;
        match find_tcp_mss(packet.bytes(), packet.transport()) {
            Found::Broken => Outcome::Hotdrop,
            Found::Absent => Outcome::of(self.size.invert),
            Found::At(offset) => match packet.slice(offset, 4) {
                Some(&[_, _, high, low]) => {
                    Outcome::of(self.size.contains(u16::from_be_bytes([high, low])))
                }
                _ => Outcome::Hotdrop,
            },
        }
    }
}
