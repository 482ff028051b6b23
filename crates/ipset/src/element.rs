//! Elements as text: what stands behind the set's name in `add`, `del` and `test`.
//!
//! One text may mean many elements (`10.0.0.1-10.0.0.9,tcp:80-90`): they are the product of what
//! each part means, as the kernel adds them one by one.

pub use crate::extensions::{Command, Extensions};
use crate::kind::{Part, SetKind};
use crate::numbers::parse_within;
use crate::parts::{
    self, Ports, parse_address, parse_interface, parse_length, parse_mac, prefix_mask,
};
use crate::{Family, Layout, SetDef};
use bpfc_abi::raw;

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElementError {
    /// The word at fault, from 0 behind the command (`create`, or the set's name).
    pub word: usize,
    /// One sentence without a full stop.
    pub message: String,
}

/// What one part of an element's text means.
#[derive(Debug)]
enum Choice {
    Addresses { low: u128, high: u128, step: u128, mask: u128 },
    Networks(Vec<(u128, u8)>),
    Ports(Ports),
    Mac([u8; 6]),
    Mark(u32),
    Interface { name: [u8; 16], flags: u8 },
    Name([u8; 32]),
}

/// What an element's text says beside its keys.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Beside {
    /// The Ethernet address of a `bitmap:ip,mac` element, which is no part of the key.
    pub(crate) mac: Option<[u8; 6]>,
    /// It means more than the limit.
    pub(crate) more: bool,
}

/// Longest key of any type.
pub(crate) const LONGEST_KEY: usize = 40;

impl SetDef {
    /// Reads an element and appends the keys that it means, at most `limit` of them.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn parse_keys(
        &self,
        layout: &Layout,
        text: &str,
        wildcard: bool,
        limit: u32,
        out: &mut Vec<u8>,
    ) -> Result<Beside, String> {
        if self.is_plain() && self.plain_key(layout, text, out) {
            return Ok(Beside::default());
        }
        let wanted = self.kind.parts();
        let mut choices = Vec::with_capacity(3);
        let mut mac = None;
        let mut addresses = 0;
        let mut texts = text.split(',');
        for (index, part) in wanted.iter().enumerate() {
            let Some(text) = texts.next() else {
                if *part == Part::OptionalMac {
                    break;
                }
                let which = ["first", "second", "third"][index.min(2)];
                return Err(format!("the {which} part of '{text}' is missing: {}", self.form()));
            };
            match part {
                Part::OptionalMac => mac = Some(read_mac(text)?),
                Part::Address => {
                    choices.push(self.addresses(text, addresses)?);
                    addresses += 1;
                }
                part => choices.push(self.choice(*part, text, wildcard)?),
            }
        }
        if texts.next().is_some() {
            return Err(format!("'{text}' has too many parts: {}", self.form()));
        }
        let mut key = [0; LONGEST_KEY];
        let mut expansion =
            Expansion { layout, size: layout.key_size, limit, start: out.len(), out };
        let more = expansion.expand(&choices, &mut key, 0).is_err();
        Ok(Beside { mac, more })
    }

    /// What an element of this type looks like, for messages.
    fn form(&self) -> String {
        let parts = self.kind.name().split_once(':').map_or("", |(_, parts)| parts);
        format!("an element of {} is {parts}", self.kind)
    }

    fn is_v6(&self) -> bool {
        self.family == Some(Family::Ipv6)
    }

    /// Whether the elements are IPv4 addresses or networks and nothing else.
    fn is_plain(&self) -> bool {
        matches!(self.kind, SetKind::HashIp | SetKind::HashNet)
            && self.family == Some(Family::Ipv4)
            && self.options.netmask.is_none()
            && self.options.bitmask.is_none()
    }

    /// Appends the key of an address or a network that is written plainly, which most are.
    fn plain_key(&self, layout: &Layout, text: &str, out: &mut Vec<u8>) -> bool {
        let (address, length) = match text.split_once('/') {
            // A leading zero makes it octal.
            Some((_, length)) if length.starts_with(['0', '+']) => return false,
            Some((address, length)) if self.kind == SetKind::HashNet => (address, length.parse()),
            _ => (text, Ok(32)),
        };
        let (Some(address), Ok(length @ 1..=32)) = (parts::parse_v4(address.as_bytes()), length)
        else {
            return false;
        };
        let address = address & prefix_mask(length, false) as u32;
        if address == 0 && self.kind == SetKind::HashIp {
            return false;
        }
        let start = out.len();
        out.resize(start + layout.key_size, 0);
        out[start..start + 4].copy_from_slice(&address.to_be_bytes());
        if let Some(at) = layout.prefixes[0] {
            out[start + at] = length;
        }
        true
    }

    fn choice(&self, part: Part, text: &str, wildcard: bool) -> Result<Choice, String> {
        Ok(match part {
            Part::Address => self.addresses(text, 0)?,
            Part::Network => Choice::Networks(self.networks(text)?),
            Part::Port => Choice::Ports(parts::parse_ports(text, self.is_v6())?),
            Part::PlainPort => {
                let (low, high) = parts::parse_plain_ports(text)?;
                let within = |port: u16| {
                    self.options.range.is_some_and(|(a, b)| (a..=b).contains(&port.into()))
                };
                if !within(low) || !within(high) {
                    return Err(format!("'{text}' is out of the range of the set"));
                }
                Choice::Ports(Ports { protocol: 0, low, high })
            }
            Part::Mac | Part::OptionalMac => match read_mac(text)? {
                [0, 0, 0, 0, 0, 0] => {
                    return Err("the Ethernet address must not be all zero".into());
                }
                mac => Choice::Mac(mac),
            },
            Part::Mark => {
                let mark = parse_within(text, 0, u32::MAX.into())
                    .ok_or_else(|| format!("'{text}' is not a mark of 32 bits"))?;
                Choice::Mark(mark as u32 & self.options.mark_mask)
            }
            Part::Interface => {
                let (name, physdev) = match text.strip_prefix("physdev:") {
                    Some(name) => (name, Layout::PHYSDEV),
                    None => (text, 0),
                };
                let wildcard = if wildcard { Layout::WILDCARD } else { 0 };
                let name = parse_interface(name)
                    .ok_or_else(|| format!("'{text}' is no interface's name of 1 to 15 bytes"))?;
                Choice::Interface { name, flags: physdev | wildcard }
            }
            Part::Name => {
                crate::definition::check_name(text)?;
                let mut name = [0; 32];
                let bytes = raw::encode(text);
                name[..bytes.len()].copy_from_slice(&bytes);
                Choice::Name(name)
            }
        })
    }

    /// `ADDRESS`, `ADDRESS-ADDRESS` or `ADDRESS/LENGTH`; the last two for IPv4 only, and where it
    /// is the first address of a set without Ethernet addresses.
    fn addresses(&self, text: &str, index: usize) -> Result<Choice, String> {
        let v6 = self.is_v6();
        let alone = index > 0 || matches!(self.kind, SetKind::BitmapIpMac | SetKind::HashIpMac);
        if alone && text.contains(['/', '-']) {
            return Err(format!("'{text}' must be a single address"));
        }
        let (low, high) = self.ends(text)?;
        if v6 && low != high {
            return Err("ranges of IPv6 addresses are not supported by ipset".into());
        }
        let mask = self.address_mask();
        if let Some((first, last)) = self.options.range {
            if low < first.into() || high > last.into() {
                return Err(format!("'{text}' is out of the range of the set"));
            }
        } else if low & mask == 0
            && index == 0
            && matches!(self.kind, SetKind::HashIp | SetKind::HashIpPort)
        {
            return Err("a null-valued element cannot be stored in a hash type of set".into());
        }
        let whole = prefix_mask(128, v6);
        let (low, step, mask) = match self.options.netmask {
            _ if low == high => return Ok(Choice::Addresses { low, high: low, step: 1, mask }),
            // With a netmask one element stands for all hosts of a network. A bitmap counts
            // networks from the first address on, a hash of addresses from the first network on.
            Some(length) if self.kind.is_bitmap() => (low, 1 << (32 - length), mask),
            Some(length) if self.kind == SetKind::HashIp => (low & mask, 1 << (32 - length), mask),
            // Otherwise the kernel masks where a range begins, and nothing behind.
            _ => (low & mask, 1, whole),
        };
        Ok(Choice::Addresses { low, high, step, mask })
    }

    /// The first and last address of what a text means.
    fn ends(&self, text: &str) -> Result<(u128, u128), String> {
        let v6 = self.is_v6();
        let kind = if v6 { "IPv6" } else { "IPv4" };
        let one = |text: &str| {
            parse_address(text, v6).ok_or_else(|| format!("'{text}' is no {kind} address"))
        };
        if let Some((address, length)) = text.rsplit_once('/') {
            let bits = if v6 { 128 } else { 32 };
            let length = parse_length(length, 0, bits)
                .ok_or_else(|| format!("'{length}' is not a prefix length from 0 to {bits}"))?;
            if length == 0 {
                return Err("the prefix length 0 means every address".into());
            }
            let mask = prefix_mask(length, v6);
            let address = one(address)?;
            return Ok((address & mask, address | (!mask & prefix_mask(bits, v6))));
        }
        if let Some(address) = parse_address(text, v6) {
            return Ok((address, address));
        }
        match text.split_once('-') {
            Some((low, high)) => {
                let (low, high) = (one(low)?, one(high)?);
                Ok((low.min(high), high.max(low)))
            }
            None => one(text).map(|address| (address, address)),
        }
    }

    /// `ADDRESS`, `ADDRESS/LENGTH` or `ADDRESS-ADDRESS`, the last as the networks that it
    /// consists of.
    fn networks(&self, text: &str) -> Result<Vec<(u128, u8)>, String> {
        let v6 = self.is_v6();
        let bits = if v6 { 128 } else { 32 };
        let masked = |network: (u128, u8)| (network.0 & self.address_mask(), network.1);
        if let Some((address, length)) = text.rsplit_once('/') {
            let least = if self.kind.takes_everything() { 0 } else { 1 };
            let length = parse_length(length, least, bits).ok_or_else(|| {
                format!("'{length}' is not a prefix length from {least} to {bits}")
            })?;
            let address = parse_address(address, v6).ok_or_else(|| {
                let kind = if v6 { "IPv6" } else { "IPv4" };
                format!("'{address}' is no {kind} address")
            })?;
            return Ok(vec![masked((address & prefix_mask(length, v6), length))]);
        }
        let (low, high) = self.ends(text)?;
        if low == high {
            return Ok(vec![masked((low, bits))]);
        }
        if v6 {
            return Err("ranges of IPv6 addresses are not supported by ipset".into());
        }
        if low == 0 && high == u32::MAX.into() {
            return Err("a range of all addresses is not supported by ipset".into());
        }
        Ok(range_to_networks(low, high).into_iter().map(masked).collect())
    }
}

/// The fewest IPv4 networks that make up a range, ascending.
fn range_to_networks(mut low: u128, high: u128) -> Vec<(u128, u8)> {
    let mut networks = Vec::new();
    while low <= high {
        let mut host = if low == 0 { 32 } else { low.trailing_zeros().min(32) };
        while low + (1u128 << host) - 1 > high {
            host -= 1;
        }
        networks.push((low, 32 - host as u8));
        low += 1 << host;
    }
    networks
}

fn read_mac(text: &str) -> Result<[u8; 6], String> {
    parse_mac(text).ok_or_else(|| format!("'{text}' is no Ethernet address"))
}

/// More keys than allowed.
struct Full;

struct Expansion<'a> {
    layout: &'a Layout,
    size: usize,
    limit: u32,
    start: usize,
    out: &'a mut Vec<u8>,
}

impl Expansion<'_> {
    /// Sets the parts that remain, in every combination. `address` counts address parts.
    fn expand(
        &mut self,
        choices: &[Choice],
        key: &mut [u8; LONGEST_KEY],
        address: usize,
    ) -> Result<(), Full> {
        let Some((choice, rest)) = choices.split_first() else {
            if (self.out.len() - self.start) / self.size >= self.limit as usize {
                return Err(Full);
            }
            self.out.extend_from_slice(&key[..self.size]);
            return Ok(());
        };
        let layout = *self.layout;
        let put = |key: &mut [u8; LONGEST_KEY], at: Option<usize>, bytes: &[u8]| {
            if let Some(at) = at {
                key[at..at + bytes.len()].copy_from_slice(bytes);
            }
        };
        let here = layout.addresses.get(address).copied().flatten();
        let put_address = |key: &mut [u8; LONGEST_KEY], value: u128| {
            put(key, here, &value.to_be_bytes()[16 - layout.address_size..]);
        };
        match choice {
            Choice::Addresses { low, high, step, mask } => {
                let mut at = *low;
                while at <= *high {
                    put_address(key, at & mask);
                    self.expand(rest, key, address + 1)?;
                    match at.checked_add(*step) {
                        Some(next) => at = next,
                        None => break,
                    }
                }
                Ok(())
            }
            Choice::Networks(networks) => {
                for (network, length) in networks {
                    put_address(key, *network);
                    put(key, layout.prefixes.get(address).copied().flatten(), &[*length]);
                    self.expand(rest, key, address + 1)?;
                }
                Ok(())
            }
            Choice::Ports(Ports { protocol, low, high }) => {
                for port in *low..=*high {
                    put(key, layout.port, &port.to_be_bytes());
                    put(key, layout.protocol, &[*protocol]);
                    self.expand(rest, key, address)?;
                }
                Ok(())
            }
            Choice::Mac(mac) => {
                put(key, layout.mac, mac);
                self.expand(rest, key, address)
            }
            Choice::Mark(mark) => {
                put(key, layout.mark, &mark.to_be_bytes());
                self.expand(rest, key, address)
            }
            Choice::Interface { name, flags } => {
                put(key, layout.interface, name);
                put(key, layout.interface_flags, &[*flags]);
                self.expand(rest, key, address)
            }
            Choice::Name(name) => {
                put(key, layout.name, name);
                self.expand(rest, key, address)
            }
        }
    }
}
