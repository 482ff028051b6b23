//! The reader of `ipset save` text: one command a line, carried out in order.
//!
//! `create`, `add`, `del`, `flush`, `destroy`, `rename` and `swap` are carried out as
//! `ipset restore` would; the result is what would then be in the kernel. With `-exist` (or `-!`)
//! in a line, what is there already is no error.

use bpfc_diag::{Code, Diagnostic, Diagnostics, FileId, SourceMap, Span};
use bpfc_ir::SetTable;
use bpfc_sets::{ElementError, Layout, Set, SetDef, check_name, split_words};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The name of the format, as `--from` takes it.
pub const FORMAT: &str = "ipset-save";

/// The comment in which the runtime's live reader says a set's number in the kernel.
const NUMBER: &str = "# number ";

/// Errors of one file after which reading it ends.
const MOST_ERRORS: usize = 100;

/// Whether a text is of this format: its first line that is no comment begins with `create` and
/// names a set and a type.
pub fn recognise(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(64 << 10)];
    let text = String::from_utf8_lossy(head);
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let mut words =
        first.unwrap_or_default().split_ascii_whitespace().filter(|w| !w.starts_with('-'));
    let command = matches!(words.next(), Some("create" | "n" | "add"));
    command && words.next().is_some() && words.next().is_some_and(|word| word.contains([':', '.']))
}

/// Reads a text and adds its sets to `table`. All errors are reported, up to a hundred.
pub fn read(
    name: &str,
    bytes: &[u8],
    table: &mut SetTable,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> FileId {
    let decoded = String::from_utf8_lossy(bytes);
    let damaged = matches!(decoded, Cow::Owned(_));
    let file = sources.add(name, decoded);
    let errors = diagnostics.error_count();
    let mut reader = Reader {
        file,
        damaged,
        diagnostics,
        sets: BTreeMap::new(),
        numbers: Vec::new(),
        current: None,
    };
    let text = sources.file(file).text();
    let mut start = 0;
    let mut words = Vec::new();
    for line in text.split('\n') {
        reader.line(line, start, &mut words);
        start += line.len() + 1;
        if reader.diagnostics.error_count() >= errors + MOST_ERRORS {
            break;
        }
    }
    reader.finish(table);
    file
}

/// A set that is being read.
struct Draft {
    set: Set,
    layout: Layout,
    span: Span,
    /// Where each element was added, with how many came of it: for messages.
    lines: Vec<(u32, u32)>,
    /// Elements may be added twice.
    exist: bool,
}

struct Reader<'a> {
    file: FileId,
    /// Whether bytes that are not UTF-8 were replaced.
    damaged: bool,
    diagnostics: &'a mut Diagnostics,
    sets: BTreeMap<String, Draft>,
    numbers: Vec<(u16, String)>,
    /// The set of the last `add`, taken out of `sets`: most lines name the same.
    current: Option<Draft>,
}

impl Reader<'_> {
    fn line<'t>(&mut self, line: &'t str, start: usize, words: &mut Vec<&'t str>) {
        if let Some(rest) = line.strip_prefix(NUMBER) {
            if let Some((number, name)) = rest.split_once(' ')
                && let Ok(number) = number.parse()
            {
                self.numbers.push((number, name.trim_ascii_end().to_owned()));
            }
            return;
        }
        if line.trim_ascii_start().starts_with('#') {
            return;
        }
        if self.damaged
            && let Some(at) = line.find(char::REPLACEMENT_CHARACTER)
        {
            let at = start + at;
            let end = at + char::REPLACEMENT_CHARACTER.len_utf8();
            self.error(at, end, "these bytes are not UTF-8".into());
            return;
        }
        if let Err(at) = split_words(line, words) {
            self.error(start + at, start + line.len(), "a quotation mark is not closed".into());
            return;
        }
        let count = words.len();
        words.retain(|word| !matches!(*word, "-exist" | "-!" | "--exist"));
        let exist = words.len() != count;
        let Some((command, arguments)) = words.split_first() else { return };
        let result = match *command {
            "add" | "-A" | "--add" => self.add(arguments, exist, start),
            "create" | "-N" | "--create" | "n" => self.create(arguments, exist, line, start),
            "del" | "-D" | "--del" => self.delete(arguments, exist),
            "flush" | "-F" | "--flush" | "destroy" | "-X" | "--destroy" | "x" => {
                self.empty(command, arguments)
            }
            "rename" | "-E" | "--rename" | "e" => self.rename(arguments),
            "swap" | "-W" | "--swap" | "w" => self.swap(arguments),
            "COMMIT" | "quit" => Ok(()),
            _ => {
                let message = format!("there is no command '{command}' in a file of sets");
                let at = start + offset(line, command);
                self.error(at, at + command.len(), message);
                return;
            }
        };
        if let Err(error) = result {
            let word = arguments.get(error.word).unwrap_or(command);
            let at = start + offset(line, word);
            self.error(at, at + word.len().max(1), error.message);
        }
    }

    fn error(&mut self, start: usize, end: usize, message: String) {
        let span = Span::new(self.file, start, end);
        self.diagnostics.push(Diagnostic::error(Code::BAD_SET, Some(span), message));
    }

    /// Makes the set of a name the current one.
    fn turn_to(&mut self, name: &str) -> Result<&mut Draft, ElementError> {
        if self.current.as_ref().is_none_or(|draft| draft.set.def.name != name) {
            self.put_back();
            self.current = self.sets.remove(name);
        }
        let missing = || at(0, format!("there is no set '{name}'"));
        self.current.as_mut().ok_or_else(missing)
    }

    fn put_back(&mut self) {
        if let Some(draft) = self.current.take() {
            self.sets.insert(draft.set.def.name.clone(), draft);
        }
    }

    fn add(&mut self, words: &[&str], exist: bool, start: usize) -> Result<(), ElementError> {
        let Some((name, element)) = words.split_first() else {
            return Err(at(0, "add needs the name of a set and an element".into()));
        };
        let draft = self.turn_to(name)?;
        draft.exist |= exist;
        let line = u32::try_from(start).unwrap_or(u32::MAX);
        if draft.set.def.kind.is_list() {
            return self.add_member(name, element, line, exist);
        }
        let layout = draft.layout;
        let count = draft.set.append(&layout, element).map_err(shifted)?;
        draft.lines.push((line, count as u32));
        Ok(())
    }

    /// Adds a set to a list, before or after another one.
    fn add_member(
        &mut self,
        name: &str,
        words: &[&str],
        line: u32,
        exist: bool,
    ) -> Result<(), ElementError> {
        let member = *words.first().ok_or_else(|| at(0, "the member is missing".into()))?;
        let known = match self.sets.get(member) {
            Some(draft) if draft.set.def.kind.is_list() => {
                return Err(at(1, format!("'{member}' is a list, and a list holds no lists")));
            }
            known => known.is_some(),
        };
        if !known {
            return Err(at(1, format!("there is no set '{member}' before this line")));
        }
        let draft = self.turn_to(name)?;
        let layout = draft.layout;
        let before = draft.set.len();
        let members = draft.set.members();
        if let Some(there) = members.iter().position(|known| known == member) {
            if !exist {
                return Err(at(1, format!("'{member}' is already in the list")));
            }
            remove_at(&mut draft.set, &layout, there);
            draft.lines.remove(there);
            return self.add_member(name, words, line, exist);
        }
        let place = place_of(words)
            .map(|(first, other)| {
                let found = members.iter().position(|known| known == other);
                let position = found.map(|found| if first { found } else { found + 1 });
                position.ok_or_else(|| at(3, format!("'{other}' is not in the list")))
            })
            .transpose()?;
        draft.set.append(&layout, words).map_err(shifted)?;
        draft.lines.push((line, 1));
        if let Some(place) = place {
            let elements = &mut draft.set.elements;
            elements.keys[place * layout.key_size..].rotate_right(layout.key_size);
            elements.values[place * layout.value_size..].rotate_right(layout.value_size);
            draft.lines[place..=before].rotate_right(1);
        }
        Ok(())
    }

    fn create(
        &mut self,
        words: &[&str],
        exist: bool,
        line: &str,
        start: usize,
    ) -> Result<(), ElementError> {
        let def = SetDef::parse(words)?;
        self.put_back();
        if let Some(there) = self.sets.get(&def.name) {
            if exist && there.set.def.kind == def.kind && there.set.def.family == def.family {
                return Ok(());
            }
            return Err(at(0, format!("there is a set '{}' already", def.name)));
        }
        let layout = def.layout();
        let span = Span::new(self.file, start, start + line.trim_ascii_end().len());
        let draft = Draft { set: Set::new(def), layout, span, lines: Vec::new(), exist: false };
        self.sets.insert(draft.set.def.name.clone(), draft);
        Ok(())
    }

    fn delete(&mut self, words: &[&str], exist: bool) -> Result<(), ElementError> {
        let Some((name, element)) = words.split_first() else {
            return Err(at(0, "del needs the name of a set and an element".into()));
        };
        let draft = self.turn_to(name)?;
        let layout = draft.layout;
        let mut wanted = Set::new(draft.set.def.clone());
        wanted.append(&layout, element).map_err(shifted)?;
        let mut gone: BTreeSet<&[u8]> = wanted.iter().map(|(key, _)| key).collect();
        let places = draft.set.iter().enumerate();
        let found: Vec<usize> =
            places.filter(|(_, (key, _))| gone.remove(key)).map(|(place, _)| place).collect();
        if !gone.is_empty() && !exist {
            let text = element.first().copied().unwrap_or_default();
            return Err(at(1, format!("'{text}' is not in the set")));
        }
        for place in found.into_iter().rev() {
            remove_at(&mut draft.set, &layout, place);
            remove_line(&mut draft.lines, place);
        }
        Ok(())
    }

    fn empty(&mut self, command: &str, words: &[&str]) -> Result<(), ElementError> {
        self.put_back();
        let destroys = command.contains(['d', 'X', 'x']);
        let names: Vec<String> = match words.first() {
            Some(name) if self.sets.contains_key(*name) => vec![(*name).to_owned()],
            Some(name) => return Err(at(0, format!("there is no set '{name}'"))),
            None => self.sets.keys().cloned().collect(),
        };
        for name in names {
            if destroys {
                self.sets.remove(&name);
            } else if let Some(draft) = self.sets.get_mut(&name) {
                draft.set = Set::new(draft.set.def.clone());
                draft.lines.clear();
            }
        }
        Ok(())
    }

    fn rename(&mut self, words: &[&str]) -> Result<(), ElementError> {
        self.put_back();
        let [from, to] = words else {
            return Err(at(0, "rename needs two names".into()));
        };
        if self.sets.contains_key(*to) {
            return Err(at(1, format!("there is a set '{to}' already")));
        }
        check_name(to).map_err(|message| at(1, message))?;
        let draft = self.sets.remove(*from);
        let mut draft = draft.ok_or_else(|| at(0, format!("there is no set '{from}'")))?;
        (*to).clone_into(&mut draft.set.def.name);
        self.sets.insert((*to).to_owned(), draft);
        Ok(())
    }

    fn swap(&mut self, words: &[&str]) -> Result<(), ElementError> {
        self.put_back();
        let [first, second] = words else {
            return Err(at(0, "swap needs two names".into()));
        };
        for (word, name) in [(0, first), (1, second)] {
            if !self.sets.contains_key(*name) {
                return Err(at(word, format!("there is no set '{name}'")));
            }
        }
        let (one, other) = (self.sets.remove(*first), self.sets.remove(*second));
        for (draft, name) in [(one, second), (other, first)] {
            if let Some(mut draft) = draft {
                (*name).clone_into(&mut draft.set.def.name);
                self.sets.insert((*name).to_owned(), draft);
            }
        }
        Ok(())
    }

    /// Sorts what was read, looks for elements that are there twice, and gives the sets out.
    fn finish(mut self, table: &mut SetTable) {
        self.put_back();
        for (name, mut draft) in std::mem::take(&mut self.sets) {
            if draft.exist {
                keep_last(&mut draft.set, &draft.layout);
            }
            if let Some((_, second)) = draft.set.sort() {
                let start = line_of(&draft.lines, second) as usize;
                let span = Span::new(self.file, start, start + 3);
                let message = format!("the element is already in set '{name}'");
                let error = Diagnostic::error(Code::BAD_SET, Some(span), message)
                    .with_help("ipset restore takes it with -exist in the line");
                self.diagnostics.push(error);
            }
            if !table.insert(draft.set, Some(draft.span)) {
                let message = format!("there is a set '{name}' in another input");
                self.diagnostics.push(Diagnostic::error(Code::BAD_SET, Some(draft.span), message));
            }
        }
        for (number, name) in self.numbers {
            table.set_number(number, &name);
        }
    }
}

/// The offset of a word in its line, of which it is a slice.
fn offset(line: &str, word: &str) -> usize {
    (word.as_ptr() as usize).saturating_sub(line.as_ptr() as usize)
}

fn at(word: usize, message: String) -> ElementError {
    ElementError { word, message }
}

/// Errors of elements count their words behind the set's name.
fn shifted(error: ElementError) -> ElementError {
    ElementError { word: error.word + 1, ..error }
}

/// `before NAME` (true) or `after NAME` behind a member.
fn place_of<'a>(words: &[&'a str]) -> Option<(bool, &'a str)> {
    let at = words.iter().position(|word| matches!(*word, "before" | "after"))?;
    Some((words[at] == "before", *words.get(at + 1)?))
}

fn remove_at(set: &mut Set, layout: &Layout, place: usize) {
    let (key, value) = (layout.key_size, layout.value_size);
    set.elements.keys.drain(place * key..(place + 1) * key);
    set.elements.values.drain(place * value..(place + 1) * value);
}

/// Takes one element out of the line that it came of.
fn remove_line(lines: &mut Vec<(u32, u32)>, mut place: usize) {
    for index in 0..lines.len() {
        let count = lines[index].1 as usize;
        if place < count {
            lines[index].1 -= 1;
            if count == 1 {
                lines.remove(index);
            }
            return;
        }
        place -= count;
    }
}

/// The offset of the line that an element came of.
fn line_of(lines: &[(u32, u32)], mut place: usize) -> u32 {
    for (start, count) in lines {
        if place < *count as usize {
            return *start;
        }
        place -= *count as usize;
    }
    0
}

/// Of elements that were added several times the last stays.
fn keep_last(set: &mut Set, layout: &Layout) {
    let last: BTreeMap<Vec<u8>, Vec<u8>> =
        set.iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
    if last.len() * layout.key_size == set.elements.keys.len() || set.def.kind.is_list() {
        return;
    }
    set.elements.keys = last.keys().flatten().copied().collect();
    set.elements.values = last.values().flatten().copied().collect();
}
