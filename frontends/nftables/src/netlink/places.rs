//! The text that stands for a dump: its tables, chains, sets and rules, so that whatever is said of
//! them has a place. Counts are left out: the same rules are the same text.

use super::tables::Dump;
use crate::model::{Chain, Expression, Operation, Rule, Table, expression_text};
use bpfc_diag::{FileId, SourceMap, Span};

/// Registers the text of a dump, and says in the model where in it things stand.
pub(super) fn register(name: &str, dump: &mut Dump, sources: &mut SourceMap) -> FileId {
    let mut text = Text::default();
    for (class, words) in &dump.left {
        let from = text.all.len();
        text.all.push_str(words);
        text.outside.push((*class, from, text.all.len()));
        text.all.push('\n');
    }
    for table in &dump.ruleset.tables {
        text.table(table);
    }
    let file = sources.add(name, std::mem::take(&mut text.all));
    let span = |from: usize, to: usize| Span::new(file, from, to);
    dump.outside =
        text.outside.iter().map(|(class, from, to)| (*class, span(*from, *to))).collect();
    let mut rules = text.rules.iter();
    for rule in dump
        .ruleset
        .tables
        .iter_mut()
        .flat_map(|table| &mut table.chains)
        .flat_map(|chain| &mut chain.rules)
    {
        let Some((from, to, expressions)) = rules.next() else { break };
        rule.span = Some(span(*from, *to));
        for (expression, (from, to)) in rule.expressions.iter_mut().zip(expressions) {
            expression.span = Some(span(*from, *to));
        }
    }
    file
}

/// A rule's place, and those of its expressions.
type Place = (usize, usize, Vec<(usize, usize)>);

#[derive(Default)]
struct Text {
    all: String,
    rules: Vec<Place>,
    outside: Vec<(&'static str, usize, usize)>,
}

impl Text {
    fn table(&mut self, table: &Table) {
        self.all += &format!("table {} {}\n", table.family.name(), table.name);
        for chain in &table.chains {
            self.chain(chain, table);
        }
    }

    fn chain(&mut self, chain: &Chain, table: &Table) {
        self.all += &format!("  chain {}\n", chain.name);
        for rule in &chain.rules {
            self.all += "    ";
            self.rule(rule, table);
            self.all.push('\n');
        }
    }

    fn rule(&mut self, rule: &Rule, table: &Table) {
        let (start, mut expressions) = (self.all.len(), Vec::new());
        for expression in &rule.expressions {
            if self.all.len() > start {
                self.all.push(' ');
            }
            let from = self.all.len();
            self.all += &format!("[ {} ]", words(expression, table));
            expressions.push((from, self.all.len()));
        }
        if let Some(comment) = &rule.comment {
            self.all += &format!(" comment \"{comment}\"");
        }
        self.rules.push((start, self.all.len(), expressions));
    }
}

/// An expression without what packets have changed of it.
fn words(expression: &Expression, table: &Table) -> String {
    let operation = match &expression.operation {
        Operation::Counter { .. } => return "counter".to_owned(),
        Operation::Quota { bytes, is_over, .. } => {
            Operation::Quota { bytes: *bytes, used: 0, is_over: *is_over }
        }
        Operation::Last { .. } => Operation::Last { used: None },
        _ => return expression_text(expression, table),
    };
    expression_text(&Expression { operation, span: None }, table)
}
