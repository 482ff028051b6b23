//! Commands to the kernel's view of a ruleset.
//!
//! Words become values by the datatypes that their places ask for; what rules imply (protocols that
//! must be there for a field to exist, byte orders, intervals) is spelled out, exactly as nft does
//! it, so that a ruleset of either origin is the same model.

mod assign;
mod base_chain;
mod binary;
mod bits;
mod command;
mod context;
mod define;
mod dependency;
mod element;
mod expression;
mod generate;
mod interval;
mod merge;
mod protocols;
mod reject;
mod relation;
mod remove;
mod select;
mod set;
mod statement;
mod table;
mod typed;
mod validate;

pub(crate) use command::finish;

use crate::model::Ruleset;
use crate::syntax::ast::Command;
use crate::{Includes, Machine};
use bpfc_diag::{Code, Diagnostic, Diagnostics, FileId, SourceMap, Span};

/// What evaluating something yields: it, or what is wrong.
type Evaluated<T> = Result<T, Box<Diagnostic>>;

fn error(code: Code, span: Span, message: impl Into<String>) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(code, Some(span), message))
}

/// Stands for an error that was told already: what follows from it is not told, too.
fn told() -> Box<Diagnostic> {
    Box::new(Diagnostic::error(Code::NFT_UNKNOWN, None, String::new()))
}

fn tell(diagnostics: &mut Diagnostics, diagnostic: Diagnostic) {
    if !diagnostic.message.is_empty() {
        diagnostics.push(diagnostic);
    }
}

/// Reads rulesets, in order, as one transaction on an empty kernel. `None` after an error.
pub fn read(
    files: &[FileId],
    sources: &mut SourceMap,
    includes: &mut dyn Includes,
    machine: &dyn Machine,
    diagnostics: &mut Diagnostics,
) -> Option<Ruleset> {
    let before = diagnostics.error_count();
    let mut commands = Vec::new();
    for file in files {
        commands.extend(crate::syntax::parse(*file, sources, includes, diagnostics));
    }
    evaluated(commands, before, machine, diagnostics)
}

/// Reads libnftables JSON, as [`read`] reads text.
pub fn read_json(
    file: FileId,
    sources: &SourceMap,
    machine: &dyn Machine,
    diagnostics: &mut Diagnostics,
) -> Option<Ruleset> {
    let before = diagnostics.error_count();
    let commands = crate::json::parse(file, sources, diagnostics);
    evaluated(commands, before, machine, diagnostics)
}

fn evaluated(
    mut commands: Vec<Command>,
    before: usize,
    machine: &dyn Machine,
    diagnostics: &mut Diagnostics,
) -> Option<Ruleset> {
    let mut transaction = command::Transaction::new(machine, diagnostics);
    for command in commands.drain(..) {
        transaction.apply(&command);
    }
    let ruleset = transaction.finish();
    (diagnostics.error_count() == before).then_some(ruleset)
}
