//! Lookups in sets and maps, and what rules add to them.
//!
//! A set that a rule holds, of one value, is a switch. Others are tables: those of a name, whose
//! elements people change, concatenations, and maps to values.

use super::chain::Cx;
use super::registers::{Content, Meaning, number, only_number, type_of};
use super::statement::state_kind;
use super::{Lowered, unsupported};
use crate::datatype::Base;
use crate::model::{
    Data, Element, ElementData, Expression, Found, Operation, Part, Register, Ruleset, Set,
    SetName, SetOperation, TypedPart, Verdict,
};
use bpfc_ir::{
    Arm, Block, Element as TableElement, ElementError, Elements, Expiry, FieldDef, FunctionBuilder,
    KeyPart, Shape, Switch, Table, TableDef, Terminator, Touch, Type, Value,
};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// Elements of a switch at most: more are a table.
const SWITCHED: usize = 256;
/// Elements that a set takes from packets where it does not say how many (net/netfilter/
/// nft_set_hash.c, `NFT_RHASH_ELEMENT_HINT` is no limit; nft gives sets without a size this one).
const DYNAMIC_SIZE: u32 = 65_535;

/// The table that a set has become.
pub(super) struct Asked<'r> {
    table: Table,
    /// The parts of the set's key in the table's order: the one with ranges stands last.
    order: Vec<usize>,
    /// The verdicts of its elements, each once, by their numbers in the table.
    verdicts: Vec<&'r Verdict>,
    /// The element that stands for all others.
    other: Option<&'r Element>,
}

impl Asked<'_> {
    /// A key's values in the table's order.
    fn values(&self, key: &[Content]) -> Vec<Value> {
        self.order.iter().map(|&part| key[part].value).collect()
    }
}

/// Where elements lead: each verdict has a block.
struct Leaves<'r> {
    /// Where an element leads that yields nothing.
    hit: Block,
    /// Where the rule goes on.
    go_on: Block,
    blocks: Vec<(&'r Verdict, Block)>,
    /// The same by verdict, to look up alone.
    by_verdict: HashMap<&'r Verdict, Block>,
}

impl<'r> Leaves<'r> {
    fn new(hit: Block, go_on: Block) -> Self {
        Leaves { hit, go_on, blocks: Vec::new(), by_verdict: HashMap::new() }
    }

    fn of(&mut self, builder: &mut FunctionBuilder, data: &'r ElementData) -> Block {
        match data {
            ElementData::Verdict(verdict) => self.of_verdict(builder, verdict),
            _ => self.hit,
        }
    }

    fn of_verdict(&mut self, builder: &mut FunctionBuilder, verdict: &'r Verdict) -> Block {
        if *verdict == Verdict::Continue {
            return self.go_on;
        }
        *self.by_verdict.entry(verdict).or_insert_with(|| {
            let block = builder.block();
            self.blocks.push((verdict, block));
            block
        })
    }
}

/// What elements have that packets add to a set: one for all, since a table has one kind.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Added<'r> {
    timeout: Option<u64>,
    expressions: &'r [Expression],
}

/// What rules give to the elements that they add, by set; `None` where they differ.
pub(super) fn added(ruleset: &Ruleset) -> BTreeMap<(usize, String), Option<Added<'_>>> {
    let mut all: BTreeMap<(usize, String), Option<Added<'_>>> = BTreeMap::new();
    for (index, table) in ruleset.tables.iter().enumerate() {
        let rules = table.chains.iter().flat_map(|chain| &chain.rules);
        for of in rules.flat_map(|rule| &rule.expressions) {
            let Operation::DynamicSet { op, set: name, timeout, expressions, .. } = &of.operation
            else {
                continue;
            };
            let Some(set) = table.set_of(name).filter(|_| *op != SetOperation::Delete) else {
                continue;
            };
            let timeout = timeout.or(set.timeout).filter(|&timeout| timeout > 0);
            let expressions = if expressions.is_empty() { &set.expressions } else { expressions };
            let own = Some(Added { timeout, expressions });
            let known = all.entry((index, key_of(name))).or_insert(own);
            if *known != own {
                *known = None;
            }
        }
    }
    all
}

/// A set's name in its table; none of a name has this form for those that rules hold.
fn key_of(name: &SetName) -> String {
    match name {
        SetName::Named(name) => name.clone(),
        SetName::Anonymous(index) => format!("{{{index}}}"),
    }
}

/// How often the kernel looks for elements that are gone, in milliseconds
/// (net/netfilter/nft_set_hash.c, `nft_rhash_gc_init`: a second).
const COLLECT: u32 = 1_000;

/// An element's key, by parts the least and the greatest number, and what it yields.
struct Entry<'s> {
    key: Vec<(u128, u128)>,
    element: &'s Element,
}

impl<'r> Cx<'_, 'r> {
    pub fn lookup(&mut self, expression: &Expression) -> Lowered<()> {
        let Operation::Lookup { register, set: name, found, is_inverted } = &expression.operation
        else {
            return Err(unsupported(expression, "this"));
        };
        let (place, set) = self.named(name, expression)?;
        let added = self.added(set, &place, expression)?;
        if !added.expressions.is_empty() {
            return Err(unsupported(expression, "looking up elements that have statements"));
        }
        let key = self.key(*register, set, expression)?;
        let is_held = matches!(name, SetName::Anonymous(_));
        let is_entry = |element: &&Element| element.key.is_some() && !element.is_end;
        match (found, &key[..]) {
            (Found::Nothing | Found::Verdict, [only])
                if is_held && set.elements.iter().filter(is_entry).count() <= SWITCHED =>
            {
                let entries = entries(set, &key, self, expression)?;
                let other = set.elements.iter().find(|element| element.key.is_none());
                self.switch(only.value, &entries, other, *is_inverted, expression)
            }
            _ => {
                let table = self.table(place, set, added, &key, expression)?;
                self.find(&table, set, &key, *found, *is_inverted, expression)
            }
        }
    }

    /// What elements of a set have that packets add to it.
    fn added(
        &self,
        set: &'r Set,
        place: &(usize, String),
        expression: &Expression,
    ) -> Lowered<Added<'r>> {
        match self.shared.added.get(place) {
            Some(Some(added)) => Ok(*added),
            Some(None) => {
                let what = "a set to which rules give several timeouts or statements";
                Err(unsupported(expression, what))
            }
            None => Ok(Added { timeout: set.timeout, expressions: &set.expressions }),
        }
    }

    /// The place and the definition of the set that an expression names.
    fn named(
        &self,
        name: &SetName,
        expression: &Expression,
    ) -> Lowered<((usize, String), &'r Set)> {
        let table = self.place.table;
        let set = self.shared.ruleset.tables[table].set_of(name);
        let set = set.ok_or_else(|| unsupported(expression, "a set that is not there"))?;
        Ok(((table, key_of(name)), set))
    }

    /// The values of a key's parts.
    fn key(&self, register: Register, set: &Set, expression: &Expression) -> Lowered<Vec<Content>> {
        let mut bytes = 0;
        let mut key = Vec::new();
        for part in &set.key {
            let content = self.registers.behind(register, bytes);
            let content = content
                .ok_or_else(|| unsupported(expression, "a key of which a part is not loaded"))?;
            if content.meaning == Meaning::DeviceType {
                return Err(unsupported(expression, "a set of kinds of devices"));
            }
            key.push(content);
            bytes += part.bytes().next_multiple_of(4);
        }
        Ok(key)
    }

    fn switch(
        &mut self,
        value: Value,
        entries: &[Entry<'_>],
        other: Option<&Element>,
        is_inverted: bool,
        expression: &Expression,
    ) -> Lowered<()> {
        let go_on = self.builder.block();
        let (hit, miss) = if is_inverted { (self.next, go_on) } else { (go_on, self.next) };
        let mut leaves = Leaves::new(hit, go_on);
        let mut arms: Vec<Arm> = Vec::new();
        for Entry { key, element } in entries {
            let Some(&(low, high)) = key.first() else { continue };
            arms.push(Arm { low, high, to: leaves.of(&mut self.builder, &element.data) });
        }
        let otherwise = match other {
            Some(other) => leaves.of(&mut self.builder, &other.data),
            None => miss,
        };
        arms.sort_by_key(|arm| arm.low);
        let switch = Switch { value, arms, otherwise };
        self.builder.terminate(Terminator::Switch(Box::new(switch)));
        self.end_leaves(leaves, expression)
    }

    /// Ends the blocks of verdicts, and goes on behind them.
    fn end_leaves(&mut self, leaves: Leaves<'_>, expression: &Expression) -> Lowered<()> {
        for (verdict, block) in &leaves.blocks {
            let terminator = self.terminator(verdict, expression)?;
            self.builder.switch_to(*block);
            self.builder.terminate(terminator);
        }
        self.builder.switch_to(leaves.go_on);
        Ok(())
    }

    fn find(
        &mut self,
        table: &Asked<'r>,
        set: &Set,
        key: &[Content],
        found: Found,
        is_inverted: bool,
        expression: &Expression,
    ) -> Lowered<()> {
        let element = self.builder.find(table.table, table.values(key));
        let there = self.builder.found(element);
        let other = table.other;
        match found {
            Found::Nothing => {
                match (other, is_inverted) {
                    // The element that stands for all others is always found.
                    (Some(_), true) => {
                        self.builder.jump(self.next);
                        let after = self.builder.block();
                        self.builder.switch_to(after);
                    }
                    (Some(_), false) => {}
                    (None, true) => self.builder.forbid(there, self.next),
                    (None, false) => self.builder.require(there, self.next),
                }
                Ok(())
            }
            Found::Register(to) => {
                if other.is_some() {
                    return Err(unsupported(expression, "a value for all other keys"));
                }
                self.builder.require(there, self.next);
                let [part] = &set.data[..] else {
                    return Err(unsupported(expression, "a map to several values"));
                };
                let ty = type_of(part.bytes())
                    .ok_or_else(|| unsupported(expression, "a map to so long a value"))?;
                let value = self.builder.field(ty, element, 0);
                let is_host = part.order == crate::Order::Host && ty != Type::I128;
                let (bytes, meaning) = (part.bytes(), Meaning::Plain);
                self.registers.set(to, Content { value, bytes, is_host, meaning });
                Ok(())
            }
            Found::Verdict => {
                let go_on = self.builder.block();
                let mut leaves = Leaves::new(go_on, go_on);
                let missing = match other {
                    Some(other) => leaves.of(&mut self.builder, &other.data),
                    None => self.next,
                };
                self.builder.require(there, missing);
                let value = self.builder.field(Type::I32, element, 0);
                let mut arms = Vec::new();
                for (number, verdict) in (0u128..).zip(&table.verdicts) {
                    let to = leaves.of_verdict(&mut self.builder, verdict);
                    arms.push(Arm { low: number, high: number, to });
                }
                let switch = Switch { value, arms, otherwise: self.next };
                self.builder.terminate(Terminator::Switch(Box::new(switch)));
                self.end_leaves(leaves, expression)
            }
        }
    }

    /// The table of a set, made when it is first asked for.
    fn table(
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
        let (verdicts, numbers) = verdicts(set);
        let mut fields = Vec::new();
        if set.is_verdict_map {
            let mut names: Vec<String> = verdicts.iter().map(|of| verdict_name(of)).collect();
            if names.is_empty() {
                names.push("accept".to_owned());
            }
            fields.push(FieldDef::Verdict(names));
        } else if let [part] = &set.data[..] {
            let ty = type_of(part.bytes());
            let ty = ty.ok_or_else(|| unsupported(expression, "a map to so long a value"))?;
            fields.push(FieldDef::Data(ty));
        } else if !set.data.is_empty() || set.objects.is_some() {
            return Err(unsupported(expression, "a map to several values or objects"));
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
            let fields = match &entry.element.data {
                ElementData::Verdict(of) => numbers.get(of).copied(),
                ElementData::Value(data) => only_number(data),
                ElementData::None | ElementData::Object(_) => None,
            };
            let states = def.states().map(|_| 0);
            TableElement {
                key: order.iter().map(|&part| entry.key[part]).collect(),
                fields: fields.into_iter().chain(states).collect(),
            }
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
        let other = set.elements.iter().find(|element| element.key.is_none());
        let asked = Rc::new(Asked { table, order, verdicts, other });
        self.shared.tables.insert(place, Rc::clone(&asked));
        Ok(asked)
    }

    pub fn dynamic_set(&mut self, expression: &Expression) -> Lowered<()> {
        let Operation::DynamicSet { op, set: name, key, data, .. } = &expression.operation else {
            return Err(unsupported(expression, "this"));
        };
        let (place, set) = self.named(name, expression)?;
        if *op == SetOperation::Delete {
            return Err(unsupported(expression, "removing an element"));
        }
        if data.is_some() {
            return Err(unsupported(expression, "adding an element with a value"));
        }
        let added = self.added(set, &place, expression)?;
        let key = self.key(*key, set, expression)?;
        let table = self.table(place, set, added, &key, expression)?;
        if added.expressions.len() > 1 {
            return Err(unsupported(expression, "elements with several statements"));
        }
        let touch = match op {
            SetOperation::Update => Touch::Update,
            SetOperation::Add | SetOperation::Delete => Touch::Add,
        };
        let element = self.builder.touch(table.table, touch, table.values(&key));
        let there = self.builder.found(element);
        // A full set ends the rule.
        self.builder.require(there, self.next);
        if let [of] = added.expressions {
            let is_over = match of.operation {
                Operation::Limit { is_over, .. } | Operation::Quota { is_over, .. } => is_over,
                _ => return Err(unsupported(of, "this statement of elements")),
            };
            let enough = self.builder.field(Type::I32, element, 0);
            self.limited(enough, is_over);
        }
        Ok(())
    }
}

/// The verdicts of a map, each once, and their numbers.
fn verdicts(set: &Set) -> (Vec<&Verdict>, HashMap<&Verdict, u128>) {
    let (mut all, mut numbers) = (Vec::new(), HashMap::new());
    for element in set.elements.iter().filter(|element| element.key.is_some()) {
        if let ElementData::Verdict(verdict) = &element.data {
            numbers.entry(verdict).or_insert_with(|| {
                all.push(verdict);
                all.len() as u128 - 1
            });
        }
    }
    (all, numbers)
}

/// A verdict's name in a table.
fn verdict_name(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accept => "accept".to_owned(),
        Verdict::Drop => "drop".to_owned(),
        Verdict::Continue => "continue".to_owned(),
        Verdict::Return => "return".to_owned(),
        Verdict::Jump(name) => format!("jump {name}"),
        Verdict::Goto(name) => format!("goto {name}"),
    }
}

/// The elements of a set with their keys, but for the one that stands for all others.
fn entries<'s>(
    set: &'s Set,
    key: &[Content],
    cx: &Cx<'_, '_>,
    expression: &Expression,
) -> Lowered<Vec<Entry<'s>>> {
    let lives = |e: &Element| e.timeout.is_some() || !e.expressions.is_empty();
    if set.elements.iter().any(lives) {
        return Err(unsupported(expression, "elements that end or have statements"));
    }
    let mut entries = Vec::new();
    let refused = || unsupported(expression, "a set of such keys");
    let all: Vec<&Element> = set.elements.iter().filter(|e| e.key.is_some()).collect();
    for (at, element) in all.iter().enumerate() {
        if element.is_end {
            continue;
        }
        let Some(low) = &element.key else { continue };
        let low = numbers(low, &set.key, refused)?;
        let high = match &element.key_end {
            Some(high) => numbers(high, &set.key, refused)?,
            None if set.flags.interval && set.key.len() == 1 => {
                let next = all.get(at + 1).filter(|_| !element.is_open);
                let greatest = greatest(&set.key[0]);
                match next.and_then(|next| next.key.as_ref()) {
                    Some(next) => {
                        let next = numbers(next, &set.key, refused)?;
                        next.iter().map(|number| number.saturating_sub(1)).collect()
                    }
                    None => vec![greatest],
                }
            }
            None => low.clone(),
        };
        let mut ends: Vec<(u128, u128)> = low.into_iter().zip(high).collect();
        for (ends, content) in ends.iter_mut().zip(key) {
            if content.meaning == Meaning::InterfaceIndex {
                if ends.0 != ends.1 {
                    return Err(unsupported(expression, "a range of interfaces"));
                }
                let name = cx.interface(ends.0 as u32, expression)?;
                *ends = (name, name);
            }
            if ends.0 > ends.1 {
                return Err(refused());
            }
        }
        entries.push(Entry { key: ends, element });
    }
    Ok(entries)
}

/// The greatest number of a part.
fn greatest(part: &TypedPart) -> u128 {
    match part.bits {
        0 | 128.. => u128::MAX,
        bits => (1 << bits.next_multiple_of(8)) - 1,
    }
}

/// The numbers of a key's parts.
fn numbers(
    data: &Data,
    parts: &[TypedPart],
    refused: impl Fn() -> Box<bpfc_diag::Diagnostic>,
) -> Lowered<Vec<u128>> {
    if data.parts.len() != parts.len() {
        return Err(refused());
    }
    let of = |(held, part): (&Part, &TypedPart)| {
        let number = number(held)?;
        // Texts are padded behind.
        let missing = part.bytes().saturating_sub(held.bytes.len() as u32);
        let is_text = part.datatype.base == Base::Text;
        Some(if is_text { number.checked_shl(8 * missing).unwrap_or(0) } else { number })
    };
    let found: Option<Vec<u128>> = data.parts.iter().zip(parts).map(of).collect();
    found.ok_or_else(refused)
}
