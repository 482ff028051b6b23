//! Switches of more arms than a segment has room for, as trees of smaller ones.

use bpfc_ir::{Arm, Block, BlockData, Function, Program, Switch, Terminator};
use std::sync::Arc;

/// Arms of one switch. A segment of many such blocks stays within its jumps.
const MOST_ARMS: usize = 256;

/// Splits every switch of too many arms; `None` where there is none.
pub(crate) fn run(program: &Program) -> Option<Program> {
    let is_large = |function: &Function| {
        let terminators = function.blocks.values().map(|data| &data.terminator);
        terminators.into_iter().any(|end| arms(end) > MOST_ARMS)
    };
    if !program.funcs.values().any(|function| is_large(function)) {
        return None;
    }
    let mut program = program.clone();
    for function in program.funcs.values_mut().filter(|function| is_large(function)) {
        split(Arc::make_mut(function));
    }
    Some(program)
}

fn arms(terminator: &Terminator) -> usize {
    match terminator {
        Terminator::Switch(switch) => switch.arms.len(),
        _ => 0,
    }
}

/// Each new block takes the arms of a range of numbers, and stands behind the block that leads to
/// it.
fn split(function: &mut Function) {
    let mut layout = Vec::with_capacity(function.layout.len());
    for block in std::mem::take(&mut function.layout) {
        layout.push(block);
        let mut added = Vec::new();
        while let Terminator::Switch(switch) = &mut function.blocks[block].terminator
            && switch.arms.len() > MOST_ARMS
        {
            let (value, otherwise) = (switch.value, switch.otherwise);
            let parts: Vec<Vec<Arm>> = switch.arms.chunks(MOST_ARMS).map(<[Arm]>::to_vec).collect();
            let starts: Vec<u128> = parts.iter().map(|arms| arms[0].low).collect();
            let origin = function.blocks[block].origin;
            let mut upper = Vec::with_capacity(parts.len());
            let mut level: Vec<Block> = Vec::with_capacity(parts.len());
            for (at, arms) in parts.into_iter().enumerate() {
                let high = match starts.get(at + 1) {
                    Some(next) => next - 1,
                    None => arms.last().map_or(0, |arm| arm.high),
                };
                let low = starts[at];
                let part = Switch { value, arms, otherwise };
                let terminator = Terminator::Switch(Box::new(part));
                let to = function.blocks.push(BlockData { insts: Vec::new(), terminator, origin });
                level.push(to);
                upper.push(Arm { low, high, to });
            }
            added.splice(0..0, level);
            let upper = Switch { value, arms: upper, otherwise };
            function.blocks[block].terminator = Terminator::Switch(Box::new(upper));
        }
        layout.extend(added);
    }
    function.layout = layout;
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfc_ir::{Base, Family, FunctionBuilder, Type, Verdict};

    #[test]
    fn numbers_lead_where_they_led_before() {
        let mut builder = FunctionBuilder::new("f", Family::Ipv4);
        let [first, odd, even, other] = std::array::from_fn(|_| builder.block());
        builder.switch_to(first);
        let value = builder.payload(Type::I32, Base::Network, 12);
        let arms = (0..100_000).map(|at| {
            let to = if at % 2 == 0 { even } else { odd };
            Arm { low: 10 * at + 3, high: 10 * at + 3 + at % 5, to }
        });
        let switch = Switch { value, arms: arms.collect(), otherwise: other };
        builder.terminate(Terminator::Switch(Box::new(switch)));
        for block in [odd, even, other] {
            builder.switch_to(block);
            builder.verdict(Verdict::Drop);
        }
        let mut program = Program::new();
        let function = builder.finish();
        program.funcs.push(Arc::new(function.clone()));
        let split = run(&program).expect("a large switch");
        assert_eq!(bpfc_ir::verify(&split), Ok(()));
        let after = &split.funcs[bpfc_ir::Func::from_u32(0)];
        let target = |function: &Function, number: u128| {
            let mut block = function.layout[0];
            while let Terminator::Switch(switch) = &function.blocks[block].terminator {
                assert!(switch.arms.len() <= MOST_ARMS || function.layout.len() == 4);
                block = switch.target(number);
            }
            block
        };
        for number in (0..1_000_100).step_by(7).chain([0, 2, 3, 999_999, u32::MAX.into()]) {
            assert_eq!(target(after, number), target(&function, number), "{number}");
        }
        assert!(run(&split).is_none());
    }
}
