//! Rules that write what the kernel reads anew before a later base chain of the same hook.
//!
//! The kernel works out a packet's protocol, lengths and fragment offset before each base chain
//! (include/net/netfilter/nf_tables_ipv4.h, net/ipv4/netfilter/ip_tables.c), programs once before
//! all of a hook. So a rule may change them in a hook's last base chain alone.

use bpfc_diag::{Code, Diagnostic, Diagnostics};
use bpfc_ir::{
    Base, BinaryOp, Func, Function, Op, PacketFamily, Program, Region, Rewrite, Source, Value,
};
use std::collections::BTreeSet;

/// Reports the first such rule of each function.
pub(crate) fn refuse(program: &Program, diagnostics: &mut Diagnostics) {
    let mut before_others: BTreeSet<Func> = BTreeSet::new();
    let mut next: Vec<Func> = Vec::new();
    for entry in &program.entries {
        let Some((_, earlier)) = entry.chains.split_last() else { continue };
        next.extend(earlier.iter().map(|chain| chain.func));
    }
    while let Some(func) = next.pop() {
        if before_others.insert(func) {
            next.extend(program.funcs[func].callees());
        }
    }
    for func in before_others {
        let function = &program.funcs[func];
        let insts = function.layout.iter().flat_map(|&block| &function.blocks[block].insts);
        let mut written = insts.map(|&inst| &function.insts[inst]);
        let Some(data) = written.find(|data| changes_facts(function, &data.op)) else { continue };
        let rule = data.origin.expand().and_then(|origin| origin.first(program));
        let span = rule.and_then(|rule| program.rules[rule].span);
        let message = "the rule changes a packet's protocol, length or fragment offset, which a later \
                       base chain of the hook looks at";
        let error = Diagnostic::error(Code::UNSUPPORTED_VALUE, span, message)
            .with_note("programs read headers once for all base chains of a hook")
            .with_help(
                "give its base chain the greatest priority of the hook, or compile the chains apart",
            );
        diagnostics.push(error);
    }
}

/// Whether an operation may change what main reads of an IP header before chains run.
fn changes_facts(function: &Function, op: &Op) -> bool {
    let Op::Rewrite(rewrite) = op else { return false };
    let facts: &[(u16, u16)] = match function.family {
        PacketFamily::Ipv4 => &[(0, 1), (2, 2), (6, 2), (9, 1)],
        PacketFamily::Ipv6 => &[(0, 1), (4, 3)],
        PacketFamily::Other => &[],
    };
    match *rewrite {
        Rewrite::Store(Base::Network, offset, value) => {
            let bytes = function.ty(value).bytes();
            let changed = changed(function, offset, value);
            facts.iter().any(|&(first, count)| {
                (first..first + count).filter(|at| (offset..offset + bytes).contains(at)).any(
                    |at| {
                        let shift = 8 * (offset + bytes - 1 - at);
                        // The lower four bits of a first byte of IPv6 are none of its version.
                        let own = match (function.family, at) {
                            (PacketFamily::Ipv6, 0) => 0xf0,
                            _ => 0xff,
                        };
                        changed >> shift & own != 0
                    },
                )
            })
        }
        Rewrite::StoreAt(..) => op.writes(function).any(|region| region == Region::Packet),
        _ => false,
    }
}

/// The bits of a number that may differ from those at the offset where it is stored.
fn changed(function: &Function, offset: u16, value: Value) -> u128 {
    let all = function.ty(value).max();
    match *function.definition(value) {
        Op::Load(_, Source::Payload(Base::Network, from)) if from == offset => 0,
        Op::Binary(op @ (BinaryOp::And | BinaryOp::Or | BinaryOp::Xor), a, b) => {
            let Some(mask) = function.constant(b) else { return all };
            let turned = if op == BinaryOp::And { !mask } else { mask };
            (changed(function, offset, a) | turned) & all
        }
        _ => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpfc_ir::parse;

    fn errors(first: &str, family: &str) -> usize {
        let text = format!(
            "entry output {family}: fn0, fn1
             fn0 \"f\" {family} {{ block0: {first} verdict accept }}
             fn1 \"g\" {family} {{ block0: verdict accept }}"
        );
        let (program, _) = parse(&text).expect("a program");
        let mut diagnostics = Diagnostics::new();
        refuse(&program, &mut diagnostics);
        diagnostics.error_count()
    }

    #[test]
    fn what_later_chains_read_anew_is_refused() {
        let kept = "v0 = load.i16 net+0 v1 = const.i16 0xff03 v2 = and v0, v1 store net+0, v2";
        for (body, family, expected) in [
            (kept, "ip", 0),
            (kept, "ip6", 0),
            ("v0 = load.i16 net+0 v1 = const.i16 0xf003 v2 = and v0, v1 store net+0, v2", "ip", 1),
            ("v0 = load.i16 net+0 v1 = const.i16 0xf003 v2 = and v0, v1 store net+0, v2", "ip6", 0),
            ("v0 = load.i16 net+2 store net+8, v0", "ip", 1),
            ("v0 = const.i8 1 store net+9, v0", "ip", 1),
            ("v0 = const.i8 1 store net+8, v0", "ip", 0),
            ("v0 = const.i8 1 store net+6, v0", "ip6", 1),
            ("v0 = const.i8 1 store net+7, v0", "ip6", 0),
        ] {
            assert_eq!(errors(body, family), expected, "{body} in {family}");
        }
    }

    #[test]
    fn the_last_chain_changes_what_it_likes() {
        let text = "entry output ip: fn0, fn1
             fn0 \"f\" ip { block0: verdict accept }
             fn1 \"g\" ip { block0: v0 = const.i8 1 store net+9, v0 verdict accept }";
        let mut diagnostics = Diagnostics::new();
        let (program, _) = parse(text).expect("a program");
        refuse(&program, &mut diagnostics);
        assert_eq!(diagnostics.error_count(), 0);
    }
}
