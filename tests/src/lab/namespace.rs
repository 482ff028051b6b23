//! Threads with a network of their own.
//!
//! A network namespace lives as long as a thread, socket, file or process refers to it. The
//! namespaces here are never named or mounted, so whatever ends a test takes them along. Isolated
//! threads have mounts of their own as well, with a BPF file system that nobody else sees: what a
//! test pins there is gone when it ends.

use super::LabError;
use crate::require;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, CpuSet, sched_setaffinity, setns, unshare};
use nix::sys::stat::{Mode, stat};
use nix::unistd::{Pid, chdir, chroot, fchdir};
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::process::Stdio;

/// Where filters are pinned.
const BPF_MOUNT: &str = "/sys/fs/bpf";

/// A network namespace, kept alive by an open file.
#[derive(Debug)]
pub struct Namespace {
    file: File,
}

impl Namespace {
    /// The calling thread's.
    pub fn current() -> Result<Self, LabError> {
        let path = "/proc/thread-self/ns/net";
        Ok(Self { file: File::open(path).map_err(LabError::io(path))? })
    }

    /// A new one, which the calling thread enters. Needs root.
    pub fn create() -> Result<Self, LabError> {
        unshare(CloneFlags::CLONE_NEWNET).map_err(LabError::errno("unshare"))?;
        let namespace = Self::current()?;
        ip("link set lo up\n")?;
        Ok(namespace)
    }

    /// Moves the calling thread into it.
    pub fn enter(&self) -> Result<(), LabError> {
        setns(&self.file, CloneFlags::CLONE_NEWNET).map_err(LabError::errno("setns"))
    }

    /// A path by which other programs can name it while this value lives.
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.file.as_raw_fd())
    }
}

/// Runs `body` on a thread of its own that starts in a new network namespace, has a BPF file system
/// of its own and stays on one processor, so that frames it sends are processed in order. Needs
/// root.
///
/// # Panics
///
/// Where `body` panics, or where the namespace cannot be made.
pub fn isolated<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            pin_to_one_processor().expect("a thread can choose its processor");
            own_bpf_mount().expect("root can mount a BPF file system");
            Namespace::create().expect("root can create a network namespace");
            body()
        });
        match thread.join() {
            Ok(value) => value,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// As [`isolated`], on any processor.
///
/// # Panics
///
/// Where `body` panics, or where the namespaces cannot be made.
pub fn alone<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            own_bpf_mount().expect("root can mount a BPF file system");
            Namespace::create().expect("root can create a network namespace");
            body()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Gives the calling thread mounts of its own, and an empty BPF file system among them.
fn own_bpf_mount() -> Result<(), LabError> {
    unshare(CloneFlags::CLONE_NEWNS).map_err(LabError::errno("unshare mounts"))?;
    make_mounts_private().map_err(LabError::errno("making mounts private"))?;
    let none: Option<&str> = None;
    mount(Some("bpf"), BPF_MOUNT, Some("bpf"), MsFlags::empty(), none)
        .map_err(LabError::errno(BPF_MOUNT))
}

/// Lets nothing that is mounted in the calling thread's mount namespace reach others, where the
/// thread shares its root and working folder with no other. Its root need be no mount point: with
/// `chroot` it is a folder somewhere below the namespace's own root, which alone can be made
/// private with all that is mounted in it.
fn make_mounts_private() -> nix::Result<()> {
    let open =
        |path| open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
    let (root, here) = (open("/")?, open(".")?);
    // Who stands outside of their root can walk up to the namespace's.
    chdir("/")?;
    chroot("proc")?;
    let place = |folder| stat(folder).map(|stat| (stat.st_dev, stat.st_ino));
    while place(".")? != place("..")? {
        chdir("..")?;
    }
    let none: Option<&str> = None;
    let made = mount(none, ".", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none);
    fchdir(root)?;
    chroot(".")?;
    fchdir(here)?;
    made
}

/// Keeps the calling thread on the processor it is on.
fn pin_to_one_processor() -> Result<(), LabError> {
    let here = nix::sched::sched_getcpu().map_err(LabError::errno("sched_getcpu"))?;
    let mut set = CpuSet::new();
    set.set(here).map_err(LabError::errno("processor set"))?;
    sched_setaffinity(Pid::from_raw(0), &set).map_err(LabError::errno("sched_setaffinity"))
}

/// Runs `ip -batch` with these lines in the calling thread's namespace.
pub fn ip(lines: &str) -> Result<(), LabError> {
    run("ip", &["-batch", "-"], lines).map(drop)
}

/// Runs `ip -6 -batch` with these lines in the calling thread's namespace.
pub fn ip6(lines: &str) -> Result<(), LabError> {
    run("ip", &["-6", "-batch", "-"], lines).map(drop)
}

/// Writes a network setting, such as `ipv4/ip_forward`, of the calling thread's namespace.
pub fn sysctl(name: &str, value: &str) -> Result<(), LabError> {
    let path = format!("/proc/sys/net/{name}");
    std::fs::write(&path, value).map_err(LabError::io(path))
}

/// Runs a tool in the calling thread's namespace with `input` as standard input and gives back
/// its standard output. An exit status other than 0 is an error.
pub fn run(tool: &str, arguments: &[&str], input: &str) -> Result<String, LabError> {
    let mut child = require::command(tool)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(LabError::io(tool))?;
    let mut stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            // A tool that stops reading early says why on its standard error.
            if let Some(stdin) = stdin.as_mut() {
                let _ = stdin.write_all(input.as_bytes());
            }
        });
        child.wait_with_output()
    })
    .map_err(LabError::io(tool))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(LabError::Tool {
        command: format!("{tool} {}", arguments.join(" ")),
        input: input.to_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
