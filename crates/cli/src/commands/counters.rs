//! `bpfc counters`: a filter's counters, as iptables or nft lists them or as JSON.

use crate::args::CountersArgs;
use crate::console::{Console, Failure, refused};
use crate::listing::listing;
use bpfc_runtime::{Count, Counters, Filter};
use serde::Serialize;

#[derive(Serialize)]
struct JsonCounters<'a> {
    name: &'a str,
    counters: Vec<JsonCounter<'a>>,
}

/// One rule's counter, in the form that `replay` prints too; of nft one of its counter statements.
#[derive(Serialize)]
pub(super) struct JsonCounter<'a> {
    /// The rule's or policy's label; none for a named counter that no rule names.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    /// Which of the rule's counter statements it is, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    statement: Option<u32>,
    /// The named counter, whose numbers are what all of its statements have counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// The table of a named counter that no rule names.
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    /// Packets.
    packets: u64,
    /// Bytes of IP.
    bytes: u64,
}

/// All counters: of iptables those of rules and policies, of nft those of counter statements, in
/// ruleset order, and last the named counters that no statement names.
pub(super) fn json(counters: &Counters) -> Vec<JsonCounter<'_>> {
    let mut statements = counters.statements().peekable();
    let mut all = Vec::new();
    for (row, (rule, count)) in (0..).zip(counters.iter()) {
        let mut push = |statement, name, count: Count| {
            let Count { packets, bytes } = count;
            let rule = Some(rule.label.as_str());
            all.push(JsonCounter { rule, statement, name, table: None, packets, bytes });
        };
        if !rule.family.is_nft() {
            push(None, None, count);
        }
        while let Some((statement, count)) = statements.next_if(|(of, _)| of.rule == row) {
            push(Some(statement.number), statement.name.as_deref(), count);
        }
    }
    let rules = counters.rules();
    for (object, Count { packets, bytes }) in counters.objects() {
        if rules.counters_of(object).next().is_none() {
            let name = Some(object.name.as_str());
            let table = Some(format!("{}{}", object.family.label_prefix(), object.table));
            all.push(JsonCounter { rule: None, statement: None, name, table, packets, bytes });
        }
    }
    all
}

pub(super) fn run(args: &CountersArgs, console: &Console) -> Result<(), Failure> {
    let filter = Filter::open(&args.name).map_err(refused)?;
    // With --zero what is printed is what the counters were at the moment that they were zeroed.
    let counters = if args.zero { filter.zero() } else { filter.counters() }.map_err(refused)?;
    if args.json {
        let counters = json(&counters);
        return console.print_json(&JsonCounters { name: &args.name, counters });
    }
    console.print(&listing(&counters, args.exact))
}
