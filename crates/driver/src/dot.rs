//! `--emit dot`: the control flow of every reached chain, for Graphviz.
//!
//! A cluster for each function, a node for each block, labelled with its rule and instructions; a
//! dashed edge leads from a call to the chain's first block.

use bpfc_ir::{Arm, Block, Func, Listing, Program, Terminator};
use std::fmt::Write;

/// The graph of a program's reached functions. Deterministic.
pub fn dot(program: &Program, listing: &Listing) -> String {
    let mut out = String::from(
        "digraph bpfc {\n  node [shape=box, fontname=\"monospace\", fontsize=10];\n  compound=true;\n",
    );
    for (index, entry) in program.entries.iter().enumerate() {
        let _ = writeln!(
            out,
            "  entry{index} [shape=oval, label=\"hook {} {}\"];",
            entry.hook, entry.family
        );
        for (order, chain) in entry.funcs().enumerate() {
            if let Some(first) = program.funcs[chain].entry() {
                let _ = writeln!(
                    out,
                    "  entry{index} -> {} [label=\"{}\"];",
                    node(chain, first),
                    order + 1
                );
            }
        }
    }
    let mut funcs = program.reachable().unwrap_or_else(|| program.funcs.keys().collect());
    funcs.sort_unstable();
    for func in funcs {
        cluster(&mut out, program, listing, func);
    }
    out.push_str("}\n");
    out
}

fn node(func: Func, block: Block) -> String {
    format!("{func}_{block}")
}

fn cluster(out: &mut String, program: &Program, listing: &Listing, func: Func) {
    let function = &program.funcs[func];
    let _ =
        writeln!(out, "  subgraph cluster_{func} {{\n    label=\"{}\";", escape(&function.name));
    for &block in &function.layout {
        let data = &function.blocks[block];
        let mut label = format!("{block}:\\l");
        for rule in data.origin.expand().into_iter().flat_map(|origin| origin.rules(program)) {
            let (name, text) = (program.label(rule), listing.text(rule));
            let _ = write!(label, "{} {}\\l", escape(&name), escape(text));
        }
        for &inst in &data.insts {
            let inst = &function.insts[inst];
            let _ = match inst.result.expand() {
                Some(value) => write!(label, "  {value} = {}\\l", escape(&inst.op.to_string())),
                None => write!(label, "  {}\\l", escape(&inst.op.to_string())),
            };
        }
        let _ = write!(label, "  {}\\l", escape(&data.terminator.to_string()));
        let _ = writeln!(out, "    {} [label=\"{label}\"];", node(func, block));
    }
    out.push_str("  }\n");
    for &block in &function.layout {
        let from = node(func, block);
        let mut edge = |to: Block, style: &str| {
            let _ = writeln!(out, "  {from} -> {}{style};", node(func, to));
        };
        match function.blocks[block].terminator {
            Terminator::Switch(ref switch) => {
                for &Arm { low, high, to } in &switch.arms {
                    match low == high {
                        true => edge(to, &format!(" [label=\"{low}\"]")),
                        false => edge(to, &format!(" [label=\"{low}..{high}\"]")),
                    }
                }
                edge(switch.otherwise, " [label=\"else\"]");
            }
            Terminator::Jump(to) => edge(to, ""),
            Terminator::Branch { then, otherwise, .. } => {
                edge(then, " [label=\"yes\"]");
                edge(otherwise, " [label=\"no\"]");
            }
            Terminator::Call { callee, next } => {
                edge(next, " [label=\"returned\"]");
                if let Some(first) = program.funcs[callee].entry() {
                    let _ = writeln!(out, "  {from} -> {} [style=dashed];", node(callee, first));
                }
            }
            Terminator::Return | Terminator::Verdict(_) => {}
        }
    }
}

/// Text inside a quoted label.
fn escape(text: &str) -> String {
    text.chars()
        .flat_map(|c| match c {
            '"' => vec!['\\', '"'],
            '\\' => vec!['\\', '\\'],
            c if c.is_control() => vec![' '],
            c => vec![c],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Line, Then, sample};
    use bpfc_ir::{Family, Hook};

    #[test]
    fn every_reached_block_is_a_node() {
        let sample = sample(Family::Ipv4, Hook::Input, &[Line::port(22, Then::Accept)]);
        let text = dot(&sample.program, &sample.listing);
        let function = sample.program.funcs.values().next().unwrap();
        for &block in &function.layout {
            assert!(text.contains(&format!("fn0_{block} [label=")), "{text}");
        }
        assert!(text.starts_with("digraph") && text.ends_with("}\n"));
        assert!(text.contains("--dport 22"));
    }

    #[test]
    fn labels_are_escaped() {
        assert_eq!(escape("a\"b\\c\n"), "a\\\"b\\\\c ");
    }
}
