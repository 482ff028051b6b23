//! `cargo xtask tidy`: what neither the compiler nor rustfmt checks of the sources.
//!
//! Nothing is built and nothing fetched: files are read as text, which is enough for what is asked
//! of them. `cargo xtask test` begins with it.

mod comments;
mod dependencies;

use crate::Failure;
use std::fs;
use std::path::{Path, PathBuf};

/// Checks everything and prints each finding.
pub fn run(root: &Path) -> Result<(), Failure> {
    let files = files(root)?;
    let mut findings = dependencies::check(&files);
    findings.extend(comments::check(&files));
    for finding in &findings {
        eprintln!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => Err("the sources are not tidy: 1 finding".into()),
        many => Err(format!("the sources are not tidy: {many} findings")),
    }
}

/// A file of the project, by its path below the root.
#[derive(Debug)]
struct File {
    path: PathBuf,
    text: String,
}

impl File {
    fn is_source(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "rs")
    }

    fn is_manifest(&self) -> bool {
        self.path.file_name().is_some_and(|name| name == "Cargo.toml")
    }
}

/// Every source, manifest and page, in order of paths; without build output and hidden folders.
fn files(root: &Path) -> Result<Vec<File>, Failure> {
    let mut found = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let failed = |error| format!("cannot read {}: {error}", folder.display());
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let (path, name) = (entry.path(), entry.file_name());
            if entry.file_type().map_err(failed)?.is_dir() {
                if name != "target" && !name.as_encoded_bytes().starts_with(b".") {
                    open.push(path);
                }
                continue;
            }
            let read = path.extension().is_some_and(|e| e == "rs" || e == "toml" || e == "md");
            if read {
                let text = fs::read_to_string(&path)
                    .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
                let path = path.strip_prefix(root).unwrap_or(&path).to_owned();
                found.push(File { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}
