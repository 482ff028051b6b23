//! Rate limits by address and port (net/netfilter/xt_hashlimit.c): what never changes about a
//! table of them, and the arithmetic of one bucket.
//!
//! A bucket is (previous tick, credit, refills): in packet mode credit comes with time up to a
//! capacity; in byte mode a second's credit is the capacity, and so many times an empty bucket is
//! filled at once; in rate mode what came in an interval decides about the next.

use crate::{Family, Type};
use std::fmt;

/// What a bucket measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Packets; the average is a packet's time in units of 1/1,000,000 s.
    Packets,
    /// Bytes, in chunks of 16; the average is 2^32 divided by the chunks of a second.
    Bytes,
}

/// A table of buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HashLimit {
    /// The family of its addresses.
    pub family: Family,
    /// What is measured.
    pub measure: Measure,
    /// What packets are told apart by, for whoever asks: 1 destination, 2 destination port, 4
    /// source, 8 source port (`XT_HASHLIMIT_HASH_*`).
    pub fields: u8,
    /// Bits of source and destination that count.
    pub prefixes: [u8; 2],
    /// `avg`.
    pub average: u64,
    /// `burst`: packets, or in byte mode how often a bucket is filled at once.
    pub burst: u64,
    /// Seconds of an interval where the rate in it is compared instead of limited.
    pub interval: Option<u32>,
    /// Buckets at most.
    pub max: u32,
    /// Milliseconds between collections of idle buckets.
    pub collect: u32,
    /// Milliseconds after which a bucket is idle.
    pub expire: u32,
}

/// What a table answers.
pub mod answer {
    /// There is no bucket for the packet and no room for one.
    pub const NO_ROOM: u32 = 2;
    /// Within the limit.
    pub const WITHIN: u32 = 1;
    /// Above the limit.
    pub const ABOVE: u32 = 0;
}

/// Eight for each of `HASHLIMIT_MAX_SIZE` hash chains.
pub const MAX_BUCKETS: u32 = 1 << 23;
/// `XT_HASHLIMIT_SCALE_v2`.
pub const SCALE: u64 = 1_000_000;
/// `XT_HASHLIMIT_BYTE_SHIFT`.
pub const CHUNK_SHIFT: u32 = 4;

impl HashLimit {
    pub(crate) fn is_sound(&self) -> bool {
        let bits = if self.family == Family::Ipv4 { 32 } else { 128 };
        self.is_taken()
            && self.fields < 16
            && self.prefixes.iter().all(|&prefix| prefix <= bits)
            && (1..=MAX_BUCKETS).contains(&self.max)
            && self.collect > 0
            && self.expire > 0
            && self.interval != Some(0)
    }

    /// Whether a kernel takes its rate and burst; that can depend on its clock.
    pub fn is_taken(&self) -> bool {
        crate::state::tick_bucket::CLOCKS.iter().any(|&hertz| self.numbers(hertz).is_some())
    }

    /// The clocks, in ticks a second, of kernels that refuse its rate and burst.
    pub fn refusing(&self) -> Vec<u32> {
        let clocks = crate::state::tick_bucket::CLOCKS.into_iter();
        clocks.filter(|&hertz| self.numbers(hertz).is_none()).collect()
    }

    /// Merges two requests for one table: the first rule's settings win. `None` where the two
    /// measure different things.
    pub(crate) fn joined(&self, other: &HashLimit) -> Option<HashLimit> {
        let same = self.family == other.family
            && self.measure == other.measure
            && self.interval.is_some() == other.interval.is_some();
        same.then_some(*self)
    }

    pub(crate) fn arguments(&self, family: Family) -> Option<Vec<Type>> {
        let address = match family {
            Family::Ipv4 => Type::I32,
            Family::Ipv6 => Type::I128,
        };
        (self.family == family).then(|| vec![address, address, Type::I16, Type::I16])
    }

    /// The numbers of a kernel with `hertz` ticks a second; `None` where it refuses the rule
    /// (`hashlimit_mt_check_common`).
    pub fn numbers(&self, hertz: u32) -> Option<Numbers> {
        let ticks = u64::from(hertz);
        let (expire, collect) =
            (milliseconds(self.expire, hertz), milliseconds(self.collect, hertz));
        let rates = if let Some(seconds) = self.interval {
            let average = u32::try_from(self.average).ok().filter(|&average| average != 0)?;
            let (rate, burst) = match self.measure {
                Measure::Packets => {
                    let rate = SCALE / u64::from(average);
                    (rate, self.burst.wrapping_add(rate))
                }
                Measure::Bytes => {
                    let rate = (u64::from(u32::MAX / average) - 1) << CHUNK_SHIFT;
                    (rate, if self.burst == 0 { rate } else { self.burst.wrapping_mul(rate) })
                }
            };
            Rates::Window { interval: u64::from(seconds.wrapping_mul(hertz)), rate, burst }
        } else if self.measure == Measure::Bytes {
            let per_tick = below(u64::from(u32::MAX) / ticks);
            let full = per_tick * ticks;
            let cost = (u64::from(self.average as u32).wrapping_mul(full) >> 32) as u32;
            let (cost, refills) = (u64::from(cost), self.burst);
            (cost != 0).then_some(Rates::Bytes { per_tick, full, cost, refills })?
        } else {
            let per_tick = below(u64::MAX / (ticks * 86_400));
            // A second's credits are far more than the scale.
            let credits = |user: u64| user.wrapping_mul(ticks * per_tick / SCALE);
            let cost = credits(self.average);
            let full = credits(self.average.wrapping_mul(self.burst));
            (self.burst != 0 && full >= cost).then_some(Rates::Packets { per_tick, full, cost })?
        };
        Some(Numbers { expire, collect, rates })
    }
}

/// A power of two below a number (`POW2_BELOW64`).
fn below(number: u64) -> u64 {
    number.checked_ilog2().map_or(1, |bits| 1 << bits)
}

/// `msecs_to_jiffies`: rounded up.
fn milliseconds(time: u32, hertz: u32) -> u64 {
    (u64::from(time) * u64::from(hertz)).div_ceil(1000)
}

/// A table's numbers for one kernel's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Ticks after which a bucket is idle.
    pub expire: u64,
    /// Ticks between collections.
    pub collect: u64,
    /// How buckets fill and empty.
    pub rates: Rates,
}

/// How a bucket fills and empties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rates {
    /// Credit of a tick, of a full bucket, of a packet.
    Packets {
        /// `CREDITS_PER_JIFFY`.
        per_tick: u64,
        /// `credit_cap`.
        full: u64,
        /// `cost`.
        cost: u64,
    },
    /// Credit of a tick, of a full bucket, of 16 bytes.
    Bytes {
        /// `CREDITS_PER_JIFFY_BYTES`.
        per_tick: u64,
        /// A second's.
        full: u64,
        /// `cost`.
        cost: u64,
        /// How often an empty bucket is filled at once.
        refills: u64,
    },
    /// A comparison of what came in an interval.
    Window {
        /// Ticks of an interval.
        interval: u64,
        /// What may come in one.
        rate: u64,
        /// What may come in the first.
        burst: u64,
    },
}

/// One bucket. What its numbers are depends on the mode: credit and refills, or whether the
/// interval before had too much and what came in this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// When it was brought up to date last, in ticks.
    pub previous: u64,
    /// Credit; in rate mode 1 where the interval before had too much.
    pub credit: u64,
    /// Refills; in rate mode what came in this interval.
    pub second: u64,
    /// From when on it is idle, in ticks.
    pub expires: u64,
}

impl Bucket {
    /// A bucket for its first packet.
    pub fn new(numbers: &Numbers, now: u64) -> Bucket {
        let (credit, second) = match numbers.rates {
            Rates::Packets { full, .. } => (full, 0),
            Rates::Bytes { full, refills, .. } => (full, refills),
            Rates::Window { .. } => (0, 0),
        };
        Bucket { previous: now, credit, second, expires: now + numbers.expire }
    }

    /// Whether it was collected by now: collections come at whole multiples of their interval.
    pub fn is_gone(&self, numbers: &Numbers, now: u64) -> bool {
        now - now % numbers.collect >= self.expires
    }

    /// Charges a packet of a length; whether it is within the limit.
    pub fn charge(&mut self, numbers: &Numbers, measure: Measure, now: u64, length: u32) -> bool {
        self.expires = now + numbers.expire;
        let delta = now.wrapping_sub(self.previous);
        match numbers.rates {
            Rates::Packets { per_tick, full, cost } => {
                if delta != 0 {
                    self.previous = now;
                    let credit = self.credit.wrapping_add(delta.wrapping_mul(per_tick));
                    self.credit = credit.min(full);
                }
                let within = self.credit >= cost;
                self.credit -= if within { cost } else { 0 };
                within
            }
            Rates::Bytes { per_tick, full, cost, .. } => {
                if delta != 0 {
                    self.previous = now;
                    let credit = self.credit.wrapping_add(delta.wrapping_mul(per_tick));
                    self.credit = if credit <= self.credit { full } else { credit.min(full) };
                }
                let chunks = u64::from(length >> CHUNK_SHIFT) + 1;
                let cost = (chunks * cost).min(full);
                if self.credit < cost && self.second != 0 {
                    self.second -= 1;
                    self.credit = full;
                }
                let cost = u64::from(cost as u32);
                let within = self.credit >= cost;
                self.credit -= if within { cost } else { 0 };
                within
            }
            Rates::Window { interval, rate, burst } => {
                if delta != 0 && delta >= interval {
                    self.previous = now;
                    let had = self.second.wrapping_mul(interval);
                    self.credit = u64::from(had > delta.wrapping_mul(rate));
                    self.second = 0;
                }
                let more = if measure == Measure::Bytes { length } else { 1 };
                self.second += u64::from(more);
                self.credit == 0 && self.second <= burst
            }
        }
    }
}

impl fmt::Display for HashLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HashLimit { family, fields, average, burst, max, collect, expire, .. } = self;
        let [source, destination] = self.prefixes;
        let measure = match self.measure {
            Measure::Packets => "packets",
            Measure::Bytes => "bytes",
        };
        write!(f, "hashlimit {family} {measure} fields {fields} prefixes {source} {destination}")?;
        write!(f, " average {average} burst {burst}")?;
        if let Some(interval) = self.interval {
            write!(f, " interval {interval}")?;
        }
        write!(f, " max {max} collect {collect} expire {expire}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: HashLimit = HashLimit {
        family: Family::Ipv4,
        measure: Measure::Packets,
        fields: 0,
        prefixes: [0, 0],
        average: 100_000,
        burst: 5,
        interval: None,
        max: 10,
        collect: 1000,
        expire: 1000,
    };

    fn passed(table: HashLimit, ticks: u64, each: u64, length: u32) -> u64 {
        let numbers = table.numbers(250).unwrap();
        let mut bucket = Bucket::new(&numbers, 1 << 32);
        let times = (0..ticks).flat_map(|tick| (0..each).map(move |_| (1 << 32) + tick));
        times.map(|now| u64::from(bucket.charge(&numbers, table.measure, now, length))).sum()
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        // 10 a second: four seconds less a tick bring 39 more.
        assert_eq!(passed(TABLE, 1000, 2, 60), 5 + 39);
    }

    #[test]
    fn a_window_holds_so_many() {
        let table = HashLimit { interval: Some(1), average: 100_000, burst: 5, ..TABLE };
        // Ten, and five in advance; after a second above the rate nothing.
        assert_eq!(passed(table, 250, 1, 60), 15);
        assert_eq!(passed(table, 500, 1, 60), 15);
    }

    #[test]
    fn bytes_cost_chunks() {
        // 1,000 chunks a second.
        let table = HashLimit {
            measure: Measure::Bytes,
            average: u64::from(u32::MAX / 1000),
            burst: 0,
            ..TABLE
        };
        let within = passed(table, 250, 1, 15);
        assert_eq!(within, 250);
        // 100 chunks each: ten of a full bucket, and what a second brings.
        assert!((19..=20).contains(&passed(table, 250, 1, 1590)));
    }
}
