//! Random tables with user chains, jumps, gotos and returns, on the kernel and on every engine.
//!
//! The long run is `BPFC_RANDOM_RULESETS=1000 BPFC_RANDOM_PACKETS=1000`. Every ruleset has a seed
//! of its own, which a failure names: `BPFC_SEED=<seed> BPFC_RANDOM_RULESETS=1` runs it again.

use bpfc_tests::differential::campaign;
use bpfc_tests::generate::packets::packets;
use bpfc_tests::generate::ruleset::{Shape, ruleset};
use bpfc_tests::lab::Family;
use bpfc_tests::lab::oracle::Stage;
use bpfc_tests::require;
use libtest_mimic::Arguments;

fn main() {
    let number = require::number("BPFC_RANDOM_PACKETS", 200) as usize;
    // Each of the trials takes its share of the rulesets.
    let trials = (Family::ALL.len() * Stage::STATELESS.len() * 2) as u64;
    let rulesets = require::number("BPFC_RANDOM_RULESETS", 80).div_ceil(trials);
    let mut trials = Vec::new();
    for family in Family::ALL {
        for stage in Stage::STATELESS {
            for marks in [false, true] {
                let kind = if marks { "marking" } else { "random" };
                // What marks packets is not test-run.
                let shape =
                    Shape { marks, sender: marks, rejects: true, ..Shape::new(family, stage) };
                let needs = require::KERNEL_IPTABLES.to_vec();
                trials.push(campaign::trial(kind, shape, needs, rulesets, move |rng| {
                    let generated = ruleset(rng, shape);
                    let frames = packets(rng, shape, &generated.facets.list, number);
                    (generated.text, frames)
                }));
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
