//! Which lists of counters are data, and where they lie (`count_list`).

use crate::chain::counters::{COUNTER_SIZE, Counters, RULES_PER_CHUNK};
use bpfc_artifact::{MapDef, MapKind, MapRole};
use bpfc_ir::{Counted, CounterList, Func, Op, Program};
use std::collections::BTreeMap;

/// Counters of lists, in all of a program, that are counted where they stand.
const MOST_INLINE: usize = 1_024;

/// Where lists lie that are data.
#[derive(Debug, Default)]
pub(crate) struct CountLists {
    /// Each list's place, in numbers from the map's first; and whether its counters stand there
    /// alone, for a number to choose one of them, without how many they are.
    places: BTreeMap<(CounterList, bool), u32>,
    /// Numbers in the map.
    used: u32,
    /// Whether those are that are counted as a whole.
    pub(crate) are_data: bool,
    /// Whether any are.
    pub(crate) are_some: bool,
}

impl CountLists {
    /// Decides whether the lists of a program are data.
    pub(crate) fn new(program: &Program, order: &[Func]) -> CountLists {
        let insts = order.iter().flat_map(|&func| program.funcs[func].insts.values());
        let (mut counters, mut are_chosen) = (0, false);
        for inst in insts {
            match inst.op {
                Op::Count(Counted::All(list)) => counters += program.counter_lists[list].len(),
                Op::CountAt(..) => are_chosen = true,
                _ => {}
            }
        }
        let are_data = counters > MOST_INLINE;
        CountLists { are_data, are_some: are_data || are_chosen, ..CountLists::default() }
    }

    /// Where a list lies, to be stored in `WALK_RESULT` before `count_list` is called.
    pub(crate) fn place(&mut self, program: &Program, list: CounterList) -> u32 {
        self.place_of(list, false, 1 + program.counter_lists[list].len() as u32)
    }

    /// Where the counters of a list lie alone.
    pub(crate) fn place_alone(&mut self, program: &Program, list: CounterList) -> u32 {
        self.place_of(list, true, program.counter_lists[list].len() as u32)
    }

    fn place_of(&mut self, list: CounterList, is_alone: bool, length: u32) -> u32 {
        *self.places.entry((list, is_alone)).or_insert_with(|| {
            let at = self.used;
            self.used += length;
            at
        })
    }

    /// Fills the map, if there is one.
    pub(crate) fn fill(&self, program: &Program, counters: &Counters, maps: &mut [MapDef]) {
        let Some(map) = maps.iter_mut().find(|map| map.role == role()) else { return };
        let mut lists: Vec<(u32, CounterList, bool)> =
            self.places.iter().map(|(&(list, is_alone), &at)| (at, list, is_alone)).collect();
        lists.sort_unstable();
        let mut numbers: Vec<u32> = Vec::with_capacity(self.used as usize);
        for (_, list, is_alone) in lists {
            let list = &program.counter_lists[list];
            numbers.extend((!is_alone).then_some(list.len() as u32));
            // Every counter that is counted has a slot.
            numbers.extend(list.iter().map(|&counter| {
                counters
                    .slot(counter)
                    .map_or(0, |slot| slot.chunk * RULES_PER_CHUNK + slot.offset / COUNTER_SIZE)
            }));
        }
        map.max_entries = numbers.len().max(1) as u32;
        let entry =
            |(at, number): (u32, u32)| (at.to_ne_bytes().to_vec(), number.to_ne_bytes().to_vec());
        map.initial = (0..).zip(numbers).map(entry).collect();
    }
}

/// The map of lists, which is filled when all counters have their places.
pub(crate) fn map() -> MapDef {
    MapDef { value_size: 4, ..MapDef::new("lists", MapKind::Array, role()) }
}

/// The role of the map of lists.
pub(crate) fn role() -> MapRole {
    MapRole::Object { object: String::new(), part: "counter-lists".into() }
}
