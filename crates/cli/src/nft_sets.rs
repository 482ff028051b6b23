//! Named sets of nft as `nft list set` prints them, and as JSON, with their elements as they are.

use crate::console::{Console, Failure, json_line, printable, refused};
use bpfc_artifact::{ElementPlace, NamedSet, StatePlace, StateWords, Stored};
use bpfc_driver::elements::{Values, bytes, time};
use bpfc_runtime::{Filter, NamedElements};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Bytes that are printed together.
const PART: usize = 1 << 16;
const MILLISECOND: u64 = 1_000_000;

/// Prints what is in `text` where that is much, or where it is the end.
fn print(console: &Console, text: &mut String, is_end: bool) -> Result<(), Failure> {
    if is_end || text.len() >= PART {
        console.print_bytes(printable(text).as_bytes())?;
        text.clear();
    }
    Ok(())
}

/// Takes what was written so far, and whether that is the end; it may leave some for later.
pub type Sink<'a> = dyn FnMut(&mut String, bool) -> Result<(), Failure> + 'a;

/// Prints the elements of a set.
struct Printer<'a> {
    set: &'a NamedSet,
    key: Vec<Values>,
    data: Vec<Values>,
    now: u64,
}

impl<'a> Printer<'a> {
    fn new(set: &'a NamedSet, place: Option<&ElementPlace>, now: u64) -> Printer<'a> {
        let values = |parts: &[bpfc_artifact::PartPlace]| {
            parts.iter().map(|part| Values::of(&part.datatype, part.bits)).collect()
        };
        Printer {
            set,
            key: place.map_or(Vec::new(), |place| values(&place.key)),
            data: place.map_or(Vec::new(), |place| values(&place.data)),
            now,
        }
    }

    fn key(&self, out: &mut String, element: &Stored) {
        for (at, (part, &(low, high))) in self.key.iter().zip(&element.key).enumerate() {
            out.push_str(if at > 0 { " . " } else { "" });
            part.range(out, low, high);
        }
    }

    /// What an element yields.
    fn data(&self, out: &mut String, place: &ElementPlace, element: &Stored) {
        for (at, (part, &number)) in self.data.iter().zip(&element.data).enumerate() {
            out.push_str(if at > 0 { " . " } else { "" });
            part.value(out, number);
        }
        if let (Some(leads), Some(number)) = (&place.leads, element.leads)
            && let Some(name) = leads.names.get(number as usize)
        {
            let is_verdict = self.set.lines.first().is_some_and(|line| line.ends_with("verdict"));
            let mark = if is_verdict { "" } else { "\"" };
            let _ = write!(out, "{mark}{name}{mark}");
        }
    }

    fn comment(&self, key: &str) -> Option<&str> {
        let comments = &self.set.comments;
        let at = comments.binary_search_by(|(of, _)| of.as_str().cmp(key)).ok()?;
        Some(&comments[at].1)
    }

    /// How long an element lives and is still to live, in milliseconds: the first where it is not
    /// as long as all do.
    fn life(&self, element: &Stored) -> Option<(Option<u64>, u64)> {
        let (timeout, end) = element.life?;
        let own = Some(timeout).filter(|&timeout| Some(timeout) != self.set.timeout);
        Some((own, end.saturating_sub(self.now) / MILLISECOND))
    }

    fn element(&self, out: &mut String, all: &NamedElements, element: &Stored) {
        let begin = out.len();
        self.key(out, element);
        let comment = match self.set.comments.is_empty() {
            true => None,
            false => self.comment(&out[begin..]),
        };
        for (state, words) in states(all, element) {
            out.push(' ');
            self.state(out, state, words);
        }
        if let Some((timeout, left)) = self.life(element) {
            if let Some(timeout) = timeout {
                let _ = write!(out, " timeout {}", time(timeout));
            }
            let _ = write!(out, " expires {}", time(left));
        }
        if let Some(comment) = comment {
            let _ = write!(out, " comment \"{comment}\"");
        }
        if self.set.is_map {
            out.push_str(" : ");
            self.data(out, all.place(), element);
        }
    }

    fn state(&self, out: &mut String, state: &StatePlace, [first, second]: [u64; 2]) {
        out.push_str(&state.text);
        let _ = match state.kind {
            StateWords::Counter => write!(out, " packets {first} bytes {second}"),
            StateWords::Quota if first > 0 => write!(out, " used {}", bytes(first)),
            StateWords::Last if first > 0 => {
                write!(out, " used {}", time(self.now.saturating_sub(first) / MILLISECOND))
            }
            StateWords::Last => write!(out, " used never"),
            StateWords::Quota | StateWords::Hidden => Ok(()),
        };
    }
}

/// The states of an element, wherever they lie.
fn states<'a>(
    all: &'a NamedElements,
    element: &'a Stored,
) -> impl Iterator<Item = (&'a StatePlace, [u64; 2])> {
    let place = all.place();
    let other = all.states_of(element.number).filter(|_| place.number.is_some());
    let (states, words) = match other {
        Some((group, words)) => (&place.groups[group].states, words),
        None => (&place.states, element.states.as_slice()),
    };
    states.iter().zip(words.iter().copied())
}

/// Prints a set as it stands in its table's block.
pub fn block(filter: &Filter, set: &NamedSet, out: &mut Sink<'_>) -> Result<(), Failure> {
    let elements = filter.named_elements(set).map_err(refused)?;
    let noun = if set.is_map { "map" } else { "set" };
    let mut text = format!("\t{noun} {} {{\n", set.name);
    for line in &set.lines {
        let _ = writeln!(text, "\t\t{line}");
    }
    let place = elements.as_ref().map(NamedElements::place);
    let printer = Printer::new(set, place, elements.as_ref().map_or(0, |all| all.now));
    let a_line = match printer.key.as_slice() {
        [one] => one.a_line(),
        _ => 1,
    };
    let mut count = 0;
    let mut begin = |text: &mut String| {
        text.push_str(match count {
            0 => "\t\telements = { ",
            _ if count % a_line == 0 => ",\n\t\t\t     ",
            _ => ", ",
        });
        count += 1;
    };
    if let Some(all) = &elements {
        all.each(|element| {
            begin(&mut text);
            printer.element(&mut text, all, element);
            out(&mut text, false)
        })?;
    }
    for element in &set.fixed {
        begin(&mut text);
        text.push_str(element);
        out(&mut text, false)?;
    }
    text.push_str(if count > 0 { " }\n\t}\n" } else { "\t}\n" });
    out(&mut text, true)
}

/// Prints sets, table by table.
pub fn listing(filter: &Filter, sets: &[NamedSet], console: &Console) -> Result<(), Failure> {
    let is_of_one =
        |one: &NamedSet, other: &NamedSet| (one.family, &one.table) == (other.family, &other.table);
    for of_table in sets.chunk_by(is_of_one) {
        let family = crate::nft_listing::family(of_table[0].family).unwrap_or_default();
        console.print(&format!("table {family} {} {{\n", of_table[0].table))?;
        for (at, set) in of_table.iter().enumerate() {
            console.print(if at > 0 { "\n" } else { "" })?;
            block(filter, set, &mut |text, is_end| print(console, text, is_end))?;
        }
        console.print("}\n")?;
    }
    Ok(())
}

/// Prints a set as an object of JSON, element by element.
pub fn json(filter: &Filter, set: &NamedSet, console: &Console) -> Result<(), Failure> {
    let elements = filter.named_elements(set).map_err(refused)?;
    let place = elements.as_ref().map(NamedElements::place);
    let printer = Printer::new(set, place, elements.as_ref().map_or(0, |all| all.now));
    let head = json!({
        "family": crate::nft_listing::family(set.family),
        "table": set.table,
        "name": set.name,
        "kind": if set.is_map { "map" } else { "set" },
        "header": set.lines,
        "changes": set.place.is_some(),
    });
    let mut text = json_line(&head)?.trim_end().trim_end_matches('}').to_owned();
    text.push_str(",\"elements\":[");
    let mut is_first = true;
    let mut push = |text: &mut String, value: Value| -> Result<(), Failure> {
        text.push_str(if std::mem::take(&mut is_first) { "" } else { "," });
        text.push_str(json_line(&value)?.trim_end());
        Ok(())
    };
    if let Some(all) = &elements {
        all.each(|element| {
            push(&mut text, printer.json(all, element))?;
            print(console, &mut text, false)
        })?;
    }
    for element in &set.fixed {
        push(&mut text, json!({ "fixed": element }))?;
    }
    text.push_str("]}");
    print(console, &mut text, true)
}

impl Printer<'_> {
    fn json(&self, all: &NamedElements, element: &Stored) -> Value {
        let mut key = String::new();
        self.key(&mut key, element);
        let mut object = Map::new();
        if let Some(comment) = self.comment(&key) {
            object.insert("comment".to_owned(), comment.into());
        }
        object.insert("element".to_owned(), key.into());
        if let Some((timeout, left)) = self.life(element) {
            let timeout = timeout.or(self.set.timeout);
            object.insert("timeout".to_owned(), json!(timeout));
            object.insert("expires".to_owned(), left.into());
        }
        let states: Vec<Value> = states(all, element)
            .map(|(state, words)| match state.kind {
                StateWords::Counter => json!({
                    "statement": state.text, "packets": words[0], "bytes": words[1]
                }),
                StateWords::Quota => json!({ "statement": state.text, "used": words[0] }),
                StateWords::Last if words[0] > 0 => json!({
                    "statement": state.text,
                    "used": self.now.saturating_sub(words[0]) / MILLISECOND,
                }),
                StateWords::Last | StateWords::Hidden => json!({ "statement": state.text }),
            })
            .collect();
        if !states.is_empty() {
            object.insert("statements".to_owned(), states.into());
        }
        if self.set.is_map {
            let mut data = String::new();
            self.data(&mut data, all.place(), element);
            object.insert("data".to_owned(), data.trim_matches('"').into());
        }
        object.into()
    }
}
