//! Where the elements of named sets lie in maps, for whoever lists and changes them while programs
//! ask.

use crate::table::plan::{Tables, Value, field_size, is_live, is_trie, part_size};
use bpfc_artifact::{
    ElementPlace, GroupPlace, LeadPlace, MapDef, NamedSet, PartPlace, RangePlace, StatePlace,
    StateWords,
};
use bpfc_ir::{
    FieldDef, ListedPart, ListedPlace, ListedSet, Listing, Program, StateKind, Table, TableDef,
};

/// The named sets of a program.
pub(crate) fn entries(
    program: &Program,
    listing: &Listing,
    tables: &Tables,
    maps: &[MapDef],
) -> Vec<NamedSet> {
    let map = |table: Table| Some(&maps[tables.maps.get(&table)?.0 as usize]);
    let entry = |set: &ListedSet| {
        let (place, why_fixed) = match &set.place {
            Ok(listed) => (place(program, listed, &map), String::new()),
            Err(why) => (None, why.clone()),
        };
        NamedSet {
            family: set.family,
            table: set.table.clone(),
            name: set.name.clone(),
            is_map: set.is_map,
            lines: set.lines.clone(),
            size: set.size,
            timeout: set.timeout,
            merges: set.merges,
            fixed: set.fixed.clone(),
            comments: set.comments.clone(),
            place,
            why_fixed,
        }
    };
    listing.sets().iter().map(entry).collect()
}

fn place<'m>(
    program: &Program,
    listed: &ListedPlace,
    map: &impl Fn(Table) -> Option<&'m MapDef>,
) -> Option<ElementPlace> {
    let def = &program.tables[listed.table];
    let (own, value) = (map(listed.table)?, Value::of(def));
    let front = if is_trie(def) { 4 } else { 0 };
    let size = |part: usize| part_size(def.key[part].ty);
    let at = |part: usize| front + (0..part).map(size).sum::<usize>();
    let mut range = None;
    let key = listed.key.iter().enumerate().map(|(place, (part, to))| {
        let to = usize::from(*to);
        if to + 1 == def.key.len() {
            let ends = value.ends.map(|ends| ends.map(|end| end as u32));
            range = ends.map(|at| RangePlace { part: place as u32, at });
        }
        part_place(part, at(to) as u32, size(to) as u32)
    });
    let key = key.collect();
    let fields = def.fields.iter().zip(&value.fields);
    let numbers = fields.clone().filter(|(field, _)| matches!(field, FieldDef::Data(_)));
    let data = listed.data.iter().zip(numbers);
    let leads = fields.clone().find_map(|(field, &at)| match field {
        FieldDef::Verdict(names) => Some(LeadPlace { at: at as u32, names: names.clone() }),
        FieldDef::Data(_) | FieldDef::State(..) => None,
    });
    let group = |group: &bpfc_ir::ListedGroup| {
        Some(GroupPlace {
            map: map(group.table)?.name.clone(),
            numbers: group.numbers,
            states: states(&program.tables[group.table], &group.states),
        })
    };
    Some(ElementPlace {
        map: own.name.clone(),
        key,
        key_size: own.key_size,
        value_size: own.value_size,
        range,
        data: data
            .map(|(part, (field, &at))| part_place(part, at as u32, field_size(field) as u32))
            .collect(),
        leads,
        states: states(def, &listed.states),
        number: listed.number.map(|field| value.fields[usize::from(field)] as u32),
        groups: listed.groups.iter().map(group).collect::<Option<_>>()?,
        life: value.life.map(|life| life.map(|at| at as u32)),
        own_key: is_live(def).then_some(value.key as u32),
        room: def.capacity,
    })
}

fn part_place(part: &ListedPart, at: u32, size: u32) -> PartPlace {
    PartPlace { datatype: part.datatype.clone(), bits: part.bits, at, size }
}

/// The states of a table's elements, with what people read for each.
fn states(def: &TableDef, texts: &[String]) -> Vec<StatePlace> {
    let value = Value::of(def);
    let fields = def.fields.iter().zip(&value.fields);
    let states = fields.filter_map(|(field, &at)| match field {
        FieldDef::State(kind, _) => Some((kind, at)),
        FieldDef::Data(_) | FieldDef::Verdict(_) => None,
    });
    let place = |((kind, at), text): ((&StateKind, i16), &String)| StatePlace {
        at: at as u32,
        kind: match kind {
            StateKind::Counter => StateWords::Counter,
            StateKind::Quota { .. } => StateWords::Quota,
            StateKind::Last => StateWords::Last,
            _ => StateWords::Hidden,
        },
        text: text.clone(),
    };
    states.zip(texts).map(place).collect()
}
