//! Shows what the kernel and every engine make of one ruleset and some packets: the report of a
//! failed test, read from standard input, is enough.
//!
//! ```text
//! (ipv6 Prerouting)
//! *raw
//! :PREROUTING ACCEPT [0:0]
//! -A PREROUTING -m ah
//! COMMIT
//! packet on interface 2: 0200000000010200...
//! ```

use bpfc_packet::bytes_from_hex;
use bpfc_tests::differential::engines::engines;
use bpfc_tests::differential::{Engine, Kernel, Ruleset};
use bpfc_tests::generate::ruleset::Shape;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::inject::Frame;
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::lab::oracle::{Oracle, Stage};
use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;

fn main() -> Result<(), Box<dyn Error>> {
    let report = std::io::read_to_string(std::io::stdin())?;
    let family = Family::ALL
        .into_iter()
        .find(|family| report.contains(&format!("({family} ")))
        .ok_or("no line says (ipv4 ...) or (ipv6 ...)")?;
    let stage = Stage::STATELESS
        .into_iter()
        .chain(Stage::TRACKED)
        .find(|stage| report.contains(&format!(" {stage:?})")))
        .ok_or("no line says a stage")?;
    let is_rule =
        |line: &&str| line.starts_with(['*', ':']) || line.starts_with("-A ") || *line == "COMMIT";
    let text = report.lines().filter(is_rule).map(|line| format!("{line}\n")).collect();
    let frames: Vec<Frame> = report.lines().filter_map(frame).collect();
    let ruleset = Ruleset { family, stage, text };
    isolated(|| decide(&ruleset, &frames).map_err(|error| error.to_string()))?;
    Ok(())
}

fn frame(line: &str) -> Option<Frame> {
    let (port, hex) = line.strip_prefix("packet on interface ")?.split_once(": ")?;
    Some(Frame { port: port.parse().ok()?, bytes: bytes_from_hex(hex.trim())? })
}

fn decide(ruleset: &Ruleset, frames: &[Frame]) -> Result<(), Box<dyn Error>> {
    let oracle = Rc::new(RefCell::new(Oracle::new(ruleset.family, ruleset.stage)?));
    let arrived = oracle.borrow_mut().arrivals(frames)?;
    println!("arrived: {arrived:?}");
    let marks = ruleset.text.contains("-j MARK");
    let sender =
        ["-m owner", "-m cgroup", "-m realm"].iter().any(|text| ruleset.text.contains(text));
    let shape = Shape { marks, sender, ..Shape::new(ruleset.family, ruleset.stage) };
    let mut all: Vec<Box<dyn Engine>> = vec![Box::new(Kernel(Rc::clone(&oracle)))];
    all.extend(engines(&oracle, shape));
    for mut engine in all {
        let answer = engine.load(ruleset).and_then(|()| engine.run(frames));
        engine.unload()?;
        match answer {
            Ok(outcome) => {
                println!("{}: accepted {:?}", engine.name(), outcome.accepted);
                for (label, count) in &outcome.counters {
                    println!("    {label} {count}");
                }
            }
            Err(error) => println!("{}: {error}", engine.name()),
        }
    }
    Ok(())
}
