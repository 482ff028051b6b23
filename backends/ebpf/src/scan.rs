//! Searches through options: each scan becomes a function `int scan(ctx, packet)` with a loop.

pub(crate) mod filter;
pub(crate) mod inner;
pub(crate) mod ipv6_set;
pub(crate) mod sctp;
pub(crate) mod text;
pub(crate) mod walk;

use crate::asm::{Alu, Asm, FP, Jump, Label, R0, R1, R2, R3, R6, R7, R8, Size, Width};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::packet::layout;
use crate::target::SCRATCH_SIZE;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{ProbeDef, Scan};

/// The function of a scan.
pub(crate) fn emit(emitter: &mut Emitter<'_>, scan: &Scan) -> Result<FunctionIndex, EmitError> {
    match *scan {
        Scan::Ipv6Header(kind) => walk::emit(emitter, Some(kind)),
        Scan::TcpOption(kind) => {
            options(emitter, Wanted::Kind(kind), "scan_tcp_option", tcp_bounds)
        }
        Scan::TcpMss => options(emitter, Wanted::Mss, "scan_tcp_mss", tcp_bounds),
        Scan::DccpOption(kind) => {
            options(emitter, Wanted::Kind(kind), "scan_dccp_option", dccp_bounds)
        }
        Scan::SctpChunk(ref chunks) => sctp::emit(emitter, chunks),
        Scan::Ipv6Headers => ipv6_set::emit(emitter),
        Scan::Payload => inner::emit_payload(emitter),
        Scan::Inner(tunnel, part) => inner::emit(emitter, tunnel, part),
        Scan::Probe(probe) => match emitter.program.probes.get(probe) {
            Some(ProbeDef::Filter(filter)) => filter::emit(emitter, filter),
            // Texts share functions: `scan_text` calls theirs.
            _ => Err(EmitError::Type("a probe".to_owned(), "a function of its own")),
        },
    }
}

/// The option to find.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// The first of this kind.
    Kind(u8),
    /// The first MSS (kind 2, length 4) with all its bytes inside the options.
    Mss,
}

/// r1 = where the options start and r2 = where they end, from the transport header; jumps to
/// `broken` where the header contradicts itself.
type Bounds = fn(&mut Asm, Label);

/// The fixed header is 20 bytes; the data offset counts words (RFC 9293 section 3.1).
fn tcp_bounds(asm: &mut Asm, _broken: Label) {
    asm.mov_imm(R1, 20);
    asm.load(Size::B, R2, R7, layout::TRANSPORT + 12);
    asm.alu_imm(Alu::Rsh, Width::W64, R2, 4);
    asm.alu_imm(Alu::Lsh, Width::W64, R2, 2);
}

/// The generic header is 12 or, with extended sequence numbers, 16 bytes, and each packet type
/// adds its own (RFC 4340 section 5; include/linux/dccp.h, `__dccp_hdr_len`).
fn dccp_bounds(asm: &mut Asm, broken: Label) {
    let [short, typed, eight, four, known] = std::array::from_fn(|_| asm.label());
    asm.mov_imm(R1, 12);
    asm.load(Size::B, R2, R7, layout::TRANSPORT + 8);
    asm.mov(R3, R2);
    asm.alu_imm(Alu::And, Width::W64, R3, 1);
    asm.jump_imm(Jump::Eq, Width::W64, R3, 0, short);
    asm.mov_imm(R1, 16);
    asm.place(short);
    asm.alu_imm(Alu::Rsh, Width::W64, R2, 1);
    asm.alu_imm(Alu::And, Width::W64, R2, 0xf);
    // 0 request 4, 1 response 12, 2 data 0, 3 to 6 and 8, 9 acknowledgements 8, 7 reset and all
    // others 12 (dccp_packet_hdr_len).
    asm.jump_imm(Jump::Eq, Width::W64, R2, 0, four);
    asm.jump_imm(Jump::Eq, Width::W64, R2, 2, known);
    asm.jump_imm(Jump::Gt, Width::W64, R2, 9, typed);
    asm.jump_imm(Jump::Eq, Width::W64, R2, 1, typed);
    asm.jump_imm(Jump::Eq, Width::W64, R2, 7, typed);
    asm.goto(eight);
    asm.place(typed);
    asm.alu_imm(Alu::Add, Width::W64, R1, 4);
    asm.place(eight);
    asm.alu_imm(Alu::Add, Width::W64, R1, 4);
    asm.place(four);
    asm.alu_imm(Alu::Add, Width::W64, R1, 4);
    asm.place(known);
    asm.load(Size::B, R2, R7, layout::TRANSPORT + 4);
    asm.alu_imm(Alu::Lsh, Width::W64, R2, 2);
    asm.jump(Jump::Lt, Width::W64, R2, R1, broken);
}

/// A scan through options of the form kind, length, value, where kinds 0 and 1 are single bytes
/// and a length of 0 counts as 1 (net/netfilter/xt_tcpudp.c, xt_dccp.c).
fn options(
    emitter: &mut Emitter<'_>,
    wanted: Wanted,
    name: &str,
    bounds: Bounds,
) -> Result<FunctionIndex, EmitError> {
    let body = options_body(emitter, wanted, name)?;
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "search the options");
    let [null, absent, broken] = std::array::from_fn(|_| asm.label());
    asm.mov_imm(R0, 0);
    emitter::begin(&mut asm, null);
    bounds(&mut asm, broken);
    asm.jump(Jump::Ge, Width::W64, R1, R2, absent);
    asm.load(Size::W, R3, R7, layout::TRANSPORT_AVAILABLE);
    asm.jump(Jump::Gt, Width::W64, R2, R3, broken);
    asm.load(Size::H, R3, R7, layout::TRANSPORT_OFFSET);
    asm.alu(Alu::Add, Width::W64, R1, R3);
    asm.alu(Alu::Add, Width::W64, R2, R3);
    asm.store(Size::W, R7, layout::WALK_OFFSET, R1);
    asm.store(Size::W, R7, layout::WALK_END, R2);
    asm.store_imm(Size::W, R7, layout::WALK_RESULT, Scan::ABSENT as i32);
    asm.mov(R1, R6);
    walk::run_loop(&mut asm, body, 1024);
    asm.load(Size::W, R0, R7, layout::WALK_RESULT);
    asm.exit();
    end_absent(&mut asm, absent);
    end_broken(&mut asm, broken, null);
    emitter.add(asm, name, FunctionKind::Chain)
}

/// The end of a function where there is no such thing.
fn end_absent(asm: &mut Asm, absent: Label) {
    asm.place(absent);
    asm.alu_imm(Alu::Mov, Width::W32, R0, Scan::ABSENT as i32);
    asm.exit();
}

/// The end of a function where the packet is broken, and of one that knows no packet (r0 is 0).
fn end_broken(asm: &mut Asm, broken: Label, null: Label) {
    asm.place(broken);
    asm.alu_imm(Alu::Mov, Width::W32, R0, Scan::BROKEN as i32);
    asm.place(null);
    asm.exit();
}

/// One option: 0 to go on, 1 when done.
fn options_body(
    emitter: &mut Emitter<'_>,
    wanted: Wanted,
    name: &str,
) -> Result<FunctionIndex, EmitError> {
    let scratch = -8 - SCRATCH_SIZE;
    let mut asm = Asm::new();
    let [found, other, broken, single, advance, stop] = std::array::from_fn(|_| asm.label());
    emitter.mark_line(&mut asm, None, "look at one option");
    walk::enter_body(&mut asm);
    asm.load(Size::W, R1, R7, layout::WALK_END);
    asm.jump(Jump::Ge, Width::W64, R8, R1, stop);
    asm.store_imm(Size::D, FP, -8, 0);
    walk::fetch(emitter, &mut asm, 0, 1, -8, scratch, broken);
    asm.load(Size::B, R1, FP, -8);
    match wanted {
        Wanted::Kind(kind) => asm.jump_imm(Jump::Eq, Width::W64, R1, i32::from(kind), found),
        Wanted::Mss => {
            asm.jump_imm(Jump::Ne, Width::W64, R1, 2, other);
            asm.load(Size::W, R1, R7, layout::WALK_END);
            asm.mov(R2, R8);
            asm.alu_imm(Alu::Add, Width::W64, R2, 4);
            asm.jump(Jump::Gt, Width::W64, R2, R1, other);
            walk::fetch(emitter, &mut asm, 1, 1, -7, scratch, broken);
            asm.load(Size::B, R1, FP, -7);
            asm.jump_imm(Jump::Eq, Width::W64, R1, 4, found);
            asm.place(other);
            asm.load(Size::B, R1, FP, -8);
        }
    }
    asm.jump_imm(Jump::Lt, Width::W64, R1, 2, single);
    // The last byte of the options has no length behind it.
    asm.load(Size::W, R1, R7, layout::WALK_END);
    asm.alu_imm(Alu::Sub, Width::W64, R1, 1);
    asm.jump(Jump::Ge, Width::W64, R8, R1, single);
    walk::fetch(emitter, &mut asm, 1, 1, -7, scratch, broken);
    asm.load(Size::B, R1, FP, -7);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, advance);
    asm.place(single);
    asm.mov_imm(R1, 1);
    asm.place(advance);
    asm.alu(Alu::Add, Width::W64, R8, R1);
    asm.store(Size::W, R7, layout::WALK_OFFSET, R8);
    asm.mov_imm(R0, 0);
    asm.exit();
    asm.place(found);
    asm.store(Size::W, R7, layout::WALK_RESULT, R8);
    asm.goto(stop);
    asm.place(broken);
    asm.store_imm(Size::W, R7, layout::WALK_RESULT, Scan::BROKEN as i32);
    asm.place(stop);
    asm.mov_imm(R0, 1);
    asm.exit();
    emitter.add(asm, &format!("{name}_body"), FunctionKind::LoopBody)
}
