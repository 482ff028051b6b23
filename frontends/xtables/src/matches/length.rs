//! `-m length`: the IP packet's length (net/netfilter/xt_length.c).

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported};
use bpfc_ir::Meta;
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static LENGTH: MatchExtension = MatchExtension {
    name: "length",
    aliases: &[],
    families: Families::Both,
    options: &[OptionSpec::value("length").invertible().mandatory()],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 8,
        decode: |f, _| Ok(Arc::new(Length { low: f.u16(0), high: f.u16(2), invert: f.flag(4)? })),
    }],
};

/// Where the first length is greater than the last, no length is inside.
#[derive(Debug)]
struct Length {
    low: u16,
    high: u16,
    invert: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let given = options.get("length").ok_or_else(|| options.bad("no length"))?;
    let (low, high) = given.range(0xffff)?;
    Ok(Arc::new(Length { low: low as u16, high: high as u16, invert: given.invert }))
}

impl Length {
    fn print(&self, out: &mut String) {
        let _ = match self.low == self.high {
            true => write!(out, "{}", self.low),
            false => write!(out, "{}:{}", self.low, self.high),
        };
    }
}

impl Match for Length {
    fn extension(&self) -> &'static MatchExtension {
        &LENGTH
    }

    fn save(&self, out: &mut String) {
        out.push_str(if self.invert { " ! --length " } else { " --length " });
        self.print(out);
    }

    fn list(&self, out: &mut String) {
        out.push_str(if self.invert { " length !" } else { " length " });
        self.print(out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let length = cx.builder().meta(Meta::Length);
        cx.expect_range(length, self.low.into(), self.high.into(), !self.invert);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let range = u32::from(self.low)..=u32::from(self.high);
        Outcome::of(range.contains(&packet.packet.length()) != self.invert)
    }
}
