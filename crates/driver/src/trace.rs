//! The order in which one packet was counted, from how often each rule counted it.
//!
//! A program says only how its counters changed. A packet walks the base chains in order and each
//! chain's rules by number, and a rule that calls a chain is counted before the chain's rules: so
//! the counts have one order. Where a packet comes through a chain several times, each time is
//! taken to count what is left of the counts, which is exact unless the chain decides by something
//! that changes on the way (a mark, `statistic`).

use crate::tree::calls_by_rule;
use bpfc_ir::{Chain, Entry, Func, Hook, PacketFamily, Program, Rule};
use cranelift_entity::SecondaryMap;
use std::collections::{BTreeMap, BTreeSet};

/// A program, read once for all packets whose ways through it are asked for.
#[derive(Debug)]
pub struct Tracer<'a> {
    program: &'a Program,
    by_label: BTreeMap<String, Rule>,
    rules: SecondaryMap<Chain, Vec<Rule>>,
    calls: BTreeMap<(Func, Rule), Vec<Func>>,
    /// The rules with a counter.
    counted: BTreeSet<Rule>,
}

impl<'a> Tracer<'a> {
    /// Reads a lowered program.
    pub fn new(program: &'a Program) -> Self {
        Tracer {
            program,
            by_label: program.rules.keys().map(|rule| (program.label(rule), rule)).collect(),
            rules: program.rules_by_chain(),
            calls: calls_by_rule(program),
            counted: program.counters.values().map(|def| def.rule).collect(),
        }
    }

    /// The labels of the rules and policies that counted a packet at a hook, in the order of
    /// counting. `counts` has how often each label did.
    pub fn trace(
        &self,
        hook: Hook,
        family: PacketFamily,
        counts: &BTreeMap<&str, u64>,
    ) -> Vec<String> {
        let counted = counts.iter().filter(|(_, count)| **count > 0);
        let mut left: BTreeMap<Rule, u64> = counted
            .filter_map(|(label, count)| Some((*self.by_label.get(*label)?, *count)))
            .collect();
        let mut order = Vec::new();
        let entries = &self.program.entries;
        let entry = entries.iter().find(|e| e.hook == hook && e.family == family);
        for chain in entry.into_iter().flat_map(Entry::funcs) {
            let mut stack = vec![(chain, self.of_chain(chain))];
            while let Some((func, rules)) = stack.last_mut() {
                let func = *func;
                let Some(&rule) = rules.next() else {
                    stack.pop();
                    continue;
                };
                match left.get_mut(&rule).filter(|count| **count > 0) {
                    Some(count) => {
                        *count -= 1;
                        order.push(rule);
                    }
                    None if self.counted.contains(&rule) => continue,
                    // Whether it led a packet on is seen by what it led to.
                    None => {}
                }
                // Of several, a packet went by one.
                for &callee in self.calls.get(&(func, rule)).into_iter().flatten().rev() {
                    stack.push((callee, self.of_chain(callee)));
                }
            }
        }
        // What the walk did not come by: counted all the same.
        for (rule, count) in left {
            order.extend((0..count).map(|_| rule));
        }
        order.into_iter().map(|rule| self.program.label(rule)).collect()
    }

    fn of_chain(&self, func: Func) -> std::slice::Iter<'_, Rule> {
        let chain = self.program.funcs[func].chain.expand();
        chain.map_or(&[][..], |chain| &self.rules[chain]).iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Line, Sample, Then};
    use bpfc_ir::Family;

    #[test]
    fn called_chains_stand_behind_their_call() {
        let mut sample = Sample::default();
        let family = Family::Ipv4;
        let ssh = sample.add_chain(family, "ssh", None, &[Line::any(Then::Continue)]);
        let lines = [
            Line::port(22, Then::Call(ssh)),
            Line::port(23, Then::Accept),
            Line::ports(1, 99, Then::Call(ssh)),
        ];
        let input = sample.add_chain(family, "INPUT", Some(Hook::Input), &lines);
        sample.program.entries.push(Entry::of(Hook::Input, family, input));
        let counts = BTreeMap::from([
            ("filter/INPUT:1", 1),
            ("filter/INPUT:2", 0),
            ("filter/INPUT:3", 1),
            ("filter/ssh:1", 2),
            ("filter/INPUT:policy", 1),
        ]);
        assert_eq!(
            Tracer::new(&sample.program).trace(Hook::Input, family.into(), &counts),
            [
                "filter/INPUT:1",
                "filter/ssh:1",
                "filter/INPUT:3",
                "filter/ssh:1",
                "filter/INPUT:policy"
            ]
        );
    }
}
