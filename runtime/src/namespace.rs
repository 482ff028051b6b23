//! Which network namespace a filter belongs to.

use crate::sys;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// A network namespace, by the inode of its file in nsfs, by which it is found, and by its cookie,
/// by which it is known: an inode's number is used again when its namespace is gone, often by the
/// next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Namespace {
    device: u64,
    inode: u64,
    /// `SO_NETNS_COOKIE` (Linux 5.14), never given twice; none in what earlier versions wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cookie: Option<u64>,
}

/// `SO_NETNS_COOKIE` (include/uapi/asm-generic/socket.h).
const NETNS_COOKIE: libc::c_int = 71;

/// The calling thread's namespace's.
fn own_cookie() -> Option<u64> {
    let socket =
        socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None).ok()?;
    let mut cookie = [0; 8];
    let length =
        sys::getsockopt(socket.as_fd(), libc::SOL_SOCKET, NETNS_COOKIE, &mut cookie).ok()?;
    (length == cookie.len()).then_some(u64::from_ne_bytes(cookie))
}

const OWN: &str = "/proc/thread-self/ns/net";

impl Namespace {
    /// The calling thread's.
    pub fn current() -> io::Result<Namespace> {
        Ok(Namespace { cookie: own_cookie(), ..Namespace::of(&PathBuf::from(OWN))? })
    }

    /// True where both are the same namespace.
    pub fn is(&self, other: &Namespace) -> bool {
        let inode = (self.device, self.inode) == (other.device, other.inode);
        match (self.cookie, other.cookie) {
            (Some(own), Some(other)) => inode && own == other,
            _ => inode,
        }
    }

    /// The inode of its file.
    pub fn inode(self) -> u64 {
        self.inode
    }

    fn of(path: &PathBuf) -> io::Result<Namespace> {
        let found = fs::metadata(path)?;
        Ok(Namespace { device: found.dev(), inode: found.ino(), cookie: None })
    }

    /// Runs `action` in this namespace: here, or, where that is another one, in a thread that
    /// enters it. None where the namespace cannot be found, most likely because it is gone: then
    /// there is no process in it, and no name for it.
    pub fn run<T: Send>(self, action: impl FnOnce() -> T + Send) -> Option<T> {
        if Namespace::current().is_ok_and(|own| own.is(&self)) {
            return Some(action());
        }
        let file = self.find()?;
        std::thread::scope(|scope| {
            let thread = scope.spawn(move || {
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).ok()?;
                Namespace::current().is_ok_and(|own| own.is(&self)).then(action)
            });
            thread.join().ok().flatten()
        })
    }

    /// Its name in `/run/netns`, as `ip netns` gives it, if it has one.
    pub fn name(self) -> Option<String> {
        let mut named = fs::read_dir("/run/netns").ok()?.flatten();
        let entry =
            named.find(|entry| Namespace::of(&entry.path()).is_ok_and(|found| found.is(&self)))?;
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
            .find(|path| Namespace::of(path).is_ok_and(|found| found.is(&self)))
            .and_then(|path| File::open(path).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_used_again_is_another_namespace() {
        let first = Namespace { device: 4, inode: 7, cookie: Some(1) };
        assert!(first.is(&first));
        assert!(!first.is(&Namespace { cookie: Some(2), ..first }));
        assert!(!first.is(&Namespace { inode: 8, ..first }));
        // What an earlier version wrote has no cookie.
        let earlier: Namespace = serde_json::from_str(r#"{"device":4,"inode":7}"#).unwrap();
        assert!(first.is(&earlier) && earlier.is(&first));
    }
}
