//! Which chains call which: loops, and what the chosen hooks reach.
//!
//! The kernel looks for loops from every base chain of a table, following every jump and goto of
//! every rule up to a chain's first unconditional verdict (`mark_source_chains`); loops that no
//! base chain reaches it tolerates. What packets reach is less: nothing after an unconditional
//! goto either.

use crate::model::{Chain, Rule, Table, Target};
use bpfc_diag::{Code, Diagnostic, Diagnostics};
use bpfc_ir::Hook;

/// The chains of a table that the chosen hooks reach.
#[derive(Debug)]
pub struct Reached {
    /// By chain index: the hooks, as bits by [`Hook`], whose packets come through it.
    hooks: Vec<u8>,
    /// By chain index: whether any base chain leads to it.
    used: Vec<bool>,
}

impl Reached {
    /// Follows calls from the base chains of the wanted hooks.
    ///
    /// Fails, with errors reported, where a base chain reaches a loop.
    pub fn of(
        table: &Table,
        wanted: impl Fn(Hook) -> bool,
        diagnostics: &mut Diagnostics,
    ) -> Result<Self, ()> {
        let used = find_loops(table, diagnostics)?;
        // Rules that could not be read may be those that use a chain.
        let whole = !diagnostics.has_errors();
        for (chain, used) in table.chains.iter().zip(&used) {
            if !used && whole {
                diagnostics.push(Diagnostic::warning(
                    Code::UNUSED_CHAIN,
                    chain.span,
                    format!("chain '{}' of table '{}' is never used", chain.name, table.name),
                ));
            }
        }
        let mut hooks = vec![0u8; table.chains.len()];
        for (index, chain) in table.chains.iter().enumerate() {
            let Some(base) = chain.base.filter(|base| wanted(base.hook)) else { continue };
            let bit = 1 << base.hook as u8;
            let mut todo = vec![index];
            while let Some(index) = todo.pop() {
                if hooks[index] & bit != 0 {
                    continue;
                }
                hooks[index] |= bit;
                let rules = live_rules(&table.chains[index]);
                todo.extend(rules.filter_map(|rule| callee(&rule.target)));
            }
        }
        Ok(Reached { hooks, used })
    }

    /// Whether packets of a wanted hook come through the chain.
    pub fn contains(&self, chain: usize) -> bool {
        self.hooks[chain] != 0
    }

    /// By chain index: whether its rules are listed: packets of a wanted hook come through it, no
    /// base chain leads to it, or a rule that is listed names it.
    pub fn listed(&self, table: &Table) -> Vec<bool> {
        let mut listed = vec![false; table.chains.len()];
        let is_first = |&index: &usize| self.contains(index) || !self.used[index];
        let mut todo: Vec<usize> = (0..table.chains.len()).filter(is_first).collect();
        while let Some(index) = todo.pop() {
            if !std::mem::replace(&mut listed[index], true) {
                todo.extend(table.chains[index].rules.iter().filter_map(|r| callee(&r.target)));
            }
        }
        listed
    }

    /// Whether packets of this hook come through the chain.
    pub fn sees_hook(&self, chain: usize, hook: Hook) -> bool {
        self.hooks[chain] & (1 << hook as u8) != 0
    }
}

fn callee(target: &Target) -> Option<usize> {
    match *target {
        Target::Jump(chain) | Target::Goto(chain) => Some(chain),
        _ => None,
    }
}

/// Whether no packet comes behind the rule.
pub fn ends_chain(rule: &Rule) -> bool {
    let leaves = match &rule.target {
        Target::Accept | Target::Drop | Target::Return | Target::Goto(_) => true,
        Target::Action(action) => action.verdict().is_some(),
        Target::None | Target::Jump(_) => false,
    };
    leaves && rule.is_unconditional()
}

/// The rules of a chain that packets reach.
pub fn live_rules(chain: &Chain) -> impl Iterator<Item = &Rule> {
    let end = chain.rules.iter().position(ends_chain).map_or(chain.rules.len(), |last| last + 1);
    chain.rules[..end].iter()
}

/// The calls that the kernel follows: of every rule up to the first unconditional verdict.
fn followed(chain: &Chain) -> impl Iterator<Item = &Rule> {
    let verdict = |rule: &&Rule| {
        rule.is_unconditional()
            && matches!(rule.target, Target::Accept | Target::Drop | Target::Return)
    };
    let end = chain.rules.iter().position(|rule| verdict(&rule)).unwrap_or(chain.rules.len());
    chain.rules[..end].iter().filter(|rule| callee(&rule.target).is_some())
}

/// Reports every call that closes a loop which a base chain reaches; yields which chains base
/// chains reach.
fn find_loops(table: &Table, diagnostics: &mut Diagnostics) -> Result<Vec<bool>, ()> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; table.chains.len()];
    let mut found = false;
    let roots = (0..table.chains.len()).filter(|&index| table.chains[index].base.is_some());
    for root in roots {
        if marks[root] != Mark::New {
            continue;
        }
        marks[root] = Mark::Open;
        let mut stack = vec![(root, followed(&table.chains[root]))];
        while let Some((index, rules)) = stack.last_mut() {
            let index = *index;
            let Some(rule) = rules.next() else {
                marks[index] = Mark::Done;
                stack.pop();
                continue;
            };
            let Some(next) = callee(&rule.target) else { continue };
            match marks[next] {
                Mark::Done => {}
                Mark::New => {
                    marks[next] = Mark::Open;
                    stack.push((next, followed(&table.chains[next])));
                }
                Mark::Open => {
                    found = true;
                    let from = stack.iter().position(|(open, _)| *open == next).unwrap_or(0);
                    let mut names: Vec<&str> =
                        stack[from..].iter().map(|(i, _)| table.chains[*i].name.as_str()).collect();
                    names.push(&table.chains[next].name);
                    if names.len() > 8 {
                        names.splice(4..names.len() - 3, ["..."]);
                    }
                    diagnostics.push(
                        Diagnostic::error(
                            Code::CHAIN_LOOP,
                            rule.span,
                            format!("this rule closes a loop of chains: {}", names.join(" -> ")),
                        )
                        .with_help("remove one of the jumps"),
                    );
                }
            }
        }
    }
    if found { Err(()) } else { Ok(marks.iter().map(|&mark| mark != Mark::New).collect()) }
}
