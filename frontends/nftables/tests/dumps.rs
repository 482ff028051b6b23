//! nft's own dumps of rulesets (`tests/shell` of its sources, where `BPFC_NFT_DUMPS` names the
//! folder): what is listed as text and as JSON is one model, or is not filtering.

mod support;

use bpfc_diag::{Code, Diagnostics};
use bpfc_nftables::model::Ruleset;
use std::path::{Path, PathBuf};
use support::{read_all, read_document};

/// The JSON dumps below a folder that have one in text beside them.
fn dumps(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            dumps(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "json-nft")
            && path.with_extension("nft").exists()
        {
            found.push(path);
        }
    }
}

/// The model, or the messages; elements of sets and chains may stand in another order.
fn answer(ruleset: Option<Ruleset>, said: &Diagnostics) -> Vec<String> {
    let text = match ruleset {
        Some(ruleset) => ruleset.to_string(),
        None => said.iter().map(|d| format!("{:?} {}\n", d.code, d.message)).collect(),
    };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// A document whose rules are the texts that are shown for them.
fn with_texts(document: &str, ruleset: &Ruleset) -> String {
    let chains = ruleset.tables.iter().flat_map(|table| {
        table.chains.iter().map(move |chain| (table.family.name(), &*table.name, chain))
    });
    let mut texts = std::collections::BTreeMap::new();
    for (family, table, chain) in chains {
        let shown = chain.rules.iter().map(|rule| rule.text.clone().expect("JSON has no text"));
        texts.insert(
            [family, table, &*chain.name].map(str::to_owned),
            shown.collect::<Vec<_>>().into_iter(),
        );
    }
    let mut document: serde_json::Value = serde_json::from_str(document).expect("is JSON");
    for object in document["nftables"].as_array_mut().expect("is an array") {
        let Some(rule) = object.get_mut("rule") else { continue };
        let word = |name: &str| rule[name].as_str().unwrap_or_default().to_owned();
        let place = ["family", "table", "chain"].map(word);
        let text = texts.get_mut(&place).and_then(Iterator::next);
        if let Some(text) = text {
            rule["expr"] = serde_json::json!([&*text]);
        }
    }
    document.to_string()
}

#[test]
fn listings_as_text_and_as_json_are_one_model() {
    let Some(root) = std::env::var_os("BPFC_NFT_DUMPS") else {
        println!("skipped: BPFC_NFT_DUMPS does not name the folder tests/shell of nft");
        return;
    };
    let mut paths = Vec::new();
    dumps(Path::new(&root), &mut paths);
    let (mut same, mut other) = (0, Vec::new());
    for path in &paths {
        let text = std::fs::read_to_string(path.with_extension("nft")).expect("is text");
        let json = std::fs::read_to_string(path).expect("is text");
        let (of_text, _, said_of_text) = read_all(&text);
        let (of_json, _, said_of_json) = read_document(&json);
        let is_outside = |said: &Diagnostics| said.iter().any(|d| d.code == Code::NFT_OUTSIDE);
        let is_read = of_text.is_some();
        if let Some(ruleset) = &of_json
            && !json.contains("\"nat\"")
        {
            // serde_json orders members by name, and so statements of elements.
            let again = |ruleset: Option<Ruleset>, said: &Diagnostics| match ruleset {
                Some(ruleset) => ruleset.to_string(),
                None => format!("{}: {said:?}", path.display()),
            };
            let value: serde_json::Value = serde_json::from_str(&json).expect("is JSON");
            let (plain, _, said_of_plain) = read_document(&value.to_string());
            let (texts, _, said_of_texts) = read_document(&with_texts(&json, ruleset));
            assert_eq!(again(texts, &said_of_texts), again(plain, &said_of_plain));
        }
        let (wanted, found) = (answer(of_text, &said_of_text), answer(of_json, &said_of_json));
        if wanted == found && is_read {
            same += 1;
        } else if !(is_outside(&said_of_text) && is_outside(&said_of_json)) {
            let only = |a: &[String], b: &[String]| {
                let lines = a.iter().filter(|line| !b.contains(line));
                lines.cloned().collect::<Vec<_>>().join("\n")
            };
            let (text, json) = (only(&wanted, &found), only(&found, &wanted));
            other.push(format!("{}\ntext:\n{text}\nJSON:\n{json}\n", path.display()));
        }
    }
    assert!(other.is_empty(), "{} of {} differ:\n{}", other.len(), paths.len(), other.join("\n"));
    assert!(same >= 359, "only {same} rulesets are read");
}
