//! Simplification, each step linear in a function:
//!
//! 1. what no packet of the hooks that reach a function has is a constant
//!    ([`Program::settle_absent`]);
//! 2. operations on constants become constants, comparisons that no number changes the answer of
//!    too (`fold`);
//! 3. branches on constants, or with one successor, become jumps;
//! 4. jumps lead past empty blocks (`thread`);
//! 5. blocks that nothing leads to, and pure instructions that nothing uses, go.
//!
//! Blocks are not merged: a rule keeps its own.

mod fold;
mod thread;

use bpfc_ir::{Block, Function, Program, Value, reverse_postorder};
use cranelift_entity::EntitySet;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Functions in which there is nothing left to simplify. Inlining leaves those as they are that it
/// does not splice anything into.
#[derive(Clone, Debug, Default)]
pub struct Settled(Vec<Arc<Function>>);

pub(crate) fn run(program: &mut Program, settled: &mut Settled) {
    program.settle_absent();
    let known: BTreeSet<*const Function> = settled.0.iter().map(Arc::as_ptr).collect();
    for function in program.funcs.values_mut() {
        if !known.contains(&Arc::as_ptr(function)) {
            simplify(Arc::make_mut(function));
        }
    }
    settled.0 = program.funcs.values().cloned().collect();
}

/// Simplifies until there is nothing left to do.
fn simplify(function: &mut Function) {
    loop {
        let order = reverse_postorder(function);
        let folded = fold::run(function, &order);
        remove_unused(function, &order);
        // A branch that is none any more leaves blocks that nothing reaches, and values that
        // nothing uses.
        if !(thread::run(function, &order) | folded) {
            break;
        }
    }
    let mut reached: EntitySet<Block> = EntitySet::with_capacity(function.blocks.len());
    reached.extend(reverse_postorder(function));
    function.layout.retain(|&block| reached.contains(block));
    function.compact();
}

/// Removes pure instructions whose values nothing uses, uses before definitions.
fn remove_unused(function: &mut Function, order: &[Block]) {
    let mut used: EntitySet<Value> = EntitySet::with_capacity(function.values.len());
    for &block in order.iter().rev() {
        used.extend(function.blocks[block].terminator.arg());
        let mut insts = std::mem::take(&mut function.blocks[block].insts);
        for inst in insts.iter().rev() {
            let data = &function.insts[*inst];
            if data.op.is_effect() || data.result.expand().is_some_and(|value| used.contains(value))
            {
                used.extend(data.op.args());
            }
        }
        insts.retain(|&inst| {
            let data = &function.insts[inst];
            data.op.is_effect() || data.result.expand().is_some_and(|value| used.contains(value))
        });
        function.blocks[block].insts = insts;
    }
}
