//! `-j REJECT`: drops the packet and tells its sender (net/ipv4/netfilter/ipt_REJECT.c,
//! net/ipv6/netfilter/ip6t_REJECT.c).
//!
//! The kernel's numbers of what is told are no ICMP codes, and differ between the families. One
//! is left out here that the kernel's headers have: `icmp6-not-neighbour`, which iptables cannot
//! write. An echo reply is refused by the kernel itself.

use crate::lower::RuleCx;
use crate::reference::View;
use crate::{
    Action, ActionExtension, Families, Header, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{Family, Reject as Answer, Verdict};
use std::sync::Arc;

/// The descriptor.
pub static REJECT: ActionExtension = ActionExtension {
    name: "REJECT",
    families: Families::Both,
    options: &[OptionSpec::value("reject-with")],
    tables: &["filter"],
    parse,
    revisions: &[Revision {
        number: 0,
        // struct ipt_reject_info and ip6t_reject_info: one number.
        size: 8,
        decode: |f, cx| {
            let number = f.u32(0);
            let Some(with) = kinds(cx.family).iter().find(|kind| kind.number == number) else {
                return Err(match number == echo_reply(cx.family) {
                    true => "an echo reply is no longer sent".to_owned(),
                    false => format!("what it answers with is {number}, which is unknown"),
                });
            };
            check(with, cx.header)?;
            Ok(Arc::new(Reject { with }))
        },
    }],
};

/// One thing that a sender can be told.
#[derive(Debug)]
struct Kind {
    /// `enum ipt_reject_with` or `ip6t_reject_with`.
    number: u32,
    name: &'static str,
    alias: &'static str,
    answer: Answer,
}

const fn kind(number: u32, name: &'static str, alias: &'static str, answer: Answer) -> Kind {
    Kind { number, name, alias, answer }
}

/// In the order of numbers, which is that in which iptables looks for a word.
static IPV4: [Kind; 8] = [
    kind(0, "icmp-net-unreachable", "net-unreach", Answer::Icmp(0)),
    kind(1, "icmp-host-unreachable", "host-unreach", Answer::Icmp(1)),
    kind(2, "icmp-proto-unreachable", "proto-unreach", Answer::Icmp(2)),
    kind(3, "icmp-port-unreachable", "port-unreach", Answer::Icmp(3)),
    kind(5, "icmp-net-prohibited", "net-prohib", Answer::Icmp(9)),
    kind(6, "icmp-host-prohibited", "host-prohib", Answer::Icmp(10)),
    kind(7, "tcp-reset", "tcp-rst", Answer::TcpReset),
    kind(8, "icmp-admin-prohibited", "admin-prohib", Answer::Icmp(13)),
];

static IPV6: [Kind; 7] = [
    kind(0, "icmp6-no-route", "no-route", Answer::Icmp(0)),
    kind(1, "icmp6-adm-prohibited", "adm-prohibited", Answer::Icmp(1)),
    kind(3, "icmp6-addr-unreachable", "addr-unreach", Answer::Icmp(3)),
    kind(4, "icmp6-port-unreachable", "port-unreach", Answer::Icmp(4)),
    kind(6, "tcp-reset", "tcp-reset", Answer::TcpReset),
    kind(7, "icmp6-policy-fail", "policy-fail", Answer::Icmp(5)),
    kind(8, "icmp6-reject-route", "reject-route", Answer::Icmp(6)),
];

fn kinds(family: Family) -> &'static [Kind] {
    match family {
        Family::Ipv4 => &IPV4,
        Family::Ipv6 => &IPV6,
    }
}

/// The number that once meant an echo reply.
fn echo_reply(family: Family) -> u32 {
    match family {
        Family::Ipv4 => 4,
        Family::Ipv6 => 5,
    }
}

/// A reset answers TCP alone: the rule must say so.
fn check(kind: &Kind, header: &Header) -> Result<(), String> {
    const TCP: u16 = 6;
    let tcp = header.protocol.number == TCP && !header.protocol.invert;
    match kind.answer == Answer::TcpReset && !tcp {
        true => Err("tcp-reset needs -p tcp".to_owned()),
        false => Ok(()),
    }
}

#[derive(Debug)]
struct Reject {
    with: &'static Kind,
}

/// The default has the same name in both families but for its beginning.
const DEFAULT: &str = "port-unreach";

fn parse(options: &Options<'_>) -> Result<Arc<dyn Action>, Problem> {
    let given = options.get("reject-with");
    let word = given.map_or(DEFAULT, |given| given.text());
    // A beginning of a name will do, in either case (strncasecmp).
    let begins =
        |name: &str| name.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let bad = |message: String| match given {
        Some(given) => given.bad(message),
        None => options.bad(message),
    };
    let known = kinds(options.family);
    let Some(with) = known.iter().find(|kind| begins(kind.name) || begins(kind.alias)) else {
        let names: Vec<&str> = known.iter().map(|kind| kind.name).collect();
        return Err(bad(format!("'{word}' is none of {}", names.join(", "))));
    };
    check(with, options.header).map_err(bad)?;
    Ok(Arc::new(Reject { with }))
}

impl Action for Reject {
    fn extension(&self) -> &'static ActionExtension {
        &REJECT
    }

    fn save(&self, out: &mut String) {
        out.push_str(" --reject-with ");
        out.push_str(self.with.name);
    }

    fn list(&self, out: &mut String) {
        out.push_str(" reject-with ");
        out.push_str(self.with.name);
    }

    fn lower(&self, _: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        Ok(())
    }

    fn verdict(&self) -> Option<Verdict> {
        Some(self.with.answer.into())
    }

    fn evaluate(&self, _: &mut View<'_>) -> Option<Verdict> {
        Some(self.with.answer.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DecodeCx, Fields};

    fn decode(family: Family, number: u32, header: &Header) -> Result<String, String> {
        let mut bytes = number.to_ne_bytes().to_vec();
        bytes.resize(8, 0);
        let made = (REJECT.revisions[0].decode)(
            Fields(&bytes),
            &DecodeCx { family, header, sets: &bpfc_ir::SetTable::default() },
        );
        made.map(|made| {
            let mut text = String::new();
            made.save(&mut text);
            text
        })
    }

    #[test]
    fn kernel_structs_hold_numbers_of_their_own() {
        let mut tcp = Header::default();
        tcp.protocol.number = 6;
        for family in [Family::Ipv4, Family::Ipv6] {
            for kind in kinds(family) {
                let text = format!(" --reject-with {}", kind.name);
                assert_eq!(decode(family, kind.number, &tcp), Ok(text));
            }
            assert!(decode(family, echo_reply(family), &tcp).unwrap_err().contains("echo reply"));
            for unknown in [9, 255, u32::MAX] {
                assert!(decode(family, unknown, &tcp).unwrap_err().contains("unknown"));
            }
        }
        assert!(decode(Family::Ipv6, 2, &tcp).is_err());
        let reset = |header: &Header| decode(Family::Ipv4, 7, header).unwrap_err();
        assert!(reset(&Header::default()).contains("-p tcp"));
        tcp.protocol.invert = true;
        assert!(reset(&tcp).contains("-p tcp"));
    }

    #[test]
    fn every_kind_is_one_of_its_family() {
        for family in [Family::Ipv4, Family::Ipv6] {
            assert!(kinds(family).is_sorted_by_key(|kind| kind.number));
            for kind in kinds(family) {
                assert!(kind.answer.fits(family), "{kind:?}");
                assert_ne!(kind.number, echo_reply(family));
            }
        }
    }
}
