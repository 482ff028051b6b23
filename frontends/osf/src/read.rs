//! The file: comments, lines, and what `nfnl_osf` makes of their ends.
//!
//! `nfnl_osf` goes on behind a line that it or the kernel refuses, and ends with an error; here
//! such a line is an error, as what was meant is not in the kernel either. A fingerprint that is
//! there twice counts once, for the kernel as well as here.

use crate::line::{self, Remark};
use bpfc_diag::{Code, Diagnostic, Diagnostics, FileId, SourceMap, Span};
use bpfc_ir::Fingerprint;
use std::collections::BTreeSet;

/// The name of the format, as `--from` takes it.
pub const FORMAT: &str = "pf.os";

/// Longest line in bytes, with its end, that `nfnl_osf` reads in one piece.
const LONGEST_LINE: usize = 1023;
/// Errors and warnings of one file after which reading it ends.
const MOST_REMARKS: usize = 100;

/// Whether a text is of this format: its first line that is no comment is a fingerprint's.
pub fn recognise(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(256 << 10)];
    let text = String::from_utf8_lossy(head);
    let first = text.lines().find(|line| !is_passed_over(line));
    first.is_some_and(line::looks_right)
}

/// Reads a text and appends its fingerprints. All errors are reported, up to a hundred.
pub fn read(
    name: &str,
    bytes: &[u8],
    fingerprints: &mut Vec<Fingerprint>,
    sources: &mut SourceMap,
    diagnostics: &mut Diagnostics,
) -> FileId {
    let file = sources.add(name, String::from_utf8_lossy(bytes));
    let text = sources.file(file).text();
    let mut known: BTreeSet<Fingerprint> = fingerprints.iter().map(without_place).collect();
    let mut reported = 0;
    let mut start = 0;
    for whole in text.split_inclusive('\n') {
        let mut remarks = Vec::new();
        if let Some(mut fingerprint) = read_line(whole, &mut remarks) {
            let end = start + whole.trim_ascii_end().len();
            fingerprint.span = Some(Span::new(file, start, end));
            if known.insert(without_place(&fingerprint)) {
                fingerprints.push(fingerprint);
            }
        }
        reported += remarks.len();
        for Remark { start: from, end, message, refused } in remarks {
            let span = Some(Span::new(file, start + from, start + end));
            diagnostics.push(match refused {
                true => Diagnostic::error(Code::BAD_FINGERPRINT, span, message),
                false => Diagnostic::warning(Code::BAD_FINGERPRINT, span, message),
            });
        }
        if reported >= MOST_REMARKS {
            let span = Some(Span::new(file, start, start + whole.trim_ascii_end().len().max(1)));
            let message = "there are more errors and warnings than these";
            diagnostics.push(Diagnostic::error(Code::BAD_FINGERPRINT, span, message));
            break;
        }
        start += whole.len();
    }
    file
}

/// What tells fingerprints apart for the kernel.
fn without_place(fingerprint: &Fingerprint) -> Fingerprint {
    Fingerprint { span: None, ..fingerprint.clone() }
}

/// Whether nothing stands in a line.
fn is_passed_over(line: &str) -> bool {
    line.is_empty() || line.starts_with(['#', '\n', '\r'])
}

/// Reads a line with its end.
fn read_line(whole: &str, remarks: &mut Vec<Remark>) -> Option<Fingerprint> {
    let refuse = |message: &str| Remark {
        start: 0,
        end: whole.trim_ascii_end().len().max(1),
        message: message.to_owned(),
        refused: true,
    };
    if whole.len() > LONGEST_LINE {
        remarks.push(refuse("the line is longer than the 1,022 bytes that nfnl_osf reads at once"));
        return None;
    }
    if is_passed_over(whole) {
        return None;
    }
    if whole.contains('\0') {
        remarks.push(refuse("there is a NUL in the line"));
        return None;
    }
    // The last character is taken for the line's end, whatever it is.
    let mut line = whole.chars();
    let last = line.next_back();
    if last == Some(':') && line.as_str().matches(':').count() == 7 {
        remarks.push(refuse(
            "nfnl_osf does not read the last character of a file that does not end with a new line",
        ));
        return None;
    }
    let line = line.as_str();
    if line.is_empty() {
        return None;
    }
    let before = remarks.len();
    let fingerprint = line::read(line, remarks)?;
    remarks[before..].iter().all(|remark| !remark.refused).then_some(fingerprint)
}
