//! Counters of nft rulesets, in nft's own syntax: each where its rule has it.

use crate::listing::ListedChain;
use bpfc_artifact::{RuleEntry, RuleKind, TableFamily};
use bpfc_runtime::Count;
use std::fmt::Write;
use std::ops::Range;

/// nft's word for a family; `None` for tables of iptables.
pub fn family(family: TableFamily) -> Option<&'static str> {
    match family {
        TableFamily::Iptables | TableFamily::Ip6tables => None,
        TableFamily::Ip => Some("ip"),
        TableFamily::Ip6 => Some("ip6"),
        TableFamily::Inet => Some("inet"),
        TableFamily::Netdev => Some("netdev"),
    }
}

/// Whether a row has a counter: all of iptables have, of nft the rules that say so.
pub fn has_counter(entry: &RuleEntry) -> bool {
    family(entry.family).is_none()
        || entry.kind != RuleKind::Policy && counter(&entry.text).is_some()
}

/// The chains of a table as `nft list table` prints them, with what was counted.
pub fn table(out: &mut String, chains: &[&ListedChain<'_>]) {
    let Some(first) = chains.first() else { return };
    let word = family(first.family).unwrap_or_default();
    let _ = writeln!(out, "table {word} {} {{", first.table);
    for (number, chain) in chains.iter().enumerate() {
        let _ = writeln!(out, "{}\tchain {} {{", if number > 0 { "\n" } else { "" }, chain.name);
        if let Some((policy, _)) = chain.policy() {
            let _ = writeln!(out, "\t\t{}", policy.text);
        }
        for (entry, count) in chain.rows.iter().filter(|(row, _)| row.kind != RuleKind::Policy) {
            let _ = writeln!(out, "\t\t{}", counted(&entry.text, *count));
        }
        let _ = writeln!(out, "\t}}");
    }
    out.push_str("}\n");
}

/// A rule with its counter's numbers.
fn counted(text: &str, count: Count) -> String {
    match counter(text) {
        Some(place) => {
            let Count { packets, bytes } = count;
            let (before, after) = (&text[..place.start], &text[place.end..]);
            format!("{before}counter packets {packets} bytes {bytes}{after}")
        }
        None => text.to_owned(),
    }
}

/// Where a rule has its counter, with the numbers that it begins with.
fn counter(text: &str) -> Option<Range<usize>> {
    let words = words(text);
    let word = |at: usize| words.get(at).map_or("", |place| &text[place.clone()]);
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let at = (0..words.len()).find(|&at| {
        let next = word(at + 1);
        word(at) == "counter" && next != "name" && !next.starts_with('"')
    })?;
    let numbers = word(at + 1) == "packets"
        && is_number(word(at + 2))
        && word(at + 3) == "bytes"
        && is_number(word(at + 4));
    let last = if numbers { at + 4 } else { at };
    Some(words[at].start..words[last].end)
}

/// The words of a rule, texts in quotes each one.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let (mut start, mut quoted) = (None, false);
    for (at, byte) in text.bytes().enumerate() {
        if byte == b'"' {
            quoted = !quoted;
        }
        match (byte.is_ascii_whitespace() && !quoted, start) {
            (true, Some(from)) => {
                words.push(from..at);
                start = None;
            }
            (false, None) => start = Some(at),
            _ => {}
        }
    }
    words.extend(start.map(|from| from..text.len()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_stand_where_rules_have_them() {
        let said = |text: &str| counted(text, Count { packets: 2, bytes: 84 });
        assert_eq!(
            said("tcp dport 22 counter accept"),
            "tcp dport 22 counter packets 2 bytes 84 accept"
        );
        assert_eq!(said("counter"), "counter packets 2 bytes 84");
        assert_eq!(said("counter packets 7 bytes 9 drop"), "counter packets 2 bytes 84 drop");
        for text in
            ["accept", "log prefix \"a counter \"", "counter name \"x\" drop", "counter name x"]
        {
            assert_eq!(said(text), text);
        }
        let text = "log prefix \" counter \" counter drop comment \"counter\"";
        assert_eq!(
            said(text),
            "log prefix \" counter \" counter packets 2 bytes 84 drop comment \"counter\""
        );
    }
}
