//! Control groups that rules name by path: what they are on this machine, now.

use crate::Error;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// `PROC_CGROUP_INIT_INO` (include/linux/proc_ns.h): the namespace in which paths begin at the root
/// of the hierarchy.
const INITIAL_NAMESPACE: u64 = 0xefff_fffb;

/// What programs need to know of a group of version 2: its identifier, which is the number of its
/// directory's inode, and how deep below the root of the hierarchy it lies.
///
/// A path is walked as the kernel walks it (fs/kernfs/dir.c, `kernfs_walk_ns`): empty components
/// count for nothing, and `.` and `..` are names like any other, which no group has.
pub(crate) fn resolve(path: &str) -> Result<(u64, u32), Error> {
    let failed = |reason: String| Error::Options(format!("control group \"{path}\": {reason}"));
    let own = fs::metadata("/proc/self/ns/cgroup").map_err(|error| failed(error.to_string()))?;
    if own.ino() != INITIAL_NAMESPACE {
        return Err(failed(
            "paths can be told from the initial control group namespace only".into(),
        ));
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo");
    let mounts = mounts.map_err(|error| failed(error.to_string()))?;
    let root = hierarchy(&mounts)
        .ok_or_else(|| failed("no hierarchy of version 2 is mounted here".into()))?;
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    let found = match names.iter().any(|name| matches!(*name, "." | "..")) {
        true => None,
        false => fs::metadata(names.iter().fold(root, |at, name| at.join(name))).ok(),
    };
    match found.filter(fs::Metadata::is_dir) {
        Some(found) => Ok((found.ino(), names.len() as u32)),
        None => Err(failed("there is no such group of version 2".into())),
    }
}

/// Where the whole hierarchy is mounted, by a table of mounts (proc_pid_mountinfo(5)).
fn hierarchy(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, place) = (fields.next()?, fields.next()?);
        let is_whole = root == "/" && source.starts_with("cgroup2 ");
        is_whole.then(|| PathBuf::from(unescaped(place)))
    })
}

/// Spaces, tabs, line ends and backslashes stand there as three octal digits.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .into_iter()
        .fold(text.to_owned(), |text, (escape, plain)| text.replace(escape, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_hierarchy_is_found_among_mounts() {
        let mounts = "25 1 0:22 / /sys rw - sysfs sysfs rw\n\
                      30 25 0:26 /a /mnt rw shared:9 - cgroup2 cgroup2 rw\n\
                      31 25 0:26 / /sys/fs/a\\040b rw shared:9 - cgroup2 cgroup2 rw\n";
        assert_eq!(hierarchy(mounts), Some(PathBuf::from("/sys/fs/a b")));
        assert_eq!(hierarchy("25 1 0:22 / /sys rw - sysfs sysfs rw\n"), None);
    }

    #[test]
    fn a_path_that_is_none_says_so() {
        for path in ["no/such group", "..", "a/./b"] {
            let error = resolve(path).expect_err("no group").to_string();
            assert!(error.contains(path), "{error}");
        }
    }
}
