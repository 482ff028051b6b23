//! Random tables with user chains, jumps, gotos and returns, on the kernel and on every engine.
//!
//! The long run is `BPFC_RANDOM_RULESETS=1000 BPFC_RANDOM_PACKETS=1000`. Every ruleset has a seed
//! of its own, which a failure names: `BPFC_SEED=<seed> BPFC_RANDOM_RULESETS=1` runs it again.

use bpfc_tests::differential::campaign::Campaign;
use bpfc_tests::generate::packets::packets;
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::generate::ruleset::{Shape, ruleset};
use bpfc_tests::lab::Family;
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::lab::oracle::Stage;
use bpfc_tests::require;
use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for family in Family::ALL {
        for stage in Stage::STATELESS {
            for marks in [false, true] {
                let kind = if marks { "marking" } else { "random" };
                // What marks packets is not test-run.
                let shape =
                    Shape { marks, sender: marks, rejects: true, ..Shape::new(family, stage) };
                let name = format!("{kind}_{family}_{stage:?}").to_lowercase();
                trials.push(Trial::test(name, move || {
                    if require::met(require::KERNEL_IPTABLES) {
                        isolated(|| check(shape))?;
                    }
                    Ok(())
                }));
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// Each of the trials takes its share of the rulesets.
fn check(shape: Shape) -> Result<(), Failed> {
    let trials = (Family::ALL.len() * Stage::STATELESS.len() * 2) as u64;
    let rulesets = require::number("BPFC_RANDOM_RULESETS", 80).div_ceil(trials);
    let number = require::number("BPFC_RANDOM_PACKETS", 200) as usize;
    let first = require::number("BPFC_SEED", 1);
    let mut campaign = Campaign::new(shape)?;
    for seed in first..first + rulesets {
        let mut rng = Rng::new(seed);
        let generated = ruleset(&mut rng, shape);
        let frames = packets(&mut rng, shape, &generated.facets.list, number);
        campaign
            .check(generated.text, frames)
            .map_err(|report| format!("seed {seed}: {report}"))?;
    }
    Ok(())
}
