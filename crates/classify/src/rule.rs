//! The specification of a plan: rules, and which one a key matches first.
//!
//! A rule is a conjunction of one test a field. It becomes one *term* or several: a term has a mask
//! and a value for each masked field and two ends for each ranged one, so that a range of a masked
//! field is as many terms as prefixes make it up. Terms are numbered in the order in which they
//! decide, and that number is what plans know of priority.
//!
//! A term's words, which leaves hold as they are, are two for each word of the key: mask and value
//! of a masked one, low and high end of a ranged one. Above bit 43 the last word's low end holds
//! the rule's action, the high end the term's number.

use crate::layout::ones;
use crate::{FieldDef, Form, Key, Layout};

/// What a rule asks of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// Nothing.
    Any,
    /// That the bits of a mask are those of a value. A ranged field takes prefixes alone.
    Mask {
        /// The bits that are compared.
        mask: u64,
        /// What they must be; its other bits mean nothing.
        value: u64,
    },
    /// That it lies between two numbers, both included.
    Range {
        /// The lower end.
        low: u64,
        /// The upper end, no less.
        high: u64,
    },
}

impl Test {
    /// That it is a number.
    pub fn exact(value: u64) -> Test {
        Test::Range { low: value, high: value }
    }

    /// That its first `length` bits of `bits` are those of a number.
    pub fn prefix(value: u64, length: u32, bits: u32) -> Test {
        Test::Mask { mask: ones(bits) & !ones(bits.saturating_sub(length)), value }
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// One test for each field of the layout.
    pub tests: Vec<Test>,
    /// Lower ones decide first; of equal ones, the rule that stands first.
    pub priority: u32,
    /// What to do, a number that means something to the caller: less than 2^21.
    pub action: u32,
}

/// Why rules have no specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Not as many tests as the layout has fields.
    #[error("rule {rule} has {found} tests for {expected} fields")]
    Tests {
        /// The rule's place in the list.
        rule: usize,
        /// Its tests.
        found: usize,
        /// The layout's fields.
        expected: usize,
    },
    /// A test that its field cannot have: numbers beyond its width, ends in the wrong order, or a
    /// mask that is no prefix for a ranged field.
    #[error("rule {rule} asks of field {field} what it cannot be")]
    Test {
        /// The rule's place in the list.
        rule: usize,
        /// The field.
        field: usize,
    },
    /// An action beyond 21 bits.
    #[error("rule {0} has an action of more than 21 bits")]
    Action(usize),
    /// More terms than 21 bits number.
    #[error("the rules are more than {most} terms", most = Rules::MOST_TERMS)]
    TooMany,
}

/// The rule that a key matches first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Found {
    /// The term.
    pub term: u32,
    /// The action of its rule.
    pub action: u32,
}

/// Rules in the order in which they decide, as terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    layout: Layout,
    /// One pair for each field of each term: mask and value, or low and high end.
    bounds: Vec<[u64; 2]>,
    /// The words of each term.
    words: Vec<u64>,
    /// The place in the list of the rule that each term is of.
    rules: Vec<u32>,
    guards: [u64; Layout::MOST_WORDS],
}

impl Rules {
    /// 21 bits number terms and actions; the last number stands for none.
    pub const MOST_TERMS: u32 = (1 << 21) - 1;

    /// The specification of rules in any order.
    ///
    /// # Errors
    /// Where a rule does not fit the layout, or there are too many.
    pub fn new(layout: Layout, rules: &[Rule]) -> Result<Rules, RuleError> {
        let mut order: Vec<usize> = (0..rules.len()).collect();
        order.sort_by_key(|&at| rules[at].priority);
        let mut guards = [0; Layout::MOST_WORDS];
        for (word, guards) in guards.iter_mut().enumerate().take(layout.words().len()) {
            *guards = layout.guards(word);
        }
        let (fields, expected) = (layout.fields().to_vec(), layout.fields().len());
        let mut made = Rules { layout, bounds: vec![], words: vec![], rules: vec![], guards };
        for at in order {
            let rule = &rules[at];
            if rule.tests.len() != expected {
                return Err(RuleError::Tests { rule: at, found: rule.tests.len(), expected });
            }
            if rule.action >= Rules::MOST_TERMS {
                return Err(RuleError::Action(at));
            }
            let bounds = |(field, test): (usize, &Test)| {
                bounds_of(fields[field].def, *test).ok_or(RuleError::Test { rule: at, field })
            };
            let all: Vec<Vec<[u64; 2]>> =
                rule.tests.iter().enumerate().map(bounds).collect::<Result<_, _>>()?;
            let count = all.iter().try_fold(1usize, |count, one| count.checked_mul(one.len()));
            let room = Rules::MOST_TERMS as usize - made.len();
            let count = count.filter(|&count| count <= room).ok_or(RuleError::TooMany)?;
            for number in 0..count {
                let mut rest = number;
                let chosen = all.iter().map(|one| {
                    let bounds = one[rest % one.len()];
                    rest /= one.len();
                    bounds
                });
                let chosen: Vec<[u64; 2]> = chosen.collect();
                made.push(at as u32, &chosen, rule.action);
            }
        }
        Ok(made)
    }

    fn push(&mut self, rule: u32, bounds: &[[u64; 2]], action: u32) {
        let mut words = vec![0; self.layout.words().len() * 2];
        for (field, bounds) in self.layout.fields().iter().zip(bounds) {
            words[field.word * 2] |= bounds[0] << field.shift;
            words[field.word * 2 + 1] |= bounds[1] << field.shift;
        }
        let last = words.len() - 2;
        words[last] |= u64::from(action) << Layout::TAG;
        words[last + 1] |= (self.len() as u64) << Layout::TAG;
        self.words.append(&mut words);
        self.bounds.extend(bounds);
        self.rules.push(rule);
    }

    /// Where the fields lie.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// How many terms there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The place of a term's rule in the list that the specification was made of.
    pub fn rule(&self, term: u32) -> usize {
        self.rules[term as usize] as usize
    }

    /// The action of a term's rule.
    pub fn action(&self, term: u32) -> u32 {
        Found::of(self.words(term)).action
    }

    /// A term's words.
    pub fn words(&self, term: u32) -> &[u64] {
        let stride = self.layout.words().len() * 2;
        &self.words[term as usize * stride..][..stride]
    }

    /// The mask and value, or the two ends, of each field of a term.
    pub(crate) fn bounds(&self, term: u32) -> &[[u64; 2]] {
        let stride = self.layout.fields().len();
        &self.bounds[term as usize * stride..][..stride]
    }

    /// Whether words as those of a term match a key.
    pub fn matches(&self, words: &[u64], key: &Key) -> bool {
        let mut differs = 0;
        for (word, form) in self.layout.words().iter().enumerate() {
            let (a, b, key) = (words[word * 2], words[word * 2 + 1], key.0[word]);
            differs |= match form {
                Form::Masked => (key & a) ^ b,
                Form::Ranged => (key.wrapping_sub(a) | b.wrapping_sub(key)) & self.guards[word],
            };
        }
        differs == 0
    }

    /// What a key matches first: what the rules mean.
    pub fn first_match(&self, key: &Key) -> Option<Found> {
        let matches = |&term: &u32| self.matches(self.words(term), key);
        let term = (0..self.len() as u32).find(matches)?;
        Some(Found::of(self.words(term)))
    }
}

impl Found {
    /// What the words of a term say of it.
    pub(crate) fn of(words: &[u64]) -> Found {
        let tag = |back: usize| (words[words.len() - back] >> Layout::TAG) as u32;
        Found { term: tag(1), action: tag(2) }
    }
}

/// The masks and values, or ends, that make up a test of a field.
fn bounds_of(def: FieldDef, test: Test) -> Option<Vec<[u64; 2]>> {
    let max = def.max();
    match (def.form, test) {
        (Form::Masked, Test::Any) => Some(vec![[0, 0]]),
        (Form::Ranged, Test::Any) => Some(vec![[0, max]]),
        (_, Test::Range { low, high }) if low > high || high > max => None,
        (Form::Masked, Test::Range { low, high }) => Some(prefixes(low, high, max)),
        (Form::Ranged, Test::Range { low, high }) => Some(vec![[low, high]]),
        (_, Test::Mask { mask, .. }) if mask > max => None,
        (Form::Masked, Test::Mask { mask, value }) => Some(vec![[mask, value & mask]]),
        (Form::Ranged, Test::Mask { mask, value }) => {
            let free = max & !mask;
            (free & free.wrapping_add(1) == 0).then(|| vec![[value & mask, value & mask | free]])
        }
    }
}

/// The fewest prefixes that make up a range, as masks and values, in order.
fn prefixes(low: u64, high: u64, max: u64) -> Vec<[u64; 2]> {
    let mut made = Vec::new();
    let mut next = low;
    loop {
        // The largest aligned block that begins here and does not go beyond the end.
        let mut free = if next == 0 { max } else { (1 << next.trailing_zeros()) - 1 };
        while free > high - next {
            free >>= 1;
        }
        made.push([max & !free, next]);
        match (next + free).checked_add(1).filter(|&after| after <= high) {
            Some(after) => next = after,
            None => return made,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    #[test]
    fn ranges_are_the_fewest_prefixes() {
        let max = 0xff;
        assert_eq!(prefixes(0, 255, max), [[0, 0]]);
        assert_eq!(prefixes(7, 7, max), [[255, 7]]);
        assert_eq!(prefixes(1, 6, max), [[255, 1], [254, 2], [254, 4], [255, 6]]);
        assert_eq!(prefixes(0, u64::MAX, u64::MAX), [[0, 0]]);
        for (low, high) in (0..=255).flat_map(|low| (low..=255).map(move |high| (low, high))) {
            let made = prefixes(low, high, max);
            for value in 0..=255 {
                let held = made.iter().filter(|[mask, wanted]| value & mask == *wanted).count();
                assert_eq!(held, usize::from((low..=high).contains(&value)));
            }
        }
    }

    #[test]
    fn terms_match_what_their_rule_says() {
        let defs = [FieldDef::masked(4, Role::Other), FieldDef::ranged(4, Role::Other)];
        let layout = Layout::new(&defs).expect("a layout");
        let masked = [Test::Any, Test::Mask { mask: 5, value: 4 }, Test::Range { low: 3, high: 9 }];
        let ranged = [Test::Any, Test::prefix(8, 2, 4), Test::Range { low: 1, high: 14 }];
        let holds = |test: Test, number: u64| match test {
            Test::Any => true,
            Test::Mask { mask, value } => number & mask == value & mask,
            Test::Range { low, high } => (low..=high).contains(&number),
        };
        for (a, b) in masked.into_iter().flat_map(|a| ranged.map(|b| (a, b))) {
            let rule = Rule { tests: vec![a, b], priority: 0, action: 3 };
            let rules = Rules::new(layout.clone(), &[rule]).expect("rules");
            for (x, y) in (0..16).flat_map(|x| (0..16).map(move |y| (x, y))) {
                let found = rules.first_match(&layout.key(&[x, y]));
                assert_eq!(
                    found.map(|found| found.action),
                    (holds(a, x) && holds(b, y)).then_some(3)
                );
            }
        }
    }

    #[test]
    fn what_fits_no_field_is_refused() {
        let defs = [FieldDef::masked(4, Role::Other), FieldDef::ranged(4, Role::Other)];
        let layout = Layout::new(&defs).expect("a layout");
        let refused = |tests: Vec<Test>, action| {
            let rules = [Rule { tests, priority: 0, action }];
            Rules::new(layout.clone(), &rules).expect_err("refused")
        };
        let (any, broken) = (Test::Any, Test::Mask { mask: 5, value: 4 });
        assert_eq!(refused(vec![any], 0), RuleError::Tests { rule: 0, found: 1, expected: 2 });
        assert_eq!(refused(vec![any, broken], 0), RuleError::Test { rule: 0, field: 1 });
        for (low, high) in [(3, 2), (0, 16)] {
            let range = Test::Range { low, high };
            assert_eq!(refused(vec![range, any], 0), RuleError::Test { rule: 0, field: 0 });
        }
        assert_eq!(refused(vec![any, any], 1 << 21), RuleError::Action(0));
    }
}
