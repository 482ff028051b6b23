//! Entity references: 32-bit newtypes whose `Display` is the text form.

use cranelift_entity::entity_impl;

/// A function: one chain of the ruleset.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Func(u32);
entity_impl!(Func, "fn");

/// A basic block of a function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block(u32);
entity_impl!(Block, "block");

/// An instruction of a function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inst(u32);
entity_impl!(Inst, "inst");

/// An SSA value of a function.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(u32);
entity_impl!(Value, "v");

/// A chain of the source ruleset, whether or not there is a function for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Chain(u32);
entity_impl!(Chain, "chain");

/// A rule or policy of the source ruleset.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule(u32);
entity_impl!(Rule, "rule");

/// Several rules that instructions come from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleList(u32);
entity_impl!(RuleList, "rules");

/// A counter of packets and bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter(u32);
entity_impl!(Counter, "counter");

/// Several counters that count a packet together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CounterList(u32);
entity_impl!(CounterList, "counters");

/// What outlives packets and is asked by rules: a rate limit, a quota.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object(u32);
entity_impl!(Object, "object");

/// Elements by key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table(u32);
entity_impl!(Table, "table");

/// State that lives across packets and processors, such as that of `statistic --mode nth`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State(u32);
entity_impl!(State, "state");

/// The definition of a scan that is too large for an instruction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Probe(u32);
entity_impl!(Probe, "probe");
