//! How people see rules: texts and columns, beside the program that needs none of them.

use crate::Rule;
use cranelift_entity::PrimaryMap;
use std::sync::Arc;

/// What listings and annotations show of a rule or policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedRule {
    /// The rule's text without counters, in the front end's own print form.
    pub text: Arc<str>,
    /// Target word for listings: `ACCEPT`, a chain's name, or empty.
    pub verdict: String,
    /// Listing columns of the front end: for iptables prot, opt, in, out, source, destination
    /// and the rest of the rule.
    pub columns: Arc<[String]>,
}

/// The rules of a program as listings show them, by their numbers. Rules that a pass has added have
/// no text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    rules: PrimaryMap<Rule, ListedRule>,
}

impl Listing {
    /// Adds what is shown of a program's next rule.
    pub fn push(&mut self, rule: ListedRule) {
        self.rules.push(rule);
    }

    /// Adds the rules of another program that was appended to this listing's, which had `rules`
    /// rules before.
    pub fn append(&mut self, other: Listing, rules: usize) {
        while self.rules.len() < rules {
            self.rules.push(ListedRule::default());
        }
        self.rules.extend(other.rules.into_iter().map(|(_, rule)| rule));
    }

    /// What is shown of a rule; `None` where it has no text.
    pub fn get(&self, rule: Rule) -> Option<&ListedRule> {
        self.rules.get(rule)
    }

    /// A rule's text; empty where it has none.
    pub fn text(&self, rule: Rule) -> &str {
        self.get(rule).map_or("", |listed| &listed.text)
    }
}
