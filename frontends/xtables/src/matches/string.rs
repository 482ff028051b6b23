//! `-m string`: bytes anywhere in the packet, or in a part of it (net/netfilter/xt_string.c).
//!
//! Both of the kernel's algorithms find the first occurrence; it must begin at `--from` or later
//! and end at `--to` or earlier, both counted from the network header.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    Families, Fields, Given, Match, MatchExtension, OptionSpec, Options, Problem, Revision,
    Unsupported,
};
use bpfc_ir::{Condition, ProbeDef, Scan, TextSearch, raw};
use bpfc_packet::{Found, find_text, kernel_upper};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static STRING: MatchExtension = MatchExtension {
    name: "string",
    aliases: &[],
    families: Families::Both,
    options: &[
        OptionSpec::value("from"),
        OptionSpec::value("to"),
        OptionSpec::value("algo").mandatory(),
        OptionSpec::value("string").invertible(),
        OptionSpec::value("hex-string").invertible(),
        OptionSpec::flag("icase"),
    ],
    protocols: &[],
    hooks: &[],
    parse,
    // The last 8 bytes are a pointer of the kernel's.
    revisions: &[Revision { number: 1, size: 160, decode: |f, _| Ok(Arc::new(decode(f)?)) }],
};

const INVERT: u8 = 1;
const IGNORE_CASE: u8 = 2;

#[derive(Debug)]
struct Text {
    from: u16,
    to: u16,
    algorithm: Algorithm,
    /// As it was given, in either case.
    pattern: Vec<u8>,
    ignore_case: bool,
    invert: bool,
}

/// They find the same in packets that lie in memory in one piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    BoyerMoore,
    KnuthMorrisPratt,
}

impl Algorithm {
    const ALL: [(&str, Algorithm); 2] =
        [("bm", Algorithm::BoyerMoore), ("kmp", Algorithm::KnuthMorrisPratt)];

    fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|&(_, algorithm)| algorithm)
    }

    fn name(self) -> &'static str {
        match self {
            Algorithm::BoyerMoore => "bm",
            Algorithm::KnuthMorrisPratt => "kmp",
        }
    }
}

fn decode(f: Fields<'_>) -> Result<Text, String> {
    let name = f.text(4, 16).ok_or("its algorithm's name has no end")?;
    let algorithm = Algorithm::find(&name).ok_or(format!("algorithm '{name}' is none"))?;
    let (length, flags) = (usize::from(f.u8(148)), f.u8(149));
    if flags & !(INVERT | IGNORE_CASE) != 0 {
        return Err(format!("unknown flags {flags:#x}"));
    }
    if length == 0 || length > TextSearch::LONGEST {
        return Err(format!("a pattern of {length} bytes"));
    }
    let text = Text {
        from: f.u16(0),
        to: f.u16(2),
        algorithm,
        pattern: f.slice(20, length).to_vec(),
        ignore_case: flags & IGNORE_CASE != 0,
        invert: flags & INVERT != 0,
    };
    match text.from > text.to {
        true => Err(format!("a part from {} to {}", text.from, text.to)),
        false => Ok(text),
    }
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    options.exclusive(&["string", "hex-string"])?;
    options.one_of(&["string", "hex-string"])?;
    let offset = |id, missing| match options.get(id) {
        Some(given) => given.number(0, 0xffff).map(|number| number as u16),
        None => Ok(missing),
    };
    let (from, to) = (offset("from", 0)?, offset("to", u16::MAX)?);
    if from > to {
        return Err(options.bad(format!("the part from {from} to {to} ends before it begins")));
    }
    let named = options.get("algo").ok_or_else(|| options.bad("it needs --algo"))?;
    let algorithm = match Algorithm::find(named.text()) {
        Some(algorithm) => algorithm,
        None => return Err(named.bad(format!("'{}' is neither bm nor kmp", named.text()))),
    };
    let (given, pattern) = match (options.get("string"), options.get("hex-string")) {
        (Some(given), _) => (given, raw::encode(given.text()).into_owned()),
        (None, Some(given)) => (given, parse_hexadecimal(given)?),
        (None, None) => return Err(options.bad("no text")),
    };
    if pattern.is_empty() || pattern.len() > TextSearch::LONGEST {
        let most = TextSearch::LONGEST;
        return Err(given.bad(format!("a text of {} bytes, not of 1 to {most}", pattern.len())));
    }
    let (ignore_case, invert) = (options.has("icase"), given.invert);
    let text = Text { from, to, algorithm, pattern, ignore_case, invert };
    match text.is_skipped() {
        true => Err(given.unsupported(SKIPPED)),
        false => Ok(Arc::new(text)),
    }
}

/// Why [`Text::is_skipped`] is refused.
const SKIPPED: &str = "with --icase the kernel's Boyer-Moore search passes over some occurrences of \
                       the bytes BF, DF and FF; use --algo kmp";

/// Text with bytes in hexadecimal between bars; a backslash takes the next character as it is.
fn parse_hexadecimal(given: &Given<'_>) -> Result<Vec<u8>, Problem> {
    let text = &*raw::encode(given.text());
    let mut pattern = Vec::new();
    let (mut at, mut hexadecimal) = (0, false);
    while at < text.len() {
        match text[at] {
            b'\\' if hexadecimal => {
                return Err(given.bad("a backslash between bars"));
            }
            b'\\' => match text.get(at + 1) {
                Some(&byte) => {
                    pattern.push(byte);
                    at += 2;
                    continue;
                }
                None => return Err(given.bad("a backslash at the end")),
            },
            b'|' => {
                hexadecimal = !hexadecimal;
                at += 1;
                while hexadecimal && text.get(at) == Some(&b' ') {
                    at += 1;
                }
                // What follows at once is taken as it is, but for another bar's meaning.
                if at >= text.len() {
                    break;
                }
            }
            _ => {}
        }
        if hexadecimal {
            let digit = |at: usize| {
                let byte = text.get(at).copied().unwrap_or_default();
                char::from(byte).to_digit(16).map(|digit| digit as u8)
            };
            let (Some(high), Some(low)) = (digit(at), digit(at + 1)) else {
                return Err(given.bad("bytes between bars are pairs of hexadecimal digits"));
            };
            if at + 2 >= text.len() {
                return Err(given.bad("the last bar is missing"));
            }
            pattern.push(high << 4 | low);
            at += if text[at + 2] == b' ' { 3 } else { 2 };
        } else {
            pattern.push(text[at]);
            at += 1;
        }
    }
    Ok(pattern)
}

impl Text {
    /// Whether the kernel's search may pass over occurrences: it looks the text's bytes up in a
    /// table of shifts that has only letters whose cases are each other's (lib/ts_bm.c).
    fn is_skipped(&self) -> bool {
        let odd = |byte: &u8| matches!(byte, 0xbf | 0xdf | 0xff);
        self.ignore_case && self.algorithm == Algorithm::BoyerMoore && self.pattern.iter().any(odd)
    }

    /// The pattern as packets' bytes are compared with it.
    fn compared(&self) -> Vec<u8> {
        let byte = |&byte: &u8| if self.ignore_case { kernel_upper(byte) } else { byte };
        self.pattern.iter().map(byte).collect()
    }

    fn is_printable(&self) -> bool {
        self.pattern.iter().all(|byte| (0x20..0x7f).contains(byte))
            && self.pattern.last() != Some(&b'\\')
    }

    /// Appends the pattern in quotes.
    fn print(&self, out: &mut String) {
        out.push_str(" \"");
        if self.is_printable() {
            for &byte in &self.pattern {
                out.push_str(if matches!(byte, b'"' | b'\\') { "\\" } else { "" });
                out.push(byte.into());
            }
        } else {
            out.push('|');
            for byte in &self.pattern {
                let _ = write!(out, "{byte:02x}");
            }
            out.push('|');
        }
        out.push('"');
    }
}

impl Match for Text {
    fn extension(&self) -> &'static MatchExtension {
        &STRING
    }

    fn save(&self, out: &mut String) {
        out.push_str(if self.invert { " !" } else { "" });
        out.push_str(if self.is_printable() { " --string" } else { " --hex-string" });
        self.print(out);
        let _ = write!(out, " --algo {}", self.algorithm.name());
        if self.from != 0 {
            let _ = write!(out, " --from {}", self.from);
        }
        if self.to != u16::MAX {
            let _ = write!(out, " --to {}", self.to);
        }
        out.push_str(if self.ignore_case { " --icase" } else { "" });
    }

    fn list(&self, out: &mut String) {
        out.push_str(" STRING match ");
        out.push_str(if self.invert { "!" } else { "" });
        self.print(out);
        let _ = write!(out, " ALGO name {}", self.algorithm.name());
        if self.from != 0 {
            let _ = write!(out, " FROM {}", self.from);
        }
        if self.to != u16::MAX {
            let _ = write!(out, " TO {}", self.to);
        }
        out.push_str(if self.ignore_case { " ICASE" } else { "" });
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        if self.is_skipped() {
            return Err(Unsupported(SKIPPED.to_owned()));
        }
        let found = cx.probe(ProbeDef::Text(TextSearch {
            pattern: self.compared(),
            from: self.from,
            to: self.to,
            fold: self.ignore_case,
        }));
        let absent = cx.builder().compare_const(Condition::Eq, found, Scan::ABSENT.into());
        cx.expect(absent, self.invert);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let (bytes, pattern) = (packet.packet.bytes(), self.compared());
        let found = find_text(bytes, &pattern, self.from, self.to, self.ignore_case);
        Outcome::of((found != Found::Absent) != self.invert)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Word;
    use bpfc_diag::{FileId, Span};

    fn read(text: &str) -> Option<Vec<u8>> {
        let span = Span { file: FileId(0), start: 0, end: 0 };
        let word = Word { text: text.into(), span };
        let given = Given { id: "hex-string", invert: false, values: vec![word], span };
        parse_hexadecimal(&given).ok()
    }

    #[test]
    fn hexadecimal_and_plain_text_mix() {
        assert_eq!(read("a|41 4200|x").as_deref(), Some(&b"aAB\0x"[..]));
        assert_eq!(read("|  0a0D|").as_deref(), Some(&b"\n\r"[..]));
        assert_eq!(read("a\\|b\\\\").as_deref(), Some(&b"a|b\\"[..]));
        assert_eq!(read("|41|").as_deref(), Some(&b"A"[..]));
        assert_eq!(read("a|").as_deref(), Some(&b"a"[..]));
        for text in ["|4|", "|41", "|4x|", "|\\|", "\\", "|41  42|"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
