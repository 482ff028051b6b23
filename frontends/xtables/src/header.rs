//! A rule's own tests: addresses, interfaces, protocol, fragments.
//!
//! These are the fields of `struct ipt_ip` and `struct ip6t_ip6`; [`Header::default`] is the
//! kernel's all-zero header, which every packet passes. Addresses are numbers in network order,
//! IPv4 ones in the low 32 bits. How they decide is in net/ipv4/netfilter/ip_tables.c
//! (`ip_packet_match`) and net/ipv6/netfilter/ip6_tables.c (`ip6_packet_match`).

use crate::names;
use bpfc_ir::Family;
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The tests of the IP header and the interfaces; all must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// `-s`.
    pub source: AddressTest,
    /// `-d`.
    pub destination: AddressTest,
    /// `-i`.
    pub input: InterfaceTest,
    /// `-o`.
    pub output: InterfaceTest,
    /// `-p`.
    pub protocol: ProtocolTest,
    /// `-f`, IPv4 only.
    pub fragment: FragmentTest,
}

/// `packet & mask == address`, or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressTest {
    /// What the masked address must equal; a bit outside the mask makes it unequal always.
    pub address: u128,
    /// Any mask, not only a prefix.
    pub mask: u128,
    /// Whether it must be unequal.
    pub invert: bool,
}

/// `(name ^ packet's) & mask == 0`, or not. Both are 16 bytes, NUL padded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InterfaceTest {
    /// The name, with its `+` where it has one.
    pub name: [u8; 16],
    /// 0xff where a byte counts: the NUL too, except before a `+`.
    pub mask: [u8; 16],
    /// Whether it must differ.
    pub invert: bool,
}

/// The transport protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProtocolTest {
    /// Its number; 0 for any.
    pub number: u16,
    /// Whether it must differ.
    pub invert: bool,
    /// IPv6 only: whether the extension headers are walked, so that a packet whose walk fails is
    /// dropped at once. Without it the number is ignored.
    pub walk: bool,
}

/// IPv4 fragments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FragmentTest {
    /// Whether the packet must be a second or further fragment.
    pub later: bool,
    /// Whether the outcome is turned round; alone it makes the rule pass nothing.
    pub invert: bool,
}

/// Whether a test may name this interface. Names need not be ASCII, but the kernel gives none
/// with a blank in it, and a dump cannot carry one.
pub(crate) fn is_interface(name: &str) -> bool {
    !name.chars().any(|c| c.is_whitespace() || c.is_control())
}

impl ProtocolTest {
    /// The one protocol whose packets pass in this family.
    pub fn only(&self, family: Family) -> Option<u8> {
        let asked = !self.invert && self.number != 0 && (self.walk || family == Family::Ipv4);
        u8::try_from(self.number).ok().filter(|_| asked)
    }
}

impl InterfaceTest {
    /// The test of a name and a mask as the kernel keeps them; none where no byte is compared. An
    /// error where iptables has no words for it.
    pub(crate) fn of_bytes(name: [u8; 16], mask: [u8; 16], invert: bool) -> Result<Self, String> {
        let test = InterfaceTest { name, mask, invert };
        let compared = mask.iter().take_while(|&&byte| byte == 0xff).count();
        let (mask, rest) = mask.split_at(compared);
        let (name, end) = name.split_at(compared);
        let is_zero = |bytes: &[u8]| bytes.iter().all(|&byte| byte == 0);
        let text = match (name.split_last(), end.split_first()) {
            (Some((0, text)), _) if is_zero(end) => Some(text),
            // Names with a `+` keep it behind what is compared.
            (_, Some((b'+', zeros))) if is_zero(zeros) => Some(name),
            (_, Some((0, zeros))) if compared == 0 && is_zero(zeros) => Some(name),
            _ => None,
        };
        let text = text.and_then(|text| std::str::from_utf8(text).ok());
        if !text.is_some_and(is_interface) || !is_zero(rest) || mask.len() == 1 && name == [0] {
            return Err("an interface name or its mask is not one".to_owned());
        }
        Ok(test)
    }

    /// The name as a 16-byte number, first character most significant.
    pub fn name_number(&self) -> u128 {
        u128::from_be_bytes(self.name)
    }

    /// The mask as a 16-byte number.
    pub fn mask_number(&self) -> u128 {
        u128::from_be_bytes(self.mask)
    }

    /// The name up to its NUL.
    pub fn text(&self) -> String {
        let end = self.name.iter().position(|&b| b == 0).unwrap_or(self.name.len());
        String::from_utf8_lossy(&self.name[..end]).into_owned()
    }

    fn save(&self, letter: char, out: &mut String) {
        if self.mask[0] == 0 {
            // iptables-save leaves out what every packet passes, and, wrongly, its inversion.
            if self.invert {
                let _ = write!(out, " ! -{letter} +");
            }
            return;
        }
        let _ = write!(out, "{} -{letter} ", if self.invert { " !" } else { "" });
        let length = self.mask.iter().position(|&m| m == 0).unwrap_or(self.mask.len());
        let shown: Vec<u8> = self.name[..length].iter().copied().filter(|&b| b != 0).collect();
        out.push_str(&String::from_utf8_lossy(&shown));
        if length < self.mask.len() && self.name[length - 1] != 0 {
            out.push('+');
        }
    }
}

/// An address in its family's text form.
pub fn address_text(family: Family, address: u128) -> String {
    match family {
        Family::Ipv4 => Ipv4Addr::from(address as u32).to_string(),
        Family::Ipv6 => ipv6_text(Ipv6Addr::from(address)),
    }
}

/// As inet_ntop prints it: Rust's form, but with the IPv4-compatible addresses in dotted form.
fn ipv6_text(address: Ipv6Addr) -> String {
    let number = u128::from(address);
    if number >> 32 == 0 && number > 0xffff {
        return format!("::{}", Ipv4Addr::from(number as u32));
    }
    address.to_string()
}

/// The prefix length of a mask, `None` where its ones are not all in front.
pub fn prefix_length(family: Family, mask: u128) -> Option<u32> {
    let bits = match family {
        Family::Ipv4 => 32,
        Family::Ipv6 => 128,
    };
    let shifted = if bits == 128 { mask } else { mask << (128 - bits) };
    let ones = shifted.leading_ones();
    (shifted.checked_shl(ones).unwrap_or(0) == 0).then_some(ones)
}

impl AddressTest {
    fn save(&self, family: Family, letter: char, out: &mut String) {
        let silent = match family {
            Family::Ipv4 => self.mask == 0 && self.address == 0,
            Family::Ipv6 => self.mask == 0,
        };
        if silent && !self.invert {
            return;
        }
        let _ = write!(
            out,
            "{} -{letter} {}/",
            if self.invert { " !" } else { "" },
            address_text(family, self.address)
        );
        match prefix_length(family, self.mask) {
            Some(bits) => {
                let _ = write!(out, "{bits}");
            }
            None => out.push_str(&address_text(family, self.mask)),
        }
    }

    /// As `iptables -nL` shows it.
    fn list(&self, family: Family) -> String {
        let mut out = String::from(if self.invert { "!" } else { "" });
        out.push_str(&address_text(family, self.address));
        let full = if family == Family::Ipv4 { 32 } else { 128 };
        match prefix_length(family, self.mask) {
            Some(bits) if bits == full => {}
            Some(bits) => {
                let _ = write!(out, "/{bits}");
            }
            None => {
                let _ = write!(out, "/{}", address_text(family, self.mask));
            }
        }
        out
    }
}

impl Header {
    /// Appends the options in iptables-save's form and order, each with a space in front.
    pub fn save(&self, family: Family, out: &mut String) {
        self.source.save(family, 's', out);
        self.destination.save(family, 'd', out);
        self.input.save('i', out);
        self.output.save('o', out);
        if self.protocol.number > 0 {
            let mark = if self.protocol.invert { " !" } else { "" };
            match names::protocol_name(self.protocol.number) {
                Some(name) => {
                    let _ = write!(out, "{mark} -p {name}");
                }
                None => {
                    let _ = write!(out, "{mark} -p {}", self.protocol.number);
                }
            }
        }
        if family == Family::Ipv4 && self.fragment.later {
            out.push_str(if self.fragment.invert { " ! -f" } else { " -f" });
        }
    }

    /// The columns prot, opt, in, out, source and destination of `iptables -nvL`.
    pub fn list(&self, family: Family) -> Vec<String> {
        let sign = |invert| if invert { "!" } else { "" };
        let interface = |test: &InterfaceTest| {
            let name = test.text();
            format!("{}{}", sign(test.invert), if name.is_empty() { "*" } else { &name })
        };
        let opt = match family {
            Family::Ipv4 => format!(
                "{}{}",
                if self.fragment.invert { '!' } else { '-' },
                if self.fragment.later { 'f' } else { '-' }
            ),
            Family::Ipv6 => "--".to_owned(),
        };
        vec![
            format!("{}{}", sign(self.protocol.invert), self.protocol.number),
            opt,
            interface(&self.input),
            interface(&self.output),
            self.source.list(family),
            self.destination.list(family),
        ]
    }
}
