//! Diagnostics for machines. The schema is stable: fields are added, never renamed or removed.

use crate::excerpt::shortened;
use crate::{Diagnostic, Severity, SourceMap};
use serde::Serialize;

/// A diagnostic as `--json` prints it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JsonDiagnostic {
    /// `BPFC0042`.
    pub code: String,
    /// `error`, `warning` or `note`.
    pub severity: &'static str,
    /// What is wrong.
    pub message: String,
    /// The input's name; null where no text is at fault, as are the five fields that follow.
    pub file: Option<String>,
    /// First line, from 1.
    pub line: Option<u32>,
    /// First character in its line, from 1.
    pub column: Option<u32>,
    /// Line of the end.
    pub end_line: Option<u32>,
    /// Column one past the last character.
    pub end_column: Option<u32>,
    /// The marked text, at most [`JsonDiagnostic::MAX_TEXT`] characters of it.
    pub text: Option<String>,
    /// The words under the marked text.
    pub label: Option<String>,
    /// Further sentences.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Option<String>,
}

impl JsonDiagnostic {
    /// Longest [`JsonDiagnostic::text`] in characters.
    pub const MAX_TEXT: usize = 1000;

    /// The JSON form of a diagnostic; `sources` must be the map that its span points into.
    pub fn new(diagnostic: &Diagnostic, sources: &SourceMap) -> Self {
        let file = diagnostic.span.map(|span| sources.file(span.file));
        let start = diagnostic.span.map(|span| sources.position(span));
        let end = diagnostic.span.map(|span| sources.file(span.file).line_column(span.end));
        JsonDiagnostic {
            code: diagnostic.code.to_string(),
            severity: diagnostic.severity.word(),
            message: shortened(&diagnostic.message).into_owned(),
            file: file.map(|file| file.name().to_owned()),
            line: start.map(|position| position.line),
            column: start.map(|position| position.column),
            end_line: end.map(|position| position.line),
            end_column: end.map(|position| position.column),
            text: diagnostic
                .span
                .map(|span| sources.text(span).chars().take(Self::MAX_TEXT).collect()),
            label: diagnostic.label.as_deref().map(|l| shortened(l).into_owned()),
            notes: diagnostic.notes.iter().map(|n| shortened(n).into_owned()).collect(),
            help: diagnostic.help.as_deref().map(|h| shortened(h).into_owned()),
        }
    }
}

impl Severity {
    /// `error`, `warning`, `note`.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Code, Span};

    #[test]
    fn the_schema_is_stable() {
        let mut sources = SourceMap::new();
        let file = sources.add("a.rules", "*filter\n-A INPUT -j LOG\n");
        let diagnostic = Diagnostic::error(
            Code::UNSUPPORTED_EXTENSION,
            Some(Span::new(file, 20, 23)),
            "target 'LOG' is not supported",
        )
        .with_label("this target")
        .with_note("it writes to the kernel log")
        .with_help("remove the rule");
        let json = serde_json::to_value(JsonDiagnostic::new(&diagnostic, &sources)).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "code": "BPFC0006", "severity": "error",
                "message": "target 'LOG' is not supported",
                "file": "a.rules", "line": 2, "column": 13, "end_line": 2, "end_column": 16,
                "text": "LOG", "label": "this target",
                "notes": ["it writes to the kernel log"], "help": "remove the rule",
            })
        );
        let nowhere = Diagnostic::note(Code::NO_CHAIN, None, "nothing");
        let json = serde_json::to_value(JsonDiagnostic::new(&nowhere, &sources)).unwrap();
        assert!(json["file"].is_null() && json["line"].is_null() && json["text"].is_null());
    }
}
