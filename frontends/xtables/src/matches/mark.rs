//! `-m mark`: the packet's firewall mark (net/netfilter/xt_mark.c).

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    Families, Fields, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{Condition, Meta, Value};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static MARK: MatchExtension = MatchExtension {
    name: "mark",
    aliases: &[],
    families: Families::Both,
    options: &[OptionSpec::value("mark").invertible().mandatory()],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 1,
        size: 16,
        decode: |f, _| Ok(Arc::new(Mark { test: MarkTest::decode(f)? })),
    }],
};

/// `mark & mask == value`, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarkTest {
    /// What the masked mark must equal.
    pub value: u32,
    /// Which bits count.
    pub mask: u32,
    /// Whether it must be unequal.
    pub invert: bool,
}

impl MarkTest {
    /// Reads `struct xt_mark_mtinfo1`, which connmark's struct equals.
    pub fn decode(fields: Fields<'_>) -> Result<Self, String> {
        let (value, mask) = (fields.u32(0), fields.u32(4));
        Ok(MarkTest { value, mask, invert: fields.flag(8)? })
    }

    /// Reads `--mark VALUE[/MASK]`.
    pub fn parse(options: &Options<'_>) -> Result<Self, Problem> {
        let given = options.get("mark").ok_or_else(|| options.bad("no mark"))?;
        let (value, mask) = given.value_and_mask()?;
        Ok(MarkTest { value, mask, invert: given.invert })
    }

    /// Emits the test of a mark.
    pub fn lower(&self, cx: &mut RuleCx<'_>, mark: Value) {
        let masked = cx.builder().mask(mark, self.mask.into());
        let equal = cx.builder().compare_const(Condition::Eq, masked, self.value.into());
        cx.expect(equal, !self.invert);
    }

    /// Appends the option in iptables-save's form.
    pub fn save(&self, out: &mut String) {
        out.push_str(if self.invert { " ! --mark" } else { " --mark" });
        self.print(out);
    }

    /// Appends ` 0x1/0x2` as iptables prints a mark.
    pub fn print(&self, out: &mut String) {
        let _ = match self.mask {
            u32::MAX => write!(out, " 0x{:x}", self.value),
            mask => write!(out, " 0x{:x}/0x{mask:x}", self.value),
        };
    }

    /// Whether a mark passes.
    pub fn holds(&self, mark: u32) -> bool {
        (mark & self.mask == self.value) != self.invert
    }
}

#[derive(Debug)]
struct Mark {
    test: MarkTest,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    Ok(Arc::new(Mark { test: MarkTest::parse(options)? }))
}

impl Match for Mark {
    fn extension(&self) -> &'static MatchExtension {
        &MARK
    }

    fn save(&self, out: &mut String) {
        self.test.save(out);
    }

    fn list(&self, out: &mut String) {
        out.push_str(if self.test.invert { " mark match !" } else { " mark match" });
        self.test.print(out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let mark = cx.builder().meta(Meta::Mark);
        self.test.lower(cx, mark);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        Outcome::of(self.test.holds(packet.mark.get()))
    }
}
