//! `bpfc semantics`: docs/semantics.md, or sections of it, wherever the command is installed.

use crate::args::SemanticsArgs;
use crate::console::{Console, Failure};

const PAGE: &str = include_str!("../../../../docs/semantics.md");

/// How a section begins.
const TITLE: &str = "## ";

pub(super) fn run(args: &SemanticsArgs, console: &Console) -> Result<(), Failure> {
    if args.section.is_empty() {
        return console.print(PAGE);
    }
    let wanted = args.section.join(" ").to_lowercase();
    let found: Vec<String> = sections()
        .filter(|(title, _)| title.to_lowercase().contains(&wanted))
        .map(|(title, text)| format!("{TITLE}{title}\n{}\n", text.trim_end()))
        .collect();
    if found.is_empty() {
        let titles: Vec<String> = sections().map(|(title, _)| format!("\n  {title}")).collect();
        return Err(Failure::Usage(format!(
            "no section's title has '{wanted}'; the sections are:{}",
            titles.concat()
        )));
    }
    console.print(&found.join("\n"))
}

/// The title of each section, and what stands below it.
fn sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    let parts = PAGE.split("\n## ").skip(1);
    parts.map(|part| part.split_once('\n').unwrap_or((part, "")))
}
