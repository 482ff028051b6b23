//! Token buckets in clock ticks with credits of 64 bits, as net/netfilter/xt_hashlimit.c has them.
//!
//! A bucket is three numbers: the tick at which it was brought up to date, its credit, and refills.
//! Where packets are measured, credit comes with time up to a capacity. Where bytes are, a second's
//! credit is the capacity, and so many times an empty bucket is filled at once. Where the rate of
//! an interval is compared, the second number says whether the interval before had too much, and
//! the third what came in this one.

use super::tick_bucket::CLOCKS;
use std::fmt;

/// What a bucket measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Packets; the average is a packet's time in units of 1/1,000,000 s.
    Packets,
    /// Bytes, in chunks of 16; the average is 2^32 divided by the chunks of a second.
    Bytes,
}

/// A limit as its rule has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WideBucket {
    /// What is measured.
    pub measure: Measure,
    /// `avg`.
    pub average: u64,
    /// `burst`: packets, or in byte mode how often a bucket is filled at once.
    pub burst: u64,
    /// Seconds of an interval where the rate in it is compared instead of limited.
    pub interval: Option<u32>,
}

/// `XT_HASHLIMIT_SCALE_v2`.
pub const SCALE: u64 = 1_000_000;
/// `XT_HASHLIMIT_BYTE_SHIFT`.
pub const CHUNK_SHIFT: u32 = 4;

impl WideBucket {
    pub(crate) fn is_sound(&self) -> bool {
        self.is_taken() && self.interval != Some(0)
    }

    /// Whether a kernel takes its rate and burst; that can depend on its clock.
    pub fn is_taken(&self) -> bool {
        CLOCKS.iter().any(|&hertz| self.rates(hertz).is_some())
    }

    /// The clocks, in ticks a second, of kernels that refuse its rate and burst.
    pub fn refusing(&self) -> Vec<u32> {
        CLOCKS.into_iter().filter(|&hertz| self.rates(hertz).is_none()).collect()
    }

    /// Its numbers for a kernel with `hertz` ticks a second; `None` where that refuses the rule
    /// (`hashlimit_mt_check_common`).
    pub fn rates(&self, hertz: u32) -> Option<Rates> {
        let ticks = u64::from(hertz);
        Some(if let Some(seconds) = self.interval {
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
        })
    }
}

/// A power of two below a number (`POW2_BELOW64`).
fn below(number: u64) -> u64 {
    number.checked_ilog2().map_or(1, |bits| 1 << bits)
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

/// What one bucket keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// When it was brought up to date last, in ticks.
    pub previous: u64,
    /// Credit; in rate mode 1 where the interval before had too much.
    pub credit: u64,
    /// Refills; in rate mode what came in this interval.
    pub second: u64,
}

impl Level {
    /// A bucket for its first packet.
    pub fn new(rates: &Rates, now: u64) -> Level {
        let (credit, second) = match *rates {
            Rates::Packets { full, .. } => (full, 0),
            Rates::Bytes { full, refills, .. } => (full, refills),
            Rates::Window { .. } => (0, 0),
        };
        Level { previous: now, credit, second }
    }

    /// Charges a packet of a length; whether it is within the limit.
    pub fn charge(&mut self, rates: &Rates, measure: Measure, now: u64, length: u32) -> bool {
        let delta = now.wrapping_sub(self.previous);
        match *rates {
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

impl fmt::Display for WideBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WideBucket { measure, average, burst, interval } = self;
        let measure = match measure {
            Measure::Packets => "packets",
            Measure::Bytes => "bytes",
        };
        write!(f, "wide-bucket {measure} average {average} burst {burst}")?;
        interval.map_or(Ok(()), |seconds| write!(f, " interval {seconds}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKET: WideBucket =
        WideBucket { measure: Measure::Packets, average: 100_000, burst: 5, interval: None };

    fn passed(bucket: WideBucket, ticks: u64, each: u64, length: u32) -> u64 {
        let rates = bucket.rates(250).unwrap();
        let mut level = Level::new(&rates, 1 << 32);
        let times = (0..ticks).flat_map(|tick| (0..each).map(move |_| (1 << 32) + tick));
        times.map(|now| u64::from(level.charge(&rates, bucket.measure, now, length))).sum()
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        // 10 a second: four seconds less a tick bring 39 more.
        assert_eq!(passed(BUCKET, 1000, 2, 60), 5 + 39);
    }

    #[test]
    fn a_window_holds_so_many() {
        let bucket = WideBucket { interval: Some(1), average: 100_000, burst: 5, ..BUCKET };
        // Ten, and five in advance; after a second above the rate nothing.
        assert_eq!(passed(bucket, 250, 1, 60), 15);
        assert_eq!(passed(bucket, 500, 1, 60), 15);
    }

    #[test]
    fn bytes_cost_chunks() {
        // 1,000 chunks a second.
        let bucket = WideBucket {
            measure: Measure::Bytes,
            average: u64::from(u32::MAX / 1000),
            burst: 0,
            ..BUCKET
        };
        let within = passed(bucket, 250, 1, 15);
        assert_eq!(within, 250);
        // 100 chunks each: ten of a full bucket, and what a second brings.
        assert!((19..=20).contains(&passed(bucket, 250, 1, 1590)));
    }
}
