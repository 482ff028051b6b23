//! Control flow inside a function: predecessors, an order where every block comes after its
//! predecessors, and dominators.
//!
//! A function's blocks form no cycle, so that one sweep in topological order suffices for
//! everything. All of it is linear in the blocks, dominator queries logarithmic, and nothing
//! recurses: functions have hundreds of thousands of blocks.

use crate::{Block, Function};
use cranelift_entity::{EntityRef, EntitySet};

/// The blocks that the entry reaches, each before those that it leads to.
///
/// # Panics
/// When a block of the layout or a successor does not exist.
pub fn reverse_postorder(function: &Function) -> Vec<Block> {
    let mut order = Vec::with_capacity(function.layout.len());
    let mut seen: EntitySet<Block> = EntitySet::with_capacity(function.blocks.len());
    // A block is on the stack once to be entered, and once more to be left.
    let mut open: Vec<(Block, bool)> =
        function.entry().map(|entry| (entry, false)).into_iter().collect();
    while let Some((block, is_left)) = open.pop() {
        if is_left {
            order.push(block);
        } else if seen.insert(block) {
            open.push((block, true));
            let new = |next: &Block| !seen.contains(*next);
            open.extend(
                function.blocks[block]
                    .terminator
                    .successors()
                    .filter(new)
                    .map(|next| (next, false)),
            );
        }
    }
    order.reverse();
    order
}

/// The control flow of a function whose references are sound: every block of the layout and
/// every successor exists and is laid out once.
#[derive(Clone, Debug)]
pub struct ControlFlow {
    /// Predecessors of all blocks, those of block `b` at `starts[b]..starts[b + 1]`.
    predecessors: Vec<Block>,
    starts: Vec<usize>,
    /// Blocks that the entry reaches, in topological order.
    order: Vec<Block>,
    nodes: Vec<Node>,
}

/// A block's place in the dominator tree; the entry is its own parent.
#[derive(Clone, Copy, Debug)]
struct Node {
    parent: Block,
    /// An ancestor further up, so that climbing takes logarithmic time.
    jump: Block,
    depth: u32,
    reachable: bool,
}

impl ControlFlow {
    /// The control flow of a function; none where blocks form a cycle, with one on it.
    ///
    /// # Errors
    /// A block that lies on a cycle or behind one.
    ///
    /// # Panics
    /// When a block of the layout or a successor does not exist.
    pub fn new(function: &Function) -> Result<Self, Block> {
        let count = function.blocks.len();
        let mut starts = vec![0; count + 1];
        let edges = || {
            function.layout.iter().flat_map(|&block| {
                let terminator = &function.blocks[block].terminator;
                terminator.successors().map(move |successor| (block, successor))
            })
        };
        for (_, successor) in edges() {
            starts[successor.index() + 1] += 1;
        }
        for at in 0..count {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let mut predecessors = vec![Block::new(0); starts[count]];
        for (block, successor) in edges() {
            predecessors[next[successor.index()]] = block;
            next[successor.index()] += 1;
        }
        let entry = function.entry();
        let node = Node { parent: Block::new(0), jump: Block::new(0), depth: 0, reachable: false };
        let mut flow =
            ControlFlow { predecessors, starts, order: Vec::new(), nodes: vec![node; count] };
        let Some(entry) = entry else { return Ok(flow) };
        flow.sort(function)?;
        flow.dominators(entry);
        Ok(flow)
    }

    /// Puts all laid out blocks into topological order.
    fn sort(&mut self, function: &Function) -> Result<(), Block> {
        let mut missing: Vec<usize> =
            self.starts.windows(2).map(|range| range[1] - range[0]).collect();
        let mut ready: Vec<Block> = function
            .layout
            .iter()
            .rev()
            .copied()
            .filter(|block| missing[block.index()] == 0)
            .collect();
        while let Some(block) = ready.pop() {
            self.order.push(block);
            for successor in function.blocks[block].terminator.successors() {
                missing[successor.index()] -= 1;
                if missing[successor.index()] == 0 {
                    ready.push(successor);
                }
            }
        }
        if self.order.len() < function.layout.len() {
            let stuck = function.layout.iter().find(|block| missing[block.index()] > 0);
            return Err(stuck.copied().unwrap_or(Block::new(0)));
        }
        Ok(())
    }

    /// The immediate dominator of a block is the lowest common ancestor of its predecessors,
    /// all of which come before it.
    fn dominators(&mut self, entry: Block) {
        let order = std::mem::take(&mut self.order);
        for &block in &order {
            if block == entry {
                self.nodes[block.index()] =
                    Node { parent: block, jump: block, depth: 0, reachable: true };
                self.order.push(block);
                continue;
            }
            let mut parent = None;
            for at in self.starts[block.index()]..self.starts[block.index() + 1] {
                let predecessor = self.predecessors[at];
                if self.nodes[predecessor.index()].reachable {
                    parent = match parent {
                        None => Some(predecessor),
                        Some(other) => Some(self.common_dominator(other, predecessor)),
                    };
                }
            }
            let Some(parent) = parent else { continue };
            let above = self.nodes[parent.index()];
            let jump = self.nodes[above.jump.index()];
            let further = self.nodes[jump.jump.index()];
            // Jumps double where two equal ones lie above one another.
            let jump = match above.depth - jump.depth == jump.depth - further.depth {
                true => jump.jump,
                false => parent,
            };
            self.nodes[block.index()] =
                Node { parent, jump, depth: above.depth + 1, reachable: true };
            self.order.push(block);
        }
    }

    /// The closest block that dominates two reachable blocks.
    pub fn common_dominator(&self, a: Block, b: Block) -> Block {
        let node = |block: Block| self.nodes[block.index()];
        let (mut a, mut b) = (a, b);
        if node(a).depth < node(b).depth {
            (a, b) = (b, a);
        }
        a = self.ancestor(a, node(b).depth);
        while a != b {
            if node(a).jump != node(b).jump {
                (a, b) = (node(a).jump, node(b).jump);
            } else {
                (a, b) = (node(a).parent, node(b).parent);
            }
        }
        a
    }

    /// The ancestor of a block in the dominator tree at a depth that is not below its own.
    fn ancestor(&self, mut block: Block, depth: u32) -> Block {
        while self.nodes[block.index()].depth > depth {
            let node = self.nodes[block.index()];
            block =
                if self.nodes[node.jump.index()].depth >= depth { node.jump } else { node.parent };
        }
        block
    }

    /// Whether every path from the entry to `b`, which must be reachable, goes through `a`.
    pub fn dominates(&self, a: Block, b: Block) -> bool {
        let (upper, lower) = (self.nodes[a.index()], self.nodes[b.index()]);
        upper.reachable && upper.depth <= lower.depth && self.ancestor(b, upper.depth) == a
    }

    /// The closest block that dominates a reachable block; none for the entry.
    pub fn immediate_dominator(&self, block: Block) -> Option<Block> {
        let node = self.nodes[block.index()];
        (node.reachable && node.depth > 0).then_some(node.parent)
    }

    /// Whether the entry reaches a block.
    pub fn is_reachable(&self, block: Block) -> bool {
        self.nodes[block.index()].reachable
    }

    /// Blocks that the entry reaches, each after its reachable predecessors.
    pub fn order(&self) -> &[Block] {
        &self.order
    }

    /// The blocks that lead to a block, one for each edge, reachable or not.
    pub fn predecessors(&self, block: Block) -> &[Block] {
        &self.predecessors[self.starts[block.index()]..self.starts[block.index() + 1]]
    }

    /// The only reachable block that leads to a block, by one edge or more.
    pub fn only_predecessor(&self, block: Block) -> Option<Block> {
        let mut reachable =
            self.predecessors(block).iter().filter(|predecessor| self.is_reachable(**predecessor));
        let only = reachable.next()?;
        reachable.all(|other| other == only).then_some(*only)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Family, FunctionBuilder, Verdict};

    /// A function of blocks that lead to others by number; none of them, a verdict.
    fn function(edges: &[&[usize]]) -> Function {
        let mut builder = FunctionBuilder::new("f", Family::Ipv4);
        let blocks: Vec<_> = edges.iter().map(|_| builder.block()).collect();
        for (at, successors) in edges.iter().enumerate() {
            builder.switch_to(blocks[at]);
            match successors {
                [] => builder.verdict(Verdict::Drop),
                [next] => builder.jump(blocks[*next]),
                [then, otherwise, ..] => {
                    let condition = builder.constant(crate::Type::Bool, 1);
                    builder.branch(condition, blocks[*then], blocks[*otherwise]);
                }
            }
        }
        builder.finish()
    }

    /// Whether removing a block cuts another off.
    fn dominates_by_definition(edges: &[&[usize]], a: usize, b: usize) -> bool {
        let mut seen = vec![false; edges.len()];
        let mut stack = vec![0];
        while let Some(at) = stack.pop() {
            if at != a && !std::mem::replace(&mut seen[at], true) {
                stack.extend(edges[at]);
            }
        }
        !seen[b]
    }

    #[test]
    fn dominators_are_what_their_definition_says() {
        let graphs: [&[&[usize]]; 4] = [
            &[&[]],
            &[&[1, 2], &[3], &[3, 4], &[4], &[]],
            &[&[3, 1], &[3, 2], &[3, 4], &[], &[5, 6], &[7], &[7], &[]],
            &[&[2, 4], &[2], &[3, 5], &[5, 6], &[6], &[6], &[]],
        ];
        for edges in graphs {
            let flow = ControlFlow::new(&function(edges)).unwrap();
            for a in 0..edges.len() {
                for b in 0..edges.len() {
                    let (block, other) = (Block::new(a), Block::new(b));
                    if flow.is_reachable(block) && flow.is_reachable(other) {
                        let expected = dominates_by_definition(edges, a, b);
                        assert_eq!(flow.dominates(block, other), expected, "{a} {b}");
                    }
                }
            }
        }
        let flow = ControlFlow::new(&function(graphs[3])).unwrap();
        assert!(!flow.is_reachable(Block::new(1)));
        assert_eq!(flow.only_predecessor(Block::new(2)), Some(Block::new(0)));
    }

    #[test]
    fn cycles_are_found() {
        assert_eq!(
            ControlFlow::new(&function(&[&[1], &[2, 3], &[1], &[]])).err(),
            Some(Block::new(1))
        );
        assert!(ControlFlow::new(&function(&[&[], &[1]])).is_err());
    }
}
