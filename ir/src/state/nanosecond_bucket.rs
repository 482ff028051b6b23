//! Token buckets in nanoseconds, as net/netfilter/nft_limit.c has them: what is in a bucket is the
//! time since it was empty, at most the capacity, and a packet costs time.

use std::fmt;

/// A limit. A kernel of any clock counts so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NanosecondBucket {
    /// Nanoseconds in which the rate may come, at least 1 (`nsecs`).
    pub interval: u64,
    /// Packets or bytes that may come in an interval, at least 1 (`rate`).
    pub rate: u64,
    /// Those that may come in advance (`burst`).
    pub burst: u32,
    /// Whether bytes are counted, not packets.
    pub bytes: bool,
}

impl NanosecondBucket {
    /// Whether the kernel takes its numbers (`nft_limit_init`: nothing must overflow), and the
    /// capacity is less than a century.
    pub(crate) fn is_sound(&self) -> bool {
        self.interval > 0 && self.rate > 0 && self.tokens().is_some_and(|tokens| tokens < 1 << 61)
    }

    fn tokens(&self) -> Option<u64> {
        let units = match self.bytes {
            true => self.rate.checked_add(self.burst.into())?,
            false => self.burst.into(),
        };
        Some(self.interval.checked_mul(units)? / self.rate)
    }

    /// Nanoseconds that a full bucket holds (`tokens_max`).
    pub fn capacity(&self) -> u64 {
        self.tokens().unwrap_or(u64::MAX)
    }

    /// Nanoseconds that a packet of a length costs. Modulo 2^64, as the kernel multiplies.
    pub fn cost(&self, length: u32) -> u64 {
        let units = if self.bytes { u64::from(length) } else { 1 };
        self.interval.wrapping_mul(units) / self.rate.max(1)
    }

    /// Takes a packet's cost, at a time since the machine started, from a bucket that was empty at
    /// `empty`; yields when it was empty now, or `None` where there was too little. Those are times
    /// on a clock that is the capacity ahead, so that a bucket of 0 is full from the start.
    pub fn take(&self, empty: u64, now: u64, length: u32) -> Option<u64> {
        let now = now.saturating_add(self.capacity());
        let empty = empty.max(now - self.capacity());
        let cost = self.cost(length);
        (now.saturating_sub(empty) >= cost).then(|| empty + cost)
    }
}

impl fmt::Display for NanosecondBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NanosecondBucket { interval, rate, burst, bytes } = self;
        let unit = if *bytes { "bytes" } else { "packets" };
        write!(f, "nanosecond-bucket {unit} {rate} every {interval} burst {burst}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn passed(bucket: NanosecondBucket, count: u64, apart: u64, length: u32) -> u64 {
        let (mut empty, mut passed) = (0, 0);
        for at in 0..count {
            if let Some(next) = bucket.take(empty, 100 * SECOND + at * apart, length) {
                (empty, passed) = (next, passed + 1);
            }
        }
        passed
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        // limit rate 10/second burst 5 packets
        let bucket = NanosecondBucket { interval: SECOND, rate: 10, burst: 5, bytes: false };
        assert_eq!((bucket.capacity(), bucket.cost(60)), (SECOND / 2, SECOND / 10));
        assert_eq!(passed(bucket, 100, 0, 60), 5);
        assert_eq!(passed(bucket, 1_001, SECOND / 500, 60), 5 + 20);
    }

    #[test]
    fn bytes_cost_by_the_length() {
        // limit rate 1000 bytes/second: what a second brings is there at once, too.
        let bucket = NanosecondBucket { interval: SECOND, rate: 1_000, burst: 0, bytes: true };
        assert_eq!((bucket.capacity(), bucket.cost(250)), (SECOND, SECOND / 4));
        assert_eq!(passed(bucket, 100, 0, 250), 4);
        assert_eq!(passed(bucket, 3, 0, 1_001), 0);
    }

    #[test]
    fn what_the_kernel_refuses_is_not_sound() {
        let bucket = NanosecondBucket { interval: SECOND, rate: 10, burst: 5, bytes: false };
        assert!(bucket.is_sound());
        assert!(!NanosecondBucket { rate: 0, ..bucket }.is_sound());
        let day = NanosecondBucket { interval: 86_400 * SECOND, burst: u32::MAX, ..bucket };
        assert!(!day.is_sound());
        // A bucket is full when the machine starts.
        assert_eq!(bucket.take(0, 0, 60), Some(SECOND / 10));
    }
}
