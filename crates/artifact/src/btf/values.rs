//! Types of a map's keys and values: for maps whose values have a lock, and for counters.
//!
//! The kernel looks for a member of the type `struct bpf_spin_lock` (kernel/bpf/btf.c,
//! `btf_parse_fields`); all else is bytes to it. An array's key must be an integer. What counters
//! are called is for people: `bpftool map dump` prints the names.

use super::{Builder, FunctionTypes, TypeId};
use crate::{MapDef, MapRole};

/// Bytes of `struct bpf_spin_lock`.
const LOCK_SIZE: u32 = 4;
/// Bytes of one rule's counters.
const COUNTER_SIZE: u32 = 16;

/// Whether a map is described by types: the others by the sizes of keys and values.
pub fn is_typed(map: &MapDef) -> bool {
    map.locked || is_counters(map)
}

fn is_counters(map: &MapDef) -> bool {
    let whole = map.value_size > 0 && map.value_size.is_multiple_of(COUNTER_SIZE);
    map.role == MapRole::Counters && map.kind.is_array() && whole
}

/// The types of such a map's key and value.
pub fn of_map(btf: &mut Builder, types: &mut FunctionTypes, map: &MapDef) -> [TypeId; 2] {
    let (u8, u32) = (types.u8(btf), types.u32(btf));
    if is_counters(map) {
        let u64 = types.u64(btf);
        let members = [("packets", u64, 0), ("bytes", u64, 8)];
        let counters = btf.structure("bpfc_counters", COUNTER_SIZE, &members);
        let rules = btf.array(counters, u32, map.value_size / COUNTER_SIZE);
        return [u32, btf.structure("bpfc_value", map.value_size, &[("rules", rules, 0)])];
    }
    let key = match map.kind.is_array() {
        true => u32,
        false => {
            let bytes = btf.array(u8, u32, map.key_size);
            btf.structure("bpfc_key", map.key_size, &[("bytes", bytes, 0)])
        }
    };
    let lock = btf.structure("bpf_spin_lock", LOCK_SIZE, &[("val", u32, 0)]);
    let bytes = btf.array(u8, u32, map.value_size.saturating_sub(LOCK_SIZE));
    let members = [("lock", lock, 0), ("bytes", bytes, LOCK_SIZE)];
    [key, btf.structure("bpfc_value", map.value_size, &members)]
}
