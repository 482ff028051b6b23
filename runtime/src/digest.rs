//! What tells one loaded filter from another: whether loading it once more would change anything.

use crate::options::Options;
use crate::{Error, Filter, conntrack_table, health, places};
use bpfc_artifact::Artifact;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;

/// A digest of what a filter is made of: the artifact, how it is loaded, and the version that does
/// it.
pub(crate) fn digest(artifact: &Artifact, options: &Options) -> Result<String, Error> {
    let mut hasher = Sha256::new();
    let whole = (env!("CARGO_PKG_VERSION"), options, artifact);
    serde_json::to_writer(&mut hasher, &whole)
        .map_err(|error| Error::Artifact(format!("cannot be described: {error}")))?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Filter {
    /// True where loading `artifact` with these options would make the filter that is loaded: the
    /// same version of the runtime has loaded the same, from the same network namespace, it is
    /// attached at all of its places, and those are where the options' names lead now. Changes
    /// nothing.
    pub fn is_unchanged(&self, artifact: &Artifact, options: &Options) -> Result<bool, Error> {
        let artifact = &*places::supported(artifact, conntrack_table::find_for(artifact).is_some());
        let digest = digest(artifact, options)?;
        let plan = places::plan(artifact, options)?;
        let plan: BTreeSet<String> = plan.iter().map(|found| found.place.pin_name()).collect();
        self.consistently(|home, _, cached| {
            let metadata = &cached.opened.metadata;
            if metadata.digest.as_ref() != Some(&digest) {
                return Ok(false);
            }
            let there: BTreeSet<String> =
                metadata.attachments.iter().map(|found| found.place.pin_name()).collect();
            let found = health::look(home, metadata)?;
            Ok(found.namespace.own
                && there == plan
                && found.problems.iter().all(Option::is_none)
                && found.conntrack != Some(false))
        })
    }
}
