//! Taking from states. Each without a key that is more than a cycle becomes a function
//! `int take(ctx, packet)`, verified once, however many rules take from it: it is one cell, a u64
//! that all processors share and that starts at zero. Those of elements are stepped under the
//! element's lock ([`crate::table`]).

mod nanosecond_bucket;
mod quota;
mod tick_bucket;
pub(crate) mod wide_bucket;

use crate::asm::{
    Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, Size, Width,
};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::packet::layout;
use crate::routine::Routine;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{State, StateKind};

/// r0 = what a state yields for the packet r7. Clobbers r0 to r5.
pub(crate) fn take(emitter: &mut Emitter<'_>, asm: &mut Asm, state: State) {
    if emitter.program.states[state].kind == StateKind::Last {
        return last(emitter, asm, state);
    }
    if let StateKind::Cycle { period, start } = emitter.program.states[state].kind {
        return cycle(emitter, asm, state, period, start);
    }
    let function = emitter.routine(Routine::Take(state));
    emitter::call(asm, function);
    asm.alu(Alu::Mov, Width::W32, R0, R0);
}

/// One store of the time, whoever else stores it.
fn last(emitter: &mut Emitter<'_>, asm: &mut Asm, state: State) {
    asm.helper(Helper::Nanoseconds);
    emitter.state_cell(asm, R1, state);
    asm.store(Size::D, R1, 0, R0);
    asm.mov_imm(R0, 1);
}

/// One atomic addition, taken modulo the period.
fn cycle(emitter: &mut Emitter<'_>, asm: &mut Asm, state: State, period: u32, start: u32) {
    emitter.state_cell(asm, R1, state);
    asm.mov_imm(R0, 1);
    asm.atomic_fetch_add(R1, 0, R0);
    // The cell starts at zero: the definition's start is added here.
    asm.constant(R1, u64::from(start) + 1);
    asm.alu(Alu::Add, Width::W64, R0, R1);
    asm.constant(R1, u64::from(period));
    asm.alu(Alu::Mod, Width::W64, R0, R1);
}

/// The function of a state that is more than a cycle.
pub(crate) fn emit(emitter: &mut Emitter<'_>, state: State) -> Result<FunctionIndex, EmitError> {
    let kind = emitter.program.states[state].kind.clone();
    let name = match kind {
        StateKind::TickBucket(_) | StateKind::NanosecondBucket(_) | StateKind::WideBucket(_) => {
            "limit"
        }
        StateKind::Quota { .. } => "quota",
        StateKind::Cycle { .. } => "cycle",
        StateKind::Counter => "counter",
        StateKind::Last => "last",
    };
    let mut asm = Asm::new();
    let [refused, ready] = std::array::from_fn(|_| asm.label());
    emitter.mark_line(&mut asm, None, name);
    asm.mov(R7, R2);
    asm.jump_imm(Jump::Eq, Width::W64, R7, 0, refused);
    prepare(&mut asm, &kind, refused);
    asm.goto(ready);
    asm.place(refused);
    asm.mov_imm(R0, 0);
    asm.exit();
    asm.place(ready);
    change_cell(emitter, asm, state, name, &kind)
}

/// How many numbers a step of a state needs.
pub(crate) const NUMBERS: usize = 3;

/// Leaves what a step of a state that is one number needs for the packet r7, in r6, r8 and r9; goes
/// to `refused` where this kernel would refuse the rate. Clobbers r0 to r5.
pub(crate) fn prepare(asm: &mut Asm, kind: &StateKind, refused: Label) {
    match kind {
        StateKind::TickBucket(bucket) => tick_bucket::prepare(asm, bucket, refused),
        StateKind::NanosecondBucket(bucket) => nanosecond_bucket::prepare(asm, bucket),
        // The IR's verifier lets elements alone have these.
        StateKind::WideBucket(_) => asm.goto(refused),
        StateKind::Counter => {
            asm.load(Size::W, R6, R7, layout::LENGTH);
            asm.mov_imm(R8, 0);
            asm.mov_imm(R9, 0);
        }
        StateKind::Last => {
            asm.helper(Helper::Nanoseconds);
            asm.mov(R6, R0);
            asm.mov_imm(R8, 0);
            asm.mov_imm(R9, 0);
        }
        StateKind::Quota { bytes } => quota::prepare(asm, *bytes),
        StateKind::Cycle { period, start } => {
            // The cell starts at zero: the definition's start is added here.
            asm.constant(R6, u64::from(*start) + 1);
            asm.constant(R8, u64::from(*period));
            asm.mov_imm(R9, 0);
        }
    }
}

/// A step of such a state: r0 = its number, r1 to r3 = what [`prepare`] left; r4 = its new number,
/// r5 = what it yields. Keeps r0 and r6 to r9.
pub(crate) fn step(asm: &mut Asm, kind: &StateKind) {
    match kind {
        StateKind::TickBucket(_) | StateKind::NanosecondBucket(_) | StateKind::WideBucket(_) => {
            tick_bucket::take(asm);
        }
        StateKind::Quota { .. } => quota::take(asm),
        // Elements step theirs by themselves.
        StateKind::Counter | StateKind::Last => {
            asm.mov(R4, R1);
            asm.mov_imm(R5, 1);
        }
        StateKind::Cycle { .. } => {
            asm.mov(R4, R0);
            asm.alu_imm(Alu::Add, Width::W64, R4, 1);
            asm.mov(R5, R0);
            asm.alu(Alu::Add, Width::W64, R5, R1);
            asm.alu(Alu::Mod, Width::W64, R5, R2);
        }
    }
}

/// Attempts to change a cell while other processors change it, too. One in a row of so many
/// succeeds, as each failure is another's success.
const ATTEMPTS: i32 = 1 << 20;

/// What [`change_cell`]'s loop body knows, 8 bytes each: the state's own numbers, then what it
/// yields.
const ANSWER: i16 = 8 * NUMBERS as i16;
const CONTEXT: i16 = ANSWER + 8;

/// Finishes a state's function: hands what [`prepare`] left to a loop that changes the state's cell
/// by one [`step`], and yields the answer. The cell's new value is stored unless another processor
/// was faster; then the step is done again.
fn change_cell(
    emitter: &mut Emitter<'_>,
    mut asm: Asm,
    state: State,
    name: &str,
    kind: &StateKind,
) -> Result<FunctionIndex, EmitError> {
    for (at, number) in (0..).zip([R6, R8, R9]) {
        asm.store(Size::D, FP, -CONTEXT + 8 * at, number);
    }
    asm.store_imm(Size::D, FP, -CONTEXT + ANSWER, 0);
    let callback = loop_body(emitter, state, name, kind)?;
    asm.mov_imm(R1, ATTEMPTS);
    asm.function_pointer(R2, callback);
    asm.mov(R3, FP);
    asm.alu_imm(Alu::Add, Width::W64, R3, i32::from(-CONTEXT));
    asm.mov_imm(R4, 0);
    asm.helper(Helper::Loop);
    asm.load(Size::D, R0, FP, -CONTEXT + ANSWER);
    asm.exit();
    emitter.add(asm, name, FunctionKind::Chain)
}

/// One attempt: 0 to try again, 1 when done.
fn loop_body(
    emitter: &mut Emitter<'_>,
    state: State,
    name: &str,
    kind: &StateKind,
) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    let again = asm.label();
    emitter.mark_line(&mut asm, None, "change what all processors share");
    asm.mov(R6, R2);
    emitter.state_cell(&mut asm, R7, state);
    asm.load(Size::D, R0, R7, 0);
    for (at, number) in (0..).zip([R1, R2, R3]) {
        asm.load(Size::D, number, R6, 8 * at);
    }
    step(&mut asm, kind);
    asm.store(Size::D, R6, ANSWER, R5);
    asm.mov(R1, R0);
    asm.atomic_exchange(R7, 0, R4);
    asm.jump(Jump::Ne, Width::W64, R0, R1, again);
    asm.mov_imm(R0, 1);
    asm.exit();
    asm.place(again);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, &format!("{name}_body"), FunctionKind::LoopBody)
}
