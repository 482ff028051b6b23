//! `--emit tree`: hooks, chains, rules and jumps as an indented tree.
//!
//! Each rule stands under its chain with its number, each chain that a rule calls stands under
//! the rule. A chain is shown once; where it is called again, `(above)` stands in its place, so
//! that shared chains do not multiply the output.

use bpfc_ir::{Chain, Func, Listing, Program, Rule, RuleKind, Terminator};
use cranelift_entity::SecondaryMap;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// The tree of a program. Deterministic; ends in a line end unless the program is empty.
pub fn tree(program: &Program, listing: &Listing) -> String {
    let mut tree = Tree::new(program, listing);
    let mut out = String::new();
    for entry in &program.entries {
        let _ = writeln!(out, "hook {} {}", entry.hook, entry.family);
        for chain in entry.funcs() {
            tree.chain(&mut out, chain, 1);
        }
    }
    let unused: Vec<Func> = program.funcs.keys().filter(|f| !tree.shown.contains(f)).collect();
    if !unused.is_empty() {
        let _ = writeln!(out, "not reached");
        for func in unused {
            tree.chain(&mut out, func, 1);
        }
    }
    out
}

struct Tree<'a> {
    program: &'a Program,
    listing: &'a Listing,
    rules: SecondaryMap<Chain, Vec<Rule>>,
    /// The chains that a rule calls.
    calls: BTreeMap<(Func, Rule), Vec<Func>>,
    shown: BTreeSet<Func>,
}

/// What is left to show of a level.
enum Frame {
    /// The chains that a rule calls.
    Chains(std::vec::IntoIter<Func>, usize),
    /// The rules of a chain.
    Rules(Func, std::vec::IntoIter<Rule>, usize),
}

impl<'a> Tree<'a> {
    fn new(program: &'a Program, listing: &'a Listing) -> Self {
        Tree {
            program,
            listing,
            rules: program.rules_by_chain(),
            calls: calls_by_rule(program),
            shown: BTreeSet::new(),
        }
    }

    fn chain(&mut self, out: &mut String, root: Func, depth: usize) {
        // An explicit stack: chains may be nested as deep as a hostile ruleset likes.
        let mut stack = vec![Frame::Chains(vec![root].into_iter(), depth)];
        while let Some(frame) = stack.last_mut() {
            let (func, rules, depth) = match frame {
                Frame::Chains(chains, depth) => {
                    let depth = *depth;
                    match chains.next() {
                        Some(func) => stack.extend(self.open(out, func, depth)),
                        None => drop(stack.pop()),
                    }
                    continue;
                }
                Frame::Rules(func, rules, depth) => (*func, rules, *depth),
            };
            let Some(rule) = rules.next() else {
                stack.pop();
                continue;
            };
            let (indent, text) = (indent(depth), self.listing.text(rule));
            let _ = match self.program.rules[rule].kind {
                RuleKind::Rule(number) => writeln!(out, "{indent}{number}: {text}"),
                RuleKind::Policy => writeln!(out, "{indent}policy: {text}"),
                RuleKind::End(_) => Ok(()),
            };
            if let Some(callees) = self.calls.get(&(func, rule)) {
                stack.push(Frame::Chains(callees.clone().into_iter(), depth + 1));
            }
        }
    }

    /// Shows a chain; yields its rules where it is shown for the first time.
    fn open(&mut self, out: &mut String, func: Func, depth: usize) -> Option<Frame> {
        let function = &self.program.funcs[func];
        let name = function.name.as_str();
        let indent = indent(depth);
        if self.shown.insert(func) {
            let _ = writeln!(out, "{indent}chain {name}");
            let rules = function.chain.map(|chain| self.rules[chain].clone()).unwrap_or_default();
            Some(Frame::Rules(func, rules.into_iter(), depth + 1))
        } else {
            let _ = writeln!(out, "{indent}chain {name} (above)");
            None
        }
    }
}

/// Two spaces a level, up to a depth that people can still read: chains nested by the thousand
/// must not make the output quadratic.
fn indent(depth: usize) -> &'static str {
    const SPACES: &str = match std::str::from_utf8(&[b' '; 128]) {
        Ok(spaces) => spaces,
        Err(_) => "",
    };
    &SPACES[..(2 * depth).min(SPACES.len())]
}

/// The chains that each rule of a function jumps or goes to, each once.
pub(crate) fn calls_by_rule(program: &Program) -> BTreeMap<(Func, Rule), Vec<Func>> {
    let mut calls: BTreeMap<(Func, Rule), Vec<Func>> = BTreeMap::new();
    for (func, function) in program.funcs.iter() {
        for block in function.blocks.values() {
            let Terminator::Call { callee, .. } = block.terminator else { continue };
            for rule in block.origin.expand().into_iter().flat_map(|of| of.rules(program)) {
                let callees = calls.entry((func, rule)).or_default();
                if !callees.contains(&callee) {
                    callees.push(callee);
                }
            }
        }
    }
    calls
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Line, Sample, Then};
    use bpfc_ir::{Entry, Family, Hook};

    #[test]
    fn a_shared_chain_is_shown_once() {
        let mut sample = Sample::default();
        let family = Family::Ipv4;
        let ssh = sample.add_chain(family, "ssh", None, &[Line::any(Then::Accept)]);
        let lines = [Line::port(22, Then::Call(ssh)), Line::port(2222, Then::Call(ssh))];
        let input = sample.add_chain(family, "INPUT", Some(Hook::Input), &lines);
        sample.add_chain(family, "spare", None, &[Line::any(Then::Drop)]);
        sample.program.entries.push(Entry::of(Hook::Input, family, input));
        assert_eq!(
            tree(&sample.program, &sample.listing),
            "\
hook input ip
  chain filter/INPUT
    1: -A INPUT -p tcp -m tcp --dport 22 -j ssh
      chain filter/ssh
        1: -A ssh -j ACCEPT
    2: -A INPUT -p tcp -m tcp --dport 2222 -j ssh
      chain filter/ssh (above)
    policy: DROP
not reached
  chain filter/spare
    1: -A spare -j DROP
"
        );
    }
}
