//! What a rule of `-m hashlimit` says of its table, as the kernel keeps it.

use bpfc_ir::Family;
use bpfc_ir::hash_limit::{HashLimit, Measure};

/// Bits of the mode (`XT_HASHLIMIT_*`).
pub(super) mod mode {
    pub const DESTINATION: u32 = 1;
    pub const DESTINATION_PORT: u32 = 2;
    pub const SOURCE: u32 = 4;
    pub const SOURCE_PORT: u32 = 8;
    pub const INVERT: u32 = 16;
    pub const BYTES: u32 = 32;
    pub const RATE_MATCH: u32 = 64;
    pub const KEY: u32 = 15;
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
#[derive(Clone, Debug)]
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
    /// The table that it makes (`htable_create`).
    pub fn table(&self) -> HashLimit {
        let size = match self.size.min(MAX_SIZE) {
            0 => DEFAULT_SIZE,
            size => size,
        };
        let max = match self.max.min(MAX_SIZE) {
            0 => 8 * size,
            max => max.max(size),
        };
        let is = |bit| self.mode & bit != 0;
        HashLimit {
            family: self.family,
            measure: if is(mode::BYTES) { Measure::Bytes } else { Measure::Packets },
            fields: (self.mode & mode::KEY) as u8,
            prefixes: self.masks,
            average: self.average,
            burst: self.burst,
            interval: is(mode::RATE_MATCH).then_some(self.interval),
            max,
            collect: self.gc_interval,
            expire: self.expire,
        }
    }
}
