//! Says which commit the sources are, for `--version`: `BPFC_COMMIT` is empty, or such as
//! ` (896e83c 2026-11-29)`.
//!
//! The day is the commit's, or `SOURCE_DATE_EPOCH`'s, so that the same sources give the same
//! program. Sources outside of a repository of their own (a tarball, a vendored copy) name no
//! commit.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SOURCE_DATE_EPOCH");
    println!("cargo::rustc-env=BPFC_COMMIT={}", commit().unwrap_or_default());
}

/// What git prints, without its end of line.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}

fn commit() -> Option<String> {
    // In another project's repository this file is not tracked.
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    let text = git(&["log", "-1", "--format=%h %ct", "--abbrev=7"])?;
    let (hash, time) = text.split_once(' ')?;
    // What moves with the commit, where it is there: a missing file would mean a new build each
    // time.
    let mut moved = vec!["HEAD".to_owned(), "logs/HEAD".to_owned(), "packed-refs".to_owned()];
    moved.extend(git(&["symbolic-ref", "-q", "HEAD"]));
    for path in moved.iter().filter_map(|name| git(&["rev-parse", "--git-path", name])) {
        if Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    let epoch = std::env::var("SOURCE_DATE_EPOCH").ok();
    let seconds = epoch.as_deref().unwrap_or(time).parse::<i64>().ok()?;
    let (year, month, day) = date(seconds.div_euclid(86_400));
    Some(format!(" ({hash} {year:04}-{month:02}-{day:02})"))
}

/// Year, month and day, so many days after 1970 began.
fn date(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that a leap day is a year's last; 719,468 days from the year 0.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}
