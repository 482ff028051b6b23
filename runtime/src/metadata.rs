//! What a filter says about itself to those who find it later, pinned as JSON in an array map.
//!
//! The text lies in entries of equal size, behind each other; its length in bytes, a native u64,
//! stands first. The map is frozen once written.

use crate::digest::digest;
use crate::namespace::Namespace;
use crate::options::Options;
use crate::place::{Attachment, Place};
use crate::sets::{self, SetRow};
use crate::sys::{Map, MapSpec};
use crate::{Error, routing_domains};
use bpfc_artifact::{Artifact, AttachPoint, InputFile, MapDef, MapKind, MapRole, RuleTable};
use serde::{Deserialize, Serialize};
use std::time::{SystemTime, UNIX_EPOCH};

/// Version of what is written here. It goes up where a reader of the version below would misread it
/// or could not read it; fields that are only added do not raise it, as readers ignore what they
/// do not know and take a default for what is not there. All versions up to this one are read.
pub(crate) const VERSION: u32 = 1;
/// Bytes of an entry.
const PART: usize = 32 << 10;
/// Bytes of the length in front.
const LENGTH: usize = 8;

/// One generation's description.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Metadata {
    pub version: u32,
    pub target: String,
    pub namespace: Namespace,
    pub options: Options,
    pub needs_conntrack: bool,
    pub attachments: Vec<Attachment>,
    pub programs: Vec<ProgramEntry>,
    /// Name of the map that holds the rules' counters.
    pub counters: Option<String>,
    pub rules: RuleTable,
    /// Maps that a replacement takes over, without their elements.
    #[serde(default)]
    pub kept: Vec<MapDef>,
    /// Its sets.
    #[serde(default)]
    pub sets: Vec<SetRow>,
    /// Whether its programs follow rules of policy routing, and so cannot be where routing domains
    /// are.
    #[serde(default)]
    pub follows_rules: bool,
    /// Whether its XDP programs can be at devices without link header.
    #[serde(default)]
    pub asks_for_link: bool,
    /// Whether its programs walk conntrack's own table ([`crate::conntrack_table`]).
    #[serde(default)]
    pub walks_connections: bool,
    /// What it is made of ([`crate::digest`]); none in what earlier versions wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// When it was loaded and by which version; none in what earlier versions wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loaded: Option<Loaded>,
    /// What it was compiled from; empty where that is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<InputFile>,
}

/// A filter's loading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    /// When: seconds since 1970 by the clock of the machine.
    pub at: u64,
    /// The version of `bpfc-runtime` that did it.
    pub version: String,
}

impl Loaded {
    /// By this version, now.
    fn now() -> Loaded {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Loaded { at: since.as_secs(), version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

/// What every version has, whatever else changes.
#[derive(Deserialize)]
struct Envelope {
    version: u32,
    #[serde(default)]
    namespace: Option<serde_json::Value>,
}

/// One program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProgramEntry {
    pub name: String,
    pub attach: AttachPoint,
}

impl Metadata {
    pub fn of(
        artifact: &Artifact,
        namespace: Namespace,
        options: &Options,
        attachments: Vec<Attachment>,
    ) -> Metadata {
        let counters = artifact.maps.iter().find(|map| map.role == MapRole::Counters);
        Metadata {
            version: VERSION,
            target: artifact.target.clone(),
            namespace,
            options: options.clone(),
            needs_conntrack: artifact.needs_conntrack,
            attachments,
            programs: artifact
                .programs
                .iter()
                .map(|program| ProgramEntry { name: program.name.clone(), attach: program.attach })
                .collect(),
            counters: counters.map(|map| map.name.clone()),
            rules: artifact.rules.clone(),
            sets: sets::rows(artifact),
            follows_rules: routing_domains::follows_rules(artifact),
            asks_for_link: artifact.asks_for_link,
            walks_connections: false,
            // Without one it is taken for changed.
            digest: digest(artifact, options).ok(),
            loaded: Some(Loaded::now()),
            inputs: artifact.inputs.clone(),
            kept: artifact
                .maps
                .iter()
                .filter(|map| map.keep)
                .map(|map| MapDef { initial: bpfc_artifact::Entries::default(), ..map.clone() })
                .collect(),
        }
    }

    /// True where all of its places are control groups, which belong to no network namespace.
    pub fn is_of_cgroups(&self) -> bool {
        self.attachments.iter().all(|found| matches!(found.place, Place::Cgroup { .. }))
    }

    /// Writes it to a new map.
    pub fn store(&self) -> Result<Map, Error> {
        let json = serde_json::to_vec(self)
            .map_err(|error| Error::Artifact(format!("cannot be described: {error}")))?;
        Metadata::store_text(&json)
    }

    /// Writes its text to a new map.
    pub fn store_text(json: &[u8]) -> Result<Map, Error> {
        let mut bytes = (json.len() as u64).to_ne_bytes().to_vec();
        bytes.extend(json);
        bytes.resize(bytes.len().next_multiple_of(PART), 0);
        let spec = MapSpec {
            name: "bpfc_metadata",
            kind: MapKind::Array.number(),
            key_size: 4,
            value_size: PART as u32,
            max_entries: (bytes.len() / PART) as u32,
            flags: 0,
        };
        let failed = "write a filter's metadata";
        let map = Map::create(&spec, None).map_err(Error::kernel(failed))?;
        for (index, part) in bytes.chunks(PART).enumerate() {
            map.update(&(index as u32).to_ne_bytes(), part).map_err(Error::kernel(failed))?;
        }
        map.freeze().map_err(Error::kernel(failed))?;
        Ok(map)
    }

    /// Reads what [`Metadata::store`] wrote for the filter `name`.
    ///
    /// # Errors
    /// [`Error::Newer`] where a later version wrote it.
    pub fn read(map: &Map, name: &str) -> Result<Metadata, Error> {
        Metadata::parse(&Metadata::text(map, name)?, name)
    }

    fn parse(text: &[u8], name: &str) -> Result<Metadata, Error> {
        let bad = |error: serde_json::Error| Error::Metadata {
            name: name.to_owned(),
            reason: error.to_string(),
        };
        let envelope: Envelope = serde_json::from_slice(text).map_err(bad)?;
        if envelope.version > VERSION {
            return Err(Error::Newer {
                name: name.to_owned(),
                format: envelope.version,
                known: VERSION,
            });
        }
        serde_json::from_slice(text).map_err(bad)
    }

    /// The network namespace that the filter belongs to, whichever version wrote it.
    pub fn namespace_of(map: &Map, name: &str) -> Option<Namespace> {
        let text = Metadata::text(map, name).ok()?;
        let envelope: Envelope = serde_json::from_slice(&text).ok()?;
        serde_json::from_value(envelope.namespace?).ok()
    }

    /// The text that a map holds.
    pub fn text(map: &Map, name: &str) -> Result<Vec<u8>, Error> {
        let bad = |reason: &str| Error::Metadata { name: name.to_owned(), reason: reason.into() };
        let mut bytes = Vec::new();
        for index in 0..map.max_entries() {
            let part = map.lookup(&index.to_ne_bytes());
            bytes.extend(part.map_err(Error::kernel("read a filter's metadata"))?);
        }
        let Some((length, text)) = bytes.split_first_chunk::<LENGTH>() else {
            return Err(bad("it is empty"));
        };
        let length = usize::try_from(u64::from_ne_bytes(*length)).unwrap_or(usize::MAX);
        text.get(..length).map(<[u8]>::to_vec).ok_or_else(|| bad("it is cut off"))
    }
}
