//! An array map's memory in this process, shared with the programs that use it.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// `BPF_F_MMAPABLE` (Linux 5.5): the map's values can be mapped.
pub const MMAPABLE: u32 = 1 << 10;

/// The only value of an array map that was made with [`MMAPABLE`]. Offsets are checked: what lies
/// outside reads as 0 and is not written.
#[derive(Debug)]
pub struct Mapping {
    start: *mut libc::c_void,
    length: usize,
}

// SAFETY: the memory is only touched by atomic operations.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `length` bytes of a map's value.
    pub fn new(map: BorrowedFd<'_>, length: usize) -> io::Result<Mapping> {
        let length = length.max(1);
        // SAFETY: a new mapping at an address of the kernel's choice.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                map.as_raw_fd(),
                0,
            )
        };
        match start == libc::MAP_FAILED {
            true => Err(io::Error::last_os_error()),
            false => Ok(Mapping { start, length }),
        }
    }

    fn word(&self, offset: usize) -> Option<&AtomicU32> {
        let fits = offset.is_multiple_of(4) && offset.checked_add(4)? <= self.length;
        // SAFETY: the four bytes lie inside the mapping, which begins at a page, and are aligned;
        // programs and this process touch them by whole words.
        fits.then(|| unsafe { AtomicU32::from_ptr(self.start.cast::<u8>().add(offset).cast()) })
    }

    fn long(&self, offset: usize) -> Option<&AtomicU64> {
        let fits = offset.is_multiple_of(8) && offset.checked_add(8)? <= self.length;
        // SAFETY: as above, for eight bytes.
        fits.then(|| unsafe { AtomicU64::from_ptr(self.start.cast::<u8>().add(offset).cast()) })
    }

    /// A u32.
    pub fn u32(&self, offset: usize) -> u32 {
        self.word(offset).map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// Writes a u32, after everything that was written before.
    pub fn set_u32(&self, offset: usize, number: u32) {
        if let Some(word) = self.word(offset) {
            word.store(number, Ordering::Release);
        }
    }

    /// A u64.
    pub fn u64(&self, offset: usize) -> u64 {
        self.long(offset).map_or(0, |long| long.load(Ordering::Acquire))
    }

    /// Writes a u64.
    pub fn set_u64(&self, offset: usize, number: u64) {
        if let Some(long) = self.long(offset) {
            long.store(number, Ordering::Release);
        }
    }

    /// Adds to a u64, modulo 2^64, and yields what it was.
    pub fn add_u64(&self, offset: usize, number: u64) -> u64 {
        self.long(offset).map_or(0, |long| long.fetch_add(number, Ordering::AcqRel))
    }

    /// Bytes, a multiple of 4 of them from a multiple of 4 on.
    pub fn read(&self, offset: usize, length: usize) -> Vec<u8> {
        (offset..offset + length).step_by(4).flat_map(|at| self.u32(at).to_ne_bytes()).collect()
    }

    /// Writes bytes, a multiple of 4 of them to a multiple of 4.
    pub fn write(&self, offset: usize, bytes: &[u8]) {
        for (index, part) in bytes.chunks(4).enumerate() {
            let mut word = [0; 4];
            word[..part.len()].copy_from_slice(part);
            self.set_u32(offset + index * 4, u32::from_ne_bytes(word));
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and no reference into it outlives it.
        unsafe { libc::munmap(self.start, self.length) };
    }
}

/// `CLOCK_MONOTONIC` in nanoseconds: what `bpf_ktime_get_ns` tells programs.
pub fn clock() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
