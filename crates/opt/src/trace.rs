//! Tracing: records of the rules that a traced packet meets.
//!
//! Behind each count of a rule or policy, and where a packet passes the last rule of a user chain,
//! stands a record that names it as the kernel's trace does (net/ipv4/netfilter/ip_tables.c,
//! `trace_packet`): `TRACE: filter:INPUT:rule:3 `. Records are written of traced packets alone.
//!
//! It reads programs as front ends lower them: what passes the last rule of a chain comes through a
//! block of no rule that jumps to the block where the chain returns.

use bpfc_ir::{
    Block, Chain, Function, Inst, InstData, Log, LogKind, Op, Origin, Program, Rule, RuleData,
    RuleKind, Terminator,
};
use cranelift_entity::SecondaryMap;
use cranelift_entity::packed_option::PackedOption;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Adds the records.
pub fn trace(program: &mut Program) {
    let mut last: SecondaryMap<Chain, u32> = SecondaryMap::new();
    for rule in program.rules.values() {
        if let RuleKind::Rule(number) = rule.kind {
            last[rule.chain] = last[rule.chain].max(number);
        }
    }
    let prefix = |program: &Program, rule: Rule| {
        let RuleData { chain, kind, is_final, .. } = program.rules[rule];
        let data = &program.chains[chain];
        let (word, number) = match (kind, data.hook) {
            (RuleKind::Rule(number), _) if !is_final => ("rule", number),
            (RuleKind::Rule(number), Some(_)) => ("policy", number),
            (RuleKind::Rule(number), None) => ("return", number),
            (RuleKind::Policy, _) => ("policy", last[chain] + 1),
            (RuleKind::End(number), _) => ("return", number),
        };
        format!("TRACE: {}:{}:{word}:{number} ", data.table, data.name)
    };
    // A chain may have a function for each family.
    let mut ends: BTreeMap<Chain, Rule> = BTreeMap::new();
    for func in program.funcs.keys().collect::<Vec<_>>() {
        let mut function = Arc::clone(&program.funcs[func]);
        let changed = Arc::make_mut(&mut function);
        for block in changed.layout.clone() {
            let mut insts = Vec::new();
            for inst in std::mem::take(&mut changed.blocks[block].insts) {
                insts.push(inst);
                let InstData { ref op, origin, .. } = changed.insts[inst];
                if let Op::Count(counted) = *op {
                    for rule in program.counted_rules(counted).collect::<Vec<_>>() {
                        insts.push(record(changed, origin, rule, prefix(program, rule)));
                    }
                }
            }
            if let Some(chain) = changed.chain.expand()
                && program.chains[chain].hook.is_none()
                && passes_last_rule(changed, block)
            {
                let (kind, span) = (RuleKind::End(last[chain] + 1), None);
                let end = RuleData { chain, kind, is_final: true, span };
                let end = *ends.entry(chain).or_insert_with(|| program.rules.push(end));
                insts.push(record(changed, None.into(), end, prefix(program, end)));
            }
            changed.blocks[block].insts = insts;
        }
        program.funcs[func] = function;
    }
}

fn record(
    function: &mut Function,
    origin: PackedOption<Origin>,
    rule: Rule,
    prefix: String,
) -> Inst {
    let op = Op::Log(rule, Box::new(Log { kind: LogKind::Trace, prefix }));
    function.insts.push(InstData { op, result: None.into(), origin })
}

/// Whether a block is where packets come by that pass the last rule of a user chain.
fn passes_last_rule(function: &Function, block: Block) -> bool {
    let data = &function.blocks[block];
    let Terminator::Jump(next) = data.terminator else { return false };
    let end = &function.blocks[next];
    data.origin.is_none()
        && data.insts.is_empty()
        && end.insts.is_empty()
        && end.terminator == Terminator::Return
}
