//! What of a base chain a plan can decide: rules as a list of which the first that matches decides,
//! from the code of the chain and of those that it calls.
//!
//! The code is walked from its entry over decisions about *facts*, which are numbers of the packet
//! that need no effect: bytes of headers, whether they are there, the protocol, interfaces, the
//! connection's state. What can be walked ends at verdicts, and where a block does more than count
//! and decide (`blocks`): the packet goes on there in the code as it is. Each end is a
//! [`Shortcut`]: the counters on the way, in order, and what follows. A way to an end is a
//! conjunction of what the decisions say, and so a rule of [`bpfc_classify`] whose action is the
//! number of its way.
//!
//! Conjunctions stay few because the list is in order (`walk`): one side of a decision is walked
//! under what the decision says, the other one after it under nothing more, and what would come to
//! where the walk goes on anyway is left out. So a ruleset of rules that end or fail is a list
//! about as long as it is. A rule that counts and goes on makes two of each later one that meets
//! it, one with its counter and one without; so does a chain that returns. Where that would be too
//! much the walk ends, and the rest stays code.

mod blocks;
mod decide;
mod fields;
mod walk;

use bpfc_classify::{BuildError, LayoutError, Plan, RuleError, Rules, build, lookup};
use bpfc_ir::{Func, Op, Program, Shortcut};

/// How far a walk goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Rules of the list; the walk ends everywhere once there are so many.
    pub rules: usize,
    /// Terms of a plan: ranges of addresses, and all addresses but one, are many each.
    pub terms: usize,
    /// Blocks that are walked, each as often as it is met.
    pub blocks: usize,
}

impl Default for Reach {
    fn default() -> Self {
        Reach { rules: 400_000, terms: 1_000_000, blocks: 4_000_000 }
    }
}

/// A base chain as far as a plan decides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extracted {
    /// The operations whose results make a key: loads and `avail`. What is not there, as bytes
    /// beyond the packet's end, is 0.
    pub facts: Vec<Op>,
    /// Rules over the facts, whose actions are numbers of ways, and how to find the first.
    pub plan: Plan,
    /// What rules do.
    pub ways: Vec<Shortcut>,
}

/// Why a chain has no plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// It does more than decide before it decides anything.
    #[error("nothing is decided before something is done")]
    Nothing,
    /// Its facts are more than a key holds.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The list is too long, or has too many ways.
    #[error(transparent)]
    Rules(#[from] RuleError),
    /// The list has no plan.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// The plan of a base chain of a program that the verifier accepts.
///
/// # Errors
/// Where there is none; the chain stays as it is then.
pub fn extract(program: &Program, chain: Func, reach: Reach) -> Result<Extracted, ExtractError> {
    let walked = walk::walk(program, chain, reach);
    if walked.rules.len() < 2 {
        return Err(ExtractError::Nothing);
    }
    let fields = fields::Fields::new(&walked, program.funcs[chain].family)?;
    let rules = fields.rules(&walked, reach.terms)?;
    let rules = Rules::new(fields.layout, &rules)?;
    let plan = build(rules, &bpfc_classify::Options::default())?;
    Ok(Extracted { facts: walked.facts, plan, ways: walked.ways })
}

impl Extracted {
    /// The way of a packet, by what yields the results of the facts: none of what is not there.
    pub fn way(&self, mut read: impl FnMut(&Op) -> Option<u128>) -> Option<&Shortcut> {
        let values = self.facts.iter().map(|fact| (fact, read(fact).unwrap_or(0)));
        let key = self.plan.rules.layout().key(&fields::words(values));
        let found = lookup(&self.plan, &key).0?;
        self.ways.get(found.action as usize)
    }
}
