//! An artifact as a file: JSON with the version of its format.
//!
//! Every version up to [`VERSION`] is read. Fields are only ever added, with a default for texts
//! that have them not, and unknown ones are passed over, so that an added field raises no version;
//! what an older reader would misread or could not read raises it. Before versions were written
//! down, artifacts were of version 1. Version 2 has [`crate::RelocKind::FunctionExists`].

use crate::Artifact;
use serde::{Deserialize, Serialize};
use std::io::{self, BufWriter, Read, Write};

/// The version that is written.
pub const VERSION: u32 = 2;

/// Why an artifact cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// A later version of bpfc wrote it.
    #[error(
        "a later version of bpfc wrote the artifact: its format is version {0}, and this one reads \
         versions up to {VERSION}; compile the ruleset again"
    )]
    Newer(u32),
    /// Not the JSON of an artifact.
    #[error("not an artifact as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// What it is read from or written to failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What every version has, whatever else changes.
#[derive(Deserialize)]
struct Envelope {
    #[serde(default = "first")]
    version: u32,
}

fn first() -> u32 {
    1
}

/// An artifact with its version in front.
#[derive(Serialize)]
struct Versioned<'a> {
    version: u32,
    #[serde(flatten)]
    artifact: &'a Artifact,
}

impl Artifact {
    /// Reads what [`Artifact::write`] or `bpfc compile --emit json` wrote, of this version or an
    /// earlier one.
    ///
    /// # Errors
    /// [`JsonError::Newer`] where a later version wrote it.
    pub fn read(mut from: impl Read) -> Result<Artifact, JsonError> {
        let mut text = Vec::new();
        from.read_to_end(&mut text)?;
        Artifact::from_json(&text)
    }

    /// As [`Artifact::read`], of bytes in memory.
    ///
    /// # Errors
    /// As of [`Artifact::read`].
    pub fn from_json(text: &[u8]) -> Result<Artifact, JsonError> {
        let Envelope { version } = serde_json::from_slice(text)?;
        match version {
            1..=VERSION => Ok(serde_json::from_slice(text)?),
            // No version was ever 0.
            0 => Err(JsonError::Json(serde::de::Error::custom("its version is 0"))),
            later => Err(JsonError::Newer(later)),
        }
    }

    /// Writes the artifact as JSON, as `bpfc compile --emit json` prints it.
    ///
    /// # Errors
    /// [`JsonError::Io`] where `to` cannot be written to.
    pub fn write(&self, to: impl Write) -> Result<(), JsonError> {
        let mut to = BufWriter::new(to);
        let versioned = Versioned { version: VERSION, artifact: self };
        serde_json::to_writer_pretty(&mut to, &versioned).map_err(|error| match error.is_io() {
            true => JsonError::Io(error.into()),
            false => JsonError::Json(error),
        })?;
        to.write_all(b"\n")?;
        Ok(to.flush()?)
    }
}
