//! What a filter's rules log: a stream of records out of its ring buffer.

mod fingerprint;
mod line;
mod record;

pub use record::{LinkHeader, LogInterface, LogKind, LogRecord};

use crate::home::Home;
use crate::lock::Lock;
use crate::state::Generation;
use crate::sys::{Map, RingBuffer};
use crate::{Error, pins};
use bpfc_artifact::log;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant, SystemTime};

/// How often a reader that waits looks whether the filter was replaced or unloaded.
const LOOK: Duration = Duration::from_millis(250);

/// Reads a filter's log records in the order in which they were written.
///
/// A record is read once: it is the reader's, and gone from the buffer. So one reader at a time
/// has a filter's log; a second one is refused until the first is dropped or its process ends.
/// Records wait in the buffer, a mebibyte, while nobody reads; one that finds no room is counted
/// ([`LogReader::lost`]). A replacement of the filter keeps buffer, records and count, if the new
/// rules log as well.
#[derive(Debug)]
pub struct LogReader {
    name: String,
    buffer: RingBuffer,
    lost: Map,
    generation: u32,
    /// When it was last looked whether the filter was replaced or unloaded.
    looked: Instant,
    _lock: Lock,
}

/// How many log records found no room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLost {
    /// Since the filter was loaded, replacements included.
    pub total: u64,
    /// By label of the rule, since the last replacement.
    pub rules: Vec<(String, u64)>,
}

/// The maps of a generation that logs.
struct Maps {
    buffer: Map,
    lost: Map,
}

fn maps(home: &Home, generation: Generation) -> Result<Option<Maps>, Error> {
    let (buffer, lost) = (home.map(generation, log::BUFFER)?, home.map(generation, log::LOST)?);
    Ok(buffer.zip(lost).map(|(buffer, lost)| Maps { buffer, lost }))
}

fn no_log(name: &str) -> Error {
    Error::Options(format!("no rule of filter {name} logs"))
}

fn read_count(map: &Map) -> Result<u64, Error> {
    let value = map.lookup(&0u32.to_ne_bytes()).map_err(Error::kernel("read the lost records"))?;
    Ok(value.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes)))
}

/// What the rules of a generation have lost.
pub(crate) fn lost(home: &Home, generation: Generation) -> Result<LogLost, Error> {
    let maps = maps(home, generation)?.ok_or_else(|| no_log(&home.name))?;
    let mut rules = Vec::new();
    if let Some(sites) = home.map(generation, log::SITES)? {
        for number in 0..sites.max_entries() {
            let entry = sites.lookup(&number.to_ne_bytes());
            let entry = entry.map_err(Error::kernel("read the lost records"))?;
            let label = entry.get(log::LABEL - log::SITE..log::SITE_SIZE).unwrap_or_default();
            let count = entry.get(log::SITE_LOST..).and_then(|bytes| bytes.first_chunk());
            let count = count.map_or(0, |bytes| u64::from_ne_bytes(*bytes));
            rules.push((log::text(label), count));
        }
    }
    Ok(LogLost { total: read_count(&maps.lost)?, rules })
}

impl LogReader {
    /// The reader of a filter's log.
    pub(crate) fn open(home: &Home) -> Result<LogReader, Error> {
        let lock = home.lock_log()?.ok_or_else(|| {
            Error::Options(format!(
                "the log of filter {} is being read by another process",
                home.name
            ))
        })?;
        let generation = home.state.read()?.target;
        let id = home.generation_id(generation)?;
        let maps = maps(home, generation)?.ok_or_else(|| no_log(&home.name))?;
        let (Some(id), Maps { buffer, lost }) = (id, maps) else { return Err(no_log(&home.name)) };
        let buffer = RingBuffer::open(buffer).map_err(Error::kernel("map the log's buffer"))?;
        let (name, looked) = (home.name.clone(), Instant::now());
        Ok(LogReader { name, buffer, lost, generation: id, looked, _lock: lock })
    }

    /// The next record. Blocks up to the timeout (`None`: for ever); `Ok(None)` on timeout. To
    /// wait for other things meanwhile, see the descriptor that `AsFd` gives.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the filter was unloaded, and [`Error::Options`] when it was
    /// replaced by one whose rules do not log; records that were left have been given before.
    pub fn next(&mut self, timeout: Option<Duration>) -> Result<Option<LogRecord>, Error> {
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            while let Some(bytes) = self.buffer.take() {
                // What is no record of this version comes from another one.
                if let Some(record) = LogRecord::read(&bytes, booted()) {
                    return Ok(Some(record));
                }
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left != Some(Duration::ZERO) {
                let wait = left.map_or(LOOK, |left| left.min(LOOK)).max(Duration::from_millis(1));
                if self.buffer.wait(wait).map_err(Error::kernel("wait for the log"))? {
                    continue;
                }
            } else if self.looked.elapsed() < LOOK {
                return Ok(None);
            }
            self.follow()?;
        }
    }

    /// Goes over to the buffer of a filter that has replaced this one, if it is another buffer.
    fn follow(&mut self) -> Result<(), Error> {
        self.looked = Instant::now();
        let home = Home::open(&self.name, pins::home(&self.name))?;
        let home = home.ok_or_else(|| Error::NotFound(self.name.clone()))?;
        let generation = home.state.read()?.target;
        let Some(id) = home.generation_id(generation)? else { return Ok(()) };
        if id == self.generation {
            return Ok(());
        }
        let Maps { buffer, lost } = maps(&home, generation)?.ok_or_else(|| no_log(&self.name))?;
        let number = |map: &Map| map.id().map_err(Error::kernel("ask about the log's buffer"));
        if number(&buffer)? != number(self.buffer.map())? {
            self.buffer =
                RingBuffer::open(buffer).map_err(Error::kernel("map the log's buffer"))?;
        }
        self.lost = lost;
        self.generation = id;
        Ok(())
    }

    /// How many records found no room since the filter was loaded.
    pub fn lost(&self) -> Result<u64, Error> {
        read_count(&self.lost)
    }
}

/// The ring buffer's descriptor, for whoever waits for other things as well (`poll`, `epoll`).
///
/// It is readable while there is something in the buffer. That may be a record which a processor is
/// still writing: [`LogReader::next`] with a timeout of zero then gives none. A waiter is woken by
/// a record that comes when all before it have been read; so where only edges are told
/// (`EPOLLET`), `next` is to be called until it gives none before waiting again.
///
/// Nothing wakes a waiter when the filter is replaced or unloaded: `next` finds out when it is
/// called, so it should be called from time to time. A filter that was unloaded and loaded again
/// has another buffer, to which `next` goes over: the descriptor is to be asked for anew before
/// each wait.
impl AsFd for LogReader {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.buffer.map().as_fd()
    }
}

/// When the system started, by the clock of now.
fn booted() -> SystemTime {
    let since = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let since = Duration::new(since.tv_sec.unsigned_abs(), since.tv_nsec as u32);
    SystemTime::now().checked_sub(since).unwrap_or(SystemTime::UNIX_EPOCH)
}
