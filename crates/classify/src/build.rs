//! From rules to a plan: stages, their trees, and the numbers of those.
//!
//! A rule's stage is decided by which of its addresses are narrow: both, the source alone, the
//! destination alone, or neither; rules of the last kind with a narrow source port and a wide
//! destination port are a fifth stage. In one tree, rules that are wide in what the others are
//! separated by would be copied into most leaves. An address is narrow where 8 bits of it are known
//! that are not the same in all rules: what a site's addresses begin with separates none of them.

use crate::grow::{Tree, grow};
use crate::{Entry, Field, Form, Leaf, Node, Plan, Role, Root, Rules, Stage};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

/// What a build aims at. The figures of the default were found by measuring: node and leaf sizes
/// hardly matter between half and twice theirs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Lists of so many terms become leaves.
    pub leaf: usize,
    /// A node has at most so many cells for each of its terms.
    pub cells: f64,
    /// Bits that a root leads by, at most 12.
    pub root_bits: u32,
    /// Bits that other nodes lead by, at most 8.
    pub node_bits: u32,
    /// How often a term may be copied on the way from the root to its leaves.
    pub copies: f64,
    /// What twice the copies cost, in halvings of the terms that are left.
    pub copies_weight: f64,
    /// What a fullest cell costs that is twice as full as what packets come to on average.
    pub largest_weight: f64,
    /// What a bit costs, that is, twice the cells.
    pub bits_weight: f64,
    /// What a window must gain for a node to be made.
    pub least_score: f64,
    /// Bits of an address, of those that differ among rules, that a narrow one has.
    pub narrow: u32,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            leaf: 6,
            cells: 4.0,
            root_bits: 12,
            node_bits: 8,
            copies: 16.0,
            copies_weight: 0.3,
            largest_weight: 0.05,
            bits_weight: 0.02,
            least_score: 0.02,
            narrow: 8,
        }
    }
}

/// Why rules have no plan: they are decided otherwise then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// More terms that no window separates than a leaf can name.
    #[error("{0} rules cannot be told apart by the bits of a packet")]
    Leaf(usize),
    /// A table of more than [`Plan::MOST`] numbers.
    #[error("the tables have more than {most} numbers", most = Plan::MOST)]
    Table,
}

impl Plan {
    /// The most numbers in a table: 128 MB.
    pub const MOST: usize = 1 << 24;
}

/// The plan of rules. The same rules have the same plan on any number of threads.
///
/// # Errors
/// Where a leaf or the table would be too long.
pub fn build(rules: Rules, options: &Options) -> Result<Plan, BuildError> {
    let mut stages: Vec<Vec<u32>> = vec![Vec::new(); 5];
    let differing = differing(&rules);
    let kinds: Vec<usize> =
        (0..rules.len() as u32).map(|term| kind(&rules, options, &differing, term)).collect();
    for (term, &kind) in kinds.iter().enumerate() {
        stages[kind].push(term as u32);
    }
    let mut order: Vec<usize> = (0..stages.len()).filter(|&at| !stages[at].is_empty()).collect();
    order.sort_by_key(|&at| stages[at][0]);
    let mut numbers = vec![0; stages.len()];
    for (number, &at) in order.iter().enumerate() {
        numbers[at] = number as u8;
    }
    let trees: Vec<Tree> = order.par_iter().map(|&at| grow(&rules, options, &stages[at])).collect();
    let mut writer = Writer {
        rules: &rules,
        table: Vec::new(),
        leaves: FxHashMap::default(),
        longest: 0,
        depth: 0,
    };
    let mut made = Vec::with_capacity(trees.len());
    for (at, (tree, &stage)) in trees.iter().zip(&order).enumerate() {
        made.push(Stage { root: writer.root(tree, at > 0)?, best: stages[stage][0] });
    }
    let Writer { table, longest, depth, .. } = writer;
    let parts = kinds.iter().map(|&kind| numbers[kind]).collect();
    Ok(Plan { rules, stages: made, table, parts, longest, depth })
}

/// The bits of each field that are not the same in all terms that ask for them.
fn differing(rules: &Rules) -> Vec<u64> {
    let fields = rules.layout().fields();
    let mut both = vec![(0, 0); fields.len()];
    for term in 0..rules.len() as u32 {
        for (both, [a, b]) in both.iter_mut().zip(rules.bounds(term)) {
            *both = (both.0 | a & b, both.1 | a & !b);
        }
    }
    let bits = fields.iter().zip(both).map(|(field, (ones, zeros))| match field.def.form {
        Form::Masked => ones & zeros,
        Form::Ranged => field.def.max(),
    });
    bits.collect()
}

/// The kind of rules that a term is of.
fn kind(rules: &Rules, options: &Options, differing: &[u64], term: u32) -> usize {
    let fields = rules.layout().fields();
    let at = |role: Role| fields.iter().position(|field| field.def.role == role);
    let of = |role: Role| at(role).map(|at| (fields[at], rules.bounds(term)[at]));
    let is_narrow = |role: Role| {
        at(role).is_some_and(|at| {
            let ([a, b], bits) = (rules.bounds(term)[at], differing[at].count_ones());
            match fields[at].def.form {
                Form::Masked => (a & differing[at]).count_ones() >= options.narrow.min(bits).max(1),
                Form::Ranged => b - a <= fields[at].def.max() >> options.narrow.min(bits),
            }
        })
    };
    // Fewer than 256 ports of 65,536.
    let is_few = |role| {
        of(role).is_some_and(|(Field { def, .. }, [a, b])| match def.form {
            Form::Masked => (!a & def.max()).count_ones() < 8,
            Form::Ranged => b - a < 256,
        })
    };
    match (is_narrow(Role::Source), is_narrow(Role::Destination)) {
        (true, true) => 0,
        (true, false) => 1,
        (false, true) => 2,
        (false, false) if is_few(Role::SourcePort) && !is_few(Role::DestinationPort) => 4,
        (false, false) => 3,
    }
}

/// Writes trees as numbers.
struct Writer<'a> {
    rules: &'a Rules,
    table: Vec<u64>,
    /// Leaves with the same terms are one.
    leaves: FxHashMap<&'a [u32], Leaf>,
    longest: u32,
    depth: u32,
}

impl<'a> Writer<'a> {
    fn root(&mut self, tree: &'a Tree, is_wide: bool) -> Result<Root, BuildError> {
        match self.tree(tree, 0, is_wide)? {
            Entry::Leaf(leaf) => Ok(Root::Leaf(leaf)),
            Entry::Node(node) => Ok(Root::Node { node, is_wide }),
        }
    }

    /// A tree's entry, below so many nodes.
    fn tree(&mut self, tree: &'a Tree, above: u32, is_wide: bool) -> Result<Entry, BuildError> {
        let (windows, cells, children) = match tree {
            Tree::Leaf(terms) => return self.leaf(terms).map(Entry::Leaf),
            Tree::Node { windows, cells, children, .. } => (windows, cells, children),
        };
        self.depth = self.depth.max(above + 1);
        let (base, size) = (self.table.len(), if is_wide { 2 } else { 1 });
        self.room(cells.len() * size)?;
        let node = windows.node(self.rules.layout(), base as u32);
        let mut entries = Vec::with_capacity(children.len());
        for child in children {
            entries.push((self.tree(child, above + 1, false)?.encode(), child.best()));
        }
        for (cell, &child) in cells.iter().enumerate() {
            let (entry, best) = entries[child as usize];
            self.table[base + cell * size] = entry;
            if is_wide {
                self.table[base + cell * size + 1] = best.into();
            }
        }
        Ok(Entry::Node(node))
    }

    fn leaf(&mut self, terms: &'a [u32]) -> Result<Leaf, BuildError> {
        if let Some(&leaf) = self.leaves.get(terms) {
            return Ok(leaf);
        }
        let Some(&first) = terms.first() else {
            return Ok(Leaf::default());
        };
        let count = u8::try_from(terms.len()).map_err(|_| BuildError::Leaf(terms.len()))?;
        let offset = self.table.len().next_multiple_of(4);
        self.room(offset - self.table.len())?;
        for &term in terms {
            self.table.extend(self.rules.words(term));
        }
        self.room(0)?;
        self.longest = self.longest.max(count.into());
        let leaf = Leaf { count, offset: offset as u32, first };
        self.leaves.insert(terms, leaf);
        Ok(leaf)
    }

    /// So many more numbers, all 0.
    fn room(&mut self, more: usize) -> Result<(), BuildError> {
        let size = self.table.len() + more;
        const { assert!(Plan::MOST < Node::BASES as usize) };
        if size > Plan::MOST {
            return Err(BuildError::Table);
        }
        self.table.resize(size, 0);
        Ok(())
    }
}
