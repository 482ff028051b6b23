//! `-j TRACE`: from here on every rule that the packet meets is logged (net/netfilter/xt_TRACE.c).
//!
//! The kernel marks the packet, and its tables log a line for each rule that matches
//! (net/ipv4/netfilter/ip_tables.c, `trace_packet`). Here a program's own rules do so, for as long
//! as the packet is in the program.

use crate::lower::RuleCx;
use crate::reference::View;
use crate::{Action, ActionExtension, Families, Options, Problem, Revision, Unsupported};
use bpfc_ir::{Op, Verdict};
use std::sync::Arc;

/// The descriptor.
pub static TRACE: ActionExtension = ActionExtension {
    name: "TRACE",
    families: Families::Both,
    options: &[],
    tables: &["raw"],
    parse,
    revisions: &[Revision { number: 0, size: 0, decode: |_, _| Ok(Arc::new(Trace)) }],
};

#[derive(Debug)]
struct Trace;

fn parse(_: &Options<'_>) -> Result<Arc<dyn Action>, Problem> {
    Ok(Arc::new(Trace))
}

impl Action for Trace {
    fn extension(&self) -> &'static ActionExtension {
        &TRACE
    }

    fn save(&self, _: &mut String) {}

    fn list(&self, _: &mut String) {}

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        cx.builder().push(Op::Trace);
        Ok(())
    }

    fn evaluate(&self, _: &mut View<'_>) -> Option<Verdict> {
        None
    }
}
