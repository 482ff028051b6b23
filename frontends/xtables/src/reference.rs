//! The reference evaluator: walks the ruleset model for one packet as the kernel's
//! `ipt_do_table` and `ip6t_do_table` walk a table.
//!
//! It is written for clarity and apart from the IR: tests compare it with the kernel, with the IR
//! interpreter and with every target's programs. It holds the state that matches keep across
//! packets, so one [`Evaluator`] serves one stream of packets.

mod explain;

pub use explain::{Step, Tested};

use crate::header::{AddressTest, Header, InterfaceTest};
use crate::model::{Chain, Rule, Ruleset, Table, Target};
use crate::print;
use crate::{Memory, SetStates};
use bpfc_ir::{Family, Fingerprint, Hook, SetTable, Verdict};
use bpfc_packet::{Arrival, Packet, Parsed, Rewrites};
use std::cell::Cell;
use std::net::IpAddr;

/// What a match decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The rule goes on.
    Match,
    /// The next rule is tried.
    NoMatch,
    /// The packet is dropped at once, whatever rules and policies follow, and nothing is counted.
    Hotdrop,
    /// The rule goes on, but the packet is dropped when it is done: counted where the rule's other
    /// matches hold, and whatever its target says.
    MatchThenDrop,
}

impl Outcome {
    /// [`Outcome::Match`] where it holds, else [`Outcome::NoMatch`].
    pub fn of(holds: bool) -> Self {
        if holds { Outcome::Match } else { Outcome::NoMatch }
    }
}

/// A packet while it is evaluated.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// Its headers, interfaces and connection.
    pub packet: Parsed<'a>,
    /// Its firewall mark, which rules may change.
    pub mark: Cell<u32>,
    /// Its connection's mark, where rules have set it.
    pub set_connection_mark: Option<u32>,
    /// Its priority, where rules have set it.
    pub priority: Option<u32>,
    /// The transmit queue that rules have chosen last, whether or not its device has it.
    pub queue: Option<u16>,
    /// Its type (`pkt_type`), which a match may change.
    pub packet_type: Cell<u8>,
    /// What matches share across packets and rules.
    pub memory: &'a Memory,
    /// The sets that rules look it up in.
    pub sets: &'a SetStates,
    /// The fingerprints that rules compare it with.
    pub fingerprints: &'a [Fingerprint],
    rewrites: &'a Rewrites,
}

impl<'a> View<'a> {
    /// A packet before its first rule; what rules make of it is kept in `rewrites`.
    pub fn new(
        packet: Parsed<'a>,
        rewrites: &'a Rewrites,
        memory: &'a Memory,
        sets: &'a SetStates,
    ) -> Self {
        let mark = Cell::new(packet.packet().mark);
        let packet_type = Cell::new(packet.packet().pkt_type);
        View {
            packet,
            mark,
            set_connection_mark: None,
            priority: None,
            queue: None,
            packet_type,
            memory,
            sets,
            fingerprints: &[],
            rewrites,
        }
    }

    /// The mark of its connection by now, if it has one.
    pub fn connection_mark(&self) -> Option<u32> {
        let connection = self.packet.packet().conntrack?;
        Some(self.set_connection_mark.unwrap_or(connection.mark))
    }

    /// The packet's family.
    pub fn family(&self) -> Family {
        if self.packet.source().is_ipv6() { Family::Ipv6 } else { Family::Ipv4 }
    }

    /// Changes the bytes from the network header to the end of the IP packet. Headers that follow
    /// must still be where they were.
    pub fn rewrite(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.packet.bytes().to_vec();
        change(&mut bytes);
        let mut packet: Packet = self.packet.packet().clone();
        let added = bytes.len().saturating_sub(self.packet.bytes().len());
        packet.bytes.truncate(packet.network);
        packet.bytes.extend(bytes);
        let parsed = self.packet.of_rewritten(self.rewrites.keep(packet), added);
        debug_assert!(parsed.is_some(), "a rule broke the packet");
        self.packet = parsed.unwrap_or(self.packet);
    }

    /// When it arrives, in nanoseconds.
    pub fn now(&self) -> u64 {
        nanoseconds(self.packet.packet().arrival)
    }
}

/// A moment of the kernel's clock in nanoseconds.
fn nanoseconds(arrival: Arrival) -> u64 {
    let ticks = u128::from(arrival.ticks) * 1_000_000_000;
    (ticks / u128::from(arrival.ticks_per_second.max(1))) as u64
}

/// An address as a number in network order.
pub fn address_number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// What became of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// The labels of the rules and policies that counted it, in order, with repetitions.
    pub rules: Vec<String>,
    /// The packet's length in bytes when each of them counted it.
    pub lengths: Vec<u32>,
    /// Its firewall mark afterwards.
    pub mark: u32,
    /// Its connection's mark, where rules have set it.
    pub connection_mark: Option<u32>,
    /// Its priority, where rules have set it.
    pub priority: Option<u32>,
    /// The transmit queue that rules have chosen last, whether or not its device has it.
    pub queue: Option<u16>,
    /// Its bytes afterwards, from the network header to the end of the IP packet.
    pub bytes: Vec<u8>,
}

/// Evaluates packets against chosen tables of a ruleset.
#[derive(Debug)]
pub struct Evaluator<'a> {
    family: Family,
    tables: Vec<(&'a Table, TableState)>,
    memory: Memory,
    sets: SetStates,
    fingerprints: &'a [Fingerprint],
}

/// By chain, rule and match: the match's state.
type TableState = Vec<Vec<Vec<u64>>>;

/// How a chain let go of a packet.
enum End {
    /// With a verdict.
    Verdict(Verdict),
    /// By its end or a RETURN.
    Return,
}

/// The greatest depth of calls; the kernel refuses loops, and so does the reader.
const MAX_DEPTH: usize = 10_000;

impl<'a> Evaluator<'a> {
    /// An evaluator of the named tables, which must be given in priority order; a table that the
    /// ruleset does not have is passed over.
    pub fn new(ruleset: &'a Ruleset, tables: &[&str]) -> Self {
        let state = |table: &Table| -> TableState {
            let of_rule = |rule: &Rule| rule.matches.iter().map(|m| m.initial_state()).collect();
            let of_chain = |chain: &Chain| chain.rules.iter().map(of_rule).collect();
            table.chains.iter().map(of_chain).collect()
        };
        let tables = tables
            .iter()
            .filter_map(|name| ruleset.table(name))
            .map(|table| (table, state(table)))
            .collect();
        let memory = Memory::default();
        let rules = ruleset.tables.iter().flat_map(|table| &table.chains).flat_map(|c| &c.rules);
        rules.flat_map(|rule| &rule.matches).for_each(|matched| matched.register(&memory));
        let sets = SetStates::default();
        Evaluator { family: ruleset.family, tables, memory, sets, fingerprints: &[] }
    }

    /// With the sets that rules name, loaded when a packet would arrive by default.
    pub fn with_sets(mut self, sets: &SetTable) -> Self {
        self.sets = SetStates::new(sets.iter(), nanoseconds(Arrival::default()));
        self
    }

    /// With the fingerprints that rules compare packets with.
    pub fn with_fingerprints(mut self, fingerprints: &'a [Fingerprint]) -> Self {
        self.fingerprints = fingerprints;
        self
    }

    /// Decides a packet at a hook. A table without a base chain there accepts it.
    pub fn decide(&mut self, hook: Hook, packet: Parsed<'_>) -> Decision {
        self.walk(hook, packet, None)
    }

    /// Decides a packet and tells every rule that it met on the way.
    pub fn explain(&mut self, hook: Hook, packet: Parsed<'_>) -> (Decision, Vec<Step>) {
        let mut steps = Vec::new();
        let decision = self.walk(hook, packet, Some(&mut steps));
        (decision, steps)
    }

    fn walk(
        &mut self,
        hook: Hook,
        packet: Parsed<'_>,
        mut steps: Option<&mut Vec<Step>>,
    ) -> Decision {
        let rewrites = Rewrites::new();
        let mut view = View::new(packet, &rewrites, &self.memory, &self.sets);
        view.fingerprints = self.fingerprints;
        let mut counted = Vec::new();
        let mut verdict = Verdict::Accept;
        for (table, state) in &mut self.tables {
            let at_hook = |chain: &Chain| chain.base.is_some_and(|base| base.hook == hook);
            let Some(index) = table.chains.iter().position(at_hook) else { continue };
            let mut walk = Walk {
                family: self.family,
                table,
                state,
                view: &mut view,
                counted: &mut counted,
                steps: steps.as_deref_mut(),
            };
            verdict = walk.base_chain(index);
            if verdict != Verdict::Accept {
                break;
            }
        }
        let bytes = view.packet.bytes().to_vec();
        let (rules, lengths) = counted.into_iter().unzip();
        Decision {
            verdict,
            rules,
            lengths,
            mark: view.mark.get(),
            connection_mark: view.set_connection_mark,
            priority: view.priority,
            queue: view.queue,
            bytes,
        }
    }
}

struct Walk<'w, 'p> {
    family: Family,
    table: &'w Table,
    state: &'w mut TableState,
    view: &'w mut View<'p>,
    /// Labels, and the packet's length when they counted it.
    counted: &'w mut Vec<(String, u32)>,
    /// What is told of the way, where somebody wants to know.
    steps: Option<&'w mut Vec<Step>>,
}

impl Walk<'_, '_> {
    fn base_chain(&mut self, index: usize) -> Verdict {
        match self.chain(index) {
            End::Verdict(verdict) => verdict,
            End::Return => {
                let chain = self.table.chain_label(self.family, index);
                let policy = self.table.chains[index].base.map_or(Verdict::Accept, |b| b.policy);
                let label = format!("{chain}:policy");
                if let Some(steps) = &mut self.steps {
                    let action = if policy == Verdict::Drop { "DROP" } else { "ACCEPT" };
                    steps.push(Step {
                        label: label.clone(),
                        chain,
                        depth: 0,
                        text: format!("-P {} {action}", self.table.chains[index].name),
                        tests: Vec::new(),
                        outcome: Outcome::Match,
                        action: action.to_owned(),
                    });
                }
                self.count(label);
                policy
            }
        }
    }

    fn count(&mut self, label: String) {
        self.counted.push((label, self.view.packet.length()));
    }

    /// Runs a chain and what it calls, on a stack of its own: chains may nest deeply.
    fn chain(&mut self, index: usize) -> End {
        let mut stack = vec![(index, 0usize)];
        while let Some((chain, number)) = stack.last_mut() {
            let (chain, number, at) = (*chain, *number, number);
            let Some(rule) = self.table.chains[chain].rules.get(number) else {
                stack.pop();
                continue;
            };
            *at += 1;
            let depth = stack.len() - 1;
            let mut tests = Vec::new();
            let outcome = self.rule(chain, number, rule, &mut tests);
            if let Some(steps) = &mut self.steps {
                let matched = !matches!(outcome, Outcome::NoMatch | Outcome::Hotdrop);
                let name = &self.table.chains[chain].name;
                let label = self.table.chain_label(self.family, chain);
                steps.push(Step {
                    label: format!("{label}:{}", number + 1),
                    chain: label,
                    depth,
                    text: print::rule(self.family, self.table, name, rule),
                    tests,
                    outcome,
                    action: match matched {
                        true => explain::action(self.table, &rule.target),
                        false => String::new(),
                    },
                });
            }
            match outcome {
                Outcome::NoMatch => continue,
                Outcome::Hotdrop => return End::Verdict(Verdict::Drop),
                Outcome::Match | Outcome::MatchThenDrop => {}
            }
            let label = self.table.chain_label(self.family, chain);
            self.count(format!("{label}:{}", number + 1));
            if outcome == Outcome::MatchThenDrop {
                // The target does what it does; then the packet is dropped all the same.
                let verdict = match &rule.target {
                    Target::Action(action) => action.evaluate(self.view),
                    _ => None,
                };
                return End::Verdict(match verdict {
                    Some(reject @ Verdict::Reject(_)) => reject,
                    _ => Verdict::Drop,
                });
            }
            match &rule.target {
                Target::None => {}
                Target::Accept => return End::Verdict(Verdict::Accept),
                Target::Drop => return End::Verdict(Verdict::Drop),
                Target::Return => {
                    stack.pop();
                }
                Target::Jump(next) => stack.push((*next, 0)),
                Target::Goto(next) => {
                    stack.pop();
                    stack.push((*next, 0));
                }
                Target::Action(action) => {
                    if let Some(verdict) = action.evaluate(self.view) {
                        return End::Verdict(verdict);
                    }
                }
            }
            if stack.len() > MAX_DEPTH {
                return End::Verdict(Verdict::Drop);
            }
        }
        End::Return
    }

    /// Decides a rule's tests; leaves what each decided where the way is told.
    fn rule(
        &mut self,
        chain: usize,
        number: usize,
        rule: &Rule,
        tests: &mut Vec<Tested>,
    ) -> Outcome {
        let tells = self.steps.is_some();
        if tells {
            for part in explain::parts(&rule.header) {
                let outcome = header(self.family, &part, &self.view.packet);
                tests.push(Tested { text: explain::header_text(self.family, &part), outcome });
                if outcome != Outcome::Match {
                    break;
                }
            }
        }
        match header(self.family, &rule.header, &self.view.packet) {
            Outcome::Match => {}
            other => return other,
        }
        let states = &mut self.state[chain][number];
        let mut held = Outcome::Match;
        for (matched, state) in rule.matches.iter().zip(states) {
            let outcome = matched.evaluate(self.view, state);
            if tells {
                tests.push(Tested { text: explain::match_text(matched.as_ref()), outcome });
            }
            match outcome {
                Outcome::Match => {}
                Outcome::MatchThenDrop => held = Outcome::MatchThenDrop,
                Outcome::NoMatch if held == Outcome::MatchThenDrop => return Outcome::Hotdrop,
                other => return other,
            }
        }
        held
    }
}

/// Decides a rule's own tests.
fn header(family: Family, header: &Header, packet: &Parsed<'_>) -> Outcome {
    let interfaces = packet.packet();
    let simple = address(&header.source, packet.source())
        && address(&header.destination, packet.destination())
        && interface(&header.input, interfaces.in_interface.number())
        && interface(&header.output, interfaces.out_interface.number());
    if !simple {
        return Outcome::NoMatch;
    }
    let protocol = header.protocol;
    let same = u16::from(packet.protocol()) == protocol.number;
    match family {
        Family::Ipv4 => {
            if protocol.number != 0 && same == protocol.invert {
                return Outcome::NoMatch;
            }
            let later = packet.fragment_offset() != 0;
            let failed = header.fragment.later && !later;
            Outcome::of(failed == header.fragment.invert)
        }
        Family::Ipv6 if !protocol.walk => Outcome::Match,
        Family::Ipv6 if packet.walk_failed() => Outcome::Hotdrop,
        Family::Ipv6 => Outcome::of(protocol.number == 0 || same != protocol.invert),
    }
}

fn address(test: &AddressTest, packet: IpAddr) -> bool {
    (address_number(packet) & test.mask == test.address) != test.invert
}

fn interface(test: &InterfaceTest, packet: u128) -> bool {
    ((packet ^ test.name_number()) & test.mask_number() == 0) != test.invert
}
