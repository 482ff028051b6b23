//! Standard output and standard error.
//!
//! Results go to standard output, everything said about them to standard error. A reader that
//! closes the pipe early (`bpfc counters x | head -1`) ends the output, not with an error.
//!
//! Comments, prefixes and names come from rulesets, and a terminal obeys control characters: text
//! for people shows them as `\x1b`, wherever it goes, and bytes that are not UTF-8 as `\xe9`. JSON,
//! captures, objects and what `iptables-restore` and `ipset restore` read hold what there is, JSON
//! in its own escapes: `\u00e9` for such a byte, and beside the text a field, its name with `_hex`
//! behind it, with all its bytes in hexadecimal digits.

use crate::args::ColorChoice;
use bpfc_diag::{Diagnostic, Diagnostics, JsonDiagnostic, Renderer, Severity, SourceMap, summary};
use bpfc_runtime::{BpffsKeeper, Error, bpffs_keeper, raw};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::OnceLock;

/// How the command's console writes, for what is found out before there is anything to report
/// beside it.
static CONSOLE: OnceLock<(ColorChoice, bool, bool)> = OnceLock::new();

/// Why a command did not do what was asked; decides the exit status.
#[derive(Debug)]
pub enum Failure {
    /// The command line contradicts itself: exit status 2.
    Usage(String),
    /// The input or the kernel said no: exit status 1.
    Refused(String),
    /// As [`Failure::Refused`], and everything has been said already.
    Said,
    /// The reader of standard output went away: nothing to say, exit status 0.
    PipeClosed,
}

impl From<io::Error> for Failure {
    /// For errors of writing results.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::PipeClosed,
            _ => Failure::Refused(format!("cannot write the result: {error}")),
        }
    }
}

/// Turns a runtime error into the command's failure.
pub fn refused(error: Error) -> Failure {
    match error {
        Error::Verifier(error) => {
            let tail: Vec<&str> = error.log.trim_end().lines().rev().take(20).collect();
            let tail: Vec<String> =
                tail.into_iter().rev().map(|line| format!("  {line}\n")).collect();
            Failure::Refused(format!("{error}\nthe verifier's log ends:\n{}", tail.concat()))
        }
        Error::NotFound(_) => Failure::Refused(format!("{error}{}", elsewhere())),
        error => Failure::Refused(error.to_string()),
    }
}

/// What is added where no filter is found: filters may be in another bpffs than the one that is
/// seen here.
pub fn elsewhere() -> &'static str {
    match bpffs_keeper() {
        None | Some(BpffsKeeper::Machine) => "",
        Some(_) => {
            " in the bpffs at /sys/fs/bpf, which is not known to be the machine's: filters may be in another"
        }
    }
}

/// Where a command writes.
#[derive(Debug)]
pub struct Console {
    renderer: Renderer,
    json: bool,
    quiet: bool,
}

impl Console {
    /// A console that colors diagnostics as told. With `json` diagnostics are written to
    /// standard error as JSON, one object a line; with `quiet` only errors are.
    pub fn new(choice: ColorChoice, json: bool, quiet: bool) -> Self {
        let _ = CONSOLE.set((choice, json, quiet));
        let color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let forbidden = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
                let dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
                !forbidden && !dumb && io::stderr().is_terminal()
            }
        };
        Console { renderer: Renderer::new(color), json, quiet }
    }

    /// Writes a result for people, or JSON, which has no control characters.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        self.print_bytes(printable(text).as_bytes())
    }

    /// Writes text that some program reads; to a terminal as [`Console::print`] does.
    pub fn print_exact(&self, text: &str) -> Result<(), Failure> {
        match io::stdout().is_terminal() {
            true => self.print(text),
            false => self.print_bytes(&raw::encode(text)),
        }
    }

    /// Says what was done, unless nothing is to be said.
    pub fn done(&self, text: &str) -> Result<(), Failure> {
        if self.quiet { Ok(()) } else { self.print(text) }
    }

    /// Writes a result that is not text.
    pub fn print_bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        Ok(out.flush()?)
    }

    /// Writes a result as one line of JSON.
    pub fn print_json(&self, value: &impl serde::Serialize) -> Result<(), Failure> {
        self.print(&json_line(value)?)
    }

    /// Writes diagnostics, and how many there were.
    pub fn report(&self, diagnostics: &Diagnostics, sources: &SourceMap) {
        let shown = match self.quiet {
            true => only(diagnostics, Severity::Error),
            false => diagnostics.clone(),
        };
        let mut text = String::new();
        if self.json {
            for diagnostic in shown.iter() {
                text += &json_line(&JsonDiagnostic::new(diagnostic, sources)).unwrap_or_default();
            }
        } else {
            text = self.renderer.render_all(&shown, sources);
            if let Some(summary) = summary(&shown) {
                text += &format!("{summary}\n");
            }
        }
        say(&text);
    }

    /// Writes errors as [`Console::report`] does, and of what else `bpfc check` would say how much
    /// it is, in one line, unless all of it is wanted. JSON is for programs, which choose for
    /// themselves.
    pub fn report_errors(&self, diagnostics: &Diagnostics, sources: &SourceMap, all: bool) {
        if all || self.json || self.quiet {
            return self.report(diagnostics, sources);
        }
        let errors = only(diagnostics, Severity::Error);
        self.report(&errors, sources);
        let rest = [(Severity::Warning, "warning"), (Severity::Note, "note")]
            .map(|(severity, word)| (only(diagnostics, severity).iter().count(), word));
        let rest: Vec<String> = rest
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, word)| format!("{number} {word}{}", if number == 1 { "" } else { "s" }))
            .collect();
        if !rest.is_empty() {
            let them = if rest == ["1 warning"] || rest == ["1 note"] { "it" } else { "them" };
            say(&format!("{} about the ruleset: --warnings shows {them}\n", rest.join(", ")));
        }
    }

    /// Says what an operator should know though the command did what was asked.
    pub fn warning(&self, message: &str) {
        match self.json {
            _ if self.quiet => {}
            true => say(&json_line(&json!({ "warning": message })).unwrap_or_default()),
            false => say(&format!("warning: {}\n", printable(message))),
        }
    }

    /// Says why the command failed.
    pub fn failure(&self, message: &str) {
        match self.json {
            true => say(&json_line(&json!({ "error": message })).unwrap_or_default()),
            false => say(&format!("error: {}\n", printable(message))),
        }
    }
}

/// Writes one diagnostic that points at no text, as the command's console does.
pub fn remark(diagnostic: Diagnostic) {
    if let Some(&(choice, json, quiet)) = CONSOLE.get() {
        let mut diagnostics = Diagnostics::new();
        diagnostics.push(diagnostic);
        Console::new(choice, json, quiet).report(&diagnostics, &SourceMap::new());
    }
}

/// The diagnostics of one severity.
fn only(diagnostics: &Diagnostics, severity: Severity) -> Diagnostics {
    let mut found = Diagnostics::new();
    diagnostics.iter().filter(|d| d.severity == severity).for_each(|d| found.push(d.clone()));
    found
}

/// Text with control characters, line ends and tabs excepted, and bytes that are not UTF-8 as
/// `\x1b`.
pub fn printable(text: &str) -> Cow<'_, str> {
    let harmful = |c: char| match c {
        '\n' | '\t' => None,
        c if c.is_control() => Some(u32::from(c)),
        c => raw::byte(c).map(u32::from),
    };
    if !text.contains(|c| harmful(c).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match harmful(c) {
            Some(byte) => _ = write!(out, "\\x{byte:02x}"),
            None => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// A value as one line of JSON. Control characters beyond ASCII's, which JSON lets stand in strings
/// and terminals obey, are written as escapes, too, and so are bytes that are not UTF-8, with the
/// whole text in hexadecimal digits beside.
pub fn json_line(value: &impl serde::Serialize) -> Result<String, Failure> {
    let failed = |error: serde_json::Error| Failure::Refused(format!("cannot write JSON: {error}"));
    let mut text = serde_json::to_string(value).map_err(failed)?;
    if !raw::is_utf8(&text) {
        let mut value: Value = serde_json::from_str(&text).map_err(failed)?;
        add_hexadecimal(&mut value);
        text = value.to_string();
    }
    let code = |c: char| match c.is_control() {
        true => Some(u32::from(c)),
        false => raw::byte(c).map(u32::from),
    };
    if text.contains(|c| code(c).is_some()) {
        let escape = |c: char| match code(c) {
            Some(code) => format!("\\u{code:04x}"),
            None => c.to_string(),
        };
        text = text.chars().map(escape).collect();
    }
    Ok(text + "\n")
}

/// Adds a field `NAME_hex` for every text that has bytes that are not UTF-8.
fn add_hexadecimal(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(add_hexadecimal),
        Value::Object(fields) => {
            let mut added = Vec::new();
            for (name, field) in fields.iter_mut() {
                match field {
                    Value::String(text) if !raw::is_utf8(text) => {
                        let digits =
                            raw::encode(text).iter().map(|byte| format!("{byte:02x}")).collect();
                        added.push((format!("{name}_hex"), Value::String(digits)));
                    }
                    field => add_hexadecimal(field),
                }
            }
            fields.extend(added);
        }
        _ => {}
    }
}

/// Writes a result to a file.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, bytes)
        .map_err(|error| Failure::Refused(format!("cannot write '{}': {error}", path.display())))
}

/// Writes to standard error. That nobody reads it is no reason to fail.
pub fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(printable("a\tb\n"), "a\tb\n");
        assert_eq!(printable("\x1b[2J\u{9b}\x7f\r"), "\\x1b[2J\\x9b\\x7f\\x0d");
    }

    #[test]
    fn json_keeps_what_it_escapes() {
        let value = "\x1b \u{9b} \x7f";
        let line = json_line(&value).unwrap();
        assert_eq!(line, "\"\\u001b \\u009b \\u007f\"\n");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), value);
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_told_apart() {
        let text = raw::decode(b"caf\xe9 \x1b").into_owned();
        assert_eq!(printable(&text), "caf\\xe9 \\x1b");
        let line = json_line(&json!({ "a": [{ "prefix": text, "rule": "caf\u{e9}" }] })).unwrap();
        let beside = "\"prefix_hex\":\"636166e9201b\"";
        assert_eq!(
            line,
            format!(
                "{{\"a\":[{{\"prefix\":\"caf\\u00e9 \\u001b\",{beside},\"rule\":\"caf\u{e9}\"}}]}}\n"
            )
        );
    }
}
