//! `-m ipv6header`: which extension headers a packet has (net/ipv6/netfilter/ip6t_ipv6header.c).
//!
//! Without `--soft` the packet must have exactly the listed headers, `protocol` meaning a transport
//! protocol at the end; with it, at least these. Inverted: another set, or none of these. A packet
//! whose headers end too early does not match, inverted or not.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
    protocol_number,
};
use bpfc_ir::{Condition, Scan};
use bpfc_packet::extension_set;
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static IPV6HEADER: MatchExtension = MatchExtension {
    name: "ipv6header",
    aliases: &[],
    families: Families::Ipv6,
    options: &[OptionSpec::value("header").invertible().mandatory(), OptionSpec::flag("soft")],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 8,
        decode: |f, _| {
            let all_or_none = |offset| match f.u8(offset) {
                0 => Ok(false),
                0xff => Ok(true),
                other => Err(format!("a flag is {other:#x}, neither 0 nor 0xff")),
            };
            if f.u8(0) == 0 {
                return Err("no header is asked for".to_owned());
            }
            Ok(Arc::new(Headers { set: f.u8(0), invert: all_or_none(1)?, soft: all_or_none(2)? }))
        },
    }],
};

/// Bits, protocol numbers (255 for any transport protocol), and the names: that which is printed,
/// then others that iptables takes besides those of /etc/protocols.
const HEADERS: [(u8, u8, &str, &[&str]); 8] = [
    (0x80, 0, "hop-by-hop", &["hop", "0"]),
    (0x40, 60, "ipv6-opts", &["dst", "60"]),
    (0x20, 43, "ipv6-route", &["route", "43"]),
    (0x10, 44, "ipv6-frag", &["frag", "44"]),
    (0x08, 51, "ah", &["auth", "51"]),
    (0x04, 50, "esp", &["50"]),
    (0x02, 59, "ipv6-nonxt", &["none", "59"]),
    (0x01, 255, "protocol", &["prot", "255"]),
];

#[derive(Debug)]
struct Headers {
    set: u8,
    invert: bool,
    soft: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let given = options.get("header").ok_or_else(|| options.bad("no headers"))?;
    let mut set = 0;
    for name in given.text().split(',').filter(|name| !name.is_empty()) {
        // `all` is no protocol of /etc/protocols.
        let number = protocol_number(name).filter(|_| name != "all");
        let found = HEADERS.iter().find(|(_, kind, printed, others)| match number {
            Some(number) => number == *kind,
            None => *printed == name || others.contains(&name),
        });
        match found {
            Some((bit, ..)) => set |= bit,
            None => return Err(given.bad(format!("'{name}' is no extension header"))),
        }
    }
    if set == 0 {
        return Err(given.bad("no header is named"));
    }
    Ok(Arc::new(Headers { set, invert: given.invert, soft: options.has("soft") }))
}

impl Match for Headers {
    fn extension(&self) -> &'static MatchExtension {
        &IPV6HEADER
    }

    fn save(&self, out: &mut String) {
        let asked = HEADERS.iter().filter(|(bit, ..)| self.set & bit != 0);
        let names: Vec<&str> = asked.map(|(_, _, name, _)| *name).collect();
        let sign = if self.invert { " !" } else { "" };
        let _ = write!(out, "{sign} --header {}", names.join(","));
        out.push_str(if self.soft { " --soft" } else { "" });
    }

    fn list(&self, out: &mut String) {
        let sign = if self.invert { "!" } else { "" };
        let _ = write!(out, " ipv6header flags:{sign}0x{:02X}", self.set);
        out.push_str(if self.soft { " soft" } else { "" });
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let found = cx.builder().scan(Scan::Ipv6Headers);
        let absent = cx.builder().compare_const(Condition::Eq, found, Scan::ABSENT.into());
        cx.forbid(absent);
        if !self.soft {
            let same = cx.builder().compare_const(Condition::Eq, found, self.set.into());
            cx.expect(same, !self.invert);
            return Ok(());
        }
        let listed = cx.builder().mask(found, self.set.into());
        let wanted = if self.invert { 0 } else { self.set };
        let right = cx.builder().compare_const(Condition::Eq, listed, wanted.into());
        cx.require(right);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let Some(found) = extension_set(packet.packet.bytes()) else { return Outcome::NoMatch };
        Outcome::of(match self.soft {
            true if self.invert => found & self.set == 0,
            true => found & self.set == self.set,
            false => (found == self.set) != self.invert,
        })
    }
}
