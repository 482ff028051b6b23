//! Graphs for people and for graph algorithms: calls between chains, and control flow.

use crate::{Block, Func, Function, Program, Terminator};
use cranelift_entity::SecondaryMap;
use petgraph::graph::{DiGraph, NodeIndex};
use std::fmt::{self, Write};

/// Which of a terminator's successors an edge leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Edge {
    /// The only one.
    Next,
    /// Where the condition is true.
    True,
    /// Where the condition is false.
    False,
    /// Where the called chain's return leads.
    Returned(Func),
}

impl Program {
    /// Calls between chains: a node for each function, in order, and an edge for each call, with
    /// the block that calls.
    pub fn call_graph(&self) -> DiGraph<Func, Block> {
        let mut graph = DiGraph::new();
        let nodes: Vec<NodeIndex> = self.funcs.keys().map(|func| graph.add_node(func)).collect();
        for (func, function) in self.funcs.iter() {
            for &block in &function.layout {
                let Some(data) = function.blocks.get(block) else { continue };
                if let Terminator::Call { callee, .. } = data.terminator
                    && let Some(&to) = nodes.get(callee.as_u32() as usize)
                {
                    graph.add_edge(nodes[func.as_u32() as usize], to, block);
                }
            }
        }
        graph
    }

    /// The program in Graphviz's language: a cluster of blocks for each chain, calls dashed.
    pub fn dot(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_dot(&mut text);
        text
    }

    fn write_dot(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "digraph program {{")?;
        writeln!(out, "    node [shape=box fontname=monospace]")?;
        for entry in &self.entries {
            let name = format!("{}_{}", entry.hook, entry.family);
            writeln!(out, "    {name} [label=\"{} {}\" shape=oval]", entry.hook, entry.family)?;
            for &chain in &entry.chains {
                let Some(block) = self.funcs.get(chain).and_then(Function::entry) else { continue };
                writeln!(out, "    {name} -> {chain}_{block}")?;
            }
        }
        for (func, function) in self.funcs.iter() {
            writeln!(out, "    subgraph cluster_{func} {{")?;
            writeln!(out, "        label=\"{func} {}\"", escape(&function.name))?;
            for &block in &function.layout {
                let Some(data) = function.blocks.get(block) else { continue };
                write!(out, "        {func}_{block} [label=\"{block}\\l")?;
                for inst in data.insts.iter().filter_map(|&inst| function.insts.get(inst)) {
                    write!(out, "{}\\l", escape(&inst.to_string()))?;
                }
                writeln!(out, "{}\\l\"]", escape(&data.terminator.to_string()))?;
            }
            writeln!(out, "    }}")?;
            let flow = function.flow_graph();
            for edge in flow.raw_edges() {
                let (from, to) = (flow[edge.source()], flow[edge.target()]);
                let style = match edge.weight {
                    Edge::Next => "",
                    Edge::True => " [label=true]",
                    Edge::False => " [label=false style=dotted]",
                    Edge::Returned(_) => " [label=returned]",
                };
                writeln!(out, "    {func}_{from} -> {func}_{to}{style}")?;
            }
        }
        let calls = self.call_graph();
        for edge in calls.raw_edges() {
            let (caller, callee) = (calls[edge.source()], calls[edge.target()]);
            let Some(entry) = self.funcs[callee].entry() else { continue };
            writeln!(out, "    {caller}_{} -> {callee}_{entry} [style=dashed]", edge.weight)?;
        }
        writeln!(out, "}}")
    }
}

impl Function {
    /// Control flow: a node for each laid out block, in layout order, and an edge for each
    /// successor.
    pub fn flow_graph(&self) -> DiGraph<Block, Edge> {
        let mut graph = DiGraph::new();
        let mut nodes: SecondaryMap<Block, Option<NodeIndex>> = SecondaryMap::new();
        for &block in &self.layout {
            nodes[block] = Some(graph.add_node(block));
        }
        for &block in &self.layout {
            let Some(data) = self.blocks.get(block) else { continue };
            let mut edge = |to: Block, kind| {
                if let (Some(from), Some(Some(to))) = (nodes[block], nodes.get(to)) {
                    graph.add_edge(from, *to, kind);
                }
            };
            match data.terminator {
                Terminator::Jump(next) => edge(next, Edge::Next),
                Terminator::Branch { then, otherwise, .. } => {
                    edge(then, Edge::True);
                    edge(otherwise, Edge::False);
                }
                Terminator::Call { callee, next } => edge(next, Edge::Returned(callee)),
                Terminator::Return | Terminator::Verdict(_) => {}
            }
        }
        graph
    }
}

/// A string inside quotes of Graphviz's language.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => escaped.extend(['\\', c]),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn every_block_and_edge_is_drawn() {
        let program: Program = "entry input ip: fn0
            fn0 \"a \\\"b\\\"\" ip {
                block0: v0 = avail th 4 br v0, block1, block2
                block1: call fn1, block2
                block2: verdict drop }
            fn1 \"c\" ip { block0: return }"
            .parse()
            .unwrap();
        assert_eq!(
            program.dot(),
            r#"digraph program {
    node [shape=box fontname=monospace]
    input_ip [label="input ip" shape=oval]
    input_ip -> fn0_block0
    subgraph cluster_fn0 {
        label="fn0 a \"b\""
        fn0_block0 [label="block0\lv0 = avail th 4\lbr v0, block1, block2\l"]
        fn0_block1 [label="block1\lcall fn1, block2\l"]
        fn0_block2 [label="block2\lverdict drop\l"]
    }
    fn0_block0 -> fn0_block1 [label=true]
    fn0_block0 -> fn0_block2 [label=false style=dotted]
    fn0_block1 -> fn0_block2 [label=returned]
    subgraph cluster_fn1 {
        label="fn1 c"
        fn1_block0 [label="block0\lreturn\l"]
    }
    fn0_block1 -> fn1_block0 [style=dashed]
}
"#
        );
    }

    #[test]
    fn random_programs_are_drawn() {
        for seed in 0..20 {
            let program = testing::program(seed, 4, 6);
            assert_eq!(program.call_graph().node_count(), program.funcs.len());
            assert!(program.dot().ends_with("}\n"));
        }
    }
}
