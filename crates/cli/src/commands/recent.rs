//! `bpfc recent`: lists of recently seen addresses, shown and changed.

use crate::args::{RecentArgs, RecentCommand};
use crate::console::{Console, Failure, refused};
use bpfc_runtime::{Filter, RecentAddress, RecentEdit};
use serde::Serialize;
use std::net::IpAddr;

#[derive(Serialize)]
struct JsonList {
    list: String,
    addresses: Vec<JsonAddress>,
}

#[derive(Serialize)]
struct JsonAddress {
    address: IpAddr,
    ttl: u8,
    last_seen: u64,
    /// From the oldest to the latest.
    seen: Vec<u64>,
}

impl From<RecentAddress> for JsonAddress {
    fn from(entry: RecentAddress) -> Self {
        let last_seen = entry.last_seen();
        let mut seen = entry.stamps;
        let oldest = entry.index as usize % seen.len().max(1);
        seen.rotate_left(oldest);
        JsonAddress { address: entry.address, ttl: entry.ttl, last_seen, seen }
    }
}

pub(super) fn run(args: &RecentArgs, console: &Console) -> Result<(), Failure> {
    let edit = |name: &str, list: &str, edit| {
        Filter::open(name).and_then(|filter| filter.edit_recent(list, edit)).map_err(refused)
    };
    match &args.command {
        RecentCommand::List { name, list, json } => show(name, list.as_deref(), *json, console),
        RecentCommand::Add { name, list, address } => edit(name, list, RecentEdit::Add(*address)),
        RecentCommand::Del { name, list, address } => {
            edit(name, list, RecentEdit::Delete(*address))
        }
        RecentCommand::Flush { name, list } => edit(name, list, RecentEdit::Flush),
    }
}

fn show(name: &str, list: Option<&str>, json: bool, console: &Console) -> Result<(), Failure> {
    let filter = Filter::open(name).map_err(refused)?;
    let lists = match list {
        Some(list) => vec![list.to_owned()],
        None => filter.recent_lists().map_err(refused)?,
    };
    let mut shown = Vec::with_capacity(lists.len());
    for name in lists {
        let addresses = filter.recent(&name).map_err(refused)?;
        shown.push((name, addresses));
    }
    if json {
        let lists: Vec<JsonList> = shown
            .into_iter()
            .map(|(list, addresses)| JsonList {
                list,
                addresses: addresses.into_iter().map(JsonAddress::from).collect(),
            })
            .collect();
        return match (list, lists.first()) {
            (Some(_), Some(list)) => console.print_json(list),
            _ => console.print_json(&lists),
        };
    }
    let mut text = String::new();
    for (name, addresses) in shown {
        if list.is_none() {
            text += &format!("# {name}\n");
        }
        text.extend(addresses.iter().map(|entry| format!("{entry}\n")));
    }
    console.print(&text)
}
