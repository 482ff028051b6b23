//! Every target extension that writes packets, in variations that a seed gives, alone and in random
//! tables, on the kernel and on every engine: what leaves must be the same, byte for byte.
//!
//! `BPFC_SEED` chooses the variations, `BPFC_TARGET_RULESETS` how many there are.

use bpfc_tests::differential::campaign::Campaign;
use bpfc_tests::generate::packets::packets;
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::generate::ruleset::{Generated, Shape, ruleset, single_target};
use bpfc_tests::generate::targets::REWRITING;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::namespace::isolated;
use bpfc_tests::lab::oracle::Stage;
use bpfc_tests::require;
use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for stage in Stage::REWRITING {
        for family in Family::ALL {
            let shape = Shape { marks: false, rewrites: true, ..Shape::new(family, stage) };
            trials.push(trial("random", shape, move |rng| ruleset(rng, shape)));
            for kind in REWRITING.iter().filter(|kind| kind.families.contains(&family)) {
                let protocol = kind.protocol.map_or(String::new(), |number| format!("_{number}"));
                let name = format!("{}{protocol}", kind.name);
                trials.push(trial(&name, shape, move |rng| single_target(rng, shape, kind)));
            }
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(
    name: &str,
    shape: Shape,
    generate: impl Fn(&mut Rng) -> Generated + Send + Sync + 'static,
) -> Trial {
    let name = format!("{name}_{}_{:?}", shape.family, shape.stage).to_lowercase();
    Trial::test(name, move || {
        if require::met(require::KERNEL_IPTABLES) {
            isolated(|| check(shape, &generate))?;
        }
        Ok(())
    })
}

fn check(shape: Shape, generate: &dyn Fn(&mut Rng) -> Generated) -> Result<(), Failed> {
    let mut campaign = Campaign::new(shape)?;
    let first = require::number("BPFC_SEED", 1);
    for seed in first..first + require::number("BPFC_TARGET_RULESETS", 3) {
        let mut rng = Rng::new(seed);
        let generated = generate(&mut rng);
        let frames = packets(&mut rng, shape, &generated.facets.list, 300);
        campaign
            .check(generated.text, frames)
            .map_err(|report| format!("seed {seed}: {report}"))?;
    }
    Ok(())
}
