//! `-m esp`: the security parameter index of the ESP header (net/netfilter/xt_esp.c).
//!
//! A fragment that is not the first never matches, inverted or not; a packet without the header's
//! 8 bytes is dropped at once.

use super::numbers::NumberRange;
use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported};
use bpfc_ir::{Base, Type};
use std::sync::Arc;

/// The descriptor.
pub static ESP: MatchExtension = MatchExtension {
    name: "esp",
    aliases: &[],
    families: Families::Both,
    options: &[OptionSpec::value("espspi").invertible()],
    protocols: &[50],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 16,
        decode: |f, _| Ok(Arc::new(Esp { spi: NumberRange::decode(f)? })),
    }],
};

#[derive(Debug)]
struct Esp {
    spi: NumberRange,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    Ok(Arc::new(Esp { spi: NumberRange::parse(options.get("espspi"))? }))
}

impl Match for Esp {
    fn extension(&self) -> &'static MatchExtension {
        &ESP
    }

    fn save(&self, out: &mut String) {
        self.spi.save("espspi", out);
    }

    fn list(&self, out: &mut String) {
        out.push_str(" esp");
        self.spi.list(" spi", out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        cx.require_first_fragment();
        cx.transport_or_drop(8);
        let spi = cx.builder().payload(Type::I32, Base::Transport, 0);
        self.spi.lower(cx, spi);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        self.spi.evaluate(packet, |[a, b, c, d, ..]: [u8; 8]| u32::from_be_bytes([a, b, c, d]))
    }
}
