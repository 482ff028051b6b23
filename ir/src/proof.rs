//! What edges prove: control goes from one block to another only where a value is in some set.
//!
//! This is the one place that reads conditions. Whoever asks what holds in a block (the verifier's
//! guards, the search for dead rules) asks for the proofs of the edges that lead to it.

use crate::{BinaryOp, Block, Condition, Function, Op, Ranges, Terminator, Type, Value};

/// A value's numbers where control has taken an edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The value, as close to what the packet says as the condition lets one see: what is under a
    /// mask, where the set of the number itself is known.
    pub value: Value,
    /// What it can be.
    pub set: Ranges,
}

impl Function {
    /// What the edges from one block to another prove together; `None` where they prove nothing:
    /// the block ends without a decision, or every decision leads there. Linear in the arms of a
    /// switch.
    ///
    /// # Panics
    /// When a block or a value does not exist.
    pub fn proof(&self, from: Block, to: Block) -> Option<Proof> {
        let (value, set) = match self.blocks[from].terminator {
            Terminator::Branch { then, otherwise, .. } if then == otherwise => return None,
            Terminator::Branch { condition, then, .. } => self.condition(condition, then == to),
            Terminator::Switch(ref switch) => {
                let arms =
                    switch.arms.iter().filter(|arm| (arm.to == to) != (switch.otherwise == to));
                let set = Ranges::of(arms.map(|arm| (arm.low, arm.high)));
                let max = self.ty(switch.value).max();
                (switch.value, if switch.otherwise == to { set.complement(max) } else { set })
            }
            Terminator::Jump(_)
            | Terminator::Call { .. }
            | Terminator::Return
            | Terminator::Verdict(_) => return None,
        };
        Some(self.unmasked(value, set))
    }

    /// The value that is not 0 where control goes from one block to another, as [`Proof::value`];
    /// `None` where none is known to be. Logarithmic in the arms of a switch.
    ///
    /// # Panics
    /// When a block or a value does not exist.
    pub fn nonzero(&self, from: Block, to: Block) -> Option<Value> {
        let (mut value, takes_zero) = match self.blocks[from].terminator {
            Terminator::Branch { then, otherwise, .. } if then == otherwise => return None,
            Terminator::Branch { condition, then, .. } => {
                let (value, holds) = match *self.definition(condition) {
                    Op::InRange(value, ref ends) => (value, ends.0 == 0),
                    _ => match self.comparison(condition) {
                        Some((value, condition, with)) => (value, condition.holds(0, with)),
                        None => (condition, false),
                    },
                };
                (value, holds == (then == to))
            }
            Terminator::Switch(ref switch) => (switch.value, switch.target(0) == to),
            Terminator::Jump(_)
            | Terminator::Call { .. }
            | Terminator::Return
            | Terminator::Verdict(_) => return None,
        };
        while let Some((inner, _)) = self.under(value) {
            value = inner;
        }
        (!takes_zero).then_some(value)
    }

    /// What a bool's being true or false says of a number; of itself where it says nothing more.
    fn condition(&self, condition: Value, truth: bool) -> (Value, Ranges) {
        let read = match *self.definition(condition) {
            Op::InRange(value, ref ends) => Some((value, Ranges::range(ends.0, ends.1))),
            _ => self.comparison(condition).map(|(value, condition, with)| {
                (value, compared(condition, with, self.ty(value).max()))
            }),
        };
        let (value, set) = read.unwrap_or((condition, Ranges::range(1, 1)));
        (value, if truth { set } else { set.complement(self.ty(value).max()) })
    }

    /// The comparison of a number with a constant that a bool stands for.
    fn comparison(&self, condition: Value) -> Option<(Value, Condition, u128)> {
        let Op::Compare(condition, a, b) = *self.definition(condition) else { return None };
        match (self.constant(a), self.constant(b)) {
            (None, Some(b)) => Some((a, condition, b)),
            (Some(a), None) => Some((b, condition.mirrored(), a)),
            _ => None,
        }
    }

    /// The number that a value is made of, where a set of the one says which set the other is in.
    fn under(&self, value: Value) -> Option<(Value, Under)> {
        let max = self.ty(value).max();
        match *self.definition(value) {
            Op::Extend(_, inner) => Some((inner, Under::Wider)),
            Op::Binary(BinaryOp::And, inner, mask) => match self.constant(mask)? {
                mask if self.ty(value) == Type::I8 => Some((inner, Under::Bits(mask))),
                mask if is_prefix(mask, max) => Some((inner, Under::Prefix(max & !mask))),
                _ => None,
            },
            _ => None,
        }
    }

    /// What a set of numbers under masks, or made wider, says of the number itself.
    fn unmasked(&self, mut value: Value, mut set: Ranges) -> Proof {
        while let Some((inner, under)) = self.under(value) {
            set = match under {
                Under::Wider => set.intersect(&Ranges::range(0, self.ty(inner).max())),
                Under::Bits(mask) => {
                    Ranges::where_holds(u8::MAX, |number| set.contains(number & mask))
                }
                Under::Prefix(host) => set.under_prefix(host),
            };
            value = inner;
        }
        Proof { value, set }
    }

    /// A value that is a constant.
    pub fn constant(&self, value: Value) -> Option<u128> {
        match *self.definition(value) {
            Op::Const(_, number) => Some(number),
            _ => None,
        }
    }
}

/// How a value is made of another number.
#[derive(Clone, Copy)]
enum Under {
    /// The same number in a wider type.
    Wider,
    /// These bits of a byte.
    Bits(u128),
    /// Without these low bits.
    Prefix(u128),
}

/// The numbers up to `max` that compare so with another.
fn compared(condition: Condition, with: u128, max: u128) -> Ranges {
    match condition {
        Condition::Eq => Ranges::range(with, with),
        Condition::Ne => Ranges::range(with, with).complement(max),
        Condition::Le => Ranges::range(0, with),
        Condition::Gt => Ranges::range(0, with).complement(max),
        Condition::Ge => Ranges::range(with, max),
        Condition::Lt => Ranges::range(with, max).complement(max),
    }
}

fn is_prefix(mask: u128, max: u128) -> bool {
    let host = max & !mask;
    host & host.wrapping_add(1) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Arm, Base, Family, FunctionBuilder, Switch, Verdict};

    /// What the way to the first and to the second block of two proves.
    fn proofs(end: impl FnOnce(&mut FunctionBuilder, Block, Block)) -> [Option<Proof>; 2] {
        let mut builder = FunctionBuilder::new("f", Family::Ipv4);
        let [first, one, two] = std::array::from_fn(|_| builder.block());
        builder.switch_to(first);
        end(&mut builder, one, two);
        for block in [one, two] {
            builder.switch_to(block);
            builder.verdict(Verdict::Drop);
        }
        let function = builder.finish();
        [one, two].map(|to| function.proof(first, to))
    }

    #[test]
    fn masks_are_seen_through() {
        let [inside, outside] = proofs(|builder, one, two| {
            let address = builder.payload(Type::I32, Base::Network, 12);
            let network = builder.mask(address, 0xffff_ff00);
            let test = builder.compare_const(Condition::Eq, network, 0x0a00_0100);
            builder.branch(test, one, two);
        });
        let net = Ranges::range(0x0a00_0100, 0x0a00_01ff);
        let value = Value::from_u32(0);
        assert_eq!(outside, Some(Proof { value, set: net.complement(u32::MAX.into()) }));
        assert_eq!(inside, Some(Proof { value, set: net }));
    }

    #[test]
    fn bits_of_a_byte_are_numbers_of_it() {
        let [set, clear] = proofs(|builder, one, two| {
            let flags = builder.payload(Type::I8, Base::Network, 6);
            let bit = builder.mask(flags, 0x40);
            let wide = builder.extend(Type::I32, bit);
            let test = builder.compare_const(Condition::Gt, wide, 0);
            builder.branch(test, one, two);
        });
        assert!(set.is_some_and(|proof| !proof.set.contains(0) && proof.set.contains(0xff)));
        assert!(clear.is_some_and(|proof| proof.set.contains(0xbf) && !proof.set.contains(0x40)));
    }

    #[test]
    fn arms_prove_their_numbers_and_the_rest_theirs() {
        let switched = |arms: fn(Block, Block) -> Vec<Arm>, other: fn(Block, Block) -> Block| {
            proofs(|builder, one, two| {
                let value = builder.payload(Type::I16, Base::Network, 2);
                let (arms, otherwise) = (arms(one, two), other(one, two));
                let switch = Switch { value, arms, otherwise };
                builder.terminate(Terminator::Switch(Box::new(switch)));
            })
            .map(|proof| proof.map(|proof| proof.set))
        };
        let both =
            |one, two| vec![Arm::of(1, one), Arm::of(5, two), Arm { low: 6, high: 9, to: one }];
        let ones = Ranges::range(1, 1).union(&Ranges::range(6, 9));
        let others = ones.complement(u16::MAX.into());
        assert_eq!(switched(both, |_, two| two), [Some(ones), Some(others)]);
        let [all, none] = switched(|one, _| vec![Arm::of(1, one)], |one, _| one);
        assert_eq!(all, Some(Ranges::range(0, u16::MAX.into())));
        assert!(none.is_some_and(|set| set.is_empty()));
    }

    #[test]
    fn what_leads_there_in_any_case_proves_nothing() {
        let [same, _] = proofs(|builder, one, _| {
            let truth = builder.constant(Type::Bool, 1);
            builder.branch(truth, one, one);
        });
        assert_eq!(same, None);
        assert_eq!(proofs(|builder, one, _| builder.jump(one)), [None, None]);
    }
}
