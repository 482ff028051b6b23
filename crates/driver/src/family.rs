//! Rulesets whose family nothing shows: two of them are no conflict to solve in the files, but a
//! question of what they are.

use crate::beside::format_beside;
use bpfc_diag::{Code, Diagnostic, Diagnostics};
use bpfc_ir::Input;

/// The error in the place of a conflict between two rulesets, at least one of whose families is a
/// guess; `None` where every ruleset shows its own.
pub(crate) fn ask(inputs: &[Input], diagnostics: &Diagnostics) -> Option<Diagnostic> {
    if !diagnostics.iter().any(|found| found.code == Code::GUESSED_FAMILY) {
        return None;
    }
    let rulesets: Vec<&Input> =
        inputs.iter().filter(|input| format_beside(input).is_none()).collect();
    let names: Vec<String> = rulesets.iter().map(|input| format!("'{}'", input.name)).collect();
    let (last, first) = names.split_last()?;
    let message = format!("{} and {last} are all read as IPv4's", first.join(", "));
    let formats = formats(inputs);
    let words: Vec<String> = formats.iter().map(|format| format!("--from {format}")).collect();
    Some(
        Diagnostic::error(Code::CONFLICT, None, message)
            .with_note("nothing in one of them shows that it is IPv6's")
            .with_help(format!("say what each is, in their order: {}", words.join(" "))),
    )
}

/// A format for each input: those of sets as they are, and of rulesets that which the name shows,
/// the second's being the other family's where none shows.
fn formats(inputs: &[Input]) -> Vec<&'static str> {
    let six = |name: &str| name.contains("v6") || name.contains("ip6") || name.contains("ipv6");
    let rulesets = || inputs.iter().filter(|input| format_beside(input).is_none());
    let told = rulesets().any(|input| six(&input.name));
    let mut number = 0;
    let choose = |input: &Input| match format_beside(input) {
        Some(format) => format.name,
        None => {
            number += 1;
            match six(&input.name) || !told && number == 2 {
                true => "ip6tables-save",
                false => "iptables-save",
            }
        }
    };
    inputs.iter().map(choose).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Input {
        let bytes = b"*filter\nCOMMIT\n".to_vec();
        Input { name: name.to_owned(), bytes, format: None }
    }

    #[test]
    fn names_tell_which_is_which() {
        let sets = Input { bytes: b"create a hash:ip\n".to_vec(), ..named("sets") };
        let two = ["ip6tables-save", "iptables-save"];
        assert_eq!(formats(&[named("rules.v6"), named("rules.v4")]), two);
        assert_eq!(formats(&[named("a"), named("b")]), ["iptables-save", "ip6tables-save"]);
        assert_eq!(
            formats(&[named("a"), sets, named("b")]),
            ["iptables-save", "ipset-save", "ip6tables-save"]
        );
    }
}
