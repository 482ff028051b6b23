//! Maps that programs use.

use crate::Entries;
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
    /// `BPF_MAP_TYPE_PERCPU_HASH`, Linux 4.6.
    PerCpuHash,
    /// `BPF_MAP_TYPE_LRU_HASH`, Linux 4.10.
    LruHash,
    /// `BPF_MAP_TYPE_LPM_TRIE`, Linux 4.11; wants `BPF_F_NO_PREALLOC`.
    LpmTrie,
    /// `BPF_MAP_TYPE_ARRAY_OF_MAPS`, Linux 4.12.
    ArrayOfMaps,
    /// `BPF_MAP_TYPE_RINGBUF`, Linux 5.8; no keys, no values, a size in bytes for entries.
    RingBuf,
}

impl MapKind {
    /// The number in `enum bpf_map_type`.
    pub fn number(self) -> u32 {
        match self {
            MapKind::Hash => 1,
            MapKind::Array => 2,
            MapKind::ProgArray => 3,
            MapKind::PerCpuHash => 5,
            MapKind::PerCpuArray => 6,
            MapKind::LruHash => 9,
            MapKind::LpmTrie => 11,
            MapKind::ArrayOfMaps => 12,
            MapKind::RingBuf => 27,
        }
    }

    /// Whether keys are positions: u32 from 0.
    pub fn is_array(self) -> bool {
        matches!(
            self,
            MapKind::Array | MapKind::PerCpuArray | MapKind::ProgArray | MapKind::ArrayOfMaps
        )
    }
}

/// What a map is for, so that the runtime finds the ones it serves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MapRole {
    /// Rule counters: entry `chunk` holds, at `offset`, a rule's packets and bytes, two native
    /// u64 (see [`crate::CounterSlot`]).
    Counters,
    /// State that rules share between processors, such as `statistic --mode nth`: u64 each,
    /// zero at load.
    RuleState,
    /// Offsets that convert `CLOCK_TAI` to wall-clock time, in entry 0: two native u64, modulo
    /// 2^64. The first is how many seconds it is ahead of `CLOCK_REALTIME`, the second how many the
    /// kernel's time zone lies west of UTC. The runtime writes them at load.
    Clock,
    /// Control groups that rules name, by their paths in the hierarchy of version 2, in entry 0:
    /// two native u64 each, the group's identifier and how many groups lie above it. The runtime
    /// writes them at load.
    ControlGroups(Vec<String>),
    /// The ring buffer of log records (see [`crate::log`]).
    Log,
    /// How many log records found no room: one native u64.
    LogLost,
    /// The rules that log: an entry each (see [`crate::log::Site`]).
    LogSites,
    /// What a named object keeps: a set's elements, a list of addresses.
    Object {
        /// The object's name; empty for what objects without a name share.
        object: String,
        /// Which of its maps.
        part: String,
    },
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
    /// Elements that it has when programs see it first: keys and values of the map's sizes. None
    /// for per-CPU kinds. Whoever loads an object file without bpfc has to put them in.
    #[serde(default, skip_serializing_if = "Entries::is_empty")]
    pub initial: Entries,
    /// Where its initial values have times: native u64, nanoseconds from when the map is filled on,
    /// modulo 2^64. Whoever fills it adds the time since the machine started (`CLOCK_MONOTONIC`)
    /// to those that are neither 0 nor 2^64 - 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<u32>,
    /// Whether it outlives a replacement of the filter by one that has a map of the same role and
    /// sizes: that one takes it over, elements and all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep: bool,
    /// What tells what it is filled with from what another one was: one that is kept is taken over
    /// where that is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lineage: Option<u64>,
    /// Whether values begin with a `struct bpf_spin_lock` (Linux 5.1), which the kernel learns from
    /// the value's type.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub locked: bool,
    /// For a map of maps: what the maps in it are like. Their number of entries may differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner: Option<Box<MapDef>>,
}

impl MapDef {
    /// A map without elements that ends with its filter.
    pub fn new(name: impl Into<String>, kind: MapKind, role: MapRole) -> MapDef {
        MapDef {
            name: name.into(),
            kind,
            role,
            key_size: 4,
            value_size: 8,
            max_entries: 1,
            flags: 0,
            initial: Entries::default(),
            times: Vec::new(),
            keep: false,
            lineage: None,
            locked: false,
            inner: None,
        }
    }
}
