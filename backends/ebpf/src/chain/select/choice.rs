//! Counters and numbers that a number chooses from a list, which lies in a map: code that serves
//! many chains, which differ in these alone.

use super::Selector;
use crate::asm::{Alu, FP, Helper, Jump, Label, R0, R1, R2, R7, Reg, Size, Width};
use crate::chain::count_plan;
use crate::chain::counters::{COUNTER_SIZE, RULES_PER_CHUNK};
use crate::emitter::COUNTERS_MAP;
use crate::error::EmitError;
use crate::packet::layout;
use bpfc_artifact::{MapDef, MapIndex, MapKind, MapRole};
use bpfc_ir::{CounterList, Value};

impl Selector<'_, '_> {
    /// Counts the counter at a place of a list, if there is one.
    pub(super) fn count_at(&mut self, list: CounterList, at: Value) -> Result<(), EmitError> {
        let length = self.emitter.program.counter_lists[list].len();
        let begin = self.emitter.count_lists.place_alone(self.emitter.program, list);
        let map = self.emitter.map(&count_plan::role(), count_plan::map);
        let done = self.asm.label();
        self.entry(map, at, begin, length, done)?;
        // Which counter it is outlives the call that finds its chunk.
        self.asm.load(Size::W, R1, R0, 0);
        self.asm.store(Size::W, R7, layout::WALK_RESULT, R1);
        self.asm.alu_imm(Alu::Rsh, Width::W32, R1, RULES_PER_CHUNK.ilog2() as i32);
        self.asm.store(Size::W, FP, KEY, R1);
        self.lookup(COUNTERS_MAP, done);
        self.asm.load(Size::W, R1, R7, layout::WALK_RESULT);
        self.asm.alu_imm(Alu::And, Width::W64, R1, RULES_PER_CHUNK as i32 - 1);
        self.asm.alu_imm(Alu::Mul, Width::W64, R1, COUNTER_SIZE as i32);
        self.asm.alu(Alu::Add, Width::W64, R0, R1);
        let length = |asm: &mut crate::asm::Asm, reg: Reg| {
            asm.load(Size::W, reg, R7, layout::LENGTH);
        };
        self.emitter.count_packet(&mut self.asm, R0, 0, length);
        self.asm.place(done);
        Ok(())
    }

    /// r0 = the number at a place of a list; 0 behind its end.
    pub(super) fn choose(&mut self, numbers: &[u128], at: Value) -> Result<(), EmitError> {
        let map = self.emitter.map(&role(), || MapDef::new("choices", MapKind::Array, role()));
        let begin = self.emitter.choices.len() as u32;
        self.emitter.choices.extend(numbers.iter().map(|&number| number as u64));
        let (none, done) = (self.asm.label(), self.asm.label());
        self.entry(map, at, begin, numbers.len(), none)?;
        self.asm.load(Size::D, R0, R0, 0);
        self.asm.goto(done);
        self.asm.place(none);
        self.asm.mov_imm(R0, 0);
        self.asm.place(done);
        Ok(())
    }

    /// r0 = the entry at a place of a list that begins in an array at `begin`; goes to `none` where
    /// there is none.
    fn entry(
        &mut self,
        map: MapIndex,
        at: Value,
        begin: u32,
        length: usize,
        none: Label,
    ) -> Result<(), EmitError> {
        let at = self.scalar(at, 0)?;
        self.asm.jump_imm(Jump::Ge, Width::W32, at, length as i32, none);
        self.asm.alu_imm(Alu::Add, Width::W64, at, begin as i32);
        self.asm.store(Size::W, FP, KEY, at);
        self.lookup(map, none);
        Ok(())
    }

    /// r0 = the entry of an array by the key in the frame.
    fn lookup(&mut self, map: MapIndex, none: Label) {
        self.asm.map(R1, map);
        self.asm.mov(R2, FP);
        self.asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(KEY));
        self.asm.helper(Helper::MapLookup);
        self.asm.jump_imm(Jump::Eq, Width::W64, R0, 0, none);
    }
}

/// Where a key lies in the frame, as for chunks of counters.
const KEY: i16 = -4;

/// Fills the map of numbers, if there is one.
pub(crate) fn fill(numbers: &[u64], maps: &mut [MapDef]) {
    let Some(map) = maps.iter_mut().find(|map| map.role == role()) else { return };
    (map.value_size, map.max_entries) = (8, numbers.len().max(1) as u32);
    let entry =
        |(at, number): (u32, &u64)| (at.to_ne_bytes().to_vec(), number.to_ne_bytes().to_vec());
    map.initial = (0..).zip(numbers).map(entry).collect();
}

/// The role of the map of numbers.
fn role() -> MapRole {
    MapRole::Object { object: String::new(), part: "choices".into() }
}
