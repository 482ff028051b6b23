//! `bpfc conntrack`: keeps connection tracking switched on for programs that another loader
//! attaches. `bpfc load` does so by itself, for as long as the filter is loaded.

use crate::args::{ConntrackArgs, ConntrackCommand};
use crate::console::{Console, Failure, refused};
use bpfc_runtime::ConntrackKeeper;
use serde::Serialize;

#[derive(Serialize)]
struct JsonStatus {
    kept_on: bool,
    filters: Vec<String>,
    names: Vec<String>,
}

pub(super) fn run(args: &ConntrackArgs, console: &Console) -> Result<(), Failure> {
    match &args.command {
        ConntrackCommand::On { name } => {
            bpfc_runtime::keep_conntrack(name).map_err(refused)?;
            console.print(&format!("conntrack is kept on by {name}\n"))
        }
        ConntrackCommand::Off { name } => {
            bpfc_runtime::release_conntrack(name).map_err(refused)?;
            let rest = keepers()?;
            console.print(&match rest.is_empty() {
                true => format!("conntrack is not kept on by {name} any more\n"),
                false => format!(
                    "conntrack is not kept on by {name} any more, but by {}\n",
                    listed(&rest)
                ),
            })
        }
        ConntrackCommand::Status { json } => {
            let keepers = keepers()?;
            let kept_on = !keepers.is_empty();
            if *json {
                let (mut filters, mut names) = (Vec::new(), Vec::new());
                for keeper in keepers {
                    match keeper {
                        ConntrackKeeper::Filter(name) => filters.push(name),
                        ConntrackKeeper::Name(name) => names.push(name),
                    }
                }
                console.print_json(&JsonStatus { kept_on, filters, names })?;
            } else {
                console.print(&match kept_on {
                    true => format!("conntrack is kept on by {}\n", listed(&keepers)),
                    false => "bpfc does not keep conntrack on in this network namespace; rules of \
                              others may\n"
                        .to_owned(),
                })?;
            }
            if kept_on { Ok(()) } else { Err(Failure::Said) }
        }
    }
}

fn keepers() -> Result<Vec<ConntrackKeeper>, Failure> {
    bpfc_runtime::conntrack_keepers().map_err(refused)
}

fn listed(keepers: &[ConntrackKeeper]) -> String {
    keepers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
