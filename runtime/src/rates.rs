//! Rates and bursts that the running kernel's rules could not have.
//!
//! Limits count in units that depend on how many ticks a second the kernel's clock has
//! (`CONFIG_HZ`), and iptables' rule is refused where its numbers do not fit. Only whoever loads a
//! program knows that clock.

use crate::{Error, kconfig};
use bpfc_artifact::{Artifact, RefusedRate, RuleTable};

/// An error where the running kernel would refuse a rule's rate or burst.
pub(crate) fn check(artifact: &Artifact) -> Result<(), Error> {
    check_for(&artifact.rules, kconfig::ticks_per_second())
}

fn check_for(rules: &RuleTable, ticks: u32) -> Result<(), Error> {
    let refused = |found: &&RefusedRate| found.ticks.contains(&ticks);
    let Some(found) = rules.rates.iter().find(refused) else { return Ok(()) };
    let rule = rules.entries.get(found.rule as usize);
    let rule = rule.ok_or_else(|| Error::Artifact("a rate belongs to no rule".into()))?;
    let place = match rule.line {
        0 => rule.label.clone(),
        line => format!("{}:{line}: {}", rule.file, rule.label),
    };
    Err(Error::Rate { place, text: rule.text.to_string(), ticks })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfc_artifact::{Family, RuleEntry, RuleKind};

    #[test]
    fn the_clock_decides() {
        let entry = RuleEntry {
            label: "filter/INPUT:1".into(),
            family: Family::Ipv4.into(),
            table: "filter".into(),
            chain: "INPUT".into(),
            hook: None,
            kind: RuleKind::Rule(1),
            text: "-A INPUT -m limit --limit 1/day".into(),
            verdict: String::new(),
            columns: [].into(),
            file: "web.rules".into(),
            line: 7,
            counter: None,
        };
        let mut rules = RuleTable { entries: vec![entry], ..RuleTable::default() };
        rules.rates.push(RefusedRate { rule: 0, ticks: vec![100, 250] });
        let said = check_for(&rules, 250).unwrap_err().to_string();
        assert!(said.starts_with("web.rules:7: filter/INPUT:1: "), "{said}");
        assert!(said.contains("250 ticks a second"), "{said}");
        assert!(check_for(&rules, 1000).is_ok());
        rules.rates[0].rule = 9;
        assert!(matches!(check_for(&rules, 100), Err(Error::Artifact(_))));
    }
}
