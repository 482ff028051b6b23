//! Invariants of the program: names, entries, calls.

use super::{Place, VerifyError, Violation};
use crate::{ChainData, CounterDef, Func, Program, RuleKind, Terminator};
use std::collections::{BTreeMap, BTreeSet};

/// Yields the functions that the entries reach, callees before callers; without use where there are
/// errors.
pub(super) fn check(program: &Program, errors: &mut Vec<VerifyError>) -> Vec<Func> {
    let mut report = |place, violation| errors.push(VerifyError { place, violation, text: None });

    for (probe, definition) in program.probes.iter() {
        if !definition.is_sound() {
            report(Place::Program, Violation::Probe(probe));
        }
    }
    let mut names = BTreeSet::new();
    for (chain, ChainData { family, table, name, .. }) in program.chains.iter() {
        if !names.insert((family, table, name)) {
            report(Place::Program, Violation::DuplicateChainName(chain));
        }
    }
    let mut numbers = BTreeMap::new();
    for (rule, data) in program.rules.iter() {
        if !program.chains.is_valid(data.chain) {
            report(Place::Program, Violation::MissingChain(data.chain));
        }
        let number = match data.kind {
            RuleKind::Rule(number) => (0, number),
            RuleKind::Policy => (1, 0),
            RuleKind::End(_) => (2, 0),
        };
        if let Some(first) = numbers.insert((data.chain, number), rule) {
            report(Place::Program, Violation::DuplicateRule(first, rule));
        }
    }
    let mut counted = BTreeMap::new();
    for (counter, CounterDef { rule, number, name }) in program.counters.iter() {
        if !program.rules.is_valid(*rule) {
            report(Place::Program, Violation::MissingRule(*rule));
        }
        if let Some(first) = counted.insert((*rule, *number, name.as_deref()), counter) {
            report(Place::Program, Violation::DuplicateCounter(first, counter));
        }
    }
    for counter in program.counter_lists.values().flat_map(|list| list.iter()) {
        if !program.counters.is_valid(*counter) {
            report(Place::Program, Violation::MissingCounter(*counter));
        }
    }
    for rule in program.rule_lists.values().flat_map(|list| list.iter()) {
        if !program.rules.is_valid(*rule) {
            report(Place::Program, Violation::MissingRule(*rule));
        }
    }
    let mut names = BTreeMap::new();
    let mut chains = BTreeMap::new();
    for (func, function) in program.funcs.iter() {
        if let Some(first) = names.insert(function.name.as_str(), func) {
            report(Place::Program, Violation::DuplicateName(first, func));
        }
        let Some(chain) = function.chain.expand() else { continue };
        if let Some(first) = chains.insert((chain, function.family), func) {
            report(Place::Program, Violation::DuplicateName(first, func));
        }
        match program.chains.get(chain) {
            None => report(Place::Function(func), Violation::MissingChain(chain)),
            Some(data) if !data.family.sees(function.family) => {
                report(Place::Function(func), Violation::WrongFamily(func));
            }
            Some(_) => {}
        }
    }

    let mut names = BTreeSet::new();
    for (object, def) in program.objects.iter() {
        let unique = def.name.is_empty() || names.insert(def.name.as_str());
        if !unique || !def.kind.is_sound() {
            report(Place::Program, Violation::Object(object));
        }
    }

    let mut names = BTreeSet::new();
    for (state, def) in program.states.iter() {
        let unique = def.name.is_empty() || names.insert(def.name.as_str());
        if !unique || !def.kind.is_sound() || def.kind.words() > 1 {
            report(Place::Program, Violation::State(state));
        }
    }

    let mut names = BTreeSet::new();
    for (table, def) in program.tables.iter() {
        let unique = def.name.is_empty() || names.insert(def.name.as_str());
        if !unique || !def.is_sound() {
            report(Place::Program, Violation::Table(table));
        }
    }

    let mut entries = BTreeSet::new();
    let mut base_chains = BTreeSet::new();
    let mut sound = true;
    for entry in &program.entries {
        if !entries.insert((entry.hook, entry.family)) {
            report(Place::Program, Violation::DuplicateEntry(entry.hook, entry.family));
        }
        let mut chains = BTreeSet::new();
        if !entry.chains.is_sorted_by_key(|chain| chain.priority) {
            report(Place::Program, Violation::Unsorted(entry.hook, entry.family));
        }
        for chain in entry.funcs() {
            match program.funcs.get(chain) {
                None => {
                    sound = false;
                    report(Place::Program, Violation::MissingFunction(chain));
                }
                Some(function) if function.family != entry.family => {
                    report(Place::Program, Violation::WrongFamily(chain));
                }
                Some(_) => {}
            }
            if !chains.insert(chain) {
                report(Place::Program, Violation::DuplicateChain(chain));
            }
            base_chains.insert(chain);
        }
    }

    for (func, function) in program.funcs.iter() {
        for &block in &function.layout {
            // Missing blocks are the function's own errors.
            let Some(data) = function.blocks.get(block) else {
                sound = false;
                continue;
            };
            let place = Place::Block(func, block);
            match data.terminator {
                Terminator::Return if base_chains.contains(&func) => {
                    report(place, Violation::BaseChainReturns);
                }
                Terminator::Call { callee, .. } => match program.funcs.get(callee) {
                    None => {
                        sound = false;
                        report(place, Violation::MissingFunction(callee));
                    }
                    Some(called) => {
                        if called.family != function.family {
                            report(place, Violation::WrongFamily(callee));
                        }
                        if base_chains.contains(&callee) {
                            report(place, Violation::BaseChainCalled(callee));
                        }
                    }
                },
                _ => {}
            }
        }
    }
    if !sound {
        return Vec::new();
    }
    program.reachable().unwrap_or_else(|| {
        report(Place::Program, Violation::CallCycle);
        Vec::new()
    })
}
