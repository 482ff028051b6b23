//! The words of connection states and statuses, read and printed.

use super::conntrack_test::state_bit;
use crate::{Given, Problem};

/// In the order that words are tried in when reading.
const STATES: [(&str, u16); 7] = [
    ("INVALID", state_bit::INVALID),
    ("NEW", state_bit::NEW),
    ("ESTABLISHED", state_bit::ESTABLISHED),
    ("RELATED", state_bit::RELATED),
    ("UNTRACKED", state_bit::UNTRACKED),
    ("SNAT", state_bit::SNAT),
    ("DNAT", state_bit::DNAT),
];

/// In the order that they are printed in.
const PRINTED: [(&str, u16); 7] = [
    ("INVALID", state_bit::INVALID),
    ("NEW", state_bit::NEW),
    ("RELATED", state_bit::RELATED),
    ("ESTABLISHED", state_bit::ESTABLISHED),
    ("UNTRACKED", state_bit::UNTRACKED),
    ("SNAT", state_bit::SNAT),
    ("DNAT", state_bit::DNAT),
];

/// `IPS_*` bits; NONE is printed where there is no other.
const STATUSES: [(&str, u16); 5] = [
    ("NONE", 0),
    ("EXPECTED", 1 << 0),
    ("SEEN_REPLY", 1 << 1),
    ("ASSURED", 1 << 2),
    ("CONFIRMED", 1 << 3),
];

/// Reads words with commas between them; each may be cut short, in any case.
fn parse(given: &Given<'_>, words: &[(&str, u16)], what: &str) -> Result<u16, Problem> {
    given.text().split(',').try_fold(0, |mask, item| {
        let begins = |(name, _): &&(&str, u16)| {
            name.get(..item.len()).is_some_and(|start| start.eq_ignore_ascii_case(item))
        };
        match words.iter().find(begins).filter(|_| !item.is_empty()) {
            Some((_, bit)) => Ok(mask | bit),
            None => Err(given.bad(format!("'{item}' is no {what} (no blanks may follow commas)"))),
        }
    })
}

/// `--ctstate`, or `--state` where the states of translation are not taken.
pub fn parse_states(given: &Given<'_>, translation: bool) -> Result<u16, Problem> {
    let known = if translation { &STATES[..] } else { &STATES[..5] };
    parse(given, known, "state")
}

/// `--ctstatus`.
pub fn parse_statuses(given: &Given<'_>) -> Result<u16, Problem> {
    parse(given, &STATUSES, "status")
}

fn save(mask: u16, words: &[(&str, u16)], out: &mut String) {
    let set: Vec<&str> =
        words.iter().filter(|(_, bit)| mask & bit != 0).map(|(name, _)| *name).collect();
    out.push_str(&set.join(","));
}

/// Appends states.
pub fn save_states(mask: u16, out: &mut String) {
    save(mask, &PRINTED, out);
}

/// Appends statuses.
pub fn save_statuses(mask: u16, out: &mut String) {
    if mask == 0 {
        out.push_str("NONE");
    } else {
        save(mask, &STATUSES, out);
    }
}
