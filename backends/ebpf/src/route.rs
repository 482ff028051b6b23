//! Where a received packet goes: to this host, or on by another interface.
//!
//! Programs before routing that run the chains of several hooks ask the kernel's own tables by
//! `bpf_fib_lookup` (net/core/filter.c), as `ip_route_input` and `ip6_route_input` will a moment
//! later. For each family it is a function `int route(ctx, packet)` that answers one of the
//! constants below. Of a packet that is forwarded it fills in the output interface's name and
//! lowers the time to live in the packet structure, as the kernel has done before its forward hook
//! (net/ipv4/ip_forward.c, `ip_forward`; net/ipv6/ip6_output.c, `ip6_forward`).
//!
//! The interface's name is found as the kernel finds it, in the network namespace's table of
//! devices by number (net/core/dev.c, `dev_get_by_index_rcu`), so that it is right whatever
//! happens to interfaces while the program is loaded.

use crate::asm::{
    Alu, Asm, FP, Helper, Jump, Label, R0, R1, R2, R3, R4, R6, R7, R8, R9, Reg, Size, Width,
};
use crate::device;
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::layout;
use crate::skb::{copy_name, no_name};
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::Family;

/// To this host, or nowhere that the tables tell: the input chains run.
pub(crate) const LOCAL: i32 = 0;
/// On by another interface: the forward chains run.
pub(crate) const FORWARD: i32 = 1;
/// The kernel drops it before either hook.
pub(crate) const NEITHER: i32 = 2;

/// What a target before routing knows for it.
pub trait Routing: Sync {
    /// Emits: `dst` = the number of the interface that the packet came in by. Clobbers r0 to r5.
    fn ifindex(&self, asm: &mut Asm, dst: Reg);

    /// How its answer can differ from the kernel's, for a warning.
    fn caveat(&self) -> &'static str;
}

/// `struct bpf_fib_lookup` (include/uapi/linux/bpf.h): its size and members. Ports and addresses
/// are in network order.
const LOOKUP: i16 = 64;
const FAMILY: i16 = 0;
const PROTOCOL: i16 = 1;
const PORTS: i16 = 2;
const INTERFACE: i16 = 8;
const TOS_OR_FLOW: i16 = 12;
const SOURCE: i16 = 16;
const DESTINATION: i16 = 32;
const MARK: i16 = 52;

/// `BPF_FIB_LOOKUP_SKIP_NEIGH`, Linux 6.2.
const SKIP_NEIGHBOUR: i32 = 4;
/// `BPF_FIB_LOOKUP_MARK`, Linux 6.10.
const WITH_MARK: i32 = 32;

/// `BPF_FIB_LKUP_RET_*`.
const SUCCESS: i32 = 0;
const PROHIBIT: i32 = 3;
const FORWARDING_DISABLED: i32 = 5;
const UNSUPPORTED_TUNNEL: i32 = 6;

/// The function that routes a family's packets, emitted when first asked for.
pub(crate) fn function(
    emitter: &mut Emitter<'_>,
    routing: &dyn Routing,
    family: Family,
) -> Result<FunctionIndex, EmitError> {
    if let Some(&index) = emitter.routes.get(&family) {
        return Ok(index);
    }
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "route the packet");
    let [forward, local, neither, null] = std::array::from_fn(|_| asm.label());
    emitter::begin(&mut asm, null);
    if let Some(name) = emitter.layout.out_interface() {
        no_name(&mut asm, name);
    }
    look_up(emitter, &mut asm, routing, family);
    asm.jump_imm(Jump::Slt, Width::W64, R0, SUCCESS, neither);
    asm.jump_imm(Jump::Eq, Width::W64, R0, SUCCESS, forward);
    asm.jump_imm(Jump::Le, Width::W64, R0, PROHIBIT, neither);
    asm.jump_imm(Jump::Le, Width::W64, R0, FORWARDING_DISABLED, local);
    // What is left goes on: into a tunnel, to a neighbour that is not known yet, or in fragments.
    asm.place(forward);
    asm.mov(R9, R0);
    is_forwarded(&mut asm, family, neither);
    if let Some(name) = emitter.layout.out_interface() {
        let done = asm.label();
        asm.jump_imm(Jump::Eq, Width::W64, R9, UNSUPPORTED_TUNNEL, done);
        out_interface(emitter, &mut asm, name, done)?;
        asm.place(done);
    }
    asm.mov_imm(R0, FORWARD);
    asm.exit();
    asm.place(local);
    asm.mov_imm(R0, LOCAL);
    asm.exit();
    asm.place(neither);
    asm.place(null);
    asm.mov_imm(R0, NEITHER);
    asm.exit();
    let index = emitter.add(asm, "route", FunctionKind::Chain)?;
    emitter.routes.insert(family, index);
    Ok(index)
}

/// r0 = what `bpf_fib_lookup` answers for the packet; its structure lies at the top of the frame.
fn look_up(emitter: &Emitter<'_>, asm: &mut Asm, routing: &dyn Routing, family: Family) {
    const AF_INET: i32 = 2;
    const AF_INET6: i32 = 10;
    for word in (0..LOOKUP).step_by(8) {
        asm.store_imm(Size::D, FP, word - LOOKUP, 0);
    }
    let at = |member: i16| member - LOOKUP;
    routing.ifindex(asm, R1);
    asm.store(Size::W, FP, at(INTERFACE), R1);
    asm.load(Size::B, R1, R7, layout::L4_PROTO);
    asm.store(Size::B, FP, at(PROTOCOL), R1);
    ports(asm, at(PORTS));
    match family {
        Family::Ipv4 => {
            asm.store_imm(Size::B, FP, at(FAMILY), AF_INET);
            asm.load(Size::B, R1, R7, layout::NETWORK + 1);
            asm.store(Size::B, FP, at(TOS_OR_FLOW), R1);
            for (from, to) in [(12, SOURCE), (16, DESTINATION)] {
                asm.load(Size::W, R1, R7, layout::NETWORK + from);
                asm.store(Size::W, FP, at(to), R1);
            }
        }
        Family::Ipv6 => {
            asm.store_imm(Size::B, FP, at(FAMILY), AF_INET6);
            // Traffic class and flow label, the version left out; network order.
            asm.load(Size::W, R1, R7, layout::NETWORK);
            asm.from_big_endian(R1, 32);
            asm.alu_imm(Alu::And, Width::W64, R1, 0x0fff_ffff);
            asm.from_big_endian(R1, 32);
            asm.store(Size::W, FP, at(TOS_OR_FLOW), R1);
            for (from, to) in [(8, SOURCE), (24, DESTINATION)] {
                for word in [0, 4, 8, 12] {
                    asm.load(Size::W, R1, R7, layout::NETWORK + from + word);
                    asm.store(Size::W, FP, at(to) + word, R1);
                }
            }
        }
    }
    let mut flags = SKIP_NEIGHBOUR;
    if emitter.needs.set_mark {
        asm.load(Size::W, R1, R7, layout::MARK);
        asm.store(Size::W, FP, at(MARK), R1);
        flags |= WITH_MARK;
    }
    asm.mov(R1, R6);
    asm.mov(R2, FP);
    asm.alu_imm(Alu::Add, Width::W64, R2, i32::from(-LOOKUP));
    asm.mov_imm(R3, i32::from(LOOKUP));
    asm.mov_imm(R4, flags);
    asm.helper(Helper::FibLookup);
}

/// Ports, for rules of policy routing that ask for them: of whole TCP and UDP packets and first
/// fragments. r1 = the protocol.
fn ports(asm: &mut Asm, to: i16) {
    const TCP: i32 = 6;
    const UDP: i32 = 17;
    let [ported, none] = std::array::from_fn(|_| asm.label());
    asm.jump_imm(Jump::Eq, Width::W64, R1, TCP, ported);
    asm.jump_imm(Jump::Ne, Width::W64, R1, UDP, none);
    asm.place(ported);
    asm.load(Size::H, R1, R7, layout::FRAGMENT_OFFSET);
    asm.jump_imm(Jump::Ne, Width::W64, R1, 0, none);
    asm.load(Size::H, R1, R7, layout::TRANSPORT);
    asm.store(Size::H, FP, to, R1);
    asm.load(Size::H, R1, R7, layout::TRANSPORT + 2);
    asm.store(Size::H, FP, to + 2, R1);
    asm.place(none);
}

/// What `ip_forward` and `ip6_forward` ask before the hook: the link layer meant this host, the
/// time to live lasts, and an IPv6 source may leave its link.
fn is_forwarded(asm: &mut Asm, family: Family, neither: Label) {
    const HOST: i32 = 0;
    let time = match family {
        Family::Ipv4 => layout::NETWORK + 8,
        Family::Ipv6 => layout::NETWORK + 7,
    };
    asm.load(Size::B, R1, R7, layout::PACKET_TYPE);
    asm.jump_imm(Jump::Ne, Width::W64, R1, HOST, neither);
    asm.load(Size::B, R1, R7, time);
    asm.jump_imm(Jump::Le, Width::W64, R1, 1, neither);
    asm.alu_imm(Alu::Sub, Width::W64, R1, 1);
    asm.store(Size::B, R7, time, R1);
    if family == Family::Ipv6 {
        let sound = asm.label();
        // ff00::/8 and fe80::/10.
        asm.load(Size::H, R1, R7, layout::NETWORK + 8);
        asm.from_big_endian(R1, 16);
        asm.jump_imm(Jump::Ge, Width::W64, R1, 0xff00, neither);
        asm.mov(R2, R1);
        asm.alu_imm(Alu::And, Width::W64, R2, 0xffc0);
        asm.jump_imm(Jump::Eq, Width::W64, R2, 0xfe80, neither);
        // :: and ::1.
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, sound);
        for word in [8, 12, 16] {
            asm.load(Size::W, R1, R7, layout::NETWORK + word);
            asm.jump_imm(Jump::Ne, Width::W64, R1, 0, sound);
        }
        asm.load(Size::W, R1, R7, layout::NETWORK + 20);
        asm.from_big_endian(R1, 32);
        asm.jump_imm(Jump::Le, Width::W64, R1, 1, neither);
        asm.place(sound);
    }
}

/// Copies the name of the device whose number the lookup left to the packet structure.
fn out_interface(
    emitter: &mut Emitter<'_>,
    asm: &mut Asm,
    name: i16,
    done: Label,
) -> Result<(), EmitError> {
    asm.load(Size::W, R9, FP, INTERFACE - LOOKUP);
    device::find(emitter, asm, -LOOKUP - device::SEARCH)?;
    asm.jump_imm(Jump::Eq, Width::W64, R8, 0, done);
    copy_name(asm, R8, name);
    Ok(())
}
