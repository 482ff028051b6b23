//! `bpfc save`: a filter's rules and counters, as `iptables-save -c` prints them or as JSON.

use crate::args::SaveArgs;
use crate::console::{Console, Failure, json_line, refused, write_file};
use crate::nft_listing;
use crate::saved::{SavedTable, families, is_whole, tables, text};
use bpfc_artifact::Family;
use bpfc_runtime::{Count, Filter, raw};
use serde::Serialize;

#[derive(Serialize)]
struct JsonSaved<'a> {
    name: &'a str,
    tables: Vec<SavedTable<'a>>,
}

pub(super) fn run(args: &SaveArgs, console: &Console) -> Result<(), Failure> {
    let filter = Filter::open(&args.name).map_err(refused)?;
    let (status, counters) =
        (filter.status().map_err(refused)?, filter.counters().map_err(refused)?);
    let rules = counters.rules();
    if !is_whole(status.loaded.as_ref(), rules) {
        return Err(Failure::Refused(format!(
            "an earlier version of bpfc loaded filter {}, and did not record which user chains its tables have: \
             they cannot be printed whole until the filter is loaded again",
            args.name
        )));
    }
    if rules.entries.iter().any(|entry| nft_listing::family(entry.family).is_some()) {
        return Err(Failure::Refused(format!(
            "filter {0} holds a ruleset of nft, which is not saved yet: `bpfc counters {0}` prints its rules with \
             their counters",
            args.name
        )));
    }
    let there = families(rules);
    if let Some(wanted) = args.family()
        && !there.contains(&wanted)
    {
        let message = format!("filter {} holds no rules of {}", args.name, wanted.tool());
        return Err(Failure::Refused(message));
    }
    let counts: Vec<Count> = counters.iter().map(|(_, count)| count).collect();
    let printed = if args.json {
        let tables = tables(rules, &counts, args.family());
        json_line(&JsonSaved { name: &args.name, tables })?
    } else {
        let family = match (args.family(), &there[..]) {
            (Some(family), _) | (None, &[family]) => family,
            (None, []) => Family::Ipv4,
            (None, _) => {
                return Err(Failure::Usage(format!(
                    "filter {} holds rules of both families, and iptables-restore takes one at a time: say which \
                     with --family ipv4 or --family ipv6",
                    args.name
                )));
            }
        };
        text(family, &tables(rules, &counts, Some(family)))
    };
    match &args.output {
        Some(path) if path.as_os_str() != "-" => write_file(path, &raw::encode(&printed)),
        _ if args.json => console.print(&printed),
        _ => console.print_exact(&printed),
    }
}
