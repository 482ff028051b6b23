//! What `ipset create` says of a set.

use crate::inet::{self, word};
use crate::kind::SetKind;
use crate::numbers::parse_within;
use crate::parts::{parse_address, parse_length, parse_plain_ports, parse_port, show_address};
use crate::{ElementError, Family, Layout};
use bpfc_abi::raw;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Write as _};

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
    #[serde(default, with = "inet")]
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
            SetKind::BitmapIp | SetKind::BitmapIpMac => Some(Family::Ipv4),
            _ if kind.takes_family() => Some(family.unwrap_or(Family::Ipv4)),
            _ => None,
        };
        SetDef { name: name.to_owned(), kind, family, options: Options::default() }
    }

    /// Whether packets of a family can be looked up in it.
    pub fn takes(&self, family: Family) -> bool {
        self.family.is_none_or(|own| own == family)
    }

    /// Reads the words behind `create`: the name, the type and options, with or without two dashes.
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
        let mut given = Given::default();
        // The family decides how masks are read, wherever it stands.
        for families in [true, false] {
            let mut index = 2;
            while let Some(word) = words.get(index) {
                let at = index;
                let word = option_word(word);
                let takes_value =
                    !matches!(word, "counters" | "comment" | "skbinfo" | "forceadd" | "-4" | "-6");
                let value = words.get(index + 1).copied().unwrap_or_default();
                if !def.takes_option(word) {
                    return bad(at, format!("{kind} has no option '{word}'"));
                }
                if takes_value && words.len() < at + 2 {
                    return bad(at, format!("'{word}' needs a value"));
                }
                index += 1 + usize::from(takes_value);
                if matches!(word, "family" | "-4" | "-6") != families {
                    continue;
                }
                if let Err((message, of_value)) = def.option(word, value, &mut given) {
                    return bad(at + usize::from(of_value && takes_value), message);
                }
            }
        }
        def.check(&given).map_err(|message| ElementError { word: 0, message })?;
        Ok(def)
    }

    /// Whether `create` takes an option for sets of its type.
    fn takes_option(&self, word: &str) -> bool {
        use SetKind::{
            BitmapIp, BitmapIpMac, BitmapPort, HashIp, HashIpMark, HashIpPort, HashIpPortIp,
            HashIpPortNet, HashMac, HashNet,
        };
        let kind = self.kind;
        let hash = !kind.is_bitmap() && !kind.is_list();
        match word {
            "counters" | "comment" | "skbinfo" | "timeout" => true,
            "forceadd" | "hashsize" | "maxelem" | "bucketsize" | "initval" => hash,
            "family" | "-4" | "-6" => hash && kind != HashMac,
            "markmask" => kind == HashIpMark,
            "size" => kind.is_list(),
            "netmask" => kind.takes_netmask(),
            "bitmask" => kind.takes_bitmask(),
            "range" => kind.is_bitmap(),
            // Older versions had them for these types; they mean nothing any more.
            "probes" | "resize" => matches!(
                kind,
                HashIp | HashNet | HashIpMark | HashIpPort | HashIpPortIp | HashIpPortNet
            ),
            "gc" => kind == HashIp,
            "from" | "to" | "network" if kind.is_bitmap() => {
                matches!(kind, BitmapIp | BitmapIpMac) || (kind == BitmapPort && word != "network")
            }
            "from" | "to" | "network" => {
                matches!(kind, HashIpMark | HashIpPort | HashIpPortIp | HashIpPortNet)
            }
            _ => false,
        }
    }

    /// Takes an option; an error says whether its value is at fault.
    fn option(&mut self, word: &str, value: &str, given: &mut Given) -> Result<(), (String, bool)> {
        let number = |low: u32, high: u32| match parse_within(value, low.into(), high.into()) {
            Some(number) => Ok(number as u32),
            None => Err((format!("'{value}' is not a number from {low} to {high}"), true)),
        };
        given.once(word)?;
        let options = &mut self.options;
        match word {
            "-4" => self.family = Some(Family::Ipv4),
            "-6" => self.family = Some(Family::Ipv6),
            "family" => {
                self.family = match value {
                    "inet" | "ipv4" | "-4" => Some(Family::Ipv4),
                    "inet6" | "ipv6" | "-6" => Some(Family::Ipv6),
                    _ => return Err(("the families are inet and inet6".into(), false)),
                }
            }
            "counters" => options.counters = true,
            "comment" => options.comment = true,
            "skbinfo" => options.skbinfo = true,
            "forceadd" => options.force_add = true,
            "timeout" => options.timeout = Some(number(0, MAX_TIMEOUT)?),
            "hashsize" => options.hash_size = number(0, u32::MAX)?,
            "maxelem" => options.max_elements = number(0, u32::MAX)?,
            "bucketsize" => options.bucket_size = Some(number(0, 255)?),
            "initval" => options.initial = Some(number(0, u32::MAX)?),
            "markmask" => options.mark_mask = number(1, u32::MAX)?,
            "size" => options.list_size = number(0, u32::MAX)?,
            "netmask" => {
                let most = if self.family == Some(Family::Ipv6) { 128 } else { 32 };
                // The mask of whole addresses changes none.
                options.netmask = Some(number(1, most)?).filter(|n| *n < most).map(|n| n as u8);
            }
            "bitmask" => match parse_address(value, self.family == Some(Family::Ipv6)) {
                Some(mask) if mask != 0 => options.bitmask = Some(mask),
                _ => return Err((format!("'{value}' is not a mask of addresses"), true)),
            },
            "range" | "from" | "to" | "network" if self.kind.is_bitmap() => {
                self.range(word, value, given)?;
            }
            // What is left says nothing.
            _ => {}
        }
        Ok(())
    }

    /// Takes the ends of a bitmap, both at once or one by one.
    fn range(&mut self, word: &str, value: &str, given: &mut Given) -> Result<(), (String, bool)> {
        let bad = || (format!("'{value}' is not a range of {}", self.kind), true);
        let address = |text: &str| parse_address(text, false).map(|address| address as u32);
        let (low, high) = match (self.kind, word) {
            (SetKind::BitmapPort, "range") => {
                let (low, high) = parse_plain_ports(value).map_err(|message| (message, true))?;
                // One port is no range, and says so at the end.
                (Some(low.into()), Some(high.into()).filter(|_| value.contains('-')))
            }
            (SetKind::BitmapPort, _) => {
                let port = Some(u32::from(parse_port(value, 6).ok_or_else(bad)?));
                if word == "from" { (port, None) } else { (None, port) }
            }
            (_, "from") => (Some(address(value).ok_or_else(bad)?), None),
            (_, "to") => (None, Some(address(value).ok_or_else(bad)?)),
            _ => match (value.rsplit_once('/'), value.split_once('-')) {
                (Some((network, length)), _) => {
                    let network = address(network).ok_or_else(bad)?;
                    let length = parse_length(length, 0, 31).ok_or_else(bad)?;
                    let mask = !u32::MAX.checked_shr(length.into()).unwrap_or(0);
                    (Some(network & mask), Some(network | !mask))
                }
                (None, Some((low, high))) if word == "range" => {
                    (Some(address(low).ok_or_else(bad)?), Some(address(high).ok_or_else(bad)?))
                }
                _ => return Err(bad()),
            },
        };
        for (end, known) in [(low, &mut given.low), (high, &mut given.high)] {
            if end.is_some() && known.is_some() {
                return Err((format!("'{word}': the range is given already"), false));
            }
            *known = known.or(end);
        }
        Ok(())
    }

    fn check(&mut self, given: &Given) -> Result<(), String> {
        if given.words.contains(&"netmask") && given.words.contains(&"bitmask") {
            return Err("netmask and bitmask cannot be used together".into());
        }
        if !self.kind.is_bitmap() {
            return Ok(());
        }
        let (low, high) = match (given.low, given.high) {
            (Some(low), Some(high)) => (low.min(high), high.max(low)),
            (None, None) => return Err(format!("{} needs a range", self.kind)),
            (Some(_), None) => return Err(format!("the range of {} has no end", self.kind)),
            (None, Some(_)) => return Err(format!("the range of {} has no beginning", self.kind)),
        };
        self.options.range = Some((low, high));
        let too_many = || Err(format!("the range exceeds {} elements", BITMAP_RANGE + 1));
        // A netmask makes one element of many addresses.
        let Some(netmask) = self.options.netmask else {
            return if high - low > BITMAP_RANGE { too_many() } else { Ok(()) };
        };
        let hosts = u32::MAX >> netmask;
        let (low, high) = (low & !hosts, high | hosts);
        self.options.range = Some((low, high));
        match covering_length(low, high) {
            Some(length) if length < netmask && netmask - length > 16 => too_many(),
            Some(length) if length < netmask => Ok(()),
            _ => Err(format!("networks of length {netmask} do not make up the range")),
        }
    }

    /// The mask of its addresses as a number: of the low 32 bits for IPv4.
    pub fn address_mask(&self) -> u128 {
        let whole = match self.family {
            Some(Family::Ipv6) => u128::MAX,
            _ => u32::MAX.into(),
        };
        match (self.options.bitmask, self.options.netmask) {
            (Some(mask), _) => mask,
            (None, Some(length)) => {
                let bits = if self.family == Some(Family::Ipv6) { 128 } else { 32 };
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
        let v6 = self.family == Some(Family::Ipv6);
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
                let family = self.family.unwrap_or(Family::Ipv4);
                let _ = write!(out, "family {} ", word(family));
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

/// What of `create` has been read.
#[derive(Default)]
struct Given<'a> {
    /// Options that may stand once.
    words: Vec<&'a str>,
    /// The ends of a bitmap, as they were given.
    low: Option<u32>,
    high: Option<u32>,
}

impl Given<'_> {
    /// Notes an option, which must not have been given with another value.
    fn once(&mut self, word: &str) -> Result<(), (String, bool)> {
        const ONCE: [&str; 12] = [
            "family",
            "timeout",
            "hashsize",
            "maxelem",
            "bucketsize",
            "initval",
            "markmask",
            "size",
            "netmask",
            "bitmask",
            "-4",
            "-6",
        ];
        let Some(known) = ONCE.into_iter().find(|known| *known == word) else { return Ok(()) };
        let known = if matches!(known, "-4" | "-6") { "family" } else { known };
        if self.words.contains(&known) {
            return Err((format!("'{word}' is given already"), false));
        }
        self.words.push(known);
        Ok(())
    }
}

/// The length of the shortest network that begins at `low` and holds `high` as its last address, as
/// the kernel looks for it (ip_set_bitmap_ip.c, `range_to_mask`): none where there is none.
fn covering_length(low: u32, high: u32) -> Option<u8> {
    (1..32u8).rev().find(|length| high & !(u32::MAX >> length) == low).or(match (low, high) {
        (0, u32::MAX) => Some(0),
        _ => None,
    })
}

/// An option's word without the two dashes that may stand in front.
pub(crate) fn option_word(word: &str) -> &str {
    word.strip_prefix("--").unwrap_or(word)
}

/// A set's name: 1 to 31 bytes.
pub fn check_name(name: &str) -> Result<(), String> {
    match raw::length(name) {
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
    fn older_words_are_taken() {
        let same = |text: &str, expected: &str| {
            assert_eq!(parse(text).unwrap().to_string(), format!("create {expected}"), "{text}");
        };
        let hash = "family inet hashsize 1024 maxelem 65536";
        same(
            "-N a iphash --hashsize 010 --probes 8 --resize 50 --gc 3",
            "a hash:ip family inet hashsize 8 maxelem 65536",
        );
        same("create a nethash -6", "a hash:net family inet6 hashsize 1024 maxelem 65536");
        same("create a ipporthash --from x --to y --network z", &format!("a hash:ip,port {hash}"));
        same("-N a ipmap --from 10.0.0.9 --to 10.1", "a bitmap:ip range 10.0.0.1-10.0.0.9");
        same("-N a ipmap --to 10.0.0.9 --from 10.0.0.1", "a bitmap:ip range 10.0.0.1-10.0.0.9");
        same("-N a macipmap --network 10.0.0.0/24", "a bitmap:ip,mac range 10.0.0.0-10.0.0.255");
        same("-N a portmap --from ssh --to 0120", "a bitmap:port range 22-80");
        same("create a bitmap:port range udp:5-1", "a bitmap:port range 1-5");
        same("create a hash:ip netmask 32 comment comment", &format!("a hash:ip {hash} comment"));
        same(
            "create a bitmap:ip range 10.0.0.3-10.0.2.9 netmask 24",
            "a bitmap:ip range 10.0.0.0-10.0.2.255 netmask 24",
        );
        for (text, kind) in [("ipmachash", "hash:ip,mac"), ("machash", "hash:mac")] {
            assert_eq!(text.parse::<SetKind>().unwrap().name(), kind);
        }
    }

    #[test]
    fn what_ipset_refuses_is_refused() {
        for text in [
            "create a hash:ip family any",
            "create a hash:ip -4 -6",
            "create a hash:ip timeout 5 timeout 5",
            "create a hash:ip timeout 2147484",
            "create a hash:ip maxelem -1",
            "create a hash:ip bucketsize 256",
            "create a hash:ip from 1 to 2",
            "create a hash:net gc 2",
            "create a hash:net,port probes 2",
            "create a hash:mac -6",
            "create a bitmap:ip range 10.0.0.1",
            "create a bitmap:ip range 10.0.0.1/32",
            "create a bitmap:ip from 10.0.0.1",
            "create a bitmap:ip range 10.0.0.0/24 to 10.0.0.9",
            "create a bitmap:ip range 10.0.0.0/16 netmask 8",
            "create a bitmap:ip range 10.0.1.0-10.0.2.255 netmask 24",
            "create a bitmap:ip range 10.0.0.0/24 family inet",
            "create a bitmap:port range 80",
            "create a bitmap:port network 1-2",
            "create a list:set hashsize 4",
            "create a hash:ip --hash 4",
            "create a iptree",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn masks() {
        let mask = |text: &str| parse(text).unwrap().address_mask();
        assert_eq!(mask("create a hash:ip netmask 24"), 0xffff_ff00);
        assert_eq!(mask("create a hash:ip"), 0xffff_ffff);
        assert_eq!(mask("create a hash:ip netmask 64 family inet6"), u128::MAX << 64);
    }
}
