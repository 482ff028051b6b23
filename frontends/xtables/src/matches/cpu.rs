//! `-m cpu`: the processor that handles the packet (net/netfilter/xt_cpu.c).

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported};
use bpfc_ir::{Condition, Meta};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static CPU: MatchExtension = MatchExtension {
    name: "cpu",
    aliases: &[],
    families: Families::Both,
    options: &[OptionSpec::value("cpu").invertible().mandatory()],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 8,
        decode: |f, _| match f.u32(4) {
            invert @ (0 | 1) => Ok(Arc::new(Cpu { number: f.u32(0), invert: invert == 1 })),
            other => Err(format!("an inversion of {other}")),
        },
    }],
};

#[derive(Debug)]
struct Cpu {
    number: u32,
    invert: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let given = options.get("cpu").ok_or_else(|| options.bad("no processor"))?;
    let number = given.number(0, u32::MAX.into())? as u32;
    Ok(Arc::new(Cpu { number, invert: given.invert }))
}

impl Match for Cpu {
    fn extension(&self) -> &'static MatchExtension {
        &CPU
    }

    fn save(&self, out: &mut String) {
        let _ = write!(out, "{} --cpu {}", if self.invert { " !" } else { "" }, self.number);
    }

    fn list(&self, out: &mut String) {
        let _ = write!(out, " cpu {}{}", if self.invert { "! " } else { "" }, self.number);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let cpu = cx.builder().meta(Meta::Cpu);
        let equal = cx.builder().compare_const(Condition::Eq, cpu, self.number.into());
        cx.expect(equal, !self.invert);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        Outcome::of((packet.packet.packet().cpu == self.number) != self.invert)
    }
}
