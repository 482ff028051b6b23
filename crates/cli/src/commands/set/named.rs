//! The named sets of a filter's nft tables: `bpfc set` in nft's words.
//!
//! A set is named as rules are, `inet/filter/banned`, or by its own name where that is one set's
//! alone. Sets of ipset that a filter has come first.

use super::said;
use crate::accounts::System;
use crate::args::SetCommand;
use crate::console::{Console, Failure, refused};
use crate::{nft_listing, nft_sets};
use bpfc_artifact::{ElementPlace, NamedSet, StateWords, Stored};
use bpfc_driver::elements::{ReadElement, SetBlock, read_elements};
use bpfc_runtime::{Adding, Filter};

/// Does what a command asks of a named set; `None` where it means no such set.
pub(super) fn run(
    command: &SetCommand,
    exist: bool,
    console: &Console,
) -> Result<Option<()>, Failure> {
    let found = |name: &str, set: &str| -> Result<Option<(Filter, NamedSet)>, Failure> {
        let filter = Filter::open(name).map_err(refused)?;
        Ok(find(&filter, set)?.map(|found| (filter, found)))
    };
    match command {
        SetCommand::Add(args) => {
            let Some((filter, set)) = found(&args.name, &args.set)? else { return Ok(None) };
            let elements = elements(&set, &args.element.join(" "), false)?;
            let adding = if exist { Adding::Replace } else { Adding::Add };
            filter.add_named(&set, &elements, adding).map_err(in_nft_words)?;
        }
        SetCommand::Del(args) => {
            let Some((filter, set)) = found(&args.name, &args.set)? else { return Ok(None) };
            let elements = elements(&set, &args.element.join(" "), true)?;
            filter.delete_named(&set, &elements, exist).map_err(in_nft_words)?;
        }
        SetCommand::Test(args) => {
            let Some((filter, set)) = found(&args.name, &args.set)? else { return Ok(None) };
            let text = args.element.join(" ");
            let mut all = true;
            for element in elements(&set, &text, true)? {
                all &= filter.has_named(&set, &element).map_err(in_nft_words)?;
            }
            let not = if all { "" } else { "NOT " };
            console.done(&format!("{text} is {not}in {} {}.\n", noun(&set), set.label()))?;
            if !all {
                return Err(Failure::Said);
            }
        }
        SetCommand::Flush { name, set } => {
            let Some((filter, set)) = found(name, set)? else { return Ok(None) };
            require_changes(&set)?;
            filter.flush_named(&set).map_err(in_nft_words)?;
        }
        SetCommand::List { name, set, json } => return list(name, set.as_deref(), *json, console),
        SetCommand::Save { name, set: Some(set) } | SetCommand::Swap { name, set, .. } => {
            let Some((_, set)) = found(name, set)? else { return Ok(None) };
            let what = match command {
                SetCommand::Swap { .. } => "has no two sets that change places",
                _ => "is saved with its rules: `bpfc save NAME`",
            };
            return Err(Failure::Refused(format!("{}: a table of nft {what}", set.label())));
        }
        _ => return Ok(None),
    }
    Ok(Some(()))
}

/// Lists one set, or all where those of ipset are none.
fn list(
    name: &str,
    set: Option<&str>,
    json: bool,
    console: &Console,
) -> Result<Option<()>, Failure> {
    let filter = Filter::open(name).map_err(refused)?;
    let sets = match set {
        Some(set) => match find(&filter, set)? {
            Some(found) => vec![found],
            None => return Ok(None),
        },
        None => filter.named_sets().map_err(refused)?,
    };
    if sets.is_empty() {
        return Ok(None);
    }
    let of_ipset = match set {
        Some(_) => Vec::new(),
        None => super::infos(name, None)?,
    };
    if json {
        let head = serde_json::to_string(name).unwrap_or_default();
        console.print(&format!("{{\"name\":{head},\"sets\":["))?;
        let mut is_first = true;
        for info in &of_ipset {
            let one = crate::console::json_line(&super::JsonSet::of(info))?;
            let comma = if std::mem::take(&mut is_first) { "" } else { "," };
            console.print(&format!("{comma}{}", one.trim_end()))?;
        }
        for set in &sets {
            console.print(if std::mem::take(&mut is_first) { "" } else { "," })?;
            nft_sets::json(&filter, set, console)?;
        }
        console.print("]}\n")?;
        return Ok(Some(()));
    }
    for info in &of_ipset {
        console.print(&format!("{}\n", super::listed(info)))?;
    }
    nft_sets::listing(&filter, &sets, console)?;
    Ok(Some(()))
}

/// The set that a word names; `None` where that is none of nft's.
fn find(filter: &Filter, word: &str) -> Result<Option<NamedSet>, Failure> {
    let sets = filter.named_sets().map_err(refused)?;
    if let Some(found) = sets.iter().find(|set| set.label() == word) {
        return Ok(Some(found.clone()));
    }
    let is_of_ipset =
        || Ok::<_, Failure>(filter.sets().map_err(refused)?.iter().any(|def| def.name == word));
    let named: Vec<&NamedSet> = sets.iter().filter(|set| set.name == word).collect();
    match named[..] {
        [only] if !is_of_ipset()? => Ok(Some(only.clone())),
        [_, _, ..] if !is_of_ipset()? => {
            let labels: Vec<String> = named.iter().map(|set| set.label()).collect();
            Err(Failure::Refused(format!("several sets have this name: {}", labels.join(", "))))
        }
        [] if word.contains('/') => Err(Failure::Refused(format!(
            "the filter has no set {word} that its rules ask: `bpfc set list {}` lists those",
            filter.name()
        ))),
        _ => Ok(None),
    }
}

fn noun(set: &NamedSet) -> &'static str {
    if set.is_map { "map" } else { "set" }
}

/// What nft would say where it has words of its own.
fn in_nft_words(error: bpfc_runtime::Error) -> Failure {
    use bpfc_runtime::{Error, SetProblem};
    match error {
        Error::Set { set, problem } => Failure::Refused(match problem {
            SetProblem::Exists => format!("{set}: an element of this key exists already"),
            SetProblem::NotThere => format!("{set}: the element does not exist"),
            SetProblem::Full => format!(
                "{set}: the set is full: say `size` in the ruleset for more, and load it again"
            ),
            problem => format!("{set}: {problem}"),
        }),
        error => said(error),
    }
}

fn require_changes(set: &NamedSet) -> Result<&ElementPlace, Failure> {
    let refuse = |why: &str| {
        Err(Failure::Refused(format!(
            "{}: its elements cannot be changed while the filter is loaded: {why}; change the \
             ruleset and load it again",
            set.label()
        )))
    };
    let flags = set.lines.iter().filter_map(|line| line.strip_prefix("flags "));
    if flags.flat_map(|flags| flags.split(',')).any(|flag| flag == "constant") {
        return refuse("the set is constant");
    }
    match &set.place {
        Some(place) => Ok(place),
        None => refuse(&set.why_fixed),
    }
}

/// The elements that words mean, as they lie in maps; times from now on.
fn elements(set: &NamedSet, text: &str, only_keys: bool) -> Result<Vec<Stored>, Failure> {
    let place = require_changes(set)?;
    let none = Vec::new();
    let block = SetBlock {
        family: nft_listing::family(set.family).unwrap_or_default(),
        table: &set.table,
        name: &set.name,
        is_map: set.is_map,
        lines: &set.lines,
        leads: place.leads.as_ref().map_or(&none, |leads| &leads.names),
    };
    let refuse = |why: String| Failure::Refused(format!("{}: {why}", set.label()));
    let read = read_elements(&block, text, only_keys, Some(&System)).map_err(refuse)?;
    read.into_iter().map(|one| stored(set, place, one, only_keys).map_err(refuse)).collect()
}

fn stored(
    set: &NamedSet,
    place: &ElementPlace,
    read: ReadElement,
    only_keys: bool,
) -> Result<Stored, String> {
    let again = "change the ruleset and load it again";
    let Some(key) = read.key else {
        return Err(format!("what all others lead to is part of the program: {again}"));
    };
    let ranged = place.range.map(|range| range.part as usize);
    let is_range = |(at, (low, high)): (usize, &(u128, u128))| low != high && ranged != Some(at);
    if key.iter().enumerate().any(is_range) {
        return Err(format!(
            "the program was compiled for elements without ranges in this part of the key: {again}"
        ));
    }
    let mut found = Stored { key, data: read.data, ..Stored::default() };
    if only_keys {
        return Ok(found);
    }
    if place.number.is_some() {
        return Err(format!(
            "its elements have statements that lie beside them, and none for more: {again}"
        ));
    }
    if read.comment.is_some() {
        return Err(format!("comments are those of the ruleset: {again}, or leave it out"));
    }
    if let Some(leads) = &read.leads {
        let names = place.leads.as_ref().map_or(&[][..], |place| &place.names);
        let at = names.iter().position(|name| name == leads).ok_or_else(|| {
            format!("no element led to `{leads}` when the filter was compiled: {again}")
        })?;
        found.leads = Some(at as u32);
    }
    let (given, known) = (read.states.len(), place.states.len());
    let is_alike = read.states.iter().zip(&place.states).all(|((text, _), of)| *text == of.text);
    if given > 0 && (given != known || !is_alike) {
        return Err(format!("its elements have other statements: {again}"));
    }
    let states = place.states.iter().enumerate().map(|(at, state)| match state.kind {
        StateWords::Counter | StateWords::Quota => read.states.get(at).map_or([0; 2], |one| one.1),
        StateWords::Last | StateWords::Hidden => [0; 2],
    });
    found.states = states.collect();
    let timeout = read.timeout.or(set.timeout).filter(|&timeout| timeout > 0);
    if let Some(timeout) = timeout {
        if place.life.is_none() {
            return Err("its elements have no times: say `flags timeout` in the ruleset".to_owned());
        }
        let left = read.expires.unwrap_or(timeout);
        found.life = Some((timeout, left.saturating_mul(1_000_000)));
    }
    Ok(found)
}
