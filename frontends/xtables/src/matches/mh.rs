//! `-m mh`: the type of an IPv6 mobility header (net/ipv6/netfilter/ip6t_mh.c).
//!
//! A fragment that is not the first never matches, inverted or not. A packet without the header's
//! 6 bytes is dropped at once, and so is one whose mobility header has another header after it.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::text::c_number;
use crate::{
    Families, Given, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{Base, Condition, Type};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static MH: MatchExtension = MatchExtension {
    name: "mh",
    aliases: &[],
    families: Families::Ipv6,
    options: &[OptionSpec::value("mh-type").invertible()],
    protocols: &[135],
    hooks: &[],
    parse,
    revisions: &[Revision {
        number: 0,
        size: 8,
        decode: |f, _| {
            let inverted = f.u8(2);
            if inverted & !1 != 0 {
                return Err(format!("unknown inversion flags {inverted:#x}"));
            }
            Ok(Arc::new(Mh { low: f.u8(0), high: f.u8(1), invert: inverted != 0 }))
        },
    }],
};

/// No next header.
const NONE: u8 = 59;

/// Names by type, with their short forms.
const NAMES: [(&str, &str); 8] = [
    ("binding-refresh-request", "brr"),
    ("home-test-init", "hoti"),
    ("careof-test-init", "coti"),
    ("home-test", "hot"),
    ("careof-test", "cot"),
    ("binding-update", "bu"),
    ("binding-acknowledgement", "ba"),
    ("binding-error", "be"),
];

/// Types from `low` to `high`, or not.
#[derive(Debug)]
struct Mh {
    low: u8,
    high: u8,
    invert: bool,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let Some(given) = options.get("mh-type") else {
        return Ok(Arc::new(Mh { low: 0, high: 0xff, invert: false }));
    };
    let end = |text: &str, missing| match text {
        "" => Ok(missing),
        text => parse_type(given, text),
    };
    let (low, high) = match given.text().split_once(':') {
        None => {
            let kind = parse_type(given, given.text())?;
            (kind, kind)
        }
        Some((low, high)) => (end(low, 0)?, end(high, 0xff)?),
    };
    if low > high {
        return Err(given.bad(format!("the range {low}:{high} holds no type")));
    }
    Ok(Arc::new(Mh { low, high, invert: given.invert }))
}

/// A type's number, name or short form, or the beginning of one; the first that begins so, unless
/// one is meant exactly.
fn parse_type(given: &Given<'_>, text: &str) -> Result<u8, Problem> {
    let names = (0u8..).zip(NAMES).flat_map(|(kind, (long, short))| [(long, kind), (short, kind)]);
    let begins =
        |name: &str| name.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text));
    let exact = names.clone().filter(|(name, _)| name.eq_ignore_ascii_case(text)).last();
    if let Some((_, kind)) = exact.or_else(|| names.clone().find(|(name, _)| begins(name))) {
        return Ok(kind);
    }
    match c_number(text) {
        Some((value, "")) if value <= 0xff => Ok(value as u8),
        _ => Err(given.bad(format!("'{text}' is no type of mobility headers"))),
    }
}

impl Mh {
    fn is_any(&self) -> bool {
        self.low == 0 && self.high == 0xff
    }
}

impl Match for Mh {
    fn extension(&self) -> &'static MatchExtension {
        &MH
    }

    fn save(&self, out: &mut String) {
        // iptables-save leaves the inversion of every type out, too.
        if self.is_any() && !self.invert {
            return;
        }
        let sign = if self.invert { " !" } else { "" };
        let _ = match self.low == self.high {
            true => write!(out, "{sign} --mh-type {}", self.low),
            false => write!(out, "{sign} --mh-type {}:{}", self.low, self.high),
        };
    }

    fn list(&self, out: &mut String) {
        out.push_str(" mh");
        if self.is_any() && !self.invert {
            return;
        }
        let sign = if self.invert { "!" } else { "" };
        let _ = match self.low == self.high {
            true => write!(out, " {sign}{}", self.low),
            false => write!(out, " {sign}{}:{}", self.low, self.high),
        };
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        cx.require_first_fragment();
        cx.transport_or_drop(6);
        let next = cx.builder().payload(Type::I8, Base::Transport, 0);
        let none = cx.builder().compare_const(Condition::Eq, next, NONE.into());
        cx.require_or_drop(none);
        if self.is_any() {
            if self.invert {
                cx.never();
            }
            return Ok(());
        }
        let kind = cx.builder().payload(Type::I8, Base::Transport, 2);
        cx.expect_range(kind, self.low.into(), self.high.into(), !self.invert);
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = &packet.packet;
        if packet.fragment_offset() != 0 {
            return Outcome::NoMatch;
        }
        match packet.transport_slice(0, 6) {
            Some(&[NONE, _, kind, ..]) => {
                Outcome::of((self.low..=self.high).contains(&kind) != self.invert)
            }
            _ => Outcome::Hotdrop,
        }
    }
}
