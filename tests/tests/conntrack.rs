//! Matches of connection tracking: rulesets and conversations that a seed gives, on the kernel
//! and on every target.
//!
//! XDP and TC ingress run before the tracker, so they are held against the kernel on conversations
//! that keep to their protocols; docs/semantics.md says what else can differ.

use bpfc_tests::differential::campaign::Campaign;
use bpfc_tests::generate::conversation::conversations;
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::generate::ruleset::{Shape, connection_ruleset};
use bpfc_tests::lab::Family;
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::lab::oracle::Stage;
use bpfc_tests::require::{self, Need};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for family in Family::ALL {
        for stage in Stage::TRACKED {
            for orderly in [true, false] {
                let kind = if orderly { "orderly" } else { "disorderly" };
                let shape = Shape { orderly, marks: false, ..Shape::new(family, stage) };
                let name = format!("{kind}_{family}_{stage:?}").to_lowercase();
                trials.push(Trial::test(name, move || {
                    let needs = [require::KERNEL_IPTABLES, &[Need::Tool("conntrack")]].concat();
                    if require::met(&needs) {
                        isolated(|| check(shape))?;
                    }
                    Ok(())
                }));
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn check(shape: Shape) -> Result<(), Failed> {
    let rulesets = require::number("BPFC_CONNTRACK_RULESETS", 6);
    let number = require::number("BPFC_RANDOM_PACKETS", 200) as usize;
    let first = require::number("BPFC_SEED", 1);
    let mut campaign = Campaign::new(shape)?;
    for seed in first..first + rulesets {
        let mut rng = Rng::new(seed);
        let text = connection_ruleset(&mut rng, shape);
        let frames = conversations(&mut rng, shape, number);
        campaign.check(text, frames).map_err(|report| format!("seed {seed}: {report}"))?;
    }
    Ok(())
}
