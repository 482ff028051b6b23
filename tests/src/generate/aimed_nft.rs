//! Packets aimed at the rules of an nft ruleset that somebody else wrote.
//!
//! As [`super::aimed`] does for iptables: each rule gives a [`Facet`] that bends a packet towards
//! those of its tests that are known here. Variables and sets stand for what they hold; of a set
//! one element has its turn at a time, all parts of a concatenation with it. Negated tests are
//! passed over, as packets of their own meet them.

use super::Facet;
use super::draft::{Draft, protocol};
use super::rng::Rng;
use crate::lab::Family;
use crate::nft_text::{PartKind, parts};
use bpfc_packet::Transport;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

/// What a ruleset aims at.
#[derive(Debug)]
pub struct Aims {
    /// The interfaces that rules name, sorted; `eth0` is always among them, `lo` never. A name's
    /// beginning (`eth*`) stands for its first interface.
    pub interfaces: Vec<String>,
    rules: Vec<Vec<Test>>,
}

/// What a part of a test asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Source,
    Destination,
    SourcePort,
    DestinationPort,
    Protocol,
    Type,
    Code,
    Input,
    Output,
    Flags,
    Mac,
    Ttl,
    /// What packets are not bent towards.
    Other,
}

/// A test: the elements of which one is to be met, each by its parts.
type Test = Vec<Vec<(Ask, String)>>;

impl Aims {
    /// Those of a ruleset and the files that it includes.
    pub fn of(text: &str, included: &str) -> Aims {
        let known = Known::of(&format!("{included}\n{text}"));
        let rules = parts(text).into_iter().filter(|part| part.kind == PartKind::Rule);
        let rules: Vec<Vec<String>> =
            rules.map(|part| known.expanded(&tokens(&text[part.head]), 0)).collect();
        let mut interfaces: Vec<String> = rules.iter().flat_map(|rule| excluded(rule)).collect();
        let rules: Vec<Vec<Test>> = rules.iter().map(|rule| tests(rule)).collect();
        let all = rules.iter().flatten().flatten().flatten();
        let named = all.filter(|(ask, _)| matches!(ask, Ask::Input | Ask::Output));
        interfaces.extend(named.map(|(_, name)| interface(name)));
        interfaces.push("eth0".to_owned());
        interfaces.retain(|name| name != "lo" && name.parse::<u32>().is_err());
        interfaces.sort();
        interfaces.dedup();
        Aims { interfaces, rules }
    }

    /// A facet for each rule that asks for anything. `towards` are addresses that packets leave to
    /// by each interface.
    pub fn facets(&self, towards: fn(&mut Rng, Family, usize) -> IpAddr) -> Vec<Facet> {
        let rules = self.rules.iter().filter(|rule| !rule.is_empty());
        let facet = |rule: &Vec<Test>| {
            let (rule, interfaces) = (rule.clone(), self.interfaces.clone());
            Rc::new(move |rng: &mut Rng, draft: &mut Draft| {
                let mut met: Vec<(Ask, String)> =
                    rule.iter().flat_map(|test| rng.pick(test).clone()).collect();
                // What is behind a protocol's header follows from it; the output interface is
                // that of any address unless the address is asked for, too.
                met.sort_by_key(|(ask, _)| match ask {
                    Ask::Protocol => 0,
                    Ask::Output => 1,
                    _ => 2,
                });
                for (ask, value) in met {
                    meet(ask, &value, &interfaces, towards, rng, draft);
                }
            }) as Facet
        };
        rules.map(facet).collect()
    }
}

/// An interface's name as rules write it, without quotes and pattern.
fn interface(text: &str) -> String {
    text.trim_matches('"').replace('*', "0")
}

/// The interfaces that a rule excludes by index: they must be there all the same.
fn excluded(rule: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (at, pair) in rule.windows(2).enumerate() {
        if matches!(pair[0].as_str(), "iif" | "oif") && pair[1] == "!=" {
            let is_set = rule.get(at + 2).is_some_and(|token| token == "{");
            let rest = rule[at + 2..].iter();
            let names = rest.take_while(|token| *token != "}").filter(|t| *t != "{" && *t != ",");
            found.extend(names.take(if is_set { usize::MAX } else { 1 }).map(|t| interface(t)));
        }
    }
    found
}

/// Words and signs of a text.
fn tokens(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut word = String::new();
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_sign = "{}(),;|".contains(character);
        if (character.is_whitespace() || is_sign || character == '#') && !word.is_empty() {
            found.push(std::mem::take(&mut word));
        }
        match character {
            '#' => while characters.next_if(|next| *next != '\n').is_some() {},
            '"' => {
                word.push('"');
                while let Some(next) = characters.next_if(|next| *next != '"') {
                    word.push(next);
                }
                characters.next();
                word.push('"');
            }
            '\\' => {}
            other if is_sign => found.push(other.to_string()),
            other if !other.is_whitespace() => word.push(other),
            _ => {}
        }
    }
    found.extend((!word.is_empty()).then_some(word));
    found
}

/// Variables, and the elements of sets.
#[derive(Debug, Default)]
struct Known {
    variables: BTreeMap<String, Vec<String>>,
    sets: BTreeMap<String, Vec<String>>,
}

impl Known {
    fn of(text: &str) -> Known {
        let mut known = Known::default();
        for part in parts(text) {
            let tokens = tokens(&text[part.all]);
            let word = |at: usize| tokens.get(at).map_or("", String::as_str);
            match word(0) {
                "define" | "redefine" if word(2) == "=" => {
                    known.variables.insert(word(1).to_owned(), tokens[3..].to_vec());
                }
                "define" | "redefine" => {}
                "set" | "map" => {
                    let at = tokens.iter().position(|token| token == "elements");
                    let elements = at.map_or(Vec::new(), |at| tokens[at + 2..].to_vec());
                    known.sets.insert(word(1).to_owned(), elements);
                }
                "add" if word(1) == "element" => {
                    if let Some(at) = tokens.iter().position(|token| token == "{") {
                        let set = known.sets.entry(word(at - 1).to_owned()).or_default();
                        set.push(",".to_owned());
                        set.extend(tokens[at..].iter().cloned());
                    }
                }
                _ => {}
            }
        }
        known
    }

    /// With values in place of names, flat: braces within braces mean nothing more.
    fn expanded(&self, tokens: &[String], depth: u32) -> Vec<String> {
        let mut expanded = Vec::new();
        for token in tokens {
            let value = match token.split_at_checked(1) {
                Some(("$", name)) => self.variables.get(name),
                Some(("@", name)) => self.sets.get(name),
                _ => None,
            };
            match value {
                Some(value) if depth < 8 => {
                    let is_set = token.starts_with('@') && value.first().is_none_or(|t| t != "{");
                    expanded.extend(is_set.then(|| "{".to_owned()));
                    expanded.extend(self.expanded(value, depth + 1));
                    expanded.extend(is_set.then(|| "}".to_owned()));
                }
                _ => expanded.push(token.clone()),
            }
        }
        expanded
    }
}

/// The tests of a rule.
fn tests(tokens: &[String]) -> Vec<Test> {
    let mut reader = Reader { tokens, at: 0 };
    let mut found = Vec::new();
    while reader.at < tokens.len() {
        let start = reader.at;
        if let Some(test) = reader.test() {
            found.extend((!test.is_empty()).then_some(test));
        }
        reader.at = reader.at.max(start + 1);
    }
    found
}

struct Reader<'a> {
    tokens: &'a [String],
    at: usize,
}

impl Reader<'_> {
    fn word(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", String::as_str)
    }

    fn take(&mut self, word: &str) -> bool {
        let is = self.word(0) == word;
        self.at += usize::from(is);
        is
    }

    /// A selector, and the protocol that it implies.
    fn selector(&mut self) -> Option<(Ask, Option<&'static str>)> {
        let of = |protocol| Some(protocol);
        let (found, words) = match (self.word(0), self.word(1)) {
            ("ip" | "ip6", "saddr") => ((Ask::Source, None), 2),
            ("ip" | "ip6", "daddr") => ((Ask::Destination, None), 2),
            ("ip", "protocol") | ("ip6", "nexthdr") | ("meta", "l4proto") => {
                ((Ask::Protocol, None), 2)
            }
            ("ip", "ttl") | ("ip6", "hoplimit") => ((Ask::Ttl, None), 2),
            ("tcp", "sport") => ((Ask::SourcePort, of("tcp")), 2),
            ("tcp", "dport") => ((Ask::DestinationPort, of("tcp")), 2),
            ("udp", "sport") => ((Ask::SourcePort, of("udp")), 2),
            ("udp", "dport") => ((Ask::DestinationPort, of("udp")), 2),
            ("th", "sport") => ((Ask::SourcePort, None), 2),
            ("th", "dport") => ((Ask::DestinationPort, None), 2),
            ("tcp", "flags") => ((Ask::Flags, of("tcp")), 2),
            ("icmp", "type") => ((Ask::Type, of("icmp")), 2),
            ("icmp", "code") => ((Ask::Code, of("icmp")), 2),
            ("icmpv6", "type") => ((Ask::Type, of("icmpv6")), 2),
            ("icmpv6", "code") => ((Ask::Code, of("icmpv6")), 2),
            ("ether", "saddr") => ((Ask::Mac, None), 2),
            (
                "ct" | "meta" | "ip" | "ip6" | "udp" | "tcp",
                "state" | "status" | "mark" | "length",
            ) => ((Ask::Other, None), 2),
            ("meta", "iif" | "iifname") => ((Ask::Input, None), 2),
            ("meta", "oif" | "oifname") => ((Ask::Output, None), 2),
            ("l4proto", _) => ((Ask::Protocol, None), 1),
            ("iif" | "iifname", _) => ((Ask::Input, None), 1),
            ("oif" | "oifname", _) => ((Ask::Output, None), 1),
            _ => return None,
        };
        self.at += words;
        Some(found)
    }

    fn test(&mut self) -> Option<Test> {
        let mut asks = vec![self.selector()?];
        while self.take(".") {
            match self.selector() {
                Some(ask) => asks.push(ask),
                None => {
                    self.at += 2;
                    asks.push((Ask::Other, None));
                }
            }
        }
        let implied: Vec<(Ask, String)> = asks
            .iter()
            .filter_map(|(_, implied)| Some((Ask::Protocol, (*implied)?.to_owned())))
            .collect();
        if matches!(self.word(0), "!=" | "!" | "<" | ">" | "<=" | ">=" | "set") {
            self.at += 1;
            return Some(vec![implied]);
        }
        let is_masked = self.word(0) == "&";
        let _ = self.take("==") || self.take("vmap") || self.take("map");
        if asks[0].0 == Ask::Flags && self.word(0) != "{" {
            return Some(vec![self.flags(implied)]);
        }
        if is_masked {
            return Some(vec![implied]);
        }
        let asks: Vec<Ask> = asks.into_iter().map(|(ask, _)| ask).collect();
        let elements = match self.take("{") {
            true => self.elements(&asks),
            false => vec![self.element(&asks)],
        };
        let whole = |element: Vec<(Ask, String)>| implied.iter().cloned().chain(element).collect();
        Some(elements.into_iter().map(whole).collect())
    }

    /// The flags that are set where a test of some holds: those of its last list.
    fn flags(&mut self, mut met: Vec<(Ask, String)>) -> Vec<(Ask, String)> {
        let (mut lists, mut list) = (Vec::new(), Vec::new());
        loop {
            match self.word(0) {
                "(" | ")" | "|" | "," => {}
                "&" | "==" | "/" => lists.push(std::mem::take(&mut list)),
                word => {
                    let flags: Vec<String> = word.split([',', '|']).map(str::to_owned).collect();
                    if !flags.iter().all(|flag| flag_bit(flag).is_some() || flag == "0x0") {
                        break;
                    }
                    list.extend(flags);
                }
            }
            self.at += 1;
        }
        lists.push(list);
        // `syn / syn,ack`: the value stands in front of its mask.
        let is_slashed = self.tokens[..self.at].iter().any(|token| token == "/");
        let list = if is_slashed { lists.swap_remove(0) } else { lists.pop().unwrap_or_default() };
        met.push((Ask::Flags, list.join(",")));
        met
    }

    fn elements(&mut self, asks: &[Ask]) -> Vec<Vec<(Ask, String)>> {
        let mut elements = Vec::new();
        let mut depth = 1;
        let mut begins = true;
        while self.at < self.tokens.len() && depth > 0 {
            match self.word(0) {
                "{" => depth += 1,
                "}" => depth -= 1,
                "," => begins = true,
                _ if begins => {
                    elements.push(self.element(asks));
                    begins = false;
                    continue;
                }
                _ => {}
            }
            self.at += 1;
        }
        elements
    }

    /// One element: a part for each selector.
    fn element(&mut self, asks: &[Ask]) -> Vec<(Ask, String)> {
        let mut met = Vec::new();
        for (number, ask) in asks.iter().enumerate() {
            if number > 0 && !self.take(".") {
                break;
            }
            met.push((*ask, self.word(0).to_owned()));
            self.at += 1;
            while *ask == Ask::Flags && self.take("|") {
                if let Some((_, flags)) = met.last_mut() {
                    *flags += ",";
                    *flags += self.tokens.get(self.at).map_or("", String::as_str);
                }
                self.at += 1;
            }
        }
        met
    }
}

fn flag_bit(name: &str) -> Option<u8> {
    let names = ["fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"];
    names.iter().position(|known| *known == name).map(|bit| 1 << bit)
}

fn meet(
    ask: Ask,
    value: &str,
    interfaces: &[String],
    towards: fn(&mut Rng, Family, usize) -> IpAddr,
    rng: &mut Rng,
    draft: &mut Draft,
) {
    let family = draft.family();
    match ask {
        Ask::Source | Ask::Destination => {
            let Some(address) = address(value, rng) else { return };
            match ask {
                Ask::Source => draft.set_source(address),
                _ => draft.set_destination(address),
            }
        }
        Ask::SourcePort | Ask::DestinationPort => {
            let named = |name: &str| bpfc_names::service_port(name, None);
            let number = range(value, rng, |text| text.parse().ok().or_else(|| named(text)));
            if let Some((number, (source, destination))) = number.zip(draft.ports()) {
                *if ask == Ask::SourcePort { source } else { destination } = number as u16;
            }
        }
        Ask::Protocol => {
            let named = |text: &str| match text.parse() {
                Ok(number) => Some(number),
                Err(_) => bpfc_names::protocol_number(text).map(u64::from),
            };
            let Some(number) = range(value, rng, |text| named(text).map(|n| n as u16)) else {
                return;
            };
            // Packets of one family hardly carry the other's messages, and an authentication header
            // in IPv6 is one of those that are stepped over.
            let other: &[u8] = match family {
                Family::Ipv4 => &[0, protocol::ICMPV6],
                Family::Ipv6 => &[0, protocol::ICMP, protocol::AH],
            };
            if !other.contains(&(number as u8)) {
                draft.become_protocol(number as u8);
                if number as u8 == protocol::TCP && rng.one_in(2) {
                    draft.tcp().flags = 2;
                }
            }
        }
        Ask::Type | Ask::Code => {
            let names = if ask == Ask::Type { TYPES } else { CODES };
            let named = |text: &str| {
                let of = |&&(name, of, _): &&(&str, Family, u16)| name == text && of == family;
                names.iter().find(of).map(|(.., number)| *number)
            };
            let number = range(value, rng, |text| text.parse().ok().or_else(|| named(text)));
            if let Transport::Icmp { kind, code, .. } | Transport::Icmpv6 { kind, code, .. } =
                &mut draft.transport
                && let Some(number) = number
            {
                *if ask == Ask::Type { kind } else { code } = number as u8;
            }
        }
        Ask::Input => {
            let name = interface(value);
            if let Some(port) = interfaces.iter().position(|known| *known == name) {
                draft.port = port;
            }
        }
        Ask::Output => {
            let name = interface(value);
            if let Some(port) = interfaces.iter().position(|known| *known == name) {
                draft.set_destination(towards(rng, family, port));
            }
        }
        Ask::Flags => {
            let bits = value.split(',').filter_map(flag_bit);
            draft.tcp().flags = bits.fold(0, |flags, bit| flags | bit);
        }
        Ask::Mac => {
            let mut bytes = [0; 6];
            for (byte, text) in bytes.iter_mut().zip(value.split(':')) {
                *byte = u8::from_str_radix(text, 16).unwrap_or_default();
            }
            draft.mac_source = bytes;
        }
        Ask::Ttl => {
            if let Ok(value) = value.parse() {
                *draft.ttl() = value;
            }
        }
        Ask::Other => {}
    }
}

/// A number of a range, or the one number.
fn range(text: &str, rng: &mut Rng, read: impl Fn(&str) -> Option<u16>) -> Option<u64> {
    let text = text.trim_matches('"');
    if let Some(number) = read(text) {
        return Some(number.into());
    }
    let (low, high) = text.split_once('-')?;
    let (low, high) = (read(low)?, read(high)?);
    (low <= high).then(|| rng.within(low.into()..=high.into()))
}

/// An address, or one of a network or range.
fn address(text: &str, rng: &mut Rng) -> Option<IpAddr> {
    if let Some((low, high)) = text.split_once('-') {
        return if rng.one_in(2) { low } else { high }.parse().ok();
    }
    let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
    match address.parse().ok()? {
        IpAddr::V4(address) => {
            let length = length.map_or(Some(32), |length| length.parse().ok())?;
            let free = u32::MAX.checked_shr(length).unwrap_or(0);
            Some(Ipv4Addr::from(u32::from(address) & !free | rng.bits() as u32 & free).into())
        }
        IpAddr::V6(address) => {
            let length = length.map_or(Some(128), |length| length.parse().ok())?;
            let free = u128::MAX.checked_shr(length).unwrap_or(0);
            let bits = u128::from(rng.bits()) << 64 | u128::from(rng.bits());
            Some(Ipv6Addr::from(u128::from(address) & !free | bits & free).into())
        }
    }
}

/// Types of messages by name (`nft describe icmp type`, `nft describe icmpv6 type`).
const TYPES: &[(&str, Family, u16)] = &[
    ("echo-reply", Family::Ipv4, 0),
    ("destination-unreachable", Family::Ipv4, 3),
    ("redirect", Family::Ipv4, 5),
    ("echo-request", Family::Ipv4, 8),
    ("router-advertisement", Family::Ipv4, 9),
    ("time-exceeded", Family::Ipv4, 11),
    ("parameter-problem", Family::Ipv4, 12),
    ("destination-unreachable", Family::Ipv6, 1),
    ("packet-too-big", Family::Ipv6, 2),
    ("time-exceeded", Family::Ipv6, 3),
    ("parameter-problem", Family::Ipv6, 4),
    ("echo-request", Family::Ipv6, 128),
    ("echo-reply", Family::Ipv6, 129),
    ("mld-listener-query", Family::Ipv6, 130),
    ("mld-listener-report", Family::Ipv6, 131),
    ("mld-listener-done", Family::Ipv6, 132),
    ("nd-router-solicit", Family::Ipv6, 133),
    ("nd-router-advert", Family::Ipv6, 134),
    ("nd-neighbor-solicit", Family::Ipv6, 135),
    ("nd-neighbor-advert", Family::Ipv6, 136),
    ("nd-redirect", Family::Ipv6, 137),
    ("mld2-listener-report", Family::Ipv6, 143),
];

/// Codes of messages by name.
const CODES: &[(&str, Family, u16)] =
    &[("no-route", Family::Ipv6, 0), ("admin-prohibited", Family::Ipv6, 1)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_meet_rules() {
        let text = "\
define web = { 80, https }
table inet t {
    set s { type ipv4_addr . inet_service; elements = { 10.1.2.3 . 22 } }
    chain c {
        iifname \"wan*\" tcp dport $web tcp flags & (syn|ack) == syn accept
        ip saddr . tcp dport @s drop
        iif { eth1, lo } icmp type { echo-reply } accept
        udp sport 7-9 oif != eth5 accept
    }
}
";
        let aims = Aims::of(text, "");
        assert_eq!(aims.interfaces, ["eth0", "eth1", "eth5", "wan0"]);
        let facets = aims.facets(|_, _, _| Ipv4Addr::LOCALHOST.into());
        let mut rng = Rng::new(1);
        let mut met = |number: usize| {
            let mut draft = Draft::new(Family::Ipv4);
            facets[number](&mut rng, &mut draft);
            draft
        };
        let mut draft = met(0);
        assert_eq!((draft.port, draft.tcp().flags), (3, 2));
        assert!([80, 443].contains(draft.ports().expect("ports").1));
        let mut draft = met(1);
        assert_eq!(*draft.ports().expect("ports").1, 22);
        assert_eq!(draft.frame().bytes[26..30], [10, 1, 2, 3]);
        assert!(matches!(met(2).transport, Transport::Icmp { kind: 0, .. }));
        assert!((7..=9).contains(met(3).ports().expect("ports").0));
    }
}
