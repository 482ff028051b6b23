//! What `-m policy` says of one IPsec transformation (`struct xt_policy_elem`).

use crate::header::prefix_length;
use crate::lower::RuleCx;
use crate::{Fields, protocol_name, show_address};
use bpfc_ir::{Block, Condition, Family, Lookup, TransformField, Value, Way};
use bpfc_packet::Transform;
use std::fmt::Write;

/// AH, ESP and IPComp, the protocols that iptables takes.
pub const PROTOCOLS: [u8; 3] = [51, 50, 108];
/// Names of modes by number.
pub const MODES: [&str; 2] = ["transport", "tunnel"];

/// A value that must be equal, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Test<T> {
    /// The value.
    pub value: T,
    /// Whether it must differ.
    pub invert: bool,
}

/// An address, of which the bits of a mask count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// As the rule has it, also outside the mask.
    pub address: u128,
    /// Which bits count.
    pub mask: u128,
}

/// What a rule says of a transformation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// The request that it belongs to.
    pub request: Option<Test<u32>>,
    /// The number as iptables has it, see [`index`].
    pub spi: Option<Test<u32>>,
    /// Its protocol.
    pub protocol: Option<Test<u8>>,
    /// Its mode, below the length of [`MODES`].
    pub mode: Option<Test<u8>>,
    /// The tunnel's source.
    pub source: Option<Test<Address>>,
    /// The tunnel's destination.
    pub destination: Option<Test<Address>>,
}

/// The security parameters index that a rule's number means. iptables hands the number to the
/// kernel as this machine keeps numbers, where the kernel has the bytes of the packet: on machines
/// that keep them the other way round, for which programs are compiled, they are swapped.
pub fn index(number: u32) -> u32 {
    number.swap_bytes()
}

impl Element {
    /// Reads a `struct xt_policy_elem`.
    pub fn decode(bytes: &[u8], family: Family) -> Result<Element, String> {
        let f = Fields(bytes);
        let (asked, inverted) = (f.u8(74), f.u8(75));
        if (asked | inverted) & !0x3f != 0 {
            return Err(format!("it asks {asked:#x} of a transformation, inverted {inverted:#x}"));
        }
        fn test<T>(asked: u8, inverted: u8, bit: u8, value: T) -> Option<Test<T>> {
            (asked & bit != 0).then_some(Test { value, invert: inverted & bit != 0 })
        }
        let address =
            |at| Address { address: f.address(family, at), mask: f.address(family, at + 16) };
        let element = Element {
            source: test(asked, inverted, 1, address(0)),
            destination: test(asked, inverted, 2, address(32)),
            protocol: test(asked, inverted, 4, f.u8(72)),
            mode: test(asked, inverted, 8, f.u8(73)),
            spi: test(asked, inverted, 16, f.u32(64)),
            request: test(asked, inverted, 32, f.u32(68)),
        };
        if element.protocol.is_some_and(|test| !PROTOCOLS.contains(&test.value)) {
            return Err(format!("protocol {} is not one of IPsec's", f.u8(72)));
        }
        if element.mode.is_some_and(|test| usize::from(test.value) >= MODES.len()) {
            return Err(format!("mode {} is neither transport nor tunnel", f.u8(73)));
        }
        Ok(element)
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Element::default()
    }

    /// Appends its options in iptables' order, each with `prefix` before its name.
    pub fn print(&self, prefix: &str, family: Family, numeric: bool, out: &mut String) {
        let mut option = |invert: bool, name: &str, value: &str| {
            let _ = write!(out, "{} {prefix}{name} {value}", if invert { " !" } else { "" });
        };
        if let Some(Test { value, invert }) = self.request {
            option(invert, "reqid", &value.to_string());
        }
        if let Some(Test { value, invert }) = self.spi {
            option(invert, "spi", &format!("{value:#x}"));
        }
        if let Some(Test { value, invert }) = self.protocol {
            match protocol_name(value.into()).filter(|_| !numeric) {
                Some(name) => option(invert, "proto", name),
                None => option(invert, "proto", &value.to_string()),
            }
        }
        if let Some(Test { value, invert }) = self.mode {
            option(invert, "mode", MODES.get(usize::from(value)).copied().unwrap_or(""));
        }
        for (name, test) in [("tunnel-dst", self.destination), ("tunnel-src", self.source)] {
            let Some(Test { value: Address { address, mask }, invert }) = test else { continue };
            let full = if family == Family::Ipv4 { 32 } else { 128 };
            let mut text = show_address(family, address);
            let _ = match prefix_length(family, mask) {
                Some(bits) if bits == full => Ok(()),
                Some(bits) => write!(text, "/{bits}"),
                None => write!(text, "/{}", show_address(family, mask)),
            };
            option(invert, name, &text);
        }
    }

    /// Goes on where a transformation, which must be there, is as it says, at `otherwise` where
    /// not.
    pub fn lower(&self, cx: &mut RuleCx<'_>, way: Way, index: u8, otherwise: Block) {
        let family = cx.family();
        let get = |cx: &mut RuleCx<'_>, field| -> Value {
            cx.builder().lookup(Lookup::Transform { way, index, field })
        };
        let numbers = [
            (TransformField::RequestId, self.request),
            (TransformField::Spi, self.spi.map(|test| test.map(self::index))),
            (TransformField::Protocol, self.protocol.map(|test| test.map(u32::from))),
            (TransformField::Mode, self.mode.map(|test| test.map(u32::from))),
        ];
        for (field, test) in numbers {
            let Some(Test { value, invert }) = test else { continue };
            let found = get(cx, field);
            let b = cx.builder();
            let equal = b.compare_const(Condition::Eq, found, value.into());
            match invert {
                false => b.require(equal, otherwise),
                true => b.forbid(equal, otherwise),
            }
        }
        use bpfc_ir::Address::{Destination, Source};
        for (which, test) in [(Source, self.source), (Destination, self.destination)] {
            let Some(Test { value, invert }) = test else { continue };
            let behind = cx.builder().block();
            let (equal, differs) = if invert { (otherwise, behind) } else { (behind, otherwise) };
            for (word, (address, mask)) in value.words(family).into_iter().enumerate() {
                if mask == 0 {
                    continue;
                }
                let found = get(cx, TransformField::Address(which, word as u8));
                let b = cx.builder();
                let masked = b.mask(found, mask.into());
                let same = b.compare_const(Condition::Eq, masked, (address & mask).into());
                b.require(same, differs);
            }
            cx.builder().jump(equal);
            cx.builder().switch_to(behind);
        }
    }

    /// Whether a transformation is as it says.
    pub fn matches(&self, transform: &Transform, family: Family) -> bool {
        let number = |test: Option<Test<u32>>, found: u32| {
            test.is_none_or(|test| (test.value == found) != test.invert)
        };
        let address = |test: Option<Test<Address>>, found: &[u8; 16]| {
            test.is_none_or(|Test { value, invert }| {
                let found = Fields(found).address(family, 0);
                ((found ^ value.address) & value.mask == 0) != invert
            })
        };
        number(self.request, transform.request)
            && number(self.spi.map(|test| test.map(index)), transform.spi)
            && number(self.protocol.map(|test| test.map(u32::from)), transform.protocol.into())
            && number(self.mode.map(|test| test.map(u32::from)), transform.mode.into())
            && address(self.source, &transform.source)
            && address(self.destination, &transform.destination)
    }
}

impl<T> Test<T> {
    fn map<U>(self, convert: impl FnOnce(T) -> U) -> Test<U> {
        Test { value: convert(self.value), invert: self.invert }
    }
}

impl Address {
    /// Address and mask, four bytes at a time.
    fn words(self, family: Family) -> Vec<(u32, u32)> {
        let words = if family == Family::Ipv4 { 1 } else { 4 };
        let word = |number: u128, at: u32| (number >> (32 * (words - 1 - at))) as u32;
        (0..words).map(|at| (word(self.address, at), word(self.mask, at))).collect()
    }
}
