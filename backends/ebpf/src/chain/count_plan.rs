//! Which lists of counters are data, and where they lie (`count_list`).

use crate::chain::counters::{COUNTER_SIZE, Counters, RULES_PER_CHUNK};
use bpfc_artifact::{MapDef, MapRole};
use bpfc_ir::{Counted, CounterList, Func, Op, Program};
use std::collections::BTreeMap;

/// Counters of lists, in all of a program, that are counted where they stand.
const MOST_INLINE: usize = 1_024;

/// Where lists lie that are data.
#[derive(Debug, Default)]
pub(crate) struct CountLists {
    /// Each list's place, in numbers from the map's first.
    places: BTreeMap<CounterList, u32>,
    /// Numbers in the map.
    used: u32,
    /// Whether any are.
    pub(crate) are_data: bool,
}

impl CountLists {
    /// Decides whether the lists of a program are data.
    pub(crate) fn new(program: &Program, order: &[Func]) -> CountLists {
        let insts = order.iter().flat_map(|&func| program.funcs[func].insts.values());
        let counters = insts.map(|inst| match inst.op {
            Op::Count(Counted::All(list)) => program.counter_lists[list].len(),
            _ => 0,
        });
        CountLists { are_data: counters.sum::<usize>() > MOST_INLINE, ..CountLists::default() }
    }

    /// Where a list lies, to be stored in `WALK_RESULT` before `count_list` is called.
    pub(crate) fn place(&mut self, program: &Program, list: CounterList) -> u32 {
        *self.places.entry(list).or_insert_with(|| {
            let at = self.used;
            self.used += 1 + program.counter_lists[list].len() as u32;
            at
        })
    }

    /// Fills the map, if there is one.
    pub(crate) fn fill(&self, program: &Program, counters: &Counters, maps: &mut [MapDef]) {
        let Some(map) = maps.iter_mut().find(|map| map.role == role()) else { return };
        let mut lists: Vec<(u32, CounterList)> =
            self.places.iter().map(|(&list, &at)| (at, list)).collect();
        lists.sort_unstable();
        let mut numbers: Vec<u32> = Vec::with_capacity(self.used as usize);
        for (_, list) in lists {
            let list = &program.counter_lists[list];
            numbers.push(list.len() as u32);
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

/// The role of the map of lists.
pub(crate) fn role() -> MapRole {
    MapRole::Object { object: String::new(), part: "counter-lists".into() }
}
