//! Rulesets whose family nothing shows: two of them are no conflict to solve in the files, but a
//! question of what they are.

use crate::inputs::{Inputs, Role};
use crate::registry::{FINGERPRINTS, SETS};
use bpfc_diag::{Code, Diagnostic, Diagnostics};

/// The error in the place of a conflict between two rulesets, at least one of whose families is a
/// guess; `None` where every ruleset shows its own.
pub(crate) fn ask(inputs: &Inputs<'_>, diagnostics: &Diagnostics) -> Option<Diagnostic> {
    if !diagnostics.iter().any(|found| found.code == Code::GUESSED_FAMILY) {
        return None;
    }
    let names: Vec<String> =
        inputs.rulesets().map(|(input, _)| format!("'{}'", input.name)).collect();
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
fn formats(inputs: &Inputs<'_>) -> Vec<&'static str> {
    let six = |name: &str| name.contains("v6") || name.contains("ip6") || name.contains("ipv6");
    let told = inputs.rulesets().any(|(input, _)| six(&input.name));
    let mut number = 0;
    let choose = |(input, role): &(&bpfc_ir::Input, Role)| match role {
        Role::Sets => SETS.name,
        Role::Fingerprints => FINGERPRINTS.name,
        Role::Rules(..) | Role::Unreadable(_) => {
            number += 1;
            match six(&input.name) || !told && number == 2 {
                true => "ip6tables-save",
                false => "iptables-save",
            }
        }
    };
    inputs.all.iter().map(choose).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfc_ir::Input;

    fn named(name: &str) -> Input {
        let bytes = b"*filter\nCOMMIT\n".to_vec();
        Input { name: name.to_owned(), bytes, format: None }
    }

    #[test]
    fn names_tell_which_is_which() {
        let sets = Input { bytes: b"create a hash:ip\n".to_vec(), ..named("sets") };
        let two = ["ip6tables-save", "iptables-save"];
        assert_eq!(formats(&Inputs::read(&[named("rules.v6"), named("rules.v4")])), two);
        assert_eq!(
            formats(&Inputs::read(&[named("a"), named("b")])),
            ["iptables-save", "ip6tables-save"]
        );
        assert_eq!(
            formats(&Inputs::read(&[named("a"), sets, named("b")])),
            ["iptables-save", "ipset-save", "ip6tables-save"]
        );
    }
}
