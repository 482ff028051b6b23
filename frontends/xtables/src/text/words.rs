//! Splits a rule's line into words as iptables-restore does (`add_param_to_argv`).
//!
//! Double quotes hold blanks together, a backslash escapes inside them only, and a closing quote
//! ends the word even where no blank follows.

use bpfc_diag::{FileId, Span};
use std::borrow::Cow;

/// One word with its quotes taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// What it says.
    pub text: Cow<'a, str>,
    /// Where it stands, quotes included.
    pub span: Span,
}

/// A quote that is never closed, and where it opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenQuote(pub Span);

/// The words of `line`, which begins at byte `offset` of `file`.
pub fn split(line: &str, file: FileId, offset: usize) -> Result<Vec<Word<'_>>, OpenQuote> {
    let bytes = line.as_bytes();
    let mut words = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if matches!(bytes[at], b' ' | b'\t' | b'\r' | b'\n') {
            at += 1;
            continue;
        }
        let start = at;
        while at < bytes.len() && !matches!(bytes[at], b' ' | b'\t' | b'\r' | b'\n' | b'"') {
            at += 1;
        }
        let mut text = Cow::Borrowed(&line[start..at]);
        if bytes.get(at) == Some(&b'"') {
            let (quoted, end) = unquote(line, at).ok_or(OpenQuote(Span::new(
                file,
                offset + at,
                offset + line.len(),
            )))?;
            text = if text.is_empty() { quoted } else { Cow::Owned(text.into_owned() + &quoted) };
            at = end;
        }
        words.push(Word { text, span: Span::new(file, offset + start, offset + at) });
    }
    Ok(words)
}

/// The text of the quotes that open at `open`, and the byte behind the closing one.
fn unquote(line: &str, open: usize) -> Option<(Cow<'_, str>, usize)> {
    let body = &line[open + 1..];
    let simple = body.find(['"', '\\'])?;
    if body.as_bytes()[simple] == b'"' {
        return Some((Cow::Borrowed(&body[..simple]), open + 1 + simple + 1));
    }
    let mut text = String::new();
    let mut escaped = false;
    for (index, c) in body.char_indices() {
        match c {
            _ if escaped => {
                text.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return Some((Cow::Owned(text), open + 1 + index + 1)),
            _ => text.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line, FileId(0), 0).unwrap().into_iter().map(|w| w.text.into_owned()).collect()
    }

    #[test]
    fn quotes_and_escapes() {
        assert_eq!(texts(r#"-A  INPUT "a b" "c\"d" """#), ["-A", "INPUT", "a b", "c\"d", ""]);
        assert_eq!(texts(r#"x"y z"w"#), ["xy z", "w"]);
        assert_eq!(texts(r"a\b"), [r"a\b"]);
        assert!(split(r#"-A "x"#, FileId(0), 0).is_err());
        assert!(split(r#"-A "x\"#, FileId(0), 0).is_err());
    }

    #[test]
    fn spans_hold_the_quotes() {
        let words = split(r#"a "b c" d"#, FileId(0), 10).unwrap();
        assert_eq!((words[1].span.start, words[1].span.end), (12, 17));
    }
}
