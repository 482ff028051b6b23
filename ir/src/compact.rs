//! The form without gaps, which the text form reads back exactly.

use crate::{Block, Function, Inst, InstData, Program, Terminator, Value, ValueData};
use cranelift_entity::{PrimaryMap, SecondaryMap, packed_option::PackedOption};

impl Function {
    /// Drops blocks that are not laid out and instructions that no block holds, and numbers the
    /// rest without gaps: blocks and values keep their order, instructions get that of the
    /// layout. Passes end with it.
    ///
    /// References to what is dropped (the verifier would reject them) are left as they are.
    pub fn compact(&mut self) {
        let mut laid_out = SecondaryMap::with_default(false);
        laid_out.resize(self.blocks.len());
        for &block in &self.layout {
            laid_out[block] = true;
        }
        let mut block_numbers: SecondaryMap<Block, PackedOption<Block>> = SecondaryMap::new();
        let mut blocks: PrimaryMap<Block, _> = PrimaryMap::with_capacity(self.layout.len());
        for (block, data) in std::mem::take(&mut self.blocks) {
            if laid_out[block] {
                block_numbers[block] = blocks.push(data).into();
            }
        }
        let number = |block| block_numbers[block].expand().unwrap_or(block);
        for block in &mut self.layout {
            *block = number(*block);
        }

        let mut defined = SecondaryMap::with_default(false);
        defined.resize(self.values.len());
        let mut insts: PrimaryMap<Inst, InstData> = PrimaryMap::with_capacity(self.insts.len());
        for &block in &self.layout {
            let Some(data) = blocks.get_mut(block) else { continue };
            for inst in &mut data.insts {
                let Some(data) = self.insts.get(*inst) else { continue };
                if let Some(value) = data.result.expand() {
                    defined[value] = true;
                }
                *inst = insts.push(data.clone());
            }
            data.terminator.map_blocks(number);
        }
        self.blocks = blocks;

        let mut value_numbers: SecondaryMap<Value, PackedOption<Value>> = SecondaryMap::new();
        let mut values: PrimaryMap<Value, ValueData> = PrimaryMap::with_capacity(self.values.len());
        for (value, data) in std::mem::take(&mut self.values) {
            if defined[value] {
                value_numbers[value] = values.push(data).into();
            }
        }
        let number = |value| value_numbers[value].expand().unwrap_or(value);
        for (inst, data) in insts.iter_mut() {
            data.op.map_args(number);
            data.result = data.result.map(number).into();
            if let Some(value) = data.result.expand().and_then(|value| values.get_mut(value)) {
                value.def = inst;
            }
        }
        self.insts = insts;
        self.values = values;
        for data in self.blocks.values_mut() {
            if let Terminator::Branch { condition, .. } = &mut data.terminator {
                *condition = number(*condition);
            }
        }
    }
}

impl Program {
    /// [`Function::compact`] of every function.
    pub fn compact(&mut self) {
        for function in self.funcs.values_mut() {
            function.compact();
        }
    }
}
