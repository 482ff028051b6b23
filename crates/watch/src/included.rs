//! Remembers which files rulesets include, and whether they have changed since they were read.
//!
//! Which they are is known only when they are read, so they are followed afterwards; what changed
//! between is found by reading again what was not followed then.

use bpfc_ir::{Files, IncludedFile};
use bpfc_runtime::Followed;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A path that was included, from where, and what was found.
type Asked = BTreeMap<(String, String), u64>;

#[derive(Debug, Default)]
struct Seen {
    asked: Asked,
    followed: BTreeSet<Followed>,
    /// What was asked for and not followed before.
    new: Asked,
}

#[derive(Debug)]
pub(crate) struct Recorder {
    files: Option<&'static dyn Files>,
    seen: Mutex<Seen>,
}

impl Recorder {
    pub fn of(files: Option<&'static dyn Files>) -> Recorder {
        Recorder { files, seen: Mutex::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing was included.
    pub fn is_empty(&self) -> bool {
        self.seen().followed.is_empty()
    }

    /// Before the rulesets are read once more.
    pub fn begin(&self) {
        let mut seen = self.seen();
        let seen = &mut *seen;
        seen.asked.append(&mut seen.new);
    }

    /// What is to be followed.
    pub fn followed(&self) -> Vec<Followed> {
        self.seen().followed.iter().cloned().collect()
    }

    /// Whether what was included for the first time is another by now.
    pub fn is_stale(&self) -> bool {
        let new: Vec<_> = self.seen().new.clone().into_iter().collect();
        new.into_iter().any(|((path, from), digest)| self.look(&path, &from).1 != digest)
    }

    fn look(&self, path: &str, from: &str) -> (Result<Vec<IncludedFile>, String>, u64) {
        let found = match self.files {
            Some(files) => files.find(path, from),
            None => Err("files cannot be included here".to_owned()),
        };
        let mut hasher = DefaultHasher::new();
        match &found {
            Ok(files) => {
                for file in files {
                    (&file.name, &file.bytes).hash(&mut hasher);
                }
            }
            Err(error) => error.hash(&mut hasher),
        }
        (found, hasher.finish())
    }
}

impl Files for Recorder {
    fn find(&self, path: &str, from: &str) -> Result<Vec<IncludedFile>, String> {
        let (found, digest) = self.look(path, from);
        let places = self.places(path, from);
        let mut seen = self.seen();
        let asked = (path.to_owned(), from.to_owned());
        if !seen.asked.contains_key(&asked) {
            seen.new.insert(asked, digest);
        }
        seen.followed.extend(places.into_iter().map(followed));
        found
    }

    fn places(&self, path: &str, from: &str) -> Vec<PathBuf> {
        self.files.map_or_else(Vec::new, |files| files.places(path, from))
    }
}

/// A file, or the folder in which what a pattern means is.
fn followed(path: PathBuf) -> Followed {
    let is_pattern = |part: &Path| part.to_string_lossy().contains(['*', '?', '[']);
    match is_pattern(&path) {
        false => Followed::File(path),
        true => {
            let folder = path.ancestors().skip(1).find(|folder| !is_pattern(folder));
            Followed::Folder(folder.unwrap_or(Path::new("")).to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One file that is another each time it is read.
    #[derive(Debug)]
    struct Restless(Mutex<u8>);

    impl Files for Restless {
        fn find(&self, path: &str, _: &str) -> Result<Vec<IncludedFile>, String> {
            let mut count = self.0.lock().unwrap();
            *count = (*count + 1).min(3);
            Ok(vec![IncludedFile { name: path.to_owned(), bytes: vec![*count] }])
        }

        fn places(&self, path: &str, _: &str) -> Vec<PathBuf> {
            vec![path.into()]
        }
    }

    #[test]
    fn what_changes_before_it_is_followed_is_read_again() {
        static FILES: Restless = Restless(Mutex::new(0));
        let recorder = Recorder::of(Some(&FILES));
        recorder.begin();
        assert!(recorder.is_empty());
        recorder.find("a.nft", "main").unwrap();
        assert_eq!(recorder.followed(), [Followed::File("a.nft".into())]);
        assert!(recorder.is_stale());
        // It is followed by now.
        recorder.begin();
        recorder.find("a.nft", "main").unwrap();
        assert!(!recorder.is_stale());
    }

    #[test]
    fn patterns_stand_for_folders() {
        for (path, wanted) in [
            ("/etc/a.nft", Followed::File("/etc/a.nft".into())),
            ("/etc/nft.d/*.nft", Followed::Folder("/etc/nft.d".into())),
            ("/etc/*/a.nft", Followed::Folder("/etc".into())),
        ] {
            assert_eq!(followed(path.into()), wanted);
        }
    }
}
