//! `-m ipcomp`: the compression parameter index of the IPComp header (net/netfilter/xt_ipcomp.c).
//!
//! A fragment that is not the first never matches, inverted or not; a packet without the header's
//! 4 bytes is dropped at once. `--compres` is kept and printed, but the kernel does not look at it.

use super::numbers::NumberRange;
use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported};
use bpfc_ir::{Base, Type};
use std::sync::Arc;

/// The descriptor.
pub static IPCOMP: MatchExtension = MatchExtension {
    name: "ipcomp",
    aliases: &[],
    families: Families::Both,
    options: &[OptionSpec::value("ipcompspi").invertible(), OptionSpec::flag("compres")],
    protocols: &[108],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 16,
        decode: |f, _| {
            Ok(Arc::new(IpComp { index: NumberRange::decode(f)?, reserved: f.u8(9) != 0 }))
        },
    }],
};

#[derive(Debug)]
struct IpComp {
    index: NumberRange,
    reserved: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let index = match options.get("ipcompspi") {
        // Unlike esp, iptables leaves the range at 0.
        None => NumberRange { low: 0, high: 0, invert: false },
        given => NumberRange::parse(given)?,
    };
    Ok(Arc::new(IpComp { index, reserved: options.has("compres") }))
}

impl Match for IpComp {
    fn extension(&self) -> &'static MatchExtension {
        &IPCOMP
    }

    fn save(&self, out: &mut String) {
        self.index.save("ipcompspi", out);
        out.push_str(if self.reserved { " --compres" } else { "" });
    }

    fn list(&self, out: &mut String) {
        out.push_str(" comp ");
        self.index.list("spi", out);
        out.push_str(if self.reserved { " reserved" } else { "" });
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        cx.require_first_fragment();
        cx.transport_or_drop(4);
        let index = cx.builder().payload(Type::I16, Base::Transport, 2);
        let index = cx.builder().extend(Type::I32, index);
        self.index.lower(cx, index);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        self.index
            .evaluate(packet, |[_, _, high, low]: [u8; 4]| u16::from_be_bytes([high, low]).into())
    }
}
