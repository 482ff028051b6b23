//! What the kernel's own log says of packets that `-j LOG` sees in a network namespace.
//!
//! The kernel lets only the first namespace write to its log unless a setting of that namespace
//! says otherwise ([`AllNamespaces`]).

use super::LabError;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

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

/// While it lives, every namespace may write to the kernel's log.
#[derive(Debug)]
pub struct AllNamespaces {
    before: String,
}

impl AllNamespaces {
    /// Changes the setting. To be called in the first namespace.
    pub fn allow() -> Result<Self, LabError> {
        let before = std::fs::read_to_string(SETTING).map_err(LabError::io(SETTING))?;
        std::fs::write(SETTING, "1").map_err(LabError::io(SETTING))?;
        Ok(Self { before })
    }
}

impl Drop for AllNamespaces {
    fn drop(&mut self) {
        let _ = std::fs::write(SETTING, &self.before);
    }
}

/// The log from the moment of opening on.
#[derive(Debug)]
pub struct KernelLog {
    file: File,
}

/// How often, and how long, [`KernelLog::expect`] waits.
const ATTEMPTS: u32 = 200;
const PAUSE: Duration = Duration::from_millis(10);

/// Bytes of a record at most (kernel/printk/printk.c, `PRINTK_MESSAGE_MAX`).
const RECORD: usize = 8192;

impl KernelLog {
    /// Opens the log at its end.
    pub fn open() -> Result<Self, LabError> {
        let file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(LOG);
        let mut file = file.map_err(LabError::io(LOG))?;
        file.seek(SeekFrom::End(0)).map_err(LabError::io(LOG))?;
        Ok(Self { file })
    }

    /// As [`KernelLog::lines`], waiting a while for so many: a line is not shown before those that
    /// other processors have begun to write.
    pub fn expect(&mut self, prefix: &str, number: usize) -> Result<Vec<String>, LabError> {
        let mut lines = self.lines(prefix)?;
        for _ in 0..ATTEMPTS {
            if lines.len() >= number {
                break;
            }
            std::thread::sleep(PAUSE);
            lines.extend(self.lines(prefix)?);
        }
        Ok(lines)
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
                // Lines were overwritten before they were read: what is missing shows in what
                // the test compares.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                Err(error) => return Err(LabError::io(LOG)(error)),
            }
        }
    }
}
