//! What `bpfc check` says about a ruleset that compiles: chains that nothing reaches, rules that
//! can never match, and rules that others shadow.
//!
//! Sound, not complete: a rule that is named here is dead for every packet; a rule that is not
//! named may still be dead (and rules are compared until [`COMPARISONS`] are spent). It reads IR as
//! front ends lower it, before any pass: each rule's blocks follow each other, a rule's tests lead
//! to its `count`, and the rules of a chain are tried in the order of their numbers.

mod absent;
mod conditions;

use bpfc_diag::{Code, Diagnostic, Diagnostics};
use bpfc_ir::{
    Block, Chain, Func, Function, Listing, Op, Origin, Program, Region, Rule, RuleKind, Terminator,
};
use conditions::{Conditions, Reader};
use std::collections::{BTreeMap, BTreeSet};

/// How many pairs of rules are compared in one program: what takes a second.
const COMPARISONS: usize = 8_000_000;

/// Adds warnings about dead chains and rules.
pub fn analyse(program: &Program, listing: &Listing, diagnostics: &mut Diagnostics) {
    let reached: BTreeSet<Func> = match program.reachable() {
        Some(order) => order.into_iter().collect(),
        // A cycle is an error that the verifier reports.
        None => return,
    };
    let rules = program.rules_by_chain();
    let written: BTreeSet<Region> = program
        .funcs
        .values()
        .flat_map(|function| function.insts.values().flat_map(|inst| inst.op.writes(function)))
        .collect();
    let hooks = program.hooks();
    let mut findings = Vec::new();
    let mut budget = COMPARISONS;
    for funcs in by_chain(program) {
        let Some((&first, _)) = funcs.split_first() else { continue };
        let rules = program.funcs[first].chain.expand().map_or(&[][..], |chain| &rules[chain]);
        let mut dead: Option<BTreeMap<Rule, Diagnostic>> = None;
        for &func in funcs.iter().filter(|func| reached.contains(func)) {
            let function = &program.funcs[func];
            let mut found = BTreeMap::new();
            if let Some(reader) = Reader::new(function, &written) {
                let absent = absent::dead_rules(program, function, &hooks[func.as_u32() as usize]);
                let (reader, absent, findings) = (&reader, &absent, &mut found);
                let mut finder = Finder { program, listing, reader, absent, findings };
                finder.dead_rules(function, rules, &mut budget);
            }
            // A rule is dead where packets of no family meet it.
            match &mut dead {
                None => dead = Some(found),
                Some(dead) => dead.retain(|rule, _| found.contains_key(rule)),
            }
        }
        match dead {
            Some(dead) => findings.extend(dead.into_values()),
            None => findings.push(unused_chain(program, first, rules)),
        }
    }
    // In the order of the text, chains before the rules that they hold.
    findings.sort_by_key(|d| d.span.map(|span| (span.file, span.start)));
    findings.into_iter().for_each(|d| diagnostics.push(d));
}

/// The functions of each chain together, one a family of packets; those of no chain alone.
fn by_chain(program: &Program) -> Vec<Vec<Func>> {
    let mut places: BTreeMap<Chain, usize> = BTreeMap::new();
    let mut all: Vec<Vec<Func>> = Vec::new();
    for (func, function) in &program.funcs {
        let place = match function.chain.expand() {
            Some(chain) => *places.entry(chain).or_insert(all.len()),
            None => all.len(),
        };
        match all.get_mut(place) {
            Some(funcs) => funcs.push(func),
            None => all.push(vec![func]),
        }
    }
    all
}

fn unused_chain(program: &Program, func: Func, rules: &[Rule]) -> Diagnostic {
    let function = &program.funcs[func];
    let label = function.chain.map(|chain| program.chains[chain].label());
    let name = label.unwrap_or_else(|| function.name.clone());
    let span = rules.first().and_then(|&rule| program.rules[rule].span);
    let found =
        Diagnostic::warning(Code::UNUSED_CHAIN, span, format!("chain '{name}' is never used"));
    match rules.len() {
        0 => found.with_note("the chain is empty"),
        1 => found.with_note("its rule is left out of the program"),
        count => found.with_note(format!("its {count} rules are left out of the program")),
    }
    .with_help("jump to the chain, or remove it")
}

/// A rule that ends every packet that it matches.
struct Decider {
    rule: Rule,
    conditions: Conditions,
}

/// What looks through a function's rules.
struct Finder<'a> {
    program: &'a Program,
    listing: &'a Listing,
    reader: &'a Reader<'a>,
    /// Rules that ask for what no packet has where they stand, with what is said of them.
    absent: &'a BTreeMap<Rule, Diagnostic>,
    findings: &'a mut BTreeMap<Rule, Diagnostic>,
}

impl Finder<'_> {
    fn dead_rules(&mut self, function: &Function, rules: &[Rule], budget: &mut usize) {
        let Finder { program, listing, reader, absent, .. } = *self;
        let counts = counts(program, function);
        // Where a rule without a counter matches cannot be seen.
        let counted: BTreeSet<Rule> = program.counters.values().map(|def| def.rule).collect();
        let mut deciders = Deciders::default();
        let mut decided: Option<Rule> = None;
        for &rule in rules {
            let data = &program.rules[rule];
            if matches!(data.kind, RuleKind::Policy) {
                continue;
            }
            if let Some(by) = decided {
                self.findings.insert(rule, shadowed(program, listing, rule, by));
                continue;
            }
            if !counted.contains(&rule) {
                continue;
            }
            let Some(&block) = counts.get(&rule) else {
                self.findings.insert(rule, contradictory(program, rule));
                continue;
            };
            // A rule that is counted in two places is not of the shape that this reads.
            let Some(block) = block else { continue };
            let conditions = reader.conditions(block, rule);
            if conditions.is_contradiction() || !reader.is_reachable(block) {
                self.findings.insert(rule, contradictory(program, rule));
            } else if let Some(said) = absent.get(&rule) {
                self.findings.insert(rule, said.clone());
            } else if let Some(by) = deciders.covering(&conditions, budget) {
                self.findings.insert(rule, shadowed(program, listing, rule, by));
            } else if conditions.exact && decides(program, function, block) {
                if conditions.is_empty() {
                    decided = Some(rule);
                }
                deciders.add(Decider { rule, conditions });
            }
        }
    }
}

fn contradictory(program: &Program, rule: Rule) -> Diagnostic {
    let message = format!("rule {} can never match", program.label(rule));
    Diagnostic::warning(Code::DEAD_RULE, program.rules[rule].span, message)
        .with_label("no packet meets all of this")
        .with_help("correct the rule, or remove it")
}

fn shadowed(program: &Program, listing: &Listing, rule: Rule, by: Rule) -> Diagnostic {
    let (label, decider) = (program.label(rule), program.label(by));
    let message = format!("rule {label} can never match: {decider} decides its packets");
    Diagnostic::warning(Code::DEAD_RULE, program.rules[rule].span, message)
        .with_note(format!("{decider} is: {}", listing.text(by)))
        .with_help("move the rule in front of the other, or remove it")
}

/// The block that counts each rule; none for a rule that several blocks count.
fn counts(program: &Program, function: &Function) -> BTreeMap<Rule, Option<Block>> {
    let mut found = BTreeMap::new();
    for &block in &function.layout {
        for &inst in &function.blocks[block].insts {
            let Op::Count(counted) = function.insts[inst].op else { continue };
            for rule in program.counted_rules(counted) {
                found.entry(rule).and_modify(|known| *known = None).or_insert(Some(block));
            }
        }
    }
    found
}

/// Whether no later rule of the chain sees a packet that a rule counts in `block`.
fn decides(program: &Program, function: &Function, mut block: Block) -> bool {
    let rule_of = |block: Block| function.blocks[block].origin.expand().and_then(Origin::rule);
    let own = rule_of(block);
    for _ in 0..function.blocks.len() {
        let next = match function.blocks[block].terminator {
            Terminator::Verdict(_) | Terminator::Return => return true,
            Terminator::Jump(next) | Terminator::Call { next, .. } => next,
            Terminator::Branch { .. } | Terminator::Switch(_) => return false,
        };
        let of_rule = |rule: &Rule| matches!(program.rules[*rule].kind, RuleKind::Rule(_));
        let rule = rule_of(next);
        if rule != own && rule.as_ref().is_some_and(of_rule) {
            return false;
        }
        block = next;
    }
    false
}

/// Deciding rules, indexed so that thousands of rules need not be compared pairwise: a rule that
/// asks for one single value of something can only cover rules that ask for the same.
#[derive(Default)]
struct Deciders {
    all: Vec<Decider>,
    by_value: BTreeMap<(u32, u128), Vec<usize>>,
    general: Vec<usize>,
}

impl Deciders {
    fn add(&mut self, decider: Decider) {
        let index = self.all.len();
        let single = decider.conditions.singles().max_by_key(|&(_, value)| value);
        match single {
            Some(key) => self.by_value.entry(key).or_default().push(index),
            None => self.general.push(index),
        }
        self.all.push(decider);
    }

    /// The first rule that decides every packet that meets the conditions.
    fn covering(&self, conditions: &Conditions, budget: &mut usize) -> Option<Rule> {
        let keyed = conditions.singles().filter_map(|key| self.by_value.get(&key));
        let mut first: Option<usize> = None;
        for &index in keyed.chain([&self.general]).flatten() {
            *budget = budget.checked_sub(1)?;
            if first.is_none_or(|known| index < known)
                && self.all[index].conditions.covers(conditions)
            {
                first = Some(index);
            }
        }
        first.map(|index| self.all[index].rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Line, Sample, Then, sample};
    use bpfc_ir::{Family, Hook};

    fn found(sample: &Sample) -> Diagnostics {
        let mut diagnostics = Diagnostics::new();
        analyse(&sample.program, &sample.listing, &mut diagnostics);
        diagnostics
    }

    fn messages(lines: &[Line]) -> Vec<String> {
        found(&sample(Family::Ipv4, Hook::Input, lines)).iter().map(|d| d.message.clone()).collect()
    }

    #[test]
    fn rules_behind_an_unconditional_verdict_are_dead() {
        let lines = [Line::any(Then::Drop), Line::port(22, Then::Accept), Line::any(Then::Accept)];
        assert_eq!(
            messages(&lines),
            [
                "rule filter/INPUT:2 can never match: filter/INPUT:1 decides its packets",
                "rule filter/INPUT:3 can never match: filter/INPUT:1 decides its packets",
            ]
        );
    }

    #[test]
    fn a_wider_rule_shadows_a_narrower_one() {
        let lines = [
            Line::ports(1, 100, Then::Drop),
            Line::port(22, Then::Accept),
            Line::port(22, Then::Continue),
            Line::ports(90, 110, Then::Accept),
        ];
        assert_eq!(
            messages(&lines),
            [
                "rule filter/INPUT:2 can never match: filter/INPUT:1 decides its packets",
                "rule filter/INPUT:3 can never match: filter/INPUT:1 decides its packets",
            ]
        );
    }

    #[test]
    fn a_rule_that_only_counts_shadows_nothing() {
        let lines = [Line::port(22, Then::Continue), Line::port(22, Then::Accept)];
        assert_eq!(messages(&lines), [""; 0]);
    }

    #[test]
    fn the_same_rule_twice_is_dead_the_second_time() {
        let lines = [Line::port(22, Then::Accept), Line::port(22, Then::Accept)];
        assert_eq!(messages(&lines).len(), 1);
    }

    #[test]
    fn an_unused_chain_is_named() {
        let mut sample = sample(Family::Ipv4, Hook::Input, &[]);
        sample.add_chain(Family::Ipv4, "spare", None, &[Line::any(Then::Drop)]);
        let diagnostics = found(&sample);
        let all: Vec<_> = diagnostics.iter().collect();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].code, Code::UNUSED_CHAIN);
        assert_eq!(all[0].message, "chain 'filter/spare' is never used");
    }

    #[test]
    fn five_thousand_rules_are_fast() {
        let lines: Vec<Line> = (0..5000).map(|i| Line::port(i, Then::Accept)).collect();
        let start = std::time::Instant::now();
        assert_eq!(messages(&lines).len(), 0);
        assert!(start.elapsed().as_millis() < 2000, "{:?}", start.elapsed());
    }
}
