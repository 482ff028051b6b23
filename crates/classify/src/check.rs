//! A proof that a plan finds, for every key, what its rules say.
//!
//! The table is read as a program reads it, and of the build nothing is used but the stage that
//! each term is in. From a root down the checker carries the terms of the stage that some key at a
//! node may match, and the bits of the key that are known there. For each cell it asks anew which
//! of them match a key that comes to it. What is known of cells that hold the same entry is what
//! their numbers have alike, and the terms are those of all of them together.
//!
//! A leaf must hold every such term, or before its place one that matches wherever it does. Then
//! the first term of the leaf that a key matches is the first of the stage: were it another one, it
//! would be in the leaf, or hidden behind a better one. Terms in leaves must be the rules' own, in
//! order. A stage is left out only where what was found is no worse than the least term in it, and
//! a wide root's cell where it is no worse than the least that can match there. So the best of all
//! stages is the first of all rules.
//!
//! Questions of single words are answered exactly, also for ranged fields of which bits in the
//! middle are known; that is why a node never leads by two windows of ranged words.

use crate::layout::ones;
use crate::lookup::terms;
use crate::{Entry, Form, Found, Layout, Leaf, Node, Part, Plan, Root, Rules};
use rustc_hash::FxHashMap;

/// What is wrong with a plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// A term of no stage, or of one that may be left out although the term is better.
    #[error("term {0} is in no stage that is walked for it")]
    Stage(u32),
    /// A leaf lacks a term.
    #[error("a leaf at {offset} of stage {stage} lacks term {term}")]
    Lacking {
        /// The stage.
        stage: usize,
        /// The leaf's terms.
        offset: u32,
        /// The term.
        term: u32,
    },
    /// A root's cell may be left out for a term that can match there.
    #[error("cell {cell} of the root of stage {stage} is left out although term {term} is better")]
    LeftOut {
        /// The stage.
        stage: usize,
        /// The cell.
        cell: usize,
        /// The term.
        term: u32,
    },
    /// A leaf holds what is none of the rules' terms, or not in order.
    #[error("the leaf at {0} holds other terms than the rules'")]
    Terms(u32),
    /// An entry leads beyond the table, has windows that no node has, or lies too deep.
    #[error("an entry of stage {0} is none")]
    Entry(usize),
}

/// The bits of each word that are known, and their values.
#[derive(Clone, Copy)]
struct Known([[u64; 2]; Layout::MOST_WORDS]);

/// Proves a plan.
///
/// # Errors
/// The first flaw.
pub fn check(plan: &Plan) -> Result<(), Flaw> {
    let count = plan.rules.len();
    let mut stages: Vec<Vec<u32>> = vec![Vec::new(); plan.stages.len()];
    for term in 0..count as u32 {
        let part = plan.parts.get(term as usize).copied().unwrap_or(u8::MAX);
        let stage = stages.get_mut(usize::from(part)).ok_or(Flaw::Stage(term))?;
        if plan.stages[usize::from(part)].best > term {
            return Err(Flaw::Stage(term));
        }
        stage.push(term);
    }
    for (at, (stage, terms)) in plan.stages.iter().zip(&stages).enumerate() {
        let mut proof = Proof { plan, stage: at };
        let known = Known([[0, 0]; Layout::MOST_WORDS]);
        match stage.root {
            Root::Leaf(leaf) => proof.leaf(leaf, terms, &known)?,
            Root::Node { node, is_wide } => proof.node(&node, is_wide, terms, &known, 1)?,
        }
    }
    Ok(())
}

struct Proof<'a> {
    plan: &'a Plan,
    stage: usize,
}

/// Cells that hold the same entry.
struct Group {
    cells: Vec<usize>,
    /// Places in the node's list of terms, as bits.
    terms: Vec<u64>,
}

impl Proof<'_> {
    fn node(
        &mut self,
        node: &Node,
        is_wide: bool,
        terms: &[u32],
        known: &Known,
        depth: u32,
    ) -> Result<(), Flaw> {
        let (plan, flaw) = (self.plan, Flaw::Entry(self.stage));
        let words = plan.rules.layout().words();
        let [first, second] = node.parts;
        let cells = node.cells();
        let ranged = |part: Part| words.get(usize::from(part.word)) == Some(&Form::Ranged);
        let in_words = |part: Part| usize::from(part.word) < words.len();
        let size = if is_wide { 2 } else { 1 };
        let end = node.base as usize + cells * size;
        let is_sound = cells.is_power_of_two()
            && first.mask & second.mask == 0
            && [first, second].into_iter().all(|part| in_words(part) && part.in_word())
            && !(first.mask != 0 && second.mask != 0 && ranged(first) && ranged(second))
            && end <= plan.table.len()
            && depth <= plan.depth;
        if !is_sound {
            return Err(flaw);
        }
        // A cell is reached where each of its two parts is; the two say nothing of each other.
        let reaching = [first, second].map(|part| self.reaching(part, terms, known));
        let mut groups: Vec<Group> = Vec::new();
        let mut numbers: FxHashMap<(u64, u64), usize> = FxHashMap::default();
        for cell in 0..cells {
            let [a, b] = [first, second].map(|part| cell & usize::from(part.mask));
            let (Some(a), Some(b)) = (&reaching[0][&a], &reaching[1][&b]) else {
                continue;
            };
            let at = node.base as usize + cell * size;
            let (entry, best) = (plan.table[at], if is_wide { plan.table[at + 1] } else { 0 });
            let number = *numbers.entry((entry, best)).or_insert_with(|| {
                groups.push(Group { cells: Vec::new(), terms: vec![0; a.len()] });
                groups.len() - 1
            });
            groups[number].cells.push(cell);
            let all = groups[number].terms.iter_mut().zip(a.iter().zip(b));
            all.for_each(|(all, (a, b))| *all |= a & b);
        }
        for Group { cells, terms: places } in groups {
            let cell = cells[0];
            let at = node.base as usize + cell * size;
            let is_held = |place: &usize| places[place / 64] >> (place % 64) & 1 == 1;
            let held: Vec<u32> =
                (0..terms.len()).filter(is_held).map(|place| terms[place]).collect();
            if is_wide
                && let Some(&term) = held.first().filter(|&&term| plan.table[at + 1] > term.into())
            {
                return Err(Flaw::LeftOut { stage: self.stage, cell, term });
            }
            let same = cells.iter().fold(usize::MAX, |same, other| same & !(cell ^ other));
            let mut known = *known;
            for part in node.parts {
                let mask = usize::from(part.mask) & same;
                known.learn(part, mask as u64, (cell & mask) as u64);
            }
            match Entry::decode(plan.table[at]) {
                Entry::Leaf(leaf) => self.leaf(leaf, &held, &known)?,
                Entry::Node(node) => self.node(&node, false, &held, &known, depth + 1)?,
            }
        }
        Ok(())
    }

    /// The terms that match some key for each number that a part of a node can have: their places
    /// as bits, or none where no key has it.
    fn reaching(
        &self,
        part: Part,
        terms: &[u32],
        known: &Known,
    ) -> FxHashMap<usize, Option<Vec<u64>>> {
        let rules = &self.plan.rules;
        let mask = usize::from(part.mask);
        let numbers = (0..=mask).filter(|number| number & !mask == 0);
        let reach = |number: usize| {
            let mut here = *known;
            if !here.learn(part, mask as u64, number as u64) {
                return None;
            }
            let mut places = vec![0; terms.len().div_ceil(64)];
            for (place, &term) in terms.iter().enumerate() {
                let matches = here.can_match(rules, usize::from(part.word), rules.words(term));
                places[place / 64] |= u64::from(matches) << (place % 64);
            }
            Some(places)
        };
        numbers.map(|number| (number, reach(number))).collect()
    }

    fn leaf(&self, leaf: Leaf, wanted: &[u32], known: &Known) -> Result<(), Flaw> {
        let Plan { rules, table, longest, .. } = self.plan;
        let size = rules.layout().words().len() * 2 * usize::from(leaf.count);
        let is_sound = leaf.offset as usize + size <= table.len()
            && u32::from(leaf.count) <= *longest
            && (leaf.count == 0 || leaf.offset.is_multiple_of(4));
        if !is_sound {
            return Err(Flaw::Entry(self.stage));
        }
        let mut held: Vec<u32> = Vec::with_capacity(leaf.count.into());
        for words in terms(self.plan, leaf) {
            let term = Found::of(words).term;
            let is_own = (term as usize) < rules.len() && rules.words(term) == words;
            if !is_own || held.last().is_some_and(|&last| last >= term) {
                return Err(Flaw::Terms(leaf.offset));
            }
            held.push(term);
        }
        if held.first().is_some_and(|&first| first != leaf.first) {
            return Err(Flaw::Terms(leaf.offset));
        }
        for &term in wanted {
            let before = held.partition_point(|&other| other < term);
            let hides = |&other: &u32| known.holds(rules, rules.words(other), rules.words(term));
            if held.get(before) != Some(&term) && !held[..before].iter().any(hides) {
                let (stage, offset) = (self.stage, leaf.offset);
                return Err(Flaw::Lacking { stage, offset, term });
            }
        }
        Ok(())
    }
}

impl Part {
    /// Whether all its bits are bits of the word.
    fn in_word(self) -> bool {
        let bits = u64::from(self.mask);
        self.shift < 64 && bits << self.shift >> self.shift == bits
    }
}

impl Known {
    /// Adds what bits of a cell's number say; false where it contradicts what was known.
    fn learn(&mut self, part: Part, mask: u64, value: u64) -> bool {
        let [known, values] = &mut self.0[usize::from(part.word)];
        let (mask, value) = (mask << part.shift, (value & mask) << part.shift);
        let agrees = (*values ^ value) & *known & mask == 0;
        *known |= mask;
        *values |= value;
        agrees
    }

    /// Whether a key with these bits can have a word that a term matches.
    fn can_match(&self, rules: &Rules, word: usize, words: &[u64]) -> bool {
        let ([known, value], [a, b]) = (self.0[word], [words[word * 2], words[word * 2 + 1]]);
        match rules.layout().words()[word] {
            Form::Masked => (b ^ value) & a & known == 0,
            Form::Ranged => ranged(rules.layout(), word).all(|(shift, bits)| {
                let of = |word: u64| word >> shift & ones(bits);
                least(of(a), of(known), of(value), bits).is_some_and(|least| least <= of(b))
            }),
        }
    }

    /// Whether every key with these bits that a term matches is one that another matches.
    fn holds(&self, rules: &Rules, outer: &[u64], inner: &[u64]) -> bool {
        let forms = rules.layout().words().iter().enumerate();
        forms.into_iter().all(|(word, form)| {
            let [known, value] = self.0[word];
            let ([a, b], [c, d]) =
                ([outer[word * 2], outer[word * 2 + 1]], [inner[word * 2], inner[word * 2 + 1]]);
            match form {
                // What the outer one asks is known to be so, or asked by the inner one.
                Form::Masked => {
                    let asked = a & !known;
                    (b ^ value) & a & known == 0 && asked & !c == 0 && (b ^ d) & asked == 0
                }
                Form::Ranged => ranged(rules.layout(), word).all(|(shift, bits)| {
                    let of = |word: u64| word >> shift & ones(bits);
                    let (known, value) = (of(known), of(value));
                    let low = least(of(c), known, value, bits);
                    let high = greatest(of(d), known, value, bits);
                    // The inner one may match nothing here.
                    let none = low.is_none_or(|low| low > of(d));
                    none || low >= Some(of(a)) && high.is_some_and(|high| high <= of(b))
                }),
            }
        })
    }
}

/// The lowest bits and widths of a ranged word's fields.
fn ranged(layout: &Layout, word: usize) -> impl Iterator<Item = (u32, u32)> {
    let fields = layout.fields().iter().filter(move |field| field.word == word);
    fields.map(|field| (field.shift, field.def.bits))
}

/// The least number of so many bits, no less than `low`, of which some bits are known.
fn least(low: u64, known: u64, value: u64, bits: u32) -> Option<u64> {
    if (low ^ value) & known == 0 {
        return Some(low);
    }
    // It differs from `low` first at some bit, which is 0 there: at the lowest one possible.
    (0..bits).find_map(|bit| {
        let (own, above) = (1 << bit, !ones(bit + 1));
        let is_free = low & own == 0 && (known & own == 0 || value & own != 0);
        let fits = is_free && (low ^ value) & known & above == 0;
        fits.then_some(low & above | own | value & known & ones(bit))
    })
}

/// The greatest number of so many bits, no more than `high`, of which some bits are known.
fn greatest(high: u64, known: u64, value: u64, bits: u32) -> Option<u64> {
    let all = ones(bits);
    least(!high & all, known, !value & known, bits).map(|least| !least & all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_among_numbers_with_known_bits_are_those_of_counting() {
        let bits = 5;
        for (known, value) in (0..32u64).flat_map(|known| (0..32).map(move |v| (known, v & known)))
        {
            let all: Vec<u64> = (0..32).filter(|number| number & known == value).collect();
            for end in 0..32 {
                let (low, high) =
                    (least(end, known, value, bits), greatest(end, known, value, bits));
                assert_eq!(low, all.iter().copied().find(|&number| number >= end));
                assert_eq!(high, all.iter().copied().rfind(|&number| number <= end));
            }
        }
    }
}
