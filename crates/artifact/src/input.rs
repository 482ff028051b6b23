//! What an artifact was compiled from.

use serde::{Deserialize, Serialize};

/// An input of a compilation: rulesets, sets, fingerprints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// The path or word that named it, such as `live:iptables`.
    pub name: String,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
}
