//! Cutting long chains into segments.
//!
//! A chain of thousands of rules would exceed the 16-bit jump offsets, the verifier's 8,192 pending
//! branches, and its quadratic per-function analyses. It is cut into segments, each a function, and
//! whoever calls the chain calls them in order. Where it can, a cut lies between two rules, so that
//! all that goes on goes on at the next segment's first block. A graph of decisions has no such
//! place: there a segment says where control goes on ([`crate::chain::outcome::ENTRY`]), in
//! whichever later segment that is, and what later segments use of its values is carried in the
//! packet structure.

use bpfc_ir::{Block, Function, Op, Terminator, Value, reverse_postorder};
use cranelift_entity::{EntitySet, SecondaryMap};
use std::collections::{BTreeMap, BTreeSet};

/// Blocks in one segment: below the verifier's limit of pending branches with room to spare.
pub const BLOCKS_PER_SEGMENT: usize = 2_000;

/// A chain's blocks, cut into segments. Blocks that end the chain without a call are copied into
/// each segment that jumps to them. Blocks that nothing reaches (rules behind one that accepts
/// everything, a shared end that all others have copies of) are left out: the verifier refuses
/// instructions that cannot run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segments {
    /// The segments. Edges between them lead to later ones.
    pub parts: Vec<Segment>,
    /// The values that one segment computes and another one uses, with their places in the bytes
    /// that are carried.
    pub carried: BTreeMap<Value, i16>,
    /// Bytes that are carried, a multiple of 8.
    pub carried_size: i16,
    /// Whether all that leaves a segment goes on at the first block of the next one.
    pub is_sequence: bool,
}

/// A segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its blocks in the order of their code.
    pub blocks: Vec<Block>,
    /// The blocks that other segments lead to, in the order of the chain; none of the first
    /// segment, which begins with its first block.
    pub entries: Vec<Block>,
}

/// Cuts a function into segments of `limit` blocks, twice as many at most where there is no place
/// between two rules. Values that are kept are carried, each
/// in so many bytes, where cuts part them from their uses; others are computed anew.
pub fn segments(
    function: &Function,
    limit: usize,
    is_kept: impl Fn(&Op) -> bool,
    bytes: impl Fn(Value) -> i16,
) -> Segments {
    let mut marks = Marks::default();
    let reached = marks.reachable(function, &function.layout, &function.layout[..1]);
    if reached.len() <= limit {
        let blocks = order(function, &reached, reached[0]);
        let parts = vec![Segment { blocks, entries: Vec::new() }];
        return Segments { parts, is_sequence: true, ..Segments::default() };
    }
    let laid_out = is_forward(function, &reached)
        .then(|| cut(function, &mut marks, &reached, limit, &is_kept, &bytes));
    match laid_out {
        Some(segments) if segments.is_sequence => segments,
        _ => {
            // Subtree by subtree, which the layout of a graph need not be.
            let order = reverse_postorder(function);
            let sorted = cut(function, &mut marks, &order, limit, &is_kept, &bytes);
            match laid_out {
                Some(segments) if segments.entries() <= sorted.entries() => segments,
                _ => sorted,
            }
        }
    }
}

impl Segments {
    /// How many ways there are into segments.
    fn entries(&self) -> usize {
        self.parts.iter().map(|part| part.entries.len()).sum()
    }
}

/// Cuts blocks into segments that are in an order where every edge leads forward.
fn cut(
    function: &Function,
    marks: &mut Marks,
    layout: &[Block],
    limit: usize,
    is_kept: &impl Fn(&Op) -> bool,
    bytes: &impl Fn(Value) -> i16,
) -> Segments {
    let chain = Chain::new(function, layout);
    let cuts = chain.cuts(limit, is_kept);
    let mut parts: Vec<Segment> = Vec::with_capacity(cuts.len());
    let mut is_sequence = true;
    let entered = chain.entered(&cuts, &mut is_sequence);
    for (at, cut) in cuts.windows(2).enumerate() {
        let mut blocks = layout[cut[0]..cut[1]].to_vec();
        let mut extra: Vec<Block> = blocks
            .iter()
            .flat_map(|&block| function.blocks[block].terminator.successors())
            .filter(|&to| chain.is_shared(to) && !(cut[0]..cut[1]).contains(&chain.position[to]))
            .collect();
        extra.sort_unstable();
        extra.dedup();
        blocks.extend(extra);
        let entries = match at {
            0 => Vec::new(),
            _ => entered[at].iter().map(|&at| layout[at]).collect(),
        };
        let first = if at == 0 { &layout[..1] } else { &entries[..] };
        let blocks = marks.reachable(function, &blocks, first);
        parts.push(Segment { blocks: order(function, &blocks, first[0]), entries });
    }
    let (carried, carried_size) = carried(function, &parts, is_kept, bytes);
    Segments { parts, carried, carried_size, is_sequence }
}

/// Whether every edge between blocks leads forward in their order.
fn is_forward(function: &Function, layout: &[Block]) -> bool {
    let mut seen: EntitySet<Block> = EntitySet::with_capacity(function.blocks.len());
    layout.iter().all(|&block| {
        seen.insert(block);
        function.blocks[block].terminator.successors().all(|to| !seen.contains(to))
    })
}

/// A function's blocks in an order where every edge leads forward.
struct Chain<'a> {
    function: &'a Function,
    layout: &'a [Block],
    position: SecondaryMap<Block, usize>,
    /// Edges into each block.
    sources: SecondaryMap<Block, usize>,
}

impl<'a> Chain<'a> {
    fn new(function: &'a Function, layout: &'a [Block]) -> Self {
        let mut position = SecondaryMap::with_capacity(function.blocks.len());
        let mut sources = SecondaryMap::with_capacity(function.blocks.len());
        for (at, &block) in layout.iter().enumerate() {
            position[block] = at;
            for to in function.blocks[block].terminator.successors() {
                sources[to] += 1;
            }
        }
        Chain { function, layout, position, sources }
    }

    /// Shared ends, such as the policy or the drop of truncated packets: copied, so that jumps to
    /// them do not tie the chain together.
    fn is_shared(&self, block: Block) -> bool {
        let end = &self.function.blocks[block].terminator;
        matches!(end, Terminator::Return | Terminator::Verdict(_)) && self.sources[block] > 1
    }

    /// Where segments begin, and where the last one ends.
    fn cuts(&self, limit: usize, is_kept: impl Fn(&Op) -> bool) -> Vec<usize> {
        let count = self.layout.len();
        // How many blocks before a cut are led to from behind it, by the first edge to each.
        let mut entries = vec![0i32; count + 2];
        let mut first: SecondaryMap<Block, Option<usize>> =
            SecondaryMap::with_capacity(self.function.blocks.len());
        for (from, &block) in self.layout.iter().enumerate() {
            for to in self.function.blocks[block].terminator.successors() {
                if !self.is_shared(to) && first[to].is_none() {
                    first[to] = Some(from);
                    entries[from + 1] += 1;
                    entries[self.position[to] + 1] -= 1;
                }
            }
        }
        // How many values a cut parts from their uses.
        let mut kept = vec![0i32; count + 2];
        for (definition, last_use) in self.spans(&is_kept) {
            kept[definition + 1] += 1;
            kept[last_use + 1] -= 1;
        }
        let mut cuts = vec![0];
        let mut clean = None;
        let mut best: Option<(i32, usize)> = None;
        let [mut entered, mut carried] = [0; 2];
        for at in 1..count {
            entered += entries[at];
            carried += kept[at];
            let start = *cuts.last().unwrap_or(&0);
            if !self.is_shared(self.layout[at]) {
                if entered == 1 && carried == 0 {
                    clean = Some(at);
                }
                let cost = entered + VALUE * carried;
                if at - start >= limit / 2 && best.is_none_or(|(least, _)| cost <= least) {
                    best = Some((cost, at));
                }
            }
            let wanted = match at + 1 - start {
                blocks if blocks >= limit.saturating_mul(2).max(LEAST_GRAPH) => {
                    clean.or(best.map(|(_, at)| at))
                }
                blocks if blocks >= limit => clean,
                _ => None,
            };
            if let Some(cut) = wanted.filter(|&cut| cut > start) {
                cuts.push(cut);
                clean = clean.filter(|&at| at > cut);
                best = best.filter(|&(_, at)| at > cut);
            }
        }
        cuts.push(count);
        cuts
    }

    /// The positions of each segment's entries, in order; clears `is_sequence` where control goes
    /// on elsewhere than at the next segment's first block.
    fn entered(&self, cuts: &[usize], is_sequence: &mut bool) -> Vec<BTreeSet<usize>> {
        let segment = |at: usize| cuts.partition_point(|&cut| cut <= at) - 1;
        let mut entered = vec![BTreeSet::new(); cuts.len() - 1];
        for (from, &block) in self.layout.iter().enumerate() {
            let own = segment(from);
            for to in self.function.blocks[block].terminator.successors() {
                let at = self.position[to];
                let other = segment(at);
                if other != own && !self.is_shared(to) {
                    entered[other].insert(at);
                    *is_sequence &= other == own + 1 && at == cuts[other];
                }
            }
        }
        entered
    }

    /// Of each value that is kept the positions of the block that defines it and of the last that
    /// computes with it, where they are not the same.
    fn spans(&self, is_kept: impl Fn(&Op) -> bool) -> Vec<(usize, usize)> {
        let mut last: SecondaryMap<Value, usize> = SecondaryMap::new();
        let mut defined = Vec::new();
        for (at, &block) in self.layout.iter().enumerate() {
            for &inst in &self.function.blocks[block].insts {
                let data = &self.function.insts[inst];
                if let Some(value) = data.result.expand().filter(|_| is_kept(&data.op)) {
                    defined.push((value, at));
                }
            }
        }
        if defined.is_empty() {
            return Vec::new();
        }
        for (at, &block) in self.layout.iter().enumerate() {
            for value in uses(self.function, block, &is_kept) {
                last[value] = last[value].max(at);
            }
        }
        let spans = defined.into_iter().map(|(value, at)| (at, last[value]));
        spans.filter(|&(from, to)| to > from).collect()
    }
}

/// Blocks of a graph of decisions that are not parted: where they are few, a function for each few
/// costs more than it saves.
const LEAST_GRAPH: usize = 64;

/// What carrying a value costs, in further entries.
const VALUE: i32 = 8;

/// The kept values that a block computes with, directly or in a value that is computed there anew.
pub(crate) fn uses(
    function: &Function,
    block: Block,
    is_kept: &impl Fn(&Op) -> bool,
) -> BTreeSet<Value> {
    let data = &function.blocks[block];
    let mut open: Vec<Value> = data.terminator.arg().into_iter().collect();
    for &inst in &data.insts {
        let op = &function.insts[inst].op;
        if op.is_effect() || is_kept(op) {
            open.extend(op.args());
        }
    }
    let mut seen = BTreeSet::new();
    let mut found = BTreeSet::new();
    while let Some(value) = open.pop() {
        if seen.insert(value) {
            let op = function.definition(value);
            match is_kept(op) {
                true => drop(found.insert(value)),
                false => open.extend(op.args()),
            }
        }
    }
    found
}

/// Gives values that one segment computes and another one uses their places: two that are never
/// waited for at once can have the same.
fn carried(
    function: &Function,
    parts: &[Segment],
    is_kept: &impl Fn(&Op) -> bool,
    bytes: &impl Fn(Value) -> i16,
) -> (BTreeMap<Value, i16>, i16) {
    let mut defined: BTreeMap<Value, usize> = BTreeMap::new();
    for (at, part) in parts.iter().enumerate() {
        let insts = part.blocks.iter().flat_map(|&block| &function.blocks[block].insts);
        let kept = insts.map(|&inst| &function.insts[inst]).filter(|data| is_kept(&data.op));
        defined.extend(kept.filter_map(|data| Some((data.result.expand()?, at))));
    }
    let mut spans: BTreeMap<(usize, Value), usize> = BTreeMap::new();
    if !defined.is_empty() {
        for (at, part) in parts.iter().enumerate() {
            for value in part.blocks.iter().flat_map(|&block| uses(function, block, is_kept)) {
                if let Some(&from) = defined.get(&value).filter(|&&from| from != at) {
                    let last = spans.entry((from, value)).or_default();
                    *last = at.max(*last);
                }
            }
        }
    }
    let mut places: BTreeMap<Value, i16> = BTreeMap::new();
    // Of each place its bytes, and the last segment that uses what lies in it.
    let mut known: Vec<(i16, i16, usize)> = Vec::new();
    let mut size = 0;
    for ((from, value), last) in spans {
        let bytes = bytes(value);
        let free = known.iter_mut().find(|(_, of, until)| *of == bytes && *until < from);
        let at = match free {
            Some(place) => {
                place.2 = last;
                place.0
            }
            None => {
                known.push((size, bytes, last));
                size = size.saturating_add(bytes);
                size - bytes
            }
        };
        places.insert(value, at);
    }
    (places, size)
}

/// Marks of blocks, kept from one search to the next: a search costs what it sees.
#[derive(Default)]
struct Marks {
    inside: EntitySet<Block>,
    reached: EntitySet<Block>,
}

impl Marks {
    /// Those of some blocks that control can reach from `entries` without leaving them, in the
    /// same order.
    fn reachable(
        &mut self,
        function: &Function,
        blocks: &[Block],
        entries: &[Block],
    ) -> Vec<Block> {
        self.inside.extend(blocks.iter().copied());
        let mut open: Vec<Block> = entries.to_vec();
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
    use bpfc_ir::{Base, Condition, Counter, Family, FunctionBuilder, Op, Type, Verdict};

    fn cut_pure(function: &Function, limit: usize) -> Segments {
        segments(function, limit, |_| false, |_| 8)
    }

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
        let parts = cut_pure(&builder.finish(), 2_000).parts;
        assert_eq!(parts, [Segment { blocks: vec![first], entries: Vec::new() }]);
    }

    #[test]
    fn a_short_chain_stays_whole_with_its_matches_last() {
        let function = chain(3);
        let parts = cut_pure(&function, 2_000).parts;
        assert_eq!(parts.len(), 1);
        let blocks = &parts[0].blocks;
        assert_eq!(blocks[0], function.layout[0]);
        let is_match = |block: &Block| {
            !function.blocks[*block].insts.is_empty()
                && matches!(function.insts[function.blocks[*block].insts[0]].op, Op::Count(_))
        };
        let first = blocks.iter().position(is_match).expect("matches");
        assert!(blocks[first..].iter().all(is_match));
    }

    /// Whether edges between segments lead to entries of later ones, every block is in a segment,
    /// and none twice in one.
    fn check(function: &Function, cut: &Segments) {
        let mut seen = BTreeSet::new();
        for (i, part) in cut.parts.iter().enumerate() {
            let inside: BTreeSet<Block> = part.blocks.iter().copied().collect();
            assert_eq!(inside.len(), part.blocks.len(), "a block twice in one segment");
            assert_eq!(part.entries.is_empty(), i == 0);
            assert!(i == 0 || part.entries.contains(&part.blocks[0]));
            for to in part.blocks.iter().flat_map(|&b| function.blocks[b].terminator.successors()) {
                let later = |part: &Segment| part.entries.contains(&to);
                let is_entry = cut.parts[i + 1..].iter().any(later);
                assert!(inside.contains(&to) || is_entry, "{to}");
            }
            seen.extend(inside);
        }
        assert_eq!(seen.len(), function.layout.len(), "every block is in a segment");
    }

    #[test]
    fn a_chain_of_rules_is_a_sequence() {
        for limit in [8, 20, 100] {
            let function = chain(50);
            let cut = cut_pure(&function, limit);
            assert!(cut.parts.len() > 1 && cut.is_sequence, "limit {limit}");
            assert!(cut.parts.iter().all(|part| part.blocks.len() <= limit + 2), "limit {limit}");
            check(&function, &cut);
            for pair in cut.parts.windows(2) {
                assert_eq!(pair[1].entries, pair[1].blocks[..1]);
            }
        }
    }

    /// A tree of decisions by the bits of a port, of which each leaf also asks for the number that
    /// was drawn first; laid out level by level, so that the layout says nothing of subtrees.
    fn tree(depth: usize) -> Function {
        let mut builder = FunctionBuilder::new("filter/INPUT", Family::Ipv4);
        let nodes: Vec<Block> = (0..(2 << depth) - 1).map(|_| builder.block()).collect();
        let [one, other] = [builder.block(), builder.block()];
        let mut numbers = None;
        for (at, &block) in nodes.iter().enumerate() {
            builder.switch_to(block);
            let (port, drawn) = *numbers.get_or_insert_with(|| {
                (builder.payload(Type::I32, Base::Network, 12), builder.random())
            });
            let level = (at + 1).ilog2();
            if level as usize == depth {
                let test = builder.compare_const(Condition::Lt, drawn, at as u128);
                builder.branch(test, one, other);
            } else {
                let bit = builder.mask(port, 1 << level);
                let test = builder.compare_const(Condition::Ne, bit, 0);
                builder.branch(test, nodes[2 * at + 1], nodes[2 * at + 2]);
            }
        }
        builder.switch_to(one);
        builder.verdict(Verdict::Accept);
        builder.switch_to(other);
        builder.verdict(Verdict::Drop);
        builder.finish()
    }

    #[test]
    fn a_tree_is_cut_where_few_ways_are_open() {
        let function = tree(9);
        let parts = segments(&function, 100, |op| matches!(op, Op::Random), |_| 8);
        check(&function, &parts);
        assert!(!parts.is_sequence && parts.parts.len() > 5);
        for part in &parts.parts {
            assert!(part.blocks.len() <= 202 && part.entries.len() <= 10, "{part:?}");
        }
        // The drawn number is used by all.
        let places: Vec<i16> = parts.carried.values().copied().collect();
        assert_eq!((places, parts.carried_size), (vec![0], 8));
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
        let cut = segments(&function, 4, is_scan, |_| 8);
        check(&function, &cut);
        assert!(cut.parts.len() > 10 && cut.carried.is_empty() && cut.is_sequence);
        for part in &cut.parts {
            let compares = part
                .blocks
                .iter()
                .flat_map(|&block| &function.blocks[block].insts)
                .any(|&inst| matches!(function.insts[inst].op, Op::Compare(..)));
            let scans = part
                .blocks
                .iter()
                .flat_map(|&block| &function.blocks[block].insts)
                .any(|&inst| is_scan(&function.insts[inst].op));
            assert_eq!(compares, scans);
        }
    }
}
