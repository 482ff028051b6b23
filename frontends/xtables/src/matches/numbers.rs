//! A range of 32-bit numbers with its inversion, as esp, ah, frag and rt have it.

use crate::lower::RuleCx;
use crate::reference::{Outcome, View};
use crate::{Fields, Given, Problem};
use bpfc_ir::Value;
use std::fmt::Write;

/// `--espspi LOW:HIGH`, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberRange {
    /// The first number.
    pub low: u32,
    /// The last number; a range whose last number is less than its first holds none.
    pub high: u32,
    /// Whether numbers outside match.
    pub invert: bool,
}

impl NumberRange {
    /// Every number.
    pub const ANY: NumberRange = NumberRange { low: 0, high: u32::MAX, invert: false };

    /// Reads `N`, `N:M`, `:M` or `N:`; every number where the option is not given.
    pub fn parse(given: Option<&Given<'_>>) -> Result<Self, Problem> {
        let Some(given) = given else { return Ok(Self::ANY) };
        let (low, high) = given.range(u32::MAX.into())?;
        Ok(NumberRange { low: low as u32, high: high as u32, invert: given.invert })
    }

    /// Reads `struct xt_esp`, which those of ah and ipcomp begin like: both ends and a flag.
    pub fn decode(fields: Fields<'_>) -> Result<Self, String> {
        let inverted = fields.u8(8);
        if inverted & !1 != 0 {
            return Err(format!("unknown inversion flags {inverted:#x}"));
        }
        Ok(NumberRange { low: fields.u32(0), high: fields.u32(4), invert: inverted != 0 })
    }

    /// What a match of a number in the transport header decides, by the header's first bytes. A
    /// later fragment never matches; a packet without the header is dropped at once.
    pub fn evaluate<const N: usize>(
        &self,
        view: &View<'_>,
        number: impl FnOnce([u8; N]) -> u32,
    ) -> Outcome {
        let packet = &view.packet;
        if packet.fragment_offset() != 0 {
            return Outcome::NoMatch;
        }
        match packet.transport_slice(0, N).and_then(|header| header.try_into().ok()) {
            Some(header) => Outcome::of(self.contains(number(header))),
            None => Outcome::Hotdrop,
        }
    }

    fn is_any(&self) -> bool {
        self.low == 0 && self.high == u32::MAX
    }

    /// Whether the number is taken.
    pub fn contains(&self, number: u32) -> bool {
        (self.low..=self.high).contains(&number) != self.invert
    }

    /// Emits the test of a number, of whatever type.
    pub fn lower(&self, cx: &mut RuleCx<'_>, number: Value) {
        if self.is_any() {
            if self.invert {
                cx.never();
            }
            return;
        }
        cx.expect_range(number, self.low.into(), self.high.into(), !self.invert);
    }

    /// Appends ` --espspi 1:2` in iptables-save's form; nothing for every number. Their inversion,
    /// which iptables-save leaves out, is shown.
    pub fn save(&self, option: &str, out: &mut String) {
        if self.is_any() && !self.invert {
            return;
        }
        let sign = if self.invert { " !" } else { "" };
        let _ = match self.low == self.high {
            true => write!(out, "{sign} --{option} {}", self.low),
            false => write!(out, "{sign} --{option} {}:{}", self.low, self.high),
        };
    }

    /// Appends `spi:1` or `spis:1:2` as `iptables -nL` shows it.
    pub fn list(&self, name: &str, out: &mut String) {
        if self.is_any() && !self.invert {
            return;
        }
        let sign = if self.invert { "!" } else { "" };
        let _ = match self.low == self.high {
            true => write!(out, "{name}:{sign}{}", self.low),
            false => write!(out, "{name}s:{sign}{}:{}", self.low, self.high),
        };
    }
}
