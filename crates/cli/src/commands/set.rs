//! `bpfc set`: a loaded filter's sets, in ipset's words.

use crate::args::{SetArgs, SetCommand};
use crate::console::{Console, Failure, refused};
use crate::inputs;
use bpfc_diag::{Diagnostics, SourceMap};
use bpfc_driver as driver;
use bpfc_ir::Input;
use bpfc_runtime::{Error, Filter, FilterSet, SetInfo, SetProblem};
use bpfc_sets::{Shown, split_words};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Elements that are added under one lock.
const BATCH: usize = 4096;

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
    match &args.command {
        SetCommand::Add(args) => {
            let words: Vec<&str> = args.element.iter().map(String::as_str).collect();
            set(&args.name, &args.set)?.add(&words, args.exist).map_err(said)
        }
        SetCommand::Del(args) => {
            let words: Vec<&str> = args.element.iter().map(String::as_str).collect();
            set(&args.name, &args.set)?.delete(&words, args.exist).map_err(said)
        }
        SetCommand::Test(args) => {
            let words: Vec<&str> = args.element.iter().map(String::as_str).collect();
            let found = set(&args.name, &args.set)?.test(&words).map_err(said)?;
            let not = if found { "" } else { "NOT " };
            console.print(&format!("{} is {not}in set {}.\n", words[0], args.set))?;
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
            console.print(&infos.iter().map(saved).collect::<String>())
        }
        SetCommand::Flush { name, set: of } => set(name, of)?.flush().map_err(said),
        SetCommand::Swap { name, set, other } => {
            let filter = Filter::open(name).map_err(refused)?;
            filter.swap_sets(set, other).map_err(said)
        }
        SetCommand::Restore { name, file, exist } => restore(name, file, *exist),
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

/// Lines that change one set in one way, to be carried out together.
#[derive(Default)]
struct Changes<'t> {
    set: String,
    deletes: bool,
    elements: Vec<Vec<&'t str>>,
}

/// Carries out lines in their order; those that add to one set, or delete from one, are taken
/// together.
fn restore(name: &str, file: &str, exist: bool) -> Result<(), Failure> {
    let bytes = inputs::read_bytes(file).map_err(Failure::Refused)?;
    let text = String::from_utf8_lossy(&bytes);
    let filter = Filter::open(name).map_err(refused)?;
    let mut sets: BTreeMap<String, FilterSet> = BTreeMap::new();
    let mut changes = Changes::default();
    let failed = |number: usize, failure: Failure| match failure {
        Failure::Refused(message) => Failure::Refused(format!("{file}:{number}: {message}")),
        other => other,
    };
    for (number, line) in (1..).zip(text.lines()) {
        let mut words = Vec::new();
        split_words(line, &mut words)
            .map_err(|_| Failure::Refused(format!("{file}:{number}: a quotation mark is open")))?;
        let (command, of, element) = match words[..] {
            [] | ["COMMIT" | "create" | "-N" | "n", ..] => continue,
            [word, ..] if word.starts_with('#') => continue,
            [command, of, ref element @ ..] => (command, of, element),
            [_] => return Err(Failure::Refused(format!("{file}:{number}: words are missing"))),
        };
        let together = matches!(command, "add" | "del")
            && of == changes.set
            && changes.deletes == (command == "del")
            && changes.elements.len() < BATCH;
        if !together {
            let changed = change(&filter, &mut sets, &mut changes, exist);
            changed.map_err(|failure| failed(number - 1, failure))?;
        }
        let result = match command {
            "add" | "del" => {
                of.clone_into(&mut changes.set);
                changes.deletes = command == "del";
                changes.elements.push(element.to_vec());
                Ok(())
            }
            "flush" => opened(&filter, &mut sets, of)?.flush().map_err(said),
            other => Err(Failure::Refused(format!("'{other}' is neither add, del nor flush"))),
        };
        result.map_err(|failure| failed(number, failure))?;
    }
    let last = text.lines().count();
    change(&filter, &mut sets, &mut changes, exist).map_err(|failure| failed(last, failure))
}

fn opened<'s>(
    filter: &Filter,
    sets: &'s mut BTreeMap<String, FilterSet>,
    name: &str,
) -> Result<&'s FilterSet, Failure> {
    if !sets.contains_key(name) {
        sets.insert(name.to_owned(), filter.set(name).map_err(said)?);
    }
    sets.get(name).ok_or(Failure::Said)
}

fn change(
    filter: &Filter,
    sets: &mut BTreeMap<String, FilterSet>,
    changes: &mut Changes<'_>,
    exist: bool,
) -> Result<(), Failure> {
    let Changes { set, deletes, elements } = std::mem::take(changes);
    if elements.is_empty() {
        return Ok(());
    }
    let elements: Vec<&[&str]> = elements.iter().map(Vec::as_slice).collect();
    let set = opened(filter, sets, &set)?;
    match deletes {
        true => set.delete_all(&elements, exist),
        false => set.add_all(&elements, exist),
    }
    .map_err(said)
}

fn replace(name: &str, file: &str, console: &Console) -> Result<(), Failure> {
    let bytes = inputs::read_bytes(file).map_err(Failure::Refused)?;
    let format = Some(driver::SETS.name.to_owned());
    let input = Input { name: file.to_owned(), bytes, format };
    let (mut sources, mut diagnostics) = (SourceMap::new(), Diagnostics::new());
    let table = driver::read_sets(&[input], &mut sources, &mut diagnostics);
    console.report(&diagnostics, &sources);
    if diagnostics.has_errors() {
        return Err(Failure::Said);
    }
    let filter = Filter::open(name).map_err(refused)?;
    for set in table.iter() {
        filter.set(&set.def.name).and_then(|target| target.replace(set)).map_err(said)?;
    }
    Ok(())
}
