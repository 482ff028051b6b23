//! `-m connbytes`: what a connection has transferred so far (net/netfilter/xt_connbytes.c).
//!
//! Packets, bytes, or bytes a packet, of one direction or both. A packet without a connection that
//! counts never matches.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{
    Families, Fields, Match, MatchExtension, OptionSpec, Options, Problem, Revision, Unsupported,
};
use bpfc_ir::{BinaryOp, Condition, CtField, CtTuple, Value};
use std::fmt::Write;
use std::sync::Arc;

/// The descriptor.
pub static CONNBYTES: MatchExtension = MatchExtension {
    name: "connbytes",
    aliases: &[],
    families: Families::Both,
    options: &[
        OptionSpec::value("connbytes").invertible().mandatory(),
        OptionSpec::value("connbytes-dir").mandatory(),
        OptionSpec::value("connbytes-mode").mandatory(),
    ],
    protocols: &[],
    hooks: &[],
    parse,
    revisions: &[Revision { number: 0, size: 24, decode: |f, _| decode(f) }],
};

/// By number, as the kernel's struct has them.
const MODES: [&str; 3] = ["packets", "bytes", "avgpkt"];
const DIRECTIONS: [&str; 3] = ["original", "reply", "both"];
const PACKETS: usize = 0;
const BYTES: usize = 1;

#[derive(Debug)]
struct ConnBytes {
    /// The first number that matches, or where it is greater than `to`, the last that does from 0.
    from: u64,
    /// The last number that matches, likewise.
    to: u64,
    /// Index into [`MODES`].
    mode: usize,
    /// Index into [`DIRECTIONS`].
    direction: usize,
}

fn parse(options: &Options<'_>) -> Result<Arc<dyn Match>, Problem> {
    let given = options.get("connbytes").ok_or_else(|| options.bad("no numbers"))?;
    let (from, to) = match given.text().contains(':') {
        true => given.range(u64::MAX)?,
        false => (given.number(0, u64::MAX)?, u64::MAX),
    };
    if from > to {
        return Err(given.bad(format!("the range {from}:{to} is empty")));
    }
    let word = |id, words: &[&str]| {
        let given = options.get(id).ok_or_else(|| options.bad(format!("no {id}")))?;
        let found = words.iter().position(|word| *word == given.text());
        found
            .ok_or_else(|| given.bad(format!("'{}' is none of {}", given.text(), words.join(", "))))
    };
    let (mode, direction) = (word("connbytes-mode", &MODES)?, word("connbytes-dir", &DIRECTIONS)?);
    // An inverted range is one whose ends have changed places.
    let (from, to) = if given.invert { (to, from) } else { (from, to) };
    Ok(Arc::new(ConnBytes { from, to, mode, direction }))
}

/// `struct xt_connbytes_info`.
fn decode(f: Fields<'_>) -> Result<Arc<dyn Match>, String> {
    let number = |offset| u64::from_ne_bytes(f.bytes(offset));
    let (mode, direction) = (usize::from(f.u8(16)), usize::from(f.u8(17)));
    if mode >= MODES.len() || direction >= DIRECTIONS.len() {
        return Err(format!(
            "mode {mode} or direction {direction}, of which the kernel knows 0 to 2"
        ));
    }
    Ok(Arc::new(ConnBytes { from: number(0), to: number(8), mode, direction }))
}

impl ConnBytes {
    fn holds(&self, number: u64) -> bool {
        match self.to >= self.from {
            true => (self.from..=self.to).contains(&number),
            false => number < self.to || number > self.from,
        }
    }

    fn directions(&self) -> &'static [CtTuple] {
        match self.direction {
            0 => &[CtTuple::Original],
            1 => &[CtTuple::Reply],
            _ => &[CtTuple::Original, CtTuple::Reply],
        }
    }

    /// The numbers with the sign of an inverted range.
    fn print(&self, sign: &str, word: &str, out: &mut String) {
        let (sign, low, high) = match self.from > self.to {
            true => (sign, self.to, self.from),
            false => ("", self.from, self.to),
        };
        let _ = write!(out, "{sign} {word} {low}");
        if high != 0 && high != u64::MAX {
            let _ = write!(out, ":{high}");
        }
    }

    /// The sum of a field over the directions.
    fn sum(&self, cx: &mut RuleCx<'_>, field: fn(CtTuple) -> CtField) -> Value {
        let b = cx.builder();
        match self.directions() {
            [one] => b.ct(field(*one)),
            _ => {
                let (original, reply) =
                    (b.ct(field(CtTuple::Original)), b.ct(field(CtTuple::Reply)));
                b.binary(BinaryOp::Add, original, reply)
            }
        }
    }
}

impl Match for ConnBytes {
    fn extension(&self) -> &'static MatchExtension {
        &CONNBYTES
    }

    fn save(&self, out: &mut String) {
        self.print(" !", "--connbytes", out);
        let (mode, direction) = (MODES[self.mode], DIRECTIONS[self.direction]);
        let _ = write!(out, " --connbytes-mode {mode} --connbytes-dir {direction}");
    }

    fn list(&self, out: &mut String) {
        self.print(" !", "connbytes", out);
        let (mode, direction) = (MODES[self.mode], DIRECTIONS[self.direction]);
        let _ = write!(out, " connbytes mode {mode} connbytes direction {direction}");
    }

    fn lower(&self, cx: &mut RuleCx<'_>) -> Result<(), Unsupported> {
        for field in [CtField::Present, CtField::Counted] {
            let holds = cx.builder().ct(field);
            let holds = cx.builder().compare_const(Condition::Ne, holds, 0);
            cx.require(holds);
        }
        let number = match self.mode {
            PACKETS => self.sum(cx, CtField::Packets),
            BYTES => self.sum(cx, CtField::Bytes),
            _ => {
                let (bytes, packets) =
                    (self.sum(cx, CtField::Bytes), self.sum(cx, CtField::Packets));
                cx.builder().binary(BinaryOp::Div, bytes, packets)
            }
        };
        match self.to >= self.from {
            true => cx.expect_range(number, self.from.into(), self.to.into(), true),
            false => cx.expect_range(number, self.to.into(), self.from.into(), false),
        }
        Ok(())
    }

    fn evaluate(&self, packet: &View<'_>, _: &mut u64) -> Outcome {
        let packet = packet.packet.packet();
        let (Some(_), Some(counters)) = (packet.conntrack, packet.extensions.counters) else {
            return Outcome::NoMatch;
        };
        let (packets, bytes) = match self.direction {
            2 => (
                counters[0].0.wrapping_add(counters[1].0),
                counters[0].1.wrapping_add(counters[1].1),
            ),
            direction => counters[direction],
        };
        Outcome::of(self.holds(match self.mode {
            PACKETS => packets,
            BYTES => bytes,
            _ => bytes.checked_div(packets).unwrap_or(0),
        }))
    }
}
