//! Which network namespace a filter belongs to.

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// A network namespace, by the inode of its file in nsfs. A number may be used again when the
/// namespace is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Namespace {
    device: u64,
    inode: u64,
}

const OWN: &str = "/proc/thread-self/ns/net";

impl Namespace {
    /// The calling thread's.
    pub fn current() -> io::Result<Namespace> {
        Namespace::of(&PathBuf::from(OWN))
    }

    fn of(path: &PathBuf) -> io::Result<Namespace> {
        let found = fs::metadata(path)?;
        Ok(Namespace { device: found.dev(), inode: found.ino() })
    }

    /// Runs `action` in this namespace: here, or, where that is another one, in a thread that
    /// enters it. None where the namespace cannot be found, most likely because it is gone: then
    /// there is no process in it, and no name for it.
    pub fn run<T: Send>(self, action: impl FnOnce() -> T + Send) -> Option<T> {
        if Namespace::current().is_ok_and(|own| own == self) {
            return Some(action());
        }
        let file = self.find()?;
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).ok()?;
                Some(action())
            });
            thread.join().ok().flatten()
        })
    }

    /// Its name in `/run/netns`, as `ip netns` gives it, if it has one.
    pub fn name(self) -> Option<String> {
        let mut named = fs::read_dir("/run/netns").ok()?.flatten();
        let entry =
            named.find(|entry| Namespace::of(&entry.path()).is_ok_and(|found| found == self))?;
        entry.file_name().into_string().ok()
    }

    /// A file of this namespace: one with a name (`ip netns`), or a process's.
    fn find(self) -> Option<File> {
        let named = fs::read_dir("/run/netns").into_iter().flatten();
        let named = named.filter_map(|entry| Some(entry.ok()?.path()));
        let processes = fs::read_dir("/proc").into_iter().flatten();
        let processes = processes.filter_map(|entry| {
            let path = entry.ok()?.path();
            let number = path.file_name()?.to_str()?;
            number.bytes().all(|byte| byte.is_ascii_digit()).then(|| path.join("ns/net"))
        });
        named
            .chain(processes)
            .find(|path| Namespace::of(path).is_ok_and(|found| found == self))
            .and_then(|path| File::open(path).ok())
    }
}
