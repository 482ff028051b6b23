//! The section that holds the whole artifact.
//!
//! Layout: the four bytes `bpfc`; the format's version, u32; FNV-1a of what follows, u64; the
//! artifact as JSON. Numbers are little endian. The version covers the whole object, its ELF side
//! too: it changes whenever an older reader would misread a newer object or the other way round.
//! The checksum finds damage, not malice.

use bpfc_artifact::Artifact;

/// The version that is written. All from 1 on are read: objects of version 1 have sections
/// `tcx/ingress` and `tcx/egress`, which older loaders do not know, and 0 where an instruction
/// takes a type's number, and those of version 2 ask for no kernel functions.
pub const VERSION: u32 = 3;

const MAGIC: &[u8; 4] = b"bpfc";
const HEADER_SIZE: usize = 16;

/// Why a section is not an artifact.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// Not begun as such sections are.
    #[error("the section does not begin as bpfc's sections do")]
    Magic,
    /// Written by another version of bpfc.
    #[error(
        "the object's format is version {0}, this bpfc reads versions 1 to {VERSION}: compile again"
    )]
    Version(u32),
    /// Damaged.
    #[error("the section is damaged: its checksum is wrong")]
    Checksum,
    /// Not the JSON of an artifact.
    #[error("the section is not an artifact: {0}")]
    Json(#[from] serde_json::Error),
}

/// The section's bytes.
pub fn encode(artifact: &Artifact) -> Result<Vec<u8>, serde_json::Error> {
    let mut section = vec![0; HEADER_SIZE];
    serde_json::to_writer(&mut section, artifact)?;
    let (header, json) = section.split_at_mut(HEADER_SIZE);
    header[..4].copy_from_slice(MAGIC);
    header[4..8].copy_from_slice(&VERSION.to_le_bytes());
    header[8..].copy_from_slice(&checksum(json).to_le_bytes());
    Ok(section)
}

/// The artifact of a section's bytes, and the version of the object's format.
pub fn decode(section: &[u8]) -> Result<(Artifact, u32), MetadataError> {
    let (magic, rest) = section.split_first_chunk().ok_or(MetadataError::Magic)?;
    let (version, rest) = rest.split_first_chunk().ok_or(MetadataError::Magic)?;
    let (sum, json) = rest.split_first_chunk().ok_or(MetadataError::Magic)?;
    if magic != MAGIC {
        return Err(MetadataError::Magic);
    }
    let version = u32::from_le_bytes(*version);
    if !(1..=VERSION).contains(&version) {
        return Err(MetadataError::Version(version));
    }
    if checksum(json) != u64::from_le_bytes(*sum) {
        return Err(MetadataError::Checksum);
    }
    Ok((serde_json::from_slice(json)?, version))
}

/// FNV-1a of 64 bits.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
