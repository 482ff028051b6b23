//! Records of the rules that a traced packet meets.
//!
//! Where a ruleset traces packets, or whoever loads it wants to see some, every place that counts a
//! rule gets a trace record, whose prefix names the rule as the kernel's own do
//! (net/ipv4/netfilter/ip_tables.c, `trace_packet`): `TRACE: filter:INPUT:rule:3 `.

use bpfc_ir::{Entry, InstData, Log, LogKind, Op, Program, Rule, RuleData, RuleKind};

/// Whether a rule of the program traces packets.
pub fn traces(program: &Program) -> bool {
    program.funcs.values().any(|function| function.insts.values().any(|i| i.op == Op::Trace))
}

/// Adds the records behind all counts.
pub fn add_trace_points(program: &mut Program) {
    let prefixes: Vec<String> = program.rules.keys().map(|rule| prefix(program, rule)).collect();
    for function in program.funcs.values_mut() {
        for block in function.blocks.values_mut() {
            let mut insts = Vec::with_capacity(block.insts.len());
            for &inst in &block.insts {
                insts.push(inst);
                let InstData { op: Op::Count(rule), .. } = function.insts[inst] else { continue };
                let prefix = prefixes[rule.as_u32() as usize].clone();
                let log = Box::new(Log { kind: LogKind::Trace, prefix });
                let op = Op::Log(rule, log);
                insts.push(function.insts.push(InstData { op, result: None, rule: Some(rule) }));
            }
            block.insts = insts;
        }
    }
}

/// The kernel's name of a rule: one that ends its chain for every packet is a policy in a base
/// chain and a return in another; a policy's number is one more than its chain's last rule's.
fn prefix(program: &Program, rule: Rule) -> String {
    let data = &program.rules[rule];
    let number = match data.kind {
        RuleKind::Rule(number) => number,
        RuleKind::Policy => 1 + rules_of_chain(program, data),
    };
    let unconditional = format!("-A {} -j {}", data.chain, data.verdict);
    let ends =
        matches!(data.verdict.as_str(), "ACCEPT" | "DROP" | "RETURN") && data.text == unconditional;
    let kind = match (data.kind, ends) {
        (RuleKind::Policy, _) => "policy",
        (RuleKind::Rule(_), true) if is_base(program, data) => "policy",
        (RuleKind::Rule(_), true) => "return",
        (RuleKind::Rule(_), false) => "rule",
    };
    format!("TRACE: {}:{}:{kind}:{number} ", data.table, data.chain)
}

fn is_base(program: &Program, data: &RuleData) -> bool {
    let chain = data.label.rsplit_once(':').map_or("", |(chain, _)| chain);
    let is_it = |entry: &Entry| entry.chains.iter().any(|&func| program.funcs[func].name == chain);
    program.entries.iter().any(is_it)
}

fn rules_of_chain(program: &Program, of: &RuleData) -> u32 {
    let same = |data: &&RuleData| {
        (data.family, &data.table, &data.chain) == (of.family, &of.table, &of.chain)
            && data.kind != RuleKind::Policy
    };
    program.rules.values().filter(same).count() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{self, Line, Then};
    use bpfc_ir::{Family, Hook, verify};

    #[test]
    fn every_count_has_its_record() {
        let lines = [Line::port(22, Then::Accept), Line::port(80, Then::Drop)];
        let mut program = sample::program(Family::Ipv4, Hook::Input, &lines);
        assert!(!traces(&program));
        add_trace_points(&mut program);
        assert_eq!(verify(&program), Ok(()));
        let mut found = Vec::new();
        for function in program.funcs.values() {
            for block in function.layout.iter().map(|&block| &function.blocks[block]) {
                for pair in block.insts.windows(2) {
                    let ops = (&function.insts[pair[0]].op, &function.insts[pair[1]].op);
                    if let (Op::Count(counted), Op::Log(logged, log)) = ops {
                        assert_eq!((counted, log.kind), (logged, LogKind::Trace));
                        found.push(log.prefix.clone());
                    }
                }
            }
        }
        found.sort();
        assert_eq!(
            found,
            [
                "TRACE: filter:INPUT:policy:3 ",
                "TRACE: filter:INPUT:rule:1 ",
                "TRACE: filter:INPUT:rule:2 ",
            ]
        );
    }
}
