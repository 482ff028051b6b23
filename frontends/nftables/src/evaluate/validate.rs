//! What the kernel checks when it loads a ruleset: that chains do not call each other in a loop or
//! too deeply, and that expressions are evaluated at hooks that know what they ask.
//!
//! The tables here are what Linux 6.18 accepts.

use super::error;
use crate::model::*;
use crate::outside::outside;
use bpfc_diag::{Code, Diagnostic, Span};

/// How many calls the kernel's stack holds.
const DEEPEST: usize = 15;

type Hooks = u16;

const INGRESS: Hooks = 1;
const PREROUTING: Hooks = 2;
const INPUT: Hooks = 4;
const FORWARD: Hooks = 8;
const OUTPUT: Hooks = 16;
const POSTROUTING: Hooks = 32;
const DEVICE_INGRESS: Hooks = 64;
const DEVICE_EGRESS: Hooks = 128;
const NAMES: [(Hooks, &str); 8] = [
    (INGRESS, "ingress"),
    (PREROUTING, "prerouting"),
    (INPUT, "input"),
    (FORWARD, "forward"),
    (OUTPUT, "output"),
    (POSTROUTING, "postrouting"),
    (DEVICE_INGRESS, "ingress of netdev"),
    (DEVICE_EGRESS, "egress of netdev"),
];
const RECEIVING: Hooks = PREROUTING | INPUT | FORWARD;
const SENDING: Hooks = FORWARD | OUTPUT | POSTROUTING;
const ROUTED: Hooks = RECEIVING | SENDING;
const ANY: Hooks = Hooks::MAX;
const NOT_DEVICES: Hooks = ANY & !DEVICE_INGRESS & !DEVICE_EGRESS;

fn hook_of(family: Family, base: &BaseChain) -> Hooks {
    match (family, base.hook.as_str()) {
        (Family::Netdev, "ingress") => DEVICE_INGRESS,
        (Family::Netdev, _) => DEVICE_EGRESS,
        (_, name) => NAMES.iter().find(|(_, known)| *known == name).map_or(0, |(hook, _)| *hook),
    }
}

/// Where an expression can be evaluated, and what it is called.
fn allowed(operation: &Operation) -> (Hooks, &'static str) {
    match operation {
        Operation::Reject { .. } => (INGRESS | RECEIVING | OUTPUT | DEVICE_INGRESS, "reject"),
        Operation::Fib { flags, result: FibResult::Type, .. } => {
            let hooks = match (flags.iif, flags.oif) {
                (true, _) => RECEIVING | DEVICE_INGRESS,
                (_, true) => SENDING | DEVICE_EGRESS,
                _ => ROUTED | DEVICE_INGRESS | DEVICE_EGRESS,
            };
            (hooks, "fib")
        }
        Operation::Fib { .. } => (RECEIVING | DEVICE_INGRESS, "fib"),
        Operation::Osf { .. } => (RECEIVING, "osf"),
        Operation::Socket { .. } => (PREROUTING | INPUT | OUTPUT, "socket"),
        Operation::Rt { key, .. } if key.name == "mtu" => (SENDING, "rt mtu"),
        Operation::Rt { .. } => (NOT_DEVICES, "rt"),
        Operation::Xfrm { is_out: true, .. } => (SENDING, "ipsec out"),
        Operation::Xfrm { .. } => (RECEIVING, "ipsec in"),
        Operation::Meta { key, .. } if key.name == "ipsec" => {
            (RECEIVING | DEVICE_INGRESS, "meta ipsec")
        }
        Operation::MetaSet { key, .. } if key.name == "pkttype" => {
            (PREROUTING | DEVICE_INGRESS, "meta pkttype set")
        }
        Operation::Ct { .. } | Operation::CtSet { .. } => (NOT_DEVICES, "ct"),
        Operation::Connlimit { .. } => (NOT_DEVICES, "ct count"),
        _ => (ANY, ""),
    }
}

/// A call from a chain to another one.
struct Call {
    to: usize,
    span: Option<Span>,
}

struct Validation<'a> {
    table: &'a Table,
    calls: Vec<Vec<Call>>,
    /// By chain: the deepest call through which it was followed, for the current hook.
    followed: Vec<Option<usize>>,
    /// The hooks from which each chain is reached.
    hooks: Vec<Hooks>,
    path: Vec<usize>,
    errors: Vec<Diagnostic>,
    /// What is not filtering where no chain that filters reaches it.
    left: Vec<(&'static str, Span)>,
}

/// What is wrong with a table as a whole; and what is not filtering in it, by class, and stays in
/// the kernel without harm.
pub(super) fn validate(table: &Table) -> (Vec<Diagnostic>, Vec<(&'static str, Span)>) {
    let mut validation = Validation {
        table,
        calls: Vec::new(),
        followed: Vec::new(),
        hooks: vec![0; table.chains.len()],
        path: Vec::new(),
        errors: Vec::new(),
        left: Vec::new(),
    };
    validation.find_calls();
    for hook in NAMES.map(|(hook, _)| hook) {
        validation.followed = vec![None; table.chains.len()];
        for (index, chain) in table.chains.iter().enumerate() {
            let base = chain.base.as_ref().filter(|base| base.kind != "nat");
            let hangs = base.is_some_and(|base| hook_of(table.family, base) == hook);
            if hangs && !validation.follow(index, hook) {
                return (validation.errors, Vec::new());
            }
        }
    }
    // Chains that nothing reaches must not be loops either.
    validation.followed = vec![None; table.chains.len()];
    for index in 0..table.chains.len() {
        if validation.hooks[index] == 0 && !validation.follow(index, 0) {
            return (validation.errors, Vec::new());
        }
    }
    validation.check_expressions();
    (validation.errors, validation.left)
}

impl Validation<'_> {
    fn find_calls(&mut self) {
        let mut by_name: Vec<(&str, usize)> = self
            .table
            .chains
            .iter()
            .enumerate()
            .map(|(at, chain)| (chain.name.as_str(), at))
            .collect();
        by_name.sort_unstable();
        for chain in &self.table.chains {
            let mut calls = Vec::new();
            let mut call = |verdict: &Verdict, span: Option<Span>, errors: &mut Vec<Diagnostic>| {
                let (Verdict::Jump(name) | Verdict::Goto(name)) = verdict else { return };
                let found = by_name.binary_search_by(|(known, _)| (*known).cmp(name));
                let Ok(found) = found else {
                    let message = format!("the chain `{name}` is there no more");
                    errors.push(Diagnostic::error(Code::NFT_UNKNOWN, span, message));
                    return;
                };
                let to = by_name[found].1;
                if self.table.chains[to].base.is_some() {
                    let message = format!("`{name}` hangs on a hook and cannot be jumped to");
                    errors.push(Diagnostic::error(Code::NFT_STATEMENT, span, message));
                    return;
                }
                calls.push(Call { to, span });
            };
            for expression in chain.rules.iter().flat_map(|rule| &rule.expressions) {
                match &expression.operation {
                    Operation::Verdict(verdict) => {
                        call(verdict, expression.span, &mut self.errors);
                    }
                    Operation::Lookup { set, found: Found::Verdict, .. } => {
                        let elements = self.table.set_of(set).map_or(&[][..], |set| &set.elements);
                        for element in elements {
                            if let ElementData::Verdict(verdict) = &element.data {
                                call(verdict, element.span, &mut self.errors);
                            }
                        }
                    }
                    _ => {}
                }
            }
            calls.sort_by_key(|call| call.to);
            calls.dedup_by_key(|call| call.to);
            self.calls.push(calls);
        }
    }

    /// Follows the calls of a chain. Whether they end.
    fn follow(&mut self, chain: usize, hook: Hooks) -> bool {
        self.hooks[chain] |= hook;
        let depth = self.path.len();
        if self.followed[chain].is_some_and(|followed| followed >= depth) {
            return true;
        }
        self.followed[chain] = Some(depth);
        self.path.push(chain);
        for index in 0..self.calls[chain].len() {
            let Call { to, span } = self.calls[chain][index];
            let name = |at: usize| self.table.chains[at].name.as_str();
            let message = if let Some(start) = self.path.iter().position(|at| *at == to) {
                let path: Vec<&str> = self.path[start..].iter().map(|at| name(*at)).collect();
                format!("chains call each other in a loop: {}, {}", path.join(", "), name(to))
            } else if depth >= DEEPEST {
                format!("chains call each other more than {DEEPEST} deep")
            } else {
                if !self.follow(to, hook) {
                    return false;
                }
                continue;
            };
            self.errors.push(Diagnostic::error(Code::NFT_STATEMENT, span, message));
            return false;
        }
        self.path.pop();
        true
    }

    fn check_expressions(&mut self) {
        for (index, chain) in self.table.chains.iter().enumerate() {
            let reached = match self.table.family {
                // What devices never know is refused even where nothing reaches it.
                Family::Netdev if self.hooks[index] == 0 => DEVICE_INGRESS | DEVICE_EGRESS,
                _ => self.hooks[index],
            };
            let is_nat = chain.base.as_ref().is_some_and(|base| base.kind == "nat");
            let mut is_left = is_nat;
            for expression in chain.rules.iter().flat_map(|rule| &rule.expressions) {
                if let Operation::Outside { class } = expression.operation
                    && let Some(span) = expression.span
                {
                    if self.hooks[index] != 0 {
                        self.errors.push(outside(class, span));
                    } else if !std::mem::replace(&mut is_left, true) {
                        self.left.push((class, span));
                    }
                }
                if is_nat {
                    continue;
                }
                let (hooks, name) = allowed(&expression.operation);
                let is_unreached = self.hooks[index] == 0;
                let wrong = match is_unreached {
                    true if hooks & reached == 0 => reached,
                    true => 0,
                    false => reached & !hooks,
                };
                if wrong != 0 {
                    self.errors.push(*misplaced(name, hooks, wrong, expression.span));
                }
            }
        }
    }
}

fn misplaced(name: &str, hooks: Hooks, wrong: Hooks, span: Option<Span>) -> Box<Diagnostic> {
    let names = |hooks: Hooks| {
        let names = NAMES.iter().filter(|(hook, _)| hooks & hook != 0).map(|(_, name)| *name);
        names.collect::<Vec<_>>().join(", ")
    };
    let message = format!("`{name}` cannot be evaluated at the hook {}", names(wrong));
    let fallback = Span::new(bpfc_diag::FileId(0), 0, 0);
    let mut diagnostic = error(Code::NFT_STATEMENT, span.unwrap_or(fallback), message);
    diagnostic.span = span;
    diagnostic.help = Some(format!("it is for the hooks {}", names(hooks)));
    diagnostic
}
