//! Rules that reject packets: which they are, and how to let them drop packets without an answer.

use bpfc_diag::{Code, Diagnostic, Diagnostics};
use bpfc_ir::{BlockData, Program, Reject, Rule, Terminator, Verdict};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The rules that end in a rejection, with what they tell the sender.
fn rejecting(program: &Program) -> BTreeMap<Rule, Reject> {
    let blocks = program
        .funcs
        .values()
        .flat_map(|function| function.layout.iter().map(|&block| &function.blocks[block]));
    blocks
        .filter_map(|data| match data.terminator {
            Terminator::Verdict(Verdict::Reject(reject)) => {
                Some((data.origin.expand()?.first(program)?, reject))
            }
            _ => None,
        })
        .collect()
}

/// What the sender of a packet is told that these rules of a lowered program have counted, by
/// their labels; `None` where no rule among them rejects. A packet goes no further than the first
/// rule that does.
pub fn rejection(program: &Program, labels: &[String]) -> Option<Reject> {
    let rejecting = rejecting(program);
    let told = |label: &String| {
        let found = rejecting.iter().find(|(rule, _)| program.label(**rule) == *label);
        found.map(|(_, reject)| *reject)
    };
    labels.iter().find_map(told)
}

/// Lets every rejection drop the packet without an answer, and notes it.
pub fn drop_rejected(program: &mut Program, diagnostics: &mut Diagnostics) {
    let rules = rejecting(program);
    for function in program.funcs.values_mut() {
        let rejects =
            |data: &BlockData| matches!(data.terminator, Terminator::Verdict(Verdict::Reject(_)));
        if !function.blocks.values().any(rejects) {
            continue;
        }
        let function = Arc::make_mut(function);
        for data in function.blocks.values_mut() {
            if let Terminator::Verdict(verdict @ Verdict::Reject(_)) = &mut data.terminator {
                *verdict = Verdict::Drop;
            }
        }
    }
    let Some(first) = rules.keys().next() else { return };
    let message = match rules.len() {
        1 => "a rule that rejects packets drops them without an answer".to_owned(),
        number => format!("{number} rules that reject packets drop them without an answer"),
    };
    diagnostics.push(Diagnostic::note(Code::REJECT_DROPS, program.rules[*first].span, message));
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfc_ir::{Entry, Hook, Input, PacketFamily};

    #[test]
    fn rejections_become_drops() {
        let text = "*filter\n:INPUT ACCEPT\n-A INPUT -p tcp -j REJECT --reject-with tcp-reset\n\
                    -A INPUT -p udp -j DROP\n-A INPUT -j REJECT\nCOMMIT\n";
        let input = Input {
            name: "x".into(),
            bytes: text.as_bytes().to_vec(),
            format: Some("iptables-save".into()),
        };
        let mut program =
            crate::lower(&[input], &crate::Options::default()).program.expect("lowers");
        let entry = |entry: &Entry| (entry.hook, entry.family) == (Hook::Input, PacketFamily::Ipv4);
        assert!(program.entries.iter().any(entry));
        let label = |number| format!("filter/INPUT:{number}");
        assert_eq!(rejection(&program, &[label(1)]), Some(Reject::TcpReset));
        assert_eq!(rejection(&program, &[label(2)]), None);
        assert_eq!(rejection(&program, &[label(3)]), Some(Reject::Icmp(3)));

        let mut diagnostics = Diagnostics::new();
        drop_rejected(&mut program, &mut diagnostics);
        assert_eq!(rejection(&program, &[label(1), label(3)]), None);
        assert_eq!(bpfc_ir::verify(&program), Ok(()));
        let notes: Vec<_> = diagnostics.iter().map(|found| found.code).collect();
        assert_eq!(notes, [Code::REJECT_DROPS]);
        drop_rejected(&mut program, &mut diagnostics);
        assert_eq!(diagnostics.iter().count(), 1);
    }
}
