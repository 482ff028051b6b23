//! Why a compilation has no artifact, as an error that callers pass on and print.

use crate::{Compilation, Stage};
use bpfc_artifact::Artifact;
use bpfc_diag::{Diagnostics, Renderer, Severity, SourceMap, summary};
use std::error::Error;
use std::fmt;

/// The errors of a compilation with the text that they point into. Displayed, they are what
/// `bpfc compile` says, without colour: each error with its place and the marked source, an empty
/// line after each, and how many there are. Warnings and notes are in
/// [`CompileErrors::diagnostics`] alone.
#[derive(Clone, Debug)]
pub struct CompileErrors {
    diagnostics: Diagnostics,
    sources: SourceMap,
}

impl CompileErrors {
    /// Errors, warnings and notes, in the order of the stages.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }

    /// The inputs' texts, into which the diagnostics point.
    pub fn sources(&self) -> &SourceMap {
        &self.sources
    }
}

impl fmt::Display for CompileErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut errors = Diagnostics::new();
        let found = self.diagnostics.iter().filter(|d| d.severity == Severity::Error);
        found.for_each(|diagnostic| errors.push(diagnostic.clone()));
        f.write_str(&Renderer::new(false).render_all(&errors, &self.sources))?;
        f.write_str(&summary(&errors).unwrap_or_default())
    }
}

impl Error for CompileErrors {}

impl Compilation {
    /// The artifact alone, or why there is none. What is warned of where there is one is in
    /// [`Compilation::diagnostics`].
    pub fn result(self) -> Result<Artifact, CompileErrors> {
        let Compilation { stage, sources, diagnostics, .. } = self;
        match stage {
            Stage::Built { artifact, .. } => Ok(*artifact),
            Stage::Refused | Stage::Lowered(_) => Err(CompileErrors { diagnostics, sources }),
        }
    }
}
