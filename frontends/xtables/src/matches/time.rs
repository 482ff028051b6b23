//! `-m time`: the time of day, the day of the week or month, and a span of dates
//! (net/netfilter/xt_time.c).
//!
//! Times are UTC, or with `--kerneltz` those of the kernel's time zone. A span of the day whose end
//! comes before its start goes over midnight; with `--contiguous` what lies behind midnight belongs
//! to the day before.

mod dates;

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    Families, Fields, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{BinaryOp, CalendarField, Condition, Meta, Type, Value};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static TIME: MatchExtension = MatchExtension {
    name: "time",
    aliases: &[],
    families: Families::Both,
    options: &[
        OptionSpec::value("datestart"),
        OptionSpec::value("datestop"),
        OptionSpec::value("timestart"),
        OptionSpec::value("timestop"),
        OptionSpec::flag("contiguous"),
        OptionSpec::value("weekdays").invertible(),
        OptionSpec::value("monthdays").invertible(),
        OptionSpec::flag("localtz"),
        OptionSpec::flag("utc"),
        OptionSpec::flag("kerneltz"),
    ],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision { number: 0, size: 24, decode: |f, _| Ok(Arc::new(decode(f)?)) }],
};

/// Bits 1 to 31, and 1 (Monday) to 7.
const ALL_MONTH_DAYS: u32 = 0xffff_fffe;
const ALL_WEEKDAYS: u8 = 0xfe;
const DAY: u32 = 86_400;
/// The last date where none is given: `INT_MAX`.
const LAST_DATE: u32 = 0x7fff_ffff;
/// Bits of the kernel's flags.
const LOCAL: u8 = 1;
const CONTIGUOUS: u8 = 2;

#[derive(Debug)]
struct Time {
    /// Seconds since 1970, both ends included.
    dates: (u32, u32),
    /// Seconds of the day, both ends included; over midnight where the end comes first.
    day: (u32, u32),
    month_days: u32,
    weekdays: u8,
    local: bool,
    contiguous: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    options.exclusive(&["utc", "localtz"])?;
    options.exclusive(&["utc", "kerneltz"])?;
    let date = |id, missing| match options.get(id) {
        Some(given) => dates::date(given.text()).map_err(|error| given.bad(error)),
        None => Ok(missing),
    };
    let second = |id, missing| match options.get(id) {
        Some(given) => dates::day_time(given.text()).map_err(|error| given.bad(error)),
        None => Ok(missing),
    };
    let month_days = match options.get("monthdays") {
        Some(given) => {
            let days = dates::month_days(given.text()).map_err(|error| given.bad(error))?;
            if given.invert { days ^ ALL_MONTH_DAYS } else { days }
        }
        None => ALL_MONTH_DAYS,
    };
    let weekdays = match options.get("weekdays") {
        Some(given) => {
            let days = dates::weekdays(given.text()).map_err(|error| given.bad(error))?;
            if given.invert { days ^ ALL_WEEKDAYS } else { days }
        }
        None => ALL_WEEKDAYS,
    };
    let time = Time {
        dates: (date("datestart", 0)?, date("datestop", LAST_DATE)?),
        day: (second("timestart", 0)?, second("timestop", DAY - 1)?),
        month_days,
        weekdays,
        local: options.has("kerneltz") || options.has("localtz"),
        contiguous: options.has("contiguous"),
    };
    match time.contiguous && !time.is_over_midnight() {
        true => Err(options.bad("--contiguous needs a --timestop before --timestart")),
        false => Ok(Arc::new(time)),
    }
}

fn decode(f: Fields<'_>) -> Result<Time, String> {
    let (start, stop, flags) = (f.u32(8), f.u32(12), f.u8(21));
    if start >= DAY || stop >= DAY {
        return Err(format!("the day from second {start} to {stop}"));
    }
    if flags & !(LOCAL | CONTIGUOUS) != 0 {
        return Err(format!("unknown flags {flags:#x}"));
    }
    let time = Time {
        dates: (f.u32(0), f.u32(4)),
        day: (start, stop),
        month_days: f.u32(16),
        weekdays: f.u8(20),
        local: flags & LOCAL != 0,
        contiguous: flags & CONTIGUOUS != 0,
    };
    match time.contiguous && !time.is_over_midnight() {
        true => Err("a span of the day that is contiguous without going over midnight".to_owned()),
        false => Ok(time),
    }
}

/// The runs of set bits from 1 to `last`.
fn runs(bits: u32, last: u32) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for day in (1..=last).filter(|day| bits >> day & 1 == 1) {
        match runs.last_mut() {
            Some((_, end)) if *end + 1 == day => *end = day,
            _ => runs.push((day, day)),
        }
    }
    runs
}

impl Time {
    fn is_over_midnight(&self) -> bool {
        self.day.0 >= self.day.1
    }

    fn asks_time_of_day(&self) -> bool {
        self.day != (0, DAY - 1)
    }

    /// Emits the tests of the day that a time (i64) lies on.
    fn lower_days(&self, cx: &mut RuleCx<'_>, time: Value) {
        let days = [
            (CalendarField::Weekday, u32::from(self.weekdays), 7),
            (CalendarField::MonthDay, self.month_days, 31),
        ];
        for (field, bits, last) in days {
            let runs = runs(bits, last);
            if runs == [(1, last)] {
                continue;
            }
            let day = cx.builder().calendar(field, time);
            cx.expect_any(&runs, true, |b, &(low, high)| b.in_range(day, low.into(), high.into()));
        }
    }

    fn asks_days(&self) -> bool {
        self.weekdays & ALL_WEEKDAYS != ALL_WEEKDAYS
            || self.month_days & ALL_MONTH_DAYS != ALL_MONTH_DAYS
    }

    fn print_month_days(&self, ordinals: bool, out: &mut String) {
        for (index, day) in (1..=31).filter(|day| self.month_days >> day & 1 == 1).enumerate() {
            let _ = write!(out, "{}{day}", if index > 0 { "," } else { "" });
            if ordinals {
                out.push_str(match day % 10 {
                    1 => "st",
                    2 => "nd",
                    3 => "rd",
                    _ => "th",
                });
            }
        }
    }

    fn print_weekdays(&self, out: &mut String) {
        let set = (1..).zip(dates::WEEKDAYS).filter(|(day, _)| self.weekdays >> day & 1 == 1);
        let names: Vec<&str> = set.map(|(_, name)| name).collect();
        out.push_str(&names.join(","));
    }
}

/// A second of the day as `hh:mm:ss`.
fn clock_time(second: u32) -> String {
    format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

impl Match for Time {
    fn extension(&self) -> &'static MatchExtension {
        &TIME
    }

    fn save(&self, out: &mut String) {
        if self.asks_time_of_day() {
            let (start, stop) = (clock_time(self.day.0), clock_time(self.day.1));
            let _ = write!(out, " --timestart {start} --timestop {stop}");
        }
        if self.month_days != ALL_MONTH_DAYS {
            out.push_str(" --monthdays ");
            self.print_month_days(false, out);
        }
        if self.weekdays != ALL_WEEKDAYS {
            out.push_str(" --weekdays ");
            self.print_weekdays(out);
        }
        for (option, date) in [("datestart", self.dates.0), ("datestop", self.dates.1)] {
            if date != 0 {
                let (day, time) = (dates::date_text(date), clock_time(date % DAY));
                let _ = write!(out, " --{option} {day}T{time}");
            }
        }
        out.push_str(if self.local { " --kerneltz" } else { "" });
        out.push_str(if self.contiguous { " --contiguous" } else { "" });
    }

    fn list(&self, out: &mut String) {
        out.push_str(" TIME");
        if self.asks_time_of_day() {
            let (start, stop) = (clock_time(self.day.0), clock_time(self.day.1));
            let _ = write!(out, " from {start} to {stop}");
        }
        if self.weekdays != ALL_WEEKDAYS {
            out.push_str(" on ");
            self.print_weekdays(out);
        }
        if self.month_days != ALL_MONTH_DAYS {
            out.push_str(" on ");
            self.print_month_days(true, out);
        }
        let shown = |date| match date {
            0 => String::new(),
            date => format!(" {} {}", dates::date_text(date), clock_time(date % DAY)),
        };
        if self.dates.0 != 0 {
            let _ = write!(out, " starting from{}", shown(self.dates.0));
        }
        if self.dates.1 != LAST_DATE {
            let _ = write!(out, " until date{}", shown(self.dates.1));
        }
        out.push_str(if self.local { "" } else { " UTC" });
        out.push_str(if self.contiguous { " contiguous" } else { "" });
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let clock = if self.local { Meta::LocalClock } else { Meta::Clock };
        let now = cx.builder().meta(clock);
        cx.expect_range(now, self.dates.0.into(), self.dates.1.into(), true);
        let (start, stop) = (u128::from(self.day.0), u128::from(self.day.1));
        if self.asks_time_of_day() {
            let second = cx.builder().calendar(CalendarField::DaySecond, now);
            if !self.is_over_midnight() {
                cx.expect_range(second, start, stop, true);
            } else if stop + 1 < start {
                cx.expect_range(second, stop + 1, start - 1, false);
            }
            if self.contiguous && self.asks_days() {
                let b = cx.builder();
                let [behind, before, done] = [b.block(), b.block(), b.block()];
                let is_behind = b.compare_const(Condition::Le, second, stop);
                b.branch(is_behind, behind, before);
                b.switch_to(behind);
                let day = b.constant(Type::I64, DAY.into());
                let yesterday = b.binary(BinaryOp::Sub, now, day);
                self.lower_days(cx, yesterday);
                cx.builder().jump(done);
                cx.builder().switch_to(before);
                self.lower_days(cx, now);
                cx.builder().jump(done);
                cx.builder().switch_to(done);
                return Ok(());
            }
        }
        self.lower_days(cx, now);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let clock = packet.packet.packet().clock;
        let west = if self.local { i64::from(clock.minutes_west) * 60 } else { 0 };
        let mut now = clock.seconds as i64 - west;
        if now < self.dates.0.into() || now > self.dates.1.into() {
            return Outcome::NoMatch;
        }
        let second = (now % i64::from(DAY)) as u32;
        let (start, stop) = self.day;
        let inside = match self.is_over_midnight() {
            false => second >= start && second <= stop,
            true => second >= start || second <= stop,
        };
        if self.contiguous && second <= stop {
            now -= i64::from(DAY);
        }
        let day = now.div_euclid(DAY.into());
        // The first day was a Thursday.
        let weekday = (day + 3).rem_euclid(7) + 1;
        let weekday = self.weekdays >> weekday & 1 == 1;
        let month_day =
            self.month_days == ALL_MONTH_DAYS || self.month_days >> dates::month_day(day) & 1 == 1;
        Outcome::of(inside && weekday && month_day)
    }
}
