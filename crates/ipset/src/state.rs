//! A set at run time without a kernel: what a packet finds in it, and what changes.
//!
//! It follows the kernel's own order of things (net/netfilter/ipset/ip_set_hash_gen.h,
//! `mtype_test_cidrs`; ip_set_core.c, `ip_set_match_extensions`, `ip_set_test`): networks are
//! tried from the longest prefix length that the set holds to the shortest. An element that has
//! expired is passed over. Others count the packet, and are passed over where their counters then
//! do not compare as wanted. The first that remains decides; an exception decides that there is no
//! match.

use crate::element::LONGEST_KEY;
use crate::{ElementError, Layout, Set, SetDef, SetKind};
use std::collections::{BTreeMap, BTreeSet};

/// What a packet has for each part of an element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Probe {
    /// For the first and second address part, as numbers.
    pub addresses: [u128; 2],
    /// Protocol and port.
    pub port: (u8, u16),
    /// Ethernet address.
    pub mac: [u8; 6],
    /// Firewall mark.
    pub mark: u32,
    /// Interface name, padded; all zero for none.
    pub interface: [u8; 16],
}

/// A test of an element's counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Comparison {
    /// `--packets-eq`.
    Equal(u64),
    /// `! --packets-eq`.
    NotEqual(u64),
    /// `--packets-lt`.
    Less(u64),
    /// `--packets-gt`.
    Greater(u64),
}

impl Comparison {
    /// Whether a counter passes.
    pub fn holds(self, counter: u64) -> bool {
        match self {
            Comparison::Equal(value) => counter == value,
            Comparison::NotEqual(value) => counter != value,
            Comparison::Less(value) => counter < value,
            Comparison::Greater(value) => counter > value,
        }
    }
}

/// How a set is tested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Test {
    /// `--return-nomatch`: exceptions match and other elements do not.
    pub return_nomatch: bool,
    /// `! --update-counters`: what matches is not counted.
    pub keep_counters: bool,
    /// What the element's packets must be, this one counted.
    pub packets: Option<Comparison>,
    /// What the element's bytes must be, this packet's counted.
    pub bytes: Option<Comparison>,
}

/// What an element makes of the packets that are in it (`skbinfo`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketInfo {
    /// `skbmark`: what the mark's bits of the mask become.
    pub mark: u32,
    /// Bits of the mark that are replaced.
    pub mask: u32,
    /// `skbprio`: the priority.
    pub priority: u32,
    /// `skbqueue`: the transmit queue.
    pub queue: u16,
}

impl PacketInfo {
    /// The mark that a packet of this mark gets.
    pub fn marked(&self, mark: u32) -> u32 {
        mark & !self.mask ^ self.mark
    }
}

/// What one packet adds to counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Bytes of the packet.
    pub bytes: u32,
    /// Nanoseconds on the clock that timeouts are counted by.
    pub now: u64,
}

/// A set with its elements at run time.
#[derive(Clone, Debug)]
pub struct State {
    def: SetDef,
    layout: Layout,
    elements: BTreeMap<Vec<u8>, Vec<u8>>,
    /// A list's members, in order, as its elements' keys.
    order: Vec<Vec<u8>>,
}

fn read(value: &[u8], at: usize) -> u64 {
    value.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}

fn packet_info(layout: &Layout, value: &[u8]) -> PacketInfo {
    let word = |offset: usize| {
        let bytes = layout.skbinfo.and_then(|at| value.get(at + offset..at + offset + 4));
        bytes.and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
    };
    PacketInfo { mark: word(0), mask: word(4), priority: word(8), queue: word(12) as u16 }
}

fn write(value: &mut [u8], at: usize, number: u64) {
    if let Some(bytes) = value.get_mut(at..at + 8) {
        bytes.copy_from_slice(&number.to_le_bytes());
    }
}

impl State {
    /// The state of a set that is loaded at `now`.
    pub fn new(set: &Set, now: u64) -> State {
        let layout = set.def.layout();
        let mut elements = BTreeMap::new();
        let mut order = Vec::new();
        for (key, value) in set.iter() {
            elements.insert(key.to_vec(), started(&layout, value, now));
            order.push(key.to_vec());
        }
        if !set.def.kind.is_list() {
            order.clear();
        }
        State { def: set.def.clone(), layout, elements, order }
    }

    /// What it is.
    pub fn def(&self) -> &SetDef {
        &self.def
    }

    /// Elements that have not expired, by key, in a list in its order.
    pub fn elements(&self, now: u64) -> impl Iterator<Item = (&[u8], &[u8])> {
        let listed = self.order.iter().filter_map(|key| self.elements.get_key_value(key));
        let all = self.elements.iter().filter(|_| self.order.is_empty());
        let alive = move |value: &[u8]| !self.expired(value, now);
        listed
            .chain(all)
            .filter(move |(_, value)| alive(value))
            .map(|(key, value)| (key.as_slice(), value.as_slice()))
    }

    fn expired(&self, value: &[u8], now: u64) -> bool {
        self.layout.is_expired(value, now)
    }

    /// Whether a packet is in the set; counts it there.
    pub fn test(&mut self, probe: &Probe, test: &Test, counts: Counts) -> bool {
        self.matched(probe, test, counts).is_some()
    }

    /// What the element that a packet is in is to make of it, as [`State::test`] finds it; nothing
    /// new where the set has no `skbinfo`.
    pub fn info(&mut self, probe: &Probe, test: &Test, counts: Counts) -> Option<PacketInfo> {
        let layout = self.layout;
        self.matched(probe, test, counts).map(|value| packet_info(&layout, value))
    }

    /// What a list makes of packets that were found in its member of this key.
    pub fn member_info(&self, key: &[u8], now: u64) -> Option<PacketInfo> {
        let value = self.elements.get(key).filter(|value| !self.expired(value, now))?;
        Some(packet_info(&self.layout, value))
    }

    /// The value of the element that a packet is in.
    fn matched(&mut self, probe: &Probe, test: &Test, counts: Counts) -> Option<&[u8]> {
        let key = self.find(probe, test, counts)?;
        let wanted = test.return_nomatch && self.def.kind.takes_nomatch();
        let value = self.elements.get(&key)?;
        let nomatch = value[0] & Layout::NOMATCH as u8 != 0;
        (nomatch == wanted).then_some(value.as_slice())
    }

    /// The key of the element that decides.
    fn find(&mut self, probe: &Probe, test: &Test, counts: Counts) -> Option<Vec<u8>> {
        for first in self.lengths(0) {
            for second in self.lengths(1) {
                let mut met = false;
                for (name, flags) in self.interfaces(probe) {
                    let key = self.key(probe, [first, second], name, flags);
                    let key = key[..self.layout.key_size].to_vec();
                    if self.elements.contains_key(&key) {
                        met = true;
                        if self.passes(&key, probe, test, counts) {
                            return Some(key);
                        }
                    }
                }
                // A network that is there with other interfaces only hides shorter prefixes
                // (`multi` in the kernel).
                let key = self.key(probe, [first, second], [0; 16], 0);
                if let Some(network) = self.layout.network_key(&key[..self.layout.key_size])
                    && !met
                    && self.has_network(&network)
                {
                    return None;
                }
            }
        }
        None
    }

    fn has_network(&self, network: &[u8]) -> bool {
        self.elements.keys().any(|key| self.layout.network_key(key).as_deref() == Some(network))
    }

    /// Whether there is such an element, and it counts for this packet.
    fn passes(&mut self, key: &[u8], probe: &Probe, test: &Test, counts: Counts) -> bool {
        let layout = self.layout;
        let Some(value) = self.elements.get(key) else { return false };
        let expired = self.expired(value, counts.now);
        let Some(value) = self.elements.get_mut(key) else { return false };
        if let Some(at) = layout.value_mac {
            let flags = u32::from(value[0]);
            if flags & Layout::HAS_MAC == 0 {
                // The first packet says what the address is, and matches: the element is added
                // anew (ip_set_core.c, `ip_set_test`), with nothing beside it but its timeout.
                let mut whole = vec![0; layout.value_size];
                whole[0] = Layout::HAS_MAC as u8;
                whole[at..at + 6].copy_from_slice(&probe.mac);
                if let Some(at) = layout.timeout {
                    write(&mut whole, at, read(value, at));
                }
                if let Some(at) = layout.counters {
                    write(&mut whole, at, 1);
                    write(&mut whole, at + 8, counts.bytes.into());
                }
                *value = whole;
                return true;
            }
            if value[at..at + 6] != probe.mac {
                return false;
            }
        }
        if expired {
            return false;
        }
        if let Some(at) = layout.counters {
            let (mut packets, mut bytes) = (read(value, at), read(value, at + 8));
            if !test.keep_counters {
                packets = packets.wrapping_add(1);
                bytes = bytes.wrapping_add(counts.bytes.into());
                write(value, at, packets);
                write(value, at + 8, bytes);
            }
            return test.packets.is_none_or(|test| test.holds(packets))
                && test.bytes.is_none_or(|test| test.holds(bytes));
        }
        true
    }

    /// The prefix lengths that the set holds for an address part, longest first; one that stands
    /// for none where the part is no network.
    fn lengths(&self, part: usize) -> Vec<Option<u8>> {
        match self.layout.prefixes[part] {
            None => vec![None],
            Some(at) => {
                let lengths: BTreeSet<u8> = self.elements.keys().map(|key| key[at]).collect();
                lengths.into_iter().rev().map(Some).collect()
            }
        }
    }

    /// The interface itself, then each beginning of its name that the set may hold, longest
    /// first. None where the packet has no such interface.
    fn interfaces(&self, probe: &Probe) -> Vec<([u8; 16], u8)> {
        if self.layout.interface.is_none() {
            return vec![([0; 16], 0)];
        }
        let length = probe.interface.iter().position(|byte| *byte == 0).unwrap_or(15);
        if length == 0 {
            return Vec::new();
        }
        let mut names = vec![(probe.interface, 0)];
        for kept in (1..=length).rev() {
            let mut name = probe.interface;
            name[kept..].fill(0);
            names.push((name, Layout::WILDCARD));
        }
        names
    }

    fn key(
        &self,
        probe: &Probe,
        lengths: [Option<u8>; 2],
        interface: [u8; 16],
        interface_flags: u8,
    ) -> [u8; LONGEST_KEY] {
        let layout = &self.layout;
        let mut key = [0; LONGEST_KEY];
        let mut put = |at: Option<usize>, bytes: &[u8]| {
            if let Some(at) = at {
                key[at..at + bytes.len()].copy_from_slice(bytes);
            }
        };
        let v6 = layout.address_size == 16;
        for (part, length) in lengths.into_iter().enumerate() {
            let mask = match length {
                Some(length) => crate::parts::prefix_mask(length, v6),
                None => self.def.address_mask(),
            };
            let address = probe.addresses[part] & mask;
            put(layout.addresses[part], &address.to_be_bytes()[16 - layout.address_size..]);
            put(layout.prefixes[part], &[length.unwrap_or(0)]);
        }
        put(layout.port, &probe.port.1.to_be_bytes());
        put(layout.protocol, &[probe.port.0]);
        put(layout.mac, &probe.mac);
        put(layout.mark, &(probe.mark & self.def.options.mark_mask).to_be_bytes());
        put(layout.interface, &interface);
        put(layout.interface_flags, &[interface_flags]);
        key
    }

    /// The key that `SET --add-set` adds and `--del-set` deletes for a packet: the address of a
    /// network part is taken with the longest prefix length that the set holds, all of it where it
    /// holds none (`INIT_CIDR`). `None` where the packet can be no element.
    pub fn packet_key(&self, probe: &Probe) -> Option<Vec<u8>> {
        let layout = &self.layout;
        let bits = layout.address_size as u8 * 8;
        let lengths = [0, 1].map(|part| {
            layout.prefixes[part]
                .map(|_| self.lengths(part).first().copied().flatten().unwrap_or(bits))
        });
        if layout.interface.is_some() && probe.interface[0] == 0 {
            return None;
        }
        if let Some((low, high)) = self.def.options.range {
            let place = match layout.addresses[0] {
                Some(_) => probe.addresses[0],
                None => probe.port.1.into(),
            };
            if !(u128::from(low)..=u128::from(high)).contains(&place) {
                return None;
            }
        }
        let key = self.key(probe, lengths, probe.interface, 0)[..layout.key_size].to_vec();
        let null = self.def.kind == SetKind::HashIp && key.iter().all(|byte| *byte == 0);
        (!null).then_some(key)
    }

    /// Adds an element of these bytes; one that is there stays, unless it has expired or `exist`
    /// lets it be overwritten. False where the set is full and no element makes room (`forceadd`),
    /// or the element is there.
    pub fn add(&mut self, key: Vec<u8>, value: &[u8], exist: bool, now: u64) -> bool {
        if let Some(there) = self.elements.get(&key)
            && !exist
            && !self.expired(there, now)
        {
            return false;
        }
        if !self.elements.contains_key(&key) && self.elements.len() >= self.capacity() {
            let dead = |value: &Vec<u8>| self.expired(value, now);
            let expired: Vec<Vec<u8>> = self
                .elements
                .iter()
                .filter(|(_, value)| dead(value))
                .map(|(key, _)| key.clone())
                .collect();
            for key in &expired {
                self.elements.remove(key);
            }
            if self.elements.len() >= self.capacity() {
                // Which one goes is as good as chance in the kernel.
                let room = self.def.options.force_add.then(|| self.elements.pop_first()).flatten();
                if room.is_none() {
                    return false;
                }
            }
        }
        let value = started(&self.layout, value, now);
        if self.def.kind.is_list() && !self.order.contains(&key) {
            self.order.push(key.clone());
        }
        self.elements.insert(key, value);
        true
    }

    fn capacity(&self) -> usize {
        self.def.capacity() as usize
    }

    /// Deletes an element; false where it is not there.
    pub fn delete(&mut self, key: &[u8], now: u64) -> bool {
        let alive = self.elements.get(key).is_some_and(|value| !self.expired(value, now));
        if alive {
            self.elements.remove(key);
            self.order.retain(|there| there != key);
        }
        alive
    }

    /// What the words behind `add` mean: keys and the value, to be given to [`State::add`].
    ///
    /// # Errors
    /// As of [`Set::append`].
    pub fn read(&self, words: &[&str]) -> Result<Set, ElementError> {
        let mut set = Set::new(self.def.clone());
        set.append(&self.layout, words)?;
        Ok(set)
    }

    /// Whether an element of this key is there and has not expired.
    pub fn has(&self, key: &[u8], now: u64) -> bool {
        self.elements.get(key).is_some_and(|value| !self.expired(value, now))
    }

    /// Counts a packet for a list's member (by its key) that has matched; false where the member
    /// has left the list or expired, or its counters do not compare as wanted. The members
    /// themselves are tested without comparing counters (net/netfilter/ipset/ip_set_list_set.c).
    pub fn hit(&mut self, key: &[u8], test: &Test, counts: Counts) -> bool {
        self.passes(key, &Probe::default(), test, counts)
    }
}

/// A value whose timeout runs from `now`.
fn started(layout: &Layout, value: &[u8], now: u64) -> Vec<u8> {
    let mut value = value.to_vec();
    if let Some(at) = layout.timeout {
        let wait = read(&value, at);
        if wait != 0 {
            write(&mut value, at, now.saturating_add(wait));
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(create: &str) -> State {
        let words: Vec<&str> = create.split(' ').skip(1).collect();
        State::new(&Set::new(SetDef::parse(&words).expect("a definition")), 0)
    }

    #[test]
    fn packets_beyond_a_range_are_no_elements() {
        let ports = state("create a bitmap:port range 10-1023");
        let port = |port| Probe { port: (6, port), ..Probe::default() };
        for (number, fits) in [(9, false), (10, true), (1023, true), (1024, false)] {
            assert_eq!(ports.packet_key(&port(number)).is_some(), fits, "{number}");
        }
        let addresses = state("create a bitmap:ip range 10.0.0.0-10.0.0.255 netmask 28");
        let address = |last: u128| Probe { addresses: [last, 0], ..Probe::default() };
        for (number, fits) in [(0x09ff_ffff, false), (0x0a00_00ff, true), (0x0a00_0100, false)] {
            assert_eq!(addresses.packet_key(&address(number)).is_some(), fits, "{number:x}");
        }
    }

    #[test]
    fn an_element_that_a_packet_completes_is_added_anew() {
        let create = "create m bitmap:ip,mac range 10.0.0.0/24 timeout 0 counters skbinfo";
        let words: Vec<&str> = create.split(' ').skip(1).collect();
        let mut set = Set::new(SetDef::parse(&words).expect("a definition"));
        let add = ["10.0.0.1", "timeout", "9", "packets", "7", "skbmark", "0x5", "skbqueue", "2"];
        set.append(&set.def.layout(), &add).expect("an element");
        let mut state = State::new(&set, 0);
        let probe = Probe { addresses: [0x0a00_0001, 0], mac: [2; 6], ..Probe::default() };
        let counts = Counts { bytes: 40, now: 1 };
        let unmarked = Some(PacketInfo::default());
        assert_eq!(state.info(&probe, &Test::default(), counts), unmarked);
        let second = Test { packets: Some(Comparison::Equal(2)), ..Test::default() };
        assert!(state.test(&probe, &second, counts));
        assert!(!state.test(&Probe { mac: [4; 6], ..probe }, &Test::default(), counts));
        let later = Counts { now: 9_000_000_001, ..counts };
        assert!(!state.test(&probe, &Test::default(), later));
    }
}
