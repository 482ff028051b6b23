//! Rulesets of the kernel's nft, and their counters by the labels that every command prints.

use super::LabError;
use super::namespace::run;
use super::tables::{Count, Counters, named_counter};
use serde_json::Value;
use std::path::Path;

/// The nft that answers: `BPFC_NFT` names another one than the machine's.
fn tool() -> String {
    std::env::var("BPFC_NFT").unwrap_or_else(|_| "nft".to_owned())
}

fn nft(arguments: &[&str], input: &str) -> Result<String, LabError> {
    run(&tool(), arguments, input)
}

/// Whether nft is of a version at least, such as `[1, 1, 2]`.
pub fn is_at_least(wanted: [u32; 3]) -> bool {
    let printed = nft(&["--version"], "").unwrap_or_default();
    let numbers = printed.split(['v', ' ', '.']).filter_map(|word| word.parse().ok());
    let numbers: Vec<u32> = numbers.take(3).collect();
    numbers.as_slice() >= &wanted[..]
}

/// Whether a text is a ruleset of nft.
pub fn is_ruleset(text: &str) -> bool {
    text.starts_with("table ")
}

/// Whether nft and kernel take a ruleset.
pub fn takes(ruleset: &str) -> bool {
    nft(&["-c", "-f", "-"], ruleset).is_ok()
}

/// Replaces all of nft's ruleset.
pub fn load(ruleset: &str) -> Result<(), LabError> {
    nft(&["-f", "-"], &format!("flush ruleset\n{ruleset}")).map(drop)
}

/// The same of a ruleset that includes files of a folder.
pub fn load_in(folder: &Path, ruleset: &str) -> Result<(), LabError> {
    let command = "cd \"$0\" && exec \"$1\" -f -";
    let folder = folder.display().to_string();
    run("sh", &["-c", command, &folder, &tool()], &format!("flush ruleset\n{ruleset}")).map(drop)
}

/// Runs commands as one transaction.
pub fn change(commands: &str) -> Result<(), LabError> {
    nft(&["-f", "-"], commands).map(drop)
}

/// A base chain of the ruleset in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// Family, table and name, as commands have them.
    pub name: String,
    /// Whether it translates addresses.
    pub is_nat: bool,
    /// Its hook's name.
    pub hook: String,
    /// Chains of smaller numbers run first.
    pub priority: i32,
}

/// The base chains of the ruleset in place.
pub fn bases() -> Result<Vec<Base>, LabError> {
    let objects = objects(&nft(&["-j", "list", "chains"], "")?)?;
    let chains = objects.iter().map(|object| &object["chain"]);
    let base = |chain: &Value| {
        let word = |key: &str| chain[key].as_str().unwrap_or_default();
        Some(Base {
            name: format!("{} {} {}", word("family"), word("table"), word("name")),
            is_nat: word("type") == "nat",
            hook: chain["hook"].as_str()?.to_owned(),
            priority: i32::try_from(chain["prio"].as_i64()?).ok()?,
        })
    };
    Ok(chains.filter_map(base).collect())
}

/// Removes base chains of the ruleset in place, with their rules.
pub fn remove(is_removed: impl Fn(&Base) -> bool) -> Result<(), LabError> {
    let removed = bases()?.into_iter().filter(is_removed);
    let commands: String =
        removed.map(|base| format!("flush chain {0}\ndelete chain {0}\n", base.name)).collect();
    nft(&["-f", "-"], &commands).map(drop)
}

/// Takes nft's ruleset away.
pub fn flush() -> Result<(), LabError> {
    nft(&["flush", "ruleset"], "").map(drop)
}

/// The ruleset in place, as text or as JSON.
pub fn listed(as_json: bool) -> Result<String, LabError> {
    let words: &[&str] = if as_json { &["-j", "list", "ruleset"] } else { &["list", "ruleset"] };
    nft(words, "")
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

/// The counters of the ruleset in place by their labels, in its order.
///
/// # Errors
/// Where nft does not list it.
pub fn counters() -> Result<Vec<(String, Count)>, LabError> {
    let objects = objects(&listed(true)?)?;
    let mut found = Vec::new();
    let mut chain = (String::new(), 0);
    for rule in objects.iter().map(|object| &object["rule"]).filter(|rule| rule.is_object()) {
        let word = |key: &str| rule[key].as_str().unwrap_or_default();
        let name = format!("{}/{}/{}", word("family"), word("table"), word("chain"));
        if chain.0 != name {
            chain = (name, 0);
        }
        chain.1 += 1;
        let parts = rule["expr"].as_array().ok_or_else(|| unreadable(rule))?;
        let mut is_first = true;
        let counters = parts.iter().map(|part| &part["counter"]).filter(|of| !of.is_null());
        for (number, counter) in (1..).zip(counters).filter(|(_, counter)| is_own(counter)) {
            let statement = if is_first { String::new() } else { format!("#{number}") };
            let label = format!("{}:{}{statement}", chain.0, chain.1);
            found.push((label, count(counter).ok_or_else(|| unreadable(rule))?));
            is_first = false;
        }
    }
    for counter in objects.iter().map(|object| &object["counter"]).filter(|of| of.is_object()) {
        let word = |key: &str| counter[key].as_str().unwrap_or_default();
        let label = named_counter(&format!("{}/{}", word("family"), word("table")), word("name"));
        found.push((label, count(counter).ok_or_else(|| unreadable(counter))?));
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

fn unreadable(what: &impl ToString) -> LabError {
    let line = what.to_string().chars().take(200).collect();
    LabError::Output { tool: "nft -j".to_owned(), line }
}

/// The objects of what nft prints as JSON.
fn objects(printed: &str) -> Result<Vec<Value>, LabError> {
    let mut document: Value = serde_json::from_str(printed).map_err(|_| unreadable(&printed))?;
    match document["nftables"].take() {
        Value::Array(objects) => Ok(objects),
        _ => Err(unreadable(&printed)),
    }
}
