//! Asking sets (net/netfilter/ipset): the functions that look a
//! packet's element up, add it or delete it.
//!
//! [`bpfc_artifact::SetState`] says how a set lies in maps. In a function r6 is the map with the
//! elements, r7 the packet, r8 what belongs to the slot in the set's state, r9 an index. The key
//! is built on the stack. Needs Linux 5.7, for maps of maps of any number of entries.

mod change;
mod key;
pub(crate) mod plan;
mod test;

use crate::asm::{Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R6, R7, R8, Size, Width};
use crate::emitter::Emitter;
use crate::error::EmitError;
use crate::query::set::plan::SetPlace;
use bpfc_artifact::{FunctionIndex, FunctionKind, SetState};
use bpfc_ipset::{Layout, Set, SetDef};
use bpfc_ir::{Object, SetInfo, SetQuery};
use std::sync::Arc;

/// The slot's number, on the stack.
const SLOT: i16 = -8;
/// A value's address that outlives a call.
const VALUE: i16 = -16;
/// The index of an inner loop.
const INDEX: i16 = -24;
/// Whether an element had the packet's network and interface.
const MET: i16 = -72;
/// The key, 40 bytes.
const KEY: i16 = -64;

pub(super) fn emit(
    emitter: &mut Emitter<'_>,
    object: Object,
    set: &Arc<Set>,
    query: &SetQuery,
) -> Result<FunctionIndex, EmitError> {
    let place = emitter.sets.place(object);
    let choose = match query {
        SetQuery::Add { .. } if set.def.options.force_add => {
            Some(change::choose(emitter, set.def.layout())?)
        }
        _ => None,
    };
    let mut asm = Asm::new();
    let miss = asm.label();
    let mut code = Code {
        asm,
        layout: set.def.layout(),
        state: SetState::of(&set.def),
        def: &set.def,
        place,
        miss,
        asked: query.info(),
    };
    let what = match query {
        SetQuery::Add { .. } => "add to",
        SetQuery::Delete => "delete from",
        _ => "look up in",
    };
    emitter.mark_line(&mut code.asm, None, &format!("{what} set {}", set.def.name));
    code.prologue();
    let argument = |index: usize| emitter.layout.argument(index).unwrap_or(0);
    match query {
        SetQuery::Test(test) | SetQuery::Info(_, test) => code.test(test, &argument),
        SetQuery::Member(position)
        | SetQuery::Hit(position, _)
        | SetQuery::MemberInfo(position, _) => {
            let key = set.iter().nth(*position as usize).map_or(&[][..], |(key, _)| key);
            let test = match query {
                SetQuery::Hit(_, test) => Some(test),
                _ => None,
            };
            code.member(key, test, &argument);
        }
        SetQuery::Add { exist, timeout } => code.add(*exist, *timeout, choose, &argument),
        SetQuery::Delete => code.delete(&argument),
    }
    code.missed(&argument);
    let asm = code.asm;
    emitter.add(asm, "set", FunctionKind::Chain)
}

/// A query's function while it is emitted.
struct Code<'a> {
    asm: Asm,
    def: &'a SetDef,
    layout: Layout,
    state: SetState,
    place: SetPlace,
    /// Where the answer is no.
    miss: Label,
    /// What of an element is the answer; 1 where it is nothing.
    asked: Option<SetInfo>,
}

/// Where an argument lies in the packet structure.
type Argument<'a> = &'a dyn Fn(usize) -> i16;

impl Code<'_> {
    /// r6 = the map with the elements, r7 = the packet, r8 = the lists of the slot.
    fn prologue(&mut self) {
        let miss = self.miss;
        let asm = &mut self.asm;
        asm.mov(R7, R2);
        asm.jump_imm(Jump::Eq, Width::W64, R7, 0, miss);
        asm.map_value(R8, self.place.state, self.place.offset);
        asm.load(Size::W, R1, R8, SetState::SLOT as i16);
        asm.store(Size::W, FP, SLOT, R1);
        if self.state.area > 0 {
            asm.alu_imm(Alu::And, Width::W64, R1, 1);
            asm.alu_imm(Alu::Mul, Width::W64, R1, self.state.area as i32);
            asm.alu_imm(Alu::Add, Width::W64, R8, self.state.lists as i32);
            asm.alu(Alu::Add, Width::W64, R8, R1);
        }
        asm.map(R1, self.place.elements);
        asm.mov(R2, FP);
        asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(SLOT));
        asm.helper(Helper::MapLookup);
        asm.jump_imm(Jump::Eq, Width::W64, R0, 0, miss);
        asm.mov(R6, R0);
    }

    /// Ends the function where the answer is no: 0, or the packet's own mark.
    fn missed(&mut self, argument: Argument<'_>) {
        let own = self.arguments(argument).own;
        let asm = &mut self.asm;
        asm.place(self.miss);
        asm.mov_imm(R0, 0);
        if self.asked == Some(SetInfo::Mark) {
            let null = asm.label();
            asm.jump_imm(Jump::Eq, Width::W64, R7, 0, null);
            asm.load(Size::W, R0, R7, own);
            asm.place(null);
        }
        asm.exit();
    }

    /// r0 = the value of the element whose key is on the stack, 0 where there is none.
    fn lookup(&mut self) {
        let asm = &mut self.asm;
        asm.mov(R1, R6);
        asm.mov(R2, FP);
        asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(KEY));
        asm.helper(Helper::MapLookup);
    }

    /// Goes to `dead` where the element of the value r0 has expired. r1 and r2 are clobbered.
    fn check_alive(&mut self, dead: Label) {
        let Some(at) = self.layout.timeout else { return };
        let alive = self.asm.label();
        let asm = &mut self.asm;
        asm.load(Size::D, R1, R0, at as i16);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, alive);
        asm.store(Size::D, FP, VALUE, R0);
        asm.helper(Helper::Nanoseconds);
        asm.mov(R2, R0);
        asm.load(Size::D, R0, FP, VALUE);
        asm.load(Size::D, R1, R0, at as i16);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, alive);
        asm.jump(Jump::Le, Width::W64, R1, R2, dead);
        asm.place(alive);
    }
}
