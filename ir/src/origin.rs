//! Where instructions come from: a rule, or several whose code is one.

use crate::{Program, Rule, RuleList};
use cranelift_entity::EntityRef;
use cranelift_entity::packed_option::ReservedValue;
use std::fmt;

/// The rule, or the list of rules, that an instruction comes from: 32 bits, like a rule's number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(u32);

/// Set in the numbers of lists.
const LIST: u32 = 1 << 31;

impl Origin {
    /// The list, where it is several rules.
    pub fn list(self) -> Option<RuleList> {
        (self.0 & LIST != 0).then(|| RuleList::from_u32(self.0 & !LIST))
    }

    /// The rule, where it is one.
    pub fn rule(self) -> Option<Rule> {
        (self.0 & LIST == 0).then(|| Rule::from_u32(self.0))
    }

    /// The first of its rules; `None` where a list is empty or not the program's.
    pub fn first(self, program: &Program) -> Option<Rule> {
        self.rules(program).next()
    }

    /// Its rules; none where a list is not the program's.
    pub fn rules(self, program: &Program) -> impl Iterator<Item = Rule> {
        let list = self.list().and_then(|list| program.rule_lists.get(list));
        self.rule().into_iter().chain(list.into_iter().flat_map(|rules| rules.iter().copied()))
    }
}

impl From<Rule> for Origin {
    fn from(rule: Rule) -> Origin {
        debug_assert!(rule.as_u32() & LIST == 0);
        Origin(rule.as_u32())
    }
}

impl From<RuleList> for Origin {
    fn from(list: RuleList) -> Origin {
        debug_assert!(list.index() < LIST as usize - 1);
        Origin(list.as_u32() | LIST)
    }
}

impl ReservedValue for Origin {
    fn reserved_value() -> Self {
        Origin(u32::MAX)
    }

    fn is_reserved_value(&self) -> bool {
        self.0 == u32::MAX
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rule(), self.list()) {
            (Some(rule), _) => rule.fmt(f),
            (_, Some(list)) => list.fmt(f),
            (None, None) => Ok(()),
        }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cranelift_entity::packed_option::PackedOption;

    #[test]
    fn one_rule_and_several_are_told_apart() {
        let mut program = Program::new();
        let [a, b] = [3, 9].map(Rule::from_u32);
        let list = program.rule_lists.push([b, a].into());
        let (one, several) = (Origin::from(a), Origin::from(list));
        assert_eq!((one.rule(), one.list()), (Some(a), None));
        assert_eq!((several.rule(), several.list()), (None, Some(list)));
        assert_eq!(several.rules(&program).collect::<Vec<_>>(), [b, a]);
        assert_eq!(one.first(&program), Some(a));
        assert_eq!(format!("{one} {several}"), "rule3 rules0");
        assert_eq!(PackedOption::from(several).expand(), Some(several));
        assert_eq!(PackedOption::<Origin>::default().expand(), None);
    }
}
