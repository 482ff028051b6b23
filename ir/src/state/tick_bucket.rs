//! The arithmetic of rate limits, in the units that net/netfilter/xt_limit.c counts in.
//!
//! A bucket is kept as one number, the time at which it was empty, in credits: what is in it is
//! the credits that have come since, at most the capacity. That is the kernel's pair of last time
//! and credit in a form that one atomic exchange can change.

/// A limit as its rule has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TickBucket {
    /// Time that one packet costs, in units of 1/10,000 s.
    pub average: u32,
    /// Packets that a full bucket lets through at once.
    pub burst: u32,
}

impl TickBucket {
    /// Whether a kernel takes it; with long times per packet that can depend on its clock.
    pub fn is_taken(&self) -> bool {
        CLOCKS.iter().any(|&clock| Credits::new(self, clock).is_some())
    }

    /// The clocks, in ticks a second, of kernels that refuse it.
    pub fn refusing(&self) -> Vec<u32> {
        CLOCKS.into_iter().filter(|&clock| Credits::new(self, clock).is_none()).collect()
    }
}

/// Units of [`TickBucket::average`] in a second (`XT_LIMIT_SCALE`).
pub const SCALE: u32 = 10_000;

/// Clock ticks in a second that x86-64, arm64, riscv and s390 kernels can have
/// (kernel/Kconfig.hz).
pub const CLOCKS: [u32; 4] = [100, 250, 300, 1000];

/// A limit in credits, for a kernel of one clock rate (`CONFIG_HZ`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credits {
    /// Credits that a clock tick brings (`CREDITS_PER_JIFFY`).
    pub per_tick: u64,
    /// Credits of one packet.
    pub cost: u64,
    /// Credits of a full bucket.
    pub capacity: u64,
}

impl Credits {
    /// A limit's credits; `None` where the kernel refuses it (`limit_mt_check`).
    pub fn new(limit: &TickBucket, ticks_per_second: u32) -> Option<Credits> {
        let &TickBucket { average, burst } = limit;
        let day = ticks_per_second.checked_mul(60 * 60 * 24)?;
        let per_tick = 1 << u32::MAX.checked_div(day)?.checked_ilog2()?;
        let second = ticks_per_second * per_tick;
        // `user2credits`, in 32 bits as there.
        let credits = |user: u32| match user > u32::MAX / second {
            true => (user / SCALE).wrapping_mul(second),
            false => user * second / SCALE,
        };
        let (cost, capacity) = (credits(average), credits(average.wrapping_mul(burst)));
        (burst != 0 && capacity >= cost).then_some(Credits {
            per_tick: per_tick.into(),
            cost: cost.into(),
            capacity: capacity.into(),
        })
    }

    /// Takes one packet's credits at a time in ticks, from a bucket that was empty at `empty`;
    /// yields when it was empty now, or `None` where there were too few.
    pub fn take(&self, empty: u64, ticks: u64) -> Option<u64> {
        let now = ticks.saturating_mul(self.per_tick);
        let empty = empty.max(now.saturating_sub(self.capacity));
        (now.saturating_sub(empty) >= self.cost).then(|| empty + self.cost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credits_are_the_kernels() {
        // --limit 3/second --limit-burst 5 at 250 ticks: CREDITS_PER_JIFFY is 128.
        let new = |average, burst, clock| Credits::new(&TickBucket { average, burst }, clock);
        let limit = new(3333, 5, 250).unwrap();
        assert_eq!(limit, Credits { per_tick: 128, cost: 10665, capacity: 53328 });
        assert_eq!(new(1, 5, 1000).unwrap().per_tick, 32);
        assert_eq!(new(10_000, 0, 250), None);
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let limit = Credits::new(&TickBucket { average: 10_000, burst: 3 }, 100).unwrap();
        let start = 1 << 32;
        let (mut empty, mut passed) = (0, 0);
        for tick in 0..1000 {
            for _ in 0..2 {
                if let Some(next) = limit.take(empty, start + tick) {
                    (empty, passed) = (next, passed + 1);
                }
            }
        }
        assert_eq!(passed, 3 + 9);
    }
}
