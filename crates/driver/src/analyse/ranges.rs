//! Sets of unsigned numbers as sorted, disjoint, non-adjacent inclusive ranges.

/// A set of numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(u128, u128)>);

impl Ranges {
    /// Every number from `low` to `high`.
    pub(super) fn range(low: u128, high: u128) -> Self {
        Ranges(if low <= high { vec![(low, high)] } else { Vec::new() })
    }

    /// The numbers of `0..=max` for which `test` holds; for small `max` only.
    pub(super) fn where_holds(max: u8, test: impl Fn(u128) -> bool) -> Self {
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
    pub(super) fn complement(&self, max: u128) -> Self {
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

    /// What is in both.
    pub(super) fn intersect(&self, other: &Ranges) -> Ranges {
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
    pub(super) fn holds(&self, other: &Ranges) -> bool {
        other.0.iter().all(|&(low, high)| {
            let index = self.0.partition_point(|&(start, _)| start <= low);
            index > 0 && self.0[index - 1].1 >= high
        })
    }

    /// Whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The only number in it, where there is only one.
    pub(super) fn single(&self) -> Option<u128> {
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
        assert_eq!(Ranges::range(7, 7).single(), Some(7));
        assert_eq!(Ranges::range(3, 7).intersect(&Ranges::range(8, 9)), Ranges::range(1, 0));
    }
}
