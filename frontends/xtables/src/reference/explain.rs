//! What an evaluation went through: every rule that a packet met, each of its tests, and
//! the outcome.

use super::Outcome;
use crate::header::Header;
use crate::model::{Table, Target};
use crate::{Match, print};
use bpfc_ir::Family;

/// One test of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tested {
    /// As iptables-save prints it: `-s 10.0.0.0/8`, `-m tcp --dport 22`.
    pub text: String,
    /// What it decided.
    pub outcome: Outcome,
}

/// One rule or policy that a packet met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its label, such as `filter/INPUT:3`.
    pub label: String,
    /// Its chain's label.
    pub chain: String,
    /// How many chains led here.
    pub depth: usize,
    /// The rule, or the policy, as iptables-save prints it.
    pub text: String,
    /// The tests that were made: the last one decided where it did not hold.
    pub tests: Vec<Tested>,
    /// What the tests came to.
    pub outcome: Outcome,
    /// What the rule did then, such as `ACCEPT` or `jump to ssh`; empty where it did not match or
    /// only counts.
    pub action: String,
}

/// The tests of a rule's header one by one, in the kernel's order: each is a header with that
/// test alone.
pub(super) fn parts(header: &Header) -> Vec<Header> {
    let Header { source, destination, input, output, protocol, fragment } = header.clone();
    let none = Header::default;
    [
        Header { source, ..none() },
        Header { destination, ..none() },
        Header { input, ..none() },
        Header { output, ..none() },
        Header { protocol, ..none() },
        Header { fragment, ..none() },
    ]
    .into_iter()
    .filter(|part| *part != none())
    .collect()
}

/// A header's text.
pub(super) fn header_text(family: Family, header: &Header) -> String {
    let mut text = String::new();
    header.save(family, &mut text);
    match text.trim() {
        "" => "the extension headers can be read".to_owned(),
        text => text.to_owned(),
    }
}

/// A match's text.
pub(super) fn match_text(matched: &dyn Match) -> String {
    let mut text = format!("-m {}", matched.name());
    matched.save(&mut text);
    text
}

/// What a matching rule does.
pub(super) fn action(table: &Table, target: &Target) -> String {
    let word = print::target_word(table, target);
    match target {
        Target::None => String::new(),
        Target::Jump(_) => format!("jump to {word}"),
        Target::Goto(_) => format!("go to {word}"),
        _ => word.to_owned(),
    }
}
