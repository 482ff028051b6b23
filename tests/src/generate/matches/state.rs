//! What counts packets and bytes across packets. Rates are so low that no test takes long enough
//! for a packet's worth of time: what passes is the burst, exactly.

use super::Maker;
use crate::lab::Family;

pub(super) fn limit(maker: &mut Maker<'_>) -> String {
    let rate = *maker.rng.pick(&["2/h", "3/hour", "90/hour"]);
    let burst = maker.rng.within(1..=40);
    format!(" --limit {rate} --limit-burst {burst}")
}

/// A few lists that rules share. Seconds are so many that no test takes as long.
pub(super) fn recent(maker: &mut Maker<'_>) -> String {
    let rng = &mut *maker.rng;
    let name = *rng.pick(&["", " --name a", " --name b", " --name b"]);
    let side = *rng.pick(&["", " --rsource", " --rdest"]);
    let mask = match maker.family {
        Family::Ipv4 => *rng.pick(&["", "", " --mask 255.255.255.0", " --mask 0.0.0.3"]),
        Family::Ipv6 => *rng.pick(&["", "", " --mask ffff:ffff:ffff:ffff::", " --mask ::3"]),
    };
    let negation = rng.negation();
    let action = *rng.pick(&["set", "set", "rcheck", "rcheck", "update", "update", "remove"]);
    let mut options = format!(" {negation}--{action}");
    if ["rcheck", "update"].contains(&action) {
        if rng.one_in(2) {
            options += &format!(" --seconds {}", 40_000 + rng.below(10));
            options += *rng.pick(&["", " --reap"]);
        }
        if rng.one_in(2) {
            options += &format!(" --hitcount {}", rng.within(0..=12));
        }
        options += *rng.pick(&["", "", " --rttl"]);
    }
    format!("{options}{name}{side}{mask}")
}

/// A few tables, one kind of limit each, small and large.
pub(super) fn hashlimit(maker: &mut Maker<'_>) -> String {
    let rng = &mut *maker.rng;
    let burst = rng.within(1..=12);
    let word = *rng.pick(&["upto", "upto", "above"]);
    let (name, rate) = match rng.below(3) {
        0 => (
            *rng.pick(&["p", "q"]),
            format!("{} --hashlimit-burst {burst}", rng.pick(&["1/h", "3/hour"])),
        ),
        1 => (
            "r",
            format!("{}/day --hashlimit-burst {burst} --hashlimit-rate-match", rng.within(1..=20)),
        ),
        _ => (
            "b",
            format!(
                "{}b/s --hashlimit-rate-match --hashlimit-rate-interval 90000{}",
                rng.within(32..=900),
                rng.pick(&["", " --hashlimit-burst 1m"]),
            ),
        ),
    };
    let negation = rng.negation();
    let mut options = format!(" {negation}--hashlimit-{word} {rate} --hashlimit-name {name}");
    let mode =
        *rng.pick(&["", "srcip", "dstip,srcip", "srcip,srcport", "dstport", "dstip,dstport"]);
    if !mode.is_empty() {
        options += &format!(" --hashlimit-mode {mode}");
    }
    let most = if maker.family == Family::Ipv4 { 32 } else { 128 };
    if rng.one_in(3) {
        options += &format!(" --hashlimit-srcmask {}", rng.within(0..=most));
    }
    if rng.one_in(3) {
        options += &format!(" --hashlimit-dstmask {}", rng.within(0..=most));
    }
    if rng.one_in(3) {
        let size = rng.within(1..=5);
        options += &format!(" --hashlimit-htable-size {size} --hashlimit-htable-max {size}");
    }
    options + " --hashlimit-htable-expire 90000000"
}

/// From nothing to more than a test's packets hold.
pub(super) fn quota(maker: &mut Maker<'_>) -> String {
    let bytes = *maker.rng.pick(&[0u64, 19, 40, 500, 4000, 20_000, u64::MAX]);
    let negation = maker.rng.negation();
    format!(" {negation}--quota {}", bytes.saturating_add(maker.rng.below(60)))
}
