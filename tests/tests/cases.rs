//! The packets that files of cases say hit a test or miss it, on the kernel and on every engine: so
//! a match whose file is written meets the kernel without a line here.
//!
//! Left out are packets of which more is said than bytes and an input interface: nobody can send a
//! mark or another machine's connection.

use bpfc_cases::{Cases, Kind, Test};
use bpfc_packet::describe;
use bpfc_tests::differential::campaign::Campaign;
use bpfc_tests::differential::compile::artifact;
use bpfc_tests::differential::{EngineError, Ruleset};
use bpfc_tests::generate::matches;
use bpfc_tests::generate::ruleset::Shape;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::inject::{Frame, INNER_MAC, OUTER_MAC};
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::lab::oracle::{INTERFACES, Oracle, Stage};
use bpfc_tests::require;
use bpfc_xtables::registry;
use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for family in Family::ALL {
        for stage in [Stage::Prerouting, Stage::Input] {
            let name = |what: &str| format!("{what}_{family}_{stage:?}").to_lowercase();
            trials.push(trial(name("as_written"), move || as_written(family, stage)));
            trials.push(trial(name("engines"), move || engines(family, stage)));
        }
    }
    trials.push(Trial::test("every_match_meets_the_kernel", every_match));
    libtest_mimic::run(&arguments, trials).exit();
}

/// Every match meets the kernel: by packets of its file, or by a row that makes them at random.
fn every_match() -> Result<(), Failed> {
    let all = bpfc_cases::all();
    let written = |name: &str| {
        let file = all.iter().find(|cases| cases.kind == Kind::Match && cases.name == name);
        file.is_some_and(|file| Family::ALL.iter().any(|&f| !sendable(file, f).is_empty()))
    };
    let rows = || matches::MATCHES.iter().chain(matches::CONNECTION_MATCHES);
    let rows = || rows().chain(matches::COUNTING_MATCHES);
    let missing: Vec<&str> = registry::MATCHES
        .iter()
        .map(|known| known.name)
        .filter(|name| !written(name) && !rows().any(|row| row.name == *name))
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("no packet meets {}", missing.join(", ")).into()),
    }
}

fn trial(name: String, check: impl Fn() -> Result<(), Failed> + Send + Sync + 'static) -> Trial {
    Trial::test(name, move || match require::met(require::KERNEL_IPTABLES) {
        true => isolated(&check),
        false => Ok(()),
    })
}

/// A packet in words as a frame; none where it cannot be sent.
fn frame(family: Family, words: &str) -> Option<Frame> {
    let mut port = 0;
    for fact in words.split_whitespace().filter(|word| word.contains('=')) {
        let name = fact.strip_prefix("in=")?;
        port = INTERFACES.iter().position(|known| *known == name)?;
    }
    let packet = describe(words).unwrap_or_else(|error| panic!("{words}: {error}")).packet;
    if packet.family != family {
        return None;
    }
    let mut bytes = packet.bytes;
    bytes[..6].copy_from_slice(&INNER_MAC);
    if !words.contains("ether ") {
        bytes[6..12].copy_from_slice(&OUTER_MAC);
    }
    Some(Frame { port, bytes })
}

/// The packets of a test that can be sent: those that hit, and those that miss.
fn frames(family: Family, test: &Test) -> [Vec<Frame>; 2] {
    [&test.hits, &test.misses]
        .map(|list| list.iter().filter_map(|words| frame(family, words)).collect())
}

/// The tests of a file that have such packets.
fn sendable(cases: &Cases, family: Family) -> Vec<(&str, [Vec<Frame>; 2])> {
    let tests = cases.tests.iter().filter(|test| test.words.is_of(family));
    tests
        .map(|test| (test.words.text.as_str(), frames(family, test)))
        .filter(|(_, frames)| frames.iter().any(|list| !list.is_empty()))
        .collect()
}

fn table(stage: Stage, rules: &[&str]) -> String {
    let chain = stage.chain();
    let rules: String = rules.iter().map(|words| format!("-A {chain} {words}\n")).collect();
    format!("*{}\n:{chain} ACCEPT [0:0]\n{rules}COMMIT\n", stage.table())
}

/// The kernel's own rule counts what hits, and nothing else.
fn as_written(family: Family, stage: Stage) -> Result<(), Failed> {
    let mut oracle = Oracle::new(family, stage)?;
    let prefix = family.label_prefix();
    let rule = format!("{prefix}{}/{}:1", stage.table(), stage.chain());
    let mut arrived = 0;
    for cases in bpfc_cases::all() {
        for (words, frames) in sendable(&cases, family) {
            for (frames, hits) in frames.iter().zip([true, false]) {
                let here = oracle.arrivals(frames)?;
                let frames = frames.iter().zip(here).filter_map(|(f, here)| here.then_some(f));
                let frames: Vec<Frame> = frames.cloned().collect();
                oracle.load(&table(stage, &[words]))?;
                let counters = oracle.run(&frames)?.counters;
                let counted = counters.get(&rule).map_or(0, |count| count.packets);
                let wanted = if hits { frames.len() as u64 } else { 0 };
                if counted != wanted {
                    let name = &cases.name;
                    return Err(format!("{name}: {words}: {counted}, not {wanted}").into());
                }
                arrived += frames.len();
            }
        }
    }
    match arrived > 30 {
        true => Ok(()),
        false => Err(format!("no more than {arrived} packets arrived").into()),
    }
}

/// Every engine counts as the kernel does, all packets of a file under all of its tests, where
/// every target can run them.
fn engines(family: Family, stage: Stage) -> Result<(), Failed> {
    let mut campaign = Campaign::new(Shape::new(family, stage))?;
    for cases in bpfc_cases::all() {
        let tests = sendable(&cases, family);
        if tests.is_empty() {
            continue;
        }
        let rules: Vec<&str> = tests.iter().map(|(words, _)| *words).collect();
        let ruleset = Ruleset { family, stage, text: table(stage, &rules) };
        let refused =
            ["xdp", "tc", "netfilter"].map(|target| artifact(&ruleset, target, &[]).err());
        let refused: Vec<EngineError> = refused.into_iter().flatten().collect();
        match &refused[..] {
            [] => {}
            [_, _, error] => return Err(format!("{}: {error}", cases.name).into()),
            _ => continue,
        }
        let frames = tests.iter().flat_map(|(_, frames)| frames.concat()).collect();
        campaign
            .check(ruleset.text, frames)
            .map_err(|report| format!("{}: {report}", cases.name))?;
    }
    Ok(())
}
