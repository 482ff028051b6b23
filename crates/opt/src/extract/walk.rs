//! The walk over decisions, and the list of rules that comes of it.
//!
//! Of a decision's sides one is walked last, under no more than was known before it: the packets of
//! the others have met theirs already. The others are walked first, each under what the decision
//! says for it, and told where the walk goes on behind them: coming there is no end, since the list
//! goes on with just that. Best for the last is the side that leads to where the walk goes on
//! anyway, as a rule's failing tests do; else the one that the others may lead to, which is the
//! latest in the order of blocks. Sides that end the chain at once are best walked first.

use super::Reach;
use super::blocks::Blocks;
use super::decide::{Atom, Decision};
use super::fields::terms;
use bpfc_ir::{Block, Counter, Func, Op, Point, Program, Shortcut, ShortcutEnd, Terminator, Type};
use rustc_hash::FxHashMap;

/// Walks in walks; what is deeper stays code.
const DEEPEST: usize = 256;

/// So many terms of an end are better than to leave it for the last.
const FEW: usize = 4;

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Walked {
    pub facts: Vec<Op>,
    /// In order: what is known of the facts, and the number of the way.
    pub rules: Vec<(Known, u32)>,
    pub ways: Vec<Shortcut>,
}

/// What is known of one fact: that it lies between two ends, and bits of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub low: u128,
    pub high: u128,
    pub mask: u128,
    pub value: u128,
}

/// What is known of each fact; nothing of those that are not in the list.
pub(super) type Known = Vec<Bounds>;

impl Bounds {
    pub fn whole(max: u128) -> Bounds {
        Bounds { low: 0, high: max, mask: 0, value: 0 }
    }

    /// What is known besides; none where no number is left. Some may be none, too, where bits and
    /// ends leave no number.
    fn narrow(self, atom: Atom) -> Option<Bounds> {
        let mut bounds = self;
        match atom {
            Atom::Range(low, high) => {
                bounds.low = low.max(self.low);
                bounds.high = high.min(self.high);
            }
            Atom::Mask(mask, value) => {
                if (self.value ^ value) & self.mask & mask != 0 {
                    return None;
                }
                bounds.mask |= mask;
                bounds.value |= value;
            }
        }
        let is_single = bounds.low == bounds.high && (bounds.low ^ bounds.value) & bounds.mask != 0;
        (bounds.low <= bounds.high && !is_single).then_some(bounds)
    }
}

/// Where a packet is, and what has counted it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    at: Point,
    /// Where chains that wait go on, outermost first.
    callers: Vec<Point>,
    counters: Vec<Counter>,
}

struct Walk<'a> {
    program: &'a Program,
    reach: Reach,
    functions: FxHashMap<Func, Blocks>,
    found: Walked,
    numbers: FxHashMap<Shortcut, u32>,
    steps: usize,
}

/// Walks a base chain.
pub(super) fn walk(program: &Program, chain: Func, reach: Reach) -> Walked {
    let mut walk = Walk {
        program,
        reach,
        functions: FxHashMap::default(),
        found: Walked::default(),
        numbers: FxHashMap::default(),
        steps: 0,
    };
    if let Some(block) = program.funcs.get(chain).and_then(|function| function.entry()) {
        let at = Point { func: chain, block };
        let state = State { at, callers: Vec::new(), counters: Vec::new() };
        walk.from(state, Vec::new(), None, 0);
    }
    walk.found
}

/// What is done next at a place.
enum Next {
    End(ShortcutEnd),
    Go(State),
    Decide(Decision),
}

impl Walk<'_> {
    /// Walks on from a state; behind the walk the list goes on with another one.
    fn from(&mut self, mut state: State, known: Known, behind: Option<&State>, depth: usize) {
        while Some(&state) != behind {
            let (decision, counters) = match self.next(&state, depth) {
                (Next::End(end), counters) => {
                    state.counters.extend(counters);
                    self.rule(known, Shortcut { counters: state.counters, end });
                    return;
                }
                (Next::Go(next), counters) => {
                    let counters = state.counters.into_iter().chain(counters).collect();
                    state = State { counters, ..next };
                    continue;
                }
                (Next::Decide(decision), counters) => (decision, counters),
            };
            state.counters.extend(counters);
            let fact = self.fact(decision.fact);
            let bounds = known.get(fact).copied();
            let max = fact_type(&self.found.facts[fact]).max();
            let bounds = bounds.unwrap_or(Bounds::whole(max));
            // The sides that packets may take, each with what is known of the fact there.
            let mut sides: Vec<(Vec<Bounds>, Block)> = Vec::new();
            for (atoms, block) in decision.sides {
                let narrowed = atoms.into_iter().filter_map(|atom| bounds.narrow(atom));
                let narrowed: Vec<Bounds> = narrowed.collect();
                match sides.iter_mut().find(|(_, other)| *other == block) {
                    _ if narrowed.is_empty() => {}
                    Some((all, _)) => all.extend(narrowed),
                    None => sides.push((narrowed, block)),
                }
            }
            let to = |block| State { at: Point { func: state.at.func, block }, ..state.clone() };
            let Some(last) = self.last(&state, &sides, max, behind) else {
                // No packet comes here: some bits and ends that leave no number.
                return;
            };
            let after = to(sides[last].1);
            for (at, (all, block)) in sides.into_iter().enumerate() {
                if at == last {
                    continue;
                }
                for bounds in all {
                    let mut known = known.clone();
                    while known.len() <= fact {
                        let max = fact_type(&self.found.facts[known.len()]).max();
                        known.push(Bounds::whole(max));
                    }
                    known[fact] = bounds;
                    self.from(to(block), known, Some(&after), depth + 1);
                }
            }
            state = after;
        }
    }

    /// The side that is walked last.
    fn last(
        &self,
        state: &State,
        sides: &[(Vec<Bounds>, Block)],
        max: u128,
        behind: Option<&State>,
    ) -> Option<usize> {
        let is_behind = |block: Block| {
            behind.is_some_and(|behind| {
                behind.at == Point { func: state.at.func, block }
                    && behind.callers == state.callers
                    && behind.counters == state.counters
            })
        };
        let blocks = self.functions.get(&state.at.func)?;
        let goes_on = |(atoms, block): &(Vec<Bounds>, Block)| {
            let is_end = blocks.get(*block).is_some_and(|passed| passed.is_end);
            !is_end || atoms.iter().map(|bounds| terms(*bounds, max)).sum::<usize>() > FEW
        };
        let leads_behind = sides.iter().position(|&(_, block)| is_behind(block));
        let place = |&(at, side): &(usize, &(Vec<Bounds>, Block))| {
            (goes_on(side), blocks.place(side.1), at)
        };
        let latest = sides.iter().enumerate().max_by_key(place).map(|(at, _)| at);
        leads_behind.or(latest)
    }

    /// What a state's block does: what it counts, and what is next.
    fn next(&mut self, state: &State, depth: usize) -> (Next, Vec<Counter>) {
        let Point { func, block } = state.at;
        let function = &self.program.funcs[func];
        let (program, steps) = (self.program, self.steps);
        self.steps += 1;
        let blocks = self.functions.entry(func).or_insert_with(|| Blocks::new(program, function));
        let is_over = steps >= self.reach.blocks
            || self.found.rules.len() >= self.reach.rules
            || depth >= DEEPEST;
        let stays = || {
            let way = state.callers.iter().chain([&state.at]).copied().collect();
            (Next::End(ShortcutEnd::At(way)), Vec::new())
        };
        let passed = blocks.get(block).filter(|passed| !is_over || !passed.is_free);
        let Some(passed) = passed else { return stays() };
        let go =
            |at: Point, callers: Vec<Point>| Next::Go(State { at, callers, counters: Vec::new() });
        let next = match function.blocks[block].terminator {
            Terminator::Verdict(verdict) => Next::End(ShortcutEnd::Verdict(verdict)),
            Terminator::Jump(block) => go(Point { func, block }, state.callers.clone()),
            Terminator::Call { callee, next } => {
                let Some(block) = program.funcs[callee].entry() else { return stays() };
                let waiting = Point { func, block: next };
                let callers = state.callers.iter().copied().chain([waiting]).collect();
                go(Point { func: callee, block }, callers)
            }
            Terminator::Return => match state.callers.split_last() {
                Some((&at, callers)) => go(at, callers.to_vec()),
                None => return stays(),
            },
            Terminator::Branch { .. } | Terminator::Switch(_) => match &passed.decision {
                Some(decision) => Next::Decide(decision.clone()),
                None => return stays(),
            },
        };
        (next, passed.counters.clone())
    }

    fn fact(&mut self, fact: Op) -> usize {
        let facts = &mut self.found.facts;
        facts.iter().position(|known| *known == fact).unwrap_or_else(|| {
            facts.push(fact);
            facts.len() - 1
        })
    }

    fn rule(&mut self, known: Known, way: Shortcut) {
        let ways = &mut self.found.ways;
        let number = *self.numbers.entry(way).or_insert_with_key(|way| {
            ways.push(way.clone());
            ways.len() as u32 - 1
        });
        self.found.rules.push((known, number));
    }
}

/// A fact's type.
pub(super) fn fact_type(fact: &Op) -> Type {
    fact.fixed_type().unwrap_or(Type::Bool)
}
