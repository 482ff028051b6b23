//! `-m limit`: a rate over all packets that reach the match, with a burst
//! (net/netfilter/xt_limit.c).

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported};
use bpfc_ir::StateKind;
use bpfc_ir::state::tick_bucket::TickBucket;
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static LIMIT: MatchExtension = MatchExtension {
    name: "limit",
    aliases: &[],
    families: Families::Both,
    options: &[OptionSpec::value("limit"), OptionSpec::value("limit-burst")],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        // What follows the first two numbers is the kernel's.
        size: 40,
        decode: |f, _| {
            let bucket = TickBucket { average: f.u32(0), burst: f.u32(4) };
            let TickBucket { average, burst } = bucket;
            match bucket.is_taken() {
                true => Ok(Arc::new(Limit { average, burst })),
                false => Err(format!("a burst of {burst} at {average} is none")),
            }
        },
    }],
};

/// Units of time in a second (`XT_LIMIT_SCALE`).
pub const SCALE: u32 = 10_000;
/// Spellings of a rate's unit and its seconds, longest unit first.
const UNITS: [(&str, &str, u32); 4] =
    [("day", "day", 86_400), ("hour", "hour", 3_600), ("minute", "min", 60), ("second", "sec", 1)];
const BURST: u32 = 5;

/// Of the evaluator's state: no packet came yet.
const FULL: u64 = u64::MAX;

#[derive(Debug)]
struct Limit {
    /// Time of one packet in units of 1/[`SCALE`] s.
    average: u32,
    burst: u32,
}

/// Reads `3/second`, any beginning of the unit's name in any case, `3` alone a second: the time of
/// one packet in units of 1/[`SCALE`] s. The error is a sentence.
pub fn parse_rate(text: &str) -> Result<u32, String> {
    let bad = || format!("'{text}' is no rate such as 3/second");
    let (number, seconds) = match text.split_once('/') {
        None => (text, 1),
        Some((number, unit)) => {
            let lower = unit.to_ascii_lowercase();
            let mut units = UNITS.iter().filter(|(name, ..)| name.starts_with(&lower));
            let found = units.next().filter(|_| !lower.is_empty());
            (number, found.ok_or_else(bad)?.2)
        }
    };
    // As atoi reads it: what follows the digits does not count.
    let digits = number.trim_start();
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let count: u32 = digits[..end].parse().ok().filter(|&count| count > 0).ok_or_else(bad)?;
    match SCALE * seconds / count {
        0 => Err(format!("'{text}' is too fast: the kernel counts up to {SCALE}/second")),
        time => Ok(time),
    }
}

/// Appends a rate in the largest unit that says it well, as iptables does.
pub fn print_rate(time: u32, out: &mut String) {
    let per_unit = |&(_, name, seconds): &(&str, &'static str, u32)| (name, SCALE * seconds);
    let mut units = UNITS.iter().map(per_unit);
    let mut shown = units.next().unwrap_or(("sec", SCALE));
    for unit in units {
        if time > unit.1 || unit.1 / time.max(1) < unit.1 % time.max(1) {
            break;
        }
        shown = unit;
    }
    let _ = write!(out, " {}/{}", shown.1 / time.max(1), shown.0);
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let average = match options.get("limit") {
        Some(given) => parse_rate(given.text()).map_err(|problem| given.bad(problem))?,
        None => SCALE * 3_600 / 3,
    };
    let burst = match options.get("limit-burst") {
        Some(given) => given.number(0, 10_000)? as u32,
        None => BURST,
    };
    if !(TickBucket { average, burst }).is_taken() {
        return Err(options.bad(format!("the kernel refuses a burst of {burst} at this rate")));
    }
    Ok(Arc::new(Limit { average, burst }))
}

impl Match for Limit {
    fn extension(&self) -> &'static MatchExtension {
        &LIMIT
    }

    fn overflows(&self) -> bool {
        self.average.checked_mul(self.burst).is_none()
    }

    fn save(&self, out: &mut String) {
        out.push_str(" --limit");
        print_rate(self.average, out);
        if self.burst != BURST {
            let _ = write!(out, " --limit-burst {}", self.burst);
        }
    }

    fn list(&self, out: &mut String) {
        out.push_str(" limit: avg");
        print_rate(self.average, out);
        let _ = write!(out, " burst {}", self.burst);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let Limit { average, burst } = *self;
        let passes = cx.take(StateKind::TickBucket(TickBucket { average, burst }));
        cx.require(passes);
        Ok(())
    }

    /// The state is when the last packet came, in ticks, and the credit that it left: 32 bits
    /// each. It counts from the first packet, with a full bucket.
    fn evaluate(&self, packet: &View<'_>, state: &mut u64) -> Outcome {
        let arrival = packet.packet.packet().arrival;
        let hertz = u64::from(arrival.ticks_per_second);
        // The largest power of two that lets a day's credits fit 32 bits.
        let most = u64::from(u32::MAX) / (hertz * 86_400);
        let per_tick = (0..32).map(|bit| 1 << bit).filter(|&n| n <= most).max().unwrap_or(1);
        let credits = |time: u32| {
            let time = u64::from(time);
            match time > u64::from(u32::MAX) / (hertz * per_tick) {
                true => (time / u64::from(SCALE) * hertz * per_tick) as u32,
                false => (time * hertz * per_tick / u64::from(SCALE)) as u32,
            }
        };
        let (cost, full) = (credits(self.average), credits(self.average.wrapping_mul(self.burst)));
        let (last, left) = ((*state >> 32) as u32, *state as u32);
        let now = arrival.ticks as u32;
        let credit = match *state {
            FULL => full,
            _ => {
                let come = u64::from(now.wrapping_sub(last)) * per_tick;
                (u64::from(left) + come).min(full.into()) as u32
            }
        };
        let passes = credit >= cost;
        let left = if passes { credit - cost } else { credit };
        *state = u64::from(now) << 32 | u64::from(left);
        Outcome::of(passes)
    }

    fn initial_state(&self) -> u64 {
        FULL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = String::new();
        print_rate(parse_rate(text).unwrap(), &mut out);
        out
    }

    #[test]
    fn rates_read_and_print_as_iptables_does() {
        let pairs = [
            ("3/s", " 3/sec"),
            ("100/minute", " 100/min"),
            ("7/DAY", " 7/day"),
            ("10000", " 10000/sec"),
            ("3/secon", " 3/sec"),
            ("7000/min", " 117/sec"),
            ("3abc/s", " 3/sec"),
            ("150/m", " 150/min"),
            ("61/h", " 61/hour"),
        ];
        for (given, printed) in pairs {
            assert_eq!(shown(given), printed, "{given}");
        }
        for wrong in ["20000/s", "3/x", "0/s", "3/", "", "/s", "-1/s", "99999999999/d"] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
    }
}
