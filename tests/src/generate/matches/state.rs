//! What counts packets and bytes across packets. Rates are so low that no test takes long enough
//! for a packet's worth of time: what passes is the burst, exactly.

use super::Maker;

pub(super) fn limit(maker: &mut Maker<'_>) -> String {
    let rate = *maker.rng.pick(&["1/hour", "2/h", "3/hour", "90/hour"]);
    let burst = maker.rng.within(1..=40);
    format!(" --limit {rate} --limit-burst {burst}")
}

/// From nothing to more than a test's packets hold.
pub(super) fn quota(maker: &mut Maker<'_>) -> String {
    let bytes = *maker.rng.pick(&[0u64, 19, 40, 500, 4000, 20_000, u64::MAX]);
    let negation = maker.rng.negation();
    format!(" {negation}--quota {}", bytes.saturating_add(maker.rng.below(60)))
}
