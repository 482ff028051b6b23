//! Rules that ask for what no packet has at the hooks whose packets come to them, such as `-o eth0`
//! where only input chains lead to.
//!
//! The kernel compares with an empty name there, and so do the programs: such a rule is no error,
//! but it never matches. A rule is followed from its first block with what is absent read as 0; it
//! is dead where no way leads to its `count`.

use bpfc_diag::{Code, Diagnostic};
use bpfc_ir::{
    BinaryOp, Block, Function, Hook, Meta, Op, Origin, Program, Rule, RuleKind, Source, Terminator,
    Value,
};
use std::collections::{BTreeMap, BTreeSet};

/// What is said of each such rule of a function that packets of these hooks come through.
pub(super) fn dead_rules(
    program: &Program,
    function: &Function,
    hooks: &BTreeSet<Hook>,
) -> BTreeMap<Rule, Diagnostic> {
    let search = Search { program, function, hooks };
    let mut dead = BTreeMap::new();
    let mut first: Option<(Rule, Block)> = None;
    for &block in &function.layout {
        let Some(rule) = function.blocks[block].origin.expand().and_then(Origin::rule) else {
            continue;
        };
        if first.is_none_or(|(of, _)| of != rule) {
            first = Some((rule, block));
        }
        let asked = function.blocks[block].insts.iter().find_map(|&inst| {
            let data = &function.insts[inst];
            search.absent(&data.op).filter(|_| data.origin == Some(rule.into()).into())
        });
        if let (Some(meta), Some((_, first))) = (asked, first)
            && matches!(program.rules[rule].kind, RuleKind::Rule(_))
            && !dead.contains_key(&rule)
            && !search.counts(first, rule)
        {
            dead.insert(rule, diagnostic(program, rule, meta, hooks));
        }
    }
    dead
}

struct Search<'a> {
    program: &'a Program,
    function: &'a Function,
    hooks: &'a BTreeSet<Hook>,
}

impl Search<'_> {
    /// What an operation reads that no packet has here.
    fn absent(&self, op: &Op) -> Option<Meta> {
        match op {
            Op::Load(_, Source::Meta(meta)) => {
                self.hooks.iter().all(|&hook| meta.is_absent_at(hook)).then_some(*meta)
            }
            _ => None,
        }
    }

    /// A value that follows from what is absent.
    fn known(&self, value: Value) -> Option<u128> {
        match *self.function.definition(value) {
            Op::Const(_, number) => Some(number),
            ref op @ Op::Load(..) => self.absent(op).map(|_| 0),
            Op::Extend(_, inner) => self.known(inner),
            Op::Binary(BinaryOp::And, a, b) => Some(self.known(a)? & self.known(b)?),
            Op::Compare(condition, a, b) => {
                Some(condition.holds(self.known(a)?, self.known(b)?).into())
            }
            _ => None,
        }
    }

    /// Whether some way leads from a rule's first block to where it is counted.
    fn counts(&self, first: Block, rule: Rule) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![first];
        while let Some(block) = open.pop() {
            let data = &self.function.blocks[block];
            if data.origin != Some(rule.into()).into() || !seen.insert(block) {
                continue;
            }
            let counts = |op: &Op| match *op {
                Op::Count(of) => self.program.counted_rules(of).any(|of| of == rule),
                _ => false,
            };
            let counted = |inst: &bpfc_ir::Inst| counts(&self.function.insts[*inst].op);
            if data.insts.iter().any(counted) {
                return true;
            }
            match data.terminator {
                Terminator::Branch { condition, then, otherwise } => match self.known(condition) {
                    Some(0) => open.push(otherwise),
                    Some(_) => open.push(then),
                    None => open.extend([then, otherwise]),
                },
                Terminator::Switch(ref switch) => match self.known(switch.value) {
                    Some(number) => open.push(switch.target(number)),
                    None => open.extend(data.terminator.successors()),
                },
                ref other => open.extend(other.successors()),
            }
        }
        false
    }
}

fn diagnostic(program: &Program, rule: Rule, meta: Meta, hooks: &BTreeSet<Hook>) -> Diagnostic {
    let data = &program.rules[rule];
    let names: Vec<String> = hooks.iter().map(Hook::to_string).collect();
    let place = match names.as_slice() {
        [one] => format!("the {one} hook"),
        [first @ .., last] => format!("the hooks {} and {last}", first.join(", ")),
        [] => "any hook".to_owned(),
    };
    let why = match meta {
        Meta::OutInterface => "no packet has an output interface there",
        Meta::InInterface => "no packet has an input interface there",
        Meta::OutPort => "no bridge port that a packet leaves by is known there",
        Meta::LinkHeader => "no packet has a link header there",
        _ => "no packet has what it asks for there",
    };
    let message = format!("rule {} can never match at {place}", program.label(rule));
    Diagnostic::warning(Code::DEAD_RULE, data.span, message)
        .with_label(why)
        .with_note("no other hook that is compiled leads to the rule")
        .with_help("leave the test out, or remove the rule")
}
