//! `-m connlabel`: a label that the packet's connection carries (net/netfilter/xt_connlabel.c).
//!
//! A packet without a connection, or whose connection cannot carry labels, carries none.

use crate::lower::{Fork, RuleCx};
use crate::reference::{Outcome, View};
use crate::text::c_number;
use crate::{
    Families, Fields, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{Condition, CtField};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static CONNLABEL: MatchExtension = MatchExtension {
    name: "connlabel",
    aliases: &[],
    families: Families::Both,
    options: &[OptionSpec::value("label").invertible().mandatory(), OptionSpec::flag("set")],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision { number: 1, size: 8, decode: |f, _| decode(f) }],
};

/// Labels that a connection has room for (`XT_CONNLABEL_MAXBIT` and one).
const LABELS: u64 = 128;

const SET: &str = "--set writes to the connection, which programs cannot; keep that rule in iptables, \
                   and match the label here";

#[derive(Debug)]
struct ConnLabel {
    bit: u8,
    invert: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let given = options.get("label").ok_or_else(|| options.bad("no label"))?;
    let bit = match c_number(given.text()) {
        Some((bit, "")) if bit < LABELS => bit as u8,
        Some((_, "")) => return Err(given.bad("a label is less than 128")),
        _ => {
            return Err(given.unsupported(format!(
                "'{}' is no number; names of labels depend on the machine's connlabel.conf",
                given.text()
            )));
        }
    };
    if let Some(set) = options.get("set") {
        return Err(set.unsupported(SET));
    }
    Ok(Arc::new(ConnLabel { bit, invert: given.invert }))
}

/// `struct xt_connlabel_mtinfo`: the label, then 1 inverts and 2 sets.
fn decode(f: Fields<'_>) -> Result<Arc<dyn Match>, String> {
    let (bit, flags) = (f.u16(0), f.u16(2));
    if u64::from(bit) >= LABELS {
        return Err(format!("label {bit} is not less than 128"));
    }
    match flags {
        0 | 1 => Ok(Arc::new(ConnLabel { bit: bit as u8, invert: flags == 1 })),
        2 | 3 => Err(SET.to_owned()),
        _ => Err(format!("its flags are {flags:#x}, of which the kernel knows 3")),
    }
}

impl Match for ConnLabel {
    fn extension(&self) -> &'static MatchExtension {
        &CONNLABEL
    }

    fn save(&self, out: &mut String) {
        let _ = write!(out, "{} --label \"{}\"", if self.invert { " !" } else { "" }, self.bit);
    }

    fn list(&self, out: &mut String) {
        let _ = write!(out, " connlabel {}{}", if self.invert { "! " } else { "" }, self.bit);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let Fork { matched, held, failed } = cx.fork(self.invert);
        cx.require_connection(failed);
        let b = cx.builder();
        let labels = b.ct(CtField::Labels);
        let label = b.mask(labels, 1 << self.bit);
        let absent = b.compare_const(Condition::Eq, label, 0);
        b.branch(absent, failed, held);
        b.switch_to(matched);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = packet.packet.packet();
        let carried = packet.conntrack.is_some() && packet.extensions.labels >> self.bit & 1 != 0;
        Outcome::of(carried != self.invert)
    }
}
