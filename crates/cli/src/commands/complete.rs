//! `bpfc __complete`: names of filters, sets, lists and interfaces, where the last word of a
//! command line is one. What a shell can know beforehand its completion script has; here is what
//! only this machine knows. Nothing is said where nothing is known, and nothing is ever an error.

use crate::args::CompleteArgs;
use crate::console::{Console, Failure};
use bpfc_runtime::Filter;
use std::collections::BTreeSet;

pub(super) fn run(args: &CompleteArgs, console: &Console) -> Result<(), Failure> {
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    let Some((last, before)) = words.split_last() else { return Ok(()) };
    let names = candidates(&crate::definition(), before).unwrap_or_default();
    let fit = names.iter().filter(|name| name.starts_with(last));
    console.print(&fit.map(|name| format!("{name}\n")).collect::<String>())
}

/// What a word is that follows others.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Filter,
    Interface,
    /// A set of a filter.
    Set(String),
    /// A list of recently seen addresses of a filter.
    List(String),
}

fn candidates(definition: &clap::Command, before: &[&str]) -> Option<BTreeSet<String>> {
    let filter = |name: &str| Filter::check_name(name).and_then(|()| Filter::open(name)).ok();
    match kind(definition, before)? {
        // Only looked at: `Filter::list` would clear away what died.
        Kind::Filter => {
            let entries = std::fs::read_dir("/sys/fs/bpf/bpfc").ok()?;
            let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
            Some(names.filter(|name| Filter::check_name(name).is_ok()).collect())
        }
        Kind::Interface => {
            let interfaces = nix::net::if_::if_nameindex().ok()?;
            let names = interfaces.iter().map(|i| i.name().to_string_lossy().into_owned());
            Some(names.collect())
        }
        Kind::Set(name) => {
            let filter = filter(&name)?;
            let named = filter.named_sets().ok()?.into_iter().map(|set| set.label());
            Some(filter.sets().ok()?.into_iter().map(|def| def.name).chain(named).collect())
        }
        Kind::List(name) => Some(filter(&name)?.recent_lists().ok()?.into_iter().collect()),
    }
}

/// What the next word is: an option's value, or the argument at its place.
fn kind(definition: &clap::Command, before: &[&str]) -> Option<Kind> {
    let mut command = definition;
    let mut given: Vec<&str> = Vec::new();
    let mut open = None;
    for word in before {
        if open.take().is_some() {
            continue;
        }
        if let Some(option) = word.strip_prefix("--") {
            let option = command.get_arguments().find(|arg| arg.get_long() == Some(option));
            open = option.filter(|arg| arg.get_action().takes_values());
        } else if !word.starts_with('-') {
            match command.find_subcommand(word).filter(|_| given.is_empty()) {
                Some(sub) => command = sub,
                None => given.push(word),
            }
        }
    }
    if let Some(option) = open {
        return match option.get_long()? {
            "iface" => Some(Kind::Interface),
            "name" | "live" => Some(Kind::Filter),
            _ => None,
        };
    }
    let argument = command.get_positionals().nth(given.len())?;
    let filter = || given.first().map(|name| (*name).to_owned());
    match argument.get_id().as_str() {
        "name" => Some(Kind::Filter),
        "set" | "other" => filter().map(Kind::Set),
        "list" => filter().map(Kind::List),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_by_their_place() {
        let kind = |line: &str| {
            let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
            kind(&crate::definition(), &words)
        };
        for line in [
            "unload",
            "counters -x",
            "status --json",
            "set add",
            "recent list",
            "--color never log",
        ] {
            assert_eq!(kind(line), Some(Kind::Filter), "{line}");
        }
        for line in ["explain --live", "load x --name", "load --target xdp --name"] {
            assert_eq!(kind(line), Some(Kind::Filter), "{line}");
        }
        assert_eq!(kind("load x --target xdp --iface"), Some(Kind::Interface));
        assert_eq!(kind("set add web"), Some(Kind::Set("web".into())));
        assert_eq!(kind("set swap web one"), Some(Kind::Set("web".into())));
        assert_eq!(kind("recent flush web"), Some(Kind::List("web".into())));
        for line in
            ["", "set", "check", "load", "set add web banned", "load --target", "unload web"]
        {
            assert_eq!(kind(line), None, "{line}");
        }
    }
}
