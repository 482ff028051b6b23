//! `-m ah` of ip6tables: the authentication header wherever it stands
//! (net/ipv6/netfilter/ip6t_ah.c).

use super::exthdr::{self, AUTHENTICATION, LengthTest};
use super::numbers::NumberRange;
use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported};
use bpfc_ir::{BinaryOp, Condition, Type};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static AH6: MatchExtension = MatchExtension {
    name: "ah",
    aliases: &[],
    families: Families::Ipv6,
    options: &[
        OptionSpec::value("ahspi").invertible(),
        OptionSpec::value("ahlen").invertible(),
        OptionSpec::flag("ahres"),
    ],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 16,
        decode: |f, _| {
            let inverted = f.u8(13);
            if inverted & !3 != 0 {
                return Err(format!("unknown inversion flags {inverted:#x}"));
            }
            Ok(Arc::new(Ah6 {
                spi: NumberRange { low: f.u32(0), high: f.u32(4), invert: inverted & 1 != 0 },
                length: LengthTest { length: f.u32(8), invert: inverted & 2 != 0 },
                reserved: f.u8(12) != 0,
            }))
        },
    }],
};

#[derive(Debug)]
struct Ah6 {
    spi: NumberRange,
    /// A length of 0 tests nothing, inverted or not.
    length: LengthTest,
    reserved: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let length = match options.get("ahlen") {
        Some(given) => {
            LengthTest { length: given.number(0, u32::MAX.into())? as u32, invert: given.invert }
        }
        None => LengthTest { length: 0, invert: false },
    };
    Ok(Arc::new(Ah6 {
        spi: NumberRange::parse(options.get("ahspi"))?,
        length,
        reserved: options.has("ahres"),
    }))
}

impl Match for Ah6 {
    fn extension(&self) -> &'static MatchExtension {
        &AH6
    }

    fn save(&self, out: &mut String) {
        self.spi.save("ahspi", out);
        let LengthTest { length, invert } = self.length;
        if length != 0 || invert {
            let _ = write!(out, "{} --ahlen {length}", if invert { " !" } else { "" });
        }
        out.push_str(if self.reserved { " --ahres" } else { "" });
    }

    fn list(&self, out: &mut String) {
        out.push_str(" ah ");
        self.spi.list("spi", out);
        let LengthTest { length, invert } = self.length;
        if length != 0 || invert {
            let _ = write!(out, "length:{}{length}", if invert { "!" } else { "" });
        }
        out.push_str(if self.reserved { " reserved" } else { "" });
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let header = exthdr::lower(cx, AUTHENTICATION, 12);
        let b = cx.builder();
        let units = b.load_at(Type::I8, header, 1);
        let units = b.extend(Type::I32, units);
        let two = b.constant(Type::I32, 2);
        let units = b.binary(BinaryOp::Add, units, two);
        let length = b.binary(BinaryOp::Shl, units, two);
        exthdr::require_whole(cx, header, length);
        let spi = cx.builder().load_at(Type::I32, header, 4);
        self.spi.lower(cx, spi);
        if self.length.length != 0 {
            self.length.lower(cx, length);
        }
        if self.reserved {
            let reserved = cx.builder().load_at(Type::I16, header, 2);
            let zero = cx.builder().compare_const(Condition::Eq, reserved, 0);
            cx.require(zero);
        }
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = &packet.packet;
        let offset = match exthdr::find(packet, AUTHENTICATION, 12) {
            Ok(offset) => offset,
            Err(outcome) => return outcome,
        };
        let header = &packet.bytes()[offset..offset + 12];
        let spi = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        let length = (u32::from(header[1]) + 2) * 4;
        if packet.available(offset) < length as usize {
            return Outcome::Hotdrop;
        }
        Outcome::of(
            self.spi.contains(spi)
                && (self.length.length == 0 || self.length.holds(length))
                && !(self.reserved && header[2..4] != [0, 0]),
        )
    }
}
