//! The socket that will receive a packet, as net/netfilter/xt_socket.c looks for it
//! (net/ipv4/netfilter/nf_socket_ipv4.c, net/ipv6/netfilter/nf_socket_ipv6.c): by the packet's
//! addresses and ports, or for an ICMP error by those of the packet that it quotes. An answer to a
//! connection whose source this host translates is looked up with the original one.
//!
//! Helpers of XDP and TC find it (`bpf_skc_lookup_tcp`, Linux 5.2; `bpf_sk_lookup_udp`); what they
//! do not tell is read from the socket.

use crate::asm::{
    Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, Size, Width,
};
use crate::conntrack::tuple::{Quoted, Shape, TCP, UDP};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::kernel::{self, cast, load};
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{CtField, CtTuple, Family, Lookup, Receiver, TupleField};

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

/// The frame: the answer, the tuple (36 bytes at most), the packet that an ICMP error quotes.
const ANSWER: i16 = -8;
const TUPLE: i16 = -48;
const QUOTED: Quoted = Quoted { tuple: TUPLE, header: TUPLE - Quoted::HEADER };

/// `Lookup::Receiver` and `Lookup::ReceiverMark`.
pub(crate) fn function(
    emitter: &mut Emitter<'_>,
    question: Lookup,
    family: Family,
) -> Result<FunctionIndex, EmitError> {
    let shape = Shape::of(family);
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "find the socket that will receive the packet");
    let [udp, icmp, ported, look, datagram, found, none] = std::array::from_fn(|_| asm.label());
    emitter::begin(&mut asm, none);
    shape.protocol(&mut asm, none);
    asm.jump_imm(Jump::Eq, Width::W64, R8, UDP, udp);
    asm.jump_imm(Jump::Eq, Width::W64, R8, shape.icmp, icmp);
    asm.jump_imm(Jump::Ne, Width::W64, R8, TCP, none);
    asm.jump_imm(Jump::Lt, Width::W64, R2, 20, none);
    asm.goto(ported);
    asm.place(udp);
    asm.jump_imm(Jump::Lt, Width::W64, R2, 8, none);
    asm.place(ported);
    shape.of_packet(&mut asm, TUPLE);
    original(emitter, &mut asm, family, ESTABLISHED, look);
    asm.goto(look);
    asm.place(icmp);
    // The packet that it quotes came from here.
    QUOTED.read(emitter, &mut asm, family, none, none, none);
    original(emitter, &mut asm, family, RELATED, look);

    asm.place(look);
    asm.mov(R1, R6);
    asm.mov(R2, FP);
    asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(TUPLE));
    asm.mov_imm(R3, shape.bytes());
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

/// Puts the connection's own source in the place of the destination where the packet answers one
/// whose source is translated; goes on at `otherwise` where it does not. IPv6 does not ask.
fn original(emitter: &Emitter<'_>, asm: &mut Asm, family: Family, state: i32, otherwise: Label) {
    let at = |field| emitter.layout.ct(field);
    let source = |part| at(CtField::Tuple(CtTuple::Original, part));
    let known = (at(CtField::Present), at(CtField::State), at(CtField::Direction));
    let (Some(present), Some(of), Some(direction)) = known else { return };
    let more = (at(CtField::Status), source(TupleField::Source), source(TupleField::SourcePort));
    let (Some(status), Some(address), Some(port)) = more else { return };
    if family == Family::Ipv6 {
        return;
    }
    let shape = Shape::of(family);
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
    asm.store(Size::H, FP, TUPLE + shape.ports() + 2, R1);
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
