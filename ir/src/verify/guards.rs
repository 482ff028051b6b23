//! Guards of bytes, link headers, connections and elements, for loads and for writes.
//!
//! What a branch proves ([`Function::nonzero`]) holds in the block that it leads to, where no other
//! block leads there, and in all that this block dominates. The dominator tree is walked from the
//! entry with what holds so far; what a branch proved about offsets is taken back when the walk
//! leaves.

use super::{Violation, checker::Checker};
use crate::{
    Base, Block, ControlFlow, CtField, Function, Inst, Meta, Op, Rewrite, Scan, Source, Type, Value,
};
use cranelift_entity::EntityRef;

/// What holds in a block, offsets apart.
#[derive(Clone, Copy, Default)]
struct Facts {
    /// So many bytes from the transport header on are there.
    transport: u32,
    link: bool,
    /// So many bytes from the link header on are there.
    behind_link: u32,
    connection: bool,
}

/// What the way into a block proves.
enum Proof {
    Transport(u16),
    /// The bytes up to this one from the offset on are there.
    At(Value, u16),
    /// The element is there.
    Element(Value),
    Link,
    /// So many bytes from the link header on are there.
    BehindLink(u16),
    Connection,
}

enum Step {
    Enter(Block, Facts),
    /// Back to what was known about an offset.
    Restore(Value, u32),
}

pub(super) fn check(checker: &mut Checker<'_>, flow: &ControlFlow) {
    let function = checker.function;
    let Some(entry) = function.entry() else { return };
    let children = Children::new(function, flow);
    // By offset: so many bytes from it on are there, counting its displacement. By element: whether
    // it is there.
    let mut offsets: Vec<u32> = vec![0; function.values.len()];
    let mut steps = vec![Step::Enter(entry, Facts::default())];
    while let Some(step) = steps.pop() {
        let (block, mut facts) = match step {
            Step::Restore(value, bytes) => {
                offsets[value.index()] = bytes;
                continue;
            }
            Step::Enter(block, facts) => (block, facts),
        };
        match proof(function, flow, block) {
            None => {}
            Some(Proof::Transport(bytes)) => facts.transport = facts.transport.max(bytes.into()),
            Some(Proof::Link) => facts.link = true,
            Some(Proof::BehindLink(bytes)) => {
                facts.behind_link = facts.behind_link.max(bytes.into());
            }
            Some(Proof::Connection) => facts.connection = true,
            Some(Proof::At(value, bytes)) => {
                let known = &mut offsets[value.index()];
                // Left after everything that is entered below.
                steps.push(Step::Restore(value, *known));
                *known = (*known).max(bytes.into());
            }
            Some(Proof::Element(value)) => {
                steps.push(Step::Restore(value, offsets[value.index()]));
                offsets[value.index()] = 1;
            }
        }
        for &inst in &function.blocks[block].insts {
            if let Some(violation) = violation(function, inst, facts, &offsets) {
                checker.inst(block, inst, violation);
            }
        }
        steps.extend(children.of(block).iter().map(|&child| Step::Enter(child, facts)));
    }
}

/// What the way into a block proves of what is there.
fn proof(function: &Function, flow: &ControlFlow, block: Block) -> Option<Proof> {
    let before = flow.only_predecessor(block)?;
    match *function.definition(function.nonzero(before, block)?) {
        Op::Available(Base::Transport, bytes) => Some(Proof::Transport(bytes)),
        Op::Available(Base::Link, bytes) => Some(Proof::BehindLink(bytes)),
        Op::AvailableAt(offset, bytes) => Some(Proof::At(offset, bytes)),
        Op::Found(element) => Some(Proof::Element(element)),
        Op::Load(_, Source::Meta(Meta::LinkHeader)) => Some(Proof::Link),
        Op::Load(_, Source::Ct(CtField::Present)) => Some(Proof::Connection),
        _ => None,
    }
}

fn violation(function: &Function, inst: Inst, facts: Facts, offsets: &[u32]) -> Option<Violation> {
    let needs = |there: u32, bytes: u32| (there < bytes).then_some(Violation::Unguarded(bytes));
    let end = |offset: u16, ty: Type| u32::from(offset) + u32::from(ty.bytes());
    match function.insts[inst].op {
        Op::Load(ty, Source::Payload(Base::Transport, offset)) => {
            needs(facts.transport, end(offset, ty))
        }
        Op::Rewrite(Rewrite::Store(Base::Transport, offset, value)) => {
            needs(facts.transport, end(offset, function.ty(value)))
        }
        Op::Rewrite(Rewrite::StoreAt(offset, displacement, value)) => {
            needs(offsets[offset.index()], end(displacement, function.ty(value)))
        }
        Op::Rewrite(Rewrite::Strip(..)) => needs(facts.transport, 20),
        Op::Rewrite(Rewrite::Insert(offset, _)) => needs(facts.transport, offset.into()),
        Op::Rewrite(Rewrite::Checksum(field, ..)) if field.base == Base::Transport => {
            needs(facts.transport, end(field.offset, Type::I16))
        }
        Op::Load(ty, Source::Payload(Base::Link, offset @ 14..)) if facts.link => {
            needs(facts.behind_link, end(offset, ty))
        }
        Op::Load(_, Source::Payload(Base::Link, _))
        | Op::Rewrite(Rewrite::Store(Base::Link, ..)) => {
            (!facts.link).then_some(Violation::UnguardedLink)
        }
        Op::Load(_, Source::Ct(CtField::Present | CtField::State)) => None,
        Op::Load(_, Source::Ct(_)) | Op::SetConnectionMark(_) => {
            (!facts.connection).then_some(Violation::UnguardedConnection)
        }
        Op::Field(_, element, _) => {
            (offsets[element.index()] == 0).then_some(Violation::UnguardedElement(element))
        }
        Op::LoadAt(ty, offset, displacement) => {
            needs(offsets[offset.index()], end(displacement, ty))
        }
        Op::Scan(Scan::TcpOption(_) | Scan::TcpMss) => needs(facts.transport, 20),
        Op::Scan(Scan::DccpOption(_) | Scan::SctpChunk(_)) => needs(facts.transport, 12),
        _ => None,
    }
}

/// The dominator tree downwards.
struct Children {
    blocks: Vec<Block>,
    starts: Vec<usize>,
}

impl Children {
    fn new(function: &Function, flow: &ControlFlow) -> Self {
        let mut starts = vec![0; function.blocks.len() + 1];
        let parents = || {
            let pair = |&block| Some((flow.immediate_dominator(block)?, block));
            flow.order().iter().filter_map(pair)
        };
        for (parent, _) in parents() {
            starts[parent.index() + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut blocks = vec![Block::new(0); starts[function.blocks.len()]];
        for (parent, block) in parents() {
            blocks[next[parent.index()]] = block;
            next[parent.index()] += 1;
        }
        Children { blocks, starts }
    }

    fn of(&self, block: Block) -> &[Block] {
        &self.blocks[self.starts[block.index()]..self.starts[block.index() + 1]]
    }
}
