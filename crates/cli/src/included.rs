//! Files that rulesets of nft include, found as nft finds them (src/scanner.l,
//! `scanner_include_file`): a path from the root or from the working directory (`./x`), else beside
//! the file that includes it, below /etc, or in the folders of `-I`. Patterns mean all files that
//! match, by name, and perhaps none.

use bpfc_ir::{Files, IncludedFile};
use glob::{MatchOptions, glob_with};
use std::fs;
use std::path::{Path, PathBuf};

/// The files of this machine, with folders in which they are looked for last.
#[derive(Debug)]
struct System {
    folders: Vec<PathBuf>,
}

/// The files of this machine. Folders of `-I` stay in memory for the life of the process, as front
/// ends are told of files for so long.
pub fn files(folders: &[PathBuf]) -> &'static dyn Files {
    static PLAIN: System = System { folders: Vec::new() };
    match folders {
        [] => &PLAIN,
        folders => Box::leak(Box::new(System { folders: folders.to_vec() })),
    }
}

/// Where nft looks for files by default.
const FOLDER: &str = "/etc";

impl Files for System {
    fn find(&self, path: &str, from: &str) -> Result<Vec<IncludedFile>, String> {
        for place in self.places(path, from) {
            let found = matching(&place)?;
            if !found.is_empty() {
                return found.into_iter().map(read).collect();
            }
        }
        match path.contains(['*', '?', '[']) {
            true => Ok(Vec::new()),
            false => Err("there is no such file".to_owned()),
        }
    }

    fn places(&self, path: &str, from: &str) -> Vec<PathBuf> {
        if ["/", "./", "../"].iter().any(|start| path.starts_with(start)) {
            return vec![path.into()];
        }
        let beside = Path::new(from).parent().map(Path::to_owned).unwrap_or_default();
        let folders = [beside, PathBuf::from(FOLDER)].into_iter().chain(self.folders.clone());
        folders.map(|folder| folder.join(path)).collect()
    }
}

/// The files that a pattern means.
fn matching(pattern: &Path) -> Result<Vec<PathBuf>, String> {
    let pattern = pattern.to_str().ok_or("its path is not UTF-8")?;
    let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
    let options = MatchOptions { require_literal_separator: true, ..options };
    let found = glob_with(pattern, options).map_err(|error| error.to_string())?;
    let found: Result<Vec<PathBuf>, _> = found.collect();
    let mut found = found.map_err(|error| error.to_string())?;
    found.retain(|path| !path.is_dir());
    Ok(found)
}

fn read(path: PathBuf) -> Result<IncludedFile, String> {
    let name = path.display().to_string();
    match fs::read(&path) {
        Ok(bytes) => Ok(IncludedFile { name, bytes }),
        Err(error) => Err(format!("{name} cannot be read: {error}")),
    }
}
