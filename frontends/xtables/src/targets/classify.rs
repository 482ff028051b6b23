//! `-j CLASSIFY`: sets the packet's priority, by which queueing disciplines choose a class
//! (net/netfilter/xt_CLASSIFY.c).

use crate::lower::RuleCx;
use crate::reference::View;
use crate::{
    Action, ActionExtension, Families, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{Hook, Op, Rewrite, Type, Verdict};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static CLASSIFY: ActionExtension = ActionExtension {
    name: "CLASSIFY",
    families: Families::Both,
    options: &[OptionSpec::value("set-class").mandatory()],
    tables: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 8,
        decode: |f, _| Ok(Arc::new(Classify { priority: f.u32(0) })),
    }],
};

/// The class's handle: major number in the upper half, minor number in the lower.
#[derive(Debug)]
struct Classify {
    priority: u32,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Action>, Problem> {
    let Some(given) = options.get("set-class") else { return Err(options.bad("no class")) };
    let class = || {
        let (major, rest) = hexadecimal(given.text())?;
        let (minor, _) = hexadecimal(rest.strip_prefix(':')?)?;
        Some(major << 16 | minor & 0xffff)
    };
    match class() {
        Some(priority) => Ok(Arc::new(Classify { priority })),
        None => Err(given.bad(format!("'{}' is not MAJOR:MINOR", given.text()))),
    }
}

/// A number as C's `%x` reads it, and what follows.
fn hexadecimal(text: &str) -> Option<(u32, &str)> {
    let text = text.trim_start();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let prefixed = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let digits = prefixed.filter(|rest| rest.starts_with(|c: char| c.is_ascii_hexdigit()));
    let digits = digits.unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
    let number = u64::from_str_radix(digits.get(..end)?, 16).ok()? as u32;
    Some((if negative { number.wrapping_neg() } else { number }, &digits[end..]))
}

impl Action for Classify {
    fn extension(&self) -> &'static ActionExtension {
        &CLASSIFY
    }

    fn save(&self, out: &mut String) {
        let (major, minor) = (self.priority >> 16, self.priority & 0xffff);
        let _ = write!(out, " --set-class {major:04x}:{minor:04x}");
    }

    fn list(&self, out: &mut String) {
        let (major, minor) = (self.priority >> 16, self.priority & 0xffff);
        let _ = write!(out, " CLASSIFY set {major:x}:{minor:x}");
    }

    fn hooks(&self) -> &'static [Hook] {
        &[Hook::Forward, Hook::Output, Hook::Postrouting]
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let b = cx.builder();
        let priority = b.constant(Type::I32, self.priority.into());
        b.push(Op::Rewrite(Rewrite::Priority(priority)));
        Ok(())
    }

    fn evaluate(&self, packet: &mut View<'_>) -> Option<Verdict> {
        packet.priority = Some(self.priority);
        None
    }
}
