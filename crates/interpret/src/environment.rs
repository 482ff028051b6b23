//! What outlives a packet: counters, states, the source of random numbers.

use crate::connections::Counted;
use crate::recent::Seen;
use crate::table::Live;
use bpfc_ipset::State as SetState;
use bpfc_ir::{
    Contents, Counter, HostFact, Moment, Object, ObjectKind, Program, State, StateKind, Table,
    Words,
};
use cranelift_entity::SecondaryMap;
use std::collections::{BTreeMap, BTreeSet};

/// What a counter has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    /// Packets.
    pub packets: u64,
    /// Bytes by the IP length.
    pub bytes: u64,
}

/// The world of one loaded program, between packets.
pub struct Environment<'r> {
    counters: SecondaryMap<Counter, Counts>,
    pub(crate) states: SecondaryMap<State, Words>,
    pub(crate) objects: SecondaryMap<Object, Option<ObjectKind>>,
    /// The elements of tables that packets touch, or that go by themselves, by key.
    pub(crate) live: BTreeMap<Table, BTreeMap<Vec<u128>, Live>>,
    /// When the first packet came: the program counts as loaded then.
    pub(crate) loaded: Option<Moment>,
    /// Connections that are counted, by address.
    pub(crate) counted: BTreeMap<(Object, u128), Counted>,
    /// Lists of seen addresses, from the first question on.
    pub(crate) seen: SecondaryMap<Object, Seen>,
    /// Sets from the first packet on that asks them.
    pub(crate) sets: SecondaryMap<Object, Option<Box<SetState>>>,
    /// What is in tables.
    pub(crate) contents: Contents,
    /// What is known of the host; none for everything.
    known: Option<BTreeSet<HostFact>>,
    random: Box<dyn FnMut() -> u32 + 'r>,
}

impl std::fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment")
            .field("counters", &self.counters)
            .field("states", &self.states)
            .finish_non_exhaustive()
    }
}

impl<'r> Environment<'r> {
    /// Counters at 0, states at their start, and random numbers from a fixed seed.
    pub fn new(program: &Program) -> Self {
        let mut seed = 0u64;
        Self::with_random(program, move || {
            // SplitMix64 (Steele, Lea, Flood 2014); its upper half.
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((mixed ^ mixed >> 31) >> 32) as u32
        })
    }

    /// As [`Environment::new`], with random numbers of the caller's.
    pub fn with_random(program: &Program, random: impl FnMut() -> u32 + 'r) -> Self {
        let mut states: SecondaryMap<State, Words> = SecondaryMap::new();
        for (state, def) in program.states.iter() {
            if let StateKind::Cycle { start, .. } = def.kind {
                states[state][0] = start.into();
            }
        }
        let mut objects = SecondaryMap::new();
        for (object, def) in program.objects.iter() {
            objects[object] = Some(def.kind.clone());
        }
        Environment {
            counters: SecondaryMap::new(),
            states,
            objects,
            live: BTreeMap::new(),
            loaded: None,
            counted: BTreeMap::new(),
            seen: SecondaryMap::new(),
            sets: SecondaryMap::new(),
            contents: Contents::default(),
            known: None,
            random: Box::new(random),
        }
    }

    /// With no more of the host known than this: an instruction that asks for more is
    /// [`Fault::Unknown`](crate::Fault::Unknown). Otherwise the packet's facts count as all there
    /// is.
    pub fn knowing(mut self, facts: BTreeSet<HostFact>) -> Self {
        self.known = Some(facts);
        self
    }

    /// With these elements in the program's tables, which are empty otherwise.
    pub fn with_contents(mut self, contents: &Contents) -> Self {
        self.contents = contents.clone();
        self
    }

    pub(crate) fn knows(&self, fact: HostFact) -> bool {
        self.known.as_ref().is_none_or(|known| known.contains(&fact))
    }

    /// What a counter has counted so far.
    pub fn counter(&self, counter: Counter) -> Counts {
        self.counters[counter]
    }

    pub(crate) fn count(&mut self, counter: Counter, bytes: u32) {
        let counts = &mut self.counters[counter];
        counts.packets += 1;
        counts.bytes += u64::from(bytes);
    }

    pub(crate) fn random(&mut self) -> u32 {
        (self.random)()
    }
}
