//! State that outlives packets and has no key: rate limits, quotas, cycles.
//!
//! A rule takes from a state by [`crate::Op::Take`], in one atomic step; how processors share it is
//! the back end's. Each kind has its unit in its name, since what a limit lets through depends on
//! the clock that it counts by.

pub mod nanosecond_bucket;
pub mod tick_bucket;

use nanosecond_bucket::NanosecondBucket;
use std::fmt;
use tick_bucket::TickBucket;

/// What a state is, with what never changes about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StateKind {
    /// A token bucket that counts in clock ticks (net/netfilter/xt_limit.c); yields 1 where there
    /// was enough for the packet, else 0.
    TickBucket(TickBucket),
    /// A token bucket that counts in nanoseconds (net/netfilter/nft_limit.c); likewise.
    NanosecondBucket(NanosecondBucket),
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

impl StateKind {
    /// Whether a kernel would take its numbers.
    pub(crate) fn is_sound(&self) -> bool {
        match self {
            StateKind::TickBucket(bucket) => bucket.is_taken(),
            StateKind::NanosecondBucket(bucket) => bucket.is_sound(),
            StateKind::Quota { .. } => true,
            StateKind::Cycle { period, start } => start < period,
        }
    }

    /// The clocks, in ticks a second, of kernels that refuse its rate.
    pub fn refusing_clocks(&self) -> Vec<u32> {
        match self {
            StateKind::TickBucket(bucket) => bucket.refusing(),
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
            StateKind::Quota { bytes } => write!(f, "quota {bytes}"),
            StateKind::Cycle { period, start } => write!(f, "cycle {period} start {start}"),
        }
    }
}
