//! `-m frag`: the IPv6 fragment header (net/ipv6/netfilter/ip6t_frag.c).
//!
//! The kernel does not look at `--fraglen`; neither does this.

use super::exthdr::{self, FRAGMENT};
use super::numbers::NumberRange;
use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported};
use bpfc_ir::{Condition, Type, Value};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static FRAG: MatchExtension = MatchExtension {
    name: "frag",
    aliases: &[],
    families: Families::Ipv6,
    options: &[
        OptionSpec::value("fragid").invertible(),
        OptionSpec::value("fraglen").invertible(),
        OptionSpec::flag("fragres"),
        OptionSpec::flag("fragfirst"),
        OptionSpec::flag("fragmore"),
        OptionSpec::flag("fraglast"),
    ],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 16,
        decode: |f, _| {
            let (flags, inverted) = (f.u8(12), f.u8(13));
            if inverted & !3 != 0 || flags & !0x3f != 0 {
                return Err(format!("unknown flags {flags:#x} or inversion flags {inverted:#x}"));
            }
            Ok(Arc::new(Frag {
                id: NumberRange { low: f.u32(0), high: f.u32(4), invert: inverted & 1 != 0 },
                length: (flags & 0x02 != 0).then_some((f.u32(8), inverted & 2 != 0)),
                reserved: flags & 0x04 != 0,
                first: flags & 0x08 != 0,
                more: flags & 0x10 != 0,
                last: flags & 0x20 != 0,
            }))
        },
    }],
};

#[derive(Debug)]
struct Frag {
    id: NumberRange,
    /// `--fraglen` and its inversion, for printing only.
    length: Option<(u32, bool)>,
    reserved: bool,
    first: bool,
    more: bool,
    last: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    options.exclusive(&["fragmore", "fraglast"])?;
    let length = match options.get("fraglen") {
        Some(given) => Some((given.number(0, u32::MAX.into())? as u32, given.invert)),
        None => None,
    };
    Ok(Arc::new(Frag {
        id: NumberRange::parse(options.get("fragid"))?,
        length,
        reserved: options.has("fragres"),
        first: options.has("fragfirst"),
        more: options.has("fragmore"),
        last: options.has("fraglast"),
    }))
}

impl Frag {
    /// The flags that are asked for, by word.
    fn words(&self) -> impl Iterator<Item = &'static str> {
        let words = [
            (self.reserved, "reserved"),
            (self.first, "first"),
            (self.more, "more"),
            (self.last, "last"),
        ];
        words.into_iter().filter(|(given, _)| *given).map(|(_, word)| word)
    }
}

/// Goes on where these bits of the offset field are all clear (or, with `clear` false, not).
fn bits(cx: &mut RuleCx<'_>, header: Value, mask: u16, clear: bool) {
    let b = cx.builder();
    let field = b.load_at(Type::I16, header, 2);
    let masked = b.mask(field, mask.into());
    let zero = b.compare_const(Condition::Eq, masked, 0);
    cx.expect(zero, clear);
}

impl Match for Frag {
    fn extension(&self) -> &'static MatchExtension {
        &FRAG
    }

    fn save(&self, out: &mut String) {
        self.id.save("fragid", out);
        if let Some((length, invert)) = self.length {
            let _ = write!(out, "{} --fraglen {length}", if invert { " !" } else { "" });
        }
        for word in self.words() {
            let _ = write!(out, " --frag{}", if word == "reserved" { "res" } else { word });
        }
    }

    fn list(&self, out: &mut String) {
        out.push_str(" frag ");
        self.id.list("id", out);
        if let Some((length, invert)) = self.length {
            let _ = write!(out, " length:{}{length}", if invert { "!" } else { "" });
        }
        for word in self.words() {
            let _ = write!(out, " {word}");
        }
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let header = exthdr::lower(cx, FRAGMENT, 8);
        let id = cx.builder().load_at(Type::I32, header, 4);
        self.id.lower(cx, id);
        if self.reserved {
            let reserved = cx.builder().load_at(Type::I8, header, 1);
            let zero = cx.builder().compare_const(Condition::Eq, reserved, 0);
            cx.require(zero);
            bits(cx, header, 0x0006, true);
        }
        if self.first {
            bits(cx, header, 0xfff8, true);
        }
        if self.more {
            bits(cx, header, 0x0001, false);
        }
        if self.last {
            bits(cx, header, 0x0001, true);
        }
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = &packet.packet;
        let offset = match exthdr::find(packet, FRAGMENT, 8) {
            Ok(offset) => offset,
            Err(outcome) => return outcome,
        };
        let header = &packet.bytes()[offset..offset + 8];
        let field = u16::from_be_bytes([header[2], header[3]]);
        let id = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        let more = field & 1 != 0;
        Outcome::of(
            self.id.contains(id)
                && !(self.reserved && (header[1] != 0 || field & 6 != 0))
                && !(self.first && field >> 3 != 0)
                && (more || !self.more)
                && !(more && self.last),
        )
    }
}
