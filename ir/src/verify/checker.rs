//! One function under check, and how its broken invariants are reported.

use super::{Place, VerifyError, Violation};
use crate::{Block, Func, Function, Inst, Program};

/// One function under check.
pub(super) struct Checker<'a> {
    pub program: &'a Program,
    pub func: Func,
    pub function: &'a Function,
    pub errors: &'a mut Vec<VerifyError>,
}

impl Checker<'_> {
    /// Reports a broken invariant of an instruction.
    pub fn inst(&mut self, block: Block, inst: Inst, violation: Violation) {
        let place = Place::Inst(self.func, block, inst);
        let text = self.function.insts.get(inst).map(ToString::to_string);
        self.errors.push(VerifyError { place, violation, text });
    }

    /// Reports a broken invariant of a block's terminator.
    pub fn terminator(&mut self, block: Block, violation: Violation) {
        let place = Place::Block(self.func, block);
        let text = self.function.blocks.get(block).map(|data| data.terminator.to_string());
        self.errors.push(VerifyError { place, violation, text });
    }

    /// Reports a broken invariant of the whole function or of a block's place in it.
    pub fn whole(&mut self, place: Place, violation: Violation) {
        self.errors.push(VerifyError { place, violation, text: None });
    }
}
