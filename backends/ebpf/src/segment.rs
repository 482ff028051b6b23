//! Cutting long chains into segments.
//!
//! A chain of thousands of rules would exceed the 16-bit jump offsets, the verifier's 8,192 pending
//! branches, and its quadratic per-function analyses. It is cut where control passes from one rule
//! to the next, each segment becomes a function, and whoever calls the chain calls them one after
//! another.

use bpfc_ir::{Block, Function, Op, Terminator, Value};
use cranelift_entity::{EntitySet, SecondaryMap};
use std::collections::BTreeSet;

/// Blocks in one segment: below the verifier's limit of pending branches with room to spare.
pub const BLOCKS_PER_SEGMENT: usize = 2_000;

/// A chain's blocks, cut into segments. Every edge between segments leads to the first block of
/// the segment that follows at once; blocks that end the chain without a call are copied into
/// each segment that jumps to them. Blocks that nothing reaches (rules behind one that accepts
/// everything, a shared end that all others have copies of) are left out: the verifier refuses
/// instructions that cannot run.
///
/// A value whose operation `is_kept` lives in the frame of its segment: no cut parts it from those
/// that use it.
pub fn segments(
    function: &Function,
    limit: usize,
    is_kept: impl Fn(&Op) -> bool,
) -> Vec<Vec<Block>> {
    let mut marks = Marks::default();
    let layout = &marks.reachable(function, &function.layout);
    if layout.len() <= limit {
        return vec![order(function, layout, layout[0])];
    }
    let mut position: SecondaryMap<Block, usize> =
        SecondaryMap::with_capacity(function.blocks.len());
    for (at, &block) in layout.iter().enumerate() {
        position[block] = at;
    }
    // Shared ends, such as the policy or the drop of truncated packets: copied, so that jumps
    // to them do not tie the chain together.
    let mut sources: SecondaryMap<Block, usize> =
        SecondaryMap::with_capacity(function.blocks.len());
    for &block in layout {
        for to in function.blocks[block].terminator.successors() {
            sources[to] += 1;
        }
    }
    let shared = |block: Block| {
        matches!(function.blocks[block].terminator, Terminator::Return | Terminator::Verdict(_))
            && sources[block] > 1
    };
    // tied[p] counts edges that jump over or into the middle of a cut before block p.
    let mut tied = vec![0i32; layout.len() + 2];
    for (from, &block) in layout.iter().enumerate() {
        for to in function.blocks[block].terminator.successors() {
            let to_at = position[to];
            if shared(to) {
                continue;
            }
            if to_at > from {
                tied[from + 1] += 1;
                tied[to_at] -= 1;
            } else {
                tied[to_at + 1] += 1;
                tied[from + 1] -= 1;
            }
        }
    }
    for (definition, last_use) in spans(function, layout, is_kept) {
        tied[definition + 1] += 1;
        tied[last_use + 1] -= 1;
    }
    let mut cuts = vec![0];
    let mut candidate = None;
    let mut depth = 0;
    for at in 1..layout.len() {
        depth += tied[at];
        if depth == 0 && !shared(layout[at]) {
            candidate = Some(at);
        }
        let start = *cuts.last().unwrap_or(&0);
        if at + 1 - start >= limit
            && let Some(cut) = candidate.take().filter(|&cut| cut > start)
        {
            cuts.push(cut);
        }
    }
    cuts.push(layout.len());
    cuts.windows(2)
        .map(|cut| {
            let mut blocks = layout[cut[0]..cut[1]].to_vec();
            let mut extra: Vec<Block> = blocks
                .iter()
                .flat_map(|&block| function.blocks[block].terminator.successors())
                .filter(|&to| shared(to) && !(cut[0]..cut[1]).contains(&position[to]))
                .collect();
            extra.sort_unstable();
            extra.dedup();
            blocks.extend(extra);
            let blocks = marks.reachable(function, &blocks);
            order(function, &blocks, blocks[0])
        })
        .collect()
}

/// The positions of the blocks that define kept values and of those that compute with them, the
/// lower first, where they are not the same.
fn spans(
    function: &Function,
    layout: &[Block],
    is_kept: impl Fn(&Op) -> bool,
) -> Vec<(usize, usize)> {
    let insts =
        |block: Block| function.blocks[block].insts.iter().map(|&inst| &function.insts[inst]);
    let mut defined: SecondaryMap<Value, Option<usize>> = SecondaryMap::new();
    let mut is_none = true;
    for (at, &block) in layout.iter().enumerate() {
        for data in insts(block).filter(|data| is_kept(&data.op)) {
            if let Some(value) = data.result.expand() {
                defined[value] = Some(at);
                is_none = false;
            }
        }
    }
    if is_none {
        return Vec::new();
    }
    let mut spans = BTreeSet::new();
    for (at, &block) in layout.iter().enumerate() {
        let mut open: Vec<Value> = insts(block)
            .filter(|data| data.op.is_effect() || is_kept(&data.op))
            .flat_map(|data| data.op.args())
            .collect();
        open.extend(function.blocks[block].terminator.arg());
        let mut seen = BTreeSet::new();
        while let Some(value) = open.pop() {
            if !seen.insert(value) {
                continue;
            }
            match defined[value] {
                Some(from) if from != at => {
                    spans.insert((from.min(at), from.max(at)));
                }
                Some(_) => {}
                None => open.extend(function.definition(value).args()),
            }
        }
    }
    spans.into_iter().collect()
}

/// Marks of blocks, kept from one search to the next: a search costs what it sees.
#[derive(Default)]
struct Marks {
    inside: EntitySet<Block>,
    reached: EntitySet<Block>,
}

impl Marks {
    /// Those of some blocks that control can reach from the first without leaving them, in the
    /// same order.
    fn reachable(&mut self, function: &Function, blocks: &[Block]) -> Vec<Block> {
        self.inside.extend(blocks.iter().copied());
        let mut open: Vec<Block> = blocks.first().copied().into_iter().collect();
        while let Some(block) = open.pop() {
            if self.inside.contains(block) && self.reached.insert(block) {
                open.extend(function.blocks[block].terminator.successors());
            }
        }
        let found = blocks.iter().copied().filter(|&block| self.reached.contains(block)).collect();
        for &block in blocks {
            self.inside.remove(block);
            self.reached.remove(block);
        }
        found
    }
}

/// Tests first, in order, then what happens on a match: the straight path through a chain is the
/// one where no rule matches.
fn order(function: &Function, blocks: &[Block], first: Block) -> Vec<Block> {
    let is_match = |block: Block| {
        block != first
            && function.blocks[block].insts.iter().any(|&inst| function.insts[inst].op.is_effect())
            && !matches!(
                function.blocks[block].terminator,
                Terminator::Branch { .. } | Terminator::Switch(_)
            )
    };
    let (matches, tests): (Vec<Block>, Vec<Block>) =
        blocks.iter().copied().partition(|&block| is_match(block));
    tests.into_iter().chain(matches).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfc_ir::{
        Base, Condition, Counter, Family, FunctionBuilder, Op, Terminator, Type, Verdict,
    };

    /// A chain of rules that each test two fields, drop truncated packets in a shared block and
    /// end in a shared policy.
    fn chain(rules: u32) -> Function {
        let mut builder = FunctionBuilder::new("filter/INPUT", Family::Ipv4);
        let mut block = builder.block();
        let policy = builder.block();
        let hotdrop = builder.block();
        for number in 0..rules {
            builder.switch_to(block);
            block = builder.block();
            let address = builder.payload(Type::I32, Base::Network, 12);
            let same = builder.compare_const(Condition::Eq, address, number.into());
            builder.require(same, block);
            let whole = builder.available(Base::Transport, 20);
            builder.require(whole, hotdrop);
            let port = builder.payload(Type::I16, Base::Transport, 2);
            let hit = builder.compare_const(Condition::Eq, port, 80);
            builder.require(hit, block);
            builder.count(Counter::from_u32(number));
            if number % 2 == 0 { builder.verdict(Verdict::Accept) } else { builder.jump(policy) }
        }
        builder.switch_to(block);
        builder.jump(policy);
        builder.switch_to(policy);
        builder.count(Counter::from_u32(rules));
        builder.verdict(Verdict::Drop);
        builder.switch_to(hotdrop);
        builder.verdict(Verdict::Drop);
        builder.finish()
    }

    #[test]
    fn what_nothing_reaches_is_left_out() {
        let mut builder = FunctionBuilder::new("filter/INPUT", Family::Ipv4);
        let [first, dead, policy] = [builder.block(), builder.block(), builder.block()];
        builder.switch_to(first);
        builder.verdict(Verdict::Accept);
        builder.switch_to(dead);
        builder.jump(policy);
        builder.switch_to(policy);
        builder.verdict(Verdict::Drop);
        assert_eq!(segments(&builder.finish(), 2_000, |_| false), [[first]]);
    }

    #[test]
    fn a_short_chain_stays_whole_with_its_matches_last() {
        let function = chain(3);
        let parts = segments(&function, 2_000, |_| false);
        assert_eq!(parts.len(), 1);
        assert_eq!(parts[0][0], function.layout[0]);
        let is_match = |block: &Block| {
            !function.blocks[*block].insts.is_empty()
                && matches!(function.insts[function.blocks[*block].insts[0]].op, Op::Count(_))
        };
        let first = parts[0].iter().position(is_match).expect("matches");
        assert!(parts[0][first..].iter().all(is_match));
    }

    #[test]
    fn edges_between_segments_lead_to_the_next_one_only() {
        for limit in [4, 7, 20, 100] {
            let function = chain(50);
            let parts = segments(&function, limit, |_| false);
            assert!(parts.len() > 1, "limit {limit}");
            let mut seen = BTreeSet::new();
            for (i, part) in parts.iter().enumerate() {
                let inside: BTreeSet<Block> = part.iter().copied().collect();
                assert_eq!(inside.len(), part.len(), "a block twice in one segment");
                let next = parts.get(i + 1).map(|next| next[0]);
                for &block in part {
                    for to in function.blocks[block].terminator.successors() {
                        assert!(inside.contains(&to) || Some(to) == next, "limit {limit}: {to}");
                    }
                }
                seen.extend(inside);
            }
            assert_eq!(seen.len(), function.layout.len(), "every block is in a segment");
        }
    }

    #[test]
    fn a_kept_value_stays_in_the_segment_of_its_uses() {
        // Between the scan and its use lies only a way to a shared end, which is no tie.
        let mut builder = FunctionBuilder::new("filter/INPUT", Family::Ipv6);
        let mut block = builder.block();
        let hotdrop = builder.block();
        for _ in 0..20 {
            builder.switch_to(block);
            block = builder.block();
            let scan = builder.scan(bpfc_ir::Scan::Ipv6Header(0));
            let whole = builder.available(Base::Transport, 20);
            builder.require(whole, hotdrop);
            let found = builder.compare_const(Condition::Eq, scan, 40);
            builder.require(found, block);
            builder.jump(block);
        }
        builder.switch_to(block);
        builder.jump(hotdrop);
        builder.switch_to(hotdrop);
        builder.verdict(Verdict::Drop);
        let function = builder.finish();
        let is_scan = |op: &Op| matches!(op, Op::Scan(_));
        let parts = segments(&function, 1, is_scan);
        assert!(parts.len() > 10);
        for part in &parts {
            let compares = part
                .iter()
                .flat_map(|&block| &function.blocks[block].insts)
                .any(|&inst| matches!(function.insts[inst].op, Op::Compare(..)));
            let scans = part
                .iter()
                .flat_map(|&block| &function.blocks[block].insts)
                .any(|&inst| is_scan(&function.insts[inst].op));
            assert_eq!(compares, scans);
        }
    }

    #[test]
    fn what_cannot_be_cut_stays_whole() {
        // One test whose two ways meet at the very end: nothing in between is a place to cut.
        let mut builder = FunctionBuilder::new("filter/INPUT", Family::Ipv4);
        let blocks: Vec<Block> = (0..6).map(|_| builder.block()).collect();
        let end = builder.block();
        builder.switch_to(blocks[0]);
        let bit = builder.constant(Type::Bool, 1);
        builder.branch(bit, blocks[1], end);
        for (i, &block) in blocks.iter().enumerate().skip(1) {
            builder.switch_to(block);
            builder.jump(blocks.get(i + 1).copied().unwrap_or(end));
        }
        builder.switch_to(end);
        builder.terminate(Terminator::Call { callee: bpfc_ir::Func::from_u32(0), next: end });
        let function = builder.finish();
        let parts = segments(&function, 3, |_| false);
        assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), function.layout.len());
        assert_eq!(parts[0].len(), 6);
    }
}
