//! Rulesets of nft that say beside each rule what it counts: the kernel and every engine must count
//! that.
//!
//! A rule's line ends in `# 2`, the packets that its counter counts; `# 2/56` says bytes, too, and
//! `# 3, 1` is of a rule with two counters. `# 2 here 0` is of what docs/semantics.md excepts: the
//! kernel counts 2, every engine 0.

use crate::differential::engines::engines;
use crate::differential::{Engine, EngineError, Kernel, Ruleset, devices};
use crate::generate::ruleset::Shape;
use crate::lab::inject::Frame;
use crate::lab::oracle::Oracle;
use crate::lab::tables::{Count, Counters, disagreement};
use bpfc_ir::Hook;
use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;

/// What has gone wrong, in words.
pub type Complaint = Box<dyn Error>;

/// What a counter counts: packets, and bytes where they are said.
type Wanted = (u64, Option<u64>);

/// What is said of a counter: by the kernel, and by bpfc where that differs.
#[derive(Debug)]
struct Expectation {
    label: String,
    kernel: Wanted,
    here: Option<Wanted>,
}

/// Holds the kernel and every engine of a shape against what a ruleset says that it counts.
///
/// # Errors
/// Where one counts something else, refuses the ruleset, or not every packet comes to its hook.
pub fn check(shape: Shape, text: &str, frames: &[Frame]) -> Result<(), Complaint> {
    let expectations = expectations(text)?;
    let Shape { family, stage, .. } = shape;
    let oracle = Rc::new(RefCell::new(Oracle::new(family, stage)?));
    if let Some(lost) = oracle.borrow_mut().arrivals(frames)?.iter().position(|&here| !here) {
        return Err(format!("packet {lost} does not come to the hook").into());
    }
    let ruleset = Ruleset { family, stage, text: text.to_owned() };
    let run = |engine: &mut dyn Engine| -> Result<_, EngineError> {
        engine.load(&ruleset)?;
        let outcome = engine.run(frames)?;
        engine.unload()?;
        Ok(outcome)
    };
    let kernel = run(&mut Kernel(Rc::clone(&oracle)))?;
    hold_kernel(&expectations, &kernel.counters)?;
    let wanted = of_engines(&expectations, kernel.counters);
    let mut engines = engines(&oracle, shape);
    engines.retain(|engine| engine.takes_nft());
    for engine in &mut engines {
        let name = engine.name();
        let outcome = run(engine.as_mut()).map_err(|error| format!("{name}: {error}"))?;
        devices::same(&name, &wanted, &outcome.counters)?;
        if outcome.accepted.zip(kernel.accepted).is_some_and(|(own, kernel)| own != kernel) {
            let (own, kernel) = (outcome.accepted, kernel.accepted);
            return Err(format!("{name} accepts {own:?}, the kernel {kernel:?}").into());
        }
    }
    Ok(())
}

/// The same of chains of devices.
///
/// # Errors
/// As for [`check`].
pub fn check_at_device(hook: Hook, text: &str, frames: &[Frame]) -> Result<(), Complaint> {
    let mut lab = devices::Lab::new(hook)?;
    hold_kernel(&expectations(text)?, &devices::check(&mut lab, text, frames)?)
}

/// Holds what the kernel counts against what a ruleset says.
fn hold_kernel(expectations: &[Expectation], counters: &Counters) -> Result<(), Complaint> {
    let mut said = Counters::new();
    let mut counted = Counters::new();
    for Expectation { label, kernel: (packets, bytes), .. } in expectations {
        let count = counters.get(label).copied().unwrap_or_default();
        let bytes = bytes.unwrap_or(count.bytes);
        said.insert(label.clone(), Count { packets: *packets, bytes });
        counted.insert(label.clone(), count);
    }
    match disagreement(&said, &counted) {
        Some(lines) => Err(format!("the ruleset says, the kernel counts:\n{lines}").into()),
        None => Ok(()),
    }
}

/// What engines are to count: the kernel's counts, but where a ruleset says another one.
fn of_engines(expectations: &[Expectation], mut counters: Counters) -> Counters {
    for Expectation { label, here, .. } in expectations {
        match *here {
            Some((0, _)) => drop(counters.remove(label)),
            Some((packets, bytes)) => {
                let count = counters.entry(label.clone()).or_default();
                *count = Count { packets, bytes: bytes.unwrap_or(count.bytes) };
            }
            None => {}
        }
    }
    counters
}

/// What a ruleset says of its counters. Each line with one must say something.
fn expectations(text: &str) -> Result<Vec<Expectation>, Complaint> {
    let mut found = Vec::new();
    let mut table = String::new();
    let mut chain: Option<(String, usize)> = None;
    for line in text.lines().map(str::trim) {
        let (rule, said) = line.split_once(" # ").unwrap_or((line, ""));
        let words: Vec<&str> = rule.split_whitespace().collect();
        match (words.as_slice(), &mut chain) {
            (["table", family, name, "{"], _) => table = format!("{family}/{name}"),
            (["chain", name, "{"], _) => chain = Some((format!("{table}/{name}"), 0)),
            (["}"], _) => chain = None,
            ([] | ["type", ..], _) | (_, None) => {}
            (_, Some((name, number))) => {
                *number += 1;
                let is_own = |at: usize| {
                    words[at] == "counter" && words.get(at + 1).is_none_or(|word| *word != "name")
                };
                let own = (0..words.len()).filter(|&at| is_own(at)).count();
                let (kernel, here) = match said.split_once(" here ") {
                    Some((kernel, here)) => (kernel, Some(here)),
                    None => (said, None),
                };
                let kernel = counts(kernel)?;
                let here = here.map(counts).transpose()?;
                if kernel.len() != own || here.as_ref().is_some_and(|here| here.len() != own) {
                    return Err(format!("{own} counters, and not as many counts: {line}").into());
                }
                for (at, kernel) in kernel.into_iter().enumerate() {
                    let statement = if at == 0 { String::new() } else { format!("#{}", at + 1) };
                    let label = format!("{name}:{number}{statement}");
                    found.push(Expectation {
                        label,
                        kernel,
                        here: here.as_ref().map(|here| here[at]),
                    });
                }
            }
        }
    }
    Ok(found)
}

/// Reads `3, 1/28`.
fn counts(said: &str) -> Result<Vec<Wanted>, Complaint> {
    let parts = said.split(", ").filter(|part| !part.is_empty());
    let count = |part: &str| -> Result<Wanted, Complaint> {
        Ok(match part.split_once('/') {
            Some((packets, bytes)) => (packets.parse()?, Some(bytes.parse()?)),
            None => (part.parse()?, None),
        })
    };
    parts.map(count).collect()
}
