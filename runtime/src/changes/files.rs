//! When files change that rulesets are read from, by inotify.
//!
//! Editors and configuration managers write a file in place, or another one that they rename over
//! it, or turn a symbolic link. So folders are watched, not files: for each file the folder of
//! every link on the way to it and the folder that it lies in, and where a folder on the way is
//! missing the one that it would be in.
//!
//! A file into which somebody has written counts as changed when it is closed, as what it holds
//! before may be half of a ruleset. A write that began before the file was followed is not seen.

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::{fs, io};

/// What is followed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Followed {
    /// A file that need not be there.
    File(PathBuf),
    /// The files in a folder that need not be there.
    Folder(PathBuf),
}

/// How many links may follow one another, as for the kernel (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// What of a folder matters.
#[derive(Debug, Default)]
struct Names {
    /// One of its paths.
    folder: PathBuf,
    some: BTreeSet<OsString>,
    all: bool,
}

impl Names {
    fn hold(&self, name: &OsStr) -> bool {
        self.all || self.some.contains(name)
    }
}

#[derive(Debug)]
pub(super) struct Files {
    inotify: OwnedFd,
    followed: BTreeSet<Followed>,
    /// By number of the watch: what of its folder matters.
    watched: BTreeMap<i32, Names>,
    /// The files that are written, by watch and name.
    writing: BTreeSet<(i32, OsString)>,
}

impl Files {
    pub fn new() -> io::Result<Files> {
        let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        Ok(Files {
            inotify,
            followed: BTreeSet::new(),
            watched: BTreeMap::new(),
            writing: BTreeSet::new(),
        })
    }

    /// Follows these and no others any more.
    pub fn follow(&mut self, followed: BTreeSet<Followed>) -> io::Result<()> {
        self.followed = followed;
        self.watch()
    }

    /// Watches the folders that the paths lead through now.
    fn watch(&mut self) -> io::Result<()> {
        let mut folders: BTreeMap<PathBuf, Names> = BTreeMap::new();
        for followed in &self.followed {
            let (path, is_folder) = match followed {
                Followed::File(path) => (path, false),
                Followed::Folder(path) => (path, true),
            };
            walk(path, is_folder, &mut folders)?;
        }
        let before = std::mem::take(&mut self.watched);
        for (folder, names) in folders {
            let number = match inotify::add_watch(&self.inotify, &folder, mask()) {
                Ok(number) => number,
                // It has gone since; the folder that it was in is watched.
                Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => continue,
                Err(error) => return Err(error.into()),
            };
            // Two paths may lead to one folder.
            let known = self.watched.entry(number).or_default();
            known.folder = folder;
            known.some.extend(names.some);
            known.all |= names.all;
        }
        for number in before.keys().filter(|number| !self.watched.contains_key(number)) {
            // A folder that was removed has taken its watch along.
            let _ = inotify::remove_watch(&self.inotify, *number);
        }
        let watched = &self.watched;
        self.writing
            .retain(|(number, name)| watched.get(number).is_some_and(|names| names.hold(name)));
        Ok(())
    }

    /// Whether something that matters has changed since the last question.
    pub fn changed(&mut self) -> io::Result<bool> {
        let (mut changed, mut moved) = (false, false);
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&self.inotify, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(rustix::io::Errno::AGAIN) => break,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let what = event.events();
            if what.contains(ReadFlags::QUEUE_OVERFLOW) {
                // Whatever was lost: what was being written may be closed.
                self.writing.clear();
                (changed, moved) = (true, true);
                continue;
            }
            let Some(names) = self.watched.get(&event.wd()) else { continue };
            let Some(name) = event.file_name() else {
                // The folder itself was moved or removed.
                (changed, moved) = (true, true);
                continue;
            };
            let name = OsStr::from_bytes(name.to_bytes());
            if !names.hold(name) {
                continue;
            }
            let file = (event.wd(), name.to_owned());
            let is_begun = what.contains(ReadFlags::CREATE) && is_opened(&names.folder.join(name));
            if what.contains(ReadFlags::MODIFY) {
                self.writing.insert(file);
            } else if is_begun {
                // Whoever made it has it open, and has written nothing yet.
                self.writing.insert(file);
                moved = true;
            } else if what.contains(ReadFlags::CLOSE_WRITE) {
                // Opened to write, and nothing written: nothing has changed.
                changed |= self.writing.remove(&file);
            } else {
                self.writing.remove(&file);
                (changed, moved) = (true, true);
            }
        }
        if moved {
            self.watch()?;
        }
        Ok(changed)
    }

    pub fn is_being_written(&self) -> bool {
        !self.writing.is_empty()
    }
}

impl AsFd for Files {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// Whether a file that has come was made by whoever opened it: neither a folder nor a link is.
fn is_opened(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.nlink() == 1)
}

fn mask() -> WatchFlags {
    WatchFlags::MODIFY
        | WatchFlags::CLOSE_WRITE
        | WatchFlags::CREATE
        | WatchFlags::DELETE
        | WatchFlags::MOVED_FROM
        | WatchFlags::MOVED_TO
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF
        | WatchFlags::ONLYDIR
}

/// Adds the folders that a path leads through in which something of it can change, with the names
/// there.
fn walk(path: &Path, is_folder: bool, folders: &mut BTreeMap<PathBuf, Names>) -> io::Result<()> {
    let mut at = PathBuf::new();
    let mut rest: Vec<OsString> = parts(&std::path::absolute(path)?);
    let mut links = 0;
    while let Some(part) = rest.pop() {
        match part.as_bytes() {
            b"/" => at = PathBuf::from("/"),
            b".." => {
                at.pop();
            }
            _ => {
                let next = at.join(&part);
                let target = fs::read_link(&next);
                let is_last = rest.is_empty() && !is_folder;
                if target.is_ok() || is_last || !next.is_dir() {
                    folders.entry(at.clone()).or_default().some.insert(part);
                }
                match target {
                    Ok(target) => {
                        links += 1;
                        if links > MAX_LINKS {
                            // Whoever opens the file is told.
                            return Ok(());
                        }
                        rest.extend(parts(&target));
                    }
                    Err(_) if !is_last && !next.is_dir() => return Ok(()),
                    Err(_) => at = next,
                }
            }
        }
    }
    if is_folder {
        folders.entry(at).or_default().all = true;
    }
    Ok(())
}

/// The parts of a path, the first one last.
fn parts(path: &Path) -> Vec<OsString> {
    let parts = path.components().filter(|part| !matches!(part, Component::CurDir));
    parts.rev().map(|part| part.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::os::unix::fs::symlink;

    fn followed(paths: &[&Path]) -> Files {
        let mut files = Files::new().unwrap();
        files
            .follow(paths.iter().map(|path| Followed::File(path.to_path_buf())).collect())
            .unwrap();
        files
    }

    #[test]
    fn a_file_has_changed_once_it_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules");
        fs::write(&path, "a").unwrap();
        let mut files = followed(&[&path]);
        assert!(!files.changed().unwrap());
        let mut file = fs::File::create(&path).unwrap();
        assert!(!files.changed().unwrap());
        assert!(files.is_being_written());
        file.write_all(b"b").unwrap();
        drop(file);
        assert!(files.changed().unwrap());
        assert!(!files.is_being_written());
        // Another file there is nobody's concern.
        fs::write(folder.path().join("other"), "a").unwrap();
        fs::read(&path).unwrap();
        assert!(!files.changed().unwrap());
    }

    #[test]
    fn a_file_that_was_made_has_changed_once_it_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules");
        let mut files = followed(&[&path]);
        let file = fs::File::create(&path).unwrap();
        assert!(!files.changed().unwrap());
        assert!(files.is_being_written());
        drop(file);
        assert!(files.changed().unwrap());
        // Another name of a file that is there is there as a whole.
        fs::remove_file(&path).unwrap();
        fs::write(folder.path().join("other"), "a").unwrap();
        assert!(files.changed().unwrap());
        fs::hard_link(folder.path().join("other"), &path).unwrap();
        assert!(files.changed().unwrap());
        assert!(!files.is_being_written());
    }

    #[test]
    fn what_takes_a_files_place_is_seen_and_so_is_that_it_went() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules");
        let mut files = followed(&[&path]);
        fs::write(folder.path().join("new"), "b").unwrap();
        assert!(!files.changed().unwrap());
        fs::rename(folder.path().join("new"), &path).unwrap();
        assert!(files.changed().unwrap());
        fs::remove_file(&path).unwrap();
        assert!(files.changed().unwrap());
    }

    #[test]
    fn links_are_followed_anew_when_they_are_turned() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["one", "two"] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("rules"), name).unwrap();
        }
        symlink("one", at("now")).unwrap();
        symlink("now/rules", at("rules")).unwrap();
        let mut files = followed(&[&at("rules")]);
        symlink("two", at("next")).unwrap();
        fs::rename(at("next"), at("now")).unwrap();
        assert!(files.changed().unwrap());
        fs::write(at("one").join("rules"), "x").unwrap();
        assert!(!files.changed().unwrap());
        fs::write(at("two").join("rules"), "x").unwrap();
        assert!(files.changed().unwrap());
    }

    #[test]
    fn folders_may_come_later() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        let mut files = Files::new().unwrap();
        files.follow([Followed::Folder(deep.clone())].into()).unwrap();
        assert!(!files.changed().unwrap());
        fs::create_dir(folder.path().join("a")).unwrap();
        assert!(files.changed().unwrap());
        fs::create_dir(&deep).unwrap();
        assert!(files.changed().unwrap());
        fs::write(deep.join("x.nft"), "a").unwrap();
        assert!(files.changed().unwrap());
        fs::remove_file(deep.join("x.nft")).unwrap();
        assert!(files.changed().unwrap());
    }

    #[test]
    fn links_in_a_circle_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules");
        symlink("rules", &path).unwrap();
        let mut files = followed(&[&path]);
        fs::remove_file(&path).unwrap();
        assert!(files.changed().unwrap());
    }
}
