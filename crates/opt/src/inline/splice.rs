//! Builds one chain with its callees spliced in.
//!
//! A call becomes a jump to a copy of the callee, whose returns become jumps to where the call
//! went on; its blocks are laid out behind the call's. Nothing recurses: copies that wait for one
//! inside them lie on a stack.

use bpfc_ir::{Block, BlockData, Func, Function, InstData, Program, Terminator, Value, ValueData};
use cranelift_entity::{SecondaryMap, packed_option::PackedOption};

/// A chain that is being copied.
struct Copy<'a> {
    source: &'a Function,
    /// The next block of the source's layout.
    next: usize,
    /// Where returns lead, none in the outermost chain.
    after: Option<Block>,
    blocks: SecondaryMap<Block, PackedOption<Block>>,
    values: SecondaryMap<Value, PackedOption<Value>>,
}

pub(super) fn run(program: &Program, func: Func, inlined: impl Fn(Func) -> bool) -> Function {
    let source = &program.funcs[func];
    let mut result =
        Function { chain: source.chain, ..Function::new(source.name.clone(), source.family) };
    let mut copies = vec![Copy::new(source, None, &mut result)];
    while let Some(copy) = copies.last_mut() {
        let Some(&block) = copy.source.layout.get(copy.next) else {
            copies.pop();
            continue;
        };
        copy.next += 1;
        if let Some((callee, after)) = copy.block(block, &mut result, &inlined) {
            let entry = result.layout.last().copied();
            let inner = Copy::new(&program.funcs[callee], Some(after), &mut result);
            let target = inner.source.entry().map(|entry| inner.target(entry));
            if let (Some(block), Some(target)) = (entry, target) {
                result.blocks[block].terminator = Terminator::Jump(target);
            }
            copies.push(inner);
        }
    }
    result
}

impl<'a> Copy<'a> {
    fn new(source: &'a Function, after: Option<Block>, result: &mut Function) -> Self {
        let mut blocks: SecondaryMap<Block, PackedOption<Block>> =
            SecondaryMap::with_capacity(source.blocks.len());
        for &block in &source.layout {
            let data = BlockData {
                insts: Vec::new(),
                terminator: Terminator::Return,
                origin: None.into(),
            };
            blocks[block] = result.blocks.push(data).into();
        }
        let values = SecondaryMap::with_capacity(source.values.len());
        Copy { source, next: 0, after, blocks, values }
    }

    fn target(&self, block: Block) -> Block {
        self.blocks[block].expand().unwrap_or(block)
    }

    fn value(&self, value: Value) -> Value {
        self.values[value].expand().unwrap_or(value)
    }

    /// Copies one block. Answers the callee to splice in, and where that returns to.
    fn block(
        &mut self,
        block: Block,
        result: &mut Function,
        inlined: impl Fn(Func) -> bool,
    ) -> Option<(Func, Block)> {
        let data = &self.source.blocks[block];
        let mut insts = Vec::with_capacity(data.insts.len());
        for &inst in &data.insts {
            let source = &self.source.insts[inst];
            let mut op = source.op.clone();
            op.map_args(|value| self.value(value));
            let inst =
                result.insts.push(InstData { op, result: None.into(), origin: source.origin });
            if let Some(value) = source.result.expand() {
                let ty = self.source.values[value].ty;
                let copied = result.values.push(ValueData { ty, def: inst });
                result.insts[inst].result = copied.into();
                self.values[value] = copied.into();
            }
            insts.push(inst);
        }
        let mut terminator = data.terminator.clone();
        terminator.map_blocks(|next| self.target(next));
        terminator.map_arg(|value| self.value(value));
        let mut splice = None;
        match &mut terminator {
            Terminator::Call { callee, next } if inlined(*callee) => {
                splice = Some((*callee, *next));
            }
            Terminator::Return => {
                if let Some(after) = self.after {
                    terminator = Terminator::Jump(after);
                }
            }
            _ => {}
        }
        let copied = self.target(block);
        result.blocks[copied] = BlockData { insts, terminator, origin: data.origin };
        result.layout.push(copied);
        splice
    }
}
