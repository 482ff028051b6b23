//! Tables whose elements packets touch, add and remove, or whose elements go by themselves.

use crate::Run;
use bpfc_ir::{Element, Expiry, FieldDef, Moment, Onward, Table, TableDef, Touch, Words};
use std::collections::BTreeMap;

/// An element that is there.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    /// Its numbers and verdicts; 0 for a state.
    fields: Vec<u128>,
    /// Its states' numbers.
    words: Vec<Words>,
    /// How long it lives once it is updated, in milliseconds; 0 for ever.
    timeout: u64,
    /// When it goes: a tick where all are idle at the same age, else nanoseconds.
    end: u64,
}

/// Nanoseconds of milliseconds, no more than there can be.
fn nanoseconds(milliseconds: u64) -> u64 {
    milliseconds.saturating_mul(1_000_000)
}

impl Live {
    /// One that a packet adds.
    fn new(def: &TableDef, data: &[u128], timeout: u64, now: &Moment) -> Live {
        let mut data = data.iter().copied();
        let fields = def.fields.iter().map(|field| match field {
            FieldDef::Data(_) => data.next().unwrap_or_default(),
            FieldDef::Verdict(_) | FieldDef::State(..) => 0,
        });
        Live {
            fields: fields.collect(),
            words: def.states().map(|kind| kind.start(now)).collect(),
            timeout,
            end: end(def, timeout, now),
        }
    }

    /// One that is there when the program is loaded.
    fn loaded(def: &TableDef, element: &Element, loaded: &Moment) -> Live {
        let fields = def.fields.iter().zip(&element.fields);
        let states = fields.clone().filter_map(|(field, &number)| match field {
            FieldDef::State(kind, _) => Some(kind.begin(number, loaded)),
            FieldDef::Data(_) | FieldDef::Verdict(_) => None,
        });
        let life = element.life;
        Live {
            words: states.collect(),
            fields: fields
                .map(|(field, &number)| match field {
                    FieldDef::State(..) => 0,
                    FieldDef::Data(_) | FieldDef::Verdict(_) => number,
                })
                .collect(),
            timeout: life.map_or(0, |life| life.timeout),
            end: life.map_or(u64::MAX, |life| loaded.nanoseconds + nanoseconds(life.left)),
        }
    }

    /// Whether no packet finds it any more.
    fn is_hidden(&self, def: &TableDef, now: &Moment) -> bool {
        match def.expiry {
            Some(Expiry::Own { .. }) => now.nanoseconds >= self.end,
            _ => self.is_collected(def, now),
        }
    }

    /// Whether its room is free.
    fn is_collected(&self, def: &TableDef, now: &Moment) -> bool {
        let Some(expiry) = def.expiry else { return false };
        match expiry.ticks(now.ticks_per_second) {
            Some(ticks) => ticks.is_gone(self.end, now.ticks),
            None => {
                let collect = expiry.collect_nanoseconds();
                now.nanoseconds - now.nanoseconds % collect >= self.end
            }
        }
    }
}

/// When an element goes that is added or updated now.
fn end(def: &TableDef, timeout: u64, now: &Moment) -> u64 {
    let ticks = def.expiry.and_then(|expiry| expiry.ticks(now.ticks_per_second));
    match (ticks, timeout) {
        (Some(ticks), _) => now.ticks + ticks.idle,
        (None, 0) => u64::MAX,
        (None, timeout) => now.nanoseconds.saturating_add(nanoseconds(timeout)),
    }
}

/// Whether a table's elements are more than its contents say.
fn is_live(def: &TableDef) -> bool {
    let keeps = def.states().next().is_some() || def.expiry.is_some();
    def.is_dynamic || def.is_exact() && keeps
}

impl Run<'_, '_, '_> {
    /// The fields of the element of a key, where there is one. What a state yields is no field of
    /// it.
    pub(crate) fn find(&mut self, table: Table, key: &[u128]) -> Option<Vec<u128>> {
        let program = self.program;
        let def = program.tables.get(table)?;
        let now = self.moment();
        let loaded = *self.environment.loaded.get_or_insert(now);
        if !is_live(def) {
            let found = self.environment.contents.of(table)?.find(key)?;
            let lives = match found.life {
                Some(life) => now.nanoseconds < loaded.nanoseconds + nanoseconds(life.left),
                None => true,
            };
            return lives.then_some(found.fields);
        }
        let live = self.live(table, def).get(key)?;
        (!live.is_hidden(def, &now)).then(|| live.fields.clone())
    }

    /// The fields of the element of a key, once the packet has taken from its states; `None` of
    /// the element where there is none and no room for one. Behind the key stand the numbers of one
    /// that is added.
    pub(crate) fn touch(
        &mut self,
        table: Table,
        touch: Touch,
        values: &[u128],
    ) -> Option<Option<Vec<u128>>> {
        let program = self.program;
        let def = program.tables.get(table)?;
        let now = self.moment();
        let (key, data) = values.split_at_checked(def.key.len())?;
        let all = self.live(table, def);
        all.retain(|_, live| !live.is_collected(def, &now));
        let is_there = all.get(key).is_some_and(|live| !live.is_hidden(def, &now));
        match touch {
            Touch::Existing if !is_there => return Some(None),
            Touch::Existing => {}
            Touch::Add(timeout) | Touch::Update(timeout) if !is_there => {
                if !all.contains_key(key) && all.len() >= def.capacity as usize {
                    return Some(None);
                }
                all.insert(key.to_vec(), Live::new(def, data, timeout.get(), &now));
            }
            Touch::Add(_) => {}
            Touch::Update(timeout) => {
                let live = all.get_mut(key)?;
                live.end = match def.expiry {
                    // One that lives for ever goes on to; others live as long as the rule says.
                    Some(Expiry::Own { .. }) if live.timeout == 0 => live.end,
                    Some(Expiry::Own { .. }) => now.nanoseconds + nanoseconds(timeout.get()),
                    _ => end(def, 0, &now),
                };
            }
        }
        let live = all.get_mut(key)?;
        let mut fields = live.fields.clone();
        let mut words = live.words.iter_mut();
        let mut goes = true;
        for (field, value) in def.fields.iter().zip(&mut fields) {
            let FieldDef::State(kind, onward) = field else { continue };
            let words = words.next()?;
            if goes {
                let yielded = kind.take(words, &now);
                *value = yielded.into();
                goes = Onward::goes(*onward, yielded);
            }
        }
        Some(Some(fields))
    }

    /// Takes an element away.
    pub(crate) fn remove(&mut self, table: Table, key: &[u128]) -> Option<()> {
        let program = self.program;
        self.live(table, program.tables.get(table)?).remove(key);
        Some(())
    }

    /// The elements of a table that are there, those of the start among them.
    fn live(&mut self, table: Table, def: &TableDef) -> &mut BTreeMap<Vec<u128>, Live> {
        let now = self.moment();
        let environment = &mut *self.environment;
        let loaded = *environment.loaded.get_or_insert(now);
        let contents = &environment.contents;
        environment.live.entry(table).or_insert_with(|| {
            let all = contents.of(table).into_iter().flat_map(|all| all.iter());
            all.map(|element| {
                let key = element.key.iter().map(|ends| ends.0).collect();
                (key, Live::loaded(def, &element, &loaded))
            })
            .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{Environment, interpret};
    use bpfc_ir::Hook;
    use bpfc_packet::{Arrival, PacketBuilder};

    /// Whether a packet finds the element of its key at each of these ticks, of 100 a second,
    /// before it does something to it.
    fn found(table: &str, then: &str, contents: &str, ticks: &[u64]) -> Vec<bool> {
        let text = format!(
            "table0 = key i32 capacity 8 {table}
             chain0 = ip \"filter\" \"INPUT\" hook input
             rule0 = chain0 number 1
             counter0 = rule0
             entry input ip: fn0
             fn0 \"filter/INPUT\" ip of chain0 {{
             block0: v0 = load.i32 net+12 v1 = find table0 (v0) v2 = found v1 br v2, block1, block2
             block1: count counter0 @rule0 jump block2
             block2: {then} verdict accept }}
             {contents}"
        );
        let (program, contents) = bpfc_ir::parse(&text).expect("a program");
        assert_eq!(bpfc_ir::verify(&program), Ok(()));
        let mut environment = Environment::new(&program).with_contents(&contents);
        let counter = program.counters.keys().next().expect("a counter");
        let mut all = Vec::new();
        for &ticks in ticks {
            let mut packet = PacketBuilder::ipv4([10, 0, 0, 1], [10, 0, 0, 2]).udp(1, 2).build();
            packet.arrival = Arrival { ticks: 1_000_000 + ticks, ticks_per_second: 100 };
            let before = environment.counter(counter).packets;
            interpret(&program, Hook::Input, &packet, &mut environment).expect("a verdict");
            all.push(environment.counter(counter).packets > before);
        }
        all
    }

    #[test]
    fn elements_go_when_they_are_idle_or_collected() {
        // Two seconds; collections come at whole multiples of five.
        let touch = |how: &str| format!("v3 = touch table0 {how} (v0)");
        let own = |how, ticks| found("dynamic collect 5000", &touch(how), "", ticks);
        let idle = |how, ticks| found("dynamic idle 2000 collect 5000", &touch(how), "", ticks);
        let ticks = &[0, 120, 260, 500];
        assert_eq!(own("add timeout 2000", ticks), [false, true, false, false]);
        assert_eq!(own("update timeout 2000", ticks), [false, true, true, false]);
        assert_eq!(own("update", ticks), [false, true, true, true]);
        assert_eq!(idle("add", ticks), [false, true, true, false]);
        assert_eq!(idle("update", &[0, 120, 499, 501]), [false, true, true, true]);
        assert_eq!(own("existing", ticks), [false; 4]);
        let stays = found("dynamic", &touch("add"), "", &[0, 1, u64::MAX >> 30]);
        assert_eq!(stays, [false, true, true]);
    }

    #[test]
    fn elements_of_the_start_go_and_are_removed() {
        let there = "contents table0 { { 0x0a000001 } }";
        let aging = "contents table0 { { 0x0a000001 timeout 3000 left 1500 } }";
        let ticks = &[0, 100, 200, 400];
        assert_eq!(found("collect 1000", "", there, ticks), [true; 4]);
        assert_eq!(found("collect 1000", "", aging, ticks), [true, true, false, false]);
        let updated = "v3 = touch table0 update timeout 2500 (v0)";
        assert_eq!(found("dynamic collect 1000", updated, aging, ticks), [true; 4]);
        let removed = found("dynamic", "remove table0 (v0)", there, ticks);
        assert_eq!(removed, [true, false, false, false]);
    }
}
