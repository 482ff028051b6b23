//! A port range with its inversion, as tcp, udp, dccp and sctp have it.

use super::numbers::NumberRange;
use crate::lower::RuleCx;
use crate::{Given, Problem};
use bpfc_ir::{Base, Type};
use std::fmt::Write;

/// `--sport LOW:HIGH`, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The first port.
    pub low: u16,
    /// The last port; a range whose last port is less than its first holds none.
    pub high: u16,
    /// Whether ports outside match.
    pub invert: bool,
}

impl PortRange {
    /// Every port.
    pub const ANY: PortRange = PortRange { low: 0, high: 0xffff, invert: false };

    /// Reads `PORT`, `PORT:PORT`, `:PORT` or `PORT:`, ports being decimal or services of any
    /// protocol. A range whose ends are in the wrong order is read as it is.
    pub fn parse(given: &Given<'_>) -> Result<Self, Problem> {
        Self::read(given, |text| given.plain_port(text))
    }

    /// Likewise with ports in C's notation or services of a protocol, refusing a range whose ends
    /// are in the wrong order; every port where the option was not given.
    pub fn parse_ordered(given: Option<&Given<'_>>, protocol: u8) -> Result<Self, Problem> {
        let Some(given) = given else { return Ok(Self::ANY) };
        let range = Self::read(given, |text| given.port(text, protocol))?;
        if range.low > range.high {
            let PortRange { low, high, .. } = range;
            return Err(given.bad(format!("the range {low}:{high} holds no port")));
        }
        Ok(range)
    }

    fn read(
        given: &Given<'_>,
        port: impl Fn(&str) -> Result<u16, Problem>,
    ) -> Result<Self, Problem> {
        let end = |text: &str, missing| if text.is_empty() { Ok(missing) } else { port(text) };
        let (low, high) = match given.text().split_once(':') {
            None => {
                let port = port(given.text())?;
                (port, port)
            }
            Some((low, high)) => (end(low, 0)?, end(high, 0xffff)?),
        };
        Ok(PortRange { low, high, invert: given.invert })
    }

    fn numbers(&self) -> NumberRange {
        let PortRange { low, high, invert } = *self;
        NumberRange { low: low.into(), high: high.into(), invert }
    }

    fn is_any(&self) -> bool {
        self.low == 0 && self.high == 0xffff
    }

    /// Whether the port is taken.
    pub fn contains(&self, port: u16) -> bool {
        (self.low..=self.high).contains(&port) != self.invert
    }

    /// Emits the test of the port at an offset of the transport header, which must be there.
    pub fn lower(&self, cx: &mut RuleCx<'_>, offset: u16) {
        if self.is_any() {
            if self.invert {
                cx.never();
            }
            return;
        }
        let port = cx.builder().payload(Type::I16, Base::Transport, offset);
        cx.expect_range(port, self.low.into(), self.high.into(), !self.invert);
    }

    /// Appends ` --sport 1:2` in iptables-save's form; nothing for every port. Their inversion,
    /// which iptables-save leaves out, is shown.
    pub fn save(&self, option: &str, out: &mut String) {
        if !self.is_any() || self.invert {
            self.numbers().save(option, out);
        }
    }

    /// Appends ` spt:1` or ` spts:1:2` as `iptables -nL` shows it.
    pub fn list(&self, name: &str, out: &mut String) {
        if !self.is_any() || self.invert {
            self.numbers().list(&format!(" {name}"), out);
        }
    }
}

/// Appends ` --sport 1:2` in iptables-save's form where the option was given, for every port, too:
/// dccp and sctp know whether it was.
pub fn save_given(range: Option<PortRange>, option: &str, out: &mut String) {
    let Some(PortRange { low, high, invert }) = range else { return };
    let sign = if invert { " !" } else { "" };
    let _ = match low == high {
        true => write!(out, "{sign} --{option} {low}"),
        false => write!(out, "{sign} --{option} {low}:{high}"),
    };
}
