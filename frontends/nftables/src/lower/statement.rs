//! Statements: what a rule does.

use super::chain::Cx;
use super::{Lowered, unsupported};
use crate::model::{Expression, LogFlags, Operation};
use bpfc_ir::state::nanosecond_bucket::NanosecondBucket;
use bpfc_ir::{
    Condition, Family, Log, LogKind, Onward, Op, Reject, State, StateDef, StateKind, Value, Verdict,
};

/// What a line says beside the packet (include/uapi/linux/netfilter/nf_log.h).
fn log_flags(flags: &LogFlags) -> u8 {
    let bits = [
        (flags.tcp_sequence, 1),
        (flags.tcp_options, 2),
        (flags.ip_options, 4),
        (flags.owner, 8),
        (flags.link, 32),
    ];
    bits.into_iter().filter(|(is_set, _)| *is_set).map(|(_, bit)| bit).sum()
}

/// What the sender is told by a code of `icmpx` (net/netfilter/nft_reject.c).
fn either_code(code: u8, family: Family) -> Option<u8> {
    let codes = match code {
        // No route, port, host, administratively prohibited.
        0 => (0, 0),
        1 => (3, 4),
        2 => (1, 3),
        3 => (13, 1),
        _ => return None,
    };
    Some(if family == Family::Ipv4 { codes.0 } else { codes.1 })
}

impl<'r> Cx<'_, 'r> {
    pub fn statement(&mut self, expression: &'r Expression) -> Lowered<()> {
        match &expression.operation {
            Operation::Counter { .. } => {
                self.count(None);
                Ok(())
            }
            Operation::Limit { .. } | Operation::Quota { .. } | Operation::Last { .. } => {
                let (kind, onward) = state_of(&expression.operation)
                    .ok_or_else(|| unsupported(expression, "such a limit"))?;
                let state = self.state(kind);
                self.take(state, onward);
                Ok(())
            }
            Operation::Object { kind, name } => self.object(*kind, name, expression),
            Operation::ObjectMap { .. } => self.object_map(expression),
            Operation::Log { prefix, group, snaplen, threshold, level, flags } => {
                let kind = match group {
                    Some(group) => LogKind::Group {
                        group: *group,
                        threshold: *threshold,
                        size: (*snaplen > 0).then_some(*snaplen),
                    },
                    None => LogKind::Syslog {
                        // Warnings, where nothing is said.
                        level: level.unwrap_or(4),
                        flags: log_flags(flags),
                    },
                };
                let prefix = prefix.clone().unwrap_or_default();
                let rule = self.parts.rule;
                self.builder.push(Op::Log(rule, Box::new(Log { kind, prefix })));
                Ok(())
            }
            Operation::Reject { kind, code } => {
                let Some(family) = self.family.ip() else {
                    // Nobody is told (net/netfilter/nft_reject_netdev.c).
                    self.builder.verdict(Verdict::Drop);
                    return Ok(());
                };
                let reject = match kind {
                    1 => Some(Reject::TcpReset),
                    2 => either_code(*code, family).map(Reject::Icmp),
                    _ => Some(Reject::Icmp(*code)),
                };
                let reject = reject.filter(|reject| reject.fits(family));
                let reject = reject.ok_or_else(|| unsupported(expression, "such an answer"))?;
                self.builder.verdict(Verdict::Reject(reject));
                Ok(())
            }
            _ => Err(unsupported(expression, "this")),
        }
    }

    /// The state of the expression that is lowered: one, whatever the family.
    pub fn state(&mut self, kind: StateKind) -> State {
        let states = &mut self.shared.out.program.states;
        let make = || states.push(StateDef { name: String::new(), kind });
        *self.parts.states.entry(self.at).or_insert_with(make)
    }

    /// Takes from a state; ends the rule for packets that do not go on behind it.
    pub fn take(&mut self, state: State, onward: Onward) {
        let yielded = self.builder.take(state);
        self.go(yielded, onward);
    }

    /// The same of what a state has yielded.
    pub fn go(&mut self, yielded: Value, onward: Onward) {
        if onward == Onward::All {
            return;
        }
        let enough = self.builder.compare_const(Condition::Ne, yielded, 0);
        match onward {
            Onward::All => {}
            Onward::Enough => self.builder.require(enough, self.next),
            Onward::Lacking => self.builder.forbid(enough, self.next),
        }
    }
}

/// The state that a statement keeps, and which packets go on behind it.
pub(super) fn state_of(operation: &Operation) -> Option<(StateKind, Onward)> {
    let within = |is_over: bool| if is_over { Onward::Lacking } else { Onward::Enough };
    let found = match *operation {
        Operation::Limit { rate, seconds, burst, is_bytes, is_over } => {
            let interval = seconds.checked_mul(1_000_000_000)?;
            let bytes = is_bytes;
            let bucket = NanosecondBucket { interval, rate, burst, bytes };
            Some((StateKind::NanosecondBucket(bucket), within(is_over)))
        }
        Operation::Quota { bytes, used, is_over } => {
            Some((StateKind::Quota { bytes: bytes.saturating_sub(used) }, within(is_over)))
        }
        Operation::Counter { .. } => Some((StateKind::Counter, Onward::All)),
        Operation::Last { .. } => Some((StateKind::Last, Onward::All)),
        _ => None,
    };
    found.filter(|(kind, _)| kind.is_sound())
}
