//! Source text, spans and the one diagnostic type that every part of bpfc reports with.
//!
//! Nothing in here does I/O: a caller reads a file, registers it in a [`SourceMap`] and later
//! hands the map to a renderer: [`Renderer`] for people, [`JsonDiagnostic`] for machines.

mod code;
mod diagnostic;
mod excerpt;
mod json;
mod render;
mod source;

pub use code::{Code, EXPLANATIONS, Explanation, explain};
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use json::JsonDiagnostic;
pub use render::{Renderer, summary};
pub use source::{FileId, LineColumn, SourceFile, SourceMap, Span};
