//! `-m physdev`: the ports of a bridge by which the packet goes (net/netfilter/xt_physdev.c).
//!
//! br_netfilter shows bridged packets to the rules of the network layer, and notes their ports.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::text::value;
use crate::{
    Families, Fields, InterfaceTest, Match, MatchExtension, OptionSpec, Options, Problem, Revision,
    Unsupported,
};
use bpfc_ir::{Condition, Hook, Meta};
use bpfc_packet::InterfaceName;
use std::sync::Arc;

/// The descriptor.
pub static PHYSDEV: MatchExtension = MatchExtension {
    name: "physdev",
    aliases: &[],
    families: Families::Both,
    options: &[
        OptionSpec::value("physdev-in").invertible(),
        OptionSpec::value("physdev-out").invertible(),
        OptionSpec::flag("physdev-is-in").invertible(),
        OptionSpec::flag("physdev-is-out").invertible(),
        OptionSpec::flag("physdev-is-bridged").invertible(),
    ],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision { number: 0, size: 72, decode: |f, _| decode(f) }],
};

/// What a rule asks; inner values say that it must not be so.
#[derive(Debug, Default)]
struct Physdev {
    is_in: Option<bool>,
    input: Option<InterfaceTest>,
    is_out: Option<bool>,
    output: Option<InterfaceTest>,
    is_bridged: Option<bool>,
}

/// `XT_PHYSDEV_OP_*` (include/uapi/linux/netfilter/xt_physdev.h).
const IN: u8 = 0x01;
const OUT: u8 = 0x02;
const BRIDGED: u8 = 0x04;
const IS_IN: u8 = 0x08;
const IS_OUT: u8 = 0x10;
const ALL: u8 = 0x1f;

/// All hooks but that of packets which this host sends.
const NOT_OUTPUT: &[Hook] = &[Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Postrouting];

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    if options.given.is_empty() {
        return Err(options.bad("it needs an option"));
    }
    let flag = |id| options.get(id).map(|given| given.invert);
    let port = |id| -> Result<Option<InterfaceTest>, Problem> {
        let Some(given) = options.get(id) else { return Ok(None) };
        let test = value::interface(given.text(), given.invert);
        test.map(Some).map_err(|message| given.bad(message))
    };
    Ok(Arc::new(Physdev {
        is_in: flag("physdev-is-in"),
        input: port("physdev-in")?,
        is_out: flag("physdev-is-out"),
        output: port("physdev-out")?,
        is_bridged: flag("physdev-is-bridged"),
    }))
}

/// `struct xt_physdev_info`: name and mask of both ports, what is inverted, what is asked.
fn decode(f: Fields<'_>) -> Result<Arc<dyn Match>, String> {
    let (inverted, asked) = (f.u8(64), f.u8(65));
    if asked == 0 || asked & !ALL != 0 {
        return Err(format!("it asks {asked:#x}, where the kernel takes 1 to {ALL:#x}"));
    }
    let flag = |bit| (asked & bit != 0).then_some(inverted & bit != 0);
    let port = |bit, at| -> Result<Option<InterfaceTest>, String> {
        let Some(invert) = flag(bit) else { return Ok(None) };
        let test = InterfaceTest::of_bytes(f.bytes(at), f.bytes(at + 16), invert)?;
        match test.name[0] {
            0 => Err("a bridge port has no name".to_owned()),
            _ => Ok(Some(test)),
        }
    };
    Ok(Arc::new(Physdev {
        is_in: flag(IS_IN),
        input: port(IN, 0)?,
        is_out: flag(IS_OUT),
        output: port(OUT, 32)?,
        is_bridged: flag(BRIDGED),
    }))
}

impl Physdev {
    /// Whether a packet of which nothing is noted matches: where every option is inverted.
    fn matches_unbridged(&self) -> bool {
        let ports = [self.input, self.output].map(|port| port.map(|port| port.invert));
        let flags = [self.is_in, self.is_out, self.is_bridged];
        flags.into_iter().chain(ports).flatten().all(|invert| invert)
    }

    /// Whether it asks nothing but that no port be noted by which the packet leaves.
    fn wants_no_output(&self) -> bool {
        let asked = [self.is_bridged, self.is_out];
        let other = self.is_in.is_some() || self.input.is_some() || self.output.is_some();
        !other && asked.contains(&Some(true)) && !asked.contains(&Some(false))
    }

    /// Whether only packets match of which is noted by which port they leave.
    fn needs_output(&self) -> bool {
        self.is_bridged == Some(false)
            || self.is_out == Some(false)
            || self.output.is_some() && !self.matches_unbridged()
    }
}

impl Match for Physdev {
    fn extension(&self) -> &'static MatchExtension {
        &PHYSDEV
    }

    /// A packet that this host sends has no output port yet, and may never have one.
    fn hooks(&self) -> &'static [Hook] {
        let asks_out = self.output.is_some() || self.is_out.is_some();
        match asks_out && self.is_bridged != Some(false) {
            true => NOT_OUTPUT,
            false => &[],
        }
    }

    fn save(&self, out: &mut String) {
        let mut option = |invert: bool, name: &str, value: Option<String>| {
            out.push_str(if invert { " ! --physdev-" } else { " --physdev-" });
            out.push_str(name);
            if let Some(value) = value {
                out.push(' ');
                out.push_str(&value);
            }
        };
        if let Some(invert) = self.is_in {
            option(invert, "is-in", None);
        }
        if let Some(port) = &self.input {
            option(port.invert, "in", Some(port.text()));
        }
        if let Some(invert) = self.is_out {
            option(invert, "is-out", None);
        }
        if let Some(port) = &self.output {
            option(port.invert, "out", Some(port.text()));
        }
        if let Some(invert) = self.is_bridged {
            option(invert, "is-bridged", None);
        }
    }

    fn list(&self, out: &mut String) {
        out.push_str(" PHYSDEV match");
        self.save(out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        // That no port to leave by is noted says the same of every packet, and at most hooks is
        // known.
        if self.wants_no_output() {
            let name = cx.builder().meta(Meta::OutPort);
            let there = cx.builder().compare_const(Condition::Ne, name, 0);
            cx.expect(there, false);
            return Ok(());
        }
        let fork = cx.fork(false);
        let unbridged = if self.matches_unbridged() { fork.matched } else { fork.failed };
        let present = |cx: &mut RuleCx<'_>, meta| {
            let b = cx.builder();
            let name = b.meta(meta);
            b.compare_const(Condition::Ne, name, 0)
        };
        // What only a port to leave by can meet is decided without more, as that is absent at most
        // hooks.
        if self.needs_output() {
            let there = present(cx, Meta::OutPort);
            cx.require(there);
        }
        let bridged = present(cx, Meta::Bridged);
        cx.builder().require(bridged, unbridged);
        let tests = [
            (self.is_bridged, Meta::OutPort),
            (self.is_in, Meta::InPort),
            (self.is_out, Meta::OutPort),
        ];
        for (invert, port) in tests {
            if let Some(invert) = invert {
                let there = present(cx, port);
                cx.expect(there, !invert);
            }
        }
        if let Some(port) = &self.input {
            // Where there is no such port, the kernel does not compare, inverted or not.
            let behind = cx.builder().block();
            let there = present(cx, Meta::InPort);
            cx.builder().require(there, behind);
            compare(cx, port, Meta::InPort);
            cx.builder().jump(behind);
            cx.builder().switch_to(behind);
        }
        if let Some(port) = &self.output {
            // And here it does not match then, inverted or not.
            let there = present(cx, Meta::OutPort);
            cx.require(there);
            compare(cx, port, Meta::OutPort);
        }
        cx.builder().jump(fork.matched);
        cx.builder().switch_to(fork.matched);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let Some(ports) = packet.packet.packet().bridge else {
            return Outcome::of(self.matches_unbridged());
        };
        let flags = [
            (self.is_bridged, ports.output),
            (self.is_in, ports.input),
            (self.is_out, ports.output),
        ];
        let flag = |(invert, port): (Option<bool>, InterfaceName)| {
            invert.is_none_or(|invert| port.is_some() != invert)
        };
        let equal = |test: &InterfaceTest, port: InterfaceName| {
            ((port.number() ^ test.name_number()) & test.mask_number() == 0) != test.invert
        };
        let input =
            self.input.is_none_or(|test| !ports.input.is_some() || equal(&test, ports.input));
        let output =
            self.output.is_none_or(|test| ports.output.is_some() && equal(&test, ports.output));
        Outcome::of(flags.into_iter().all(flag) && input && output)
    }
}

/// Goes on where a port is named as the test says.
fn compare(cx: &mut RuleCx<'_>, test: &InterfaceTest, meta: Meta) {
    let mask = test.mask_number();
    let b = cx.builder();
    let name = b.meta(meta);
    let masked = b.mask(name, mask);
    let equal = b.compare_const(Condition::Eq, masked, test.name_number() & mask);
    cx.expect(equal, !test.invert);
}
