//! Which hooks are compiled where nobody chose any: the target's default ones, or, where a ruleset
//! has chains at none of these, those that every packet passes which comes in or leaves. What is
//! compiled for these takes nothing for granted of where packets are routed, as what is compiled
//! for the forward hook does.

use crate::registry::targets_with;
use bpfc_diag::{Code, Diagnostic};
use bpfc_ebpf::Target;
use bpfc_ir::Hook;
use std::collections::BTreeSet;

/// The hooks that every packet passes, whatever its route, and that a target runs.
pub(crate) fn of_every_packet(target: &dyn Target) -> Vec<Hook> {
    let runs = |hook: &Hook| target.hooks().contains(hook);
    [Hook::Prerouting, Hook::Postrouting].into_iter().filter(runs).collect()
}

/// The hooks that are compiled for a target of a ruleset with chains at `present`.
#[must_use]
pub fn default_hooks(target: &dyn Target, present: &BTreeSet<Hook>) -> Vec<Hook> {
    let default = target.default_hooks().unwrap_or(target.hooks()).to_vec();
    let others = of_every_packet(target);
    let has = |hooks: &[Hook]| hooks.iter().any(|hook| present.contains(hook));
    if !has(&default) && has(&others) { others } else { default }
}

/// The error for a ruleset that has chains at `present`, none of which is compiled for a target
/// where nobody chose hooks.
#[must_use]
pub fn no_chain(target: &dyn Target, present: &BTreeSet<Hook>) -> Diagnostic {
    let names = |hooks: &[Hook]| {
        let names: Vec<String> = hooks.iter().map(Hook::to_string).collect();
        names.join(",")
    };
    let default = names(target.default_hooks().unwrap_or(target.hooks()));
    let message =
        format!("there is no base chain at the hooks that are compiled by default: {default}");
    let error = Diagnostic::error(Code::NO_CHAIN, None, message);
    let runs: Vec<Hook> =
        present.iter().copied().filter(|hook| target.hooks().contains(hook)).collect();
    if !runs.is_empty() {
        return error.with_help(format!("choose hooks: --hook {}", names(&runs)));
    }
    let mut others: Vec<&str> = present.iter().flat_map(|hook| targets_with(*hook)).collect();
    others.sort_unstable();
    others.dedup();
    match others[..] {
        [] => error,
        _ => error.with_help(format!("targets that run this ruleset's: {}", others.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::target;

    #[test]
    fn chains_that_every_packet_passes_stand_in_for_missing_ones() {
        use Hook::*;
        let hooks = |name: &str, present: &[Hook]| {
            let target = target(name).expect("a target");
            default_hooks(target, &present.iter().copied().collect())
        };
        assert_eq!(hooks("xdp", &[Prerouting]), [Prerouting]);
        assert_eq!(hooks("tc", &[Postrouting, Forward]), [Prerouting, Postrouting]);
        // What has one of the default hooks is compiled for these alone.
        assert_eq!(hooks("xdp", &[Prerouting, Input]), [Ingress, Input]);
        // Whether packets are forwarded is not for the compiler to guess.
        assert_eq!(hooks("xdp", &[Forward]), [Ingress, Input]);
        assert_eq!(hooks("cgroup-skb", &[Prerouting]), [Input, Output]);
    }
}
