//! The oracle itself: packets whose counts are plain to see, at every stage.

use bpfc_tests::generate::draft::{Draft, protocol};
use bpfc_tests::lab::Family;
use bpfc_tests::lab::inject::Frame;
use bpfc_tests::lab::namespace::{isolated, run};
use bpfc_tests::lab::oracle::{Oracle, Stage};
use bpfc_tests::lab::tables::Count;
use bpfc_tests::require;
use std::error::Error;

/// TCP to ports 70 to 89, one packet each, of 40 bytes (IPv6: 60).
fn frames(family: Family) -> Vec<Frame> {
    (70..90)
        .map(|port| {
            let mut draft = Draft::new(family);
            draft.become_protocol(protocol::TCP);
            draft.tcp().destination = port;
            draft.frame()
        })
        .collect()
}

fn ruleset(stage: Stage) -> String {
    let (table, chain) = (stage.table(), stage.chain());
    format!(
        "*{table}\n\
         :{chain} DROP [0:0]\n\
         :web - [0:0]\n\
         :empty - [0:0]\n\
         -A {chain} -p tcp -m tcp --dport 80:89 -j web\n\
         -A {chain} -j empty\n\
         -A web -p tcp -m tcp --dport 80\n\
         -A web -p tcp -m tcp --dport 80:83 -j ACCEPT\n\
         -A web -g empty\n\
         COMMIT\n"
    )
}

#[test]
fn counts_are_read_where_rules_are() {
    if !require::met(require::KERNEL_IPTABLES) {
        return;
    }
    for family in Family::ALL {
        for stage in Stage::STATELESS {
            isolated(|| check(family, stage))
                .unwrap_or_else(|report| panic!("{stage:?}: {report}"));
        }
    }
}

fn check(family: Family, stage: Stage) -> Result<(), String> {
    outcome(family, stage).map_err(|error| error.to_string())
}

fn outcome(family: Family, stage: Stage) -> Result<(), Box<dyn Error>> {
    let size = match family {
        Family::Ipv4 => 40,
        Family::Ipv6 => 60,
    };
    let mut oracle = Oracle::new(family, stage)?;
    let frames = frames(family);
    assert_eq!(oracle.arrivals(&frames)?, vec![true; frames.len()]);
    oracle.load(&ruleset(stage))?;
    let outcome = oracle.run(&frames)?;
    let (prefix, table, chain) = (family.label_prefix(), stage.table(), stage.chain());
    let expected = [
        (format!("{chain}:1"), 10),
        // A goto out of a user chain ends in the chain that called it, whose next rule is asked.
        (format!("{chain}:2"), 16),
        (format!("{chain}:policy"), 16),
        ("web:1".to_owned(), 1),
        ("web:2".to_owned(), 4),
        ("web:3".to_owned(), 6),
    ]
    .map(|(label, packets)| {
        (format!("{prefix}{table}/{label}"), Count { packets, bytes: packets * size })
    });
    assert_eq!(outcome.counters, expected.into_iter().collect(), "{family} {stage:?}");
    assert_eq!(outcome.accepted, stage.tells_accepted().then_some(4), "{family} {stage:?}");

    // The kernel's own tool sees the same counts, in the same order.
    let saved = run(&format!("{}-legacy-save", family.tool()), &["-c", "-t", table], "")?;
    let counts: Vec<&str> = saved.lines().filter(|line| line.starts_with('[')).collect();
    assert!(counts[0].starts_with(&format!("[10:{}] -A {chain} ", 10 * size)), "{saved}");
    assert!(counts[2].starts_with(&format!("[1:{size}] -A web ")), "{saved}");
    Ok(())
}

#[test]
fn what_the_kernel_drops_before_its_hooks_does_not_arrive() {
    if !require::met(require::KERNEL_IPTABLES) {
        return;
    }
    let arrived = isolated(|| {
        let mut oracle = Oracle::new(Family::Ipv4, Stage::Prerouting).map_err(|e| e.to_string())?;
        let mut frames = frames(Family::Ipv4);
        for frame in frames.iter_mut().step_by(3) {
            // The header checksum.
            frame.bytes[24] ^= 1;
        }
        oracle.arrivals(&frames).map_err(|error| error.to_string())
    });
    let expected: Vec<bool> = (0..20).map(|number| number % 3 != 0).collect();
    assert_eq!(arrived, Ok(expected));
}
