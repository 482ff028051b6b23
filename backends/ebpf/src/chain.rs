//! A chain as functions: one, or segments that whoever calls the chain runs in order. A small base
//! chain is a part of main instead.
//!
//! A dispatcher of its own would cost each long chain a frame, of which the kernel has eight, so
//! callers have the sequence of calls themselves, unless that would be many of them.

pub(crate) mod count_list;
pub(crate) mod count_plan;
pub mod counters;
pub(crate) mod outcome;
pub(crate) mod segment;
pub(crate) mod select;
pub(crate) mod split;

use crate::Needs;
use crate::asm::{Asm, Jump, R0, R1, R2, R6, R7, Width};
use crate::chain::segment::Segments;
use crate::chain::select::{Exits, Part};
use crate::emitter::{self, ChainCode, CutChain, Emitter};
use crate::error::EmitError;
use bpfc_artifact::{Function, FunctionKind, MAX_INSTRUCTIONS};
use bpfc_ir::{Block, Entry, Func, Op, Program as IrProgram};
use cranelift_entity::SecondaryMap;
use std::collections::BTreeSet;

/// Emits a chain whose callees were emitted.
pub(crate) fn emit(
    emitter: &mut Emitter<'_>,
    program: &IrProgram,
    func: Func,
) -> Result<(), EmitError> {
    let function = &program.funcs[func];
    let cut = &emitter.segments[func];
    let Segments { parts, is_sequence, .. } = &cut.segments;
    // Where control may continue that leaves a segment, with what says so.
    let mut ways: SecondaryMap<Block, i32> = SecondaryMap::new();
    let entries = parts.iter().flat_map(|part| &part.entries);
    for (number, &entry) in (outcome::ENTRY..).zip(entries) {
        ways[entry] = if *is_sequence { outcome::NEXT } else { number };
    }
    let mut functions = Vec::with_capacity(parts.len());
    let mut size = 0;
    let mut end = 0;
    for (i, part) in parts.iter().enumerate() {
        let name = match parts.len() {
            1 => emitter.name(&function.name),
            _ => emitter.name(&format!("{}_{i}", function.name)),
        };
        let part = Part { blocks: &part.blocks, entries: &part.entries, ways: &ways, cut };
        end += part.entries.len() as i32;
        let emitted = select::part(emitter, function, name, part)?;
        size += emitted.insns.len();
        if parts.len() > 1 && size > MAX_INSTRUCTIONS {
            return Err(EmitError::TooLarge(function.name.clone()));
        }
        functions.push((emitter.push(emitted), end));
    }
    let mut code = match is_sequence {
        true => ChainCode::Sequence(functions.into_iter().map(|(index, _)| index).collect()),
        false => ChainCode::Graph(functions),
    };
    if parts.len() > 1 && code.count().saturating_mul(sites(program, func)) > MOST_CALLS {
        let name = emitter.name(&function.name);
        let dispatcher = dispatcher(emitter, name, &code)?;
        code = ChainCode::Sequence(vec![emitter.push(dispatcher)]);
    }
    emitter.chains.insert(func, code);
    Ok(())
}

/// Cuts the chains of a program into segments of `limit` blocks at most. Yields how many bytes of
/// values they carry, too.
pub(crate) fn cut(
    program: &IrProgram,
    order: &[Func],
    needs: &Needs,
    limit: usize,
) -> (SecondaryMap<Func, CutChain>, i16) {
    let mut chains: SecondaryMap<Func, CutChain> = SecondaryMap::new();
    for &func in order {
        let function = &program.funcs[func];
        let is_kept = |op: &Op| select::is_kept(op, function.family, needs);
        let bytes = |value| select::kept_size(program, function, value);
        chains[func].segments = segment::segments(function, limit, is_kept, bytes);
    }
    // What a chain carries is not where its callers carry something.
    let mut size: i16 = 0;
    for &func in order.iter().rev() {
        let CutChain { segments, carried_at } = &chains[func];
        let end = carried_at.saturating_add(segments.carried_size);
        size = size.max(end);
        for callee in program.funcs[func].callees() {
            chains[callee].carried_at = chains[callee].carried_at.max(end);
        }
    }
    (chains, size)
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
    exits: Exits,
) -> Result<Option<bool>, EmitError> {
    if !emitter.parts_of_main.contains(&func) {
        return Ok(None);
    }
    let function = &emitter.program.funcs[func];
    let cut = &emitter.segments[func];
    let [part] = cut.segments.parts.as_slice() else { return Ok(None) };
    let part = Part { blocks: &part.blocks, entries: &[], ways: &SecondaryMap::new(), cut };
    select::inline(emitter, asm, function, part, frame, exits)
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
    parts: &ChainCode,
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
