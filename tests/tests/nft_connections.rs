//! What nft's rules ask of connections, on the kernel and on every engine that knows of them: a
//! rule each with a counter, and conversations that a seed gives.
//!
//! XDP and TC ingress run before the tracker, so they answer for conversations that keep to their
//! protocols and for what is known before a packet is tracked. `BPFC_SEED` chooses the packets.

use bpfc_tests::differential::campaign::Campaign;
use bpfc_tests::generate::conversation::conversations;
use bpfc_tests::generate::rng::Rng;
use bpfc_tests::generate::ruleset::Shape;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::namespace::{isolated, run};
use bpfc_tests::lab::oracle::Stage;
use bpfc_tests::require::{self, KERNEL_IPTABLES, Need};
use libtest_mimic::{Arguments, Trial};

/// What is known before a packet is tracked.
const EARLY: &[&str] = &[
    "ct state new",
    "ct state established,related",
    "ct state != established,related",
    "ct state { invalid, untracked }",
    "ct state vmap { new : continue, established : continue }",
    "ct direction original",
    "ct direction reply",
    "ct protocol tcp",
    "ct protocol != { tcp, udp }",
    "meta l4proto tcp ct original proto-src 40000-40020",
    "meta l4proto udp ct original proto-dst { 22, 53, 80 }",
    "meta l4proto tcp ct reply proto-dst != 40005",
    "ct zone 0",
    "ct zone != 0",
    "ct original zone 0",
    "ct l3proto ipv4",
    "ct l3proto != ipv4",
];

/// What the tracker knows once it has seen a packet.
const LATE: &[&str] = &[
    "ct status seen-reply",
    "ct status assured",
    "ct status & (confirmed | assured) == confirmed",
    "ct mark 0",
    "ct mark 7",
    "ct mark != 7",
    "ct label 5",
    "ct helper \"ftp\"",
    "ct helper != \"ftp\"",
    "ct expiration 0-2h",
    "ct expiration > 1d",
    "ct expiration 10s-4m",
    "ct expiration < 10s",
    "ct packets > 1",
    "ct packets 1",
    "ct bytes 40-200",
    "ct original packets 1-3",
    "ct reply packets 0",
    "ct reply bytes > 60",
    "ct avgpkt 40-60",
    "ct avgpkt > 50",
    "ct original avgpkt < 50",
    "ct reply avgpkt 0",
    "ct zone 7",
    "ct zone { 0, 5 }",
    "ct original zone 5",
    "ct original zone != 5",
    "ct reply zone 5",
    "ct reply zone 0",
];

fn table(stage: Stage, family: Family, orderly: bool) -> String {
    let (hook, priority) = match stage {
        Stage::TrackedPrerouting => ("prerouting", -150),
        Stage::TrackedForward => ("forward", 0),
        _ => ("input", 0),
    };
    let late = if orderly { &[] } else { LATE };
    let family = match family {
        Family::Ipv4 => "ip",
        Family::Ipv6 => "ip6",
    };
    // What the host says in the other family is its own, and of that family alone.
    let rules: String =
        EARLY.iter().chain(late).map(|rule| format!("        {rule} counter\n")).collect();
    format!(
        "table {family} t {{
    chain c {{
        type filter hook {hook} priority {priority}; policy accept;
{rules}    }}
}}
"
    )
}

/// Puts some connections into zones: TCP to port 53 in one of its directions, UDP to it in both.
fn zones(family: Family) -> Result<(), bpfc_tests::lab::LabError> {
    for (protocol, zone) in [("tcp", "--zone-orig 5"), ("udp", "--zone 7")] {
        let rule = format!("-t raw -A PREROUTING -p {protocol} --dport 53 -j CT {zone}");
        let words: Vec<&str> = rule.split(' ').collect();
        run(&format!("{}-legacy", family.tool()), &words, "")?;
    }
    Ok(())
}

fn main() {
    let number = require::number("BPFC_RANDOM_PACKETS", 200) as usize;
    let mut trials = Vec::new();
    for family in Family::ALL {
        for stage in Stage::TRACKED {
            for orderly in [true, false] {
                let shape = Shape { orderly, marks: false, ..Shape::new(family, stage) };
                let kind = if orderly { "orderly" } else { "disorderly" };
                let name = format!("{kind}_{family}_{stage:?}").to_lowercase();
                trials.push(Trial::test(name, move || {
                    let needs =
                        [KERNEL_IPTABLES, &[Need::Tool("conntrack"), Need::Tool("nft")]].concat();
                    if !require::met(&needs) {
                        return Ok(());
                    }
                    isolated(|| {
                        let mut campaign = Campaign::new(shape)?;
                        if !orderly {
                            zones(family)?;
                        }
                        let mut rng = Rng::new(require::number("BPFC_SEED", 1));
                        let frames = conversations(&mut rng, shape, number);
                        campaign.check(table(stage, family, orderly), frames)?;
                        Ok(())
                    })
                }));
            }
        }
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
