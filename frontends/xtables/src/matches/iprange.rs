//! `-m iprange`: source and destination between two addresses (net/netfilter/xt_iprange.c).

use crate::lower::RuleCx;
use crate::reference::{Outcome, View, address_number};
use crate::text::address;
use crate::{
    Families, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
    show_address,
};
use bpfc_ir::{Base, Family, Type};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static IPRANGE: MatchExtension = MatchExtension {
    name: "iprange",
    aliases: &[],
    families: Families::Both,
    options: &[
        OptionSpec::value("src-range").invertible(),
        OptionSpec::value("dst-range").invertible(),
    ],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 1,
        size: 72,
        decode: |f, cx| {
            let flags = f.u8(64);
            if flags & !0x33 != 0 {
                return Err(format!("unknown flags {flags:#x}"));
            }
            let range = |bit: u8, at| {
                (flags & bit != 0).then(|| Range {
                    low: f.address(cx.family, at),
                    high: f.address(cx.family, at + 16),
                    invert: flags & (bit << 4) != 0,
                })
            };
            Ok(Arc::new(IpRange {
                family: cx.family,
                source: range(1, 0),
                destination: range(2, 32),
            }))
        },
    }],
};

#[derive(Debug)]
struct IpRange {
    family: Family,
    source: Option<Range>,
    destination: Option<Range>,
}

/// Where the first address is greater than the last, no address is inside.
#[derive(Debug)]
struct Range {
    low: u128,
    high: u128,
    invert: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    options.one_of(&["src-range", "dst-range"])?;
    let range = |id| {
        let Some(given) = options.get(id) else { return Ok(None) };
        let (low, high) = given.text().split_once('-').unwrap_or((given.text(), given.text()));
        let number = |text| address(options.family, text).map_err(|problem| given.bad(problem));
        let (low, high) = (number(low)?, number(high)?);
        Ok(Some(Range { low, high, invert: given.invert }))
    };
    Ok(Arc::new(IpRange {
        family: options.family,
        source: range("src-range")?,
        destination: range("dst-range")?,
    }))
}

impl IpRange {
    fn print(&self, range: &Option<Range>, words: [&str; 2], out: &mut String) {
        if let Some(range) = range {
            let show = |address| show_address(self.family, address);
            let word = words[usize::from(range.invert)];
            let _ = write!(out, "{word} {}-{}", show(range.low), show(range.high));
        }
    }

    fn lower_one(&self, cx: &mut RuleCx<'_>, range: &Option<Range>, v4: u16, v6: u16) {
        if let Some(range) = range {
            let (ty, offset) = match self.family {
                Family::Ipv4 => (Type::I32, v4),
                Family::Ipv6 => (Type::I128, v6),
            };
            let value = cx.builder().payload(ty, Base::Network, offset);
            cx.expect_range(value, range.low, range.high, !range.invert);
        }
    }
}

impl Match for IpRange {
    fn extension(&self) -> &'static MatchExtension {
        &IPRANGE
    }

    fn save(&self, out: &mut String) {
        self.print(&self.source, [" --src-range", " ! --src-range"], out);
        self.print(&self.destination, [" --dst-range", " ! --dst-range"], out);
    }

    fn list(&self, out: &mut String) {
        self.print(&self.source, [" source IP range", " source IP range !"], out);
        let words = [" destination IP range", " destination IP range !"];
        self.print(&self.destination, words, out);
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        self.lower_one(cx, &self.source, 12, 8);
        self.lower_one(cx, &self.destination, 16, 24);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let holds = |range: &Option<Range>, address| {
            range.as_ref().is_none_or(|range| {
                (range.low..=range.high).contains(&address_number(address)) != range.invert
            })
        };
        let packet = &packet.packet;
        Outcome::of(
            holds(&self.source, packet.source()) && holds(&self.destination, packet.destination()),
        )
    }
}
