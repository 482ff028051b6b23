//! Filter sets of the shapes that ClassBench knows, and packets that meet them: the same seed gives
//! the same ones. For tests and benchmarks.
//!
//! Access lists (acl) name sources and destinations narrowly, often with one destination port;
//! firewalls (fw) leave out one of the addresses and name source ports, too; chains of a host (ipc)
//! do a bit of everything. Addresses come of a tree in which each prefix leans to one side, by its
//! hash, so that they cluster and nest as those of real networks do, and protocols and ports of
//! tables that say how often each occurs. All figures are this project's own.

use crate::{Key, Layout, Rule, Test};
use std::collections::BTreeSet;

/// A source of numbers: the same seed gives the same ones.
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// Numbers by a seed.
    pub fn new(seed: u64) -> Numbers {
        Numbers(seed)
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// A number below a bound; 0 where that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.any() % bound.max(1)
    }

    /// A number between two, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        match (high - low).checked_add(1) {
            Some(count) => low + self.below(count),
            None => self.any(),
        }
    }

    /// One of several, by weight.
    pub fn weighted<T: Copy>(&mut self, choices: &[(u64, T)]) -> Option<T> {
        let mut left = self.below(choices.iter().map(|(weight, _)| weight).sum());
        let chosen = choices.iter().find(|(weight, _)| match left.checked_sub(*weight) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        });
        chosen.map(|&(_, choice)| choice)
    }
}

/// SplitMix64's mixing (Steele, Lea, Flood 2014).
fn mixed(number: u64) -> u64 {
    let mut mixed = (number ^ number >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// What a filter set is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An access list of a router.
    AccessList,
    /// A firewall between a network and the rest.
    Firewall,
    /// The chain of a host.
    Chain,
}

/// One filter over five fields of IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Filter {
    /// Address and length of the source prefix.
    pub source: (u32, u32),
    /// Address and length of the destination prefix.
    pub destination: (u32, u32),
    /// The protocol, if it is named; ports are of TCP or UDP alone.
    pub protocol: Option<u8>,
    /// The first and last destination port.
    pub destination_ports: (u16, u16),
    /// The first and last source port.
    pub source_ports: (u16, u16),
}

/// The five fields of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Source address.
    pub source: u32,
    /// Destination address.
    pub destination: u32,
    /// Protocol.
    pub protocol: u8,
    /// Destination port.
    pub destination_port: u16,
    /// Source port.
    pub source_port: u16,
}

/// All ports.
const ANY: (u16, u16) = (0, u16::MAX);
/// Those that clients use.
const HIGH: (u16, u16) = (1024, u16::MAX);
/// What the IPv6 addresses of [`Filter::rule6`] begin with.
const SITE: u64 = 0x2001_0db8 << 32;

/// How often a pair of prefix lengths occurs.
type Lengths = &'static [(u64, (u32, u32))];

#[derive(Clone, Copy)]
enum Ports {
    Any,
    High,
    WellKnown,
    One,
    Few,
}

impl Shape {
    /// All shapes.
    pub const ALL: [Shape; 3] = [Shape::AccessList, Shape::Firewall, Shape::Chain];

    /// Its name, as ClassBench says it.
    pub fn name(self) -> &'static str {
        match self {
            Shape::AccessList => "acl",
            Shape::Firewall => "fw",
            Shape::Chain => "ipc",
        }
    }

    fn lengths(self) -> Lengths {
        match self {
            Shape::AccessList => &[
                (30, (32, 32)),
                (20, (32, 24)),
                (18, (24, 32)),
                (10, (24, 24)),
                (8, (24, 16)),
                (5, (16, 24)),
                (4, (28, 28)),
                (3, (16, 32)),
                (2, (0, 24)),
            ],
            Shape::Firewall => &[
                (32, (0, 24)),
                (28, (0, 32)),
                (13, (24, 0)),
                (8, (32, 0)),
                (4, (16, 0)),
                (4, (24, 32)),
                (4, (32, 24)),
                (3, (24, 24)),
                (3, (2, 2)),
                (1, (0, 0)),
            ],
            Shape::Chain => &[
                (19, (24, 24)),
                (12, (16, 24)),
                (11, (24, 32)),
                (9, (32, 24)),
                (8, (24, 16)),
                (8, (32, 32)),
                (8, (0, 24)),
                (5, (16, 16)),
                (5, (20, 20)),
                (4, (24, 0)),
                (3, (0, 32)),
                (1, (0, 0)),
            ],
        }
    }

    fn protocols(self) -> &'static [(u64, Option<u8>)] {
        match self {
            Shape::AccessList => &[(87, Some(6)), (4, Some(17)), (3, Some(1)), (6, None)],
            Shape::Firewall => {
                &[(57, Some(6)), (33, Some(17)), (4, Some(1)), (5, Some(47)), (1, None)]
            }
            Shape::Chain => {
                &[(35, Some(6)), (36, Some(17)), (2, Some(1)), (1, Some(50)), (26, None)]
            }
        }
    }

    fn destination_ports(self) -> &'static [(u64, Ports)] {
        match self {
            Shape::AccessList => &[
                (45, Ports::WellKnown),
                (18, Ports::One),
                (10, Ports::Few),
                (3, Ports::High),
                (24, Ports::Any),
            ],
            Shape::Firewall => {
                &[(45, Ports::WellKnown), (20, Ports::One), (10, Ports::High), (25, Ports::Any)]
            }
            Shape::Chain => &[
                (25, Ports::WellKnown),
                (15, Ports::One),
                (4, Ports::Few),
                (8, Ports::High),
                (48, Ports::Any),
            ],
        }
    }

    fn source_ports(self) -> &'static [(u64, Ports)] {
        match self {
            Shape::AccessList => &[(1, Ports::Any)],
            Shape::Firewall => {
                &[(75, Ports::Any), (14, Ports::WellKnown), (10, Ports::High), (1, Ports::Few)]
            }
            Shape::Chain => {
                &[(80, Ports::Any), (14, Ports::WellKnown), (3, Ports::One), (3, Ports::Few)]
            }
        }
    }

    /// Some filters of this shape, no two of them alike, narrow ones rather first.
    pub fn filters(self, seed: u64, count: usize) -> Vec<Filter> {
        let mut numbers = Numbers::new(mixed(seed) ^ self as u64);
        let trees = [numbers.any(), numbers.any()];
        let (mut known, mut made) = (BTreeSet::new(), Vec::with_capacity(count));
        while made.len() < count {
            let filter = self.filter(&mut numbers, trees);
            if known.insert(filter) {
                let order = filter.lateness() + numbers.below(8) as u32;
                made.push((order, filter));
            }
        }
        made.sort_by_key(|(order, _)| *order);
        made.into_iter().map(|(_, filter)| filter).collect()
    }

    fn filter(self, numbers: &mut Numbers, trees: [u64; 2]) -> Filter {
        let (mut source, mut destination) = numbers.weighted(self.lengths()).unwrap_or((32, 32));
        // Some prefixes are a bit wider than what is usual.
        for length in [&mut source, &mut destination] {
            if numbers.below(3) == 0 {
                *length = length.saturating_sub(1 + numbers.below(3) as u32);
            }
        }
        let protocol = numbers.weighted(self.protocols()).flatten();
        let has_ports = matches!(protocol, Some(6 | 17));
        let mut ports = |choices: &[(u64, Ports)]| match numbers.weighted(choices) {
            Some(kind) if has_ports => kind.range(numbers),
            _ => ANY,
        };
        let destination_ports = ports(self.destination_ports());
        let source_ports = ports(self.source_ports());
        Filter {
            source: (address(numbers, trees[0], source), source),
            destination: (address(numbers, trees[1], destination), destination),
            protocol,
            destination_ports,
            source_ports,
        }
    }
}

impl Ports {
    fn range(self, numbers: &mut Numbers) -> (u16, u16) {
        const NAMED: [u16; 24] = [
            80, 443, 53, 22, 25, 110, 143, 123, 161, 21, 23, 389, 445, 139, 1433, 3306, 3389, 8080,
            514, 179, 69, 500, 5060, 1521,
        ];
        match self {
            Ports::Any => ANY,
            Ports::High => HIGH,
            Ports::WellKnown => {
                // The first ones most often.
                let at = numbers.below(24).min(numbers.below(24));
                (NAMED[at as usize], NAMED[at as usize])
            }
            Ports::One => {
                let port = numbers.between(1, 40_000) as u16;
                (port, port)
            }
            Ports::Few => {
                let first = numbers.between(100, 40_000) as u16;
                (first, first + numbers.between(1, 2000) as u16)
            }
        }
    }
}

/// The beginning of an address in a tree, the rest 0.
fn address(numbers: &mut Numbers, tree: u64, length: u32) -> u32 {
    let mut prefix = 0u64;
    for depth in 0..length {
        let hash = mixed(tree ^ mixed(prefix | 1 << depth));
        // How often the favoured side is taken, of 16 times; networks branch less than sites.
        let leaning = match (depth, hash >> 8 & 7) {
            (0..8, 0..4) | (8..24, 0..2) | (24.., 0..4) => 9,
            (_, 4..6) => 13,
            _ => 16,
        };
        let bit = (hash & 1) ^ u64::from(numbers.below(16) >= leaning);
        prefix = prefix << 1 | bit;
    }
    prefix.checked_shl(32 - length).unwrap_or(0) as u32
}

impl Filter {
    /// How late it stands: wide addresses, above all wide destinations, make it late, as people
    /// write exceptions before what they except from.
    fn lateness(&self) -> u32 {
        let protocol = if self.protocol.is_some() { 0 } else { 4 };
        (32 - self.source.1) + (32 - self.destination.1) * 3 / 2 + protocol
    }

    fn rest(&self) -> [Test; 3] {
        let range = |(low, high): (u16, u16)| Test::Range { low: low.into(), high: high.into() };
        let protocol = self.protocol.map_or(Test::Any, |number| Test::exact(number.into()));
        [protocol, range(self.destination_ports), range(self.source_ports)]
    }

    /// The filter as a rule of [`Layout::ipv4`].
    pub fn rule(&self, priority: u32, action: u32) -> Rule {
        let prefix = |(address, length): (u32, u32)| Test::prefix(address.into(), length, 32);
        let mut tests = vec![prefix(self.source), prefix(self.destination)];
        tests.extend(self.rest());
        Rule { tests, priority, action }
    }

    /// The filter as a rule of [`Layout::ipv6`]: a prefix of the addresses below 2001:db8::/32, of
    /// single hosts that of their networks of 64 bits and a host in it.
    pub fn rule6(&self, priority: u32, action: u32) -> Rule {
        let mut tests = Vec::new();
        for (address, length) in [self.source, self.destination] {
            let [upper, lower] = address6(address);
            tests.push(Test::prefix(upper, if length == 0 { 0 } else { 32 + length }, 64));
            tests.push(Test::prefix(lower, if length == 32 { 64 } else { 0 }, 64));
        }
        tests.extend(self.rest());
        Rule { tests, priority, action }
    }

    /// Any packet that it matches.
    pub fn packet(&self, numbers: &mut Numbers) -> Packet {
        let mut address = |(prefix, length): (u32, u32)| {
            let free = u32::MAX.checked_shr(length).unwrap_or(0);
            prefix | numbers.any() as u32 & free
        };
        let (source, destination) = (address(self.source), address(self.destination));
        let mut port = |(low, high): (u16, u16)| numbers.between(low.into(), high.into()) as u16;
        let destination_port = port(self.destination_ports);
        let source_port = port(self.source_ports);
        let protocol = self.protocol.unwrap_or([6, 17, 1][numbers.below(3) as usize]);
        Packet { source, destination, protocol, destination_port, source_port }
    }
}

/// The halves of an address of IPv6 that stands for one of IPv4.
fn address6(address: u32) -> [u64; 2] {
    [SITE | u64::from(address), mixed(address.into())]
}

impl Packet {
    /// A packet of any five numbers.
    pub fn any(numbers: &mut Numbers) -> Packet {
        Packet {
            source: numbers.any() as u32,
            destination: numbers.any() as u32,
            protocol: numbers.any() as u8,
            destination_port: numbers.any() as u16,
            source_port: numbers.any() as u16,
        }
    }

    /// Its key in [`Layout::ipv4`].
    pub fn key(&self, layout: &Layout) -> Key {
        let [protocol, destination, source] = self.rest();
        layout.key(&[self.source.into(), self.destination.into(), protocol, destination, source])
    }

    /// Its key in [`Layout::ipv6`], with the addresses of [`Filter::rule6`].
    pub fn key6(&self, layout: &Layout) -> Key {
        let ([a, b], [c, d]) = (address6(self.source), address6(self.destination));
        let [protocol, destination, source] = self.rest();
        layout.key(&[a, b, c, d, protocol, destination, source])
    }

    fn rest(&self) -> [u64; 3] {
        [self.protocol.into(), self.destination_port.into(), self.source_port.into()]
    }
}
