//! State shared by all code emission: the functions so far, names, counters, and which shared
//! functions (scans, walks, lookups) exist already.

use crate::asm::{Alu, Asm, Jump, Label, R0, R1, R2, R6, R7, Reg, Size, Width};
use crate::chain::count_plan::CountLists;
use crate::chain::counters::Counters;
use crate::chain::outcome;
use crate::chain::segment::Segments;
use crate::error::EmitError;
use crate::packet::layout;
use crate::query::set::plan::SetPlan;
use crate::routine::Routine;
use crate::table::plan::Tables;
use crate::target::{Addressee, KNOWN, Rewrites, SCRATCH_SIZE, Target};
use crate::{Needs, PacketLayout, names};
use bpfc_artifact::log::Site;
use bpfc_artifact::{Function, FunctionIndex, FunctionKind, MapDef, MapIndex, MapKind, MapRole};
use bpfc_ir::{Func, Origin, Program, Rule, State, Table};
use cranelift_entity::{PrimaryMap, SecondaryMap};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;
use std::sync::Arc;

/// Where a rule stands, for line information.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub(crate) file: u32,
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) text: Arc<str>,
}

/// State shared by all code emission.
pub(crate) struct Emitter<'a> {
    pub(crate) target: &'a dyn Target,
    pub(crate) layout: PacketLayout,
    pub(crate) needs: Needs,
    pub(crate) counters: Counters,
    /// Where lists of counters lie.
    pub(crate) count_lists: CountLists,
    /// The lists of numbers that numbers choose from, one after another.
    pub(crate) choices: Vec<u64>,
    /// Counters first: their sizes are known at the end.
    pub(crate) maps: Vec<MapDef>,
    /// Functions; none yet for routines that are pending.
    pub(crate) functions: Vec<Option<Function>>,
    pub(crate) names: names::Names,
    /// How each chain that was emitted is called.
    pub(crate) chains: BTreeMap<Func, ChainCode>,
    /// How chains are cut.
    pub(crate) segments: &'a SecondaryMap<Func, CutChain>,
    /// The base chains that are parts of main functions instead, where frames have room.
    pub(crate) parts_of_main: BTreeSet<Func>,
    /// The functions that chains and main share, by what they do.
    pub(crate) routines: BTreeMap<Routine, FunctionIndex>,
    /// Those of them that have no code yet.
    pub(crate) pending: VecDeque<(Routine, FunctionIndex)>,
    /// Whether a program remembers addresses of devices, and how it asks whom a frame is for.
    pub(crate) remembers: bool,
    pub(crate) addressee: Option<Addressee>,
    pub(crate) places: PrimaryMap<Rule, Place>,
    pub(crate) program: &'a Program,
    /// Where sets lie.
    pub(crate) sets: SetPlan,
    /// Where tables lie.
    pub(crate) tables: Tables,
    /// Programs that serve whoever loads the artifact.
    pub(crate) services: Vec<bpfc_artifact::Program>,
    /// Sampling rate: one packet in N is traced, from its first rule on.
    pub(crate) trace_one_in: Option<u32>,
    /// What log records may say, by number.
    pub(crate) sites: Vec<Site>,
}

/// Begins a function `int f(ctx, packet)`: r6 = context, r7 = packet; jumps to `null` without a
/// packet, which the verifier wants asked.
pub(crate) fn begin(asm: &mut Asm, null: Label) {
    asm.mov(R6, R1);
    asm.mov(R7, R2);
    asm.jump_imm(Jump::Eq, Width::W64, R7, 0, null);
}

/// Calls such a function from another, or from main. Clobbers r0 to r5.
pub(crate) fn call(asm: &mut Asm, function: FunctionIndex) {
    asm.mov(R1, R6);
    asm.mov(R2, R7);
    asm.call(function);
}

/// How a chain is called.
#[derive(Clone, Debug)]
pub(crate) enum ChainCode {
    /// Functions, one after another while each says that the next is to follow.
    Sequence(Vec<FunctionIndex>),
    /// Functions, of which each says at which entry of a later one control continues; each with
    /// the number behind its last entry.
    Graph(Vec<(FunctionIndex, i32)>),
}

impl ChainCode {
    /// Its functions.
    pub(crate) fn count(&self) -> usize {
        match self {
            ChainCode::Sequence(functions) => functions.len(),
            ChainCode::Graph(functions) => functions.len(),
        }
    }
}

/// A chain in segments.
#[derive(Clone, Debug, Default)]
pub(crate) struct CutChain {
    pub(crate) segments: Segments,
    /// Where its values lie that are carried, from where all such values begin.
    pub(crate) carried_at: i16,
}

/// Calls a chain; its outcome is in r0.
pub(crate) fn call_chain(emitter: &Emitter<'_>, asm: &mut Asm, func: Func) {
    call_parts(asm, &emitter.chains[&func]);
}

/// Calls the functions of a chain.
pub(crate) fn call_parts(asm: &mut Asm, code: &ChainCode) {
    let done = asm.label();
    match code {
        ChainCode::Sequence(functions) => {
            for (i, &function) in functions.iter().enumerate() {
                call(asm, function);
                if i + 1 < functions.len() {
                    asm.jump_imm(Jump::Ne, Width::W32, R0, outcome::NEXT, done);
                }
            }
        }
        ChainCode::Graph(functions) => {
            let mut skip = None;
            for (i, &(function, end)) in functions.iter().enumerate() {
                if i > 0 {
                    asm.jump_imm(Jump::Lt, Width::W32, R0, outcome::ENTRY, done);
                    if let Some(skip) = skip {
                        asm.place(skip);
                    }
                    let behind = asm.label();
                    if i + 1 < functions.len() {
                        asm.jump_imm(Jump::Ge, Width::W32, R0, outcome::ENTRY + end, behind);
                        skip = Some(behind);
                    }
                    asm.store(Size::W, R7, layout::WALK_RESULT, R0);
                }
                call(asm, function);
            }
        }
    }
    asm.place(done);
}

/// The map of counters.
pub(crate) const COUNTERS_MAP: MapIndex = MapIndex(0);
/// Bytes of a state's or object's cell.
const CELL_SIZE: u32 = 8;

/// Rules that a line of code shows, besides two.
const MOST_TEXTS: usize = 30;

impl<'a> Emitter<'a> {
    /// How the target writes packets.
    pub(crate) fn rewrites(&self) -> Result<&'a dyn Rewrites, EmitError> {
        self.has(self.target.rewrites(), "writing packets")
    }

    /// What the target has for something that a rule asks for.
    pub(crate) fn has<T>(&self, way: Option<T>, of: &'static str) -> Result<T, EmitError> {
        way.ok_or_else(|| EmitError::Lacks(self.target.name(), of))
    }

    /// The map of a role, made when it is first asked for.
    pub(crate) fn map(&mut self, role: &MapRole, make: impl FnOnce() -> MapDef) -> MapIndex {
        let found = self.maps.iter().position(|map| map.role == *role);
        let index = found.unwrap_or_else(|| {
            self.maps.push(make());
            self.maps.len() - 1
        });
        MapIndex(index as u32)
    }

    /// The cells of states and, behind them, of tables and of addresses: a u64 each,
    /// zero at load, shared by all processors.
    fn cells(&mut self) -> MapIndex {
        let known = if self.remembers { KNOWN as usize } else { 0 };
        let cells = self.cells_before_addresses() + known;
        self.map(&MapRole::RuleState, || MapDef {
            value_size: cells.max(1) as u32 * CELL_SIZE,
            ..MapDef::new("state", MapKind::Array, MapRole::RuleState)
        })
    }

    fn cells_before_addresses(&self) -> usize {
        self.program.states.len() + self.program.tables.len()
    }

    /// `dst` = the address of a state's cell.
    pub(crate) fn state_cell(&mut self, asm: &mut Asm, dst: Reg, state: State) {
        let map = self.cells();
        asm.map_value(dst, map, state.as_u32() * CELL_SIZE);
    }

    /// The map and the offset in its value where the addresses of devices are remembered.
    pub(crate) fn known_addresses(&mut self) -> (MapIndex, u32) {
        (self.cells(), self.cells_before_addresses() as u32 * CELL_SIZE)
    }

    /// `dst` = the address of a table's cell.
    pub(crate) fn table_cell(&mut self, asm: &mut Asm, dst: Reg, table: Table) {
        let map = self.cells();
        let cell = self.program.states.len();
        asm.map_value(dst, map, (cell as u32 + table.as_u32()) * CELL_SIZE);
    }

    /// Adds a packet to the counters at an offset from `base`, which is neither r1 nor r2: those
    /// are clobbered. `length` loads its length.
    pub(crate) fn count_packet(
        &self,
        asm: &mut Asm,
        base: Reg,
        offset: i16,
        length: impl FnOnce(&mut Asm, Reg),
    ) {
        if self.target.is_reentrant() {
            asm.mov_imm(R1, 1);
            asm.atomic_add(base, offset, R1);
            length(asm, R1);
            asm.atomic_add(base, offset + 8, R1);
        } else {
            asm.load(Size::D, R1, base, offset);
            asm.alu_imm(Alu::Add, Width::W64, R1, 1);
            asm.store(Size::D, base, offset, R1);
            length(asm, R2);
            asm.load(Size::D, R1, base, offset + 8);
            asm.alu(Alu::Add, Width::W64, R1, R2);
            asm.store(Size::D, base, offset + 8, R1);
        }
    }

    /// Notes that the instructions from here on come from a rule, or do what `text` says.
    pub(crate) fn mark_line(&self, asm: &mut Asm, origin: Option<Origin>, text: &str) {
        let mut places = origin
            .into_iter()
            .flat_map(|origin| origin.rules(self.program).filter_map(|rule| self.places.get(rule)));
        match (places.next(), places.next()) {
            (Some(place), None) => asm.line(place.file, place.line, place.column, &place.text),
            (Some(place), Some(next)) => {
                // Thousands of chains may have become one piece of code.
                let mut texts = vec![&*place.text, &*next.text];
                texts.extend(places.by_ref().take(MOST_TEXTS).map(|place| &*place.text));
                let further = places.count();
                let mut text = texts.join("; ");
                if further > 0 {
                    let _ = write!(text, "; and {further} more");
                }
                asm.line(place.file, place.line, place.column, &text.into());
            }
            (None, _) => {
                asm.line(0, 0, 0, &if text.is_empty() { "chain" } else { text }.into());
            }
        }
    }

    /// Ends a function and takes it in, under a name of its own that begins as wanted.
    pub(crate) fn add(
        &mut self,
        asm: Asm,
        wanted: &str,
        kind: FunctionKind,
    ) -> Result<FunctionIndex, EmitError> {
        let name = self.name(wanted);
        let size = self.layout.size() as u32;
        let function = asm.finish(name, kind, self.target.kind(), size)?;
        Ok(self.push(function))
    }

    /// A function `fetch(ctx, offset, to, bytes)` that does what [`Target::fetch`] says.
    pub(crate) fn emit_fetch(&mut self) -> Result<FunctionIndex, EmitError> {
        let mut asm = Asm::new();
        self.mark_line(&mut asm, None, "fetch bytes of the packet");
        asm.mov(R6, R1);
        self.target.fetch(&mut asm, -SCRATCH_SIZE);
        asm.exit();
        self.add(asm, "fetch", FunctionKind::Static { arguments: 4 })
    }

    /// The function of a routine, which has code when [`Emitter::finish`] is done.
    pub(crate) fn routine(&mut self, routine: Routine) -> FunctionIndex {
        if let Some(&known) = self.routines.get(&routine) {
            return known;
        }
        self.functions.push(None);
        let index = FunctionIndex(self.functions.len() as u32 - 1);
        self.routines.insert(routine.clone(), index);
        self.pending.push_back((routine, index));
        index
    }

    /// Emits what is pending, and what that asks for. `emit` adds a routine's function last.
    pub(crate) fn finish(
        &mut self,
        emit: impl Fn(&mut Self, &Routine) -> Result<FunctionIndex, EmitError>,
    ) -> Result<(), EmitError> {
        while let Some((routine, index)) = self.pending.pop_front() {
            let emitted = emit(self, &routine)?;
            debug_assert_eq!(emitted.0 as usize + 1, self.functions.len());
            self.functions[index.0 as usize] = self.functions.pop().flatten();
        }
        Ok(())
    }

    pub(crate) fn push(&mut self, function: Function) -> FunctionIndex {
        self.functions.push(Some(function));
        FunctionIndex(self.functions.len() as u32 - 1)
    }

    pub(crate) fn name(&mut self, wanted: &str) -> String {
        self.names.unique(wanted)
    }
}
