//! The evaluator's tables of `-m connlimit`: what net/netfilter/nf_conncount.c does for one rule,
//! as from Linux 6.18's stable releases of 2026 on, packets being of several processors.

use bpfc_packet::{Packet, Parsed, Tuple, ct_status};
use std::collections::BTreeMap;

/// Lists of connections by address.
#[derive(Debug, Default)]
pub(super) struct Table(BTreeMap<u128, List>);

/// `struct nf_conncount_list`.
#[derive(Debug)]
struct List {
    last_gc: u64,
    last_gc_count: usize,
    connections: Vec<Connection>,
}

/// `struct nf_conncount_tuple`.
#[derive(Debug)]
struct Connection {
    protocol: u8,
    tuple: Tuple,
    added: u64,
}

/// What the tracker says of a counted connection.
enum Found {
    Alive,
    Over,
    /// Not there, and perhaps not there yet.
    Pending,
    Gone,
}

/// `CONNCOUNT_GC_MAX_COLLECT`.
const MAX_COLLECT: usize = 64;

impl Connection {
    fn find(&self, packet: &Packet) -> Found {
        match packet.tracked(self.protocol, &self.tuple) {
            Some(true) => Found::Over,
            Some(false) => Found::Alive,
            None if packet.arrival.ticks - self.added < 2 => Found::Pending,
            None => Found::Gone,
        }
    }
}

/// `get_ct_or_tuple_from_skb` for TCP and UDP.
fn of_packet(packet: &Parsed<'_>) -> Option<Connection> {
    let added = packet.packet().arrival.ticks;
    let protocol = packet.protocol();
    let ports = match protocol {
        6 | 17 if packet.fragment_offset() == 0 => packet.transport_slice(0, 4)?,
        _ => return None,
    };
    if let Some(entry) = packet.packet().conntrack {
        return Some(Connection { protocol: entry.protocol, tuple: entry.original, added });
    }
    let tuple = Tuple {
        source: packet.source(),
        destination: packet.destination(),
        source_port: u16::from_be_bytes([ports[0], ports[1]]),
        destination_port: u16::from_be_bytes([ports[2], ports[3]]),
    };
    Some(Connection { protocol, tuple, added })
}

impl Table {
    /// How many connections there are with the packet's; 0 where that cannot be counted.
    pub fn count(&mut self, key: u128, packet: &Parsed<'_>) -> u32 {
        let Some(connection) = of_packet(packet) else { return 0 };
        let now = connection.added;
        let status = packet.packet().conntrack.map_or(0, |entry| entry.status);
        let Some(list) = self.0.get_mut(&key) else {
            let list = List { last_gc: now, last_gc_count: 0, connections: vec![connection] };
            self.0.insert(key, list);
            return 1;
        };
        let confirmed = status & ct_status::CONFIRMED != 0;
        if confirmed && status & ct_status::ASSURED != 0 {
            list.collect(packet.packet());
        } else {
            list.add(connection, confirmed, packet.packet());
        }
        list.connections.len() as u32
    }
}

impl List {
    /// `__nf_conncount_add`.
    fn add(&mut self, connection: Connection, confirmed: bool, packet: &Packet) {
        let now = connection.added;
        let grown = self.connections.len().wrapping_sub(self.last_gc_count);
        if confirmed || self.last_gc != now || grown >= MAX_COLLECT {
            let mut collected = 0;
            let mut index = 0;
            while let Some(other) = self.connections.get(index) {
                if collected > MAX_COLLECT {
                    break;
                }
                let equal =
                    (other.protocol, other.tuple) == (connection.protocol, connection.tuple);
                match other.find(packet) {
                    Found::Pending | Found::Alive | Found::Over if equal => return,
                    Found::Pending | Found::Alive => index += 1,
                    Found::Over | Found::Gone => {
                        self.connections.remove(index);
                        collected += 1;
                    }
                }
            }
            self.last_gc = now;
            self.last_gc_count = self.connections.len();
        }
        self.connections.push(connection);
    }

    /// `nf_conncount_gc_list`.
    fn collect(&mut self, packet: &Packet) {
        let now = packet.arrival.ticks;
        if self.last_gc == now {
            return;
        }
        let mut collected = 0;
        let mut index = 0;
        while let Some(other) = self.connections.get(index) {
            match other.find(packet) {
                Found::Pending => index += 1,
                Found::Alive if collected > MAX_COLLECT => break,
                Found::Alive => index += 1,
                Found::Over | Found::Gone => {
                    self.connections.remove(index);
                    collected += 1;
                }
            }
        }
        self.last_gc = now;
        self.last_gc_count = self.connections.len();
    }
}
