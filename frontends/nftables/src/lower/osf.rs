//! The operating system of who sends a packet, by the fingerprints of its first segment
//! (net/netfilter/nft_osf.c).
//!
//! Fingerprints are loaded into the kernel by `nfnl_osf` and told to nobody. Where none are given
//! beside the ruleset, programs know none, and call every sender what the kernel calls one that it
//! does not know.

use super::chain::Cx;
use super::extension::TCP;
use super::reach::Reached;
use super::{Lowered, unsupported};
use crate::model::{Expression, Operation, Register, Ruleset};
use bpfc_diag::{Code, Diagnostic, Diagnostics};
use bpfc_ir::{Base, PacketFamily, Type};

/// `NFT_OSF_MAXGENRELEN`: bytes of a name in a register.
const NAME: usize = 16;
const UNKNOWN: &[u8] = b"unknown";
/// SYN, in the byte of the flags, which is the thirteenth of 20.
const SYN: u128 = 2;

impl Cx<'_, '_> {
    /// Loads the name; the rule ends where a packet is none that begins a connection of IPv4.
    pub fn osf(&mut self, expression: &Expression, to: Register) -> Lowered<()> {
        if self.shared.has_fingerprints {
            return Err(unsupported(expression, "osf with the fingerprints of a pf.os"));
        }
        if self.family != PacketFamily::Ipv4 {
            self.leave();
            return Ok(());
        }
        self.require_protocol(TCP, self.next);
        let there = self.builder.available(Base::Transport, 20);
        self.builder.require(there, self.next);
        let flags = self.builder.payload(Type::I8, Base::Transport, 13);
        let syn = self.builder.mask(flags, SYN);
        self.require_nonzero(syn);
        let mut name = [0; NAME];
        name[..UNKNOWN.len()].copy_from_slice(UNKNOWN);
        let value = self.builder.constant(Type::I128, u128::from_be_bytes(name));
        self.put(to, value, NAME as u32, false);
        Ok(())
    }
}

/// Warns of rules that ask for it where there are no fingerprints.
pub(super) fn warn(ruleset: &Ruleset, reached: &Reached, diagnostics: &mut Diagnostics) {
    let rules = reached.chains.keys().flat_map(|place| {
        let chain = &ruleset.tables[place.table].chains[place.chain];
        chain.rules.iter()
    });
    for rule in rules {
        let asks = |of: &&Expression| matches!(of.operation, Operation::Osf { .. });
        if let Some(expression) = rule.expressions.iter().find(asks) {
            let message =
                "no fingerprints of operating systems are given: every sender is 'unknown'";
            let warning = Diagnostic::warning(Code::MISSING_FINGERPRINTS, expression.span, message);
            diagnostics.push(warning);
        }
    }
}
