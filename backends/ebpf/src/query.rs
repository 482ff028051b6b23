//! Asking objects: each object and query becomes a function `int query(ctx, packet)` that answers,
//! most of them 1 or 0. It is verified once, however many rules ask; its arguments lie in the
//! packet structure.

mod connections;
mod hash_limit;
mod limit;
mod quota;
mod recent;
pub(crate) mod set;

use crate::asm::{Alu, Asm, FP, Helper, Jump, R0, R1, R2, R3, R4, R5, R6, R7, Reg, Size, Width};
use crate::emitter::Emitter;
use crate::error::EmitError;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{Object, ObjectKind, Query};

/// The function of a query, emitted when first asked for.
pub(crate) fn function(
    emitter: &mut Emitter<'_>,
    object: Object,
    query: &Query,
) -> Result<FunctionIndex, EmitError> {
    let key = (object, query.clone());
    if let Some(&index) = emitter.queries.get(&key) {
        return Ok(index);
    }
    let kind = emitter.program.objects[object].kind.clone();
    let index = match (query, kind) {
        (Query::Take, ObjectKind::Limit { average, burst }) => {
            limit::emit(emitter, object, average, burst)?
        }
        (Query::Take, ObjectKind::Quota { bytes }) => quota::emit(emitter, object, bytes)?,
        (Query::Recent(query), ObjectKind::Recent(list)) => {
            recent::emit(emitter, object, &list, query)?
        }
        (Query::Charge, ObjectKind::HashLimit(table)) => hash_limit::emit(emitter, object, &table)?,
        (Query::Connections, ObjectKind::Connections { family }) => {
            connections::emit(emitter, object, family)?
        }
        (Query::Set(query), ObjectKind::Set(set)) => set::emit(emitter, object, &set, query)?,
        // The IR's verifier refuses them.
        _ => return Err(EmitError::Query),
    };
    emitter.queries.insert(key, index);
    Ok(index)
}

/// Attempts to change a cell while other processors change it, too. One in a row of so many
/// succeeds, as each failure is another's success.
const ATTEMPTS: i32 = 1 << 20;

/// What [`change_cell`]'s loop body knows, 8 bytes each: the query's own numbers, then what the
/// query answers.
const NUMBERS: usize = 3;
const ANSWER: i16 = 8 * NUMBERS as i16;
const CONTEXT: i16 = ANSWER + 8;

/// Finishes a query's function in which r7 is the packet: hands `numbers` to a loop that changes
/// the object's cell in one atomic step, and answers.
///
/// `body` is emitted with r0 = the cell and r1 to r3 = the numbers: it leaves the cell's new value
/// in r4 and the answer in r5, and keeps r0, r6 and r7. The value is stored unless another
/// processor was faster; then the body runs again.
fn change_cell(
    emitter: &mut Emitter<'_>,
    mut asm: Asm,
    object: Object,
    name: &str,
    numbers: [Reg; NUMBERS],
    body: fn(&mut Asm),
) -> Result<FunctionIndex, EmitError> {
    for (at, number) in (0..).zip(numbers) {
        asm.store(Size::D, FP, -CONTEXT + 8 * at, number);
    }
    asm.store_imm(Size::D, FP, -CONTEXT + ANSWER, 0);
    let callback = loop_body(emitter, object, name, body)?;
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
    object: Object,
    name: &str,
    body: fn(&mut Asm),
) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    let again = asm.label();
    emitter.mark_line(&mut asm, None, "change what all processors share");
    asm.mov(R6, R2);
    emitter.object_cell(&mut asm, R7, object);
    asm.load(Size::D, R0, R7, 0);
    for (at, number) in (0..).zip([R1, R2, R3]) {
        asm.load(Size::D, number, R6, 8 * at);
    }
    body(&mut asm);
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
