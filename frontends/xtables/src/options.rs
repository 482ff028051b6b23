//! Options of extensions: their specification, and how an extension reads what was given.
//!
//! The reader finds each option's extension as getopt does and checks what every extension wants
//! checked (use once, inversion, mandatory options); the extension then sees a list of given
//! options and makes its instance of them.

use crate::Header;
use crate::header::address_text;
use crate::names;
use crate::text::{Word, c_number};
use bpfc_diag::{Code, Span};
use bpfc_ir::{Accounts, Family};

/// One long option of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionSpec {
    /// Without the dashes.
    pub name: &'static str,
    /// What the extension knows it by; aliases share one.
    pub id: &'static str,
    /// How many words follow it: 0, 1 or 2.
    pub values: u8,
    /// Whether `!` may stand before it.
    pub invertible: bool,
    /// Whether it may be given twice.
    pub repeatable: bool,
    /// Whether it must be given.
    pub mandatory: bool,
}

impl OptionSpec {
    /// An option that takes one value.
    pub const fn value(name: &'static str) -> Self {
        OptionSpec {
            name,
            id: name,
            values: 1,
            invertible: false,
            repeatable: false,
            mandatory: false,
        }
    }

    /// An option without a value.
    pub const fn flag(name: &'static str) -> Self {
        OptionSpec { values: 0, ..Self::value(name) }
    }

    /// An option that takes two values.
    pub const fn pair(name: &'static str) -> Self {
        OptionSpec { values: 2, ..Self::value(name) }
    }

    /// With another name, `self`'s identifier staying.
    pub const fn alias(self, name: &'static str) -> Self {
        OptionSpec { name, ..self }
    }

    /// That `!` may invert.
    pub const fn invertible(self) -> Self {
        OptionSpec { invertible: true, ..self }
    }

    /// That may be given twice.
    pub const fn repeatable(self) -> Self {
        OptionSpec { repeatable: true, ..self }
    }

    /// That must be given.
    pub const fn mandatory(self) -> Self {
        OptionSpec { mandatory: true, ..self }
    }
}

/// What is wrong with an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Its code, usually [`Code::BAD_VALUE`] or [`Code::UNSUPPORTED_VALUE`].
    pub code: Code,
    /// One sentence.
    pub message: String,
    /// The option, the value or the extension's name.
    pub span: Span,
}

/// An option as it was given.
#[derive(Clone, Debug)]
pub struct Given<'a> {
    /// What the extension knows it by.
    pub id: &'static str,
    /// Whether a `!` inverts it.
    pub invert: bool,
    /// As many words as its specification says.
    pub values: Vec<Word<'a>>,
    /// From the option's name to its last value.
    pub span: Span,
}

impl Given<'_> {
    /// The first value; empty where the option takes none.
    pub fn text(&self) -> &str {
        self.values.first().map_or("", |word| &word.text)
    }

    /// A problem of the value.
    pub fn bad(&self, message: impl Into<String>) -> Problem {
        self.problem(Code::BAD_VALUE, message)
    }

    /// A problem: the value is right, but not supported.
    pub fn unsupported(&self, message: impl Into<String>) -> Problem {
        self.problem(Code::UNSUPPORTED_VALUE, message)
    }

    fn problem(&self, code: Code, message: impl Into<String>) -> Problem {
        let span = self.values.first().map_or(self.span, |word| word.span);
        Problem { code, message: format!("--{}: {}", self.id, message.into()), span }
    }

    /// The value as a number within bounds, in C's notation.
    pub fn number(&self, low: u64, high: u64) -> Result<u64, Problem> {
        match c_number(self.text()) {
            Some((value, "")) if (low..=high).contains(&value) => Ok(value),
            _ => Err(self.bad(format!("'{}' is not a number from {low} to {high}", self.text()))),
        }
    }

    /// The value as `N`, `N:M`, `:M` or `N:` (XTTYPE_UINT*RC: missing ends are 0 and `max`). The
    /// order of the ends is not checked.
    pub fn range(&self, max: u64) -> Result<(u64, u64), Problem> {
        let number = |part: &str, missing: u64| match c_number(part) {
            _ if part.is_empty() => Ok(missing),
            Some((value, "")) if value <= max => Ok(value),
            _ => Err(self.bad(format!("'{part}' is not a number from 0 to {max}"))),
        };
        match self.text().split_once(':') {
            None => number(self.text(), 0).map(|value| (value, value)),
            Some((low, high)) => Ok((number(low, 0)?, number(high, max)?)),
        }
    }

    /// The value as `N` or `N/MASK`, 32 bits each; the mask is all ones where there is none.
    pub fn value_and_mask(&self) -> Result<(u32, u32), Problem> {
        let bad = || self.bad(format!("'{}' is not VALUE or VALUE/MASK", self.text()));
        let number = |text| match c_number(text) {
            Some((value, rest)) => u32::try_from(value).map(|v| (v, rest)).map_err(|_| bad()),
            None => Err(bad()),
        };
        let (value, rest) = number(self.text())?;
        match rest.strip_prefix('/') {
            None if rest.is_empty() => Ok((value, u32::MAX)),
            None => Err(bad()),
            Some(mask) => match number(mask)? {
                (mask, "") => Ok((value, mask)),
                _ => Err(bad()),
            },
        }
    }

    /// A port: a number in C's notation, or a service of `protocol`.
    pub fn port(&self, text: &str, protocol: u8) -> Result<u16, Problem> {
        match c_number(text) {
            Some((value, "")) if value <= 0xffff => Ok(value as u16),
            _ => self.service(text, Some(protocol)),
        }
    }

    /// A port: a decimal number, or a service of any protocol (as getaddrinfo reads it).
    pub fn plain_port(&self, text: &str) -> Result<u16, Problem> {
        text.parse().or_else(|_| self.service(text, None))
    }

    fn service(&self, text: &str, protocol: Option<u8>) -> Result<u16, Problem> {
        names::service_port(text, protocol)
            .ok_or_else(|| self.bad(format!("'{text}' is no port or service")))
    }
}

/// All options given to one instance, with what surrounds them.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    /// The extension as the rule names it, which may be an alias.
    pub name: &'a str,
    /// Where the rule names it.
    pub span: Span,
    /// In the order given.
    pub given: &'a [Given<'a>],
    /// The file's family.
    pub family: Family,
    /// The whole rule's header.
    pub header: &'a Header,
    /// Who knows users and groups by name.
    pub accounts: Option<&'static dyn Accounts>,
}

impl<'a> Options<'a> {
    /// The option of an identifier (the last, where it was given twice).
    pub fn get(&self, id: &str) -> Option<&'a Given<'a>> {
        self.given.iter().rev().find(|given| given.id == id)
    }

    /// Whether the option was given.
    pub fn has(&self, id: &str) -> bool {
        self.get(id).is_some()
    }

    /// A problem of the extension as a whole.
    pub fn bad(&self, message: impl Into<String>) -> Problem {
        Problem {
            code: Code::BAD_VALUE,
            message: format!("{}: {}", self.name, message.into()),
            span: self.span,
        }
    }

    /// Checks that no two of the options were given.
    pub fn exclusive(&self, ids: &[&str]) -> Result<(), Problem> {
        let mut found = self.given.iter().filter(|given| ids.contains(&given.id));
        let Some(first) = found.next() else { return Ok(()) };
        match found.find(|given| given.id != first.id) {
            None => Ok(()),
            Some(second) => Err(Problem {
                code: Code::BAD_VALUE,
                message: format!(
                    "{}: --{} and --{} cannot be used together",
                    self.name, first.id, second.id
                ),
                span: second.span,
            }),
        }
    }

    /// Checks that one of the options was given.
    pub fn one_of(&self, ids: &[&str]) -> Result<(), Problem> {
        if self.given.iter().any(|given| ids.contains(&given.id)) {
            return Ok(());
        }
        let names: Vec<String> = ids.iter().map(|id| format!("--{id}")).collect();
        Err(self.bad(format!("it needs {}", names.join(" or "))))
    }
}

/// An address as iptables prints it in an extension's options.
pub fn show_address(family: Family, address: u128) -> String {
    address_text(family, address)
}
