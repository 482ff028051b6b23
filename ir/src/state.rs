//! State that outlives packets: rate limits, quotas, cycles.
//!
//! A state has no key ([`crate::Op::Take`]), or there is one for each element of a table
//! ([`crate::FieldDef::State`], [`crate::Op::Touch`]). A packet takes from it in one atomic step;
//! how processors share it is the back end's. Each kind has its unit in its name, since what a
//! limit lets through depends on the clock that it counts by.

pub mod nanosecond_bucket;
pub mod tick_bucket;
pub mod wide_bucket;

use nanosecond_bucket::NanosecondBucket;
use std::fmt;
use tick_bucket::{Credits, TickBucket};
use wide_bucket::{Level, WideBucket};

/// What a state is, with what never changes about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StateKind {
    /// A token bucket that counts in clock ticks (net/netfilter/xt_limit.c); yields 1 where there
    /// was enough for the packet, else 0.
    TickBucket(TickBucket),
    /// A token bucket that counts in nanoseconds (net/netfilter/nft_limit.c); likewise.
    NanosecondBucket(NanosecondBucket),
    /// A token bucket that counts in clock ticks, with three numbers
    /// (net/netfilter/xt_hashlimit.c); likewise. Elements of tables that expire alone have it.
    WideBucket(WideBucket),
    /// A number of bytes that is used up, once and for all (net/netfilter/xt_quota.c); likewise.
    /// The first packet that does not fit uses up the rest.
    Quota {
        /// The bytes.
        bytes: u64,
    },
    /// Numbers from 0 to the period in turn, one for each packet over all processors
    /// (net/netfilter/xt_statistic.c): yields the number after the one before.
    Cycle {
        /// How many numbers there are, at least 1.
        period: u32,
        /// The number before the first packet's, below the period.
        start: u32,
    },
    /// Packets and bytes (net/netfilter/nft_counter.c); yields 1. Elements of tables alone have it.
    Counter,
    /// When the last packet came, in nanoseconds since the machine started, 0 for none
    /// (net/netfilter/nft_last.c); yields 1.
    Last,
}

/// A state's definition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StateDef {
    /// Its name, unique among states; empty where it belongs to one rule.
    pub name: String,
    /// What it is.
    pub kind: StateKind,
}

/// The numbers that a state keeps; the first of them alone, where one is enough.
pub type Words = [u64; 3];

/// When a packet takes from a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Clock ticks since the machine started.
    pub ticks: u64,
    /// Clock ticks in a second.
    pub ticks_per_second: u32,
    /// Nanoseconds since the machine started.
    pub nanoseconds: u64,
    /// The packet's length.
    pub length: u32,
}

impl StateKind {
    /// How many numbers it keeps.
    pub fn words(&self) -> usize {
        match self {
            StateKind::WideBucket(_) => 3,
            StateKind::Counter => 2,
            StateKind::TickBucket(_)
            | StateKind::NanosecondBucket(_)
            | StateKind::Quota { .. }
            | StateKind::Cycle { .. }
            | StateKind::Last => 1,
        }
    }

    /// What it keeps before the first packet, which comes at a moment.
    pub fn start(&self, now: &Moment) -> Words {
        match self {
            StateKind::WideBucket(bucket) => match bucket.rates(now.ticks_per_second) {
                Some(rates) => {
                    let Level { previous, credit, second } = Level::new(&rates, now.ticks);
                    [previous, credit, second]
                }
                None => [0; 3],
            },
            StateKind::Cycle { start, .. } => [u64::from(*start), 0, 0],
            StateKind::TickBucket(_)
            | StateKind::NanosecondBucket(_)
            | StateKind::Quota { .. }
            | StateKind::Counter
            | StateKind::Last => [0; 3],
        }
    }

    /// Whether a state of an element that is there from the start can begin with a number: that of
    /// a counter has its packets in the lower and its bytes in the upper 64 bits; that of a quota
    /// is what was used; that of the last packet's time is how many milliseconds ago it came plus
    /// one. Others begin with 0.
    pub fn can_begin(&self, number: u128) -> bool {
        match self {
            StateKind::Counter => true,
            StateKind::Quota { bytes } => number <= u128::from(*bytes),
            StateKind::Last => number <= u128::from(u32::MAX),
            _ => number == 0,
        }
    }

    /// What such a state keeps, with the moment at which the program was loaded.
    pub fn begin(&self, number: u128, loaded: &Moment) -> Words {
        match self {
            StateKind::Counter => [number as u64, (number >> 64) as u64, 0],
            StateKind::Quota { .. } => [number as u64, 0, 0],
            StateKind::Last if number > 0 => {
                // At the start of all time it would be none.
                let ago = (number as u64 - 1).saturating_mul(1_000_000).max(2);
                [loaded.nanoseconds.wrapping_sub(ago), 0, 0]
            }
            _ => self.start(loaded),
        }
    }

    /// Takes from a state that keeps `words`; what that yields. A rate that a kernel of this clock
    /// would refuse lets nothing through.
    pub fn take(&self, words: &mut Words, now: &Moment) -> u32 {
        let value = &mut words[0];
        let taken = match self {
            StateKind::TickBucket(bucket) => Credits::new(bucket, now.ticks_per_second)
                .and_then(|credits| credits.take(*value, now.ticks)),
            StateKind::NanosecondBucket(bucket) => bucket.take(*value, now.nanoseconds, now.length),
            StateKind::WideBucket(bucket) => {
                let Some(rates) = bucket.rates(now.ticks_per_second) else { return 0 };
                let [previous, credit, second] = *words;
                let mut level = Level { previous, credit, second };
                let within = level.charge(&rates, bucket.measure, now.ticks, now.length);
                *words = [level.previous, level.credit, level.second];
                return within.into();
            }
            StateKind::Quota { bytes } => {
                let used = *value + u64::from(now.length);
                *value = used.min(*bytes);
                return (used <= *bytes).into();
            }
            StateKind::Cycle { period, .. } => {
                *value = (*value + 1) % u64::from((*period).max(1));
                return *value as u32;
            }
            StateKind::Counter => {
                words[0] = words[0].wrapping_add(1);
                words[1] = words[1].wrapping_add(now.length.into());
                return 1;
            }
            StateKind::Last => {
                *value = now.nanoseconds;
                return 1;
            }
        };
        *value = taken.unwrap_or(*value);
        taken.is_some().into()
    }

    /// Whether a kernel would take its numbers.
    pub fn is_sound(&self) -> bool {
        match self {
            StateKind::TickBucket(bucket) => bucket.is_taken(),
            StateKind::NanosecondBucket(bucket) => bucket.is_sound(),
            StateKind::WideBucket(bucket) => bucket.is_sound(),
            StateKind::Quota { .. } | StateKind::Counter | StateKind::Last => true,
            StateKind::Cycle { period, start } => start < period,
        }
    }

    /// The clocks, in ticks a second, of kernels that refuse its rate.
    pub fn refusing_clocks(&self) -> Vec<u32> {
        match self {
            StateKind::TickBucket(bucket) => bucket.refusing(),
            StateKind::WideBucket(bucket) => bucket.refusing(),
            StateKind::NanosecondBucket(_)
            | StateKind::Quota { .. }
            | StateKind::Cycle { .. }
            | StateKind::Counter
            | StateKind::Last => Vec::new(),
        }
    }
}

impl fmt::Display for StateKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateKind::TickBucket(TickBucket { average, burst }) => {
                write!(f, "tick-bucket average {average} burst {burst}")
            }
            StateKind::NanosecondBucket(bucket) => bucket.fmt(f),
            StateKind::WideBucket(bucket) => bucket.fmt(f),
            StateKind::Quota { bytes } => write!(f, "quota {bytes}"),
            StateKind::Cycle { period, start } => write!(f, "cycle {period} start {start}"),
            StateKind::Counter => f.write_str("counter"),
            StateKind::Last => f.write_str("last"),
        }
    }
}
