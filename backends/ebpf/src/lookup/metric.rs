//! What routes and devices say of how long packets may be.

use crate::asm::{Alu, Asm, Jump, R0, R1, R8, R9, Reg, Size, Width};
use crate::kernel::{self, cast, if_null, load};
use bpfc_ir::Family;

/// Which metrics of a route are locked, and its MTU: `RTAX_LOCK` and `RTAX_MTU`, less one.
pub(super) const LOCKED: i16 = 0;
pub(super) const MTU: i16 = 1;
/// `IPV6_MIN_MTU`.
pub(super) const IPV6_LEAST: i32 = 1280;
/// `IP_MAX_MTU`.
const IPV4_MOST: i32 = 0xffff;

/// `dst =` a metric of the `struct dst_metrics` at an address. Clobbers r0 to r5.
pub(super) fn load_metric(asm: &mut Asm, dst: Reg, address: Reg, number: i16) {
    cast(asm, address, "dst_metrics");
    load_metric_of(asm, dst, number);
}

/// The same of r0.
pub(super) fn load_metric_of(asm: &mut Asm, dst: Reg, number: i16) {
    asm.mov(dst, R0);
    kernel::enter(asm, dst, "dst_metrics", "metrics", 4);
    asm.load(Size::W, dst, dst, 4 * number);
}

/// r1 = the MTU that the device at r8 gives packets of a family (include/linux/netdevice.h, `mtu`;
/// include/net/addrconf.h, `__in6_dev_get`). Clobbers r0 to r5.
pub(super) fn device_mtu(asm: &mut Asm, family: Family) {
    cast(asm, R8, "net_device");
    match family {
        Family::Ipv4 => {
            load(asm, R1, R0, "net_device", "mtu", 4);
            limit(asm, family);
        }
        Family::Ipv6 => {
            let [absent, done] = std::array::from_fn(|_| asm.label());
            load(asm, R1, R0, "net_device", "ip6_ptr", 8);
            if_null(asm, R1, absent);
            kernel::enter(asm, R1, "inet6_dev", "cnf", 0);
            load(asm, R1, R1, "ipv6_devconf", "mtu6", 4);
            asm.goto(done);
            asm.place(absent);
            asm.mov_imm(R1, IPV6_LEAST);
            asm.place(done);
        }
    }
}

/// What r1 is at most.
pub(super) fn limit(asm: &mut Asm, family: Family) {
    if family == Family::Ipv4 {
        let short = asm.label();
        asm.jump_imm(Jump::Le, Width::W64, R1, IPV4_MOST, short);
        asm.mov_imm(R1, IPV4_MOST);
        asm.place(short);
    }
}

/// r9, an MTU, becomes less by what the `struct lwtunnel_state` at r1 adds to packets, 0 for none
/// (include/net/lwtunnel.h, `lwtunnel_headroom`). Clobbers r0 to r5.
pub(super) fn less_headroom(asm: &mut Asm) {
    /// `LWTUNNEL_STATE_OUTPUT_REDIRECT` and `LWTUNNEL_STATE_XMIT_REDIRECT`.
    const REDIRECTS: i32 = 1 | 4;
    let [adds, done] = std::array::from_fn(|_| asm.label());
    if_null(asm, R1, done);
    cast(asm, R1, "lwtunnel_state");
    load(asm, R1, R0, "lwtunnel_state", "flags", 2);
    asm.jump_imm(Jump::Set, Width::W64, R1, REDIRECTS, adds);
    asm.goto(done);
    asm.place(adds);
    load(asm, R1, R0, "lwtunnel_state", "headroom", 2);
    asm.jump(Jump::Ge, Width::W64, R1, R9, done);
    asm.alu(Alu::Sub, Width::W64, R9, R1);
    asm.place(done);
}
