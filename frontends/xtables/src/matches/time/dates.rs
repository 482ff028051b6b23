//! Dates, times and lists of days as iptables reads and prints them (extensions/libxt_time.c of
//! iptables 1.8.9).

use crate::text::c_number;

/// From 1, Monday, on.
pub(super) const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of_year(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_of_month(year: i64, month: usize) -> i64 {
    MONTHS[month] + i64::from(month == 1 && is_leap(year))
}

/// Year, month from 0 and day from 1 of a day counted from 1970, not before it.
fn calendar(mut day: i64) -> (i64, usize, i64) {
    let (mut year, mut month) = (1970, 0);
    while day >= days_of_year(year) {
        day -= days_of_year(year);
        year += 1;
    }
    while day >= days_of_month(year, month) {
        day -= days_of_month(year, month);
        month += 1;
    }
    (year, month, day + 1)
}

/// The day of the month of a day counted from 1970.
pub(super) fn month_day(day: i64) -> i64 {
    calendar(day.max(0)).2
}

/// The date of a second as `yyyy-mm-dd`.
pub(super) fn date_text(second: u32) -> String {
    let (year, month, day) = calendar(i64::from(second) / 86_400);
    format!("{year:04}-{:02}-{day:02}", month + 1)
}

/// Decimal digits, 0 where there are none, and what follows them.
fn digits(text: &str) -> (u64, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (text[..end].parse().unwrap_or(if end == 0 { 0 } else { u64::MAX }), &text[end..])
}

/// Numbers with separators between them, as many as there are of the latter and one more at most.
/// Each has its greatest value.
fn numbers(text: &str, separators: &[char], greatest: &[u64]) -> Option<Vec<i64>> {
    let mut rest = text;
    let mut found = Vec::new();
    for (index, &most) in greatest.iter().enumerate() {
        let (number, behind) = digits(rest);
        if number > most {
            return None;
        }
        found.push(number as i64);
        if behind.is_empty() {
            return Some(found);
        }
        rest = behind.strip_prefix(*separators.get(index)?)?;
    }
    None
}

/// `YYYY[-MM[-DD[Thh[:mm[:ss]]]]]` from 1970 to 2038 as seconds since 1970; days beyond a month's
/// end are days of the next.
pub(super) fn date(text: &str) -> Result<u32, String> {
    let bad = || format!("'{text}' is not YYYY[-MM[-DD[Thh[:mm[:ss]]]]], from 1970 to 2038");
    let separators = ['-', '-', 'T', ':', ':'];
    let found = numbers(text, &separators, &[2038, 12, 31, 23, 59, 59]).ok_or_else(bad)?;
    let part = |index: usize, missing| found.get(index).copied().unwrap_or(missing);
    let (mut year, mut month) = (part(0, 0), part(1, 1) - 1);
    if year < 1970 {
        return Err(bad());
    }
    if month < 0 {
        (year, month) = (year - 1, 11);
    }
    let years: i64 = (1970..year).map(days_of_year).sum::<i64>()
        - if year < 1970 { days_of_year(year) } else { 0 };
    let months: i64 = (0..month as usize).map(|month| days_of_month(year, month)).sum();
    let days = years + months + part(2, 1) - 1;
    let seconds = days * 86_400 + part(3, 0) * 3_600 + part(4, 0) * 60 + part(5, 0);
    u32::try_from(seconds).map_err(|_| bad())
}

/// `hh:mm[:ss]` as seconds of the day.
pub(super) fn day_time(text: &str) -> Result<u32, String> {
    match numbers(text, &[':', ':'], &[23, 59, 59]).as_deref() {
        Some(&[hour, minute]) => Ok((hour * 3_600 + minute * 60) as u32),
        Some(&[hour, minute, second]) => Ok((hour * 3_600 + minute * 60 + second) as u32),
        _ => Err(format!("'{text}' is not hh:mm[:ss], from 00:00:00 to 23:59:59")),
    }
}

/// The parts of a list as iptables cuts them: a comma at the end leaves none, and only so many
/// characters of each are read.
fn parts(text: &str, length: usize) -> impl Iterator<Item = &str> {
    let text = text.strip_suffix(',').unwrap_or(text);
    let cut = move |part: &str| part.char_indices().nth(length).map_or(part.len(), |(at, _)| at);
    text.split(',').filter(move |_| !text.is_empty()).map(move |part| &part[..cut(part)])
}

/// Days of the month with commas between them, as bits.
pub(super) fn month_days(text: &str) -> Result<u32, String> {
    let day = |part: &str| match c_number(part) {
        _ if part.is_empty() => Ok(0),
        Some((day @ 0..=31, "")) => Ok(day),
        _ => Err(format!("'{part}' is no day of a month")),
    };
    parts(text, 2).try_fold(0, |days, part| Ok(days | 1 << day(part)?))
}

/// Days of the week with commas between them, as bits: numbers from 1, Monday, on, or names of
/// which the first two letters count.
pub(super) fn weekdays(text: &str) -> Result<u8, String> {
    let day = |part: &str| match c_number(part) {
        Some((day @ 1..=7, "")) => Ok(day as u8),
        _ => {
            let found = WEEKDAYS.iter().position(|name| part.get(..2) == name.get(..2));
            found.map(|index| index as u8 + 1).ok_or(format!("'{part}' is no day of the week"))
        }
    };
    parts(text, 3).try_fold(0, |days, part| Ok(days | 1 << day(part)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_mktime_makes_them() {
        assert_eq!(date("1970"), Ok(0));
        assert_eq!(date("2001-02-03T04:05:06"), Ok(981_173_106));
        assert_eq!(date("2030-02-31T23:59:59"), date("2030-03-03T23:59:59"));
        assert_eq!(date("1971-0"), date("1970-12"));
        assert_eq!(date("2024-3"), date("2024-02-30"));
        for text in ["1969", "2039", "2000-13", "2000-1-32", "2000-1-1 1", "x", "", "1970-0"] {
            assert!(date(text).is_err(), "{text}");
        }
    }

    #[test]
    fn days_have_their_names_and_numbers() {
        assert_eq!(day_time("1:02"), Ok(3_720));
        assert_eq!(day_time("23:59:59"), Ok(86_399));
        assert!(day_time("24:00").is_err() && day_time("12").is_err());
        assert_eq!(month_days("1,22,3,"), Ok(1 << 1 | 1 << 22 | 1 << 3));
        assert!(month_days("32").is_err() && month_days("x").is_err());
        assert_eq!(weekdays("1,Tu,Wednesday"), Ok(0b1110));
        assert!(weekdays("0").is_err() && weekdays("mon").is_err() && weekdays("M").is_err());
    }

    #[test]
    fn the_calendar_agrees_with_itself_and_the_programs() {
        use bpfc_ir::CalendarField;
        for day in 0..25_567i64 {
            let text = date_text(day as u32 * 86_400);
            assert!(date(&text).is_ok_and(|second| second == day as u32 * 86_400) || day > 25_000);
            let field = CalendarField::MonthDay.of(day as u64 * 86_400 + 5);
            assert_eq!(i64::from(field), month_day(day));
        }
    }
}
