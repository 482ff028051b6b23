//! Where elements lead: each verdict and each object has one block.

use crate::model::{ElementData, Verdict};
use bpfc_ir::{Block, FunctionBuilder};
use std::collections::HashMap;

/// What an element leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::lower) enum Leaf<'r> {
    /// Being found.
    Hit,
    /// A verdict.
    Verdict(&'r Verdict),
    /// An object of the name.
    Object(&'r str),
}

impl<'r> Leaf<'r> {
    pub fn of(data: &'r ElementData) -> Leaf<'r> {
        match data {
            ElementData::Verdict(verdict) => Leaf::Verdict(verdict),
            ElementData::Object(name) => Leaf::Object(name),
            ElementData::None | ElementData::Value(_) => Leaf::Hit,
        }
    }

    /// Its name in a table, whose elements outlive the program.
    pub fn name(self) -> String {
        match self {
            Leaf::Hit => "hit".to_owned(),
            Leaf::Object(name) => name.to_owned(),
            Leaf::Verdict(Verdict::Accept) => "accept".to_owned(),
            Leaf::Verdict(Verdict::Drop) => "drop".to_owned(),
            Leaf::Verdict(Verdict::Continue) => "continue".to_owned(),
            Leaf::Verdict(Verdict::Return) => "return".to_owned(),
            Leaf::Verdict(Verdict::Jump(name)) => format!("jump {name}"),
            Leaf::Verdict(Verdict::Goto(name)) => format!("goto {name}"),
        }
    }
}

/// The blocks of leaves.
pub(super) struct Leaves<'r> {
    /// Where an element leads that yields nothing.
    pub hit: Block,
    /// Where the rule goes on.
    pub go_on: Block,
    /// Those that are to be ended.
    pub blocks: Vec<(Leaf<'r>, Block)>,
    /// The same by leaf, to look up alone.
    known: HashMap<Leaf<'r>, Block>,
}

impl<'r> Leaves<'r> {
    pub fn new(hit: Block, go_on: Block) -> Self {
        Leaves { hit, go_on, blocks: Vec::new(), known: HashMap::new() }
    }

    /// The block of a leaf.
    pub fn of(&mut self, builder: &mut FunctionBuilder, leaf: Leaf<'r>) -> Block {
        match leaf {
            Leaf::Hit => return self.hit,
            Leaf::Verdict(Verdict::Continue) => return self.go_on,
            Leaf::Verdict(_) | Leaf::Object(_) => {}
        }
        *self.known.entry(leaf).or_insert_with(|| {
            let block = builder.block();
            self.blocks.push((leaf, block));
            block
        })
    }
}
