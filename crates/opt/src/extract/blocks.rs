//! Which blocks a walk may pass: those that count and decide, and do nothing else.
//!
//! Where a walk ends the packet goes on in the code as it is, with no value of what was walked:
//! that must be a block which uses none. So what defines values for a block that cannot be passed
//! is not passed either.

use super::decide::{Decision, decision};
use bpfc_ir::{Block, Counter, Function, Op, Program, Terminator, Value, reverse_postorder};
use cranelift_entity::SecondaryMap;
use std::collections::BTreeSet;

/// What a walk needs of a function.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    passed: SecondaryMap<Block, Option<Passed>>,
    /// Each block's place in an order in which none stands before what leads to it.
    places: SecondaryMap<Block, u32>,
}

/// A block that may be passed.
#[derive(Clone, Debug)]
pub(super) struct Passed {
    /// What it counts, in order.
    pub counters: Vec<Counter>,
    /// What it decides, where it does.
    pub decision: Option<Decision>,
    /// Whether it, and the blocks that it jumps to, do no more than end the base chain.
    pub is_end: bool,
    /// Whether neither it nor what follows uses a value from before it: a walk may end here.
    pub is_free: bool,
}

impl Blocks {
    pub fn new(program: &Program, function: &Function) -> Blocks {
        let mut blocks = Blocks::default();
        // Values that a block, or one behind it, uses of those before it.
        let mut needed: SecondaryMap<Block, BTreeSet<Value>> = SecondaryMap::new();
        let order = reverse_postorder(function);
        for (place, &block) in (0..).zip(&order) {
            blocks.places[block] = place;
        }
        for &block in order.iter().rev() {
            let data = &function.blocks[block];
            let mut used: BTreeSet<Value> = data.terminator.arg().into_iter().collect();
            used.extend(data.terminator.successors().flat_map(|next| &needed[next]));
            for &inst in data.insts.iter().rev() {
                let inst = &function.insts[inst];
                if let Some(value) = inst.result.expand() {
                    used.remove(&value);
                }
                used.extend(inst.op.args());
            }
            let is_free = used.is_empty();
            let passed = blocks.of(program, function, block);
            let passed = passed.map(|passed| Passed { is_free, ..passed });
            blocks.passed[block] = passed.filter(|_| {
                // What it leads to may be an end, or wait for a chain that it calls.
                let is_call = matches!(data.terminator, Terminator::Call { .. });
                data.terminator.successors().all(|next| {
                    needed[next].is_empty() || !is_call && blocks.passed[next].is_some()
                })
            });
            needed[block] = used;
        }
        blocks
    }

    /// What a block does, where that is nothing but counting and deciding.
    fn of(&self, program: &Program, function: &Function, block: Block) -> Option<Passed> {
        let data = &function.blocks[block];
        let mut counters = Vec::new();
        for &inst in &data.insts {
            match function.insts[inst].op {
                Op::Count(counted) => counters.extend(program.counted(counted)),
                ref op if op.is_effect() => return None,
                _ => {}
            }
        }
        let (decision, is_end) = match data.terminator {
            Terminator::Branch { .. } | Terminator::Switch(_) => {
                (Some(decision(function, &data.terminator)?), false)
            }
            Terminator::Jump(next) => {
                (None, self.passed[next].as_ref().is_some_and(|next| next.is_end))
            }
            Terminator::Verdict(_) => (None, true),
            Terminator::Call { .. } | Terminator::Return => (None, false),
        };
        Some(Passed { counters, decision, is_end, is_free: true })
    }

    /// A block's place: where it can be reached from another one, the greater of the two.
    pub fn place(&self, block: Block) -> u32 {
        self.places[block]
    }

    /// A block, if it may be passed.
    pub fn get(&self, block: Block) -> Option<&Passed> {
        self.passed[block].as_ref()
    }
}
