//! The places of kept values in the frame.
//!
//! A value needs its place from the block that defines it to the last block that computes
//! something from it. Control never goes back, so in an order where every block stands behind
//! those that lead to it, values whose spans of blocks do not overlap can have the same place:
//! frames stay small however many rules a chain has.

use super::{Selector, Slot};
use crate::asm::{FP, R7};
use crate::chain::segment;
use crate::emitter::CutChain;
use crate::table;
use crate::target::SCRATCH_SIZE;
use bpfc_ir::{Block, Function, Op, Program, Source, Type, Value};
use std::collections::{BTreeMap, BTreeSet};

impl Selector<'_, '_> {
    /// Gives kept values their places in the frame.
    pub(super) fn assign_slots(&mut self, blocks: &[Block]) {
        let function = self.function;
        let insts = || {
            let insts = blocks.iter().flat_map(|&block| &function.blocks[block].insts);
            insts.map(|&inst| &function.insts[inst])
        };
        let CutChain { segments, carried_at } = self.part.cut;
        let base = self.emitter.layout.carried() + carried_at;
        for (&value, &at) in &segments.carried {
            let network_order = lies_in_network_order(function.definition(value));
            self.slots.insert(value, Slot { base: R7, offset: base + at, network_order });
        }
        // Most chains keep nothing.
        if insts().any(|data| data.result.is_some() && self.is_kept(&data.op)) {
            self.place_kept(blocks);
        }
        if insts().any(|data| matches!(data.op, Op::Rewrite(_))) {
            self.frame = self.frame.saturating_add(SCRATCH_SIZE);
            self.scratch = -self.frame;
        }
    }

    fn place_kept(&mut self, blocks: &[Block]) {
        let function = self.function;
        let order = forward(function, blocks);
        let carried = &self.part.cut.segments.carried;
        let last = self.last_uses(&order);
        // Places of 8 and of 16 bytes that are free again, and those that will be.
        let mut free: BTreeMap<i16, Vec<i16>> = BTreeMap::new();
        let mut busy: BTreeMap<usize, Vec<(i16, i16)>> = BTreeMap::new();
        for (at, &block) in order.iter().enumerate() {
            let ended = busy.range(..at).flat_map(|(_, places)| places.iter().copied());
            for (bytes, offset) in ended {
                free.entry(bytes).or_default().push(offset);
            }
            busy = busy.split_off(&at);
            for &inst in &function.blocks[block].insts {
                let data = &function.insts[inst];
                let Some(value) = data.result.expand().filter(|_| self.is_kept(&data.op)) else {
                    continue;
                };
                let network_order = lies_in_network_order(&data.op);
                let bytes = kept_size(self.emitter.program, function, value);
                if carried.contains_key(&value) {
                    continue;
                }
                let offset = free.get_mut(&bytes).and_then(Vec::pop).unwrap_or_else(|| {
                    self.frame = self.frame.saturating_add(bytes);
                    -self.frame
                });
                let until = last.get(&value).copied().unwrap_or(at).max(at);
                busy.entry(until).or_default().push((bytes, offset));
                self.slots.insert(value, Slot { base: FP, offset, network_order });
            }
        }
    }

    /// For each kept value the position in `order` of the last block that uses it, directly or in
    /// a value that is computed there anew.
    fn last_uses(&self, order: &[Block]) -> BTreeMap<Value, usize> {
        let mut last = BTreeMap::new();
        for (at, &block) in order.iter().enumerate() {
            let used = segment::uses(self.function, block, &|op| self.is_kept(op));
            last.extend(used.into_iter().map(|value| (value, at)));
        }
        last
    }
}

/// Bytes of a kept value's place: of an element, whether there is one, and its fields.
pub(crate) fn kept_size(program: &Program, function: &Function, value: Value) -> i16 {
    match *function.definition(value) {
        Op::Find(table, _) | Op::Touch(table, ..) => {
            8 + program.tables[table].fields.iter().map(table::plan::field_size).sum::<i16>()
        }
        _ if function.ty(value) == Type::I128 => 16,
        _ => 8,
    }
}

/// Whether a kept value's bytes are as the packet has them.
fn lies_in_network_order(op: &Op) -> bool {
    matches!(op, Op::LoadAt(..) | Op::Load(_, Source::Payload(..)))
}

/// The blocks of a part, each behind those that lead to it.
fn forward(function: &Function, blocks: &[Block]) -> Vec<Block> {
    let inside: BTreeSet<Block> = blocks.iter().copied().collect();
    let successors = |block: Block| -> Vec<Block> {
        let all = function.blocks[block].terminator.successors();
        all.filter(|to| inside.contains(to)).collect()
    };
    let mut seen = BTreeSet::new();
    let mut finished = Vec::with_capacity(blocks.len());
    for &root in blocks {
        if !seen.insert(root) {
            continue;
        }
        let mut stack = vec![(root, successors(root))];
        while let Some((block, open)) = stack.last_mut() {
            match open.pop() {
                Some(to) if seen.insert(to) => stack.push((to, successors(to))),
                Some(_) => {}
                None => {
                    finished.push(*block);
                    stack.pop();
                }
            }
        }
    }
    finished.reverse();
    finished
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfc_ir::{Family, FunctionBuilder, Verdict};

    #[test]
    fn blocks_stand_behind_those_that_lead_to_them() {
        let mut builder = FunctionBuilder::new("filter/INPUT", Family::Ipv4);
        let blocks: Vec<Block> = (0..4).map(|_| builder.block()).collect();
        let [first, join, left, right] = blocks[..] else { panic!() };
        builder.switch_to(first);
        let number = builder.constant(Type::I32, 1);
        let condition = builder.compare_const(bpfc_ir::Condition::Eq, number, 1);
        builder.branch(condition, left, right);
        for block in [left, right] {
            builder.switch_to(block);
            builder.jump(join);
        }
        builder.switch_to(join);
        builder.verdict(Verdict::Accept);
        let order = forward(&builder.finish(), &blocks);
        let place = |block| order.iter().position(|&other| other == block).unwrap();
        assert_eq!(order.len(), 4);
        assert!(place(first) < place(left) && place(first) < place(right));
        assert!(place(left) < place(join) && place(right) < place(join));
    }
}
