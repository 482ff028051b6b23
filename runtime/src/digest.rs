//! What tells one loaded filter from another.

use crate::Error;
use crate::options::Options;
use bpfc_artifact::Artifact;
use sha2::{Digest as _, Sha256};

/// A digest of what a filter is made of: the artifact, how it is loaded, and the version that does
/// it. What the artifact was compiled from is left out: a live table's counters change it.
pub(crate) fn digest(artifact: &Artifact, options: &Options) -> Result<String, Error> {
    let mut hasher = Sha256::new();
    let Artifact {
        target,
        functions,
        programs,
        maps,
        rules,
        sets,
        needs_conntrack,
        needs_accounting,
        sends,
        asks_for_link,
        sources,
        inputs: _,
    } = artifact;
    let code = (target, functions, programs, maps, rules, sets);
    let needs = (needs_conntrack, needs_accounting, sends, asks_for_link, sources);
    let whole = (env!("CARGO_PKG_VERSION"), options, code, needs);
    serde_json::to_writer(&mut hasher, &whole)
        .map_err(|error| Error::Artifact(format!("cannot be described: {error}")))?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A digest of bytes.
pub(crate) fn of_bytes(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfc_artifact::InputFile;

    #[test]
    fn what_it_was_compiled_from_does_not_count() {
        let options = Options::new("web");
        let plain = Artifact::default();
        let input = InputFile { name: "live:iptables".into(), sha256: "0".into() };
        let compiled = Artifact { inputs: vec![input], ..Artifact::default() };
        let other = Artifact { sends: true, ..Artifact::default() };
        let digest = |artifact| digest(artifact, &options).unwrap();
        assert_eq!(digest(&plain), digest(&compiled));
        assert_ne!(digest(&plain), digest(&other));
    }
}
