//! `-m connlimit`: how many connections live under an address (net/netfilter/xt_connlimit.c).
//!
//! Every rule counts by itself. Packets of protocols other than TCP and UDP have connections, too,
//! which the kernel offers programs no way to look up: the rule must say `-p tcp` or `-p udp`.

use super::connlimit_state::Table;
use crate::lower::RuleCx;
use crate::reference::{Outcome, View, address_number};
use crate::text::value;
use crate::{
    Families, Fields, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{Base, Condition, Family, ObjectKind, Query, Type};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static CONNLIMIT: MatchExtension = MatchExtension {
    name: "connlimit",
    aliases: &[],
    families: Families::Both,
    options: &[
        OptionSpec::value("connlimit-upto").invertible(),
        OptionSpec::value("connlimit-above").invertible(),
        OptionSpec::value("connlimit-mask"),
        OptionSpec::flag("connlimit-saddr"),
        OptionSpec::flag("connlimit-daddr"),
    ],
    protocols: &[],
    hooks: &[],
    parse,
    // The last 8 bytes are a pointer of the kernel's.
    revisions: &[Revision { number: 1, size: 32, decode: |f, cx| decode(f, cx.family) }],
};

/// Bits of the flags (`XT_CONNLIMIT_*`).
const UPTO: u32 = 1;
const DESTINATION: u32 = 2;

const TCP: u8 = 6;
const UDP: u8 = 17;

#[derive(Debug)]
struct ConnLimit {
    family: Family,
    limit: u32,
    /// Whether it matches up to the limit rather than above it.
    upto: bool,
    destination: bool,
    /// The bits of addresses that count, any mask.
    mask: u128,
}

/// `struct xt_connlimit_info`.
fn decode(f: Fields<'_>, family: Family) -> Result<Arc<dyn Match>, String> {
    let (mask, limit, flags) = (f.address(family, 0), f.u32(16), f.u32(20));
    if flags & !(UPTO | DESTINATION) != 0 {
        return Err(format!("unknown flags {flags:#x}"));
    }
    let (upto, destination) = (flags & UPTO != 0, flags & DESTINATION != 0);
    Ok(Arc::new(ConnLimit { family, limit, upto, destination, mask }))
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    options.exclusive(&["connlimit-upto", "connlimit-above"])?;
    options.exclusive(&["connlimit-saddr", "connlimit-daddr"])?;
    options.one_of(&["connlimit-upto", "connlimit-above"])?;
    let (upto, above) = (options.get("connlimit-upto"), options.get("connlimit-above"));
    let Some(given) = upto.or(above) else { return Err(options.bad("no number")) };
    let family = options.family;
    let bits = bits(family);
    let length = match options.get("connlimit-mask") {
        // What is no prefix counts as the whole address.
        Some(given) => value::prefix(family, given.text())
            .map_err(|message| given.bad(message))?
            .map_or(bits, u32::from),
        None => bits,
    };
    let all = u128::MAX >> (128 - bits);
    Ok(Arc::new(ConnLimit {
        family,
        limit: given.number(0, u32::MAX.into())? as u32,
        upto: given.invert != upto.is_some(),
        destination: options.has("connlimit-daddr"),
        mask: all.checked_shl(bits - length).unwrap_or(0) & all,
    }))
}

fn bits(family: Family) -> u32 {
    match family {
        Family::Ipv4 => 32,
        Family::Ipv6 => 128,
    }
}

impl ConnLimit {
    /// What iptables prints of the mask: in each word of 32 bits, those above its first zero.
    fn prefix(&self) -> u32 {
        let words = bits(self.family) / 32;
        (0..words).map(|word| ((self.mask >> (32 * word)) as u32).leading_ones()).sum()
    }

    fn holds(&self, connections: u32) -> bool {
        (connections > self.limit) != self.upto
    }
}

impl Match for ConnLimit {
    fn extension(&self) -> &'static MatchExtension {
        &CONNLIMIT
    }

    fn save(&self, out: &mut String) {
        let word = if self.upto { "upto" } else { "above" };
        let side = if self.destination { "daddr" } else { "saddr" };
        let prefix = self.prefix();
        let limit = self.limit;
        let _ =
            write!(out, " --connlimit-{word} {limit} --connlimit-mask {prefix} --connlimit-{side}");
    }

    fn list(&self, out: &mut String) {
        let sign = if self.upto { "<=" } else { ">" };
        let side = if self.destination { "dst" } else { "src" };
        let _ = write!(out, " #conn {side}/{} {sign} {}", self.prefix(), self.limit);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        if !cx.protocol().is_some_and(|protocol| [TCP, UDP].contains(&protocol)) {
            return Err(Unsupported(
                "connlimit counts connections of every protocol here, and programs can look up \
                 those of TCP and UDP alone: say -p tcp or -p udp in the rule"
                    .into(),
            ));
        }
        let object = cx.object(ObjectKind::Connections { family: self.family });
        let (ty, source, destination) = match self.family {
            Family::Ipv4 => (Type::I32, 12, 16),
            Family::Ipv6 => (Type::I128, 8, 24),
        };
        let side = if self.destination { destination } else { source };
        let b = cx.builder();
        let address = b.payload(ty, Base::Network, side);
        let address = b.mask(address, self.mask);
        let connections = b.query(object, Query::Connections, vec![address]);
        let counted = b.compare_const(Condition::Ne, connections, 0);
        cx.require_or_drop(counted);
        let within = cx.builder().in_range(connections, 0, self.limit.into());
        cx.expect(within, self.upto);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, state: &mut u64) -> Outcome {
        let memory = packet.memory;
        if *state == 0 {
            // A table of the rule's own.
            *state = memory.with(
                "connlimit rules",
                "",
                || 0,
                |rules: &mut u64| {
                    *rules += 1;
                    *rules
                },
            );
        }
        let side = match self.destination {
            true => packet.packet.destination(),
            false => packet.packet.source(),
        };
        let key = address_number(side) & self.mask;
        let count = |table: &mut Table| table.count(key, &packet.packet);
        match memory.with("connlimit", &state.to_string(), Table::default, count) {
            0 => Outcome::Hotdrop,
            connections => Outcome::of(self.holds(connections)),
        }
    }
}
