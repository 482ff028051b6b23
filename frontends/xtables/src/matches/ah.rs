//! `-m ah` of iptables: the security parameter index of the authentication header where it is the
//! transport protocol (net/ipv4/netfilter/ipt_ah.c). ip6tables' match of this name is in `ah6`.
//!
//! A fragment that is not the first never matches, inverted or not; a packet without the header's
//! 12 bytes is dropped at once.

use super::numbers::NumberRange;
use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported};
use bpfc_ir::{Base, Type};
use std::sync::Arc;

/// The descriptor.
pub static AH: MatchExtension = MatchExtension {
    name: "ah",
    aliases: &[],
    families: Families::Ipv4,
    options: &[OptionSpec::value("ahspi").invertible()],
    protocols: &[51],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 16,
        decode: |f, _| Ok(Arc::new(Ah { spi: NumberRange::decode(f)? })),
    }],
};

#[derive(Debug)]
struct Ah {
    spi: NumberRange,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    Ok(Arc::new(Ah { spi: NumberRange::parse(options.get("ahspi"))? }))
}

impl Match for Ah {
    fn extension(&self) -> &'static MatchExtension {
        &AH
    }

    fn save(&self, out: &mut String) {
        self.spi.save("ahspi", out);
    }

    fn list(&self, out: &mut String) {
        out.push_str(" ah ");
        self.spi.list("spi", out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        cx.require_first_fragment();
        cx.transport_or_drop(12);
        let spi = cx.builder().payload(Type::I32, Base::Transport, 4);
        self.spi.lower(cx, spi);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        self.spi.evaluate(packet, |[_, _, _, _, a, b, c, d, ..]: [u8; 12]| {
            u32::from_be_bytes([a, b, c, d])
        })
    }
}
