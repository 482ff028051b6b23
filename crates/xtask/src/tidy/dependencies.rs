//! Every dependency is used: those of a crate are named in its sources, and those that the
//! workspace lists are listed by a crate.
//!
//! A name counts where it stands as a word of code, outside of comments. A dependency of the
//! crate itself must be named outside of its tests, benches and examples; else it belongs among
//! those for development.

use super::File;
use std::collections::BTreeSet;
use std::path::Path;

/// The tables of a manifest that name a crate's dependencies.
const TABLES: [&str; 3] = ["dependencies", "build-dependencies", "dev-dependencies"];

/// Folders of a crate where its dependencies for development are at hand.
const DEVELOPMENT: [&str; 3] = ["tests", "benches", "examples"];

/// One finding for each dependency that nothing uses.
pub fn check(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut listed = BTreeSet::new();
    let manifests: Vec<&File> = files.iter().filter(|file| file.is_manifest()).collect();
    let folders: BTreeSet<&Path> =
        manifests.iter().filter_map(|manifest| manifest.path.parent()).collect();
    for manifest in &manifests {
        let folder = manifest.path.parent().unwrap_or(Path::new(""));
        // A file belongs to the closest folder with a manifest.
        let own = files.iter().filter(|file| {
            file.is_source()
                && file.path.ancestors().find(|above| folders.contains(above)) == Some(folder)
        });
        let (development, product): (Vec<&File>, Vec<&File>) = own.partition(|file| {
            let below = file.path.strip_prefix(folder).unwrap_or(&file.path);
            DEVELOPMENT.iter().any(|name| below.starts_with(name))
        });
        let (product, mut all) = (words(&product), words(&development));
        all.extend(&product);
        for table in TABLES {
            let used = if table == "dev-dependencies" { &all } else { &product };
            for name in names(&manifest.text, table) {
                listed.insert(name);
                if !used.contains(name.replace('-', "_").as_str()) {
                    findings.push(format!(
                        "{}: '{name}' of [{table}] is not named in the crate's sources",
                        manifest.path.display()
                    ));
                }
            }
        }
    }
    for manifest in &manifests {
        for name in names(&manifest.text, "workspace.dependencies") {
            if !listed.contains(name) {
                findings.push(format!(
                    "{}: '{name}' of [workspace.dependencies] is listed by no crate",
                    manifest.path.display()
                ));
            }
        }
    }
    findings
}

/// The names that a table of a manifest gives: `NAME = ..`, `NAME.workspace = true` and
/// `[TABLE.NAME]`.
fn names<'a>(manifest: &'a str, table: &str) -> Vec<&'a str> {
    let mut names = Vec::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.split(']').next().unwrap_or(header);
            inside = header == table;
            let below = header.strip_prefix(table).and_then(|rest| rest.strip_prefix('.'));
            names.extend(below);
        } else if inside
            && !line.starts_with('#')
            && let Some(name) = line.split(['.', '=', ' ']).next().filter(|name| !name.is_empty())
            && line.contains('=')
        {
            names.push(name);
        }
    }
    names
}

/// The words of sources, outside of comments that take the rest of a line.
fn words<'a>(sources: &[&'a File]) -> BTreeSet<&'a str> {
    let lines = sources.iter().flat_map(|file| file.text.lines());
    let code = lines.map(|line| line.split("//").next().unwrap_or(line));
    code.flat_map(|code| code.split(|c: char| !c.is_alphanumeric() && c != '_')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.into(), text: text.into() }
    }

    #[test]
    fn unused_dependencies_are_found() {
        let files = [
            file(
                "Cargo.toml",
                "[workspace.dependencies]\na-b = \"1\"\nc = { version = \"1\", features = [\"x\"] }\n\n\
                 [profile.dev]\nz = 1\n",
            ),
            file(
                "one/Cargo.toml",
                "[dependencies]\na-b.workspace = true\nd = \"1\"\n# no = 1\n[dev-dependencies]\ne = \"1\"\n\
                 f = \"1\"\n[dependencies.g]\nversion = \"1\"\n",
            ),
            file("one/src/lib.rs", "use a_b::X; // d, g\n"),
            file("one/tests/t.rs", "use e::d;\n"),
            file("one/more/Cargo.toml", "[dependencies]\n"),
            file("one/more/src/lib.rs", "use {d, f, g};\n"),
        ];
        assert_eq!(
            check(&files),
            [
                "one/Cargo.toml: 'd' of [dependencies] is not named in the crate's sources",
                "one/Cargo.toml: 'g' of [dependencies] is not named in the crate's sources",
                "one/Cargo.toml: 'f' of [dev-dependencies] is not named in the crate's sources",
                "Cargo.toml: 'c' of [workspace.dependencies] is listed by no crate",
            ]
        );
    }
}
