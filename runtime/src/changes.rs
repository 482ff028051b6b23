//! Tells when what rulesets are read from changes: files, and what the kernel holds.
//!
//! ```no_run
//! # fn main() -> std::io::Result<()> {
//! let mut changes = bpfc_runtime::Changes::new();
//! changes.follow_nftables()?;
//! changes.follow_files([bpfc_runtime::Followed::File("/etc/nftables.conf".into())])?;
//! let changed = changes.wait(None, None)?;
//! println!("{changed:?}");
//! # Ok(())
//! # }
//! ```
//!
//! What is told comes behind the change: whoever reads first and asks afterwards ([`Changes::now`])
//! knows that nothing changed while it was read. nf_tables and devices tell of themselves
//! (`NFNLGRP_NFTABLES`, `RTNLGRP_LINK`), files by inotify. The legacy tables and ipset tell
//! nothing: they are looked at, at most once in each second.
//!
//! The kernel's part is that of the network namespace of the thread that asks for it.

mod files;
mod links;
mod nftables;
mod tables;

pub use files::Followed;

use bpfc_artifact::Family;
use files::Files;
use links::Links;
use nftables::Tables as NfTables;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io;
use std::ops::BitOrAssign;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};
use tables::Looked;

/// How often the legacy tables and ipset are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// A file, or a folder's content.
    pub files: bool,
    /// The ruleset of nf_tables, by others than the runtime.
    pub nftables: bool,
    /// A legacy table, or a set of ipset.
    pub tables: bool,
    /// Which devices there are, by number and name.
    pub links: bool,
    /// Nothing: the caller's own descriptor can be read.
    pub own: bool,
}

impl Changed {
    /// Whether a ruleset may read differently now.
    pub fn rulesets(self) -> bool {
        self.files || self.nftables || self.tables
    }

    fn any(self) -> bool {
        self != Changed::default()
    }
}

impl BitOrAssign for Changed {
    fn bitor_assign(&mut self, other: Changed) {
        self.files |= other.files;
        self.nftables |= other.nftables;
        self.tables |= other.tables;
        self.links |= other.links;
        self.own |= other.own;
    }
}

/// What is followed, and what is known of it.
#[derive(Debug, Default)]
pub struct Changes {
    files: Option<Files>,
    nftables: Option<NfTables>,
    links: Option<Links>,
    looked: Vec<Looked>,
    /// When those are looked at next.
    next_look: Option<Instant>,
    /// What has changed and has not been told.
    untold: Changed,
}

impl Changes {
    /// Follows nothing yet.
    pub fn new() -> Changes {
        Changes::default()
    }

    /// Follows these files and folders, and no others any more.
    ///
    /// # Errors
    /// Where inotify has no more to give (`fs.inotify.max_user_instances`, `max_user_watches`), or
    /// a folder on the way must not be searched.
    pub fn follow_files(&mut self, files: impl IntoIterator<Item = Followed>) -> io::Result<()> {
        let followed = match self.files.take() {
            Some(followed) => followed,
            None => Files::new()?,
        };
        self.files.insert(followed).follow(files.into_iter().collect())
    }

    /// Follows the ruleset of nf_tables.
    ///
    /// # Errors
    /// Where the kernel has no nf_tables, or the process no CAP_NET_ADMIN.
    pub fn follow_nftables(&mut self) -> io::Result<()> {
        self.nftables = Some(NfTables::new()?);
        Ok(())
    }

    /// Follows which devices there are.
    ///
    /// # Errors
    /// Where the kernel tells nothing.
    pub fn follow_links(&mut self) -> io::Result<()> {
        self.links = Some(Links::new()?);
        Ok(())
    }

    /// Follows the legacy tables of a family.
    pub fn follow_iptables(&mut self, family: Family) {
        self.look_at(Looked::tables(family));
    }

    /// Follows the sets of ipset.
    pub fn follow_ipset(&mut self) {
        self.look_at(Looked::sets());
    }

    fn look_at(&mut self, looked: Looked) {
        self.looked.push(looked);
        self.next_look = Some(Instant::now() + LOOK);
    }

    /// What has changed since the last question, without waiting. A file that somebody is writing
    /// counts as changed once it is closed; while it is open [`Changes::is_being_written`] is true.
    ///
    /// # Errors
    /// Where a descriptor cannot be read.
    pub fn now(&mut self) -> io::Result<Changed> {
        self.read()?;
        Ok(std::mem::take(&mut self.untold))
    }

    /// Reads what the kernel has told since.
    fn read(&mut self) -> io::Result<()> {
        self.untold.files |= self.files.as_mut().map_or(Ok(false), Files::changed)?;
        self.untold.nftables |= self.nftables.as_mut().map_or(Ok(false), NfTables::changed)?;
        self.untold.links |= self.links.as_mut().map_or(Ok(false), Links::changed)?;
        Ok(())
    }

    /// Whether somebody writes into a file that is followed: what is read now may be half of it.
    pub fn is_being_written(&self) -> bool {
        self.files.as_ref().is_some_and(Files::is_being_written)
    }

    /// Waits until something has changed, `own` can be read, or the time is over; then nothing is
    /// told. As long as a file is being written nothing else of rulesets is told; it is later.
    ///
    /// # Errors
    /// Where a descriptor cannot be read.
    pub fn wait(
        &mut self,
        timeout: Option<Duration>,
        own: Option<BorrowedFd<'_>>,
    ) -> io::Result<Changed> {
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            self.read()?;
            if self.next_look.is_some_and(|next| next <= Instant::now()) {
                for looked in &mut self.looked {
                    self.untold.tables |= looked.changed();
                }
                self.next_look = Some(Instant::now() + LOOK);
            }
            let found = self.untold;
            if found.own || found.links || (found.any() && !self.is_being_written()) {
                return Ok(std::mem::take(&mut self.untold));
            }
            let now = Instant::now();
            if end.is_some_and(|end| end <= now) {
                return Ok(Changed::default());
            }
            let until = [end, self.next_look].into_iter().flatten().min();
            self.untold.own =
                self.sleep(until.map(|until| until.saturating_duration_since(now)), own)?;
        }
    }

    /// Sleeps until a descriptor can be read; true where it is the caller's.
    fn sleep(&self, time: Option<Duration>, own: Option<BorrowedFd<'_>>) -> io::Result<bool> {
        let descriptors = [
            own,
            self.files.as_ref().map(AsFd::as_fd),
            self.nftables.as_ref().map(AsFd::as_fd),
            self.links.as_ref().map(AsFd::as_fd),
        ];
        let mut asked: Vec<PollFd<'_>> = descriptors
            .into_iter()
            .flatten()
            .map(|descriptor| PollFd::from_borrowed_fd(descriptor, PollFlags::IN))
            .collect();
        let time = time.map(|time| Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(time.subsec_nanos()),
        });
        match poll(&mut asked, time.as_ref()) {
            Ok(_) => {}
            // A signal came: the caller's loop looks at what it wants.
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(own.is_some() && asked.first().is_some_and(|own| !own.revents().is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_changes_while_a_file_is_written_is_told_later() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        let mut changes = Changes::new();
        changes.follow_files([&one, &other].map(|path| Followed::File(path.clone()))).unwrap();
        let other = fs::File::create(other).unwrap();
        fs::write(&one, "a").unwrap();
        assert_eq!(changes.wait(Some(Duration::ZERO), None).unwrap(), Changed::default());
        assert!(changes.is_being_written());
        assert!(changes.now().unwrap().files);
        assert!(!changes.now().unwrap().files);
        drop(other);
    }
}
