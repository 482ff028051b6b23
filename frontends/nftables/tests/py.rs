//! nft's own tests of rules, where `BPFC_NFT_TESTS` names the folder that holds them (tests/py of
//! its sources): what nft accepts becomes the same expressions, or is refused by class.

#[path = "support/suite.rs"]
mod suite;
mod support;

use std::path::Path;
use suite::{Outcome, judge};

#[test]
fn rules_become_what_nft_makes_of_them() {
    let Some(root) = std::env::var_os("BPFC_NFT_TESTS") else {
        println!("skipped: BPFC_NFT_TESTS does not name the folder tests/py of nft");
        return;
    };
    let units = judge(Path::new(&root), "");
    assert!(units.len() > 6000, "only {} rulesets are below the folder", units.len());
    let (mut same, mut wrong) = (0, Vec::new());
    let (mut refused, mut accepted) = (0, Vec::new());
    for unit in &units {
        match (&unit.outcome, unit.is_ok) {
            (Outcome::Same, true) => same += 1,
            (Outcome::Same, false) => refused += 1,
            (Outcome::Outside, _) => {}
            (Outcome::Accepted, _) => accepted.push(unit.to_string()),
            (outcome, _) => wrong.push(format!("{unit}\n    {outcome:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(same >= 4984, "only {same} rulesets are filtering");
    let all = refused + accepted.len();
    assert!(
        refused * 100 >= all * 99,
        "accepted though nft refuses them:\n{}",
        accepted.join("\n")
    );
}
