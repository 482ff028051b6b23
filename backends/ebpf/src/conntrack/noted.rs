//! Connections of protocols other than TCP and UDP, for packets that come in.
//!
//! The kernel looks none of them up for programs. Where it says where its table lies they are found
//! there ([`super::table`]). Elsewhere a program of the artifact's own sees what leaves by the same
//! interfaces, where each packet carries its connection (`companion`), and notes both tuples of
//! those connections in a map: from `struct nf_conntrack_tuple`, the direction left out, to the
//! address of the `struct nf_conn`, whose lowest bit is the direction.
//!
//! A note is no more than a hint where to look. The entry itself is asked at each packet what the
//! tracker asks (`nf_ct_key_equal`, `nf_ct_is_expired`, `nf_ct_is_dying` in
//! include/net/netfilter/nf_conntrack.h and net/netfilter/nf_conntrack_core.c): that its tuple is
//! this one, that it is in this network namespace and the default zone, confirmed, not deleted and
//! not expired. Entries are reused as entries alone while a program runs (`SLAB_TYPESAFE_BY_RCU`),
//! so what passes is what the tracker will find, and its status is the one that it has now.

use super::entry::{self, Asked, DESTINATION_PART, DIRECTION, Frame, NODE_SIZE, PROTOCOL};
use super::probe;
use super::table::Table;
use crate::asm::{Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R7, R8, R9, Reg, Size, Width};
use crate::conntrack::tuple::Shape;
use crate::emitter::Emitter;
use crate::kernel::{enter, field};
use crate::packet::layout::CT_TUPLE_SIZE;
use bpfc_artifact::{MapDef, MapIndex, MapKind, MapRole};

pub(super) const ICMP: i32 = 1;
pub(super) const ICMPV6: i32 = 58;
pub(super) const SCTP: i32 = 132;
const GRE: i32 = 47;
const DCCP: i32 = 33;
const UDP_LITE: i32 = 136;
/// Protocols whose tuples have ports in kernels that track them by themselves. Elsewhere, as for
/// all other protocols, the addresses alone make the tuple.
const PORTED: [i32; 3] = [SCTP, DCCP, UDP_LITE];
/// `GRE_PROTO_PPP`, and the version whose tuples have a key (include/uapi/linux/if_tunnel.h).
const GRE_PPP: i32 = 0x880b;
const GRE_KEYED: i32 = 1;

/// Notes that there is room for, two a connection; the ones that were not used for longest go.
const NOTES: u32 = 1 << 16;

/// `struct nf_conntrack_tuple` (include/net/netfilter/nf_conntrack_tuple.h): what else is in it
/// than [`crate::packet::layout::PacketLayout::ct`] says, the rest being in [`super::entry`].
const SOURCE_PART: i16 = 16;
const FAMILY: i16 = 18;
const DESTINATION: i16 = 20;
/// The map of notes. A replacement takes it over.
pub(super) fn map(emitter: &mut Emitter<'_>) -> MapIndex {
    let role = MapRole::Object { object: String::new(), part: "connections".to_owned() };
    emitter.map(&role, || MapDef {
        key_size: CT_TUPLE_SIZE as u32,
        value_size: 8,
        max_entries: NOTES,
        keep: true,
        ..MapDef::new("connections", MapKind::LruHash, role.clone())
    })
}

/// Where a packet lies: the one that is looked at, or one that it quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) base: Reg,
    /// Its source address; the destination's follows.
    pub(super) addresses: i16,
    /// The first 8 bytes of its transport header.
    pub(super) transport: i16,
    /// Whether the tuple of the other direction is wanted (`nf_ct_invert_tuple`).
    pub(super) turned: bool,
}

/// Fills the tuple of a packet of protocol r8, neither TCP nor UDP (`nf_ct_get_tuple`). Where the
/// packet is not quoted r2 = its bytes from the transport header on. Goes to `invalid` where the
/// tracker gets no tuple, and otherwise falls through. Clobbers r1.
pub(super) fn fill(asm: &mut Asm, shape: &Shape, place: Place, key: i16, invalid: Label) {
    let [query, generic_routing, ported, done] = std::array::from_fn(|_| asm.label());
    let [association, request] = std::array::from_fn(|_| asm.label());
    for word in (0..CT_TUPLE_SIZE).step_by(8) {
        asm.store_imm(Size::D, FP, key + word, 0);
    }
    let (source, destination) = if place.turned { (DESTINATION, 0) } else { (0, DESTINATION) };
    for word in (0..shape.address).step_by(4) {
        for (from, to) in [(0, source), (shape.address, destination)] {
            asm.load(Size::W, R1, place.base, place.addresses + from + word);
            asm.store(Size::W, FP, key + to + word, R1);
        }
    }
    asm.store_imm(Size::H, FP, key + FAMILY, shape.number);
    asm.store(Size::B, FP, key + PROTOCOL, R8);
    asm.jump_imm(Jump::Eq, Width::W64, R8, shape.icmp, query);
    // Of the other family's ICMP there are no connections.
    let foreign = ICMP + ICMPV6 - shape.icmp;
    asm.jump_imm(Jump::Eq, Width::W64, R8, foreign, invalid);
    asm.jump_imm(Jump::Eq, Width::W64, R8, GRE, generic_routing);
    for (protocol, label) in PORTED.into_iter().zip([association, request, ported]) {
        asm.jump_imm(Jump::Eq, Width::W64, R8, protocol, label);
    }
    asm.goto(done);
    let part = |asm: &mut Asm, from: i16, to: i16| {
        asm.load(Size::H, R1, place.base, place.transport + from);
        asm.store(Size::H, FP, key + to, R1);
    };
    let (first, second) = match place.turned {
        false => (SOURCE_PART, DESTINATION_PART),
        true => (DESTINATION_PART, SOURCE_PART),
    };

    asm.place(association);
    tracked(asm, "sctp", done);
    asm.goto(ported);
    asm.place(request);
    tracked(asm, "dccp", done);
    asm.place(ported);
    if !place.turned {
        asm.jump_imm(Jump::Lt, Width::W64, R2, 4, done);
    }
    part(asm, 0, first);
    part(asm, 2, second);
    asm.goto(done);

    // The key of version 1, which the other side chose; the own one is known to the helper of PPTP
    // alone (net/netfilter/nf_conntrack_proto_gre.c).
    asm.place(generic_routing);
    tracked(asm, "gre", done);
    if !place.turned {
        asm.jump_imm(Jump::Lt, Width::W64, R2, 8, done);
    }
    asm.load(Size::B, R1, place.base, place.transport + 1);
    asm.alu_imm(Alu::And, Width::W64, R1, 7);
    asm.jump_imm(Jump::Ne, Width::W64, R1, GRE_KEYED, done);
    asm.load(Size::H, R1, place.base, place.transport + 2);
    asm.from_big_endian(R1, 16);
    asm.jump_imm(Jump::Ne, Width::W64, R1, GRE_PPP, invalid);
    part(asm, 6, second);
    asm.goto(done);

    // The identifier stands for both ends' part, type and code for the destination's.
    asm.place(query);
    part(asm, 4, SOURCE_PART);
    part(asm, 0, DESTINATION_PART);
    if place.turned {
        let turned = asm.label();
        asm.load(Size::B, R1, place.base, place.transport);
        for &(request, answer) in shape.queries {
            for (from, to) in [(request, answer), (answer, request)] {
                let next = asm.label();
                asm.jump_imm(Jump::Ne, Width::W64, R1, from, next);
                asm.mov_imm(R1, to);
                asm.goto(turned);
                asm.place(next);
            }
        }
        asm.goto(invalid);
        asm.place(turned);
        asm.store(Size::B, FP, key + DESTINATION_PART, R1);
    }
    asm.place(done);
}

/// Goes on where the kernel tracks a protocol by itself: its settings have a place in `struct
/// nf_ip_net` (include/net/netns/conntrack.h). Clobbers r1.
pub(super) fn tracked(asm: &mut Asm, protocol: &str, otherwise: Label) {
    asm.field_exists(R1, field("nf_ip_net", protocol, 0));
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, otherwise);
}

/// Where connections are found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// Conntrack's own table.
    pub(super) table: Table,
    /// What the companion has noted.
    pub(super) notes: MapIndex,
}

/// r9 = address of the connection of the tuple in the frame, which goes in the direction that is
/// stored in the packet structure; at `absent` where there is none. Keeps r8.
pub(super) fn find(
    emitter: &Emitter<'_>,
    asm: &mut Asm,
    known: Known,
    frame: Frame,
    direction: i16,
    absent: Label,
) {
    let [missed, found] = std::array::from_fn(|_| asm.label());
    attempt(emitter, asm, known, frame, direction, missed);
    asm.goto(found);
    // Whether the kernel tracks UDP-Lite by itself none of its structures tells: if not its tuples
    // have no ports.
    asm.place(missed);
    asm.jump_imm(Jump::Ne, Width::W64, R8, UDP_LITE, absent);
    for part in [SOURCE_PART, DESTINATION_PART] {
        asm.store_imm(Size::H, FP, frame.key + part, 0);
    }
    attempt(emitter, asm, known, frame, direction, absent);
    asm.place(found);
}

fn attempt(
    emitter: &Emitter<'_>,
    asm: &mut Asm,
    known: Known,
    frame: Frame,
    direction: i16,
    absent: Label,
) {
    let [ask_notes, found] = std::array::from_fn(|_| asm.label());
    known.table.require(asm, ask_notes);
    known.table.find(emitter, asm, frame, direction, absent);
    asm.goto(found);
    asm.place(ask_notes);
    read_note(emitter, asm, known.notes, frame, direction, absent);
    asm.place(found);
}

fn read_note(
    emitter: &Emitter<'_>,
    asm: &mut Asm,
    map: MapIndex,
    frame: Frame,
    direction: i16,
    absent: Label,
) {
    let Frame { key, found, scratch } = frame;
    asm.store_imm(Size::B, FP, key + DIRECTION, 0);
    asm.map(R1, map);
    asm.frame_address(R2, key);
    asm.helper(Helper::MapLookup);
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, absent);
    asm.load(Size::D, R9, R0, 0);
    asm.mov(R1, R9);
    asm.alu_imm(Alu::And, Width::W64, R1, 1);
    asm.alu_imm(Alu::And, Width::W64, R9, -8);
    asm.store(Size::B, R7, direction, R1);
    asm.store(Size::B, FP, key + DIRECTION, R1);

    asm.mov(R3, R9);
    enter(asm, R3, "nf_conn", "tuplehash", 112);
    asm.alu_imm(Alu::Add, Width::W64, R3, NODE_SIZE);
    asm.alu_imm(Alu::Mul, Width::W64, R1, NODE_SIZE + i32::from(CT_TUPLE_SIZE));
    asm.alu(Alu::Add, Width::W64, R3, R1);
    probe::copy(asm, found, CT_TUPLE_SIZE.into());
    for word in (0..CT_TUPLE_SIZE).step_by(8) {
        asm.load(Size::D, R1, FP, found + word);
        asm.load(Size::D, R2, FP, key + word);
        asm.jump(Jump::Ne, Width::W64, R1, R2, absent);
    }

    probe::net(emitter, asm, scratch);
    asm.store(Size::D, FP, scratch + 8, R3);
    let asked = Asked { net: (FP, scratch + 8), direction: (R7, direction) };
    entry::require_live(asm, asked, scratch, absent);
}
