//! The evaluator's tables of `-m hashlimit`: the kernel's arithmetic for one clock, bucket by
//! bucket.

use super::hashlimit_config::{AUTHENTICATION, Config, PORTED, mode};
use crate::reference::{View, address_number};
use bpfc_ir::Family;
use std::collections::BTreeMap;

/// Source, destination, source port, destination port.
type Key = (u128, u128, u16, u16);

/// A table as its first rule made it.
#[derive(Debug)]
pub(super) struct Table {
    config: Config,
    max: usize,
    buckets: BTreeMap<Key, Bucket>,
}

/// `struct dsthash_ent`'s changing part; which numbers are used depends on the mode.
#[derive(Debug, Default)]
struct Bucket {
    expires: u64,
    previous: u64,
    credit: u64,
    refills: u64,
    exceeded: bool,
    current: u64,
}

impl Table {
    pub fn new(config: &Config) -> Table {
        let max = config.most() as usize;
        Table { config: config.clone(), max, buckets: BTreeMap::new() }
    }

    fn is(&self, bit: u32) -> bool {
        self.config.mode & bit != 0
    }

    /// Whether the packet is within the limit; none where it is dropped at once.
    pub fn ask(&mut self, view: &View<'_>) -> Option<bool> {
        let clock = view.packet.packet().arrival;
        let (now, hertz) = (clock.ticks, u64::from(clock.ticks_per_second));
        let ticks = |milliseconds: u32| (u64::from(milliseconds) * hertz).div_ceil(1000);
        let key = self.key(view)?;
        // The kernel collects what expired every so often.
        let collected = now - now % ticks(self.config.gc_interval);
        self.buckets.retain(|_, bucket| collected < bucket.expires);
        let per_second = self.credits_of_a_second(hertz);
        let fresh = !self.buckets.contains_key(&key);
        if fresh && self.buckets.len() >= self.max {
            return None;
        }
        let config = self.config.clone();
        let (rated, bytes) = (self.is(mode::RATE_MATCH), self.is(mode::BYTES));
        let cap = match bytes {
            true => per_second,
            false => config.average.wrapping_mul(config.burst).wrapping_mul(per_second / 1_000_000),
        };
        let bucket = self.buckets.entry(key).or_default();
        bucket.expires = now + ticks(config.expire);
        if fresh {
            *bucket = Bucket {
                previous: now,
                credit: cap,
                refills: config.burst,
                ..std::mem::take(bucket)
            };
        }
        let delta = now - bucket.previous;
        let length = u64::from(view.packet.length());
        if rated {
            let rate = match bytes {
                true => (u64::from(u32::MAX) / config.average - 1) << 4,
                false => 1_000_000 / config.average,
            };
            let most = match (bytes, config.burst) {
                (true, 0) => rate,
                (true, burst) => burst.wrapping_mul(rate),
                (false, burst) => burst + rate,
            };
            let interval = u64::from(config.interval.wrapping_mul(clock.ticks_per_second));
            if delta >= interval {
                bucket.exceeded = bucket.current * interval > delta * rate;
                (bucket.previous, bucket.current) = (now, 0);
            }
            bucket.current += if bytes { length } else { 1 };
            return Some(!bucket.exceeded && bucket.current <= most);
        }
        let come = delta.checked_mul(per_second / hertz);
        bucket.credit = come.and_then(|c| c.checked_add(bucket.credit)).unwrap_or(cap).min(cap);
        bucket.previous = now;
        let cost = match bytes {
            false => config.average.wrapping_mul(per_second / 1_000_000),
            true => {
                let chunk = (u64::from(config.average as u32) * per_second) >> 32;
                let cost = ((length >> 4) + 1) * chunk;
                let cost = cost.min(per_second);
                if bucket.credit < cost && bucket.refills > 0 {
                    bucket.refills -= 1;
                    bucket.credit = per_second;
                }
                cost
            }
        };
        let within = bucket.credit >= cost;
        if within {
            bucket.credit -= cost;
        }
        Some(within)
    }

    /// `HZ * CREDITS_PER_JIFFY`, or of bytes.
    fn credits_of_a_second(&self, hertz: u64) -> u64 {
        let most = match self.is(mode::BYTES) {
            true => u64::from(u32::MAX) / hertz,
            false => u64::MAX / (hertz * 86_400),
        };
        let mut credits = 1;
        while credits <= most / 2 {
            credits *= 2;
        }
        credits * hertz
    }

    /// What a packet is told apart by; none where its ports are cut off.
    fn key(&self, view: &View<'_>) -> Option<Key> {
        let packet = &view.packet;
        let bits = if self.config.family == Family::Ipv4 { 32 } else { 128 };
        let address = |bit, address, prefix: u8| match self.is(bit) && prefix != 0 {
            true => {
                let host = bits - u32::from(prefix);
                address_number(address) >> host << host
            }
            false => 0,
        };
        let [source_prefix, destination_prefix] = self.config.masks;
        let source = address(mode::SOURCE, packet.source(), source_prefix);
        let destination = address(mode::DESTINATION, packet.destination(), destination_prefix);
        let mut key = (source, destination, 0, 0);
        if !self.is(mode::SOURCE_PORT | mode::DESTINATION_PORT) {
            return Some(key);
        }
        let (protocol, at) = match self.config.family {
            Family::Ipv4 => (packet.protocol(), packet.transport()),
            Family::Ipv6 => skip_extensions(packet.bytes())?,
        };
        let offset = match protocol {
            AUTHENTICATION => 4,
            protocol if PORTED.contains(&protocol) => 0,
            _ => return Some(key),
        };
        let ports = packet.bytes().get(at + offset..at + offset + 4)?;
        let port = |at: usize| u16::from_be_bytes([ports[at], ports[at + 1]]);
        key.2 = if self.is(mode::SOURCE_PORT) { port(0) } else { 0 };
        key.3 = if self.is(mode::DESTINATION_PORT) { port(2) } else { 0 };
        Some(key)
    }
}

/// `ipv6_skip_exthdr` (net/ipv6/exthdrs_core.c): the first header that is no extension header, or
/// that of a later fragment, and where it is; none where the chain is cut off or ends in nothing.
fn skip_extensions(bytes: &[u8]) -> Option<(u8, usize)> {
    let (mut header, mut at) = (bytes[6], 40);
    loop {
        let length = match header {
            59 => return None,
            44 => {
                let offset = bytes.get(at + 2..at + 4)?;
                if u16::from_be_bytes([offset[0], offset[1]]) & !7 != 0 {
                    return Some((header, at));
                }
                8
            }
            51 => (usize::from(*bytes.get(at + 1)?) + 2) * 4,
            0 | 43 | 60 => (usize::from(*bytes.get(at + 1)?) + 1) * 8,
            _ => return Some((header, at)),
        };
        header = bytes[at];
        at += length;
    }
}
