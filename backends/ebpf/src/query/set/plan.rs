//! Which maps hold which sets: made once, before any function is emitted.

use bpfc_artifact::{MapDef, MapIndex, MapKind, MapRole, SetEntry, SetState};
use bpfc_ir::{Object, ObjectKind, Program};
use std::collections::BTreeMap;

/// Where a set lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SetPlace {
    pub(crate) elements: MapIndex,
    pub(crate) slot: u32,
    pub(crate) state: MapIndex,
    pub(crate) offset: u32,
    /// Where in the state's map zeros lie, as long as any value.
    pub(crate) zeros: u32,
}

/// Every set's place.
#[derive(Clone, Debug, Default)]
pub(crate) struct SetPlan {
    places: BTreeMap<Object, SetPlace>,
}

/// `BPF_F_NO_PREALLOC`: memory is taken as elements come.
const NO_PREALLOC: u32 = 1;

impl SetPlan {
    /// Adds the maps of a program's sets.
    pub(crate) fn new(program: &Program, maps: &mut Vec<MapDef>) -> SetPlan {
        let sets = || {
            program.objects.iter().filter_map(|(object, def)| match &def.kind {
                ObjectKind::Set(set) => Some((object, set)),
                _ => None,
            })
        };
        let role = |part: String| MapRole::Object { object: "sets".to_owned(), part };
        let mut classes: BTreeMap<(usize, usize), (MapIndex, u32)> = BTreeMap::new();
        let (mut size, mut zeros) = (0, 0);
        let mut plan = SetPlan::default();
        for (object, set) in sets() {
            let layout = set.def.layout();
            let sizes = (layout.key_size, layout.value_size);
            let (elements, slots) = classes.entry(sizes).or_insert_with(|| {
                let name = format!("sets_{}_{}", sizes.0, sizes.1);
                let inner = MapDef {
                    key_size: sizes.0 as u32,
                    value_size: sizes.1 as u32,
                    flags: NO_PREALLOC,
                    ..MapDef::new("set", MapKind::Hash, role("elements".to_owned()))
                };
                maps.push(MapDef {
                    value_size: 4,
                    inner: Some(Box::new(inner)),
                    ..MapDef::new(name.clone(), MapKind::ArrayOfMaps, role(name))
                });
                (MapIndex(maps.len() as u32 - 1), 0)
            });
            let place = SetPlace {
                elements: *elements,
                slot: *slots,
                state: MapIndex(0),
                offset: size,
                zeros: 0,
            };
            *slots += 2;
            maps[elements.0 as usize].max_entries = *slots;
            size += SetState::of(&set.def).size;
            zeros = zeros.max(layout.value_size as u32);
            plan.places.insert(object, place);
        }
        if !plan.places.is_empty() {
            maps.push(MapDef {
                value_size: size + zeros,
                ..MapDef::new("set_state", MapKind::Array, role("state".to_owned()))
            });
        }
        let state = MapIndex(maps.len() as u32 - 1);
        for place in plan.places.values_mut() {
            (place.state, place.zeros) = (state, size);
        }
        plan
    }

    /// A set's place. The object must be a set of the program.
    pub(crate) fn place(&self, object: Object) -> SetPlace {
        self.places[&object]
    }

    /// The sets as the artifact describes them, by name.
    pub(crate) fn entries(&self, program: &Program) -> Vec<SetEntry> {
        let mut entries: Vec<SetEntry> = self
            .places
            .iter()
            .filter_map(|(&object, place)| match &program.objects[object].kind {
                ObjectKind::Set(set) => Some(SetEntry {
                    set: set.as_ref().clone(),
                    elements: place.elements,
                    slot: place.slot,
                    state: place.state,
                    offset: place.offset,
                }),
                _ => None,
            })
            .collect();
        entries.sort_by(|a, b| a.set.def.name.cmp(&b.set.def.name));
        entries
    }
}
