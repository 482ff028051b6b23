//! What objects answer.

use crate::Run;
use crate::recent::Sight;
use bpfc_ipset::{Counts, Extensions, PacketInfo, Part, Probe, SetDef, State};
use bpfc_ir::{Object, ObjectKind, Query, SetInfo, SetQuery};
use bpfc_packet::Arrival;
use std::sync::Arc;

impl Run<'_, '_, '_> {
    /// Asks an object; none where there is no such object or it cannot be asked so.
    pub(crate) fn query(
        &mut self,
        object: Object,
        query: &Query,
        arguments: &[u128],
    ) -> Option<u32> {
        let kind = self.environment.objects.get(object)?.as_ref()?;
        match (query, kind) {
            (Query::Connections, ObjectKind::Connections { .. }) => match *arguments {
                [address] => Some(self.count_connection(object, address)),
                _ => None,
            },
            (Query::Set(query), ObjectKind::Set(set)) => {
                let set = Arc::clone(set);
                self.set_query(object, query, &set, arguments)
            }
            _ => self.holds(object, query, arguments).map(u32::from),
        }
    }

    /// Whether what is asked holds.
    fn holds(&mut self, object: Object, query: &Query, arguments: &[u128]) -> Option<bool> {
        let arrival = self.packet.packet().arrival;
        match (query, self.environment.objects.get(object)?.as_ref()?) {
            (Query::Recent(query), ObjectKind::Recent(list)) => {
                let &[address, ttl] = arguments else { return None };
                let (now, hertz) = (arrival.ticks, arrival.ticks_per_second);
                let sight = Sight { address, ttl: ttl as u8, now, hertz };
                Some(self.environment.seen[object].ask(list, query, &sight))
            }
            _ => None,
        }
    }

    fn set_query(
        &mut self,
        object: Object,
        query: &SetQuery,
        set: &Arc<bpfc_ipset::Set>,
        arguments: &[u128],
    ) -> Option<u32> {
        let arrival = self.packet.packet().arrival;
        let now = nanoseconds(arrival);
        let counts = Counts { bytes: self.packet.length(), now };
        let state = &mut self.environment.sets[object];
        let state = state.get_or_insert_with(|| Box::new(State::new(set, now)));
        let member = |position: u32| set.iter().nth(position as usize).map(|(key, _)| key);
        let probe = probe(&set.def, arguments);
        Some(u32::from(match query {
            SetQuery::Info(info, test) => {
                let found = state.info(&probe, test, counts).unwrap_or_default();
                return told(*info, found, arguments);
            }
            SetQuery::MemberInfo(position, info) => {
                let found = state.member_info(member(*position)?, now).unwrap_or_default();
                return told(*info, found, arguments);
            }
            SetQuery::Test(test) => state.test(&probe, test, counts),
            SetQuery::Member(position) => state.has(member(*position)?, now),
            SetQuery::Hit(position, test) => state.hit(member(*position)?, test, counts),
            SetQuery::Add { exist, timeout } => {
                let Some(key) = state.packet_key(&probe) else { return Some(0) };
                let extensions = Extensions {
                    timeout: *timeout,
                    packets: 1,
                    bytes: counts.bytes.into(),
                    ..Extensions::default()
                };
                let mac = state.def().layout().value_mac.map(|_| probe.mac);
                let value = extensions.value(&set.def, &set.def.layout(), mac);
                state.add(key, &value, *exist, now)
            }
            SetQuery::Delete => match state.packet_key(&probe) {
                Some(key) => state.delete(&key, now),
                None => false,
            },
        }))
    }
}

/// What an element says; the arguments end in the packet's mark where that is asked.
fn told(info: SetInfo, found: PacketInfo, arguments: &[u128]) -> Option<u32> {
    Some(match info {
        SetInfo::Mark => found.marked(u32::try_from(*arguments.last()?).ok()?),
        SetInfo::Priority => found.priority,
        SetInfo::Queue => found.queue.into(),
    })
}

/// What a packet is looked up by, of a query's arguments.
fn probe(def: &SetDef, arguments: &[u128]) -> Probe {
    let mut probe = Probe::default();
    let mut values = arguments.iter().copied();
    let mut next = || values.next().unwrap_or_default();
    let mut address = 0;
    for part in def.kind.parts() {
        match part {
            Part::Address | Part::Network => {
                probe.addresses[address] = next();
                address += 1;
            }
            Part::Port => probe.port = (next() as u8, next() as u16),
            Part::PlainPort => probe.port.1 = next() as u16,
            Part::Mac | Part::OptionalMac => {
                probe.mac.copy_from_slice(&(next() as u64).to_be_bytes()[2..]);
            }
            Part::Mark => probe.mark = next() as u32,
            Part::Interface => probe.interface = next().to_be_bytes(),
            Part::Name => {}
        }
    }
    probe
}

/// When a packet came, on a clock of nanoseconds.
pub(crate) fn nanoseconds(arrival: Arrival) -> u64 {
    let ticks = u128::from(arrival.ticks) * 1_000_000_000;
    (ticks / u128::from(arrival.ticks_per_second.max(1))) as u64
}
