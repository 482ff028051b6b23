//! Which chains to inline.
//!
//! The call graph is kept as if every chain chosen so far were inlined already: sizes have grown,
//! and an edge says how many calls there are now. Growth by inlining a chain is its size for each
//! call but one.

use bpfc_ir::{Entry, Func, Program};
use cranelift_entity::SecondaryMap;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Default)]
struct Node {
    kept: bool,
    base: bool,
    /// Instructions and terminators.
    size: u64,
    callers: BTreeSet<Func>,
    /// How many calls of each chain.
    calls: BTreeMap<Func, u64>,
    /// How many calls of this chain.
    sites: u64,
}

impl Node {
    fn growth(&self) -> u64 {
        self.size.saturating_mul(self.sites.saturating_sub(1))
    }
}

pub(super) struct Plan {
    nodes: SecondaryMap<Func, Node>,
    kept: usize,
}

impl Plan {
    /// The plan that keeps all chains of `order`.
    pub fn new(program: &Program, order: &[Func]) -> Self {
        let mut nodes: SecondaryMap<Func, Node> = SecondaryMap::new();
        for &func in order {
            let function = &program.funcs[func];
            let sizes = function.layout.iter().map(|&b| function.blocks[b].insts.len() as u64 + 1);
            nodes[func].kept = true;
            nodes[func].size = sizes.sum();
            for callee in function.callees() {
                nodes[callee].sites += 1;
                nodes[callee].callers.insert(func);
                *nodes[func].calls.entry(callee).or_default() += 1;
            }
        }
        for chain in program.entries.iter().flat_map(Entry::funcs) {
            nodes[chain].base = true;
        }
        Plan { nodes, kept: order.len() }
    }

    /// Whether a chain stays a function.
    pub fn keeps(&self, func: Func) -> bool {
        self.nodes.get(func).is_some_and(|node| node.kept)
    }

    /// How many chains stay.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Size of all chains that stay.
    pub fn size(&self) -> u64 {
        let kept = self.nodes.values().filter(|node| node.kept);
        kept.fold(0, |sum, node| sum.saturating_add(node.size))
    }

    fn inline(&mut self, func: Func) {
        let Node { size, callers, calls, .. } = std::mem::take(&mut self.nodes[func]);
        self.kept -= 1;
        for (&callee, &count) in &calls {
            let node = &mut self.nodes[callee];
            node.callers.remove(&func);
            node.sites = node.sites.saturating_sub(count);
        }
        for caller in callers {
            let times = self.nodes[caller].calls.remove(&func).unwrap_or(0);
            let node = &mut self.nodes[caller];
            node.size = node.size.saturating_add(size.saturating_mul(times));
            for (&callee, &count) in &calls {
                let added = count.saturating_mul(times);
                let known = self.nodes[caller].calls.entry(callee).or_default();
                *known = known.saturating_add(added);
                let node = &mut self.nodes[callee];
                node.callers.insert(caller);
                node.sites = node.sites.saturating_add(added);
            }
        }
    }

    /// Inlines chains up to a size that are called from one place. `order` has callees first.
    pub fn small(&mut self, order: &[Func], size: u64) {
        for &func in order {
            let node = &self.nodes[func];
            if !node.base && node.sites == 1 && node.size <= size {
                self.inline(func);
            }
        }
    }

    /// By chain: how many chains wait at most when it runs, itself included; and how many more,
    /// itself included, may run below it.
    fn depths(&self, order: &[Func]) -> SecondaryMap<Func, (usize, usize)> {
        let mut depths: SecondaryMap<Func, (usize, usize)> = SecondaryMap::new();
        for &func in order {
            let below = self.nodes[func].calls.keys().map(|&callee| depths[callee].1).max();
            depths[func].1 = 1 + below.unwrap_or(0);
        }
        for &func in order.iter().rev() {
            let above = self.nodes[func].callers.iter().map(|&caller| depths[caller].0).max();
            depths[func].0 = 1 + above.unwrap_or(0);
        }
        depths
    }

    /// How many chains wait at once at most.
    pub fn depth(&self, order: &[Func]) -> usize {
        let depths = self.depths(order);
        let kept = order.iter().filter(|&&func| self.keeps(func));
        kept.map(|&func| depths[func].1).max().unwrap_or(0)
    }

    /// Inlines chains until no more than `limit` wait at once: always one of those on a longest
    /// path that makes the program grow least, and with it all that are as deep, on a longest
    /// path and called from one place. Chains of one depth never lie on one path.
    pub fn flatten(&mut self, order: &[Func], limit: usize) {
        let mut order: Vec<Func> = order.to_vec();
        loop {
            order.retain(|&func| self.keeps(func));
            let depths = self.depths(&order);
            let deepest = order.iter().map(|&func| depths[func].1).max().unwrap_or(0);
            if deepest <= limit.max(1) {
                return;
            }
            let candidates: Vec<Func> = order
                .iter()
                .copied()
                .filter(|&func| depths[func].0 + depths[func].1 - 1 == deepest)
                .filter(|&func| !self.nodes[func].base)
                .collect();
            let best = candidates.iter().min_by_key(|&&func| (self.nodes[func].growth(), func));
            let Some(&best) = best else { return };
            let level = depths[best].0;
            for func in candidates {
                if func == best || (depths[func].0 == level && self.nodes[func].sites == 1) {
                    self.inline(func);
                }
            }
        }
    }

    /// Inlines chains, those first that make the program grow least, until no more than `limit`
    /// are left, base chains excepted.
    pub fn reduce(&mut self, limit: usize) {
        if self.kept <= limit {
            return;
        }
        let mut queue: BTreeSet<(u64, Func)> = self
            .nodes
            .iter()
            .filter(|(_, node)| node.kept && !node.base)
            .map(|(func, node)| (node.growth(), func))
            .collect();
        while self.kept > limit {
            let Some((_, func)) = queue.pop_first() else { return };
            let node = &self.nodes[func];
            let near: Vec<Func> = node.callers.iter().chain(node.calls.keys()).copied().collect();
            let before: Vec<u64> = near.iter().map(|&func| self.nodes[func].growth()).collect();
            self.inline(func);
            for (&func, before) in near.iter().zip(before) {
                if queue.remove(&(before, func)) {
                    queue.insert((self.nodes[func].growth(), func));
                }
            }
        }
    }
}
