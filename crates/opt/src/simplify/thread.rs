//! Jumps past empty blocks.
//!
//! What an edge into an empty block proved is not lost: a block that relied on it had that empty
//! block as its only predecessor, and is now led to by the proving edge itself.

use bpfc_ir::{Block, BlockData, Function, Terminator};
use cranelift_entity::{SecondaryMap, packed_option::PackedOption};

/// Answers whether a branch has become a jump. Blocks come before those that they lead to in
/// `order`.
pub(super) fn run(function: &mut Function, order: &[Block]) -> bool {
    let mut changed = false;
    // Where control is sent that enters a block; successors before the block itself.
    let mut targets: SecondaryMap<Block, PackedOption<Block>> =
        SecondaryMap::with_capacity(function.blocks.len());
    for &block in order.iter().rev() {
        let data = &function.blocks[block];
        targets[block] = match data.terminator {
            Terminator::Jump(next) if data.insts.is_empty() => {
                targets[next].expand().or(Some(next)).into()
            }
            _ => None.into(),
        };
    }
    for &block in order {
        let mut terminator = function.blocks[block].terminator.clone();
        terminator.map_blocks(|next| targets[next].expand().unwrap_or(next));
        if let Terminator::Switch(switch) = &mut terminator {
            switch.tidy();
        }
        if let Some(to) = decided(&terminator) {
            terminator = Terminator::Jump(to);
            changed = true;
        }
        // A jump to a bare end is that end.
        if let Terminator::Jump(next) = terminator {
            let BlockData { insts, terminator: end, origin } = &function.blocks[next];
            if insts.is_empty() && matches!(end, Terminator::Return | Terminator::Verdict(_)) {
                let (end, origin) = (end.clone(), *origin);
                terminator = end;
                function.blocks[block].origin = origin;
            }
        }
        function.blocks[block].terminator = terminator;
    }
    changed
}

/// Where a decision leads that is none: all its ways lead to one block.
fn decided(terminator: &Terminator) -> Option<Block> {
    terminator.arg()?;
    let mut ways = terminator.successors();
    let first = ways.next()?;
    ways.all(|way| way == first).then_some(first)
}
