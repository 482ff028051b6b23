//! Rates and bursts of `-m hashlimit` as iptables reads and prints them
//! (extensions/libxt_hashlimit.c).

use crate::text::c_number;
use std::fmt::Write;

/// `XT_HASHLIMIT_SCALE_v2`.
const SCALE: u64 = 1_000_000;
const UNITS: [(&str, u64); 4] = [("second", 1), ("minute", 60), ("hour", 3600), ("day", 86_400)];
const SHOWN_UNITS: [(&str, u64); 4] = [("day", 86_400), ("hour", 3600), ("min", 60), ("sec", 1)];
const FACTORS: [(&str, u64); 3] = [("m", 1 << 20), ("k", 1 << 10), ("", 1)];
/// Milliseconds after which buckets of bytes expire, without and with a burst.
const BYTE_EXPIRE: u64 = 15_000;
const BYTE_EXPIRE_BURST: u64 = 60_000;

/// A rate as the kernel has it.
pub(super) struct Rate {
    /// Whether it is one of bytes.
    pub bytes: bool,
    /// Time of a packet in units of 1/1,000,000 s, or the share of a second that 16 bytes are.
    pub average: u64,
    /// Seconds that an idle bucket lives.
    pub seconds: u32,
}

/// As `atoll` reads it.
fn leading_number(text: &str) -> Option<u64> {
    let digits = text.trim_start();
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok().filter(|&number| number > 0)
}

fn factor(letter: Option<char>) -> u64 {
    match letter {
        Some('m') => 1 << 20,
        Some('k') => 1 << 10,
        _ => 1,
    }
}

impl Rate {
    /// Reads `10/min`, `10` (a second) or `10kb/s`. The error is a sentence.
    pub fn parse(text: &str) -> Result<Rate, String> {
        let bad = || format!("'{text}' is no rate such as 10/min or 512kb/s");
        let number = leading_number(text).ok_or_else(bad)?;
        if let Some(at) = text.find("b/s").filter(|&at| at > 0) {
            let bytes = number.checked_mul(factor(text[..at].chars().next_back()));
            let bytes = bytes.ok_or_else(|| format!("'{text}' is too fast"))?;
            return match bytes_to_cost(bytes) {
                None | Some(0) => Err(format!("'{text}' is too fast")),
                Some(average) => Ok(Rate { bytes: true, average, seconds: 15 }),
            };
        }
        let seconds = match text.split_once('/') {
            None => 1,
            Some((_, unit)) => {
                let lower = unit.to_ascii_lowercase();
                let found = UNITS.iter().find(|(name, _)| name.starts_with(&lower));
                found.filter(|_| !lower.is_empty()).ok_or_else(bad)?.1
            }
        };
        match SCALE * seconds / number {
            0 => Err(format!("'{text}' is too fast")),
            average => Ok(Rate { bytes: false, average, seconds: seconds as u32 }),
        }
    }

    /// How often a bucket of bytes is refilled for a burst of `burst` bytes.
    pub fn refills(&self, burst: u64) -> Result<u64, String> {
        let least = cost_to_bytes(self.average);
        if least == 0 || burst < least {
            return Err(format!("it cannot be less than {least} bytes, what a second brings"));
        }
        Ok(u64::from(burst.div_ceil(least) as u32))
    }
}

/// Reads `5`, or `5k` and `5m` for bytes.
pub(super) fn parse_burst(text: &str) -> Result<u64, String> {
    let bad = || format!("'{text}' is no burst");
    let (number, rest) = c_number(text).filter(|&(number, _)| number > 0).ok_or_else(bad)?;
    if rest.is_empty() && number > 1_000_000 {
        return Err(format!("'{text}' is more than 1000000"));
    }
    number.checked_mul(factor(rest.chars().next())).ok_or_else(bad)
}

/// 2^32 divided by the 16-byte chunks of `bytes` bytes; `None` where they are too many to count.
fn bytes_to_cost(bytes: u64) -> Option<u64> {
    let chunks = ((bytes >> 4) as u32).checked_add(1)?;
    Some(u64::from(u32::MAX / chunks))
}

fn cost_to_bytes(cost: u64) -> u64 {
    let chunks = u64::from(u32::MAX).checked_div(cost).unwrap_or(u32::MAX.into());
    chunks.wrapping_sub(1) << 4
}

/// Appends a rate; yields the milliseconds after which its buckets expire by themselves.
pub(super) fn print_rate(time: u64, out: &mut String) -> u64 {
    if time == 0 {
        out.push_str(" inf");
        return 0;
    }
    let mut shown = SHOWN_UNITS[0];
    for unit in &SHOWN_UNITS[1..] {
        let whole = unit.1 * SCALE;
        if time > whole || whole / time < whole % time {
            break;
        }
        shown = *unit;
    }
    let _ = write!(out, " {}/{}", shown.1 * SCALE / time, shown.0);
    shown.1 * 1000
}

/// Appends a rate of bytes and its burst; yields as [`print_rate`].
pub(super) fn print_bytes(average: u64, burst: u64, prefix: &str, out: &mut String) -> u64 {
    let bytes = cost_to_bytes(average);
    let exact = |&&(_, least): &&(&str, u64)| {
        bytes >= least && bytes_to_cost(bytes & !(least - 1)) == Some(average)
    };
    let unit = FACTORS[..2].iter().find(exact).unwrap_or(&FACTORS[2]);
    let _ = write!(out, " {}{}b/s", bytes / unit.1, unit.0);
    if burst == 0 {
        return BYTE_EXPIRE;
    }
    let bytes = bytes.wrapping_mul(burst);
    let unit = FACTORS[..2].iter().find(|&&(_, least)| bytes >= least).unwrap_or(&FACTORS[2]);
    let _ = write!(out, " {prefix}burst {}{}b", bytes / unit.1, unit.0);
    BYTE_EXPIRE_BURST
}
