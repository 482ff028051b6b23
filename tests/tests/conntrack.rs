//! Matches of connection tracking: rulesets and conversations that a seed gives, on the kernel
//! and on every target.
//!
//! XDP and TC ingress run before the tracker, so they are held against the kernel on conversations
//! that keep to their protocols; docs/semantics.md says what else can differ.

use bpfc_tests::differential::campaign;
use bpfc_tests::generate::conversation::conversations;
use bpfc_tests::generate::ruleset::{Shape, connection_ruleset};
use bpfc_tests::lab::Family;
use bpfc_tests::lab::oracle::Stage;
use bpfc_tests::require::{self, Need};
use libtest_mimic::Arguments;

fn main() {
    let rulesets = require::number("BPFC_CONNTRACK_RULESETS", 6);
    let number = require::number("BPFC_RANDOM_PACKETS", 200) as usize;
    let mut trials = Vec::new();
    for family in Family::ALL {
        for stage in Stage::TRACKED {
            for orderly in [true, false] {
                let kind = if orderly { "orderly" } else { "disorderly" };
                let shape = Shape { orderly, marks: false, ..Shape::new(family, stage) };
                let needs = [require::KERNEL_IPTABLES, &[Need::Tool("conntrack")]].concat();
                trials.push(campaign::trial(kind, shape, needs, rulesets, move |rng| {
                    let text = connection_ruleset(rng, shape);
                    let frames = conversations(rng, shape, number);
                    (text, frames)
                }));
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
