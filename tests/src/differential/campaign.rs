//! Rulesets and their packets through the oracle and every engine.

use super::engines::engines;
use super::{Engine, EngineError, Kernel, Packets, Ruleset, compare, shrink};
use crate::fingerprints;
use crate::generate::rng::Rng;
use crate::generate::ruleset::Shape;
use crate::lab::LabError;
use crate::lab::inject::Frame;
use crate::lab::namespace::isolated;
use crate::lab::oracle::Oracle;
use crate::require::{self, Need};
use libtest_mimic::Trial;
use std::cell::RefCell;
use std::rc::Rc;

/// A trial of so many rulesets, each with packets of its own, that come of one seed each; the
/// first is `BPFC_SEED`. A failure names its seed. The trial passes where needs are not met.
pub fn trial(
    name: &str,
    shape: Shape,
    needs: Vec<Need>,
    rulesets: u64,
    generate: impl Fn(&mut Rng) -> (String, Vec<Frame>) + Send + Sync + 'static,
) -> Trial {
    let name = format!("{name}_{}_{:?}", shape.family, shape.stage).to_lowercase();
    Trial::test(name, move || {
        if !require::met(&needs) {
            return Ok(());
        }
        isolated(|| {
            let mut campaign = Campaign::new(shape)?;
            let first = require::number("BPFC_SEED", 1);
            for seed in first..first + rulesets {
                let (text, frames) = generate(&mut Rng::new(seed));
                campaign.check(text, frames).map_err(|report| format!("seed {seed}: {report}"))?;
            }
            Ok(())
        })
    })
}

/// An oracle and the engines to hold against it.
pub struct Campaign {
    shape: Shape,
    oracle: Rc<RefCell<Oracle>>,
    engines: Vec<Box<dyn Engine>>,
}

impl Campaign {
    /// Sets up the calling thread's namespace, which must be fresh. `BPFC_ENGINES` names the
    /// engines, those that begin with one of its comma-separated words; by default all.
    pub fn new(shape: Shape) -> Result<Self, LabError> {
        let oracle = Rc::new(RefCell::new(Oracle::new(shape.family, shape.stage)?));
        let mut engines = engines(&oracle, shape);
        if let Ok(words) = std::env::var("BPFC_ENGINES") {
            let wanted = |name: String| words.split(',').any(|word| name.starts_with(word));
            engines.retain(|engine| wanted(engine.name()));
        }
        Ok(Self { shape, oracle, engines })
    }

    /// Compares all engines on the packets that arrive at the hook. An error is the report of a
    /// difference, made small, or of a machine that does not do what it should.
    pub fn check(&mut self, text: String, frames: Vec<Frame>) -> Result<(), String> {
        let Shape { family, stage, .. } = self.shape;
        let ruleset = Ruleset { family, stage, text };
        let lab = |error: LabError| error.to_string();
        let arrived = self.oracle.borrow_mut().arrivals(&frames).map_err(lab)?;
        let mut frames: Vec<_> =
            frames.into_iter().zip(arrived).filter_map(|(f, here)| here.then_some(f)).collect();
        if fingerprints::are_named(&ruleset.text) {
            let strangers = self.oracle.borrow_mut().strangers(&frames).map_err(lab)?;
            let mut strangers = strangers.into_iter();
            frames.retain(|_| strangers.next() == Some(false));
        }
        let mut kernel = Kernel(Rc::clone(&self.oracle));
        for engine in &mut self.engines {
            let engine = engine.as_mut();
            if ruleset.is_nft() && !engine.takes_nft() {
                continue;
            }
            let name = engine.name();
            let report = |error: EngineError| format!("{name}: {error}\n{}", ruleset.text);
            if let Some(found) =
                compare([&mut kernel, engine], &ruleset, &frames).map_err(report)?
            {
                let packets = if self.shape.orderly { Packets::Last } else { Packets::Any };
                let smallest = shrink([&mut kernel, engine], found, packets).map_err(report)?;
                return Err(smallest.to_string());
            }
        }
        Ok(())
    }
}
