//! The rule header and every match extension, in variations that a seed gives, on the kernel and on
//! every engine. Of chains that several hooks share, too, what one of them knows to be absent.
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
    for family in Family::ALL {
        for stage in [Stage::Prerouting, Stage::Input, Stage::Forward, Stage::Output] {
            let shape = Shape { marks: false, ..Shape::new(family, stage) };
            let needs = require::KERNEL_IPTABLES.to_vec();
            trials.push(campaign::trial("absent", shape, needs, 1, move |rng| {
                let Generated { facets, .. } = headers(rng, shape);
                (absent(stage), packets(rng, shape, &facets.list, 200))
            }));
        }
    }
    libtest_mimic::run(&arguments, trials).exit();
}

/// A table whose base chains all lead to one chain, which asks for interfaces and bridge ports that
/// packets of some hooks do not have. Bridge ports are asked for where no packet has any.
fn absent(stage: Stage) -> String {
    let tests = [
        "-o wan0",
        "! -o wan0",
        "-o wan+",
        "! -o wan+",
        "-o +",
        "! -o +",
        "-i eth0",
        "! -i eth0",
        "-i eth+ -o wan+",
        "! -i eth0 ! -o wan1 -p udp",
        "-i +",
        "! -i +",
    ];
    let ports =
        ["--physdev-is-bridged", "! --physdev-is-bridged", "--physdev-is-in --physdev-is-bridged"];
    let ports = if stage == Stage::Output { &ports[..] } else { &[] };
    let base: &[&str] = match stage {
        Stage::Prerouting => &["PREROUTING", "OUTPUT"],
        _ => &["INPUT", "FORWARD", "OUTPUT"],
    };
    let mut text = format!("*{}\n", stage.table());
    for chain in base {
        text += &format!(":{chain} ACCEPT [0:0]\n");
    }
    text += ":shared - [0:0]\n";
    for chain in base {
        text += &format!("-A {chain} -j shared\n");
    }
    for test in tests {
        text += &format!("-A shared {test}\n");
    }
    for test in ports {
        text += &format!("-A shared -m physdev {test}\n");
    }
    // Each of them decides some packets.
    text + "-A shared ! -o wan0 -p tcp -j DROP\n-A shared ! -i eth0 -p udp -j DROP\nCOMMIT\n"
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
