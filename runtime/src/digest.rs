//! What tells one loaded filter from another.

use crate::Error;
use crate::options::Options;
use bpfc_artifact::Artifact;
use sha2::{Digest as _, Sha256};

/// A digest of what a filter is made of: the artifact, how it is loaded, and the version that does
/// it.
pub(crate) fn digest(artifact: &Artifact, options: &Options) -> Result<String, Error> {
    let mut hasher = Sha256::new();
    let whole = (env!("CARGO_PKG_VERSION"), options, artifact);
    serde_json::to_writer(&mut hasher, &whole)
        .map_err(|error| Error::Artifact(format!("cannot be described: {error}")))?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
