//! Trees before they are numbers: nodes are grown from lists of terms, from the root down.
//!
//! Terms that a node's region hides behind earlier ones are left out, cells with the same terms
//! share a child, and what cannot be separated, or need not, is a leaf. Children of big nodes are
//! grown at the same time; each depends on its terms and region alone, so that the tree is the same
//! on any number of threads.

use crate::region::Region;
use crate::window::{Windows, choose};
use crate::{Options, Rules};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

/// More nodes on a way than trees need: what is still not separated there is a leaf.
const DEEPEST: u32 = 24;
/// Nodes of so many terms grow their children at the same time.
const PARALLEL: usize = 256;
/// Terms that later ones are looked for behind.
const HIDING: usize = 48;

/// A tree. The terms of leaves are in their order.
pub(crate) enum Tree {
    Leaf(Vec<u32>),
    Node {
        windows: Windows,
        /// The child of each cell.
        cells: Vec<u32>,
        children: Vec<Tree>,
        /// The least term in it.
        best: u32,
    },
}

impl Tree {
    /// The least term in it, [`u32::MAX`] where there is none.
    pub fn best(&self) -> u32 {
        match self {
            Tree::Leaf(terms) => terms.first().copied().unwrap_or(u32::MAX),
            Tree::Node { best, .. } => *best,
        }
    }
}

/// Some cells of a node that hold the same terms.
struct Group {
    terms: Vec<u32>,
    /// Bits that all their numbers have, and those that any has.
    all: u32,
    any: u32,
}

/// A tree of terms, which are in their order.
pub(crate) fn grow(rules: &Rules, options: &Options, terms: &[u32]) -> Tree {
    let region = Region::whole(rules.layout().fields().len());
    node(rules, options, terms, &region, 1.0, 0)
}

fn node(
    rules: &Rules,
    options: &Options,
    terms: &[u32],
    region: &Region,
    copies: f64,
    depth: u32,
) -> Tree {
    let (kept, bounds) = visible(rules, terms, region);
    if kept.len() <= options.leaf || depth >= DEEPEST {
        return Tree::Leaf(kept);
    }
    let Some(windows) = choose(rules, options, &bounds, region, copies, depth == 0) else {
        return Tree::Leaf(kept);
    };
    let (groups, cells) = split(rules, &kept, &bounds, windows);
    if groups.len() < 2 {
        return Tree::Leaf(kept);
    }
    let mut held = vec![0; groups.len()];
    cells.iter().for_each(|&group| held[group as usize] += 1);
    let total: usize = groups.iter().zip(&held).map(|(group, held)| group.terms.len() * held).sum();
    let copies = copies * (total as f64 / kept.len() as f64).max(1.0);
    let child = |group: &Group| {
        let region = inside(region, windows, group);
        node(rules, options, &group.terms, &region, copies, depth + 1)
    };
    let children: Vec<Tree> = match kept.len() {
        few if few < PARALLEL => groups.iter().map(child).collect(),
        _ => groups.par_iter().map(child).collect(),
    };
    let best = children.iter().map(Tree::best).min().unwrap_or(u32::MAX);
    Tree::Node { windows, cells, children, best }
}

/// The terms that may decide in a region, and their bounds there.
fn visible(rules: &Rules, terms: &[u32], region: &Region) -> (Vec<u32>, Vec<[u64; 2]>) {
    let stride = rules.layout().fields().len();
    let (mut kept, mut bounds) = (Vec::new(), Vec::new());
    for &term in terms {
        let before = bounds.len();
        if !region.clip(rules, term, &mut bounds) {
            continue;
        }
        let (earlier, own) = bounds.split_at(before);
        let hides = |outer: &[[u64; 2]]| region.holds(rules, outer, own);
        if kept.len() < HIDING && earlier.chunks_exact(stride.max(1)).any(hides) {
            bounds.truncate(before);
            continue;
        }
        kept.push(term);
        if region.is_covered(rules, own) {
            break;
        }
    }
    (kept, bounds)
}

/// The groups of a node's cells, in the order of their first cells, and the group of each cell.
fn split(
    rules: &Rules,
    terms: &[u32],
    bounds: &[[u64; 2]],
    windows: Windows,
) -> (Vec<Group>, Vec<u32>) {
    let (high, low) = windows.runs(rules.layout(), bounds);
    let below = windows.low.map_or(0, |low| low.width);
    let mut lists: Vec<Vec<u32>> = vec![Vec::new(); 1 << windows.width()];
    for (at, &term) in terms.iter().enumerate() {
        let (first, count) = high[at];
        let (column, wide) = low.as_ref().map_or((0, 1), |low| low[at]);
        for row in first..first + count {
            let begin = (row << below | column) as usize;
            lists[begin..begin + wide as usize].iter_mut().for_each(|list| list.push(term));
        }
    }
    let mut numbers: FxHashMap<Vec<u32>, u32> = FxHashMap::default();
    let (mut groups, mut cells): (Vec<Group>, Vec<u32>) = (Vec::new(), Vec::new());
    for (cell, list) in (0..).zip(lists) {
        match numbers.get(&list) {
            Some(&number) => {
                let group: &mut Group = &mut groups[number as usize];
                (group.all, group.any) = (group.all & cell, group.any | cell);
                cells.push(number);
            }
            None => {
                cells.push(groups.len() as u32);
                groups.push(Group { terms: list.clone(), all: cell, any: cell });
                numbers.insert(list, groups.len() as u32 - 1);
            }
        }
    }
    (groups, cells)
}

/// What is known in a group's cells: the bits that all of them have alike.
fn inside(region: &Region, windows: Windows, group: &Group) -> Region {
    let mut region = region.clone();
    let common = u64::from(!(group.all ^ group.any));
    let below = windows.low.map_or(0, |low| low.width);
    for (window, above) in [(Some(windows.high), below), (windows.low, 0)]
        .into_iter()
        .filter_map(|(w, a)| Some((w?, a)))
    {
        let mask = (common >> above) & ((1 << window.width) - 1);
        let value = u64::from(group.all) >> above;
        region.learn(window.field, mask << window.shift, value << window.shift);
    }
    region
}
