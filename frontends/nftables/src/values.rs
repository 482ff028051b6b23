//! Values of elements as the language writes them: what lists and saves sets of filters that are
//! loaded, a million elements at a time.
//!
//! A value is a number here, most significant byte first; a text has its first character there.
//! Words are those that nft 1.0.6 prints, and read as what they were printed from.

use crate::datatype::{Base, Datatype, INTEGER, Read};
use crate::model::Operation;
use crate::syntax::print;
use bpfc_abi::raw;
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Prints values of a datatype.
#[derive(Clone, Copy, Debug)]
pub struct Values {
    datatype: &'static Datatype,
    bits: u32,
}

impl Values {
    /// Those of the datatype of a name, of so many bits; one that is not known is an integer.
    pub fn of(name: &str, bits: u32) -> Values {
        Values { datatype: Datatype::by_name(name).unwrap_or(&INTEGER), bits }
    }

    /// How many elements nft lists on a line.
    pub fn a_line(&self) -> usize {
        match self.datatype.name {
            "nf_proto" | "integer" | "arp_op" | "inet_proto" | "inet_service" | "tcp_flag"
            | "dccp_pkttype" | "mark" | "iface_index" | "classid" | "uid" | "gid" | "ct_dir" => 5,
            "ipv4_addr" | "ct_state" | "ct_status" | "pkt_type" => 2,
            _ => 1,
        }
    }

    /// Appends a range, which is a value where both ends are the same.
    pub fn range(&self, out: &mut String, low: u128, high: u128) {
        let span = high - low;
        let is_prefix = span & span.wrapping_add(1) == 0 && low & span == 0;
        let free = u128::BITS - span.leading_zeros();
        let bits = match self.datatype.read {
            _ if low == high => return self.value(out, low),
            Read::Ipv4 => 32,
            Read::Ipv6 => 128,
            Read::Text if is_prefix && free.is_multiple_of(8) => {
                out.push('"');
                text(out, low);
                out.push_str("*\"");
                return;
            }
            _ => 0,
        };
        if bits > 0 && is_prefix {
            self.value(out, low);
            let _ = write!(out, "/{}", bits - free.min(bits));
            return;
        }
        self.value(out, low);
        out.push('-');
        self.value(out, high);
    }

    /// Appends a value.
    pub fn value(&self, out: &mut String, value: u128) {
        let Values { datatype, bits } = *self;
        let number = value as u64;
        let _ = match datatype.read {
            Read::Ipv4 => {
                let [a, b, c, d] = Ipv4Addr::from(value as u32).octets();
                // Faster than formatting an address, of which there may be a million.
                for (octet, sign) in [(a, "."), (b, "."), (c, "."), (d, "")] {
                    digits(out, octet.into());
                    out.push_str(sign);
                }
                Ok(())
            }
            Read::Ipv6 => write!(out, "{}", Ipv6Addr::from(value)),
            Read::Text => {
                out.push('"');
                text(out, value);
                out.push('"');
                Ok(())
            }
            Read::Link => {
                let bytes = (bits.div_ceil(8) as usize).clamp(1, 16);
                for (at, byte) in value.to_be_bytes()[16 - bytes..].iter().enumerate() {
                    let _ = write!(out, "{}{byte:02x}", if at > 0 { ":" } else { "" });
                }
                Ok(())
            }
            Read::Protocol => match bpfc_names::protocol_name(number as u16) {
                Some(name) => write!(out, "{name}"),
                None => write!(out, "{number}"),
            },
            Read::Duration => write!(out, "{}", print::time(number.saturating_mul(1000))),
            Read::Class => match number as u32 {
                u32::MAX => write!(out, "root"),
                0 => write!(out, "none"),
                of => write!(out, "{:x}:{:x}", of >> 16, of & 0xffff),
            },
            // In seconds, whatever the time zone.
            Read::Hour => write!(out, "{number}"),
            Read::Date => write!(out, "{}", number / 1_000_000_000),
            // Programs know interfaces by their names.
            Read::Index if value > u128::from(u32::MAX) => {
                out.push('"');
                text(out, value);
                out.push('"');
                Ok(())
            }
            Read::Label => write!(out, "{}", value.trailing_zeros()),
            _ if datatype.name == "mark" => write!(out, "{number:#010x}"),
            _ => match datatype.base {
                Base::Bitmask => {
                    flags(out, datatype, value);
                    Ok(())
                }
                _ => match word(datatype, value) {
                    Some(word) => {
                        let is_quoted = matches!(datatype.name, "day" | "realm" | "devgroup");
                        let mark = if is_quoted { "\"" } else { "" };
                        write!(out, "{mark}{word}{mark}")
                    }
                    None => write!(out, "{value}"),
                },
            },
        };
    }
}

/// The word for a value, where it has one.
fn word(datatype: &Datatype, value: u128) -> Option<&'static str> {
    datatype.symbols.iter().find(|(_, of)| u128::from(*of) == value).map(|(word, _)| *word)
}

/// The words for bits, and what has none.
fn flags(out: &mut String, datatype: &Datatype, value: u128) {
    let (mut rest, mut is_first) = (value, true);
    for &(word, bit) in datatype.symbols {
        let bit = u128::from(bit);
        if bit.is_power_of_two() && rest & bit != 0 {
            out.push_str(if is_first { "" } else { "," });
            out.push_str(word);
            (rest, is_first) = (rest & !bit, false);
        }
    }
    if rest != 0 || is_first {
        let _ = write!(out, "{}{rest:#x}", if is_first { "" } else { "," });
    }
}

fn digits(out: &mut String, mut number: u32) {
    let mut found = [0u8; 10];
    let mut at = found.len();
    loop {
        at -= 1;
        found[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    found[at..].iter().for_each(|&digit| out.push(digit.into()));
}

/// A text without what fills it up.
fn text(out: &mut String, value: u128) {
    let bytes = value.to_be_bytes();
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    out.push_str(&raw::decode(&bytes[..end]));
}

/// A time in milliseconds, such as `1h30m`.
pub fn time(milliseconds: u64) -> String {
    print::time(milliseconds)
}

/// A number of bytes in the largest unit that it is a multiple of.
pub fn bytes(bytes: u64) -> String {
    print::scaled(bytes)
}

/// The statement that an expression with a state stands for, without what it has reached.
pub(crate) fn statement(operation: &Operation) -> String {
    match *operation {
        Operation::Counter { .. } => "counter".to_owned(),
        Operation::Last { .. } => "last".to_owned(),
        Operation::Quota { bytes, is_over, .. } => {
            format!("quota {}{}", print::over(is_over), print::scaled(bytes))
        }
        Operation::Limit { rate, seconds, burst, is_bytes, is_over } => {
            let mut out = String::new();
            let burst = Some(burst).filter(|burst| *burst > 0);
            print::limit(&mut out, rate, seconds, burst, is_bytes, is_over);
            out
        }
        Operation::Connlimit { count, is_over } => {
            format!("ct count {}{count}", print::over(is_over))
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(name: &str, bits: u32, low: u128, high: u128) -> String {
        let mut out = String::new();
        Values::of(name, bits).range(&mut out, low, high);
        out
    }

    fn value(name: &str, bits: u32, value: u128) -> String {
        range(name, bits, value, value)
    }

    #[test]
    fn values_are_written_as_nft_lists_them() {
        assert_eq!(value("ipv4_addr", 32, 0x0a00_0001), "10.0.0.1");
        assert_eq!(value("ipv6_addr", 128, 1), "::1");
        assert_eq!(value("ether_addr", 48, 0x0f_540c_1104), "00:0f:54:0c:11:04");
        assert_eq!(value("inet_service", 16, 22), "22");
        assert_eq!(value("inet_proto", 8, 6), "tcp");
        assert_eq!(value("inet_proto", 8, 253), "253");
        assert_eq!(value("mark", 32, 16), "0x00000010");
        assert_eq!(value("ifname", 128, 0x6c6f << 112), "\"lo\"");
        assert_eq!(value("iface_index", 32, 0x6c6f << 112), "\"lo\"");
        assert_eq!(value("ct_state", 32, 6), "established,related");
        assert_eq!(value("tcp_flag", 8, 0), "0x0");
        assert_eq!(value("icmp_type", 8, 8), "echo-request");
        assert_eq!(value("time", 32, 3661), "1h1m1s");
        assert_eq!(value("integer", 12, 7), "7");
        assert_eq!(value("classid", 32, 0x1_0234), "1:234");
    }

    #[test]
    fn ranges_are_prefixes_where_addresses_begin_alike() {
        assert_eq!(range("ipv4_addr", 32, 0x0a00_0000, 0x0aff_ffff), "10.0.0.0/8");
        assert_eq!(range("ipv4_addr", 32, 0x0a00_0001, 0x0a00_0002), "10.0.0.1-10.0.0.2");
        assert_eq!(range("ipv4_addr", 32, 0, 0xffff_ffff), "0.0.0.0/0");
        assert_eq!(range("ipv6_addr", 128, 0, u128::MAX), "::/0");
        assert_eq!(range("inet_service", 16, 80, 81), "80-81");
        let eth = 0x65_7468 << 104;
        assert_eq!(range("ifname", 128, eth, eth | ((1 << 104) - 1)), "\"eth*\"");
    }
}
