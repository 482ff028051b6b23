//! The reference engine: the evaluator of the ruleset model, which knows nothing of IR, passes
//! and code generation.

use super::frame::Frame;
use super::kernel::is_netfilter_output;
use super::tracking::{self, Tracked};
use super::{Decision, Replay};
use crate::accounts;
use crate::console::Failure;
use bpfc_artifact::Artifact;
use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_driver as driver;
use bpfc_ir::{Entry, Family, Hook, Input, Program, Recognised, SetTable};
use bpfc_packet::pkt_type;
use bpfc_runtime::Count;
use bpfc_xtables::model::Ruleset;
use bpfc_xtables::reference::Evaluator;
use std::collections::BTreeMap;

/// Replays frames, with nothing remembered from before the first. The inputs have compiled to
/// `program` and `artifact`.
pub(super) fn replay(
    inputs: &[Input],
    program: &Program,
    artifact: &Artifact,
    target: &dyn driver::Target,
    hook: Hook,
    frames: &[&Frame],
) -> Result<Replay, Failure> {
    let inputs = driver::Inputs::read(inputs);
    let fingerprints = inputs.fingerprints.as_ref().map_or(&[][..], |list| list.as_slice());
    let rulesets = inputs.rulesets().map(|(input, role)| read(input, role, &inputs.sets));
    let rulesets = rulesets.collect::<Result<Vec<_>, _>>()?;
    let mut evaluators: Vec<(Family, Evaluator<'_>)> = rulesets
        .iter()
        .map(|ruleset| {
            let tables = tables(program, hook, ruleset.family);
            let evaluator = Evaluator::new(ruleset, &tables).with_sets(&inputs.sets);
            (ruleset.family, evaluator.with_fingerprints(fingerprints))
        })
        .collect();
    let rows: BTreeMap<&str, usize> = artifact
        .rules
        .entries
        .iter()
        .enumerate()
        .map(|(row, entry)| (entry.label.as_str(), row))
        .collect();
    let mut counts = vec![Count::default(); artifact.rules.rows()];
    let mut decisions = Vec::with_capacity(frames.len());
    for frame in frames {
        let (decision, lengths) = decide(&mut evaluators, target, program, hook, frame);
        for (label, length) in decision.rules.iter().zip(lengths) {
            let row = rows.get(label.as_str()).ok_or_else(|| {
                Failure::Refused(format!("the evaluator counts {label}, which was not compiled"))
            })?;
            counts[*row].packets += 1;
            counts[*row].bytes += u64::from(length);
        }
        decisions.push(decision);
    }
    Ok(Replay { decisions, rules: artifact.rules.clone(), counts })
}

/// The decision, and the packet's length when each of the rules counted it.
fn decide(
    evaluators: &mut [(Family, Evaluator<'_>)],
    target: &dyn driver::Target,
    program: &Program,
    hook: Hook,
    frame: &Frame,
) -> (Decision, Vec<u32>) {
    let unseen = || (Decision::unseen(), Vec::new());
    let (Some(packet), Some(parsed)) = (&frame.packet, frame.parsed()) else {
        return unseen();
    };
    let family = packet.family;
    let seen = program.entries.iter().any(|e| (e.hook, e.family) == (hook, family));
    let evaluator = evaluators.iter_mut().find(|(of, _)| family == *of);
    let (true, Some((_, evaluator))) = (seen, evaluator) else {
        return unseen();
    };
    let mut packet = packet.clone();
    // A program that reads the packet's own connection finds none in a packet that never went
    // through the kernel; one that looks connections up works out what tracking would say.
    let attach = target.attach(hook, family);
    if matches!(target.conntrack(attach), driver::ConntrackSource::Lookup(_)) {
        let connection = tracking::first_packet(&parsed);
        packet.untracked = connection == Tracked::Not;
        packet.conntrack = match connection {
            Tracked::New(conntrack) => Some(conntrack),
            Tracked::Not | Tracked::Invalid => None,
        };
    }
    if is_netfilter_output(attach) {
        packet.pkt_type = pkt_type::HOST;
    }
    match packet.parse_headers() {
        Ok(parsed) => {
            let decision = evaluator.decide(hook, parsed);
            (Decision { verdict: decision.verdict, rules: decision.rules }, decision.lengths)
        }
        Err(_) => unseen(),
    }
}

/// The tables whose base chains a hook runs, in their order.
pub(in crate::commands) fn tables(program: &Program, hook: Hook, family: Family) -> Vec<&str> {
    let entry = program.entries.iter().find(|e| e.hook == hook && e.family == family);
    let funcs = entry.into_iter().flat_map(Entry::funcs);
    let of = funcs.filter_map(|func| program.funcs[func].chain.expand());
    of.map(|chain| program.chains[chain].table.as_str()).collect()
}

/// Whether there is a reference evaluator for each of these inputs that is a ruleset.
pub(in crate::commands) fn knows(inputs: &[Input]) -> bool {
    let inputs = driver::Inputs::read(inputs);
    let mut roles = inputs.rulesets().map(|(_, role)| role);
    roles.all(|role| match role {
        driver::Role::Rules(_, Recognised { format, .. }) => !matches!(*format, "nft" | "nft-json"),
        _ => true,
    })
}

/// Reads a ruleset that has been compiled already.
pub(in crate::commands) fn read(
    input: &Input,
    role: &driver::Role,
    sets: &SetTable,
) -> Result<Ruleset, Failure> {
    let unreadable = || {
        Failure::Refused(format!(
            "there is no reference evaluator for the format of '{}': use --engine kernel",
            input.name
        ))
    };
    let driver::Role::Rules(_, Recognised { format, .. }) = *role else {
        return Err(unreadable());
    };
    let family = if format.starts_with("ip6") { Family::Ipv6 } else { Family::Ipv4 };
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let (name, bytes) = (&input.name, &input.bytes);
    let read = match format {
        // What is wrong with the tables that are compiled has been said.
        "iptables-blob" | "ip6tables-blob" => bpfc_xtables::blob::read(
            name,
            bytes,
            family,
            sets,
            Some(&[]),
            &mut sources,
            &mut diagnostics,
        ),
        "iptables-save" | "ip6tables-save" => Some(bpfc_xtables::read_text_with(
            Some(&accounts::System),
            None,
            name,
            bytes,
            family,
            &mut sources,
            &mut diagnostics,
        )),
        _ => None,
    };
    read.map(|(ruleset, _)| ruleset).ok_or_else(unreadable)
}
