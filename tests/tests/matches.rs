//! The rule header and every match extension, in variations that a seed gives, on the kernel and on every engine.
//!
//! `BPFC_SEED` chooses the variations, `BPFC_MATCH_RULESETS` how many there are.

use bpfc_tests::differential::campaign;
use bpfc_tests::generate::matches::MATCHES;
use bpfc_tests::generate::packets::packets;
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::generate::ruleset::{Generated, Shape, headers, single_match};
use bpfc_tests::lab::Family;
use bpfc_tests::lab::oracle::Stage;
use bpfc_tests::require;
use libtest_mimic::{Arguments, Trial};

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
    let rulesets = require::number("BPFC_MATCH_RULESETS", 2);
    campaign::trial(name, shape, require::KERNEL_IPTABLES.to_vec(), rulesets, move |rng| {
        let Generated { text, facets } = generate(rng);
        let frames = packets(rng, shape, &facets.list, 300);
        (text, frames)
    })
}
