//! `struct bpfc_packet`: what a program's main function knows of a packet, as chains read it.
//!
//! The first [`BASE_SIZE`] bytes are the same in every artifact; the regions behind them are
//! there only where a rule reads them, so that a packet costs no more than its rules need.
//! Packet bytes are in network order, everything else in the machine's.

use crate::Needs;
use crate::packet::region;
use bpfc_ir::{CtField, CtTuple, Meta, PacketFamily, TupleField};

/// 40 bytes: the network header's fixed part (20 bytes for IPv4).
pub const NETWORK: i16 = 0;
/// Bytes of the network header that are copied, by family.
pub fn network_window(family: PacketFamily) -> u16 {
    match family {
        PacketFamily::Ipv4 => 20,
        PacketFamily::Ipv6 => 40,
        PacketFamily::Other => 0,
    }
}
/// [`TRANSPORT_WINDOW`] bytes: the transport header's beginning, zero where the packet ends.
pub const TRANSPORT: i16 = 40;
/// Bytes of the transport header that are copied.
pub const TRANSPORT_WINDOW: u16 = 20;
/// u32: bytes of the packet from the transport header on; 0 where there is no such header.
pub const TRANSPORT_AVAILABLE: i16 = 60;
/// u32: length from the network header by the IP length field; for hooks of devices the frame's,
/// from the network header on at ingress, from its first byte on at egress.
pub const LENGTH: i16 = 64;
/// u16: bytes from the network to the transport header.
pub const TRANSPORT_OFFSET: i16 = 68;
/// u16: fragment offset in units of 8 bytes.
pub const FRAGMENT_OFFSET: i16 = 70;
/// u8: transport protocol.
pub const L4_PROTO: i16 = 72;
/// u8: 1 where the IPv6 extension header walk failed.
pub const WALK_FAILED: i16 = 73;
/// u8: `skb->pkt_type`.
pub const PACKET_TYPE: i16 = 74;
/// u8: 1 where there is an Ethernet header.
pub const LINK_HEADER: i16 = 75;
/// u32: where the network header starts, as the target's byte loads count.
pub const NETWORK_OFFSET: i16 = 76;
/// u32: firewall mark.
pub const MARK: i16 = 80;
/// u32: next header of a walk or scan under way, meaningless afterwards.
pub const WALK_NEXT: i16 = 84;
/// u32: offset from the network header that a walk or scan has reached.
pub const WALK_OFFSET: i16 = 88;
/// u32: offset where a scan's options end.
pub const WALK_END: i16 = 92;
/// u32: what a scan found; what a segment, a log record or a list of counters is asked for.
pub const WALK_RESULT: i16 = 96;
/// u8: 1 where this host forwards the packet and has decreased its time to live.
pub const FORWARDED: i16 = 100;
/// u8: the hook, numbered as [`bpfc_artifact::log::HOOK`] says; where a rule logs.
pub const HOOK: i16 = 101;
/// u16: EtherType of what the network header is, as a number; for hooks of devices.
pub const PROTOCOL: i16 = 102;
/// Size of the part that is always there.
pub const BASE_SIZE: i16 = 104;

/// Size of the conntrack region: present, state, direction, protocol (u8 each), status, mark
/// (u32), padding to 16, then the original and the reply tuple as the kernel keeps them
/// (`struct nf_conntrack_tuple`, 40 bytes each).
const CT_SIZE: i16 = CT_TUPLES + 2 * CT_TUPLE_SIZE;
/// Where the tuples begin in that region.
const CT_TUPLES: i16 = 16;
/// Size of the region of a connection's extensions: whether it counts (u8, padded to 8), packets
/// and bytes of both directions (u64 each), the helper's name (16 bytes), labels (16 bytes, as a
/// number in network order).
pub(crate) const CT_EXTENSION_SIZE: i16 = 72;
/// Size of the region of what else an entry says: until when it lives (u32), its zone, and that in
/// each direction (u16 each), padding.
const CT_ENTRY_SIZE: i16 = 16;
/// `sizeof(struct nf_conntrack_tuple)` (include/net/netfilter/nf_conntrack_tuple.h): source
/// address 0, source port 16, family 18, destination address 20, destination port 36,
/// protocol 38, direction 39.
pub const CT_TUPLE_SIZE: i16 = 40;

/// What a search for bytes is told, see `scan_text`; meaningless afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchField {
    /// u64: the pattern's first eight bytes or fewer, as a number.
    Head,
    /// u32: by how many bits eight bytes of the packet are shifted to be compared with it.
    Shift,
    /// u32: the pattern's length.
    Length,
    /// u32: where among the places that are looked at together it was found.
    Place,
}

/// Bytes of a search's fields.
const SEARCH_SIZE: i16 = 24;

/// Offsets of the optional regions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketLayout {
    in_interface: Option<i16>,
    out_interface: Option<i16>,
    link: Option<i16>,
    tag: Option<i16>,
    ct: Option<i16>,
    extensions: Option<i16>,
    entry: Option<i16>,
    initiator: Option<i16>,
    arguments: Option<i16>,
    trace: Option<i16>,
    routed: Option<i16>,
    search: Option<i16>,
    lookup: Option<i16>,
    socket: Option<i16>,
    ports: Option<i16>,
    end: Option<i16>,
    authentication: Option<i16>,
    carried: i16,
    late: i16,
    size: i16,
}

/// Bytes of one argument of a query: an i128 as it stands in packets, or a number of up to 64
/// bits in the machine's order in the first 8.
pub const ARGUMENT_SIZE: i16 = 16;

impl PacketLayout {
    /// The layout that serves these needs.
    pub fn new(needs: &Needs) -> Self {
        let mut size = BASE_SIZE;
        let mut region = |wanted: bool, bytes: i16| {
            wanted.then(|| {
                let at = size;
                size += bytes;
                at
            })
        };
        let in_interface = region(needs.in_interface, 16);
        let out_interface = region(needs.out_interface, 16);
        let link = region(needs.link, 16);
        let tag = region(needs.tag, 8);
        let end = region(needs.leaving, 8);
        let names = [in_interface, out_interface, link].into_iter().flatten().count() as i16 * 16;
        let authentication = region(needs.authentication, region::authentication::SIZE);
        let early = names
            + if needs.tag { 8 } else { 0 }
            + if needs.leaving { 8 } else { 0 }
            + authentication.map_or(0, |_| region::authentication::SIZE);
        // The tuples come last, and most rules ask for none.
        let ct = region(needs.conntrack, if needs.tuples { CT_SIZE } else { CT_TUPLES });
        let extensions = region(needs.extensions, CT_EXTENSION_SIZE);
        let entry = region(needs.entry, CT_ENTRY_SIZE);
        let initiator = region(needs.initiator, 8);
        let trace = region(needs.trace, 8);
        let routed = region(needs.flow, region::routed::SIZE);
        let socket = region(needs.socket, region::socket::SIZE);
        let ports = region(needs.ports, region::bridge::SIZE);
        let carried = region(needs.carried > 0, needs.carried).unwrap_or(0);
        // Of these only one is in use at a time, while its function runs: they lie on each other.
        let scratch = [
            needs.arguments as i16 * ARGUMENT_SIZE,
            if needs.text { SEARCH_SIZE } else { 0 },
            if needs.lookup { region::walk::SIZE } else { 0 },
            if needs.rules { region::walk::RULES_SIZE } else { 0 },
        ];
        let most = scratch.into_iter().fold(0, i16::max);
        let shared = region(most > 0, most);
        let [arguments, search, lookup, _] = scratch.map(|bytes| shared.filter(|_| bytes > 0));
        PacketLayout {
            in_interface,
            out_interface,
            link,
            tag,
            ct,
            extensions,
            entry,
            initiator,
            arguments,
            trace,
            routed,
            search,
            lookup,
            socket,
            ports,
            end,
            authentication,
            carried,
            late: size - BASE_SIZE - early,
            size,
        }
    }

    /// Size in bytes, a multiple of 8.
    pub fn size(&self) -> i16 {
        self.size
    }

    /// How many bytes at the end hold nothing yet when the packet has been parsed and the target
    /// has told its facts.
    pub(crate) fn late(&self) -> i16 {
        self.late
    }

    /// Where it lies what is known of an authentication header.
    pub(crate) fn authentication(&self) -> Option<i16> {
        self.authentication
    }

    /// Where the input interface's name lies.
    pub fn in_interface(&self) -> Option<i16> {
        self.in_interface
    }

    /// Where the output interface's name lies.
    pub fn out_interface(&self) -> Option<i16> {
        self.out_interface
    }

    /// Where the Ethernet header (14 bytes) lies.
    pub fn link(&self) -> Option<i16> {
        self.link
    }

    /// Where the VLAN tag lies that was taken off, a u32 in 8 bytes.
    pub fn tag(&self) -> Option<i16> {
        self.tag
    }

    /// Where the number of a traced packet lies, a u32; 0 where it is not traced.
    pub fn trace(&self) -> Option<i16> {
        self.trace
    }

    /// Where an argument of a query lies while it is asked.
    pub fn argument(&self, index: usize) -> Option<i16> {
        self.arguments.map(|at| at + index as i16 * ARGUMENT_SIZE)
    }

    /// Where a field of a search lies. Without a search there is none, and nothing asks.
    pub fn search(&self, field: SearchField) -> i16 {
        self.search.unwrap_or(0)
            + match field {
                SearchField::Head => 0,
                SearchField::Shift => 8,
                SearchField::Length => 12,
                SearchField::Place => 16,
            }
    }

    /// Where it lies what the packet was routed by.
    pub(crate) fn routed(&self) -> Option<i16> {
        self.routed
    }

    /// Where what is known of the packet's socket lies.
    pub(crate) fn socket(&self) -> Option<i16> {
        self.socket
    }

    /// Where the bridge ports that the packet goes by lie.
    pub(crate) fn ports(&self) -> Option<i16> {
        self.ports
    }

    /// Where it lies, a u32, how many bytes there are from the network header on: what the packet's
    /// length says, but where that counts the link header, too.
    pub(crate) fn end(&self) -> i16 {
        self.end.unwrap_or(LENGTH)
    }

    /// Where the values that segments carry begin.
    pub(crate) fn carried(&self) -> i16 {
        self.carried
    }

    /// Where searches of the kernel's tables keep what they remember.
    pub(crate) fn lookup(&self) -> Option<i16> {
        self.lookup
    }

    /// Where a conntrack field lies, none where no rule asks conntrack.
    pub fn ct(&self, field: CtField) -> Option<i16> {
        let extension = match field {
            CtField::Counted => Some(0),
            CtField::Packets(CtTuple::Original) => Some(8),
            CtField::Bytes(CtTuple::Original) => Some(16),
            CtField::Packets(CtTuple::Reply) => Some(24),
            CtField::Bytes(CtTuple::Reply) => Some(32),
            CtField::Helper => Some(40),
            CtField::Labels => Some(56),
            _ => None,
        };
        let entry = match field {
            CtField::Expiration => Some(0),
            CtField::Zone(None) => Some(4),
            CtField::Zone(Some(CtTuple::Original)) => Some(6),
            CtField::Zone(Some(CtTuple::Reply)) => Some(8),
            _ => None,
        };
        if let Some(at) = entry {
            return self.entry.map(|base| base + at);
        }
        if field == CtField::Initiator {
            return self.initiator;
        }
        if let Some(at) = extension {
            return self.extensions.map(|base| base + at);
        }
        self.ct.map(|base| {
            base + match field {
                CtField::Counted
                | CtField::Packets(_)
                | CtField::Bytes(_)
                | CtField::Helper
                | CtField::Labels
                | CtField::Expiration
                | CtField::Zone(_)
                | CtField::Initiator => 0,
                CtField::Present => 0,
                CtField::State => 1,
                CtField::Direction => 2,
                CtField::Protocol => 3,
                CtField::Status => 4,
                CtField::Mark => 8,
                CtField::Tuple(tuple, part) => {
                    let part = match part {
                        TupleField::Source => 0,
                        TupleField::SourcePort => 16,
                        TupleField::Destination => 20,
                        TupleField::DestinationPort => 36,
                    };
                    CT_TUPLES + CT_TUPLE_SIZE * i16::from(tuple == CtTuple::Reply) + part
                }
            }
        })
    }

    /// Where a fact about the packet lies, and whether it is kept in network order.
    pub fn meta(&self, meta: Meta) -> Option<(i16, bool)> {
        let at = match meta {
            Meta::L4Proto => L4_PROTO,
            Meta::WalkFailed => WALK_FAILED,
            Meta::FragmentOffset => FRAGMENT_OFFSET,
            Meta::TransportOffset => TRANSPORT_OFFSET,
            Meta::Length => LENGTH,
            Meta::Protocol => PROTOCOL,
            Meta::VlanTag => return self.tag.map(|at| (at, false)),
            Meta::Mark => MARK,
            Meta::PacketType => PACKET_TYPE,
            Meta::LinkHeader => LINK_HEADER,
            Meta::Forwarded => FORWARDED,
            Meta::InInterface => return self.in_interface.map(|at| (at, true)),
            Meta::OutInterface => return self.out_interface.map(|at| (at, true)),
            Meta::Bridged => return self.ports.map(|at| (at + region::bridge::BRIDGED, false)),
            Meta::InPort => return self.ports.map(|at| (at + region::bridge::INPUT, true)),
            Meta::OutPort => return self.ports.map(|at| (at + region::bridge::OUTPUT, true)),
            Meta::Cpu
            | Meta::Clock
            | Meta::LocalClock
            | Meta::Nanoseconds
            | Meta::Priority
            | Meta::DeviceType
            | Meta::OutType
            | Meta::InIndex
            | Meta::OutIndex
            | Meta::InGroup
            | Meta::OutGroup
            | Meta::Realm => return None,
        };
        Some((at, false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_takes_room_that_no_rule_needs() {
        let plain = PacketLayout::new(&Needs::default());
        assert_eq!(plain.size(), BASE_SIZE);
        let states = Needs { conntrack: true, ..Needs::default() };
        assert_eq!(PacketLayout::new(&states).size(), BASE_SIZE + CT_TUPLES);
        let tuples = Needs { tuples: true, ..states };
        assert_eq!(PacketLayout::new(&tuples).size(), BASE_SIZE + CT_SIZE);
    }

    #[test]
    fn what_is_never_in_use_together_shares_its_room() {
        let needs = Needs { arguments: 7, text: true, lookup: true, ..Needs::default() };
        let layout = PacketLayout::new(&needs);
        assert_eq!(layout.size(), BASE_SIZE + 7 * ARGUMENT_SIZE);
        assert_eq!(layout.argument(0), layout.lookup());
        let walk = PacketLayout::new(&Needs { lookup: true, ..Needs::default() });
        assert_eq!((walk.argument(0), walk.lookup()), (None, Some(BASE_SIZE)));
    }
}
