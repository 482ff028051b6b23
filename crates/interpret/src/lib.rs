//! What a program means: an interpreter that runs one packet through the entry of a hook.
//!
//! It is written for clarity and for tests. It trusts nothing that the verifier checks: an access
//! without its guard, a value that is not there or a loop is an error, never a panic.

mod connections;
mod environment;
mod frame;
pub mod generate;
mod load;
mod lookup;
mod query;
mod recent;
mod rewrite;
mod state;
mod table;
#[cfg(test)]
mod tests;

pub use environment::{Counts, Environment};

use bpfc_ir::{
    Block, Counter, Func, Hook, HostFact, Inst, Op, Point, Program, Rule, Shortcut, ShortcutEnd,
    State, Terminator, Value, Verdict, Walk,
};
use bpfc_packet::{NotDelivered, Packet, Parsed, Rewrites};
use frame::Frame;

/// What became of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The hook's verdict; accept where there is no entry for the hook and family.
    pub verdict: Verdict,
    /// The rules and policies that counted it, in order.
    pub rules: Vec<Rule>,
    /// The rules that logged it, in order.
    pub logs: Vec<Rule>,
    /// Its firewall mark afterwards.
    pub mark: u32,
    /// Its connection's mark, where rules have set it.
    pub connection_mark: Option<u32>,
    /// Its priority, where rules have set it.
    pub priority: Option<u32>,
    /// The transmit queue that rules have chosen last, whether or not its device has it.
    pub queue: Option<u32>,
    /// The packet where rules have written it, none where they have not.
    pub rewritten: Option<Packet>,
}

/// Why a packet could not be run through a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InterpretError {
    /// The kernel would have dropped the packet before any rule.
    #[error("the packet never reaches a hook: {0}")]
    NotDelivered(#[from] NotDelivered),
    /// The program broke an invariant at this place.
    #[error("{func} {block}: {fault}")]
    Fault {
        /// The function.
        func: Func,
        /// The block.
        block: Block,
        /// What went wrong there.
        fault: Fault,
    },
    /// An entry names a function that does not exist.
    #[error("{0} does not exist")]
    MissingFunction(Func),
}

/// What a program that breaks an invariant did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Bytes or facts that are not there were loaded.
    #[error("{0} loads what is not there")]
    Unguarded(Inst),
    /// An instruction does not fit its operands.
    #[error("{0} does not fit its operands")]
    Operands(Inst),
    /// A value that no instruction before defined.
    #[error("{0} is not defined")]
    Undefined(Value),
    /// A missing block, instruction, function, rule or state.
    #[error("a reference leads nowhere")]
    Missing,
    /// A missing state.
    #[error("{0} does not exist")]
    MissingState(State),
    /// A base chain returned.
    #[error("a base chain returns")]
    BaseChainReturns,
    /// Blocks or calls form a cycle.
    #[error("the program does not end")]
    Endless,
    /// The host was asked what the caller does not know ([`Environment::knowing`]).
    #[error("the host is asked what nobody knows")]
    Unknown {
        /// What.
        fact: HostFact,
        /// The rule that asks.
        rule: Option<Rule>,
    },
}

/// Runs a packet through the base chains of a hook, in order.
///
/// # Errors
/// When the packet never reaches a hook, or the program breaks an invariant.
pub fn interpret(
    program: &Program,
    hook: Hook,
    packet: &Packet,
    environment: &mut Environment<'_>,
) -> Result<Outcome, InterpretError> {
    interpret_with(program, hook, packet, environment, &mut |_, _| None)
}

/// Yields what a plan of a base chain decides for a packet, none where the chain has no plan. It is
/// told the chain, and what reads the results of loads and of `avail`: none of what is not there.
pub type Decide<'a> = &'a mut dyn FnMut(Func, &dyn Fn(&Op) -> Option<u128>) -> Option<Shortcut>;

/// The same, where some base chains' first rules are decided by plans of theirs.
///
/// # Errors
/// When the packet never reaches a hook, or the program breaks an invariant.
pub fn interpret_with(
    program: &Program,
    hook: Hook,
    packet: &Packet,
    environment: &mut Environment<'_>,
    decide: Decide<'_>,
) -> Result<Outcome, InterpretError> {
    let parsed = match hook {
        Hook::Ingress => packet.parse_at_device(false),
        Hook::Egress => packet.parse_at_device(true),
        _ => packet.parse()?,
    };
    let family = parsed.family();
    let rewrites = Rewrites::new();
    let mut run = Run {
        program,
        packet: parsed,
        rewrites: &rewrites,
        environment,
        rules: Vec::new(),
        logs: Vec::new(),
        traced: false,
        mark: packet.mark,
        connection_mark: None,
        packet_type: packet.pkt_type,
        priority: None,
        queue: None,
    };
    let entry = program.entries.iter().find(|entry| (entry.hook, entry.family) == (hook, family));
    let mut verdict = Verdict::Accept;
    for chain in entry.into_iter().flat_map(|entry| &entry.chains) {
        let before = run.packet;
        if chain.walk == Walk::ToAuthentication {
            run.packet = before.to_authentication();
        }
        verdict = run.base_chain(chain.func, decide)?;
        run.packet = run.packet.with_facts_of(&before);
        if verdict != Verdict::Accept {
            break;
        }
    }
    let now = run.packet.packet();
    let rewritten = (!std::ptr::eq(now, packet)).then(|| now.clone());
    Ok(Outcome {
        verdict,
        rules: run.rules,
        logs: run.logs,
        mark: run.mark,
        connection_mark: run.connection_mark,
        priority: run.priority,
        queue: run.queue,
        rewritten,
    })
}

/// One packet on its way.
struct Run<'a, 'e, 'r> {
    program: &'a Program,
    packet: Parsed<'a>,
    rewrites: &'a Rewrites,
    environment: &'e mut Environment<'r>,
    rules: Vec<Rule>,
    logs: Vec<Rule>,
    /// Whether trace records are written.
    traced: bool,
    mark: u32,
    connection_mark: Option<u32>,
    packet_type: u8,
    priority: Option<u32>,
    queue: Option<u32>,
}

impl<'a> Run<'a, '_, '_> {
    fn frame(&self, func: Func) -> Option<Frame<'a>> {
        let function = self.program.funcs.get(func)?;
        Some(Frame::new(func, function, function.entry()?))
    }

    /// Counts what a plan's rules count. Answers the verdict, or where the packet goes on.
    fn shortcut(&mut self, shortcut: Shortcut) -> Result<Verdict, Vec<Frame<'a>>> {
        for counter in shortcut.counters {
            self.count(counter);
        }
        match shortcut.end {
            ShortcutEnd::Verdict(verdict) => Ok(verdict),
            ShortcutEnd::At(points) => Err(points
                .into_iter()
                .filter_map(|Point { func, block }| {
                    Some(Frame::new(func, self.program.funcs.get(func)?, block))
                })
                .collect()),
        }
    }

    fn count(&mut self, counter: Counter) {
        self.environment.count(counter, self.packet.length());
        self.rules.extend(self.program.counters.get(counter).map(|def| def.rule));
    }

    fn base_chain(&mut self, chain: Func, decide: Decide<'_>) -> Result<Verdict, InterpretError> {
        let mut frame = self.frame(chain).ok_or(InterpretError::MissingFunction(chain))?;
        let mut callers: Vec<Frame<'a>> = Vec::new();
        let family = frame.function.family;
        if let Some(shortcut) = decide(chain, &|op| self.fact(family, op)) {
            match self.shortcut(shortcut) {
                Ok(verdict) => return Ok(verdict),
                Err(points) => callers = points,
            }
            frame = callers.pop().ok_or(InterpretError::MissingFunction(chain))?;
        }
        loop {
            let at = |fault| InterpretError::Fault { func: frame.func, block: frame.block, fault };
            let data = frame.function.blocks.get(frame.block).ok_or(at(Fault::Missing))?;
            frame.steps += 1;
            if frame.steps > frame.function.blocks.len() {
                return Err(at(Fault::Endless));
            }
            for &inst in &data.insts {
                if let Err(fault) = self.instruction(&mut frame, inst) {
                    let (func, block) = (frame.func, frame.block);
                    return Err(InterpretError::Fault { func, block, fault });
                }
            }
            let at = |fault| InterpretError::Fault { func: frame.func, block: frame.block, fault };
            match data.terminator {
                Terminator::Jump(next) => frame.block = next,
                Terminator::Branch { condition, then, otherwise } => {
                    let taken = frame.value(condition).map_err(at)? != 0;
                    frame.block = if taken { then } else { otherwise };
                }
                Terminator::Switch(ref switch) => {
                    frame.block = switch.target(frame.value(switch.value).map_err(at)?);
                }
                Terminator::Call { callee, next } => {
                    let called = self.frame(callee).ok_or(at(Fault::Missing))?;
                    if callers.len() >= self.program.funcs.len() {
                        return Err(at(Fault::Endless));
                    }
                    frame.block = next;
                    callers.push(std::mem::replace(&mut frame, called));
                }
                Terminator::Return => {
                    frame = callers.pop().ok_or(at(Fault::BaseChainReturns))?;
                }
                Terminator::Verdict(verdict) => return Ok(verdict),
            }
        }
    }
}
