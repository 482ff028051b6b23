//! `-m helper`: the helper that announced the packet's connection (net/netfilter/xt_helper.c).
//!
//! The kernel compares as many characters as the helper's own name has, so that `ftp-2121` names
//! the helper `ftp`. The empty name means any helper.

use super::comment::save_string;
use crate::lower::{Fork, RuleCx};
use crate::reference::{Outcome, View};
use crate::{
    Families, Fields, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{Condition, CtField, raw};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static HELPER: MatchExtension = MatchExtension {
    name: "helper",
    aliases: &[],
    families: Families::Both,
    options: &[OptionSpec::value("helper").invertible().mandatory()],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision { number: 0, size: 40, decode: |f, _| decode(f) }],
};

/// Bytes of the name in the kernel's struct, its NUL included.
const LENGTH: usize = 30;
/// Bytes of a helper's own name without its NUL (`NF_CT_HELPER_NAME_LEN`).
const LONGEST: usize = 15;

#[derive(Debug)]
struct Helper {
    name: String,
    invert: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let given = options.get("helper").ok_or_else(|| options.bad("no helper"))?;
    let name = given.text();
    if name.len() >= LENGTH {
        return Err(given.bad(format!("'{name}' is longer than {} bytes", LENGTH - 1)));
    }
    Ok(Arc::new(Helper { name: name.to_owned(), invert: given.invert }))
}

/// `struct xt_helper_info`.
fn decode(f: Fields<'_>) -> Result<Arc<dyn Match>, String> {
    let invert = match f.u32(0) {
        invert @ (0 | 1) => invert == 1,
        other => return Err(format!("its inversion is {other}, not 0 or 1")),
    };
    let name = f.text(4, LENGTH).ok_or("its name has no end")?;
    Ok(Arc::new(Helper { name, invert }))
}

impl Helper {
    /// The names of helpers that it means, as numbers of 16 bytes: every beginning of its own.
    fn numbers(&self) -> Vec<u128> {
        let bytes = raw::encode(&self.name);
        let number = |length: usize| {
            let mut padded = [0; 16];
            padded[..length].copy_from_slice(&bytes[..length]);
            u128::from_be_bytes(padded)
        };
        (1..=bytes.len().min(LONGEST)).map(number).collect()
    }
}

impl Match for Helper {
    fn extension(&self) -> &'static MatchExtension {
        &HELPER
    }

    fn save(&self, out: &mut String) {
        out.push_str(if self.invert { " ! --helper" } else { " --helper" });
        save_string(&self.name, out);
    }

    fn list(&self, out: &mut String) {
        let _ =
            write!(out, " helper match {}\"{}\"", if self.invert { "! " } else { "" }, self.name);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        // Where there is no helper, the inversion decides.
        let Fork { matched, held, failed } = cx.fork(self.invert);
        cx.require_connection(failed);
        let b = cx.builder();
        let name = b.ct(CtField::Helper);
        if self.name.is_empty() {
            let none = b.compare_const(Condition::Eq, name, 0);
            b.branch(none, failed, held);
        } else {
            for number in self.numbers() {
                let same = b.compare_const(Condition::Eq, name, number);
                b.forbid(same, held);
            }
            b.jump(failed);
        }
        b.switch_to(matched);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = packet.packet.packet();
        let helper = packet.extensions.helper.to_be_bytes();
        let end = helper.iter().position(|&byte| byte == 0).unwrap_or(helper.len());
        let helper = &helper[..end];
        let any = packet.conntrack.is_some() && !helper.is_empty();
        let named = self.name.is_empty() || raw::encode(&self.name).starts_with(helper);
        Outcome::of((any && named) != self.invert)
    }
}
