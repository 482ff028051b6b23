//! What must hold of `ipset save` text.

use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_ipset_save::read;
use bpfc_ir::{SetTable, raw};

/// Text that reads without an error must read again as it is printed.
pub fn text(bytes: &[u8]) {
    let Some(table) = table(bytes) else { return };
    let printed = saved(&table);
    let again = table_or_panic(&printed);
    assert_eq!(saved(&again), printed);
}

fn table(bytes: &[u8]) -> Option<SetTable> {
    let (mut table, mut sources, mut diagnostics) =
        (SetTable::default(), SourceMap::new(), Diagnostics::new());
    read("sets", bytes, &mut table, &mut sources, &mut diagnostics);
    (!diagnostics.has_errors()).then_some(table)
}

fn table_or_panic(text: &str) -> SetTable {
    table(&raw::encode(text)).unwrap_or_else(|| panic!("does not read again:\n{text}"))
}

fn saved(table: &SetTable) -> String {
    table.iter().map(|set| set.save()).collect()
}
