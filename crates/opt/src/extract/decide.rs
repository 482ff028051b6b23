//! What decisions say of facts: sets of a fact's numbers, as few masks and ranges as can be.

use bpfc_ir::{BinaryOp, Block, Condition, CtField, Function, Meta, Op, Source, Terminator, Value};

/// Some numbers of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Atom {
    /// Those whose bits of a mask, which is no prefix of the number, are those of a value.
    Mask(u128, u128),
    /// Those between two ends, both included.
    Range(u128, u128),
}

/// Where control goes by a fact. The numbers of sides do not meet, and are all together.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    pub fact: Op,
    pub sides: Vec<(Vec<Atom>, Block)>,
}

/// What the end of a block decides by; none where that is no fact.
pub(super) fn decision(function: &Function, terminator: &Terminator) -> Option<Decision> {
    match terminator {
        Terminator::Branch { condition, then, otherwise } => {
            let (fact, [yes, no]) = condition_of(function, *condition)?;
            Some(Decision { fact, sides: vec![(yes, *then), (no, *otherwise)] })
        }
        Terminator::Switch(switch) => {
            let seen = seen(function, switch.value)?;
            let mut sides = Vec::with_capacity(switch.arms.len() + 1);
            let (mut rest, mut next) = (Vec::new(), Some(0));
            for arm in &switch.arms {
                sides.push((vec![seen.between(arm.low, arm.high)?], arm.to));
                let gap = next.filter(|&next| next < arm.low);
                if let Some(low) = gap {
                    rest.push(seen.between(low, arm.low - 1)?);
                }
                next = arm.high.checked_add(1);
            }
            if let Some(low) = next.filter(|&next| next <= seen.max) {
                rest.push(seen.between(low, seen.max)?);
            }
            sides.push((rest, switch.otherwise));
            Some(Decision { fact: seen.fact, sides })
        }
        _ => None,
    }
}

/// Whether an operation's result is a fact.
fn is_fact(op: &Op) -> bool {
    match op {
        Op::Available(..) => true,
        Op::Load(_, source) if op.host_fact().is_none() => match source {
            Source::Payload(..) | Source::Ct(CtField::State) => true,
            Source::Meta(meta) => matches!(
                meta,
                Meta::L4Proto
                    | Meta::WalkFailed
                    | Meta::FragmentOffset
                    | Meta::TransportOffset
                    | Meta::Length
                    | Meta::Protocol
                    | Meta::InInterface
                    | Meta::OutInterface
                    | Meta::Mark
                    | Meta::PacketType
                    | Meta::LinkHeader
            ),
            Source::Ct(_) | Source::Socket(_) => false,
        },
        _ => false,
    }
}

/// A number as bits of a fact.
struct Seen {
    fact: Op,
    mask: u128,
    /// The fact's greatest number.
    max: u128,
}

fn seen(function: &Function, mut value: Value) -> Option<Seen> {
    let mut mask = function.ty(value).max();
    loop {
        match function.definition(value) {
            op if is_fact(op) => {
                let max = function.ty(value).max();
                return Some(Seen { fact: op.clone(), mask: mask & max, max });
            }
            Op::Binary(BinaryOp::And, inner, with) => {
                mask &= function.constant(*with)?;
                value = *inner;
            }
            Op::Extend(_, inner) | Op::Truncate(_, inner) => {
                mask &= function.ty(*inner).max();
                value = *inner;
            }
            _ => return None,
        }
    }
}

impl Seen {
    /// The numbers whose masked bits are between two ends; none where they are no range.
    fn between(&self, low: u128, high: u128) -> Option<Atom> {
        let free = self.max & !self.mask;
        match free {
            0 => Some(Atom::Range(low, high.min(self.max))),
            // Ends of whole blocks.
            _ if free & (free + 1) == 0 && low & free == 0 => {
                Some(Atom::Range(low, (high.min(self.max) & !free) | free))
            }
            _ => None,
        }
    }

    /// The numbers whose masked bits are a number, and all others.
    fn equal(&self, number: u128) -> [Vec<Atom>; 2] {
        let Seen { mask, max, .. } = *self;
        let free = max & !mask;
        if number & !mask != 0 {
            return [vec![], vec![Atom::Range(0, max)]];
        }
        if free & free.wrapping_add(1) == 0 {
            let last = number | free;
            return [vec![Atom::Range(number, last)], beside(number, last, max)];
        }
        // One bit is another one, those above it are the same.
        let bits = (0..128).rev().map(|bit| 1 << bit).filter(|bit| mask & bit != 0);
        let other =
            bits.map(|bit: u128| Atom::Mask(mask & !(bit - 1), (number ^ bit) & !(bit - 1)));
        [vec![Atom::Mask(mask, number)], other.collect()]
    }
}

/// The numbers on both sides of a range.
fn beside(low: u128, high: u128, max: u128) -> Vec<Atom> {
    let below = low.checked_sub(1).map(|end| Atom::Range(0, end));
    let above = (high < max).then(|| Atom::Range(high + 1, max));
    below.into_iter().chain(above).collect()
}

/// The fact that a bool is about, and its numbers where the bool is true, and where it is false.
fn condition_of(function: &Function, condition: Value) -> Option<(Op, [Vec<Atom>; 2])> {
    let swapped = |[a, b]: [Vec<Atom>; 2]| [b, a];
    match *function.definition(condition) {
        Op::InRange(value, ref ends) => {
            let seen = seen(function, value)?;
            sides(seen, ends.0, ends.1)
        }
        Op::Compare(condition, a, b) => {
            let (value, condition, with) = match (function.constant(a), function.constant(b)) {
                (None, Some(b)) => (a, condition, b),
                (Some(a), None) => (b, condition.mirrored(), a),
                _ => return None,
            };
            let seen = seen(function, value)?;
            let top = function.ty(value).max();
            match (condition, with) {
                (Condition::Eq, _) | (Condition::Le, 0) => {
                    Some((seen.fact.clone(), seen.equal(with)))
                }
                (Condition::Lt, 1) => Some((seen.fact.clone(), seen.equal(0))),
                (Condition::Ne, _) | (Condition::Gt, 0) => {
                    Some((seen.fact.clone(), swapped(seen.equal(with))))
                }
                (Condition::Ge, 1) => Some((seen.fact.clone(), swapped(seen.equal(0)))),
                (Condition::Lt, 0) | (Condition::Ge, 0) => None,
                (Condition::Lt, _) => sides(seen, 0, with - 1),
                (Condition::Le, _) => sides(seen, 0, with),
                (Condition::Ge, _) => sides(seen, with, top),
                (Condition::Gt, _) if with < top => sides(seen, with + 1, top),
                (Condition::Gt, _) => None,
            }
        }
        // A bool that is a fact itself.
        ref op if is_fact(op) => {
            Some((op.clone(), [vec![Atom::Range(1, 1)], vec![Atom::Range(0, 0)]]))
        }
        _ => None,
    }
}

/// The numbers in a range of what is seen, and those beside it.
fn sides(seen: Seen, low: u128, high: u128) -> Option<(Op, [Vec<Atom>; 2])> {
    let Atom::Range(low, high) = seen.between(low, high)? else { return None };
    if low > high {
        return Some((seen.fact, [vec![], vec![Atom::Range(0, seen.max)]]));
    }
    Some((seen.fact, [vec![Atom::Range(low, high)], beside(low, high, seen.max)]))
}
