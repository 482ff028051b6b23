//! Sets as tables.

use super::dynamic::Added;
use super::entries::{Entries, Entry, entries};
use super::leaves::Leaf;
use super::{other, ranges, states};
use crate::lower::chain::Cx;
use crate::lower::registers::{Content, number, type_of};
use crate::lower::{Lowered, unsupported};
use crate::model::{Element, ElementData, Expression, Set, Verdict};
use bpfc_ir::{
    ElementError, Elements, ElementsBuilder, Expiry, FieldDef, KeyPart, Life, Shape, Table,
    TableDef, Type, Value,
};
use std::collections::HashMap;
use std::rc::Rc;

/// Elements that a set takes from packets where it does not say how many (net/netfilter/
/// nft_dynset.c, `nft_dynset_init`).
const DYNAMIC_SIZE: u32 = 65_535;
/// How many elements more than the ruleset's fit into a set of a name that does not say how many.
const MORE: u32 = 1024;
/// How often the kernel looks for elements that are gone, in milliseconds
/// (net/netfilter/nft_set_hash.c, `nft_rhash_gc_init`: a second).
const COLLECT: u32 = 1_000;

/// What a set has become.
pub(in crate::lower) struct Asked<'r> {
    /// The tables that are asked one after the other, the first by the parts of the set's key, each
    /// other one by what the one before yields and more parts. The last one has the elements.
    steps: Vec<(Table, Vec<usize>)>,
    /// What its elements lead to, each once, by their numbers in the table.
    pub leaves: Vec<Leaf<'r>>,
    /// The element that stands for all others.
    pub other: Option<&'r Element>,
    /// What is evaluated when that is found.
    of_other: &'r [Expression],
    /// What is evaluated when an element is found.
    pub statements: Statements<'r>,
}

/// What is evaluated when an element is found.
pub(in crate::lower) enum Statements<'r> {
    None,
    /// The same of all, whose states lie in the element: its fields from this one on.
    Own(u16, &'r [Expression]),
    /// What the element's number says, which is the field of that place: 0 for nothing.
    Numbered(u16, Vec<Group<'r>>),
}

/// Elements with the same statements, whose states lie in a table by the elements' numbers.
pub(in crate::lower) struct Group<'r> {
    pub table: Table,
    pub expressions: &'r [Expression],
    /// The numbers of the first and the last of them.
    pub numbers: (u32, u32),
}

impl<'r> Asked<'r> {
    /// The table that packets change, which is asked alone.
    pub fn only(&self) -> Option<Table> {
        match self.steps[..] {
            [(table, _)] => Some(table),
            _ => None,
        }
    }

    /// Where each part of the set's key stands in that of the only table.
    pub fn order(&self) -> Vec<u16> {
        let parts = self.steps.first().map_or(&[][..], |(_, parts)| parts);
        let at = |part: usize| parts.iter().position(|&of| of == part).unwrap_or(part) as u16;
        (0..parts.len()).map(at).collect()
    }

    /// A key's values in the order of the only table.
    pub fn values(&self, key: &[Content]) -> Vec<Value> {
        let parts = self.steps.first().map_or(&[][..], |(_, parts)| parts);
        parts.iter().map(|&part| key[part].value).collect()
    }

    /// The number of the element that stands for all others, and its group.
    pub fn group_of_other(&self) -> Option<(u32, &Group<'r>)> {
        let Statements::Numbered(_, groups) = &self.statements else { return None };
        let is_of = |group: &&Group<'_>| states::are_alike(group.expressions, self.of_other);
        let group = groups.iter().find(is_of).filter(|_| self.other.is_some())?;
        // It was numbered behind all others of its group.
        Some((group.numbers.1, group))
    }
}

/// The least and the greatest value of each part of a key.
type Ends = Vec<(u128, u128)>;

/// A step before it is a table.
struct Plan {
    parts: Vec<usize>,
    key: Vec<KeyPart>,
    /// Its elements, and for each that of the set, or the state, that it leads to. `None`: those of
    /// the set.
    elements: Option<Vec<(Ends, u32)>>,
}

impl<'r> Cx<'_, 'r> {
    /// The tables of a set, made when it is first asked for.
    pub(super) fn table(
        &mut self,
        place: (usize, String),
        set: &'r Set,
        added: &Added<'r>,
        key: &[Content],
        expression: &Expression,
    ) -> Lowered<Rc<Asked<'r>>> {
        if let Some(table) = self.shared.tables.get(&place) {
            return Ok(Rc::clone(table));
        }
        let entries = entries(set, key, self, expression)?;
        let of = &self.shared.ruleset.tables[place.0];
        let name = match set.name.as_str() {
            "" => String::new(),
            name => format!("{} {} {name}", of.family.name(), of.name),
        };
        let (leaves, fields) = fields(set, expression)?;
        let maker = Maker { set, added, entries: &entries, expression };
        let expires = maker.expires();
        let collect = set.gc_interval.map_or(COLLECT, |time| time.clamp(1, 1 << 31) as u32);
        let mut def = TableDef {
            name,
            key: Vec::new(),
            fields,
            capacity: 0,
            expiry: expires.then_some(Expiry::Own { collect }),
            is_dynamic: added.is_dynamic,
        };
        let types: Vec<Type> = key.iter().map(|part| self.type_of(part.value)).collect();
        let mut plans = maker.plans(&types)?;
        let is_exact = plans.len() == 1 && plans[0].key.iter().all(|k| k.shape == Shape::Exact);
        if added.is_dynamic && !is_exact {
            return Err(unsupported(expression, "a set of ranges to which rules add elements"));
        }
        let Numbering { statements, numbers, states } =
            self.statements(&maker, is_exact, &mut def)?;
        let Some(last) = plans.pop() else { return Err(unsupported(expression, "this set")) };
        let mut steps = Vec::new();
        for plan in plans {
            steps.push(self.lead(plan, expression)?);
        }
        let is_alone = steps.is_empty();
        def.key = last.key;
        let count = last.elements.as_ref().map_or(entries.len(), Vec::len);
        def.capacity = maker.capacity(count);
        if !is_alone {
            def.name = String::new();
            def.capacity = (count as u32).max(1);
        }
        let mut builder = ElementsBuilder::new(&def);
        let mut add = |ends: &[(u128, u128)], at: usize| {
            let entry = entries.get(at);
            let fields = maker.numbers(entry, &leaves, &statements, numbers[at]);
            builder.push(ends, &fields, maker.life(entry.element)).map_err(|e| maker.refused(e))
        };
        match &last.elements {
            Some(elements) => {
                elements.iter().try_for_each(|(ends, at)| add(ends, *at as usize))?;
            }
            None => {
                let mut ends = Vec::new();
                for (at, entry) in entries.iter().enumerate() {
                    ends.clear();
                    ends.extend(last.parts.iter().map(|&part| entry.key[part]));
                    add(&ends, at)?;
                }
            }
        }
        let elements = builder.finish().map_err(|error| maker.refused(error))?;
        for (table, states) in states {
            self.shared.out.contents.set(table, states.with_lineage(elements.lineage()));
        }
        let table = self.shared.out.program.tables.push(def);
        self.shared.out.contents.set(table, elements);
        steps.push((table, last.parts));
        let other = other(set);
        let of_other = other.map_or(&[][..], |other| states::expressions(set, other));
        let asked = Rc::new(Asked { steps, leaves: leaves.0, other, of_other, statements });
        self.list_set(&place, set, &asked, &entries);
        self.shared.tables.insert(place, Rc::clone(&asked));
        Ok(asked)
    }

    /// A table that leads to the next.
    fn lead(&mut self, plan: Plan, expression: &Expression) -> Lowered<(Table, Vec<usize>)> {
        let elements = plan.elements.unwrap_or_default();
        let def = TableDef {
            name: String::new(),
            key: plan.key,
            fields: vec![FieldDef::Data(Type::I32)],
            capacity: (elements.len() as u32).max(1),
            expiry: None,
            is_dynamic: false,
        };
        let mut builder = ElementsBuilder::new(&def);
        let refused = |_| unsupported(expression, "this set");
        for (ends, to) in &elements {
            builder.push(ends, &[u128::from(*to)], None).map_err(refused)?;
        }
        let elements = builder.finish().map_err(refused)?;
        let table = self.shared.out.program.tables.push(def);
        self.shared.out.contents.set(table, elements);
        Ok((table, plan.parts))
    }

    /// Where the statements of elements lie: adds what that takes to the definition of the table.
    /// Yields the number of each element, too, 0 for one without statements.
    fn statements(
        &mut self,
        maker: &Maker<'_, 'r>,
        is_exact: bool,
        def: &mut TableDef,
    ) -> Lowered<Numbering<'r>> {
        let Maker { set, added, entries, expression } = *maker;
        let own = |entry: Entry<'_, 'r>| states::expressions(set, entry.element);
        let place = def.fields.len() as u16;
        let mut numbers = vec![0; entries.len()];
        let template = match entries.iter().next() {
            _ if added.is_dynamic => added.expressions,
            Some(first) => own(first),
            None => &set.expressions,
        };
        let of_other = other(set).map_or(&[][..], |other| states::expressions(set, other));
        let is_even = entries.iter().all(|entry| states::are_alike(own(entry), template));
        if is_even && is_exact && of_other.is_empty() {
            if template.is_empty() {
                return Ok(Numbering::of(Statements::None, numbers));
            }
            def.fields.extend(states::fields(template)?);
            return Ok(Numbering::of(Statements::Own(place, template), numbers));
        }
        if added.is_dynamic {
            let what = "a set whose own elements have other statements than those that rules add";
            return Err(unsupported(expression, what));
        }
        let mut groups: Vec<(&'r [Expression], Vec<Option<usize>>)> = Vec::new();
        let all = (0..).zip(entries.iter()).map(|(at, entry)| (Some(at), own(entry)));
        let all = all.chain([(None, of_other)]);
        for (at, expressions) in all.filter(|(_, expressions)| !expressions.is_empty()) {
            let alike = |(known, _): &(&[Expression], _)| states::are_alike(known, expressions);
            match groups.iter().position(alike) {
                Some(group) => groups[group].1.push(at),
                None if groups.len() == GROUPS => {
                    let what = "a set whose elements have so many different statements";
                    return Err(unsupported(expression, what));
                }
                None => groups.push((expressions, vec![at])),
            }
        }
        if groups.is_empty() {
            return Ok(Numbering::of(Statements::None, numbers));
        }
        def.fields.push(FieldDef::Data(Type::I32));
        let mut next = 1;
        let (mut made, mut held) = (Vec::new(), Vec::new());
        for (group, (expressions, members)) in groups.into_iter().enumerate() {
            let first = next;
            let states_def = TableDef {
                name: match def.name.as_str() {
                    "" => String::new(),
                    name => format!("{name} states {group}"),
                },
                key: vec![KeyPart { ty: Type::I32, shape: Shape::Exact }],
                fields: states::fields(expressions)?,
                capacity: members.len() as u32,
                expiry: None,
                is_dynamic: false,
            };
            let mut builder = ElementsBuilder::new(&states_def);
            for member in members {
                let of = match member {
                    Some(at) => {
                        numbers[at] = next;
                        own(entries.get(at))
                    }
                    None => of_other,
                };
                let begin: Vec<u128> = states::begin(of).collect();
                let number = u128::from(next);
                builder
                    .push(&[(number, number)], &begin, None)
                    .map_err(|error| maker.refused(error))?;
                next += 1;
            }
            let elements = builder.finish().map_err(|error| maker.refused(error))?;
            let table = self.shared.out.program.tables.push(states_def);
            held.push((table, elements));
            made.push(Group { table, expressions, numbers: (first, next - 1) });
        }
        Ok(Numbering { statements: Statements::Numbered(place, made), numbers, states: held })
    }
}

/// Where the statements of elements lie.
struct Numbering<'r> {
    statements: Statements<'r>,
    /// The number of each element, 0 for one without statements.
    numbers: Vec<u32>,
    /// What is in the tables of their states.
    states: Vec<(Table, Elements)>,
}

impl<'r> Numbering<'r> {
    fn of(statements: Statements<'r>, numbers: Vec<u32>) -> Self {
        Numbering { statements, numbers, states: Vec::new() }
    }
}

/// Different statements of a set's elements at most: each of them is code where the set is asked.
const GROUPS: usize = 32;

/// What a set's table is made of.
struct Maker<'s, 'r> {
    set: &'r Set,
    added: &'s Added<'r>,
    entries: &'s Entries<'r>,
    expression: &'s Expression,
}

impl<'r> Maker<'_, 'r> {
    fn refused(&self, error: ElementError) -> Box<bpfc_diag::Diagnostic> {
        let what = match error {
            ElementError::Overlap(..) => "a set whose elements overlap",
            ElementError::Full(_) => "a set with more elements than its size says",
            _ => "this set",
        };
        unsupported(self.expression, what)
    }

    /// Whether elements can go by themselves: people may add such to a set of a name that says so.
    fn expires(&self) -> bool {
        let Set { flags, timeout, elements, .. } = self.set;
        let ends = |element: &Element| element.timeout().is_some_and(|timeout| timeout > 0);
        flags.timeout || timeout.is_some() || self.added.expires || elements.iter().any(ends)
    }

    fn life(&self, element: &Element) -> Option<Life> {
        let timeout = element.timeout().or(self.set.timeout).filter(|&timeout| timeout > 0)?;
        let left = element.expires().unwrap_or(timeout);
        Some(Life { timeout, left })
    }

    fn capacity(&self, elements: usize) -> u32 {
        let room = (elements as u32).max(1);
        match (self.set.size, self.added.is_dynamic) {
            // A range counts once, however many entries it takes.
            (Some(size), false) => size.max(room),
            (Some(size), true) => size.max(1),
            (None, true) => DYNAMIC_SIZE,
            // People add more.
            (None, false) if !self.set.name.is_empty() => room.saturating_add(MORE.max(room / 4)),
            (None, false) => room,
        }
    }

    /// The tables that are asked one after the other.
    fn plans(&self, types: &[Type]) -> Lowered<Vec<Plan>> {
        let entries = self.entries;
        let parts = types.len();
        let is_ranged =
            |part: usize| entries.iter().any(|entry| entry.key[part].0 != entry.key[part].1);
        let mut ranged: Vec<usize> = (0..parts).filter(|&part| is_ranged(part)).collect();
        // People may add ranges to a set of a name.
        if parts == 1 && self.set.flags.interval && !self.set.name.is_empty() {
            ranged = vec![0];
        }
        let key = |asked: &[usize], is_behind: bool| {
            let mut key: Vec<KeyPart> = Vec::new();
            key.extend(is_behind.then_some(KeyPart { ty: Type::I32, shape: Shape::Exact }));
            key.extend(asked.iter().map(|&part| {
                let shape = if ranged.contains(&part) { Shape::Range } else { Shape::Exact };
                KeyPart { ty: types[part], shape }
            }));
            key
        };
        if ranged.len() < 2 && !(parts > 1 && self.overlap(&ranged)) {
            // The part with ranges stands last.
            let last = ranged.first().copied().unwrap_or(parts.saturating_sub(1));
            let mut order: Vec<usize> = (0..parts).filter(|&part| part != last).collect();
            order.push(last);
            return Ok(vec![Plan { key: key(&order, false), parts: order, elements: None }]);
        }
        let steps = ranges::chain(entries, parts, &ranged).ok_or_else(|| {
            let what = "a concatenation whose ranges overlap so much (more than a million pieces)";
            unsupported(self.expression, what)
        })?;
        // Where an element has gone the next one counts.
        if self.expires() && self.overlap(&ranged) {
            let what = "a concatenation of ranges that overlap and have timeouts";
            return Err(unsupported(self.expression, what));
        }
        let row = |(state, ends, to): ranges::Lead| {
            let state = state.map(|state| (u128::from(state), u128::from(state)));
            (state.into_iter().chain(ends).collect(), to)
        };
        let plan = |(at, step): (usize, ranges::Step)| Plan {
            key: key(&step.parts, at > 0),
            parts: step.parts,
            elements: Some(step.elements.into_iter().map(row).collect()),
        };
        Ok(steps.into_iter().enumerate().map(plan).collect())
    }

    /// Whether two elements of a concatenation hold the same packets.
    fn overlap(&self, ranged: &[usize]) -> bool {
        let exact = |entry: Entry<'_, '_>| -> Vec<u128> {
            let parts = (0..entry.key.len()).filter(|part| !ranged.contains(part));
            parts.map(|part| entry.key[part].0).collect()
        };
        let mut all: Vec<(Vec<u128>, usize)> = self.entries.iter().map(exact).zip(0..).collect();
        all.sort();
        let meet = |one: usize, other: usize| {
            let (one, other) = (self.entries.get(one).key, self.entries.get(other).key);
            one.iter().zip(other).all(|(a, b)| a.0 <= b.1 && b.0 <= a.1)
        };
        // Those that begin together are few: what meets another one begins before that ends.
        all.chunk_by(|a, b| a.0 == b.0).any(|group| {
            let Some(&part) = ranged.first() else { return group.len() > 1 };
            let mut members: Vec<usize> = group.iter().map(|&(_, at)| at).collect();
            members.sort_by_key(|&at| self.entries.get(at).key[part]);
            let mut open: Vec<usize> = Vec::new();
            members.into_iter().any(|at| {
                let begin = self.entries.get(at).key[part].0;
                open.retain(|&other| self.entries.get(other).key[part].1 >= begin);
                let meets = open.iter().any(|&other| meet(other, at));
                open.push(at);
                meets
            })
        })
    }

    /// The fields of an element.
    fn numbers(
        &self,
        entry: Entry<'_, 'r>,
        leaves: &Leaves<'r>,
        statements: &Statements<'r>,
        number_of: u32,
    ) -> Vec<u128> {
        let mut fields: Vec<u128> = match &entry.element.data {
            ElementData::Value(data) => data.parts().filter_map(number).collect(),
            data => leaves.1.get(&Leaf::of(data)).copied().into_iter().collect(),
        };
        match statements {
            Statements::None => {}
            Statements::Own(..) => {
                fields.extend(states::begin(states::expressions(self.set, entry.element)));
            }
            Statements::Numbered(..) => fields.push(number_of.into()),
        }
        fields
    }
}

/// What a map's elements lead to, each once, and their numbers.
type Leaves<'r> = (Vec<Leaf<'r>>, HashMap<Leaf<'r>, u128>);

/// In the order of their names whatever that of the elements.
fn leaves(set: &Set) -> Leaves<'_> {
    let (mut all, mut numbers) = (Vec::new(), HashMap::new());
    if set.is_verdict_map && !set.name.is_empty() {
        // What elements may yield that people add.
        for verdict in [&Verdict::Accept, &Verdict::Drop] {
            all.push(Leaf::Verdict(verdict));
            numbers.insert(Leaf::Verdict(verdict), ());
        }
    }
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

/// What a set's elements say, but for their statements.
fn fields<'r>(set: &'r Set, expression: &Expression) -> Lowered<(Leaves<'r>, Vec<FieldDef>)> {
    let leaves = leaves(set);
    let mut fields = Vec::new();
    if set.is_verdict_map || set.objects.is_some() {
        let mut names: Vec<String> = leaves.0.iter().map(|leaf| leaf.name()).collect();
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
    Ok((leaves, fields))
}

impl<'r> Cx<'_, 'r> {
    /// Asks the tables of a set for the element of a key; goes to `missing` where there is none.
    /// Where its states lie in the element, and they count, the packet takes from them.
    pub(super) fn found(
        &mut self,
        asked: &Asked<'r>,
        key: &[Content],
        missing: bpfc_ir::Block,
        takes: bool,
    ) -> Value {
        let mut state = None;
        let mut element = None;
        for (at, (table, parts)) in asked.steps.iter().enumerate() {
            let is_last = at + 1 == asked.steps.len();
            let values = state.into_iter().chain(parts.iter().map(|&part| key[part].value));
            let values: Vec<Value> = values.collect();
            let takes = takes && is_last && matches!(asked.statements, Statements::Own(..));
            let found = match takes {
                true => self.builder.touch(*table, bpfc_ir::Touch::Existing, values),
                false => self.builder.find(*table, values),
            };
            let there = self.builder.found(found);
            self.builder.require(there, missing);
            state = (!is_last).then(|| self.builder.field(Type::I32, found, 0));
            element = Some(found);
        }
        element.expect("a set is one table at least")
    }
}
