//! `switch`: the branch of many ways.

use crate::{Block, Type, Value};

/// A branch by the number of a value: where the arm leads that holds it, else `otherwise`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Switch {
    /// A number.
    pub value: Value,
    /// The arms in the order of their numbers; no number is in two. Several may lead to one block.
    pub arms: Vec<Arm>,
    /// Where numbers lead that are in no arm.
    pub otherwise: Block,
}

/// Some numbers of a [`Switch`], and where they lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arm {
    /// The least number.
    pub low: u128,
    /// The greatest number, which may be the same.
    pub high: u128,
    /// Where they lead.
    pub to: Block,
}

impl Arm {
    /// An arm of one number.
    pub fn of(number: u128, to: Block) -> Arm {
        Arm { low: number, high: number, to }
    }
}

impl Switch {
    /// Where a number leads. Logarithmic in the arms.
    pub fn target(&self, number: u128) -> Block {
        let after = self.arms.partition_point(|arm| arm.low <= number);
        match after.checked_sub(1).map(|at| self.arms[at]) {
            Some(arm) if number <= arm.high => arm.to,
            _ => self.otherwise,
        }
    }

    /// Leaves out arms that lead where no arm does, and makes one of neighbours that lead to one
    /// block.
    pub fn tidy(&mut self) {
        self.arms.retain(|arm| arm.to != self.otherwise);
        self.arms.dedup_by(|arm, before| {
            let follows = arm.to == before.to && before.high.checked_add(1) == Some(arm.low);
            if follows {
                before.high = arm.high;
            }
            follows
        });
    }

    /// Whether its arms are in order, disjoint, and numbers of the type.
    pub fn is_sound(&self, ty: Type) -> bool {
        let mut least = Some(0);
        !self.arms.is_empty()
            && self.arms.iter().all(|arm| {
                let fits = least.is_some_and(|least| least <= arm.low)
                    && arm.low <= arm.high
                    && arm.high <= ty.max();
                least = arm.high.checked_add(1);
                fits
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_where_their_arm_does() {
        let [one, two, other] = [1, 2, 3].map(Block::from_u32);
        let arms = vec![Arm::of(22, one), Arm { low: 80, high: 443, to: two }, Arm::of(444, one)];
        let switch = Switch { value: Value::from_u32(0), arms, otherwise: other };
        assert!(switch.is_sound(Type::I16) && !switch.is_sound(Type::I8));
        let targets = [0, 22, 23, 80, 443, 444, 445].map(|number| switch.target(number));
        assert_eq!(targets, [other, one, other, two, two, one, other]);
    }

    #[test]
    fn arms_that_say_nothing_of_their_own_go() {
        let [one, other] = [1, 2].map(Block::from_u32);
        let arm = |low, high, to| Arm { low, high, to };
        let arms = vec![arm(1, 3, one), arm(4, 4, one), arm(5, 6, other), arm(7, 8, one)];
        let mut switch = Switch { value: Value::from_u32(0), arms, otherwise: other };
        switch.tidy();
        assert_eq!(switch.arms, [arm(1, 4, one), arm(7, 8, one)]);
    }

    #[test]
    fn arms_are_in_order_and_disjoint() {
        let to = Block::from_u32(1);
        let sound = |arms: &[(u128, u128)]| {
            let arms = arms.iter().map(|&(low, high)| Arm { low, high, to }).collect();
            Switch { value: Value::from_u32(0), arms, otherwise: to }.is_sound(Type::I128)
        };
        assert!(sound(&[(0, 0), (1, 5), (7, u128::MAX)]));
        assert!(!sound(&[]) && !sound(&[(5, 4)]) && !sound(&[(1, 3), (3, 4)]));
        assert!(!sound(&[(4, 5), (1, 2)]) && !sound(&[(0, u128::MAX), (0, 1)]));
    }
}
