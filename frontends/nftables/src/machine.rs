//! What only the machine that runs a ruleset knows.

use std::fmt;

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

    /// Seconds that the local time is ahead of UTC.
    fn utc_offset(&self) -> i32;
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

    fn utc_offset(&self) -> i32 {
        0
    }
}
