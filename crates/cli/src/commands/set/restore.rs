//! `bpfc set restore`: carries out the lines of what `ipset save` prints.
//!
//! Lines are read as ipset reads them: its commands in any spelling, its options anywhere, `-exist`
//! for all lines from the one on that says it. All lines are read before the first is carried out,
//! so that what is wrong with a line by itself changes nothing. What only the set can say (an
//! element is there already, the set is full) stops at its line, and the error says how far it
//! came.

use super::said;
use crate::console::{Failure, refused};
use crate::inputs;
use bpfc_ipset::{
    Command, LineCommand, MOST_BYTES, MOST_WORDS, Together, plain_quotes, split_words, take_options,
};
use bpfc_runtime::{Filter, FilterSet, Stopped, raw};
use std::collections::BTreeMap;

/// Elements that are changed under one lock.
const BATCH: usize = 4096;
/// Characters of a line that are shown.
const SHOWN: usize = 120;

/// What a line does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Add,
    Delete,
    Flush,
}

/// A line that changes something.
struct Line<'t> {
    number: usize,
    text: &'t str,
    change: Change,
    /// None where it is every set.
    set: Option<String>,
    element: Vec<String>,
    exist: bool,
}

type Sets = BTreeMap<String, FilterSet>;

pub(super) fn run(name: &str, file: &str, exist: bool) -> Result<(), Failure> {
    let bytes = inputs::read_bytes(file).map_err(Failure::Refused)?;
    let text = raw::decode(&bytes);
    let filter = Filter::open(name).map_err(refused)?;
    let mut sets = Sets::new();
    let failed = |number: usize, line: &str, reason: &str, done: &str| {
        Failure::Refused(format!("{file}:{number}: {}: {reason}; {done}", shown(line)))
    };
    let mut lines = Vec::new();
    let mut together = Together::new(exist);
    for (number, text) in (1..).zip(text.lines()) {
        let read = read(number, text, &mut together).and_then(|line| {
            line.as_ref().map_or(Ok(()), |line| check(&filter, &mut sets, line)).map(|()| line)
        });
        let nothing = |reason: String| failed(number, text, &reason, "no line was carried out");
        lines.extend(read.map_err(nothing)?);
    }
    let mut done = 0;
    while let Some(first) = lines.get(done) {
        let alike = |line: &&Line<'_>| {
            (line.change, &line.set, line.exist) == (first.change, &first.set, first.exist)
        };
        let together: Vec<&Line<'_>> = lines[done..].iter().take_while(alike).take(BATCH).collect();
        let Err(Stopped { index, parts, error }) = carry_out(&filter, &sets, &together) else {
            done += together.len();
            continue;
        };
        let (line, before) = (together[index.min(together.len() - 1)], done + index);
        let some = match parts {
            0 => String::new(),
            parts => format!(", of this one {parts} elements"),
        };
        let so_far = match before {
            0 => format!("no line before it was carried out{some}"),
            1 => format!("the line before it was carried out{some}"),
            _ => format!("the {before} lines before it were carried out{some}"),
        };
        let Failure::Refused(reason) = said(error) else { return Err(Failure::Said) };
        return Err(failed(line.number, line.text, &reason, &so_far));
    }
    Ok(())
}

/// A line of text without what a terminal would take for commands.
fn shown(line: &str) -> String {
    let mut out = String::new();
    for character in line.trim().chars().take(SHOWN) {
        match character.is_control() {
            true => out.extend(character.escape_default()),
            false => out.push(character),
        }
    }
    if line.trim().chars().count() > SHOWN {
        out.push_str("...");
    }
    out
}

/// Reads a line; none where it changes nothing.
fn read<'t>(
    number: usize,
    text: &'t str,
    together: &mut Together,
) -> Result<Option<Line<'t>>, String> {
    if text.trim_ascii_start().starts_with('#') {
        return Ok(None);
    }
    if text.len() > MOST_BYTES {
        return Err(format!("the line is longer than the {MOST_BYTES} bytes that ipset reads"));
    }
    let plain = plain_quotes(text);
    let mut words = Vec::new();
    split_words(&plain, &mut words).map_err(|_| "a quotation mark is not closed".to_owned())?;
    if words.len() > MOST_WORDS {
        return Err(format!("the line has more than the {MOST_WORDS} words that ipset reads"));
    }
    if take_options(&mut words).map_err(|(_, reason)| reason)? {
        together.say_exist();
    }
    let (word, rest) = match words.split_first() {
        None => return Ok(None),
        Some((word, rest)) => (*word, rest),
    };
    if word == "COMMIT" {
        together.commit();
        return Ok(None);
    }
    let command = LineCommand::of(word);
    let exist = command.is_some_and(|command| together.is_exist(command, rest));
    let change = match command {
        Some(LineCommand::Create) => return Ok(None),
        Some(LineCommand::Add) => Change::Add,
        Some(LineCommand::Delete) => Change::Delete,
        Some(LineCommand::Flush) => Change::Flush,
        _ => return Err(format!("'{}' is neither add, del nor flush", shown(word))),
    };
    let (set, element) = match rest {
        [] if change == Change::Flush => (None, Vec::new()),
        [] => return Err("the set and the element are missing".into()),
        [_] if change != Change::Flush => return Err("the element is missing".into()),
        [_, word, ..] if change == Change::Flush => {
            return Err(format!("'{}' is too much", shown(word)));
        }
        [set, element @ ..] => (Some((*set).to_owned()), element.to_vec()),
    };
    let element = element.into_iter().map(str::to_owned).collect();
    Ok(Some(Line { number, text, change, set, element, exist }))
}

/// What is wrong with a line whatever is in its set; opens the set.
fn check(filter: &Filter, sets: &mut Sets, line: &Line<'_>) -> Result<(), String> {
    let Some(name) = &line.set else { return Ok(()) };
    let opened = match sets.get(name) {
        Some(opened) => opened,
        None => {
            let opened = filter.set(name).map_err(|error| reason(said(error)))?;
            sets.entry(name.clone()).or_insert(opened)
        }
    };
    let command = match line.change {
        Change::Flush => return Ok(()),
        Change::Add => Command::Add,
        Change::Delete => Command::Delete,
    };
    let element: Vec<&str> = line.element.iter().map(String::as_str).collect();
    opened.check(command, &element).map_err(|error| reason(said(error)))
}

fn reason(failure: Failure) -> String {
    match failure {
        Failure::Refused(reason) | Failure::Usage(reason) => reason,
        Failure::Said | Failure::PipeClosed => String::new(),
    }
}

/// Carries out lines that do the same to one set.
fn carry_out(filter: &Filter, sets: &Sets, lines: &[&Line<'_>]) -> Result<(), Stopped> {
    let Some(first) = lines.first() else { return Ok(()) };
    let at_first = |error| Stopped { index: 0, parts: 0, error };
    let elements: Vec<Vec<&str>> =
        lines.iter().map(|line| line.element.iter().map(String::as_str).collect()).collect();
    let elements: Vec<&[&str]> = elements.iter().map(Vec::as_slice).collect();
    match (first.change, first.set.as_ref().and_then(|name| sets.get(name))) {
        (Change::Add, Some(set)) => set.add_all(&elements, first.exist),
        (Change::Delete, Some(set)) => set.delete_all(&elements, first.exist),
        (_, Some(set)) => set.flush().map_err(at_first),
        (_, None) => {
            for def in filter.sets().map_err(at_first)? {
                filter.set(&def.name).and_then(|set| set.flush()).map_err(at_first)?;
            }
            Ok(())
        }
    }
}
