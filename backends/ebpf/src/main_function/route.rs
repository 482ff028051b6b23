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

use crate::asm::{Alu, Asm, Jump, Label, R0, R1, R2, R7, R8, R9, Size, Width};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::kernel::skb::{no_name, probe_name};
use crate::lookup::fib::{self, Question};
use crate::packet::layout;
use crate::packet::region::routed;
use crate::target::Routing;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::Family;

/// To this host, or nowhere that the tables tell: the input chains run.
pub(crate) const LOCAL: i32 = 0;
/// On by another interface: the forward chains run.
pub(crate) const FORWARD: i32 = 1;
/// The kernel drops it before either hook.
pub(crate) const NEITHER: i32 = 2;

/// The function that routes a family's packets.
pub(crate) fn emit(emitter: &mut Emitter<'_>, family: Family) -> Result<FunctionIndex, EmitError> {
    let Some(routing) = emitter.target.routing() else {
        return Err(EmitError::NoRouting(emitter.target.name()));
    };
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "route the packet");
    let [forward, local, neither, null] = std::array::from_fn(|_| asm.label());
    emitter::begin(&mut asm, null);
    if let Some(name) = emitter.layout.out_interface() {
        no_name(&mut asm, name);
    }
    look_up(emitter, &mut asm, routing, family);
    asm.jump_imm(Jump::Slt, Width::W64, R0, fib::SUCCESS, neither);
    asm.jump_imm(Jump::Eq, Width::W64, R0, fib::SUCCESS, forward);
    asm.jump_imm(Jump::Le, Width::W64, R0, fib::PROHIBIT, neither);
    asm.jump_imm(Jump::Le, Width::W64, R0, fib::FORWARDING_DISABLED, local);
    // What is left goes on: into a tunnel, to a neighbour that is not known yet, or in fragments.
    asm.place(forward);
    asm.mov(R9, R0);
    is_forwarded(&mut asm, family, neither);
    if let Some(name) = emitter.layout.out_interface() {
        let done = asm.label();
        asm.jump_imm(Jump::Eq, Width::W64, R9, fib::UNSUPPORTED_TUNNEL, done);
        out_interface(emitter, &mut asm, name, done)?;
        asm.place(done);
    }
    note_flow(emitter, &mut asm);
    asm.mov_imm(R0, FORWARD);
    asm.exit();
    asm.place(local);
    asm.mov_imm(R0, LOCAL);
    asm.exit();
    asm.place(neither);
    asm.place(null);
    asm.mov_imm(R0, NEITHER);
    asm.exit();
    emitter.add(asm, "route", FunctionKind::Chain)
}

/// r0 = what `bpf_fib_lookup` answers for the packet; its structure lies at the top of the frame.
fn look_up(emitter: &Emitter<'_>, asm: &mut Asm, routing: &dyn Routing, family: Family) {
    let (source, destination) = match family {
        Family::Ipv4 => (12, 16),
        Family::Ipv6 => (8, 24),
    };
    routing.ifindex(asm, R1);
    let question = Question {
        family,
        destination: layout::NETWORK + destination,
        source: Some(layout::NETWORK + source),
        header: Some(layout::NETWORK),
        transport: true,
        mark: emitter.needs.set_mark.then_some(layout::MARK),
        mtu: false,
        table: None,
    };
    fib::ask(asm, &question);
}

/// Notes what the packet was routed by, for what is asked about its route later, when rules may
/// have written it.
fn note_flow(emitter: &Emitter<'_>, asm: &mut Asm) {
    let Some(at) = emitter.layout.routed() else { return };
    asm.load(Size::W, R1, R7, layout::NETWORK);
    asm.store(Size::W, R7, at + routed::HEADER, R1);
    if emitter.needs.set_mark {
        asm.load(Size::W, R1, R7, layout::MARK);
        asm.store(Size::W, R7, at + routed::MARK, R1);
    }
    asm.store_imm(Size::W, R7, at + routed::FORWARDED, 1);
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
    fib::find_device(emitter, asm, done)?;
    probe_name(asm, R8, name);
    Ok(())
}
