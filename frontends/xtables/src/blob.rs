//! Reads tables as the kernel keeps them.
//!
//! `container` finds the entries in a file, `entry` takes each apart, `layout` finds the chains,
//! `decode` makes the model of them.
//! Blobs lie: every offset, size, count, revision and name is checked before it is used, and what
//! contradicts itself is an error with the place in the file. Memory and time are linear in the
//! file's length, whatever it says.

mod container;
mod decode;
mod entry;
mod layout;
mod opaque;

pub use container::{Container, Hooks};
pub use entry::{RawEntry, RawExtension, RawHeader, RawInterface};
pub use layout::{RawBase, RawChain};

use crate::model::Ruleset;
use crate::print;
use bpfc_diag::{Code, Diagnostic, Diagnostics, FileId, SourceMap, Span};
use bpfc_ir::{Family, SetTable};
use decode::RuleProblem;
use std::ops::Range;

/// What is wrong with a blob, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at byte {offset})")]
pub struct BlobError {
    /// Bytes from the beginning of the file.
    pub offset: usize,
    /// One sentence without its period.
    pub message: String,
}

impl BlobError {
    fn new(offset: usize, message: impl Into<String>) -> Self {
        BlobError { offset, message: message.into() }
    }
}

/// One table: its entries and the chains they form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawTable<'a> {
    /// Such as `filter`.
    pub name: &'a str,
    /// Where in the file the first entry lies.
    pub start: usize,
    /// Every entry in order.
    pub entries: Vec<RawEntry<'a>>,
    /// Base chains in hook order, then user chains.
    pub chains: Vec<RawChain>,
}

/// Whether these bytes are a blob, and of which family: that whose entries they hold, or, where
/// they hold neither's, that which reads further. `None` where they do not begin with a table's
/// name, as text never does.
pub fn recognise(bytes: &[u8]) -> Option<Family> {
    container::table_name(bytes)?;
    let reach = |family| match tables(bytes, family) {
        Ok(_) => usize::MAX,
        Err(error) => error.offset,
    };
    Some(if reach(Family::Ipv6) > reach(Family::Ipv4) { Family::Ipv6 } else { Family::Ipv4 })
}

/// Takes a file apart.
pub fn tables(bytes: &[u8], family: Family) -> Result<Vec<RawTable<'_>>, BlobError> {
    let mut tables: Vec<RawTable<'_>> = Vec::new();
    for container in container::tables(bytes)? {
        if tables.iter().any(|table| table.name == container.table) {
            let message = format!("a second table is named '{}'", container.table);
            return Err(BlobError::new(container.start, message));
        }
        let entries = entry::entries(container.entries, container.start, family)?;
        if let Some(count) = container.count.filter(|&count| count as usize != entries.len()) {
            let message = format!("there are {} entries, not {count}", entries.len());
            return Err(BlobError::new(container.start, message));
        }
        let chains = layout::chains(&entries, container.hooks.as_ref(), container.start)?;
        tables.push(RawTable { name: container.table, start: container.start, entries, chains });
    }
    Ok(tables)
}

/// Reads a blob of a family and registers it as the text that iptables-save would print, so that
/// spans point into that. Structs name sets by numbers that `sets` knows. What is wrong with rules
/// of tables that are not among `compiled` (`None` for every one) is nobody's concern. `None` where
/// an error was reported.
pub fn read(
    name: &str,
    bytes: &[u8],
    family: Family,
    sets: &SetTable,
    compiled: Option<&[String]>,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<(Ruleset, FileId)> {
    let mut problems = Vec::new();
    let mut ruleset = match model(bytes, family, sets, &mut problems) {
        Ok(ruleset) => ruleset,
        Err(error) => {
            let message = format!("{name}: {error}");
            diagnostics.push(Diagnostic::error(Code::BAD_BLOB, None, message));
            return None;
        }
    };
    let printed = print::ruleset(&ruleset, false);
    let file = sources.add(name, printed.text);
    let span = |place: &Range<usize>| Span::new(file, place.start, place.end);
    let places = printed.chains.iter().zip(&printed.rules);
    for (table, (chains, rules)) in ruleset.tables.iter_mut().zip(places) {
        for ((chain, place), rules) in table.chains.iter_mut().zip(chains).zip(rules) {
            chain.span = Some(span(place));
            for (rule, place) in chain.rules.iter_mut().zip(rules) {
                rule.span = Some(span(place));
            }
        }
    }
    let mut damaged = false;
    for (table, problem) in problems {
        let name = &ruleset.tables[table].name;
        if compiled.is_some_and(|tables| !tables.contains(name)) {
            continue;
        }
        let place = &printed.rules[table][problem.chain][problem.rule];
        let mut error = Diagnostic::error(problem.code, Some(span(place)), problem.message);
        if let Some(note) = problem.note {
            error = error.with_note(note);
        }
        if problem.code == Code::UNSUPPORTED_EXTENSION {
            ruleset.tables[table].chains[problem.chain].rules[problem.rule].refused.push(error);
        } else {
            damaged = true;
            diagnostics.push(error);
        }
    }
    if damaged { None } else { Some((ruleset, file)) }
}

/// The model of a file, with what is wrong with rules of its tables.
fn model(
    bytes: &[u8],
    family: Family,
    sets: &SetTable,
    problems: &mut Vec<(usize, RuleProblem)>,
) -> Result<Ruleset, BlobError> {
    let mut models = Vec::new();
    for (index, raw) in tables(bytes, family)?.iter().enumerate() {
        let mut found = Vec::new();
        models.push(decode::table(raw, family, sets, &mut found)?);
        problems.extend(found.into_iter().map(|problem| (index, problem)));
    }
    Ok(Ruleset { family, tables: models })
}
