//! The form without gaps, which the text form reads back exactly.

use crate::{
    Block, BlockData, Function, Inst, InstData, Op, Program, Terminator, Value, ValueData,
};
use cranelift_entity::{PrimaryMap, SecondaryMap, packed_option::PackedOption};
use std::sync::Arc;

impl Function {
    /// Drops blocks that are not laid out and instructions that no block holds, and numbers the
    /// rest without gaps, in the order of the layout. Passes end with it.
    ///
    /// References to what is dropped (the verifier would reject them) are left as they are.
    pub fn compact(&mut self) {
        let mut dropped = std::mem::take(&mut self.blocks);
        let mut block_numbers: SecondaryMap<Block, PackedOption<Block>> = SecondaryMap::new();
        block_numbers.resize(dropped.len());
        self.blocks.reserve_exact(self.layout.len());
        for block in &mut self.layout {
            let Some(data) = dropped.get_mut(*block) else { continue };
            let empty = BlockData {
                insts: Vec::new(),
                terminator: Terminator::Return,
                origin: None.into(),
            };
            let number = self.blocks.push(std::mem::replace(data, empty));
            block_numbers[*block] = number.into();
            *block = number;
        }

        let mut value_numbers: SecondaryMap<Value, PackedOption<Value>> = SecondaryMap::new();
        value_numbers.resize(self.values.len());
        let kept = self.blocks.values().map(|data| data.insts.len()).sum();
        let mut insts: PrimaryMap<Inst, InstData> = PrimaryMap::with_capacity(kept);
        let mut values: PrimaryMap<Value, ValueData> = PrimaryMap::with_capacity(kept);
        for data in self.blocks.values_mut() {
            for inst in &mut data.insts {
                let Some(data) = self.insts.get_mut(*inst) else { continue };
                // Each instruction stands in one block.
                let op = std::mem::replace(&mut data.op, Op::Trace);
                let mut result = data.result;
                if let Some(value) = result.expand()
                    && let Some(&ValueData { ty, .. }) = self.values.get(value)
                {
                    let def = insts.next_key();
                    result = values.push(ValueData { ty, def }).into();
                    value_numbers[value] = result;
                }
                *inst = insts.push(InstData { op, result, origin: data.origin });
            }
        }
        let value = |value| value_numbers[value].expand().unwrap_or(value);
        for data in insts.values_mut() {
            data.op.map_args(value);
        }
        for data in self.blocks.values_mut() {
            data.terminator.map_blocks(|block| block_numbers[block].expand().unwrap_or(block));
            data.terminator.map_arg(value);
        }
        self.insts = insts;
        self.values = values;
    }
}

impl Program {
    /// [`Function::compact`] of every function.
    pub fn compact(&mut self) {
        for function in self.funcs.values_mut() {
            Arc::make_mut(function).compact();
        }
    }
}
