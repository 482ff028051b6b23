//! Random rulesets of nft, on the kernel and on every engine.
//!
//! The long run is `BPFC_RANDOM_RULESETS=1000 BPFC_RANDOM_PACKETS=1000`. Every ruleset has a seed
//! of its own, which a failure names: `BPFC_SEED=<seed> BPFC_RANDOM_RULESETS=1` runs it again.
//! Left out are the packets that docs/semantics.md excepts.

use bpfc_tests::differential::campaign;
use bpfc_tests::generate::nft::ruleset;
use bpfc_tests::generate::packets::{as_nft_reads, packets};
use bpfc_tests::generate::ruleset::Shape;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::oracle::Stage;
use bpfc_tests::require::{self, KERNEL_IPTABLES, Need};
use libtest_mimic::Arguments;

fn main() {
    let number = require::number("BPFC_RANDOM_PACKETS", 120) as usize;
    // Each of the trials takes its share of the rulesets.
    let trials = (Family::ALL.len() * Stage::STATELESS.len() * 2) as u64;
    let rulesets = require::number("BPFC_RANDOM_RULESETS", 20).div_ceil(trials);
    let mut trials = Vec::new();
    for family in Family::ALL {
        for stage in Stage::STATELESS {
            for is_inet in [false, true] {
                let kind = if is_inet { "random_inet" } else { "random" };
                let shape = Shape { marks: false, ..Shape::new(family, stage) };
                let needs = [KERNEL_IPTABLES, &[Need::Tool("nft")]].concat();
                trials.push(campaign::trial(kind, shape, needs, rulesets, move |rng| {
                    let generated = ruleset(rng, shape, is_inet);
                    let frames = packets(rng, shape, &generated.facets, number);
                    (generated.text, as_nft_reads(frames))
                }));
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
