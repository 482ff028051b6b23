//! Two engines, one ruleset, the same packets, and the smallest input on which they differ.
//!
//! An [`Engine`] decides packets: the kernel's iptables, a reference evaluator, a program on a
//! target. [`compare`] runs two of them; where any counter or the number of accepted packets
//! differs, [`shrink`] takes packets, rules and matches away for as long as a difference
//! remains, so that a failure names one packet and a rule or two.

pub mod campaign;
pub mod compile;
pub mod devices;
pub mod engines;
pub mod interpreter;
pub mod live;
pub mod reference;
mod shrink;
pub mod unattached;

pub use shrink::{Packets, shrink};

use crate::lab::inject::Frame;
use crate::lab::oracle::{Oracle, Outcome, Stage};
use crate::lab::{Family, LabError, nft};
use bpfc_diag::{Diagnostics, SourceMap};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::rc::Rc;

/// A table for a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ruleset {
    /// The family.
    pub family: Family,
    /// The stage, which names table and base chain.
    pub stage: Stage,
    /// `iptables-save` text of one table, or a ruleset of nft.
    pub text: String,
}

impl Ruleset {
    /// Whether it is one of nft.
    pub fn is_nft(&self) -> bool {
        nft::is_ruleset(&self.text)
    }
}

/// Why an engine cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The machine does not do what a test needs.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// The runtime fails.
    #[error(transparent)]
    Runtime(#[from] bpfc_runtime::Error),
    /// The engine refuses the ruleset or a packet.
    #[error("{0}")]
    Refused(String),
}

impl EngineError {
    /// A refusal with the diagnostics that it has.
    pub fn refused(diagnostics: &Diagnostics, sources: &SourceMap) -> Self {
        let lines = diagnostics.iter().map(|diagnostic| match diagnostic.span {
            Some(span) => format!("{} in {:?}", diagnostic.message, sources.text(span)),
            None => diagnostic.message.clone(),
        });
        Self::Refused(lines.collect::<Vec<_>>().join("\n"))
    }
}

/// Something that decides packets.
pub trait Engine {
    /// As reports name it.
    fn name(&self) -> String;

    /// Puts a ruleset in place, counters and all other state at their beginning.
    fn load(&mut self, ruleset: &Ruleset) -> Result<(), EngineError>;

    /// Decides packets in order and says what was counted. Called once after a load.
    fn run(&mut self, frames: &[Frame]) -> Result<Outcome, EngineError>;

    /// Whether it decides rulesets of nft, too.
    fn takes_nft(&self) -> bool {
        true
    }

    /// Takes the ruleset away, so that another engine can decide in its place.
    fn unload(&mut self) -> Result<(), EngineError> {
        Ok(())
    }
}

/// The kernel's iptables as an engine. Others use the same namespace between its answers.
#[derive(Clone, Debug)]
pub struct Kernel(pub Rc<RefCell<Oracle>>);

impl Engine for Kernel {
    fn name(&self) -> String {
        format!("{}-legacy", self.0.borrow().family().tool())
    }

    fn load(&mut self, ruleset: &Ruleset) -> Result<(), EngineError> {
        let mut oracle = self.0.borrow_mut();
        oracle.load(&ruleset.text)?;
        Ok(oracle.forget()?)
    }

    fn run(&mut self, frames: &[Frame]) -> Result<Outcome, EngineError> {
        Ok(self.0.borrow_mut().run(frames)?)
    }

    fn unload(&mut self) -> Result<(), EngineError> {
        let mut oracle = self.0.borrow_mut();
        let empty = oracle.stage().empty_ruleset();
        Ok(oracle.load(&empty)?)
    }
}

/// An input on which two engines differ.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The ruleset.
    pub ruleset: Ruleset,
    /// The packets.
    pub frames: Vec<Frame>,
    /// Names of the two engines.
    pub engines: [String; 2],
    /// What they answered.
    pub outcomes: [Outcome; 2],
}

/// Packets that a report lists.
const SHOWN: usize = 40;

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [left, right] = &self.engines;
        writeln!(
            f,
            "{left} and {right} differ ({} {:?})",
            self.ruleset.family, self.ruleset.stage
        )?;
        f.write_str(&self.ruleset.text)?;
        for frame in self.frames.iter().take(SHOWN) {
            writeln!(f, "packet on interface {}: {}", frame.port, hex(&frame.bytes))?;
        }
        if self.frames.len() > SHOWN {
            writeln!(f, "and {} more packets", self.frames.len() - SHOWN)?;
        }
        let labels: BTreeSet<&String> =
            self.outcomes.iter().flat_map(|outcome| outcome.counters.keys()).collect();
        for label in labels {
            let [a, b] = self.outcomes.each_ref().map(|outcome| outcome.counters.get(label));
            if a != b {
                let [a, b] = [a, b].map(|count| count.copied().unwrap_or_default());
                writeln!(f, "{label}: {left} {a}, {right} {b}")?;
            }
        }
        let [a, b] = self.outcomes.each_ref().map(|outcome| outcome.accepted);
        if differ(a, b) {
            writeln!(f, "accepted: {left} {a:?}, {right} {b:?}")?;
        }
        let [a, b] = self.outcomes.each_ref().map(|outcome| outcome.left.as_deref());
        if let Some((a, b)) = a.zip(b) {
            for (engine, own, other) in [(left, a, b), (right, b, a)] {
                for (to, packet) in own.iter().filter(|left| !other.contains(left)).take(SHOWN) {
                    writeln!(f, "with {engine} alone leaves by {to}: {}", hex(packet))?;
                }
            }
        }
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Who cannot tell something agrees with everybody.
fn differ<T: PartialEq>(a: Option<T>, b: Option<T>) -> bool {
    a.zip(b).is_some_and(|(a, b)| a != b)
}

/// Runs both engines on fresh state; `None` where they agree.
pub fn compare(
    engines: [&mut dyn Engine; 2],
    ruleset: &Ruleset,
    frames: &[Frame],
) -> Result<Option<Difference>, EngineError> {
    let names = [engines[0].name(), engines[1].name()];
    let [left, right] = engines;
    let a = answer(left, ruleset, frames)?;
    let b = answer(right, ruleset, frames)?;
    let same = a.counters == b.counters && !differ(a.accepted, b.accepted);
    if same && !differ(a.left.as_ref(), b.left.as_ref()) {
        return Ok(None);
    }
    Ok(Some(Difference {
        ruleset: ruleset.clone(),
        frames: frames.to_vec(),
        engines: names,
        outcomes: [a, b],
    }))
}

fn answer(
    engine: &mut dyn Engine,
    ruleset: &Ruleset,
    frames: &[Frame],
) -> Result<Outcome, EngineError> {
    engine.load(ruleset)?;
    let outcome = engine.run(frames);
    engine.unload()?;
    outcome
}
