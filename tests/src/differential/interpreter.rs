//! The IR interpreter as an engine.

use super::compile::program;
use super::{Engine, EngineError, Ruleset};
use crate::lab::inject::Frame;
use crate::lab::oracle::{Outcome, Stage};
use crate::lab::tables::{Count, counted};
use crate::lab::view::{packet_at, route};
use bpfc_interpret::{Counts, Environment, InterpretError, interpret};
use bpfc_ir::{Contents, Program, Verdict};
use bpfc_opt::Limits;
use std::sync::Arc;

/// What happens to a program before it is interpreted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passes {
    /// Nothing: it is interpreted as the front end made it.
    None,
    /// All passes, as for code generation.
    All,
    /// All passes with limits so narrow that no chain is called any more.
    Inlined,
}

/// Runs packets through the program.
#[derive(Debug)]
pub struct Interpreter {
    passes: Passes,
    loaded: Option<(Stage, Program, Arc<Contents>)>,
}

impl Interpreter {
    /// An interpreter of programs after these passes.
    pub fn new(passes: Passes) -> Self {
        Self { passes, loaded: None }
    }

    fn optimise(&self, program: &mut Program) -> Result<(), EngineError> {
        let limits = match self.passes {
            Passes::None => return Ok(()),
            Passes::All => Limits::default(),
            Passes::Inlined => Limits { depth: 1, size: u64::MAX, ..Limits::default() },
        };
        let mut options = bpfc_opt::Options { limits, ..bpfc_opt::Options::default() };
        bpfc_opt::run(program, &mut options)
            .map_err(|error| EngineError::Refused(error.to_string()))
    }
}

impl Engine for Interpreter {
    fn name(&self) -> String {
        match self.passes {
            Passes::None => "interpreter".to_owned(),
            Passes::All => "interpreter (all passes)".to_owned(),
            Passes::Inlined => "interpreter (inlined)".to_owned(),
        }
    }

    fn load(&mut self, ruleset: &Ruleset) -> Result<(), EngineError> {
        let (mut program, contents) = program(ruleset)?;
        self.optimise(&mut program)?;
        self.loaded = Some((ruleset.stage, program, contents));
        Ok(())
    }

    fn run(&mut self, frames: &[Frame]) -> Result<Outcome, EngineError> {
        let Some((stage, program, contents)) = &self.loaded else {
            return Err(EngineError::Refused("no ruleset is loaded".to_owned()));
        };
        let mut environment = Environment::new(program).with_contents(contents);
        let mut accepted = 0;
        let mut left = Vec::new();
        for frame in frames {
            let Some(packet) = packet_at(*stage, frame) else { continue };
            match interpret(program, stage.hook(), &packet, &mut environment) {
                Ok(outcome) if outcome.verdict == Verdict::Accept => {
                    accepted += 1;
                    let to = route(&packet);
                    // It is as long as it was, whatever a rule has made of the length that its
                    // header says.
                    let sent = packet.parse_headers().map(|parsed| parsed.bytes().len());
                    let length = sent.unwrap_or(0);
                    let bytes = match outcome.rewritten {
                        Some(written) if written.bytes.len() != packet.bytes.len() => {
                            written.parse_headers().ok().map(|parsed| parsed.bytes().to_vec())
                        }
                        Some(written) => written.network_bytes().get(..length).map(<[u8]>::to_vec),
                        None => packet.network_bytes().get(..length).map(<[u8]>::to_vec),
                    };
                    let family = |bytes: &Vec<u8>| bytes.first().map(|byte| byte >> 4);
                    let own = family(&packet.network_bytes().to_vec());
                    left.extend(to.zip(bytes.filter(|bytes| family(bytes) == own)));
                }
                Ok(_) | Err(InterpretError::NotDelivered(_)) => {}
                Err(error) => return Err(EngineError::Refused(error.to_string())),
            }
        }
        let accepted = stage.tells_accepted().then_some(accepted);
        left.sort_unstable();
        let left = (*stage == Stage::Postrouting).then_some(left);
        let mut outcome = Outcome { accepted, left, ..Outcome::default() };
        outcome.counters = counted(program, |counter| {
            let Counts { packets, bytes } = environment.counter(counter);
            Count { packets, bytes }
        });
        Ok(outcome)
    }
}
