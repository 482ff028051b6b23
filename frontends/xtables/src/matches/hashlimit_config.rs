//! What a rule of `-m hashlimit` says of its table, as the kernel keeps it.

use bpfc_ir::state::wide_bucket::{Measure, WideBucket};
use bpfc_ir::{Expiry, Family, FieldDef, KeyPart, Onward, Shape, StateKind, TableDef, Type};

/// Bits of the mode (`XT_HASHLIMIT_*`).
pub(super) mod mode {
    pub const DESTINATION: u32 = 1;
    pub const DESTINATION_PORT: u32 = 2;
    pub const SOURCE: u32 = 4;
    pub const SOURCE_PORT: u32 = 8;
    pub const INVERT: u32 = 16;
    pub const BYTES: u32 = 32;
    pub const RATE_MATCH: u32 = 64;
}

/// The protocols whose first four bytes count as ports, and that whose second four do
/// (`proto_ports_offset`, include/linux/netfilter.h, lib/net_utils.c).
pub(super) const PORTED: [u8; 6] = [6, 17, 33, 50, 132, 136];
pub(super) const AUTHENTICATION: u8 = 51;

/// `HASHLIMIT_MAX_SIZE`.
const MAX_SIZE: u32 = 1 << 20;
/// Hash buckets of a table on machines with more than 1 GiB of memory.
const DEFAULT_SIZE: u32 = 8192;

/// `struct hashlimit_cfg3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Config {
    pub family: Family,
    pub average: u64,
    pub burst: u64,
    pub mode: u32,
    pub size: u32,
    pub max: u32,
    pub gc_interval: u32,
    pub expire: u32,
    pub interval: u32,
    pub masks: [u8; 2],
}

impl Config {
    /// How its buckets fill and empty.
    pub fn bucket(&self) -> WideBucket {
        let is = |bit| self.mode & bit != 0;
        WideBucket {
            measure: if is(mode::BYTES) { Measure::Bytes } else { Measure::Packets },
            average: self.average,
            burst: self.burst,
            interval: is(mode::RATE_MATCH).then_some(self.interval),
        }
    }

    /// Buckets at most (`htable_create`).
    pub fn most(&self) -> u32 {
        let size = match self.size.min(MAX_SIZE) {
            0 => DEFAULT_SIZE,
            size => size,
        };
        match self.max.min(MAX_SIZE) {
            0 => 8 * size,
            max => max.max(size),
        }
    }

    /// The table that it makes: addresses and ports that do not count are 0 in its keys.
    pub fn table(&self, name: String) -> TableDef {
        let address = if self.family == Family::Ipv4 { Type::I32 } else { Type::I128 };
        let part = |ty| KeyPart { ty, shape: Shape::Exact };
        TableDef {
            name,
            key: [address, address, Type::I16, Type::I16].map(part).into(),
            fields: vec![FieldDef::State(StateKind::WideBucket(self.bucket()), Onward::All)],
            capacity: self.most(),
            expiry: Some(Expiry::Idle { idle: self.expire, collect: self.gc_interval }),
            is_dynamic: true,
        }
    }
}
