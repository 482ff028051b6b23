//! What states yield: those without a key, and those of elements that packets touch.

use crate::Run;
use crate::query::nanoseconds;
use bpfc_ir::{FieldDef, Moment, State, StateKind, Table, Touch, Words};

/// An element that packets touch: its states' numbers, and from which tick on it is idle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    words: Vec<Words>,
    idle_from: u64,
}

impl Live {
    fn new<'s>(states: impl Iterator<Item = &'s StateKind>, now: &Moment) -> Live {
        Live { words: states.map(|kind| kind.start(now)).collect(), idle_from: 0 }
    }
}

impl Run<'_, '_, '_> {
    fn moment(&self) -> Moment {
        let arrival = self.packet.packet().arrival;
        Moment {
            ticks: arrival.ticks,
            ticks_per_second: arrival.ticks_per_second,
            nanoseconds: nanoseconds(arrival),
            length: self.packet.length(),
        }
    }

    /// Takes from a state; none for one that the program does not define.
    pub(crate) fn take(&mut self, state: State) -> Option<u32> {
        let kind = &self.program.states.get(state)?.kind;
        let now = self.moment();
        Some(kind.take(&mut self.environment.states[state], &now))
    }

    /// The fields of the element of a key, where there is one: given at the start or added by a
    /// packet since. What a state yields is no field of it.
    pub(crate) fn find(&self, table: Table, key: &[u128]) -> Option<Vec<u128>> {
        let def = self.program.tables.get(table)?;
        if let Some(given) = self.environment.contents.of(table).and_then(|all| all.find(key)) {
            return Some(given.fields.clone());
        }
        let added = self.environment.live.get(&(table, key.to_vec()))?;
        let now = self.moment();
        let is_gone = def.expiry.is_some_and(|expiry| {
            expiry.ticks(now.ticks_per_second).is_hidden(added.idle_from, now.ticks)
        });
        (!is_gone).then(|| vec![0; def.fields.len()])
    }

    /// The fields of the element of a key, once the packet has taken from its states; `None` of
    /// the element where there is none and no room for one.
    pub(crate) fn touch(
        &mut self,
        table: Table,
        touch: Touch,
        key: &[u128],
    ) -> Option<Option<Vec<u128>>> {
        let def = self.program.tables.get(table)?;
        let now = self.moment();
        let expiry = def.expiry.map(|expiry| expiry.ticks(now.ticks_per_second));
        let environment = &mut *self.environment;
        let live = &mut environment.live;
        if let Some(expiry) = expiry {
            live.retain(|(of, _), live| *of != table || !expiry.is_gone(live.idle_from, now.ticks));
        }
        let given = environment.contents.of(table);
        let loaded = given.and_then(|all| all.find(key));
        let place = (table, key.to_vec());
        if !live.contains_key(&place) {
            let others = live.keys().filter(|(of, key)| {
                *of == table && given.is_none_or(|given| given.find(key).is_none())
            });
            let used = others.count() + given.map_or(0, |given| given.iter().count());
            let is_new = loaded.is_none();
            if is_new && (touch == Touch::Existing || used >= def.capacity as usize) {
                return Some(None);
            }
        }
        let is_hidden =
            |live: &Live| expiry.is_some_and(|expiry| expiry.is_hidden(live.idle_from, now.ticks));
        let is_old = live.get(&place).is_some_and(is_hidden);
        if is_old && touch == Touch::Existing {
            return Some(None);
        }
        let is_fresh = is_old || !live.contains_key(&place);
        let live = live.entry(place).or_default();
        if is_fresh {
            *live = Live::new(def.states(), &now);
        }
        if is_fresh || touch == Touch::Update {
            live.idle_from = now.ticks + expiry.map_or(0, |expiry| expiry.idle);
        }
        let mut states = live.words.iter_mut();
        let fields = def.fields.iter().enumerate().map(|(at, field)| match field {
            FieldDef::State(kind) => Some(u128::from(kind.take(states.next()?, &now))),
            FieldDef::Data(_) | FieldDef::Verdict(_) => loaded?.fields.get(at).copied(),
        });
        Some(Some(fields.collect::<Option<Vec<u128>>>()?))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Environment, interpret};
    use bpfc_ir::Hook;
    use bpfc_packet::{Arrival, PacketBuilder};

    /// Whether a packet finds the element of its key at each of these ticks, of 100 a second,
    /// before it touches it.
    fn found(expiry: &str, touch: &str, ticks: &[u64]) -> Vec<bool> {
        let text = format!(
            "table0 = key i32 capacity 8 {expiry}
             chain0 = ip \"filter\" \"INPUT\" hook input
             rule0 = chain0 number 1
             counter0 = rule0
             entry input ip: fn0
             fn0 \"filter/INPUT\" ip of chain0 {{
             block0: v0 = load.i32 net+12 v1 = find table0 (v0) v2 = found v1 br v2, block1, block2
             block1: count counter0 @rule0 jump block2
             block2: v3 = touch table0 {touch} (v0) verdict accept }}"
        );
        let (program, _) = bpfc_ir::parse(&text).expect("a program");
        assert_eq!(bpfc_ir::verify(&program), Ok(()));
        let mut environment = Environment::new(&program);
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
        let (hidden, kept) = ("idle 2000 collect 5000 exact", "idle 2000 collect 5000");
        let ticks = [0, 120, 260, 500];
        assert_eq!(found(hidden, "add", &ticks), [false, true, false, false]);
        assert_eq!(found(hidden, "update", &ticks), [false, true, true, false]);
        assert_eq!(found(kept, "add", &ticks), [false, true, true, false]);
        assert_eq!(found(kept, "update", &[0, 120, 499, 501]), [false, true, true, true]);
        assert_eq!(found(hidden, "existing", &ticks), [false; 4]);
        assert_eq!(found("", "add", &[0, 1, u64::MAX >> 30]), [false, true, true]);
    }
}
