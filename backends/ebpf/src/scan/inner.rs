//! What a packet carries behind its transport header, and packets in tunnels
//! (net/netfilter/nft_payload.c, `__nft_payload_inner_offset`; nft_inner.c).
//!
//! Each question goes through all inner headers: one that is not as it should be breaks every
//! answer, as in the kernel. The part that is asked for waits in r9 meanwhile.

use crate::asm::{Alu, Asm, FP, Jump, Label, R0, R1, R2, R6, R7, R8, R9, Size, Width};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::packet::layout;
use crate::scan::{end_absent, end_broken, walk};
use crate::target::SCRATCH_SIZE;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{InnerPart, Scan, Tunnel};

const TCP: i32 = 6;
const UDP: i32 = 17;
const GRE: i32 = 47;
const IP_IN_IP: i32 = 4;
const IPV4: i32 = 0x0800;
const IPV6: i32 = 0x86dd;
const VLAN: i32 = 0x8100;

/// Where bytes of the packet are copied to, clear of what a loop's call takes, and what fetching
/// takes besides.
const BYTES: i16 = -32;
const SCRATCH: i16 = BYTES - SCRATCH_SIZE;

/// How the walk over inner extension headers ended.
const TRANSPORT: i32 = 0;
const LATER_FRAGMENT: i32 = 1;
const FAILED: i32 = 2;

/// Extension headers that are stepped over: not that of authentication.
const STEPPED: [i32; 4] = [0, 43, walk::FRAGMENT, 60];
const ROUTING: i32 = 43;

/// The function that finds what follows the transport header.
pub(crate) fn emit_payload(emitter: &mut Emitter<'_>) -> Result<FunctionIndex, EmitError> {
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "find what the transport header is followed by");
    let [null, broken] = std::array::from_fn(|_| asm.label());
    asm.mov_imm(R0, 0);
    emitter::begin(&mut asm, null);
    payload(&mut asm, broken);
    asm.mov(R0, R8);
    asm.exit();
    end_broken(&mut asm, broken, null);
    emitter.add(asm, "find_payload", FunctionKind::Chain)
}

/// The function that finds a part of the packet in a tunnel.
pub(crate) fn emit(
    emitter: &mut Emitter<'_>,
    tunnel: Tunnel,
    part: InnerPart,
) -> Result<FunctionIndex, EmitError> {
    let body = walk_body(emitter)?;
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "find the packet in a tunnel");
    let [null, broken, absent, found, ipv4, ipv6] = std::array::from_fn(|_| asm.label());
    asm.mov_imm(R0, 0);
    emitter::begin(&mut asm, null);
    payload(&mut asm, broken);
    asm.alu_imm(Alu::Mov, Width::W32, R9, Scan::ABSENT as i32);
    if tunnel.has_header() {
        tunnel_header(emitter, &mut asm, tunnel, part, broken);
    }
    if tunnel.carries_frames() {
        link_header(emitter, &mut asm, part, [ipv4, ipv6, broken]);
    } else {
        version(emitter, &mut asm, part, [ipv4, ipv6, broken]);
    }

    asm.place(ipv4);
    if part == InnerPart::Network {
        asm.mov(R9, R8);
    }
    require(emitter, &mut asm, 20, broken);
    walk::fetch(emitter, &mut asm, 0, 12, BYTES, SCRATCH, broken);
    asm.load(Size::B, R1, FP, BYTES);
    asm.mov(R2, R1);
    asm.alu_imm(Alu::Rsh, Width::W64, R2, 4);
    asm.jump_imm(Jump::Ne, Width::W64, R2, 4, broken);
    asm.alu_imm(Alu::And, Width::W64, R1, 0xf);
    asm.jump_imm(Jump::Lt, Width::W64, R1, 5, broken);
    if is_transport(part) {
        asm.load(Size::H, R2, FP, BYTES + 6);
        asm.from_big_endian(R2, 16);
        asm.jump_imm(Jump::Set, Width::W64, R2, 0x1fff, absent);
        asm.alu_imm(Alu::Lsh, Width::W64, R1, 2);
        asm.alu(Alu::Add, Width::W64, R8, R1);
        match part {
            InnerPart::Transport => asm.mov(R9, R8),
            _ => asm.load(Size::B, R9, FP, BYTES + 9),
        }
    }
    asm.goto(found);

    asm.place(ipv6);
    if part == InnerPart::Network {
        asm.mov(R9, R8);
    }
    require(emitter, &mut asm, 40, broken);
    walk::fetch(emitter, &mut asm, 0, 8, BYTES, SCRATCH, broken);
    asm.load(Size::B, R1, FP, BYTES);
    asm.alu_imm(Alu::Rsh, Width::W64, R1, 4);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 6, broken);
    asm.load(Size::B, R1, FP, BYTES + 6);
    asm.store(Size::W, R7, layout::WALK_NEXT, R1);
    asm.alu_imm(Alu::Add, Width::W64, R8, 40);
    asm.store(Size::W, R7, layout::WALK_OFFSET, R8);
    asm.store_imm(Size::W, R7, layout::WALK_RESULT, TRANSPORT);
    asm.mov(R1, R6);
    walk::run_loop(&mut asm, body, walk::LONGEST);
    asm.load(Size::W, R1, R7, layout::WALK_RESULT);
    asm.jump_imm(Jump::Eq, Width::W64, R1, FAILED, broken);
    let fragment = if is_transport(part) { absent } else { found };
    asm.jump_imm(Jump::Eq, Width::W64, R1, LATER_FRAGMENT, fragment);
    asm.load(Size::W, R1, R7, layout::WALK_OFFSET);
    asm.jump_imm(Jump::Gt, Width::W64, R1, 0xffff, broken);
    match part {
        InnerPart::Transport => asm.mov(R9, R1),
        InnerPart::L4Proto => asm.load(Size::W, R9, R7, layout::WALK_NEXT),
        _ => {}
    }
    asm.place(found);
    asm.mov(R0, R9);
    asm.exit();
    if is_transport(part) {
        end_absent(&mut asm, absent);
    }
    end_broken(&mut asm, broken, null);
    emitter.add(asm, "find_inner", FunctionKind::Chain)
}

fn is_transport(part: InnerPart) -> bool {
    matches!(part, InnerPart::Transport | InnerPart::L4Proto)
}

/// r8 = offset of what follows the transport header.
fn payload(asm: &mut Asm, broken: Label) {
    let [udp, tcp, gre, found] = std::array::from_fn(|_| asm.label());
    asm.load(Size::B, R1, R7, layout::WALK_FAILED);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, broken);
    asm.load(Size::H, R1, R7, layout::FRAGMENT_OFFSET);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, broken);
    asm.load(Size::H, R8, R7, layout::TRANSPORT_OFFSET);
    asm.load(Size::B, R1, R7, layout::L4_PROTO);
    asm.load(Size::W, R2, R7, layout::TRANSPORT_AVAILABLE);
    asm.jump_imm(Jump::Eq, Width::W64, R1, UDP, udp);
    asm.jump_imm(Jump::Eq, Width::W64, R1, TCP, tcp);
    asm.jump_imm(Jump::Eq, Width::W64, R1, GRE, gre);
    asm.jump_imm(Jump::Eq, Width::W64, R1, IP_IN_IP, found);
    asm.goto(broken);
    asm.place(udp);
    asm.alu_imm(Alu::Add, Width::W64, R8, 8);
    asm.goto(found);
    asm.place(tcp);
    asm.jump_imm(Jump::Lt, Width::W64, R2, 20, broken);
    asm.load(Size::B, R1, R7, layout::TRANSPORT + 12);
    asm.alu_imm(Alu::Rsh, Width::W64, R1, 4);
    asm.alu_imm(Alu::Lsh, Width::W64, R1, 2);
    asm.alu(Alu::Add, Width::W64, R8, R1);
    asm.goto(found);
    // Version 0 without routing; checksum, key and sequence number take four bytes each.
    asm.place(gre);
    asm.jump_imm(Jump::Lt, Width::W64, R2, 4, broken);
    asm.load(Size::B, R1, R7, layout::TRANSPORT + 1);
    asm.jump_imm(Jump::Set, Width::W64, R1, 7, broken);
    asm.load(Size::B, R1, R7, layout::TRANSPORT);
    asm.jump_imm(Jump::Set, Width::W64, R1, 0x40, broken);
    asm.alu_imm(Alu::Add, Width::W64, R8, 4);
    for shift in [7, 5, 4] {
        asm.mov(R2, R1);
        asm.alu_imm(Alu::Rsh, Width::W64, R2, shift);
        asm.alu_imm(Alu::And, Width::W64, R2, 1);
        asm.alu_imm(Alu::Lsh, Width::W64, R2, 2);
        asm.alu(Alu::Add, Width::W64, R8, R2);
    }
    asm.place(found);
}

/// Steps over a tunnel's own header, which in GRE is GRE's.
fn tunnel_header(
    emitter: &Emitter<'_>,
    asm: &mut Asm,
    tunnel: Tunnel,
    part: InnerPart,
    broken: Label,
) {
    let [udp, done] = std::array::from_fn(|_| asm.label());
    asm.load(Size::B, R1, R7, layout::L4_PROTO);
    asm.jump_imm(Jump::Eq, Width::W64, R1, UDP, udp);
    asm.jump_imm(Jump::Ne, Width::W64, R1, GRE, broken);
    if part == InnerPart::Tunnel {
        asm.load(Size::H, R9, R7, layout::TRANSPORT_OFFSET);
    }
    asm.goto(done);
    asm.place(udp);
    if part == InnerPart::Tunnel {
        asm.mov(R9, R8);
    }
    if tunnel == Tunnel::Geneve {
        walk::fetch(emitter, asm, 0, 8, BYTES, SCRATCH, broken);
        asm.load(Size::B, R1, FP, BYTES);
        asm.alu_imm(Alu::And, Width::W64, R1, 0x3f);
        asm.alu_imm(Alu::Lsh, Width::W64, R1, 2);
        asm.alu(Alu::Add, Width::W64, R8, R1);
    }
    asm.alu_imm(Alu::Add, Width::W64, R8, 8);
    asm.place(done);
}

/// Steps over an Ethernet header, with one tag at most, and jumps by its type to IPv4, IPv6, or
/// where neither follows.
fn link_header(emitter: &Emitter<'_>, asm: &mut Asm, part: InnerPart, to: [Label; 3]) {
    let [ipv4, ipv6, broken] = to;
    let untagged = asm.label();
    if part == InnerPart::Link {
        asm.mov(R9, R8);
    }
    walk::fetch(emitter, asm, 12, 2, BYTES, SCRATCH, broken);
    asm.load(Size::H, R1, FP, BYTES);
    asm.from_big_endian(R1, 16);
    if part == InnerPart::Protocol {
        asm.mov(R9, R1);
    }
    asm.jump_imm(Jump::Ne, Width::W64, R1, VLAN, untagged);
    walk::fetch(emitter, asm, 16, 2, BYTES, SCRATCH, broken);
    asm.load(Size::H, R1, FP, BYTES);
    asm.from_big_endian(R1, 16);
    asm.alu_imm(Alu::Add, Width::W64, R8, 4);
    asm.place(untagged);
    asm.alu_imm(Alu::Add, Width::W64, R8, 14);
    asm.jump_imm(Jump::Eq, Width::W64, R1, IPV4, ipv4);
    asm.jump_imm(Jump::Eq, Width::W64, R1, IPV6, ipv6);
    asm.goto(broken);
}

/// Jumps by the version of a packet of IP.
fn version(emitter: &Emitter<'_>, asm: &mut Asm, part: InnerPart, to: [Label; 3]) {
    let [ipv4, ipv6, broken] = to;
    walk::fetch(emitter, asm, 0, 4, BYTES, SCRATCH, broken);
    asm.load(Size::B, R1, FP, BYTES);
    asm.alu_imm(Alu::Rsh, Width::W64, R1, 4);
    for (version, protocol, label) in [(4, IPV4, ipv4), (6, IPV6, ipv6)] {
        if part == InnerPart::Protocol {
            asm.mov_imm(R9, protocol);
        }
        asm.jump_imm(Jump::Eq, Width::W64, R1, version, label);
    }
    asm.goto(broken);
}

/// Jumps where fewer bytes are left at r8. Clobbers r1 and r2.
fn require(emitter: &Emitter<'_>, asm: &mut Asm, bytes: i32, broken: Label) {
    asm.mov(R2, R8);
    asm.alu_imm(Alu::Add, Width::W64, R2, bytes);
    asm.load(Size::W, R1, R7, emitter.layout.end());
    asm.jump(Jump::Gt, Width::W64, R2, R1, broken);
}

/// One inner extension header: 0 to go on, 1 when done.
fn walk_body(emitter: &mut Emitter<'_>) -> Result<FunctionIndex, EmitError> {
    let scratch = -8 - SCRATCH_SIZE;
    let mut asm = Asm::new();
    let [extension, whole, other, failed, later, stop] = std::array::from_fn(|_| asm.label());
    emitter.mark_line(&mut asm, None, "walk one inner IPv6 extension header");
    walk::enter_body(&mut asm);
    asm.load(Size::W, R1, R7, layout::WALK_NEXT);
    for kind in STEPPED {
        asm.jump_imm(Jump::Eq, Width::W64, R1, kind, extension);
    }
    asm.jump_imm(Jump::Ne, Width::W64, R1, walk::AUTHENTICATION, stop);
    // It ends the walk, but its first bytes must be there.
    require(emitter, &mut asm, 2, failed);
    asm.goto(stop);

    asm.place(extension);
    asm.store_imm(Size::D, FP, -8, 0);
    walk::fetch(emitter, &mut asm, 0, 2, -8, scratch, failed);
    asm.load(Size::W, R1, R7, layout::WALK_NEXT);
    asm.jump_imm(Jump::Ne, Width::W64, R1, ROUTING, whole);
    require(emitter, &mut asm, 4, failed);
    asm.load(Size::W, R1, R7, layout::WALK_NEXT);
    asm.place(whole);
    asm.jump_imm(Jump::Ne, Width::W64, R1, walk::FRAGMENT, other);
    walk::fetch(emitter, &mut asm, 2, 2, -6, scratch, failed);
    asm.load(Size::H, R1, FP, -6);
    asm.from_big_endian(R1, 16);
    asm.alu_imm(Alu::Rsh, Width::W64, R1, 3);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, later);
    asm.load(Size::W, R1, R7, layout::WALK_NEXT);
    asm.place(other);
    walk::step(&mut asm);

    // A later fragment: only what is no extension header may follow.
    asm.place(later);
    asm.load(Size::B, R2, FP, -8);
    for kind in STEPPED {
        asm.jump_imm(Jump::Eq, Width::W64, R2, kind, failed);
    }
    asm.jump_imm(Jump::Eq, Width::W64, R2, walk::AUTHENTICATION, failed);
    asm.store_imm(Size::W, R7, layout::WALK_RESULT, LATER_FRAGMENT);
    asm.goto(stop);
    asm.place(failed);
    asm.store_imm(Size::W, R7, layout::WALK_RESULT, FAILED);
    asm.place(stop);
    asm.mov_imm(R0, 1);
    asm.exit();
    emitter.add(asm, "walk_inner_header", FunctionKind::LoopBody)
}
