//! Tables that were asked for by name and that no input has.

use bpfc_diag::{Code, Diagnostic, SourceMap};
use bpfc_ir::{ChainData, FrontendOptions, Program};
use bpfc_names::nearest;

/// Every table that rulesets can have.
const NAMES: [&str; 5] = ["filter", "mangle", "nat", "raw", "security"];

/// The error for the first table that was asked for and is in none of the texts: those of blobs are
/// as iptables-save would print them. Of rulesets of nft a table is missing of which no chain is
/// compiled.
pub(crate) fn missing(
    options: &FrontendOptions,
    program: Option<&Program>,
    sources: &SourceMap,
) -> Option<Diagnostic> {
    let asked = options.tables.as_ref()?;
    let has = |name: &String| {
        // Rulesets of nft say whose tables they have: `inet/filter`.
        let of_nft = name.split_once('/').is_some_and(|(family, table)| {
            let is_it = |chain: &ChainData| {
                chain.table == table && chain.family.label_prefix().trim_end_matches('/') == family
            };
            program.is_some_and(|program| program.chains.values().any(is_it))
        });
        of_nft
            || sources.files().any(|(_, file)| {
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

#[cfg(test)]
mod tests {
    use super::*;
    use bpfc_ir::Input;

    #[test]
    fn tables_of_nft_are_chosen_by_family_and_name() {
        let text = "table inet a { chain c { type filter hook input priority 0; }\n}\n\
                    table ip a { chain c { type filter hook input priority 0; }\n}\n";
        let lower = |table: &str| {
            let input = Input { name: "x".to_owned(), bytes: text.into(), format: None };
            let tables = Some(vec![table.to_owned()]);
            crate::lower(&[input], &crate::Options { tables, ..crate::Options::default() })
        };
        let lowered = lower("inet/a");
        let program = lowered.program.expect("there is such a table");
        let families: Vec<_> = program.chains.values().map(|chain| chain.label()).collect();
        assert_eq!(families, ["inet/a/c"]);
        for table in ["ip6/a", "inet/b", "a"] {
            let lowered = lower(table);
            assert!(lowered.program.is_none(), "{table}");
            assert!(lowered.diagnostics.iter().any(|found| found.code == Code::MISSING_TABLE));
        }
    }
}
