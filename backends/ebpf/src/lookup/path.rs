//! The MTU of a packet's own route: what `dst_mtu` answers (include/net/dst.h), of the structure
//! that the packet carries, or, where the program itself has routed it, of the way that was found.
//!
//! In IPv4 what was learnt of the path counts while it is fresh, then the route's own MTU, then the
//! device's (include/net/ip.h, `ip_dst_mtu_maybe_forward`); in IPv6 what was learnt is the route's
//! own (include/net/ip6_route.h, `ip6_dst_mtu_maybe_forward`). A transformation's route (IPsec) has
//! what was computed for it as its own (net/xfrm/xfrm_policy.c, `xfrm_mtu`).

use super::metric::{LOCKED, MTU, device_mtu, less_headroom, limit, load_metric_of};
use super::mtu;
use super::step::enter;
use crate::asm::{Alu, Asm, Helper, Jump, Label, R0, R1, R2, R3, R7, R8, R9, Size, Width};
use crate::emitter::{self, Emitter};
use crate::error::EmitError;
use crate::kernel::{self, cast, if_null, load, load_route};
use crate::packet::region::routed;
use bpfc_artifact::{FunctionIndex, FunctionKind};
use bpfc_ir::{Family, Lookup};

/// `DST_METADATA`: what a tunnel says of a packet that came in, and no route.
const METADATA: i32 = 0x80;

/// `Lookup::RouteMtu`.
pub(super) fn function(
    emitter: &mut Emitter<'_>,
    family: Family,
) -> Result<FunctionIndex, EmitError> {
    let forwarded = match (emitter.target.routing(), emitter.layout.routed()) {
        (Some(routing), Some(noted)) => {
            Some((mtu::of_forwarded(emitter, family, routing, noted)?, noted))
        }
        _ => None,
    };
    let mut asm = Asm::new();
    emitter.mark_line(&mut asm, None, "find the MTU of the packet's route");
    let [null, none] = std::array::from_fn(|_| asm.label());
    enter(&mut asm, null);
    if emitter.target.has_routes() {
        let absent = asm.label();
        load_route(emitter.target, &mut asm, R8);
        if_null(&mut asm, R8, absent);
        cast(&mut asm, R8, "dst_entry");
        asm.mov(R9, R0);
        load(&mut asm, R1, R9, "dst_entry", "flags", 2);
        asm.jump_imm(Jump::Set, Width::W64, R1, METADATA, absent);
        match family {
            Family::Ipv4 => ipv4(&mut asm),
            Family::Ipv6 => ipv6(&mut asm),
        }
        asm.place(absent);
    }
    if let Some((function, noted)) = forwarded {
        asm.load(Size::W, R1, R7, noted + routed::FORWARDED);
        if_null(&mut asm, R1, none);
        emitter::call(&mut asm, function);
        asm.exit();
    }
    asm.place(none);
    asm.place(null);
    asm.constant(R0, Lookup::NO_ROUTE.into());
    asm.exit();
    emitter.add(asm, "route_mtu", FunctionKind::Chain)
}

/// r8 = address of the `struct rtable`, r9 = its `struct dst_entry *`.
fn ipv4(asm: &mut Asm) {
    /// What every host takes, for which a locked MTU stands.
    const LEAST: i32 = 576;
    let [stale, known, by_device] = std::array::from_fn(|_| asm.label());
    cast(asm, R8, "rtable");
    load(asm, R2, R0, "rtable", "rt_uses_gateway", 1);
    asm.mov(R8, R2);
    // Behind the gateway: whether the MTU is locked in the lowest bit, what was learnt above it.
    asm.mov(R1, R0);
    kernel::enter(asm, R1, "rtable", "rt_gw6", 16);
    asm.load(Size::W, R1, R1, 16);
    asm.alu_imm(Alu::Lsh, Width::W64, R1, 8);
    asm.alu(Alu::Or, Width::W64, R8, R1);
    asm.alu_imm(Alu::Rsh, Width::W64, R1, 9);
    if_null(asm, R1, stale);
    asm.helper(Helper::Jiffies);
    load(asm, R1, R9, "dst_entry", "expires", 8);
    asm.alu(Alu::Sub, Width::W64, R0, R1);
    asm.mov(R1, R8);
    asm.alu_imm(Alu::Rsh, Width::W64, R1, 9);
    asm.jump_imm(Jump::Slt, Width::W64, R0, 0, known);

    asm.place(stale);
    own_metric(asm, by_device);
    asm.goto(known);
    asm.place(by_device);
    // r2 = which metrics are locked.
    asm.alu_imm(Alu::Rsh, Width::W64, R2, 2);
    asm.mov(R3, R8);
    asm.alu_imm(Alu::Rsh, Width::W64, R3, 8);
    asm.alu(Alu::Or, Width::W64, R2, R3);
    asm.alu(Alu::And, Width::W64, R8, R2);
    asm.alu_imm(Alu::And, Width::W64, R8, 1);
    load(asm, R1, R9, "dst_entry", "dev", 8);
    load(asm, R1, R1, "net_device", "mtu", 4);
    if_null(asm, R8, known);
    asm.jump_imm(Jump::Le, Width::W64, R1, LEAST, known);
    asm.mov_imm(R1, LEAST);
    asm.place(known);
    limit(asm, Family::Ipv4);
    finish(asm);
}

/// r9 = the route's `struct dst_entry *`.
fn ipv6(asm: &mut Asm) {
    let [known, by_device] = std::array::from_fn(|_| asm.label());
    own_metric(asm, by_device);
    asm.goto(known);
    asm.place(by_device);
    load(asm, R8, R9, "dst_entry", "dev", 8);
    device_mtu(asm, Family::Ipv6);
    asm.place(known);
    finish(asm);
}

/// r1 = the MTU of the route in r9 itself; jumps with r2 = its locked metrics where it has none.
fn own_metric(asm: &mut Asm, absent: Label) {
    load(asm, R1, R9, "dst_entry", "_metrics", 8);
    // The lowest bits say who owns them (`DST_METRICS_FLAGS`).
    asm.alu_imm(Alu::And, Width::W64, R1, -4);
    cast(asm, R1, "dst_metrics");
    load_metric_of(asm, R2, LOCKED);
    load_metric_of(asm, R1, MTU);
    if_null(asm, R1, absent);
}

/// Answers r1, less what the tunnel of the route in r9 adds.
fn finish(asm: &mut Asm) {
    load(asm, R2, R9, "dst_entry", "lwtstate", 8);
    asm.mov(R9, R1);
    asm.mov(R1, R2);
    less_headroom(asm);
    asm.mov(R0, R9);
    asm.exit();
}
