//! Types of a map's keys and values, for maps whose values have a lock.
//!
//! The kernel looks for a member of the type `struct bpf_spin_lock` (kernel/bpf/btf.c,
//! `btf_parse_fields`); all else is bytes to it. An array's key must be an integer.

use super::{Builder, FunctionTypes, TypeId};
use crate::MapDef;

/// Bytes of `struct bpf_spin_lock`.
const LOCK_SIZE: u32 = 4;

/// The types of a locked map's key and value.
pub fn of_map(btf: &mut Builder, types: &mut FunctionTypes, map: &MapDef) -> [TypeId; 2] {
    let (u8, u32) = (types.u8(btf), types.u32(btf));
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
