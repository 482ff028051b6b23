//! Maps that programs use.

use serde::{Deserialize, Serialize};

/// Index into [`crate::Artifact::maps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MapIndex(pub u32);

/// The kernel's map types that bpfc emits (`enum bpf_map_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MapKind {
    /// `BPF_MAP_TYPE_ARRAY`, Linux 3.19.
    Array,
    /// `BPF_MAP_TYPE_PERCPU_ARRAY`, Linux 4.6.
    PerCpuArray,
    /// `BPF_MAP_TYPE_HASH`, Linux 3.19.
    Hash,
    /// `BPF_MAP_TYPE_PROG_ARRAY`, Linux 4.2.
    ProgArray,
}

impl MapKind {
    /// The number in `enum bpf_map_type`.
    pub fn number(self) -> u32 {
        match self {
            MapKind::Hash => 1,
            MapKind::Array => 2,
            MapKind::ProgArray => 3,
            MapKind::PerCpuArray => 6,
        }
    }
}

/// What a map is for, so that the runtime finds the ones it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MapRole {
    /// Rule counters: entry `chunk` holds, at `offset`, a rule's packets and bytes, two native
    /// u64 (see [`crate::CounterSlot`]).
    Counters,
    /// State that rules share between processors, such as `statistic --mode nth`: u64 each,
    /// zero at load.
    RuleState,
}

/// One map. Keys are u32 for the array kinds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapDef {
    /// At most 15 bytes (`BPF_OBJ_NAME_LEN` less the NUL), letters, digits and `_`.
    pub name: String,
    /// What kind of map.
    pub kind: MapKind,
    /// What it is for.
    pub role: MapRole,
    /// Key size in bytes.
    pub key_size: u32,
    /// Value size in bytes, of one processor's value for per-CPU kinds.
    pub value_size: u32,
    /// Number of entries.
    pub max_entries: u32,
    /// `BPF_F_*` creation flags.
    pub flags: u32,
}
