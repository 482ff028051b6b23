//! Options that the running kernel was built with, as programs ask for them.
//!
//! They lie in a map that programs may only read and that nobody can change, so that the verifier
//! takes them for constants and removes the code that is for other kernels.

use crate::Error;
use crate::sys::{Map, MapSpec};
use bpfc_artifact::MapKind;
use rustix::time::{ClockId, clock_getres};
use std::os::fd::{AsFd as _, AsRawFd as _, RawFd};

/// `BPF_F_RDONLY_PROG`, Linux 5.2.
pub(crate) const PROGRAMS_READ_ONLY: u32 = 1 << 7;
const NANOSECONDS: u64 = 1_000_000_000;

/// The options that are known, in a map.
#[derive(Debug)]
pub(crate) struct Options(Map);

impl Options {
    /// Finds out about the running kernel.
    pub fn ask() -> Result<Options, Error> {
        let failed = "make a map of kernel options";
        let spec = MapSpec {
            name: "kconfig",
            kind: MapKind::Array.number(),
            key_size: 4,
            value_size: 4,
            max_entries: 1,
            flags: PROGRAMS_READ_ONLY,
        };
        let map = Map::create(&spec, None).map_err(Error::kernel(failed))?;
        map.update(&[0; 4], &ticks_per_second().to_ne_bytes()).map_err(Error::kernel(failed))?;
        map.freeze().map_err(Error::kernel(failed))?;
        Ok(Options(map))
    }

    /// The map, and the offset of an option in its entry.
    pub fn place(&self, name: &str) -> Result<(RawFd, i32), Error> {
        match name {
            "CONFIG_HZ" => Ok((self.0.as_fd().as_raw_fd(), 0)),
            other => Err(Error::Artifact(format!("it asks for the unknown kernel option {other}"))),
        }
    }
}

/// `HZ`: a coarse clock's resolution is a tick (kernel/time/posix-timers.c,
/// `posix_get_coarse_res`).
pub(crate) fn ticks_per_second() -> u32 {
    let resolution = clock_getres(ClockId::RealtimeCoarse);
    let nanoseconds = resolution.tv_sec as u64 * NANOSECONDS + resolution.tv_nsec as u64;
    let nanoseconds = nanoseconds.max(1);
    ((NANOSECONDS + nanoseconds / 2) / nanoseconds) as u32
}
