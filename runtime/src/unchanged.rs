//! Whether loading a filter once more would change anything.

use crate::digest::digest;
use crate::options::Options;
use crate::{Error, Filter, conntrack_table, health, places};
use bpfc_artifact::Artifact;
use std::collections::BTreeSet;

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
