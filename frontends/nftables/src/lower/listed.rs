//! The statements of a rule whose state listings show, in the rule's text.

use bpfc_ir::{ListedState, ListedStatement};
use std::ops::Range;

/// The text without the numbers that statements have reached, which are no part of what the rule
/// is, and where they belong.
pub(super) fn statements(text: &str) -> (String, Vec<ListedStatement>) {
    let words = words(text);
    let word = |at: usize| words.get(at).map_or("", |place| &text[place.clone()]);
    let mut kept = String::with_capacity(text.len());
    let (mut done, mut number) = (0, 0);
    let mut found = Vec::new();
    for (at, place) in words.iter().enumerate() {
        if word(at) != "counter" {
            continue;
        }
        number += 1;
        if word(at + 1) == "name" {
            continue;
        }
        kept.push_str(&text[done..place.end]);
        done = place.end;
        let at_byte = kept.len() as u32;
        let said = (word(at + 1) == "packets" && word(at + 3) == "bytes")
            .then(|| Some((word(at + 2).parse().ok()?, word(at + 4).parse().ok()?)))
            .flatten();
        if said.is_some() {
            done = words[at + 4].end;
        }
        let (packets, bytes) = said.unwrap_or_default();
        let kind = ListedState::Counter { number, packets, bytes };
        found.push(ListedStatement { at: at_byte, kind });
    }
    kept.push_str(&text[done..]);
    (kept, found)
}

/// The words of a rule outside quotation marks and braces.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let (mut start, mut depth, mut is_quoted) = (None, 0u32, false);
    for (at, byte) in text.bytes().enumerate() {
        let is_word = match byte {
            b'"' => {
                is_quoted = !is_quoted;
                false
            }
            _ if is_quoted => false,
            b'{' => {
                depth += 1;
                false
            }
            b'}' => {
                depth = depth.saturating_sub(1);
                false
            }
            _ => depth == 0 && !byte.is_ascii_whitespace() && byte != b';',
        };
        match (is_word, start) {
            (false, Some(from)) => {
                words.push(from..at);
                start = None;
            }
            (true, None) => start = Some(at),
            _ => {}
        }
    }
    words.extend(start.map(|from| from..text.len()));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let (kept, statements) = statements(text);
        let mut out = kept;
        for statement in statements.iter().rev() {
            let ListedState::Counter { number, packets, bytes } = statement.kind;
            out.insert_str(statement.at as usize, &format!("<{number}:{packets}:{bytes}>"));
        }
        out
    }

    #[test]
    fn counters_stand_where_rules_have_them() {
        assert_eq!(shown("tcp dport 22 counter accept"), "tcp dport 22 counter<1:0:0> accept");
        assert_eq!(
            shown("counter packets 7 bytes 9 limit rate 1/second counter drop"),
            "counter<1:7:9> limit rate 1/second counter<2:0:0> drop"
        );
        assert_eq!(shown("counter name \"x\" counter"), "counter name \"x\" counter<2:0:0>");
        for text in [
            "accept",
            "log prefix \"a counter \" accept",
            "update @s { ip saddr counter } comment \"counter\"",
            "counter name x",
        ] {
            assert_eq!(shown(text), text);
        }
    }
}
