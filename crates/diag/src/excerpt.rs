//! The part of a source that a diagnostic shows.
//!
//! A ruleset's line may be ten megabytes long and a span may cover a whole file, so what is shown
//! is cut to a few short lines around the marked text. Control characters never reach a terminal:
//! a ruleset must not be able to move the cursor of whoever checks it.

use crate::{SourceMap, Span};
use bpfc_abi::raw;
use std::borrow::Cow;
use std::ops::Range;

/// Lines of one span that are shown; the rest of a longer span is left out.
const MAX_LINES: u32 = 6;
/// Characters of one line that are shown.
const MAX_LINE: usize = 180;
/// Characters in front of the marked text that are kept when a line is cut.
const LEAD: usize = 60;
/// What stands where text was cut.
const ELLIPSIS: &str = "...";

/// A few lines of source with the marked range in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    /// The lines, joined by `\n`.
    pub text: String,
    /// Number of the first of them, from 1.
    pub first_line: u32,
    /// The marked bytes of [`Excerpt::text`].
    pub marked: Range<usize>,
    /// Whether the start of a line is missing, so that columns in the text are not the file's.
    pub shifted: bool,
}

/// Cuts the lines of `span` out of its file.
pub(crate) fn cut(sources: &SourceMap, span: Span) -> Excerpt {
    let file = sources.file(span.file);
    let first = file.line_column(span.start).line;
    let last = file.line_column(span.end.max(span.start + 1) - 1).line.min(first + MAX_LINES - 1);
    let mut text = String::new();
    let mut marked = 0..0;
    let mut shifted = false;
    for number in first..=last {
        let line = file.line(number);
        let start = file.line_start(number);
        let from = (span.start as usize).saturating_sub(start).min(line.len());
        let to = (span.end as usize).saturating_sub(start).min(line.len());
        if number > first {
            text.push('\n');
        }
        let offset = text.len();
        let (range, cut) = push_line(&mut text, line, from..to.max(from));
        if number == first {
            shifted = cut;
            marked.start = offset + range.start;
        }
        marked.end = offset + range.end;
    }
    Excerpt { text, first_line: first, marked, shifted }
}

/// Appends a line, cut around `marked` where it is long; answers where `marked` is now, counted
/// from the start of what was appended, and whether the line's start was cut off.
fn push_line(text: &mut String, line: &str, marked: Range<usize>) -> (Range<usize>, bool) {
    let marked = floor(line, marked.start)..floor(line, marked.end);
    let cut_at = |from: usize, characters: usize| {
        line[from..].char_indices().nth(characters).map_or(line.len(), |(i, _)| from + i)
    };
    let whole = cut_at(0, MAX_LINE) == line.len();
    let from = if whole {
        0
    } else {
        line[..marked.start].char_indices().rev().nth(LEAD - 1).map_or(0, |(i, _)| i)
    };
    let to = cut_at(from, MAX_LINE);
    let base = text.len();
    if from > 0 {
        text.push_str(ELLIPSIS);
    }
    let place = |text: &mut String, range: Range<usize>| {
        push_plain(text, &line[range]);
        text.len() - base
    };
    let start = place(text, from..marked.start);
    let end = place(text, marked.start..marked.end.clamp(marked.start, to.max(marked.start)));
    place(text, marked.end.min(to)..to);
    if to < line.len() {
        text.push_str(ELLIPSIS);
    }
    (start..end, from > 0)
}

/// The last character boundary at or before `offset`.
fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// Appends `text` with control characters and bytes that are not UTF-8 replaced; tabs become one
/// space, so that what is marked stays under its text.
fn push_plain(out: &mut String, text: &str) {
    out.extend(text.chars().map(|c| match c {
        '\t' => ' ',
        c if c.is_control() || raw::byte(c).is_some() => '\u{fffd}',
        c => c,
    }));
}

/// Characters of a message, note or help that are shown: more is a word of the input that has
/// no business in a sentence.
const MAX_MESSAGE: usize = 600;

/// A message's text, cut where it is long.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => Cow::Owned(format!("{}{ELLIPSIS}", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// `text` for a message on a terminal: cut where it is long, control characters replaced, line
/// ends kept.
pub(crate) fn plain(text: &str) -> String {
    let text = shortened(text);
    let mut out = String::with_capacity(text.len());
    for (i, line) in text.split('\n').enumerate() {
        if i > 0 {
            out.push('\n');
        }
        push_plain(&mut out, line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(text: &str) -> (SourceMap, crate::FileId) {
        let mut sources = SourceMap::new();
        let file = sources.add("f", text);
        (sources, file)
    }

    #[test]
    fn a_short_line_is_shown_whole() {
        let (sources, file) = sources("one\ntwo three\nfour\n");
        let excerpt = cut(&sources, Span::new(file, 8, 13));
        assert_eq!(excerpt.text, "two three");
        assert_eq!(excerpt.first_line, 2);
        assert_eq!(&excerpt.text[excerpt.marked], "three");
    }

    #[test]
    fn a_long_line_is_cut_on_both_sides() {
        let line = format!("{}MARK{}", "a".repeat(5_000_000), "b".repeat(5_000_000));
        let (sources, file) = sources(&line);
        let excerpt = cut(&sources, Span::new(file, 5_000_000, 5_000_004));
        assert!(excerpt.text.len() < 300);
        assert_eq!(&excerpt.text[excerpt.marked], "MARK");
        assert!(excerpt.text.starts_with("...a") && excerpt.text.ends_with("b..."));
    }

    #[test]
    fn a_long_span_is_cut() {
        let line = "x".repeat(1_000);
        let (sources, file) = sources(&line);
        let excerpt = cut(&sources, Span::new(file, 10, 990));
        assert_eq!(excerpt.marked, 10..MAX_LINE);
    }

    #[test]
    fn a_span_over_many_lines_shows_the_first() {
        let (sources, file) = sources(&"line\n".repeat(100));
        let excerpt = cut(&sources, Span::new(file, 0, 500));
        assert_eq!(excerpt.text.lines().count(), MAX_LINES as usize);
        assert_eq!(excerpt.marked, 0..excerpt.text.len());
    }

    #[test]
    fn control_characters_are_replaced() {
        let (sources, file) = sources("a\x1b[31mb\tc");
        let excerpt = cut(&sources, Span::new(file, 0, 1));
        assert_eq!(excerpt.text, "a\u{fffd}[31mb c");
        assert_eq!(plain("x\x07\ny"), "x\u{fffd}\ny");
        assert_eq!(plain(&raw::decode(b"caf\xe9")), "caf\u{fffd}");
        assert_eq!(plain(&"ü".repeat(10_000)), "ü".repeat(MAX_MESSAGE) + ELLIPSIS);
    }

    #[test]
    fn any_span_of_any_text_can_be_cut() {
        let text = "-A ü\r\n\n日本\x00\n";
        let (sources, file) = sources(text);
        for start in 0..text.len() + 3 {
            for end in start..text.len() + 3 {
                let excerpt = cut(&sources, Span::new(file, start, end));
                assert!(excerpt.text.get(excerpt.marked).is_some());
            }
        }
    }
}
