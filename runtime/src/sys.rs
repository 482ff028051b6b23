//! `bpf(2)`: the only `unsafe` code of the project.
//!
//! Each function is one command with its arguments as safe Rust: slices instead of pointer and
//! length, [`OwnedFd`] for what the kernel opens, `io::Error` with the kernel's number for what it
//! refuses. Nothing here decides anything; reasons for people are made in [`crate::error`].
//!
//! What must hold for every command:
//! - `bpf_attr` starts as zeros, since the kernel refuses set bytes behind what it knows;
//! - each pointer in it points into a slice or a local that outlives the call, and the length
//!   beside it is that slice's;
//! - a buffer that the kernel writes to is as long as the kernel will write: sizes of map values
//!   come from the map's own `bpf_map_info`, never from a caller's word.
//!
//! File descriptors that the kernel returns have `O_CLOEXEC` set by the kernel itself.

#![allow(unsafe_code)]

mod clock;
mod ethtool;
mod link;
mod map;
mod mapping;
mod object;
mod program;
mod ring_buffer;
mod sockopt;
mod test_run;

pub use clock::minutes_west;
pub use ethtool::driver;
pub use link::{Link, LinkTarget, XdpFlags};
pub use map::{Map, MapSpec};
pub use mapping::{MMAPABLE, Mapping, clock};
pub use object::{btf_fd_of_module, get_pinned, pin};
pub use program::{LoadFailure, LoadRequest, Program, load_btf};
pub use ring_buffer::RingBuffer;
pub use sockopt::getsockopt;
pub use test_run::TestRun;

use aya_obj::generated::{bpf_attr, bpf_cmd};
use std::io;
use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};

/// A `bpf_attr` of zeros.
fn attr() -> bpf_attr {
    // SAFETY: every variant of the union consists of integers and arrays of integers, for which
    // zero bytes are a value.
    unsafe { std::mem::zeroed() }
}

/// The system call. Gives what the kernel returned, not negative.
///
/// # Safety
/// Every pointer in `attr` that `command` reads or writes must be valid for the length that
/// stands beside it for the time of the call.
unsafe fn bpf(command: bpf_cmd, attr: &mut bpf_attr) -> io::Result<i64> {
    // SAFETY: `attr` is valid for reads and writes of its whole size; the caller answers for the
    // pointers inside.
    let result = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command as libc::c_long,
            std::ptr::from_mut(attr),
            size_of::<bpf_attr>() as libc::c_uint,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The system call for a command that returns a new file descriptor.
///
/// # Safety
/// As for [`bpf`]; and `command` must return a file descriptor.
unsafe fn bpf_fd(command: bpf_cmd, attr: &mut bpf_attr) -> io::Result<OwnedFd> {
    // SAFETY: the caller's promise.
    let fd = unsafe { bpf(command, attr)? };
    // SAFETY: the kernel has just opened it for us, nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Copies a name into the kernel's 16 bytes, cut to 15; bytes that the kernel refuses in names
/// (all but letters, digits, `_` and `.`) become `_`.
fn object_name(name: &str) -> [libc::c_char; 16] {
    let mut out = [0; 16];
    for (to, from) in out.iter_mut().zip(name.bytes().take(15)) {
        let kept = if from.is_ascii_alphanumeric() || from == b'.' { from } else { b'_' };
        *to = kept as libc::c_char;
    }
    out
}

/// The name in the kernel's 16 bytes.
fn read_name(name: &[libc::c_char; 16]) -> String {
    name.iter().take_while(|c| **c != 0).map(|c| char::from(*c as u8)).collect()
}

/// The address of a slice as `bpf_attr` wants it.
fn address<T>(slice: &[T]) -> u64 {
    slice.as_ptr() as u64
}

/// The address of a slice that the kernel writes to.
fn address_mut<T>(slice: &mut [T]) -> u64 {
    slice.as_mut_ptr() as u64
}
