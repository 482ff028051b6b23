//! `-m hbh` and `-m dst`: the IPv6 hop-by-hop and destination options headers
//! (net/ipv6/netfilter/ip6t_hbh.c).
//!
//! `--hbh-opts` lists the header's first options in order, each with or without its length. A
//! header whose announced length is not all there drops the packet.

use super::exthdr::{self, DESTINATION, HOP_BY_HOP, LengthTest};
use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::text::c_number;
use crate::{
    Families, Fields, Given, Match, MatchExtension, OptionSpec, Options, Problem, Revision,
    Unsupported,
};
use bpfc_ir::{BinaryOp, Condition, Type};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor of the hop-by-hop match.
pub static HBH: MatchExtension = MatchExtension {
    name: "hbh",
    aliases: &[],
    families: Families::Ipv6,
    options: &[OptionSpec::value("hbh-len").invertible(), OptionSpec::value("hbh-opts")],
    protocols: &[],
    hooks: &[],
    parse: |options| parse(&HBH, HOP_BY_HOP, options),
    revisions: &[Revision { number: 0, size: 40, decode: |f, _| decode(&HBH, HOP_BY_HOP, f) }],
};

/// The descriptor of the destination options match.
pub static DST: MatchExtension = MatchExtension {
    name: "dst",
    aliases: &[],
    families: Families::Ipv6,
    options: &[OptionSpec::value("dst-len").invertible(), OptionSpec::value("dst-opts")],
    protocols: &[],
    hooks: &[],
    parse: |options| parse(&DST, DESTINATION, options),
    revisions: &[Revision { number: 0, size: 40, decode: |f, _| decode(&DST, DESTINATION, f) }],
};

/// How many options a rule can list.
const MAX_OPTIONS: usize = 16;

#[derive(Debug)]
struct OptionsHeader {
    extension: &'static MatchExtension,
    /// The header's number.
    kind: u8,
    length: Option<LengthTest>,
    /// Types with their lengths; `None` where none are listed.
    options: Option<Vec<(u8, Option<u8>)>>,
}

fn decode(
    extension: &'static MatchExtension,
    kind: u8,
    f: Fields<'_>,
) -> Result<Arc<dyn Match>, String> {
    let (flags, inverted, count) = (f.u8(4), f.u8(5), usize::from(f.u8(38)));
    if flags & !3 != 0 || inverted & !1 != 0 {
        return Err(format!("unknown flags {flags:#x} or inversion flags {inverted:#x}"));
    }
    let listed = flags & 2 != 0;
    if count > MAX_OPTIONS || listed != (count > 0) {
        return Err(format!("a list of {count} options"));
    }
    let option = |index: usize| {
        let field = f.u16(6 + 2 * index);
        ((field >> 8) as u8, Some(field as u8).filter(|&length| length != 0xff))
    };
    Ok(Arc::new(OptionsHeader {
        extension,
        kind,
        length: (flags & 1 != 0)
            .then_some(LengthTest { length: f.u32(0), invert: inverted & 1 != 0 }),
        options: listed.then(|| (0..count).map(option).collect()),
    }))
}

fn parse(
    extension: &'static MatchExtension,
    kind: u8,
    options: &Options<'_>,
) -> Result<Arc<dyn Match>, Problem> {
    let [length, list] = [0, 1].map(|index: usize| options.get(extension.options[index].id));
    let length = match length {
        Some(given) => Some(LengthTest {
            length: given.number(0, u32::MAX.into())? as u32,
            invert: given.invert,
        }),
        None => None,
    };
    let options = list.map(parse_options).transpose()?;
    Ok(Arc::new(OptionsHeader { extension, kind, length, options }))
}

/// `TYPE[:LENGTH],...`; as in iptables, numbers are cut to a byte, a length of 255 is any, and the
/// sixteenth option takes no length.
fn parse_options(given: &Given<'_>) -> Result<Vec<(u8, Option<u8>)>, Problem> {
    let number = |text: &str| match c_number(text) {
        Some((value, "")) => Ok(value as u8),
        _ => Err(given.bad(format!("'{text}' is not a number"))),
    };
    let mut list = Vec::new();
    for item in given.text().split(',') {
        if list.len() == MAX_OPTIONS {
            return Err(given.bad(format!("more than {MAX_OPTIONS} options are listed")));
        }
        let (kind, length) = match item.split_once(':') {
            Some((kind, length)) => (number(kind)?, Some(length)),
            None => (number(item)?, None),
        };
        match length {
            Some(_) if list.len() == MAX_OPTIONS - 1 => {
                return Err(given.bad(format!("option {MAX_OPTIONS} cannot have a length")));
            }
            Some(_) if kind == 0 => return Err(given.bad("option 0 has no length")),
            _ => {}
        }
        let length = length.map(number).transpose()?.filter(|&length| length != 0xff);
        list.push((kind, length));
    }
    Ok(list)
}

impl OptionsHeader {
    /// Appends `1:2,3` after a space.
    fn print_options(&self, out: &mut String) {
        for (index, (kind, length)) in self.options.iter().flatten().enumerate() {
            let _ = write!(out, "{}{kind}", if index == 0 { ' ' } else { ',' });
            if let Some(length) = length {
                let _ = write!(out, ":{length}");
            }
        }
    }
}

impl Match for OptionsHeader {
    fn extension(&self) -> &'static MatchExtension {
        self.extension
    }

    fn save(&self, out: &mut String) {
        let name = self.extension.name;
        if let Some(LengthTest { length, invert }) = self.length {
            let _ = write!(out, "{} --{name}-len {length}", if invert { " !" } else { "" });
        }
        if self.options.is_some() {
            let _ = write!(out, " --{name}-opts");
            self.print_options(out);
        }
    }

    fn list(&self, out: &mut String) {
        let _ = write!(out, " {}", self.extension.name);
        if let Some(LengthTest { length, invert }) = self.length {
            let _ = write!(out, " length:{}{length}", if invert { "!" } else { "" });
        }
        if self.options.is_some() {
            out.push_str(" opts");
            self.print_options(out);
        }
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        let header = exthdr::lower(cx, self.kind, 2);
        let length = exthdr::lower_length(cx, header);
        exthdr::require_whole(cx, header, length);
        if let Some(test) = self.length {
            test.lower(cx, length);
        }
        let options = self.options.as_deref().unwrap_or_default();
        // The whole header is there, so that an option within it is, too; what remains to be
        // asked is how much of the header is left.
        let two = cx.builder().constant(Type::I32, 2);
        let mut place = cx.builder().binary(BinaryOp::Add, header, two);
        let mut left = cx.builder().binary(BinaryOp::Sub, length, two);
        for (index, &(kind, length)) in options.iter().enumerate() {
            let bytes = if kind == 0 { 1 } else { 2 };
            let some = cx.builder().compare_const(Condition::Ge, left, 1);
            cx.require(some);
            let there = cx.builder().available_at(place, 1);
            cx.require(there);
            let found = cx.builder().load_at(Type::I8, place, 0);
            let same = cx.builder().compare_const(Condition::Eq, found, kind.into());
            cx.require(same);
            let size = if kind == 0 {
                cx.builder().constant(Type::I32, 1)
            } else {
                let some = cx.builder().compare_const(Condition::Ge, left, bytes);
                cx.require(some);
                let there = cx.builder().available_at(place, 2);
                cx.require(there);
                let found = cx.builder().load_at(Type::I8, place, 1);
                if let Some(length) = length {
                    let same = cx.builder().compare_const(Condition::Eq, found, length.into());
                    cx.require(same);
                }
                let found = cx.builder().extend(Type::I32, found);
                let two = cx.builder().constant(Type::I32, 2);
                cx.builder().binary(BinaryOp::Add, found, two)
            };
            // The last listed option may reach beyond the header.
            if index + 1 < options.len() {
                let fits = cx.builder().compare(Condition::Ge, left, size);
                cx.require(fits);
                place = cx.builder().binary(BinaryOp::Add, place, size);
                left = cx.builder().binary(BinaryOp::Sub, left, size);
            }
        }
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = &packet.packet;
        let offset = match exthdr::find(packet, self.kind, 2) {
            Ok(offset) => offset,
            Err(outcome) => return outcome,
        };
        let length = (usize::from(packet.bytes()[offset + 1]) + 1) * 8;
        let Some(header) = packet.slice(offset, length) else { return Outcome::Hotdrop };
        if self.length.is_some_and(|test| !test.holds(length as u32)) {
            return Outcome::NoMatch;
        }
        let mut rest = &header[2..];
        for &(kind, length) in self.options.iter().flatten() {
            let size = match *rest {
                [0, ..] if kind == 0 => 1,
                [found, size, ..] if found == kind && kind != 0 => {
                    if length.is_some_and(|length| length != size) {
                        return Outcome::NoMatch;
                    }
                    usize::from(size) + 2
                }
                _ => return Outcome::NoMatch,
            };
            // Beyond the header there is nothing for the next listed option; the last one may
            // reach there.
            rest = rest.get(size..).unwrap_or_default();
        }
        Outcome::Match
    }
}
