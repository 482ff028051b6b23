//! One ruleset and its packets through the oracle and every engine.

use super::engines::engines;
use super::{Engine, EngineError, Kernel, Packets, Ruleset, compare, shrink};
use crate::generate::ruleset::Shape;
use crate::lab::LabError;
use crate::lab::inject::Frame;
use crate::lab::oracle::Oracle;
use std::cell::RefCell;
use std::rc::Rc;

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
        let arrived =
            self.oracle.borrow_mut().arrivals(&frames).map_err(|error| error.to_string())?;
        let frames: Vec<_> =
            frames.into_iter().zip(arrived).filter_map(|(f, here)| here.then_some(f)).collect();
        let mut kernel = Kernel(Rc::clone(&self.oracle));
        for engine in &mut self.engines {
            let engine = engine.as_mut();
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
