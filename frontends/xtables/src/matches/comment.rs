//! `-m comment`: a text that decides nothing.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported};
use bpfc_ir::raw;
use std::fmt::Write;
use std::sync::Arc;

/// Bytes of the kernel's buffer, NUL included.
const BUFFER: usize = 256;

/// The descriptor.
pub static COMMENT: MatchExtension = MatchExtension {
    name: "comment",
    aliases: &[],
    families: Families::Both,
    options: &[OptionSpec::value("comment").mandatory()],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: BUFFER,
        decode: |fields, _| {
            // iptables itself ends an unended text at its last byte.
            let text = fields
                .text(0, BUFFER)
                .or_else(|| fields.0.get(..BUFFER - 1).map(|s| raw::decode(s).into_owned()));
            Ok(Arc::new(Comment { text: text.unwrap_or_default() }))
        },
    }],
};

#[derive(Debug)]
struct Comment {
    text: String,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let text = options.get("comment").map_or("", |given| given.text());
    // iptables cuts what does not fit.
    Ok(Arc::new(Comment { text: raw::cut(text, BUFFER - 1).into_owned() }))
}

/// Appends a text in iptables-save's quotes (`xtables_save_string`).
pub fn save_string(text: &str, out: &mut String) {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !text.is_empty() && text.chars().all(plain) {
        let _ = write!(out, " {text}");
        return;
    }
    out.push_str(" \"");
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '\'') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

impl Match for Comment {
    fn extension(&self) -> &'static MatchExtension {
        &COMMENT
    }

    fn save(&self, out: &mut String) {
        out.push_str(" --comment");
        save_string(&self.text, out);
    }

    fn list(&self, out: &mut String) {
        let _ = write!(out, " /* {} */", self.text);
    }

    fn lower(&self, _: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        Ok(())
    }

    fn evaluate(&self, _: &View<'_>, _: &mut u64) -> Outcome {
        Outcome::Match
    }
}
