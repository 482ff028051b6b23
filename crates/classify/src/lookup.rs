//! The walk of a plan, as programs do it, with its steps counted.

use crate::{Entry, Found, Key, Leaf, Plan, Root};

/// The steps of one walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Stages that were not left out before their root was read.
    pub stages: u32,
    /// Cells that were read.
    pub nodes: u32,
    /// Terms that the key was compared with.
    pub tests: u32,
}

/// What a key matches first, by the table alone.
///
/// # Panics
/// Where the plan is none that [`crate::build`] made.
pub fn lookup(plan: &Plan, key: &Key) -> (Option<Found>, Cost) {
    let mut cost = Cost::default();
    let mut found: Option<Found> = None;
    for stage in &plan.stages {
        let is_beaten = |best: u32| found.is_some_and(|found| found.term <= best);
        if is_beaten(stage.best) {
            continue;
        }
        cost.stages += 1;
        let mut entry = match stage.root {
            Root::Leaf(leaf) => Entry::Leaf(leaf),
            Root::Node { node, is_wide } => {
                cost.nodes += 1;
                let size = if is_wide { 2 } else { 1 };
                let at = node.base as usize + node.cell(&key.0) * size;
                if is_wide && is_beaten(plan.table[at + 1] as u32) {
                    continue;
                }
                Entry::decode(plan.table[at])
            }
        };
        let leaf = loop {
            match entry {
                Entry::Leaf(leaf) => break leaf,
                Entry::Node(node) => {
                    cost.nodes += 1;
                    let at = node.base as usize + node.cell(&key.0);
                    entry = Entry::decode(plan.table[at]);
                }
            }
        };
        let first = terms(plan, leaf).find(|words| {
            cost.tests += 1;
            plan.rules.matches(words, key)
        });
        let first = first.map(Found::of);
        found = match (found, first) {
            (Some(a), Some(b)) => Some(if a.term < b.term { a } else { b }),
            (a, b) => a.or(b),
        };
    }
    (found, cost)
}

/// The words of a leaf's terms.
pub(crate) fn terms(plan: &Plan, leaf: Leaf) -> impl Iterator<Item = &[u64]> {
    let size = plan.rules.layout().words().len() * 2;
    let words = &plan.table[leaf.offset as usize..][..usize::from(leaf.count) * size];
    words.chunks_exact(size)
}
