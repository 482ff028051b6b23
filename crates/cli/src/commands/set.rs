//! `bpfc set`: a loaded filter's sets, in ipset's words, and those of its nft tables in nft's.

mod named;
mod restore;

use crate::args::{SetArgs, SetCommand};
use crate::console::{Console, Failure, refused};
use crate::inputs;
use bpfc_driver as driver;
use bpfc_ipset::Shown;
use bpfc_ir::Input;
use bpfc_runtime::{Error, Filter, FilterSet, SetInfo, SetProblem, Stopped};
use serde::Serialize;
use std::fmt::Write;

#[derive(Serialize)]
struct JsonSets<'a> {
    name: &'a str,
    sets: Vec<JsonSet>,
}

#[derive(Serialize)]
struct JsonSet {
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    header: String,
    entries: usize,
    elements: Vec<Shown>,
}

pub(super) fn run(args: &SetArgs, console: &Console) -> Result<(), Failure> {
    let exist = args.exist;
    if let Some(done) = named::run(&args.command, exist, console)? {
        return Ok(done);
    }
    match &args.command {
        SetCommand::Add(args) => {
            let words: Vec<&str> = args.element.iter().map(String::as_str).collect();
            set(&args.name, &args.set)?.add_all(&[&words], exist).map_err(stopped)
        }
        SetCommand::Del(args) => {
            let words: Vec<&str> = args.element.iter().map(String::as_str).collect();
            set(&args.name, &args.set)?.delete_all(&[&words], exist).map_err(stopped)
        }
        SetCommand::Test(args) => {
            let words: Vec<&str> = args.element.iter().map(String::as_str).collect();
            let found = set(&args.name, &args.set)?.test(&words).map_err(said)?;
            let not = if found { "" } else { "NOT " };
            console.done(&format!("{} is {not}in set {}.\n", words[0], args.set))?;
            if found { Ok(()) } else { Err(Failure::Said) }
        }
        SetCommand::List { name, set, json } => {
            let infos = infos(name, set.as_deref())?;
            match json {
                true => {
                    let sets = infos.iter().map(JsonSet::of).collect();
                    console.print_json(&JsonSets { name, sets })
                }
                false => console.print(&infos.iter().map(listed).collect::<Vec<_>>().join("\n")),
            }
        }
        SetCommand::Save { name, set } => {
            let infos = infos(name, set.as_deref())?;
            console.print_exact(&infos.iter().map(saved).collect::<String>())
        }
        SetCommand::Flush { name, set: of } => set(name, of)?.flush().map_err(said),
        SetCommand::Swap { name, set, other } => {
            let filter = Filter::open(name).map_err(refused)?;
            filter.swap_sets(set, other).map_err(said)
        }
        SetCommand::Restore { name, file } => restore::run(name, file, exist),
        SetCommand::Replace { name, file } => replace(name, file, console),
    }
}

fn set(filter: &str, name: &str) -> Result<FilterSet, Failure> {
    Filter::open(filter).and_then(|filter| filter.set(name)).map_err(said)
}

/// What ipset would say of a set, without the set's name in front.
fn said(error: Error) -> Failure {
    match error {
        Error::Set { problem: problem @ (SetProblem::Missing | SetProblem::Types), .. } => {
            Failure::Refused(problem.to_string())
        }
        error => refused(error),
    }
}

/// Why an element could not be changed, and what of it was, where it means several.
fn stopped(stopped: Stopped) -> Failure {
    let parts = stopped.parts;
    match said(stopped.error) {
        Failure::Refused(reason) if parts > 0 => {
            Failure::Refused(format!("{reason}; {parts} elements before it were changed"))
        }
        failure => failure,
    }
}

fn infos(filter: &str, only: Option<&str>) -> Result<Vec<SetInfo>, Failure> {
    let filter = Filter::open(filter).map_err(refused)?;
    let names: Vec<String> = match only {
        Some(name) => vec![name.to_owned()],
        None => filter.sets().map_err(refused)?.into_iter().map(|def| def.name).collect(),
    };
    let info = |name: &String| filter.set(name).and_then(|set| set.list()).map_err(said);
    let mut infos = names.iter().map(info).collect::<Result<Vec<_>, _>>()?;
    // Lists come last, as what they hold must be there before.
    infos.sort_by_key(|info| info.def.kind.is_list());
    Ok(infos)
}

fn elements(info: &SetInfo) -> impl Iterator<Item = Shown> {
    let layout = info.def.layout();
    info.set.iter().map(move |(key, value)| info.def.describe(&layout, key, value, info.now))
}

/// As `ipset list` prints a set.
fn listed(info: &SetInfo) -> String {
    let mut out = String::new();
    let (def, entries) = (&info.def, info.set.len());
    let _ = writeln!(out, "Name: {}\nType: {}", def.name, def.kind);
    let _ = writeln!(out, "Revision: {}\nHeader: {}", def.kind.revision(), def.header());
    let _ = writeln!(out, "Number of entries: {entries}\nMembers:");
    for element in elements(info) {
        let _ = writeln!(out, "{element}");
    }
    out
}

/// As `ipset save` prints a set.
fn saved(info: &SetInfo) -> String {
    let mut out = format!("{}\n", info.def);
    for element in elements(info) {
        let _ = writeln!(out, "add {} {element}", info.def.name);
    }
    out
}

impl JsonSet {
    fn of(info: &SetInfo) -> JsonSet {
        JsonSet {
            name: info.def.name.clone(),
            kind: info.def.kind.name(),
            header: info.def.header(),
            entries: info.set.len(),
            elements: elements(info).collect(),
        }
    }
}

fn replace(name: &str, file: &str, console: &Console) -> Result<(), Failure> {
    let bytes = inputs::read_bytes(file).map_err(Failure::Refused)?;
    let format = Some(driver::SETS.name.to_owned());
    let input = Input { name: file.to_owned(), bytes, format };
    let inputs = [input];
    let read = driver::Inputs::read(&inputs);
    console.report(&read.diagnostics, &read.sources);
    if read.diagnostics.has_errors() {
        return Err(Failure::Said);
    }
    let filter = Filter::open(name).map_err(refused)?;
    for set in read.sets.iter() {
        filter.set(&set.def.name).and_then(|target| target.replace(set)).map_err(said)?;
    }
    Ok(())
}
