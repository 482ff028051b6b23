//! Tables that were asked for by name and that no input has.

use bpfc_diag::{Code, Diagnostic, SourceMap};
use bpfc_ir::FrontendOptions;
use bpfc_names::nearest;

/// Every table that rulesets can have.
const NAMES: [&str; 5] = ["filter", "mangle", "nat", "raw", "security"];

/// The error for the first table that was asked for and is in none of the texts: those of blobs are
/// as iptables-save would print them.
pub(crate) fn missing(options: &FrontendOptions, sources: &SourceMap) -> Option<Diagnostic> {
    let asked = options.tables.as_ref()?;
    let has = |name: &String| {
        sources.files().any(|(_, file)| {
            let heads = file.text().lines().filter_map(|line| line.strip_prefix('*'));
            heads.filter_map(|rest| rest.split_whitespace().next()).any(|table| table == name)
        })
    };
    let name = asked.iter().find(|name| !has(name))?;
    let error = Diagnostic::error(
        Code::MISSING_TABLE,
        None,
        format!("no input has the table '{name}' that --table names"),
    );
    Some(match nearest(name, NAMES).filter(|_| !NAMES.contains(&name.as_str())) {
        Some(meant) => error.with_help(format!("did you mean '{meant}'?")),
        None => error.with_help("leave it out of --table, or add it to the input"),
    })
}
