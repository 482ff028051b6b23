//! The reader of `ipset save` text: one command a line, carried out in order.
//!
//! Lines are carried out as `ipset restore` of version 7.17 would do it; the result is what would
//! then be in the kernel, and what ipset or the kernel refuses because of what is there is an
//! error.

use crate::draft::{Draft, at, other_of};
use bpfc_diag::{Code, Diagnostic, Diagnostics, FileId, SourceMap, Span};
use bpfc_ipset::{
    ElementError, LineCommand as Command, MOST_BYTES, MOST_WORDS, SetDef, Together, check_name,
    expand_member, plain_quotes, split_words, take_options,
};
use bpfc_ir::{SetTable, raw};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The name of the format, as `--from` takes it.
pub const FORMAT: &str = "ipset-save";

/// The comment in which the runtime's live reader says a set's number in the kernel.
const NUMBER: &str = "# number ";

/// Errors of one file after which reading it ends.
const MOST_ERRORS: usize = 100;

/// Reads a text and adds its sets to `table`. All errors are reported, up to a hundred.
pub fn read(
    name: &str,
    bytes: &[u8],
    table: &mut SetTable,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> FileId {
    let file = sources.add(name, raw::decode(bytes));
    let errors = diagnostics.error_count();
    let mut reader = Reader {
        file,
        diagnostics,
        sets: BTreeMap::new(),
        numbers: Vec::new(),
        current: None,
        together: Together::default(),
    };
    let text = sources.file(file).text();
    let mut start = 0;
    for line in text.split('\n') {
        reader.line(line, start);
        start += line.len() + 1;
        if reader.diagnostics.error_count() >= errors + MOST_ERRORS {
            break;
        }
    }
    reader.finish(table);
    file
}

struct Reader<'a> {
    file: FileId,
    diagnostics: &'a mut Diagnostics,
    sets: BTreeMap<String, Draft>,
    numbers: Vec<(u16, String)>,
    /// The set of the last `add`, taken out of `sets`: most lines name the same.
    current: Option<Draft>,
    /// For which lines `-exist` counts.
    together: Together,
}

impl Reader<'_> {
    fn line(&mut self, line: &str, start: usize) {
        if let Some(rest) = line.strip_prefix(NUMBER) {
            if let Some((number, name)) = rest.split_once(' ')
                && let Ok(number) = number.parse()
            {
                self.numbers.push((number, name.trim_ascii_end().to_owned()));
            }
            return;
        }
        let trimmed = line.trim_ascii();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            return;
        }
        if trimmed == "COMMIT" {
            self.together.commit();
            return;
        }
        if raw::length(line) > MOST_BYTES {
            let message =
                format!("the line is longer than the {MOST_BYTES} bytes that ipset reads");
            self.error(start, start + line.len(), message);
            return;
        }
        let plain = plain_quotes(line);
        // Where words do not stand as they are written, the line as a whole is at fault.
        let place = |word: &str| match &plain {
            Cow::Borrowed(_) => {
                let at = start + offset(line, word);
                (at, at + word.len().max(1))
            }
            Cow::Owned(_) => (start, start + line.len()),
        };
        let mut words = Vec::new();
        if let Err(at) = split_words(&plain, &mut words) {
            self.error(start + at, start + line.len(), "a quotation mark is not closed".into());
            return;
        }
        if words.len() > MOST_WORDS {
            let message = format!("the line has more than the {MOST_WORDS} words that ipset reads");
            self.error(start, start + line.len(), message);
            return;
        }
        match take_options(&mut words) {
            Ok(true) => self.together.say_exist(),
            Ok(false) => {}
            Err((word, message)) => {
                let (at, end) = place(word);
                self.error(at, end, message);
                return;
            }
        }
        // Names of sets, which elements of lists are, too, and comments.
        let takes_bytes = |at: usize| {
            let option = words[at - 1].strip_prefix("--").unwrap_or(words[at - 1]);
            at <= 2 || matches!(option, "comment" | "before" | "after")
        };
        let wrong =
            (0..words.len()).find(|&at| !raw::is_utf8(words[at]) && (at == 0 || !takes_bytes(at)));
        if let Some(at) = wrong {
            let (at, end) = place(words[at]);
            self.error(at, end, "this is not UTF-8".into());
            return;
        }
        let Some((word, arguments)) = words.split_first() else { return };
        let (from, to) = place(word);
        let Some(command) = Command::of(word) else {
            self.error(from, to, format!("there is no command '{word}' in a file of sets"));
            return;
        };
        if !command.arguments().contains(&arguments.len()) {
            let message = match arguments.get(*command.arguments().end()) {
                Some(more) => format!("'{word}' takes no '{more}'"),
                None => format!("'{word}' needs more words"),
            };
            self.error(from, to, message);
            return;
        }
        let exist = self.together.is_exist(command, arguments);
        let whole = Span::new(self.file, start, start + line.trim_ascii_end().len());
        let result = match command {
            Command::Add => self.add(arguments, exist, start),
            Command::Create => self.create(arguments, exist, whole),
            Command::Delete => self.delete(arguments, exist),
            Command::Test => self.test(arguments),
            Command::Flush => self.flush(arguments),
            Command::Destroy => self.destroy(arguments),
            Command::Rename => self.rename(arguments),
            Command::Swap => self.swap(arguments),
            Command::List | Command::Save => self.named(arguments).map(drop),
            Command::Other => Err(at(usize::MAX, not_here(word))),
        };
        if let Err(error) = result {
            let (at, end) = place(arguments.get(error.word).unwrap_or(word));
            self.error(at, end, error.message);
        }
    }

    fn error(&mut self, start: usize, end: usize, message: String) {
        let span = Span::new(self.file, start, end);
        self.diagnostics.push(Diagnostic::error(Code::BAD_SET, Some(span), message));
    }

    /// Says that an element was added at an offset that was there already.
    fn twice(&mut self, name: &str, start: Option<u32>) {
        let Some(start) = start.map(|start| start as usize) else { return };
        let span = Span::new(self.file, start, start + 3);
        let message = format!("the element is already in set '{name}'");
        let error = Diagnostic::error(Code::BAD_SET, Some(span), message)
            .with_help("ipset restore takes it where -exist stands in this line or one before");
        self.diagnostics.push(error);
    }

    /// Makes the set of a name the current one.
    fn turn_to(&mut self, name: &str) -> Result<&mut Draft, ElementError> {
        if self.current.as_ref().is_none_or(|draft| draft.def().name != name) {
            self.put_back();
            self.current = self.sets.remove(name);
        }
        self.current.as_mut().ok_or_else(|| missing(0, name))
    }

    fn put_back(&mut self) {
        if let Some(draft) = self.current.take() {
            self.sets.insert(draft.def().name.clone(), draft);
        }
    }

    fn add(&mut self, words: &[&str], exist: bool, start: usize) -> Result<(), ElementError> {
        let (name, element) = (words[0], &words[1..]);
        let draft = self.turn_to(name)?;
        let line = u32::try_from(start).unwrap_or(u32::MAX);
        if draft.is_list() {
            let element = expand_member(element);
            self.known_member(&element)?;
            return self.turn_to(name)?.add_member(&element, exist, line);
        }
        let twice = draft.add(element, exist, line)?;
        self.twice(name, twice);
        Ok(())
    }

    /// A list's member, and the one that it stands before or after, must be sets and no lists.
    fn known_member(&mut self, element: &[&str]) -> Result<(), ElementError> {
        self.put_back();
        let member = element.first().copied().unwrap_or_default();
        match self.sets.get(member) {
            Some(draft) if draft.is_list() => {
                Err(at(1, format!("'{member}' is a list, and a list holds no lists")))
            }
            Some(_) => match other_of(element) {
                Some(other) if !self.sets.contains_key(other) => Err(missing(3, other)),
                _ => Ok(()),
            },
            None => Err(at(1, format!("there is no set '{member}' before this line"))),
        }
    }

    fn create(&mut self, words: &[&str], exist: bool, span: Span) -> Result<(), ElementError> {
        let def = SetDef::parse(words)?;
        self.put_back();
        if let Some(there) = self.sets.get(&def.name) {
            if exist && there.is_same(&def) {
                return Ok(());
            }
            let how = if exist { " with another definition" } else { "" };
            return Err(at(0, format!("there is a set '{}' already{how}", def.name)));
        }
        self.sets.insert(def.name.clone(), Draft::new(def, span));
        Ok(())
    }

    /// A set whose elements are kept by key: a line asks which are there.
    fn settled(&mut self, name: &str) -> Result<&mut Draft, ElementError> {
        let twice = self.turn_to(name)?.settle();
        self.twice(name, twice);
        self.turn_to(name)
    }

    fn delete(&mut self, words: &[&str], exist: bool) -> Result<(), ElementError> {
        let (name, element) = (words[0], &words[1..]);
        let draft = self.settled(name)?;
        if draft.is_list() {
            let element = expand_member(element);
            self.known_member(&element)?;
            return self.turn_to(name)?.delete_member(&element, exist);
        }
        draft.delete(element, exist)
    }

    /// ipset ends where the element is not there.
    fn test(&mut self, words: &[&str]) -> Result<(), ElementError> {
        let (name, element) = (words[0], &words[1..]);
        let draft = self.settled(name)?;
        let found = match draft.is_list() {
            true => draft.member(&expand_member(element))?.is_some(),
            false => draft.holds(element)?,
        };
        match found {
            true => Ok(()),
            false => Err(at(1, format!("{} is NOT in set {name}", element[0]))),
        }
    }

    /// The names of the sets that a line is about: the one that it names, or all.
    fn named(&mut self, words: &[&str]) -> Result<Vec<String>, ElementError> {
        self.put_back();
        match words.first() {
            Some(name) if self.sets.contains_key(*name) => Ok(vec![(*name).to_owned()]),
            Some(name) => Err(missing(0, name)),
            None => Ok(self.sets.keys().cloned().collect()),
        }
    }

    /// Elements that are there twice are an error, also where they go.
    fn settle(&mut self, name: &str) {
        let twice = self.sets.get_mut(name).and_then(Draft::settle);
        self.twice(name, twice);
    }

    fn flush(&mut self, words: &[&str]) -> Result<(), ElementError> {
        for name in self.named(words)? {
            self.settle(&name);
            if let Some(draft) = self.sets.get_mut(&name) {
                draft.clear();
            }
        }
        Ok(())
    }

    fn destroy(&mut self, words: &[&str]) -> Result<(), ElementError> {
        let names = self.named(words)?;
        for name in &names {
            self.free(name, "destroyed").map_err(|message| at(0, message))?;
        }
        for name in names {
            self.settle(&name);
            self.sets.remove(&name);
        }
        Ok(())
    }

    /// A list's member stays as it is.
    fn free(&self, name: &str, what: &str) -> Result<(), String> {
        match self.sets.values().find(|draft| draft.has_member(name)) {
            Some(list) => {
                let list = &list.def().name;
                Err(format!("'{name}' cannot be {what}: it is a member of the list '{list}'"))
            }
            None => Ok(()),
        }
    }

    fn rename(&mut self, words: &[&str]) -> Result<(), ElementError> {
        self.put_back();
        let (from, to) = (words[0], words[1]);
        check_name(to).map_err(|message| at(1, message))?;
        if !self.sets.contains_key(from) {
            return Err(missing(0, from));
        }
        self.free(from, "renamed").map_err(|message| at(0, message))?;
        if self.sets.contains_key(to) {
            return Err(at(1, format!("there is a set '{to}' already")));
        }
        if let Some(mut draft) = self.sets.remove(from) {
            to.clone_into(&mut draft.set.def.name);
            self.sets.insert(to.to_owned(), draft);
        }
        Ok(())
    }

    fn swap(&mut self, words: &[&str]) -> Result<(), ElementError> {
        self.put_back();
        let (first, second) = (words[0], words[1]);
        let (Some(one), Some(other)) = (self.sets.get(first), self.sets.get(second)) else {
            let word = usize::from(self.sets.contains_key(first));
            return Err(missing(word, words[word]));
        };
        let (one, other) = (one.def(), other.def());
        if !one.kind.swaps_with(other.kind) || one.family != other.family {
            let message = format!(
                "'{first}' and '{second}' cannot be swapped: their types or families do not match"
            );
            return Err(at(0, message));
        }
        let (one, other) = (self.sets.remove(first), self.sets.remove(second));
        for (draft, name) in [(one, second), (other, first)] {
            if let Some(mut draft) = draft {
                name.clone_into(&mut draft.set.def.name);
                self.sets.insert(name.to_owned(), draft);
            }
        }
        Ok(())
    }

    /// Sorts what was read, looks for elements that are there twice, and gives the sets out.
    fn finish(mut self, table: &mut SetTable) {
        self.put_back();
        for (name, draft) in std::mem::take(&mut self.sets) {
            let (set, span, twice) = draft.finish();
            self.twice(&name, twice);
            if !table.insert(set, Some(span)) {
                let message = format!("there is a set '{name}' in another input");
                self.diagnostics.push(Diagnostic::error(Code::BAD_SET, Some(span), message));
            }
        }
        for (number, name) in self.numbers {
            table.set_number(number, &name);
        }
    }
}

fn missing(word: usize, name: &str) -> ElementError {
    at(word, format!("there is no set '{name}'"))
}

/// Why a command cannot stand in a file.
fn not_here(word: &str) -> String {
    match word.trim_start_matches('-').starts_with('q') {
        true => "ipset ends at 'quit', and elements that it has not sent yet are lost: take the line out"
            .into(),
        false => format!("the command '{word}' does not stand in a file of sets"),
    }
}

/// The offset of a word in its line, of which it is a slice.
fn offset(line: &str, word: &str) -> usize {
    (word.as_ptr() as usize).saturating_sub(line.as_ptr() as usize)
}
