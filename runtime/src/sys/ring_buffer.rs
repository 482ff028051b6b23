//! The reader's side of a ring buffer that programs write into (`BPF_MAP_TYPE_RINGBUF`, Linux 5.8;
//! kernel/bpf/ringbuf.c).
//!
//! The kernel maps one page with the reader's position, which we write, and one with the writers'
//! position followed by the data, twice behind each other, so that a record at the end lies in
//! one piece. Positions only grow. A record is preceded by its length and two flags: a record that
//! is still written holds up those behind it.

use super::Map;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// `BPF_RINGBUF_BUSY_BIT`.
const BUSY: u32 = 1 << 31;
/// `BPF_RINGBUF_DISCARD_BIT`.
const DISCARDED: u32 = 1 << 30;
/// `BPF_RINGBUF_HDR_SZ`.
const HEADER: u64 = 8;

/// A mapped ring buffer. Nobody else may read from the same buffer meanwhile.
#[derive(Debug)]
pub struct RingBuffer {
    map: Map,
    reader: Mapping,
    writers: Mapping,
    page: usize,
    size: u64,
}

impl RingBuffer {
    /// Maps a ring buffer.
    pub fn open(map: Map) -> io::Result<RingBuffer> {
        let page = rustix::param::page_size();
        let size = map.max_entries();
        let reader = Mapping::new(&map, page, libc::PROT_READ | libc::PROT_WRITE, 0)?;
        let writers = Mapping::new(&map, page + 2 * size as usize, libc::PROT_READ, page)?;
        Ok(RingBuffer { map, reader, writers, page, size: size.into() })
    }

    /// The map.
    pub fn map(&self) -> &Map {
        &self.map
    }

    fn reader_position(&self) -> &AtomicU64 {
        // SAFETY: the mapping is a page, which is aligned and has room for a u64; the kernel reads
        // it atomically, and only this process writes it.
        unsafe { self.reader.address.cast::<AtomicU64>().as_ref() }
    }

    fn writers_position(&self) -> &AtomicU64 {
        // SAFETY: as above; only the kernel writes it, and we never store through it, which the
        // read-only mapping would not allow.
        unsafe { self.writers.address.cast::<AtomicU64>().as_ref() }
    }

    /// The next record that is complete, and takes it out of the buffer.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        loop {
            let at = self.reader_position().load(Ordering::Relaxed);
            if at >= self.writers_position().load(Ordering::Acquire) {
                return None;
            }
            let start = self.page + (at & (self.size - 1)) as usize;
            // SAFETY: records start at multiples of 8 within the first copy of the data, which
            // the mapping covers; the kernel writes the word atomically.
            let length = unsafe {
                self.writers.address.add(start).cast::<AtomicU32>().as_ref().load(Ordering::Acquire)
            };
            if length & BUSY != 0 {
                return None;
            }
            // No record is longer than the buffer, so that it ends within the second copy.
            let bytes = u64::from(length & !DISCARDED).min(self.size - HEADER);
            let record = (length & DISCARDED == 0).then(|| {
                // SAFETY: the record lies in the mapping, and the kernel does not write to it
                // before the reader's position has passed it.
                unsafe {
                    let data = self.writers.address.add(start + HEADER as usize);
                    std::slice::from_raw_parts(data.as_ptr(), bytes as usize).to_vec()
                }
            });
            let next = at + (bytes + HEADER).next_multiple_of(HEADER);
            self.reader_position().store(next, Ordering::Release);
            if record.is_some() {
                return record;
            }
        }
    }

    /// Waits until there is a record, at most so long; whether there is one. A signal ends the
    /// wait, too.
    pub fn wait(&self, timeout: Duration) -> io::Result<bool> {
        let mut asked =
            libc::pollfd { fd: self.map.as_fd().as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let milliseconds = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: one structure, exclusively ours.
        match unsafe { libc::poll(std::ptr::from_mut(&mut asked), 1, milliseconds) } {
            0 => Ok(false),
            1.. => Ok(true),
            _ => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => Ok(false),
                error => Err(error),
            },
        }
    }
}

/// Memory that the kernel shares.
#[derive(Debug)]
struct Mapping {
    address: NonNull<u8>,
    length: usize,
}

// SAFETY: the memory belongs to the process, not to a thread, and is unmapped once.
unsafe impl Send for Mapping {}

impl Mapping {
    fn new(map: &Map, length: usize, protection: i32, offset: usize) -> io::Result<Mapping> {
        // SAFETY: a new mapping at an address of the kernel's choice touches no memory of ours.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                protection,
                libc::MAP_SHARED,
                map.as_fd().as_raw_fd(),
                offset as libc::off_t,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let address = NonNull::new(address.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Mapping { address, length })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nothing that refers to it outlives the value.
        unsafe { libc::munmap(self.address.as_ptr().cast(), self.length) };
    }
}
