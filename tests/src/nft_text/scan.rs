//! Blocks and statements of a ruleset's text.

use std::ops::Range;

/// What a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// A rule, in a chain's block or in a command.
    Rule,
    /// What else stands in a chain's block: its type, its policy.
    ChainLine,
    /// Anything else: a definition, a set, a command.
    Other,
}

/// A statement.
#[derive(Clone, Debug)]
pub struct Part {
    /// What it is.
    pub kind: PartKind,
    /// All of it.
    pub all: Range<usize>,
    /// A rule without the command in front of it; without a chain that it holds.
    pub head: Range<usize>,
}

/// What a block is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Table,
    Chain,
    /// Braces within a statement.
    Braces,
}

/// Where tests look for words: not within quotes and comments.
pub(super) fn places(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = None;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let is_word = !character.is_whitespace() && !"{},;\"#()".contains(character);
        match (is_word, start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                found.push(from..at);
                start = None;
            }
            _ => {}
        }
        let end = match character {
            '"' => '"',
            '#' => '\n',
            _ => continue,
        };
        while characters.next_if(|(_, next)| *next != end).is_some() {}
        characters.next();
    }
    found.extend(start.map(|from| from..text.len()));
    found
}

/// The words of a text, those in quotes excepted.
pub(super) fn words(text: &str) -> Vec<&str> {
    places(text).into_iter().map(|place| &text[place]).collect()
}

/// Whether a statement begins with one of some words.
pub(super) fn is_statement(text: &str, begin: &[&str]) -> bool {
    words(text).first().is_some_and(|word| begin.contains(word))
}

/// What stands in a chain's block beside rules.
const CHAIN_LINES: [&str; 11] = [
    "type", "policy", "comment", "device", "devices", "flags", "hook", "include", "define",
    "redefine", "undefine",
];

/// The statements of a text, in the order in which they begin. Tables' and chains' own blocks are
/// none.
pub fn parts(text: &str) -> Vec<Part> {
    let mut scanner = Scanner { text, blocks: Vec::new(), open: vec![None], found: Vec::new() };
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '#' => while characters.next_if(|(_, next)| *next != '\n').is_some() {},
            '"' => {
                scanner.begin(at);
                while characters.next_if(|(_, next)| *next != '"').is_some() {}
                characters.next();
            }
            '\\' => drop(characters.next()),
            '\n' | ';' => scanner.end(at),
            '{' => scanner.enter(at),
            '}' => scanner.leave(at),
            other if other.is_whitespace() => {}
            _ => scanner.begin(at),
        }
    }
    scanner.end(text.len());
    scanner.found.sort_by_key(|part| part.all.start);
    scanner.found
}

struct Scanner<'a> {
    text: &'a str,
    blocks: Vec<Block>,
    /// Where the statement began that is open in each block but braces, and where the chain that
    /// it holds begins.
    open: Vec<Option<(usize, Option<usize>)>>,
    found: Vec<Part>,
}

impl Scanner<'_> {
    fn begin(&mut self, at: usize) {
        if let Some(open @ None) = self.open.last_mut() {
            *open = Some((at, None));
        }
    }

    fn end(&mut self, at: usize) {
        if self.blocks.last() == Some(&Block::Braces) {
            return;
        }
        if let Some((start, held)) = self.open.last_mut().and_then(Option::take) {
            self.push(start, at, held);
        }
    }

    fn push(&mut self, start: usize, end: usize, held: Option<usize>) {
        let all = start..start + self.text[start..end].trim_end().len();
        let body = held.unwrap_or(all.end);
        let in_chain = self.blocks.last() == Some(&Block::Chain);
        let kind = match in_chain {
            true if is_statement(&self.text[all.clone()], &CHAIN_LINES) => PartKind::ChainLine,
            true => PartKind::Rule,
            false => PartKind::Other,
        };
        let part = Part { kind, head: start..body, all };
        self.found.push(match kind {
            PartKind::Other => self.command(part),
            _ => part,
        });
    }

    /// A command, which may be that to add a rule.
    fn command(&self, part: Part) -> Part {
        let text = &self.text[part.all.clone()];
        let places = places(text);
        let word =
            |at: usize| places.get(at).map_or("", |place: &Range<usize>| &text[place.clone()]);
        let verb = usize::from(matches!(word(0), "add" | "insert" | "create" | "replace"));
        if word(verb) != "rule" {
            return part;
        }
        let families = ["ip", "ip6", "inet", "netdev", "arp", "bridge"];
        let mut at = verb + 1 + usize::from(families.contains(&word(verb + 1))) + 2;
        if matches!(word(at), "handle" | "index" | "position") {
            at += 2;
        }
        match places.get(at) {
            Some(place) => {
                let head = part.all.start + place.start..part.head.end;
                Part { kind: PartKind::Rule, head, ..part }
            }
            None => part,
        }
    }

    fn enter(&mut self, at: usize) {
        let open = self.open.last().copied().flatten();
        let before = open.map_or("", |(start, _)| &self.text[start..at]);
        let words = words(before);
        let named = |word: &str| words.first() == Some(&word) || words.get(1) == Some(&word);
        let here = self.blocks.last().copied();
        let block = match here {
            None if named("table") => Block::Table,
            None if named("chain") => Block::Chain,
            Some(Block::Table) if words.first() == Some(&"chain") => Block::Chain,
            Some(Block::Chain) if matches!(words.last(), Some(&"jump" | &"goto")) => {
                if let Some(Some((_, held))) = self.open.last_mut() {
                    *held = Some(at);
                }
                self.blocks.push(Block::Chain);
                self.open.push(None);
                return;
            }
            _ => Block::Braces,
        };
        self.begin(at);
        self.blocks.push(block);
        if block != Block::Braces {
            // The block's own words are no statement.
            if let Some(open) = self.open.last_mut() {
                *open = None;
            }
            self.open.push(None);
        }
    }

    fn leave(&mut self, at: usize) {
        if self.blocks.last() != Some(&Block::Braces) {
            self.end(at);
            if self.open.len() > 1 {
                self.open.pop();
            }
        }
        self.blocks.pop();
    }
}
