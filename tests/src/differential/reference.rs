//! The reference evaluator of iptables rulesets as an engine.

use super::{Engine, EngineError, Ruleset};
use crate::lab::inject::Frame;
use crate::lab::oracle::{Outcome, Stage};
use crate::lab::tables::Count;
use crate::lab::view::{packet_at, route};
use crate::{fingerprints, sets};
use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_ir::Verdict;
use bpfc_xtables::reference::Evaluator;
use bpfc_xtables::text::{Text, read};

/// Evaluates packets on the ruleset model, without IR or programs.
#[derive(Debug, Default)]
pub struct Reference {
    loaded: Option<(Ruleset, bpfc_xtables::model::Ruleset)>,
}

impl Engine for Reference {
    fn name(&self) -> String {
        "reference".to_owned()
    }

    fn takes_nft(&self) -> bool {
        false
    }

    fn load(&mut self, ruleset: &Ruleset) -> Result<(), EngineError> {
        let mut sources = SourceMap::new();
        let mut diagnostics = Diagnostics::new();
        let file = sources.add("ruleset", &ruleset.text);
        let text = Text {
            text: &ruleset.text,
            file,
            family: ruleset.family,
            accounts: None,
            compiled: None,
        };
        let model = read(&text, &mut diagnostics);
        if diagnostics.has_errors() {
            return Err(EngineError::refused(&diagnostics, &sources));
        }
        self.loaded = Some((ruleset.clone(), model));
        Ok(())
    }

    fn run(&mut self, frames: &[Frame]) -> Result<Outcome, EngineError> {
        let Some((ruleset, model)) = &self.loaded else {
            return Err(EngineError::Refused("no ruleset is loaded".to_owned()));
        };
        let fingerprints = match fingerprints::are_named(&ruleset.text) {
            true => fingerprints::list(),
            false => Vec::new(),
        };
        let mut evaluator = Evaluator::new(model, &[ruleset.stage.table()]);
        if sets::are_named(&ruleset.text) {
            evaluator = evaluator.with_sets(&sets::table());
        }
        evaluator = evaluator.with_fingerprints(&fingerprints);
        let mut outcome = Outcome { accepted: Some(0), ..Outcome::default() };
        let mut left = Vec::new();
        for frame in frames {
            let Some(packet) = packet_at(ruleset.stage, frame) else { continue };
            let Ok(parsed) = packet.parse() else { continue };
            let decision = evaluator.decide(ruleset.stage.hook(), parsed);
            if decision.verdict == Verdict::Accept {
                outcome.accepted = outcome.accepted.map(|number| number + 1);
                left.extend(route(&packet).map(|to| (to, decision.bytes)));
            }
            for (label, length) in decision.rules.into_iter().zip(decision.lengths) {
                let count = Count { packets: 1, bytes: length.into() };
                *outcome.counters.entry(label).or_default() += count;
            }
        }
        if !ruleset.stage.tells_accepted() {
            outcome.accepted = None;
        }
        left.sort_unstable();
        outcome.left = (ruleset.stage == Stage::Postrouting).then_some(left);
        Ok(outcome)
    }
}
