//! Rate limits beside the kernel's, over ten seconds of the same packets.
//!
//! Every packet meets the same rules four times: in a program at XDP, in one at TC ingress, in the
//! kernel's table raw, and in a program that a netfilter hook runs right behind it. Each program
//! notes the tick at which it begins with a packet and the one at which it ends, so that it is
//! known between which ticks each of the four saw it: the kernel between the end of the one and the
//! beginning of the other. What each may have counted follows from that ([`possible`]), whatever
//! the machine does meanwhile. Where no packet met a change of the clock on its way, that is one
//! number for all four.

use crate::in_lab;
use crate::possible::{self, Keying, Limit, Seen};
use crate::schedule::{self, Shot};
use bpfc_ir::{Hook, Input, Op, Program as IrProgram, StateKind};
use bpfc_runtime::{Filter, Options};
use bpfc_tests::differential::EngineError;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::inject::Wire;
use bpfc_tests::lab::tables::{self, Reader};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// Matches of one rule each.
const RULES: &[&str] = &[
    "-m limit --limit 1/second",
    "-m limit --limit 20/minute --limit-burst 9",
    "-m limit --limit 100/second --limit-burst 1",
    "-m limit --limit 100/second --limit-burst 60",
    "-m limit --limit 301/second --limit-burst 3",
    "-m hashlimit --hashlimit-upto 100/second --hashlimit-burst 1",
    "-m hashlimit --hashlimit-above 100/second --hashlimit-burst 20",
    "-m hashlimit --hashlimit-upto 10/second --hashlimit-mode srcip",
    "-m hashlimit --hashlimit-above 50/second --hashlimit-burst 10 --hashlimit-mode srcip,dstport",
    "-m hashlimit --hashlimit-upto 90/minute --hashlimit-mode dstip,srcport --hashlimit-burst 2",
    "-m hashlimit --hashlimit-upto 30/second --hashlimit-mode srcip,srcport,dstip,dstport",
    "-m hashlimit --hashlimit-upto 99/second --hashlimit-mode srcip --hashlimit-srcmask 26",
    "-m hashlimit --hashlimit-above 200/second --hashlimit-mode dstip --hashlimit-dstmask 0",
    "-m hashlimit --hashlimit-upto 16kb/s --hashlimit-mode srcip",
    "-m hashlimit --hashlimit-above 20kb/s --hashlimit-mode srcip --hashlimit-burst 40kb",
    "-m hashlimit --hashlimit-upto 4000b/s --hashlimit-burst 12000b",
    "-m hashlimit --hashlimit-upto 100/second --hashlimit-mode srcip --hashlimit-rate-match",
    "-m hashlimit --hashlimit-above 90/second --hashlimit-rate-match --hashlimit-rate-interval 2",
    "-m hashlimit --hashlimit-above 16kb/s --hashlimit-mode dstport --hashlimit-rate-match",
];

/// Times that a list remembers of an address; no address sends as many packets.
const STAMPS: usize = 4095;

#[test]
fn ipv4_limits_are_the_kernels_over_ten_seconds() {
    in_lab(|| beside(Family::Ipv4));
}

#[test]
fn ipv6_limits_are_the_kernels_over_ten_seconds() {
    in_lab(|| beside(Family::Ipv6));
}

/// A rule's match with what all tables of limits need: a name, and buckets that stay.
fn options(family: Family, number: usize) -> String {
    let options = RULES[number].replace(
        "--hashlimit-srcmask 26",
        match family {
            Family::Ipv4 => "--hashlimit-srcmask 26",
            Family::Ipv6 => "--hashlimit-srcmask 122",
        },
    );
    match options.contains("hashlimit") {
        true => format!("{options} --hashlimit-name t{number} --hashlimit-htable-expire 9000000"),
        false => options,
    }
}

/// The table raw with these rules in its chain.
fn table(policy: &str, rules: &[String]) -> String {
    let rules: String = rules.iter().map(|rule| format!("-A PREROUTING {rule}\n")).collect();
    format!("*raw\n:PREROUTING {policy} [0:0]\n:OUTPUT ACCEPT [0:0]\n{rules}COMMIT\n")
}

/// A rule that notes a packet's tick in a list.
fn noting(list: &str) -> String {
    format!("-m recent --set --name {list}")
}

/// What a rule's label is; programs have one rule before those of the kernel.
fn label(family: Family, number: usize, before: usize) -> String {
    format!("{}raw/PREROUTING:{}", family.label_prefix(), number + 1 + before)
}

/// One program.
struct Program {
    filter: Filter,
    /// The limits, in the rules' order.
    limits: Vec<Limit>,
}

impl Program {
    fn load(family: Family, target: &str) -> Result<Program, EngineError> {
        // This one makes the lists long enough.
        let mut rules = vec![noting("before")];
        rules.extend((0..RULES.len()).map(|number| options(family, number)));
        rules.push(noting("after"));
        for list in ["before", "after"] {
            rules.push(format!("-m recent --rcheck --hitcount {STAMPS} --name {list}"));
        }
        let policy = if target == "netfilter" { "DROP" } else { "ACCEPT" };
        let input = Input {
            name: "rules".to_owned(),
            bytes: table(policy, &rules).into_bytes(),
            format: Some(format!("{}-save", family.tool())),
        };
        let options = bpfc_driver::Options {
            hooks: Some(vec![Hook::Prerouting]),
            tables: Some(vec!["raw".to_owned()]),
            ..bpfc_driver::Options::default()
        };
        let target_def = bpfc_driver::target(target).expect("a target");
        let result = bpfc_driver::compile(&[input], target_def, &options);
        let Some(artifact) = result.artifact() else {
            return Err(EngineError::refused(&result.diagnostics, &result.sources));
        };
        let limits = result.lowered().map(|program| limits(family, program)).unwrap_or_default();
        let mut options = Options::new(target);
        match target {
            // Right behind the table raw (-300).
            "netfilter" => options.priority = Some(-299),
            _ => options.interfaces = vec!["eth0".to_owned()],
        }
        Ok(Program { filter: Filter::load(artifact, &options)?, limits })
    }

    /// The ticks that a list has noted, by packet.
    fn noted(&self, list: &str, shots: &[Shot]) -> Result<Vec<u64>, EngineError> {
        let list = self.filter.recent(list)?;
        let stamps = list.into_iter().map(|entry| {
            assert!(entry.stamps.len() < STAMPS, "{}: more than is remembered", entry.address);
            (entry.address, entry.stamps.into_iter())
        });
        let mut stamps: BTreeMap<IpAddr, _> = stamps.collect();
        let mut next = |shot: &Shot| stamps.get_mut(&shot.source).and_then(Iterator::next);
        let noted: Option<Vec<u64>> = shots.iter().map(&mut next).collect();
        assert!(stamps.values().all(|rest| rest.len() == 0), "packets that were not sent");
        Ok(noted.expect("a tick of every packet"))
    }

    /// Packets that each rule has counted.
    fn counted(&self, family: Family) -> Result<Vec<u64>, EngineError> {
        let counters = self.filter.counters()?;
        let count = |number| counters.find(&label(family, number, 1)).expect("a rule").packets;
        Ok((0..RULES.len()).map(count).collect())
    }
}

fn beside(family: Family) -> Result<(), EngineError> {
    let mut wire = Wire::new(&["eth0"])?;
    let rules: Vec<String> = (0..RULES.len()).map(|number| options(family, number)).collect();
    tables::restore(family, &table("ACCEPT", &rules))?;
    let xdp = Program::load(family, "xdp")?;
    let tc = Program::load(family, "tc")?;
    let netfilter = Program::load(family, "netfilter")?;
    let reader = Reader::new(family, "raw")?;

    let shots = schedule::shots(family);
    schedule::send(&mut wire, &shots);

    let counts: BTreeMap<String, u64> =
        reader.labels().map(str::to_owned).zip(reader.read()?.iter().map(|c| c.packets)).collect();
    let kernel = (0..RULES.len()).map(|number| counts[&label(family, number, 0)]).collect();
    let notes = |program: &Program| -> Result<[Vec<u64>; 2], EngineError> {
        Ok([program.noted("before", &shots)?, program.noted("after", &shots)?])
    };
    let [xdp_ticks, tc_ticks, netfilter_ticks] = [notes(&xdp)?, notes(&tc)?, notes(&netfilter)?];
    let kernel_ticks = [tc_ticks[1].clone(), netfilter_ticks[0].clone()];
    let engines = [
        ("kernel", kernel, kernel_ticks),
        ("netfilter", netfilter.counted(family)?, netfilter_ticks),
        ("tc", tc.counted(family)?, tc_ticks),
        ("xdp", xdp.counted(family)?, xdp_ticks),
    ];
    assert_eq!(netfilter.limits.len(), RULES.len());
    let mut wrong = String::new();
    for (name, counted, ticks) in &engines {
        let seen = seen(&shots, ticks);
        let changed = seen.iter().filter(|seen| seen.ticks.start() != seen.ticks.end()).count();
        let mut exact = 0;
        for (number, count) in counted.iter().enumerate() {
            let expected = expected(&netfilter.limits[number], RULES[number], &seen);
            exact += usize::from(expected.start() == expected.end());
            if !expected.contains(count) {
                wrong += &format!("{name}: {}: {count}, not in {expected:?}\n", RULES[number]);
            }
        }
        let (packets, rules) = (seen.len(), RULES.len());
        eprintln!(
            "{family} {name}: the clock changed on {changed} of {packets} packets; \
             {exact} of {rules} counts can be one number alone"
        );
    }
    assert!(wrong.is_empty(), "{wrong}");
    // The slowest rates part the packets even where a machine takes minutes to send them.
    for (rule, &count) in RULES.iter().zip(&engines[0].1).take(2) {
        assert!((1..shots.len() as u64).contains(&count), "{rule}: {count}");
    }
    Ok(())
}

/// The packets, each with the ticks between which it was seen.
fn seen(shots: &[Shot], ticks: &[Vec<u64>; 2]) -> Vec<Seen> {
    let number = |address| match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    let times = ticks[0].iter().zip(&ticks[1]);
    let seen = shots.iter().zip(times).map(|(shot, (&first, &last))| {
        assert!(first <= last, "a clock that goes backwards");
        let header = if shot.source.is_ipv4() { 20 } else { 40 };
        Seen {
            addresses: [number(shot.source), number(shot.destination)],
            ports: shot.ports,
            length: (header + 8 + shot.payload) as u32,
            ticks: first..=last,
        }
    });
    seen.collect()
}

/// The limits of a program's rules, in the order of the rules, each once: a match may stand in
/// several places of a rule's code.
fn limits(family: Family, program: &IrProgram) -> Vec<Limit> {
    let functions = program.funcs.values();
    let insts = functions.flat_map(|function| {
        let blocks = function.layout.iter().flat_map(|&block| &function.blocks[block].insts);
        blocks.map(|&inst| &function.insts[inst].op)
    });
    let (mut states, mut tables) = (BTreeSet::new(), BTreeSet::new());
    let mut limits = Vec::new();
    for op in insts {
        match *op {
            Op::Take(state) if states.insert(state) => {
                if let StateKind::TickBucket(bucket) = program.states[state].kind {
                    limits.push(Limit::Bucket(bucket));
                }
            }
            Op::Touch(table, ..) if tables.insert(table) => {
                let keying = Keying::of(family, &options(family, limits.len()));
                for kind in program.tables[table].states() {
                    if let StateKind::WideBucket(bucket) = *kind {
                        limits.push(Limit::Table(bucket, keying));
                    }
                }
            }
            _ => {}
        }
    }
    limits
}

/// What a rule can have counted.
fn expected(limit: &Limit, rule: &str, seen: &[Seen]) -> RangeInclusive<u64> {
    let hertz = (1_000_000_000 / schedule::tick().as_nanos()) as u32;
    let within = possible::within(limit, hertz, seen);
    let all = seen.len() as u64;
    match rule.contains("-above ") {
        true => all - within.end()..=all - within.start(),
        false => within,
    }
}
