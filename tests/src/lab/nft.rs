//! Rulesets of the kernel's nft, and their counters by the labels that every command prints.

use super::LabError;
use super::namespace::run;
use super::tables::{Count, Counters, named_counter};
use serde_json::Value;

/// Whether a text is a ruleset of nft.
pub fn is_ruleset(text: &str) -> bool {
    text.starts_with("table ")
}

/// Replaces all of nft's ruleset.
pub fn load(ruleset: &str) -> Result<(), LabError> {
    run("nft", &["-f", "-"], &format!("flush ruleset\n{ruleset}")).map(drop)
}

/// Takes nft's ruleset away.
pub fn flush() -> Result<(), LabError> {
    run("nft", &["flush", "ruleset"], "").map(drop)
}

/// The ruleset in place, as text or as JSON.
pub fn listed(as_json: bool) -> Result<String, LabError> {
    let words: &[&str] = if as_json { &["-j", "list", "ruleset"] } else { &["list", "ruleset"] };
    run("nft", words, "")
}

/// The counters of the ruleset in place, those of rules that have one.
#[derive(Debug)]
pub struct Reader {
    labels: Vec<String>,
}

impl Reader {
    /// Finds the counters.
    pub fn new() -> Result<Reader, LabError> {
        Ok(Reader { labels: counters()?.into_iter().map(|(label, _)| label).collect() })
    }

    /// The counters, in one order.
    pub fn read(&self) -> Result<Vec<Count>, LabError> {
        Ok(counters()?.into_iter().map(|(_, count)| count).collect())
    }

    /// What was counted since a reading, without what did not move.
    pub fn moved(&self, before: &[Count]) -> Result<Counters, LabError> {
        let after = self.read()?;
        let all = self.labels.iter().zip(before.iter().zip(after));
        let moved = all.map(|(label, (&before, after))| (label.clone(), after - before));
        Ok(moved.filter(|(_, count)| *count != Count::default()).collect())
    }
}

fn counters() -> Result<Vec<(String, Count)>, LabError> {
    let printed = listed(true)?;
    let unreadable = || LabError::Output {
        tool: "nft -j list ruleset".to_owned(),
        line: printed.chars().take(200).collect(),
    };
    let document: Value = serde_json::from_str(&printed).map_err(|_| unreadable())?;
    let objects = document["nftables"].as_array().ok_or_else(unreadable)?;
    let mut found = Vec::new();
    let mut chain = (String::new(), 0);
    for rule in objects.iter().map(|object| &object["rule"]).filter(|rule| rule.is_object()) {
        let word = |key: &str| rule[key].as_str().unwrap_or_default();
        let name = format!("{}/{}/{}", word("family"), word("table"), word("chain"));
        if chain.0 != name {
            chain = (name, 0);
        }
        chain.1 += 1;
        let parts = rule["expr"].as_array().ok_or_else(unreadable)?;
        let mut is_first = true;
        let counters = parts.iter().map(|part| &part["counter"]).filter(|of| !of.is_null());
        for (number, counter) in (1..).zip(counters).filter(|(_, counter)| is_own(counter)) {
            let statement = if is_first { String::new() } else { format!("#{number}") };
            let label = format!("{}:{}{statement}", chain.0, chain.1);
            found.push((label, count(counter).ok_or_else(unreadable)?));
            is_first = false;
        }
    }
    for counter in objects.iter().map(|object| &object["counter"]).filter(|of| of.is_object()) {
        let word = |key: &str| counter[key].as_str().unwrap_or_default();
        let label = named_counter(&format!("{}/{}", word("family"), word("table")), word("name"));
        found.push((label, count(counter).ok_or_else(unreadable)?));
    }
    Ok(found)
}

/// Whether a counter statement counts by itself: others name an object, or a map of some.
fn is_own(counter: &Value) -> bool {
    counter["packets"].is_u64()
}

fn count(counter: &Value) -> Option<Count> {
    let number = |key: &str| counter[key].as_u64();
    Some(Count { packets: number("packets")?, bytes: number("bytes")? })
}
