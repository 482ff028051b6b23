//! The directory under bpffs where filters live, and how it is kept in order.
//!
//! ```text
//! /sys/fs/bpf/bpfc/NAME/state            which generation decides (crate::state)
//!                       slots            programs that netfilter trampolines jump to
//!                       links/PLACE      one link for each place of attachment
//!                       a/ and b/        generations, one of them during a replacement only:
//!                         programs/NAME  maps/NAME  base  metadata
//! /sys/fs/bpf/bpfc/NAME~new              a load that has not finished
//! /sys/fs/bpf/bpfc/NAME~dead             an unload that has not finished
//! ```
//!
//! Pins outlive the process, so a filter stays when its loader exits. Whoever changes a filter
//! holds the lock of its directory ([`crate::lock`]), which the kernel drops when its holder dies;
//! so what a lock holder finds half done has no living owner and may be finished or removed.

use crate::{Error, bpffs};
use rustix::fs::{AtFlags, CWD, RenameFlags};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// All filters.
const ROOT: &str = "/sys/fs/bpf/bpfc";
/// Ending of a directory that a load is filling.
const NEW: &str = "~new";
/// Ending of a directory that an unload is emptying.
const DEAD: &str = "~dead";
/// Longest name of a filter: with `bpfc-` in front it is a table's name in nf_tables, too.
const LONGEST_NAME: usize = 64;

/// Letters, digits, `_` and `-`; 1 to 64 of them. bpffs allows no dots, and `~` marks what is
/// unfinished.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(good) {
        return Err(Error::Options(format!(
            "a filter cannot be named {name:?}: use up to {LONGEST_NAME} letters, digits, _ and -"
        )));
    }
    Ok(())
}

/// Where all filters are.
pub(crate) fn root() -> &'static Path {
    Path::new(ROOT)
}

/// Where the filter of a name is.
pub(crate) fn home(name: &str) -> PathBuf {
    Path::new(ROOT).join(name)
}

/// Where the filter of a name grows before it is one.
pub(crate) fn new_home(name: &str) -> PathBuf {
    Path::new(ROOT).join(format!("{name}{NEW}"))
}

/// Where the filter of a name goes when it is unloaded.
pub(crate) fn dead_home(name: &str) -> PathBuf {
    Path::new(ROOT).join(format!("{name}{DEAD}"))
}

/// Makes the directory of all filters, mounting bpffs where no one has and where it would last.
pub(crate) fn prepare() -> Result<(), Error> {
    bpffs::ensure()?;
    make_dir(Path::new(ROOT))
}

/// True where filters may be: bpffs is mounted and has been used. Who may not look is told so,
/// not that there is nothing; nor is it said where filters may be out of sight.
pub(crate) fn is_prepared() -> Result<bool, Error> {
    if !bpffs::look()? {
        return Ok(false);
    }
    match bpffs::is_bpffs(Path::new(ROOT)) {
        Err(Error::Path { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(false),
        found => found,
    }
}

/// Names of the loaded filters, sorted.
pub(crate) fn names() -> Result<Vec<String>, Error> {
    Ok(entries(Path::new(ROOT))?.into_iter().filter(|name| check_name(name).is_ok()).collect())
}

/// What unfinished loads and unloads left: the filter's name and its directory.
pub(crate) fn leftovers() -> Result<Vec<(String, PathBuf)>, Error> {
    let mut found = Vec::new();
    for entry in entries(Path::new(ROOT))? {
        if let Some(name) = entry.strip_suffix(NEW).or_else(|| entry.strip_suffix(DEAD)) {
            found.push((name.to_owned(), Path::new(ROOT).join(&entry)));
        }
    }
    Ok(found)
}

/// Names in a directory, sorted; none where there is no such directory.
pub(crate) fn entries(path: &Path) -> Result<Vec<String>, Error> {
    let listing = match fs::read_dir(path) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::path(path)(error)),
    };
    let mut names = Vec::new();
    for entry in listing {
        let entry = entry.map_err(Error::path(path))?;
        names.extend(entry.file_name().into_string().ok());
    }
    names.sort();
    Ok(names)
}

/// Makes a directory, for root alone; false where there is one.
pub(crate) fn make_new_dir(path: &Path) -> Result<bool, Error> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Error::path(path)(error)),
    }
}

/// Makes a directory, for root alone, unless it is there.
pub(crate) fn make_dir(path: &Path) -> Result<(), Error> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(Error::path(path)(error)),
        _ => Ok(()),
    }
}

/// Renames a directory in one step; the new name must be free (Linux 3.15).
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), Error> {
    rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)
        .map_err(io::Error::from)
        .map_err(Error::path(to))
}

/// Renames in one step; what has the new name goes.
pub(crate) fn rename_over(from: &Path, to: &Path) -> Result<(), Error> {
    fs::rename(from, to).map_err(Error::path(to))
}

/// Removes a name; none is fine.
pub(crate) fn remove_pin(path: &Path) -> Result<(), Error> {
    match rustix::fs::unlinkat(CWD, path, AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(Error::path(path)(error.into())),
    }
}

/// Removes a directory with everything in it; none is fine.
pub(crate) fn remove_tree(path: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::path(path)(error)),
        _ => Ok(()),
    }
}
