//! Packets of connections: conversations between a few clients and servers, interleaved.
//!
//! Each conversation is a script that runs a step at a time: a TCP connection that is opened,
//! used and closed or reset, UDP questions and answers, pings, errors about any of them. Orderly
//! conversations keep to the protocol. Others lose steps, send what does not fit the window,
//! repeat themselves, or were never opened, so that the tracker has something to find invalid.

use super::draft::{Draft, protocol};
use super::rng::Rng;
use super::ruleset::Shape;
use crate::lab::Family;
use crate::lab::inject::Frame;
use crate::lab::oracle::INTERFACES;
use bpfc_packet::{Network, Sctp, Tcp, Transport};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// Addresses that begin conversations.
pub fn clients(family: Family) -> Vec<IpAddr> {
    hosts(family, 1)
}

/// Addresses that answer.
pub fn servers(family: Family) -> Vec<IpAddr> {
    hosts(family, 2)
}

fn hosts(family: Family, network: u8) -> Vec<IpAddr> {
    (1..=3)
        .map(|host| match family {
            Family::Ipv4 => Ipv4Addr::new(10, network, 0, host).into(),
            Family::Ipv6 => {
                Ipv6Addr::new(0x2001, 0xdb8, network.into(), 0, 0, 0, 0, host.into()).into()
            }
        })
        .collect()
}

/// A number of packets of conversations.
pub fn conversations(rng: &mut Rng, shape: Shape, number: usize) -> Vec<Frame> {
    let mut frames = Vec::with_capacity(number);
    let mut open: Vec<VecDeque<Draft>> = Vec::new();
    let mut begun = 0;
    while frames.len() < number {
        if open.len() < 4 || rng.one_in(12) {
            open.push(script(rng, shape, begun));
            begun += 1;
        }
        let which = rng.below(open.len() as u64) as usize;
        let Some(draft) = open[which].pop_front() else {
            open.swap_remove(which);
            continue;
        };
        if shape.orderly {
            frames.push(draft.frame());
            continue;
        }
        match rng.below(12) {
            0 => {}
            1 => {
                frames.push(draft.frame());
                frames.push(draft.frame());
            }
            2 => frames.push(disturbed(rng, draft).frame()),
            _ => frames.push(draft.frame()),
        }
    }
    frames.truncate(number);
    frames
}

/// The two ends of a conversation.
#[derive(Clone, Copy)]
struct Ends {
    client: (IpAddr, u16),
    server: (IpAddr, u16),
    port: usize,
}

impl Ends {
    /// A packet from one end to the other.
    fn packet(self, answer: bool, transport: impl FnOnce(u16, u16) -> Transport) -> Draft {
        let (from, to) =
            if answer { (self.server, self.client) } else { (self.client, self.server) };
        let family = match from.0 {
            IpAddr::V4(_) => Family::Ipv4,
            IpAddr::V6(_) => Family::Ipv6,
        };
        let mut draft = Draft::new(family);
        draft.port = if answer { (self.port + 1) % INTERFACES.len() } else { self.port };
        draft.set_source(from.0);
        draft.set_destination(to.0);
        draft.transport = transport(from.1, to.1);
        draft
    }
}

/// All packets of a conversation in order. No two share a client's port, unless conversations
/// need not be orderly.
fn script(rng: &mut Rng, shape: Shape, number: u64) -> VecDeque<Draft> {
    let family = shape.family;
    let ports: &[u16] = if shape.orderly { &[22, 53, 80, 443] } else { &[22, 53, 80, 123, 443] };
    let client_port = match shape.orderly {
        true => 40_000 + (number % 20_000) as u16,
        false => 40_000 + rng.below(12) as u16,
    };
    let ends = Ends {
        client: (*rng.pick(&clients(family)), client_port),
        server: (*rng.pick(&servers(family)), *rng.pick(ports)),
        port: rng.below(INTERFACES.len() as u64) as usize,
    };
    match rng.below(if shape.orderly { 6 } else { 10 }) {
        0..=3 => tcp(rng, ends),
        4..=5 => udp(rng, ends),
        6..=7 => ping(rng, ends),
        8 => sctp(rng, ends),
        _ => other(rng, ends),
    }
}

/// Sequence numbers of both ends.
struct Stream {
    ends: Ends,
    next: [u32; 2],
    packets: VecDeque<Draft>,
}

impl Stream {
    /// One segment from an end (0 the client) that acknowledges all that the other has sent.
    fn segment(&mut self, end: usize, flags: u8, payload: usize) {
        let (sequence, acknowledgement) = (self.next[end], self.next[1 - end]);
        let mut draft = self.ends.packet(end == 1, |source, destination| {
            Transport::Tcp(Tcp {
                source,
                destination,
                sequence,
                acknowledgement: if flags & ACK == 0 { 0 } else { acknowledgement },
                flags,
                window: 0x4000,
                ..Tcp::default()
            })
        });
        draft.payload = vec![0x61; payload];
        let counted = u32::from(flags & (SYN | FIN) != 0);
        self.next[end] = sequence.wrapping_add(payload as u32 + counted);
        self.packets.push_back(draft);
    }

    /// An ICMP error about the last segment, from the end that got it.
    fn error(&mut self) {
        if let Some(last) = self.packets.back() {
            let error = error_about(last);
            self.packets.push_back(error);
        }
    }
}

fn tcp(rng: &mut Rng, ends: Ends) -> VecDeque<Draft> {
    let mut stream =
        Stream { ends, next: [rng.bits() as u32, rng.bits() as u32], packets: VecDeque::new() };
    stream.segment(0, SYN, 0);
    match rng.below(8) {
        0 => {
            stream.segment(1, RST | ACK, 0);
            return stream.packets;
        }
        1 => {
            stream.error();
            return stream.packets;
        }
        _ => {}
    }
    stream.segment(1, SYN | ACK, 0);
    stream.segment(0, ACK, 0);
    for _ in 0..rng.below(6) {
        let end = rng.below(2) as usize;
        stream.segment(end, PSH | ACK, rng.within(1..=80) as usize);
        stream.segment(1 - end, ACK, 0);
        if rng.one_in(8) {
            stream.error();
        }
    }
    match rng.below(4) {
        0 => stream.segment(rng.below(2) as usize, RST | ACK, 0),
        1 => {}
        _ => {
            let end = rng.below(2) as usize;
            stream.segment(end, FIN | ACK, 0);
            stream.segment(1 - end, ACK, 0);
            stream.segment(1 - end, FIN | ACK, 0);
            stream.segment(end, ACK, 0);
        }
    }
    stream.packets
}

fn udp(rng: &mut Rng, ends: Ends) -> VecDeque<Draft> {
    let mut packets = VecDeque::new();
    for number in 0..rng.within(1..=5) {
        let answer = number > 0 && rng.one_in(2);
        let mut draft =
            ends.packet(answer, |source, destination| Transport::Udp { source, destination });
        draft.payload = vec![0x62; rng.below(60) as usize];
        packets.push_back(draft);
    }
    if rng.one_in(3) {
        let error = packets.back().map(error_about);
        packets.extend(error);
    }
    packets
}

/// Echo requests and answers.
fn ping(rng: &mut Rng, ends: Ends) -> VecDeque<Draft> {
    let identifier = ends.client.1.to_be_bytes();
    let mut packets = VecDeque::new();
    for number in 0..rng.within(1..=3) as u8 {
        let rest = [identifier[0], identifier[1], 0, number];
        for answer in [false, true] {
            let is_v4 = ends.client.0.is_ipv4();
            packets.push_back(ends.packet(answer, |_, _| match (is_v4, answer) {
                (true, false) => Transport::Icmp { kind: 8, code: 0, rest },
                (true, true) => Transport::Icmp { kind: 0, code: 0, rest },
                (false, false) => Transport::Icmpv6 { kind: 128, code: 0, rest },
                (false, true) => Transport::Icmpv6 { kind: 129, code: 0, rest },
            }));
        }
    }
    packets
}

/// An association's first packets.
fn sctp(rng: &mut Rng, ends: Ends) -> VecDeque<Draft> {
    let tag = rng.bits() as u32 | 1;
    let chunk = |kind: u8, body: &[u8]| {
        let mut bytes = vec![kind, 0];
        bytes.extend((4 + body.len() as u16).to_be_bytes());
        bytes.extend(body);
        bytes
    };
    let mut init = tag.to_be_bytes().to_vec();
    init.extend([0, 0, 0x10, 0, 0, 1, 0, 1, 0, 0, 0, 1]);
    let steps = [
        (false, 0, chunk(1, &init)),
        (true, tag, chunk(2, &init)),
        (false, tag, chunk(10, &[0; 8])),
    ];
    let packet = |(answer, tag, chunks): (bool, u32, Vec<u8>)| {
        ends.packet(answer, |source, destination| {
            Transport::Sctp(Sctp { source, destination, tag, chunks })
        })
    };
    steps.into_iter().map(packet).collect()
}

/// A protocol that is tracked by its addresses alone.
fn other(rng: &mut Rng, ends: Ends) -> VecDeque<Draft> {
    let packet = |answer| {
        ends.packet(answer, |_, _| Transport::Raw { protocol: 254, bytes: vec![1, 2, 3, 4] })
    };
    (0..rng.within(1..=4)).map(|number| packet(number > 0 && rng.one_in(2))).collect()
}

/// The error that the receiver of a packet sends back: port unreachable with the packet quoted.
fn error_about(packet: &Draft) -> Draft {
    let quoted: Vec<u8> = packet.frame().bytes.into_iter().skip(14).take(120).collect();
    let mut error = packet.clone();
    error.payload = quoted;
    error.port = (packet.port + 1) % INTERFACES.len();
    error.transport = match &mut error.network {
        Network::V4(header) => {
            std::mem::swap(&mut header.source, &mut header.destination);
            Transport::Icmp { kind: 3, code: 3, rest: [0; 4] }
        }
        Network::V6(header) => {
            std::mem::swap(&mut header.source, &mut header.destination);
            Transport::Icmpv6 { kind: 1, code: 4, rest: [0; 4] }
        }
    };
    error
}

/// Something that the tracker may find invalid.
fn disturbed(rng: &mut Rng, mut draft: Draft) -> Draft {
    match rng.below(6) {
        0 => draft.cut = Some(rng.below(20) as usize),
        1 => draft.payload = error_about(&draft).payload,
        2 => {
            let number = *rng.pick(&[protocol::TCP, protocol::UDP, protocol::UDPLITE]);
            draft.become_protocol(number);
        }
        3 => draft.protocol = Some(*rng.pick(&[protocol::TCP, protocol::UDP, protocol::ICMP])),
        _ => {
            let (flags, far, near) = (rng.byte() & 0x3f, rng.bits() as u32, rng.below(40) as u32);
            let tcp = draft.tcp();
            match rng.below(3) {
                0 => tcp.flags = flags,
                1 => tcp.sequence = tcp.sequence.wrapping_add(far),
                _ => tcp.acknowledgement = tcp.acknowledgement.wrapping_add(near),
            }
        }
    }
    draft
}
