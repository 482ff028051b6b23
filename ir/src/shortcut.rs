//! What became of a packet whose first rules were decided by other means than running them: by a
//! plan of theirs.

use crate::{Block, Counter, Func, Verdict};

/// What rules that were not run have done with a packet: they counted it, and no more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shortcut {
    /// What counted it, in order.
    pub counters: Vec<Counter>,
    /// What became of it.
    pub end: ShortcutEnd,
}

/// Where a [`Shortcut`] leads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShortcutEnd {
    /// The base chain's verdict.
    Verdict(Verdict),
    /// A block that uses no value of those before it: the packet goes on there. The last place is
    /// that block's, those before it are where the chains that wait for it go on, outermost first.
    At(Vec<Point>),
}

/// A block of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// The function.
    pub func: Func,
    /// The block.
    pub block: Block,
}
