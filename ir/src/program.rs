//! A whole program: rules, functions, entries and state.

use crate::{
    Chain, Counted, Counter, CounterList, Func, Function, Hook, Object, ObjectDef, Op,
    PacketFamily, Probe, ProbeDef, Rule, RuleList, Source, State, StateDef, Table, TableDef,
    TableFamily,
};
use bpfc_diag::Span;
use cranelift_entity::{PrimaryMap, SecondaryMap};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

/// Whether a rule entity is a rule or a base chain's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleKind {
    /// A rule, numbered from 1 in its chain.
    Rule(u32),
    /// The policy of a base chain.
    Policy,
    /// The end of a user chain, numbered behind its last rule: it counts nothing, and is there for
    /// records of traced packets alone.
    End(u32),
}

/// A chain of the source ruleset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainData {
    /// The family of its table.
    pub family: TableFamily,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// The hook of a base chain, none of a user chain.
    pub hook: Option<Hook>,
}

impl ChainData {
    /// Its name in the program: `filter/INPUT`, `ip6/filter/INPUT`.
    pub fn label(&self) -> String {
        let family = self.family.label_prefix();
        format!("{family}{}/{}", self.table, self.name)
    }
}

/// A rule or policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleData {
    /// The chain that it is in.
    pub chain: Chain,
    /// Rule, policy or end.
    pub kind: RuleKind,
    /// Whether it accepts, drops or returns every packet that comes to it. The kernel's traces call
    /// such a rule a policy or a return (net/ipv4/netfilter/ip_tables.c, `get_chainname_rulenum`).
    pub is_final: bool,
    /// Where it stands; none for what has no text.
    pub span: Option<Span>,
}

/// A counter's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterDef {
    /// The rule or policy that it is of.
    pub rule: Rule,
    /// Which of its rule's counters it is, from 1. Rules of iptables and policies have one.
    pub number: u32,
    /// The named counter of the rule's table of which it is a part: what each rule adds to such a
    /// counter is counted by itself. One number has several names where a packet decides which.
    pub name: Option<Arc<str>>,
}

impl CounterDef {
    /// The only counter of a rule.
    pub fn only(rule: Rule) -> CounterDef {
        CounterDef { rule, number: 1, name: None }
    }
}

/// The base chains of one hook and family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The hook.
    pub hook: Hook,
    /// The family of its packets.
    pub family: PacketFamily,
    /// Base chains in the order of their priorities: an accept goes on with the next, a drop is
    /// final. Base chains do not return.
    pub chains: Vec<BaseChain>,
}

/// How far extension headers of IPv6 are walked for the rules of a base chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Walk {
    /// To the header that is none of them: iptables.
    #[default]
    Through,
    /// To the first authentication header, which is the transport header then, and otherwise
    /// likewise: nftables (include/net/netfilter/nf_tables_ipv6.h).
    ToAuthentication,
}

/// A base chain of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaseChain {
    /// When it runs: lower ones first (`enum nf_ip_hook_priorities`,
    /// include/uapi/linux/netfilter_ipv4.h).
    pub priority: i32,
    /// Its function.
    pub func: Func,
    /// What its rules take for the transport header.
    pub walk: Walk,
}

impl BaseChain {
    /// A base chain of priority 0 whose rules see what iptables' see.
    pub fn of(func: Func) -> BaseChain {
        BaseChain { priority: 0, func, walk: Walk::Through }
    }
}

impl Entry {
    /// An entry of one base chain, of priority 0.
    pub fn of(hook: Hook, family: impl Into<PacketFamily>, func: Func) -> Entry {
        Entry { hook, family: family.into(), chains: vec![BaseChain::of(func)] }
    }

    /// The functions of the base chains, in their order.
    pub fn funcs(&self) -> impl Iterator<Item = Func> {
        self.chains.iter().map(|chain| chain.func)
    }
}

/// One compilation's IR.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    /// The chains of the tables that are compiled, also those without functions, in ruleset order.
    pub chains: PrimaryMap<Chain, ChainData>,
    /// Rules and policies, in ruleset order.
    pub rules: PrimaryMap<Rule, RuleData>,
    /// What instructions count.
    pub counters: PrimaryMap<Counter, CounterDef>,
    /// Counters that count together.
    pub counter_lists: PrimaryMap<CounterList, Box<[Counter]>>,
    /// Rules that instructions come from together.
    pub rule_lists: PrimaryMap<RuleList, Box<[Rule]>>,
    /// Functions. Copies of a program share those that no pass has changed since.
    pub funcs: PrimaryMap<Func, Arc<Function>>,
    /// What runs, by hook and family; at most one entry for each pair.
    pub entries: Vec<Entry>,
    /// State across packets that has no key.
    pub states: PrimaryMap<State, StateDef>,
    /// Elements that rules look up; what is in them lies beside the program
    /// ([`crate::Contents`]).
    pub tables: PrimaryMap<Table, TableDef>,
    /// What rules ask by [`crate::Op::Query`].
    pub objects: PrimaryMap<Object, ObjectDef>,
    /// What scans of whole packets look for.
    pub probes: PrimaryMap<Probe, ProbeDef>,
}

impl Program {
    /// An empty program.
    pub fn new() -> Self {
        Self::default()
    }

    /// A rule's name, unique in the program: `filter/INPUT:3`, `ip6/filter/INPUT:policy`.
    pub fn label(&self, rule: Rule) -> String {
        let data = &self.rules[rule];
        let mut label = self.chains[data.chain].label();
        let _ = match data.kind {
            RuleKind::Rule(number) => write!(label, ":{number}"),
            RuleKind::Policy => write!(label, ":policy"),
            RuleKind::End(_) => write!(label, ":return"),
        };
        label
    }

    /// Adds a rule or policy with a counter of its own.
    pub fn counted_rule(&mut self, data: RuleData) -> (Rule, Counter) {
        let rule = self.rules.push(data);
        (rule, self.counters.push(CounterDef::only(rule)))
    }

    /// The counters that an instruction counts; none where a list is not the program's.
    pub fn counted(&self, counted: Counted) -> impl Iterator<Item = Counter> {
        let (one, all) = match counted {
            Counted::One(counter) => (Some(counter), None),
            Counted::All(list) => (None, self.counter_lists.get(list)),
        };
        one.into_iter().chain(all.into_iter().flat_map(|list| list.iter().copied()))
    }

    /// The rules whose counters an instruction counts.
    pub fn counted_rules(&self, counted: Counted) -> impl Iterator<Item = Rule> {
        self.counted(counted).filter_map(|counter| Some(self.counters.get(counter)?.rule))
    }

    /// The chain of a rule.
    pub fn chain_of(&self, rule: Rule) -> &ChainData {
        &self.chains[self.rules[rule].chain]
    }

    /// The rules and policy of each chain in order, without ends.
    pub fn rules_by_chain(&self) -> SecondaryMap<Chain, Vec<Rule>> {
        let mut rules: SecondaryMap<Chain, Vec<Rule>> = SecondaryMap::new();
        for (rule, data) in &self.rules {
            if !matches!(data.kind, RuleKind::End(_)) {
                rules[data.chain].push(rule);
            }
        }
        rules
    }

    /// The table of a name that is not empty.
    pub fn table_named(&self, name: &str) -> Option<Table> {
        let mut named = self.tables.iter().filter(|(_, def)| !def.name.is_empty());
        named.find(|(_, def)| def.name == name).map(|(table, _)| table)
    }

    /// The probe of a definition, the one that there is already where there is one.
    pub fn probe(&mut self, definition: ProbeDef) -> Probe {
        match self.probes.iter().find(|(_, known)| **known == definition) {
            Some((probe, _)) => probe,
            None => self.probes.push(definition),
        }
    }

    /// The rules with a rate that kernels with some clocks refuse, and those clocks' ticks a
    /// second.
    pub fn refused_rates(&self) -> BTreeMap<Rule, Vec<u32>> {
        let insts = self.funcs.values().flat_map(|function| function.insts.values());
        let asked = insts.filter_map(|inst| match inst.op {
            Op::Take(state) => {
                let rule = inst.origin.expand()?.first(self)?;
                Some((rule, self.states[state].kind.refusing_clocks()))
            }
            Op::Touch(table, ..) => {
                let rule = inst.origin.expand()?.first(self)?;
                Some((rule, self.tables[table].refusing_clocks()))
            }
            _ => None,
        });
        asked.filter(|(_, clocks)| !clocks.is_empty()).collect()
    }

    /// Whether a rule traces packets.
    pub fn traces(&self) -> bool {
        self.funcs.values().any(|function| function.insts.values().any(|i| i.op == Op::Trace))
    }

    /// Whether rules ask what only the host that handles a packet knows: its routes, the packet's
    /// socket or route, its interfaces' groups. Yields the first rule that does, where one does.
    pub fn asks_host(&self) -> Option<Option<Rule>> {
        let insts = self.funcs.values().flat_map(|function| {
            let blocks = function.layout.iter().map(|&block| &function.blocks[block]);
            blocks.flat_map(|block| &block.insts).map(|&inst| &function.insts[inst])
        });
        let mut asking =
            insts.filter(|inst| inst.op.host_fact().is_some_and(|fact| !fact.is_tracked()));
        asking.next().map(|inst| inst.origin.expand()?.first(self))
    }

    /// The hooks whose packets come through each function, by its number.
    pub fn hooks(&self) -> Vec<BTreeSet<Hook>> {
        let mut hooks = vec![BTreeSet::new(); self.funcs.len()];
        for entry in &self.entries {
            let mut open: Vec<Func> = entry.funcs().collect();
            while let Some(func) = open.pop() {
                if hooks[func.as_u32() as usize].insert(entry.hook) {
                    open.extend(self.funcs[func].callees());
                }
            }
        }
        hooks
    }

    /// Makes constants of loads that yield nothing at any hook whose packets come through their
    /// function ([`crate::Meta::is_absent_at`]).
    pub fn settle_absent(&mut self) {
        let hooks = self.hooks();
        for (function, hooks) in self.funcs.values_mut().zip(hooks) {
            if hooks.is_empty() {
                continue;
            }
            let absent = |op: &Op| match *op {
                Op::Load(ty, Source::Meta(meta)) => {
                    hooks.iter().all(|&hook| meta.is_absent_at(hook)).then_some(ty)
                }
                _ => None,
            };
            if !function.insts.values().any(|inst| absent(&inst.op).is_some()) {
                continue;
            }
            for inst in Arc::make_mut(function).insts.values_mut() {
                if let Some(ty) = absent(&inst.op) {
                    inst.op = Op::Const(ty, 0);
                }
            }
        }
    }

    /// The functions that the entries reach, callees before callers, each once. `None` where
    /// the calls form a cycle.
    pub fn reachable(&self) -> Option<Vec<Func>> {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            Open,
            Done,
        }
        let mut marks = vec![Mark::New; self.funcs.len()];
        let mut order = Vec::new();
        let mut stack: Vec<(Func, Vec<Func>)> = Vec::new();
        let roots = self.entries.iter().flat_map(Entry::funcs);
        for root in roots {
            if marks[root.as_u32() as usize] == Mark::New {
                marks[root.as_u32() as usize] = Mark::Open;
                stack.push((root, self.funcs[root].callees().collect()));
            }
            while let Some((func, callees)) = stack.last_mut() {
                match callees.pop() {
                    Some(callee) => match marks[callee.as_u32() as usize] {
                        Mark::Open => return None,
                        Mark::Done => {}
                        Mark::New => {
                            marks[callee.as_u32() as usize] = Mark::Open;
                            stack.push((callee, self.funcs[callee].callees().collect()));
                        }
                    },
                    None => {
                        marks[func.as_u32() as usize] = Mark::Done;
                        order.push(*func);
                        stack.pop();
                    }
                }
            }
        }
        Some(order)
    }
}
