//! A target's programs, attached where they belong, deciding the oracle's own packets.

use super::compile::artifact;
use super::{Engine, EngineError, Ruleset};
use crate::lab::inject::Frame;
use crate::lab::oracle::{INTERFACES, OUT_INTERFACES, Oracle, Outcome, Stage};
use crate::lab::tables::moved;
use bpfc_runtime::{Filter, Options, XdpMode};
use std::cell::RefCell;
use std::rc::Rc;

/// A target, loaded and attached in the oracle's namespace while the oracle's own tables accept
/// everything.
#[derive(Debug)]
pub struct Live {
    oracle: Rc<RefCell<Oracle>>,
    target: &'static str,
    mode: XdpMode,
    filter: Option<Filter>,
}

/// Loaded filters have one name: each test has a BPF file system of its own.
const NAME: &str = "differential";

impl Live {
    /// A target by name, beside an oracle.
    pub fn new(oracle: &Rc<RefCell<Oracle>>, target: &'static str, mode: XdpMode) -> Self {
        Self { oracle: Rc::clone(oracle), target, mode, filter: None }
    }

    /// How a filter is loaded at a stage.
    pub fn options(&self, stage: Stage) -> Options {
        let mut options = Options::new(NAME);
        options.xdp_mode = self.mode;
        options.interfaces = match (self.target, stage) {
            ("netfilter", _) => Vec::new(),
            (_, Stage::Postrouting | Stage::Output) => OUT_INTERFACES.map(str::to_owned).to_vec(),
            _ => INTERFACES.map(str::to_owned).to_vec(),
        };
        if self.target == "netfilter" && stage == Stage::Prerouting {
            // Between the tables raw (-300) and mangle (-150), whose policy counts survivors.
            options.priority = Some(-299);
        }
        options
    }
}

impl Engine for Live {
    fn name(&self) -> String {
        match (self.target, self.mode) {
            ("xdp", mode) => format!("xdp ({mode})"),
            (target, _) => target.to_owned(),
        }
    }

    fn load(&mut self, ruleset: &Ruleset) -> Result<(), EngineError> {
        self.unload()?;
        let artifact = artifact(ruleset, self.target, &[])?;
        self.filter = Some(Filter::load(&artifact, &self.options(ruleset.stage))?);
        Ok(self.oracle.borrow().forget()?)
    }

    fn run(&mut self, frames: &[Frame]) -> Result<Outcome, EngineError> {
        let Some(filter) = &self.filter else {
            return Err(EngineError::Refused("no ruleset is loaded".to_owned()));
        };
        let mut oracle = self.oracle.borrow_mut();
        let Outcome { accepted, left, .. } = oracle.run(frames)?;
        Ok(Outcome { accepted, counters: moved(&filter.counters()?), left })
    }

    fn unload(&mut self) -> Result<(), EngineError> {
        match self.filter.take() {
            Some(filter) => Ok(filter.unload()?),
            None => Ok(()),
        }
    }
}
