//! Loads, tests of availability, and scans. None of them answers where the access has no guard
//! that held.

use crate::Run;
use bpfc_ir::{
    Base, CtField, CtTuple, InnerPart, Meta, Op, PacketFamily, ProbeDef, Scan, Source, Tunnel,
    TupleField, Type,
};
use bpfc_packet::{
    Found, Packet, TunnelShape, Tuple, extension_set, find_dccp_option, find_extension,
    find_sctp_chunk, find_tcp_mss, find_tcp_option, find_text, inner, transport_payload,
};
use std::net::IpAddr;

/// Bytes of the Ethernet header proper.
const LINK_HEADER: usize = 14;

impl Run<'_, '_, '_> {
    pub(crate) fn load(&self, family: PacketFamily, ty: Type, source: Source) -> Option<u128> {
        match source {
            Source::Payload(base, offset) => {
                let (offset, size) = (usize::from(offset), usize::from(ty.bytes()));
                let bytes = match base {
                    Base::Link if offset >= LINK_HEADER => self.packet.behind_link(offset, size),
                    Base::Link if offset + size > LINK_HEADER => None,
                    Base::Link => self.packet.link_slice(offset, size),
                    Base::Network => self.packet.slice(offset, size),
                    Base::Transport => self.packet.transport_slice(offset, size),
                };
                bytes.map(number)
            }
            Source::Meta(meta) => (ty == meta.ty()).then(|| self.meta(meta)),
            Source::Socket(field) => (ty == field.ty()).then(|| self.socket(field)),
            Source::Ct(field) => {
                if ty == field.ty(family) {
                    self.connection(family, field)
                } else {
                    None
                }
            }
        }
    }

    fn meta(&self, meta: Meta) -> u128 {
        let packet = self.packet.packet();
        match meta {
            Meta::L4Proto => self.packet.protocol().into(),
            Meta::WalkFailed => self.packet.walk_failed().into(),
            Meta::FragmentOffset => self.packet.fragment_offset().into(),
            Meta::TransportOffset => {
                u16::try_from(self.packet.transport()).unwrap_or(u16::MAX).into()
            }
            Meta::Length => self.packet.length().into(),
            Meta::Protocol => self.packet.ether_type().into(),
            Meta::VlanTag => self.packet.vlan_tag().into(),
            Meta::InInterface => packet.in_interface.number(),
            Meta::OutInterface => packet.out_interface.number(),
            Meta::Mark => self.mark.into(),
            Meta::PacketType => self.packet_type.into(),
            Meta::LinkHeader => packet.link.is_some().into(),
            Meta::Cpu => packet.cpu.into(),
            Meta::Clock => packet.clock.seconds.into(),
            Meta::LocalClock => {
                let west = i64::from(packet.clock.minutes_west) * 60;
                packet.clock.seconds.wrapping_add_signed(west.wrapping_neg()).into()
            }
            Meta::Nanoseconds => packet.clock.seconds.wrapping_mul(1_000_000_000).into(),
            Meta::Priority => self.priority.unwrap_or(packet.priority).into(),
            Meta::DeviceType => packet.devices.at.unwrap_or(Meta::NO_DEVICE).into(),
            Meta::OutType => packet.devices.out_type.into(),
            Meta::InIndex => packet.devices.in_index.into(),
            Meta::OutIndex => packet.devices.out_index.into(),
            Meta::InGroup => packet.in_group.into(),
            Meta::OutGroup => packet.out_group.into(),
            Meta::Realm => packet.realm.into(),
            Meta::Forwarded => packet.forwarded.into(),
            Meta::Bridged => packet.bridge.is_some().into(),
            Meta::InPort => packet.bridge.map_or(0, |ports| ports.input.number()),
            Meta::OutPort => packet.bridge.map_or(0, |ports| ports.output.number()),
        }
    }

    fn connection(&self, family: PacketFamily, field: CtField) -> Option<u128> {
        let packet = self.packet.packet();
        match field {
            CtField::Present => return Some(packet.conntrack.is_some().into()),
            CtField::State => return Some(packet.ct_state().into()),
            _ => {}
        }
        let connection = packet.conntrack?;
        let value = match field {
            CtField::Present | CtField::State => return None,
            CtField::Status => connection.status.into(),
            CtField::Direction => connection.reply.into(),
            CtField::Mark => self.connection_mark.unwrap_or(connection.mark).into(),
            CtField::Protocol => connection.protocol.into(),
            CtField::Counted => packet.extensions.counters.is_some().into(),
            CtField::Packets(direction) => counter(packet, direction).0.into(),
            CtField::Bytes(direction) => counter(packet, direction).1.into(),
            CtField::Initiator => {
                match packet.extensions.announcer.unwrap_or(connection.original.source) {
                    IpAddr::V4(address) => u32::from(address).into(),
                    IpAddr::V6(address) => u128::from(address) >> 96,
                }
            }
            CtField::Helper => packet.extensions.helper,
            CtField::Labels => packet.extensions.labels,
            CtField::Expiration => packet.extensions.expiration.into(),
            CtField::Zone(direction) => {
                let (zone, directions) = packet.extensions.zone;
                match direction {
                    Some(direction)
                        if directions >> u8::from(direction == CtTuple::Reply) & 1 == 0 =>
                    {
                        0
                    }
                    _ => zone.into(),
                }
            }
            CtField::Tuple(CtTuple::Original, part) => {
                return tuple(family, connection.original, part);
            }
            CtField::Tuple(CtTuple::Reply, part) => {
                return tuple(family, connection.replies, part);
            }
        };
        Some(value)
    }

    pub(crate) fn load_at(&self, ty: Type, offset: u32, displacement: u16) -> Option<u128> {
        let offset = usize::try_from(offset).ok()?.checked_add(displacement.into())?;
        self.packet.slice(offset, ty.bytes().into()).map(number)
    }

    /// The result of a load or of `avail`; none of what is not there, and of other operations.
    pub(crate) fn fact(&self, family: PacketFamily, op: &Op) -> Option<u128> {
        match *op {
            Op::Load(ty, source) => self.load(family, ty, source),
            Op::Available(base, bytes) => Some(self.available(base, bytes).into()),
            _ => None,
        }
    }

    pub(crate) fn available(&self, base: Base, bytes: u16) -> bool {
        match base {
            Base::Transport => self.packet.has_transport(bytes.into()),
            Base::Link => self.packet.behind_link(usize::from(bytes).max(LINK_HEADER), 0).is_some(),
            Base::Network => false,
        }
    }

    pub(crate) fn available_at(&self, offset: u32, bytes: u16) -> bool {
        let end = u64::from(offset) + u64::from(bytes);
        end <= self.packet.bytes().len() as u64
    }

    pub(crate) fn scan(&self, scan: &Scan) -> Option<u32> {
        let (bytes, transport) = (self.packet.bytes(), self.packet.transport());
        let needed = match scan {
            Scan::TcpOption(_) | Scan::TcpMss => 20,
            Scan::DccpOption(_) | Scan::SctpChunk(_) => 12,
            Scan::Ipv6Header(_)
            | Scan::Ipv6Headers
            | Scan::Payload
            | Scan::Inner(..)
            | Scan::Probe(_) => 0,
        };
        if needed > 0 && !self.packet.has_transport(needed) {
            return None;
        }
        let found = match *scan {
            Scan::Ipv6Header(kind) => find_extension(bytes, kind),
            Scan::TcpOption(kind) => find_tcp_option(bytes, transport, kind),
            Scan::TcpMss => find_tcp_mss(bytes, transport),
            Scan::DccpOption(kind) => find_dccp_option(bytes, transport, kind),
            Scan::SctpChunk(ref chunks) => {
                find_sctp_chunk(bytes, transport, |kind, flags| chunks.contains(kind, flags))
            }
            Scan::Probe(probe) => match self.program.probes.get(probe)? {
                ProbeDef::Filter(filter) => return Some(filter.run(bytes)),
                ProbeDef::Text(text) => {
                    find_text(bytes, &text.pattern, text.from, text.to, text.fold)
                }
            },
            Scan::Payload => match self.payload() {
                Some(offset) => Found::At(offset),
                None => Found::Broken,
            },
            Scan::Inner(tunnel, part) => return Some(self.inner(tunnel, part)),
            Scan::Ipv6Headers => {
                return Some(extension_set(bytes).map_or(Scan::ABSENT, u32::from));
            }
        };
        Some(match found {
            Found::At(offset) => u32::try_from(offset).unwrap_or(Scan::BROKEN),
            Found::Absent => Scan::ABSENT,
            Found::Broken => Scan::BROKEN,
        })
    }
}

impl Run<'_, '_, '_> {
    /// The transport protocol and where its header begins, of a packet that has one.
    fn transport_header(&self) -> Option<(u8, usize)> {
        let has_one = !self.packet.walk_failed() && self.packet.fragment_offset() == 0;
        has_one.then(|| (self.packet.protocol(), self.packet.transport()))
    }

    fn payload(&self) -> Option<usize> {
        let (protocol, transport) = self.transport_header()?;
        transport_payload(self.packet.bytes(), protocol, transport)
    }

    fn inner(&self, tunnel: Tunnel, part: InnerPart) -> u32 {
        let shape = TunnelShape {
            header: if tunnel.has_header() { 8 } else { 0 },
            has_options: tunnel == Tunnel::Geneve,
            carries_frames: tunnel.carries_frames(),
        };
        let found = self.transport_header().and_then(|(protocol, transport)| {
            inner(self.packet.bytes(), protocol, transport, shape)
        });
        let Some(found) = found else { return Scan::BROKEN };
        let number = match part {
            InnerPart::Tunnel => found.tunnel,
            InnerPart::Link => found.link,
            InnerPart::Network => Some(found.network),
            InnerPart::Transport => found.transport.map(|(_, offset)| offset),
            InnerPart::Protocol => Some(found.protocol.into()),
            InnerPart::L4Proto => found.transport.map(|(protocol, _)| protocol.into()),
        };
        number.map_or(Scan::ABSENT, |number| u32::try_from(number).unwrap_or(Scan::BROKEN))
    }
}

/// Big-endian bytes as a number.
fn number(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u128::from(byte))
}

fn tuple(family: PacketFamily, tuple: Tuple, part: TupleField) -> Option<u128> {
    let address = |address| match (family, address) {
        (PacketFamily::Ipv4, IpAddr::V4(address)) => Some(u32::from(address).into()),
        (PacketFamily::Ipv6, IpAddr::V6(address)) => Some(u128::from(address)),
        _ => None,
    };
    match part {
        TupleField::Source => address(tuple.source),
        TupleField::Destination => address(tuple.destination),
        TupleField::SourcePort => Some(tuple.source_port.into()),
        TupleField::DestinationPort => Some(tuple.destination_port.into()),
    }
}

/// Packets and bytes that a connection has counted in a direction.
fn counter(packet: &Packet, direction: CtTuple) -> (u64, u64) {
    let counters = packet.extensions.counters.unwrap_or_default();
    counters[usize::from(direction == CtTuple::Reply)]
}
