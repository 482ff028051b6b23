//! Chain inlining.
//!
//! eBPF has few frames and a limited number of subprograms, so chains that nest too deeply, or are
//! too many, are copied into their callers. Which ones is decided first, on sizes alone (`plan`);
//! then every chain that stays is built once, callees spliced in where they were called
//! (`splice`), so that the cost is that of the result.
//!
//! Inlining does not make the paths of calls fewer that the kernel follows, or the code on them
//! less (`paths`): what has too many is refused before anything grows.
//!
//! A chain is inlined everywhere or nowhere. Base chains stay. Chains that no entry reaches are
//! dropped, and the rest renumbered in order.

mod plan;
mod splice;

use crate::{Limits, paths};
use bpfc_diag::{Code, Diagnostic};
use bpfc_ir::{Entry, Func, Program, Terminator};
use cranelift_entity::{EntityRef, PrimaryMap, SecondaryMap};
use plan::Plan;
use std::sync::Arc;

pub(crate) fn run(program: &mut Program, limits: &Limits) -> Result<(), Diagnostic> {
    let Some(order) = program.reachable() else {
        let message = "chains call each other in a loop";
        return Err(Diagnostic::error(Code::CHAIN_LOOP, None, message));
    };
    if paths::count(program, &order) > limits.paths {
        return Err(paths::too_many_paths(program));
    }
    let mut plan = Plan::new(program, &order);
    let before = plan.size();
    plan.small(&order, limits.small);
    let depth = plan.depth(&order);
    plan.flatten(&order, limits.depth);
    plan.reduce(limits.functions);
    let after = plan.size();
    if plan.kept() > limits.functions {
        let message = format!(
            "{} base chains are more than the {} chains that one program can hold",
            plan.kept(),
            limits.functions
        );
        return Err(Diagnostic::error(Code::NESTING, None, message));
    }
    if after > before.max(limits.size) {
        let base = program.entries.iter().flat_map(Entry::funcs).next();
        let name = base.map_or("", |chain| program.funcs[chain].name.as_str());
        let message = format!(
            "{} chains that nest {depth} deep would take {after} instructions, more than {}",
            order.len(),
            limits.size
        );
        return Err(Diagnostic::error(Code::NESTING, None, message)
            .with_note(format!(
                "a program can hold {} chains, {} of them at once; the rest is copied to where it \
                 is called from",
                limits.functions, limits.depth
            ))
            .with_help(format!("call shared chains of '{name}' from fewer places, or nest less")));
    }

    let mut numbers: SecondaryMap<Func, Option<Func>> = SecondaryMap::new();
    let kept: Vec<Func> = program.funcs.keys().filter(|&func| plan.keeps(func)).collect();
    for (number, &func) in kept.iter().enumerate() {
        numbers[func] = Some(Func::new(number));
    }
    let mut funcs = PrimaryMap::with_capacity(kept.len());
    for &func in &kept {
        let same = |callee: Func| numbers[callee] == Some(callee);
        if program.funcs[func].callees().all(same) {
            funcs.push(Arc::clone(&program.funcs[func]));
            continue;
        }
        let mut function = splice::run(program, func, |callee| !plan.keeps(callee));
        for data in function.blocks.values_mut() {
            if let Terminator::Call { callee, .. } = &mut data.terminator {
                *callee = numbers[*callee].unwrap_or(*callee);
            }
        }
        funcs.push(function.into());
    }
    program.funcs = funcs;
    for chain in program.entries.iter_mut().flat_map(|entry| &mut entry.chains) {
        chain.func = numbers[chain.func].unwrap_or(chain.func);
    }
    Ok(())
}
