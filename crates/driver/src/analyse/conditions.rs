//! What a packet must satisfy to be counted by a rule, read from the IR's branches.
//!
//! A condition says that a pure expression has a value in a set. Expressions are interned by
//! structure, so that two rules which load the same field speak of the same thing. What cannot be
//! read makes [`Conditions::exact`] false: the conditions are then necessary, not sufficient.

use bpfc_ir::{
    Base, BinaryOp, Block, Condition, ControlFlow, CtField, Function, Lookup, Meta, Op, Ranges,
    Region, Rule, Scan, SocketField, Source, Terminator, Type, Value,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// A pure expression over the packet; operands are numbers of other expressions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Expr {
    Const(Type, u128),
    Payload(Type, Base, u16),
    Meta(Meta),
    Ct(CtField),
    Socket(SocketField),
    LoadAt(Type, u32, u16),
    Binary(BinaryOp, u32, u32),
    Extend(Type, u32),
    Compare(Condition, u32, u32),
    InRange(u32, u128, u128),
    Available(Base, u16),
    AvailableAt(u32, u16),
    Scan(Scan),
    Lookup(Lookup),
}

/// The conditions of one rule, by expression.
#[derive(Clone, Debug, Default)]
pub(super) struct Conditions {
    sets: BTreeMap<u32, Ranges>,
    /// Whether every packet that meets the conditions is counted.
    pub(super) exact: bool,
}

impl Conditions {
    fn restrict(&mut self, expr: u32, set: Ranges) {
        let set = match self.sets.get(&expr) {
            Some(known) => known.intersect(&set),
            None => set,
        };
        self.sets.insert(expr, set);
    }

    /// Whether no packet meets them.
    pub(super) fn is_contradiction(&self) -> bool {
        self.sets.values().any(Ranges::is_empty)
    }

    /// Whether every packet meets them.
    pub(super) fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// Whether every packet that meets `other` meets these.
    pub(super) fn covers(&self, other: &Conditions) -> bool {
        self.sets
            .iter()
            .all(|(expr, set)| other.sets.get(expr).is_some_and(|narrower| set.holds(narrower)))
    }

    /// The expressions that must have one single value.
    pub(super) fn singles(&self) -> impl Iterator<Item = (u32, u128)> {
        self.sets.iter().filter_map(|(&expr, set)| set.single().map(|value| (expr, value)))
    }
}

/// Reads the conditions of one function's rules.
pub(super) struct Reader<'a> {
    function: &'a Function,
    flow: ControlFlow,
    /// What any function changes, so that two loads of it may differ.
    written: &'a BTreeSet<Region>,
    exprs: RefCell<BTreeMap<Expr, u32>>,
}

impl<'a> Reader<'a> {
    /// Reads nothing of a function whose blocks form a cycle, which the verifier reports.
    pub(super) fn new(function: &'a Function, written: &'a BTreeSet<Region>) -> Option<Self> {
        let flow = ControlFlow::new(function).ok()?;
        Some(Reader { function, flow, written, exprs: RefCell::default() })
    }

    pub(super) fn is_reachable(&self, block: Block) -> bool {
        self.flow.is_reachable(block)
    }

    /// The conditions on the way from the rule's first block to `block`.
    pub(super) fn conditions(&self, block: Block, rule: Rule) -> Conditions {
        let mut conditions = Conditions { sets: BTreeMap::new(), exact: true };
        let mut block = block;
        // Layout order bounds the walk: a loop would visit more blocks than there are.
        for _ in 0..=self.function.blocks.len() {
            let from = self.flow.predecessors(block);
            let inside = |b: &Block| self.function.blocks[*b].origin == Some(rule.into()).into();
            if !from.iter().any(inside) {
                return conditions;
            }
            let [from, ref more @ ..] = *from else { return conditions };
            if more.iter().any(|&other| other != from) {
                conditions.exact = false;
                return conditions;
            }
            match self.function.blocks[from].terminator {
                Terminator::Branch { .. } | Terminator::Switch(_) => {
                    if let Some(proof) = self.function.proof(from, block) {
                        match self.expr(proof.value) {
                            Some(expr) => conditions.restrict(expr, proof.set),
                            None => conditions.exact = false,
                        }
                    }
                }
                Terminator::Jump(_) => {}
                _ => conditions.exact = false,
            }
            block = from;
        }
        conditions.exact = false;
        conditions
    }

    /// Whether an operation may yield something else the next time: rules may have written what it
    /// reads, or time has passed.
    fn may_differ(&self, op: &Op) -> bool {
        let differs = |read: Region| {
            read == Region::Moment || self.written.iter().any(|written| written.overlaps(read))
        };
        op.reads().any(differs)
    }

    /// The number of a value's expression; none where it is not pure.
    fn expr(&self, value: Value) -> Option<u32> {
        let expr = match *self.function.definition(value) {
            Op::Const(ty, number) => Expr::Const(ty, number),
            // Rules before may have written what this one reads.
            ref op if self.may_differ(op) => return None,
            Op::Load(ty, Source::Payload(base, offset)) => Expr::Payload(ty, base, offset),
            Op::Load(_, Source::Meta(meta)) => Expr::Meta(meta),
            Op::Load(_, Source::Ct(field)) => Expr::Ct(field),
            Op::Load(_, Source::Socket(field)) => Expr::Socket(field),
            Op::LoadAt(ty, at, displacement) => Expr::LoadAt(ty, self.expr(at)?, displacement),
            Op::Binary(op, a, b) => Expr::Binary(op, self.expr(a)?, self.expr(b)?),
            Op::Extend(ty, inner) => Expr::Extend(ty, self.expr(inner)?),
            Op::Compare(condition, a, b) => Expr::Compare(condition, self.expr(a)?, self.expr(b)?),
            Op::InRange(inner, ref ends) => Expr::InRange(self.expr(inner)?, ends.0, ends.1),
            Op::Available(base, bytes) => Expr::Available(base, bytes),
            Op::AvailableAt(at, bytes) => Expr::AvailableAt(self.expr(at)?, bytes),
            Op::Scan(ref scan) => Expr::Scan(scan.clone()),
            Op::Lookup(lookup) => Expr::Lookup(lookup),
            Op::Random
            | Op::Take(_)
            | Op::Query(..)
            | Op::Find(..)
            | Op::Touch(..)
            | Op::Remove(..)
            | Op::Found(_)
            | Op::Field(..)
            | Op::Calendar(..)
            | Op::Hash(..)
            | Op::Truncate(..)
            | Op::ControlGroup(_)
            | Op::ToHost
            | Op::Count(_)
            | Op::CountAt(..)
            | Op::Choose(..)
            | Op::Log(..)
            | Op::Trace
            | Op::SetMark(_)
            | Op::SetConnectionMark(_)
            | Op::Rewrite(_) => return None,
        };
        let mut exprs = self.exprs.borrow_mut();
        let next = exprs.len() as u32;
        Some(*exprs.entry(expr).or_insert(next))
    }
}
