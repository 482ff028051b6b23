//! The rule header and every match extension, in variations that a seed gives, on the kernel and on every engine.
//!
//! `BPFC_SEED` chooses the variations, `BPFC_MATCH_RULESETS` how many there are.

use bpfc_tests::differential::campaign::Campaign;
use bpfc_tests::generate::matches::MATCHES;
use bpfc_tests::generate::packets::packets;
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::generate::ruleset::{Generated, Shape, headers, single_match};
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
            let shape = Shape { marks: false, ..Shape::new(family, stage) };
            trials.push(trial("header", shape, move |rng| headers(rng, shape)));
        }
    }
    for kind in MATCHES {
        for &family in kind.families {
            for &stage in kind.stages {
                let sender = kind.sender;
                let shape = Shape { marks: false, sender, ..Shape::new(family, stage) };
                trials.push(trial(kind.name, shape, move |rng| single_match(rng, shape, kind)));
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
    let mut rng = Rng::new(require::number("BPFC_SEED", 1));
    for _ in 0..require::number("BPFC_MATCH_RULESETS", 2) {
        let generated = generate(&mut rng);
        let frames = packets(&mut rng, shape, &generated.facets.list, 300);
        campaign.check(generated.text, frames)?;
    }
    Ok(())
}
