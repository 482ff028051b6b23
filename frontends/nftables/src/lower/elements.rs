//! Elements that people name: read in the language, as a set's block says what they are.
//!
//! They are read as part of a ruleset that has the set alone, so that what is wrong with them is
//! said as of a ruleset.

use super::registers::number;
use super::set::entries::keys;
use super::set::leaves::Leaf;
use crate::datatype::Read;
use crate::frontend::Known;
use crate::interfaces::Interfaces;
use crate::model::{Element, ElementData, Family, Operation, Set};
use crate::values;
use bpfc_diag::{Diagnostics, FileId, SourceMap};
use bpfc_ir::Accounts;

/// What is known of a set.
#[derive(Clone, Copy, Debug)]
pub struct SetBlock<'a> {
    /// The family of its table, such as `inet`.
    pub family: &'a str,
    /// Its table.
    pub table: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Whether its elements yield something.
    pub is_map: bool,
    /// What its block says.
    pub lines: &'a [String],
    /// What elements may lead to: verdicts, or names of objects.
    pub leads: &'a [String],
}

/// An element that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadElement {
    /// For each part of its key the least and the greatest number; `None` for the element that
    /// stands for all others.
    pub key: Option<Vec<(u128, u128)>>,
    /// The numbers that it yields.
    pub data: Vec<u128>,
    /// What it leads to.
    pub leads: Option<String>,
    /// How long it lives, in milliseconds; 0 for ever.
    pub timeout: Option<u64>,
    /// How long it is still to live, in milliseconds.
    pub expires: Option<u64>,
    /// Its statements, each with what it has reached: packets and bytes, or bytes.
    pub states: Vec<(String, [u64; 2])>,
    /// What people say of it.
    pub comment: Option<String>,
}

/// Nobody's files.
struct NoFiles;

impl crate::Includes for NoFiles {
    fn find(&mut self, _: &str, _: FileId, _: &mut SourceMap) -> Result<Vec<FileId>, String> {
        Err("files are not included here".to_owned())
    }
}

/// Reads the elements of `text`, in braces or without. Where `only_keys`, what elements of a map
/// yield may be left out.
///
/// # Errors
/// What is wrong with them.
pub fn read_elements(
    block: &SetBlock<'_>,
    text: &str,
    only_keys: bool,
    accounts: Option<&'static dyn Accounts>,
) -> Result<Vec<ReadElement>, String> {
    let as_map = block.is_map && (!only_keys || text.contains(" : "));
    let lines = block.lines.iter().enumerate().map(|(at, line)| match line.split_once(" : ") {
        Some((key, _)) if at == 0 && !as_map => key,
        _ => line.as_str(),
    });
    let lines: Vec<&str> = lines.collect();
    let SetBlock { family, table, name, leads, .. } = block;
    let noun = if as_map { "map" } else { "set" };
    let kind = block.lines.first().and_then(|line| line.split_once(" : ")).map(|(_, kind)| kind);
    let mut all = format!("table {family} {table} {{\n");
    for lead in leads.iter().filter(|_| as_map) {
        match (lead.split_once(' '), kind) {
            (Some(("jump" | "goto", chain)), _) => all += &format!("chain {chain} {{\n}}\n"),
            (None, Some("counter")) => all += &format!("counter {lead} {{\n}}\n"),
            (None, Some("quota")) => all += &format!("quota {lead} {{\n1 bytes\n}}\n"),
            (None, Some("limit")) => all += &format!("limit {lead} {{\nrate 1/second\n}}\n"),
            _ => {}
        }
    }
    let braced = text.trim().starts_with('{');
    let text = if braced { text.to_owned() } else { format!("{{ {text} }}") };
    all += &format!("{noun} {name} {{\n{}\n}}\n}}\n", lines.join("\n"));
    all += &format!("add element {family} {table} {name} {text}\n");
    let mut sources = SourceMap::new();
    let file = sources.add("elements", all);
    let interfaces = Interfaces::default();
    let machine = Known { interfaces: &interfaces, accounts, zone: None, resolver: None };
    let mut diagnostics = Diagnostics::default();
    let read = crate::read(&[file], &mut sources, &mut NoFiles, &machine, &mut diagnostics);
    let refused = || {
        let error = diagnostics.iter().find(|found| found.severity == bpfc_diag::Severity::Error);
        let Some(error) = error else { return "this is no element of the set".to_owned() };
        match &error.help {
            Some(help) => format!("{}: {help}", error.message),
            None => error.message.clone(),
        }
    };
    let ruleset = read.ok_or_else(refused)?;
    let of = Family::by_name(family).and_then(|family| ruleset.table(family, table));
    let set = of.and_then(|table| table.set(name)).ok_or_else(refused)?;
    let mut found = Vec::new();
    for entry in keys(set).ok_or_else(refused)?.iter() {
        let mut key = entry.key.to_vec();
        for ((low, high), part) in key.iter_mut().zip(&set.key) {
            if part.datatype.read == Read::Index && *low == *high {
                let name = interfaces.name(*low as u32).ok_or_else(|| {
                    "an interface is told by its name, not by its index".to_owned()
                })?;
                (*low, *high) = (name, name);
            }
        }
        found.push(element(set, Some(key), entry.element));
    }
    let other = set.elements.iter().find(|element| element.key.is_none());
    found.extend(other.map(|other| element(set, None, other)));
    Ok(found)
}

fn element(set: &Set, key: Option<Vec<(u128, u128)>>, of: &Element) -> ReadElement {
    let expressions = super::set::states::expressions(set, of);
    ReadElement {
        key,
        data: match &of.data {
            ElementData::Value(data) => data.parts().filter_map(number).collect(),
            _ => Vec::new(),
        },
        leads: match &of.data {
            ElementData::None | ElementData::Value(_) => None,
            data => Some(Leaf::of(data).name()),
        },
        timeout: of.timeout(),
        expires: of.expires(),
        states: expressions
            .iter()
            .map(|expression| {
                let reached = match expression.operation {
                    Operation::Counter { packets, bytes } => [packets, bytes],
                    Operation::Quota { used, .. } => [used, 0],
                    _ => [0; 2],
                };
                (values::statement(&expression.operation), reached)
            })
            .collect(),
        comment: of.comment().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(is_map: bool, lines: &[&str], text: &str) -> Result<Vec<ReadElement>, String> {
        let lines: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
        let leads = ["accept".to_owned(), "jump mine".to_owned()];
        let block = SetBlock {
            family: "inet",
            table: "filter",
            name: "of",
            is_map,
            lines: &lines,
            leads: &leads,
        };
        read_elements(&block, text, false, None)
    }

    #[test]
    fn elements_are_read_by_what_their_set_is() {
        let found = read(false, &["type ipv4_addr", "flags timeout"], "10.0.0.1 timeout 5m");
        let found = found.expect("elements");
        assert_eq!(found[0].key, Some(vec![(0x0a00_0001, 0x0a00_0001)]));
        assert_eq!(found[0].timeout, Some(300_000));
        let found = read(false, &["type ipv4_addr", "flags interval"], "{ 10.0.0.0/8, 1.1.1.1 }");
        let keys: Vec<_> = found.expect("elements").into_iter().map(|one| one.key).collect();
        let one = 0x0101_0101;
        assert_eq!(keys, [Some(vec![(one, one)]), Some(vec![(0x0a00_0000, 0x0aff_ffff)])]);
        let found = read(true, &["type inet_service : verdict"], "22 : jump mine");
        assert_eq!(found.expect("elements")[0].leads.as_deref(), Some("jump mine"));
        let found = read(false, &["type iface_index"], "eth0").expect("elements");
        assert_eq!(found[0].key.as_ref().map(|key| key[0].0 >> 96), Some(0x6574_6830));
        let found = read(true, &["typeof ip saddr : meta mark"], "10.0.0.1 : 0x7");
        assert_eq!(found.expect("elements")[0].data, [7]);
    }

    #[test]
    fn what_is_no_element_is_said() {
        let error = read(false, &["type ipv4_addr"], "10.0.0.0/8").unwrap_err();
        assert!(error.contains("flags interval"), "{error}");
        let error = read(true, &["type inet_service : verdict"], "22 : jump other").unwrap_err();
        assert!(error.contains("other"), "{error}");
        assert!(read(false, &["type ipv4_addr"], "::1").is_err());
    }
}
