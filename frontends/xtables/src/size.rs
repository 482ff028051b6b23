//! What the rules of a hook take at the least, so that rulesets that no kernel takes are refused
//! before they are read or lowered, which costs a kilobyte or more a rule.
//!
//! A rule is summed up by what it takes on every target and by what decides whether it has code at
//! all: its chain, the chain that it calls, the interfaces that it asks for, which some hooks do
//! not know, and whether packets come behind it. `text` finds that by the words of a dump, and
//! `model` in rules that were read. Where either cannot know it assumes less, never more.

mod model;
mod text;

pub(crate) use model::of_tables;
pub(crate) use text::of_text;

use bpfc_diag::{Code, Diagnostic, Span};
use bpfc_ir::{Hook, SizeLimit};

/// The rules of all tables that are compiled, those of each chain in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sizes {
    /// Base chains by index.
    pub base: Vec<(Hook, u32)>,
    /// How many chains there are.
    pub chains: usize,
    /// Rules that may have code.
    pub rules: Vec<RuleSize>,
}

/// An interface that a rule asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Asks {
    /// It does not.
    #[default]
    Nothing,
    /// For one of a name.
    Name,
    /// For one of another name, which every packet without an interface has.
    Other,
}

/// Where a packet goes that passed a rule and the chain that it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// To the next rule.
    Next,
    /// Back to where its chain was called.
    Return,
    /// To none of the rules behind it, nor behind calls of its chain.
    Elsewhere,
}

/// What is known of a rule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RuleSize {
    /// The chain that it is in.
    pub chain: u32,
    /// The chain that it calls.
    pub callee: Option<u32>,
    /// Instructions that the kernel's verifier processes for it at least.
    pub instructions: u32,
    /// `-i`.
    pub input: Asks,
    /// `-o`.
    pub output: Asks,
    /// Whether it tests anything else.
    pub is_conditional: bool,
    /// Where a packet goes that passes it.
    pub then: Then,
    /// Where it stands.
    pub span: Option<Span>,
}

/// What a rule tests and does, as far as its size is known by that.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    /// Comparisons of fields of the header.
    compared: u32,
    /// Where it asks for ports: how many it compares with at the least.
    ports: Option<u32>,
    /// Whether it asks for them of TCP by that match.
    is_tcp: bool,
    /// Whether it accepts or drops.
    decides: bool,
}

/// Instructions for counting a packet: its number and its length are loaded and added.
const COUNT: u32 = 4;
/// For the comparison of a field: a load and a branch, and the first instruction of the way that
/// the branch leaves for later, which the kernel's verifier processes before it sees whether it
/// knows that way.
const COMPARISON: u32 = 3;
/// For one more comparison of the same field.
const FURTHER: u32 = COMPARISON - 1;
/// For ports, before they are compared: whether this is a later fragment, and whether the header
/// is there.
const PORTS: u32 = 2 * COMPARISON;
/// For `tcp` besides: it drops fragments that begin inside the header.
const TCP: u32 = FURTHER;
/// For a verdict: it is told, and the function left.
const VERDICT: u32 = 2;
/// What of that is the same: the way past the rule begins where the next rule does.
const SHARED: u32 = 1;

impl Parts {
    /// Instructions that the kernel's verifier processes at the least.
    fn instructions(self) -> u32 {
        let ports = match self.ports {
            None => 0,
            Some(listed) => {
                let further = FURTHER * listed.saturating_sub(1);
                PORTS + if self.is_tcp { TCP } else { 0 } + COMPARISON * listed.min(1) + further
            }
        };
        // The next rule may compare the same field, if this one compares no other.
        let again =
            if self.ports.is_none() && self.compared == 1 { COMPARISON - FURTHER } else { 0 };
        let verdict = if self.decides { VERDICT } else { 0 };
        COUNT + COMPARISON * self.compared + ports + verdict - SHARED - again
    }
}

impl RuleSize {
    /// Whether packets of the hook can pass the rule.
    fn is_possible(&self, hook: Hook) -> bool {
        (self.input != Asks::Name || knows_input(hook))
            && (self.output != Asks::Name || knows_output(hook))
    }

    /// Whether every packet of the hook passes the rule.
    fn is_certain(&self, hook: Hook) -> bool {
        self.is_possible(hook)
            && !self.is_conditional
            && (self.input == Asks::Nothing || !knows_input(hook))
            && (self.output == Asks::Nothing || !knows_output(hook))
    }
}

fn knows_input(hook: Hook) -> bool {
    matches!(hook, Hook::Prerouting | Hook::Input | Hook::Forward)
}

fn knows_output(hook: Hook) -> bool {
    matches!(hook, Hook::Forward | Hook::Output | Hook::Postrouting)
}

impl Sizes {
    /// Those of the wanted hooks (`None` for every one) whose rules take more than a program may
    /// have, each with the error that says so.
    pub fn too_large(&self, limit: &SizeLimit, wanted: Option<&[Hook]>) -> Vec<(Hook, Diagnostic)> {
        let mut hooks: Vec<Hook> = self.base.iter().map(|(hook, _)| *hook).collect();
        hooks.retain(|hook| wanted.is_none_or(|wanted| wanted.contains(hook)));
        hooks.sort_unstable();
        hooks.dedup();
        // Most rulesets are small whatever the hook.
        let all = self.rules.iter().map(|rule| u64::from(rule.instructions)).sum::<u64>();
        if all <= limit.instructions {
            return Vec::new();
        }
        hooks.into_iter().filter_map(|hook| Some((hook, self.check(hook, limit)?))).collect()
    }

    /// The error where the rules of one hook take too many instructions.
    fn check(&self, hook: Hook, limit: &SizeLimit) -> Option<Diagnostic> {
        let live = self.live(hook);
        let reached = self.reached(hook, &live);
        let (mut number, mut size, mut passed) = (0u64, 0u64, None);
        for (rule, live) in self.rules.iter().zip(live) {
            if !live || !reached[rule.chain as usize] {
                continue;
            }
            number += 1;
            size += u64::from(rule.instructions);
            if size > limit.instructions && passed.is_none() {
                passed = Some(rule.span);
            }
        }
        let span = passed?;
        let message = format!(
            "the {number} rules that packets of the {hook} hook meet take at least {size} \
             instructions: {}",
            limit.said
        );
        Some(
            Diagnostic::error(Code::TOO_LARGE, span, message)
                .with_label("here the limit is passed")
                .with_help(
                    "put lists of addresses and ports into sets (`ipset`), choose other hooks with \
                     --hook, or keep part of the rules in the kernel",
                ),
        )
    }

    /// By rule: whether packets of the hook that come to its chain can come to it and pass it.
    fn live(&self, hook: Hook) -> Vec<bool> {
        // Chains that may decide every packet: nothing comes behind a call of them that is always
        // made.
        let mut decides = vec![false; self.chains];
        for rule in self.rules.iter().filter(|rule| rule.is_certain(hook)) {
            decides[rule.chain as usize] |= rule.then == Then::Elsewhere || rule.callee.is_some();
        }
        let mut ended = vec![false; self.chains];
        let live = |rule: &RuleSize| {
            let ended = &mut ended[rule.chain as usize];
            if *ended || !rule.is_possible(hook) {
                return false;
            }
            let decided = rule.callee.is_some_and(|callee| decides[callee as usize]);
            *ended = rule.is_certain(hook) && (rule.then != Then::Next || decided);
            true
        };
        self.rules.iter().map(live).collect()
    }

    /// By chain: whether packets of the hook come to it.
    fn reached(&self, hook: Hook, live: &[bool]) -> Vec<bool> {
        let mut callees: Vec<Vec<u32>> = vec![Vec::new(); self.chains];
        for (rule, _) in self.rules.iter().zip(live).filter(|(_, live)| **live) {
            callees[rule.chain as usize].extend(rule.callee);
        }
        let mut reached = vec![false; self.chains];
        let mut todo: Vec<u32> =
            self.base.iter().filter(|(of, _)| *of == hook).map(|(_, chain)| *chain).collect();
        while let Some(chain) = todo.pop() {
            if !std::mem::replace(&mut reached[chain as usize], true) {
                todo.append(&mut callees[chain as usize]);
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests;
