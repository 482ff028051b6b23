//! `-m ttl` and `-m hl`: IPv4's time to live and IPv6's hop limit (net/netfilter/xt_hl.c).

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    Families, Fields, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{Base, Condition, Family, Type};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor of `ttl`.
pub static TTL: MatchExtension = MatchExtension {
    name: "ttl",
    aliases: &[],
    families: Families::Ipv4,
    options: &[
        OptionSpec::value("ttl-lt"),
        OptionSpec::value("ttl-gt"),
        OptionSpec::value("ttl-eq").invertible(),
        OptionSpec::value("ttl-eq").alias("ttl").invertible(),
    ],
    protocols: &[],
    hooks: &[],
    parse: |options| parse(options, Family::Ipv4, ["ttl-eq", "ttl-lt", "ttl-gt"]),
    revisions: &[Revision { number: 0, size: 8, decode: |f, _| decode(f, Family::Ipv4) }],
};

/// The descriptor of `hl`.
pub static HL: MatchExtension = MatchExtension {
    name: "hl",
    aliases: &[],
    families: Families::Ipv6,
    options: &[
        OptionSpec::value("hl-lt"),
        OptionSpec::value("hl-gt"),
        OptionSpec::value("hl-eq").invertible(),
        OptionSpec::value("hl-eq").alias("hl").invertible(),
    ],
    protocols: &[],
    hooks: &[],
    parse: |options| parse(options, Family::Ipv6, ["hl-eq", "hl-lt", "hl-gt"]),
    revisions: &[Revision { number: 0, size: 8, decode: |f, _| decode(f, Family::Ipv6) }],
};

#[derive(Debug)]
struct Ttl {
    family: Family,
    condition: Condition,
    value: u8,
}

/// The conditions in the order of the kernel's modes.
const MODES: [Condition; 4] = [Condition::Eq, Condition::Ne, Condition::Lt, Condition::Gt];

fn decode(f: Fields<'_>, family: Family) -> Result<Arc<dyn Match>, String> {
    match MODES.get(usize::from(f.u8(0))) {
        Some(&condition) => Ok(Arc::new(Ttl { family, condition, value: f.u8(1) })),
        None => Err(format!("unknown mode {}", f.u8(0))),
    }
}

fn parse(options: &Options<'_>, family: Family, ids: [&str; 3]) -> Result<Arc<dyn Match>, Problem> {
    options.exclusive(&ids)?;
    options.one_of(&ids)?;
    let Some(given) = options.given.first() else { return Err(options.bad("no value")) };
    let condition = match (given.id == ids[0], given.id == ids[1]) {
        (true, _) if given.invert => Condition::Ne,
        (true, _) => Condition::Eq,
        (_, true) => Condition::Lt,
        _ => Condition::Gt,
    };
    Ok(Arc::new(Ttl { family, condition, value: given.number(0, 255)? as u8 }))
}

impl Match for Ttl {
    fn extension(&self) -> &'static MatchExtension {
        match self.family {
            Family::Ipv4 => &TTL,
            Family::Ipv6 => &HL,
        }
    }

    fn save(&self, out: &mut String) {
        let (sign, word) = match self.condition {
            Condition::Ne => (" !", "eq"),
            Condition::Lt => ("", "lt"),
            Condition::Gt => ("", "gt"),
            _ => ("", "eq"),
        };
        let _ = write!(out, "{sign} --{}-{word} {}", self.extension().name, self.value);
    }

    fn list(&self, out: &mut String) {
        let name = if self.family == Family::Ipv4 { "TTL" } else { "HL" };
        let sign = match self.condition {
            Condition::Ne => "!=",
            Condition::Lt => "<",
            Condition::Gt => ">",
            _ => "==",
        };
        let _ = write!(out, " {name} match {name} {sign} {}", self.value);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let offset = if self.family == Family::Ipv4 { 8 } else { 7 };
        let b = cx.builder();
        let value = b.payload(Type::I8, Base::Network, offset);
        let holds = b.compare_const(self.condition, value, self.value.into());
        cx.require(holds);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let offset = if self.family == Family::Ipv4 { 8 } else { 7 };
        let value = packet.packet.bytes()[offset];
        Outcome::of(match self.condition {
            Condition::Ne => value != self.value,
            Condition::Lt => value < self.value,
            Condition::Gt => value > self.value,
            _ => value == self.value,
        })
    }
}
