//! `bpfc counters`: a filter's counters, as iptables or nft lists them or as JSON.

use crate::args::CountersArgs;
use crate::console::{Console, Failure, refused};
use crate::listing::listing;
use crate::nft_listing::has_counter;
use bpfc_runtime::{Count, Filter};
use serde::Serialize;

#[derive(Serialize)]
struct JsonCounters<'a> {
    name: &'a str,
    counters: Vec<JsonCounter<'a>>,
}

/// One rule's counter, in the form that `replay` prints too.
#[derive(Serialize)]
pub(super) struct JsonCounter<'a> {
    /// The rule's or policy's label.
    pub rule: &'a str,
    /// Packets.
    pub packets: u64,
    /// Bytes of IP.
    pub bytes: u64,
}

pub(super) fn run(args: &CountersArgs, console: &Console) -> Result<(), Failure> {
    let filter = Filter::open(&args.name).map_err(refused)?;
    // With --zero what is printed is what the counters were at the moment that they were zeroed.
    let counters = if args.zero { filter.zero() } else { filter.counters() }.map_err(refused)?;
    if args.json {
        let counters = counters
            .iter()
            .filter(|(rule, _)| has_counter(rule))
            .map(|(rule, count)| JsonCounter {
                rule: &rule.label,
                packets: count.packets,
                bytes: count.bytes,
            })
            .collect();
        return console.print_json(&JsonCounters { name: &args.name, counters });
    }
    let counts: Vec<Count> = counters.iter().map(|(_, count)| count).collect();
    console.print(&listing(counters.rules(), &counts, args.exact))
}
