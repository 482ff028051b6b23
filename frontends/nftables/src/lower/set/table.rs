//! Sets as tables.

use super::dynamic::Added;
use super::entries::entries;
use super::leaves::Leaf;
use super::other;
use crate::lower::chain::Cx;
use crate::lower::registers::{Content, number, type_of};
use crate::lower::statement::state_kind;
use crate::lower::{Lowered, unsupported};
use crate::model::{Element, ElementData, Expression, Set, Verdict};
use bpfc_ir::{
    Element as TableElement, ElementError, Elements, Expiry, FieldDef, KeyPart, Shape, Table,
    TableDef, Value,
};
use std::collections::HashMap;
use std::rc::Rc;

/// Elements that a set takes from packets where it does not say how many (net/netfilter/
/// nft_set_hash.c, `NFT_RHASH_ELEMENT_HINT` is no limit; nft gives sets without a size this one).
const DYNAMIC_SIZE: u32 = 65_535;
/// How often the kernel looks for elements that are gone, in milliseconds
/// (net/netfilter/nft_set_hash.c, `nft_rhash_gc_init`: a second).
const COLLECT: u32 = 1_000;

/// The table that a set has become.
pub(in crate::lower) struct Asked<'r> {
    pub table: Table,
    /// The parts of the set's key in the table's order: the one with ranges stands last.
    order: Vec<usize>,
    /// What its elements lead to, each once, by their numbers in the table.
    pub leaves: Vec<Leaf<'r>>,
    /// The element that stands for all others.
    pub other: Option<&'r Element>,
}

impl Asked<'_> {
    /// A key's values in the table's order.
    pub fn values(&self, key: &[Content]) -> Vec<Value> {
        self.order.iter().map(|&part| key[part].value).collect()
    }
}

impl<'r> Cx<'_, 'r> {
    /// The table of a set, made when it is first asked for.
    pub(super) fn table(
        &mut self,
        place: (usize, String),
        set: &'r Set,
        added: Added<'r>,
        key: &[Content],
        expression: &Expression,
    ) -> Lowered<Rc<Asked<'r>>> {
        if let Some(table) = self.shared.tables.get(&place) {
            return Ok(Rc::clone(table));
        }
        let entries = entries(set, key, self, expression)?;
        let ranged =
            |part: usize| entries.iter().any(|entry| entry.key[part].0 != entry.key[part].1);
        let ranged: Vec<usize> = (0..key.len()).filter(|&part| ranged(part)).collect();
        if ranged.len() > 1 {
            return Err(unsupported(expression, "a concatenation with ranges in several parts"));
        }
        // The part with ranges stands last.
        let last = ranged.first().copied().unwrap_or(key.len().saturating_sub(1));
        let mut order: Vec<usize> = (0..key.len()).filter(|&part| part != last).collect();
        order.push(last);
        let shape = |part: usize| match ranged.contains(&part) {
            true => Shape::Range,
            false => Shape::Exact,
        };
        let parts = order
            .iter()
            .map(|&part| KeyPart { ty: self.type_of(key[part].value), shape: shape(part) });
        let (mut leaves, numbers) = leaves(set);
        if leaves.is_empty() && set.is_verdict_map {
            // What elements that come later may yield.
            leaves.push(Leaf::Verdict(&Verdict::Accept));
        }
        let mut fields = Vec::new();
        if set.is_verdict_map || set.objects.is_some() {
            let mut names: Vec<String> = leaves.iter().map(|leaf| leaf.name()).collect();
            if names.is_empty() {
                names.push("accept".to_owned());
            }
            fields.push(FieldDef::Verdict(names));
        }
        for part in &set.data {
            let ty = type_of(part.bytes());
            let ty = ty.ok_or_else(|| unsupported(expression, "a map to so long a value"))?;
            fields.push(FieldDef::Data(ty));
        }
        for of in added.expressions {
            let kind = state_kind(&of.operation);
            let kind = kind.ok_or_else(|| unsupported(of, "this statement of elements"))?;
            fields.push(FieldDef::State(kind));
        }
        let capacity = match (set.size, set.flags.dynamic) {
            (Some(size), _) => size.max(1),
            (None, true) => DYNAMIC_SIZE,
            (None, false) => (entries.len() as u32).max(1),
        };
        let of = &self.shared.ruleset.tables[place.0];
        let name = match set.name.as_str() {
            "" => String::new(),
            name => format!("{} {} {name}", of.family.name(), of.name),
        };
        let expiry = match added.timeout {
            Some(timeout) => Some(Expiry {
                idle: u32::try_from(timeout)
                    .map_err(|_| unsupported(expression, "so long a timeout"))?,
                collect: set.gc_interval.map_or(COLLECT, |time| time.clamp(1, 1 << 31) as u32),
                is_exact: true,
            }),
            None => None,
        };
        let def = TableDef { name, key: parts.collect(), fields, capacity, expiry };
        let elements = entries.into_iter().map(|entry| {
            let mut fields: Vec<u128> = match &entry.element.data {
                ElementData::Value(data) => data.parts.iter().filter_map(number).collect(),
                data => numbers.get(&Leaf::of(data)).copied().into_iter().collect(),
            };
            fields.extend(def.states().map(|_| 0));
            TableElement { key: order.iter().map(|&part| entry.key[part]).collect(), fields }
        });
        let elements = Elements::new(&def, elements.collect()).map_err(|error| {
            let what = match error {
                ElementError::Overlap(..) => "a set whose elements overlap",
                ElementError::Expiring => "a set with a timeout and elements of its own",
                _ => "this set",
            };
            unsupported(expression, what)
        })?;
        let table = self.shared.out.program.tables.push(def);
        self.shared.out.contents.set(table, elements);
        let other = other(set);
        let asked = Rc::new(Asked { table, order, leaves, other });
        self.shared.tables.insert(place, Rc::clone(&asked));
        Ok(asked)
    }
}

/// What a map's elements lead to, each once, in the order of their names whatever that of the
/// elements, and their numbers.
fn leaves(set: &Set) -> (Vec<Leaf<'_>>, HashMap<Leaf<'_>, u128>) {
    let (mut all, mut numbers) = (Vec::new(), HashMap::new());
    for element in set.elements.iter().filter(|element| element.key.is_some() && !element.is_end) {
        let leaf = Leaf::of(&element.data);
        if leaf != Leaf::Hit {
            numbers.entry(leaf).or_insert_with(|| all.push(leaf));
        }
    }
    all.sort_by_cached_key(|leaf| leaf.name());
    let numbers = (0..).zip(&all).map(|(number, leaf)| (*leaf, number)).collect();
    (all, numbers)
}
