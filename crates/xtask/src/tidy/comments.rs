//! Comments are wrapped where code is, at 100 columns, and the pages on the project at 120:
//! rustfmt leaves both as they are.

use super::File;
use std::path::Path;

/// The columns of a comment in a source, as rustfmt.toml says for code.
const SOURCE: usize = 100;

/// The columns of a page.
const PAGE: usize = 120;

/// The pages that are wrapped.
const PAGES: [&str; 2] = ["ARCHITECTURE.md", "CONTRIBUTING.md"];

/// One finding for each line that is too long.
pub fn check(files: &[File]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        let limit = if file.is_source() {
            SOURCE
        } else if PAGES.iter().any(|page| file.path == Path::new(page)) {
            PAGE
        } else {
            continue;
        };
        for (at, line) in file.text.lines().enumerate() {
            let text = match file.is_source() {
                true => match line.trim_start().strip_prefix("//") {
                    Some(comment) => comment.trim_start_matches(['/', '!']).trim_start(),
                    None => continue,
                },
                false => line,
            };
            let columns = line.chars().count();
            // A row of a table cannot be wrapped.
            if columns > limit && !text.starts_with('|') {
                findings.push(format!(
                    "{}:{}: {columns} columns, {limit} at most",
                    file.path.display(),
                    at + 1
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_found() {
        let file = |path: &str, text: String| File { path: path.into(), text };
        let files = [
            file("a.rs", format!("    // {}\n//! {}\n", "x".repeat(93), "é".repeat(97))),
            file("b.rs", format!("let x = \"{}\";\n//! | {} |\n", "x".repeat(200), "x".repeat(99))),
            file("ARCHITECTURE.md", format!("{}\n{}\n", "x".repeat(120), "x".repeat(121))),
            file("CONTRIBUTING.md", format!("| {} |\n", "x".repeat(200))),
            file("docs/other.md", "x".repeat(200)),
        ];
        assert_eq!(
            check(&files),
            ["a.rs:2: 101 columns, 100 at most", "ARCHITECTURE.md:2: 121 columns, 120 at most",]
        );
    }
}
