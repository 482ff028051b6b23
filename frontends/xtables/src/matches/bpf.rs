//! `-m bpf`: a classic BPF filter of the packet from its network header on
//! (net/netfilter/xt_bpf.c).
//!
//! The packet matches where the filter returns anything but 0. A pinned program
//! (`--object-pinned`) is refused: it is machine code of another's that only the kernel holds.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    Families, Fields, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{ClassicFilter, ClassicInsn};
use bpfc_ir::{Condition, ProbeDef};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static BPF: MatchExtension = MatchExtension {
    name: "bpf",
    aliases: &[],
    families: Families::Both,
    options: &[OptionSpec::value("bytecode"), OptionSpec::value("object-pinned")],
    protocols: &[],
    hooks: &[],
    parse,
    // The last 8 bytes are a pointer of the kernel's.
    revisions: &[
        Revision { number: 0, size: 528, decode: |f, _| decode(f, f.u16(0), 4) },
        Revision {
            number: 1,
            size: 528,
            decode: |f, _| match f.u16(0) {
                0 => decode(f, f.u16(2), 8),
                1 => Err(PINNED.to_owned()),
                mode => Err(format!("mode {mode} is none that is compiled")),
            },
        },
    ],
};

/// Why `--object-pinned` is refused.
const PINNED: &str = "a pinned program is only in the kernel, which does not give its source; \
                      write the filter with --bytecode";

#[derive(Debug)]
struct Bpf {
    filter: ClassicFilter,
}

fn decode(f: Fields<'_>, count: u16, at: usize) -> Result<Arc<dyn Match>, String> {
    let insn = |index: usize| {
        let at = at + 8 * index;
        ClassicInsn { code: f.u16(at), jt: f.u8(at + 2), jf: f.u8(at + 3), k: f.u32(at + 4) }
    };
    let count = usize::from(count).min(ClassicFilter::LONGEST + 1);
    let filter = ClassicFilter::new((0..count).map(insn).collect())?;
    Ok(Arc::new(Bpf { filter }))
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    if let Some(given) = options.get("object-pinned") {
        return Err(given.unsupported(PINNED));
    }
    let given = options.get("bytecode").ok_or_else(|| options.bad("it needs --bytecode"))?;
    let bad = |message: String| given.bad(message);
    let Some((count, insns)) = given.text().split_once(',') else {
        return Err(bad("it is LENGTH,CODE JT JF K,...".to_owned()));
    };
    let count: usize = count.trim().parse().map_err(|_| bad(format!("'{count}' is no length")))?;
    let filter: ClassicFilter = insns.trim_end_matches(',').parse().map_err(bad)?;
    match filter.insns().len() {
        found if found == count => Ok(Arc::new(Bpf { filter })),
        found => {
            Err(bad(format!("it has {found} instructions, but its length field says {count}")))
        }
    }
}

impl Match for Bpf {
    fn extension(&self) -> &'static MatchExtension {
        &BPF
    }

    fn save(&self, out: &mut String) {
        let _ = write!(out, " --bytecode \"{},{}\"", self.filter.insns().len(), self.filter);
    }

    fn list(&self, out: &mut String) {
        let _ = write!(out, "match bpf {}", self.filter);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let answer = cx.probe(ProbeDef::Filter(self.filter.clone()));
        let matches = cx.builder().compare_const(Condition::Ne, answer, 0);
        cx.require(matches);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        Outcome::of(self.filter.run(packet.packet.bytes()) != 0)
    }
}
