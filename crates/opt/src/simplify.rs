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

use bpfc_ir::{ControlFlow, Function, Program, Terminator};
use cranelift_entity::SecondaryMap;

pub(crate) fn run(program: &mut Program) {
    program.settle_absent();
    for function in program.funcs.values_mut() {
        simplify(function);
    }
}

fn simplify(function: &mut Function) {
    // Not a function that the verifier accepts: nothing to rely on.
    let Ok(flow) = ControlFlow::new(function) else { return };
    fold::run(function, &flow);
    thread::run(function, &flow);
    let Ok(flow) = ControlFlow::new(function) else { return };
    function.layout.retain(|&block| flow.is_reachable(block));
    remove_unused(function, &flow);
    function.compact();
}

/// Removes pure instructions whose values nothing uses, uses before definitions.
fn remove_unused(function: &mut Function, flow: &ControlFlow) {
    let mut used = SecondaryMap::with_capacity(function.values.len());
    for &block in flow.order().iter().rev() {
        if let Terminator::Branch { condition, .. } = function.blocks[block].terminator {
            used[condition] = true;
        }
        let mut insts = std::mem::take(&mut function.blocks[block].insts);
        for inst in insts.iter().rev() {
            let data = &function.insts[*inst];
            if data.op.is_effect() || data.result.expand().is_some_and(|value| used[value]) {
                for value in data.op.args() {
                    used[value] = true;
                }
            }
        }
        insts.retain(|&inst| {
            let data = &function.insts[inst];
            data.op.is_effect() || data.result.expand().is_some_and(|value| used[value])
        });
        function.blocks[block].insts = insts;
    }
}
