//! `-j MARK`: sets bits of the packet's firewall mark (net/netfilter/xt_mark.c).

use crate::lower::RuleCx;
use crate::reference::View;
use crate::{
    Action, ActionExtension, Families, Given, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{BinaryOp, Meta, Op, Verdict};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static MARK: ActionExtension = ActionExtension {
    name: "MARK",
    families: Families::Both,
    options: &[
        OptionSpec::value("set-xmark"),
        OptionSpec::value("set-mark"),
        OptionSpec::value("and-mark"),
        OptionSpec::value("or-mark"),
        OptionSpec::value("xor-mark"),
    ],
    tables: &[],
    parse,
    revisions: &[Revision {
        number: 2,
        size: 8,
        decode: |f, _| Ok(Arc::new(Mark { value: f.u32(0), mask: f.u32(4) })),
    }],
};

/// `mark = (mark & !mask) ^ value`.
#[derive(Debug)]
struct Mark {
    value: u32,
    mask: u32,
}

const MODES: [&str; 5] = ["set-xmark", "set-mark", "and-mark", "or-mark", "xor-mark"];

fn parse(options: &Options<'_>) -> Result<Arc<dyn Action>, Problem> {
    options.exclusive(&MODES)?;
    options.one_of(&MODES)?;
    let Some(given) = options.given.first() else { return Err(options.bad("no mark")) };
    let (value, mask) = change(given)?;
    Ok(Arc::new(Mark { value, mask }))
}

/// What `--set-xmark` and its like make of a mark, which CONNMARK has, too: value and mask of
/// `mark = (mark & !mask) ^ value`.
pub(super) fn change(given: &Given<'_>) -> Result<(u32, u32), Problem> {
    let number = || given.number(0, u32::MAX.into()).map(|number| number as u32);
    Ok(match given.id {
        "set-xmark" => given.value_and_mask()?,
        "set-mark" => given.value_and_mask().map(|(value, mask)| (value, value | mask))?,
        "and-mark" => (0, !number()?),
        "or-mark" => number().map(|bits| (bits, bits))?,
        _ => (number()?, 0),
    })
}

impl Action for Mark {
    fn extension(&self) -> &'static ActionExtension {
        &MARK
    }

    fn save(&self, out: &mut String) {
        let _ = write!(out, " --set-xmark 0x{:x}/0x{:x}", self.value, self.mask);
    }

    fn list(&self, out: &mut String) {
        let Mark { value, mask } = *self;
        let _ = match (value, mask) {
            (0, mask) => write!(out, " MARK and 0x{:x}", !mask),
            (value, mask) if value == mask => write!(out, " MARK or 0x{value:x}"),
            (value, 0) => write!(out, " MARK xor 0x{value:x}"),
            (value, u32::MAX) => write!(out, " MARK set 0x{value:x}"),
            (value, mask) => write!(out, " MARK xset 0x{value:x}/0x{mask:x}"),
        };
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let b = cx.builder();
        let mark = b.meta(Meta::Mark);
        let kept = b.mask(mark, (!self.mask).into());
        let value = b.constant(bpfc_ir::Type::I32, self.value.into());
        let set = b.binary(BinaryOp::Xor, kept, value);
        b.push(Op::SetMark(set));
        Ok(())
    }

    fn evaluate(&self, packet: &mut View<'_>) -> Option<Verdict> {
        packet.mark.set((packet.mark.get() & !self.mask) ^ self.value);
        None
    }
}
