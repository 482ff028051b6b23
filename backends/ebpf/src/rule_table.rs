//! The rules of an artifact: what listings show of them, and where their counters lie.

use crate::chain::counters::Counters;
use bpfc_artifact::{
    CounterEntry, ObjectEntry, ObjectKind, RuleEntry, RuleKind, RuleTable, Start, TableEntry,
    UserChain,
};
use bpfc_diag::SourceMap;
use bpfc_ir::{
    Counter, ListedObject, ListedObjectKind, ListedState, ListedStatement, ListedTable, Listing,
    Program, Rule,
};
use cranelift_entity::SecondaryMap;
use std::sync::Arc;

/// The table; `files` has the sources' names.
pub(crate) fn table(
    program: &Program,
    listing: &Listing,
    counters: &Counters,
    files: &[Arc<str>],
    sources: &SourceMap,
) -> RuleTable {
    let mut counted: SecondaryMap<Rule, Vec<Counter>> = SecondaryMap::new();
    for (counter, def) in &program.counters {
        counted[def.rule].push(counter);
    }
    let mut table = RuleTable::default();
    for (rule, data) in &program.rules {
        let kind = match data.kind {
            bpfc_ir::RuleKind::Rule(number) => RuleKind::Rule(number),
            bpfc_ir::RuleKind::Policy => RuleKind::Policy,
            bpfc_ir::RuleKind::End(_) => continue,
        };
        let (file, line) = match data.span {
            Some(span) => (Arc::clone(&files[span.file.0 as usize]), sources.position(span).line),
            None => (Arc::from(""), 0),
        };
        let chain = program.chain_of(rule);
        let listed = listing.get(rule).cloned().unwrap_or_default();
        let own = &mut counted[rule];
        own.sort_by_key(|&counter| program.counters[counter].number);
        // What a rule of nft has counted is what the first of its own counters has.
        let first = own.iter().find(|&&counter| program.counters[counter].name.is_none());
        if chain.family.is_nft() {
            let row = table.entries.len() as u32;
            let of = |&counter: &Counter| {
                counter_entry(program, counters, &listed.statements, counter, row)
            };
            table.counters.extend(own.iter().map(of));
        }
        table.entries.push(RuleEntry {
            label: program.label(rule),
            family: chain.family,
            table: chain.table.clone(),
            chain: chain.name.clone(),
            hook: chain.hook,
            kind,
            text: listed.text,
            verdict: listed.verdict,
            columns: listed.columns,
            file,
            line,
            counter: first.and_then(|&counter| counters.slot(counter)),
        });
    }
    let user_chains = program.chains.values().filter(|chain| chain.hook.is_none());
    let chains = user_chains.map(|chain| UserChain {
        family: chain.family,
        table: chain.table.clone(),
        name: chain.name.clone(),
    });
    table.chains = chains.collect();
    table.objects = listing.objects().iter().map(object).collect();
    table.tables = listing.tables().iter().map(table_entry).collect();
    table
}

fn counter_entry(
    program: &Program,
    counters: &Counters,
    statements: &[ListedStatement],
    counter: Counter,
    row: u32,
) -> CounterEntry {
    let def = &program.counters[counter];
    let mut entry = CounterEntry {
        rule: row,
        number: def.number,
        name: def.name.as_deref().map(str::to_owned),
        at: None,
        counter: counters.slot(counter),
        start: Start::default(),
    };
    for statement in statements.iter().filter(|_| def.name.is_none()) {
        let ListedState::Counter { number, packets, bytes } = statement.kind;
        if number == def.number {
            entry.at = Some(statement.at);
            entry.start = Start { packets, bytes };
        }
    }
    entry
}

fn table_entry(listed: &ListedTable) -> TableEntry {
    let ListedTable { family, name, lines, objects, chains } = listed.clone();
    let chains = chains.into_iter().map(|chain| (chain.name, chain.lines)).collect();
    TableEntry { family, name, lines, objects, chains }
}

fn object(listed: &ListedObject) -> ObjectEntry {
    let ListedObject { family, table, name, kind, comment } = listed.clone();
    let kind = match kind {
        ListedObjectKind::Counter { packets, bytes } => {
            ObjectKind::Counter(Start { packets, bytes })
        }
    };
    ObjectEntry { family, table, name, kind, comment }
}
