//! Whether the bpffs at `/sys/fs/bpf` is one in which a filter stays.
//!
//! Pins live as long as the bpffs that they are in, and that lives as long as it is mounted
//! somewhere. Under `ip netns exec`, `unshare --mount` or in a container a command sees mounts of
//! its own: a bpffs that it mounted there would end with it, and the filter too, while everybody
//! believes it loaded. So bpffs is mounted only where pid 1 of the machine sees it; elsewhere one
//! that is mounted is used, or nothing is done. For the same reason nothing is said about filters
//! where the machine's bpffs is out of sight.
//!
//! What pid 1 sees is read from `/proc/1/mountinfo`, which everybody may read; two processes have
//! the same mount namespace where they have the same mounts, as a mount's number is its own.

use crate::Error;
use rustix::fs::{FlockOperation, Mode, OFlags};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Where bpffs is mounted on every system.
pub(crate) const BPFFS: &str = "/sys/fs/bpf";
/// The folder above it, locked while it is mounted, so that no two are mounted over each other.
const ABOVE: &str = "/sys/fs";
/// `BPF_FS_MAGIC`.
const MAGIC: u64 = 0xcafe_4a11;
/// `PROC_PID_INIT_INO`: the initial pid namespace (include/linux/proc_ns.h).
const FIRST_PID_NAMESPACE: u64 = 0xefff_fffc;

/// Who keeps the bpffs at `/sys/fs/bpf` of the calling thread, and so the filters in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BpffsKeeper {
    /// The machine: it is the one that pid 1 has there.
    Machine,
    /// A container: it is the one that pid 1 of this pid namespace has, which is not the machine's
    /// first. Whether it is the machine's, too, cannot be known from inside.
    Container,
    /// Other processes that see it, or whoever keeps their mount namespace.
    Others,
    /// This process: no other one is seen to have it mounted.
    Process,
}

/// A line of `/proc/PID/mountinfo`.
struct Mount<'a> {
    number: &'a str,
    /// `MAJOR:MINOR` of the file system.
    device: &'a str,
    point: &'a str,
}

fn mounts(text: &str) -> impl DoubleEndedIterator<Item = Mount<'_>> {
    text.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        let (number, _, device) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Mount { number, device, point: fields.nth(1)? })
    })
}

fn own_mounts() -> io::Result<String> {
    fs::read_to_string("/proc/thread-self/mountinfo")
}

/// True where the file system at a path is a bpffs.
pub(crate) fn is_bpffs(path: &Path) -> Result<bool, Error> {
    let found = rustix::fs::statfs(path).map_err(io::Error::from).map_err(Error::path(path))?;
    Ok(found.f_type as u64 == MAGIC)
}

fn is_mounted() -> Result<bool, Error> {
    match is_bpffs(Path::new(BPFFS)) {
        Err(Error::Path { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(false),
        found => found,
    }
}

/// Sees to it that bpffs is mounted, or says why it is not.
pub(crate) fn ensure() -> Result<(), Error> {
    if is_mounted()? {
        return Ok(());
    }
    if !sees_what_the_machine_sees() {
        return Err(Error::Bpffs(format!(
            "{BPFFS} is no bpffs in this mount namespace, and one that is mounted here would end with the \
             command, and the filter with it: {}",
            way_out()
        )));
    }
    let failed = || Error::kernel(format!("mount bpffs on {BPFFS}"));
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let above = rustix::fs::open(ABOVE, flags, Mode::empty());
    let above = above.map_err(io::Error::from).map_err(Error::path(Path::new(ABOVE)))?;
    rustix::fs::flock(&above, FlockOperation::LockExclusive)
        .map_err(io::Error::from)
        .map_err(failed())?;
    if is_mounted()? {
        return Ok(());
    }
    rustix::mount::mount("bpf", BPFFS, "bpf", rustix::mount::MountFlags::empty(), c"mode=0700")
        .map_err(io::Error::from)
        .map_err(failed())
}

/// True where a bpffs is there to be looked at, false where the machine is known to have none.
/// Where filters may be out of sight, that is the error.
pub(crate) fn look() -> Result<bool, Error> {
    let mounted = is_mounted()?;
    if !mounted && !sees_what_the_machine_sees() {
        return Err(Error::Bpffs(format!(
            "{BPFFS} is no bpffs in this mount namespace, so it cannot be known which filters are loaded: {}",
            way_out()
        )));
    }
    Ok(mounted)
}

/// Who keeps the bpffs that is mounted at `/sys/fs/bpf`; none where none is.
pub fn bpffs_keeper() -> Option<BpffsKeeper> {
    if !is_mounted().ok()? {
        return None;
    }
    let device = fs::metadata(BPFFS).ok()?.dev();
    let device = format!("{}:{}", libc::major(device), libc::minor(device));
    let first = fs::read_to_string("/proc/1/mountinfo").unwrap_or_default();
    let there = mounts(&first).rfind(|mount| mount.point == BPFFS);
    let machine = in_first_pid_namespace();
    if there.is_some_and(|mount| mount.device == device) {
        return Some(if machine { BpffsKeeper::Machine } else { BpffsKeeper::Container });
    }
    // Elsewhere there may be processes that cannot be seen.
    let alone = machine && !others_have(&device);
    Some(if alone { BpffsKeeper::Process } else { BpffsKeeper::Others })
}

/// Says in an error that filters loaded now would end with this process, as the bpffs at
/// `/sys/fs/bpf` would. A process that stays may load them all the same.
pub fn check_that_bpffs_lasts() -> Result<(), Error> {
    if bpffs_keeper() != Some(BpffsKeeper::Process) {
        return Ok(());
    }
    Err(Error::Bpffs(format!(
        "no other process has the bpffs mounted that this one sees at {BPFFS}, so it would end with the \
         command, and the filter with it: {}",
        way_out()
    )))
}

/// True where another process has a file system mounted, or may have. Its threads may have mounts
/// of their own.
fn others_have(device: &str) -> bool {
    let own = std::process::id().to_string();
    let Ok(processes) = numbers(Path::new("/proc")) else { return true };
    processes.iter().filter(|process| !process.ends_with(&own)).any(|process| {
        let Ok(threads) = numbers(&process.join("task")) else { return false };
        threads.iter().any(|thread| match fs::read_to_string(thread.join("mountinfo")) {
            Ok(text) => mounts(&text).any(|mount| mount.device == device),
            // Others' processes may be hidden; one that has just ended or is ending has nothing.
            Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
        })
    })
}

/// The entries of a folder that are numbers.
fn numbers(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name();
        name.to_str()?.bytes().all(|byte| byte.is_ascii_digit()).then(|| entry.path())
    });
    Ok(entries.collect())
}

/// The initial pid namespace has no ancestor, so that a `/proc` that knows this process is its own.
fn in_first_pid_namespace() -> bool {
    fs::metadata("/proc/self/ns/pid").is_ok_and(|found| found.ino() == FIRST_PID_NAMESPACE)
}

/// True where this thread has the mount namespace and the root of the machine's pid 1. False also
/// where that cannot be known.
fn sees_what_the_machine_sees() -> bool {
    let (Ok(first), Ok(own)) = (fs::read_to_string("/proc/1/mountinfo"), own_mounts()) else {
        return false;
    };
    in_first_pid_namespace() && same_root(&first, &own)
}

fn same_root(first: &str, own: &str) -> bool {
    let root = |text| mounts(text).rfind(|mount| mount.point == "/").map(|mount| mount.number);
    root(own).is_some_and(|number| root(first) == Some(number))
}

/// What to do where the machine's bpffs is out of sight.
fn way_out() -> String {
    let namespace = crate::namespace::Namespace::current().ok();
    match namespace.and_then(crate::namespace::Namespace::name) {
        Some(name) => format!(
            "`nsenter --net=/run/netns/{name} bpfc ...` instead of `ip netns exec {name} bpfc ...` keeps the \
             machine's mounts"
        ),
        None => format!(
            "run it with the machine's mounts (`nsenter --net=/run/netns/NAME bpfc ...` enters a network \
             namespace alone), give a container the machine's {BPFFS}, or first mount a bpffs there that lasts \
             (`mount -t bpf bpf {BPFFS}`)"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "22 27 0:21 / /proc rw,relatime - proc proc rw\n\
                         27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
                         45 23 0:39 / /sys/fs/bpf rw,relatime - bpf bpf rw,mode=700\n";

    #[test]
    fn mounts_are_read() {
        let found: Vec<(&str, &str, &str)> =
            mounts(FIRST).map(|mount| (mount.number, mount.device, mount.point)).collect();
        assert_eq!(found[1..], [("27", "254:0", "/"), ("45", "0:39", "/sys/fs/bpf")]);
    }

    #[test]
    fn a_root_is_known_by_its_number() {
        assert!(same_root(FIRST, FIRST));
        // A copy of the mounts has numbers of its own, and a chroot another root or none.
        assert!(!same_root(FIRST, &FIRST.replace("27 1", "90 1")));
        assert!(!same_root(FIRST, "45 23 0:39 / / rw,relatime - bpf bpf rw\n"));
        assert!(!same_root(FIRST, ""));
        assert!(!same_root("", ""));
    }
}
