//! `bpfc save`: a filter's rules and counters, as `iptables-save -c` prints them, those of nft as
//! `nft list ruleset` does, or as JSON.

use crate::args::SaveArgs;
use crate::console::{Console, Failure, json_line, refused, write_file};
use crate::nft_saved::{self, NftTable};
use crate::saved::{SavedTable, families, is_whole, tables, text};
use bpfc_artifact::Family;
use bpfc_runtime::{Count, Filter, raw};
use serde::Serialize;

#[derive(Serialize)]
struct JsonSaved<'a> {
    name: &'a str,
    tables: Vec<JsonTable<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum JsonTable<'a> {
    Iptables(SavedTable<'a>),
    Nft(NftTable<'a>),
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
    let is_of_nft = nft_saved::is_of_nft(rules);
    if is_of_nft
        && args.family().is_none()
        && let Some(refusal) = nft_saved::refusal(&args.name, rules)
    {
        return Err(Failure::Refused(refusal));
    }
    let there = families(rules);
    if args.is_of_nft() && !is_of_nft {
        return Err(Failure::Refused(format!("filter {} holds no rules of nft", args.name)));
    }
    if let Some(wanted) = args.family()
        && !there.contains(&wanted)
    {
        let message = format!("filter {} holds no rules of {}", args.name, wanted.tool());
        return Err(Failure::Refused(message));
    }
    let counts: Vec<Count> = counters.iter().map(|(_, count)| count).collect();
    let printed = if args.json {
        let of_iptables = match args.is_of_nft() {
            true => Vec::new(),
            false => tables(rules, &counts, args.family()),
        };
        let tables = of_iptables.into_iter().filter(|table| !table.is_of_nft());
        let mut tables: Vec<JsonTable<'_>> = tables.map(JsonTable::Iptables).collect();
        if args.family().is_none() {
            tables.extend(nft_saved::tables(&counters).into_iter().map(JsonTable::Nft));
        }
        json_line(&JsonSaved { name: &args.name, tables })?
    } else if args.is_of_nft() || is_of_nft && there.is_empty() {
        nft_saved::text(&filter, &counters)?
    } else {
        let family = match (args.family(), &there[..]) {
            (Some(family), _) => family,
            (None, &[family]) if !is_of_nft => family,
            (None, []) => Family::Ipv4,
            (None, _) if is_of_nft => {
                return Err(Failure::Usage(format!(
                    "filter {} holds rules of iptables and of nft, and each takes its own: say which with --family \
                     ipv4, --family ipv6 or --family nft",
                    args.name
                )));
            }
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
