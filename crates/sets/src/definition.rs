//! What `ipset create` says of a set.

use crate::kind::SetKind;
use crate::parts::{parse_number, parse_v4, parse_v6, show_address};
use crate::{ElementError, Layout};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write as _};

/// Family of a set's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// `family inet`.
    Inet,
    /// `family inet6`.
    Inet6,
}

/// Options of `create`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Options {
    /// `range`: the first and last address or port of a bitmap.
    pub range: Option<(u32, u32)>,
    /// `hashsize`; kept for listings only.
    pub hash_size: u32,
    /// `maxelem`: how many elements fit.
    pub max_elements: u32,
    /// `netmask`: a prefix length.
    pub netmask: Option<u8>,
    /// `bitmask`: an address, four bytes of it for IPv4.
    pub bitmask: Option<u128>,
    /// `markmask`.
    pub mark_mask: u32,
    /// `timeout`: the default in seconds, 0 for none; where it is absent elements have none.
    pub timeout: Option<u32>,
    /// `counters`.
    pub counters: bool,
    /// `comment`.
    pub comment: bool,
    /// `skbinfo`.
    pub skbinfo: bool,
    /// `forceadd`: a full set makes room.
    pub force_add: bool,
    /// `bucketsize`; kept for listings only.
    pub bucket_size: Option<u32>,
    /// `initval`; kept for listings only.
    pub initial: Option<u32>,
    /// `size` of a list.
    pub list_size: u32,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            range: None,
            hash_size: 1024,
            max_elements: 65536,
            netmask: None,
            bitmask: None,
            mark_mask: u32::MAX,
            timeout: None,
            counters: false,
            comment: false,
            skbinfo: false,
            force_add: false,
            bucket_size: None,
            initial: None,
            list_size: 8,
        }
    }
}

/// A set without its elements.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SetDef {
    /// Its name, 1 to 31 bytes.
    pub name: String,
    /// Its type.
    pub kind: SetKind,
    /// Its family; none where packets of both may be looked up.
    pub family: Option<Family>,
    /// Its options.
    pub options: Options,
}

/// `IPSET_BITMAP_MAX_RANGE`.
const BITMAP_RANGE: u32 = 0xffff;
/// Longest timeout, in seconds (`IPSET_MAX_TIMEOUT`).
pub(crate) const MAX_TIMEOUT: u32 = u32::MAX / 1000 / 2;

impl SetDef {
    /// A set with default options. `family` is taken by types that have one.
    pub fn new(name: &str, kind: SetKind, family: Option<Family>) -> SetDef {
        let family = match kind {
            SetKind::BitmapIp | SetKind::BitmapIpMac => Some(Family::Inet),
            _ if kind.takes_family() => Some(family.unwrap_or(Family::Inet)),
            _ => None,
        };
        SetDef { name: name.to_owned(), kind, family, options: Options::default() }
    }

    /// Reads the words behind `create`: the name, the type and options.
    ///
    /// # Errors
    /// The index of the word at fault, and a sentence.
    pub fn parse(words: &[&str]) -> Result<SetDef, ElementError> {
        let bad = |word: usize, message: String| Err(ElementError { word, message });
        let (Some(name), Some(kind)) = (words.first(), words.get(1)) else {
            return bad(0, "create needs the name and the type of a set".into());
        };
        if let Err(message) = check_name(name) {
            return bad(0, message);
        }
        let kind: SetKind = match kind.parse() {
            Ok(kind) => kind,
            Err(message) => return bad(1, message),
        };
        let mut def = SetDef::new(name, kind, None);
        let mut index = 2;
        // The family decides how masks are read, wherever it stands.
        if let Some(at) = words.iter().position(|word| *word == "family")
            && kind.takes_family()
        {
            def.family = match words.get(at + 1).copied() {
                Some("inet" | "ipv4") => Some(Family::Inet),
                Some("inet6" | "ipv6") => Some(Family::Inet6),
                _ => return bad(at, "the families are inet and inet6".into()),
            };
        }
        while let Some(word) = words.get(index) {
            let at = index;
            let takes_value = !matches!(*word, "counters" | "comment" | "skbinfo" | "forceadd");
            let value = words.get(index + 1).copied().unwrap_or_default();
            if takes_value && value.is_empty() {
                return bad(at, format!("'{word}' needs a value"));
            }
            index += 1 + usize::from(takes_value);
            if let Err((message, of_value)) = def.option(word, value) {
                return bad(at + usize::from(of_value), message);
            }
        }
        def.check().map_err(|message| ElementError { word: 0, message })?;
        Ok(def)
    }

    /// Takes an option; an error says whether its value is at fault.
    fn option(&mut self, word: &str, value: &str) -> Result<(), (String, bool)> {
        let kind = self.kind;
        let unknown = || Err((format!("{kind} has no option '{word}'"), false));
        let number = |low: u32, high: u32| match parse_number(value) {
            Some(number) if (low..=high).contains(&number) => Ok(number),
            _ => Err((format!("'{value}' is not a number from {low} to {high}"), true)),
        };
        let hash = !kind.is_bitmap() && !kind.is_list();
        let options = &mut self.options;
        match word {
            "family" if kind.takes_family() => {}
            "counters" => options.counters = true,
            "comment" => options.comment = true,
            "skbinfo" => options.skbinfo = true,
            "forceadd" if hash => options.force_add = true,
            "timeout" => options.timeout = Some(number(0, MAX_TIMEOUT)?),
            "hashsize" if hash => options.hash_size = number(1, u32::MAX)?,
            "maxelem" if hash => options.max_elements = number(0, u32::MAX)?,
            // Older versions printed them; they mean nothing any more.
            "probes" | "resize" | "gc" if hash => {
                number(0, u32::MAX)?;
            }
            "bucketsize" if hash => options.bucket_size = Some(number(1, 255)?),
            "initval" if hash => options.initial = Some(number(0, u32::MAX)?),
            "markmask" if kind == SetKind::HashIpMark => {
                options.mark_mask = number(1, u32::MAX)?;
            }
            "size" if kind.is_list() => options.list_size = number(1, u32::MAX)?,
            "netmask" if kind.takes_netmask() => {
                let most = if self.family == Some(Family::Inet6) { 128 } else { 32 };
                options.netmask = Some(number(1, most)? as u8);
            }
            "bitmask" if kind.takes_bitmask() => {
                let mask = match self.family {
                    Some(Family::Inet6) => parse_v6(value),
                    _ => parse_v4(value.as_bytes()).map(u128::from),
                };
                match mask.filter(|mask| *mask != 0) {
                    Some(mask) => options.bitmask = Some(mask),
                    None => return Err((format!("'{value}' is not a mask of addresses"), true)),
                }
            }
            "range" | "from" | "to" if kind.is_bitmap() => self.range(word, value)?,
            _ => return unknown(),
        }
        Ok(())
    }

    fn range(&mut self, word: &str, value: &str) -> Result<(), (String, bool)> {
        let bad = || (format!("'{value}' is not a range of {}", self.kind), true);
        let end = |text: &str| match self.kind {
            SetKind::BitmapPort => text.parse::<u16>().ok().map(u32::from),
            _ => parse_v4(text.as_bytes()),
        };
        let (low, high) = match word {
            "range" => match (value.split_once('-'), value.split_once('/')) {
                (Some((low, high)), _) => (end(low).ok_or_else(bad)?, end(high).ok_or_else(bad)?),
                (None, Some((address, length))) if self.kind != SetKind::BitmapPort => {
                    let address = end(address).ok_or_else(bad)?;
                    let length: u32 = length.parse().ok().filter(|l| *l < 32).ok_or_else(bad)?;
                    let mask = !(u32::MAX.checked_shr(length).unwrap_or(0));
                    (address & mask, address | !mask)
                }
                _ => return Err(bad()),
            },
            "from" => (end(value).ok_or_else(bad)?, u32::MAX),
            _ => (self.options.range.map_or(0, |range| range.0), end(value).ok_or_else(bad)?),
        };
        self.options.range = Some((low.min(high), high.max(low)));
        Ok(())
    }

    fn check(&mut self) -> Result<(), String> {
        if self.options.netmask.is_some() && self.options.bitmask.is_some() {
            return Err("netmask and bitmask cannot be used together".into());
        }
        if !self.kind.is_bitmap() {
            return Ok(());
        }
        let Some((low, high)) = self.options.range else {
            return Err(format!("{} needs a range", self.kind));
        };
        // A netmask makes one element of many addresses.
        let shift = self.options.netmask.map_or(0, |length| 32 - u32::from(length));
        let hosts = if shift >= 32 { 0 } else { (high - low) >> shift };
        if hosts > BITMAP_RANGE {
            return Err(format!("the range exceeds {} elements", BITMAP_RANGE + 1));
        }
        Ok(())
    }

    /// The mask of its addresses as a number: of the low 32 bits for IPv4.
    pub fn address_mask(&self) -> u128 {
        let whole = match self.family {
            Some(Family::Inet6) => u128::MAX,
            _ => u32::MAX.into(),
        };
        match (self.options.bitmask, self.options.netmask) {
            (Some(mask), _) => mask,
            (None, Some(length)) => {
                let bits = if self.family == Some(Family::Inet6) { 128 } else { 32 };
                let host = u32::from(bits - length.min(bits));
                whole & whole.checked_shl(host).unwrap_or(0)
            }
            (None, None) => whole,
        }
    }

    /// How many elements fit into it.
    pub fn capacity(&self) -> u32 {
        match self.options.range {
            Some((low, high)) => (high - low).saturating_add(1),
            None if self.kind.is_list() => u32::MAX,
            None => self.options.max_elements,
        }
    }

    /// Where its elements' parts lie.
    pub fn layout(&self) -> Layout {
        Layout::of(self)
    }

    /// What `ipset list` prints behind `Header:`.
    pub fn header(&self) -> String {
        let Options { range, hash_size, max_elements, netmask, bitmask, .. } = self.options;
        let options = &self.options;
        let mut out = String::new();
        let v6 = self.family == Some(Family::Inet6);
        if let Some((low, high)) = range {
            let _ = match self.kind {
                SetKind::BitmapPort => write!(out, "range {low}-{high}"),
                _ => write!(
                    out,
                    "range {}-{}",
                    show_address(low.into(), false),
                    show_address(high.into(), false)
                ),
            };
        } else if self.kind.is_list() {
            let _ = write!(out, "size {}", options.list_size);
        } else {
            if self.kind.takes_family() {
                let _ = write!(out, "family {} ", if v6 { "inet6" } else { "inet" });
            }
            let _ = write!(out, "hashsize {hash_size} maxelem {max_elements}");
        }
        if let Some(length) = netmask {
            let _ = write!(out, " netmask {length}");
        }
        if let Some(mask) = bitmask {
            let _ = write!(out, " bitmask {}", show_address(mask, v6));
        }
        if self.kind == SetKind::HashIpMark {
            let _ = write!(out, " markmask 0x{:08x}", options.mark_mask);
        }
        if let Some(timeout) = options.timeout {
            let _ = write!(out, " timeout {timeout}");
        }
        let flags = [
            ("counters", options.counters),
            ("comment", options.comment),
            ("skbinfo", options.skbinfo),
            ("forceadd", options.force_add),
        ];
        for (word, _) in flags.iter().filter(|(_, given)| *given) {
            let _ = write!(out, " {word}");
        }
        if let Some(size) = options.bucket_size {
            let _ = write!(out, " bucketsize {size}");
        }
        if let Some(initial) = options.initial {
            let _ = write!(out, " initval 0x{initial:08x}");
        }
        out
    }
}

/// `create NAME TYPE OPTIONS`, as `ipset save` prints it.
impl fmt::Display for SetDef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "create {} {} {}", self.name, self.kind, self.header())
    }
}

/// A set's name: 1 to 31 bytes.
pub fn check_name(name: &str) -> Result<(), String> {
    match name.len() {
        1..crate::layout::NAME => Ok(()),
        _ => Err(format!("'{name}' cannot be the name of a set: it has 1 to 31 bytes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SetDef, ElementError> {
        SetDef::parse(&text.split(' ').skip(1).collect::<Vec<_>>())
    }

    #[test]
    fn what_ipset_saves_is_read_and_printed() {
        for text in [
            "create a hash:ip family inet hashsize 1024 maxelem 65536 timeout 300 counters comment \
             skbinfo bucketsize 12 initval 0xbf9bc2e7",
            "create a2 hash:ip family inet6 hashsize 1024 maxelem 100 netmask 64 bucketsize 12 \
             initval 0xf639e0d7",
            "create a4 bitmap:port range 1-1024",
            "create a5 bitmap:ip range 10.0.0.0-10.0.255.255 netmask 24",
            "create a6 bitmap:ip,mac range 10.0.0.0-10.0.0.255",
            "create a12 list:set size 8 timeout 100 counters",
            "create a13 hash:ip family inet hashsize 1024 maxelem 65536 bitmask 255.255.0.255 \
             bucketsize 12 initval 0x523a8df5",
            "create m hash:mac hashsize 1024 maxelem 65536",
            "create k hash:ip,mark family inet hashsize 1024 maxelem 65536 markmask 0x000000ff",
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |text: &str| {
            let error = parse(text).unwrap_err();
            format!("{}: {}", error.word, error.message)
        };
        assert_eq!(wrong("create a hash:no"), "1: there is no type of sets 'hash:no'");
        assert_eq!(wrong("create a hash:net netmask 24"), "2: hash:net has no option 'netmask'");
        assert_eq!(wrong("create a hash:ip netmask 33"), "3: '33' is not a number from 1 to 32");
        assert_eq!(wrong("create a bitmap:ip"), "0: bitmap:ip needs a range");
        assert_eq!(
            wrong("create a bitmap:ip range 10.0.0.0/8"),
            "0: the range exceeds 65536 elements"
        );
        assert_eq!(wrong("create a hash:ip timeout"), "2: 'timeout' needs a value");
        assert!(wrong(&format!("create {} hash:ip", "x".repeat(32))).contains("1 to 31 bytes"));
    }

    #[test]
    fn masks() {
        let mask = |text: &str| parse(text).unwrap().address_mask();
        assert_eq!(mask("create a hash:ip netmask 24"), 0xffff_ff00);
        assert_eq!(mask("create a hash:ip"), 0xffff_ffff);
        assert_eq!(mask("create a hash:ip netmask 64 family inet6"), u128::MAX << 64);
    }
}
