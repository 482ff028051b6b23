//! What emitting functions needs and fills: the functions so far, names, counters, and which
//! shared functions (scans, walks, lookups) exist already.

use crate::asm::Asm;
use crate::counters::Counters;
use crate::target::{ConntrackSource, Target};
use crate::{Needs, PacketLayout, names};
use bpfc_artifact::{Function, FunctionIndex, MapIndex};
use bpfc_ir::{Family, Func, Rule, Scan};
use std::collections::BTreeMap;

/// Where a rule stands, for line information.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) file: u32,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) text: String,
}

/// What emitting functions needs and fills.
pub(crate) struct Emitter<'a> {
    pub(crate) target: &'a dyn Target,
    pub(crate) layout: PacketLayout,
    pub(crate) needs: Needs,
    pub(crate) counters: Counters,
    pub(crate) counters_map: MapIndex,
    pub(crate) functions: Vec<Function>,
    pub(crate) names: names::Names,
    /// The functions of each chain that was emitted, to be called in order.
    pub(crate) chains: BTreeMap<Func, Vec<FunctionIndex>>,
    pub(crate) scans: BTreeMap<Scan, FunctionIndex>,
    pub(crate) walk: Option<FunctionIndex>,
    pub(crate) connections: Vec<(ConntrackSource, Family, FunctionIndex)>,
    pub(crate) places: BTreeMap<Rule, Place>,
    pub(crate) states_used: bool,
    pub(crate) state_starts: Vec<u64>,
}

impl Emitter<'_> {
    /// The map of state across packets.
    pub(crate) fn state_map(&mut self) -> MapIndex {
        self.states_used = true;
        MapIndex(1)
    }

    /// The number that a state starts from.
    pub(crate) fn state_start(&self, state: bpfc_ir::State) -> u64 {
        self.state_starts[state.as_u32() as usize]
    }

    /// Notes that the instructions from here on come from a rule, or do what `text` says.
    pub(crate) fn mark_line(&self, asm: &mut Asm, rule: Option<Rule>, text: &str) {
        match rule.and_then(|rule| self.places.get(&rule)) {
            Some(place) => asm.line(place.file, place.line, place.column, &place.text),
            None => asm.line(0, 0, 0, if text.is_empty() { "chain" } else { text }),
        }
    }

    pub(crate) fn push(&mut self, function: Function) -> FunctionIndex {
        self.functions.push(function);
        FunctionIndex(self.functions.len() as u32 - 1)
    }

    pub(crate) fn name(&mut self, wanted: &str) -> String {
        self.names.unique(wanted)
    }
}
