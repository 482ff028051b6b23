//! Tables and chains as their blocks begin when nft lists them.

use super::reach::Reached;
use super::{hook, table_family};
use crate::model::{BaseChain, Chain, Family, ObjectKind, Ruleset, Table};
use crate::values;
use bpfc_ir::{Hook, ListedChain, ListedTable, Listing};
use std::collections::BTreeMap;

/// Lists the tables with chains that are compiled, with those chains.
pub(super) fn list(ruleset: &Ruleset, reached: &Reached, listing: &mut Listing) {
    let mut chains: BTreeMap<usize, Vec<ListedChain>> = BTreeMap::new();
    for place in reached.chains.keys() {
        let table = &ruleset.tables[place.table];
        let chain = &table.chains[place.chain];
        let listed = ListedChain { name: chain.name.clone(), lines: chain_lines(table, chain) };
        chains.entry(place.table).or_default().push(listed);
    }
    for (at, chains) in chains {
        let table = &ruleset.tables[at];
        let Some(family) = table_family(table) else { continue };
        let mut lines = Vec::new();
        // Its owner is not there any more.
        let flags: Vec<&str> = table.flags.iter().map(String::as_str).collect();
        if !flags.is_empty() {
            lines.push(format!("flags {}", flags.join(",")));
        }
        lines.extend(table.comment.as_ref().map(|comment| format!("comment \"{comment}\"")));
        let objects = table.objects.iter().filter(|object| object.kind != ObjectKind::Counter);
        let objects = objects.map(|object| {
            let text = values::statement(&object.expression.operation);
            let word = format!("{} ", object.kind.name());
            let mut lines: Vec<String> = Vec::new();
            lines.extend(object.comment.as_ref().map(|comment| format!("comment \"{comment}\"")));
            lines.push(text.strip_prefix(&word).unwrap_or(&text).to_owned());
            (format!("{word}{}", object.name), lines)
        });
        let objects = objects.collect();
        let name = table.name.clone();
        listing.push_table(ListedTable { family, name, lines, objects, chains });
    }
}

fn chain_lines(table: &Table, chain: &Chain) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    lines.extend(chain.comment.as_ref().map(|comment| format!("comment \"{comment}\"")));
    let Some(base) = &chain.base else { return lines };
    let BaseChain { kind, hook: at, priority, drops, devices, offload } = base;
    let devices = match devices.as_slice() {
        [] => String::new(),
        [only] => format!(" device \"{only}\""),
        all => format!(" devices = {{ \"{}\" }}", all.join("\", \"")),
    };
    let policy = if *drops { "drop" } else { "accept" };
    let priority = priority_words(table.family, hook(base), *priority);
    let offload = if *offload { " flags offload;" } else { "" };
    lines.push(format!(
        "type {kind} hook {at}{devices} priority {priority}; policy {policy};{offload}"
    ));
    lines
}

/// A priority by name where it has one in its family and at its hook, or is near one.
fn priority_words(family: Family, hook: Option<Hook>, priority: i32) -> String {
    const NAMES: [(&str, i32); 6] = [
        ("raw", -300),
        ("mangle", -150),
        ("dstnat", -100),
        ("filter", 0),
        ("security", 50),
        ("srcnat", 100),
    ];
    let is_known = |name: &str| match name {
        "filter" => true,
        _ if family == Family::Netdev => false,
        "dstnat" => matches!(hook, Some(Hook::Prerouting | Hook::Output)),
        "srcnat" => matches!(hook, Some(Hook::Input | Hook::Postrouting)),
        _ => true,
    };
    let near = NAMES.iter().find(|(name, of)| (priority - of).abs() <= 10 && is_known(name));
    match near.map(|(name, of)| (name, priority - of)) {
        Some((name, 0)) => (*name).to_owned(),
        Some((name, more)) if more > 0 => format!("{name} + {more}"),
        Some((name, less)) => format!("{name} - {}", -less),
        None => priority.to_string(),
    }
}
