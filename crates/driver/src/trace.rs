//! The order in which one packet was counted, from how often each rule counted it.
//!
//! A program says only how its counters changed. A packet walks the base chains in order and each
//! chain's rules by number, and a rule that calls a chain is counted before the chain's rules: so
//! the counts have one order. Where a packet comes through a chain several times, each time is
//! taken to count what is left of the counts, which is exact unless the chain decides by something
//! that changes on the way (a mark, `statistic`).

use crate::tree::calls_by_rule;
use bpfc_ir::{Chain, Entry, Family, Func, Hook, Program, Rule};
use cranelift_entity::SecondaryMap;
use std::collections::BTreeMap;

/// The rules and policies that counted a packet at a hook, in the order of counting. `counts` has
/// how often each label did.
pub fn trace(
    program: &Program,
    hook: Hook,
    family: Family,
    counts: &BTreeMap<&str, u64>,
) -> Vec<String> {
    let mut left: BTreeMap<Rule, u64> = BTreeMap::new();
    for rule in program.rules.keys() {
        if let Some(&count) = counts.get(program.label(rule).as_str())
            && count > 0
        {
            left.insert(rule, count);
        }
    }
    let rules = program.rules_by_chain();
    let calls = calls_by_rule(program);
    let mut order = Vec::new();
    let entry = program.entries.iter().find(|e| (e.hook, e.family) == (hook, family));
    for chain in entry.into_iter().flat_map(Entry::funcs) {
        let mut stack = vec![of_chain(program, &rules, chain)];
        while let Some(chain) = stack.last_mut() {
            let Some(rule) = chain.next() else {
                stack.pop();
                continue;
            };
            let Some(count) = left.get_mut(&rule).filter(|count| **count > 0) else { continue };
            *count -= 1;
            order.push(rule);
            if let Some(&callee) = calls.get(&rule) {
                stack.push(of_chain(program, &rules, callee));
            }
        }
    }
    // What the walk did not come by: counted all the same.
    for (rule, count) in left {
        order.extend((0..count).map(|_| rule));
    }
    order.into_iter().map(|rule| program.label(rule)).collect()
}

fn of_chain(
    program: &Program,
    rules: &SecondaryMap<Chain, Vec<Rule>>,
    func: Func,
) -> std::vec::IntoIter<Rule> {
    let chain = program.funcs[func].chain;
    chain.map(|chain| rules[chain].clone()).unwrap_or_default().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Line, Sample, Then};

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
            trace(&sample.program, Hook::Input, family, &counts),
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
