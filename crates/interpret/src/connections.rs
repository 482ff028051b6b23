//! Connections that are counted under an address (net/netfilter/nf_conncount.c, as from Linux
//! 6.18's stable releases of 2026 on).
//!
//! The kernel keeps a connection that its tracker does not know yet for two ticks where another
//! processor counted it, and forgets it at once where this one did. A program cannot tell whether
//! it is this processor that will go on with the packet, and always waits.

use crate::Run;
use bpfc_ir::Object;
use bpfc_packet::{Tuple, ct_status};

/// Connections under one address, from the one that was counted first on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    entries: Vec<Entry>,
    /// When the list was looked through, and how many it held then.
    collected: (u64, usize),
}

#[derive(Clone, Debug)]
struct Entry {
    connection: (u8, Tuple),
    tick: u64,
}

/// Ticks for which a connection may be on its way to the tracker.
const GRACE: u64 = 2;
/// Connections more than which are not removed at once (`CONNCOUNT_GC_MAX_COLLECT`).
const MAX_COLLECT: usize = 64;

impl Run<'_, '_, '_> {
    /// Counts the packet's connection; yields how many there are, 0 where it cannot be counted.
    pub(crate) fn count_connection(&mut self, object: Object, address: u128) -> u32 {
        let Some((connection, status)) = self.connection_to_count() else { return 0 };
        let packet = self.packet.packet();
        let now = packet.arrival.ticks;
        let look_up = |(protocol, tuple): (u8, Tuple)| packet.tracked(protocol, &tuple);
        let lists = &mut self.environment.counted;
        let Some(list) = lists.get_mut(&(object, address)) else {
            let entries = vec![Entry { connection, tick: now }];
            lists.insert((object, address), Counted { entries, collected: (now, 0) });
            return 1;
        };
        let confirmed = status & ct_status::CONFIRMED != 0;
        if confirmed && status & ct_status::ASSURED != 0 {
            list.collect(now, look_up);
            return list.entries.len() as u32;
        }
        let fresh = list.entries.len().wrapping_sub(list.collected.1) < MAX_COLLECT;
        let known = match !confirmed && list.collected.0 == now && fresh {
            true => false,
            false => list.search(connection, now, look_up),
        };
        if !known {
            list.entries.push(Entry { connection, tick: now });
        }
        list.entries.len() as u32
    }

    /// The packet's connection, by its entry or by its own addresses and ports.
    fn connection_to_count(&self) -> Option<((u8, Tuple), u32)> {
        let packet = &self.packet;
        let protocol = packet.protocol();
        if ![6, 17].contains(&protocol) || packet.fragment_offset() != 0 {
            return None;
        }
        let ports = packet.transport_slice(0, 4)?;
        let port = |at: usize| u16::from_be_bytes([ports[at], ports[at + 1]]);
        let own = Tuple {
            source: packet.source(),
            destination: packet.destination(),
            source_port: port(0),
            destination_port: port(2),
        };
        Some(match packet.packet().conntrack {
            Some(entry) => ((entry.protocol, entry.original), entry.status),
            None => ((protocol, own), 0),
        })
    }
}

impl Counted {
    /// Removes what is over until it meets the connection; yields whether it did.
    fn search(
        &mut self,
        connection: (u8, Tuple),
        now: u64,
        look_up: impl Fn((u8, Tuple)) -> Option<bool>,
    ) -> bool {
        let (mut at, mut removed) = (0, 0);
        while at < self.entries.len() && removed <= MAX_COLLECT {
            let entry = &self.entries[at];
            let is_it = entry.connection == connection;
            let gone = match look_up(entry.connection) {
                None => now.wrapping_sub(entry.tick) >= GRACE,
                Some(over) => over && !is_it,
            };
            if gone {
                self.entries.remove(at);
                removed += 1;
            } else if is_it {
                return true;
            } else {
                at += 1;
            }
        }
        self.collected = (now, self.entries.len());
        false
    }

    /// Removes what is over, once a tick.
    fn collect(&mut self, now: u64, look_up: impl Fn((u8, Tuple)) -> Option<bool>) {
        if self.collected.0 == now {
            return;
        }
        let mut removed = 0;
        let mut stopped = false;
        self.entries.retain(|entry| {
            let found = look_up(entry.connection);
            let gone = match found {
                None => now.wrapping_sub(entry.tick) >= GRACE,
                Some(over) => over,
            };
            removed += usize::from(gone && !stopped);
            let keep = stopped || !gone;
            stopped |= found == Some(false) && removed > MAX_COLLECT;
            keep
        });
        self.collected = (now, self.entries.len());
    }
}
