//! A plan: rules, and the array of numbers that finds what they say.
//!
//! ```text
//! table  a node's cells, 8 bytes each (`entry`); the cells of a root that is not the first
//!        stage's have 16 bytes: entry, and the least term below it
//!        a leaf's terms, one after another from a multiple of 32 bytes on, 16 bytes a word of the
//!        key each: mask and value, or low and high end (`rule`)
//! ```
//!
//! Numbers have 8 bytes in the machine's order. The table is followed by nothing: whoever masks
//! what it reads by a power of two fills it up. Roots are no part of the table, so that a program
//! may hold them as constants.

use crate::{Leaf, Node, Rules};

/// How a stage begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// It is one leaf.
    Leaf(Leaf),
    /// A node, with masks of 12 bits.
    Node {
        /// The node.
        node: Node,
        /// Whether its cells have 16 bytes.
        is_wide: bool,
    },
}

/// A part of the rules with a tree of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its tree.
    pub root: Root,
    /// The least of its terms: the stage is left out where an earlier one is found.
    pub best: u32,
}

/// Rules and how to find which of them decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What the plan means.
    pub rules: Rules,
    /// Its stages, in the order of their least terms.
    pub stages: Vec<Stage>,
    /// The nodes' cells and the leaves' terms.
    pub table: Vec<u64>,
    /// The stage that each term belongs to.
    pub parts: Vec<u8>,
    /// Terms in the longest leaf: at most 255.
    pub longest: u32,
    /// Nodes on the longest way from a root to a leaf.
    pub depth: u32,
}
