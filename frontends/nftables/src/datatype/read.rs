//! Words to values, by datatype.
//!
//! Nothing here asks the machine: what only a machine knows (interfaces, accounts, control groups,
//! the time zone) is asked of the caller's [`Machine`].

use super::{Datatype, Order};
use crate::Machine;
use bpfc_abi::raw;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How words of a datatype are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// One of the datatype's words, or a number.
    Number,
    /// As it is.
    Text,
    Ipv4,
    Ipv6,
    Link,
    Protocol,
    Service,
    Duration,
    Date,
    Hour,
    Index,
    Class,
    User,
    Group,
    Label,
    Boolean,
    Cgroup,
}

/// What a word means: the value, its width in bits and its byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Meaning {
    pub value: u128,
    pub bits: u32,
    pub order: Order,
}

/// Why a word means nothing, and what may have been meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoMeaning {
    pub message: String,
    pub help: Option<String>,
}

fn no<T>(message: impl Into<String>) -> Result<T, NoMeaning> {
    Err(NoMeaning { message: message.into(), help: None })
}

impl Datatype {
    /// What a word of this datatype means. Text means its first 16 bytes.
    pub(crate) fn read(&self, word: &str, machine: &dyn Machine) -> Result<Meaning, NoMeaning> {
        let meant = |value: u128, bits: u32, order: Order| Ok(Meaning { value, bits, order });
        match self.read {
            Read::Number => self.number(word),
            Read::Text => text(word),
            Read::Ipv4 => match word.parse::<Ipv4Addr>() {
                Ok(address) => meant(u32::from(address).into(), 32, Order::Network),
                // A bare number is one, as inet_aton has it.
                Err(_) => match integer(word).and_then(|value| u32::try_from(value).ok()) {
                    Some(value) => meant(value.into(), 32, Order::Network),
                    None => self.host(word, machine),
                },
            },
            Read::Ipv6 => match word.parse::<Ipv6Addr>() {
                Ok(address) => meant(address.into(), 128, Order::Network),
                Err(_) => self.host(word, machine),
            },
            Read::Link => link(word),
            Read::Protocol => protocol(word),
            Read::Service => service(word),
            Read::Duration => match duration(word) {
                Some(time) if time <= u64::from(u32::MAX) => meant(time.into(), 32, Order::Host),
                Some(_) => no(format!("`{word}` is longer than 49 days")),
                None => no(format!("`{word}` is not a time such as 1d2h3m4s")),
            },
            Read::Date => date(word, machine),
            Read::Hour => hour(word, machine),
            Read::Index => match machine.interface(word).or_else(|| word.parse::<u32>().ok()) {
                Some(index) if index <= i32::MAX as u32 => meant(index.into(), 32, Order::Host),
                _ => no(format!("there is no interface `{word}`")),
            },
            Read::Class => class(word),
            Read::User => {
                account(word, machine.user(word)).ok_or("user").or_else(|what| missing(what, word))
            }
            Read::Group => account(word, machine.group(word))
                .ok_or("group")
                .or_else(|what| missing(what, word)),
            Read::Label => match integer(word) {
                Some(bit) if bit < 128 => meant(1 << bit, 128, Order::Host),
                Some(bit) => no(format!("a label's bit is 0 to 127, not {bit}")),
                None => no(format!("`{word}` is not the number of a label's bit")),
            },
            Read::Boolean => match self.symbol(word).or_else(|| integer(word)) {
                Some(value) => meant(u128::from(value != 0), 1, Order::Host),
                None => no(format!("`{word}` is neither `exists` nor `missing`")),
            },
            Read::Cgroup => match machine.control_group(word) {
                Some(id) => meant(id.into(), 64, Order::Host),
                None => no(format!("there is no control group `{word}`")),
            },
        }
    }

    fn symbol(&self, word: &str) -> Option<u128> {
        let found = self.symbols.iter().find(|(name, _)| *name == word);
        found.map(|(_, value)| (*value).into())
    }

    fn number(&self, word: &str) -> Result<Meaning, NoMeaning> {
        if let Some(value) = self.symbol(word) {
            return Ok(Meaning { value, bits: self.bits, order: self.order });
        }
        if let Some(value) = integer(word) {
            return Ok(Meaning { value, bits: 1, order: Order::Host });
        }
        let words = self.symbols.iter().map(|(name, _)| *name);
        let near = crate::nearest::nearest(word, words);
        Err(NoMeaning {
            message: match self.symbols.is_empty() {
                true => format!("`{word}` is not a number"),
                false => format!("`{word}` is not a value of the datatype {}", self.words),
            },
            help: near.map(|near| format!("did you mean `{near}`?")),
        })
    }

    /// The address of a host: the only one of the datatype's family, as nft demands it.
    fn host(&self, word: &str, machine: &dyn Machine) -> Result<Meaning, NoMeaning> {
        let error =
            |message: String, help: &str| Err(NoMeaning { message, help: Some(help.to_owned()) });
        let found = match machine.host(word) {
            Some(found) => found,
            None => {
                let help = "names of hosts are looked up with --resolve alone; write the address";
                return error(format!("`{word}` is not an {}", self.words), help);
            }
        };
        let all = match found {
            Ok(all) => all,
            Err(why) => return no(format!("`{word}` cannot be looked up: {why}")),
        };
        let of_family = |address: &&IpAddr| address.is_ipv4() == (self.read == Read::Ipv4);
        let found: Vec<&IpAddr> = all.iter().filter(of_family).collect();
        match found[..] {
            [] => no(format!("`{word}` has no {}", self.words)),
            [IpAddr::V4(one)] => {
                Ok(Meaning { value: u32::from(*one).into(), bits: 32, order: Order::Network })
            }
            [IpAddr::V6(one)] => {
                Ok(Meaning { value: u128::from(*one), bits: 128, order: Order::Network })
            }
            _ => {
                let list: Vec<String> = found.iter().map(ToString::to_string).collect();
                let message = format!("`{word}` has several addresses: {}", list.join(", "));
                error(message, "write those that are meant, in a set")
            }
        }
    }
}

/// A number as C writes it: decimal, `0x` or a leading 0 for octal.
pub(crate) fn integer(word: &str) -> Option<u128> {
    let digits_of = |text: &str, radix| match text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        true => u128::from_str_radix(text, radix).ok(),
        false => None,
    };
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(hex) => digits_of(hex, 16),
        None if word.len() > 1 && word.starts_with('0') => digits_of(&word[1..], 8),
        None => digits_of(word, 10),
    }
}

/// A duration such as `1d2h3m4s5ms` in milliseconds; a bare number is in seconds.
pub(crate) fn duration(word: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 5] =
        [("ms", 1), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
    let (mut rest, mut total, mut seen) = (word, 0u64, 0u8);
    if word.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let value = rest.get(..digits).filter(|digits| digits.len() <= 8)?.parse::<u64>().ok()?;
        rest = &rest[digits..];
        if rest.is_empty() && seen == 0 {
            return Some(value * 1000);
        }
        let unit = UNITS.iter().position(|(unit, _)| rest.starts_with(unit))?;
        if seen & 1 << unit != 0 {
            return None;
        }
        seen |= 1 << unit;
        total += value * UNITS[unit].1;
        rest = &rest[UNITS[unit].0.len()..];
    }
    Some(total)
}

/// The first 16 bytes of a text as a number, the first character most significant.
pub(crate) fn text_value(text: &str) -> u128 {
    let encoded = raw::encode(text);
    let mut bytes = [0; 16];
    let length = encoded.len().min(16);
    bytes[..length].copy_from_slice(&encoded[..length]);
    u128::from_be_bytes(bytes)
}

fn text(word: &str) -> Result<Meaning, NoMeaning> {
    let bits = u32::try_from((raw::length(word) + 1) * 8).unwrap_or(u32::MAX);
    Ok(Meaning { value: text_value(word), bits, order: Order::Host })
}

fn link(word: &str) -> Result<Meaning, NoMeaning> {
    let (mut value, mut bits) = (0, 0);
    for part in word.split(':') {
        match u8::from_str_radix(part, 16) {
            Ok(byte) if bits < 128 && part.len() <= 2 => value = value << 8 | u128::from(byte),
            _ => return no(format!("`{word}` is not a link layer address")),
        }
        bits += 8;
    }
    Ok(Meaning { value, bits, order: Order::Network })
}

fn protocol(word: &str) -> Result<Meaning, NoMeaning> {
    let value = match integer(word) {
        Some(number) if number <= 255 => number,
        Some(_) => return no(format!("a protocol is 0 to 255, not {word}")),
        None => match bpfc_names::protocol_number(word) {
            Some(number) => number.into(),
            // The language's own word for what /etc/protocols calls ipcomp.
            None if word == "comp" => 108,
            None => {
                let near = crate::nearest::nearest(word, bpfc_names::protocol_names());
                let help = near.map(|near| format!("did you mean `{near}`?"));
                let message = format!("`{word}` is not a protocol");
                return Err(NoMeaning { message, help });
            }
        },
    };
    Ok(Meaning { value, bits: 8, order: Order::Host })
}

fn service(word: &str) -> Result<Meaning, NoMeaning> {
    let value = match integer(word) {
        Some(number) if number <= 65535 => number,
        Some(_) => return no(format!("a port is 0 to 65535, not {word}")),
        None => match bpfc_names::service_port(word, None) {
            Some(port) => port.into(),
            None => return no(format!("`{word}` is not a service that /etc/services names")),
        },
    };
    Ok(Meaning { value, bits: 16, order: Order::Network })
}

fn class(word: &str) -> Result<Meaning, NoMeaning> {
    let hex = |text: &str| u32::from_str_radix(text, 16).ok().filter(|half| *half <= 0xffff);
    let value = match word {
        "root" => Some(u32::MAX.into()),
        "none" => Some(0),
        _ => match word.split_once(':') {
            Some((major, minor)) => match (hex(major), hex(minor)) {
                (Some(major), Some(minor)) => Some(u128::from(major << 16 | minor)),
                _ => None,
            },
            None => integer(word),
        },
    };
    match value {
        Some(value) => Ok(Meaning { value, bits: 32, order: Order::Host }),
        None => no(format!("`{word}` is not a traffic class such as 1:2")),
    }
}

fn account(word: &str, known: Option<u32>) -> Option<Meaning> {
    let value = known.map(u128::from).or_else(|| integer(word))?;
    (value <= u32::MAX.into()).then_some(Meaning { value, bits: 32, order: Order::Host })
}

fn missing(what: &str, word: &str) -> Result<Meaning, NoMeaning> {
    no(format!("there is no {what} `{word}`"))
}

/// The hour and its parts of `15:04`, `15:04:05` or `15`, in seconds.
fn clock(word: &str) -> Option<i64> {
    let mut parts = word.split(':').map(|part| match part.len() {
        1 | 2 if part.bytes().all(|b| b.is_ascii_digit()) => part.parse::<i64>().ok(),
        _ => None,
    });
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next().unwrap_or(Some(0))?);
    let is_whole = parts.next().is_none() && hour < 24 && minute < 60 && second < 61;
    is_whole.then_some(hour * 3600 + minute * 60 + second)
}

/// An hour of the day is stored in UTC, by the offset of whoever loads the ruleset.
fn hour(word: &str, machine: &dyn Machine) -> Result<Meaning, NoMeaning> {
    if word.bytes().all(|b| b.is_ascii_digit())
        && let Some(value) = integer_decimal(word)
    {
        return Ok(Meaning { value, bits: 32, order: Order::Host });
    }
    let local = clock(word).or_else(|| duration(word).and_then(|ms| i64::try_from(ms / 1000).ok()));
    let Some(local) = local else {
        return no(format!("`{word}` is not a time of day such as 15:04"));
    };
    let offset = i64::from(machine.utc_offset(None));
    let value = (local - offset).rem_euclid(86_400) as u128;
    Ok(Meaning { value, bits: 32, order: Order::Host })
}

fn integer_decimal(word: &str) -> Option<u128> {
    word.parse::<u32>().ok().map(u128::from)
}

/// A date, `1970-05-23 21:07:14` or without its time, or seconds since 1970: in nanoseconds.
fn date(word: &str, machine: &dyn Machine) -> Result<Meaning, NoMeaning> {
    let seconds = match word.bytes().all(|b| b.is_ascii_digit()) {
        true => word.parse::<i64>().ok(),
        // Asked as if the local time were UTC's, which tells another offset in the hours around
        // its change.
        false => calendar(word).map(|local| local - i64::from(machine.utc_offset(Some(local)))),
    };
    match seconds.and_then(|seconds| u64::try_from(seconds).ok()) {
        Some(seconds) => {
            let value = u128::from(seconds.wrapping_mul(1_000_000_000));
            Ok(Meaning { value, bits: 64, order: Order::Host })
        }
        None => no(format!("`{word}` is not a date such as \"2026-05-23 21:07:14\"")),
    }
}

fn calendar(word: &str) -> Option<i64> {
    let (day, time) = word.split_once(' ').unwrap_or((word, "0:00"));
    let mut parts = day.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    if !(1900..=9999).contains(&year) {
        return None;
    }
    // Days since 1970 of the civil calendar, whose years begin in March here.
    let (y, m) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some(days * 86_400 + clock(time)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datatype::*;
    use crate::machine::Nothing;

    fn value(datatype: &Datatype, word: &str) -> Option<u128> {
        datatype.read(word, &Nothing).ok().map(|meaning| meaning.value)
    }

    #[test]
    fn durations_add_up_their_units() {
        assert_eq!(duration("1d2h3m4s5ms"), Some(93_784_005));
        assert_eq!(duration("90"), Some(90_000));
        assert_eq!(duration("1h1h"), None);
        assert_eq!(duration("1w"), None);
        assert_eq!(duration(""), None);
        assert_eq!(duration("123456789s"), None);
    }

    #[test]
    fn words_are_read_by_their_datatype() {
        assert_eq!(value(&IPV4_ADDRESS, "10.0.0.1"), Some(0x0a00_0001));
        assert_eq!(value(&IPV4_ADDRESS, "example.org"), None);
        assert_eq!(value(&IPV6_ADDRESS, "::1"), Some(1));
        assert_eq!(value(&ETHER_ADDRESS, "00:0f:54:0c:11:04"), Some(0x0f_540c_1104));
        assert_eq!(value(&SERVICE, "ssh"), Some(22));
        assert_eq!(value(&SERVICE, "65536"), None);
        assert_eq!(value(&PROTOCOL, "udp"), Some(17));
        assert_eq!(value(&CLASS_ID, "1:234"), Some(0x0001_0234));
        assert_eq!(value(&CT_LABEL, "127"), Some(1 << 127));
        assert_eq!(value(&HOUR, "17:00"), Some(61_200));
        assert_eq!(value(&DATE, "1970-05-23 21:07:14"), Some(12_344_834_000_000_000));
        assert_eq!(value(&MARK, "010"), Some(8));
        assert_eq!(value(&INTERFACE_NAME, "lo"), Some(0x6c6f << 112));
    }

    #[test]
    fn a_misspelt_word_has_a_suggestion() {
        let error = CT_STATE.read("establshed", &Nothing).unwrap_err();
        assert_eq!(error.help.as_deref(), Some("did you mean `established`?"));
    }
}
