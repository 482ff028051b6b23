//! Rulesets of nft as text: where their rules stand, and small changes that tests make to them.
//!
//! People leave most rules without a counter, so that nothing would show which ones packets reach;
//! [`counted`] gives each of them one. What a test cannot have on both sides alike is changed on
//! both: rates ([`slow`]), answers ([`silent`]), flowtables ([`without_flowtables`]).
//!
//! This is no parser: it knows blocks, statements, quotes and comments, and what they begin with.

mod scan;

pub use scan::{Part, PartKind, parts};

use scan::{is_statement, words};
use std::ops::Range;

/// The text with something put in at places, which are in order.
fn insert(text: &str, places: &[usize], what: &str) -> String {
    let mut result = String::with_capacity(text.len() + places.len() * what.len());
    let mut from = 0;
    for &place in places {
        result += &text[from..place];
        result += what;
        from = place;
    }
    result + &text[from..]
}

/// The text with ranges replaced, which are in order.
fn replace(text: &str, ranges: &[(Range<usize>, String)]) -> String {
    let mut result = String::with_capacity(text.len());
    let mut from = 0;
    for (range, with) in ranges {
        result += &text[from..range.start];
        result += with;
        from = range.end;
    }
    result + &text[from..]
}

/// The same with a counter in front of each rule that has none.
pub fn counted(text: &str) -> String {
    let without = parts(text).into_iter().filter(|part| {
        part.kind == PartKind::Rule && !words(&text[part.head.clone()]).contains(&"counter")
    });
    let places: Vec<usize> = without.map(|part| part.head.start).collect();
    insert(text, &places, "counter ")
}

/// The same with rates at which nothing more comes within a test but for the bursts.
pub fn slow(text: &str) -> String {
    let places = scan::places(text);
    let word = |at: usize| places.get(at).map_or("", |place: &Range<usize>| &text[place.clone()]);
    let mut changes = Vec::new();
    for at in 0..places.len() {
        if word(at) != "rate" {
            continue;
        }
        let first = if word(at + 1) == "over" { at + 2 } else { at + 1 };
        // Either `10/second` or `10 kbytes/second`.
        for (last, slower) in [(first, "1/hour"), (first + 1, "2000 bytes/hour")] {
            if let Some((_, unit)) = word(last).split_once('/')
                && ["second", "minute", "hour", "day", "week"].contains(&unit)
            {
                changes.push((places[first].start..places[last].end, slower.to_owned()));
                break;
            }
        }
    }
    replace(text, &changes)
}

/// The same with drops in the place of rejections, whose answers to this host's own packets would
/// meet its rules in turn.
pub fn silent(text: &str) -> String {
    let places = scan::places(text);
    let word = |at: usize| places.get(at).map_or("", |place: &Range<usize>| &text[place.clone()]);
    let mut changes = Vec::new();
    for at in (0..places.len()).filter(|&at| word(at) == "reject") {
        let mut last = at;
        if word(at + 1) == "with" {
            last = at + 3;
            if word(last) == "type" {
                last += 1;
            }
        }
        let end = places.get(last).map_or(text.len(), |place| place.end);
        changes.push((places[at].start..end, "drop".to_owned()));
    }
    replace(text, &changes)
}

/// The same without flowtables, which not every kernel has.
pub fn without_flowtables(text: &str) -> String {
    let is_one = |part: &Part| is_statement(&text[part.all.clone()], &["flowtable"]);
    let ranges: Vec<_> = parts(text)
        .into_iter()
        .filter(|part| part.kind == PartKind::Other && is_one(part))
        .map(|part| (part.all, String::new()))
        .collect();
    replace(text, &ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
define a = { 1, 2 } # counter
table inet t {
    flowtable f {
        devices = { eth0 };
    }
    set s { type ipv4_addr; elements = { 1.2.3.4 } }
    chain c { type filter hook input priority 0; policy drop; tcp dport 22 accept; counter }
    chain d {
        ip saddr { 1.2.3.4,
            5.6.7.8 } reject with icmp type host-prohibited
        tcp dport 80 jump {
            limit rate over 3 kbytes/second drop
        }
        tcp dport 80 comment \"a ; } rule\" \\
            reject
    }
}
add rule ip x y handle 4 limit rate 2/minute burst 9 packets accept; insert rule t d reject
";

    #[test]
    fn rules_get_counters() {
        let text = "\
define a = { 1, 2 } # counter
table inet t {
    flowtable f {
        devices = { eth0 };
    }
    set s { type ipv4_addr; elements = { 1.2.3.4 } }
    chain c { type filter hook input priority 0; policy drop; counter tcp dport 22 accept; counter }
    chain d {
        counter ip saddr { 1.2.3.4,
            5.6.7.8 } reject with icmp type host-prohibited
        counter tcp dport 80 jump {
            counter limit rate over 3 kbytes/second drop
        }
        counter tcp dport 80 comment \"a ; } rule\" \\
            reject
    }
}
add rule ip x y handle 4 counter limit rate 2/minute burst 9 packets accept; insert rule t d counter reject
";
        assert_eq!(counted(TEXT), text);
    }

    #[test]
    fn rates_and_answers_change() {
        let text = silent(&slow(&without_flowtables(TEXT)));
        assert!(!text.contains("flowtable") && !text.contains("reject"), "{text}");
        assert!(text.contains("5.6.7.8 } drop\n"), "{text}");
        assert!(text.contains("limit rate over 2000 bytes/hour drop"), "{text}");
        assert!(text.contains("limit rate 1/hour burst 9 packets accept"), "{text}");
        assert!(text.contains("insert rule t d drop\n"), "{text}");
    }
}
