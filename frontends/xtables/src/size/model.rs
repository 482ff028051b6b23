//! What rules take by their model.

use super::text::listed;
use super::{Asks, Parts, RuleSize, Sizes, Then};
use crate::extension::Match;
use crate::header::InterfaceTest;
use crate::model::{Rule, Table, Target};

/// What the rules of tables take.
pub(crate) fn of_tables<'a>(tables: impl Iterator<Item = &'a Table>) -> Sizes {
    let mut sizes = Sizes::default();
    for table in tables {
        let first = sizes.chains as u32;
        sizes.chains += table.chains.len();
        for (index, chain) in (first..).zip(&table.chains) {
            if let Some(base) = chain.base {
                sizes.base.push((base.hook, index));
            }
            sizes.rules.extend(chain.rules.iter().map(|rule| size(rule, index, first)));
        }
    }
    sizes
}

fn size(rule: &Rule, chain: u32, first: u32) -> RuleSize {
    let header = &rule.header;
    let (input, output) = (interface(&header.input), interface(&header.output));
    let addresses = [header.source, header.destination];
    let compared = addresses.iter().filter(|test| test.mask != 0).count()
        + usize::from(header.protocol.number != 0)
        + usize::from(input != Asks::Nothing)
        + usize::from(output != Asks::Nothing);
    let (callee, then) = match &rule.target {
        Target::Accept | Target::Drop => (None, Then::Elsewhere),
        Target::Return => (None, Then::Return),
        Target::Goto(chain) => (Some(first + *chain as u32), Then::Elsewhere),
        Target::Jump(chain) => (Some(first + *chain as u32), Then::Next),
        Target::Action(action) if action.verdict().is_some() => (None, Then::Elsewhere),
        Target::Action(_) | Target::None => (None, Then::Next),
    };
    let mut parts = Parts {
        compared: compared as u32,
        decides: matches!(rule.target, Target::Accept | Target::Drop),
        ..Parts::default()
    };
    rule.matches.iter().for_each(|matched| ports(matched.as_ref(), &mut parts));
    let asks_nothing = {
        let mut header = header.clone();
        (header.input, header.output) = Default::default();
        header == Default::default()
    };
    let tests = rule.matches.iter().any(|matched| matched.name() != "comment");
    RuleSize {
        chain,
        callee,
        instructions: parts.instructions(),
        input,
        output,
        is_conditional: !asks_nothing || tests || !rule.refused.is_empty(),
        then,
        span: rule.span,
    }
}

/// Adds what a match takes that looks at ports.
fn ports(matched: &dyn Match, parts: &mut Parts) {
    match matched.name() {
        "tcp" => parts.is_tcp = true,
        "udp" => {}
        _ => return,
    }
    let mut saved = String::new();
    matched.save(&mut saved);
    let mut words = saved.split_ascii_whitespace();
    let compared = parts.ports.get_or_insert(0);
    while let Some(word) = words.next() {
        if matches!(word, "--dport" | "--sport") {
            *compared = (*compared).max(words.next().map_or(0, listed));
        }
    }
}

fn interface(test: &InterfaceTest) -> Asks {
    match (test.mask[0], test.invert) {
        (0, _) => Asks::Nothing,
        (_, false) => Asks::Name,
        (_, true) => Asks::Other,
    }
}
