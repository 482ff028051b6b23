//! What a limit can have let through, where it is known between which ticks it saw each packet.
//!
//! A limit sees a packet at a time in whole ticks, and what it decides depends on those times
//! alone. Who watches it from outside knows the tick before it and the tick behind it. Mostly both
//! are the same; where the clock went on in between, one of several times is the right one, and
//! this follows every one of them. So the least and the most that can have passed are known
//! whatever a machine does, and where no packet met a change of the clock they are one number.

use bpfc_ir::Family;
use bpfc_ir::state::tick_bucket::{Credits, TickBucket};
use bpfc_ir::state::wide_bucket::{Level, WideBucket};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// A packet as a limit sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Source and destination address, as numbers.
    pub addresses: [u128; 2],
    /// Source and destination port.
    pub ports: [u16; 2],
    /// Bytes of the IP packet.
    pub length: u32,
    /// The ticks at one of which it was seen.
    pub ticks: RangeInclusive<u64>,
}

/// Source and destination address, source and destination port, as far as a table tells them apart.
type Key = ([u128; 2], [u16; 2]);

/// A bucket's numbers; `None` before its first packet.
type State = Option<[u64; 3]>;

/// The least and the most packets that can have been within each state that can be the present one.
type Ways = BTreeMap<State, (u64, u64)>;

/// What a rule limits by.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// One bucket for all packets.
    Bucket(TickBucket),
    /// A bucket for each key.
    Table(WideBucket, Keying),
}

/// What a table tells packets apart by.
#[derive(Clone, Copy, Debug)]
pub struct Keying {
    family: Family,
    /// Whether the addresses count, source before destination.
    addresses: [bool; 2],
    /// Whether the ports do.
    ports: [bool; 2],
    /// Bits of the addresses that count.
    prefixes: [u8; 2],
}

impl Keying {
    /// As the options of a rule say.
    pub fn of(family: Family, options: &str) -> Keying {
        let mut words = options.split(' ').skip_while(|word| *word != "--hashlimit-mode").skip(1);
        let mode: Vec<&str> = words.next().unwrap_or("").split(',').collect();
        let bits = if family == Family::Ipv4 { 32 } else { 128 };
        let prefix = |option: &str| {
            let mut words = options.split(' ').skip_while(|word| *word != option).skip(1);
            words.next().map_or(bits, |length| length.parse().expect("a prefix length"))
        };
        Keying {
            family,
            addresses: ["srcip", "dstip"].map(|word| mode.contains(&word)),
            ports: ["srcport", "dstport"].map(|word| mode.contains(&word)),
            prefixes: ["--hashlimit-srcmask", "--hashlimit-dstmask"].map(prefix),
        }
    }
}

/// How many of these packets a limit or a table of limits can have found within it, on a kernel of
/// so many ticks a second. No bucket is idle long enough to be collected.
pub fn within(limit: &Limit, hertz: u32, packets: &[Seen]) -> RangeInclusive<u64> {
    let mut buckets: BTreeMap<Key, Ways> = BTreeMap::new();
    for packet in packets {
        let ways = buckets.entry(key(limit, packet)).or_insert_with(|| [(None, (0, 0))].into());
        let mut next = Ways::new();
        for (state, (least, most)) in std::mem::take(ways) {
            for tick in packet.ticks.clone() {
                let Some((within, state)) = step(limit, hertz, state, tick, packet.length) else {
                    continue;
                };
                let (least, most) = (least + u64::from(within), most + u64::from(within));
                let way = next.entry(Some(state)).or_insert((least, most));
                *way = (way.0.min(least), way.1.max(most));
            }
        }
        *ways = next;
    }
    let sum = |of: fn(&(u64, u64)) -> u64, best: fn(u64, u64) -> u64| {
        buckets.values().filter_map(|ways| ways.values().map(of).reduce(best)).sum()
    };
    sum(|way| way.0, u64::min)..=sum(|way| way.1, u64::max)
}

/// Whether a packet is within the limit at a tick, and the state that follows; `None` where the
/// tick is before one that this state has seen.
fn step(
    limit: &Limit,
    hertz: u32,
    state: State,
    tick: u64,
    length: u32,
) -> Option<(bool, [u64; 3])> {
    match limit {
        Limit::Bucket(bucket) => {
            let credits = Credits::new(bucket, hertz).expect("a limit that loads");
            let [empty, last, _] = state.unwrap_or([0, tick, 0]);
            let taken = credits.take(empty, tick);
            (tick >= last).then(|| (taken.is_some(), [taken.unwrap_or(empty), tick, 0]))
        }
        Limit::Table(bucket, _) => {
            let rates = bucket.rates(hertz).expect("a limit that loads");
            let mut level = state.map_or(Level::new(&rates, tick), |[previous, credit, second]| {
                Level { previous, credit, second }
            });
            if tick < level.previous {
                return None;
            }
            let within = level.charge(&rates, bucket.measure, tick, length);
            Some((within, [level.previous, level.credit, level.second]))
        }
    }
}

/// The bucket of a packet.
fn key(limit: &Limit, packet: &Seen) -> Key {
    let Limit::Table(_, keying) = limit else { return Key::default() };
    let bits = if keying.family == Family::Ipv4 { 32 } else { 128 };
    let network = |which: usize| match keying.prefixes[which] {
        0 => 0,
        _ if !keying.addresses[which] => 0,
        prefix => packet.addresses[which] >> (bits - prefix) << (bits - prefix),
    };
    let port = |which: usize| if keying.ports[which] { packet.ports[which] } else { 0 };
    ([0, 1].map(network), [0, 1].map(port))
}

#[test]
fn known_ticks_leave_one_number() {
    let limit = Limit::Bucket(TickBucket { average: 1000, burst: 3 });
    let at = |ticks| Seen { addresses: [1, 2], ports: [3, 4], length: 60, ticks };
    let exact: Vec<Seen> = (0..100).map(|n| at(1000 + n..=1000 + n)).collect();
    // A tenth of a second is ten ticks: three at once, and nine more in 99 ticks.
    assert_eq!(within(&limit, 100, &exact), 12..=12);
    // The packet that comes when a tenth is over is within the limit a tick later alone.
    let mut late: Vec<Seen> = (0..4).map(|_| at(1000..=1000)).collect();
    late.push(at(1009..=1010));
    assert_eq!(within(&limit, 100, &late), 3..=4);
}
