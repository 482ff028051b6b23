//! The paths of calls from base chains to each chain.
//!
//! Where each chain calls the next from two rules, their number doubles with every chain, while
//! the program grows by a few instructions. The kernel follows each path when a program is loaded
//! (`bpfc_artifact::LONGEST_WALK`), so that there must be a bound. Inlining copies chains to where
//! they are called from: the paths that it takes away come back as calls of what was copied.

use bpfc_diag::{Code, Diagnostic};
use bpfc_ir::{Entry, Func, Program, Rule, Terminator};
use cranelift_entity::SecondaryMap;

/// By chain: how many paths of calls lead to it from a base chain, which has one to itself.
/// `order` has callees first.
fn paths(program: &Program, order: &[Func]) -> SecondaryMap<Func, u64> {
    let mut paths: SecondaryMap<Func, u64> = SecondaryMap::new();
    for chain in program.entries.iter().flat_map(Entry::funcs) {
        paths[chain] = 1;
    }
    for &func in order.iter().rev() {
        for callee in program.funcs[func].callees() {
            paths[callee] = paths[callee].saturating_add(paths[func]);
        }
    }
    paths
}

/// How many paths there are, each counted once for every chain on it. `order` has callees first.
pub(crate) fn count(program: &Program, order: &[Func]) -> u64 {
    let paths = paths(program, order);
    order.iter().fold(0, |sum, &func| sum.saturating_add(paths[func]))
}

/// Says that there are too many paths, and names the chain with the most code on paths to it.
pub fn too_many_paths(program: &Program) -> Diagnostic {
    let order = program.reachable().unwrap_or_default();
    let paths = paths(program, &order);
    let size = |func: Func| {
        let function = &program.funcs[func];
        let sizes = function.layout.iter().map(|&b| function.blocks[b].insts.len() as u64 + 1);
        sizes.sum::<u64>()
    };
    // Of several, the one that is called first: `order` has it last.
    let worst = order.iter().copied().max_by_key(|&func| paths[func].saturating_mul(size(func)));
    let (name, number, span) = match worst {
        Some(func) => {
            let span = caller(program, &order, func).and_then(|rule| program.rules[rule].span);
            (program.funcs[func].name.as_str(), paths[func], span)
        }
        None => ("", 0, None),
    };
    let number = match number {
        0..1_000_000_000_000 => number.to_string(),
        _ => "more than 10^12".to_owned(),
    };
    let message = format!("{number} paths of calls lead to chain '{name}'");
    Diagnostic::error(Code::TOO_MANY_PATHS, span, message)
        .with_label("called here")
        .with_note(
            "the kernel follows every one of them when the program is loaded, and nothing \
             interrupts it",
        )
        .with_help(
            "chains on the way are called from several rules, and the numbers multiply: call them \
             from fewer, or nest less",
        )
}

/// The first rule that calls a chain.
fn caller(program: &Program, order: &[Func], callee: Func) -> Option<Rule> {
    let rules = order.iter().flat_map(|&func| {
        let blocks = program.funcs[func].blocks.values();
        blocks.filter_map(|block| match block.terminator {
            Terminator::Call { callee: called, .. } if called == callee => {
                block.origin.expand()?.first(program)
            }
            _ => None,
        })
    });
    rules.min()
}
