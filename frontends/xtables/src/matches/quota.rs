//! `-m quota`: so many bytes, and then no more (net/netfilter/xt_quota.c).
//!
//! The first packet that the rest of the quota does not hold uses the rest up.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported};
use bpfc_ir::StateKind;
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static QUOTA: MatchExtension = MatchExtension {
    name: "quota",
    aliases: &[],
    families: Families::Both,
    options: &[OptionSpec::value("quota").invertible().mandatory()],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        // The last 8 bytes are a pointer of the kernel's.
        size: 24,
        decode: |f, _| {
            let flags = f.u32(0);
            if flags & !1 != 0 {
                return Err(format!("unknown flags {flags:#x}"));
            }
            let bytes = u64::from_ne_bytes(f.bytes(8));
            Ok(Arc::new(Quota { bytes, invert: flags != 0 }))
        },
    }],
};

#[derive(Debug)]
struct Quota {
    bytes: u64,
    invert: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let given = options.get("quota").ok_or_else(|| options.bad("no quota"))?;
    Ok(Arc::new(Quota { bytes: given.number(0, u64::MAX)?, invert: given.invert }))
}

impl Match for Quota {
    fn extension(&self) -> &'static MatchExtension {
        &QUOTA
    }

    fn save(&self, out: &mut String) {
        let sign = if self.invert { " !" } else { "" };
        let _ = write!(out, "{sign} --quota {}", self.bytes);
    }

    /// iptables does not show the inversion here.
    fn list(&self, out: &mut String) {
        let _ = write!(out, " quota: {} bytes", self.bytes);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let enough = cx.take(StateKind::Quota { bytes: self.bytes });
        cx.expect(enough, !self.invert);
        Ok(())
    }

    /// The state is what is left.
    fn evaluate(&self, packet: &View<'_>, state: &mut u64) -> Outcome {
        let left = state.checked_sub(packet.packet.length().into());
        *state = left.unwrap_or(0);
        Outcome::of(left.is_some() != self.invert)
    }

    fn initial_state(&self) -> u64 {
        self.bytes
    }
}
