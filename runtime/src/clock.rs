//! How the kernel's clocks and its time zone differ: what programs need to tell the time of day.

use crate::sys;
use rustix::time::{ClockId, DynamicClockId, clock_gettime, clock_gettime_dynamic};

/// Seconds that `CLOCK_TAI` is ahead of `CLOCK_REALTIME` now: 0 until something, usually the time
/// synchronisation, tells the kernel.
pub fn atomic_seconds_ahead() -> i64 {
    let Ok(atomic) = clock_gettime_dynamic(DynamicClockId::Tai) else { return 0 };
    let real = clock_gettime(ClockId::Realtime);
    // The clocks differ by whole seconds; a moment passes between the two calls.
    const SECOND: i64 = 1_000_000_000;
    let nanoseconds = (atomic.tv_sec - real.tv_sec) * SECOND + (atomic.tv_nsec - real.tv_nsec);
    (nanoseconds + SECOND / 2).div_euclid(SECOND)
}

/// Seconds that the kernel's time zone lies west of UTC now.
pub fn seconds_west() -> i64 {
    i64::from(sys::minutes_west()) * 60
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_differ_by_what_leap_seconds_and_time_zones_can_be() {
        assert!((0..100).contains(&atomic_seconds_ahead()));
        assert!((-86_400..=86_400).contains(&seconds_west()));
    }
}
