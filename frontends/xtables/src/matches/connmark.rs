//! `-m connmark`: the mark of the packet's connection (net/netfilter/xt_connmark.c).
//!
//! A packet without a connection never matches, inverted or not.

use super::mark::MarkTest;
use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported};
use bpfc_ir::CtField;
use std::sync::Arc;

/// The descriptor.
pub static CONNMARK: MatchExtension = MatchExtension {
    name: "connmark",
    aliases: &[],
    families: Families::Both,
    options: &[OptionSpec::value("mark").invertible().mandatory()],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 1,
        size: 16,
        decode: |f, _| Ok(Arc::new(ConnMark { test: MarkTest::decode(f)? })),
    }],
};

#[derive(Debug)]
struct ConnMark {
    test: MarkTest,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    Ok(Arc::new(ConnMark { test: MarkTest::parse(options)? }))
}

impl Match for ConnMark {
    fn extension(&self) -> &'static MatchExtension {
        &CONNMARK
    }

    fn save(&self, out: &mut String) {
        self.test.save(out);
    }

    fn list(&self, out: &mut String) {
        out.push_str(if self.test.invert { " connmark match !" } else { " connmark match " });
        self.test.print(out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        cx.require_connection(cx.no_match());
        let mark = cx.builder().ct(CtField::Mark);
        self.test.lower(cx, mark);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        match packet.connection_mark() {
            Some(mark) => Outcome::of(self.test.holds(mark)),
            None => Outcome::NoMatch,
        }
    }
}
