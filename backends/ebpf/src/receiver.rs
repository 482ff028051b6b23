//! The socket that will receive a packet, as net/netfilter/xt_socket.c looks for it
//! (net/ipv4/netfilter/nf_socket_ipv4.c, net/ipv6/netfilter/nf_socket_ipv6.c): by the packet's addresses and
//! ports, or for an ICMP error by those of the packet that it quotes. An answer to a connection whose
//! source this host translates is looked up with the original one.
//!
//! Helpers of XDP and TC find it (`bpf_skc_lookup_tcp`, Linux 5.2; `bpf_sk_lookup_udp`); what they
//! do not tell is read from the socket.

use crate::asm::{
    Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, Size, Width,
};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::kernel::{self, cast, load};
use crate::layout;
use crate::target::SCRATCH_SIZE;
use crate::walk;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{CtField, CtTuple, Family, Lookup, Receiver, TupleField};

const TCP: i32 = 6;
const UDP: i32 = 17;

/// `TCP_TIME_WAIT` and `TCP_NEW_SYN_RECV`: neither is a full socket (`sk_fullsock`).
const TIME_WAIT: i32 = 6;
const NEW_SYN_RECV: i32 = 12;

/// `INET_FLAGS_TRANSPARENT` (include/net/inet_sock.h, Linux 6.6).
const TRANSPARENT_FLAG: i32 = 15;
/// `no_srccheck` among the bits in front of `ir_mark` in a request.
const NO_SOURCE_CHECK: i32 = 13;

/// `ct state` bits, and `IPS_SRC_NAT_DONE`.
const ESTABLISHED: i32 = 2;
const RELATED: i32 = 4;
const SOURCE_TRANSLATED: i32 = 1 << 7;

/// The frame: the answer, `struct bpf_sock_tuple` (36 bytes at most), the quoted header (40) with its
/// ports (4), the target's scratch.
const ANSWER: i16 = -8;
const TUPLE: i16 = -48;
const INNER: i16 = -96;
const INNER_PORTS: i16 = INNER + 40;
const SCRATCH: i16 = INNER - SCRATCH_SIZE;

/// How the two families differ here.
struct Shape {
    /// Where the addresses lie in the network header.
    addresses: i16,
    /// Bytes of one address.
    address: i16,
    /// Where the network header says the protocol.
    protocol: i16,
    icmp: i32,
}

const IPV4: Shape = Shape { addresses: 12, address: 4, protocol: 9, icmp: 1 };
const IPV6: Shape = Shape { addresses: 8, address: 16, protocol: 6, icmp: 58 };

impl Shape {
    /// Where the source port lies; the destination's follows.
    fn ports(&self) -> i16 {
        TUPLE + 2 * self.address
    }
}

/// `Lookup::Receiver` and `Lookup::ReceiverMark`.
pub(crate) fn function(
    emitter: &mut Emitter<'_>,
    question: Lookup,
    family: Family,
) -> Result<FunctionIndex, EmitError> {
    let shape = if family == Family::Ipv4 { IPV4 } else { IPV6 };
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "find the socket that will receive the packet");
    let [udp, icmp, ported, look, datagram, found, none] = std::array::from_fn(|_| asm.label());
    emitter::begin(&mut asm, none);
    asm.load(Size::B, R1, R7, layout::WALK_FAILED);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, none);
    asm.load(Size::H, R1, R7, layout::FRAGMENT_OFFSET);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, none);
    asm.load(Size::B, R8, R7, layout::L4_PROTO);
    asm.load(Size::W, R2, R7, layout::TRANSPORT_AVAILABLE);
    asm.jump_imm(Jump::Eq, Width::W64, R8, UDP, udp);
    asm.jump_imm(Jump::Eq, Width::W64, R8, shape.icmp, icmp);
    asm.jump_imm(Jump::Ne, Width::W64, R8, TCP, none);
    asm.jump_imm(Jump::Lt, Width::W64, R2, 20, none);
    asm.goto(ported);
    asm.place(udp);
    asm.jump_imm(Jump::Lt, Width::W64, R2, 8, none);
    asm.place(ported);
    for word in (0..2 * shape.address).step_by(4) {
        asm.load(Size::W, R1, R7, layout::NETWORK + shape.addresses + word);
        asm.store(Size::W, FP, TUPLE + word, R1);
    }
    asm.load(Size::W, R1, R7, layout::TRANSPORT);
    asm.store(Size::W, FP, shape.ports(), R1);
    original(emitter, &mut asm, &shape, ESTABLISHED, look);
    asm.goto(look);
    asm.place(icmp);
    quoted(emitter, &mut asm, family, &shape, none);
    original(emitter, &mut asm, &shape, RELATED, look);

    asm.place(look);
    asm.mov(R1, R6);
    asm.mov(R2, FP);
    asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(TUPLE));
    asm.mov_imm(R3, i32::from(2 * shape.address) + 4);
    // `BPF_F_CURRENT_NETNS`.
    asm.mov_imm(R4, -1);
    asm.mov_imm(R5, 0);
    asm.jump_imm(Jump::Eq, Width::W64, R8, UDP, datagram);
    asm.helper(Helper::SkcLookupTcp);
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, none);
    asm.mov(R9, R0);
    asm.goto(found);
    asm.place(datagram);
    asm.helper(Helper::SkLookupUdp);
    asm.jump_imm(Jump::Eq, Width::W64, R0, 0, none);
    asm.mov(R9, R0);
    asm.place(found);
    cast(&mut asm, R9, "sock");
    match question {
        Lookup::ReceiverMark => mark(&mut asm),
        Lookup::Receiver { transparent } => describe(&mut asm, family, transparent),
        _ => asm.mov_imm(R3, 0),
    }
    asm.store(Size::D, FP, ANSWER, R3);
    asm.mov(R1, R9);
    asm.helper(Helper::SkRelease);
    asm.load(Size::W, R0, FP, ANSWER);
    asm.exit();
    asm.place(none);
    asm.mov_imm(R0, 0);
    asm.exit();
    emitter.add(asm, "receiver", FunctionKind::Chain)
}

/// r8 and the tuple: of the packet that an ICMP error quotes. It came from here.
fn quoted(emitter: &Emitter<'_>, asm: &mut Asm, family: Family, shape: &Shape, none: Label) {
    let [error, ported] = std::array::from_fn(|_| asm.label());
    asm.jump_imm(Jump::Lt, Width::W64, R2, 8, none);
    asm.load(Size::B, R1, R7, layout::TRANSPORT);
    match family {
        Family::Ipv4 => {
            for kind in [3, 4, 5, 11, 12] {
                asm.jump_imm(Jump::Eq, Width::W64, R1, kind, error);
            }
            asm.goto(none);
        }
        Family::Ipv6 => asm.jump_imm(Jump::Ge, Width::W64, R1, 128, none),
    }
    asm.place(error);
    asm.load(Size::H, R8, R7, layout::TRANSPORT_OFFSET);
    asm.alu_imm(Alu::Add, Width::W64, R8, 8);
    for word in (0..48).step_by(8) {
        asm.store_imm(Size::D, FP, INNER + word, 0);
    }
    match family {
        Family::Ipv4 => {
            walk::fetch(emitter, asm, 0, 20, INNER, SCRATCH, none);
            asm.load(Size::B, R1, FP, INNER);
            asm.alu_imm(Alu::And, Width::W64, R1, 0xf);
            asm.alu_imm(Alu::Lsh, Width::W64, R1, 2);
            asm.alu(Alu::Add, Width::W64, R8, R1);
        }
        Family::Ipv6 => {
            walk::fetch(emitter, asm, 0, 40, INNER, SCRATCH, none);
            asm.alu_imm(Alu::Add, Width::W64, R8, 40);
        }
    }
    walk::fetch(emitter, asm, 0, 4, INNER_PORTS, SCRATCH, none);
    asm.load(Size::B, R8, FP, INNER + shape.protocol);
    asm.jump_imm(Jump::Eq, Width::W64, R8, TCP, ported);
    asm.jump_imm(Jump::Ne, Width::W64, R8, UDP, none);
    asm.place(ported);
    let addresses = INNER + shape.addresses;
    for word in (0..shape.address).step_by(4) {
        asm.load(Size::W, R1, FP, addresses + shape.address + word);
        asm.store(Size::W, FP, TUPLE + word, R1);
        asm.load(Size::W, R1, FP, addresses + word);
        asm.store(Size::W, FP, TUPLE + shape.address + word, R1);
    }
    asm.load(Size::H, R1, FP, INNER_PORTS + 2);
    asm.store(Size::H, FP, shape.ports(), R1);
    asm.load(Size::H, R1, FP, INNER_PORTS);
    asm.store(Size::H, FP, shape.ports() + 2, R1);
}

/// Puts the connection's own source in the place of the destination where the packet answers one
/// whose source is translated; goes on at `otherwise` where it does not. IPv6 does not ask.
fn original(emitter: &Emitter<'_>, asm: &mut Asm, shape: &Shape, state: i32, otherwise: Label) {
    let at = |field| emitter.layout.ct(field);
    let source = |part| at(CtField::Tuple(CtTuple::Original, part));
    let known = (at(CtField::Present), at(CtField::State), at(CtField::Direction));
    let (Some(present), Some(of), Some(direction)) = known else { return };
    let more = (at(CtField::Status), source(TupleField::Source), source(TupleField::SourcePort));
    let (Some(status), Some(address), Some(port)) = more else { return };
    if shape.address != IPV4.address {
        return;
    }
    asm.load(Size::B, R1, R7, present);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, otherwise);
    asm.load(Size::B, R1, R7, of);
    asm.jump_imm(Jump::Ne, Width::W64, R1, state, otherwise);
    asm.load(Size::B, R1, R7, direction);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, otherwise);
    asm.load(Size::W, R1, R7, status);
    asm.alu_imm(Alu::And, Width::W64, R1, SOURCE_TRANSLATED);
    asm.jump_imm(Jump::Eq, Width::W64, R1, 0, otherwise);
    asm.load(Size::W, R1, R7, address);
    asm.store(Size::W, FP, TUPLE + shape.address, R1);
    asm.load(Size::H, R1, R7, port);
    asm.store(Size::H, FP, shape.ports() + 2, R1);
}

/// r3 = mark of the `struct sock *` in r0, 0 where it is no full one.
fn mark(asm: &mut Asm) {
    let done = asm.label();
    asm.mov_imm(R3, 0);
    load(asm, R1, R0, "sock_common", "skc_state", 1);
    asm.jump_imm(Jump::Eq, Width::W64, R1, TIME_WAIT, done);
    asm.jump_imm(Jump::Eq, Width::W64, R1, NEW_SYN_RECV, done);
    load(asm, R3, R0, "sock", "sk_mark", 4);
    asm.place(done);
}

/// r3 = bits of [`Receiver`] that the `struct sock *` in r0 has.
fn describe(asm: &mut Asm, family: Family, transparent: bool) {
    let [part, wild, done] = std::array::from_fn(|_| asm.label());
    let [waiting, asked] = std::array::from_fn(|_| asm.label());
    load(asm, R1, R0, "sock_common", "skc_state", 1);
    asm.jump_imm(Jump::Eq, Width::W64, R1, TIME_WAIT, part);
    asm.jump_imm(Jump::Eq, Width::W64, R1, NEW_SYN_RECV, part);
    asm.mov_imm(R3, (Receiver::FOUND | Receiver::FULL) as i32);
    match family {
        Family::Ipv4 => load(asm, R2, R0, "sock_common", "skc_rcv_saddr", 4),
        Family::Ipv6 => {
            asm.mov(R4, R0);
            kernel::enter(asm, R4, "sock_common", "skc_v6_rcv_saddr", 16);
            asm.load(Size::D, R2, R4, 0);
            asm.load(Size::D, R5, R4, 8);
            asm.alu(Alu::Or, Width::W64, R2, R5);
        }
    }
    asm.jump_imm(Jump::Eq, Width::W64, R2, 0, wild);
    asm.alu_imm(Alu::Or, Width::W64, R3, Receiver::BOUND as i32);
    asm.place(wild);
    if transparent {
        asm.store(Size::D, FP, ANSWER, R3);
        cast(asm, R9, "inet_sock");
        load(asm, R1, R0, "inet_sock", "inet_flags", 8);
        asm.alu_imm(Alu::Rsh, Width::W64, R1, TRANSPARENT_FLAG);
        asm.goto(asked);
    } else {
        asm.goto(done);
    }
    asm.place(part);
    asm.mov_imm(R3, (Receiver::FOUND | Receiver::BOUND) as i32);
    if transparent {
        asm.store(Size::D, FP, ANSWER, R3);
        asm.jump_imm(Jump::Eq, Width::W64, R1, TIME_WAIT, waiting);
        cast(asm, R9, "inet_request_sock");
        // The bits lie in front of the mark, whose place is known, in a field of four bytes.
        asm.mov(R2, R0);
        kernel::enter(asm, R2, "inet_request_sock", "ir_mark", 4);
        asm.load(Size::H, R1, R2, -4);
        asm.alu_imm(Alu::Rsh, Width::W64, R1, NO_SOURCE_CHECK);
        asm.goto(asked);
        asm.place(waiting);
        cast(asm, R9, "inet_timewait_sock");
        asm.mov(R2, R0);
        kernel::enter(asm, R2, "inet_timewait_sock", "tw_sport", 2);
        asm.load(Size::W, R1, R2, 2);
        // r1 = a number whose lowest bit says whether the socket is transparent.
        asm.place(asked);
        asm.load(Size::D, R3, FP, ANSWER);
        asm.alu_imm(Alu::And, Width::W64, R1, 1);
        asm.jump_imm(Jump::Eq, Width::W64, R1, 0, done);
        asm.alu_imm(Alu::Or, Width::W64, R3, Receiver::TRANSPARENT as i32);
    }
    asm.place(done);
}
