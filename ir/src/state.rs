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
            StateKind::TickBucket(_)
            | StateKind::NanosecondBucket(_)
            | StateKind::Quota { .. }
            | StateKind::Cycle { .. } => 1,
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
            StateKind::TickBucket(_) | StateKind::NanosecondBucket(_) | StateKind::Quota { .. } => {
                [0; 3]
            }
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
            StateKind::Quota { .. } => true,
            StateKind::Cycle { period, start } => start < period,
        }
    }

    /// The clocks, in ticks a second, of kernels that refuse its rate.
    pub fn refusing_clocks(&self) -> Vec<u32> {
        match self {
            StateKind::TickBucket(bucket) => bucket.refusing(),
            StateKind::WideBucket(bucket) => bucket.refusing(),
            StateKind::NanosecondBucket(_) | StateKind::Quota { .. } | StateKind::Cycle { .. } => {
                Vec::new()
            }
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
        }
    }
}
