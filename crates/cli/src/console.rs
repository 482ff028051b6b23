//! Standard output and standard error.
//!
//! Results go to standard output, everything said about them to standard error. A reader that
//! closes the pipe early (`bpfc counters x | head -1`) ends the output, not with an error.

use crate::args::ColorChoice;
use bpfc_diag::{Diagnostic, Diagnostics, JsonDiagnostic, Renderer, SourceMap, summary};
use bpfc_runtime::{BpffsKeeper, Error, bpffs_keeper};
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

/// How the command's console writes, for what is found out before there is anything to report beside it.
static CONSOLE: OnceLock<(ColorChoice, bool)> = OnceLock::new();

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

/// What the kernel, or the runtime in its name, said.
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

/// What is added where no filter is found: filters may be in another bpffs than the one that is seen here.
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
}

impl Console {
    /// A console that colors diagnostics as told. With `json` diagnostics are written to
    /// standard error as JSON, one object a line.
    pub fn new(choice: ColorChoice, json: bool) -> Self {
        let _ = CONSOLE.set((choice, json));
        let color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                let forbidden = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
                let dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
                !forbidden && !dumb && io::stderr().is_terminal()
            }
        };
        Console { renderer: Renderer::new(color), json }
    }

    /// Writes a result.
    pub fn print(&self, text: &str) -> Result<(), Failure> {
        self.print_bytes(text.as_bytes())
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
        let mut text = String::new();
        if self.json {
            for diagnostic in diagnostics.iter() {
                text += &serde_json::to_string(&JsonDiagnostic::new(diagnostic, sources))
                    .unwrap_or_default();
                text.push('\n');
            }
        } else {
            text = self.renderer.render_all(diagnostics, sources);
            if let Some(summary) = summary(diagnostics) {
                text += &format!("{summary}\n");
            }
        }
        say(&text);
    }

    /// Says what an operator should know though the command did what was asked.
    pub fn warning(&self, message: &str) {
        match self.json {
            true => say(&format!("{}\n", serde_json::json!({ "warning": message }))),
            false => say(&format!("warning: {message}\n")),
        }
    }

    /// Says why the command failed.
    pub fn failure(&self, message: &str) {
        match self.json {
            true => say(&format!("{}\n", serde_json::json!({ "error": message }))),
            false => say(&format!("error: {message}\n")),
        }
    }
}

/// Writes one diagnostic that points at no text, as the command's console does.
pub fn remark(diagnostic: Diagnostic) {
    if let Some(&(choice, json)) = CONSOLE.get() {
        let mut diagnostics = Diagnostics::new();
        diagnostics.push(diagnostic);
        Console::new(choice, json).report(&diagnostics, &SourceMap::new());
    }
}

/// A value as one line of JSON.
pub fn json_line(value: &impl serde::Serialize) -> Result<String, Failure> {
    match serde_json::to_string(value) {
        Ok(text) => Ok(text + "\n"),
        Err(error) => Err(Failure::Refused(format!("cannot write JSON: {error}"))),
    }
}

/// Writes to standard error. That nobody reads it is no reason to fail.
pub fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
