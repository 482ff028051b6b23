//! `bpfc load --again`: attaches loaded filters where they are not attached any more.

use super::load::{lines, named};
use crate::console::{Console, Failure, refused};
use bpfc_runtime::{Again, Error, Filter};
use serde::Serialize;

#[derive(Serialize)]
struct JsonAgain<'a> {
    name: &'a str,
    /// Where it was attached again.
    attached: Vec<String>,
    /// Where it was and is attached.
    kept: Vec<String>,
    /// Where it is not attached.
    missing: Vec<JsonMissing>,
    /// Whether conntrack was switched on again.
    conntrack: bool,
}

#[derive(Serialize)]
struct JsonMissing {
    place: String,
    reason: String,
}

/// For the filters of these names, or all of this network namespace.
pub(super) fn run(names: &[String], console: &Console, json: bool) -> Result<(), Failure> {
    for name in names {
        Filter::check_name(name).map_err(|error| {
            Failure::Usage(format!("--again takes names of loaded filters: {error}"))
        })?;
    }
    let filters = match names {
        [] => Filter::list().map_err(refused)?,
        names => {
            let opened: Result<Vec<Filter>, Error> =
                names.iter().map(|name| Filter::open(name)).collect();
            opened.map_err(refused)?
        }
    };
    let mut failed = false;
    for filter in filters {
        let done = match names {
            // Filters of other namespaces are those namespaces' matter, and somebody may unload one
            // meanwhile.
            [] => match filter.status() {
                Ok(status) if !status.namespace.own => continue,
                Err(Error::NotFound(_)) => continue,
                Ok(_) => filter.again(),
                Err(error) => Err(error),
            },
            _ => filter.again(),
        };
        match done {
            Ok(again) => {
                failed |= !again.missing.is_empty();
                report(filter.name(), &again, console, json)?;
            }
            Err(error) => {
                failed = true;
                console.failure(&format!("{}: {error}", filter.name()));
            }
        }
    }
    if failed { Err(Failure::Said) } else { Ok(()) }
}

fn report(name: &str, again: &Again, console: &Console, json: bool) -> Result<(), Failure> {
    if json {
        let missing = again.missing.iter().map(|(place, error)| JsonMissing {
            place: place.to_string(),
            reason: error.to_string(),
        });
        return console.print_json(&JsonAgain {
            name,
            attached: named(&again.attached),
            kept: named(&again.kept),
            missing: missing.collect(),
            conntrack: again.conntrack,
        });
    }
    let list = lines(&named(&again.attached));
    match (again.attached.is_empty(), again.missing.is_empty()) {
        (false, _) => console.print(&format!("attached {name}\n{list}"))?,
        (true, true) => console.print(&format!("{name} is attached\n"))?,
        (true, false) => {}
    }
    if again.conntrack {
        console.print(&format!("{name} keeps conntrack on again\n"))?;
    }
    for (place, error) in &again.missing {
        console.failure(&format!("{name} is not attached to {place}: {error}"));
    }
    Ok(())
}
