//! The bodies of the loops: one step of a walk over a list, one attempt at a lock, one of the
//! lists of a lock.

use super::{
    BEFORE, CONTEXT, COUNT, CURRENT, Code, ENTRY, FIRST, FRAME, GRACE, HEAD, KEY, LIST, LOCK,
    MAX_COLLECT, NEXT, NEXT_LIST, NOW, OPTIONS, OUTCOME, PATIENCE, PREVIOUS, PROTOCOL, REMOVED,
    ROOM, SCRATCH, SEARCH, SLOT, STATE, TAIL, TICK, TUPLE, TUPLE_SIZE, WALKED, WALKED_COUNT,
    begin_walk, copy_key, packet, scratch, state, try_lock,
};
use crate::asm::{
    Alu, Asm, Helper, Jump, Label, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, Reg, Size, Width,
};
use crate::emitter::Emitter;
use crate::error::EmitError;
use bpfc_artifact::{FunctionIndex, FunctionKind};

/// A place of the frame as the bodies see it: they are handed where it begins.
const fn at(place: i16) -> i16 {
    place - FRAME
}

/// The bodies, by what they do.
pub(super) struct Bodies {
    /// Looks at one connection of a list.
    pub step: FunctionIndex,
    /// Tries to take the lock.
    pub wait: FunctionIndex,
    /// Looks through one list.
    pub sweep: FunctionIndex,
}

impl Bodies {
    pub fn emit(emitter: &mut Emitter<'_>, code: &Code) -> Result<Bodies, EmitError> {
        let step = code.step(emitter)?;
        Ok(Bodies { step, wait: wait(emitter)?, sweep: code.sweep_list(emitter, step)? })
    }
}

fn finish(
    emitter: &mut Emitter<'_>,
    asm: Asm,
    name: &str,
    kind: FunctionKind,
) -> Result<FunctionIndex, EmitError> {
    let name = emitter.name(name);
    let size = emitter.layout.size() as u32;
    let function = asm.finish(name, kind, emitter.target.kind(), size)?;
    Ok(emitter.push(function))
}

/// One attempt: 0 to try again, 1 when the lock is taken.
fn wait(emitter: &mut Emitter<'_>) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    let again = asm.label();
    emitter.mark_line(&mut asm, None, "wait for connections that another processor counts");
    asm.mov(R9, R2);
    // Waiting disturbs nobody as long as it only reads.
    asm.load(Size::D, R1, R9, at(SLOT));
    asm.load(Size::D, R0, R1, LOCK);
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, again);
    try_lock(&mut asm, R9, at(0));
    asm.jump_imm(Jump::Ne, Width::W64, R0, 0, again);
    asm.load(Size::D, R1, R9, at(SCRATCH));
    asm.store_imm(Size::D, R1, OUTCOME, 1);
    asm.mov_imm(R0, 1);
    asm.exit();
    asm.place(again);
    asm.mov_imm(R0, 0);
    asm.exit();
    finish(emitter, asm, "wait_for_lock", FunctionKind::LoopBody)
}

impl Code {
    /// One connection: 0 to go on, 1 when done. r6 = what is worked on, r7 = the connection, r8 =
    /// its protocol, then whether it is over, r9 = the frame.
    fn step(&self, emitter: &mut Emitter<'_>) -> Result<FunctionIndex, EmitError> {
        let mut asm = Asm::new();
        let [few, absent, other, live, remove, exists, next, stop] =
            std::array::from_fn(|_| asm.label());
        emitter.mark_line(&mut asm, None, "look at a connection that was counted");
        asm.mov(R9, R2);
        asm.load(Size::D, R6, R9, at(SCRATCH));
        asm.load(Size::D, R1, R6, CURRENT);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, stop);
        asm.load(Size::D, R1, R6, SEARCH);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, few);
        removed(&mut asm);
        asm.jump_imm(Jump::Gt, Width::W64, R1, MAX_COLLECT, stop);
        asm.place(few);
        self.entry(&mut asm, CURRENT);
        asm.jump_imm(Jump::Eq, Width::W64, R0, 0, stop);
        asm.mov(R7, R0);
        asm.load(Size::B, R8, R7, PROTOCOL);
        asm.mov(R3, R7);
        asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(TUPLE));
        self.look_up(&mut asm, R9, at(0));
        asm.jump_imm(Jump::Eq, Width::W64, R0, 0, absent);
        packet::is_over(&mut asm);
        asm.load(Size::D, R1, R6, SEARCH);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, other);
        compare(&mut asm, other);
        asm.jump_imm(Jump::Eq, Width::W64, R8, 0, exists);
        // One that is over is the packet's own unless the packet begins it anew.
        asm.load(Size::D, R1, R6, STATE);
        asm.jump_imm(Jump::Ne, Width::W64, R1, state::FRESH, exists);
        asm.place(other);
        asm.jump_imm(Jump::Ne, Width::W64, R8, 0, remove);
        asm.goto(live);

        asm.place(absent);
        asm.load(Size::W, R1, R6, NOW);
        asm.load(Size::W, R2, R7, TICK);
        asm.alu(Alu::Sub, Width::W32, R1, R2);
        asm.jump_imm(Jump::Ge, Width::W32, R1, GRACE, remove);
        asm.load(Size::D, R1, R6, SEARCH);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, next);
        compare(&mut asm, next);
        asm.place(exists);
        asm.store_imm(Size::D, R6, OUTCOME, 1);
        asm.goto(stop);

        asm.place(live);
        removed(&mut asm);
        asm.jump_imm(Jump::Gt, Width::W64, R1, MAX_COLLECT, stop);
        asm.place(next);
        asm.load(Size::D, R1, R6, CURRENT);
        asm.store(Size::D, R6, PREVIOUS, R1);
        asm.load(Size::D, R1, R7, NEXT);
        asm.store(Size::D, R6, CURRENT, R1);
        asm.mov_imm(R0, 0);
        asm.exit();
        asm.place(remove);
        self.remove(&mut asm);
        asm.mov_imm(R0, 0);
        asm.exit();
        asm.place(stop);
        asm.mov_imm(R0, 1);
        asm.exit();
        finish(emitter, asm, "connections_step", FunctionKind::LoopBody)
    }

    /// r0 = the connection whose number lies at a place, or 0.
    fn entry(&self, asm: &mut Asm, place: i16) {
        asm.map(R1, self.entries);
        scratch(asm, R2, place);
        asm.helper(Helper::MapLookup);
    }

    /// Takes the connection r7 out of its list, and goes on to the next.
    fn remove(&self, asm: &mut Asm) {
        let [first, linked, inner] = std::array::from_fn(|_| asm.label());
        asm.load(Size::D, R8, R7, NEXT);
        asm.load(Size::D, R1, R6, PREVIOUS);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, first);
        self.entry(asm, PREVIOUS);
        asm.jump_imm(Jump::Eq, Width::W64, R0, 0, linked);
        asm.store(Size::D, R0, NEXT, R8);
        asm.goto(linked);
        asm.place(first);
        asm.load(Size::D, R1, R9, at(LIST));
        asm.store(Size::D, R1, HEAD, R8);
        asm.place(linked);
        asm.load(Size::D, R1, R9, at(LIST));
        asm.jump_imm(Jump::Ne, Width::W64, R8, 0, inner);
        asm.load(Size::D, R2, R6, PREVIOUS);
        asm.store(Size::D, R1, TAIL, R2);
        asm.place(inner);
        asm.load(Size::D, R2, R1, COUNT);
        asm.alu_imm(Alu::Sub, Width::W64, R2, 1);
        asm.store(Size::D, R1, COUNT, R2);
        asm.load(Size::D, R1, R9, at(SLOT));
        asm.load(Size::D, R2, R1, REMOVED);
        asm.alu_imm(Alu::Add, Width::W64, R2, 1);
        asm.store(Size::D, R1, REMOVED, R2);
        asm.map(R1, self.entries);
        scratch(asm, R2, CURRENT);
        asm.helper(Helper::MapDelete);
        asm.store(Size::D, R6, CURRENT, R8);
    }

    /// r0 = the entry of the tuple at r3, of protocol r8, or 0; `base` and `below` say where the
    /// frame lies. Clobbers r1 to r5.
    pub fn look_up(&self, asm: &mut Asm, base: Reg, below: i16) {
        // netns_id = BPF_F_CURRENT_NETNS, error, l4proto, dir, reserved.
        asm.store_imm(Size::W, R6, OPTIONS, -1);
        asm.store_imm(Size::W, R6, OPTIONS + 4, 0);
        asm.store_imm(Size::W, R6, OPTIONS + 8, 0);
        asm.store(Size::B, R6, OPTIONS + 8, R8);
        asm.load(Size::D, R1, base, CONTEXT + below);
        asm.mov(R2, R3);
        asm.mov_imm(R3, self.tuple_length());
        scratch(asm, R4, OPTIONS);
        asm.mov_imm(R5, 12);
        asm.kfunc(self.kfunc);
    }

    /// One list of a slot: 0 to go on, 1 when done. r7 = the list.
    fn sweep_list(
        &self,
        emitter: &mut Emitter<'_>,
        step: FunctionIndex,
    ) -> Result<FunctionIndex, EmitError> {
        let mut asm = Asm::new();
        let [stop, empty, first, unlinked] = std::array::from_fn(|_| asm.label());
        emitter.mark_line(&mut asm, None, "collect connections that are over");
        asm.mov(R9, R2);
        asm.load(Size::D, R6, R9, at(SCRATCH));
        asm.load(Size::D, R1, R6, KEY);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, stop);
        self.list(&mut asm);
        asm.jump_imm(Jump::Eq, Width::W64, R0, 0, stop);
        asm.mov(R7, R0);
        asm.store(Size::D, R9, at(LIST), R7);
        asm.helper(Helper::Jiffies);
        asm.store(Size::D, R6, NOW, R0);
        asm.store_imm(Size::D, R6, SEARCH, 0);
        begin_walk(&mut asm, R7, R9, at(0));
        asm.mov_imm(R1, PATIENCE);
        asm.function_pointer(R2, step);
        asm.mov(R3, R9);
        asm.mov_imm(R4, 0);
        asm.helper(Helper::Loop);
        asm.load(Size::D, R1, R6, NOW);
        asm.store(Size::D, R7, WALKED, R1);
        asm.load(Size::D, R1, R7, COUNT);
        asm.store(Size::D, R7, WALKED_COUNT, R1);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, empty);
        copy_key(&mut asm, (R6, BEFORE), (R6, KEY));
        copy_key(&mut asm, (R6, KEY), (R7, NEXT_LIST));
        asm.mov_imm(R0, 0);
        asm.exit();

        asm.place(empty);
        copy_key(&mut asm, (R6, ROOM), (R7, NEXT_LIST));
        asm.load(Size::D, R1, R6, BEFORE);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, first);
        asm.map(R1, self.lists);
        scratch(&mut asm, R2, BEFORE);
        asm.helper(Helper::MapLookup);
        asm.jump_imm(Jump::Eq, Width::W64, R0, 0, stop);
        copy_key(&mut asm, (R0, NEXT_LIST), (R6, ROOM));
        asm.goto(unlinked);
        asm.place(first);
        asm.load(Size::D, R1, R9, at(SLOT));
        copy_key(&mut asm, (R1, FIRST), (R6, ROOM));
        asm.place(unlinked);
        asm.map(R1, self.lists);
        scratch(&mut asm, R2, KEY);
        asm.helper(Helper::MapDelete);
        copy_key(&mut asm, (R6, KEY), (R6, ROOM));
        asm.mov_imm(R0, 0);
        asm.exit();
        asm.place(stop);
        asm.mov_imm(R0, 1);
        asm.exit();
        finish(emitter, asm, "connections_sweep", FunctionKind::LoopBody)
    }
}

/// r1 = how many connections this walk has removed; r9 = the frame.
fn removed(asm: &mut Asm) {
    asm.load(Size::D, R1, R9, at(SLOT));
    asm.load(Size::D, R1, R1, REMOVED);
}

/// Goes on where the connection r7 is the packet's, at `other` where it is not.
fn compare(asm: &mut Asm, other: Label) {
    for word in (0..TUPLE_SIZE).step_by(8) {
        asm.load(Size::D, R1, R7, TUPLE + word);
        asm.load(Size::D, R2, R6, ENTRY + TUPLE + word);
        asm.jump(Jump::Ne, Width::W64, R1, R2, other);
    }
}
