//! `-m realm`: the realm of the packet's route (net/netfilter/xt_realm.c).

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    Families, Fields, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{Condition, Hook, Meta};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static REALM: MatchExtension = MatchExtension {
    name: "realm",
    aliases: &[],
    families: Families::Ipv4,
    options: &[OptionSpec::value("realm").invertible().mandatory()],
    protocols: &[],
    hooks: &[Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting],
    parse,
    revisions: &[Revision { number: 0, size: 16, decode: |f, _| decode(f) }],
};

/// `realm & mask == value`, or not.
#[derive(Debug)]
struct Realm {
    value: u32,
    mask: u32,
    invert: bool,
}

/// The name of realm 0, the only one that /etc/iproute2/rt_realms has by itself.
const ZERO: &str = "cosmos";

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let given = options.get("realm").ok_or_else(|| options.bad("no realm"))?;
    let (value, mask) = match given.text() {
        ZERO => (0, u32::MAX),
        _ => given.value_and_mask()?,
    };
    Ok(Arc::new(Realm { value, mask, invert: given.invert }))
}

/// `struct xt_realm_info`.
fn decode(f: Fields<'_>) -> Result<Arc<dyn Match>, String> {
    Ok(Arc::new(Realm { value: f.u32(0), mask: f.u32(4), invert: f.flag(8)? }))
}

/// Appends a value and its mask as iptables prints groups and realms: 0 by its name, where one is
/// wanted.
pub(super) fn print_named(value: u32, mask: u32, zero: Option<&str>, out: &mut String) {
    let _ = match (zero, value, mask) {
        (Some(name), 0, u32::MAX) => write!(out, "{name}"),
        (_, value, u32::MAX) => write!(out, "{value:#x}"),
        (_, value, mask) => write!(out, "{value:#x}/{mask:#x}"),
    };
}

impl Match for Realm {
    fn extension(&self) -> &'static MatchExtension {
        &REALM
    }

    fn save(&self, out: &mut String) {
        out.push_str(if self.invert { " ! --realm " } else { " --realm " });
        print_named(self.value, self.mask, Some(ZERO), out);
    }

    fn list(&self, out: &mut String) {
        out.push_str(if self.invert { " ! realm " } else { " realm " });
        print_named(self.value, self.mask, None, out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        if self.value & !self.mask != 0 {
            // Never equal.
            if !self.invert {
                cx.never();
            }
            return Ok(());
        }
        let b = cx.builder();
        let realm = b.meta(Meta::Realm);
        let masked = b.mask(realm, self.mask.into());
        let equal = b.compare_const(Condition::Eq, masked, self.value.into());
        cx.expect(equal, !self.invert);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let realm = packet.packet.packet().realm;
        Outcome::of((realm & self.mask == self.value) != self.invert)
    }
}
