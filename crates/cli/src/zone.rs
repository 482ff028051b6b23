//! The local time of whoever runs the command, as localtime(3) has it: by `TZ`, otherwise by
//! /etc/localtime, otherwise UTC.

use bpfc_ir::Zone;
use std::time::{SystemTime, UNIX_EPOCH};
use tz::{TimeZone, TimeZoneRef};

/// This machine, and the environment of this process.
#[derive(Debug)]
pub struct Local;

impl Zone for Local {
    fn offset(&self, at: Option<i64>) -> i32 {
        let given = std::env::var("TZ").ok();
        let found = TimeZone::from_posix_tz(given.as_deref().unwrap_or("localtime"));
        let zone = found.as_ref().map_or(TimeZoneRef::utc(), TimeZone::as_ref);
        let now = || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
        };
        let at = at.unwrap_or_else(now);
        zone.find_local_time_type(at).map_or(0, |local| local.ut_offset())
    }
}
