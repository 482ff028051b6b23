//! Sets of unsigned numbers as sorted, disjoint, non-adjacent inclusive ranges.

/// A set of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranges(Vec<(u128, u128)>);

impl Ranges {
    /// Every number from `low` to `high`.
    pub fn range(low: u128, high: u128) -> Self {
        Ranges(if low <= high { vec![(low, high)] } else { Vec::new() })
    }

    /// The numbers of `0..=max` for which `test` holds; for small `max` only.
    pub fn where_holds(max: u8, test: impl Fn(u128) -> bool) -> Self {
        let mut ranges: Vec<(u128, u128)> = Vec::new();
        for number in (0..=u128::from(max)).filter(|&n| test(n)) {
            match ranges.last_mut() {
                Some(last) if last.1 + 1 == number => last.1 = number,
                _ => ranges.push((number, number)),
            }
        }
        Ranges(ranges)
    }

    /// Every number of `0..=max` that is not in the set.
    pub fn complement(&self, max: u128) -> Self {
        let mut ranges = Vec::new();
        let mut next = Some(0);
        for &(low, high) in &self.0 {
            let Some(start) = next else { break };
            if low > start {
                ranges.push((start, low - 1));
            }
            next = high.checked_add(1).filter(|&n| n <= max);
        }
        if let Some(start) = next
            && start <= max
        {
            ranges.push((start, max));
        }
        Ranges(ranges)
    }

    /// What is in some ranges, which may overlap.
    pub fn of(ranges: impl Iterator<Item = (u128, u128)>) -> Ranges {
        let mut all: Vec<(u128, u128)> = ranges.filter(|(low, high)| low <= high).collect();
        all.sort_unstable();
        let mut ranges: Vec<(u128, u128)> = Vec::with_capacity(all.len());
        for (low, high) in all {
            match ranges.last_mut() {
                Some(last) if low <= last.1.saturating_add(1) => last.1 = last.1.max(high),
                _ => ranges.push((low, high)),
            }
        }
        Ranges(ranges)
    }

    /// What is in one or the other.
    pub fn union(&self, other: &Ranges) -> Ranges {
        Ranges::of(self.0.iter().chain(&other.0).copied())
    }

    /// The numbers that are in this set when the low bits `host` are cleared; `host` is one less
    /// than a power of two, or all bits.
    pub fn under_prefix(&self, host: u128) -> Ranges {
        let ranges = self.0.iter().filter_map(|&(low, high)| {
            let first = if low & host == 0 { low } else { (low | host).checked_add(1)? };
            Some((first, high | host)).filter(|_| first <= high)
        });
        Ranges::of(ranges)
    }

    /// Whether a number is in it.
    pub fn contains(&self, number: u128) -> bool {
        self.holds_range(number, number)
    }

    /// What is in both.
    pub fn intersect(&self, other: &Ranges) -> Ranges {
        let (mut a, mut b) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut ranges = Vec::new();
        while let (Some(&&(a_low, a_high)), Some(&&(b_low, b_high))) = (a.peek(), b.peek()) {
            let (low, high) = (a_low.max(b_low), a_high.min(b_high));
            if low <= high {
                ranges.push((low, high));
            }
            if a_high < b_high {
                a.next()
            } else {
                b.next()
            };
        }
        Ranges(ranges)
    }

    /// Whether every number of `other` is in this set.
    pub fn holds(&self, other: &Ranges) -> bool {
        other.0.iter().all(|&(low, high)| self.holds_range(low, high))
    }

    fn holds_range(&self, low: u128, high: u128) -> bool {
        let index = self.0.partition_point(|&(start, _)| start <= low);
        index > 0 && self.0[index - 1].1 >= high
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The only number in it, where there is only one.
    pub fn single(&self) -> Option<u128> {
        match self.0[..] {
            [(low, high)] if low == high => Some(low),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_behave_as_sets() {
        let even = Ranges::where_holds(255, |n| n % 2 == 0);
        let low = Ranges::range(0, 99);
        let both = even.intersect(&low);
        let wanted = Ranges::where_holds(255, |n| n % 2 == 0 && n < 100);
        assert_eq!(both, wanted);
        assert_eq!(even.complement(255), Ranges::where_holds(255, |n| n % 2 == 1));
        assert!(even.holds(&both) && low.holds(&both) && !both.holds(&even));
        assert_eq!(low.complement(u128::MAX), Ranges::range(100, u128::MAX));
        assert!(Ranges::range(0, u128::MAX).complement(u128::MAX).is_empty());
        let odd = even.complement(255);
        assert_eq!(even.union(&odd), Ranges::range(0, 255));
        assert_eq!(low.union(&Ranges::range(200, 255)).intersect(&even).union(&both), {
            Ranges::where_holds(255, |n| n % 2 == 0 && !(100..200).contains(&n))
        });
        assert!(even.contains(4) && !even.contains(5));
        assert_eq!(Ranges::range(3, 17).under_prefix(7), Ranges::range(8, 23));
        assert!(Ranges::range(3, 7).under_prefix(7).is_empty());
        assert_eq!(Ranges::range(1, u128::MAX).under_prefix(u128::MAX), Ranges::range(1, 0));
        assert_eq!(Ranges::range(7, 7).single(), Some(7));
        assert_eq!(Ranges::range(3, 7).intersect(&Ranges::range(8, 9)), Ranges::range(1, 0));
    }
}
