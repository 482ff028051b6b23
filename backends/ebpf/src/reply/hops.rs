//! How far an answer may go: time to live and hop limit, as this host is set up. Routes can say
//! otherwise to the kernel (`ip4_dst_hoplimit`, include/net/route.h; `ip6_dst_hoplimit`,
//! net/ipv6/output_core.c), not to a program.

use crate::asm::{Asm, Jump, R1, R2, R3, Size, Width};
use crate::emitter::Emitter;
use crate::kernel::{Reading, Way, copy_field, enter, field, xdp};
use bpfc_ir::{Device, Family};

/// What counts where a device says nothing (`IPV6_DEFAULT_HOPLIMIT`).
const DEFAULT: i32 = 64;

/// r1 = `net.ipv4.ip_default_ttl`, or `net.ipv6.conf.*.hop_limit` of the packet's device. Clobbers
/// r0 to r5 and the 8 bytes below r10.
pub(super) fn load(emitter: &Emitter<'_>, asm: &mut Asm, family: Family) {
    let [none, known] = std::array::from_fn(|_| asm.label());
    Reading::of(emitter).emit(asm, |asm, way| match (family, way) {
        (Family::Ipv4, Way::Typed) => {
            emitter.target.load_net(asm, R2);
            asm.add_field_offset(R2, field("net", "ipv4", 0));
            let ttl = field("netns_ipv4", "sysctl_ip_default_ttl", 1);
            asm.load_field(Size::B, R1, R2, ttl);
        }
        (Family::Ipv6, Way::Typed) => {
            emitter.target.load_device(asm, R2, Device::In);
            asm.load_field(Size::D, R2, R2, field("net_device", "ip6_ptr", 8));
            asm.jump_imm(Jump::Eq, Width::W64, R2, 0, none);
            asm.add_field_offset(R2, field("inet6_dev", "cnf", 0));
            asm.load_field(Size::W, R1, R2, field("ipv6_devconf", "hop_limit", 4));
        }
        // At XDP alone.
        (Family::Ipv4, Way::Copied) => {
            xdp::copy_device(asm, R3);
            copy_field(asm, R3, R3, "net_device", "nd_net", 8);
            enter(asm, R3, "net", "ipv4", 0);
            copy_field(asm, R1, R3, "netns_ipv4", "sysctl_ip_default_ttl", 1);
        }
        (Family::Ipv6, Way::Copied) => {
            xdp::copy_device(asm, R3);
            copy_field(asm, R3, R3, "net_device", "ip6_ptr", 8);
            asm.jump_imm(Jump::Eq, Width::W64, R3, 0, none);
            enter(asm, R3, "inet6_dev", "cnf", 0);
            copy_field(asm, R1, R3, "ipv6_devconf", "hop_limit", 4);
        }
    });
    if family == Family::Ipv6 {
        asm.jump_imm(Jump::Ne, Width::W64, R1, 0, known);
        asm.place(none);
        asm.mov_imm(R1, DEFAULT);
        asm.place(known);
    }
}
