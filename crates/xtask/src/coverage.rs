//! `docs/coverage.md`: what becomes of every match and target of iptables 1.8.9 at each target.
//!
//! A rule for each extension is really compiled, for both families, every target and every hook
//! that iptables takes it at; the page holds the outcome, so it cannot promise what the code
//! does not do. The counts of iptables' own tests, which lie outside this repository, are written
//! by hand and kept.

use bpfc_cases::{Cases, Kind, Sample};
use bpfc_diag::{Diagnostics, Severity, SourceMap};
use bpfc_driver::{Options, Target, formats, generate, lower, optimise, targets};
use bpfc_ir::{Checked, Contents, Family, Hook, Input, Listing, Program};
use bpfc_xtables::registry::{
    ACTIONS, Known, MATCHES, REFUSED_ACTIONS, REFUSED_MATCHES, find_action, find_match,
};
use std::collections::BTreeSet;

/// Where the page lies in the workspace.
pub const PATH: &str = "docs/coverage.md";

/// What stands before the part that is written by hand.
const COUNTS: &str = "## Counts with iptables 1.8.9's own tests\n";

const HOOKS: [Hook; 5] =
    [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];

/// The forward hook in a program that routes, since it has the input hook's chains, too.
const ROUTED: (Hook, Option<Hook>) = (Hook::Forward, Some(Hook::Input));

/// An ipset that the rules with sets use, in each family.
const SETS: [&str; 2] = [
    "create banned hash:ip family inet hashsize 1024 maxelem 65536\n",
    "create banned hash:ip family inet6 hashsize 1024 maxelem 65536\n",
];

/// A fingerprint that the rule with `osf` compares packets with.
const FINGERPRINTS: &str = "S4:64:1:60:M*,S,T,N,W7:Linux:2.6::a kernel of 2.6\n";

const FAMILIES: [Family; 2] = [Family::Ipv4, Family::Ipv6];

/// The outcome for an extension's rule in one family.
#[derive(Clone, PartialEq, Eq)]
enum Outcome {
    /// Nothing compiles it; why.
    Refused(String),
    /// For each target: how far, with the numbers of notes.
    Compiled(Vec<Cell>),
}

/// The outcome at one target.
#[derive(Clone, PartialEq, Eq)]
struct Cell {
    text: String,
    notes: BTreeSet<usize>,
}

/// The page. `old` is the page as it was, whose counts are kept.
pub fn page(old: &str) -> Result<String, String> {
    let mut notes = Vec::new();
    let cases = bpfc_cases::all();
    let matches = names(
        MATCHES.iter().map(|known| known.name).chain(REFUSED_MATCHES.iter().map(|row| row.name)),
    );
    let actions = names(
        ACTIONS.iter().map(|known| known.name).chain(REFUSED_ACTIONS.iter().map(|row| row.name)),
    );
    let mut page = INTRODUCTION.to_owned();
    page.push('\n');
    for target in targets() {
        let hooks = HOOKS.iter().filter(|hook| target.hooks().contains(hook));
        page += &format!("- `{}`: {}\n", target.name(), list(hooks));
    }
    page += "\n## Matches\n\n";
    page +=
        &table(
            (Kind::Match, "match"),
            &matches,
            &cases,
            &mut notes,
            |name, family| match find_match(name, family) {
                Known::Supported(_) => Some(None),
                Known::Unsupported(row) => Some(Some(row.reason)),
                Known::OtherFamily | Known::Unknown => None,
            },
        )?;
    page +=
        "\n## Targets\n\n`ACCEPT`, `DROP`, `RETURN`, jumps and gotos are compiled everywhere.\n\n";
    page += &table((Kind::Target, "target"), &actions, &cases, &mut notes, |name, family| {
        match find_action(name, family) {
            Known::Supported(_) => Some(None),
            Known::Unsupported(row) => Some(Some(row.reason)),
            Known::OtherFamily | Known::Unknown => None,
        }
    })?;
    page += "\n## Notes\n\n";
    for (number, note) in notes.iter().enumerate() {
        page += &format!("{}. {note}\n", number + 1);
    }
    page.push('\n');
    page += old.find(COUNTS).map_or(COUNTS, |at| &old[at..]);
    Ok(page)
}

const INTRODUCTION: &str = "\
# What is compiled

Every match and target of iptables 1.8.9, by target. `cargo xtask generate` makes this page by compiling a rule for each, in
both families and at every hook where iptables takes it. \"yes\" is at all of these hooks that the target runs; where only some
can, they are named, and a note says why. A program that routes is one of `--hook input,forward`. Forms of one extension have
rows of their own where that differs. An extension of one family alone has the family behind its name. What is refused is an
error that names the rule; nothing is left out silently. [semantics.md](semantics.md) says where a decision can differ from the
kernel's own.

The hooks that the targets run:
";

/// Names once each, sorted without regard to case.
fn names(all: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let set: BTreeSet<(String, &str)> = all.map(|name| (name.to_lowercase(), name)).collect();
    set.into_iter().map(|(_, name)| name).collect()
}

fn list<'a>(hooks: impl Iterator<Item = &'a Hook>) -> String {
    hooks.map(Hook::to_string).collect::<Vec<_>>().join(", ")
}

/// A table: one row an extension, or one for each of its forms, and for each family, where they
/// differ. `find` says why an extension is refused, or that it is not; `None` where the family does
/// not have it.
fn table(
    (kind, word): (Kind, &str),
    names: &[&str],
    cases: &[Cases],
    notes: &mut Vec<String>,
    find: impl Fn(&str, Family) -> Option<Option<&'static str>>,
) -> Result<String, String> {
    let titles: Vec<&str> = targets().iter().map(|target| target.name()).collect();
    let mut text = format!("| {word} | {} | |\n", titles.join(" | "));
    text += &format!("|---|{}---|\n", "---|".repeat(titles.len()));
    for name in names {
        let of = |cases: &&Cases| cases.kind == kind && cases.name == *name;
        let mut forms: Vec<&Sample> = cases.iter().filter(of).flat_map(|c| &c.samples).collect();
        let refused = FAMILIES.map(|family| find(name, family));
        if refused.contains(&Some(None)) && forms.is_empty() {
            return Err(format!("no rule shows what becomes of {word} {name}"));
        }
        let mut outcomes: Vec<[Option<Outcome>; 2]> = Vec::new();
        for at in 0..forms.len().max(1) {
            outcomes.push([0, 1].map(|index| match refused[index]? {
                Some(reason) => Some(Outcome::Refused(reason.to_owned())),
                None => forms.get(at).map(|sample| outcome(sample, FAMILIES[index], notes)),
            }));
        }
        if outcomes.iter().all(|other| *other == outcomes[0]) {
            outcomes.truncate(1);
            forms.clear();
        }
        for (at, found) in outcomes.iter().enumerate() {
            let form = forms.get(at).map_or(String::new(), |sample| format!(" {}", sample.form));
            let title = |family: &str| format!("`{name}{form}`{family}");
            match found {
                [Some(v4), Some(v6)] if v4 == v6 => text += &row(&title(""), v4),
                found => {
                    for (outcome, family) in found.iter().zip([" (IPv4)", " (IPv6)"]) {
                        let outcome = outcome.as_ref();
                        text += &outcome.map_or(String::new(), |found| row(&title(family), found));
                    }
                }
            }
        }
    }
    Ok(text)
}

fn row(name: &str, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Refused(reason) => {
            format!("| {name} |{} {reason} |\n", " no |".repeat(targets().len()))
        }
        Outcome::Compiled(cells) => {
            let texts: Vec<&str> = cells.iter().map(|cell| cell.text.as_str()).collect();
            let notes: BTreeSet<usize> =
                cells.iter().flat_map(|cell| &cell.notes).copied().collect();
            let notes: Vec<String> = notes.iter().map(usize::to_string).collect();
            let why = match notes.len() {
                0 => String::new(),
                1 => format!("note {} ", notes[0]),
                _ => format!("notes {} ", notes.join(", ")),
            };
            format!("| {name} | {} | {why}|\n", texts.join(" | "))
        }
    }
}

/// Hooks that are compiled together.
struct Part {
    /// As the page names them.
    name: String,
    /// The one whose chain has the rule.
    hook: Hook,
    program: Program,
    sources: SourceMap,
}

/// Compiles a sample's rule in a family at every hook that iptables takes it at; the forward hook's
/// also in a program that routes.
fn outcome(sample: &Sample, family: Family, notes: &mut Vec<String>) -> Outcome {
    let mut programs: Vec<Part> = Vec::new();
    let mut refused = None;
    for (hook, before) in HOOKS.map(|hook| (hook, None)).into_iter().chain([ROUTED]) {
        let options = Options {
            hooks: Some(before.into_iter().chain([hook]).collect()),
            tables: Some(vec![sample.table.to_owned()]),
            ..Options::default()
        };
        let lowering = lower(&inputs(sample, family, hook), &options);
        match lowering.program {
            Some(program) => programs.push(Part {
                name: before.map_or(hook.to_string(), |_| format!("{hook} in programs that route")),
                hook,
                program,
                sources: lowering.sources,
            }),
            // The last hooks are those that iptables takes every extension at.
            None => refused = reason(&lowering.diagnostics).or(refused),
        }
    }
    if programs.is_empty() {
        return Outcome::Refused(refused.unwrap_or_default());
    }
    Outcome::Compiled(targets().iter().map(|target| cell(*target, &programs, notes)).collect())
}

fn cell(target: &dyn Target, programs: &[Part], notes: &mut Vec<String>) -> Cell {
    let mut numbers = BTreeSet::new();
    let (mut good, mut bad): (Vec<&Part>, _) = (Vec::new(), 0);
    for part in programs {
        // What compiles alone needs no program that routes.
        if !target.hooks().contains(&part.hook) || good.iter().any(|good| good.hook == part.hook) {
            continue;
        }
        let mut diagnostics = Diagnostics::new();
        let options = Options::default();
        let Part { program, sources, .. } = part;
        let artifact = optimise(program.clone(), &options, &mut diagnostics).and_then(|program| {
            let (listing, contents) = (Listing::default(), Contents::default());
            let checked = Checked::new(&program).ok()?;
            generate(&checked, &listing, &contents, target, sources, &options, &mut diagnostics)
        });
        if artifact.is_some() {
            good.push(part);
            continue;
        }
        bad += 1;
        if let Some(reason) = reason(&diagnostics) {
            let note = format!("`{}`: {reason}", target.name());
            let known = notes.iter().position(|other| *other == note);
            numbers.insert(
                1 + known.unwrap_or_else(|| {
                    notes.push(note);
                    notes.len() - 1
                }),
            );
        }
    }
    let text = match (good.is_empty(), bad) {
        (true, 0) => "-".to_owned(),
        (true, _) => "no".to_owned(),
        (false, 0) => "yes".to_owned(),
        (false, _) => good.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join(", "),
    };
    Cell { text, notes: numbers }
}

/// Why there is an error: what helps, or else what is wrong.
fn reason(diagnostics: &Diagnostics) -> Option<String> {
    let error = diagnostics.iter().find(|found| found.severity == Severity::Error)?;
    Some(error.help.clone().unwrap_or_else(|| error.message.clone()))
}

fn inputs(sample: &Sample, family: Family, hook: Hook) -> Vec<Input> {
    let chain = match hook {
        Hook::Prerouting => "PREROUTING",
        Hook::Input => "INPUT",
        Hook::Forward => "FORWARD",
        Hook::Output => "OUTPUT",
        _ => "POSTROUTING",
    };
    let text = format!(
        "*{}\n{}:{chain} ACCEPT\n-A {chain} {}\nCOMMIT\n",
        sample.table,
        // A program that routes has both.
        if hook == Hook::Forward { ":INPUT ACCEPT\n" } else { "" },
        sample.words(family)
    );
    let (format, sets) = match family {
        Family::Ipv4 => ("iptables-save", SETS[0]),
        Family::Ipv6 => ("ip6tables-save", SETS[1]),
    };
    let input = |name: &str, text: &str, format: &str| Input {
        name: name.to_owned(),
        bytes: text.as_bytes().to_vec(),
        format: Some(format.to_owned()),
    };
    let mut inputs = vec![input("sample", &text, format)];
    for (name, text, format) in
        [("sets", sets, "ipset-save"), ("fingerprints", FINGERPRINTS, "pf.os")]
    {
        if formats().any(|known| known.name == format) {
            inputs.push(input(name, text, format));
        }
    }
    inputs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_are_kept() {
        let page = page(&format!("old\n{COUNTS}\nkept\n")).expect("every extension has a rule");
        assert!(page.ends_with(&format!("{COUNTS}\nkept\n")));
        assert!(page.contains("| `tcp` | yes | yes | yes | yes | |\n"), "{page}");
    }
}
