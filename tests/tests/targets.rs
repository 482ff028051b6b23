//! Every target extension that writes or marks packets, in variations that a seed gives, alone and
//! in random tables, on the kernel and on every engine: what leaves must be the same, byte for
//! byte.
//!
//! `BPFC_SEED` chooses the variations, `BPFC_TARGET_RULESETS` how many there are.

use bpfc_tests::differential::campaign;
use bpfc_tests::generate::packets::packets;
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::generate::ruleset::{Generated, Shape, ruleset, single_target};
use bpfc_tests::generate::targets::{MARKING, REWRITING};
use bpfc_tests::lab::Family;
use bpfc_tests::lab::oracle::Stage;
use bpfc_tests::require;
use libtest_mimic::{Arguments, Trial};

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
            let marks = Shape { marks: true, ..shape };
            for kind in MARKING {
                trials.push(trial(kind.name, marks, move |rng| single_target(rng, marks, kind)));
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
    let rulesets = require::number("BPFC_TARGET_RULESETS", 3);
    campaign::trial(name, shape, require::KERNEL_IPTABLES.to_vec(), rulesets, move |rng| {
        let Generated { text, facets } = generate(rng);
        let frames = packets(rng, shape, &facets.list, 300);
        (text, frames)
    })
}
