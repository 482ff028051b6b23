//! Connections by lookup, at hooks that packets pass before the tracker
//! (net/netfilter/nf_conntrack_bpf.c).
//!
//! Entries of TCP and UDP are looked up by the kernel; those of other protocols are found in its
//! own table ([`super::table`]) or, where nobody knows where that lies, where the artifact's
//! companion has noted them ([`super::noted`]).
//!
//! The program works out what the tracker will say of the packet: what it refuses for its header
//! (`tcp_error`, `udp_error`), what it finds (`resolve_normal_ct`), what begins something new
//! (`tcp_new` and its like), and which connection an ICMP error speaks of
//! (`nf_conntrack_inet_error`).

use super::entry::Frame;
use super::noted::{self, ICMPV6, SCTP};
use super::{Entry, Places, copy_entry, probe, state, table};
use crate::asm::{Alu, Asm, FP, Jump, Label, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, Size, Width};
use crate::conntrack::tuple::{Quoted, Shape, TCP, UDP};
use crate::emitter::Emitter;
use crate::kernel::enter;
use crate::packet::layout::{self, CT_TUPLE_SIZE};
use bpfc_ir::{CtField, Family};

/// `IPS_EXPECTED` and `IPS_SEEN_REPLY` (include/uapi/linux/netfilter/nf_conntrack_common.h).
const IPS_EXPECTED: i32 = 1;
const IPS_SEEN_REPLY: i32 = 2;

/// Combinations of FIN, SYN, RST, ACK and URG that a TCP packet may have, PSH, ECE and CWR left
/// out, as bits (net/netfilter/nf_conntrack_proto_tcp.c, `tcp_valid_flags`).
const TCP_VALID_FLAGS: u64 = 1 << 0x02
    | 1 << 0x22
    | 1 << 0x12
    | 1 << 0x04
    | 1 << 0x14
    | 1 << 0x11
    | 1 << 0x31
    | 1 << 0x10
    | 1 << 0x30;

/// The frame: `struct bpf_ct_opts` (12 bytes), the tuple (36 bytes for the kernel, 40 for notes),
/// the packet that an ICMP error quotes.
const OPTIONS: i16 = -24;
const TUPLE: i16 = -64;
const QUOTED: Quoted = Quoted { tuple: TUPLE, header: TUPLE - Quoted::HEADER };
/// u64: whether an ICMP error asks for the connection of the packet that it quotes.
const ERROR: i16 = -8;
/// Where the notes' lookup has its room: what else lies there is done with.
const NOTED: Frame = Frame { key: TUPLE, found: QUOTED.header, scratch: OPTIONS };
const _: () = assert!(NOTED.key - NOTED.found == table::TUPLE);

/// ICMPv6 types that the tracker leaves alone.
const UNTRACKED: [i32; 9] = [130, 131, 132, 133, 134, 135, 136, 137, 143];

/// Chunks of SCTP that begin something new whatever the tag says, and those that do where it is 0
/// (net/netfilter/nf_conntrack_proto_sctp.c, `sctp_new` and what follows it).
const SCTP_TAGGED: [i32; 3] = [4, 5, 8];
const SCTP_UNTAGGED: [i32; 3] = [7, 9, 10];
/// The latter kind, too, but there must be so many bytes of the packet.
const SCTP_INIT: [i32; 2] = [1, 2];
const SCTP_INIT_BYTES: i32 = 12 + 4 + 16;

/// Emits the lookup; r6 and r7 as everywhere, r8 the protocol, r9 the entry.
pub(super) fn emit(
    emitter: &Emitter<'_>,
    asm: &mut Asm,
    places: &Places,
    family: Family,
    kfunc: &str,
    known_connections: noted::Known,
) {
    let shape = Shape::of(family);
    let [tcp, udp, icmp, find, absent, new] = std::array::from_fn(|_| asm.label());
    let [other, search, unnoted, sctp, quoted] = std::array::from_fn(|_| asm.label());
    let [decide, related, invalid, known] = std::array::from_fn(|_| asm.label());
    shape.protocol(asm, invalid);
    asm.store_imm(Size::D, FP, ERROR, 0);
    asm.jump_imm(Jump::Eq, Width::W64, R8, TCP, tcp);
    asm.jump_imm(Jump::Eq, Width::W64, R8, UDP, udp);
    asm.jump_imm(Jump::Eq, Width::W64, R8, shape.icmp, icmp);
    asm.jump_imm(Jump::Ne, Width::W64, R8, SCTP, other);
    noted::tracked(asm, "sctp", other);
    asm.jump_imm(Jump::Lt, Width::W64, R2, 12, invalid);

    asm.place(other);
    let own = noted::Place {
        base: R7,
        addresses: layout::NETWORK + shape.addresses,
        transport: layout::TRANSPORT,
        turned: false,
    };
    noted::fill(asm, shape, own, TUPLE, invalid);
    asm.place(search);
    noted::find(emitter, asm, known_connections, NOTED, places.direction, unnoted);
    copy_entry(emitter, asm, places, Entry::Address(OPTIONS));
    asm.load(Size::D, R1, FP, ERROR);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, related);
    asm.goto(decide);

    asm.place(unnoted);
    asm.load(Size::D, R1, FP, ERROR);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, invalid);
    asm.jump_imm(Jump::Eq, Width::W64, R8, SCTP, sctp);
    asm.jump_imm(Jump::Ne, Width::W64, R8, shape.icmp, new);
    asm.load(Size::B, R1, R7, layout::TRANSPORT);
    for &(request, _) in shape.queries {
        asm.jump_imm(Jump::Eq, Width::W64, R1, request, new);
    }
    asm.goto(invalid);
    asm.place(sctp);
    noted::tracked(asm, "sctp", new);
    check_sctp(asm, new, invalid);

    asm.place(tcp);
    check_tcp(asm, invalid);
    asm.goto(find);
    asm.place(udp);
    check_udp(asm, invalid);

    asm.place(find);
    shape.of_packet(asm, TUPLE);
    look_up(asm, shape, kfunc);
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, absent);
    found(emitter, asm, places);
    // Answers, and packets of a connection that was answered, are established; a connection
    // that another one announced is related; the rest is still new.
    asm.place(decide);
    asm.mov_imm(R2, state::ESTABLISHED);
    asm.load(Size::B, R1, R7, places.direction);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, known);
    asm.load(Size::W, R1, R7, places.status);
    asm.jump_imm(Jump::Set, Width::W64, R1, IPS_SEEN_REPLY, known);
    asm.mov_imm(R2, state::RELATED);
    asm.jump_imm(Jump::Set, Width::W64, R1, IPS_EXPECTED, known);
    asm.mov_imm(R2, state::NEW);
    asm.goto(known);

    asm.place(icmp);
    // An error belongs to the connection of the packet that it quotes, and goes to its sender.
    let query = asm.label();
    QUOTED.read(emitter, asm, family, query, quoted, invalid);
    let require = |asm: &mut Asm| {
        if family == Family::Ipv4 {
            QUOTED.require_first(asm, invalid);
        }
        QUOTED.require_sender(asm, shape, invalid);
    };
    require(asm);
    look_up(asm, shape, kfunc);
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, invalid);
    found(emitter, asm, places);
    asm.place(related);
    asm.mov_imm(R2, state::RELATED);
    asm.goto(known);
    asm.place(quoted);
    require(asm);
    let place = noted::Place {
        base: FP,
        addresses: QUOTED.header + shape.addresses,
        transport: QUOTED.header + Quoted::TRANSPORT,
        turned: true,
    };
    noted::fill(asm, shape, place, TUPLE, invalid);
    asm.store_imm(Size::D, FP, ERROR, 1);
    asm.goto(search);
    asm.place(query);
    if shape.icmp == ICMPV6 {
        asm.mov_imm(R2, state::UNTRACKED);
        for kind in UNTRACKED {
            asm.jump_imm(Jump::Eq, Width::W64, R1, kind, known);
        }
    }
    asm.goto(other);

    // A TCP connection starts with SYN, or is picked up in the middle with ACK where the network
    // namespace says so (`tcp_new`); anything of UDP begins one.
    asm.place(absent);
    asm.jump_imm(Jump::Ne, Width::W64, R8, TCP, new);
    asm.load(Size::B, R1, R7, layout::TRANSPORT + 13);
    asm.alu_imm(Alu::And, Width::W64, R1, 0x17);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0x02, new);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0x10, invalid);
    load_loose(emitter, asm);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, invalid);

    asm.place(new);
    begin(emitter, asm, places, shape);
    asm.mov_imm(R2, state::NEW);
    asm.goto(known);
    asm.place(invalid);
    asm.mov_imm(R2, state::INVALID);
    asm.place(known);
    asm.store(Size::B, R7, places.state, R2);
}

/// Goes on at `new` where a packet of SCTP begins something new, else at `invalid`. Its first chunk
/// decides: of further ones the tracker looks at each.
fn check_sctp(asm: &mut Asm, new: Label, invalid: Label) {
    let whole = asm.label();
    asm.load(Size::W, R2, R7, layout::TRANSPORT_AVAILABLE);
    asm.jump_imm(Jump::Lt, Width::W64, R2, 16, invalid);
    asm.load(Size::H, R1, R7, layout::TRANSPORT + 14);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, invalid);
    asm.load(Size::B, R1, R7, layout::TRANSPORT + 12);
    for chunk in SCTP_TAGGED {
        asm.jump_imm(Jump::Eq, Width::W64, R1, chunk, new);
    }
    asm.load(Size::W, R3, R7, layout::TRANSPORT + 4);
    asm.jump_imm(Jump::Ne, Width::W64, R3, 0, invalid);
    for chunk in SCTP_INIT {
        asm.jump_imm(Jump::Eq, Width::W64, R1, chunk, whole);
    }
    for chunk in SCTP_UNTAGGED {
        asm.jump_imm(Jump::Eq, Width::W64, R1, chunk, new);
    }
    asm.goto(invalid);
    asm.place(whole);
    asm.jump_imm(Jump::Lt, Width::W64, R2, SCTP_INIT_BYTES, invalid);
    asm.goto(new);
}

/// r1 = `net.netfilter.nf_conntrack_tcp_loose` of the packet's network namespace.
fn load_loose(emitter: &Emitter<'_>, asm: &mut Asm) {
    probe::net(emitter, asm, TUPLE);
    enter(asm, R3, "net", "ct", 0);
    enter(asm, R3, "netns_ct", "nf_ct_proto", 0);
    enter(asm, R3, "nf_ip_net", "tcp", 0);
    enter(asm, R3, "nf_tcp_net", "tcp_loose", 1);
    probe::copy(asm, TUPLE, 1);
    asm.load(Size::B, R1, FP, TUPLE);
}

/// r2 = available bytes. A whole header, its length inside the packet, and flags that go
/// together.
fn check_tcp(asm: &mut Asm, invalid: Label) {
    asm.jump_imm(Jump::Lt, Width::W64, R2, 20, invalid);
    asm.load(Size::B, R1, R7, layout::TRANSPORT + 12);
    asm.alu_imm(Alu::Rsh, Width::W64, R1, 4);
    asm.alu_imm(Alu::Lsh, Width::W64, R1, 2);
    asm.jump_imm(Jump::Lt, Width::W64, R1, 20, invalid);
    asm.jump(Jump::Gt, Width::W64, R1, R2, invalid);
    asm.load(Size::B, R1, R7, layout::TRANSPORT + 13);
    asm.alu_imm(Alu::And, Width::W64, R1, 0x37);
    asm.constant(R2, TCP_VALID_FLAGS);
    asm.alu(Alu::Rsh, Width::W64, R2, R1);
    asm.alu_imm(Alu::And, Width::W64, R2, 1);
    asm.jump_imm(Jump::Eq, Width::W64, R2, 0, invalid);
}

/// r2 = available bytes. A whole header and a length inside the packet.
fn check_udp(asm: &mut Asm, invalid: Label) {
    asm.jump_imm(Jump::Lt, Width::W64, R2, 8, invalid);
    asm.load(Size::H, R1, R7, layout::TRANSPORT + 4);
    asm.from_big_endian(R1, 16);
    asm.jump_imm(Jump::Lt, Width::W64, R1, 8, invalid);
    asm.jump(Jump::Gt, Width::W64, R1, R2, invalid);
}

/// r0 = the entry of the tuple of protocol r8, or 0.
fn look_up(asm: &mut Asm, shape: &Shape, kfunc: &str) {
    // netns_id = BPF_F_CURRENT_NETNS, error, l4proto, dir, reserved.
    asm.store_imm(Size::W, FP, OPTIONS, -1);
    asm.store_imm(Size::W, FP, OPTIONS + 4, 0);
    asm.store_imm(Size::W, FP, OPTIONS + 8, 0);
    asm.store(Size::B, FP, OPTIONS + 8, R8);
    asm.mov(R1, R6);
    asm.mov(R2, FP);
    asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(TUPLE));
    asm.mov_imm(R3, shape.bytes());
    asm.mov(R4, FP);
    asm.alu_imm(Alu::Add, Width::W64, R4, i32::from(OPTIONS));
    asm.mov_imm(R5, 12);
    asm.kfunc(kfunc);
}

/// Copies the entry in r0 with the packet's direction, and lets it go.
fn found(emitter: &Emitter<'_>, asm: &mut Asm, places: &Places) {
    asm.mov(R9, R0);
    copy_entry(emitter, asm, places, Entry::Typed);
    asm.load(Size::B, R1, FP, OPTIONS + 9);
    asm.store(Size::B, R7, places.direction, R1);
    asm.mov(R1, R9);
    asm.kfunc("bpf_ct_release");
}

/// The entry that the tracker will make for the packet: nothing known of it but its tuples.
fn begin(emitter: &Emitter<'_>, asm: &mut Asm, places: &Places, shape: &Shape) {
    asm.store_imm(Size::B, R7, places.present, 1);
    asm.store_imm(Size::B, R7, places.direction, 0);
    asm.store_imm(Size::W, R7, places.status, 0);
    asm.store_imm(Size::W, R7, places.mark, 0);
    asm.store(Size::B, R7, places.protocol, R8);
    if let Some(to) = emitter.layout.ct(CtField::Initiator) {
        asm.load(Size::W, R1, R7, layout::NETWORK + shape.addresses);
        asm.store(Size::W, R7, to, R1);
    }
    if !emitter.needs.tuples {
        return;
    }
    let original = places.original;
    let reply = original + CT_TUPLE_SIZE;
    let [ports, icmp, done] = std::array::from_fn(|_| asm.label());
    for byte in (0..2 * CT_TUPLE_SIZE).step_by(8) {
        asm.store_imm(Size::D, R7, original + byte, 0);
    }
    for word in (0..shape.address).step_by(4) {
        let at = layout::NETWORK + shape.addresses + word;
        asm.load(Size::W, R1, R7, at);
        asm.store(Size::W, R7, original + word, R1);
        asm.store(Size::W, R7, reply + 20 + word, R1);
        asm.load(Size::W, R1, R7, at + shape.address);
        asm.store(Size::W, R7, original + 20 + word, R1);
        asm.store(Size::W, R7, reply + word, R1);
    }
    asm.jump_imm(Jump::Eq, Width::W64, R8, TCP, ports);
    asm.jump_imm(Jump::Eq, Width::W64, R8, UDP, ports);
    asm.jump_imm(Jump::Eq, Width::W64, R8, SCTP, ports);
    asm.jump_imm(Jump::Eq, Width::W64, R8, shape.icmp, icmp);
    asm.goto(done);
    asm.place(ports);
    asm.load(Size::H, R1, R7, layout::TRANSPORT);
    asm.store(Size::H, R7, original + 16, R1);
    asm.store(Size::H, R7, reply + 36, R1);
    asm.load(Size::H, R1, R7, layout::TRANSPORT + 2);
    asm.store(Size::H, R7, original + 36, R1);
    asm.store(Size::H, R7, reply + 16, R1);
    asm.goto(done);
    // The identifier stands for the source port, type and code for the destination's; the
    // answer's type is one more for ICMPv6 echo, and for ICMP 0 for echo, else one more.
    asm.place(icmp);
    asm.load(Size::H, R1, R7, layout::TRANSPORT + 4);
    asm.store(Size::H, R7, original + 16, R1);
    asm.store(Size::H, R7, reply + 16, R1);
    asm.load(Size::H, R1, R7, layout::TRANSPORT);
    asm.store(Size::H, R7, original + 36, R1);
    let next = asm.label();
    asm.load(Size::B, R2, R7, layout::TRANSPORT);
    asm.alu_imm(Alu::Add, Width::W64, R2, 1);
    asm.jump_imm(Jump::Ne, Width::W64, R2, 9, next);
    asm.mov_imm(R2, 0);
    asm.place(next);
    asm.store(Size::H, R7, reply + 36, R1);
    asm.store(Size::B, R7, reply + 36, R2);
    asm.place(done);
}
