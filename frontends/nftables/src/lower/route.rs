//! Chains of the type `route`: behind them the kernel asks for the route again where a rule has
//! changed what routes are chosen by (net/netfilter/nft_chain_route.c). Programs run where packets
//! have their route, so such rules are refused there, and others do as in any chain.

use super::reach::{Place, Reached};
use super::{Chosen, is_of_kind};
use crate::model::{Expression, Operation, PayloadBase, Ruleset};
use bpfc_diag::{Code, Diagnostic, Diagnostics};

/// Bytes of an IP header that routes are chosen by, where each run begins and how many they are.
type Bytes = &'static [(u32, u32)];

/// Type of service and addresses.
const IPV4: Bytes = &[(1, 1), (12, 8)];
/// Traffic class and flow label, hop limit and addresses.
const IPV6: Bytes = &[(0, 4), (7, 33)];

/// Refuses rules of such chains that change the route, those of chains that they lead to as well.
pub(super) fn refuse(ruleset: &Ruleset, base: &[Chosen], diagnostics: &mut Diagnostics) {
    for chosen in base.iter().filter(|chosen| is_of_kind(ruleset, chosen.place, "route")) {
        let mut seen = Diagnostics::new();
        let Some(reached) = Reached::of(ruleset, &[*chosen], &mut seen) else { continue };
        for &Place { table, chain } in reached.chains.keys() {
            let rules = &ruleset.tables[table].chains[chain].rules;
            let expressions = rules.iter().flat_map(|rule| &rule.expressions);
            for expression in expressions.filter(|expression| changes_route(expression)) {
                let name = &ruleset.tables[chosen.place.table].chains[chosen.place.chain].name;
                let message = format!(
                    "the rule changes what packets are routed by, and behind chain '{name}' of the type \
                     route they are routed again"
                );
                let error = Diagnostic::error(Code::UNSUPPORTED_VALUE, expression.span, message)
                    .with_note("programs run where packets have their route")
                    .with_help(
                        "leave the chain to the kernel, or make it one of the type filter where no \
                         route depends on the change",
                    );
                if !diagnostics.iter().any(|known| *known == error) {
                    diagnostics.push(error);
                }
            }
        }
    }
}

fn changes_route(expression: &Expression) -> bool {
    match &expression.operation {
        Operation::MetaSet { key, .. } => key.kernel == "mark",
        Operation::PayloadStore {
            base: PayloadBase::Network,
            offset,
            bytes,
            checksum,
            is_covered,
            ..
        } => {
            let overlaps = |bytes_of: Bytes| {
                bytes_of
                    .iter()
                    .any(|&(first, count)| first < offset + bytes && *offset < first + count)
            };
            match (checksum, is_covered) {
                // Only IPv4's header has a checksum.
                (Some(_), _) => overlaps(IPV4),
                (None, true) => overlaps(IPV6),
                (None, false) => overlaps(IPV4) || overlaps(IPV6),
            }
        }
        _ => false,
    }
}
