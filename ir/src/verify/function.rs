//! A function's structure: layout, instructions, values, dominance.

use super::{Place, VerifyError, Violation, checker::Checker, guards, types};
use crate::{Block, ControlFlow, Counted, Func, Inst, Op, Origin, Program, Scan, Value};
use cranelift_entity::EntityRef;

pub(super) fn check(program: &Program, func: Func, errors: &mut Vec<VerifyError>) {
    let function = &program.funcs[func];
    let before = errors.len();
    let mut checker = Checker { program, func, function, errors };
    let Some(definitions) = checker.structure() else { return };
    if checker.errors.len() > before {
        return;
    }
    types::check(&mut checker);
    let flow = match ControlFlow::new(function) {
        Ok(flow) => flow,
        Err(block) => return checker.whole(Place::Block(func, block), Violation::BlockCycle),
    };
    checker.dominance(&flow, &definitions);
    guards::check(&mut checker, &flow);
}

/// Where a value is defined: its block and its position there.
type Definitions = Vec<Option<(Block, usize)>>;

impl Checker<'_> {
    /// Layout, definitions and references. The definitions, where the layout allows to look
    /// further.
    fn structure(&mut self) -> Option<Definitions> {
        let function = self.function;
        if function.layout.is_empty() {
            self.whole(Place::Function(self.func), Violation::NoBlock);
            return None;
        }
        let mut laid_out = vec![false; function.blocks.len()];
        let mut sound = true;
        for &block in &function.layout {
            let violation = match laid_out.get_mut(block.index()) {
                None => Violation::MissingBlock(block),
                Some(known) if *known => Violation::DuplicateBlock(block),
                Some(new) => {
                    *new = true;
                    continue;
                }
            };
            self.whole(Place::Function(self.func), violation);
            sound = false;
        }
        if !sound {
            return None;
        }
        let mut definitions: Definitions = vec![None; function.values.len()];
        let mut placed = vec![false; function.insts.len()];
        for &block in &function.layout {
            for (position, &inst) in function.blocks[block].insts.iter().enumerate() {
                let place = (block, position);
                self.instruction(place, inst, &mut placed, &mut definitions);
            }
        }
        for &block in &function.layout {
            let data = &function.blocks[block];
            for &inst in &data.insts {
                let Some(data) = function.insts.get(inst) else { continue };
                for value in data.op.args() {
                    if !defined(&definitions, value) {
                        self.inst(block, inst, Violation::MissingValue(value));
                    }
                }
            }
            for successor in data.terminator.successors() {
                if !laid_out.get(successor.index()).copied().unwrap_or(false) {
                    self.terminator(block, Violation::MissingBlock(successor));
                }
            }
            if let Some(value) = data.terminator.arg()
                && !defined(&definitions, value)
            {
                self.terminator(block, Violation::MissingValue(value));
            }
            if let Some(missing) = self.missing(data.origin.expand()) {
                self.terminator(block, missing);
            }
        }
        Some(definitions)
    }

    /// What of an origin does not exist.
    fn missing(&self, origin: Option<Origin>) -> Option<Violation> {
        let origin = origin?;
        match (origin.rule(), origin.list()) {
            (Some(rule), _) if !self.program.rules.is_valid(rule) => {
                Some(Violation::MissingRule(rule))
            }
            (_, Some(list)) if !self.program.rule_lists.is_valid(list) => {
                Some(Violation::MissingRules(list))
            }
            _ => None,
        }
    }

    /// One instruction's definition and references, its operands apart.
    fn instruction(
        &mut self,
        (block, position): (Block, usize),
        inst: Inst,
        placed: &mut [bool],
        definitions: &mut Definitions,
    ) {
        let function = self.function;
        let Some(data) = function.insts.get(inst) else {
            return self.whole(Place::Block(self.func, block), Violation::MissingInst(inst));
        };
        if std::mem::replace(&mut placed[inst.index()], true) {
            return self.inst(block, inst, Violation::DuplicateInst(inst));
        }
        if let Some(missing) = self.missing(data.origin.expand()) {
            self.inst(block, inst, missing);
        }
        match data.op {
            Op::Count(Counted::One(counter)) if !self.program.counters.is_valid(counter) => {
                self.inst(block, inst, Violation::MissingCounter(counter));
            }
            Op::Count(Counted::All(list)) | Op::CountAt(list, _)
                if !self.program.counter_lists.is_valid(list) =>
            {
                self.inst(block, inst, Violation::MissingCounters(list));
            }
            Op::Log(rule, _) if !self.program.rules.is_valid(rule) => {
                self.inst(block, inst, Violation::MissingRule(rule));
            }
            Op::Scan(Scan::Probe(probe)) if !self.program.probes.is_valid(probe) => {
                self.inst(block, inst, Violation::MissingProbe(probe));
            }
            Op::Take(state) if !self.program.states.is_valid(state) => {
                self.inst(block, inst, Violation::MissingState(state));
            }
            Op::Find(table, _) | Op::Touch(table, ..) | Op::Remove(table, _)
                if !self.program.tables.is_valid(table) =>
            {
                self.inst(block, inst, Violation::MissingTable(table));
            }
            Op::Query(object, ..) if !self.program.objects.is_valid(object) => {
                self.inst(block, inst, Violation::MissingObject(object));
            }
            _ => {}
        }
        let ty = match data.op {
            Op::Binary(_, a, _) => function.values.get(a).map(|a| a.ty),
            _ => data.op.fixed_type(),
        };
        let fits = match (data.result.expand(), ty) {
            (Some(value), Some(ty)) => match function.values.get(value) {
                Some(known) => known.def == inst && known.ty == ty,
                None => false,
            },
            (None, None) => true,
            // Arithmetic on a missing value: that value is the error.
            (Some(_), None) => matches!(data.op, Op::Binary(..)),
            (None, Some(_)) => false,
        };
        if !fits {
            return self.inst(block, inst, Violation::WrongResult);
        }
        if let Some(place) =
            data.result.expand().and_then(|value| definitions.get_mut(value.index()))
        {
            *place = Some((block, position));
        }
    }

    /// Definitions dominate uses.
    fn dominance(&mut self, flow: &ControlFlow, definitions: &Definitions) {
        let function = self.function;
        let dominated = |value: Value, block: Block, position: usize| {
            definitions[value.index()].is_some_and(|(definition, at)| {
                if definition == block { at < position } else { flow.dominates(definition, block) }
            })
        };
        for &block in flow.order() {
            let data = &function.blocks[block];
            for (position, &inst) in data.insts.iter().enumerate() {
                for value in function.insts[inst].op.args() {
                    if !dominated(value, block, position) {
                        self.inst(block, inst, Violation::NotDominated(value));
                    }
                }
            }
            if let Some(value) = data.terminator.arg()
                && !dominated(value, block, usize::MAX)
            {
                self.terminator(block, Violation::NotDominated(value));
            }
        }
    }
}

fn defined(definitions: &Definitions, value: Value) -> bool {
    definitions.get(value.index()).is_some_and(Option::is_some)
}
