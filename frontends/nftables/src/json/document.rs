//! A JSON document whose values know where they stand.
//!
//! serde_json checks the text; what is known to be JSON is then indexed in one pass, without
//! recursion: where each value begins and ends, and what stands in it. So time and memory are those
//! of the text's length, however deep it is.

use super::{Parsed, error, short};
use bpfc_abi::raw;
use bpfc_diag::{Diagnostic, FileId, Span};
use serde::de::IgnoredAny;
use std::borrow::Cow;

/// How deep values may nest.
const DEEPEST: usize = 200;

/// Where a value stands, and which come after and in it. Of an object, names and values take turns.
#[derive(Clone, Copy, Debug)]
struct Node {
    start: u32,
    end: u32,
    /// The first value in this one; 0 is none, as the root is in nothing.
    first: u32,
    /// The next value beside this one; 0 is none.
    next: u32,
}

/// A document.
#[derive(Debug)]
pub(super) struct Document<'a> {
    text: &'a str,
    file: FileId,
    nodes: Vec<Node>,
}

/// A value of a document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a> {
    document: &'a Document<'a>,
    node: Node,
}

/// An object's members, in order, each name once.
#[derive(Debug)]
pub(super) struct Object<'a> {
    /// What the object is, for messages.
    what: &'static str,
    span: Span,
    members: Vec<(Cow<'a, str>, Value<'a>)>,
}

impl<'a> Document<'a> {
    pub fn new(text: &'a str, file: FileId) -> Parsed<Document<'a>> {
        if let Some(at) = text.find(|c| raw::byte(c).is_some()) {
            let span = Span::new(file, at, at + 4);
            return Err(error(span, "JSON is UTF-8, and this is a byte that is not"));
        }
        if u32::try_from(text.len()).is_err() {
            return Err(error(Span::new(file, 0, 0), "a document has less than 4 GiB"));
        }
        if let Err(wrong) = serde_json::from_str::<IgnoredAny>(text) {
            let lines = text.split_inclusive('\n').take(wrong.line().saturating_sub(1));
            let line_start: usize = lines.map(str::len).sum();
            let mut at = (line_start + wrong.column().saturating_sub(1)).min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            let end = at + text[at..].chars().next().map_or(0, char::len_utf8);
            let message = format!("this is not JSON: {}", plain(&wrong));
            return Err(error(Span::new(file, at, end), message));
        }
        Ok(Document { text, file, nodes: index(text, file)? })
    }

    pub fn root(&'a self) -> Value<'a> {
        let none = Node { start: 0, end: 0, first: 0, next: 0 };
        Value { document: self, node: self.nodes.first().copied().unwrap_or(none) }
    }
}

/// The values of a text that is known to be JSON, in the order in which they begin.
fn index(text: &str, file: FileId) -> Parsed<Vec<Node>> {
    let bytes = text.as_bytes();
    let mut nodes: Vec<Node> = Vec::new();
    // The containers that are open, and the last value in each.
    let mut open: Vec<(usize, Option<usize>)> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let length = match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' => {
                at += 1;
                continue;
            }
            b'}' | b']' => {
                at += 1;
                if let Some((container, _)) = open.pop() {
                    nodes[container].end = at as u32;
                }
                continue;
            }
            b'{' | b'[' => 1,
            b'"' => string_length(&bytes[at..]),
            _ => bytes[at..].iter().take_while(|b| !b" \t\r\n,:]}".contains(b)).count(),
        };
        let new = nodes.len();
        nodes.push(Node { start: at as u32, end: (at + length) as u32, first: 0, next: 0 });
        if let Some((container, last)) = open.last_mut() {
            match last.replace(new) {
                Some(before) => nodes[before].next = new as u32,
                None => nodes[*container].first = new as u32,
            }
        }
        if matches!(byte, b'{' | b'[') {
            if open.len() >= DEEPEST {
                let message = format!("this is nested more than {DEEPEST} levels deep");
                return Err(error(Span::new(file, at, at + 1), message));
            }
            open.push((new, None));
        }
        at += length;
    }
    Ok(nodes)
}

/// The length of the string that bytes begin with, with its quotes.
fn string_length(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        at += match byte {
            b'"' => return at + 1,
            b'\\' => 2,
            _ => 1,
        };
    }
    bytes.len()
}

impl<'a> Value<'a> {
    /// The value as it is written.
    fn text(&self) -> &'a str {
        &self.document.text[self.node.start as usize..self.node.end as usize]
    }

    pub fn span(&self) -> Span {
        Span { file: self.document.file, start: self.node.start, end: self.node.end }
    }

    fn children(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let document = self.document;
        let at = |index: u32| match index {
            0 => None,
            _ => document.nodes.get(index as usize).map(|&node| Value { document, node }),
        };
        std::iter::successors(at(self.node.first), move |value| at(value.node.next))
    }

    /// The first character, which says what the value is.
    fn first(&self) -> u8 {
        self.text().bytes().next().unwrap_or(b'n')
    }

    pub fn is_object(&self) -> bool {
        self.first() == b'{'
    }

    pub fn is_array(&self) -> bool {
        self.first() == b'['
    }

    pub fn is_string(&self) -> bool {
        self.first() == b'"'
    }

    pub fn is_null(&self) -> bool {
        self.text() == "null"
    }

    /// `true` and `false`.
    pub fn boolean(&self) -> Option<bool> {
        match self.text() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The error that another value stands here than is wanted.
    pub fn unexpected(&self, wanted: &str) -> Diagnostic {
        let found = match self.first() {
            b'{' => "an object".to_owned(),
            b'[' => "an array".to_owned(),
            _ => short(self.text()),
        };
        let label = format!("expected {wanted}");
        error(self.span(), format!("expected {wanted}, found {found}")).with_label(label)
    }

    /// A string, `wanted` as messages name it.
    pub fn string(&self, wanted: &str) -> Parsed<String> {
        self.characters(wanted).map(Cow::into_owned)
    }

    /// The characters of a string, as they are written where nothing is escaped.
    pub fn characters(&self, wanted: &str) -> Parsed<Cow<'a, str>> {
        if !self.is_string() {
            return Err(self.unexpected(wanted));
        }
        let written = self.text().strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        if let Some(text) = written.filter(|text| !text.contains('\\')) {
            // Nothing but an escape makes a zero byte.
            return Ok(Cow::Borrowed(text));
        }
        let text = serde_json::from_str::<String>(self.text());
        let text = text.map_err(|wrong| error(self.span(), plain(&wrong)))?;
        match text.contains('\0') {
            true => Err(error(self.span(), "a text holds no zero bytes")),
            // Escapes may make characters that stand for bytes elsewhere.
            false => Ok(Cow::Owned(raw::decode(text.as_bytes()).into_owned())),
        }
    }

    /// A whole number, where the value is one that has 64 bits and a sign.
    pub fn integer(&self) -> Option<i64> {
        self.text().parse().ok().filter(|_| !self.is_string())
    }

    /// A number from 0 to `most`, `wanted` as messages name it.
    pub fn number(&self, most: u64, wanted: &str) -> Parsed<u64> {
        if !matches!(self.first(), b'0'..=b'9' | b'-') {
            return Err(self.unexpected(wanted));
        }
        match self.text().parse::<u64>() {
            Ok(value) if value <= most => Ok(value),
            _ => {
                let message = format!("{} is not {wanted} from 0 to {most}", short(self.text()));
                Err(error(self.span(), message))
            }
        }
    }

    /// The values of an array.
    pub fn array(&self, wanted: &str) -> Parsed<Vec<Value<'a>>> {
        match self.is_array() {
            true => Ok(self.children().collect()),
            false => Err(self.unexpected(wanted)),
        }
    }

    /// An object, `what` as messages name it.
    pub fn object(&self, what: &'static str) -> Parsed<Object<'a>> {
        if !self.is_object() {
            return Err(self.unexpected(&format!("an object: {what}")));
        }
        let mut members = Vec::new();
        let mut values = self.children();
        while let (Some(key), Some(value)) = (values.next(), values.next()) {
            members.push((key.characters("a name")?, value));
        }
        let mut names: Vec<&str> = members.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        if let Some([name, ..]) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let message = format!("{what} says its `{}` twice", short(name));
            let said = |key: &Value<'_>| key.characters("a name").is_ok_and(|key| key == *name);
            let again = self.children().step_by(2).filter(said).nth(1);
            return Err(error(again.map_or(self.span(), |key| key.span()), message));
        }
        Ok(Object { what, span: self.span(), members })
    }
}

impl<'a> Object<'a> {
    pub fn span(&self) -> Span {
        self.span
    }

    pub fn members(&self) -> &[(Cow<'a, str>, Value<'a>)] {
        &self.members
    }

    /// The only member; another number of them is an error.
    pub fn only(&self) -> Parsed<(&str, Value<'a>)> {
        match self.members.as_slice() {
            [(name, value)] => Ok((name, *value)),
            members => {
                let what = self.what;
                let message = format!("{what} has one property, not {}", members.len());
                Err(error(self.span, message))
            }
        }
    }

    /// A member whose value is not `null`.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        let found = self.members.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| *value).filter(|value| !value.is_null())
    }

    /// A member that must be there.
    pub fn need(&self, name: &str) -> Parsed<Value<'a>> {
        self.get(name).ok_or_else(|| {
            let message = format!("{} does not say its `{name}`", self.what);
            error(self.span, message)
        })
    }
}

/// What serde_json says, without the place, which is that in a part of the text.
fn plain(wrong: &serde_json::Error) -> String {
    let said = wrong.to_string();
    match said.rfind(" at line ") {
        Some(end) => said[..end].to_owned(),
        None => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document<'_> {
        Document::new(text, FileId(0)).expect("is JSON")
    }

    #[test]
    fn values_know_where_they_stand() {
        let text = " { \"a\" : [ 1, \"é\\u0041\", null ] ,\n\"b\":-5 }\n";
        let document = document(text);
        let value = document.root();
        assert_eq!(value.span(), Span::new(FileId(0), 1, text.len() - 1));
        let object = value.object("this").expect("is an object");
        let list = object.get("a").expect("is there").array("a list").expect("is an array");
        let marked = |value: &Value<'_>| {
            let Span { start, end, .. } = value.span();
            text[start as usize..end as usize].to_owned()
        };
        assert_eq!(list.iter().map(marked).collect::<Vec<_>>(), ["1", "\"é\\u0041\"", "null"]);
        assert_eq!(list[1].string("a text").expect("is one"), "éA");
        assert_eq!(object.need("b").expect("is there").integer(), Some(-5));
        assert!(object.need("c").is_err());
    }

    #[test]
    fn what_is_wrong_is_marked() {
        for (text, marked, said) in [
            ("{\"a\": tru}", 9, "expected ident"),
            ("{\n \"a\": 1,\n}", 11, "key must be a string"),
            ("[1, 2", 4, "EOF"),
            ("{} x", 3, "trailing characters"),
            ("", 0, "EOF"),
        ] {
            let wrong = Document::new(text, FileId(0)).expect_err("is not JSON");
            assert!(wrong.message.contains(said), "{text}: {}", wrong.message);
            assert_eq!(wrong.span.map(|span| span.start), Some(marked), "{text}");
        }
        let twice = document("{\"a\": 1, \"\\u0061\": 2}");
        let twice = twice.root().object("this").expect_err("is said twice");
        assert!(twice.message.contains("says its `a` twice"), "{}", twice.message);
        let half = document("[\"\\ud800\", \"\\u0000\"]");
        let half = half.root().array("a list").expect("is an array");
        assert!(half.iter().all(|value| value.string("a text").is_err()));
        assert!(Document::new(&raw::decode(b"{\"a\": \"\xff\"}"), FileId(0)).is_err());
    }

    #[test]
    fn strings_hold_what_looks_like_values() {
        let document =
            document("[\"a\\\\\", \"]}\\\"{[\", {\"\": -1.5e+3, \"b,\": [[], {}]}, true]");
        let list = document.root().array("a list").expect("is an array");
        let texts: Vec<&str> = list.iter().map(Value::text).collect();
        assert_eq!(
            texts,
            ["\"a\\\\\"", "\"]}\\\"{[\"", "{\"\": -1.5e+3, \"b,\": [[], {}]}", "true"]
        );
        let object = list[2].object("this").expect("is an object");
        let members: Vec<_> =
            object.members().iter().map(|(name, value)| (&**name, value.text())).collect();
        assert_eq!(members, [("", "-1.5e+3"), ("b,", "[[], {}]")]);
    }

    #[test]
    fn depth_costs_no_stack() {
        for deep in ["[".repeat(1_000_000) + &"]".repeat(1_000_000), "[".repeat(1_000_000)] {
            assert!(Document::new(&deep, FileId(0)).is_err());
        }
        let most = "[".repeat(DEEPEST) + &"]".repeat(DEEPEST);
        assert_eq!(document(&most).root().array("a list").expect("is an array").len(), 1);
    }
}
