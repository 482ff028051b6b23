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
    for is_listed in [false, true] {
        let forms = units.iter().flat_map(|unit| unit.json.iter().map(move |form| (unit, form)));
        let forms: Vec<_> = forms.filter(|(_, (listed, _))| *listed == is_listed).collect();
        let differs = |(unit, (_, other)): &(_, &(bool, Option<String>))| {
            other.as_ref().map(|other| format!("{unit}\n{other}"))
        };
        let other: Vec<String> = forms.iter().filter_map(differs).collect();
        // Of rules that nft lists otherwise, some say less: states are left out of tests, words for
        // default values, and protocols that follow from others.
        let (all, most) = if is_listed { (1080, 29) } else { (5736, 0) };
        assert!(forms.len() >= all, "only {} rules are there as JSON", forms.len());
        assert!(other.len() <= most, "as JSON, {} differ:\n{}", other.len(), other.join("\n"));
    }
    let all = refused + accepted.len();
    assert!(
        refused * 100 >= all * 99,
        "accepted though nft refuses them:\n{}",
        accepted.join("\n")
    );
}
