//! Finds options as getopt_long finds them.
//!
//! Exact long names come first, then unambiguous beginnings; base options before those of
//! extensions, and of extensions the one named last before the others.

use super::Word;
use crate::options::{Given, OptionSpec};
use crate::{ActionExtension, MatchExtension};
use bpfc_ir::Family;

/// An extension that the rule names.
pub struct Loaded<'a> {
    /// Its descriptor.
    pub kind: Kind,
    /// As the rule names it.
    pub name: Word<'a>,
    /// Its options so far.
    pub given: Vec<Given<'a>>,
    /// Whether a later match of the same name takes the options.
    pub closed: bool,
}

/// A match or a target extension.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A match.
    Match(&'static MatchExtension),
    /// A target extension.
    Action(&'static ActionExtension),
}

impl Kind {
    /// Its options.
    pub fn options(self) -> &'static [OptionSpec] {
        match self {
            Kind::Match(extension) => extension.options,
            Kind::Action(extension) => extension.options,
        }
    }
}

/// Where a long option leads.
#[derive(Clone, Copy, PartialEq)]
pub enum Found {
    /// A base option by its letter.
    Base(char),
    /// An option of a loaded extension.
    Extension(usize, &'static OptionSpec),
    /// Nobody has it.
    None,
    /// It is the beginning of more than one.
    Ambiguous,
}

/// Long base options with their letters; those that take a value are in [`takes_value`].
const BASE: &[(&str, char)] = &[
    ("append", 'A'),
    ("delete", 'D'),
    ("check", 'C'),
    ("insert", 'I'),
    ("replace", 'R'),
    ("list", 'L'),
    ("list-rules", 'S'),
    ("flush", 'F'),
    ("zero", 'Z'),
    ("new-chain", 'N'),
    ("delete-chain", 'X'),
    ("rename-chain", 'E'),
    ("policy", 'P'),
    ("source", 's'),
    ("destination", 'd'),
    ("src", 's'),
    ("dst", 'd'),
    ("protocol", 'p'),
    ("in-interface", 'i'),
    ("jump", 'j'),
    ("table", 't'),
    ("match", 'm'),
    ("numeric", 'n'),
    ("out-interface", 'o'),
    ("verbose", 'v'),
    ("wait", 'w'),
    ("wait-interval", 'W'),
    ("exact", 'x'),
    ("fragments", 'f'),
    ("version", 'V'),
    ("help", 'h'),
    ("line-numbers", '0'),
    ("modprobe", 'M'),
    ("set-counters", 'c'),
    ("goto", 'g'),
    ("ipv4", '4'),
    ("ipv6", '6'),
];

/// The long names of base options.
pub fn base_names() -> impl Iterator<Item = &'static str> {
    BASE.iter().map(|(name, _)| *name)
}

/// Whether a base option takes a value in any case.
pub fn takes_value(letter: char) -> bool {
    "ACDIRNPEMcdijopstgm".contains(letter)
}

/// Finds a long option as getopt_long does.
///
/// Where an extension is not known (`opaque`), beginnings may be its own options' and count for
/// nothing.
pub fn find(extensions: &[Loaded<'_>], family: Family, opaque: bool, name: &str) -> Found {
    if let Some((_, letter)) = BASE.iter().find(|(long, _)| *long == name) {
        return base_of_family(*letter, family);
    }
    let open = || extensions.iter().enumerate().rev().filter(|(_, e)| !e.closed);
    for (index, loaded) in open() {
        if let Some(spec) = loaded.kind.options().iter().find(|spec| spec.name == name) {
            return Found::Extension(index, spec);
        }
    }
    let mut found = Found::None;
    if opaque {
        // It may well be an option of the extension that is not known.
        return found;
    }
    for (_, letter) in BASE.iter().filter(|(long, _)| long.starts_with(name)) {
        match found {
            Found::None => found = base_of_family(*letter, family),
            Found::Base(same) if same == *letter => {}
            _ => return Found::Ambiguous,
        }
    }
    for (index, loaded) in open() {
        for spec in loaded.kind.options().iter().filter(|spec| spec.name.starts_with(name)) {
            match found {
                Found::None => found = Found::Extension(index, spec),
                Found::Extension(at, same) if at == index && same.id == spec.id => {}
                _ => return Found::Ambiguous,
            }
        }
    }
    found
}

fn base_of_family(letter: char, family: Family) -> Found {
    match (letter, family) {
        ('f', Family::Ipv6) => Found::None,
        _ => Found::Base(letter),
    }
}
