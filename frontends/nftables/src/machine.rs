//! What only the machine that runs a ruleset knows.

use std::fmt;
use std::net::IpAddr;

/// The names and numbers of a machine that a ruleset may mention.
///
/// The crate does no I/O: its caller answers.
pub trait Machine: fmt::Debug {
    /// The index of the interface of a name.
    fn interface(&self, name: &str) -> Option<u32>;

    /// The number of the user of a name.
    fn user(&self, name: &str) -> Option<u32>;

    /// The number of the group of a name.
    fn group(&self, name: &str) -> Option<u32>;

    /// The identity of the control group (version 2) of a path below its mount.
    fn control_group(&self, path: &str) -> Option<u64>;

    /// Seconds that the local time is ahead of UTC at a time, in seconds since 1970 began in UTC,
    /// or now.
    fn utc_offset(&self, at: Option<i64>) -> i32;

    /// The addresses of a host, or why its name cannot be looked up; `None` where nobody looks.
    fn host(&self, name: &str) -> Option<Result<Vec<IpAddr>, String>>;
}

/// A machine of which nothing is known but the loopback interface, in UTC.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Machine for Nothing {
    fn interface(&self, name: &str) -> Option<u32> {
        (name == "lo").then_some(1)
    }

    fn user(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }

    fn group(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }

    fn control_group(&self, _: &str) -> Option<u64> {
        None
    }

    fn utc_offset(&self, _: Option<i64>) -> i32 {
        0
    }

    fn host(&self, _: &str) -> Option<Result<Vec<IpAddr>, String>> {
        None
    }
}
