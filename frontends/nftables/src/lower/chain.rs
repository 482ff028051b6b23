//! Lowers what one chain does with packets of one family.

use super::device;
use super::reach::{self, Place};
use super::registers::Registers;
use super::set::Given;
use super::{Lowered, RuleParts, Shared, unsupported};
use crate::model::{self, Expression, Operation, Verdict as Decision};
use bpfc_diag::{Diagnostic, Diagnostics};
use bpfc_ir::{Block, Function, FunctionBuilder, PacketFamily, Terminator, Verdict};

/// A rule while it is lowered.
pub(super) struct Cx<'a, 'r> {
    pub shared: &'a mut Shared<'r>,
    pub builder: FunctionBuilder,
    pub family: PacketFamily,
    pub place: Place,
    /// Where control goes when the rule ends without a verdict.
    pub next: Block,
    /// Where it goes when the chain ends.
    pub end: Block,
    pub registers: Registers,
    /// Whether the packet came with a VLAN tag, where the rule knows.
    pub tagged: Option<bool>,
    pub parts: RuleParts,
    /// The place of the expression in its rule.
    pub at: usize,
    /// What its rule does before it.
    pub before: &'r [Expression],
    /// What its rule does behind it.
    pub behind: &'r [Expression],
    /// Where the rule goes on another time.
    forks: Vec<Fork<'r>>,
}

/// A way on which a rule goes on behind an expression with a value that is known there: blocks have
/// no parameters, so that what follows is lowered once for each way.
struct Fork<'r> {
    block: Block,
    registers: Registers,
    tagged: Option<bool>,
    /// The value, behind the expression; none where that is to be executed again.
    given: Option<Given<'r>>,
    /// The place of the expression.
    at: usize,
}

/// The function of a chain; `None` where an error was reported.
pub(super) fn lower(
    shared: &mut Shared<'_>,
    place: Place,
    family: PacketFamily,
    diagnostics: &mut Diagnostics,
) -> Option<Function> {
    let errors = diagnostics.error_count();
    let func = *shared.funcs.get(&(place, family))?;
    let entity = shared.out.program.funcs[func].chain.expand()?;
    let data = &shared.out.program.chains[entity];
    let mut builder = FunctionBuilder::of_chain(entity, data, family);
    let start = builder.block();
    builder.switch_to(start);
    let ruleset = shared.ruleset;
    let chain = &ruleset.tables[place.table].chains[place.chain];
    if let Some(base) = &chain.base {
        device::require(&mut builder, base);
        let is_inet = ruleset.tables[place.table].family == model::Family::Inet;
        if base.hook == "ingress" && is_inet && family == PacketFamily::Ipv6 {
            device::drop_broken(&mut builder);
        }
    }
    let end = builder.block();
    let policy = shared.policies.get(&place).copied();
    let mut all = std::mem::take(shared.rules.get_mut(&place)?);
    let mut cx = Cx {
        shared,
        builder,
        family,
        place,
        next: end,
        end,
        registers: Registers::default(),
        tagged: None,
        parts: all.first().cloned().unwrap_or_else(RuleParts::none),
        at: 0,
        before: &[],
        behind: &[],
        forks: Vec::new(),
    };
    for (rule, parts) in chain.rules.iter().zip(&mut all) {
        cx.builder.set_rule(Some(parts.rule));
        cx.next = cx.builder.block();
        cx.registers = Registers::default();
        cx.tagged = None;
        cx.parts = parts.clone();
        cx.forks.clear();
        cx.rule(&rule.expressions, 0, diagnostics);
        while let Some(fork) = cx.forks.pop() {
            cx.builder.switch_to(fork.block);
            (cx.registers, cx.tagged) = (fork.registers, fork.tagged);
            let Some(given) = fork.given else {
                cx.rule(&rule.expressions, fork.at, diagnostics);
                continue;
            };
            match given.load(&mut cx) {
                Ok(()) => cx.rule(&rule.expressions, fork.at + 1, diagnostics),
                Err(error) => {
                    report(diagnostics, *error);
                    cx.builder.jump(cx.next);
                }
            }
        }
        *parts = cx.parts.clone();
        cx.builder.switch_to(cx.next);
    }
    cx.builder.set_rule(None);
    cx.builder.jump(end);
    cx.builder.set_rule(policy);
    cx.builder.switch_to(end);
    match &chain.base {
        Some(base) if base.drops => cx.builder.verdict(Verdict::Drop),
        Some(_) => cx.builder.verdict(Verdict::Accept),
        None => cx.builder.terminate(Terminator::Return),
    }
    let function = cx.builder.finish();
    shared.rules.insert(place, all);
    (diagnostics.error_count() == errors).then_some(function)
}

/// Functions of several families find the same.
fn report(diagnostics: &mut Diagnostics, error: Diagnostic) {
    if !diagnostics.iter().any(|known| *known == error) {
        diagnostics.push(error);
    }
}

/// That a list of connections cannot be counted.
fn counted(expression: &Expression) -> Box<Diagnostic> {
    let note = "programs count connections as iptables' `connlimit` does: those of TCP and UDP, by \
                address";
    let help = "leave the rule to the kernel, or write it as `-m connlimit` with `-p tcp` or `-p udp` \
                for xdp and tc";
    Box::new(unsupported(expression, "`ct count`").with_note(note).with_help(help))
}

impl<'r> Cx<'_, 'r> {
    /// Executes a rule's expressions from one on; closes the block.
    fn rule(&mut self, all: &'r [Expression], from: usize, diagnostics: &mut Diagnostics) {
        let mut expressions = all.iter().enumerate().skip(from);
        while let Some((at, expression)) = expressions.next().filter(|_| self.builder.is_open()) {
            self.at = at;
            self.before = &all[..at];
            self.behind = all.get(at + 1..).unwrap_or_default();
            let is_presence =
                matches!(expression.operation, Operation::Extension { is_presence: true, .. });
            let done = match is_presence {
                true => self.presence(expression, expressions.next().map(|(_, test)| test)),
                false => self.expression(expression),
            };
            if let Err(error) = done {
                report(diagnostics, *error);
                break;
            }
        }
        if self.builder.is_open() {
            self.builder.jump(self.next);
        }
    }

    /// Lets the rule go on at a block, too, behind the expression with a value that is known there.
    pub fn fork(&mut self, block: Block, given: Given<'r>) {
        let (registers, tagged) = (self.registers.clone(), self.tagged);
        self.forks.push(Fork { block, registers, tagged, given: Some(given), at: self.at });
    }

    /// Lets the rule go on at a block, too, with the expression itself, for packets without a tag.
    pub fn fork_untagged(&mut self, block: Block) {
        let registers = self.registers.clone();
        self.forks.push(Fork { block, registers, tagged: Some(false), given: None, at: self.at });
    }

    /// Executes an expression; the block is closed where the rule ends with it.
    fn expression(&mut self, expression: &'r Expression) -> Lowered<()> {
        use Operation::*;
        match &expression.operation {
            Payload { .. }
            | Meta { .. }
            | Ct { .. }
            | Immediate { .. }
            | Numgen { .. }
            | Jhash { .. }
            | Fib { .. } => self.load(expression),
            Compare { .. }
            | Range { .. }
            | MaskXor { .. }
            | Shift { .. }
            | Combine { .. }
            | ByteOrder { .. } => self.test(expression),
            Lookup { .. } => self.lookup(expression),
            DynamicSet { .. } => self.dynamic_set(expression),
            Verdict(decision) => {
                self.decide(decision, expression)?;
                Ok(())
            }
            Counter { .. }
            | Limit { .. }
            | Quota { .. }
            | Last { .. }
            | Log { .. }
            | Reject { .. }
            | Object { .. }
            | ObjectMap { .. } => self.statement(expression),
            MetaSet { .. } => self.set_meta(expression),
            PayloadStore { .. } => self.store(expression),
            CtSet { .. } => self.set_ct(expression),
            Extension { .. } => self.extension(expression),
            ExtensionStore { .. } => self.store_option(expression),
            ExtensionReset { number } => {
                self.strip_option(*number);
                Ok(())
            }
            Rt { key, to } => self.rt(expression, key.kernel, *to),
            Socket { key, to, .. } => self.socket(expression, key.kernel, *to),
            Xfrm { key, is_out, index, to } => {
                self.ipsec(expression, key.kernel, *is_out, *index, *to)
            }
            Osf { to, .. } => self.osf(expression, *to),
            Symhash { .. } => self.symhash(expression),
            Inner { .. } => self.inner(expression),
            Connlimit { .. } => Err(counted(expression)),
            // Evaluation refuses it where a chain that filters reaches it.
            Outside { class } => Err(unsupported(expression, class)),
            Unread { what } => Err(unsupported(expression, what)),
        }
    }

    /// Ends the open block as a verdict says; goes on behind `continue`.
    pub fn decide(&mut self, decision: &Decision, expression: &Expression) -> Lowered<()> {
        if *decision != Decision::Continue {
            let terminator = self.terminator(decision, expression)?;
            self.builder.terminate(terminator);
        }
        Ok(())
    }

    /// Ends the rule here: packets of the function have nothing of the kind.
    pub fn leave(&mut self) {
        self.builder.jump(self.next);
    }

    /// Whether the function's packets are other frames than IP.
    pub fn is_other(&self) -> bool {
        self.family == PacketFamily::Other
    }

    /// How a block ends where a verdict other than `continue` is found.
    pub fn terminator(
        &mut self,
        decision: &Decision,
        expression: &Expression,
    ) -> Lowered<Terminator> {
        let callee = |cx: &Self, name: &str| {
            let place = reach::find(cx.shared.ruleset, cx.place.table, name);
            let func = place.and_then(|place| cx.shared.funcs.get(&(place, cx.family)));
            func.copied()
                .ok_or_else(|| unsupported(expression, "a jump to a chain that is not there"))
        };
        Ok(match decision {
            Decision::Accept => Terminator::Verdict(Verdict::Accept),
            Decision::Drop => Terminator::Verdict(Verdict::Drop),
            Decision::Continue => Terminator::Jump(self.next),
            Decision::Return => Terminator::Jump(self.end),
            Decision::Jump(name) => {
                Terminator::Call { callee: callee(self, name)?, next: self.next }
            }
            Decision::Goto(name) => {
                Terminator::Call { callee: callee(self, name)?, next: self.end }
            }
        })
    }
}
