//! Lowers a ruleset to IR, as nf_tables runs it (net/netfilter/nf_tables_core.c,
//! `nft_do_chain`).
//!
//! A rule's expressions are executed with values in place of bytes: registers hold values, tests
//! lead to the next rule where they fail, statements are effects. What a chain does with packets of
//! a family is a function of its own, so that tests of the family fold away; rules, counters,
//! states and tables are the chain's, whatever the family.

mod block;
mod chain;
mod device;
mod elements;
mod extension;
mod fib;
mod hash;
mod inner;
mod ipsec;
mod link;
mod listed;
mod load;
mod mark;
mod object;
mod osf;
mod reach;
mod registers;
mod route;
mod rt;
mod set;
mod socket;
mod statement;
mod store;
mod tcp_option;
mod test;

use crate::interfaces::Interfaces;
use crate::model::{
    BaseChain as Base, Chain, Expression, ObjectKind, Operation, Rule, Ruleset, Table,
};
use bpfc_diag::{Code, Diagnostic, Diagnostics, SourceMap, Span};
use bpfc_ir::{
    BaseChain, Chain as ChainId, ChainData, Contents, Counter, CounterDef, Entry, FrontendOptions,
    Func, Function, Hook, ListedRule, ListedSet, Listing, PacketFamily, Program, Rule as RuleId,
    RuleData, RuleKind, State, TableFamily, Walk,
};
pub use elements::{ReadElement, SetBlock, read_elements};
use reach::{Place, Reached};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// A lowered ruleset.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub program: Program,
    pub listing: Listing,
    pub contents: Contents,
}

/// What cannot be lowered, with its place and what to do instead.
type Lowered<T> = Result<T, Box<Diagnostic>>;

/// That an expression cannot be compiled.
fn unsupported(expression: &Expression, what: &str) -> Box<Diagnostic> {
    let message = format!("{what} cannot be compiled yet");
    let help = "leave the rule to the kernel, or write it without";
    Box::new(Diagnostic::error(Code::UNSUPPORTED_VALUE, expression.span, message).with_help(help))
}

/// That only the running kernel knows what an expression asks.
fn unknown(expression: &Expression, what: &str, why: &str) -> Box<Diagnostic> {
    let message = format!("no program can know {what}");
    let help = "leave the rule to the kernel, or write it without";
    let error = Diagnostic::error(Code::UNSUPPORTED_VALUE, expression.span, message);
    Box::new(error.with_note(why).with_help(help))
}

/// The family of tables as programs name it; `None` for those that no program runs.
fn table_family(table: &Table) -> Option<TableFamily> {
    use crate::model::Family::*;
    match table.family {
        Ip => Some(TableFamily::Ip),
        Ip6 => Some(TableFamily::Ip6),
        Inet => Some(TableFamily::Inet),
        Netdev => Some(TableFamily::Netdev),
        Arp | Bridge => None,
    }
}

/// The hook of a base chain.
fn hook(base: &Base) -> Option<Hook> {
    base.hook.parse().ok()
}

/// A rule of the program: its entity, its counters and the states of its statements.
#[derive(Clone, Debug)]
struct RuleParts {
    rule: RuleId,
    /// By the place of the expression in the rule, with the object's name where it names some.
    counters: BTreeMap<(usize, Option<String>), Counter>,
    /// By the place of the expression in the rule.
    states: BTreeMap<usize, State>,
}

impl RuleParts {
    /// Those of no rule.
    fn none() -> RuleParts {
        RuleParts { rule: RuleId::from_u32(0), counters: BTreeMap::new(), states: BTreeMap::new() }
    }
}

/// What all functions of a ruleset share.
struct Shared<'a> {
    ruleset: &'a Ruleset,
    interfaces: &'a Interfaces,
    out: &'a mut Output,
    /// The function of each chain and family that is reached.
    funcs: BTreeMap<(Place, PacketFamily), Func>,
    /// The rules of each chain that is reached, and its policy.
    rules: BTreeMap<Place, Vec<RuleParts>>,
    policies: BTreeMap<Place, RuleId>,
    /// The sets that rules ask, by table and name.
    tables: BTreeMap<(usize, String), Rc<set::Asked<'a>>>,
    /// How those of a name are listed.
    listed: BTreeMap<(usize, String), ListedSet>,
    /// What rules do to sets that they change.
    added: BTreeMap<(usize, String), set::Added<'a>>,
    /// Named states, by table and name.
    objects: BTreeMap<(usize, String), State>,
    /// Whether fingerprints of operating systems are given.
    has_fingerprints: bool,
}

/// Lowers the chosen hooks of a ruleset. `None` where an error was reported.
pub(crate) fn lower(
    ruleset: &Ruleset,
    interfaces: &Interfaces,
    options: &FrontendOptions,
    sources: &SourceMap,
    diagnostics: &mut Diagnostics,
) -> Option<Output> {
    let errors = diagnostics.error_count();
    let mut out = Output::default();
    let base = base_chains(ruleset, options, diagnostics);
    let reached = Reached::of(ruleset, &base, diagnostics)?;
    route::refuse(ruleset, &base, diagnostics);
    let mut shared = Shared {
        ruleset,
        interfaces,
        out: &mut out,
        funcs: BTreeMap::new(),
        rules: BTreeMap::new(),
        policies: BTreeMap::new(),
        tables: BTreeMap::new(),
        listed: BTreeMap::new(),
        added: set::added(ruleset),
        objects: BTreeMap::new(),
        has_fingerprints: options.fingerprints.is_some(),
    };
    if !shared.has_fingerprints {
        osf::warn(ruleset, &reached, diagnostics);
    }
    object::list(ruleset, &reached, &mut shared.out.listing);
    block::list(ruleset, &reached, &mut shared.out.listing);
    shared.declare(&reached, sources);
    for (&(place, family), &func) in &shared.funcs.clone() {
        match chain::lower(&mut shared, place, family, diagnostics) {
            Some(function) => shared.out.program.funcs[func] = function.into(),
            None => continue,
        }
    }
    shared.enter(&base);
    let mut listed = std::mem::take(&mut shared.listed);
    let sets = ruleset
        .tables
        .iter()
        .enumerate()
        .flat_map(|(at, table)| table.sets.iter().map(move |set| (at, set.name.clone())));
    shared.out.listing.set_sets(sets.filter_map(|place| listed.remove(&place)).collect());
    (diagnostics.error_count() == errors).then_some(out)
}

/// A base chain that is compiled.
#[derive(Clone, Copy, Debug)]
struct Chosen {
    place: Place,
    hook: Hook,
    priority: i32,
}

/// The base chains of the chosen tables and hooks; what is left to the kernel is noted.
fn base_chains(
    ruleset: &Ruleset,
    options: &FrontendOptions,
    diagnostics: &mut Diagnostics,
) -> Vec<Chosen> {
    let mut chosen = Vec::new();
    for (index, table) in ruleset.tables.iter().enumerate() {
        let name = format!("{}/{}", table.family.name(), table.name);
        let wanted = options.tables.as_ref().is_none_or(|tables| tables.contains(&name));
        let left_out = |why: &str| {
            let message = format!("table '{name}' is not compiled");
            Diagnostic::note(Code::TABLE_LEFT_OUT, None, message).with_note(why)
        };
        if !wanted {
            diagnostics.push(left_out("it is not chosen"));
            continue;
        }
        if table.flags.iter().any(|flag| flag == "dormant") {
            diagnostics.push(left_out("it is dormant: the kernel does not run it either"));
            continue;
        }
        for (at, chain) in table.chains.iter().enumerate() {
            let Some(base) = &chain.base else { continue };
            let left_out = |why: String| {
                let message = format!("chain '{name}/{}' is not compiled", chain.name);
                Diagnostic::note(Code::HOOK_LEFT_OUT, None, message).with_note(why)
            };
            let Some(hook) = hook(base) else {
                diagnostics.push(left_out(format!("no program runs at the hook {}", base.hook)));
                continue;
            };
            if base.kind == "nat" {
                diagnostics.push(left_out("address translation stays in the kernel".to_owned()));
            } else if !options.hooks.as_ref().is_none_or(|hooks| hooks.contains(&hook)) {
                diagnostics.push(left_out(format!("the {hook} hook is not chosen")));
            } else {
                let place = Place { table: index, chain: at };
                chosen.push(Chosen { place, hook, priority: base.priority });
            }
        }
    }
    chosen
}

/// Whether a chain is a base chain of a type.
fn is_of_kind(ruleset: &Ruleset, place: Place, kind: &str) -> bool {
    let chain = &ruleset.tables[place.table].chains[place.chain];
    chain.base.as_ref().is_some_and(|base| base.kind == kind)
}

impl Shared<'_> {
    fn table(&self, place: Place) -> &Table {
        &self.ruleset.tables[place.table]
    }

    fn chain(&self, place: Place) -> &Chain {
        &self.table(place).chains[place.chain]
    }

    /// Declares chains, rules and functions, so that they can name each other in any order.
    fn declare(&mut self, reached: &Reached, sources: &SourceMap) {
        for (&place, families) in &reached.chains {
            let (table, chain) = (self.table(place), self.chain(place));
            let Some(family) = table_family(table) else { continue };
            let hook = chain.base.as_ref().and_then(hook);
            let data =
                ChainData { family, table: table.name.clone(), name: chain.name.clone(), hook };
            let entity = self.out.program.chains.push(data.clone());
            let rules = self.declare_rules(entity, place, sources);
            self.rules.insert(place, rules);
            for &family in families {
                let function = Function::of_chain(entity, &data, family);
                let func = self.out.program.funcs.push(function.into());
                self.funcs.insert((place, family), func);
            }
        }
    }

    fn declare_rules(
        &mut self,
        entity: ChainId,
        place: Place,
        sources: &SourceMap,
    ) -> Vec<RuleParts> {
        let chain = self.ruleset.tables[place.table].chains[place.chain].clone();
        let mut rules = Vec::new();
        for (number, rule) in (1u32..).zip(&chain.rules) {
            let kind = RuleKind::Rule(number);
            let data = RuleData { chain: entity, kind, is_final: false, span: rule.span };
            let rule_id = self.out.program.rules.push(data);
            let counters = self.declare_counters(rule_id, place.table, rule);
            let text = match &rule.text {
                Some(text) => text.to_string(),
                None => rule.span.map_or_else(String::new, |span| text(sources, span)),
            };
            let (text, statements) = listed::statements(&text);
            self.out.listing.push(ListedRule {
                text: text.into(),
                statements,
                ..ListedRule::default()
            });
            rules.push(RuleParts { rule: rule_id, counters, states: BTreeMap::new() });
        }
        if let Some(base) = &chain.base {
            let kind = RuleKind::Policy;
            let data = RuleData { chain: entity, kind, is_final: true, span: None };
            let policy = self.out.program.rules.push(data);
            self.policies.insert(place, policy);
            let verdict = if base.drops { "drop" } else { "accept" };
            let Base { kind, hook, priority, .. } = base;
            let text = format!("type {kind} hook {hook} priority {priority}; policy {verdict};");
            let text: Arc<str> = text.into();
            let verdict = verdict.to_owned();
            self.out.listing.push(ListedRule { text, verdict, ..ListedRule::default() });
        }
        rules
    }

    /// What chains of `inet` do at the hook ingress with frames that are no sound packets of IP.
    fn drop_unsound(&mut self, base: &[Chosen]) -> BTreeMap<Place, Func> {
        let mut made = BTreeMap::new();
        for Chosen { place, hook, .. } in base {
            let (table, chain) = (self.table(*place), self.chain(*place));
            let (Hook::Ingress, Some(TableFamily::Inet)) = (*hook, table_family(table)) else {
                continue;
            };
            let Some(at) = &chain.base else { continue };
            let name = format!("inet/{}/{} other", table.name, chain.name);
            let function = device::drop_unsound(name, at);
            made.insert(*place, self.out.program.funcs.push(function.into()));
        }
        made
    }

    /// Gives each counter statement of a rule its counters: one, or where packets decide which one
    /// of those that they may mean.
    fn declare_counters(
        &mut self,
        rule: RuleId,
        table: usize,
        model: &Rule,
    ) -> BTreeMap<(usize, Option<String>), Counter> {
        let table = &self.ruleset.tables[table];
        let named = |name: &String| vec![Some(name.clone())];
        let statements = model.expressions.iter().enumerate().filter_map(|(at, expression)| {
            Some((
                at,
                match &expression.operation {
                    Operation::Counter { .. } => vec![None],
                    Operation::Object { kind: ObjectKind::Counter, name } => named(name),
                    Operation::ObjectMap { set, .. } => {
                        let set = table.set_of(set)?;
                        let of = set.objects.filter(|kind| *kind == ObjectKind::Counter)?;
                        object::names(table, set, of).into_iter().map(Some).collect()
                    }
                    _ => return None,
                },
            ))
        });
        let mut counters = BTreeMap::new();
        for (number, (at, names)) in (1..).zip(statements) {
            for name in names {
                let def = CounterDef { rule, number, name: name.as_deref().map(Arc::from) };
                counters.insert((at, name), self.out.program.counters.push(def));
            }
        }
        counters
    }

    /// Adds what runs at each hook, by priority; of equal ones the chain that was made last runs
    /// first, as the kernel has it.
    fn enter(&mut self, base: &[Chosen]) {
        let unsound = self.drop_unsound(base);
        for hook in Hook::ALL {
            for family in PacketFamily::ALL {
                let funcs = &self.funcs;
                let here = base.iter().rev().filter(|chosen| chosen.hook == hook);
                let here = here.filter_map(|chosen| {
                    let other =
                        unsound.get(&chosen.place).filter(|_| family == PacketFamily::Other);
                    let func = *other.or_else(|| funcs.get(&(chosen.place, family)))?;
                    let (priority, walk) = (chosen.priority, Walk::ToAuthentication);
                    Some(BaseChain { priority, func, walk })
                });
                let mut chains: Vec<BaseChain> = here.collect();
                chains.sort_by_key(|chain| chain.priority);
                if !chains.is_empty() {
                    self.out.program.entries.push(Entry { hook, family, chains });
                }
            }
        }
    }
}

/// A rule as it is written, on one line.
fn text(sources: &SourceMap, span: Span) -> String {
    let all = sources.file(span.file).text();
    let text = all.get(span.start as usize..span.end as usize).unwrap_or_default();
    match text.contains(['\n', '\\']) {
        true => {
            let lines = text.lines().map(|line| line.trim_end_matches('\\').trim());
            lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
        }
        false => text.to_owned(),
    }
}
