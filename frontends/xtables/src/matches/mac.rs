//! `-m mac`: the source address of the Ethernet header (net/netfilter/xt_mac.c).
//!
//! A packet without an Ethernet header never matches, inverted or not.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported};
use bpfc_ir::{Base, Condition, Hook, Meta, Type};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static MAC: MatchExtension = MatchExtension {
    name: "mac",
    aliases: &[],
    families: Families::Both,
    options: &[OptionSpec::value("mac-source").invertible().mandatory()],
    protocols: &[],
    hooks: &[Hook::Prerouting, Hook::Input, Hook::Forward],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 16,
        decode: |f, _| match f.u32(8) {
            invert @ 0..=1 => Ok(Arc::new(Mac { source: f.bytes(0), invert: invert == 1 })),
            other => Err(format!("its inversion is {other}, not 0 or 1")),
        },
    }],
};

#[derive(Debug)]
struct Mac {
    source: [u8; 6],
    invert: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let given = options.get("mac-source").ok_or_else(|| options.bad("no address"))?;
    let bad = || given.bad(format!("'{}' is not a hardware address", given.text()));
    let mut source = [0; 6];
    let mut parts = given.text().split(':');
    for byte in &mut source {
        let part = parts.next().filter(|part| (1..=2).contains(&part.len())).ok_or_else(bad)?;
        *byte = u8::from_str_radix(part, 16).map_err(|_| bad())?;
    }
    if parts.next().is_some() {
        return Err(bad());
    }
    Ok(Arc::new(Mac { source, invert: given.invert }))
}

impl Mac {
    fn print(&self, out: &mut String) {
        for (index, byte) in self.source.iter().enumerate() {
            let _ = write!(out, "{}{byte:02x}", if index == 0 { "" } else { ":" });
        }
    }
}

impl Match for Mac {
    fn extension(&self) -> &'static MatchExtension {
        &MAC
    }

    fn save(&self, out: &mut String) {
        out.push_str(if self.invert { " ! --mac-source " } else { " --mac-source " });
        self.print(out);
    }

    fn list(&self, out: &mut String) {
        out.push_str(if self.invert { " MAC ! " } else { " MAC " });
        self.print(out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let there = cx.builder().meta(Meta::LinkHeader);
        let there = cx.builder().compare_const(Condition::Ne, there, 0);
        cx.require(there);
        let b = cx.builder();
        // The six bytes and the EtherType behind them.
        let value = b.payload(Type::I64, Base::Link, 6);
        let masked = b.mask(value, 0xffff_ffff_ffff_0000);
        let source = self.source.iter().fold(0, |number, &byte| number << 8 | u128::from(byte));
        let equal = b.compare_const(Condition::Eq, masked, source << 16);
        cx.expect(equal, !self.invert);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        match packet.packet.link_slice(6, 6) {
            Some(source) => Outcome::of((source == self.source) != self.invert),
            None => Outcome::NoMatch,
        }
    }
}
