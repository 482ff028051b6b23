//! What the kernel's own log says of packets that `-j LOG` sees in a network namespace.
//!
//! The kernel lets only the first namespace write to its log unless a setting of that namespace
//! says otherwise. Setting and log are the whole machine's: whoever reads lines has the log to
//! itself ([`Turn`]), and is told where others have overwritten lines that were not read yet.

use super::LabError;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

/// Visible in the first network namespace alone.
const SETTING: &str = "/proc/sys/net/netfilter/nf_log_all_netns";
const LOG: &str = "/dev/kmsg";

/// Why the log cannot be used here, or `None` where it can.
pub fn lack() -> Option<String> {
    let writable = OpenOptions::new().write(true).open(SETTING);
    let lack = |path: &str, error: std::io::Error| Some(format!("{path}: {error}"));
    match (writable, File::open(LOG)) {
        (Err(error), _) => lack(SETTING, error),
        (_, Err(error)) => lack(LOG, error),
        _ => None,
    }
}

/// A user of the log among all tests of this machine; while there is one, every namespace may write
/// to the log. The first one notes in a file what the setting was, and the last one puts it back.
#[derive(Debug)]
pub struct AllNamespaces {
    users: File,
}

impl AllNamespaces {
    /// Changes the setting. To be called in the first namespace.
    pub fn allow() -> Result<Self, LabError> {
        let mut users = lock_file("users")?;
        if users.try_lock().is_ok() {
            let before = std::fs::read(SETTING).map_err(LabError::io(SETTING))?;
            users
                .set_len(0)
                .and_then(|()| users.write_all(&before))
                .map_err(LabError::io("lock"))?;
        }
        users.lock_shared().map_err(LabError::io("lock"))?;
        std::fs::write(SETTING, "1").map_err(LabError::io(SETTING))?;
        Ok(Self { users })
    }
}

impl Drop for AllNamespaces {
    fn drop(&mut self) {
        // Whoever has the lock in between changes it back.
        if self.users.unlock().is_ok() && self.users.try_lock().is_ok() {
            let mut before = Vec::new();
            let _ = self.users.rewind();
            if self.users.read_to_end(&mut before).is_ok() {
                let _ = std::fs::write(SETTING, before);
            }
        }
    }
}

/// The right to write lines that are read: one holder at a time among all tests of this machine,
/// since the kernel keeps a hundred kilobytes, which must be read before they are overwritten, and
/// lines of traces and fingerprints do not say whose they are.
#[derive(Debug)]
pub struct Turn {
    _lock: File,
}

impl Turn {
    /// Waits for the others.
    pub fn take() -> Result<Self, LabError> {
        let lock = lock_file("turn")?;
        lock.lock().map_err(LabError::io("lock"))?;
        Ok(Self { _lock: lock })
    }
}

/// Opens a file that stands for something of the whole machine.
fn lock_file(what: &str) -> Result<File, LabError> {
    let path = std::env::temp_dir().join(format!("bpfc-tests-log-{what}.lock"));
    let file = File::options().create(true).truncate(false).read(true).write(true).open(&path);
    file.map_err(LabError::io(path.display().to_string()))
}

/// The log from the moment of opening on.
#[derive(Debug)]
pub struct KernelLog {
    file: File,
    /// Whether lines were overwritten before they were read.
    overwritten: bool,
}

/// How long [`KernelLog::expect`] waits in all, and at a time.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(1);

/// Bytes of a record at most (kernel/printk/printk.c, `PRINTK_MESSAGE_MAX`).
const RECORD: usize = 8192;

impl KernelLog {
    /// Opens the log at its end.
    pub fn open() -> Result<Self, LabError> {
        let file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(LOG);
        let mut file = file.map_err(LabError::io(LOG))?;
        file.seek(SeekFrom::End(0)).map_err(LabError::io(LOG))?;
        Ok(Self { file, overwritten: false })
    }

    /// As [`KernelLog::lines`], waiting a while for so many: a line is not shown before those that
    /// other processors have begun to write.
    pub fn expect(&mut self, prefix: &str, number: usize) -> Result<Vec<String>, LabError> {
        let start = Instant::now();
        let mut lines = self.lines(prefix)?;
        while lines.len() < number && !self.overwritten && start.elapsed() < PATIENCE {
            std::thread::sleep(PAUSE);
            lines.extend(self.lines(prefix)?);
        }
        Ok(lines)
    }

    /// Whether lines are missing since the last time that this was asked, as others have written so
    /// many that they were overwritten: what was read cannot be compared.
    pub fn is_overwritten(&mut self) -> bool {
        std::mem::take(&mut self.overwritten)
    }

    /// The lines since the last call that begin with a prefix.
    pub fn lines(&mut self, prefix: &str) -> Result<Vec<String>, LabError> {
        let mut lines = Vec::new();
        let mut record = vec![0; RECORD];
        loop {
            match self.file.read(&mut record) {
                Ok(length) => {
                    let text = String::from_utf8_lossy(&record[..length]);
                    let line = text.split_once(';').map_or("", |(_, line)| line);
                    let line = line.split('\n').next().unwrap_or("");
                    if line.starts_with(prefix) {
                        lines.push(line.to_owned());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(lines),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => self.overwritten = true,
                Err(error) => return Err(LabError::io(LOG)(error)),
            }
        }
    }
}
