//! A chain as functions: one, or segments that whoever calls the chain runs one after another. A
//! small base chain is a part of main instead.
//!
//! A dispatcher of its own would cost each long chain a frame, of which the kernel has eight, so
//! callers have the sequence of calls themselves, unless that would be many of them.

use crate::asm::{Asm, Jump, R0, R1, R2, R6, R7, Width};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::select::{self, Exits, Part};
use crate::{outcome, segment};
use bpfc_artifact::{Function, FunctionIndex, FunctionKind, MAX_INSTRUCTIONS};
use bpfc_ir::{Block, Entry, Func, Program as IrProgram};
use std::collections::BTreeSet;

/// Emits a chain whose callees were emitted.
pub(crate) fn emit(
    emitter: &mut Emitter<'_>,
    program: &IrProgram,
    func: Func,
    limit: usize,
) -> Result<(), EmitError> {
    let function = &program.funcs[func];
    let parts = segments(emitter, function, limit);
    let mut functions = Vec::with_capacity(parts.len());
    if let [blocks] = parts.as_slice() {
        let name = emitter.name(&function.name);
        let emitted = select::part(emitter, function, name, Part { blocks, next: None })?;
        functions.push(emitter.push(emitted));
    } else {
        let mut size = 0;
        for (i, blocks) in parts.iter().enumerate() {
            let name = emitter.name(&format!("{}_{i}", function.name));
            let next = parts.get(i + 1).map(|next| next[0]);
            let emitted = select::part(emitter, function, name, Part { blocks, next })?;
            size += emitted.insns.len();
            if size > MAX_INSTRUCTIONS {
                return Err(EmitError::TooLarge(function.name.clone()));
            }
            functions.push(emitter.push(emitted));
        }
        if functions.len().saturating_mul(sites(program, func)) > MOST_CALLS {
            let name = emitter.name(&function.name);
            let dispatcher = dispatcher(emitter, name, &functions)?;
            functions = vec![emitter.push(dispatcher)];
        }
    }
    emitter.chains.insert(func, functions);
    Ok(())
}

/// The segments that a chain is cut into.
fn segments(emitter: &Emitter<'_>, function: &bpfc_ir::Function, limit: usize) -> Vec<Vec<Block>> {
    let needs = &emitter.needs;
    segment::segments(function, limit, |op| select::is_kept(op, function.family, needs))
}

/// Calls of one chain's segments in all of a program.
const MOST_CALLS: usize = 64;

/// The base chains that are emitted as parts of the one main function that runs them: that saves
/// the call, which costs more than a few rules. Larger ones stay functions, since the verifier
/// knows in main what tests have found, and may walk what follows once for each finding.
pub(crate) fn parts_of_main(program: &IrProgram) -> BTreeSet<Func> {
    let chains = program.entries.iter().flat_map(Entry::funcs);
    chains
        .filter(|&func| program.funcs[func].insts.len() <= MOST_INSTRUCTIONS)
        .filter(|&func| sites(program, func) == 1)
        .collect()
}

/// Emits a chain as a part of main, where it is one and main's frame has room. Yields whether
/// packets go on behind it, `None` where nothing was emitted.
pub(crate) fn inline(
    emitter: &mut Emitter<'_>,
    asm: &mut Asm,
    func: Func,
    frame: i16,
    limit: usize,
    exits: Exits,
) -> Result<Option<bool>, EmitError> {
    if !emitter.parts_of_main.contains(&func) {
        return Ok(None);
    }
    let function = &emitter.program.funcs[func];
    let parts = segments(emitter, function, limit);
    let [blocks] = parts.as_slice() else { return Ok(None) };
    select::inline(emitter, asm, function, blocks, frame, exits)
}

/// IR instructions of a chain that is a part of main.
const MOST_INSTRUCTIONS: usize = 256;

/// How often a chain is called.
fn sites(program: &IrProgram, func: Func) -> usize {
    let calls = program.funcs.values().flat_map(|function| function.callees());
    let entries = program.entries.iter().flat_map(Entry::funcs);
    calls.chain(entries).filter(|&callee| callee == func).count()
}

/// A function that runs a chain's segments one after another.
fn dispatcher(
    emitter: &Emitter<'_>,
    name: String,
    parts: &[FunctionIndex],
) -> Result<Function, EmitError> {
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "chain segments");
    asm.mov(R6, R1);
    asm.mov(R7, R2);
    let exit = asm.label();
    let null = asm.label();
    asm.jump_imm(Jump::Eq, Width::W64, R7, 0, null);
    emitter::call_parts(&mut asm, parts);
    asm.goto(exit);
    asm.place(null);
    asm.mov_imm(R0, outcome::DROP);
    asm.place(exit);
    asm.exit();
    let size = emitter.layout.size() as u32;
    Ok(asm.finish(name, FunctionKind::Chain, emitter.target.kind(), size)?)
}
