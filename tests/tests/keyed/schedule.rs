//! Ten seconds of traffic: which packet is due when.
//!
//! Some of it comes far faster than the rules' rates, some at about their rates, some in bursts
//! between pauses, from several addresses, to several ports, of several lengths.

use bpfc_packet::Transport;
use bpfc_tests::generate::draft::Draft;
use bpfc_tests::lab::Family;
use bpfc_tests::lab::inject::{Frame, Wire};
use nix::time::{ClockId, clock_nanosleep};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// A packet that is due.
#[derive(Clone, Debug)]
pub struct Shot {
    /// Microseconds after the beginning.
    pub due: u64,
    /// Its source address.
    pub source: IpAddr,
    /// Its destination address.
    pub destination: IpAddr,
    /// Source and destination port.
    pub ports: [u16; 2],
    /// Bytes behind the UDP header.
    pub payload: usize,
}

/// An even stream.
struct Stream {
    /// When it begins and ends, in milliseconds.
    time: [u64; 2],
    /// Microseconds from one packet to the next.
    every: u64,
    /// Packets each time.
    burst: u64,
    /// The last parts of source addresses, which take turns.
    sources: &'static [u8],
    /// Destination ports, which take turns.
    ports: &'static [u16],
    /// Bytes behind the UDP header, which take turns.
    payloads: &'static [usize],
}

const STREAMS: &[Stream] = &[
    // Three times the rate of 100 a second.
    Stream {
        time: [0, 2_500],
        every: 3_333,
        burst: 1,
        sources: &[10],
        ports: &[53, 80],
        payloads: &[32],
    },
    // Just above it, and exactly it.
    Stream {
        time: [2_500, 5_000],
        every: 9_900,
        burst: 1,
        sources: &[10],
        ports: &[53],
        payloads: &[32, 100],
    },
    Stream {
        time: [2_500, 5_000],
        every: 10_000,
        burst: 1,
        sources: &[11],
        ports: &[80],
        payloads: &[600],
    },
    // Bursts all the time, and nothing else for a while.
    Stream {
        time: [100, 10_000],
        every: 500_000,
        burst: 20,
        sources: &[12, 13, 12, 70],
        ports: &[53, 80, 443],
        payloads: &[0, 200, 1400],
    },
    // Half the rate, in long packets.
    Stream {
        time: [6_500, 8_000],
        every: 20_000,
        burst: 1,
        sources: &[10, 11],
        ports: &[53],
        payloads: &[1000],
    },
    // Four times the rate.
    Stream {
        time: [8_000, 10_000],
        every: 2_500,
        burst: 1,
        sources: &[13, 70],
        ports: &[80, 53],
        payloads: &[32, 500, 16],
    },
];

/// Every packet, in the order in which they are sent.
pub fn shots(family: Family) -> Vec<Shot> {
    let mut shots = Vec::new();
    for stream in STREAMS {
        let mut number = 0;
        let mut due = stream.time[0] * 1000;
        while due < stream.time[1] * 1000 {
            for _ in 0..stream.burst {
                shots.push(shot(family, stream, due, number));
                number += 1;
            }
            due += stream.every;
        }
    }
    shots.sort_by_key(|shot| shot.due);
    shots
}

fn shot(family: Family, stream: &Stream, due: u64, number: usize) -> Shot {
    let source = stream.sources[number % stream.sources.len()];
    Shot {
        due,
        source: address(family, source),
        destination: address(family, if number.is_multiple_of(5) { 201 } else { 202 }),
        ports: [
            if number.is_multiple_of(2) { 1024 } else { 1025 },
            stream.ports[number % stream.ports.len()],
        ],
        payload: stream.payloads[number % stream.payloads.len()],
    }
}

fn address(family: Family, number: u8) -> IpAddr {
    match family {
        Family::Ipv4 => Ipv4Addr::new(192, 0, 2, number).into(),
        Family::Ipv6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number.into()).into(),
    }
}

impl Shot {
    /// The packet.
    pub fn frame(&self) -> Frame {
        let family = if self.source.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
        let mut draft = Draft::new(family);
        draft.set_source(self.source);
        draft.set_destination(self.destination);
        draft.transport = Transport::Udp { source: self.ports[0], destination: self.ports[1] };
        draft.payload = vec![0x5a; self.payload];
        draft.frame()
    }
}

/// A tick's length: the resolution of a clock that goes on with every tick.
pub fn tick() -> Duration {
    let resolution = ClockId::CLOCK_MONOTONIC_COARSE.res().expect("the kernel has this clock");
    Duration::from(resolution)
}

/// Sends each packet when it is due, or later where the machine is late. Packets are sent in the
/// first half of a tick, where that can be had, so that few meet the tick's end on their way.
pub fn send(wire: &mut Wire, shots: &[Shot]) {
    let now = |clock: ClockId| Duration::from(clock.now().expect("the kernel has this clock"));
    let (exact, coarse) = (ClockId::CLOCK_MONOTONIC, ClockId::CLOCK_MONOTONIC_COARSE);
    let start = now(exact);
    let mut rest = shots;
    while let Some(first) = rest.first() {
        let together = rest.iter().take_while(|shot| shot.due == first.due).count();
        let (due, later) = rest.split_at(together);
        rest = later;
        let mut wait = (start + Duration::from_micros(first.due)).saturating_sub(now(exact));
        while !wait.is_zero() {
            // Whether it sleeps for as long as it should does not matter.
            let _ = clock_nanosleep(exact, nix::time::ClockNanosleepFlags::empty(), &wait.into());
            let into_tick = now(exact).saturating_sub(now(coarse));
            wait = match into_tick > tick() / 2 {
                true => tick().saturating_sub(into_tick),
                false => Duration::ZERO,
            };
        }
        let frames: Vec<Frame> = due.iter().map(Shot::frame).collect();
        wire.send(&frames).expect("packets can be sent");
    }
}
