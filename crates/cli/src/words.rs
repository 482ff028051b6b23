//! Words that options take: names of what bpfc knows, and what else is checked where it is read.

use bpfc_driver::{formats, passes, targets};
use bpfc_ir::Hook;
use bpfc_runtime::Filter;
use clap::builder::{PossibleValue, TypedValueParser};
use std::ffi::OsStr;

/// Reads a word that must be one of a registry's names, and completes them.
macro_rules! registry_parser {
    ($(#[$doc:meta])* $name:ident, $values:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl TypedValueParser for $name {
            type Value = String;

            fn parse_ref(
                &self,
                command: &clap::Command,
                argument: Option<&clap::Arg>,
                value: &OsStr,
            ) -> Result<String, clap::Error> {
                clap::builder::PossibleValuesParser::new($values).parse_ref(command, argument, value)
            }

            fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
                Some(Box::new($values))
            }
        }
    };
}

registry_parser!(
    /// A target's name.
    TargetName,
    targets().iter().map(|t| PossibleValue::new(t.name()).help(t.description()))
);
registry_parser!(
    /// A format's name.
    FormatName,
    formats().map(|f| PossibleValue::new(f.name).help(f.description))
);

registry_parser!(
    /// A pass's name.
    PassName,
    passes().map(|p| PossibleValue::new(p.name).help(p.description))
);

registry_parser!(
    /// A hook's name.
    HookName,
    HOOKS.iter().map(PossibleValue::new)
);

/// The hooks that iptables has, as `Hook` prints them.
const HOOKS: [&str; 5] = ["prerouting", "input", "forward", "output", "postrouting"];

/// A hook by its name.
pub fn hook(name: &str) -> Result<Hook, String> {
    name.parse().map_err(|_| format!("the hooks are {}", HOOKS.join(", ")))
}

/// A filter's name.
pub fn filter_name(word: &str) -> Result<String, String> {
    match Filter::check_name(word) {
        Ok(()) => Ok(word.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// A time in seconds: not negative, and at most a year, which is for ever.
pub fn seconds(word: &str) -> Result<f64, String> {
    const YEAR: f64 = 365.0 * 86_400.0;
    match word.parse::<f64>() {
        Ok(seconds) if (0.0..=YEAR).contains(&seconds) => Ok(seconds),
        _ => Err(format!("'{word}' is no number of seconds from 0 to {YEAR}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_are_named() {
        for name in HOOKS {
            assert_eq!(hook(name).map(|hook| hook.to_string()), Ok(name.to_owned()));
        }
        assert!(hook("inptu").unwrap_err().contains("postrouting"));
    }
}
