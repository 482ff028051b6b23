//! Several lowered inputs become one program.
//!
//! Functions and rules keep their order, input by input. Names must stay unique. The base chains of
//! a hook and family run in the order of their priorities, those of one priority in the order of
//! the inputs: which of them the kernel runs first depends on when they are loaded.

use bpfc_diag::{Code, Diagnostic};
use bpfc_ir::{
    Chain, ChainData, Counted, Counter, CounterDef, CounterList, Entry, Func, Object, ObjectDef,
    Op, Origin, Probe, Program, Rule, RuleList, Scan, State, Table, Terminator,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Appends `other` to `program`. `name` is the other input's name, for messages. Notes say where
/// the order of the inputs decides which base chain runs first.
pub(crate) fn merge(
    program: &mut Program,
    other: Program,
    name: &str,
) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let conflicts = conflicts(program, &other, name);
    if !conflicts.is_empty() {
        return Err(conflicts);
    }
    let notes = ties(program, &other, name);
    let first_rule = program.rules.len() as u32;
    let first_chain = program.chains.len() as u32;
    let first_func = program.funcs.len() as u32;
    let first_state = program.states.len() as u32;
    let first_probe = program.probes.len() as u32;
    let probe = |probe: Probe| Probe::from_u32(first_probe + probe.as_u32());
    let rule = |rule: Rule| Rule::from_u32(first_rule + rule.as_u32());
    let func = |func: Func| Func::from_u32(first_func + func.as_u32());
    let state = |state: State| State::from_u32(first_state + state.as_u32());

    let chain = |chain: Chain| Chain::from_u32(first_chain + chain.as_u32());
    let first_counter = program.counters.len() as u32;
    let first_list = program.counter_lists.len() as u32;
    let first_rules = program.rule_lists.len() as u32;
    let counter = |counter: Counter| Counter::from_u32(first_counter + counter.as_u32());
    let origin = |origin: Origin| match (origin.rule(), origin.list()) {
        (_, Some(list)) => RuleList::from_u32(first_rules + list.as_u32()).into(),
        (Some(of), None) => rule(of).into(),
        (None, None) => origin,
    };
    for mut data in other.rules.into_iter().map(|(_, data)| data) {
        data.chain = chain(data.chain);
        program.rules.push(data);
    }
    for def in other.counters.into_iter().map(|(_, def)| def) {
        program.counters.push(CounterDef { rule: rule(def.rule), ..def });
    }
    for list in other.counter_lists.into_iter().map(|(_, list)| list) {
        program.counter_lists.push(list.into_iter().map(counter).collect());
    }
    for list in other.rule_lists.into_iter().map(|(_, list)| list) {
        program.rule_lists.push(list.into_iter().map(rule).collect());
    }
    program.chains.extend(other.chains.into_iter().map(|(_, data)| data));
    for data in other.states.into_iter().map(|(_, data)| data) {
        program.states.push(data);
    }
    let mut objects = Vec::new();
    for ObjectDef { name, kind } in other.objects.into_iter().map(|(_, def)| def) {
        let object: Object = match name.is_empty() {
            true => program.objects.push(ObjectDef { name, kind }),
            // Names of different kinds are conflicts.
            false => program.named_object(&name, kind).unwrap_or_else(|other| other),
        };
        objects.push(object);
    }
    let first_table = program.tables.len() as u32;
    program.tables.extend(other.tables.into_iter().map(|(_, def)| def));
    for data in other.probes.into_iter().map(|(_, data)| data) {
        program.probes.push(data);
    }
    for (_, mut shared) in other.funcs {
        let function = Arc::make_mut(&mut shared);
        function.chain = function.chain.map(chain).into();
        for inst in function.insts.values_mut() {
            inst.origin = inst.origin.map(origin).into();
            match &mut inst.op {
                Op::Count(Counted::One(of)) => *of = counter(*of),
                Op::Count(Counted::All(list)) | Op::CountAt(list, _) => {
                    *list = CounterList::from_u32(first_list + list.as_u32());
                }
                Op::Log(of, _) => *of = rule(*of),
                Op::Take(used) => *used = state(*used),
                Op::Query(object, ..) => *object = objects[object.as_u32() as usize],
                Op::Find(table, _) | Op::Touch(table, ..) | Op::Remove(table, _) => {
                    *table = Table::from_u32(first_table + table.as_u32());
                }
                Op::Scan(Scan::Probe(used)) => *used = probe(*used),
                _ => {}
            }
        }
        for block in function.blocks.values_mut() {
            block.origin = block.origin.map(origin).into();
            if let Terminator::Call { callee, .. } = &mut block.terminator {
                *callee = func(*callee);
            }
        }
        program.funcs.push(shared);
    }
    for mut entry in other.entries {
        entry.chains.iter_mut().for_each(|chain| chain.func = func(chain.func));
        let same = |known: &&mut Entry| (known.hook, known.family) == (entry.hook, entry.family);
        match program.entries.iter_mut().find(same) {
            Some(known) => {
                known.chains.append(&mut entry.chains);
                known.chains.sort_by_key(|chain| chain.priority);
            }
            None => program.entries.push(entry),
        }
    }
    Ok(notes)
}

/// Where base chains of both have one priority: of each hook one note, whatever the family.
fn ties(program: &Program, other: &Program, name: &str) -> Vec<Diagnostic> {
    let mut told = BTreeSet::new();
    let mut notes = Vec::new();
    for entry in &other.entries {
        let same = |known: &&Entry| (known.hook, known.family) == (entry.hook, entry.family);
        let known = program.entries.iter().filter(same).flat_map(|known| &known.chains);
        for (first, later) in known.flat_map(|a| entry.chains.iter().map(move |b| (a, b))) {
            if first.priority != later.priority || !told.insert((entry.hook, first.priority)) {
                continue;
            }
            let priority = first.priority;
            let [first, later] = [(program, first), (other, later)].map(|(program, chain)| {
                let function = &program.funcs[chain.func];
                function.chain.expand().map_or(function.name.clone(), |chain| {
                    let ChainData { table, name, .. } = &program.chains[chain];
                    format!("{table}/{name}")
                })
            });
            let message = format!(
                "base chains of several inputs have priority {} on hook {}: {first} runs before {later} of \
                 '{name}'",
                priority, entry.hook,
            );
            let note = "the kernel runs first what was loaded last; verdicts do not depend on it, marks, \
                        limits and counters may";
            let help = "give the inputs in another order, or other priorities";
            let note = Diagnostic::note(Code::SAME_PRIORITY, None, message).with_note(note);
            notes.push(note.with_help(help));
        }
    }
    notes
}

fn conflicts(program: &Program, other: &Program, name: &str) -> Vec<Diagnostic> {
    let conflict = |message: String| {
        Diagnostic::error(Code::CONFLICT, None, message)
            .with_help("put both into one file, or compile them one by one")
    };
    let mut found = Vec::new();
    let names: BTreeSet<&str> = program.funcs.values().map(|f| f.name.as_str()).collect();
    for function in other.funcs.values() {
        if names.contains(function.name.as_str()) {
            found.push(conflict(format!(
                "'{name}' has a chain {}, as an input before it has",
                function.name
            )));
        }
    }
    for def in other.objects.values().filter(|def| !def.name.is_empty()) {
        let known = program.objects.values().find(|known| known.name == def.name);
        if let Some(known) = known.filter(|known| known.kind.joined(&def.kind).is_none()) {
            found.push(conflict(format!(
                "'{name}' has {} '{}', which is {} in an input before it",
                def.kind, def.name, known.kind
            )));
        }
    }
    for def in other.tables.values().filter(|def| program.table_named(&def.name).is_some()) {
        found.push(conflict(format!("'{name}' names {}, as an input before it does", def.name)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, Line};
    use bpfc_ir::{Family, Hook, Input};

    fn program(family: Family, hook: Hook) -> Program {
        sample::sample(family, hook, &[Line::port(22, sample::Then::Accept)]).program
    }

    #[test]
    fn two_families_become_one_program() {
        let mut merged = program(Family::Ipv4, Hook::Input);
        let v6 = program(Family::Ipv6, Hook::Input);
        merge(&mut merged, v6.clone(), "v6").unwrap();
        assert_eq!(merged.entries.len(), 2);
        let labels: Vec<String> = merged.rules.keys().map(|rule| merged.label(rule)).collect();
        assert_eq!(
            labels,
            [
                "filter/INPUT:1",
                "filter/INPUT:policy",
                "ip6/filter/INPUT:1",
                "ip6/filter/INPUT:policy"
            ]
        );
        let func = merged.entries[1].chains[0].func;
        let counted: Vec<_> = merged.funcs[func]
            .insts
            .values()
            .filter_map(|inst| match inst.op {
                Op::Count(counted) => merged.counted_rules(counted).next(),
                _ => None,
            })
            .map(|rule| merged.label(rule))
            .collect();
        assert_eq!(counted, ["ip6/filter/INPUT:1", "ip6/filter/INPUT:policy"]);
    }

    #[test]
    fn chains_of_one_hook_run_in_the_order_of_their_priorities() {
        let input = |table: &str| Input {
            name: table.to_owned(),
            bytes: format!("*{table}\n:OUTPUT ACCEPT\n-A OUTPUT -j DROP\nCOMMIT\n").into(),
            format: Some("iptables-save".to_owned()),
        };
        let tables = Some(["filter", "mangle", "raw"].map(str::to_owned).to_vec());
        let options = crate::Options { tables, ..crate::Options::default() };
        let inputs = ["filter", "mangle", "raw"].map(input);
        let merged = crate::lower(&inputs, &options).program.expect("lowers");
        assert_eq!(bpfc_ir::verify(&merged), Ok(()));
        let [entry] = &merged.entries[..] else { panic!("{:?}", merged.entries) };
        let order: Vec<_> = entry
            .chains
            .iter()
            .map(|chain| (merged.funcs[chain.func].name.as_str(), chain.priority))
            .collect();
        assert_eq!(order, [("raw/OUTPUT", -300), ("mangle/OUTPUT", -150), ("filter/OUTPUT", 0)]);
        let twice = crate::lower(&["filter", "filter"].map(input), &options);
        assert!(twice.program.is_none());
        assert!(twice.diagnostics.iter().any(|found| found.code == Code::CONFLICT));
    }

    #[test]
    fn two_inputs_with_the_same_chains_are_refused() {
        let mut merged = program(Family::Ipv4, Hook::Input);
        let errors = merge(&mut merged, program(Family::Ipv4, Hook::Input), "b").unwrap_err();
        assert_eq!(errors.len(), 1);
        assert!(errors[0].message.contains("'b'"), "{}", errors[0].message);
        assert_eq!(merged, program(Family::Ipv4, Hook::Input));
    }
}
