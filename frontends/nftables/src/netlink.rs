//! Reads what the kernel tells of its rulesets: the messages of a dump of nf_tables.
//!
//! ```text
//! bytes --container--> messages --attributes--> tables, chains, sets, rules --orders--> model
//! ```
//!
//! The kernel holds registers and elements as bytes and does not say what they are. What a rule
//! loads says it: so each constant gets the byte order of what it is compared with, looked up in or
//! stored into, and the model is that of the text that nft made the rules of. Names that the kernel
//! gives (`__set7`, `__chain3`) become those of the text reader, indexes of interfaces are those of
//! the dump, intervals and elements of hashes come into one order.
//!
//! Nothing is trusted: lengths are checked, time and memory are linear in the input, and what is
//! unknown is an error where a chain that is compiled comes to it. User data that is unknown says
//! nothing of what rules do and is passed over.

mod attributes;
mod compat;
mod container;
mod datatypes;
mod element;
mod expression;
mod load;
mod orders;
mod places;
mod rule;
mod set;
mod statement;
mod tables;
mod user_data;

use container::{Container, MAGIC};

use crate::evaluate;
use crate::interfaces::Interfaces;
use crate::model::Ruleset;
use attributes::Damage;
use bpfc_diag::{Code, Diagnostic, Diagnostics, FileId, SourceMap};

/// Whether these bytes are a dump.
pub(crate) fn recognise(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Reads a dump of nf_tables into a model, as [`crate::read`] reads texts. `None` after an error.
pub fn read_dump(
    name: &str,
    bytes: &[u8],
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<Ruleset> {
    read(name, bytes, sources, diagnostics).map(|(ruleset, ..)| ruleset)
}

/// Reads a dump and registers it as a text that shows its rules, so that spans point into that.
/// `None` after an error.
pub(crate) fn read(
    name: &str,
    bytes: &[u8],
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<(Ruleset, Interfaces, FileId)> {
    let before = diagnostics.error_count();
    let mut dump = match Container::read(bytes).and_then(|container| tables::read(&container)) {
        Ok(dump) => dump,
        Err(Damage { at, message }) => {
            let message = format!("{name}: {message} (at byte {at})");
            diagnostics.push(Diagnostic::error(Code::NFT_DUMP, None, message));
            return None;
        }
    };
    let file = places::register(name, &mut dump, sources);
    let tables::Dump { ruleset, interfaces, outside, .. } = dump;
    let ruleset = evaluate::finish(ruleset, outside, diagnostics);
    (diagnostics.error_count() == before).then_some((ruleset, interfaces, file))
}
