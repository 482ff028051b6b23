//! `-m rpfilter`: whether the routing tables have a way back to the packet's source
//! (net/ipv4/netfilter/ipt_rpfilter.c, net/ipv6/netfilter/ip6t_rpfilter.c).
//!
//! Some packets need none: those of this host that came back to it, and those that ask for an
//! address.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    DecodeCx, Families, Fields, Match, MatchExtension, OptionSpec, Options, Problem, Revision,
    Unsupported,
};
use bpfc_ir::{Base, Condition, Family, Hook, Lookup, Meta, ReversePath, Type};
use bpfc_packet::{InterfaceName, pkt_type};
use std::net::IpAddr;
use std::sync::Arc;

/// The descriptor.
pub static RPFILTER: MatchExtension = MatchExtension {
    name: "rpfilter",
    aliases: &[],
    families: Families::Both,
    options: &[
        OptionSpec::flag("loose"),
        OptionSpec::flag("validmark"),
        OptionSpec::flag("accept-local"),
        OptionSpec::flag("invert"),
    ],
    protocols: &[],
    hooks: &[Hook::Prerouting],
    parse,
    revisions: &[Revision { number: 0, size: 8, decode }],
};

#[derive(Debug)]
struct RpFilter {
    family: Family,
    path: ReversePath,
    invert: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let path = ReversePath {
        loose: options.has("loose"),
        valid_mark: options.has("validmark"),
        accept_local: options.has("accept-local"),
        other_kinds: false,
    };
    Ok(Arc::new(RpFilter { family: options.family, path, invert: options.has("invert") }))
}

/// `struct xt_rpfilter_info`: bits 0 to 3 of a byte, in the order of the options.
fn decode(f: Fields<'_>, cx: &DecodeCx<'_>) -> Result<Arc<dyn Match>, String> {
    let flags = f.u8(0);
    if flags & !0xf != 0 {
        return Err(format!("its flags are {flags:#x}, of which the kernel knows 0xf"));
    }
    let has = |bit: u8| flags >> bit & 1 != 0;
    let path =
        ReversePath { loose: has(0), valid_mark: has(1), accept_local: has(2), other_kinds: false };
    Ok(Arc::new(RpFilter { family: cx.family, path, invert: has(3) }))
}

impl RpFilter {
    fn print(&self, prefix: &str, out: &mut String) {
        for (holds, word) in [
            (self.path.loose, "loose"),
            (self.path.valid_mark, "validmark"),
            (self.path.accept_local, "accept-local"),
            (self.invert, "invert"),
        ] {
            if holds {
                out.push(' ');
                out.push_str(prefix);
                out.push_str(word);
            }
        }
    }

    /// Whether a packet needs no way back.
    fn is_exempt(&self, view: &View<'_>) -> bool {
        let looped = view.packet_type.get() == pkt_type::LOOPBACK
            || view.packet.packet().in_interface == InterfaceName::LOOPBACK;
        let asking = match (view.packet.source(), view.packet.destination()) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                source.is_unspecified()
                    && (destination.is_broadcast() || destination.octets()[..3] == [224, 0, 0])
            }
            (source, _) => source.is_unspecified(),
        };
        looped || asking
    }
}

impl Match for RpFilter {
    fn extension(&self) -> &'static MatchExtension {
        &RPFILTER
    }

    fn tables(&self) -> &'static [&'static str] {
        &["mangle", "raw"]
    }

    fn save(&self, out: &mut String) {
        self.print("--", out);
    }

    fn list(&self, out: &mut String) {
        out.push_str(" rpfilter");
        self.print("", out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        const ALL_HOSTS: u128 = 0xffff_ffff;
        let no_match = cx.no_match();
        let b = cx.builder();
        let matched = b.block();
        let (leads, fails) = if self.invert { (no_match, matched) } else { (matched, no_match) };
        let kind = b.meta(Meta::PacketType);
        let looped = b.compare_const(Condition::Eq, kind, pkt_type::LOOPBACK.into());
        b.forbid(looped, leads);
        match self.family {
            Family::Ipv4 => {
                let search = b.block();
                let source = b.payload(Type::I32, Base::Network, 12);
                let asking = b.compare_const(Condition::Eq, source, 0);
                b.require(asking, search);
                let destination = b.payload(Type::I32, Base::Network, 16);
                let to_all = b.compare_const(Condition::Eq, destination, ALL_HOSTS);
                b.forbid(to_all, leads);
                let destination = b.payload(Type::I32, Base::Network, 16);
                let to_group = b.in_range(destination, 0xe000_0000, 0xe000_00ff);
                b.branch(to_group, leads, search);
                b.switch_to(search);
            }
            Family::Ipv6 => {
                let source = b.payload(Type::I128, Base::Network, 8);
                let asking = b.compare_const(Condition::Eq, source, 0);
                b.forbid(asking, leads);
            }
        }
        let back = b.lookup(Lookup::ReversePath(self.path));
        let back = b.compare_const(Condition::Ne, back, 0);
        b.branch(back, leads, fails);
        b.switch_to(matched);
        Ok(())
    }

    /// Policy routing rules and marks are not among what is known.
    fn evaluate(&self, view: &View<'_>, _: &mut u64) -> Outcome {
        let packet = view.packet.packet();
        let leads_back = packet.routes.as_deref().is_some_and(|routes| {
            let ReversePath { loose, accept_local, .. } = self.path;
            let counts = [accept_local, false];
            routes.leads_back(view.packet.source(), packet.in_interface, loose, counts)
        });
        Outcome::of((self.is_exempt(view) || leads_back) != self.invert)
    }
}
