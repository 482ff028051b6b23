//! Who may change a filter: locks on directories under bpffs.
//!
//! Whoever changes a filter holds two: the directory of all filters *shared*, and the filter's own
//! directory *exclusively*. Versions of the runtime that know one lock for all filters take the
//! first exclusively; so they and this one keep each other out, while two filters are changed side
//! by side. The lock is the directory's inode's, and so it follows the directory through renames:
//!
//! - A load makes `NAME~new`, locks it, and renames it to `NAME`, which nobody else can then lock
//!   before the load is done. That there is one `NAME~new` and one `NAME` at most is what makes
//!   two loads of a name exclude each other.
//! - An unload locks `NAME` and renames it to `NAME~dead`. Who has waited for the lock finds that
//!   the name is gone, or is another directory by now, and looks again.
//!
//! Locks are taken in the order: all filters, `NAME` or `NAME~new`, `NAME~dead`. None is held while
//! the kernel verifies programs, which takes seconds.

use crate::{Error, pins};
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

/// Somebody waits for a lock that another process holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The filter; none where it is all of them.
    pub filter: Option<String>,
    /// Number and name of the process that holds the lock, where it is known.
    pub holder: Option<(u32, String)>,
}

impl std::fmt::Display for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what =
            self.filter.as_ref().map_or("all filters".into(), |name| format!("filter {name}"));
        let who = match &self.holder {
            Some((process, name)) => format!("process {process} ({name})"),
            None => "another process".to_owned(),
        };
        write!(f, "waiting for {who} to be done with {what}")
    }
}

/// How long somebody waits before it is said.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often, and how far apart, a lock is tried before its waiter is put to sleep.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_micros(100);

static TELL: OnceLock<fn(&Waiting)> = OnceLock::new();

/// Has `tell` called, in a thread of its own, when a call of this library has waited for about a
/// second for somebody else who changes the filter. It can be set once; false where it was before.
pub fn on_waiting(tell: fn(&Waiting)) -> bool {
    TELL.set(tell).is_ok()
}

/// The right to change one filter, or to read its log, until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    own: File,
    root: Option<File>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would leave the locks with a child that another thread has just forked,
        // until that runs its own program. It cannot fail for open files.
        for file in std::iter::once(&self.own).chain(&self.root) {
            let _ = rustix::fs::flock(file, FlockOperation::Unlock);
        }
    }
}

fn open_directory(path: &Path) -> Result<Option<File>, Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => Ok(Some(File::from(file))),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(error) => Err(Error::path(path)(error.into())),
    }
}

fn open_root() -> Result<File, Error> {
    let root = pins::root();
    let gone = || Error::path(root)(io::ErrorKind::NotFound.into());
    open_directory(root)?.ok_or_else(gone)
}

/// Whether what is open still is what has this name.
fn is_still(file: &File, path: &Path) -> Result<bool, Error> {
    let own = file.metadata().map_err(Error::path(path))?;
    match fs::metadata(path) {
        Ok(found) => Ok(found.ino() == own.ino() && found.dev() == own.dev()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::path(path)(error)),
    }
}

/// Takes a lock if it is free.
fn try_flock(file: &File, operation: FlockOperation, path: &Path) -> Result<bool, Error> {
    match rustix::fs::flock(file, operation) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => Ok(false),
        Err(error) => Err(Error::path(path)(error.into())),
    }
}

/// Takes a lock, shared or exclusive, and waits for it.
fn flock(file: &File, shared: bool, path: &Path, filter: Option<&str>) -> Result<(), Error> {
    let (now, wait) = match shared {
        true => (FlockOperation::NonBlockingLockShared, FlockOperation::LockShared),
        false => (FlockOperation::NonBlockingLockExclusive, FlockOperation::LockExclusive),
    };
    // Whoever changes an element of a set is done before a thread would have started.
    for _ in 0..TRIES {
        if try_flock(file, now, path)? {
            return Ok(());
        }
        std::thread::sleep(PAUSE);
    }
    let (done, over) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if over.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout)
                && let Some(tell) = TELL.get()
            {
                tell(&Waiting { filter: filter.map(str::to_owned), holder: holder(file) });
            }
        });
        let result = loop {
            match rustix::fs::flock(file, wait) {
                Err(rustix::io::Errno::INTR) => {}
                result => break result,
            }
        };
        drop(done);
        result.map_err(|error| Error::path(path)(error.into()))
    })
}

/// Who holds the lock of a directory, by `/proc/locks`: lines like
/// `1: FLOCK  ADVISORY  WRITE 1234 00:1f:5678 0 EOF`, device numbers in hexadecimal. Processes of
/// other pid namespaces have no number here.
fn holder(file: &File) -> Option<(u32, String)> {
    let found = file.metadata().ok()?;
    let (major, minor) = (rustix::fs::major(found.dev()), rustix::fs::minor(found.dev()));
    let wanted = format!("{major:02x}:{minor:02x}:{}", found.ino());
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let process = locks.lines().find_map(|line| holder_in(line, &wanted))?;
    let name = fs::read_to_string(format!("/proc/{process}/comm")).ok()?;
    Some((process, name.trim_end().to_owned()))
}

fn holder_in(line: &str, wanted: &str) -> Option<u32> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        [_, "FLOCK", _, _, process, inode, ..] if inode == wanted => process.parse().ok(),
        // What begins with an arrow waits itself.
        _ => None,
    }
}

impl Lock {
    /// Waits for the lock of the filter that lies at `path`, under whatever name; none where
    /// nothing lies there.
    pub fn wait(filter: &str, path: &Path) -> Result<Option<Lock>, Error> {
        let root = open_root()?;
        flock(&root, true, pins::root(), None)?;
        loop {
            let Some(own) = open_directory(path)? else { return Ok(None) };
            flock(&own, false, path, Some(filter))?;
            if is_still(&own, path)? {
                return Ok(Some(Lock { own, root: Some(root) }));
            }
        }
    }

    /// The lock of what lies at `path`, if it is there and nobody holds it.
    pub fn if_free(path: &Path) -> Result<Option<Lock>, Error> {
        let root = open_root()?;
        if !try_flock(&root, FlockOperation::NonBlockingLockShared, pins::root())? {
            return Ok(None);
        }
        let Some(own) = open_directory(path)? else { return Ok(None) };
        let locked = try_flock(&own, FlockOperation::NonBlockingLockExclusive, path)?;
        let locked = locked && is_still(&own, path)?;
        Ok(locked.then_some(Lock { own, root: Some(root) }))
    }

    /// Makes a directory and locks it; none where it was there, or was taken for what a dead
    /// process has left before it could be locked.
    pub fn create(filter: &str, path: &Path) -> Result<Option<Lock>, Error> {
        let root = open_root()?;
        flock(&root, true, pins::root(), None)?;
        if !pins::make_new_dir(path)? {
            return Ok(None);
        }
        let Some(own) = open_directory(path)? else { return Ok(None) };
        flock(&own, false, path, Some(filter))?;
        Ok(is_still(&own, path)?.then_some(Lock { own, root: Some(root) }))
    }

    /// The lock of a directory that is about something else than changing filters, if nobody
    /// holds it.
    pub fn of_other(path: &Path) -> Result<Option<Lock>, Error> {
        let gone = || Error::path(path)(io::ErrorKind::NotFound.into());
        let own = open_directory(path)?.ok_or_else(gone)?;
        let locked = try_flock(&own, FlockOperation::NonBlockingLockExclusive, path)?;
        Ok(locked.then_some(Lock { own, root: None }))
    }
}

/// The lock of one filter, to be taken again and again by one holder, who must not share it: two
/// threads that lock the same open directory both have it.
#[derive(Debug)]
pub(crate) struct Locker {
    root: File,
    own: File,
    filter: String,
}

/// The right to change a filter, until dropped, of a [`Locker`].
#[derive(Debug)]
pub(crate) struct Locked<'a>(&'a Locker);

impl Locker {
    /// Opens the lock of the filter of a name; none where there is no such filter.
    pub fn new(filter: &str) -> Result<Option<Locker>, Error> {
        let (root, own) = (open_root()?, open_directory(&pins::home(filter))?);
        Ok(own.map(|own| Locker { root, own, filter: filter.to_owned() }))
    }

    /// Waits for the lock. The filter may be gone when it is there: its state says so.
    pub fn lock(&mut self) -> Result<Locked<'_>, Error> {
        flock(&self.root, true, pins::root(), None)?;
        let locked = Locked(self);
        flock(&locked.0.own, false, &pins::home(&locked.0.filter), Some(&locked.0.filter))?;
        Ok(locked)
    }

    /// Whether it still is the lock of the filter of its name.
    pub fn is_current(&self) -> Result<bool, Error> {
        is_still(&self.own, &pins::home(&self.filter))
    }
}

impl Locked<'_> {
    /// As [`Locker::is_current`].
    pub fn is_current(&self) -> Result<bool, Error> {
        self.0.is_current()
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // It cannot fail for an open file.
        let _ = rustix::fs::flock(&self.0.own, FlockOperation::Unlock);
        let _ = rustix::fs::flock(&self.0.root, FlockOperation::Unlock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_found_among_locks() {
        let wanted = "00:1f:5678";
        let holds = "1: FLOCK  ADVISORY  WRITE 1234 00:1f:5678 0 EOF";
        assert_eq!(holder_in(holds, wanted), Some(1234));
        assert_eq!(holder_in("1: -> FLOCK  ADVISORY  WRITE 99 00:1f:5678 0 EOF", wanted), None);
        assert_eq!(holder_in("2: POSIX  ADVISORY  WRITE 7 00:1f:5678 0 EOF", wanted), None);
        assert_eq!(holder_in("3: FLOCK  ADVISORY  READ 7 00:1f:56789 0 EOF", wanted), None);
    }

    #[test]
    fn who_waits_says_for_what() {
        let waiting = Waiting { filter: Some("web".into()), holder: Some((7, "bpfc".into())) };
        assert_eq!(waiting.to_string(), "waiting for process 7 (bpfc) to be done with filter web");
        let waiting = Waiting { filter: None, holder: None };
        assert_eq!(waiting.to_string(), "waiting for another process to be done with all filters");
    }
}
